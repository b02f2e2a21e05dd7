"""What all solvers share: their options, their record, their result."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skdnn.reporting import Silent
from skdnn.schedules import Constant
from skdnn.solvers.problem import Problem
from skdnn.tasks import EpochTasks


@dataclass(frozen=True)
class Options:
    """What a user may set; a solver reads what concerns it.

    The names and meanings are those of the estimators' parameters; `random_state` is a
    `numpy.random.RandomState`.
    """

    tol: float = 1e-4
    max_iter: int = 100
    learning_rate: Any = "auto"
    schedule: Any = None
    batch_size: Any = "auto"
    shuffle: bool = True
    n_iter_no_change: int = 5
    sigma: float = 0.01
    random_state: np.random.RandomState = field(default_factory=lambda: np.random.RandomState(0))


class Stopped(Exception):
    """Raised out of a solver when a callback asks to stop."""


class Record:
    """What happens while a solver runs.

    Parameters
    ----------
    start : ndarray of shape (n_params,)
    report : Silent, default=None
        What shows each iteration; None for nothing.
    keep_path : bool, default=False
        Whether to keep the parameters of each iteration.
    tasks : EpochTasks, default=None
        Told of each iteration, where callbacks are set.
    attributes : callable, default=None
        Parameters -> the estimator's fitted attributes, for the callbacks.

    Attributes
    ----------
    params : ndarray of shape (n_params,)
        The parameters after the last iteration.
    history : list of dict
        A row for each iteration: `epoch`, `loss` (the objective, penalties included), `seconds`.
    path : list of ndarray
        The parameters at the start and after each iteration; empty unless they are kept.
    """

    def __init__(
        self,
        start: NDArray,
        report: Silent | None = None,
        keep_path: bool = False,
        tasks: EpochTasks | None = None,
        attributes: Callable[[NDArray], dict] | None = None,
    ):
        self.params = start
        self.history: list[dict] = []
        self._tasks, self._attributes = tasks, attributes
        self.path: list[NDArray] = [start.copy()] if keep_path else []
        self.report = report or Silent()
        self._keep_path = keep_path

    @property
    def loss_curve(self) -> list[float]:
        """The objective after each iteration."""
        return [row["loss"] for row in self.history]

    @property
    def n_iter(self) -> int:
        """The number of iterations so far."""
        return len(self.history)

    def _start_iteration(self) -> None:
        if self._tasks is not None:
            self._tasks.begin(self._fitted)
        self._started = time.perf_counter()

    def _fitted(self) -> dict | None:
        return None if self._attributes is None else self._attributes(self.params)

    def begin(self, schedule: Constant | None = None) -> None:
        """Begin the first iteration; callbacks may change the rate of a learning-rate schedule."""
        if self._tasks is not None:
            self._tasks.schedule = schedule
        self._start_iteration()

    def close(self) -> None:
        """End the iteration that was begun and never run."""
        if self._tasks is not None:
            self._tasks.close()

    def add(self, params: NDArray, value: float, **more: float) -> None:
        """Take note of an iteration that ended at `params` with this objective.

        Raises
        ------
        Stopped
            When a callback asks to stop.
        """
        self.params = params
        seconds = time.perf_counter() - self._started
        row = {"epoch": self.n_iter + 1, "loss": float(value), **more, "seconds": seconds}
        self.history.append(row)
        if self._keep_path:
            self.path.append(params.copy())
        self.report.epoch(self.n_iter, row)
        if self._tasks is not None and self._tasks.end(self._fitted):
            raise Stopped
        self._start_iteration()


class Result(NamedTuple):
    """Where a solver stopped.

    Attributes
    ----------
    params : ndarray of shape (n_params,)
    converged : bool
    reason : str
        Why it did not converge, where that is not the number of iterations.
    """

    params: NDArray
    converged: bool
    reason: str = ""


STALLED = (
    "the objective cannot be lowered further in the precision of {dtype} numbers, but its "
    "largest derivative, {violation:.2g}, exceeds tol={tol:g}"
)


def stalled(problem: Problem, params: NDArray, gradient: NDArray, options: Options) -> Result:
    """Return the result of a solver that rounding errors keep from getting closer."""
    violation = problem.violation(params, gradient)
    reason = STALLED.format(dtype=params.dtype, violation=violation, tol=options.tol)
    return Result(params, violation <= options.tol, reason)


def check_rate(value: float, start: float, options: Options) -> None:
    """Raise ValueError when a fixed learning rate makes the objective diverge.

    It may well rise for a while, but where it is a thousand times what it was it will not return.
    """
    if not value <= 1e3 * max(start, 1.0):
        given = f"learning_rate={options.learning_rate!r}"
        if options.schedule is not None:
            given += f" and schedule={options.schedule!r}"
        raise ValueError(
            f"The objective diverges with {given}: it was {start:.3g} at the start and is "
            f"{value:.3g} now. Choose a smaller learning_rate (or 'auto'), or scale the features "
            "to mean 0 and variance 1."
        )
