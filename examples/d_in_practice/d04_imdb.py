"""
D4. Overfitting on film reviews
===============================

IMDb film reviews, for or against the film. Each is the set of those of the 10,000 most frequent
words that it has: a row of zeros and ones. A network of two hidden layers of 16 ReLU units soon
knows its training rows by heart, and the loss on other rows rises. The lecture compares three
remedies: a smaller network, L2 penalties and dropout.

The reviews are read from ``imdb_train.csv.gz`` and ``imdb_test.csv.gz`` (columns `label`, 0 or 1,
and `text`) in the folder that the environment variable ``SKDNN_DATA`` names. By default 10,000
reviews are used, and one network of each kind; ``--full`` takes all 25,000 and five networks of
each kind, and also trains on all 25,000 to validate on the test set.
"""

import argparse
import csv
import gzip
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer

from skdnn import MLPNet
from skdnn.layers import Dense, Dropout
from skdnn.regularizers import L2

# Training for a set number of epochs ends before it converges: here that is what is wanted.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

parser = argparse.ArgumentParser()
parser.add_argument("--full", action="store_true", help="all reviews, five networks, and the test")
full = parser.parse_args().full
folder = Path(os.environ.get("SKDNN_DATA", ""))
files = [folder / f"imdb_{part}.csv.gz" for part in ("train", "test")]
if not all(file.is_file() for file in files):
    raise SystemExit("Set SKDNN_DATA to a folder with imdb_train.csv.gz and imdb_test.csv.gz.")

# %%
# The files are sorted by label: the rows are shuffled. The words become a sparse matrix, which the
# network takes as it is.
n_rows = 25000 if full else 10000
texts, labels = [], []
for file in files[: 2 if full else 1]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    order = np.random.default_rng(0).permutation(len(rows))[:n_rows]
    texts.append([rows[i]["text"] for i in order])
    labels.append(np.array([int(rows[i]["label"]) for i in order]))
words = CountVectorizer(binary=True, max_features=10000, dtype=np.float32)
X, y = words.fit_transform(texts[0]), labels[0]
n = 2 * n_rows // 5
protocols = {f"{n:,} of {n_rows:,} reviews held out": (X[n:], y[n:], X[:n], y[:n])}
if full:
    protocols["all 25,000 reviews, test set"] = X, y, words.transform(texts[1]), labels[1]

# %%
# Layers that differ from the defaults are objects. Keras' way to draw the first weights is
# ``"glorot_uniform"``.
dense = {"activation": "relu", "kernel_initializer": "glorot_uniform"}
networks = {
    "16-16-1": ([Dense(16, **dense), Dense(16, **dense)], "rises from epoch 6"),
    "4-4-1": ([Dense(4, **dense), Dense(4, **dense)], "from epoch 10"),
    "L2 0.001": (
        [Dense(16, kernel_regularizer=L2(0.001), **dense) for _ in range(2)],
        "rises much slower",
    ),
    "dropout 0.5": (
        [Dense(16, **dense), Dropout(0.5), Dense(16, **dense), Dropout(0.5)],
        "slightly better than none",
    ),
}

# %%
# Each is trained by RMSprop for 20 epochs, and looks at the validation rows after each. The loss
# there has no penalty in it. The lecture's batches of 512 are 30 steps an epoch; on fewer reviews
# smaller batches give as many. Where there are five networks, the figures are medians.
net = MLPNet(solver="rmsprop", epsilon=1e-7, alpha=0.0, batch_size=512 if full else 200)
net.set_params(max_iter=20, n_iter_no_change=np.inf)
figure, panels = plt.subplots(
    1, len(protocols), squeeze=False, sharey=True, figsize=(5.5 * len(protocols), 4)
)
figure.set_layout_engine("constrained")
for ax, (title, (X_train, y_train, X_val, y_val)) in zip(panels[0], protocols.items(), strict=True):
    print(f"Validation loss, {title}")
    for name, (layers, lecture) in networks.items():
        losses = []
        for seed in range(5 if full else 1):
            net.set_params(hidden_layers=layers, random_state=seed)
            net.fit(X_train, y_train, X_val=X_val, y_val=y_val)
            losses.append([row["validation_loss"] for row in net.history_])
        turn, least = np.median(np.argmin(losses, axis=1)) + 2, np.median(np.min(losses, axis=1))
        last = np.median(losses, axis=0)[-1]
        figures = f"rises from epoch {turn:.0f}, lowest {least:.3f}, in the end {last:.3f}"
        print(f"  {name:12}{figures} (lecture: {lecture})")
        ax.plot(np.arange(1, 21), np.median(losses, axis=0), label=name)
    ax.set(title=title, xlabel="epoch", xticks=range(0, 21, 5))
    ax.grid(color="0.9")
    ax.legend()
panels[0, 0].set_ylabel("validation loss")

# %%
# All three rise more slowly. Which has the lowest loss is decided by the draw of the weights where
# there is one network of each: here the smaller one and that with dropout stay above the first,
# where the medians of ``--full`` have dropout slightly below it, as in the lecture: 0.283 and
# 0.287.
plt.show()
