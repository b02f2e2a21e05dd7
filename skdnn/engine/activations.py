"""Activation functions and their derivatives.

To add one: a code, its function, its derivative, a branch in `activate` and in `differentiate`, and
a row in `ACTIVATIONS`. The tests sweep `ACTIVATIONS`.

A derivative that can be had from the output alone is a function of the output; then the
pre-activations need not be kept (``keeps_input=False``).
"""

import math
from typing import NamedTuple

from skdnn.engine._jit import kernel
from skdnn.engine.elementary import HALF, ONE, ZERO, erf, exp, expm1, logistic, softplus, tanh


class Activation(NamedTuple):
    """What the engine knows about an activation function.

    ``alpha`` is the default of its one parameter: the slope of the leaky ReLU for negative inputs,
    the saturation value of the ELU.
    """

    code: int
    keeps_input: bool = False
    alpha: float = 0.0


IDENTITY, LOGISTIC, TANH, RELU, LEAKY_RELU, ELU, SELU, SOFTPLUS, GELU, SILU, MISH = range(11)

ACTIVATIONS = {
    "identity": Activation(IDENTITY),
    "logistic": Activation(LOGISTIC),
    "tanh": Activation(TANH),
    "relu": Activation(RELU),
    "leaky_relu": Activation(LEAKY_RELU, alpha=0.01),
    "elu": Activation(ELU, alpha=1.0),
    "selu": Activation(SELU, alpha=1.6732632423543772),
    "softplus": Activation(SOFTPLUS),
    "gelu": Activation(GELU, keeps_input=True),
    "silu": Activation(SILU, keeps_input=True),
    "mish": Activation(MISH, keeps_input=True),
}

# Klambauer et al. (2017), Self-normalizing neural networks: with this scale and the alpha above,
# zero mean and unit variance are a fixed point.
SELU_SCALE = 1.0507009873554805

INVERSE_SQRT_2 = 1.0 / math.sqrt(2.0)
INVERSE_SQRT_2_PI = 1.0 / math.sqrt(2.0 * math.pi)


@kernel
def logistic_derivative(a):
    return a * (ONE - a)


@kernel
def tanh_derivative(a):
    return ONE - a * a


@kernel
def relu(z):
    # The comparison is false for NaN, which therefore passes.
    return ZERO if z < ZERO else z


@kernel
def relu_derivative(a):
    return ZERO if a <= ZERO else ONE


@kernel
def leaky_relu(z, alpha):
    return alpha * z if z < ZERO else z


@kernel
def leaky_relu_derivative(a, alpha):
    return alpha if a < ZERO else ONE


@kernel
def elu(z, alpha):
    return alpha * expm1(z) if z < ZERO else z


@kernel
def elu_derivative(a, alpha):
    return a + alpha if a < ZERO else ONE


@kernel
def selu(z, alpha, scale):
    return scale * elu(z, alpha)


@kernel
def selu_derivative(a, alpha, scale):
    return a + scale * alpha if a < ZERO else scale


@kernel
def softplus_derivative(a):
    # a = log(1 + e^z), so logistic(z) = 1 - e^-a.
    return -expm1(-a)


@kernel
def gelu(z, inverse_sqrt_2):
    return HALF * z * (ONE + erf(z * inverse_sqrt_2))


@kernel
def gelu_derivative(z, inverse_sqrt_2, inverse_sqrt_2_pi):
    return HALF * (ONE + erf(z * inverse_sqrt_2)) + z * inverse_sqrt_2_pi * exp(-HALF * z * z)


@kernel
def silu(z):
    return z * logistic(z)


@kernel
def silu_derivative(z):
    s = logistic(z)
    return s * (ONE + z * (ONE - s))


@kernel
def mish(z):
    return z * tanh(softplus(z))


@kernel
def mish_derivative(z):
    t = tanh(softplus(z))
    return t + z * (ONE - t * t) * logistic(z)


@kernel
def activate(code, alpha, a):
    """Turn the scores `a`, a vector, into f(a), in place.

    With two names for the same vector no loop would be vectorised.
    """
    alpha = a.dtype.type(alpha)
    if code == LOGISTIC:
        for i in range(a.size):
            a[i] = logistic(a[i])
    elif code == TANH:
        for i in range(a.size):
            a[i] = tanh(a[i])
    elif code == RELU:
        for i in range(a.size):
            a[i] = relu(a[i])
    elif code == LEAKY_RELU:
        for i in range(a.size):
            a[i] = leaky_relu(a[i], alpha)
    elif code == ELU:
        for i in range(a.size):
            a[i] = elu(a[i], alpha)
    elif code == SELU:
        scale = a.dtype.type(SELU_SCALE)
        for i in range(a.size):
            a[i] = selu(a[i], alpha, scale)
    elif code == SOFTPLUS:
        for i in range(a.size):
            a[i] = softplus(a[i])
    elif code == GELU:
        inverse_sqrt_2 = a.dtype.type(INVERSE_SQRT_2)
        for i in range(a.size):
            a[i] = gelu(a[i], inverse_sqrt_2)
    elif code == SILU:
        for i in range(a.size):
            a[i] = silu(a[i])
    elif code == MISH:
        for i in range(a.size):
            a[i] = mish(a[i])


@kernel
def differentiate(code, alpha, z, a, delta):
    """Multiply `delta` by f'(z), elementwise; `z` is read only where the activation keeps it."""
    alpha = a.dtype.type(alpha)
    if code == LOGISTIC:
        for i in range(a.size):
            delta[i] *= logistic_derivative(a[i])
    elif code == TANH:
        for i in range(a.size):
            delta[i] *= tanh_derivative(a[i])
    elif code == RELU:
        for i in range(a.size):
            delta[i] *= relu_derivative(a[i])
    elif code == LEAKY_RELU:
        for i in range(a.size):
            delta[i] *= leaky_relu_derivative(a[i], alpha)
    elif code == ELU:
        for i in range(a.size):
            delta[i] *= elu_derivative(a[i], alpha)
    elif code == SELU:
        scale = a.dtype.type(SELU_SCALE)
        for i in range(a.size):
            delta[i] *= selu_derivative(a[i], alpha, scale)
    elif code == SOFTPLUS:
        for i in range(a.size):
            delta[i] *= softplus_derivative(a[i])
    elif code == GELU:
        inverse_sqrt_2 = a.dtype.type(INVERSE_SQRT_2)
        inverse_sqrt_2_pi = a.dtype.type(INVERSE_SQRT_2_PI)
        for i in range(a.size):
            delta[i] *= gelu_derivative(z[i], inverse_sqrt_2, inverse_sqrt_2_pi)
    elif code == SILU:
        for i in range(a.size):
            delta[i] *= silu_derivative(z[i])
    elif code == MISH:
        for i in range(a.size):
            delta[i] *= mish_derivative(z[i])
