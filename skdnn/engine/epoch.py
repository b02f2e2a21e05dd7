"""What the rest of the package calls: an epoch of training, loss and gradient, predictions.

The objective is the weighted mean of the loss over the rows plus, for each layer,
l1 |W| + l2 / 2 W^2, these divided by the sum of the weights where `penalty_per_weight` is set.
"""

import math

import numpy as np

from skdnn.engine._jit import kernel, record
from skdnn.engine.hashing import mix
from skdnn.engine.layers import backward, buffer, forward, gather, weights_of
from skdnn.engine.losses import evaluate
from skdnn.engine.optimizers import step

OBJECTIVE = record(
    [
        ("loss", np.int64),
        ("parameter", np.float64),  # the loss's parameter
        ("value_scale", np.float64),  # of the loss where it is reported, not in its gradient
        ("penalty_per_weight", np.bool_),
        ("targets", np.int64),  # offsets into the workspace
        ("deltas", np.int64),
        ("widest", np.int64),  # the widest layer's number of outputs
    ]
)


NO_DROPOUT = np.uint64(0)


@kernel
def step_key(seed, t):
    """Return the key of a step's masks: any number but zero."""
    return mix(seed ^ mix(np.uint64(t) + np.uint64(1))) | np.uint64(1)


@kernel
def batch_loss(data, layers, objective, params, work, capacity, start, rows, key):
    """Return a batch's summed weighted loss and weight; leave the derivatives in the workspace."""
    z = forward(data, layers, params, work, capacity, start, rows, key)
    y = buffer(work, objective.targets, capacity, rows, data.y.shape[1])
    gather(data.y, data.order, start, y)
    delta = buffer(work, objective.deltas, capacity, rows, z.shape[1])
    evaluate(objective.loss, objective.parameter, z, y, delta)
    total = 0.0
    if data.weight.size == 0:
        for i in range(rows):
            for j in range(z.shape[1]):
                total += z[i, j]
        return total, float(rows)
    total_weight = 0.0
    for i in range(rows):
        weight = data.weight[data.order[start + i] if data.order.size else start + i]
        total_weight += weight
        for j in range(z.shape[1]):
            total += weight * z[i, j]
            delta[i, j] *= weight
    return total, total_weight


@kernel
def batch_gradient(data, layers, objective, params, gradient, work, capacity, start, rows, key):
    """Write the gradient of a batch's summed loss; return that loss and the batch's weight."""
    total, weight = batch_loss(data, layers, objective, params, work, capacity, start, rows, key)
    first = objective.deltas * capacity
    second = first + objective.widest * capacity
    delta = work[first:second]
    other = work[second : second + objective.widest * capacity]
    backward(data, layers, params, gradient, work, capacity, start, rows, key, delta, other)
    return total, weight


@kernel
def penalty(layers, params, scale):
    """Return the penalty's value."""
    value = 0.0
    for l in range(layers.size):
        layer = layers[l]
        if layer.l1 == 0.0 and layer.l2 == 0.0:
            continue
        w = weights_of(layer, params).ravel()
        magnitudes, squares = 0.0, 0.0
        for i in range(w.size):
            magnitudes += abs(w[i])
            squares += w[i] * w[i]
        value += scale * (layer.l1 * magnitudes + 0.5 * layer.l2 * squares)
    return value


@kernel
def finish_gradient(layers, params, gradient, scale, penalty_scale):
    """Turn the summed loss's gradient into the objective's, without its L1 part."""
    for i in range(gradient.size):
        gradient[i] *= gradient.dtype.type(scale)
    for l in range(layers.size):
        layer = layers[l]
        if layer.l2 != 0.0:
            strength = gradient.dtype.type(layer.l2 * penalty_scale)
            w, g = weights_of(layer, params).ravel(), weights_of(layer, gradient).ravel()
            for i in range(w.size):
                g[i] += strength * w[i]


@kernel
def soft_threshold(w, threshold):
    """Shrink towards zero, and stop there: the proximal operator of threshold |w|."""
    for i in range(w.size):
        magnitude = abs(w[i]) - threshold
        if magnitude <= 0:
            w[i] = 0
        else:
            w[i] = magnitude if w[i] > 0 else -magnitude


