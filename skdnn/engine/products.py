"""Matrix products with the rows of a batch, dense or CSR, and where they stand in the workspace.

Dense rows that are not taken as they come are gathered at the workspace's end.
"""

import numpy as np

from skdnn.engine._jit import kernel


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
def batch_matrix(data, work, capacity, start, rows):
    """Return the batch's rows as a matrix at the workspace's end, whatever form they have."""
    inputs = gathered(data, work, capacity, rows)
    if data.row_starts.size == 0:
        gather(data.X, data.order, start, inputs)
        return inputs
    for i in range(rows):
        row = data.order[start + i] if data.order.size else start + i
        for j in range(inputs.shape[1]):
            inputs[i, j] = 0
        for k in range(data.row_starts[row], data.row_starts[row + 1]):
            inputs[i, data.columns[k]] += data.values[k]
    return inputs
