"""The fit loops of networks: epochs of a stochastic optimiser, or L-BFGS; when to stop."""

import hashlib
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from skdnn import engine
from skdnn.network import Network
from skdnn.objective import Objective
from skdnn.reporting import Silent
from skdnn.schedules import Constant
from skdnn.stochastic import Batches, Optimization, Shuffler
from skdnn.tasks import EpochTasks

# A loss so many times the one before training is no noise of the batches.
_DIVERGED = 1e3
# About so many rows stand for all of them in a fingerprint.
_FINGERPRINT_ROWS = 1000
# Parameters that may have other values where a fit is resumed: they say when it ends, or do not
# concern training.
_MAY_CHANGE = ("max_iter", "verbose", "tol", "n_iter_no_change", "transform_layer")


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of the line outside this package and scikit-learn whose call has led here."""
    level, frame = 1, sys._getframe()
    # `skip_file_prefixes` of `warnings.warn` needs Python 3.12.
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(("skdnn.", "sklearn.")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


@dataclass
class Standing:
    """Where training stands after the epochs so far.

    Attributes
    ----------
    history : list of dict
        A row for each epoch.
    best_loss, best_score : float
        The best of an epoch; the loss where it says when to stop.
    best_params : ndarray of shape (n_numbers,), default=None
        The parameters of the best score.
    stale : int
        The number of epochs in a row that have brought no improvement.
    converged : bool
        Whether training is at its end, no improvement being expected.
    """

    history: list[dict] = field(default_factory=list)
    best_loss: float = np.inf
    best_score: float = -np.inf
    best_params: NDArray | None = None
    stale: int = 0
    converged: bool = False


@dataclass
class Progress:
    """What takes note of each epoch, and the rule that says when to stop.

    Attributes
    ----------
    network : Network
        What is trained.
    tol : float
        The least improvement that counts.
    patience : float
        So many epochs in a row without one are a plateau.
    report : Silent
        What shows each epoch.
    validate : callable, default=None
        Returns the validation loss and score of a vector of parameters, the larger the better.
    early_stopping : bool
        Whether the validation score says when to stop, instead of the training loss, and which
        weights are the best.
    standing : Standing
    tasks : EpochTasks, default=None
        Told of each epoch, where callbacks are set.
    n_before : int
        The number of epochs in the history that belong to earlier calls.
    interrupted : bool
        Whether the user or a callback ended the training.
    """

    network: Network
    tol: float
    patience: float
    report: Silent = field(default_factory=Silent)
    validate: Callable[[NDArray], tuple[float, float]] | None = None
    early_stopping: bool = False
    standing: Standing = field(default_factory=Standing)
    tasks: EpochTasks | None = None
    n_before: int = 0
    interrupted: bool = False

    @property
    def history(self) -> list[dict]:
        """A row for each epoch."""
        return self.standing.history

    def fitted(self, params: NDArray) -> Callable[[], dict]:
        """Return what gives the estimator's fitted attributes with a copy of these parameters."""

        def attributes() -> Any:
            fitted: dict[str, Any] = dict(self.network.views(params.copy()))
            fitted["n_iter_"] = len(self.history) - self.n_before
            return {**fitted, **self.outcome()}

        return attributes

    def outcome(self) -> dict[str, Any]:
        """Return the fitted attributes that say what training has come to."""
        standing = self.standing
        score: float | None = standing.best_score
        if standing.best_score == -np.inf:
            score = None if self.validate is None else np.nan
        found: dict[str, Any] = {
            "best_loss_": None if self.early_stopping else np.float64(standing.best_loss),
            "best_validation_score_": score,
            "converged_": standing.converged,
            "_no_improvement_count": standing.stale,
        }
        if self.history:
            found["loss_"] = np.float64(self.history[-1]["loss"])
        return found

    def record(self, epoch: int, loss: float, params: NDArray, started: float, **more: Any) -> None:
        """Take an epoch's outcome; `started` is the `time.perf_counter` at its beginning."""
        row = {"epoch": len(self.history) + 1, "loss": loss}
        if self.validate is not None:
            row["validation_loss"], row["validation_score"] = self.validate(params)
        self.history.append({**row, **more, "seconds": time.perf_counter() - started})
        self.report.epoch(epoch, self.history[-1])
        standing, before = self.standing, self.standing.best_score
        if self.validate is not None:
            score = row["validation_score"]
            # A score that is not known is worse than any.
            standing.best_score = max(before, -np.inf if np.isnan(score) else score)
        if not self.early_stopping:
            self._count(loss <= standing.best_loss - self.tol)
            standing.best_loss = min(standing.best_loss, loss)
            return
        self._count(score >= before + self.tol)
        # Of equal scores the latest is kept: on few rows they are often equal, and the weights
        # that were trained longer then predict better.
        if score >= before or standing.best_params is None:
            standing.best_params = params.copy()

    def _count(self, improved: bool) -> None:
        self.standing.stale = 0 if improved else self.standing.stale + 1

    @property
    def on_plateau(self) -> bool:
        """Whether there was no improvement for `patience` epochs."""
        return self.standing.stale >= self.patience

    def settle(self, schedule: Constant) -> None:
        """On a plateau, end the training or lower the learning rate, as the schedule says."""
        if not self.on_plateau:
            return
        self.standing.converged, said = schedule.plateau()
        self.report.say(f"{self.plateau_message} {said}")
        if not self.standing.converged:
            self.standing.stale = 0

    @property
    def plateau_message(self) -> str:
        """What is said of a plateau."""
        what = "Validation score" if self.early_stopping else "Training loss"
        return (
            f"{what} did not improve more than tol={self.tol:f} for {self.patience} "
            "consecutive epochs."
        )


