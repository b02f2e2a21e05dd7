"""Data and lists of solvers for the tests of the linear estimators."""

import numpy as np
import pytest
from scipy import sparse

from skdnn import GDLinearRegression, GDLogisticRegression, SoftmaxClassifier

SMOOTH = ["auto", "newton", "lbfgs", "nesterov", "gd"]
SPARSE = ["auto", "newton", "nesterov", "gd"]
CLASSIFIERS = [GDLogisticRegression, SoftmaxClassifier]
ESTIMATORS = [*CLASSIFIERS, GDLinearRegression]
EXACT = {"tol": 1e-8, "max_iter": 20_000}
forms = pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
classes = pytest.mark.parametrize("n_classes", [2, 3])


def classification(n_classes=2, n=200, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 5))
    X[np.abs(X) < 0.3] = 0
    scores = X @ rng.standard_normal((5, n_classes)) + rng.gumbel(size=(n, n_classes))
    return X.astype(dtype), np.array(["one", "three", "two"])[scores.argmax(axis=1)]


def regression(n_targets=1, n=200):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 5)) + 0.5
    coef = np.array([[3.0, 0, -2, 0, 0.1], [0, 1, 0, 2, 0]])[:n_targets]
    y = X @ coef.T + 4 + rng.standard_normal((n, n_targets))
    return X, y if n_targets > 1 else y.ravel()


def data_for(Estimator, **options):
    return regression(**options) if Estimator is GDLinearRegression else classification(**options)
