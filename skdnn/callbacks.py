"""Callbacks for every estimator of the package, on scikit-learn's own protocol.

    model.set_callbacks(EarlyStopping(patience=5), CSVLogger("epochs.csv")).fit(X, y)

They look at the rows of `history_`, one for each epoch. Where `sklearn.base.clone` shares one
callback among several estimators, as in a search, each fit is watched apart.
"""

import copy
import csv
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
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


class _EpochCallback:
    """Base of the callbacks: hooks that do nothing, and what the others need."""

    def __init__(self):
        self._runs: dict[int, dict] = {}

    def setup(self, estimator, context):
        """Begin to watch a fit."""
        self._runs[id(estimator)] = self._start(estimator)

    def _start(self, estimator) -> dict:
        """Return what is remembered of a fit."""
        return {}

    def teardown(self, estimator, context):
        """Watch it no longer."""
        self._runs.pop(id(estimator), None)

    def on_fit_task_begin(self, estimator, context):
        """See a task begin."""

    def on_fit_task_end(self, estimator, context, *, X=None):
        """See a task end."""
        # An epoch that was begun and never run has no data.
        if context.task_name == "epoch" and X is not None:
            return self._epoch_ends(estimator, estimator.history_[-1], self._runs[id(estimator)])
        return False

    def _epoch_ends(self, estimator, row: dict, run: dict) -> bool:
        """Look at an epoch; return whether to stop."""
        return False


class _Monitor(_EpochCallback):
    """Base of the callbacks that watch one quantity of the history."""

    def __init__(self, monitor: str, mode: str, min_delta: float):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max', got {mode!r}.")
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta

    def _start(self, estimator) -> dict:
        return {"best": np.inf, "waited": 0}

    def _improves(self, row: dict, run: dict) -> bool:
        """Return whether the quantity is better than ever, and remember it."""
        if self.monitor not in row:
            raise ValueError(
                f"monitor={self.monitor!r} is not in the history, which has {sorted(row)}. The "
                "validation_… need rows to validate on: X_val and y_val in fit, or early_stopping."
            )
        largest = self.mode == "max" or (self.mode == "auto" and "loss" not in self.monitor)
        value = -row[self.monitor] if largest else row[self.monitor]
        if value < run["best"] - self.min_delta:
            run["best"], run["waited"] = value, 0
            return True
        run["waited"] += 1
        return False


def _schedule_of(estimator, callback):
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


def _training_of(estimator):
    if not hasattr(estimator, "_training"):
        raise ValueError(
            "ModelCheckpoint(resumable=True) is for networks with a stochastic solver; "
            f"{type(estimator).__name__}(solver={estimator.solver!r}) cannot be resumed."
        )
    return estimator._training


def _detached(fitted_estimator):
    """Return a model that can be kept and written: nothing of the fit that goes on."""
    model = copy.copy(fitted_estimator)
    for name in _TRANSIENT:
        model.__dict__.pop(name, None)
    return model


def _weights(model) -> dict[str, Any]:
    names = ("coefs_", "intercepts_", "normalizations_", "coef_", "intercept_")
    return {name: copy.deepcopy(getattr(model, name)) for name in names if hasattr(model, name)}


def _restore(arrays: list, saved: list) -> None:
    """Write saved weights into the arrays of a model, which are views of one vector."""
    for own, value in zip(arrays, saved, strict=True):
        if isinstance(own, dict):
            _restore(list(own.values()), list(value.values()))
        elif own.flags.writeable:
            own[:] = value


