"""How good predictions are, in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error


def describe_scores(model: Any, X: Any, y: np.ndarray) -> str:
    """Say how well a fitted model predicts.

    Parameters
    ----------
    model : estimator
        Fitted.
    X, y : array-like
        Rows that it was not trained on, and their targets.

    Returns
    -------
    str
        Accuracy and log loss, or R2 and root mean squared error. The log loss is left out where
        there are classes that the model does not know, R2 for a single row.
    """
    predicted = model.predict(X)
    if is_classifier(model):
        scores = {"accuracy": accuracy_score(y, predicted)}
        if np.isin(y, model.classes_).all():
            scores["log loss"] = log_loss(y, model.predict_proba(X), labels=model.classes_)
    else:
        scores = {"R2": r2_score(y, predicted)} if len(y) > 1 else {}
        scores["RMSE"] = root_mean_squared_error(y, predicted)
    return ", ".join(f"{name} {score:.4g}" for name, score in scores.items())
