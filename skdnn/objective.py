"""Loss and gradient over all rows, as functions of the flat vector of parameters."""

import numpy as np
from numpy.typing import NDArray

from skdnn import engine
from skdnn.network import Network


class Objective:
    """A network's mean loss over all rows plus its L2 penalties, as at prediction.

    Parameters
    ----------
    network : Network
        With ``l1=0``; a solver that can handle an L1 penalty adds it itself.
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    y : ndarray of shape (n_samples, n_targets)
    weight : ndarray of shape (n_samples,), default=None
    order : ndarray of int64, default=None
        The rows that count; None for all.

    Attributes
    ----------
    n_evaluations : int
        How often the loss was evaluated, with or without its gradient.
    """

    def __init__(self, network: Network, X, y, weight=None, order=None):
        self.network = network
        self.n_rows = X.shape[0] if order is None else len(order)
        self.data = engine.as_data(X, network.dtype, y, weight, order)
        self._rows = network.chunk_rows(self.n_rows)
        if self.data.row_starts.size:
            # The gradient is summed by chunk: so many rows that this costs less than the rows do.
            chunk = 4 * network.n_params // network.numbers_per_row
            self._rows = min(self.n_rows, max(self._rows, chunk))
        self._work = network.workspace(self.data, self._rows)
        self._part = np.zeros(network.n_numbers, network.dtype)
        self._seed = network.seed(0)
        self.n_evaluations = 0

    def _loss(self, params: NDArray) -> tuple[float, float]:
        self.n_evaluations += 1
        net = self.network
        return engine.mean_loss(
            self.data,
            self.n_rows,
            net.inference,
            net.objective,
            params,
            self._work,
            self._rows,
            self._seed,
        )

    def loss(self, params: NDArray) -> float:
        """Return the objective at `params`."""
        return sum(self._loss(params))

    def reported_loss(self, params: NDArray) -> float:
        """Return the objective as it is reported: some losses as their mean over the outputs."""
        loss, penalty = self._loss(params)
        return loss * self.network.value_scale + penalty

    def loss_and_gradient(self, params: NDArray) -> tuple[float, NDArray]:
        """Return the objective at `params` and its gradient, a new array; 0 by the statistics."""
        self.n_evaluations += 1
        net = self.network
        gradient = np.empty(net.n_numbers, net.dtype)
        value = engine.loss_and_gradient(
            self.data,
            self.n_rows,
            net.inference,
            net.objective,
            params,
            gradient,
            self._part,
            self._work,
            self._rows,
            self._seed,
        )
        return sum(value), gradient
