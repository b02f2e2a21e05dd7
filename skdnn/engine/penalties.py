"""What acts on the parameters beside the loss: penalties, the largest norms, weight decay.

The objective adds, for each layer, l1 |W| + l2 / 2 W^2, divided by the sum of the batch's weights
where `per_weight` is set, and the same of its biases, never divided.
"""

import math

from numba import from_dtype, types

from skdnn.engine._jit import inner_kernel, kernel
from skdnn.engine.elementary import ZERO
from skdnn.engine.layers import LAYER, bias_of
from skdnn.engine.optimizers import SETTINGS_TYPE, step_sizes
from skdnn.engine.pointers import Pointer
from skdnn.engine.views import matrix, vector


@inner_kernel
def penalty_value(w, l1, l2):
    """Return l1 |w| + l2 / 2 w^2."""
    magnitudes, squares = 0.0, 0.0
    if l1 != 0.0:
        for i in range(w.size):
            magnitudes += abs(w[i])
    if l2 != 0.0:
        for i in range(w.size):
            squares += w[i] * w[i]
    return l1 * magnitudes + 0.5 * l2 * squares


@kernel
def penalty(layers, params, total_weight):
    """Return the penalties' value."""
    value = 0.0
    for l in range(layers.size):
        layer = layers[l]
        scale = 1.0 / total_weight if layer.per_weight else 1.0
        weights = vector(params, layer.params, layer.weight_rows * layer.n_out)
        value += scale * penalty_value(weights, layer.l1, layer.l2)
        value += penalty_value(bias_of(layer, params), layer.bias_l1, layer.bias_l2)
    return value


@inner_kernel
def finish(g, w, scale, l2):
    """Turn a part of the summed loss's gradient into that of the objective, without L1."""
    scale, l2 = g.dtype.type(scale), g.dtype.type(l2)
    if l2 == 0:
        for i in range(g.size):
            g[i] *= scale
    else:
        for i in range(g.size):
            g[i] = scale * g[i] + l2 * w[i]


@kernel
def finish_gradient(layers, params, gradient, total_weight):
    """Turn the summed loss's gradient into the objective's, without its L1 part."""
    scale = 1.0 / total_weight
    for l in range(layers.size):
        layer = layers[l]
        size = layer.weight_rows * layer.n_out
        strength = layer.l2 * scale if layer.per_weight else layer.l2
        trained = layer.learning_rate != 0.0
        g, w = vector(gradient, layer.params, size), vector(params, layer.params, size)
        finish(g, w, scale, strength if trained else 0.0)
        strength = layer.bias_l2 if trained else 0.0
        finish(bias_of(layer, gradient), bias_of(layer, params), scale, strength)


@inner_kernel
def sum_of_squares(g):
    total = 0.0
    for i in range(g.size):
        total += g[i] * g[i]
    return total


@inner_kernel
def scale_by(g, factor):
    factor = g.dtype.type(factor)
    for i in range(g.size):
        g[i] *= factor


@inner_kernel
def shrunk(value, threshold):
    """Return a number shrunk towards zero, where it stops."""
    magnitude = abs(value) - threshold
    if magnitude <= 0:
        return ZERO * value
    return magnitude if value > 0 else -magnitude


@kernel
def soft_threshold(w, threshold):
    """Apply the proximal operator of threshold |w|."""
    for i in range(w.size):
        w[i] = shrunk(w[i], threshold)


@inner_kernel
def shrink(w, steps, strength):
    """Apply the proximal operator of strength |w| for steps of these lengths."""
    strength = w.dtype.type(strength)
    for i in range(w.size):
        w[i] = shrunk(w[i], strength * steps[i])


@inner_kernel
def bound_columns(W, largest, factors):
    """Scale each column whose Euclidean norm is larger than that down to it, in place.

    Srebro and Shraibman (2005), Rank, trace-norm and max-norm. `factors` is room for a row.
    """
    for j in range(factors.size):
        factors[j] = 0
    for i in range(W.shape[0]):
        for j in range(factors.size):
            factors[j] += W[i, j] * W[i, j]
    for j in range(factors.size):
        norm = math.sqrt(factors[j])
        factors[j] = largest / norm if norm > largest else 1.0
    for i in range(W.shape[0]):
        for j in range(factors.size):
            W[i, j] *= factors[j]


@inner_kernel
def restrict(
    layer,
    begin,
    end,
    bias,
    params,
    gradient,
    moment,
    settings,
    rate,
    clipped,
    reach,
    power_2,
    weight,
):
    """Apply L1 penalties and largest norms after a step of the optimiser.

    To the layer's weights from row `begin` to row `end`, and with `bias` to its biases; `moment` is
    the optimiser's last one. The gradient is overwritten.

    An L1 penalty is a proximal step as long as the optimiser's own, of each parameter: then the
    point where gradient and penalty are in balance is the objective's minimum whatever the
    optimiser. It is clipped by as much as the gradient that it is to balance.
    """
    factor = layer.learning_rate
    first, size = layer.params + begin * layer.n_out, (end - begin) * layer.n_out
    w, own = vector(params, first, size), clipped * factor * rate
    if layer.l1 != 0.0:
        steps, v = vector(gradient, first, size), vector(moment, first, size)
        step_sizes(steps, v, settings, own, factor, reach, power_2)
        shrink(w, steps, layer.l1 / weight if layer.per_weight else layer.l1)
    if bias and layer.bias_l1 != 0.0:
        steps, v = bias_of(layer, gradient), bias_of(layer, moment)
        step_sizes(steps, v, settings, own, factor, reach, power_2)
        shrink(bias_of(layer, params), steps, layer.bias_l1)
    if layer.max_norm != 0.0:
        room = vector(gradient, first, layer.n_out)
        bound_columns(matrix(params, first, end - begin, layer.n_out), layer.max_norm, room)


# `restrict` itself.
RESTRICT = Pointer(
    lambda number: (
        *(from_dtype(LAYER), types.intp, types.intp, types.boolean),
        *[number[::1]] * 3,
        SETTINGS_TYPE,
        *[types.float64] * 5,
    )
)
