"""The fit loops of networks: epochs of a stochastic optimiser, or L-BFGS; when to stop."""

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

from skdnn.network import Network
from skdnn.objective import Objective
from skdnn.stochastic import Batches, Optimization, Shuffler
from skdnn.tasks import EpochTasks

# A loss so many times the one before training is no noise of the batches.
_DIVERGED = 1e3


@dataclass
class Progress:
    """What is known of each epoch, and the rule that says when to stop.

    Attributes
    ----------
    network : Network
        What is trained.
    tol : float
        The least improvement that counts.
    patience : float
        So many epochs in a row without one are a plateau.
    validate : callable, default=None
        Returns the validation loss and score of a vector of parameters, the larger the better.
    early_stopping : bool
        Whether the validation score says when to stop, instead of the training loss, and which
        weights are the best.
    history : list of dict
        A row for each epoch.
    tasks : EpochTasks, default=None
        Told of each epoch, where callbacks are set.
    """

    network: Network
    tol: float
    patience: float
    verbose: bool = False
    validate: Callable[[NDArray], tuple[float, float]] | None = None
    early_stopping: bool = False
    history: list[dict] = field(default_factory=list)
    best_loss: float = np.inf
    best_score: float = -np.inf
    best_params: NDArray | None = None
    stale: int = 0
    tasks: EpochTasks | None = None

    def fitted(self, params: NDArray) -> Callable[[], dict]:
        """Return what gives the estimator's fitted attributes with a copy of these parameters."""

        def attributes():
            fitted: dict[str, Any] = dict(self.network.views(params.copy()))
            fitted["n_iter_"] = len(self.history)
            if self.history:
                fitted["loss_"] = self.history[-1]["loss"]
            return fitted

        return attributes

    def column(self, name: str) -> list:
        """Return a quantity of all epochs."""
        return [row[name] for row in self.history]

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
        if not self.early_stopping:
            self._count(loss <= self.best_loss - self.tol)
            self.best_loss = min(self.best_loss, loss)
            return
        score = row["validation_score"]
        self._count(score >= self.best_score + self.tol)
        # Of equal scores the latest is kept: on few rows they are often equal, and the weights
        # that were trained longer then predict better.
        if score >= self.best_score or self.best_params is None:
            self.best_score, self.best_params = score, params.copy()

    def _count(self, improved: bool) -> None:
        self.stale = 0 if improved else self.stale + 1

    @property
    def on_plateau(self) -> bool:
        """Whether there was no improvement for `patience` epochs."""
        return self.stale >= self.patience

    @property
    def plateau_message(self) -> str:
        """What is said of a plateau."""
        what = "Validation score" if self.early_stopping else "Training loss"
        return (
            f"{what} did not improve more than tol={self.tol:f} for {self.patience} "
            "consecutive epochs."
        )


def train(
    optimization: Optimization,
    batches: Batches,
    params: NDArray,
    progress: Progress,
    random_state: np.random.RandomState,
    *,
    max_iter: int,
) -> tuple[int, bool]:
    """Train until a plateau or for `max_iter` epochs, in place.

    Parameters
    ----------
    optimization, batches, params, progress, random_state
        What to train, on what, and what to keep of it.
    max_iter : int

    Returns
    -------
    n_epochs : int
    stopped : bool
        Whether it ended on a plateau or was interrupted.

    Raises
    ------
    ValueError
        When the loss is no longer finite.

    Warns
    -----
    ConvergenceWarning
        When it is, but so large that training made it worse.
    """
    before = batches.first_loss(params)
    if progress.tasks is not None:
        progress.tasks.schedule = optimization.schedule
    try:
        with optimization.training(params):
            outcome = _run_epochs(optimization, batches, params, progress, random_state, max_iter)
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
    return outcome


def _run_epochs(
    optimization: Optimization,
    batches: Batches,
    params: NDArray,
    progress: Progress,
    random_state: np.random.RandomState,
    max_iter: int,
) -> tuple[int, bool]:
    schedule, epoch = optimization.schedule, 0
    try:
        with Shuffler(random_state) as shuffler:
            while epoch < max_iter:
                if progress.tasks is not None:
                    progress.tasks.begin(progress.fitted(optimization.current(params)))
                started = time.perf_counter()
                if batches.order is not None:
                    shuffler.shuffle(batches.order)
                loss = optimization.epoch(batches, params)
                epoch += 1
                if not np.isfinite(loss):
                    raise ValueError(
                        "Solver produced non-finite parameter weights. The input data may contain "
                        "large values and need to be preprocessed, or the learning rate is too "
                        f"large: the loss became {loss} in iteration {epoch}, with a learning "
                        f"rate of {optimization.rate:g}."
                    )
                current = optimization.current(params)
                progress.record(epoch, loss, current, started, learning_rate=optimization.rate)
                schedule.epoch_ends(batches.weight)
                if progress.tasks is not None and progress.tasks.end(progress.fitted(current)):
                    return epoch, True
                if progress.on_plateau:
                    stop, said = schedule.plateau()
                    if progress.verbose:
                        print(f"{progress.plateau_message} {said}")
                    if stop:
                        return epoch, True
                    progress.stale = 0
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=2)
        return epoch, True
    return epoch, False


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
    iteration, started, interrupted = 0, time.perf_counter(), False

    def loss_and_gradient(x):
        value, gradient = objective.loss_and_gradient(x.astype(dtype, copy=False))
        return value, gradient.astype(np.float64, copy=False)

    def after_iteration(intermediate_result):
        nonlocal iteration, started, interrupted
        current = intermediate_result.x.astype(dtype, copy=False)
        loss = intermediate_result.fun
        if objective.network.value_scale != 1.0:
            loss = objective.reported_loss(current)
        iteration += 1
        params[:] = current
        progress.record(iteration, loss, current, started)
        if progress.tasks is not None:
            interrupted = progress.tasks.end(progress.fitted(params))
            progress.tasks.begin(progress.fitted(params))
        started = time.perf_counter()
        if interrupted or (progress.early_stopping and progress.on_plateau):
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
    if interrupted:
        return result.nit
    if progress.early_stopping and progress.on_plateau:
        if progress.verbose:
            print(f"{progress.plateau_message} Stopping.")
        return result.nit
    return _check_optimize_result("lbfgs", result, max_iter)
