"""Newton's method: with the Hessian where it is small, else with conjugate gradients.

An L1 penalty makes it a proximal Newton method, Lee, Sun and Saunders (2014): the quadratic model
plus the penalty is minimised by coordinate descent, which leaves exact zeros.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, get_lapack_funcs

from skdnn import engine
from skdnn.solvers.base import Options, Record, Result, stalled
from skdnn.solvers.preconditioner import LimitedMemory, Preconditioner
from skdnn.solvers.problem import Curvature, Problem

# Up to so many parameters the Hessian is formed, with an L1 penalty and without.
MAX_DENSE_PARAMS, _FEW_PARAMS = 1500, 100
_ARMIJO, _MAX_HALVINGS, _MAX_SWEEPS = 1e-4, 40, 1000


def regular_hessian(problem: Problem, curvature: Curvature) -> NDArray:
    """Return the Hessian, made regular where the objective does not determine the parameters.

    A softmax stays the same when all classes' biases, or unpenalised weights, are shifted alike.
    The gradient has no part along such a shift, so curvature added there changes no step.
    """
    hessian = curvature.matrix()
    if problem.coupled:
        n_outputs = problem.network.n_outputs
        n_inputs = problem.network.n_params // n_outputs
        free = slice(0 if not (problem.l2 or problem.l1) else problem.network.n_features, n_inputs)
        blocks = np.einsum("iaib->iab", hessian.reshape((n_inputs, n_outputs) * 2))
        sizes = hessian.diagonal().reshape(n_inputs, n_outputs).mean(axis=1)
        blocks[free] += sizes[free, None, None] / n_outputs
    return hessian


def newton_step(hessian: NDArray, gradient: NDArray) -> NDArray:
    """Return -H^-1 g, the shortest such step where the Hessian is singular.

    The Hessian is brought to a unit diagonal first, so that the features' scales do not matter.
    """
    scale = np.sqrt(hessian.diagonal())
    scale[scale == 0] = 1
    scaled = hessian / scale / scale[:, None]
    slope = gradient / scale
    cutoff = len(scaled) * np.finfo(scaled.dtype).eps
    # SciPy's own functions for this take longer than the solution of a few equations.
    potrf, potrs = get_lapack_funcs(("potrf", "potrs"), (scaled,))
    factor, failed = potrf(scaled, lower=True, clean=False)
    if not failed and (factor.diagonal() ** 2).min() > 10 * cutoff:
        return -potrs(factor, slope, lower=True)[0] / scale
    values, vectors = eigh(scaled, check_finite=False)
    kept = values > cutoff * values[-1]
    vectors = vectors[:, kept]
    return -(vectors @ ((vectors.T @ slope) / values[kept])) / scale


def coordinate_step(
    problem: Problem, params: NDArray, hessian: Any, gradient: NDArray, tol: float
) -> NDArray:
    """Return the step that minimises the quadratic model plus the L1 penalty."""
    violation = problem.violation(params, gradient)
    inner = max(violation * min(0.1, violation), 0.1 * tol)
    if problem.network.loss.link == "identity":
        # The model is the objective: what is minimised here need not be again.
        inner = 1e-3 * tol
    step, product = np.zeros_like(params), np.zeros_like(params)
    engine.minimise_quadratic(
        hessian,
        gradient,
        params,
        problem.n_weights,
        problem.l1,
        step,
        product,
        _MAX_SWEEPS,
        params.dtype.type(inner),
    )
    if problem.coupled and step.size > problem.n_weights:
        # Along this shift, which changes no output, the descent need not have converged.
        step[problem.n_weights :] -= step[problem.n_weights :].mean()
    return step


def conjugate_gradient_step(
    times: Callable,
    precondition: Callable,
    gradient: NDArray,
    forcing: float,
    note: Callable | None = None,
) -> NDArray:
    """Return an approximate solution of H d = -g.

    The residual's norm, as the preconditioner measures it, is at most `forcing` times that of g.
    `note` is told of each direction, its product with H, and the product of the two.
    """
    dtype = gradient.dtype.type
    step = np.zeros_like(gradient)
    residual = -gradient
    direction = precondition(residual)
    squared = first = float(residual @ direction)
    for _ in range(10 * len(gradient)):
        product = times(direction)
        curved = float(direction @ product)
        if curved <= 0:
            # No curvature is left along it, as for classes that are separable.
            return step if step.any() else direction
        if note is not None:
            note(direction, product, curved)
        length = dtype(squared / curved)
        step += length * direction
        residual -= length * product
        reduced = precondition(residual)
        old, squared = squared, float(residual @ reduced)
        if squared <= forcing**2 * first:
            break
        direction = reduced + dtype(squared / old) * direction
    return step


class _Steps:
    """Finds (proximal) Newton steps."""

    def __init__(self, problem: Problem, tol: float):
        self.problem, self.tol = problem, tol
        self.dense = bool(problem.l1) or problem.network.n_params <= _FEW_PARAMS
        if not self.dense:
            self.preconditioner = Preconditioner(problem)
            self.memory = LimitedMemory(self.preconditioner.solve)
        self.first_norm = 0.0

    def find(self, params: NDArray, gradient: NDArray) -> NDArray:
        """Return the step at `params`."""
        problem = self.problem
        curvature = problem.curvature(params)
        if not self.dense:
            return self.iterate(curvature, gradient)
        hessian = regular_hessian(problem, curvature)
        if problem.l1:
            return coordinate_step(problem, params, hessian, gradient, self.tol)
        return newton_step(hessian, gradient)

    def iterate(self, curvature: Curvature, gradient: NDArray) -> NDArray:
        """Return an approximate step, the better the closer the minimum is.

        Eisenstat and Walker (1996), Choosing the forcing terms in an inexact Newton method.
        """
        norm = float(np.linalg.norm(gradient))
        self.first_norm = self.first_norm or norm
        self.preconditioner.update(curvature.mean())
        self.memory.begin()
        return conjugate_gradient_step(
            curvature.times,
            self.memory.solve,
            gradient,
            min(0.5, math.sqrt(norm / self.first_norm)),
            self.memory.add,
        )


def line_search(problem: Problem, params: NDArray, step: Any, value: Any, gradient: NDArray) -> Any:
    """Halve a step until it lowers the objective enough; return what is there, or None.

    Where rounding hides the change of the objective, a smaller gradient is enough.
    """
    l1 = problem.l1_value(params)
    expected = float(gradient @ step) + problem.l1_value(params + step) - l1
    noise = 100 * problem.epsilon * abs(value + l1)
    length = 1.0
    for _ in range(_MAX_HALVINGS):
        trial = params + params.dtype.type(length) * step
        new_value, new_gradient = problem.loss_and_gradient(trial)
        change = new_value + problem.l1_value(trial) - (value + l1)
        if change <= _ARMIJO * length * expected:
            return trial, new_value, new_gradient
        if abs(change) <= noise and (
            problem.violation(trial, new_gradient) < problem.violation(params, gradient)
        ):
            return trial, new_value, new_gradient
        length /= 2
    return None


def minimise(problem: Problem, params: NDArray, options: Options, record: Record) -> Result:
    """Follow w <- w - length H^-1 g until the gradient is small."""
    value, gradient = problem.loss_and_gradient(params)
    steps = _Steps(problem, options.tol)
    while not problem.violation(params, gradient) <= options.tol:
        if record.n_iter == options.max_iter:
            return Result(params, False)
        step = steps.find(params, gradient)
        found = line_search(problem, params, step, value, gradient)
        if found is None:
            return stalled(problem, params, gradient, options)
        params, value, gradient = found
        record.add(params, value + problem.l1_value(params))
    return Result(params, True)
