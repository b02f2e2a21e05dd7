"""Steps along the gradient, of a length that is tried: shared by the first-order solvers."""

from collections.abc import Callable

from numpy.typing import NDArray

from skdnn.solvers.problem import Problem

# By how much a step that is too long is shortened, and how often.
SHRINKAGE, MAX_TRIALS = 0.5, 60


def first_rate(problem: Problem, params: NDArray, gradient: NDArray) -> float:
    """Return the step length that is best for the quadratic model along the gradient."""
    curved = float(gradient @ problem.curvature(params).times(gradient))
    squared = float(gradient @ gradient)
    return squared / curved if curved > problem.epsilon * squared else 1.0


def is_majorised(
    problem: Problem,
    value: float,
    gradient: NDArray,
    step: NDArray,
    rate: float,
    new_value: float,
    new_gradient: NDArray | Callable[[], NDArray],
) -> bool:
    """Return whether the objective's smooth part lies below its model after a step.

    The model, f + g'd + |d|^2 / (2 rate), lies above the objective where 1 / rate exceeds the
    curvature (Beck and Teboulle, 2009). Close to the minimum the difference of two values is lost
    in rounding, while that of two gradients is not: there d'(g_new - g) <= |d|^2 / rate is asked,
    which is the same for a quadratic. A new gradient that is not known yet may be a function.
    """
    if not new_value < float("inf"):
        return False
    quadratic = float(step @ step) / (2 * rate)
    if quadratic > 1e3 * problem.epsilon * abs(value):
        return new_value <= value + float(gradient @ step) + quadratic
    if callable(new_gradient):
        new_gradient = new_gradient()
    return float((new_gradient - gradient) @ step) <= 2 * quadratic