@dataclass
class Origin:
    """What a fit was called with: one that goes on with it must be called with the same.

    Attributes
    ----------
    parameters : dict
        Those of the estimator, by the names of `get_params`.
    rows, validation : tuple of int and str
        The `fingerprint` of the data, and of the rows to validate on; None without such.
    """

    parameters: dict[str, Any]
    rows: tuple[int, str]
    validation: tuple[int, str] | None

    def check_parameters(self, now: dict[str, Any]) -> None:
        """Raise a ValueError when a parameter that training depends on has another value now."""
        # From the outside in: where a layer was added, the list of layers is named.
        for name in sorted({**self.parameters, **now}, key=lambda name: name.count("__")):
            was, value = self.parameters.get(name), now.get(name)
            if name not in _MAY_CHANGE and not _same(was, value):
                raise ValueError(
                    f"resume needs the parameters of the interrupted fit, but {name} is "
                    f"{value!r}, and was {was!r} then. Only {', '.join(_MAY_CHANGE)} may change."
                )

    def check_rows(self, now: "Origin") -> None:
        """Raise a ValueError when the rows, or those to validate on, are others now."""
        if (now.validation is None) != (self.validation is None):
            raise ValueError(
                "resume needs the rows that the interrupted fit validated on, but X_val and y_val "
                f"are {'not given' if now.validation is None else 'given'}, unlike then."
            )
        _check_print("X", "y or sample_weight", self.rows, now.rows)
        if self.validation is not None and now.validation is not None:
            _check_print("X_val", "y_val or sample_weight_val", self.validation, now.validation)


def _same(a: Any, b: Any) -> bool:
    """Return whether two values of a parameter are the same, arrays by their elements."""
    if a is b:
        return True
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    try:
        arrays = isinstance(a, np.ndarray) or isinstance(b, np.ndarray)
        return np.array_equal(a, b) if arrays else bool(a == b)
    except (TypeError, ValueError):
        # Tables, for example, have no one answer.
        return False


def _check_print(name: str, others: str, was: tuple[int, str], now: tuple[int, str]) -> None:
    needs = "resume needs the data of the interrupted fit"
    if now[0] != was[0]:
        raise ValueError(f"{needs}: {name} had {was[0]} rows then, and has {now[0]}.")
    if now != was:
        raise ValueError(
            f"{needs}, but {name}, {others} has other values, or another order of the rows. Of a "
            "Pipeline a checkpoint holds the last step alone, which needs rows that the steps "
            "before it have transformed."
        )


