"""The rows on a cluster, seen from the client: who has them, and sums over them."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdnn.distributed.collections import blocks_of
from skdnn.distributed.partition import (
    Block,
    Partition,
    Request,
    Sums,
    count_rows,
    first_rows,
    merge,
    size_of,
    sum_rows,
)
from skdnn.network import Network

# So many rows show what the features and targets are like.
_HEAD_ROWS = 5


class Blocks:
    """The user's collections, loaded by the workers.

    Parameters
    ----------
    client : distributed.Client
    X, y, sample_weight
        Dask collections; weights may be None.
    labels : bool
        Whether the labels among `y` are wanted.

    Attributes
    ----------
    futures : list of Future
        Of `Block`; freed by `partition`.
    labels, label_weights : ndarray
        The labels, sorted, and the weight of the rows of each.
    fullest : int
        The number of the partition of the most rows.
    head : Block
        The first rows of that.
    """

    def __init__(self, client: Any, X: Any, y: Any, sample_weight: Any, labels: bool):
        self.client = client
        self.futures = client.compute(blocks_of(X, y, sample_weight))
        numbers = range(len(self.futures))
        about = {"labels": labels, "pure": False}
        counted = client.gather(client.map(count_rows, self.futures, numbers, **about))
        sizes = [n_rows for n_rows, _, _ in counted]
        if not any(sizes):
            raise ValueError("Found no rows: all partitions of X are empty.")
        found, place = np.unique(
            np.concatenate([own for n_rows, own, _ in counted if n_rows]), return_inverse=True
        )
        weights = np.concatenate([own for n_rows, _, own in counted if n_rows])
        self.labels = found
        self.label_weights = np.bincount(place, weights, minlength=len(found))
        self.fullest = int(np.argmax(sizes))
        given = self.futures[self.fullest], _HEAD_ROWS
        self.head: Block = client.submit(first_rows, *given, pure=False).result()

    def partition(self, estimator: Any, network: Network) -> "Partitions":
        """Return the rows as a network is trained on them."""
        about = {"estimator": estimator, "network": network, "pure": False}
        numbers = range(len(self.futures))
        futures = self.client.map(Partition, self.futures, numbers, **about)
        # The cluster keeps what they are made from only until they are made.
        self.futures = []
        return Partitions(self.client, network, futures)


class Partitions:
    """The rows that a network is trained on, each where one of the workers has it.

    Parameters
    ----------
    client : distributed.Client
    network : Network
    futures : list of Future
        Of `Partition`.

    Attributes
    ----------
    lengths : ndarray of int64 of shape (n_partitions,)
        How many rows each has that count.
    n_rows : int
    weight : float
        The rows' weight.
    """

    def __init__(self, client: Any, network: Network, futures: list):
        self.client, self.network, self._futures = client, network, futures
        sizes = client.gather(client.map(size_of, futures, pure=False))
        self.lengths = np.array([n_rows for n_rows, _ in sizes], np.int64)
        self.n_rows, self.weight = int(self.lengths.sum()), sum(weight for _, weight in sizes)
        if not self.weight > 0:
            raise ValueError("sample_weight leaves no sample of positive weight.")
        self.locate()

    def __len__(self) -> int:
        return len(self._futures)

    def locate(self) -> None:
        """Share the partitions out to the workers: each has what it holds, up to its part of all.

        The others go to those that have room: workers that have joined, or come in the place of
        one that was lost.
        """
        # Where there is none for the moment, the one that comes first.
        threads = self.client.nthreads() or {None: 1}
        holders = self.client.who_has(self._futures)
        total = sum(threads.values())
        room = {a: math.ceil(len(self) * n / total) for a, n in threads.items()}
        self._groups: dict[str | None, list[int]] = {address: [] for address in threads}
        homeless = []
        for number, future in enumerate(self._futures):
            own = [a for a in holders.get(future.key, ()) if room.get(a, 0) > 0]
            if own:
                room[own[0]] -= 1
                self._groups[own[0]].append(number)
            else:
                homeless.append(number)
        for number in homeless:
            address = max(room, key=lambda a: room[a])
            room[address] -= 1
            self._groups[address].append(number)

    def sums(self, request: Request, begins: NDArray, ends: NDArray) -> Sums:
        """Return the sums over the rows of each partition from a place to another.

        A task for each worker. If it is lost, dask computes its partitions again, and the task, on
        those that are left.
        """
        tasks = []
        for address, numbers in self._groups.items():
            if not numbers:
                continue
            place = {"workers": [address], "allow_other_workers": True} if address else {}
            places = [(int(begins[i]), int(ends[i])) for i in numbers]
            futures = [self._futures[i] for i in numbers]
            given = futures, places, request
            tasks.append(self.client.submit(sum_rows, *given, pure=False, **place))
        found: dict[tuple[int, int], Sums] = {}
        for sums in self.client.gather(tasks):
            found |= sums
        (total,) = merge(found, len(self)).values()
        return total

    def rows_before(self, n_rows: int) -> NDArray:
        """Return how many rows of each partition are among the first ones of an epoch.

        Row j, from 1, of a partition of n rows is visited at j / n of the epoch: each batch has of
        each partition as many rows as is its share in all, to one row. (D'Hondt's method of
        apportionment, which gives at least the share rounded down.)
        """
        lengths = self.lengths
        counts = lengths * n_rows // self.n_rows
        # Of an empty partition the first row would be visited at infinity.
        with np.errstate(divide="ignore"):
            for _ in range(n_rows - int(counts.sum())):
                counts[np.argmin((counts + 1) / lengths)] += 1
        return counts
