"""Layers that are not dense.

To add a kind: a kernel that writes its values for some rows of a batch, one that passes derivatives
back through it, a row in `KINDS`, and an object in `skdnn.layers` that fills the record.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skdnn.engine._jit import inlined_kernel, inner_kernel
from skdnn.engine.elementary import ZERO
from skdnn.engine.hashing import mix, scatter
from skdnn.engine.layers import bias_of
from skdnn.engine.normalization import (
    normalization_sums,
    normalize,
    normalize_backward,
    normalize_batch,
    normalize_batch_backward,
)
from skdnn.engine.products import fill_batch, rows_of
from skdnn.engine.views import flat, matrix, vector


class Kind(NamedTuple):
    """What the engine knows about a kind of layers.

    Attributes
    ----------
    transform, transform_backward : callable or None
        Its kernels, of the types `TRANSFORM` and `TRANSFORM_BACKWARD`; None for dense layers.
    whole_batches : bool
        Whether a row's values depend on the other rows of the batch.
    """

    transform: Callable | None
    transform_backward: Callable | None
    whole_batches: bool = False


@inlined_kernel
def inputs_of(data, layers, l, work, capacity, start, first, rows):
    """Return the inputs of a layer: what the one before gave, or the batch's rows."""
    # As a matrix of the workspace these begin where it ends with room for all features.
    begin = work.size - capacity * layers[l].n_in + first * layers[l].n_in
    if l > 0:
        begin = layers[l - 1].outputs * capacity + first * layers[l].n_in
    inputs = matrix(work, begin, rows, layers[l].n_in)
    if l == 0:
        fill_batch(data, start, first, inputs)
    return inputs


@inlined_kernel
def passed(layers, l, work, capacity, first, rows):
    """Return where a layer writes the derivatives by its inputs."""
    return rows_of(work, layers[l - 1].deltas, capacity, layers[l].n_in, first, rows)


@inner_kernel
def drop(data, layers, l, params, work, capacity, start, first, rows, key):
    """Drop some inputs, and multiply the others by so much that the mean stays the same.

    Srivastava et al. (2014), Dropout: a simple way to prevent neural networks from overfitting. The
    mask is a function of the key, the layer's number and the place: no state, the same each time.
    """
    layer = layers[l]
    inputs = inputs_of(data, layers, l, work, capacity, start, first, rows)
    masks = rows_of(work, layer.kept, capacity, layer.n_out, first, rows)
    outputs = rows_of(work, layer.scores, capacity, layer.n_out, first, rows)
    inputs, masks, outputs = flat(inputs), flat(masks), flat(outputs)
    key = np.uint32(mix(key + np.uint64(l)) + np.uint64(first * layer.n_out))
    threshold = np.uint32(layer.dropout * 4294967295.0)
    kept = params.dtype.type(1.0 / (1.0 - layer.dropout))
    for i in range(inputs.size):
        masks[i] = kept if scatter(np.uint32(key + np.uint32(i))) >= threshold else ZERO
        outputs[i] = inputs[i] * masks[i]


@inner_kernel
def drop_backward(data, layers, l, passes, params, gradient, work, capacity, start, first, rows):
    layer = layers[l]
    if not passes:
        return
    masks = flat(rows_of(work, layer.kept, capacity, layer.n_out, first, rows))
    delta = flat(rows_of(work, layer.deltas, capacity, layer.n_out, first, rows))
    dropped = flat(passed(layers, l, work, capacity, first, rows))
    for i in range(masks.size):
        dropped[i] = delta[i] * masks[i]


@inner_kernel
def max_pool(data, layers, l, params, work, capacity, start, first, rows, key):
    """Write the largest of each group of neighbouring columns."""
    inputs = inputs_of(data, layers, l, work, capacity, start, first, rows)
    outputs = rows_of(work, layers[l].scores, capacity, layers[l].n_out, first, rows)
    pieces = inputs.shape[1] // outputs.shape[1]
    for i in range(outputs.shape[0]):
        for j in range(outputs.shape[1]):
            largest = inputs[i, j * pieces]
            for k in range(j * pieces + 1, (j + 1) * pieces):
                # The comparison is true for NaN, which therefore passes.
                if not inputs[i, k] <= largest:
                    largest = inputs[i, k]
            outputs[i, j] = largest