class EarlyStopping(_Monitor):
    """Stop when a quantity of the history no longer improves.

    Parameters
    ----------
    monitor : str, default="validation_loss"
        A key of the rows of `history_`.
    min_delta : float, default=0.0
        The least improvement that counts.
    patience : int, default=10
        Stop after so many epochs in a row without one.
    mode : {"auto", "min", "max"}, default="auto"
        Whether smaller or larger is better; "auto": a loss is to be small, all else large.
    restore_best_weights : bool, default=False
        Whether the model has the best epoch's weights in the end, instead of the last's.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import MLPNet
    >>> from skdnn.callbacks import EarlyStopping
    >>> X, y = load_iris(return_X_y=True)
    >>> stop = EarlyStopping(patience=3, restore_best_weights=True)
    >>> net = MLPNet(learning_rate_init=0.1, random_state=0).set_callbacks(stop)
    >>> net = net.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    >>> len(net.history_) < 200
    True
    """

    def __init__(
        self,
        monitor: str = "validation_loss",
        *,
        min_delta: float = 0.0,
        patience: int = 10,
        mode: str = "auto",
        restore_best_weights: bool = False,
    ):
        super().__init__(monitor, mode, min_delta)
        self.patience, self.restore_best_weights = patience, restore_best_weights

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        """See a task end; stop when the quantity has not improved for long enough."""
        if context.task_name != "epoch" or X is None:
            return False
        run = self._runs[id(estimator)]
        if self._improves(estimator.history_[-1], run) and self.restore_best_weights:
            run["weights"] = _weights(fitted_estimator)
        return run["waited"] >= self.patience

    def teardown(self, estimator, context):
        """Restore the best weights, if that is asked for."""
        run = self._runs.pop(id(estimator), {})
        for name, best in run.get("weights", {}).items():
            value = getattr(estimator, name, None)
            if isinstance(value, list):
                _restore(value, best)
            elif value is not None:
                setattr(estimator, name, best)


