"""The rows that are not trained on, and what is measured on them after each epoch."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing

from skdnn.network import Network


@dataclass
class Evaluation:
    """Rows to validate on.

    Attributes
    ----------
    estimator : estimator instance
        Whose network is validated.
    network : Network
    X : ndarray or CSR matrix
    y : array-like
        The targets as the user gave them.
    targets : ndarray of shape (n_samples, n_targets)
        The targets as the network wants them.
    weight : ndarray of shape (n_samples,), default=None
    rows : ndarray of int64, default=None
        Which rows of these; None for all.
    """

    estimator: Any
    network: Network
    X: Any
    y: Any
    targets: NDArray
    weight: NDArray | None = None
    rows: NDArray | None = None

    def __post_init__(self) -> None:
        if self.rows is not None:
            self.targets = self.targets[self.rows]
            self.weight = None if self.weight is None else self.weight[self.rows]
        self._scorer: Any = None
        if self.estimator.scoring not in (None, "loss"):
            self._scorer = check_scoring(self.estimator, self.estimator.scoring)
            if self.rows is not None:
                self._scored = (_safe_indexing(self.X, self.rows), self.y[self.rows])
            else:
                self._scored = (self.X, self.y)

    def __call__(self, params: NDArray) -> tuple[float, float]:
        """Return the mean loss, without penalties, and the score; the larger the better."""
        scores = self.network.scores(self.X, params, self.rows)
        loss = self.network.mean_loss(scores, self.targets, self.weight)
        if self.estimator.scoring == "loss":
            return loss, -loss
        if self._scorer is None:
            return loss, self.estimator._score_outputs(self.targets, scores, self.weight)
        return loss, self._score(params)

    def _score(self, params: NDArray) -> float:
        """Return the scorer's score of the network as it is."""
        model = copy.copy(self.estimator)
        model._show(self.network.views(params))
        # The rows are arrays, whatever the table that they come from.
        model.__dict__.pop("feature_names_in_", None)
        weight = {} if self.weight is None else {"sample_weight": self.weight}
        score = self._scorer(model, *self._scored, **weight)
        return float(score) if np.isfinite(score) else np.nan
