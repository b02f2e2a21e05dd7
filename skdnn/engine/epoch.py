"""What the rest of the package calls: an epoch of training, loss and gradient, predictions.

The objective is the weighted mean of the loss over the rows plus the penalties of
`skdnn.engine.penalties`.
"""

import math

import numpy as np

from skdnn.engine._jit import kernel
from skdnn.engine.hashing import mix
from skdnn.engine.layers import backward, forward
from skdnn.engine.losses import evaluate
from skdnn.engine.normalization import total_weight
from skdnn.engine.optimizers import step, step_sizes
from skdnn.engine.penalties import (
    clip_norm,
    constrain,
    finish_gradient,
    has_l1,
    has_max_norm,
    penalty,
    shrink_all,
)
from skdnn.engine.products import buffer, copy, gather


@kernel
def step_key(seed, t):
    """Return the key of a step's masks; None where there is no seed."""
    if seed is None:
        return None
    return mix(seed ^ mix(np.uint64(t) + np.uint64(1))) | np.uint64(1)


@kernel
def batch_loss(data, layers, objective, params, work, capacity, start, rows, key):
    """Return a batch's summed weighted loss and weight; leave the derivatives in the workspace."""
    outputs = forward(data, layers, params, work, capacity, start, rows, key)
    first = objective[0]
    z = buffer(work, first.losses, capacity, rows, outputs.shape[1])
    if first.losses != layers[layers.size - 1].outputs:
        copy(outputs.ravel(), z.ravel())
    y = buffer(work, first.targets, capacity, rows, data.y.shape[1])
    gather(data.y, data.order, start, y)
    delta = buffer(work, first.deltas, capacity, rows, z.shape[1])
    evaluate(objective, z, y, delta)
    total = 0.0
    if data.weight.size == 0:
        for i in range(rows):
            for j in range(z.shape[1]):
                total += z[i, j]
        return total, float(rows)
    for i in range(rows):
        weight = data.weight[data.order[start + i] if data.order.size else start + i]
        for j in range(z.shape[1]):
            total += weight * z[i, j]
            delta[i, j] *= weight
    return total, total_weight(data, start, rows)


@kernel
def batch_gradient(data, layers, objective, params, gradient, work, capacity, start, rows, key):
    """Write the gradient of a batch's summed loss; return that loss and the batch's weight."""
    total, weight = batch_loss(data, layers, objective, params, work, capacity, start, rows, key)
    room = objective[0].widest * capacity
    first = objective[0].deltas * capacity
    delta, other = work[first : first + room], work[first + room : first + 2 * room]
    backward(data, layers, params, gradient, work, capacity, start, rows, key, delta, other)
    return total, weight


@kernel
def update(layers, params, gradient, state, settings, rate, t, weight, shrinks, bounds):
    """Change the parameters by step number `t` (from 1), of a batch of so much weight.

    `shrinks` and `bounds` say whether there are L1 penalties, and largest norms or a decay.
    Neighbouring layers with the same factor of the learning rate are one vector to the optimiser,
    with moments of its own, all that of a network in which none differs.
    """
    clipped = 1.0
    if settings.clip_norm != 0.0:
        clipped = clip_norm(gradient, settings.clip_norm)
    moments = state.size // gradient.size
    if shrinks:
        # An L1 penalty is clipped by as much as the gradient that it is to balance.
        settings.reach = settings.momentum * settings.reach + clipped * rate
    l = 0
    while l < layers.size:
        factor, begin = layers[l].learning_rate, layers[l].params
        while l < layers.size and layers[l].learning_rate == factor:
            end = layers[l].end
            l += 1
        if factor == 0.0 or begin == end:
            continue
        own = state[moments * begin : moments * end].reshape(moments, end - begin)
        step(params[begin:end], gradient[begin:end], own, settings, factor * rate, t)
        if shrinks:
            step_sizes(gradient[begin:end], own, settings, clipped * factor * rate, factor, t)
    if shrinks:
        shrink_all(layers, params, gradient, weight)
    if bounds:
        constrain(layers, params, rate, settings.weight_decay)