@inner_kernel
def max_pool_backward(
    data, layers, l, passes, params, gradient, work, capacity, start, first, rows
):
    """Pass each derivative to the first of its group that is the largest."""
    if not passes:
        return
    inputs = inputs_of(data, layers, l, work, capacity, start, first, rows)
    delta = rows_of(work, layers[l].deltas, capacity, layers[l].n_out, first, rows)
    out = passed(layers, l, work, capacity, first, rows)
    pieces = inputs.shape[1] // delta.shape[1]
    for i in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            begin = j * pieces
            winner = begin
            for k in range(begin, begin + pieces):
                out[i, k] = ZERO
                if inputs[i, k] > inputs[i, winner]:
                    winner = k
            out[i, winner] = delta[i, j]


@inlined_kernel
def _normalization(layer, params, work, capacity):
    """Return a normalisation's scales and shifts, running statistics and inverse deviations."""
    gamma = vector(params, layer.params, layer.n_out)
    statistics = vector(params, layer.statistics, 2 * layer.n_out + 1)
    inverse = vector(work, layer.inverse * capacity, layer.n_out)
    return gamma, bias_of(layer, params), statistics, inverse


@inner_kernel
def batch_norm(data, layers, l, params, work, capacity, start, first, rows, key):
    layer = layers[l]
    inputs = inputs_of(data, layers, l, work, capacity, start, first, rows)
    normal = rows_of(work, layer.kept, capacity, layer.n_out, first, rows)
    outputs = rows_of(work, layer.scores, capacity, layer.n_out, first, rows)
    gamma, beta, statistics, inverse = _normalization(layer, params, work, capacity)
    room = layer.inverse * capacity + layer.n_out
    mean = vector(work, room, layer.n_out)
    variance = vector(work, room + layer.n_out, layer.n_out)
    given = data, start, layer, inputs, statistics, gamma, beta, normal
    normalize_batch(*given, mean, variance, inverse, outputs)


@inner_kernel
def normalization(data, layers, l, params, work, capacity, start, first, rows, key):
    layer = layers[l]
    inputs = inputs_of(data, layers, l, work, capacity, start, first, rows)
    normal = rows_of(work, layer.kept, capacity, layer.n_out, first, rows)
    outputs = rows_of(work, layer.scores, capacity, layer.n_out, first, rows)
    gamma, beta, statistics, inverse = _normalization(layer, params, work, capacity)
    normalize(layer, inputs, statistics, gamma, beta, normal, inverse, outputs)


@inlined_kernel
def _normalization_gradient(layer, delta, normal, gradient):
    """Write the gradient of a normalisation's own parameters, and return its two parts."""
    sums, total = vector(gradient, layer.params, layer.n_out), bias_of(layer, gradient)
    if layer.learning_rate != 0.0:
        normalization_sums(delta, normal, sums, total)
    return sums, total


@inner_kernel
def batch_norm_backward(
    data, layers, l, passes, params, gradient, work, capacity, start, first, rows
):
    layer = layers[l]
    delta = rows_of(work, layer.deltas, capacity, layer.n_out, first, rows)
    normal = rows_of(work, layer.kept, capacity, layer.n_out, first, rows)
    gamma, _, _, inverse = _normalization(layer, params, work, capacity)
    sums, total = _normalization_gradient(layer, delta, normal, gradient)
    if passes:
        out = passed(layers, l, work, capacity, first, rows)
        normalize_batch_backward(data, start, delta, normal, inverse, gamma, sums, total, out)


@inner_kernel
def normalization_backward(
    data, layers, l, passes, params, gradient, work, capacity, start, first, rows
):
    layer = layers[l]
    delta = rows_of(work, layer.deltas, capacity, layer.n_out, first, rows)
    normal = rows_of(work, layer.kept, capacity, layer.n_out, first, rows)
    gamma, _, _, inverse = _normalization(layer, params, work, capacity)
    _normalization_gradient(layer, delta, normal, gradient)
    if passes:
        normalize_backward(delta, inverse, gamma, passed(layers, l, work, capacity, first, rows))


# Batch norm takes its statistics from the batch, normalisation from the running ones. A kind's
# number is its place here.
KINDS = {
    "dense": Kind(None, None),
    "batch_norm": Kind(batch_norm, batch_norm_backward, whole_batches=True),
    "normalization": Kind(normalization, normalization_backward, whole_batches=True),
    "dropout": Kind(drop, drop_backward),
    "max_pool": Kind(max_pool, max_pool_backward),
}
DENSE, BATCH_NORM, NORMALIZE, DROPOUT, MAX_POOL = range(5)
