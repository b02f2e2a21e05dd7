"""Stochastic gradient descent on mini-batches."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdnn import engine
from skdnn.solvers.base import Options, Record, Result, check_rate
from skdnn.solvers.problem import Problem

_BATCH_SIZE = 200
# By how much the rate is divided when the objective stands still, and the last rate of interest.
_DIVISOR, _SMALLEST_RATE = 5.0, 1e-6


def largest_squared_norm(problem: Problem) -> float:
    """Return the largest squared norm of a row, the bias's one included."""
    data, bias = problem.data, float(problem.network.n_params > problem.n_weights)
    if data.row_starts.size:
        squares = np.zeros(len(data.row_starts) - 1)
        filled = np.flatnonzero(np.diff(data.row_starts))
        squares[filled] = np.add.reduceat(data.values**2, data.row_starts[filled])
    else:
        squares = np.einsum("ij,ij->i", data.X, data.X)
    return float((squares[data.order] if data.order.size else squares).max()) + bias


def automatic_rate(problem: Problem, batch_size: int) -> float:
    """Return one over the expected smoothness of a mini-batch's loss.

    With b of n rows drawn without replacement that is
    n (b - 1) / (b (n - 1)) L + (n - b) / (b (n - 1)) L_max, L the smoothness of the mean loss and
    L_max the largest of a single row's: Gower et al. (2019), SGD: general analysis and improved
    rates.
    """
    n, b = problem.n_rows, batch_size
    smoothness = problem.smoothness()
    if b < n:
        single = problem.largest_curvature * largest_squared_norm(problem) + problem.l2
        smoothness = (n * (b - 1) * smoothness + (n - b) * single) / (b * (n - 1))
    # Rounded, so that the order in which BLAS sums does not show.
    return float(f"{1 / smoothness:.3g}")


class _Epochs:
    """Trains for an epoch at a time, on rows in an order that is shuffled in place."""

    def __init__(self, problem: Problem, batch_size: int, options: Options):
        network = problem.network
        self.problem, self.network, self.batch_size = problem, network, batch_size
        self.data, self.order = problem.data, problem.data.order
        if options.shuffle:
            self.order = self.order.copy() if self.order.size else np.arange(problem.n_rows)
            view = self.order.view()
            view.flags.writeable = False
            self.data = self.data._replace(order=view)
        self.generator = options.random_state if options.shuffle else None
        self.layers = network.layers.copy()
        self.layers["l1"] = problem.l1
        self.settings: Any = np.zeros((), engine.SETTINGS)
        self.settings["code"] = engine.OPTIMIZERS["sgd"].code
        self.state = np.zeros((1, network.n_params), network.dtype)
        self.gradient = np.empty(network.n_params, network.dtype)
        self.work = network.workspace(self.data, batch_size)
        self.n_steps = 0

    def shuffle(self) -> None:
        """Shuffle the rows with, and advance, the random state."""
        if self.generator is None:
            return
        state = self.generator.get_state(legacy=False)
        key = state["state"]["key"]
        state["state"]["pos"] = engine.shuffle(self.order, key, state["state"]["pos"])
        self.generator.set_state(state)

    def run(self, params: NDArray, rate: float) -> None:
        """Train for an epoch, in place."""
        self.shuffle()
        engine.train_epoch(
            self.data,
            self.problem.n_rows,
            self.batch_size,
            self.layers,
            self.network.objective,
            params,
            self.gradient,
            self.state,
            self.settings[()],
            float(rate),
            self.n_steps,
            self.work,
        )
        self.n_steps += -(-self.problem.n_rows // self.batch_size)


def minimise(problem: Problem, params: NDArray, options: Options, record: Record) -> Result:
    """Follow the gradients of mini-batches, an iteration being an epoch.

    When `n_iter_no_change` epochs have not lowered the objective by `tol`, the search ends; with
    ``learning_rate="auto"`` the rate is first divided by five, down to a millionth of the first.
    """
    fixed = options.learning_rate != "auto"
    size = _BATCH_SIZE if options.batch_size == "auto" else options.batch_size
    size = min(size, problem.n_rows)
    rate = first_rate = options.learning_rate if fixed else automatic_rate(problem, size)
    epochs = _Epochs(problem, size, options)
    params = params.copy()
    start = best = problem.loss(params) + problem.l1_value(params)
    waited = 0
    while record.n_iter < options.max_iter:
        epochs.run(params, rate)
        value = problem.loss(params) + problem.l1_value(params)
        check_rate(value, start, options)
        record.add(params, value)
        waited = 0 if value < best - options.tol else waited + 1
        best = min(best, value)
        if waited >= options.n_iter_no_change:
            rate, waited = rate / _DIVISOR, 0
            if fixed or rate < _SMALLEST_RATE * first_rate:
                return Result(params, True)
    return Result(params, False)
