"""Random search and random descent: what gradients save one from."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdnn.solvers.base import Options, Record, Result
from skdnn.solvers.problem import Problem


def _draw(problem: Problem, options: Options) -> NDArray:
    step = options.random_state.standard_normal(problem.network.n_params)
    return (options.sigma * step).astype(problem.network.dtype)


def _keep_the_best(
    problem: Problem, params: NDArray, options: Any, record: Any, around: Any
) -> Result:
    """Draw `max_iter` times around a point, `around(params)`, and keep what is better."""
    best = problem.loss(params) + problem.l1_value(params)
    for _ in range(options.max_iter):
        trial = around(params) + _draw(problem, options)
        value = problem.loss(trial) + problem.l1_value(trial)
        if value < best or not np.isfinite(best):
            params, best = trial, value
        record.add(params, best)
    return Result(params, True)


def search(problem: Problem, params: NDArray, options: Options, record: Record) -> Result:
    """Draw all parameters from N(0, sigma^2), `max_iter` times, and keep the best draw."""
    return _keep_the_best(problem, params, options, record, np.zeros_like)


def descend(problem: Problem, params: NDArray, options: Options, record: Record) -> Result:
    """Add steps from N(0, sigma^2), `max_iter` of them, and keep those that help."""
    return _keep_the_best(problem, params, options, record, lambda params: params)
