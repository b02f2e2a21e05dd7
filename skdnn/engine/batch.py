"""Rows in batches: through the network and back, their loss, its gradient, predictions.

The objective is the weighted mean of the loss over the rows plus the penalties of
`skdnn.engine.penalties`.
"""

import numpy as np
from numba import types

from skdnn.engine._jit import kernel
from skdnn.engine.data import data_type
from skdnn.engine.descent import bias_gradient, weight_gradient
from skdnn.engine.hashing import mix
from skdnn.engine.layers import FORWARD, LAYERS, backward, weights_of
from skdnn.engine.losses import EVALUATE, OBJECTIVE_TYPE
from skdnn.engine.normalization import total_weight
from skdnn.engine.pointers import Pointer
from skdnn.engine.products import copy, gather, row_at, rows_of
from skdnn.engine.views import flat, vector

_evaluate, _forward = EVALUATE.call, FORWARD.call


@kernel
def step_key(seed, t):
    """Return the key of a step's masks."""
    return mix(seed ^ mix(np.uint64(t) + np.uint64(1))) | np.uint64(1)


@kernel
def propagate(
    data,
    layers,
    objective,
    lowest,
    params,
    gradient,
    work,
    capacity,
    start,
    first,
    rows,
    key,
):
    """Run some rows of a batch through the network and back, down to layer `lowest`.

    Leave their weighted losses, and the derivatives by the layers' scores, in the workspace.
    """
    given = data, layers, params, work, capacity, start, first, rows, key
    _forward(objective[0].forward, given)
    own, last = objective[0], layers[layers.size - 1]
    z = rows_of(work, own.losses, capacity, last.n_out, first, rows)
    if own.losses != last.outputs:
        outputs = rows_of(work, last.outputs, capacity, last.n_out, first, rows)
        copy(flat(outputs), flat(z))
    y = rows_of(work, own.targets, capacity, data.y.shape[1], first, rows)
    gather(data.y, data.order, start + first, y)
    delta = rows_of(work, last.deltas, capacity, last.n_out, first, rows)
    _evaluate(own.evaluate, (objective, z, y, delta))
    losses = vector(work, own.row_losses * capacity + first, rows)
    for i in range(rows):
        losses[i] = z[i, 0]
        for j in range(1, z.shape[1]):
            losses[i] += z[i, j]
    if data.weight.size:
        for i in range(rows):
            weight = data.weight[row_at(data, start + first + i)]
            losses[i] *= weight
            for j in range(z.shape[1]):
                delta[i, j] *= weight
    backward(data, layers, lowest, params, gradient, work, capacity, start, first, rows)


# `propagate` itself.
PROPAGATE = Pointer(
    lambda number: (
        *(data_type(number), LAYERS, OBJECTIVE_TYPE, types.intp),
        *[number[::1]] * 3,
        *[types.intp] * 4,
        types.uint64,
    )
)
_propagate = PROPAGATE.call


@kernel
def batch_loss(objective, work, capacity, rows):
    """Return the summed weighted loss of a batch after `propagate`."""
    losses, total = vector(work, objective[0].row_losses * capacity, rows), 0.0
    for i in range(rows):
        total += losses[i]
    return total


@kernel
def summed_loss(data, n_rows, layers, objective, params, work, capacity, seed):
    """Return the summed loss of rows, and their weight."""
    total, weight = 0.0, 0.0
    for start in range(0, n_rows, capacity):
        rows, key = min(capacity, n_rows - start), step_key(seed, start)
        given = data, layers, objective, layers.size, params, params, work, capacity, start, 0
        _propagate(objective[0].propagate, (*given, rows, key))
        total += batch_loss(objective, work, capacity, rows)
        weight += total_weight(data, start, rows)
    return total, weight


@kernel
def add_gradient(data, layers, lowest, gradient, part, work, capacity, start, rows):
    """Add the gradient of a batch's summed loss after `propagate`; `part` has its shape."""
    for l in range(lowest, layers.size):
        layer = layers[l]
        if layer.learning_rate == 0.0 or layer.weight_rows == 0:
            continue
        if not layer.transform:
            out = weights_of(layer, part)
            weight_gradient(data, layers, l, work, capacity, start, rows, 0, out)
            bias_gradient(layer, work, capacity, rows, part)
        for i in range(layer.params, layer.end):
            gradient[i] += part[i]


@kernel
def summed_loss_and_gradient(
    data, n_rows, layers, objective, lowest, params, gradient, part, work, capacity, seed
):
    """Return the summed loss of rows, and their weight; write the sum's gradient.

    The rows are taken `capacity` at a time, so that the workspace does not grow with their number;
    `part` has the shape of the gradient.
    """
    total, weight = 0.0, 0.0
    for i in range(gradient.size):
        gradient[i] = 0
    for start in range(0, n_rows, capacity):
        rows, key = min(capacity, n_rows - start), step_key(seed, start)
        given = data, layers, objective, lowest, params, part, work, capacity, start, 0
        _propagate(objective[0].propagate, (*given, rows, key))
        total += batch_loss(objective, work, capacity, rows)
        weight += total_weight(data, start, rows)
        add_gradient(data, layers, lowest, gradient, part, work, capacity, start, rows)
    return total, weight


@kernel
def scores(data, layers, address, params, out, work, capacity, seed, place):
    """Write the last layer's outputs for all rows into `out`; `address` is that of `forward`.

    `place` is the number of rows before these, for the masks of dropout.
    """
    last = layers[layers.size - 1]
    for start in range(0, out.shape[0], capacity):
        rows, key = min(capacity, out.shape[0] - start), step_key(seed, place + start)
        _forward(address, (data, layers, params, work, capacity, start, 0, rows, key))
        outputs = rows_of(work, last.outputs, capacity, last.n_out, 0, rows)
        copy(flat(outputs), vector(out, start * last.n_out, outputs.size))
