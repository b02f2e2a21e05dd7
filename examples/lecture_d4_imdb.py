"""Lecture D4: what holds off overfitting on film reviews: a smaller network, L2, dropout.

25,000 IMDb reviews, each the set of those of the 10,000 most frequent words that it has (a sparse
matrix), and networks of two hidden ReLU layers trained by rmsprop in batches of 512 for 20 epochs.
The lecture watches the loss on rows that are not trained on, as Chollet's book Deep Learning with
Python does: on 10,000 of the 25,000, held out, or, training on all of them, on the test set. The
figures here are medians of five networks: now and then one begins with units that all stand for the
same class, and learns slowly. Half a minute:

    SKDNN_DATA=folder python examples/lecture_d4_imdb.py [--plot curves.png]

The folder holds imdb_train.csv.gz and imdb_test.csv.gz, with columns label (0 or 1) and text. The
quick size is --rows 2000 --epochs 3 --seeds 1.
"""

import argparse
import csv
import gzip
import os
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer

from skdnn import MLPNet
from skdnn.layers import Dense, Dropout
from skdnn.regularizers import L2

# Training for a set number of epochs ends before it converges: here that is what is wanted.
warnings.filterwarnings("ignore", category=ConvergenceWarning)


def dense(units, **more):
    return Dense(units, activation="relu", kernel_initializer="glorot_uniform", **more)


NETWORKS = {
    "16-16-1": ([dense(16), dense(16)], "rises from epoch 6 on"),
    "4-4-1": ([dense(4), dense(4)], "from epoch 10 on"),
    "L2 0.001": ([dense(16, kernel_regularizer=L2(0.001)) for _ in range(2)], "much slower"),
    "dropout": ([dense(16), Dropout(0.5), dense(16), Dropout(0.5)], "slightly better than none"),
}


def read(path, n_rows):
    """Return texts and labels, shuffled: the files are sorted by label."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = [rows[i] for i in np.random.RandomState(0).permutation(len(rows))[:n_rows]]
    return [row["text"] for row in rows], np.array([int(row["label"]) for row in rows])


def validation_losses(layers, train, validation, epochs, n_seeds):
    """Return the validation loss by seed and epoch."""
    # Keras' rmsprop, no penalty but the layers' own, and nothing that ends the training earlier.
    net = MLPNet(hidden_layers=layers, solver="rmsprop", epsilon=1e-7, alpha=0.0, batch_size=512)
    net.set_params(max_iter=epochs, n_iter_no_change=np.inf)
    losses = []
    for seed in range(n_seeds):
        net.set_params(random_state=seed).fit(*train, X_val=validation[0], y_val=validation[1])
        losses.append([row["validation_loss"] for row in net.history_])
    return np.array(losses)


def plot(curves, path):
    from matplotlib.figure import Figure

    # Without pyplot, which would look for a screen.
    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = figure.subplots(1, len(curves), sharey=True)
    for axes, (title, losses) in zip(panels, curves.items(), strict=True):
        for name, curve in losses.items():
            axes.plot(1 + np.arange(len(curve)), curve, label=name)
        axes.set(title=title, xlabel="epoch", xticks=range(0, len(curve) + 1, 5))
        axes.legend()
    panels[0].set_ylabel("validation loss")
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=25000, help="reviews of each file")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5, help="networks of each kind")
    parser.add_argument("--plot", help="PNG file for the curves; needs matplotlib")
    args = parser.parse_args()
    if args.plot and find_spec("matplotlib") is None:
        parser.error("--plot needs matplotlib")
    if "SKDNN_DATA" not in os.environ:
        print("Set SKDNN_DATA to a folder with imdb_train.csv.gz and imdb_test.csv.gz; skipped.")
        return
    folder = Path(os.environ["SKDNN_DATA"])
    texts, y = read(folder / "imdb_train.csv.gz", args.rows)
    texts_test, y_test = read(folder / "imdb_test.csv.gz", args.rows)
    words = CountVectorizer(binary=True, max_features=10000, dtype=np.float32)
    X, X_test = words.fit_transform(texts), words.transform(texts_test)
    n = 2 * len(y) // 5
    protocols = {
        f"{n} of {len(y)} rows held out": ((X[n:], y[n:]), (X[:n], y[:n])),
        f"all {len(y)} rows, test set": ((X, y), (X_test, y_test)),
    }
    curves = {}
    for title, (train, validation) in protocols.items():
        print(f"{title}\n          lowest at epoch   loss    last loss")
        curves[title] = {}
        for name, (layers, lecture) in NETWORKS.items():
            losses = validation_losses(layers, train, validation, args.epochs, args.seeds)
            curves[title][name] = np.median(losses, axis=0)
            at, low, last = losses.argmin(axis=1) + 1, losses.min(axis=1), losses[:, -1]
            print(
                f"{name:10}{np.median(at):4.0f} ({at.min()} to {at.max()})".ljust(25),
                f"{np.median(low):7.3f}{np.median(last):13.3f}  (lecture: {lecture})",
            )
    if args.plot:
        plot(curves, args.plot)


if __name__ == "__main__":
    main()
