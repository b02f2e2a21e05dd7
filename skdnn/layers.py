"""The layers of a network, as values of an estimator's `hidden_layers`.

To add one: a class with a method `records`, which says what the engine is told of it, and
`initialize`; and the kind's branch in `skdnn.engine.layers`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, InvalidParameterError, Options, StrOptions

from skdnn import engine
from skdnn.component import Component
from skdnn.initializers import INITIALIZERS, Initializer, default_initializer, initializer
from skdnn.regularizers import L1, L1L2, L2
from skdnn.validation import Registered

_REGULARIZER = [L1, L2, L1L2, None]
_INITIALIZER = [StrOptions(set(INITIALIZERS)), Initializer, "array-like", None]
_POSITIVE = Interval(Integral, 1, None, closed="left")


def _strengths(regularizer: Any) -> tuple[float, float]:
    """Return l1 and l2 of the engine's penalty l1 |w| + l2 / 2 w^2."""
    l1, l2 = (0.0, 0.0) if regularizer is None else regularizer.strengths()
    return l1, 2 * l2


class Layer(Component, ABC):
    """Base of the layers."""

    _parameter_constraints: ClassVar[dict] = {}

    def check(self) -> None:
        """Check the values.

        Raises
        ------
        InvalidParameterError
            When one is not as described; a ValueError too.
        """
        self._validate_params()
        if getattr(self, "alpha", None) is not None:
            kind = getattr(self, "activation", None)
            if kind is not None and not engine.ACTIVATIONS[kind].alpha:
                raise InvalidParameterError(
                    f"The 'alpha' parameter of {type(self).__name__} must be None with "
                    f"activation={kind!r}, which has no such parameter. Got {self.alpha!r} instead."
                )

    @abstractmethod
    def records(self, n_in: int) -> list[dict]:
        """Return what the engine is told of the layer: the fields of its records.

        Parameters
        ----------
        n_in : int
            Number of inputs.

        Returns
        -------
        records : list of dict
            Fields of `engine.LAYER`, and `has_bias` and `trainable`; `Network` adds the places.
        """

    def initialize(
        self, arrays: dict[str, NDArray], random_state: np.random.RandomState, network: Any
    ) -> None:
        """Set the parameters to what they are before training.

        Parameters
        ----------
        arrays : dict of ndarrays
            "weights", and "bias" where there is one, to be filled.
        random_state : RandomState
        network : Network
            Whose defaults hold where the layer says nothing.
        """


