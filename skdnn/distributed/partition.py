"""What workers do: keep partitions of the rows, and sum losses and gradients over some of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite

from skdnn import engine
from skdnn.frames import check_target
from skdnn.network import Network
from skdnn.threads import one_blas_thread, reserved_threads, run_parts


class Block(NamedTuple):
    """A partition as the user's collections have it.

    Attributes
    ----------
    X, y : array or data frame
    weight : array-like, default=None
    """

    X: Any
    y: Any
    weight: Any = None


@contextmanager
def naming(rows: str) -> Iterator[None]:
    """Let the message of a ValueError say which rows it is about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{rows}: {error}") from error


def count_rows(block: Block, number: int, labels: bool) -> tuple[int, NDArray, NDArray]:
    """Return the number of rows of a block, its labels if they are wanted, and their weights."""
    if not labels:
        return block.y.shape[0], np.empty(0), np.empty(0)
    y = np.asarray(block.y)
    # Labels of which one is missing cannot be sorted.
    with naming(f"Partition {number} of the data"):
        check_target(block.y, False)
        assert_all_finite(y, input_name="y")
    found, place = np.unique(y, return_inverse=True)
    weight = np.ones(len(y)) if block.weight is None else np.asarray(block.weight, float).ravel()
    return len(y), found, np.bincount(place.ravel(), weight, minlength=len(found))


def first_rows(block: Block, n_rows: int) -> Block:
    """Return the first rows of a block."""
    return Block(*(None if part is None else part[:n_rows] for part in block))


class Sums(NamedTuple):
    """The summed loss of some rows, their weight, and the sum's gradient."""

    loss: float
    weight: float
    gradient: NDArray

    def plus(self, other: "Sums") -> "Sums":
        """Return the sums over the rows of both."""
        loss, weight = self.loss + other.loss, self.weight + other.weight
        return Sums(loss, weight, self.gradient + other.gradient)


def merge(sums: dict[tuple[int, int], Sums], n_leaves: int) -> dict[tuple[int, int], Sums]:
    """Add up what is next to each other in a binary tree, the leaves of which are the partitions.

    The keys are the level and the number on it. Who has all that is below a node computes its sum:
    workers first, and at last the client. Which sums are taken, and so the last bit of the
    result, does not depend on who has what.
    """
    sums, level, width = dict(sums), 0, n_leaves
    while width > 1:
        for i in range(0, width, 2):
            left, right = (level, i), (level, i + 1)
            if i + 1 == width and left in sums:
                sums[level + 1, i // 2] = sums.pop(left)
            elif left in sums and right in sums:
                sums[level + 1, i // 2] = sums.pop(left).plus(sums.pop(right))
        level, width = level + 1, -(-width // 2)
    return sums


@dataclass
class Request:
    """What the client asks the workers for: sums at some parameters.

    Attributes
    ----------
    table : str
        Of the network's, "layers" or "inference".
    params : ndarray of shape (n_numbers,)
    n_partitions : int
    shuffle : tuple of int, default=None
        The seed and the number of the epoch, which make each partition's order.
    masks : tuple of int, default=(0,)
        The seed and the number of the step, which make the masks of dropout.
    """

    table: str
    params: NDArray
    n_partitions: int
    shuffle: tuple[int, int] | None = None
    masks: tuple[int, ...] = (0,)


class Partition:
    """Rows that a worker trains on.

    Parameters
    ----------
    block : Block
    number : int
        Its place among the partitions.
    estimator : estimator instance
        That knows features and targets, and checks and encodes them.
    network : Network

    Attributes
    ----------
    n_rows : int
        How many rows count.
    weight : float
        Their weight.
    """

    def __init__(self, block: Block, number: int, estimator: Any, network: Network):
        self.number, self.network = number, network
        with naming(f"Partition {number} of the data"):
            self._load(block, estimator)
        self._ordered: tuple[Any, Any] = None, self.data

    def _load(self, block: Block, estimator: Any) -> None:
        weight, dtype = block.weight, self.network.dtype
        if weight is not None:
            weight = np.asarray(weight)
        sizes = {"X": block.X.shape[0], "y": block.y.shape[0]}
        if weight is not None:
            sizes["sample_weight"] = len(weight)
        if len(set(sizes.values())) > 1:
            raise ValueError(f"its collections have different numbers of rows, {sizes}.")
        if sizes["y"] == 0 or (weight is not None and not weight.any()):
            nothing = np.empty((0, self.network.n_features), dtype)
            self.data = engine.as_data(nothing, dtype, np.empty((0, self.network.n_targets)))
            self.n_rows, self.weight = 0, 0.0
            return
        X, y = estimator._check_data(block.X, block.y, dtype)
        targets = estimator._encode_targets(y)
        weight, kept = estimator._check_weights(X, targets, weight, True)
        self.data = engine.as_data(X, dtype, targets, weight, kept)
        self.n_rows = len(targets) if kept is None else len(kept)
        self.weight = float(self.n_rows if weight is None else weight.sum())

    def _in_order(self, shuffle: tuple[int, int] | None) -> Any:
        """Return the rows as they are visited in an epoch."""
        known, data = self._ordered
        if known == shuffle:
            return data
        data = self.data
        if shuffle is not None:
            order = np.random.default_rng([*shuffle, self.number]).permutation(self.n_rows)
            order = data.order[order] if len(data.order) else order
            data = data._replace(order=engine.read_only(order))
        # One assignment: another thread may be here too.
        self._ordered = shuffle, data
        return data

    def sums(self, begin: int, end: int, request: Request) -> Sums:
        """Return the sums over the rows from place `begin` to place `end`."""
        net, n_rows = self.network, end - begin
        gradient = np.zeros(net.n_params, net.dtype)
        if n_rows == 0:
            return Sums(0.0, 0.0, gradient)
        data = engine.part_of(self._in_order(request.shuffle), begin, end)
        table = net.bound(request.table, data)
        capacity = net.gradient_rows(data, n_rows)
        seed = np.random.SeedSequence([*request.masks, self.number]).generate_state(1, np.uint64)
        loss, weight = engine.summed_loss_and_gradient(
            data,
            n_rows,
            table,
            net.bound_objective(),
            engine.first_trained(table),
            request.params,
            gradient,
            np.zeros_like(gradient),
            net.workspace(data, capacity),
            capacity,
            seed[0],
        )
        return Sums(loss, weight, gradient)


def size_of(partition: Partition) -> tuple[int, float]:
    """Return the number of rows that count, and their weight."""
    return partition.n_rows, partition.weight


def sum_rows(
    partitions: Sequence[Partition], places: Sequence[tuple[int, int]], request: Request
) -> dict[tuple[int, int], Sums]:
    """Return the sums over some rows of each partition, added up as far as possible."""
    from distributed import get_worker

    most = min(len(partitions), get_worker().state.nthreads)
    jobs = list(zip(partitions, places, strict=True))
    with one_blas_thread(), reserved_threads(most) as n_threads:
        found = run_parts(lambda job: job[0].sums(*job[1], request), jobs, n_threads)
    leaves = {(0, partition.number): own for partition, own in zip(partitions, found, strict=True)}
    return merge(leaves, request.n_partitions)
