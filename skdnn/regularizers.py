"""Penalties of a layer's weights or biases, with Keras' names and meaning.

Unlike an estimator's `alpha` they are added to the mean loss as they are, whatever the number of
rows, and an L2 penalty is not halved.
"""

from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from skdnn.component import Component

_STRENGTH = [Interval(Real, 0, None, closed="left")]


@dataclass(eq=False, repr=False)
class L1L2(Component):
    """The penalty ``l1 * sum(abs(w)) + l2 * sum(w ** 2)``.

    L1 is applied as a proximal step after each step of the solver, with the step length of each
    parameter, so that weights become zero and stay zero. Not for 'lbfgs'.

    Parameters
    ----------
    l1, l2 : float, default=0.01
        The strengths, not negative.

    Examples
    --------
    >>> from skdnn.layers import Dense
    >>> from skdnn.regularizers import L1L2
    >>> Dense(300, kernel_regularizer=L1L2(l1=0.001, l2=0.01))
    Dense(kernel_regularizer=L1L2(l1=0.001), units=300)
    """

    _parameter_constraints: ClassVar[dict] = {"l1": _STRENGTH, "l2": _STRENGTH}

    l1: float = 0.01
    l2: float = 0.01

    def strengths(self) -> tuple[float, float]:
        """Return l1 and l2 of the penalty ``l1 |w| + l2 w^2``."""
        return self.l1, self.l2


@dataclass(eq=False, repr=False)
class L1(Component):
    """The penalty ``l1 * sum(abs(w))``, as in `L1L2`.

    Parameters
    ----------
    l1 : float, default=0.01
        The strength, not negative.
    """

    _parameter_constraints: ClassVar[dict] = {"l1": _STRENGTH}

    l1: float = 0.01

    def strengths(self) -> tuple[float, float]:
        """Return l1 and l2 of the penalty ``l1 |w| + l2 w^2``."""
        return self.l1, 0.0


@dataclass(eq=False, repr=False)
class L2(Component):
    """The penalty ``l2 * sum(w ** 2)``, as in `L1L2`.

    Parameters
    ----------
    l2 : float, default=0.01
        The strength, not negative.
    """

    _parameter_constraints: ClassVar[dict] = {"l2": _STRENGTH}

    l2: float = 0.01

    def strengths(self) -> tuple[float, float]:
        """Return l1 and l2 of the penalty ``l1 |w| + l2 w^2``."""
        return 0.0, self.l2
