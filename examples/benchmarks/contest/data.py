"""What is trained on: scikit-learn's sets, real ones from a folder, or random ones of their shape.

The folder is named by the environment variable SKDNN_DATA: mnist.npz, imdb_train.csv.gz and
malaria_50x50.npz, as in the lectures' examples.
"""

import csv
import functools
import gzip
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.datasets import load_digits, make_moons
from sklearn.feature_extraction.text import CountVectorizer


class Rows(NamedTuple):
    """A data set."""

    X: object
    y: np.ndarray
    note: str = ""


def find(name: str) -> Path | None:
    """Return the path of a file in the data folder, None where it is not."""
    folder = os.environ.get("SKDNN_DATA")
    path = Path(folder) / name if folder else None
    return path if path is not None and path.is_file() else None


def _random_instead(name: str) -> str:
    return f"random data of the same shape and density: no {name} in the folder SKDNN_DATA"


def digits(dtype: str) -> Rows:
    X, y = load_digits(return_X_y=True)
    return Rows((X / 16).astype(dtype), y)


def moons(dtype: str) -> Rows:
    X, y = make_moons(1000, noise=0.04, random_state=3)
    return Rows(X.astype(dtype), y)


@functools.cache
def _mnist_images() -> tuple[np.ndarray, np.ndarray, str]:
    path = find("mnist.npz")
    if path is not None:
        with np.load(path) as file:
            return file["X_train"], file["y_train"].astype(np.int64), ""
    rng = np.random.default_rng(0)
    X = rng.integers(1, 256, size=(60000, 784), dtype=np.uint8)
    # A pixel of MNIST is ink with this probability.
    X[rng.random(X.shape, dtype=np.float32) > 0.19] = 0
    return X, rng.integers(10, size=len(X)), _random_instead("mnist.npz")


def mnist(dtype: str, n_rows: int = 60000) -> Rows:
    X, y, note = _mnist_images()
    return Rows(X[:n_rows].astype(dtype) / np.dtype(dtype).type(255), y[:n_rows], note)


def mnist_test(dtype: str) -> Rows:
    """Return the test digits; only for where the real set is."""
    path = find("mnist.npz")
    assert path is not None
    with np.load(path) as file:
        X, y = file["X_test"], file["y_test"].astype(np.int64)
    return Rows(X.astype(dtype) / np.dtype(dtype).type(255), y)


@functools.cache
def imdb(n_rows: int = 25000) -> Rows:
    """Return which of the 10,000 most frequent words each review has, float32."""
    path = find("imdb_train.csv.gz")
    if path is not None:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            reviews = list(csv.DictReader(file))
        # The file is sorted by label.
        order = np.random.default_rng(0).permutation(len(reviews))[:n_rows]
        y = np.array([int(reviews[i]["label"]) for i in order])
        words = CountVectorizer(binary=True, max_features=10000, dtype=np.float32)
        return Rows(words.fit_transform(reviews[i]["text"] for i in order), y)
    rng = np.random.default_rng(0)
    X = sparse.random(n_rows, 10000, 0.0132, "csr", np.float32, rng)
    X.data[:] = 1
    return Rows(X, rng.integers(2, size=n_rows), _random_instead("imdb_train.csv.gz"))


def malaria(n_rows: int = 2000) -> Rows:
    """Return grey cell images of 50 x 50 pixels, float32."""
    path = find("malaria_50x50.npz")
    if path is not None:
        with np.load(path) as file:
            X, y = file["X"], file["y"].astype(np.int64)
        rows = np.random.default_rng(0).permutation(len(y))[:n_rows]
        return Rows(X[rows].astype(np.float32) / np.float32(255), y[rows])
    return pixels(n_rows, 2500)._replace(note=_random_instead("malaria_50x50.npz"))


def pixels(n_rows: int, n_columns: int) -> Rows:
    """Return images of random pixels, float32, of two classes."""
    rng = np.random.default_rng(0)
    return Rows(rng.random((n_rows, n_columns), np.float32), rng.integers(2, size=n_rows))


def logistic(n_rows: int, n_columns: int) -> Rows:
    """Return normal features and labels that a logistic model draws from them."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_columns))
    slopes = rng.standard_normal(n_columns) / np.sqrt(n_columns)
    return Rows(X, (rng.random(n_rows) < expit(2 * X @ slopes)).astype(np.int64))
