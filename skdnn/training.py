"""The fit loop: epochs of a stochastic optimiser, validation, stopping; and L-BFGS."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.optimize import _check_optimize_result

from skdnn import engine
from skdnn.network import Network
from skdnn.objective import Objective
from skdnn.schedules import Constant

# A loss so many times the one before training is no noise of the batches.
_DIVERGED = 1e3


class Shuffler:
    """Shuffles rows inside the engine with the random numbers of a RandomState.

    Used as a context manager: at its end the RandomState stands where it would if it had
    shuffled itself.
    """

    def __init__(self, random_state: np.random.RandomState):
        self.random_state = random_state

    def __enter__(self):
        state = self.random_state.get_state(legacy=False)
        if state["bit_generator"] != "MT19937":
            # Another generator under the RandomState: it seeds one that the engine can continue.
            self.random_state = np.random.RandomState(self.random_state.randint(2**31))
            state = self.random_state.get_state(legacy=False)
        self._state, self._key = state, state["state"]["key"].copy()
        self._position = int(state["state"]["pos"])
        return self

    def shuffle(self, order: NDArray) -> None:
        """Shuffle `order` in place."""
        self._position = engine.shuffle(order, self._key, self._position)

    def __exit__(self, *_):
        self._state["state"] = {"key": self._key, "pos": self._position}
        self.random_state.set_state(self._state)


class Optimization:
    """A stochastic optimiser at work on a network's parameters.

    Parameters
    ----------
    network : Network
    name : str
        A key of `engine.OPTIMIZERS`.
    schedule : Constant
        The learning-rate schedule.
    **settings
        The optimiser's constants, fields of `engine.SETTINGS`.
    """

    def __init__(self, network: Network, name: str, schedule: Constant, **settings):
        optimizer = engine.OPTIMIZERS[name]
        record = np.zeros((), engine.SETTINGS)
        record["code"] = optimizer.code
        for key, value in settings.items():
            record[key] = value
        if not optimizer.decays:
            record["weight_decay"] = 0.0
        self.settings, self.schedule, self.steps = record[()], schedule, 0
        self.moments = np.zeros((optimizer.n_moments, network.n_params), network.dtype)

    def epoch(self, batches: "Batches", params: NDArray) -> float:
        """Train for one epoch, in place; return the mean of the batches' objectives."""
        net = batches.network
        loss = engine.train_epoch(
            batches.data,
            batches.n_rows,
            batches.size,
            net.layers,
            net.objective,
            params,
            batches.gradient,
            self.moments,
            self.settings,
            self.schedule.rate,
            self.steps,
            batches.work,
        )
        self.steps += -(-batches.n_rows // batches.size)
        return loss


class Batches:
    """The rows to train on, in batches, with the room that a batch needs.

    Parameters
    ----------
    network : Network
    X, y, weight : arrays
        As in `engine.as_data`.
    rows : ndarray of int64, default=None
        The rows to train on; None for all.
    size : int
        Rows in a batch; the last one may have fewer.
    shuffle : bool, default=True
    """

    def __init__(self, network, X, y, weight=None, rows=None, *, size: int, shuffle: bool = True):
        self.network, self.size = network, size
        self.n_rows = X.shape[0] if rows is None else len(rows)
        self.weight = self.n_rows if weight is None else float(np.sum(weight))
        if shuffle:
            rows = np.arange(self.n_rows) if rows is None else rows.copy()
        self.order = rows if shuffle else None
        self.data = engine.as_data(X, network.dtype, y, weight, rows)
        self.work = network.workspace(self.data, size)
        self.gradient = np.empty(network.n_params, network.dtype)

    def first_loss(self, params: NDArray) -> float:
        """Return the mean loss of the rows that come first."""
        net = self.network
        loss, _ = engine.mean_loss(
            self.data, self.size, net.layers, net.objective, params, self.work, self.size
        )
        return loss * net.value_scale


@dataclass
class Progress:
    """Loss and validation scores by epoch, and the rule that says when to stop.

    Attributes
    ----------
    tol : float
        The least improvement that counts.
    patience : float
        So many epochs in a row without one are a plateau.
    validate : callable, default=None
        Returns the validation score of a vector of parameters, larger is better; None to judge
        by the training loss.
    """

    tol: float
    patience: float
    verbose: bool = False
    validate: Callable[[NDArray], float] | None = None
    loss_curve: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    best_loss: float = np.inf
    best_score: float = -np.inf
    best_params: NDArray | None = None
    stale: int = 0

    def record(self, epoch: int, loss: float, params: NDArray) -> None:
        """Take an epoch's outcome."""
        self.loss_curve.append(loss)
        if self.verbose:
            print(f"Iteration {epoch}, loss = {loss:.8f}")
        if self.validate is None:
            self._count(loss <= self.best_loss - self.tol)
            self.best_loss = min(self.best_loss, loss)
            return
        score = self.validate(params)
        self.scores.append(score)
        if self.verbose:
            print(f"Validation score: {score:f}")
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
        what = "Training loss" if self.validate is None else "Validation score"
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
    outcome = _run_epochs(optimization, batches, params, progress, random_state, max_iter)
    after = progress.loss_curve[-1] if progress.loss_curve else before
    if after > _DIVERGED * max(before, 1.0):
        warnings.warn(
            f"Training diverged: the loss rose from {before:g} to {after:g}. Lower the learning "
            f"rate ({optimization.schedule.rate:g}), or scale the data.",
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
                if batches.order is not None:
                    shuffler.shuffle(batches.order)
                loss = optimization.epoch(batches, params)
                epoch += 1
                if not np.isfinite(loss):
                    raise ValueError(
                        "Solver produced non-finite parameter weights. The input data may contain "
                        "large values and need to be preprocessed, or the learning rate is too "
                        f"large: the loss became {loss} in iteration {epoch}, with a learning "
                        f"rate of {schedule.rate:g}."
                    )
                progress.record(epoch, loss, params)
                schedule.epoch_ends(batches.weight)
                if progress.on_plateau:
                    instead = schedule.plateau()
                    if progress.verbose:
                        print(f"{progress.plateau_message} {instead or 'Stopping.'}")
                    if instead is None:
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

    def loss_and_gradient(x):
        value, gradient = objective.loss_and_gradient(x.astype(dtype, copy=False))
        return value, gradient.astype(np.float64, copy=False)

    def after_iteration(intermediate_result):
        current = intermediate_result.x.astype(dtype, copy=False)
        loss = intermediate_result.fun
        if objective.network.value_scale != 1.0:
            loss = objective.reported_loss(current)
        progress.record(len(progress.loss_curve) + 1, loss, current)
        if progress.validate is not None and progress.on_plateau:
            raise StopIteration

    result = scipy.optimize.minimize(
        loss_and_gradient,
        params.astype(np.float64),
        method="L-BFGS-B",
        jac=True,
        callback=after_iteration,
        options={"maxfun": max_fun, "maxiter": max_iter, "gtol": progress.tol},
    )
    params[:] = result.x
    if progress.validate is not None and progress.on_plateau:
        if progress.verbose:
            print(f"{progress.plateau_message} Stopping.")
        return result.nit
    return _check_optimize_result("lbfgs", result, max_iter)
