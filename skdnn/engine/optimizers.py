"""Optimisers: one step of the parameters along a gradient.

Each is a function (parameters, gradient, state, settings, step size); state has one row for each
moment. To add one: a code, its function, a branch in `step`, and a row in `OPTIMIZERS`. The tests
sweep `OPTIMIZERS`.
"""

import math
from typing import NamedTuple

import numpy as np

from skdnn.engine._jit import kernel, record
from skdnn.engine.elementary import ONE


class Optimizer(NamedTuple):
    """What the engine knows about an optimiser.

    Its number in `step`, its count of moments, and whether the weights decay apart from the
    gradient and its moments (Loshchilov and Hutter, 2019).
    """

    code: int
    n_moments: int
    decays: bool = False


SGD, RMSPROP, ADAGRAD, ADAM, NADAM = range(5)

OPTIMIZERS = {
    "sgd": Optimizer(SGD, 1),
    "rmsprop": Optimizer(RMSPROP, 1),
    "adagrad": Optimizer(ADAGRAD, 1),
    "adam": Optimizer(ADAM, 2),
    "adamw": Optimizer(ADAM, 2, decays=True),
    "nadam": Optimizer(NADAM, 2),
}

SETTINGS = record(
    [
        ("code", np.int64),
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


@kernel
def sgd(w, g, state, settings, rate):
    """Heavy-ball or Nesterov momentum, as in Sutskever et al. (2013).

    v <- momentum v - rate g;  w <- w + v, or w + momentum v - rate g.
    """
    dtype = w.dtype.type
    rate, momentum = dtype(rate), dtype(settings.momentum)
    velocity = state[0]
    if settings.nesterov:
        for i in range(w.size):
            velocity[i] = momentum * velocity[i] - rate * g[i]
            w[i] += momentum * velocity[i] - rate * g[i]
    else:
        for i in range(w.size):
            velocity[i] = momentum * velocity[i] - rate * g[i]
            w[i] += velocity[i]


@kernel
def rmsprop(w, g, state, settings, rate):
    """Hinton (2012): v <- rho v + (1 - rho) g^2;  w <- w - rate g / (sqrt(v) + epsilon)."""
    dtype = w.dtype.type
    rate, rho, epsilon = dtype(rate), dtype(settings.rho), dtype(settings.epsilon)
    v = state[0]
    for i in range(w.size):
        v[i] = rho * v[i] + (ONE - rho) * g[i] * g[i]
        w[i] -= rate * g[i] / (math.sqrt(v[i]) + epsilon)


@kernel
def adagrad(w, g, state, settings, rate):
    """Duchi et al. (2011): v <- v + g^2;  w <- w - rate g / (sqrt(v) + epsilon)."""
    dtype = w.dtype.type
    rate, epsilon = dtype(rate), dtype(settings.epsilon)
    v = state[0]
    for i in range(w.size):
        v[i] += g[i] * g[i]
        w[i] -= rate * g[i] / (math.sqrt(v[i]) + epsilon)


@kernel
def adam(w, g, state, settings, rate, t):
    """Kingma and Ba (2015), with the bias corrections in the step size, as in scikit-learn.

    m <- beta_1 m + (1 - beta_1) g;  v <- beta_2 v + (1 - beta_2) g^2;
    w <- w - rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).
    """
    dtype = w.dtype.type
    rate = dtype(rate * math.sqrt(1.0 - settings.beta_2**t) / (1.0 - settings.beta_1**t))
    epsilon = dtype(settings.epsilon)
    beta_1, rest_1 = dtype(settings.beta_1), dtype(1.0 - settings.beta_1)
    beta_2, rest_2 = dtype(settings.beta_2), dtype(1.0 - settings.beta_2)
    m, v = state[0], state[1]
    for i in range(w.size):
        m[i] = beta_1 * m[i] + rest_1 * g[i]
        v[i] = beta_2 * v[i] + rest_2 * g[i] * g[i]
        w[i] -= rate * m[i] / (math.sqrt(v[i]) + epsilon)


@kernel
def nadam(w, g, state, settings, rate, t):
    """Adam with Nesterov momentum, Dozat (2016), with a constant beta_1.

    w <- w - rate (beta_1 m / (1 - beta_1^(t+1)) + (1 - beta_1) g / (1 - beta_1^t))
    / (sqrt(v / (1 - beta_2^t)) + epsilon).
    """
    dtype = w.dtype.type
    ahead = dtype(rate * settings.beta_1 / (1.0 - settings.beta_1 ** (t + 1)))
    now = dtype(rate * (1.0 - settings.beta_1) / (1.0 - settings.beta_1**t))
    correction = dtype(1.0 / (1.0 - settings.beta_2**t))
    epsilon = dtype(settings.epsilon)
    beta_1, rest_1 = dtype(settings.beta_1), dtype(1.0 - settings.beta_1)
    beta_2, rest_2 = dtype(settings.beta_2), dtype(1.0 - settings.beta_2)
    m, v = state[0], state[1]
    for i in range(w.size):
        m[i] = beta_1 * m[i] + rest_1 * g[i]
        v[i] = beta_2 * v[i] + rest_2 * g[i] * g[i]
        w[i] -= (ahead * m[i] + now * g[i]) / (math.sqrt(v[i] * correction) + epsilon)


@kernel
def step(w, g, state, settings, rate, t):
    """Change the parameters `w` by step number `t` (from 1) with learning rate `rate`."""
    code = settings.code
    if code == SGD:
        sgd(w, g, state, settings, rate)
    elif code == RMSPROP:
        rmsprop(w, g, state, settings, rate)
    elif code == ADAGRAD:
        adagrad(w, g, state, settings, rate)
    elif code == ADAM:
        adam(w, g, state, settings, rate, t)
    elif code == NADAM:
        nadam(w, g, state, settings, rate, t)


@kernel
def step_sizes(steps, state, settings, rate, factor, t):
    """Write how far step number `t` moves each parameter by a gradient of 1 that stays as it is.

    `rate` is the step's learning rate, times the factor of the parameters. The velocity of a
    gradient of 1 is the sum of the rates, each times the momentum for each step since.
    """
    code, dtype = settings.code, steps.dtype.type
    if code == SGD:
        reach = factor * settings.reach
        steps[:] = dtype(settings.momentum * reach + rate if settings.nesterov else reach)
        return
    epsilon = dtype(settings.epsilon)
    v, correction = state[state.shape[0] - 1], ONE
    if code == ADAM or code == NADAM:
        # Of the mean squared gradient, as in their steps.
        correction = dtype(1.0 / (1.0 - settings.beta_2**t))
    for i in range(steps.size):
        steps[i] = dtype(rate) / (math.sqrt(v[i] * correction) + epsilon)
