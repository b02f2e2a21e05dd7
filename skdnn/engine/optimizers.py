"""Optimisers: one step of the parameters along a gradient.

Each is a kernel (parameters, gradient, first moment, second moment, settings, rate, power_1,
power_2) that changes the parameters and the moments in place; of an optimiser with one moment the
second is the first once more. The powers are those of the settings' betas to the number of the
step, from 1. To add one: its kernel and a row in `OPTIMIZERS`. The tests sweep
`OPTIMIZERS`.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import from_dtype, types

from skdnn.engine._jit import kernel, record
from skdnn.engine.elementary import ONE
from skdnn.engine.pointers import Pointer


class Optimizer(NamedTuple):
    """What the engine knows about an optimiser.

    Attributes
    ----------
    step : callable
        Its kernel.
    n_moments : int
    corrects : bool
        Whether the bias of its second moment is taken out.
    decays : bool
        Whether the weights decay apart from the gradient and its moments (Loshchilov and Hutter,
        2019).
    """

    step: Callable
    n_moments: int
    corrects: bool = False
    decays: bool = False


SETTINGS = record(
    [
        ("optimizer", np.int64),  # its number
        ("corrects", np.bool_),  # whether the bias of its second moment is taken out
        ("step", np.int64),  # addresses: of its kernel,
        ("train_block", np.int64),  # of what calls it,
        ("restrict", np.int64),  # and of what acts on the weights afterwards; 0 for nothing
        ("momentum", np.float64),
        ("nesterov", np.bool_),
        ("rho", np.float64),
        ("beta_1", np.float64),
        ("beta_2", np.float64),
        ("epsilon", np.float64),
        ("weight_decay", np.float64),
        ("clip_norm", np.float64),  # the largest norm of the gradient; 0 for any
        ("average_from", np.int64),  # the step after which the parameters are averaged,
        ("average_rate", np.float64),  # and the least share of the newest in the mean
        ("reach", np.float64),  # changed by each step: the learning rates summed as the velocity is
    ]
)
SETTINGS_TYPE = types.Array(from_dtype(SETTINGS), 1, "C")
STEP = Pointer(lambda number: (*[number[::1]] * 4, SETTINGS_TYPE, *[types.float64] * 3))


@kernel
def sgd(w, g, velocity, _, settings, rate, power_1, power_2):
    """Heavy-ball or Nesterov momentum, as in Sutskever et al. (2013).

    v <- momentum v - rate g;  w <- w + v, or w + momentum v - rate g.
    """
    dtype = w.dtype.type
    rate, momentum = dtype(rate), dtype(settings[0].momentum)
    if settings[0].nesterov:
        for i in range(w.size):
            velocity[i] = momentum * velocity[i] - rate * g[i]
            w[i] += momentum * velocity[i] - rate * g[i]
    else:
        for i in range(w.size):
            velocity[i] = momentum * velocity[i] - rate * g[i]
            w[i] += velocity[i]


@kernel
def rmsprop(w, g, v, _, settings, rate, power_1, power_2):
    """Hinton (2012): v <- rho v + (1 - rho) g^2;  w <- w - rate g / (sqrt(v) + epsilon)."""
    dtype = w.dtype.type
    rate, rho, epsilon = dtype(rate), dtype(settings[0].rho), dtype(settings[0].epsilon)
    for i in range(w.size):
        v[i] = rho * v[i] + (ONE - rho) * g[i] * g[i]
        w[i] -= rate * g[i] / (math.sqrt(v[i]) + epsilon)


@kernel
def adagrad(w, g, v, _, settings, rate, power_1, power_2):
    """Duchi et al. (2011): v <- v + g^2;  w <- w - rate g / (sqrt(v) + epsilon)."""
    dtype = w.dtype.type
    rate, epsilon = dtype(rate), dtype(settings[0].epsilon)
    for i in range(w.size):
        v[i] += g[i] * g[i]
        w[i] -= rate * g[i] / (math.sqrt(v[i]) + epsilon)


@kernel
def adam(w, g, m, v, settings, rate, power_1, power_2):
    """Kingma and Ba (2015), with the bias corrections in the step size, as in scikit-learn.

    m <- beta_1 m + (1 - beta_1) g;  v <- beta_2 v + (1 - beta_2) g^2;
    w <- w - rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).
    """
    dtype = w.dtype.type
    rate = dtype(rate * math.sqrt(1.0 - power_2) / (1.0 - power_1))
    epsilon = dtype(settings[0].epsilon)
    beta_1, rest_1 = dtype(settings[0].beta_1), dtype(1.0 - settings[0].beta_1)
    beta_2, rest_2 = dtype(settings[0].beta_2), dtype(1.0 - settings[0].beta_2)
    for i in range(w.size):
        m[i] = beta_1 * m[i] + rest_1 * g[i]
        v[i] = beta_2 * v[i] + rest_2 * g[i] * g[i]
        w[i] -= rate * m[i] / (math.sqrt(v[i]) + epsilon)


@kernel
def nadam(w, g, m, v, settings, rate, power_1, power_2):
    """Adam with Nesterov momentum, Dozat (2016), with a constant beta_1.

    w <- w - rate (beta_1 m / (1 - beta_1^(t+1)) + (1 - beta_1) g / (1 - beta_1^t))
    / (sqrt(v / (1 - beta_2^t)) + epsilon).
    """
    dtype = w.dtype.type
    ahead = dtype(rate * settings[0].beta_1 / (1.0 - settings[0].beta_1 * power_1))
    now = dtype(rate * (1.0 - settings[0].beta_1) / (1.0 - power_1))
    correction = dtype(1.0 / (1.0 - power_2))
    epsilon = dtype(settings[0].epsilon)
    beta_1, rest_1 = dtype(settings[0].beta_1), dtype(1.0 - settings[0].beta_1)
    beta_2, rest_2 = dtype(settings[0].beta_2), dtype(1.0 - settings[0].beta_2)
    for i in range(w.size):
        m[i] = beta_1 * m[i] + rest_1 * g[i]
        v[i] = beta_2 * v[i] + rest_2 * g[i] * g[i]
        w[i] -= (ahead * m[i] + now * g[i]) / (math.sqrt(v[i] * correction) + epsilon)


# An optimiser's number is its place here: new ones go to the end.
OPTIMIZERS = {
    "sgd": Optimizer(sgd, 1),
    "rmsprop": Optimizer(rmsprop, 1),
    "adagrad": Optimizer(adagrad, 1),
    "adam": Optimizer(adam, 2, corrects=True),
    "adamw": Optimizer(adam, 2, corrects=True, decays=True),
    "nadam": Optimizer(nadam, 2, corrects=True),
}
SGD = list(OPTIMIZERS).index("sgd")


@kernel
def step_sizes(steps, v, settings, rate, factor, reach, power_2):
    """Write how far a step moves each parameter by a gradient of 1 that stays as it is.

    `rate` is the step's learning rate, times the factor of the parameters; `reach` the sum of the
    rates so far, each times the momentum for each step since: the velocity of a gradient of 1.
    """
    dtype = steps.dtype.type
    if settings[0].optimizer == SGD:
        size = dtype(settings[0].momentum * factor * reach + rate)
        if not settings[0].nesterov:
            size = dtype(factor * reach)
        for i in range(steps.size):
            steps[i] = size
        return
    epsilon, correction = dtype(settings[0].epsilon), ONE
    if settings[0].corrects:
        # Of the mean squared gradient, as in their steps.
        correction = dtype(1.0 / (1.0 - power_2))
    for i in range(steps.size):
        steps[i] = dtype(rate) / (math.sqrt(v[i] * correction) + epsilon)
