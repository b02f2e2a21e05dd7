"""What a linear model minimises, as a function of two of its weights."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_consistent_length

from skdnn.displays.fitted import dense_layers
from skdnn.layers import Dense
from skdnn.network import Network
from skdnn.validation import check_row_weights, check_rows

# So many scores are evaluated at once.
_SCORES_AT_ONCE = 2**20


def losses_at(
    network: Any, X: Any, y: Any, sample_weight: Any, pair: Any, neuron: Any, points: Any
) -> NDArray:
    """Return what a linear model minimises, where two of its weights are those of each point.

    Parameters
    ----------
    network : estimator instance
        A linear model of skdnn.
    X, y, sample_weight
        What it was fitted to.
    pair : list of two int
        Which weights: numbers of features, or `n_features_in_` for the intercept.
    neuron : int
        Of which neuron. All other weights have their fitted values.
    points : ndarray of shape (n_points, 2)

    Returns
    -------
    losses : ndarray of shape (n_points,)
        The mean loss of the rows plus the penalties, as in `loss_curve_`.
    """
    X = check_rows(network, X)
    check_consistent_length(X, y, sample_weight)
    (coef,), (intercept,) = dense_layers(network)
    weights = np.vstack([coef, intercept]).astype(float)
    weights[pair, neuron] = 0
    scores = safe_sparse_dot(X, weights[:-1], dense_output=True) + weights[-1]
    columns = [_column(X, i) for i in pair]
    targets, weight, loss = _targets(network, X, y, sample_weight, scores.shape[1])
    layer = Network(X.shape[1], [Dense(scores.shape[1])], loss)
    values = []
    n_chunks = math.ceil(len(points) * scores.size / _SCORES_AT_ONCE)
    for chunk in np.array_split(points, min(n_chunks, len(points))):
        z = np.repeat(scores[None], len(chunk), axis=0)
        z[:, :, neuron] += chunk @ columns
        z = z.reshape(-1, scores.shape[1])
        layer.loss.evaluate(layer.objective, z, np.tile(targets, (len(chunk), 1)), np.empty_like(z))
        rows = z.sum(axis=1).reshape(len(chunk), -1)
        values.append(np.average(rows, axis=1, weights=weight))
    total = len(targets) if weight is None else weight.sum()
    return np.concatenate(values) + _penalties(network, total, weights[:-1], pair, points)


def _column(X: Any, i: int) -> Any:
    """Return a feature of all rows, or what an intercept is multiplied by."""
    if i == X.shape[1]:
        return np.ones(X.shape[0])
    return X[:, [i]].toarray().ravel() if issparse(X) else X[:, i]


def _targets(network: Any, X: Any, y: Any, sample_weight: Any, n_outputs: int) -> Any:
    """Return targets and weights of the rows, and the name of the loss."""
    if not is_classifier(network):
        targets = np.asarray(y, dtype=float).reshape(X.shape[0], -1)
        return targets, check_row_weights(X, sample_weight)[0], "squared_error"
    labels = LabelEncoder().fit(network.classes_).transform(y)
    about = {"class_weight": network.class_weight, "classes": network.classes_, "labels": labels}
    weight, _ = check_row_weights(X, sample_weight, **about)
    return (
        labels[:, None].astype(float),
        weight,
        "binary_log_loss" if n_outputs == 1 else "log_loss",
    )


def _penalties(network: Any, total: float, weights: Any, pair: Any, points: Any) -> Any:
    """Return the penalties where the two weights, here zero, are those of each point."""
    l1, l2 = network._penalties(total)
    # Without the intercept, which has none.
    own = points[:, np.array(pair) < len(weights)]
    absolute = np.abs(weights).sum() + np.abs(own).sum(axis=1)
    squares = (weights**2).sum() + (own**2).sum(axis=1)
    return l1 * absolute + l2 / 2 * squares
