"""Layers over one flat vector of parameters.

A network is an array of `LAYER` records, each of a kind. A record says where the layer's parameters
begin in the flat vector, and where its outputs begin in the workspace, counted in numbers per row
of a batch. After the parameters that are trained the vector holds the running statistics.

To add a kind: a number, a branch in `forward` and in `backward`, and an object in `skdnn.layers`
that fills the record.
"""

import numpy as np

from skdnn.engine._jit import kernel, record
from skdnn.engine.activations import IDENTITY, activate, differentiate
from skdnn.engine.elementary import ZERO
from skdnn.engine.hashing import mix, scatter
from skdnn.engine.normalization import (
    normalization_sums,
    normalize,
    normalize_backward,
    normalize_batch,
    normalize_batch_backward,
)
from skdnn.engine.products import (
    add_bias,
    batch_matrix,
    buffer,
    copy,
    dot,
    input_dot,
    input_transposed_dot,
    sum_rows,
    transposed_dot,
)

LAYER = record(
    [
        ("kind", np.int64),
        ("n_in", np.int64),
        ("n_out", np.int64),
        ("activation", np.int64),
        ("alpha", np.float64),  # the activation's parameter
        ("learning_rate", np.float64),  # factor of the optimiser's; 0 for a layer that is frozen
        ("params", np.int64),  # offsets into the parameters: the first one,
        ("bias", np.int64),  # the first bias, NO_BIAS where there is none,
        ("end", np.int64),  # and the one after the last
        ("weight_rows", np.int64),  # the weights are a matrix (weight_rows, n_out)
        ("l1", np.float64),  # penalties of the weights,
        ("l2", np.float64),
        ("per_weight", np.bool_),  # divided by the sum of the rows' weights if set,
        ("bias_l1", np.float64),  # and of the biases
        ("bias_l2", np.float64),
        ("max_norm", np.float64),  # the largest norm of a unit's weights; 0 for any
        ("decays", np.bool_),  # whether weight decay acts on the weights
        ("dropout", np.float64),  # the share of the inputs that is dropped
        ("statistics", np.int64),  # offset into the parameters of a normalisation's running ones
        ("momentum", np.float64),  # what they keep of themselves at each batch
        ("epsilon", np.float64),  # added to the variance
        ("scores", np.int64),  # offsets into the workspace: before the activation,
        ("outputs", np.int64),  # after it; equal where the scores need not be kept
        ("kept", np.int64),  # of a kind's own: the masks; the normalised inputs
        ("inverse", np.int64),  # the inverse standard deviations, in the first row
    ]
)
NO_BIAS = -1

# BATCH_NORM takes its statistics from the batch, NORMALIZE from the running ones.
DENSE, BATCH_NORM, NORMALIZE, DROPOUT, MAX_POOL = range(5)


@kernel
def weights_of(layer, params):
    end = layer.params + layer.weight_rows * layer.n_out
    return params[layer.params : end].reshape(layer.weight_rows, layer.n_out)


@kernel
def bias_of(layer, params):
    return params[layer.bias : layer.bias + layer.n_out]


@kernel
def statistics_of(layer, params):
    return params[layer.statistics : layer.statistics + 2 * layer.n_out + 1]


@kernel
def drop(rate, number, key, inputs, masks, outputs):
    """Drop some inputs, and multiply the others by so much that the mean stays the same.

    Srivastava et al. (2014), Dropout: a simple way to prevent neural networks from overfitting. The
    mask is a function of the key, the layer's number and the place: no state, the same each time.
    """
    key = np.uint32(mix(key + np.uint64(number)))
    threshold = np.uint32(rate * 4294967295.0)
    kept = inputs.dtype.type(1.0 / (1.0 - rate))
    for i in range(inputs.size):
        masks[i] = kept if scatter(np.uint32(key + np.uint32(i))) >= threshold else ZERO
        outputs[i] = inputs[i] * masks[i]


@kernel
def max_pool(inputs, outputs):
    """Write the largest of each group of neighbouring columns."""
    pieces = inputs.shape[1] // outputs.shape[1]
    for i in range(outputs.shape[0]):
        for j in range(outputs.shape[1]):
            largest = inputs[i, j * pieces]
            for k in range(j * pieces + 1, (j + 1) * pieces):
                # The comparison is true for NaN, which therefore passes.
                if not inputs[i, k] <= largest:
                    largest = inputs[i, k]
            outputs[i, j] = largest


@kernel
def max_pool_backward(inputs, delta, out):
    """Pass each derivative to the first of its group that is the largest."""
    pieces = inputs.shape[1] // delta.shape[1]
    for i in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            first = j * pieces
            winner = first
            for k in range(first, first + pieces):
                out[i, k] = ZERO
                if inputs[i, k] > inputs[i, winner]:
                    winner = k
            out[i, winner] = delta[i, j]


@kernel
def inputs_of(data, layers, l, work, capacity, start, rows):
    """Return the inputs of a layer: what the one before gave, or the batch's rows."""
    if l > 0:
        return buffer(work, layers[l - 1].outputs, capacity, rows, layers[l].n_in)
    return batch_matrix(data, work, capacity, start, rows)


