"""What callbacks are told, on scikit-learn's own protocol: each epoch is a task of the fit."""

from collections.abc import Callable
from typing import Any

from sklearn.callback import CallbackContext

from skdnn.schedules import Constant


class EpochTasks:
    """Tells the callbacks of an estimator when an epoch begins and ends.

    Parameters
    ----------
    estimator : estimator instance
        With callbacks set.
    context : CallbackContext
        The context of the whole fit.
    **task
        What the hooks may ask for: `X`, `y` and `metadata`.

    Attributes
    ----------
    schedule : Constant or None
        The learning-rate schedule, whose rate callbacks may change, where the solver has one.
        While the fit runs it is the estimator's `_schedule`.
    """

    def __init__(self, estimator: Any, context: CallbackContext, **task: Any):
        self.estimator, self.context, self.task = estimator, context, task
        self.schedule: Constant | None = None
        self._current: CallbackContext | None = None

    def begin(self, fitted: Callable[[], dict | None]) -> None:
        """Say that an epoch begins; `fitted` returns the estimator's fitted attributes."""
        self.estimator._schedule = self.schedule
        self._current = self.context.subcontext(task_name="epoch")
        self._current.call_on_fit_task_begin(
            estimator=self.estimator, **self.task, reconstruction_attributes=fitted
        )

    def end(self, fitted: Callable[[], dict | None]) -> bool:
        """Say that the epoch has ended; return whether a callback asks to stop."""
        current, self._current = self._current, None
        return current is not None and bool(
            current.call_on_fit_task_end(
                estimator=self.estimator, **self.task, reconstruction_attributes=fitted
            )
        )

    def close(self) -> None:
        """End an epoch that was begun and never run."""
        self.estimator.__dict__.pop("_schedule", None)
        if self._current is not None:
            self._current.call_on_fit_task_end(estimator=self.estimator)
