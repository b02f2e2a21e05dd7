"""
D3. MNIST
=========

Handwritten digits, 60,000 to learn from and 10,000 to test on: images of 28 x 28 pixels, scaled to
[0, 1] and flattened to 784 numbers. One hidden layer of 512 ReLU units and a softmax of 10, trained
by RMSprop in batches of 128.

Three epochs by default; ``--full`` trains three networks, from three seeds, for ten epochs each.
The images are read from ``mnist.npz`` (arrays `X_train`, `y_train`, `X_test`, `y_test`) in the
folder that the environment variable ``SKDNN_DATA`` names, or else fetched from OpenML.
"""

import argparse
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.metrics import ConfusionMatrixDisplay

from skdnn import MLPNet
from skdnn.displays import HistoryDisplay, WeightsDisplay

parser = argparse.ArgumentParser()
parser.add_argument("--full", action="store_true", help="ten epochs, three networks")
full = parser.parse_args().full

path = Path(os.environ.get("SKDNN_DATA", "")) / "mnist.npz"
if path.is_file():
    with np.load(path) as file:
        X_train, y_train, X_test, y_test = (
            file[name] for name in ("X_train", "y_train", "X_test", "y_test")
        )
else:
    # It warns before each further try.
    warnings.filterwarnings("ignore", module="sklearn.datasets")
    try:
        X, y = fetch_openml("mnist_784", return_X_y=True, as_frame=False)
    except OSError as error:
        raise SystemExit(
            f"MNIST could not be fetched ({error}): set SKDNN_DATA to a folder with mnist.npz."
        ) from None
    # The first 60,000 are those to learn from.
    X_train, X_test, y_train, y_test = X[:60000], X[60000:], y[:60000], y[60000:]

# %%
# The network computes in the type of the data. In float32 it is twice as fast as in float64.
X_train, X_test = X_train.astype(np.float32) / 255, X_test.astype(np.float32) / 255
print(f"training set: {X_train.shape} (lecture: 60,000 rows of 784)")
print(f"test set:     {X_test.shape} (lecture: 10,000 rows of 784)")

# %%
# `rho` and `epsilon` are those that RMSprop has in Keras. ``n_iter_no_change=inf`` asks for exactly
# `max_iter` epochs. The test digits are looked at after each epoch, but nothing is chosen by them.
accuracies = []
for seed in range(3 if full else 1):
    net = MLPNet(
        (512,),
        activation="relu",
        solver="rmsprop",
        rho=0.9,
        epsilon=1e-7,
        learning_rate_init=0.001,
        alpha=0.0,
        batch_size=128,
        max_iter=10 if full else 3,
        n_iter_no_change=np.inf,
        random_state=seed,
    )
    net.fit(X_train, y_train, X_val=X_test, y_val=y_test)
    accuracies.append(net.score(X_test, y_test))
    seconds = sum(row["seconds"] for row in net.history_)
    print(f"seed {seed}: {net.n_iter_} epochs in {seconds:.1f} s")
print(f"test accuracy: {np.mean(accuracies):.4f} (lecture: no figure; Keras' example has 0.98)")

# %%
# Ten epochs bring three networks to 0.982 in the mean, three epochs one of them to 0.980.
print(net.summary(X_train.shape[1], 10))
display = HistoryDisplay.from_estimator(net, panels=["loss", "score"])
display.axes_["score"].set_ylabel("test accuracy")

# %%
# What it mistakes for what. The diagonal, nearly all of the digits, is left out of the colours.
figure, ax = plt.subplots(figsize=(5.5, 5), layout="constrained")
matrix = ConfusionMatrixDisplay.from_estimator(
    net, X_test, y_test, ax=ax, cmap="Oranges", colorbar=False
)
# Up to half the range of colours, on which the numbers can be read.
matrix.im_.set_clim(0, 2 * matrix.confusion_matrix[~np.eye(10, dtype=bool)].max())

# %%
# The weights from the pixels to the first 24 hidden units, as images: strokes and spots.
WeightsDisplay.from_estimator(net, feature_shape=(28, 28), max_units=24)
plt.show()
