"""The fit loops of networks: epochs of a stochastic optimiser, or L-BFGS; when to stop."""

import hashlib
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.optimize import _check_optimize_result

from skdnn import engine
from skdnn.network import Network
from skdnn.objective import Objective
from skdnn.schedules import Constant
from skdnn.stochastic import Batches, Optimization, Shuffler
from skdnn.tasks import EpochTasks

# A loss so many times the one before training is no noise of the batches.
_DIVERGED = 1e3
# About so many rows stand for all of them in a fingerprint.
_FINGERPRINT_ROWS = 1000


@dataclass
class Standing:
    """Where training stands after the epochs so far.

    Attributes
    ----------
    history : list of dict
        A row for each epoch.
    best_loss, best_score : float
        The best of an epoch; the score where it says when to stop.
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
    verbose : bool
        Whether to print a line an epoch.
    validate : callable, default=None
        Returns the validation loss and score of a vector of parameters, the larger the better.
    early_stopping : bool
        Whether the validation score says when to stop, instead of the training loss, and which
        weights are the best.
    standing : Standing
    tasks : EpochTasks, default=None
        Told of each epoch, where callbacks are set.
    interrupted : bool
        Whether the user or a callback ended the training.
    """

    network: Network
    tol: float
    patience: float
    verbose: bool = False
    validate: Callable[[NDArray], tuple[float, float]] | None = None
    early_stopping: bool = False
    standing: Standing = field(default_factory=Standing)
    tasks: EpochTasks | None = None
    interrupted: bool = False

    @property
    def history(self) -> list[dict]:
        """A row for each epoch."""
        return self.standing.history

    def fitted(self, params: NDArray) -> Callable[[], dict]:
        """Return what gives the estimator's fitted attributes with a copy of these parameters."""

        def attributes():
            fitted: dict[str, Any] = dict(self.network.views(params.copy()))
            fitted["n_iter_"] = len(self.history)
            if self.history:
                fitted["loss_"] = self.history[-1]["loss"]
            return fitted

        return attributes

    def record(self, epoch: int, loss: float, params: NDArray, started: float, **more) -> None:
        """Take an epoch's outcome; `started` is the `time.perf_counter` at its beginning."""
        row = {"epoch": len(self.history) + 1, "loss": loss}
        if self.validate is not None:
            row["validation_loss"], row["validation_score"] = self.validate(params)
        self.history.append({**row, **more, "seconds": time.perf_counter() - started})
        if self.verbose:
            print(f"Iteration {epoch}, loss = {loss:.8f}")
            if self.validate is not None:
                print(f"Validation score: {row['validation_score']:f}")
        standing = self.standing
        if not self.early_stopping:
            self._count(loss <= standing.best_loss - self.tol)
            standing.best_loss = min(standing.best_loss, loss)
            return
        score = row["validation_score"]
        self._count(score >= standing.best_score + self.tol)
        # Of equal scores the latest is kept: on few rows they are often equal, and the weights
        # that were trained longer then predict better.
        if score >= standing.best_score or standing.best_params is None:
            standing.best_score, standing.best_params = score, params.copy()

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
        if self.verbose:
            print(f"{self.plateau_message} {said}")
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
class Rows:
    """The rows of a fit, as one that goes on with it finds them again. A copy holds no data.

    Attributes
    ----------
    split_seed : int or None
        The seed of `hold_out`; None where no rows were held out.
    order : ndarray of int64 or None
        The rows that are trained on, as they were last shuffled; None without shuffling.
    data : engine.Data or None
        All rows, while the fit runs.
    fingerprint : tuple of int and str, or None
        In a copy, what tells whether the data are the same.
    """

    split_seed: int | None
    order: NDArray | None = None
    data: Any = None
    fingerprint: tuple[int, str] | None = None

    def __getstate__(self) -> dict:
        if self.data is None:
            return vars(self)
        return {**vars(self), "data": None, "fingerprint": fingerprint(self.data)}


def fingerprint(data) -> tuple[int, str]:
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
    rows : Rows or None
        None in a stream, each call of which has other rows.
    """

    optimization: Optimization
    random_state: np.random.RandomState
    standing: Standing
    rows: Rows | None = None


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
        warnings.warn(
            f"Training diverged: the loss rose from {before:g} to {after:g}. Lower the learning "
            f"rate ({optimization.rate:g}), or scale the data.",
            ConvergenceWarning,
            stacklevel=2,
        )


def _run_epochs(
    training: Training, batches: Batches, params: NDArray, progress: Progress, max_iter: int
) -> None:
    optimization, standing, tasks = training.optimization, training.standing, progress.tasks
    try:
        with Shuffler(training.random_state) as shuffler:
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
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=2)
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

    def loss_and_gradient(x):
        value, gradient = objective.loss_and_gradient(x.astype(dtype, copy=False))
        return value, gradient.astype(np.float64, copy=False)

    def after_iteration(intermediate_result):
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
        if progress.verbose:
            print(f"{progress.plateau_message} Stopping.")
        return result.nit
    progress.standing.converged = result.status == 0
    return _check_optimize_result("lbfgs", result, max_iter)
