"""Loss functions of the raw scores (the last layer before its output activation).

A loss owns its value, its derivative and its link, the activation that turns scores into
predictions. To add one: a code, a function that returns (value, derivative) for one score, a
branch in `evaluate`, and a row in `LOSSES`. The tests sweep `LOSSES`.
"""

import math
from typing import NamedTuple

from skdnn.engine._jit import inlined_kernel, kernel
from skdnn.engine.elementary import HALF, ONE, ZERO, exp, logistic, softplus


class Loss(NamedTuple):
    """What the engine knows about a loss.

    Attributes
    ----------
    code : int
        Its number in `evaluate`.
    link : str
        The output activation: "identity", "logistic", "softmax" or "exp".
    parameter : float
        Default of its one parameter (the Huber loss's `delta`, the pinball loss's `quantile`).
    averages_outputs : bool
        Whether the value reported for several outputs is their mean, as in scikit-learn,
        instead of their sum. The gradient is always that of the sum.
    """

    code: int
    link: str
    parameter: float = 0.0
    averages_outputs: bool = False


LOG_LOSS, BINARY_LOG_LOSS, SQUARED_ERROR, ABSOLUTE_ERROR, HUBER, POISSON, PINBALL = range(7)

LOSSES = {
    "log_loss": Loss(LOG_LOSS, "softmax"),
    "binary_log_loss": Loss(BINARY_LOG_LOSS, "logistic"),
    "squared_error": Loss(SQUARED_ERROR, "identity", averages_outputs=True),
    "absolute_error": Loss(ABSOLUTE_ERROR, "identity", averages_outputs=True),
    "huber": Loss(HUBER, "identity", parameter=1.0, averages_outputs=True),
    "poisson": Loss(POISSON, "exp"),
    "pinball": Loss(PINBALL, "identity", parameter=0.5, averages_outputs=True),
}


@inlined_kernel
def binary_log_loss(z, y):
    """log(1 + e^z) - y z, y in {0, 1}."""
    return softplus(z) - y * z, logistic(z) - y


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
def log_loss(z, y, delta):
    """Cross-entropy of the softmax: log(sum_j e^z_j) - z_y, y the number of the class, by rows."""
    for i in range(z.shape[0]):
        label = int(y[i, 0])
        score = z[i, label]
        for j in range(z.shape[1]):
            delta[i, j] = z[i, j]
            z[i, j] = ZERO
        z[i, 0] = _softmax_row(delta[i]) - score
        delta[i, label] -= ONE


@kernel
def evaluate(code, parameter, z, y, delta):
    """Replace the scores `z` by the losses, and `delta` by their derivatives.

    `z` and `delta` have shape (rows, outputs), and so has `y`, but for the log loss, where it is
    the number of the class, shape (rows, 1); its value stands in the first column, beside zeros.
    """
    parameter = z.dtype.type(parameter)
    if code == LOG_LOSS:
        log_loss(z, y, delta)
        return
    z, y, delta = z.ravel(), y.ravel(), delta.ravel()
    if code == BINARY_LOG_LOSS:
        for i in range(z.size):
            z[i], delta[i] = binary_log_loss(z[i], y[i])
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
    if code == LOG_LOSS:
        softmax(z)
    elif code == BINARY_LOG_LOSS:
        for i in range(flat.size):
            flat[i] = logistic(flat[i])
    elif code == POISSON:
        for i in range(flat.size):
            flat[i] = exp(flat[i])
