"""Solvers for single-layer networks: logistic, softmax and linear regression.

A solver is a function (problem, params, options, record) -> `Result`. To add one: a file, and a row
in `SOLVERS`.
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from skdnn.solvers import gd, lbfgs, nesterov, newton, random, sgd
from skdnn.solvers.base import Options, Record, Result, Stopped
from skdnn.solvers.problem import Problem

__all__ = ["SOLVERS", "Options", "Problem", "Record", "Result", "choose_solver", "run_solver"]


class Solver(NamedTuple):
    """What is known about a solver.

    Attributes
    ----------
    minimise : callable
        (problem, params, options, record) -> `Result`.
    l1_params : float
        Up to how many parameters it can handle an L1 penalty.
    uses_gradient : bool
    follows_schedule : bool
        Whether it begins the first iteration itself, when its learning-rate schedule is known.
    """

    minimise: Callable[[Problem, NDArray, Options, Record], Result]
    l1_params: float = float("inf")
    uses_gradient: bool = True
    follows_schedule: bool = False


SOLVERS = {
    "gd": Solver(gd.minimise),
    "nesterov": Solver(nesterov.minimise),
    "newton": Solver(newton.minimise, l1_params=newton.MAX_DENSE_PARAMS),
    "lbfgs": Solver(lbfgs.minimise, l1_params=0),
    "sgd": Solver(sgd.minimise, follows_schedule=True),
    "random_search": Solver(random.search, uses_gradient=False),
    "random_descent": Solver(random.descend, uses_gradient=False),
}


# Bounds on n_rows * n_params^2, the cost of forming the Hessian.
_SMALL, _CHEAP_WITH_L1 = 1e6, 1e9


def choose_solver(problem: Problem) -> str:
    """Return the name of the solver that is fastest for a problem.

    Measured with scikit-learn's digits and simulated data, 1,000 x 5 to 100,000 x 20, 20,000 x 500
    and sparse 5,000 x 10,000:

    - With an L1 penalty coordinate descent on the Hessian is fastest, as long as the Hessian is
      cheap to form.
    - Without, a small problem takes four Newton steps whose cost is that of calling functions.
    - The outputs of a softmax are coupled, which conjugate gradients see to and L-BFGS' scaling
      does not; with one output L-BFGS passes over the data less often.
    - Products with sparse data are so cheap that L-BFGS' own work counts.
    """
    n_params = problem.network.n_params
    if problem.l1:
        forming = problem.n_rows * float(n_params) ** 2
        cheap = n_params <= newton.MAX_DENSE_PARAMS and forming <= _CHEAP_WITH_L1
        return "newton" if cheap else "nesterov"
    sparse = bool(problem.data.row_starts.size)
    if problem.coupled or sparse or problem.n_rows * n_params**2 <= _SMALL:
        return "newton"
    return "lbfgs"


def run_solver(
    name: str, problem: Problem, params: NDArray, options: Options, record: Record
) -> Result:
    """Minimise `problem` from `params` with the named solver, or with the one that suits it best.

    Raises
    ------
    ValueError
        When the solver cannot handle the problem's penalty, or the objective is not finite.

    Warns
    -----
    ConvergenceWarning
        When it stops before it converged.
    """
    if name == "auto":
        name = choose_solver(problem)
    solver = SOLVERS[name]
    if problem.l1 and len(params) > solver.l1_params:
        fitting = [
            key
            for key, other in SOLVERS.items()
            if other.uses_gradient and len(params) <= other.l1_params
        ]
        limit = f" for more than {solver.l1_params} parameters" if solver.l1_params else ""
        raise ValueError(
            f"solver={name!r} cannot handle an L1 penalty (l1_ratio > 0){limit}; the problem has "
            f"{len(params)} parameters. Set solver to 'auto' or one of {fitting}."
        )
    # A solver that goes by the gradient asks for it at the same place.
    search = not solver.uses_gradient or solver.follows_schedule
    start = problem.loss(params) if search else problem.loss_and_gradient(params)[0]
    if not np.isfinite(start):
        raise ValueError(
            f"The objective is not finite at the start in {params.dtype}: the targets or the "
            "coefficients to start from are too large. Scale the data."
        )
    if not solver.follows_schedule:
        record.begin()
    try:
        with record.report:
            result = solver.minimise(problem, params, options, record)
    except Stopped:
        return Result(record.params, True)
    finally:
        record.close()
    if not result.converged:
        reason = result.reason or "the limit on the number of iterations was reached"
        warnings.warn(
            f"Solver {name!r} failed to converge after {record.n_iter} iteration(s): {reason}.\n"
            f"Increase the number of iterations (max_iter={options.max_iter}), or scale the data "
            "as shown in:\n    https://scikit-learn.org/stable/modules/preprocessing.html",
            ConvergenceWarning,
            stacklevel=4,
        )
    return result
