"""Fully connected layers over one flat parameter vector.

A network is an array of `LAYER` records. A record says where the layer's weights and biases
begin in the flat vector of parameters, and where its outputs begin in the workspace, counted in
numbers per row of a batch. Dense rows that are not taken as they come are gathered at the
workspace's end.
"""

import numpy as np

from skdnn.engine._jit import kernel, record
from skdnn.engine.activations import activate, differentiate
from skdnn.engine.elementary import ZERO
from skdnn.engine.hashing import mix, scatter

LAYER = record(
    [
        ("n_in", np.int64),
        ("n_out", np.int64),
        ("activation", np.int64),
        ("alpha", np.float64),  # the activation's parameter
        ("weights", np.int64),  # offsets into the parameters
        ("bias", np.int64),  # NO_BIAS where there is none
        ("l1", np.float64),  # penalties of the weights; biases have none
        ("l2", np.float64),
        ("scores", np.int64),  # offsets into the workspace: before the activation
        ("outputs", np.int64),  # and after it; equal where the scores need not be kept
        ("dropout", np.float64),  # the share of the outputs that are dropped
        ("masks", np.int64),  # offset into the workspace of what the outputs are multiplied by
        ("dropped", np.int64),  # and of the product, equal to `outputs` without dropout
    ]
)
NO_BIAS = -1


@kernel
def buffer(work, offset, capacity, rows, columns):
    """Return a (rows, columns) matrix of the workspace, which has room for `capacity` rows."""
    start = offset * capacity
    return work[start : start + rows * columns].reshape(rows, columns)


@kernel
def gathered(data, work, capacity, rows):
    """Return the matrix at the workspace's end into which dense rows are gathered."""
    n_features = data.X.shape[1]
    start = work.size - capacity * n_features
    return work[start : start + rows * n_features].reshape(rows, n_features)


@kernel
def weights_of(layer, params):
    end = layer.weights + layer.n_in * layer.n_out
    return params[layer.weights : end].reshape(layer.n_in, layer.n_out)


@kernel
def bias_of(layer, params):
    return params[layer.bias : layer.bias + layer.n_out]


@kernel
def dot(A, W, out):
    """out = A W."""
    if W.shape[1] == 1:
        np.dot(A, W.ravel(), out.ravel())
    else:
        np.dot(A, W, out)


@kernel
def transposed_dot(A, delta, out):
    """out = A' delta."""
    if delta.shape[1] == 1:
        np.dot(A.T, delta.ravel(), out.ravel())
    else:
        np.dot(A.T, delta, out)


@kernel
def gather(source, order, start, out):
    """Copy the rows order[start:start + len(out)] of a matrix; without an order, the rows there."""
    for i in range(out.shape[0]):
        row = order[start + i] if order.size else start + i
        for j in range(out.shape[1]):
            out[i, j] = source[row, j]


@kernel
def sparse_dot(data, start, W, out):
    """out = X[rows] W, for CSR rows."""
    values, columns, flat = data.values, data.columns, W.ravel()
    for i in range(out.shape[0]):
        row = data.order[start + i] if data.order.size else start + i
        # Unsigned: a signed index would be tested for being negative.
        first, end = np.uintp(data.row_starts[row]), np.uintp(data.row_starts[row + 1])
        if out.shape[1] == 1:
            total = values.dtype.type(0)
            for k in range(first, end):
                total += values[k] * flat[np.uintp(columns[k])]
            out[i, 0] = total
            continue
        target = out[i]
        for j in range(target.size):
            target[j] = 0
        for k in range(first, end):
            value, source = values[k], W[np.uintp(columns[k])]
            for j in range(target.size):
                target[j] += value * source[j]


@kernel
def sparse_transposed_dot(data, start, delta, out):
    """out = X[rows]' delta, for CSR rows."""
    values, columns, flat = data.values, data.columns, out.ravel()
    for i in range(flat.size):
        flat[i] = 0
    for i in range(delta.shape[0]):
        row = data.order[start + i] if data.order.size else start + i
        first, end = np.uintp(data.row_starts[row]), np.uintp(data.row_starts[row + 1])
        source = delta[i]
        if source.size == 1:
            for k in range(first, end):
                flat[np.uintp(columns[k])] += source[0] * values[k]
            continue
        for k in range(first, end):
            value, target = values[k], out[np.uintp(columns[k])]
            for j in range(source.size):
                target[j] += value * source[j]