class ModelCheckpoint(_Monitor):
    """Write the model to a file, every so many epochs or whenever it is the best so far.

    The file is written beside its place and then moved there, so that a process that is killed at
    any moment leaves the earlier file or the new one, whole. Read it with `joblib.load`.

    Parameters
    ----------
    path : str or Path
        Where to write; ``{epoch}`` in it is replaced by the epoch's number.
    monitor : str, default=None
        A key of the rows of `history_`: write only what improves on it. None: write in any case.
    mode : {"auto", "min", "max"}, default="auto"
        As in `EarlyStopping`.
    every : int, default=1
        Write after every so many epochs.
    resumable : bool, default=False
        Whether to write the state of the training too, so that the model that is read has the
        method `resume`, or goes on with a stream by `partial_fit`, as if never interrupted. For
        networks with any solver but 'lbfgs'. Callbacks that change the learning rate must be set
        before this one.

    Examples
    --------
    >>> import os, tempfile
    >>> import joblib
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import MLPNet
    >>> from skdnn.callbacks import ModelCheckpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> path = os.path.join(tempfile.mkdtemp(), "best.joblib")
    >>> net = MLPNet(learning_rate_init=0.1, random_state=0)
    >>> net = net.set_callbacks(ModelCheckpoint(path, monitor="loss")).fit(X, y)
    >>> bool(joblib.load(path).loss_ == net.best_loss_)
    True
    """

    def __init__(
        self,
        path,
        *,
        monitor: str | None = None,
        mode: str = "auto",
        every: int = 1,
        resumable: bool = False,
    ):
        super().__init__(monitor or "", mode, 0.0)
        self.path, self.every, self.resumable = Path(path), every, resumable

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        """See a task end; write the model."""
        if context.task_name != "epoch" or X is None:
            return False
        row = estimator.history_[-1]
        due = row["epoch"] % self.every == 0
        if due and (not self.monitor or self._improves(row, self._runs[id(estimator)])):
            model = _detached(fitted_estimator)
            if self.resumable:
                model._training = _training_of(estimator)
            self._write(model, row["epoch"])
        return False

    def _write(self, model, epoch: int) -> None:
        path = Path(str(self.path).format(epoch=epoch))
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                joblib.dump(model, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


class ReduceLROnPlateau(_Monitor):
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
        self.factor, self.patience, self.min_lr = factor, patience, min_lr

    def _epoch_ends(self, estimator, row, run):
        schedule = _schedule_of(estimator, self)
        self._improves(row, run)
        if run["waited"] >= self.patience:
            schedule.rate = max(schedule.rate * self.factor, self.min_lr)
            run["waited"] = 0
        return False


class LearningRateScheduler(_EpochCallback):
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

    def on_fit_task_begin(self, estimator, context):
        """Set the rate when an epoch begins."""
        if context.task_name == "epoch":
            current = _schedule_of(estimator, self)
            epoch = len(estimator.history_)
            rate = float(self.schedule(epoch, current.rate))
            if not (np.isfinite(rate) and rate >= 0):
                raise ValueError(f"schedule gave {rate} for epoch {epoch}, no rate.")
            current.rate = rate


class CSVLogger(_EpochCallback):
    """Write the rows of the history to a CSV file, each when its epoch ends.

    Where training goes on, as in `resume`, the rows of the earlier epochs stand there too.

    Parameters
    ----------
    path : str or Path
        Where to write. A file that is there is replaced when the first epoch ends.
    """

    def __init__(self, path):
        super().__init__()
        self.path = Path(path)

    def _epoch_ends(self, estimator, row, run):
        begins = not run
        rows = estimator.history_ if begins else [row]
        if begins:
            run["columns"] = list(dict.fromkeys(name for earlier in rows for name in earlier))
        with open(self.path, "w" if begins else "a", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=run["columns"])
            if begins:
                writer.writeheader()
            writer.writerows(rows)
        return False


class WeightHistory(_EpochCallback):
    """Keep the weights after every so many epochs.

    With a constant learning rate the weights that SGD passes through once it has found the minimum
    are about a sample of the posterior (Mandt et al., 2017, Stochastic gradient descent as
    approximate Bayesian inference, JMLR 18): `models` gives the models of the trajectory.

    Parameters
    ----------
    every : int, default=1

    Attributes
    ----------
    epochs_ : list of int
        The epochs whose weights were kept, of the last fit.
    weights_ : list of dict
        Their weights: copies of `coefs_`, `intercepts_` and `normalizations_`, or of `coef_` and
        `intercept_`.
    """

    def __init__(self, every: int = 1):
        super().__init__()
        self.every = every

    def _start(self, estimator):
        return {"epochs": [], "weights": []}

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        """See a task end; keep the weights."""
        if context.task_name != "epoch" or X is None:
            return False
        epoch, run = estimator.history_[-1]["epoch"], self._runs[id(estimator)]
        if epoch % self.every == 0:
            run["epochs"].append(epoch)
            run["weights"].append(_weights(fitted_estimator))
        return False

    def models(self, estimator, start: int = 0) -> list:
        """Return a fitted model for each kept epoch.

        Parameters
        ----------
        estimator : estimator instance
            The fitted model whose weights were kept.
        start : int, default=0
            Leave out the epochs up to this one.

        Returns
        -------
        models : list of estimator instances
            That predict with the weights of their epoch.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_diabetes
        >>> from skdnn import MLPNetRegressor
        >>> from skdnn.callbacks import WeightHistory
        >>> X, y = load_diabetes(return_X_y=True)
        >>> history = WeightHistory()
        >>> net = MLPNetRegressor(solver="sgd", max_iter=50, n_iter_no_change=np.inf)
        >>> net = net.set_callbacks(history).fit(X, y / 100)
        >>> models = history.models(net, start=20)
        >>> spread = np.std([model.predict(X) for model in models], axis=0)
        >>> len(models), spread.shape
        (30, (442,))
        """
        models = []
        for epoch, weights in zip(self.epochs_, self.weights_, strict=True):
            if epoch > start:
                model = _detached(estimator)
                vars(model).update(weights)
                models.append(model)
        return models

    def teardown(self, estimator, context):
        """Show what was kept."""
        run = self._runs.pop(id(estimator), self._start(estimator))
        self.epochs_, self.weights_ = run["epochs"], run["weights"]
