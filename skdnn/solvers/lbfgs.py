"""SciPy's L-BFGS-B, for objectives without an L1 penalty."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from skdnn.solvers import newton
from skdnn.solvers.base import Options, Record, Result
from skdnn.solvers.preconditioner import Preconditioner
from skdnn.solvers.problem import Problem


class _Scaled:
    """The objective around `start`, by parameters in which its curvature is about the same.

    It is computed in the network's precision, and SciPy works in float64.
    """

    def __init__(self, problem: Problem, start: NDArray, tol: float, record: Record):
        self.problem, self.start, self.tol, self.record = problem, start, tol, record
        self.value, self.gradient = problem.loss_and_gradient(start)
        self.params = start

    @property
    def converged(self) -> bool:
        return self.problem.violation(self.params, self.gradient) <= self.tol

    def __call__(self, scaled: NDArray) -> tuple[float, NDArray]:
        if scaled.any():
            self.params = self.start + self.step(scaled.astype(self.start.dtype, copy=False))
            self.value, self.gradient = self.problem.loss_and_gradient(self.params)
        return self.value, self.slope(self.gradient).astype(np.float64, copy=False)

    def callback(self, intermediate_result: Any) -> None:
        # An iteration ends at the point that was evaluated last.
        self.record.add(self.params, intermediate_result.fun)
        if self.converged:
            raise StopIteration

    def minimise(self, max_iter: int) -> None:
        """Search until the gradient is small, or the objective no longer falls."""
        preconditioner = Preconditioner(self.problem)
        preconditioner.update(self.problem.mean_curvature_at_zero)
        self.step, self.slope = preconditioner.to_params, preconditioner.to_slope
        options = {"maxiter": max_iter, "maxfun": 50 * max_iter, "maxls": 50, "gtol": 0, "ftol": 0}
        result = minimize(
            self,
            np.zeros(len(self.start)),
            method="L-BFGS-B",
            jac=True,
            callback=self.callback,
            options=options,
        )
        if not self.converged:
            # The last point that was tried need not be the best.
            self.value, _ = self(result.x)


def minimise(problem: Problem, params: NDArray, options: Options, record: Record) -> Result:
    """Minimise with a limited-memory quasi-Newton method (Liu and Nocedal, 1989).

    It compares values of the objective. Where their rounding errors hide what is left to gain,
    Newton's method, which can go by the gradient, takes the last steps.
    """
    search = _Scaled(problem, params, options.tol, record)
    if not search.converged and options.max_iter > 0:
        search.minimise(options.max_iter)
    if search.converged or record.n_iter == options.max_iter:
        return Result(search.params, search.converged)
    return newton.minimise(problem, search.params, options, record)
