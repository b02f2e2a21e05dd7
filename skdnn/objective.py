"""Loss and gradient over all rows, as functions of the flat vector of parameters."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdnn import engine
from skdnn.network import Network
from skdnn.threads import run_parts

# The rows are summed up in parts, which threads share: of so many numbers or more, at most so many.
# They do not depend on the number of threads, and so neither does the order of the sum.
_PART_NUMBERS, _MOST_PARTS = 2**19, 16


class Part:
    """Some of the rows, with the room that a pass over them needs.

    Attributes
    ----------
    data : engine.Data
    begin, n_rows : int
        The place of the first among all rows, and how many there are.
    out, room : ndarray of shape (n_numbers,)
        For a vector like the parameters, and for a part of it.
    work : ndarray
    """

    def __init__(self, network: Network, data: Any, begin: int, n_rows: int, chunk: int) -> None:
        self.data, self.begin, self.n_rows = data, begin, n_rows
        self.out = np.zeros(network.n_numbers, network.dtype)
        self.room = np.zeros(network.n_numbers, network.dtype)
        self.work = network.workspace(data, chunk)


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
    n_threads : int
        How many threads may work on it.
    """

    def __init__(
        self, network: Network, X: Any, y: Any, weight: Any = None, order: Any = None
    ) -> None:
        self.network, self.n_threads = network, 1
        self.n_rows = X.shape[0] if order is None else len(order)
        self.data = engine.as_data(X, network.dtype, y, weight, order)
        self._rows = network.gradient_rows(self.data, self.n_rows)
        self.table = network.bound("inference", self.data)
        self.bound = network.bound_objective()
        self._lowest = engine.first_trained(network.inference)
        self.parts = self._cut()
        self.n_evaluations = 0

    def _cut(self) -> list[Part]:
        """Return the rows in parts; a part's sums are to cost less than its rows."""
        numbers = len(self.data.values) or self.n_rows * self.network.n_features
        largest = max(_PART_NUMBERS, 4 * self.network.n_params)
        n_parts = max(1, min(_MOST_PARTS, numbers // largest, self.n_rows // self._rows))
        bounds = [i * self.n_rows // n_parts for i in range(n_parts + 1)]
        parts = []
        for begin, end in itertools.pairwise(bounds):
            data = engine.part_of(self.data, begin, end) if n_parts > 1 else self.data
            parts.append(Part(self.network, data, begin, end - begin, self._rows))
        return parts

    def run(self, function: Callable[[Part], Any]) -> list:
        """Return what a function gives for each part, on as many threads as there may be."""
        return run_parts(function, self.parts, self.n_threads)

    def summed(self, function: Callable[[Part], Any]) -> tuple[list, NDArray]:
        """Return what a function gives for each part, and the sum of the vectors it leaves."""
        given = self.run(function)
        total = self.parts[0].out.copy()
        for part in self.parts[1:]:
            total += part.out
        return given, total

    def _mean(self, sums: list[tuple[float, float]], params: NDArray) -> tuple[float, float, float]:
        """Return the mean loss, the penalties, and the rows' weight."""
        loss, weight = (sum(values) for values in zip(*sums, strict=True))
        return loss / weight, engine.penalty(self.table, params, weight), weight

    def _loss(self, params: NDArray) -> tuple[float, float]:
        self.n_evaluations += 1
        about, seed = (self.table, self.bound, params), np.uint64(0)
        sums = self.run(
            lambda p: engine.summed_loss(p.data, p.n_rows, *about, p.work, self._rows, seed)
        )
        return self._mean(sums, params)[:2]

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
        sums, gradient = self.summed(lambda part: self.sum_gradient(part, params))
        loss, penalty, weight = self._mean(sums, params)
        engine.finish_gradient(self.table, params, gradient, weight)
        return loss + penalty, gradient

    def sum_gradient(self, part: Part, params: NDArray) -> tuple[float, float]:
        """Return a part's summed loss and weight; leave the sum's gradient."""
        return engine.summed_loss_and_gradient(
            part.data,
            part.n_rows,
            self.table,
            self.bound,
            self._lowest,
            params,
            part.out,
            part.room,
            part.work,
            self._rows,
            np.uint64(0),
        )
