"""Loss functions of the raw scores (the last layer before its output activation).

A loss owns its value, its derivative and its link, the activation that turns scores into
predictions. To add one: a kernel (objective, z, y, delta) that replaces the scores `z` by the
losses and `delta` by their derivatives, and a row in `LOSSES`. The tests sweep `LOSSES`.

`z` and `delta` have shape (rows, outputs), and so has `y`, but for the losses of a softmax, where
it is the number of the class, shape (rows, 1); their value stands in the first column, beside
zeros.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import from_dtype, types

from skdnn.engine._jit import inlined_kernel, inner_kernel, kernel, record
from skdnn.engine.elementary import HALF, ONE, ZERO, exp, expm1, logistic, softplus
from skdnn.engine.pointers import Pointer
from skdnn.engine.views import flat


class Loss(NamedTuple):
    """What the engine knows about a loss.

    Attributes
    ----------
    evaluate : callable
        Its kernel.
    link : str
        The output activation, a key of `LINKS`.
    parameter : float
        Default of its one parameter: the Huber loss's `delta`, the pinball loss's `quantile`, the
        log loss's smoothing, the focal loss's `gamma`.
    averages_outputs : bool
        Whether the value reported for several outputs is their mean, as in scikit-learn,
        instead of their sum. The gradient is always that of the sum.
    """

    evaluate: Callable
    link: str
    parameter: float = 0.0
    averages_outputs: bool = False


# A row for each output, of which only the parameter differs, or one for all.
OBJECTIVE = record(
    [
        ("loss", np.int64),  # its number
        ("evaluate", np.int64),  # addresses: of its kernel,
        ("forward", np.int64),  # and of the network's own
        ("propagate", np.int64),
        ("parameter", np.float64),  # the loss's parameter
        ("value_scale", np.float64),  # of the loss where it is reported, not in its gradient
        ("even_batches", np.bool_),  # whether an epoch's batches are of one size, to a row
        ("whole_batches", np.bool_),  # whether a batch's rows depend on one another
        ("losses", np.int64),  # offsets into the workspace
        ("targets", np.int64),
        ("row_losses", np.int64),
    ]
)
OBJECTIVE_TYPE = types.Array(from_dtype(OBJECTIVE), 1, "C")
EVALUATE = Pointer(lambda number: (OBJECTIVE_TYPE, *[number[:, ::1]] * 3))


@kernel
def binary_log_loss(objective, z, y, delta):
    """log(1 + e^z) - y z, y in {0, 1}, or moved towards a half by the smoothing."""
    smoothing = z.dtype.type(objective[0].parameter)
    z, y, delta = flat(z), flat(y), flat(delta)
    for i in range(z.size):
        target = y[i] + smoothing * (HALF - y[i])
        delta[i] = logistic(z[i]) - target
        z[i] = softplus(z[i]) - target * z[i]


@kernel
def binary_focal(objective, z, y, delta):
    """-(1 - p)^gamma log p, p the probability of y in {0, 1}: Lin et al. (2017)."""
    gamma = z.dtype.type(objective[0].parameter)
    z, y, delta = flat(z), flat(y), flat(delta)
    for i in range(z.size):
        sign = ONE if y[i] > HALF else -ONE
        cross_entropy = softplus(-sign * z[i])
        p = exp(-cross_entropy)
        # 1 - p = logistic(-sign z), and its logarithm -softplus(sign z).
        modulation = exp(-gamma * softplus(sign * z[i]))
        slope = modulation * (gamma * p * cross_entropy + logistic(-sign * z[i]))
        delta[i] = -sign * slope
        z[i] = modulation * cross_entropy


@kernel
def squared_error(objective, z, y, delta):
    """(z - y)^2 / 2."""
    z, y, delta = flat(z), flat(y), flat(delta)
    for i in range(z.size):
        delta[i] = z[i] - y[i]
        z[i] = HALF * delta[i] * delta[i]


@kernel
def absolute_error(objective, z, y, delta):
    """|z - y|; at the kink the derivative is 0."""
    z, y, delta = flat(z), flat(y), flat(delta)
    for i in range(z.size):
        r = z[i] - y[i]
        delta[i] = -ONE if r < ZERO else (ONE if r > ZERO else r)
        z[i] = abs(r)


@kernel
def huber(objective, z, y, delta):
    """r^2 / 2 for |r| = |z - y| <= c, else c (|r| - c / 2), c the loss's `delta`."""
    c = z.dtype.type(objective[0].parameter)
    z, y, delta = flat(z), flat(y), flat(delta)
    for i in range(z.size):
        r = z[i] - y[i]
        clipped = -c if r < -c else (c if r > c else r)
        delta[i] = clipped
        z[i] = clipped * (r - HALF * clipped)


@kernel
def poisson(objective, z, y, delta):
    """Half the Poisson deviance with a log link: e^z - y z + y log y - y."""
    z, y, delta = flat(z), flat(y), flat(delta)
    for i in range(z.size):
        mean = exp(z[i])
        constant = y[i] * math.log(y[i]) - y[i] if y[i] > ZERO else ZERO
        delta[i] = mean - y[i]
        z[i] = mean - y[i] * z[i] + constant


@kernel
def pinball(objective, z, y, delta):
    """quantile (y - z) for z <= y, else (1 - quantile) (z - y); a quantile for each output."""
    for j in range(z.shape[1]):
        quantile = z.dtype.type(objective[j if objective.size > 1 else 0].parameter)
        for i in range(z.shape[0]):
            r = z[i, j] - y[i, j]
            slope = ONE - quantile if r > ZERO else (-quantile if r < ZERO else r)
            delta[i, j] = slope
            z[i, j] = slope * r


