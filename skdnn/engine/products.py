"""Matrix products with the rows of a batch, dense or CSR, and where they stand in the workspace.

A batch has room for `capacity` rows in the workspace; a layer's offset, counted in numbers per row,
is that of a matrix with a row for each. Dense rows that are not taken as they come are gathered at
the workspace's end.
"""

import numpy as np
from numba import types

from skdnn.engine._jit import COMPILES, inlined_kernel, inner_kernel
from skdnn.engine.columns import part_bits
from skdnn.engine.data import data_type
from skdnn.engine.matmul import dot, transposed_dot
from skdnn.engine.pointers import Pointer
from skdnn.engine.tiles import (
    TILE_VECTORS,
    add_sparse_row,
    advanced,
    lanes_of,
    place_of,
    prefetch,
    write_sparse_row,
)
from skdnn.engine.views import flat, matrix, vector


@inlined_kernel
def rows_of(work, offset, capacity, columns, first, rows):
    """Return some rows of the matrix that begins at an offset, from row `first` on."""
    return matrix(work, offset * capacity + first * columns, rows, columns)


@inlined_kernel
def row_at(data, place):
    """Return the number of the row at a place of the order."""
    return data.order[place] if data.order.size else place


@inlined_kernel
def gathered(data, work, capacity, first, rows):
    """Return rows of the matrix at the workspace's end into which dense rows are gathered."""
    n_features = data.X.shape[1]
    begin = work.size - capacity * n_features
    return matrix(work, begin + first * n_features, rows, n_features)


@inner_kernel
def gather(source, order, start, out):
    """Copy the rows order[start:start + len(out)] of a matrix; without an order, the rows there."""
    for i in range(out.shape[0]):
        row = order[start + i] if order.size else start + i
        for j in range(out.shape[1]):
            out[i, j] = source[row, j]


@inlined_kernel
def prefetch_row(data, place, end):
    """Ask for the sparse row at a place of the order, if that is before `end`."""
    if place < end:
        row = row_at(data, place)
        first, count = data.row_starts[row], data.row_starts[row + 1] - data.row_starts[row]
        prefetch(data.columns, first, count)
        prefetch(data.values, first, count)


@inner_kernel
def sparse_inner_products(data, start, weights, bias, out):
    """Write the products of CSR rows and a vector."""
    for i in range(out.size):
        row = row_at(data, start + i)
        # Unsigned: a signed index would be tested for being negative.
        first, end = np.uintp(data.row_starts[row]), np.uintp(data.row_starts[row + 1])
        total = bias[0] if bias.size else out.dtype.type(0)
        for k in range(first, end):
            total += data.values[k] * weights[np.uintp(data.columns[k])]
        out[i] = total


@inner_kernel
def sparse_dot(data, start, W, bias, out):
    """out = X[rows] W + bias, for CSR rows."""
    if W.shape[1] == 1:
        sparse_inner_products(data, start, flat(W), bias, flat(out))
        return
    n_out, values = W.shape[1], place_of(data.values, 0)
    width, source = TILE_VECTORS * lanes_of(values), place_of(W, 0)
    shift, target = place_of(bias, 0), place_of(out, 0)
    for i in range(out.shape[0]):
        row = row_at(data, start + i)
        prefetch_row(data, start + i + 1, start + out.shape[0])
        first, count = data.row_starts[row], data.row_starts[row + 1] - data.row_starts[row]
        own, columns = place_of(data.values, first), place_of(data.columns, first)
        for j in range(0, n_out, width):
            write_sparse_row(
                own,
                columns,
                count,
                advanced(source, j),
                n_out,
                advanced(target, i * n_out + j),
                advanced(shift, j),
                bias.size > 0,
                n_out - j,
            )


