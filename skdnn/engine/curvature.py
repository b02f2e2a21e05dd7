"""Second derivatives of a network without hidden layers, and what Newton's method does with them.

With A the matrix of inputs, a column of ones appended for the biases, the mean loss has the Hessian

    sum_i weight_i (a_i a_i') x S_i / sum_i weight_i,

where S_i is the loss's second derivative by the scores: a number h for each score, but for the
softmax diag(p) - p p'. So one number for each score describes it: h, or the probability p.
"""

from skdnn.engine._jit import inner_kernel, kernel
from skdnn.engine.elementary import ONE, ZERO, exp
from skdnn.engine.layers import NO_BIAS, bias_of, weights_of
from skdnn.engine.losses import BINARY_LOG_LOSS, HUBER, LOG_LOSS, POISSON, softmax
from skdnn.engine.matmul import transposed_dot
from skdnn.engine.products import gather, input_dot, input_transposed_dot, row_at, rows_of, sum_rows
from skdnn.engine.views import flat, vector


@inner_kernel
def second_derivatives(code, parameter, z, y, out):
    """Write a loss's second derivatives by the scores; vectors of the same size."""
    if code == BINARY_LOG_LOSS:
        for i in range(z.size):
            e = exp(-abs(z[i]))
            out[i] = e / ((ONE + e) * (ONE + e))
    elif code == POISSON:
        for i in range(z.size):
            out[i] = exp(z[i])
    elif code == HUBER:
        for i in range(z.size):
            out[i] = ONE if abs(z[i] - y[i]) <= parameter else ZERO
    else:
        for i in range(z.size):
            out[i] = ONE


@kernel
def score_curvature(data, n_rows, layers, objective, params, curvature, work, capacity):
    """Write the loss's curvature for all rows' scores: h, or the probabilities of a softmax."""
    parameter = params.dtype.type(objective[0].parameter)
    for start in range(0, n_rows, capacity):
        rows = min(capacity, n_rows - start)
        layer = layers[0]
        scores = rows_of(work, layer.scores, capacity, layer.n_out, 0, rows)
        W, bias = weights_of(layer, params), bias_of(layer, params)
        input_dot(data, layer.sparse_dot, start, 0, W, bias, work, capacity, scores)
        z, out = flat(scores), vector(curvature, start * layer.n_out, scores.size)
        if objective[0].loss == LOG_LOSS:
            softmax(scores)
            for i in range(z.size):
                out[i] = z[i]
        else:
            y = rows_of(work, objective[0].targets, capacity, data.y.shape[1], 0, rows)
            gather(data.y, data.order, start, y)
            second_derivatives(objective[0].loss, parameter, z, flat(y), out)


@inner_kernel
def weights_at(data, start, out):
    """Write the weights of the rows from a place of the order; return their sum."""
    total = 0.0
    for i in range(out.size):
        if data.weight.size == 0:
            out[i] = 1
        else:
            out[i] = data.weight[row_at(data, start + i)]
        total += out[i]
    return total


@inner_kernel
def curve_scores(data, code, curvature, start, weight, u):
    """Multiply each row of `u` by weight_i S_i, in place."""
    if code == LOG_LOSS:
        for i in range(u.shape[0]):
            p, row = curvature[start + i], u[i]
            mean = ZERO * row[0]
            for j in range(row.size):
                mean += p[j] * row[j]
            for j in range(row.size):
                row[j] = p[j] * (row[j] - mean)
    else:
        values, h = flat(u), vector(curvature, start * u.shape[1], u.size)
        for i in range(values.size):
            values[i] *= h[i]
    if data.weight.size:
        for i in range(u.shape[0]):
            for j in range(u.shape[1]):
                u[i, j] *= weight[i]


@kernel
def hessian_vector(
    data, n_rows, layers, objective, curvature, direction, out, part, work, capacity
):
    """Write the product of the summed loss's Hessian and a direction; return the rows' weight.

    `curvature` comes from `score_curvature`; `part` has the shape of `out`.
    """
    layer = layers[0]
    total_weight = 0.0
    for i in range(out.size):
        out[i] = 0
    for start in range(0, n_rows, capacity):
        rows = min(capacity, n_rows - start)
        u = rows_of(work, layer.scores, capacity, layer.n_out, 0, rows)
        W, bias = weights_of(layer, direction), bias_of(layer, direction)
        input_dot(data, layer.sparse_dot, start, 0, W, bias, work, capacity, u)
        weight = vector(work, layer.deltas * capacity, rows)
        total_weight += weights_at(data, start, weight)
        curve_scores(data, objective[0].loss, curvature, start, weight, u)
        sum_rows(u, bias_of(layer, part))
        W, address = weights_of(layer, part), layer.sparse_transposed_dot
        input_transposed_dot(data, address, start, u, 0, work, capacity, W)
        for i in range(out.size):
            out[i] += part[i]
    return total_weight


