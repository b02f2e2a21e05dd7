"""Nesterov's accelerated gradient descent, with a proximal step for an L1 penalty (FISTA).

Beck and Teboulle (2009), A fast iterative shrinkage-thresholding algorithm; the momentum is
dropped when it points uphill, O'Donoghue and Candes (2015), Adaptive restart for accelerated
gradient schemes.
"""

import math
from typing import Any

from numpy.typing import NDArray

from skdnn.solvers.base import Options, Record, Result, check_rate, stalled
from skdnn.solvers.descent import MAX_TRIALS, SHRINKAGE, first_rate, is_majorised
from skdnn.solvers.problem import Problem

_GROWTH = 1.1


def proximal_step(
    problem: Problem, point: Any, value: Any, gradient: NDArray, rate: Any, fixed: Any
) -> Any:
    """Return a step from `point`, the objective's smooth part there, and the rate that was used.

    The step is None where no rate makes one.
    """
    for _ in range(MAX_TRIALS):
        trial = problem.shrink(point - point.dtype.type(rate) * gradient, rate)
        new_value = problem.loss(trial)
        if fixed or is_majorised(
            problem,
            value,
            gradient,
            trial - point,
            rate,
            new_value,
            lambda at=trial: problem.loss_and_gradient(at)[1],  # type: ignore[misc]
        ):
            return trial, new_value, rate
        rate *= SHRINKAGE
    return None, value, rate


def minimise(problem: Problem, params: NDArray, options: Options, record: Record) -> Result:
    """Follow x <- prox(y - rate gradient(y)), y <- x + momentum (x - x_old).

    With ``learning_rate="auto"`` the rate is halved until the objective lies below its quadratic
    model, and grows a little with each step, because the curvature along the way is seldom the
    largest.
    """
    fixed = options.learning_rate != "auto"
    value, gradient = problem.loss_and_gradient(params)
    start = value + problem.l1_value(params)
    if problem.violation(params, gradient) <= options.tol:
        return Result(params, True)
    rate = options.learning_rate if fixed else first_rate(problem, params, gradient)
    point, t = params, 1.0
    while record.n_iter < options.max_iter:
        trial, new_value, rate = proximal_step(problem, point, value, gradient, rate, fixed)
        if trial is None:
            return stalled(problem, params, problem.loss_and_gradient(params)[1], options)
        total = new_value + problem.l1_value(trial)
        if fixed:
            check_rate(total, start, options)
        record.add(trial, total)
        old, params = params, trial
        # The gradient is known at `point` only; it is small there before it is small at `params`.
        if abs(point - params).max() <= rate * options.tol:
            at_params = problem.loss_and_gradient(params)[1]
            if problem.violation(params, at_params) <= options.tol:
                return Result(params, True)
        if (point - params) @ (params - old) > 0:
            t = 1.0
        if not fixed:
            rate *= _GROWTH
        momentum = (t - 1.0) / (0.5 + math.sqrt(0.25 + t * t))
        t = 0.5 + math.sqrt(0.25 + t * t)
        point = params + params.dtype.type(momentum) * (params - old)
        value, gradient = problem.loss_and_gradient(point)
    return Result(params, False)
