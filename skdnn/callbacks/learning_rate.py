"""Changing the learning rate while the model is trained."""

from collections.abc import Callable
from typing import Any

import numpy as np

from skdnn.callbacks.base import EpochCallback, Monitor, check_count, schedule_of


class ReduceLROnPlateau(Monitor):
    """Lower the learning rate when a quantity of the history no longer improves.

    For solvers with a learning rate that follows no schedule: ``learning_rate='constant'`` in a
    network, ``schedule=None`` in a linear model.

    Parameters
    ----------
    monitor : str, default="loss"
        A key of the rows of `history_`.
    factor : float, default=0.1
        What the rate is multiplied by, in (0, 1).
    patience : int, default=10
        After so many epochs in a row without an improvement.
    min_delta : float, default=1e-4
        The least improvement that counts.
    mode : {"auto", "min", "max"}, default="auto"
        As in `EarlyStopping`.
    min_lr : float, default=0.0
        The rate is not lowered beyond this one.
    """

    def __init__(
        self,
        monitor: str = "loss",
        *,
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 1e-4,
        mode: str = "auto",
        min_lr: float = 0.0,
    ):
        super().__init__(monitor, mode, min_delta)
        if not 0 < factor < 1:
            raise ValueError(f"factor must be in (0, 1), got {factor!r}.")
        check_count("patience", patience)
        self.factor, self.patience, self.min_lr = factor, patience, min_lr

    def _acts(self, run: dict[str, Any]) -> bool:
        if run["waited"] < self.patience:
            return False
        run["waited"] = 0
        return True

    def _epoch_ends(self, estimator: Any, row: dict[str, Any], run: dict[str, Any]) -> bool:
        schedule = schedule_of(estimator, self)
        self._catch_up(estimator, run)
        self._improves(row, run)
        if self._acts(run):
            schedule.rate = max(schedule.rate * self.factor, self.min_lr)
        return False


class LearningRateScheduler(EpochCallback):
    """Set the learning rate before each epoch.

    For solvers with a learning rate that follows no schedule: ``learning_rate='constant'`` in a
    network, ``schedule=None`` in a linear model.

    Parameters
    ----------
    schedule : callable
        (number of the epoch, from 0, those before `resume` counted; the rate so far) -> the rate.
    """

    def __init__(self, schedule: Callable[[int, float], float]):
        super().__init__()
        self.schedule = schedule

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Set the rate when an epoch begins."""
        if context.task_name == "epoch":
            current = schedule_of(estimator, self)
            epoch = len(estimator.history_)
            rate = float(self.schedule(epoch, current.rate))
            if not (np.isfinite(rate) and rate >= 0):
                raise ValueError(f"schedule gave {rate} for epoch {epoch}, no rate.")
            current.rate = rate