@dataclass(eq=False, repr=False)
class Dense(Layer):
    """A fully connected layer: ``activation(inputs @ weights + bias)``.

    Parameters
    ----------
    units : int
        Number of outputs.
    activation : str, default=None
        A key of `skdnn.engine.ACTIVATIONS`: 'relu', 'leaky_relu', 'elu', 'tanh', ... None: the
        estimator's `activation`.
    alpha : float, default=None
        The activation's parameter: the slope of 'leaky_relu' for negative values, the value at
        which 'elu' and 'selu' saturate. None: 0.01, 1 and 1.67.
    use_bias : bool, default=True
        Whether there is a bias.
    kernel_regularizer, bias_regularizer : L1, L2 or L1L2, default=None
        Penalties of the weights and of the biases. None: the weights have the estimator's `alpha`,
        the biases none.
    kernel_initializer : str, array or object of `skdnn.initializers`, default=None
        What the weights are drawn from; None: what suits the activation, see
        `skdnn.initializers.default_initializer`.
    bias_initializer : str, array or object of `skdnn.initializers`, default=None
        None: zeros; but with scikit-learn's own activations and the default `kernel_initializer`
        as scikit-learn draws them, uniform within the bound of the weights.
    max_norm : float, default=None
        The largest Euclidean norm that the weights of a unit may have; larger ones are scaled
        down to it after each step. None: any. Not for 'lbfgs'.
    trainable : bool, default=True
        Whether training changes the layer.

    Examples
    --------
    >>> from skdnn import MLPNet
    >>> from skdnn.layers import BatchNorm, Dense, Dropout
    >>> from skdnn.regularizers import L2
    >>> layers = [Dense(300, "relu", kernel_regularizer=L2(0.01)), Dropout(0.2), Dense(100)]
    >>> net = MLPNet(hidden_layers=layers, activation="tanh")
    >>> net.set_params(hidden_layers__0__units=50).hidden_layers[0].units
    50
    """

    _parameter_constraints: ClassVar[dict] = {
        "units": [_POSITIVE],
        "activation": [Registered("ACTIVATIONS"), None],
        "alpha": [Interval(Real, 0, None, closed="left"), None],
        "use_bias": ["boolean"],
        "kernel_regularizer": _REGULARIZER,
        "bias_regularizer": _REGULARIZER,
        "kernel_initializer": _INITIALIZER,
        "bias_initializer": _INITIALIZER,
        "max_norm": [Interval(Real, 0, None, closed="neither"), None],
        "trainable": ["boolean"],
    }

    units: int
    activation: str | None = None
    alpha: float | None = None
    use_bias: bool = True
    kernel_regularizer: L1 | L2 | L1L2 | None = None
    bias_regularizer: L1 | L2 | L1L2 | None = None
    kernel_initializer: Any = None
    bias_initializer: Any = None
    max_norm: float | None = None
    trainable: bool = True

    def check(self) -> None:
        """Check the values, those of the regularisers too."""
        super().check()
        for name in ("kernel_regularizer", "bias_regularizer"):
            regularizer = getattr(self, name)
            if regularizer is not None:
                try:
                    regularizer._validate_params()
                except InvalidParameterError as error:
                    raise InvalidParameterError(f"{name}: {error}") from None
        for name in ("bias_regularizer", "bias_initializer"):
            if not self.use_bias and getattr(self, name) is not None:
                raise InvalidParameterError(
                    f"The {name!r} parameter of {type(self).__name__} must be None with "
                    f"use_bias=False. Got {getattr(self, name)!r} instead."
                )

    def _width(self) -> int:
        return self.units

    def _kind(self, network: Any) -> str:
        return self.activation or network.activation

    def records(self, n_in: int) -> list[dict]:
        """Return what the engine is told of the layer: the fields of its records."""
        fields: dict[str, Any] = {
            "kind": engine.DENSE,
            "n_out": self._width(),
            "weight_rows": n_in,
            "has_bias": self.use_bias,
            "max_norm": self.max_norm or 0.0,
            "decays": True,
            "trainable": self.trainable,
            "activation": self.activation,
            "alpha": self.alpha,
        }
        if self.kernel_regularizer is not None:
            fields["l1"], fields["l2"] = _strengths(self.kernel_regularizer)
        if self.use_bias:
            fields["bias_l1"], fields["bias_l2"] = _strengths(self.bias_regularizer)
        return [fields]

    def initialize(
        self, arrays: dict[str, NDArray], random_state: np.random.RandomState, network: Any
    ) -> None:
        """Draw the initial weights and biases, the network's way where the layer has none."""
        weights, bias = arrays["weights"], arrays.get("bias")
        kind = self._kind(network)
        default = default_initializer(kind)
        chosen = self.kernel_initializer
        chosen = network.kernel_initializer if chosen is None else chosen
        drawn = default if chosen is None else initializer(chosen)
        weights[:] = drawn.draw(weights.shape, random_state)
        if bias is None:
            return
        if self.bias_initializer is not None:
            bias[:] = initializer(self.bias_initializer).draw(bias.shape, random_state)
        elif chosen is None and kind in ("identity", "logistic", "tanh", "relu"):
            bias[:] = default.draw(bias.shape, random_state, weights.shape)
        else:
            bias[:] = 0


@dataclass(eq=False, repr=False)
class Maxout(Dense):
    """A fully connected layer whose units are the largest of several linear functions.

    Goodfellow et al. (2013), Maxout networks. The weights have ``units * pieces`` columns, those
    of a unit side by side.

    Parameters
    ----------
    units : int
        Number of outputs.
    activation : None
        There is none beside the maximum.
    alpha, use_bias, kernel_regularizer, bias_regularizer, kernel_initializer, bias_initializer, \
            max_norm, trainable
        As in `Dense`; `max_norm` is of each linear function.
    pieces : int, default=2
        Number of linear functions of which a unit is the largest.
    """

    _parameter_constraints: ClassVar[dict] = {
        **Dense._parameter_constraints,
        "activation": [None],
        "alpha": [None],
        "pieces": [_POSITIVE],
    }

    pieces: int = 2

    def _width(self) -> int:
        return self.units * self.pieces

    def _kind(self, network: Any) -> str:
        return "identity"

    def records(self, n_in: int) -> list[dict]:
        """Return what the engine is told of the layer: the fields of its records."""
        (linear,) = super().records(n_in)
        linear["activation"] = "identity"
        return [linear, {"kind": engine.MAX_POOL, "n_out": self.units}]