@kernel
def logistic_link(z):
    z = flat(z)
    for i in range(z.size):
        z[i] = logistic(z[i])


@kernel
def exp_link(z):
    z = flat(z)
    for i in range(z.size):
        z[i] = exp(z[i])


@inlined_kernel
def subtract_largest(z):
    """Subtract from each row its largest number, so that no exponential overflows."""
    for i in range(z.shape[0]):
        largest = z[i, 0]
        for j in range(1, z.shape[1]):
            if z[i, j] > largest:
                largest = z[i, j]
        for j in range(z.shape[1]):
            z[i, j] -= largest


@kernel
def softmax(z):
    """Turn each row of `z` into probabilities, in place."""
    subtract_largest(z)
    shifts = flat(z)
    # Of all rows in one loop: a row may have fewer numbers than a vector of the machine.
    for i in range(shifts.size):
        shifts[i] = exp(shifts[i])
    for i in range(z.shape[0]):
        total = ZERO * z[i, 0]
        for j in range(z.shape[1]):
            total += z[i, j]
        inverse = ONE / total
        for j in range(z.shape[1]):
            z[i, j] *= inverse


@inner_kernel
def class_log_probabilities(z, y, delta):
    """Write the probabilities of the softmax into `delta`, and log p_y into z's first column.

    Return nothing; the rest of `z` becomes zero.
    """
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            delta[i, j] = z[i, j]
            z[i, j] = ZERO
    subtract_largest(delta)
    for i in range(z.shape[0]):
        z[i, 0] = delta[i, int(y[i, 0])]
    shifts = flat(delta)
    for i in range(shifts.size):
        shifts[i] = exp(shifts[i])
    for i in range(z.shape[0]):
        total = ZERO * delta[i, 0]
        for j in range(z.shape[1]):
            total += delta[i, j]
        inverse = ONE / total
        for j in range(z.shape[1]):
            delta[i, j] *= inverse
        z[i, 0] -= z.dtype.type(math.log(total))


@kernel
def log_loss(objective, z, y, delta):
    """Cross-entropy of the softmax: -log p_y, y the number of the class, by rows."""
    class_log_probabilities(z, y, delta)
    for i in range(z.shape[0]):
        z[i, 0] = -z[i, 0]
        delta[i, int(y[i, 0])] -= ONE


@kernel
def smoothed_log_loss(objective, z, y, delta):
    """-(1 - s) log p_y - s mean(log p), s the smoothing, by rows: Szegedy et al. (2016)."""
    smoothing = z.dtype.type(objective[0].parameter)
    share = smoothing / z.dtype.type(z.shape[1])
    for i in range(z.shape[0]):
        label, mean = int(y[i, 0]), ZERO * z[i, 0]
        for j in range(z.shape[1]):
            mean += z[i, j]
        mean /= z.dtype.type(z.shape[1])
        # log p_y - mean(log p) = z_y - mean(z): only log p_y needs the sum of exponentials.
        y_score = z[i, label]
        rest = smoothing * (y_score - mean)
        largest = z[i, 0]
        for j in range(1, z.shape[1]):
            if z[i, j] > largest:
                largest = z[i, j]
        total = ZERO * largest
        for j in range(z.shape[1]):
            delta[i, j] = exp(z[i, j] - largest)
            total += delta[i, j]
            z[i, j] = ZERO
        for j in range(z.shape[1]):
            delta[i, j] = delta[i, j] / total - share
        delta[i, label] -= ONE - smoothing
        z[i, 0] = z.dtype.type(math.log(total)) + largest - y_score + rest


@kernel
def focal(objective, z, y, delta):
    """-(1 - p)^gamma log p, p the softmax probability of the class y: Lin et al. (2017), by rows.

    By z_j it has the derivative c (1[j = y] - p_j), with
    c = gamma p (1 - p)^(gamma - 1) log p - (1 - p)^gamma.
    """
    gamma = z.dtype.type(objective[0].parameter)
    class_log_probabilities(z, y, delta)
    for i in range(z.shape[0]):
        label, log_p = int(y[i, 0]), z[i, 0]
        p, rest = delta[i, label], -expm1(log_p)
        modulation = factor = ZERO * log_p
        if rest > ZERO:
            modulation = exp(gamma * z.dtype.type(math.log(rest)))
            factor = modulation * (gamma * p * log_p / rest - ONE)
        z[i, 0] = -modulation * log_p
        for j in range(z.shape[1]):
            delta[i, j] *= -factor
        delta[i, label] += factor


# A loss's number is its place here: new ones go to the end.
LOSSES = {
    "log_loss": Loss(log_loss, "softmax"),
    "binary_log_loss": Loss(binary_log_loss, "logistic"),
    "focal": Loss(focal, "softmax", parameter=2.0),
    "binary_focal": Loss(binary_focal, "logistic", parameter=2.0),
    "squared_error": Loss(squared_error, "identity", averages_outputs=True),
    "absolute_error": Loss(absolute_error, "identity", averages_outputs=True),
    "huber": Loss(huber, "identity", parameter=1.0, averages_outputs=True),
    "poisson": Loss(poisson, "exp"),
    "pinball": Loss(pinball, "identity", parameter=0.5, averages_outputs=True),
    "smoothed_log_loss": Loss(smoothed_log_loss, "softmax", parameter=0.1),
}
# Those that the engine knows more of.
LOG_LOSS, BINARY_LOG_LOSS, HUBER, POISSON = map(
    list(LOSSES).index, ("log_loss", "binary_log_loss", "huber", "poisson")
)

# Each turns scores, shape (rows, outputs), into predictions, in place; None leaves them.
LINKS = {"identity": None, "logistic": logistic_link, "softmax": softmax, "exp": exp_link}
