"""Training on rows that a cluster has: each step is made by the client, along summed gradients."""

import math

import numpy as np
from numpy.typing import NDArray

from skdnn import engine
from skdnn.distributed.cluster import Partitions
from skdnn.distributed.partition import Request
from skdnn.stochastic import Batches, Epochs, Optimization


class ClusterBatches(Batches):
    """Batches of rows that a cluster has: of each partition its share.

    Parameters
    ----------
    partitions : Partitions
    size : int
        Rows in a batch; the last one may have fewer.
    seed : int, default=None
        Makes the order of the rows inside the partitions, with the number of the epoch; None for
        the order that they have.

    Attributes
    ----------
    partitions, seed
        As given. The other attributes are those of `Batches`; `data` and `work` are of no rows,
        because the workers have them, and bring them into their order.
    """

    def __init__(self, partitions: Partitions, *, size: int, seed: int | None = None):
        network = partitions.network
        nothing = engine.as_data(np.empty((0, network.n_features)), network.dtype)
        super().__init__(network, nothing, size=size, shuffle=False)
        self.partitions, self.seed = partitions, seed
        self.n_rows, self.weight = partitions.n_rows, partitions.weight
        self.most_threads, self.work = 1, np.empty(0, network.dtype)

    def request(self, table: str, params: NDArray, epoch: int, masks: tuple[int, ...]) -> Request:
        """Return what asks for sums in an epoch."""
        shuffle = None if self.seed is None else (self.seed, epoch)
        return Request(table, params, len(self.partitions), shuffle, masks)

    def epochs(self, optimization: Optimization, params: NDArray, n_threads: int) -> Epochs:
        """Return what trains on these batches for epochs."""
        return ClusterEpochs(optimization, self, params, n_threads)

    def first_loss(self, params: NDArray) -> float:
        """Return the mean loss of the first batch."""
        request, ends = self.request("inference", params, 0, (0,)), self.rows_before(1)
        sums = self.partitions.sums(request, np.zeros_like(ends), ends)
        return sums.loss / sums.weight * self.network.value_scale

    def rows_before(self, k: int) -> NDArray:
        """Return how many rows of each partition are in the first `k` batches."""
        return self.partitions.rows_before(min(k * self.size, self.n_rows))


class ClusterEpochs(Epochs):
    """Epochs of batches that a cluster has."""

    _batches: ClusterBatches

    def _train(self) -> float:
        batches, total = self._batches, 0.0
        batches.partitions.locate()
        ends = batches.rows_before(0)
        for k in range(len(self._steps)):
            begins, ends = ends, batches.rows_before(k + 1)
            value = self._step(k, begins, ends)
            if not math.isfinite(value):
                return value
            total += value * int((ends - begins).sum())
        return total / batches.n_rows

    def _step(self, k: int, begins: NDArray, ends: NDArray) -> float:
        """Make a step; return the objective before it."""
        batches, step, optimization = self._batches, self._steps[k : k + 1], self._optimization
        number = int(self._counts[0]) + k
        masks = int(optimization.seed), number
        request = batches.request("layers", self._params, optimization.epochs, masks)
        sums = batches.partitions.sums(request, begins, ends)
        step["loss"], step["weight"] = sums.loss / sums.weight, sums.weight
        if not math.isfinite(sums.loss):
            return sums.loss
        batches.gradient[:] = sums.gradient
        where = batches.data, self._layers, self._blocks, self._variables
        engine.step_along(*where, self._settings, self._steps, k, number + 1, batches.work)
        return float(step["loss"][0] * batches.network.value_scale + step["penalty"][0])


class ClusterObjective:
    """A network's mean loss over all rows of a cluster plus its L2 penalties, as at prediction.

    Parameters
    ----------
    partitions : Partitions

    Attributes
    ----------
    network : Network
    parts : tuple
        None of the rows are here.
    """

    def __init__(self, partitions: Partitions):
        self.partitions, self.network = partitions, partitions.network
        self.parts: tuple = ()
        self.n_threads = 1

    def loss_and_gradient(self, params: NDArray) -> tuple[float, NDArray]:
        """Return the objective at `params` and its gradient, a new array; 0 by the statistics."""
        loss, penalty, gradient = self._evaluate(params)
        return loss + penalty, gradient

    def reported_loss(self, params: NDArray) -> float:
        """Return the objective as it is reported: some losses as their mean over the outputs."""
        loss, penalty, _ = self._evaluate(params)
        return loss * self.network.value_scale + penalty

    def _evaluate(self, params: NDArray) -> tuple[float, float, NDArray]:
        """Return the mean loss, the penalties, and the objective's gradient."""
        net, partitions = self.network, self.partitions
        partitions.locate()
        request = Request("inference", params, len(partitions))
        ends = partitions.lengths
        sums = partitions.sums(request, np.zeros_like(ends), ends)
        table, gradient = net.bound("inference"), np.zeros(net.n_numbers, net.dtype)
        gradient[: net.n_params] = sums.gradient
        engine.finish_gradient(table, params, gradient, sums.weight)
        return sums.loss / sums.weight, engine.penalty(table, params, sums.weight), gradient
