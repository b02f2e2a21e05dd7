"""The least that dense training can take with this BLAS: the products of an epoch, and no more.

For each batch and layer these are the forward product, the weights' gradient, and, but for the
first layer, the inputs' gradient, with `numpy.dot` into arrays that are there already. They are
timed with BLAS on as many threads as the contestants have and on one, and the faster counts.
"""

from itertools import pairwise

import numpy as np

from contest.rounds import FLOOR, Contestant, Settings, on_threads


class EpochProducts:
    """The matrix products of an epoch of a network, called without arguments.

    The weights and errors are normal numbers: the time of a product does not depend on them.
    """

    def __init__(self, X: np.ndarray, sizes: list[int], batch_size: int):
        self.X, self.batch_size = X, batch_size
        rng = np.random.default_rng(0)

        def normal(*shape: int) -> np.ndarray:
            return rng.standard_normal(shape, dtype=X.dtype)

        self.layers = [
            # weights, their gradient, outputs, the outputs' gradient
            (normal(n, m), normal(n, m), normal(batch_size, m), normal(batch_size, m))
            for n, m in pairwise(sizes)
        ]

    def __call__(self) -> None:
        for start in range(0, len(self.X), self.batch_size):
            self._batch(self.X[start : start + self.batch_size])

    def _batch(self, rows: np.ndarray) -> None:
        n = len(rows)
        inputs = [rows, *(outputs[:n] for _, _, outputs, _ in self.layers)]
        for (weights, *_), below, above in zip(self.layers, inputs[:-1], inputs[1:], strict=True):
            np.dot(below, weights, out=above)
        for i in reversed(range(len(self.layers))):
            weights, gradient, _, errors = self.layers[i]
            np.dot(inputs[i].T, errors[:n], out=gradient)
            if i > 0:
                np.dot(errors[:n], weights.T, out=self.layers[i - 1][3][:n])


def floor_contestants(
    X: np.ndarray, sizes: list[int], batch_size: int, epochs: int, settings: Settings
) -> list[Contestant]:
    """Return the products of so many epochs."""
    products = EpochProducts(X, sizes, min(batch_size, len(X)))
    return on_threads(FLOOR, products, settings, factor=epochs)