def fingerprint(data: Any) -> tuple[int, str]:
    """Return the number of rows, and a hash of some of them, spread over all, and their weights."""
    n_rows = len(data.y)
    rows = np.arange(0, n_rows, max(1, n_rows // _FINGERPRINT_ROWS))
    hashes = np.empty(len(rows), np.uint64)
    engine.hash_rows(data._replace(order=engine.read_only(rows)), np.uint64(0), hashes)
    weight = data.weight[rows] if len(data.weight) else data.weight
    return n_rows, hashlib.sha256(hashes.tobytes() + weight.tobytes()).hexdigest()


@dataclass
class Training:
    """A stochastic training: all that its next epoch depends on, but the data and the parameters.

    A pickle that is made between two epochs is what another process goes on from.

    Attributes
    ----------
    optimization : Optimization
    random_state : RandomState
        Shuffles the rows.
    standing : Standing
    order : ndarray of int64 or None
        The rows of a fit that are trained on, as they were last shuffled; None without shuffling.
    origin : Origin, callable or None
        What the fit was called with; while it runs, what returns that: only a pickle needs it.
        None in a stream, each call of which has other rows.
    """

    optimization: Optimization
    random_state: np.random.RandomState
    standing: Standing
    order: NDArray | None = None
    origin: Origin | Callable[[], Origin] | None = None

    def __getstate__(self) -> dict:
        origin = self.origin() if callable(self.origin) else self.origin
        return {**vars(self), "origin": origin}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state)
        # The kernels take the numbers of the rows as they are.
        if self.order is not None and isinstance(self.origin, Origin):
            known = np.isin(self.order, np.arange(self.origin.rows[0]))
            if self.order.dtype != np.int64 or self.order.ndim != 1 or not known.all():
                raise ValueError("The order of the rows has numbers that no row has.")

    @property
    def streams(self) -> bool:
        """Whether it goes on from call to call of `partial_fit`."""
        return self.origin is None


def train(
    training: Training, batches: Batches, params: NDArray, progress: Progress, *, max_iter: int
) -> None:
    """Train until a plateau or until `max_iter` epochs have been made, in place.

    Parameters
    ----------
    training : Training
        What goes on; its `standing` is that of `progress`.
    batches, params, progress
        On what to train, and what to keep of it.
    max_iter : int
        Those counted that `training` has made before.

    Raises
    ------
    ValueError
        When the loss is no longer finite.

    Warns
    -----
    ConvergenceWarning
        When it is, but so large that training made it worse.
    """
    optimization = training.optimization
    before = batches.first_loss(params)
    if progress.tasks is not None:
        progress.tasks.schedule = optimization.schedule
    try:
        with optimization.training(params):
            _run_epochs(training, batches, params, progress, max_iter)
    finally:
        if progress.tasks is not None:
            progress.tasks.close()
    after = progress.history[-1]["loss"] if progress.history else before
    if after > _DIVERGED * max(before, 1.0):
        warn(
            f"Training diverged: the loss rose from {before:g} to {after:g}. Lower the learning "
            f"rate ({optimization.rate:g}), or scale the data.",
            ConvergenceWarning,
        )


def _run_epochs(
    training: Training, batches: Batches, params: NDArray, progress: Progress, max_iter: int
) -> None:
    optimization, standing, tasks = training.optimization, training.standing, progress.tasks
    try:
        with progress.report, Shuffler(training.random_state) as shuffler:
            training.random_state = shuffler.random_state
            while optimization.epochs < max_iter and not standing.converged:
                if tasks is not None:
                    tasks.begin(progress.fitted(optimization.current(params)))
                started = time.perf_counter()
                if batches.order is not None:
                    shuffler.shuffle(batches.order)
                loss = optimization.epoch(batches, params)
                epoch, rate = optimization.epochs, optimization.rate
                if not np.isfinite(loss):
                    raise ValueError(
                        "Solver produced non-finite parameter weights. The input data may contain "
                        "large values and need to be preprocessed, or the learning rate is too "
                        f"large: the loss became {loss} in iteration {epoch}, with a learning "
                        f"rate of {rate:g}."
                    )
                current = optimization.current(params)
                progress.record(epoch, loss, current, started, learning_rate=rate)
                optimization.schedule.epoch_ends(batches.weight)
                progress.settle(optimization.schedule)
                if tasks is not None:
                    # A callback may write `training` to a file.
                    shuffler.write_back()
                    if tasks.end(progress.fitted(current)):
                        progress.interrupted = True
                        return
                if optimization.interrupted:
                    optimization.interrupted = False
                    raise KeyboardInterrupt
    except KeyboardInterrupt:
        warn("Training interrupted by user.")
        progress.interrupted = True


def train_lbfgs(
    objective: Objective,
    params: NDArray,
    progress: Progress,
    *,
    max_iter: int,
    max_fun: int,
) -> int:
    """Minimise with SciPy's L-BFGS-B, in place; return the number of iterations.

    The loss and gradient are computed in the network's dtype, SciPy's own vectors are float64.
    """
    dtype = params.dtype
    iteration, started = 0, time.perf_counter()

    def loss_and_gradient(x: Any) -> Any:
        value, gradient = objective.loss_and_gradient(x.astype(dtype, copy=False))
        return value, gradient.astype(np.float64, copy=False)

    def after_iteration(intermediate_result: Any) -> None:
        nonlocal iteration, started
        current = intermediate_result.x.astype(dtype, copy=False)
        loss = intermediate_result.fun
        if objective.network.value_scale != 1.0:
            loss = objective.reported_loss(current)
        iteration += 1
        params[:] = current
        progress.record(iteration, loss, current, started)
        if progress.tasks is not None:
            progress.interrupted = progress.tasks.end(progress.fitted(params))
            progress.tasks.begin(progress.fitted(params))
        started = time.perf_counter()
        if progress.interrupted or (progress.early_stopping and progress.on_plateau):
            raise StopIteration

    if progress.tasks is not None:
        progress.tasks.begin(progress.fitted(params))
    with progress.report:
        result = scipy.optimize.minimize(
            loss_and_gradient,
            params.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=after_iteration,
            options={"maxfun": max_fun, "maxiter": max_iter, "gtol": progress.tol},
        )
    params[:] = result.x
    if progress.tasks is not None:
        # SciPy does not say which iteration is the last: one more was begun.
        progress.tasks.close()
    if progress.interrupted:
        return result.nit
    if progress.early_stopping and progress.on_plateau:
        progress.standing.converged = True
        progress.report.say(f"{progress.plateau_message} Stopping.")
        return result.nit
    progress.standing.converged = result.status == 0
    if result.status != 0:
        warn(
            f"lbfgs failed to converge after {result.nit} iteration(s) (status={result.status}): "
            f"{result.message}.\nIncrease the limits (max_iter={max_iter}, max_fun={max_fun}), or "
            "scale the data as shown in:\n"
            "    https://scikit-learn.org/stable/modules/preprocessing.html",
            ConvergenceWarning,
        )
    return result.nit