@kernel
def finish_step(layers, params, rate, penalty_scale, weight_decay):
    """Apply what acts on the weights beside the gradient: L1's proximal step, and the decay."""
    for l in range(layers.size):
        layer = layers[l]
        if layer.l1 != 0.0:
            threshold = params.dtype.type(rate * layer.l1 * penalty_scale)
            soft_threshold(weights_of(layer, params).ravel(), threshold)
        if weight_decay != 0.0:
            w = weights_of(layer, params).ravel()
            factor = params.dtype.type(1.0 - rate * weight_decay)
            for i in range(w.size):
                w[i] *= factor


@kernel
def train_epoch(
    data,
    n_rows,
    batch_size,
    layers,
    objective,
    params,
    gradient,
    state,
    settings,
    rate,
    t,
    seed,
    work,
):
    """Train for one epoch, in place; return the mean of the batches' objectives.

    `t` is the number of steps made before; with `seed` it makes the masks of dropout. A mean that
    is not finite ends the epoch at once.
    """
    total = 0.0
    for start in range(0, n_rows, batch_size):
        rows = min(batch_size, n_rows - start)
        loss, weight = batch_gradient(
            data,
            layers,
            objective,
            params,
            gradient,
            work,
            batch_size,
            start,
            rows,
            step_key(seed, t),
        )
        penalty_scale = 1.0 / weight if objective.penalty_per_weight else 1.0
        value = loss * objective.value_scale / weight + penalty(layers, params, penalty_scale)
        if not math.isfinite(value):
            return value
        total += value * rows
        finish_gradient(layers, params, gradient, 1.0 / weight, penalty_scale)
        t += 1
        step(params, gradient, state, settings, rate, t)
        finish_step(layers, params, rate, penalty_scale, settings.weight_decay)
    return total / n_rows


@kernel
def mean_loss(data, n_rows, layers, objective, params, work, capacity):
    """Return the objective's two parts: the mean loss and the penalty."""
    total, total_weight = 0.0, 0.0
    for start in range(0, n_rows, capacity):
        rows = min(capacity, n_rows - start)
        loss, weight = batch_loss(
            data, layers, objective, params, work, capacity, start, rows, NO_DROPOUT
        )
        total += loss
        total_weight += weight
    penalty_scale = 1.0 / total_weight if objective.penalty_per_weight else 1.0
    return total / total_weight, penalty(layers, params, penalty_scale)


@kernel
def loss_and_gradient(data, n_rows, layers, objective, params, gradient, part, work, capacity):
    """Return the mean loss and the penalty; write the gradient of their sum, without the L1 part.

    The rows are taken `capacity` at a time, so that the workspace does not grow with their number;
    `part` has the shape of the gradient.
    """
    total, total_weight = 0.0, 0.0
    gradient[:] = 0
    for start in range(0, n_rows, capacity):
        rows = min(capacity, n_rows - start)
        loss, weight = batch_gradient(
            data, layers, objective, params, part, work, capacity, start, rows, NO_DROPOUT
        )
        total += loss
        total_weight += weight
        for i in range(gradient.size):
            gradient[i] += part[i]
    penalty_scale = 1.0 / total_weight if objective.penalty_per_weight else 1.0
    finish_gradient(layers, params, gradient, 1.0 / total_weight, penalty_scale)
    return total / total_weight, penalty(layers, params, penalty_scale)


@kernel
def scores(data, layers, params, out, work, capacity, seed):
    """Write the last layer's outputs for all rows into `out`.

    With a `seed` that is not zero outputs are dropped as in training.
    """
    for start in range(0, out.shape[0], capacity):
        rows = min(capacity, out.shape[0] - start)
        key = step_key(seed, start) if seed else NO_DROPOUT
        outputs = forward(data, layers, params, work, capacity, start, rows, key)
        for i in range(rows):
            for j in range(outputs.shape[1]):
                out[start + i, j] = outputs[i, j]
