"""Learning-rate schedules: how the rate changes while a stochastic solver trains.

    MLPNet(learning_rate=CosineDecay(warmup=5), learning_rate_init=0.01)

An object of a class derived from `Schedule` says what the rate is multiplied by, as a function of
the time; a fit does not change it. Time is measured in epochs and passes with every step, so that a
schedule means the same for every batch size. It begins with each call of `fit`, and goes on from
call to call of `partial_fit`, each being an epoch.

What follows a schedule, or one of scikit-learn's names, while a fit runs is a `Constant` or derived
from it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, InvalidParameterError

from skdnn.component import Component

__all__ = ["CosineDecay", "ExponentialDecay", "OneCycle", "Schedule", "StepDecay", "Steps"]

_EPOCHS = [Interval(Real, 0, None, closed="neither"), None]


class Steps(NamedTuple):
    """When the steps of an epoch are made.

    Attributes
    ----------
    time : ndarray of float64 of shape (n_steps,)
        When each step begins, in epochs since training began: e + k / n_steps for step k of
        epoch e, both counted from 0.
    length : float
        How long a step takes, in epochs: 1 / n_steps.
    max_iter : int
        The most epochs that a fit takes.
    """

    time: NDArray
    length: float
    max_iter: int


class Schedule(Component, ABC):
    """Base of the schedules. A derived class is a dataclass with one method, `factors`."""

    _parameter_constraints: ClassVar[dict] = {}

    @abstractmethod
    def factors(self, steps: Steps) -> NDArray:
        """Return what the initial learning rate is multiplied by in each step.

        Parameters
        ----------
        steps : Steps

        Returns
        -------
        factors : ndarray of float64 of shape (n_steps,)
        """

    def check(self, max_iter: int) -> None:
        """Check the parameters, for a fit of so many epochs.

        Raises
        ------
        InvalidParameterError
            When one has a value that it cannot have; a ValueError too.
        """
        self._validate_params()


@dataclass(eq=False, repr=False)
class StepDecay(Schedule):
    """Multiply the rate by `gamma` after every `step_size` epochs.

    In epoch e, counted from 0, the rate is ``learning_rate_init * gamma ** (e // step_size)``: the
    same as PyTorch's StepLR.

    Parameters
    ----------
    step_size : int, default=10
        In epochs.
    gamma : float, default=0.1
        In (0, 1].

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import MLPNet
    >>> from skdnn.schedules import StepDecay
    >>> X, y = load_iris(return_X_y=True)
    >>> halving = StepDecay(step_size=20, gamma=0.5)
    >>> net = MLPNet(learning_rate=halving, learning_rate_init=0.1, random_state=0).fit(X, y)
    >>> [net.history_[epoch]["learning_rate"] for epoch in (0, 19, 20)]
    [0.1, 0.1, 0.05]
    """

    step_size: int = 10
    gamma: float = 0.1

    _parameter_constraints: ClassVar[dict] = {
        "step_size": [Interval(Integral, 1, None, closed="left")],
        "gamma": [Interval(Real, 0, 1, closed="right")],
    }

    def factors(self, steps: Steps) -> NDArray:
        """Return what the initial learning rate is multiplied by in each step."""
        return self.gamma ** (steps.time // self.step_size)


@dataclass(eq=False, repr=False)
class ExponentialDecay(Schedule):
    """Multiply the rate by `gamma` in the course of every epoch, a little at each step.

    At time t, in epochs, the rate is ``learning_rate_init * gamma ** t``: the same as Keras'
    ExponentialDecay, and where an epoch begins as PyTorch's ExponentialLR. The staircase, with one
    rate an epoch, is ``StepDecay(step_size=1, gamma=gamma)``.

    Parameters
    ----------
    gamma : float, default=0.95
        In (0, 1].

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import MLPNet
    >>> from skdnn.schedules import ExponentialDecay
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPNet(learning_rate=ExponentialDecay(gamma=0.9), learning_rate_init=0.1)
    >>> net = net.set_params(random_state=0).fit(X, y)
    >>> [round(row["learning_rate"], 4) for row in net.history_[:3]]
    [0.1, 0.09, 0.081]
    """

    gamma: float = 0.95

    _parameter_constraints: ClassVar[dict] = {"gamma": [Interval(Real, 0, 1, closed="right")]}

    def factors(self, steps: Steps) -> NDArray:
        """Return what the initial learning rate is multiplied by in each step."""
        return self.gamma**steps.time


def _half_cosine(start: float, end: float, share: NDArray) -> NDArray:
    """Go from `start` to `end` as half a wave of the cosine does, `share` of the way."""
    return end + (start - end) * 0.5 * (1.0 + np.cos(np.pi * np.clip(share, 0.0, 1.0)))


@dataclass(eq=False, repr=False)
class CosineDecay(Schedule):
    """Lower the rate as half a wave of the cosine, after a linear warm-up.

    With w = `warmup`, f = `final`, T = `epochs` and the time t in epochs, the rate is
    `learning_rate_init` times f + (1 - f) / 2 (1 + cos(pi (t - w) / (T - w))) from t = w on [1]_,
    and stays at f from t = T on. Before, step k of the m that the warm-up has is made with the
    share (k + 1) / m of `learning_rate_init`, k counted from 0 [2]_: no step stands still.

    Parameters
    ----------
    warmup : float, default=0
        How long the warm-up is, in epochs.
    final : float, default=0.0
        The last rate, as a share of the initial one, in [0, 1].
    epochs : float or None, default=None
        When the last rate is reached, in epochs; None for `max_iter`. Training that ends on a
        plateau before that does not come to the lowest rates.

    References
    ----------
    .. [1] Loshchilov, Hutter (2017). SGDR: stochastic gradient descent with warm restarts. ICLR.
    .. [2] Goyal et al. (2017). Accurate, large minibatch SGD: training ImageNet in 1 hour.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import MLPNet
    >>> from skdnn.schedules import CosineDecay
    >>> X, y = load_iris(return_X_y=True)
    >>> cosine = CosineDecay(warmup=2, epochs=42)
    >>> net = MLPNet(learning_rate=cosine, learning_rate_init=0.1, random_state=0).fit(X, y)
    >>> [round(net.history_[epoch]["learning_rate"], 4) for epoch in (0, 1, 2, 22)]
    [0.05, 0.1, 0.1, 0.05]
    """

    warmup: float = 0
    final: float = 0.0
    epochs: float | None = None

    _parameter_constraints: ClassVar[dict] = {
        "warmup": [Interval(Real, 0, None, closed="left")],
        "final": [Interval(Real, 0, 1, closed="both")],
        "epochs": _EPOCHS,
    }

    def factors(self, steps: Steps) -> NDArray:
        """Return what the initial learning rate is multiplied by in each step."""
        epochs = self.epochs or steps.max_iter
        share = (steps.time - self.warmup) / (epochs - self.warmup)
        factors = _half_cosine(1.0, self.final, share)
        if self.warmup:
            warming = steps.time < self.warmup
            factors[warming] = np.minimum(1.0, (steps.time[warming] + steps.length) / self.warmup)
        return factors

    def check(self, max_iter: int) -> None:
        """Check the parameters, for a fit of so many epochs."""
        super().check(max_iter)
        epochs = self.epochs or max_iter
        if self.warmup and self.warmup >= epochs:
            which = "`max_iter`" if self.epochs is None else "`epochs`"
            raise InvalidParameterError(
                f"The 'warmup' parameter of CosineDecay must be less than {which}, {epochs}. "
                f"Got {self.warmup!r} instead."
            )


@dataclass(eq=False, repr=False)
class OneCycle(Schedule):
    """Raise the rate to `learning_rate_init` and lower it to almost nothing.

    It begins at ``learning_rate_init / div_factor``, is at `learning_rate_init` after the share
    `warmup` of the time and ends at ``learning_rate_init / (div_factor * final_div_factor)``; each
    way it goes as half a wave of the cosine. That is the policy of Smith and Topin [1]_ in the form
    of PyTorch's OneCycleLR; the momentum stays as it is.

    Parameters
    ----------
    warmup : float, default=0.3
        Share of the time in which the rate rises, in (0, 1).
    div_factor : float, default=25
        What the largest rate is divided by at the start, at least 1.
    final_div_factor : float, default=1e4
        What the first rate is divided by at the end, at least 1.
    epochs : float or None, default=None
        How long it takes, in epochs, the last rate staying from then on; None for `max_iter`.
        Training that ends on a plateau before that does not come to the lowest rates.

    References
    ----------
    .. [1] Smith, Topin (2018). Super-convergence: very fast training of neural networks using
       large learning rates. arXiv:1708.07120.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import MLPNet
    >>> from skdnn.schedules import OneCycle
    >>> X, y = load_iris(return_X_y=True)
    >>> cycle = OneCycle(warmup=0.25, epochs=40)
    >>> net = MLPNet(learning_rate=cycle, learning_rate_init=0.1, random_state=0).fit(X, y)
    >>> [round(net.history_[epoch]["learning_rate"], 4) for epoch in (0, 10, 25)]
    [0.004, 0.1, 0.05]
    """

    warmup: float = 0.3
    div_factor: float = 25
    final_div_factor: float = 1e4
    epochs: float | None = None

    _parameter_constraints: ClassVar[dict] = {
        "warmup": [Interval(Real, 0, 1, closed="neither")],
        "div_factor": [Interval(Real, 1, None, closed="left")],
        "final_div_factor": [Interval(Real, 1, None, closed="left")],
        "epochs": _EPOCHS,
    }

    def factors(self, steps: Steps) -> NDArray:
        """Return what the initial learning rate is multiplied by in each step."""
        share = steps.time / (self.epochs or steps.max_iter)
        first = 1.0 / self.div_factor
        rising = _half_cosine(first, 1.0, share / self.warmup)
        falling = _half_cosine(
            1.0, first / self.final_div_factor, (share - self.warmup) / (1.0 - self.warmup)
        )
        return np.where(share < self.warmup, rising, falling)


class Constant:
    """The rate stays as it is; a plateau ends the training.

    Parameters
    ----------
    rate : float
        The initial learning rate.
    power_t : float
        Exponent of the inverse scaling, for the schedule that has one.
    n_seen : float
        What earlier training has seen, in rows.

    Attributes
    ----------
    rate : float
        The current learning rate.
    """

    def __init__(self, rate: float, power_t: float = 0.5, n_seen: float = 0):
        self.initial = self.rate = float(rate)
        self.power_t, self.n_seen = power_t, n_seen

    def rates(self, epoch: int, step: int, n_steps: int) -> NDArray:
        """Return the rates of an epoch's steps, from its number and that of its first step."""
        return np.full(n_steps, self.rate)

    def epoch_ends(self, weight: float) -> None:
        """Set the rate for the next epoch, after one over rows of so much weight in all."""

    def plateau(self) -> tuple[bool, str]:
        """Return whether to stop on a plateau, and what is said."""
        return True, "Stopping."


class InverseScaling(Constant):
    """rate = initial / (t + 1)^power_t, t the number of rows seen, as in scikit-learn.

    A row counts its weight, so that a weight of 2 is the same as two rows here too.
    """

    def epoch_ends(self, weight: float) -> None:
        """Set the rate for the next epoch, after one over rows of so much weight in all."""
        self.n_seen += weight
        self.rate = self.initial / (self.n_seen + 1) ** self.power_t


class Adaptive(Constant):
    """The rate is divided by 5 on a plateau, until it is at most 1e-6."""

    def plateau(self) -> tuple[bool, str]:
        """Return whether to stop on a plateau, and what is said."""
        if self.rate <= 1e-6:
            return True, "Learning rate too small. Stopping."
        self.rate /= 5.0
        return False, f"Setting learning rate to {self.rate:f}"


class Timed(Constant):
    """The rate times the factors of a `Schedule`."""

    def __init__(self, schedule: Schedule, rate: float, max_iter: int):
        super().__init__(rate)
        # A copy: a change of the estimator's parameters does not reach a stream that has begun.
        self.schedule, self.max_iter = clone(schedule), max_iter

    def rates(self, epoch: int, step: int, n_steps: int) -> NDArray:
        """Return the rates of an epoch's steps, from its number and that of its first step."""
        time = epoch + np.arange(n_steps) / n_steps
        factors = np.asarray(self.schedule.factors(Steps(time, 1 / n_steps, self.max_iter)), float)
        if factors.shape != (n_steps,):
            raise ValueError(
                f"{self.schedule}.factors must return one factor for each of the {n_steps} steps; "
                f"it returned an array of shape {factors.shape}."
            )
        return self.rate * factors


class Called(Constant):
    """The rates that a function of the step's number returns."""

    def __init__(self, function: Callable[[int], float]):
        super().__init__(np.nan)
        self.function = function

    def rates(self, epoch: int, step: int, n_steps: int) -> NDArray:
        """Return the rates of an epoch's steps, from its number and that of its first step.

        Raises
        ------
        ValueError
            When the function returns no number, or one that is negative or not finite.
        """
        return np.array([self._rate(k) for k in range(step, step + n_steps)], np.float64)

    def _rate(self, step: int) -> float:
        rate = self.function(step)
        if not (isinstance(rate, Real) and np.isfinite(rate) and rate >= 0):
            raise ValueError(
                f"The schedule of the learning rate, {self.function!r}, must return a finite "
                f"number >= 0. It returned {rate!r} for step {step}."
            )
        return float(rate)


SCHEDULES = {"constant": Constant, "invscaling": InverseScaling, "adaptive": Adaptive}


def check_schedule(schedule: Any, max_iter: int) -> None:
    """Check the values of a schedule that is an object.

    Raises
    ------
    InvalidParameterError
        When one cannot be used; a ValueError too.
    """
    if isinstance(schedule, type):
        raise InvalidParameterError(
            f"The learning rate follows an object, not a class: write {schedule.__name__}() "
            f"instead of {schedule.__name__}."
        )
    if isinstance(schedule, Schedule):
        schedule.check(max_iter)


def follow(
    schedule: Any, rate: float, *, max_iter: int, power_t: float = 0.5, n_seen: float = 0.0
) -> Constant:
    """Return what follows a schedule while a fit runs.

    Parameters
    ----------
    schedule : Schedule, callable or str
        A callable maps the number of the step, from 0, to the learning rate; a name is a key of
        `SCHEDULES`.
    rate : float
        The initial learning rate.
    max_iter : int
        The most epochs that the fit takes.
    power_t, n_seen : float
        As in `Constant`.
    """
    if isinstance(schedule, Schedule):
        return Timed(schedule, rate, max_iter)
    if callable(schedule):
        return Called(schedule)
    return SCHEDULES[schedule](rate, power_t, n_seen)
