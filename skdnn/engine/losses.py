"""Loss functions of the raw scores (the last layer before its output activation).

A loss owns its value, its derivative and its link, the activation that turns scores into
predictions. To add one: a code, a function that returns (value, derivative) for one score, a
branch in `evaluate`, and a row in `LOSSES`. The tests sweep `LOSSES`.
"""

import math
from typing import NamedTuple

import numpy as np

from skdnn.engine._jit import inlined_kernel, kernel, record
from skdnn.engine.elementary import HALF, ONE, ZERO, exp, expm1, logistic, softplus


class Loss(NamedTuple):
    """What the engine knows about a loss.

    Attributes
    ----------
    code : int
        Its number in `evaluate`.
    link : str
        The output activation: "identity", "logistic", "softmax" or "exp".
    parameter : float
        Default of its one parameter: the Huber loss's `delta`, the pinball loss's `quantile`, the
        log loss's smoothing, the focal loss's `gamma`.
    averages_outputs : bool
        Whether the value reported for several outputs is their mean, as in scikit-learn,
        instead of their sum. The gradient is always that of the sum.
    """

    code: int
    link: str
    parameter: float = 0.0
    averages_outputs: bool = False


LOG_LOSS, BINARY_LOG_LOSS, FOCAL, BINARY_FOCAL = range(4)
SQUARED_ERROR, ABSOLUTE_ERROR, HUBER, POISSON, PINBALL = range(4, 9)

LOSSES = {
    "log_loss": Loss(LOG_LOSS, "softmax"),
    "binary_log_loss": Loss(BINARY_LOG_LOSS, "logistic"),
    "focal": Loss(FOCAL, "softmax", parameter=2.0),
    "binary_focal": Loss(BINARY_FOCAL, "logistic", parameter=2.0),
    "squared_error": Loss(SQUARED_ERROR, "identity", averages_outputs=True),
    "absolute_error": Loss(ABSOLUTE_ERROR, "identity", averages_outputs=True),
    "huber": Loss(HUBER, "identity", parameter=1.0, averages_outputs=True),
    "poisson": Loss(POISSON, "exp"),
    "pinball": Loss(PINBALL, "identity", parameter=0.5, averages_outputs=True),
}

# A row for each output, of which only the parameter differs, or one for all.
OBJECTIVE = record(
    [
        ("loss", np.int64),
        ("parameter", np.float64),  # the loss's parameter
        ("value_scale", np.float64),  # of the loss where it is reported, not in its gradient
        ("even_batches", np.bool_),  # whether an epoch's batches are of one size, to a row
        ("losses", np.int64),  # offsets into the workspace
        ("targets", np.int64),
        ("deltas", np.int64),
        ("widest", np.int64),  # the widest layer's number of outputs
    ]
)


@inlined_kernel
def binary_log_loss(z, y):
    """log(1 + e^z) - y z, y in {0, 1}."""
    return softplus(z) - y * z, logistic(z) - y


@inlined_kernel
def binary_focal(z, y, gamma):
    """-(1 - p)^gamma log p, p the probability of y in {0, 1}: Lin et al. (2017)."""
    sign = ONE if y > HALF else -ONE
    cross_entropy = softplus(-sign * z)
    p = exp(-cross_entropy)
    # 1 - p = logistic(-sign z), and its logarithm -softplus(sign z).
    modulation = exp(-gamma * softplus(sign * z))
    slope = modulation * (gamma * p * cross_entropy + logistic(-sign * z))
    return modulation * cross_entropy, -sign * slope


@inlined_kernel
def squared_error(z, y):
    """(z - y)^2 / 2."""
    r = z - y
    return HALF * r * r, r


@inlined_kernel
def absolute_error(z, y):
    """|z - y|; at the kink the derivative is 0."""
    r = z - y
    sign = -ONE if r < ZERO else (ONE if r > ZERO else r)
    return abs(r), sign


@inlined_kernel
def huber(z, y, delta):
    """r^2 / 2 for |r| = |z - y| <= delta, else delta (|r| - delta / 2)."""
    r = z - y
    clipped = -delta if r < -delta else (delta if r > delta else r)
    return clipped * (r - HALF * clipped), clipped


@inlined_kernel
def poisson(z, y):
    """Half the Poisson deviance with a log link: e^z - y z + y log y - y."""
    mean = exp(z)
    constant = y * math.log(y) - y if y > ZERO else ZERO
    return mean - y * z + constant, mean - y


@inlined_kernel
def pinball(z, y, quantile):
    """quantile (y - z) for z <= y, else (1 - quantile) (z - y)."""
    r = z - y
    slope = ONE - quantile if r > ZERO else (-quantile if r < ZERO else r)
    return slope * r, slope


@kernel
def softmax(z):
    """Turn each row of `z` into probabilities, in place; return nothing."""
    for i in range(z.shape[0]):
        _softmax_row(z[i])