@kernel
def transform(data, layers, l, params, work, capacity, start, rows, key, z):
    """Write the values of a layer that is not dense, before its activation, of a batch."""
    layer = layers[l]
    inputs = inputs_of(data, layers, l, work, capacity, start, rows)
    if layer.kind == MAX_POOL:
        max_pool(inputs, z)
        return
    kept = buffer(work, layer.kept, capacity, rows, layer.n_out)
    if layer.kind == DROPOUT:
        drop(layer.dropout, l, key, inputs.ravel(), kept.ravel(), z.ravel())
        return
    inverse = buffer(work, layer.inverse, capacity, 1, layer.n_out).ravel()
    gamma, beta = weights_of(layer, params).ravel(), bias_of(layer, params)
    statistics = statistics_of(layer, params)
    if layer.kind == BATCH_NORM:
        normalize_batch(data, start, layer, inputs, statistics, gamma, beta, kept, inverse, z)
    else:
        normalize(layer, inputs, statistics, gamma, beta, kept, inverse, z)


@kernel
def forward(data, layers, params, work, capacity, start, rows, key):
    """Compute all layers' outputs for a batch, in the workspace; return the last layer's.

    The batch is `rows` rows from place `start` of the order. `key` makes the masks of dropout.
    Where all layers are dense it is None, for which numba leaves out what is of other kinds: the
    first fit on a machine then takes a third less time. Batch normalisation changes its running
    statistics, in `params`.
    """
    a = buffer(work, layers[0].outputs, capacity, rows, layers[0].n_out)
    for l in range(layers.size):
        layer = layers[l]
        z = buffer(work, layer.scores, capacity, rows, layer.n_out)
        if key is not None and layer.kind != DENSE:
            transform(data, layers, l, params, work, capacity, start, rows, key, z)
        elif l == 0:
            input_dot(data, start, weights_of(layer, params), work, capacity, z)
        else:
            dot(a, weights_of(layer, params), z)
        if layer.kind == DENSE and layer.bias != NO_BIAS:
            add_bias(z, bias_of(layer, params))
        a = buffer(work, layer.outputs, capacity, rows, layer.n_out)
        if layer.outputs != layer.scores:
            copy(z.ravel(), a.ravel())
        activate(layer.activation, layer.alpha, a.ravel())
    return a


@kernel
def transform_backward(data, layers, l, params, gradient, work, capacity, start, d, out):
    """Write the derivatives by the inputs of a layer that is not dense, given those by its scores.

    And the gradient by its parameters, where it is trained.
    """
    layer, rows = layers[l], d.shape[0]
    if layer.kind == MAX_POOL:
        max_pool_backward(inputs_of(data, layers, l, work, capacity, start, rows), d, out)
        return
    kept = buffer(work, layer.kept, capacity, rows, layer.n_out)
    if layer.kind == DROPOUT:
        masks, flat, dropped = kept.ravel(), d.ravel(), out.ravel()
        for i in range(masks.size):
            dropped[i] = flat[i] * masks[i]
        return
    inverse = buffer(work, layer.inverse, capacity, 1, layer.n_out).ravel()
    gamma = weights_of(layer, params).ravel()
    sums, total = weights_of(layer, gradient).ravel(), bias_of(layer, gradient)
    if layer.learning_rate != 0.0:
        normalization_sums(d, kept, sums, total)
    if layer.kind == BATCH_NORM:
        normalize_batch_backward(data, start, d, kept, inverse, gamma, sums, total, out)
    else:
        normalize_backward(d, inverse, gamma, out)


@kernel
def lowest_trained(layers):
    """Return the number of the first layer that is trained."""
    l = 0
    while l < layers.size and (layers[l].learning_rate == 0.0 or layers[l].weight_rows == 0):
        l += 1
    return l


@kernel
def backward(data, layers, params, gradient, work, capacity, start, rows, key, delta, other):
    """Write the gradient of a batch's summed loss, after `forward` of the same batch.

    `delta` is a vector that holds the loss's derivatives by the last layer's outputs; it and
    `other` have room for the widest layer, and are overwritten. Nothing is written of layers that
    are frozen. `key` is None where all layers are dense.
    """
    lowest = lowest_trained(layers)
    for l in range(layers.size - 1, lowest - 1, -1):
        layer = layers[l]
        d = delta[: rows * layer.n_out].reshape(rows, layer.n_out)
        if layer.activation != IDENTITY:
            a = buffer(work, layer.outputs, capacity, rows, layer.n_out)
            z = buffer(work, layer.scores, capacity, rows, layer.n_out)
            differentiate(layer.activation, layer.alpha, z.ravel(), a.ravel(), d.ravel())
        out = other[: rows * layer.n_in].reshape(rows, layer.n_in) if l > lowest else d
        if key is not None and layer.kind != DENSE:
            transform_backward(data, layers, l, params, gradient, work, capacity, start, d, out)
        else:
            if layer.learning_rate != 0.0:
                if layer.bias != NO_BIAS:
                    sum_rows(d, bias_of(layer, gradient))
                W = weights_of(layer, gradient)
                if l == 0:
                    input_transposed_dot(data, start, d, work, capacity, W)
                else:
                    inputs = buffer(work, layers[l - 1].outputs, capacity, rows, layer.n_in)
                    transposed_dot(inputs, d, W)
            if l > lowest:
                np.dot(d, weights_of(layer, params).T, out)
        delta, other = other, delta
