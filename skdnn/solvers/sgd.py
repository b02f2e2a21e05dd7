"""Stochastic gradient descent on mini-batches."""

import copy

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import row_norms

from skdnn import engine
from skdnn.schedules import follow
from skdnn.solvers.base import Options, Record, Result, check_rate
from skdnn.solvers.problem import Problem
from skdnn.stochastic import Batches, Optimization, Shuffler

_BATCH_SIZE = 200
# By how much the rate is divided when the objective stands still, and the last rate of interest.
_DIVISOR, _SMALLEST_RATE = 5.0, 1e-6


def largest_squared_norm(problem: Problem) -> float:
    """Return the largest squared norm of a row, the bias's one included."""
    bias, order = float(problem.network.n_params > problem.n_weights), problem.data.order
    squares = row_norms(problem.X, squared=True)
    return float((squares[order] if order.size else squares).max()) + bias


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


def single_output_epoch(optimization: Optimization, batches: Batches, params: NDArray) -> float:
    """Do what `optimization.epoch` does, by the pass that is faster for one output."""
    network, n_steps = batches.network, -(-batches.n_rows // batches.size)
    rates = optimization.schedule.rates(optimization.epochs, optimization.steps, n_steps)
    size = engine.epoch_room(batches.data, batches.n_rows, batches.size)
    work = np.empty(size, network.dtype)
    loss = engine.single_output_epoch(
        batches.data,
        batches.n_rows,
        batches.size,
        network.bound("layers", batches.data),
        network.bound_objective(),
        params,
        batches.gradient,
        rates,
        work,
    )
    optimization.rate = float(rates[-1])
    optimization.epochs += 1
    optimization.steps += n_steps
    return loss


def minimise(problem: Problem, params: NDArray, options: Options, record: Record) -> Result:
    """Follow the gradients of mini-batches, an iteration being an epoch.

    When `n_iter_no_change` epochs have not lowered the objective by `tol`, the search ends; with
    ``learning_rate="auto"`` and no schedule the rate is first divided by five, down to a millionth
    of the first.
    """
    size = _BATCH_SIZE if options.batch_size == "auto" else options.batch_size
    size = min(size, problem.n_rows)
    rate = options.learning_rate
    lowered = rate == "auto" and options.schedule is None
    if rate == "auto":
        rate = automatic_rate(problem, size)
    given = "constant" if options.schedule is None else options.schedule
    schedule = follow(given, rate, max_iter=options.max_iter)
    record.begin(schedule)
    # Here the engine applies the L1 penalty, after each step.
    network = copy.copy(problem.network)
    network.layers = network.layers.copy()
    network.layers["l1"] = problem.l1
    batches = Batches(network, problem.data, size=size, shuffle=options.shuffle)
    optimization = Optimization(network, "sgd", schedule)
    params = params.copy()
    start = best = problem.loss(params) + problem.l1_value(params)
    waited = 0
    with optimization.training(params), Shuffler(options.random_state) as shuffler:
        while record.n_iter < options.max_iter:
            if batches.order is not None:
                shuffler.shuffle(batches.order)
            if problem.single_output and not problem.l1:
                single_output_epoch(optimization, batches, params)
            else:
                optimization.epoch(batches, params)
            value = problem.loss(params) + problem.l1_value(params)
            check_rate(value, start, options)
            record.add(params, value, learning_rate=optimization.rate)
            schedule.epoch_ends(batches.weight)
            waited = 0 if value < best - options.tol else waited + 1
            best = min(best, value)
            if waited < options.n_iter_no_change:
                continue
            waited, stop = 0, schedule.plateau()[0]
            if lowered:
                schedule.rate /= _DIVISOR
                stop = schedule.rate < _SMALLEST_RATE * rate
            if stop:
                return Result(params, True)
    return Result(params, False)