@dataclass(eq=False, repr=False)
class Output(Dense):
    """The output layer, as the value of an estimator's `output_layer`.

    Its weights start as those of the hidden layers do, as in scikit-learn.

    Parameters
    ----------
    units, activation, alpha
        Set by the estimator.
    use_bias, kernel_regularizer, bias_regularizer, kernel_initializer, bias_initializer, \
            max_norm, trainable
        As in `Dense`.

    Examples
    --------
    >>> from skdnn import MLPNet
    >>> from skdnn.layers import Output
    >>> from skdnn.regularizers import L2
    >>> net = MLPNet(output_layer=Output(kernel_regularizer=L2(0.01)))
    >>> net.set_params(output_layer__kernel_regularizer__l2=0.1).output_layer
    Output(kernel_regularizer=L2(l2=0.1))
    """

    _parameter_constraints: ClassVar[dict] = {
        **Dense._parameter_constraints,
        "units": [Options(Integral, {0})],
        "activation": [None],
        "alpha": [None],
    }

    units: int = 0

    def _kind(self, network: Any) -> str:
        return network.activation


@dataclass(eq=False, repr=False)
class BatchNorm(Layer):
    """Batch normalisation: Ioffe and Szegedy (2015), arXiv:1502.03167.

    In training each input is shifted and scaled to mean 0 and variance 1 over the batch, its rows
    counting their weights; at prediction by the running mean and variance. Then it is multiplied by
    a factor and shifted by a constant, both trained. In a network with this layer the rows of an
    epoch are shared out evenly among its batches, so that the last one is not tiny; a batch of one
    row is normalised by the running statistics. A linear layer before it needs no bias
    (``use_bias=False``): the shift has the same effect.

    Parameters
    ----------
    momentum : float, default=0.9
        What the running mean and variance keep of themselves at each batch, in [0, 1); over the
        first batches they are plain means.
    epsilon : float, default=1e-5
        Added to the variance.
    activation : str, default='identity'
        Applied to the outputs. None: the estimator's `activation`.
    alpha : float, default=None
        The activation's parameter, as in `Dense`.
    trainable : bool, default=True
        Whether training changes factor, shift and running statistics. Where it does not, the
        layer uses the running statistics in training too.
    """

    _parameter_constraints: ClassVar[dict] = {
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "activation": [Registered("ACTIVATIONS"), None],
        "alpha": [Interval(Real, 0, None, closed="left"), None],
        "trainable": ["boolean"],
    }

    momentum: float = 0.9
    epsilon: float = 1e-5
    activation: str | None = "identity"
    alpha: float | None = None
    trainable: bool = True

    def records(self, n_in: int) -> list[dict]:
        """Return what the engine is told of the layer: the fields of its records."""
        return [
            {
                "kind": engine.BATCH_NORM,
                "n_out": n_in,
                "weight_rows": 1,
                "has_bias": True,
                "momentum": self.momentum,
                "epsilon": self.epsilon,
                "trainable": self.trainable,
                "activation": self.activation,
                "alpha": self.alpha,
                "l1": 0.0,
                "l2": 0.0,
            }
        ]

    def initialize(
        self, arrays: dict[str, NDArray], random_state: np.random.RandomState, network: Any
    ) -> None:
        """Set factors and variances to 1, shifts and means to 0."""
        arrays["weights"][:] = arrays["variance"][:] = 1
        arrays["bias"][:] = arrays["mean"][:] = arrays["n_batches"][:] = 0


@dataclass(eq=False, repr=False)
class Dropout(Layer):
    """Drops some of its inputs at random in training, and scales up the others.

    Srivastava et al. (2014), Dropout: a simple way to prevent neural networks from overfitting.
    First of all layers it drops features; sparse rows then become dense, batch by batch.

    Parameters
    ----------
    rate : float, default=0.5
        The share that is dropped, in [0, 1).
    """

    _parameter_constraints: ClassVar[dict] = {"rate": [Interval(Real, 0, 1, closed="left")]}

    rate: float = 0.5

    def records(self, n_in: int) -> list[dict]:
        """Return what the engine is told of the layer: none where nothing is dropped."""
        if not self.rate:
            return []
        return [{"kind": engine.DROPOUT, "n_out": n_in, "dropout": self.rate}]


def plain_layers(
    sizes: Sequence[int], dropout: Any = 0.0, batch_norm: bool = False
) -> list[list[Layer]]:
    """Return the layers for each number of hidden units.

    Parameters
    ----------
    sizes : sequence of int
    dropout : float or sequence of float
        The share of the outputs of the layers, or of each, that is dropped in training.
    batch_norm : bool
        Whether there is batch normalisation before each activation.
    """
    blocks: list[list[Layer]] = []
    for size, rate in zip(sizes, np.broadcast_to(dropout, len(sizes)), strict=True):
        if batch_norm:
            linear = Dense(size, "identity", use_bias=False)
            blocks.append([linear, BatchNorm(activation=None), Dropout(float(rate))])
        else:
            blocks.append([Dense(size), Dropout(float(rate))])
    return blocks