@inner_kernel
def copy_inputs(data, start, bias, out):
    """Copy rows, dense or sparse, into a matrix, with a column of ones for a bias."""
    n_features = out.shape[1] - 1 if bias else out.shape[1]
    for i in range(out.shape[0]):
        row = row_at(data, start + i)
        if data.row_starts.size:
            for j in range(n_features):
                out[i, j] = 0
            for k in range(data.row_starts[row], data.row_starts[row + 1]):
                out[i, data.columns[k]] += data.values[k]
        else:
            for j in range(n_features):
                out[i, j] = data.X[row, j]
        if bias:
            out[i, n_features] = 1


@inner_kernel
def add_block(code, curvature, first, second, weight, inputs, scaled, product, out):
    """Add a chunk's A' D A, D the curvature by the scores `first` and `second`, to `out`."""
    for i in range(inputs.shape[0]):
        factor = weight[i] * curvature[i, first]
        if code == LOG_LOSS:
            factor *= (ONE if first == second else ZERO) - curvature[i, second]
        for j in range(inputs.shape[1]):
            scaled[i, j] = factor * inputs[i, j]
    transposed_dot(inputs, scaled, 0, product)
    total, added = flat(out), flat(product)
    for i in range(total.size):
        total[i] += added[i]


@kernel
def hessian(data, n_rows, layers, objective, curvature, blocks, inputs, scaled, weight, product):
    """Write the Hessian of the summed loss, on and above the diagonal; return the rows' weight.

    `blocks` has shape (n_outputs, n_outputs, n_inputs, n_inputs), the bias counted as the last
    input; block [k, l] holds the second derivatives by the parameters of outputs k and l.
    `inputs`, `scaled` and `weight` have room for as many rows as are taken at a time.
    """
    layer = layers[0]
    bias = layer.bias != NO_BIAS
    coupled = objective[0].loss == LOG_LOSS
    total_weight = 0.0
    total = flat(blocks)
    for i in range(total.size):
        total[i] = 0
    for start in range(0, n_rows, inputs.shape[0]):
        rows = min(inputs.shape[0], n_rows - start)
        a, room, w, curved = inputs[:rows], scaled[:rows], weight[:rows], curvature[start:]
        total_weight += weights_at(data, start, w)
        copy_inputs(data, start, bias, a)
        for k in range(layer.n_out):
            for l in range(k, layer.n_out if coupled else k + 1):
                block = blocks[k, l]
                add_block(objective[0].loss, curved, k, l, w, a, room, product, block)
    return total_weight


@kernel
def finish_hessian(blocks, layers, total_weight):
    """Turn the sum into the objective's Hessian: the mean, with the L2 penalty, and whole."""
    layer = layers[0]
    dtype = blocks.dtype.type
    l2 = layer.l2 / total_weight if layer.per_weight else layer.l2
    scale, strength = dtype(1.0 / total_weight), dtype(l2)
    for k in range(blocks.shape[0]):
        for l in range(k, blocks.shape[0]):
            upper, lower = flat(blocks[k, l]), flat(blocks[l, k])
            for i in range(upper.size):
                upper[i] *= scale
                lower[i] = upper[i]
        for i in range(layer.n_in):
            blocks[k, k, i, i] += strength


@kernel
def minimise_quadratic(hessian, gradient, params, n_penalised, l1, step, product, sweeps, tol):
    """Minimise g'd + d'H d / 2 + l1 |w + d| over d by cyclic coordinate descent.

    The L1 penalty is on the first `n_penalised` parameters w. `step` holds d, and `product` H d.
    Ends when no coordinate's derivative was changed by more than `tol` in a sweep.
    """
    for _ in range(sweeps):
        largest = ZERO * tol
        for j in range(step.size):
            h = hessian[j, j]
            if h <= 0:
                continue
            old = params[j] + step[j]
            new = old - (gradient[j] + product[j]) / h
            if j < n_penalised:
                threshold = l1 / h
                shrunk = abs(new) - threshold
                new = ZERO * h if shrunk <= 0 else (shrunk if new > 0 else -shrunk)
            change = new - old
            if change != 0:
                # w + d is exactly zero where it should be.
                step[j] = new - params[j]
                for i in range(product.size):
                    product[i] += change * hessian[j, i]
                largest = max(largest, abs(change) * h)
        if largest <= tol:
            break