@kernel
def _softmax_row(z):
    """Turn the scores `z` into probabilities, in place; return log(sum(exp(z)))."""
    largest = z[0]
    for j in range(1, z.size):
        if z[j] > largest:
            largest = z[j]
    total = ZERO * largest
    for j in range(z.size):
        z[j] = exp(z[j] - largest)
        total += z[j]
    inverse = ONE / total
    for j in range(z.size):
        z[j] *= inverse
    return z.dtype.type(math.log(total)) + largest


@kernel
def log_loss(z, y, delta, smoothing):
    """Cross-entropy of the softmax: log(sum_j e^z_j) - z_y, y the number of the class, by rows.

    With smoothing s (Szegedy et al., 2016) z_y becomes (1 - s) z_y + s mean(z).
    """
    share = smoothing / z.dtype.type(z.shape[1])
    for i in range(z.shape[0]):
        label = int(y[i, 0])
        score = z[i, label]
        if smoothing > ZERO:
            score *= ONE - smoothing
            for j in range(z.shape[1]):
                score += share * z[i, j]
        for j in range(z.shape[1]):
            delta[i, j] = z[i, j]
            z[i, j] = ZERO
        z[i, 0] = _softmax_row(delta[i]) - score
        if smoothing > ZERO:
            for j in range(z.shape[1]):
                delta[i, j] -= share
        delta[i, label] -= ONE - smoothing


@kernel
def focal(z, y, delta, gamma):
    """-(1 - p)^gamma log p, p the softmax probability of the class y: Lin et al. (2017), by rows.

    By z_j it has the derivative c (1[j = y] - p_j), with
    c = gamma p (1 - p)^(gamma - 1) log p - (1 - p)^gamma.
    """
    for i in range(z.shape[0]):
        label = int(y[i, 0])
        score = z[i, label]
        for j in range(z.shape[1]):
            delta[i, j] = z[i, j]
            z[i, j] = ZERO
        log_p = score - _softmax_row(delta[i])
        p, rest = delta[i, label], -expm1(log_p)
        modulation = factor = ZERO * score
        if rest > ZERO:
            modulation = exp(gamma * z.dtype.type(math.log(rest)))
            factor = modulation * (gamma * p * log_p / rest - ONE)
        z[i, 0] = -modulation * log_p
        for j in range(z.shape[1]):
            delta[i, j] *= -factor
        delta[i, label] += factor


@kernel
def evaluate(objective, z, y, delta):
    """Replace the scores `z` by the losses, and `delta` by their derivatives.

    `z` and `delta` have shape (rows, outputs), and so has `y`, but for the losses of a softmax,
    where it is the number of the class, shape (rows, 1); their value stands in the first column,
    beside zeros.
    """
    code, parameter = objective[0].loss, z.dtype.type(objective[0].parameter)
    if code == LOG_LOSS:
        log_loss(z, y, delta, parameter)
    elif code == FOCAL:
        focal(z, y, delta, parameter)
    elif code == PINBALL and objective.size > 1:
        for i in range(z.shape[0]):
            for j in range(z.shape[1]):
                quantile = z.dtype.type(objective[j].parameter)
                z[i, j], delta[i, j] = pinball(z[i, j], y[i, j], quantile)
    else:
        _evaluate_elements(code, parameter, z.ravel(), y.ravel(), delta.ravel())


@kernel
def _evaluate_elements(code, parameter, z, y, delta):
    if code == BINARY_LOG_LOSS:
        for i in range(z.size):
            z[i], delta[i] = binary_log_loss(z[i], y[i] + parameter * (HALF - y[i]))
    elif code == BINARY_FOCAL:
        for i in range(z.size):
            z[i], delta[i] = binary_focal(z[i], y[i], parameter)
    elif code == SQUARED_ERROR:
        for i in range(z.size):
            z[i], delta[i] = squared_error(z[i], y[i])
    elif code == ABSOLUTE_ERROR:
        for i in range(z.size):
            z[i], delta[i] = absolute_error(z[i], y[i])
    elif code == HUBER:
        for i in range(z.size):
            z[i], delta[i] = huber(z[i], y[i], parameter)
    elif code == POISSON:
        for i in range(z.size):
            z[i], delta[i] = poisson(z[i], y[i])
    elif code == PINBALL:
        for i in range(z.size):
            z[i], delta[i] = pinball(z[i], y[i], parameter)


@kernel
def link(code, z):
    """Turn the scores `z`, shape (rows, outputs), into predictions, in place."""
    flat = z.ravel()
    if code == LOG_LOSS or code == FOCAL:
        softmax(z)
    elif code == BINARY_LOG_LOSS or code == BINARY_FOCAL:
        for i in range(flat.size):
            flat[i] = logistic(flat[i])
    elif code == POISSON:
        for i in range(flat.size):
            flat[i] = exp(flat[i])
