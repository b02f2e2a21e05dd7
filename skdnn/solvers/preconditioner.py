"""A cheap stand-in for the Hessian, so that conjugate gradients need few iterations."""

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from sklearn.utils.sparsefuncs import mean_variance_axis

from skdnn.layers import Dense
from skdnn.network import Network
from skdnn.solvers.problem import Problem

# Up to so many inputs, their products are formed from a sample of rows: a matrix estimated from
# 20 rows an input has eigenvalues within (1 +- 0.23)^2 of the true ones. Of more inputs too, where
# the rows are dense and it takes no more multiplications than so many passes over all of them.
_FEW_INPUTS, _ROWS_PER_INPUT, _FEWEST_ROWS = 128, 20, 2000
_PASSES = 20
# Numbers in the sample of rows from which the squares of more inputs are estimated.
_SAMPLED_NUMBERS = 2**20
# So many searches are learnt from, and so many directions of each, or numbers of these.
_MAX_SEARCHES, _MAX_DIRECTIONS, _MAX_NUMBERS = 3, 50, 2**21


class Preconditioner:
    """The Hessian that the problem would have if the curvature were the same for all rows.

    With A the inputs, a column of ones appended for the biases, that is c A'A / n + l2 for each
    output, c the mean curvature. Where A'A would cost too much, only its diagonal is taken.
    """

    def __init__(self, problem: Problem):
        self._problem = problem
        network = problem.network
        self._n_inputs = network.n_params // network.n_outputs
        self._l2 = np.zeros(self._n_inputs, network.dtype)
        self._l2[: network.n_features] = problem.l2
        n_sampled = max(_FEWEST_ROWS, _ROWS_PER_INPUT * self._n_inputs)
        forming = min(n_sampled, problem.n_rows) * float(self._n_inputs) ** 2
        one_pass = 2.0 * problem.n_rows * network.n_params
        is_cheap = not problem.data.row_starts.size and forming <= _PASSES * one_pass
        if self._n_inputs <= _FEW_INPUTS or is_cheap:
            self._products = self._sampled_products(n_sampled)
        else:
            self._products = self._squares()

    def _sample(self, n_rows: int) -> NDArray:
        """Return about so many of the rows that count."""
        order, total = self._problem.data.order, self._problem.n_rows
        step = -(-total // n_rows)
        return order[::step] if order.size else np.arange(0, total, step)

    def _sampled_products(self, n_rows: int) -> NDArray:
        """Return A'A / n, shape (n_inputs, n_inputs), of a sample of rows."""
        data, network = self._problem.data, self._problem.network
        squares = Network(
            network.n_features,
            [Dense(1, use_bias=self._n_inputs > network.n_features)],
            "squared_error",
            dtype=network.dtype,
        )
        rows = self._sample(n_rows)
        weight = data.weight if data.weight.size else None
        sample = Problem(squares, self._problem.X, data.y, weight, rows)
        return sample.curvature(np.zeros(squares.n_params, network.dtype)).matrix()

    def _squares(self) -> NDArray:
        """Return the diagonal of A'A / n, of all sparse or a sample of dense rows.

        The rows' weights are left out of account.
        """
        data, n_features = self._problem.data, self._problem.network.n_features
        squares = np.ones(self._n_inputs, self._problem.network.dtype)
        if data.row_starts.size:
            means, variances = mean_variance_axis(self._problem.X, axis=0)
            squares[:n_features] = variances + means**2
        else:
            rows = data.X[self._sample(max(1, _SAMPLED_NUMBERS // n_features))]
            squares[:n_features] = np.einsum("ij,ij->j", rows, rows) / len(rows)
        return squares

    def update(self, curvature: float) -> None:
        """Set the mean curvature by the scores."""
        products = self._products.dtype.type(curvature) * self._products
        if products.ndim == 2:
            products.ravel()[:: self._n_inputs + 1] += self._l2
            # Features may depend on each other; more is not asked of a stand-in.
            products.ravel()[:: self._n_inputs + 1] *= 1 + self._problem.epsilon**0.4
            try:
                factor = cholesky(products, lower=True, check_finite=False)
                identity = np.eye(self._n_inputs, dtype=products.dtype)
                self._root = solve_triangular(factor, identity, lower=True, check_finite=False)
                return
            except LinAlgError:
                products = products.diagonal() - self._l2
        products = products + self._l2
        products[products <= 0] = 1
        self._root = 1 / np.sqrt(products)

    def to_slope(self, gradient: NDArray) -> NDArray:
        """Return the gradient by parameters in which the stand-in is the identity."""
        gradient = gradient.reshape(self._n_inputs, -1)
        root = self._root
        return (root @ gradient if root.ndim == 2 else root[:, None] * gradient).ravel()

    def to_params(self, scaled: NDArray) -> NDArray:
        """Return the parameters that those in which the stand-in is the identity stand for."""
        scaled = scaled.reshape(self._n_inputs, -1)
        root = self._root
        return (root.T @ scaled if root.ndim == 2 else root[:, None] * scaled).ravel()

    def solve(self, residual: NDArray) -> NDArray:
        """Return the residual divided by the stand-in."""
        return self.to_params(self.to_slope(residual))


class LimitedMemory:
    """A stand-in for the inverse Hessian that learns from what conjugate gradients found.

    On the directions of a search, which are conjugate, it is the inverse that the search met, and
    elsewhere what it was before: Gratton, Sartenaer and Tshimanga (2011), On a class of limited
    memory preconditioners for large scale linear systems with multiple right-hand sides.

    Parameters
    ----------
    solve : callable
        Vector -> the vector divided by the stand-in to begin with.
    """

    def __init__(self, solve: Callable[[NDArray], NDArray]):
        self._solve = solve
        self._searches: deque[tuple[NDArray, NDArray]] = deque(maxlen=_MAX_SEARCHES)
        self._directions: list[NDArray] = []
        self._products: list[NDArray] = []

    def begin(self) -> None:
        """Begin a search, and learn from the one before."""
        if self._directions:
            self._searches.append((np.array(self._directions), np.array(self._products)))
        self._directions, self._products = [], []

    def add(self, direction: NDArray, product: NDArray, curved: float) -> None:
        """Take note of a direction, its product with the Hessian, and the product of the two."""
        if len(self._directions) < min(_MAX_DIRECTIONS, _MAX_NUMBERS // direction.size):
            scale = direction.dtype.type(curved**-0.5)
            self._directions.append(scale * direction)
            self._products.append(scale * product)

    def solve(self, residual: NDArray) -> NDArray:
        """Return the residual divided by the stand-in."""
        lengths = []
        for directions, products in reversed(self._searches):
            lengths.append(directions @ residual)
            residual = residual - lengths[-1] @ products
        step = self._solve(residual)
        for directions, products in self._searches:
            step = step + (lengths.pop() - products @ step) @ directions
        return step
