"""Initialisers: what the weights and biases are before training.

Names, meaning and defaults are those of Keras. To add one: a dataclass derived from `Initializer`
with a method `_draw`, a `check` of its values, and a row in `INITIALIZERS`.
"""

import contextlib
import copy
import math
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from skdnn.component import Component

# The standard deviation of a standard normal number between -2 and 2:
# sqrt(1 - 4 phi(2) / (2 Phi(2) - 1)), phi and Phi the normal density and distribution function.
TRUNCATED_STDDEV = 0.87962566103423978

_MODES = ["fan_in", "fan_out", "fan_avg"]
_DISTRIBUTIONS = ["truncated_normal", "normal", "untruncated_normal", "uniform"]

Shape: TypeAlias = tuple[int, ...]


class Initializer(Component):
    """Base of the initialisers."""

    def draw(
        self,
        shape: Sequence[int],
        random_state: RandomState,
        fans: Sequence[int] | None = None,
    ) -> NDArray[np.float64]:
        """Return a new array of first values.

        Parameters
        ----------
        shape : tuple of int
            (n_in, n_out) for the weights of a layer, (n_out,) for its biases.
        random_state : RandomState
            Where random numbers come from.
        fans : tuple of int, default=None
            The numbers of inputs and of outputs that `VarianceScaling` goes by. None for those of
            the shape, which for (n_out,) are n_out and n_out, as in Keras. A layer's (n_in, n_out)
            gives its biases the range of its weights, as in scikit-learn.

        Returns
        -------
        values : ndarray of float64 of that shape

        Raises
        ------
        ValueError
            When the initialiser's values are not as described, or do not suit the shape.
        """
        self.check()
        shape = tuple(shape)
        return self._draw(shape, random_state, tuple(fans or (shape[0], shape[-1])))

    def check(self) -> None:
        """Raise a ValueError when the values are not as described."""

    def _draw(self, shape: Shape, random_state: RandomState, fans: Shape) -> NDArray[np.float64]:
        raise NotImplementedError

    def _refuse(self, name: str, expected: str) -> NoReturn:
        # In short: not all of an array.
        value = reprlib.repr(getattr(self, name))
        raise ValueError(f"{type(self).__name__}: {name} must be {expected}, got {value}.")

    def _check_finite(self, *names: str) -> None:
        for name in names:
            if not _is_finite(getattr(self, name)):
                self._refuse(name, "a finite number")


