"""Layers over one flat vector of parameters.

A network is an array of `LAYER` records. A record says where the layer's parameters begin in the
flat vector, and where its outputs begin in the workspace, counted in numbers per row of a batch.
After the parameters that are trained the vector holds the running statistics.

Dense layers are here; the other kinds are kernels that are called by address, in
`skdnn.engine.kinds`.
"""

import numpy as np
from numba import from_dtype, types

from skdnn.engine._jit import inlined_kernel, kernel, record
from skdnn.engine.activations import ACTIVATE, DIFFERENTIATE
from skdnn.engine.data import data_type
from skdnn.engine.matmul import dot, dot_transposed
from skdnn.engine.pointers import Pointer
from skdnn.engine.products import copy, input_dot, rows_of
from skdnn.engine.views import flat, matrix, vector

LAYER = record(
    [
        ("kind", np.int64),
        ("n_in", np.int64),
        ("n_out", np.int64),
        ("activation", np.int64),  # its number
        ("alpha", np.float64),  # and its parameter
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
        ("deltas", np.int64),  # the loss's derivatives by the outputs, and then by the scores
        ("kept", np.int64),  # of a kind's own: the masks; the normalised inputs
        ("inverse", np.int64),  # the inverse standard deviations, means and variances
        ("activate", np.int64),  # addresses of kernels: the activation's, 0 for the identity,
        ("differentiate", np.int64),
        ("transform", np.int64),  # the kind's, 0 for a dense layer,
        ("transform_backward", np.int64),
        ("sparse_dot", np.int64),  # and of the products with sparse rows; 0 where rows are dense
        ("sparse_transposed_dot", np.int64),
    ]
)
NO_BIAS = -1
LAYERS = types.Array(from_dtype(LAYER), 1, "C")


# f(data, layers, l, params, work, capacity, start, first, rows, key) writes what a layer that is
# not dense makes of some rows of a batch, before its activation.
TRANSFORM = Pointer(
    lambda number: (
        *(data_type(number), LAYERS, types.intp, number[::1], number[::1]),
        *[types.intp] * 4,
        types.uint64,
    )
)
# f(data, layers, l, passes, params, gradient, work, capacity, start, first, rows): see `backward`.
TRANSFORM_BACKWARD = Pointer(
    lambda number: (
        *(data_type(number), LAYERS, types.intp, types.boolean),
        *[number[::1]] * 3,
        *[types.intp] * 4,
    )
)
# `forward` itself.
FORWARD = Pointer(
    lambda number: (
        *(data_type(number), LAYERS, number[::1], number[::1]),
        *[types.intp] * 4,
        types.uint64,
    )
)
_activate, _differentiate = ACTIVATE.call, DIFFERENTIATE.call
_transform, _transform_backward = TRANSFORM.call, TRANSFORM_BACKWARD.call


@inlined_kernel
def weights_of(layer, params):
    return matrix(params, layer.params, layer.weight_rows, layer.n_out)


@inlined_kernel
def bias_of(layer, params):
    """Return the biases; of a layer without any an empty vector."""
    has_bias = layer.bias != NO_BIAS
    return vector(params, layer.bias if has_bias else 0, layer.n_out if has_bias else 0)


@kernel
def forward(data, layers, params, work, capacity, start, first, rows, key):
    """Compute all layers' outputs, in the workspace, for some rows of a batch.

    The batch begins at place `start` of the order; taken are `rows` of its rows, from its row
    `first` on. `key` makes the masks of dropout. Batch normalisation, for which these must be all
    rows of the batch, changes its running statistics, in `params`.
    """
    a = rows_of(work, layers[0].outputs, capacity, layers[0].n_out, first, rows)
    for l in range(layers.size):
        layer = layers[l]
        z = rows_of(work, layer.scores, capacity, layer.n_out, first, rows)
        if layer.transform:
            given = (data, layers, l, params, work, capacity, start, first, rows, key)
            _transform(layer.transform, given)
        else:
            W, bias = weights_of(layer, params), bias_of(layer, params)
            if l == 0:
                input_dot(data, layer.sparse_dot, start, first, W, bias, work, capacity, z)
            else:
                dot(a, W, bias, z)
        a = rows_of(work, layer.outputs, capacity, layer.n_out, first, rows)
        if layer.outputs != layer.scores:
            copy(flat(z), flat(a))
        if layer.activate:
            _activate(layer.activate, (layer.alpha, flat(a)))


@inlined_kernel
def backward(data, layers, lowest, params, gradient, work, capacity, start, first, rows):
    """Compute the loss's derivatives by the scores of all layers from number `lowest` up.

    After `forward` of the same rows; those by the last layer's outputs are there. Of layers that
    are not dense the gradient is written too, for which these must be all rows of the batch.
    """
    for l in range(layers.size - 1, lowest - 1, -1):
        layer, passes = layers[l], l > lowest
        d = rows_of(work, layer.deltas, capacity, layer.n_out, first, rows)
        if layer.differentiate:
            z = rows_of(work, layer.scores, capacity, layer.n_out, first, rows)
            a = rows_of(work, layer.outputs, capacity, layer.n_out, first, rows)
            given = (
                layer.alpha,
                flat(z),
                flat(a),
                flat(d),
            )
            _differentiate(layer.differentiate, given)
        if layer.transform_backward:
            room = (data, layers, l, passes, params, gradient, work, capacity, start, first, rows)
            _transform_backward(layer.transform_backward, room)
        elif passes:
            out = rows_of(work, layers[l - 1].deltas, capacity, layer.n_in, first, rows)
            dot_transposed(d, weights_of(layer, params), out)
