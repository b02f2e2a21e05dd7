"""What the callbacks have in common: hooks, what a fit is watched by, a model to keep."""

import copy
import inspect
from numbers import Integral
from typing import Any

import numpy as np

from skdnn.schedules import Constant

# What an estimator holds only while it is being fitted, or on account of its callbacks.
_TRANSIENT = (
    "_skl_callbacks",
    "_skl_callbacks_to_teardown",
    "_callback_fit_ctx",
    "_parent_callback_ctx",
    "_schedule",
    "_training",
)


class EpochCallback:
    """Base of the callbacks: hooks that do nothing, and what the others need."""

    def __init__(self) -> None:
        self._runs: dict[int, dict] = {}

    def __repr__(self) -> str:
        names = inspect.signature(type(self)).parameters
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({values})"

    def setup(self, estimator: Any, context: Any) -> None:
        """Begin to watch a fit."""
        self._runs[id(estimator)] = self._start(estimator)

    def _start(self, estimator: Any) -> dict:
        """Return what is remembered of a fit."""
        return {}

    def teardown(self, estimator: Any, context: Any) -> None:
        """Watch it no longer."""
        self._runs.pop(id(estimator), None)

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """See a task begin."""

    def on_fit_task_end(self, estimator: Any, context: Any, *, X: Any = None) -> bool:
        """See a task end."""
        # An epoch that was begun and never run has no data.
        if context.task_name == "epoch" and X is not None:
            return self._epoch_ends(estimator, estimator.history_[-1], self._runs[id(estimator)])
        return False

    def _epoch_ends(self, estimator: Any, row: dict, run: dict) -> bool:
        """Look at an epoch; return whether to stop."""
        return False


class Monitor(EpochCallback):
    """Base of the callbacks that watch one quantity of the history."""

    def __init__(self, monitor: str, mode: str, min_delta: float):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max', got {mode!r}.")
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta

    def _start(self, estimator: Any) -> dict:
        return {"best": np.inf, "waited": 0}

    def _catch_up(self, estimator: Any, run: dict) -> None:
        """Look at the epochs that a resumed training or a stream has made before."""
        if "caught_up" in run:
            return
        run["caught_up"] = True
        training = getattr(estimator, "_training", None)
        epochs = 1 if training is None else training.optimization.epochs
        for row in estimator.history_[-epochs:-1]:
            if self.monitor in row and self._watches(row):
                self._improves(row, run)
                self._acts(run)

    def _watches(self, row: dict) -> bool:
        """Return whether an epoch is one to look at."""
        return True

    def _acts(self, run: dict) -> bool:
        """Return whether the patience is at its end, and begin anew."""
        return False

    def _improves(self, row: dict, run: dict) -> bool:
        """Return whether the quantity is better than ever, and remember it."""
        if self.monitor not in row:
            raise ValueError(
                f"monitor={self.monitor!r} is not in the history, which has {sorted(row)}. The "
                "validation_… are of networks with rows to validate on: X_val and y_val in fit, or "
                "early_stopping."
            )
        largest = self.mode == "max" or (self.mode == "auto" and "loss" not in self.monitor)
        value = -row[self.monitor] if largest else row[self.monitor]
        if value < run["best"] - self.min_delta:
            run["best"], run["waited"] = value, 0
            return True
        run["waited"] += 1
        return False


def check_count(name: str, value: Any) -> None:
    """Raise a ValueError unless a parameter is a whole number, at least 1."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be a whole number, at least 1; got {value!r}.")


def schedule_of(estimator: Any, callback: Any) -> Any:
    """Return the learning rate of a fit, where a callback may change it."""
    schedule = getattr(estimator, "_schedule", None)
    if schedule is None:
        raise ValueError(
            f"{type(callback).__name__} changes the learning rate, but "
            f"{type(estimator).__name__}(solver={estimator.solver!r}) follows none."
        )
    if type(schedule) is not Constant:
        name = "schedule" if hasattr(estimator, "schedule") else "learning_rate"
        raise ValueError(
            f"{type(callback).__name__} changes the learning rate, which follows "
            f"{name}={getattr(estimator, name)!r} already. Set one of the two."
        )
    return schedule


def in_stream(estimator: Any) -> bool:
    """Return whether an estimator is trained by `partial_fit`."""
    training = getattr(estimator, "_training", None)
    return training is not None and training.streams


def training_of(estimator: Any) -> Any:
    """Return the state of a training that can be resumed."""
    if not hasattr(estimator, "_training"):
        raise ValueError(
            "ModelCheckpoint(resumable=True) is for networks with a stochastic solver; "
            f"{type(estimator).__name__}(solver={estimator.solver!r}) cannot be resumed."
        )
    return estimator._training


def detached(fitted_estimator: Any) -> Any:
    """Return a model that can be kept and written: nothing of the fit that goes on."""
    model = copy.copy(fitted_estimator)
    for name in _TRANSIENT:
        model.__dict__.pop(name, None)
    return model


def weights_of(model: Any) -> dict[str, Any]:
    """Return copies of a model's weights, by the names of their attributes."""
    names = ("coefs_", "intercepts_", "normalizations_", "coef_", "intercept_")
    return {name: copy.deepcopy(getattr(model, name)) for name in names if hasattr(model, name)}


def restore(arrays: list, saved: list) -> None:
    """Write saved weights into the arrays of a model, which are views of one vector."""
    for own, value in zip(arrays, saved, strict=True):
        if isinstance(own, dict):
            restore(list(own.values()), list(value.values()))
        elif own.flags.writeable:
            own[:] = value
