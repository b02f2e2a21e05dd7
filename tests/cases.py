"""Estimators as the parameter of tests, and a task that each of them can learn."""

import numpy as np
import pytest
from sklearn.base import is_classifier


def each(estimators):
    """Parametrise by estimators."""
    names = [type(estimator).__name__ for estimator in estimators]
    return pytest.mark.parametrize("model", estimators, ids=names, indirect=True)


def task(model, n=150):
    """Return features, the last of which is noise, and targets."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, 5))
    if is_classifier(model):
        scores = X[:, :4] @ [[3, 0, 0], [0, 3, 0], [0, 0, 3], [3, -3, 0]]
        return X, (scores + rng.normal(size=(n, 3))).argmax(axis=1)
    return X, X[:, :4] @ [1.0, 0.8, -0.6, 0.5] + rng.normal(scale=0.2, size=n)


def output(model, X):
    """Return the finest output there is."""
    return model.predict_proba(X) if is_classifier(model) else model.predict(X)