def _is_finite(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


def _truncated_normal(random_state: RandomState, shape: Shape) -> NDArray[np.float64]:
    """Draw standard normal numbers that are between -2 and 2."""
    # The inverse of the distribution function: exact, and one number of the stream for each entry,
    # where drawing again what is cut off would take a random number of them.
    share = random_state.uniform(ndtr(-2.0), ndtr(2.0), shape)
    # Rounding may put the outermost number past the cut by its last bit.
    return np.clip(ndtri(share), -2.0, 2.0)


@dataclass(eq=False, repr=False)
class Zeros(Initializer):
    """All values are 0: the usual start of biases.

    Weights that are all the same stay the same as one another within a layer, so that layers with
    hidden units behind them should not start like this.

    Examples
    --------
    >>> import numpy as np
    >>> from skdnn.initializers import Zeros
    >>> Zeros().draw((2,), np.random.RandomState(0))
    array([0., 0.])
    """

    def _draw(self, shape: Shape, random_state: RandomState, fans: Shape) -> NDArray[np.float64]:
        return np.zeros(shape)


@dataclass(eq=False, repr=False)
class Constant(Initializer):
    """All values are the same number.

    Parameters
    ----------
    value : float, default=0.0
        The number.

    Examples
    --------
    >>> import numpy as np
    >>> from skdnn.initializers import Constant
    >>> Constant(0.1).draw((2,), np.random.RandomState(0))
    array([0.1, 0.1])
    """

    value: float = 0.0

    def check(self) -> None:
        """Raise a ValueError when the value is no finite number."""
        self._check_finite("value")

    def _draw(self, shape: Shape, random_state: RandomState, fans: Shape) -> NDArray[np.float64]:
        return np.full(shape, self.value, np.float64)


@dataclass(eq=False, repr=False)
class RandomNormal(Initializer):
    """Values are drawn from the normal distribution N(mean, stddev^2).

    Parameters
    ----------
    mean : float, default=0.0
        Mean.
    stddev : float, default=0.05
        Standard deviation.

    Examples
    --------
    >>> import numpy as np
    >>> from skdnn.initializers import RandomNormal
    >>> RandomNormal(stddev=0.1).draw((2, 3), np.random.RandomState(0)).round(2)
    array([[ 0.18,  0.04,  0.1 ],
           [ 0.22,  0.19, -0.1 ]])
    """

    mean: float = 0.0
    stddev: float = 0.05

    def check(self) -> None:
        """Raise a ValueError when a value is not finite or the standard deviation negative."""
        self._check_finite("mean")
        if not _is_finite(self.stddev) or self.stddev < 0:
            self._refuse("stddev", "a finite number >= 0")

    def _draw(self, shape: Shape, random_state: RandomState, fans: Shape) -> NDArray[np.float64]:
        return random_state.normal(self.mean, self.stddev, shape)


@dataclass(eq=False, repr=False)
class TruncatedNormal(RandomNormal):
    """Values are drawn from N(mean, stddev^2), cut at two standard deviations from the mean.

    What is beyond is drawn again, so to speak. That makes the standard deviation of the values
    smaller than `stddev`: it is 0.8796 stddev.

    Parameters
    ----------
    mean : float, default=0.0
        Mean.
    stddev : float, default=0.05
        Standard deviation before the distribution is cut.

    Examples
    --------
    >>> import numpy as np
    >>> from skdnn.initializers import TruncatedNormal
    >>> TruncatedNormal(stddev=0.1).draw((2, 3), np.random.RandomState(0)).round(2)
    array([[ 0.01,  0.05,  0.02],
           [ 0.01, -0.02,  0.04]])
    """

    def _draw(self, shape: Shape, random_state: RandomState, fans: Shape) -> NDArray[np.float64]:
        return self.mean + self.stddev * _truncated_normal(random_state, shape)


@dataclass(eq=False, repr=False)
class RandomUniform(Initializer):
    """Values are drawn from the uniform distribution between two numbers.

    Parameters
    ----------
    low : float, default=-0.05
        Least value; Keras calls it minval.
    high : float, default=0.05
        Greatest value, which itself is not drawn; Keras calls it maxval.

    Examples
    --------
    >>> import numpy as np
    >>> from skdnn.initializers import RandomUniform
    >>> RandomUniform(0.0, 1.0).draw((2, 3), np.random.RandomState(0)).round(2)
    array([[0.55, 0.72, 0.6 ],
           [0.54, 0.42, 0.65]])
    """

    low: float = -0.05
    high: float = 0.05

    def check(self) -> None:
        """Raise a ValueError when a value is not finite or low is greater than high."""
        self._check_finite("low", "high")
        if self.low > self.high:
            self._refuse("low", f"at most high={self.high!r}")

    def _draw(self, shape: Shape, random_state: RandomState, fans: Shape) -> NDArray[np.float64]:
        return random_state.uniform(self.low, self.high, shape)


@dataclass(eq=False, repr=False)
class VarianceScaling(Initializer):
    """Values are drawn with mean 0 and variance scale / n, n what `mode` says of the layer.

    The sums that come out of a layer then are neither much larger nor much smaller than what goes
    in. The known rules are cases of it:

    ========================== ===== ======= ==================================
    name                       scale mode    for
    ========================== ===== ======= ==================================
    glorot_uniform, _normal    1     fan_avg tanh, identity [1]_
    he_uniform, _normal        2     fan_in  relu and those like it [2]_
    lecun_uniform, _normal     1     fan_in  selu [3]_, tanh as LeCun scales it
    ========================== ===== ======= ==================================

    Parameters
    ----------
    scale : float, default=1.0
        The variance times n.
    mode : {"fan_in", "fan_out", "fan_avg"}, default="fan_in"
        What n is: the number of inputs, of outputs, or the mean of the two.
    distribution : str, default="truncated_normal"
        "truncated_normal", or "normal" for short, is cut at two standard deviations, that before
        the cut being sqrt(scale / n) / 0.8796, so that the variance after it is scale / n.
        "untruncated_normal" is not cut. "uniform" is between -b and b, b = sqrt(3 scale / n).

    References
    ----------
    .. [1] Glorot, Bengio (2010). Understanding the difficulty of training deep feedforward neural
       networks. AISTATS.
    .. [2] He, Zhang, Ren, Sun (2015). Delving deep into rectifiers: surpassing human-level
       performance on ImageNet classification. ICCV.
    .. [3] Klambauer, Unterthiner, Mayr, Hochreiter (2017). Self-normalizing neural networks.
       NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from skdnn.initializers import VarianceScaling
    >>> weights = VarianceScaling(2.0).draw((400, 300), np.random.RandomState(0))
    >>> print(f"{400 * weights.var():.1f}")
    2.0
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "truncated_normal"

    def check(self) -> None:
        """Raise a ValueError when the scale is not positive or an option is unknown."""
        if not _is_finite(self.scale) or self.scale <= 0:
            self._refuse("scale", "a finite number > 0")
        if self.mode not in _MODES:
            self._refuse("mode", f"one of {_MODES}")
        if self.distribution not in _DISTRIBUTIONS:
            self._refuse("distribution", f"one of {_DISTRIBUTIONS}")

    def _draw(self, shape: Shape, random_state: RandomState, fans: Shape) -> NDArray[np.float64]:
        fan_in, fan_out = fans
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        if self.distribution == "uniform":
            # To the last bit the sqrt(6 / (n_in + n_out)) of scikit-learn: halving is exact, and
            # one division rounds, where 3 * (scale / n) would round twice.
            bound = math.sqrt(3.0 * self.scale / n)
            return random_state.uniform(-bound, bound, shape)
        stddev = math.sqrt(self.scale / n)
        if self.distribution == "untruncated_normal":
            return random_state.normal(0.0, stddev, shape)
        return stddev / TRUNCATED_STDDEV * _truncated_normal(random_state, shape)


@dataclass(eq=False, repr=False)
class Orthogonal(Initializer):
    """Weights are a random matrix with orthonormal columns, or rows where it has fewer of them.

    It keeps the length of what goes through it, forwards or backwards, so that a deep network
    starts with gradients that neither vanish nor explode [1]_. All such matrices are as likely
    [2]_. Biases cannot be drawn like this.

    Parameters
    ----------
    gain : float, default=1.0
        What the matrix is multiplied with: sqrt(2) makes up for a relu.

    References
    ----------
    .. [1] Saxe, McClelland, Ganguli (2014). Exact solutions to the nonlinear dynamics of learning
       in deep linear neural networks. ICLR.
    .. [2] Mezzadri (2007). How to generate random matrices from the classical compact groups.
       Notices of the AMS 54.

    Examples
    --------
    >>> import numpy as np
    >>> from skdnn.initializers import Orthogonal
    >>> weights = Orthogonal().draw((4, 2), np.random.RandomState(0))
    >>> np.abs(weights.T @ weights).round(6)
    array([[1., 0.],
           [0., 1.]])
    """

    gain: float = 1.0

    def check(self) -> None:
        """Raise a ValueError when the gain is no finite number."""
        self._check_finite("gain")

    def _draw(self, shape: Shape, random_state: RandomState, fans: Shape) -> NDArray[np.float64]:
        if len(shape) != 2:
            raise ValueError(f"Orthogonal: shape must be (n_in, n_out), got {shape}.")
        n_in, n_out = shape
        normal = random_state.normal(size=(max(shape), min(shape)))
        orthonormal, triangle = np.linalg.qr(normal)
        # The signs of a QR decomposition are a convention of who wrote it, and favour some
        # matrices. With a positive diagonal it is unique, and all are as likely.
        orthonormal *= np.where(triangle.diagonal() < 0, -1.0, 1.0)
        weights = orthonormal if n_in >= n_out else orthonormal.T
        return np.ascontiguousarray(self.gain * weights)


@dataclass(eq=False, repr=False)
class Array(Initializer):
    """Values are those of an array, for instance of a network that was trained before.

    Parameters
    ----------
    values : array-like of shape (n_in, n_out) or (n_out,)
        The values.

    Examples
    --------
    >>> import numpy as np
    >>> from skdnn.initializers import Array
    >>> Array([0.5, -0.5]).draw((2,), np.random.RandomState(0))
    array([ 0.5, -0.5])
    """

    values: Any

    def _draw(self, shape: Shape, random_state: RandomState, fans: Shape) -> NDArray[np.float64]:
        values = self._copy()
        if values.shape != shape:
            raise ValueError(
                f"Array: an array of shape {shape} is needed, got one of shape {values.shape}."
            )
        return values

    def check(self) -> None:
        """Raise a ValueError when a value is no finite number."""
        self._copy()

    def _copy(self) -> NDArray[np.float64]:
        # Rows of different lengths and objects that are no numbers raise; strings, complex numbers
        # and dates would be converted.
        with contextlib.suppress(TypeError, ValueError):
            if (values := np.asarray(self.values)).dtype.kind in "biufO":
                if np.isfinite(numbers := values.astype(np.float64)).all():
                    return numbers
        self._refuse("values", "an array of finite numbers")


INITIALIZERS = {
    "zeros": Zeros(),
    "ones": Constant(1.0),
    "random_normal": RandomNormal(),
    "truncated_normal": TruncatedNormal(),
    "random_uniform": RandomUniform(),
    "glorot_uniform": VarianceScaling(1.0, "fan_avg", "uniform"),
    "glorot_normal": VarianceScaling(1.0, "fan_avg"),
    "he_uniform": VarianceScaling(2.0, "fan_in", "uniform"),
    "he_normal": VarianceScaling(2.0, "fan_in"),
    "lecun_uniform": VarianceScaling(1.0, "fan_in", "uniform"),
    "lecun_normal": VarianceScaling(1.0, "fan_in"),
    "orthogonal": Orthogonal(),
}

# What scikit-learn has starts with its weights; the others as their authors advise, uniform as in
# scikit-learn where the distribution does not matter.
# What suits an activation better than "he_uniform".
_SUITING = {
    "identity": INITIALIZERS["glorot_uniform"],
    "tanh": INITIALIZERS["glorot_uniform"],
    "relu": INITIALIZERS["glorot_uniform"],
    # b = sqrt(2 / (n_in + n_out)), and 3 * (1 / 3) is 1 to the last bit.
    "logistic": VarianceScaling(1 / 3, "fan_avg", "uniform"),
    "selu": INITIALIZERS["lecun_normal"],
}


def initializer(value: Any) -> Initializer:
    """Return the initialiser that a parameter's value stands for.

    Parameters
    ----------
    value : str, Initializer or array-like
        A key of `INITIALIZERS`, an initialiser, or the values themselves.

    Returns
    -------
    initializer : Initializer
        A new one, unless `value` is one.

    Raises
    ------
    ValueError
        When it is none of these.

    Examples
    --------
    >>> from skdnn.initializers import initializer
    >>> initializer("he_uniform")
    VarianceScaling(distribution='uniform', scale=2.0)
    >>> initializer([0.0, 1.0])
    Array(values=[0.0, 1.0])
    """
    if isinstance(value, Initializer):
        return value
    if isinstance(value, str) and value in INITIALIZERS:
        # A copy: initialisers can be changed, and what is changed must not be the registry.
        return copy.copy(INITIALIZERS[value])
    # A number of numpy has __array__ too, and so has a class of arrays.
    if isinstance(value, list | tuple) or (
        hasattr(value, "__array__") and not isinstance(value, np.generic | type)
    ):
        return Array(value)
    raise ValueError(
        f"An initialiser must be one of {sorted(INITIALIZERS)}, an Initializer or an array, "
        f"got {value!r}."
    )


def default_initializer(activation: str) -> Initializer:
    """Return the initialiser that suits layers with an activation function.

    For the four activations of scikit-learn it draws the numbers that scikit-learn draws from the
    same random state, when the weights and then the biases of each layer are drawn, with the
    layer's (n_in, n_out) as `fans`. That is uniform between -b and b,
    b = sqrt(6 / (n_in + n_out)), or sqrt(2 / (n_in + n_out)) for the logistic function (Glorot and
    Bengio, 2010). For "selu" it is "lecun_normal" (Klambauer et al., 2017), for all others
    "he_uniform" (He et al., 2015); `VarianceScaling` has the references.

    Parameters
    ----------
    activation : str
        A key of `skdnn.engine.ACTIVATIONS`.

    Returns
    -------
    initializer : Initializer
        A new one.

    Examples
    --------
    >>> from skdnn.initializers import default_initializer
    >>> default_initializer("selu")
    VarianceScaling()
    """
    return copy.copy(_SUITING.get(activation, INITIALIZERS["he_uniform"]))
