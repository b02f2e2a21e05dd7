"""What acts on the parameters beside the loss: penalties, the largest norms, weight decay.

The objective adds, for each layer, l1 |W| + l2 / 2 W^2, divided by the sum of the batch's weights
where `per_weight` is set, and the same of its biases, never divided.
"""

import math

import numpy as np

from skdnn.engine._jit import kernel
from skdnn.engine.elementary import ZERO
from skdnn.engine.layers import bias_of, weights_of


@kernel
def _penalty_value(w, l1, l2):
    magnitudes, squares = 0.0, 0.0
    for i in range(w.size):
        magnitudes += abs(w[i])
        squares += w[i] * w[i]
    return l1 * magnitudes + 0.5 * l2 * squares


@kernel
def penalty(layers, params, total_weight):
    """Return the penalties' value."""
    value = 0.0
    for l in range(layers.size):
        layer = layers[l]
        if layer.l1 != 0.0 or layer.l2 != 0.0:
            scale = 1.0 / total_weight if layer.per_weight else 1.0
            weights = weights_of(layer, params).ravel()
            value += scale * _penalty_value(weights, layer.l1, layer.l2)
        if layer.bias_l1 != 0.0 or layer.bias_l2 != 0.0:
            value += _penalty_value(bias_of(layer, params), layer.bias_l1, layer.bias_l2)
    return value


@kernel
def _add_scaled(g, strength, w):
    strength = g.dtype.type(strength)
    for i in range(w.size):
        g[i] += strength * w[i]


@kernel
def finish_gradient(layers, params, gradient, total_weight):
    """Turn the summed loss's gradient into the objective's, without its L1 part."""
    scale = gradient.dtype.type(1.0 / total_weight)
    for i in range(gradient.size):
        gradient[i] *= scale
    for l in range(layers.size):
        layer = layers[l]
        if layer.learning_rate == 0.0:
            continue
        if layer.l2 != 0.0:
            strength = layer.l2 / total_weight if layer.per_weight else layer.l2
            w = weights_of(layer, params).ravel()
            _add_scaled(weights_of(layer, gradient).ravel(), strength, w)
        if layer.bias_l2 != 0.0:
            _add_scaled(bias_of(layer, gradient), layer.bias_l2, bias_of(layer, params))


@kernel
def clip_norm(gradient, largest):
    """Scale a gradient whose Euclidean norm is larger than that down to it; return the factor.

    Pascanu et al. (2013), On the difficulty of training recurrent neural networks.
    """
    total = 0.0
    for i in range(gradient.size):
        total += gradient[i] * gradient[i]
    norm = math.sqrt(total)
    if not norm > largest:
        return 1.0
    factor = gradient.dtype.type(largest / norm)
    for i in range(gradient.size):
        gradient[i] *= factor
    return largest / norm


@kernel
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


@kernel
def shrink(w, steps, strength):
    """Apply the proximal operator of strength |w| for steps of these lengths."""
    strength = w.dtype.type(strength)
    for i in range(w.size):
        w[i] = shrunk(w[i], strength * steps[i])


@kernel
def has_l1(layers):
    """Return whether any penalty has a kink."""
    for l in range(layers.size):
        if layers[l].l1 != 0.0 or layers[l].bias_l1 != 0.0:
            return True
    return False


@kernel
def shrink_all(layers, params, steps, total_weight):
    """Apply the L1 penalties' proximal operator after steps of these lengths.

    With the lengths that the optimiser gives each parameter, the point where gradient and
    penalty are in balance is the objective's minimum whatever the optimiser.
    """
    for l in range(layers.size):
        layer = layers[l]
        if layer.l1 != 0.0:
            strength = layer.l1 / total_weight if layer.per_weight else layer.l1
            shrink(weights_of(layer, params).ravel(), weights_of(layer, steps).ravel(), strength)
        if layer.bias_l1 != 0.0:
            shrink(bias_of(layer, params), bias_of(layer, steps), layer.bias_l1)


@kernel
def bound_columns(W, largest):
    """Scale each column whose Euclidean norm is larger than that down to it, in place.

    Srebro and Shraibman (2005), Rank, trace-norm and max-norm.
    """
    factors = np.zeros(W.shape[1], W.dtype)
    for i in range(W.shape[0]):
        for j in range(factors.size):
            factors[j] += W[i, j] * W[i, j]
    for j in range(factors.size):
        norm = math.sqrt(factors[j])
        factors[j] = largest / norm if norm > largest else 1.0
    for i in range(W.shape[0]):
        for j in range(factors.size):
            W[i, j] *= factors[j]


@kernel
def has_max_norm(layers):
    """Return whether any layer's norms are bounded."""
    for l in range(layers.size):
        if layers[l].max_norm != 0.0:
            return True
    return False


@kernel
def constrain(layers, params, rate, weight_decay):
    """Apply the decay of the weights and their largest norms, after a step of the optimiser.

    w <- (1 - rate weight_decay) w: Loshchilov and Hutter (2019), Decoupled weight decay.
    """
    for l in range(layers.size):
        layer = layers[l]
        if layer.learning_rate == 0.0:
            continue
        if weight_decay != 0.0 and layer.decays:
            w = weights_of(layer, params).ravel()
            factor = params.dtype.type(1.0 - rate * layer.learning_rate * weight_decay)
            for i in range(w.size):
                w[i] *= factor
        if layer.max_norm != 0.0:
            bound_columns(weights_of(layer, params), layer.max_norm)
