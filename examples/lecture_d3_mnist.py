"""Lecture D3: MNIST, one hidden layer of 512 ReLU units, rmsprop.

Ten epochs in batches of 128, with the settings that rmsprop has in Keras, bring each of three
networks, drawn from three seeds, to 98 % of the test digits. Half a minute:

    SKDNN_DATA=folder python examples/lecture_d3_mnist.py [--epochs 10] [--rows 60000] [--seeds 3]

The folder holds mnist.npz: X_train (60000, 784), y_train, X_test (10000, 784) and y_test, uint8.
"""

import argparse
import os
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdnn import MLPNet

# Training for a set number of epochs ends before it converges: here that is what is wanted.
warnings.filterwarnings("ignore", category=ConvergenceWarning)


def load(folder, n_rows):
    """Return both sets in [0, 1]; float32 is what the networks then compute in."""
    with np.load(Path(folder) / "mnist.npz") as file:
        X_train, X_test = (file[name].astype(np.float32) / 255 for name in ("X_train", "X_test"))
        return X_train[:n_rows], file["y_train"][:n_rows], X_test, file["y_test"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rows", type=int, default=60000, help="rows to train on")
    parser.add_argument("--seeds", type=int, default=3, help="number of networks")
    args = parser.parse_args()
    if "SKDNN_DATA" not in os.environ:
        print("Set SKDNN_DATA to a folder with mnist.npz; skipped.")
        return
    X_train, y_train, X_test, y_test = load(os.environ["SKDNN_DATA"], args.rows)
    # The first fit in a process compiles the kernels or loads them: not within the seconds below.
    MLPNet((8,), solver="rmsprop", max_iter=1).fit(X_train[:200], y_train[:200])

    accuracies = []
    for seed in range(args.seeds):
        net = MLPNet(
            (512,),
            activation="relu",
            solver="rmsprop",
            rho=0.9,
            epsilon=1e-7,
            learning_rate_init=0.001,
            alpha=0.0,
            batch_size=128,
            max_iter=args.epochs,
            # Nothing ends the training earlier.
            n_iter_no_change=np.inf,
            random_state=seed,
        )
        start = perf_counter()
        net.fit(X_train, y_train)
        seconds = perf_counter() - start
        accuracies.append(net.score(X_test, y_test))
        print(f"seed {seed}: test accuracy {accuracies[-1]:.4f}, {seconds:.1f} s")
    print(f"mean: {np.mean(accuracies):.4f} (lecture: names no figure; the aim is 0.98)")


if __name__ == "__main__":
    main()
