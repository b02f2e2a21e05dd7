"""Activation functions and their derivatives.

To add one: a kernel that turns a vector of scores into f(z), in place, one that multiplies
derivatives by f'(z), and a row in `ACTIVATIONS`. The tests sweep `ACTIVATIONS`.

A derivative that can be had from the output alone is a function of the output; then the
pre-activations need not be kept (``keeps_input=False``).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from numba import types

from skdnn.engine._jit import kernel
from skdnn.engine.elementary import HALF, ONE, ZERO, erf, exp, expm1, logistic, softplus, tanh
from skdnn.engine.pointers import Pointer

# f(alpha, a) turns a vector into f(a) in place. With two names for it no loop would be vectorised.
ACTIVATE = Pointer(lambda number: (types.float64, number[::1]))
# f(alpha, z, a, delta) multiplies delta by f'(z); z is only there where the activation keeps it.
DIFFERENTIATE = Pointer(lambda number: (types.float64, number[::1], number[::1], number[::1]))


class Activation(NamedTuple):
    """What the engine knows about an activation function.

    Attributes
    ----------
    activate, differentiate : callable or None
        Its kernels; None for the identity.
    keeps_input : bool
        Whether the derivative needs the scores.
    alpha : float
        Default of its one parameter: the slope of the leaky ReLU for negative inputs, the
        saturation value of the ELU.
    """

    activate: Callable | None
    differentiate: Callable | None
    keeps_input: bool = False
    alpha: float = 0.0


# Klambauer et al. (2017), Self-normalizing neural networks: with this scale and the alpha below,
# zero mean and unit variance are a fixed point.
SELU_SCALE = 1.0507009873554805

INVERSE_SQRT_2 = 1.0 / math.sqrt(2.0)
INVERSE_SQRT_2_PI = 1.0 / math.sqrt(2.0 * math.pi)


@kernel
def logistic_activation(alpha, a):
    for i in range(a.size):
        a[i] = logistic(a[i])


@kernel
def logistic_derivative(alpha, z, a, delta):
    for i in range(a.size):
        delta[i] *= a[i] * (ONE - a[i])


@kernel
def tanh_activation(alpha, a):
    for i in range(a.size):
        a[i] = tanh(a[i])


@kernel
def tanh_derivative(alpha, z, a, delta):
    for i in range(a.size):
        delta[i] *= ONE - a[i] * a[i]


@kernel
def relu(alpha, a):
    for i in range(a.size):
        # The comparison is false for NaN, which therefore passes.
        a[i] = ZERO if a[i] < ZERO else a[i]


@kernel
def relu_derivative(alpha, z, a, delta):
    for i in range(a.size):
        delta[i] *= ZERO if a[i] <= ZERO else ONE


@kernel
def leaky_relu(alpha, a):
    alpha = a.dtype.type(alpha)
    for i in range(a.size):
        a[i] = alpha * a[i] if a[i] < ZERO else a[i]


@kernel
def leaky_relu_derivative(alpha, z, a, delta):
    alpha = a.dtype.type(alpha)
    for i in range(a.size):
        delta[i] *= alpha if a[i] < ZERO else ONE


@kernel
def elu(alpha, a):
    alpha = a.dtype.type(alpha)
    for i in range(a.size):
        a[i] = alpha * expm1(a[i]) if a[i] < ZERO else a[i]


@kernel
def elu_derivative(alpha, z, a, delta):
    alpha = a.dtype.type(alpha)
    for i in range(a.size):
        delta[i] *= a[i] + alpha if a[i] < ZERO else ONE


@kernel
def selu(alpha, a):
    alpha = a.dtype.type(alpha)
    scale = a.dtype.type(SELU_SCALE)
    for i in range(a.size):
        a[i] = scale * (alpha * expm1(a[i]) if a[i] < ZERO else a[i])


@kernel
def selu_derivative(alpha, z, a, delta):
    alpha = a.dtype.type(alpha)
    scale = a.dtype.type(SELU_SCALE)
    for i in range(a.size):
        delta[i] *= a[i] + scale * alpha if a[i] < ZERO else scale


@kernel
def softplus_activation(alpha, a):
    for i in range(a.size):
        a[i] = softplus(a[i])


@kernel
def softplus_derivative(alpha, z, a, delta):
    for i in range(a.size):
        # a = log(1 + e^z), so logistic(z) = 1 - e^-a.
        delta[i] *= -expm1(-a[i])


@kernel
def gelu(alpha, a):
    inverse_sqrt_2 = a.dtype.type(INVERSE_SQRT_2)
    for i in range(a.size):
        a[i] = HALF * a[i] * (ONE + erf(a[i] * inverse_sqrt_2))


@kernel
def gelu_derivative(alpha, z, a, delta):
    inverse_sqrt_2 = a.dtype.type(INVERSE_SQRT_2)
    inverse_sqrt_2_pi = a.dtype.type(INVERSE_SQRT_2_PI)
    for i in range(a.size):
        density = inverse_sqrt_2_pi * exp(-HALF * z[i] * z[i])
        delta[i] *= HALF * (ONE + erf(z[i] * inverse_sqrt_2)) + z[i] * density


@kernel
def silu(alpha, a):
    for i in range(a.size):
        a[i] *= logistic(a[i])


@kernel
def silu_derivative(alpha, z, a, delta):
    for i in range(a.size):
        s = logistic(z[i])
        delta[i] *= s * (ONE + z[i] * (ONE - s))


@kernel
def mish(alpha, a):
    for i in range(a.size):
        a[i] *= tanh(softplus(a[i]))


@kernel
def mish_derivative(alpha, z, a, delta):
    for i in range(a.size):
        t = tanh(softplus(z[i]))
        delta[i] *= t + z[i] * (ONE - t * t) * logistic(z[i])


# An activation's number is its place here: new ones go to the end.
ACTIVATIONS = {
    "identity": Activation(None, None),
    "logistic": Activation(logistic_activation, logistic_derivative),
    "tanh": Activation(tanh_activation, tanh_derivative),
    "relu": Activation(relu, relu_derivative),
    "leaky_relu": Activation(leaky_relu, leaky_relu_derivative, alpha=0.01),
    "elu": Activation(elu, elu_derivative, alpha=1.0),
    "selu": Activation(selu, selu_derivative, alpha=1.6732632423543772),
    "softplus": Activation(softplus_activation, softplus_derivative),
    "gelu": Activation(gelu, gelu_derivative, keeps_input=True),
    "silu": Activation(silu, silu_derivative, keeps_input=True),
    "mish": Activation(mish, mish_derivative, keeps_input=True),
}