@inner_kernel
def sparse_transposed_dot(data, start, delta, begin, out):
    """out = rows `begin` to `begin + len(out)` of X[rows]' delta, for CSR rows.

    For some of the rows only, whole parts of them, where the data are ordered by parts.
    """
    total, n_out, bits = flat(out), out.shape[1], part_bits(data.X.shape[1])
    is_part = out.shape[0] < data.X.shape[1]
    first_part, last_part = begin >> bits, ((begin + out.shape[0] - 1) >> bits) + 1
    for i in range(total.size):
        total[i] = 0
    source, tile = place_of(delta, 0), TILE_VECTORS * lanes_of(place_of(data.values, 0))
    target = place_of(out, -begin * n_out)
    for i in range(delta.shape[0]):
        row = row_at(data, start + i)
        prefetch_row(data, start + i + 1, start + delta.shape[0])
        first, end = data.row_starts[row], data.row_starts[row + 1]
        if is_part:
            end = first + data.part_starts[row, last_part]
            first += data.part_starts[row, first_part]
        if n_out == 1:
            for k in range(np.uintp(first), np.uintp(end)):
                total[np.uintp(data.columns[k] - begin)] += delta[i, 0] * data.values[k]
            continue
        own, columns = place_of(data.values, first), place_of(data.columns, first)
        for j in range(0, n_out, tile):
            add_sparse_row(
                own,
                columns,
                end - first,
                advanced(source, i * n_out + j),
                advanced(target, j),
                n_out,
                n_out - j,
            )


def plain_sparse_dot(data, start, W, bias, out):
    for i in range(len(out)):
        row = row_at(data, start + i)
        where = slice(data.row_starts[row], data.row_starts[row + 1])
        out[i] = data.values[where] @ W[data.columns[where]]
        if bias.size:
            out[i] += bias


def plain_sparse_transposed_dot(data, start, delta, begin, out):
    whole = np.zeros((data.X.shape[1], out.shape[1]), out.dtype)
    for i in range(len(delta)):
        row = row_at(data, start + i)
        where = slice(data.row_starts[row], data.row_starts[row + 1])
        np.add.at(whole, data.columns[where], data.values[where, None] * delta[i])
    out[:] = whole[begin : begin + len(out)]


if not COMPILES:
    sparse_dot, sparse_transposed_dot = plain_sparse_dot, plain_sparse_transposed_dot


# Most networks have dense rows: the products with sparse ones are compiled where they are needed.
SPARSE_DOT = Pointer(
    lambda number: (data_type(number), types.intp, number[:, ::1], number[::1], number[:, ::1])
)
SPARSE_TRANSPOSED_DOT = Pointer(
    lambda number: (data_type(number), types.intp, number[:, ::1], types.intp, number[:, ::1])
)
_sparse_dot, _sparse_transposed_dot = SPARSE_DOT.call, SPARSE_TRANSPOSED_DOT.call


@inlined_kernel
def input_dot(data, address, start, first, W, bias, work, capacity, out):
    """out = X[rows] W + bias, for the rows of a batch from its row `first` on.

    `address` is that of `sparse_dot`, for sparse rows.
    """
    rows, n_features = out.shape[0], data.X.shape[1]
    if data.row_starts.size:
        _sparse_dot(address, (data, start + first, W, bias, out))
    elif data.order.size:
        inputs = gathered(data, work, capacity, first, rows)
        gather(data.X, data.order, start + first, inputs)
        dot(inputs, W, bias, out)
    else:
        dot(matrix(data.X, (start + first) * n_features, rows, n_features), W, bias, out)


@inlined_kernel
def input_transposed_dot(data, address, start, delta, begin, work, capacity, out):
    """out = rows `begin` to `begin + len(out)` of X[rows]' delta, after `input_dot`.

    `address` is that of `sparse_transposed_dot`, for sparse rows.
    """
    rows, n_features = delta.shape[0], data.X.shape[1]
    if data.row_starts.size:
        _sparse_transposed_dot(address, (data, start, delta, begin, out))
    elif data.order.size:
        transposed_dot(gathered(data, work, capacity, 0, rows), delta, begin, out)
    else:
        transposed_dot(matrix(data.X, start * n_features, rows, n_features), delta, begin, out)


@inner_kernel
def copy(source, out):
    for i in range(source.size):
        out[i] = source[i]


@inner_kernel
def sum_rows(delta, out):
    """Write the sum of the rows of a matrix."""
    for j in range(out.size):
        out[j] = 0
    for i in range(delta.shape[0]):
        row = vector(delta, i * delta.shape[1], delta.shape[1])
        for j in range(out.size):
            out[j] += row[j]


@inner_kernel
def fill_batch(data, start, first, inputs):
    """Write rows of the batch as a matrix, whatever form they have."""
    if data.row_starts.size == 0:
        gather(data.X, data.order, start + first, inputs)
        return
    for i in range(inputs.shape[0]):
        row = row_at(data, start + first + i)
        for j in range(inputs.shape[1]):
            inputs[i, j] = 0
        for k in range(data.row_starts[row], data.row_starts[row + 1]):
            inputs[i, data.columns[k]] += data.values[k]