@kernel
def input_dot(data, start, W, work, capacity, out):
    """out = X[rows] W."""
    if data.row_starts.size:
        sparse_dot(data, start, W, out)
    elif data.order.size:
        inputs = gathered(data, work, capacity, out.shape[0])
        gather(data.X, data.order, start, inputs)
        dot(inputs, W, out)
    else:
        dot(data.X[start : start + out.shape[0]], W, out)


@kernel
def input_transposed_dot(data, start, delta, work, capacity, out):
    """out = X[rows]' delta, after `input_dot` of the same rows."""
    if data.row_starts.size:
        sparse_transposed_dot(data, start, delta, out)
    elif data.order.size:
        transposed_dot(gathered(data, work, capacity, delta.shape[0]), delta, out)
    else:
        transposed_dot(data.X[start : start + delta.shape[0]], delta, out)


@kernel
def copy(source, out):
    for i in range(source.size):
        out[i] = source[i]


@kernel
def add_bias(z, bias):
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] += bias[j]


@kernel
def sum_rows(delta, out):
    out[:] = 0
    for i in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            out[j] += delta[i, j]


@kernel
def drop(layer, number, key, outputs, masks, dropped):
    """Drop some outputs, and multiply the others by so much that the mean stays the same.

    Srivastava et al. (2014), Dropout: a simple way to prevent neural networks from overfitting. The
    mask is a function of the key, the layer's number and the place: no state, the same each time.
    """
    key = np.uint32(mix(key + np.uint64(number)))
    threshold = np.uint32(layer.dropout * 4294967295.0)
    kept = outputs.dtype.type(1.0 / (1.0 - layer.dropout))
    for i in range(outputs.size):
        masks[i] = kept if scatter(np.uint32(key + np.uint32(i))) >= threshold else ZERO
        dropped[i] = outputs[i] * masks[i]


@kernel
def forward(data, layers, params, work, capacity, start, rows, key):
    """Compute all layers' outputs for a batch, in the workspace; return the last layer's.

    The batch is `rows` rows from place `start` of the order. Where `key` is not zero it makes the
    masks of dropout; where it is, nothing is dropped.
    """
    inputs = buffer(work, layers[0].outputs, capacity, rows, layers[0].n_out)
    for l in range(layers.size):
        layer = layers[l]
        z = buffer(work, layer.scores, capacity, rows, layer.n_out)
        if l == 0:
            input_dot(data, start, weights_of(layer, params), work, capacity, z)
        else:
            dot(inputs, weights_of(layer, params), z)
        if layer.bias != NO_BIAS:
            add_bias(z, bias_of(layer, params))
        inputs = buffer(work, layer.outputs, capacity, rows, layer.n_out)
        if layer.outputs != layer.scores:
            copy(z.ravel(), inputs.ravel())
        activate(layer.activation, layer.alpha, inputs.ravel())
        if layer.dropout > 0.0 and key:
            masks = buffer(work, layer.masks, capacity, rows, layer.n_out)
            dropped = buffer(work, layer.dropped, capacity, rows, layer.n_out)
            drop(layer, l, key, inputs.ravel(), masks.ravel(), dropped.ravel())
            inputs = dropped
    return inputs


@kernel
def backward(data, layers, params, gradient, work, capacity, start, rows, key, delta, other):
    """Write the gradient of a batch's summed loss, after `forward` of the same batch.

    `delta` is a vector that holds the loss's derivatives by the last layer's scores; it and `other`
    have room for the widest layer, and are overwritten.
    """
    for l in range(layers.size - 1, -1, -1):
        layer = layers[l]
        d = delta[: rows * layer.n_out].reshape(rows, layer.n_out)
        if layer.bias != NO_BIAS:
            sum_rows(d, bias_of(layer, gradient))
        if l == 0:
            input_transposed_dot(data, start, d, work, capacity, weights_of(layer, gradient))
        else:
            below = layers[l - 1]
            a = buffer(work, below.outputs, capacity, rows, layer.n_in)
            drops = below.dropout > 0.0 and key
            inputs = buffer(
                work, below.dropped if drops else below.outputs, capacity, rows, layer.n_in
            )
            transposed_dot(inputs, d, weights_of(layer, gradient))
            np.dot(d, weights_of(layer, params).T, other[: a.size].reshape(a.shape))
            if drops:
                masks = buffer(work, below.masks, capacity, rows, layer.n_in).ravel()
                for i in range(masks.size):
                    other[i] *= masks[i]
            z = buffer(work, below.scores, capacity, rows, layer.n_in)
            differentiate(below.activation, below.alpha, z.ravel(), a.ravel(), other[: a.size])
            delta, other = other, delta
