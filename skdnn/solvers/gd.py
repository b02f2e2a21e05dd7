"""Gradient descent on all rows, with a proximal step for an L1 penalty."""

from numpy.typing import NDArray

from skdnn.solvers.base import Options, Record, Result, check_rate, stalled
from skdnn.solvers.descent import MAX_TRIALS, SHRINKAGE, first_rate, is_majorised
from skdnn.solvers.problem import Problem

_GROWTH = 1.5


def minimise(problem: Problem, params: NDArray, options: Options, record: Record) -> Result:
    """Follow w <- prox(w - rate gradient) until the gradient is small.

    With ``learning_rate="auto"`` the rate is halved until the objective lies below its quadratic
    model, and is allowed to grow again.
    """
    fixed = options.learning_rate != "auto"
    value, gradient = problem.loss_and_gradient(params)
    start = value + problem.l1_value(params)
    rate = options.learning_rate if fixed else first_rate(problem, params, gradient)
    while not problem.violation(params, gradient) <= options.tol:
        if record.n_iter == options.max_iter:
            return Result(params, False)
        for _ in range(MAX_TRIALS):
            trial = problem.shrink(params - params.dtype.type(rate) * gradient, rate)
            step = trial - params
            if not step.any():
                return stalled(problem, params, gradient, options)
            new_value, new_gradient = problem.loss_and_gradient(trial)
            if fixed or is_majorised(problem, value, gradient, step, rate, new_value, new_gradient):
                break
            rate *= SHRINKAGE
        else:
            return stalled(problem, params, gradient, options)
        params, value, gradient = trial, new_value, new_gradient
        total = value + problem.l1_value(params)
        if fixed:
            check_rate(total, start, options)
        else:
            rate *= _GROWTH
        record.add(params, total)
    return Result(params, True)