@kernel
def average(mean, params, settings, t):
    """Let the parameters after step `t` into their running mean.

    Of the first ones it is the plain mean (Polyak and Juditsky, 1992), and where `average_rate` is
    not zero, it becomes an exponential one, in which the newest have that share.
    """
    newest = max(1.0 / max(t - settings.average_from, 1), settings.average_rate)
    share = params.dtype.type(newest)
    if newest >= 1.0:
        # The mean that was there does not count, and may be anything.
        copy(params, mean)
        return
    for i in range(params.size):
        mean[i] += share * (params[i] - mean[i])


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
    mean,
    settings,
    rates,
    t,
    seed,
    work,
):
    """Train for one epoch, in place; return the mean of the batches' objectives.

    `rates` has the learning rate of each batch, `t` is the number of steps made before; with `seed`
    it makes the masks of dropout. Where all layers are dense `seed` is None. A mean that is not
    finite ends the epoch at once. `mean` is the running mean of the parameters; empty for none.
    `gradient` is zero where layers are frozen.
    """
    total, shrinks = 0.0, has_l1(layers)
    bounds = settings.weight_decay != 0.0 or has_max_norm(layers)
    n_batches = (n_rows + batch_size - 1) // batch_size
    for k in range(n_batches):
        if objective[0].even_batches:
            start, stop = k * n_rows // n_batches, (k + 1) * n_rows // n_batches
        else:
            start, stop = k * batch_size, min((k + 1) * batch_size, n_rows)
        rows, key = stop - start, step_key(seed, t)
        loss, weight = batch_gradient(
            data, layers, objective, params, gradient, work, batch_size, start, rows, key
        )
        value = loss * objective[0].value_scale / weight + penalty(layers, params, weight)
        if not math.isfinite(value):
            return value
        total += value * rows
        finish_gradient(layers, params, gradient, weight)
        t += 1
        update(layers, params, gradient, state, settings, rates[k], t, weight, shrinks, bounds)
        if mean.size:
            average(mean, params, settings, t)
    return total / n_rows


@kernel
def mean_loss(data, n_rows, layers, objective, params, work, capacity, seed):
    """Return the objective's two parts: the mean loss and the penalties.

    `seed` is None where all layers are dense.
    """
    total, weight = 0.0, 0.0
    for start in range(0, n_rows, capacity):
        rows = min(capacity, n_rows - start)
        part = batch_loss(
            data, layers, objective, params, work, capacity, start, rows, step_key(seed, start)
        )
        total += part[0]
        weight += part[1]
    return total / weight, penalty(layers, params, weight)


@kernel
def loss_and_gradient(
    data, n_rows, layers, objective, params, gradient, part, work, capacity, seed
):
    """Return the mean loss and the penalties; write the gradient of their sum, without the L1 part.

    The rows are taken `capacity` at a time, so that the workspace does not grow with their number;
    `part` has the shape of the gradient. `seed` is None where all layers are dense.
    """
    total, weight = 0.0, 0.0
    gradient[:] = 0
    part[:] = 0
    for start in range(0, n_rows, capacity):
        rows = min(capacity, n_rows - start)
        sums = batch_gradient(
            data,
            layers,
            objective,
            params,
            part,
            work,
            capacity,
            start,
            rows,
            step_key(seed, start),
        )
        total += sums[0]
        weight += sums[1]
        for i in range(gradient.size):
            gradient[i] += part[i]
    finish_gradient(layers, params, gradient, weight)
    return total / weight, penalty(layers, params, weight)


@kernel
def scores(data, layers, params, out, work, capacity, seed):
    """Write the last layer's outputs for all rows into `out`.

    `seed` makes the masks of dropout; it is None where all layers are dense.
    """
    for start in range(0, out.shape[0], capacity):
        rows = min(capacity, out.shape[0] - start)
        key = step_key(seed, start)
        a = forward(data, layers, params, work, capacity, start, rows, key)
        for i in range(rows):
            for j in range(a.shape[1]):
                out[start + i, j] = a[i, j]
