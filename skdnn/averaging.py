"""Averages of the weights over the steps of training, as values of an estimator's `average`."""

from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from skdnn.component import Component


@dataclass(eq=False, repr=False)
class Polyak(Component):
    """The mean of the weights after each step: Polyak and Juditsky (1992).

    Parameters
    ----------
    start : float, default=1
        After so many epochs the averaging begins; until then the weights are those of the last
        step.

    Examples
    --------
    >>> from skdnn import MLPNet
    >>> from skdnn.averaging import Polyak
    >>> MLPNet(average=Polyak(start=5))
    MLPNet(average=Polyak(start=5))
    """

    _parameter_constraints: ClassVar[dict] = {"start": [Interval(Real, 0, None, closed="left")]}

    start: float = 1.0

    @property
    def rate(self) -> float:
        """The least share of the newest weights in the mean."""
        return 0.0


@dataclass(eq=False, repr=False)
class EMA(Component):
    """The exponential moving average of the weights after each step.

    mean <- decay mean + (1 - decay) weights; over the first 1 / (1 - decay) steps it is their plain
    mean, so that the initial weights do not linger.

    Parameters
    ----------
    decay : float, default=0.999
        In [0, 1).
    start : float, default=0
        After so many epochs the averaging begins.
    """

    _parameter_constraints: ClassVar[dict] = {
        "decay": [Interval(Real, 0, 1, closed="left")],
        "start": [Interval(Real, 0, None, closed="left")],
    }

    decay: float = 0.999
    start: float = 0.0

    @property
    def rate(self) -> float:
        """The least share of the newest weights in the mean."""
        return 1.0 - self.decay
