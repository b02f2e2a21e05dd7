"""Passes over dense rows for a network of one layer with one output.

Such a pass can be as fast as memory gives the rows, when each is read once: for its score and,
while it is still in the cache, for the derivatives.
"""

import math

from skdnn.engine._jit import inlined_kernel, inner_kernel, kernel
from skdnn.engine.curvature import curve_scores, weights_at
from skdnn.engine.layers import NO_BIAS, bias_of, weights_of
from skdnn.engine.losses import EVALUATE
from skdnn.engine.products import gather, row_at
from skdnn.engine.views import flat, matrix, vector

# Numbers of the rows that are taken at a time, to stay in a core's cache, and bounds on how many
# rows those are. So many times their sums are added up before they are added to all others, which
# keeps rounding errors small.
_NUMBERS, _FEWEST, _MOST, _SUMMED = 32768, 8, 1024, 32

_evaluate = EVALUATE.call


@inlined_kernel
def row_of(data, place):
    """Return the row at a place of the order."""
    return vector(data.X, row_at(data, place) * data.X.shape[1], data.X.shape[1])


@inner_kernel
def row_scores(data, start, weights, bias, z):
    """Write the products of rows and a vector, plus a bias: four rows at a time."""
    n, i = weights.size, 0
    while i + 4 <= z.size:
        a, b = row_of(data, start + i), row_of(data, start + i + 1)
        c, d = row_of(data, start + i + 2), row_of(data, start + i + 3)
        s = t = u = v = bias
        for j in range(n):
            s += a[j] * weights[j]
            t += b[j] * weights[j]
            u += c[j] * weights[j]
            v += d[j] * weights[j]
        z[i], z[i + 1], z[i + 2], z[i + 3] = s, t, u, v
        i += 4
    while i < z.size:
        a, s = row_of(data, start + i), bias
        for j in range(n):
            s += a[j] * weights[j]
        z[i] = s
        i += 1


@inner_kernel
def add_rows(data, start, factors, out):
    """Add rows times their factors to a vector: four rows at a time."""
    n, i = out.size, 0
    while i + 4 <= factors.size:
        a, b = row_of(data, start + i), row_of(data, start + i + 1)
        c, d = row_of(data, start + i + 2), row_of(data, start + i + 3)
        s, t, u, v = factors[i], factors[i + 1], factors[i + 2], factors[i + 3]
        for j in range(n):
            out[j] += (a[j] * s + b[j] * t) + (c[j] * u + d[j] * v)
        i += 4
    while i < factors.size:
        a, s = row_of(data, start + i), factors[i]
        for j in range(n):
            out[j] += a[j] * s
        i += 1


@inner_kernel
def block_rows(data, n_rows):
    """Return how many rows to take at a time."""
    return min(n_rows, max(_FEWEST, min(_MOST, _NUMBERS // max(data.X.shape[1], 1))))


@inner_kernel
def first_bias(layer, params):
    """Return the bias of the layer's output; zero where it has none."""
    return params.dtype.type(0) if layer.bias == NO_BIAS else bias_of(layer, params)[0]


@inner_kernel
def add_block(data, layer, start, factors, out):
    """Add a block's part of a gradient, given the derivatives by its scores."""
    add_rows(data, start, factors, flat(weights_of(layer, out)))
    if layer.bias != NO_BIAS:
        bias = bias_of(layer, out)
        for i in range(factors.size):
            bias[0] += factors[i]


@inner_kernel
def move(part, out):
    """Add a vector to another one, and set it to zero."""
    for j in range(part.size):
        out[j] += part[j]
        part[j] = 0


@inlined_kernel
def room(work, number, block, rows):
    """Return a column of so many rows of the workspace."""
    return matrix(work, number * block, rows, 1)


@kernel
def single_output_gradient(data, n_rows, layers, objective, params, gradient, part, work):
    """Return the summed loss of rows, and their weight; write the sum's gradient.

    `part` has the shape of the gradient; `work` has room for four numbers for each row of a block.
    """
    layer, total, total_weight = layers[0], 0.0, 0.0
    weights, bias = flat(weights_of(layer, params)), first_bias(layer, params)
    block = block_rows(data, n_rows)
    for j in range(gradient.size):
        gradient[j] = part[j] = 0
    for start in range(0, n_rows, block):
        rows = min(block, n_rows - start)
        z, y = room(work, 0, block, rows), room(work, 1, block, rows)
        delta, weight = room(work, 2, block, rows), flat(room(work, 3, block, rows))
        losses, factors = flat(z), flat(delta)
        row_scores(data, start, weights, bias, losses)
        gather(data.y, data.order, start, y)
        _evaluate(objective[0].evaluate, (objective, z, y, delta))
        loss = 0.0
        if data.weight.size == 0:
            total_weight += rows
        else:
            total_weight += weights_at(data, start, weight)
            for i in range(rows):
                losses[i] *= weight[i]
                factors[i] *= weight[i]
        for i in range(rows):
            loss += losses[i]
        total += loss
        add_block(data, layer, start, factors, part)
        if (start // block + 1) % _SUMMED == 0:
            move(part, gradient)
    move(part, gradient)
    return total, total_weight


@kernel
def single_output_hessian_vector(
    data, n_rows, layers, objective, curvature, direction, out, part, work
):
    """Write the product of the summed loss's Hessian and a direction; return the rows' weight.

    `curvature` comes from `score_curvature`; `part` has the shape of `out`; `work` has room for two
    numbers for each row of a block.
    """
    layer, total_weight = layers[0], 0.0
    weights, bias = flat(weights_of(layer, direction)), first_bias(layer, direction)
    block = block_rows(data, n_rows)
    for j in range(out.size):
        out[j] = part[j] = 0
    for start in range(0, n_rows, block):
        rows = min(block, n_rows - start)
        u, weight = room(work, 0, block, rows), flat(room(work, 1, block, rows))
        row_scores(data, start, weights, bias, flat(u))
        total_weight += weights_at(data, start, weight) if data.weight.size else rows
        curve_scores(data, objective[0].loss, curvature, start, weight, u)
        add_block(data, layer, start, flat(u), part)
        if (start // block + 1) % _SUMMED == 0:
            move(part, out)
    move(part, out)
    return total_weight


@inner_kernel
def gather_rows(data, start, X, y, weight):
    """Copy rows with their targets and weights.

    Taken one by one between the steps, rows in random order would each be waited for.
    """
    gather(data.X, data.order, start, X)
    for i in range(y.size):
        y[i] = data.y[row_at(data, start + i), 0]
    weights_at(data, start, weight)


@kernel
def epoch_block(data, n_rows, batch_size):
    """Return how many rows an epoch gathers at a time: whole batches."""
    return batch_size * max(1, block_rows(data, n_rows) // batch_size)


def epoch_room(data, n_rows: int, batch_size: int) -> int:
    """Return how many numbers the workspace of `single_output_epoch` has."""
    block = epoch_block(data, n_rows, batch_size)
    return block * (data.X.shape[1] + 2) + 3 * batch_size


@kernel
def single_output_epoch(data, n_rows, batch_size, layers, objective, params, gradient, rates, work):
    """Make an epoch of gradient descent on mini-batches; return the mean of their objectives.

    The same as `skdnn.engine.epoch.train_epoch` for plain steps, with an L2 penalty or none:
    `rates` has the learning rate of each batch, and a mean that is not finite ends the epoch.
    `work` has the size that `epoch_room` gives.
    """
    layer, first, dtype = layers[0], objective[0], params.dtype.type
    w, g = flat(weights_of(layer, params)), flat(weights_of(layer, gradient))
    l2, half = dtype(layer.l2), dtype(0.5)
    block = epoch_block(data, n_rows, batch_size)
    X, rest = matrix(work, 0, block, w.size), block * w.size
    y, weight = vector(work, rest, block), vector(work, rest + block, block)
    rest += 2 * block
    z, target = matrix(work, rest, batch_size, 1), matrix(work, rest + batch_size, batch_size, 1)
    delta, total = matrix(work, rest + 2 * batch_size, batch_size, 1), 0.0
    bias = first_bias(layer, params)
    for i in range(batch_size):
        # Of a last batch that has fewer rows, what stands after them is not used.
        z[i, 0] = target[i, 0] = 0
    for k in range((n_rows + batch_size - 1) // batch_size):
        start = k * batch_size
        place, rows = start % block, min(batch_size, n_rows - start)
        if place == 0:
            size = min(block, n_rows - start)
            rows_at_once = matrix(work, 0, size, w.size)
            given = vector(work, block * w.size, size), vector(work, block * (w.size + 1), size)
            gather_rows(data, start, rows_at_once, *given)
        squares = dtype(0)
        for j in range(w.size):
            squares += w[j] * w[j]
            g[j] = l2 * w[j]
        for i in range(rows):
            score = bias
            for j in range(w.size):
                score += X[place + i, j] * w[j]
            z[i, 0], target[i, 0] = score, y[place + i]
        _evaluate(first.evaluate, (objective, z, target, delta))
        total_weight, loss, slope = 0.0, 0.0, dtype(0)
        for i in range(rows):
            loss += weight[place + i] * z[i, 0]
            total_weight += weight[place + i]
        value = loss / total_weight + half * l2 * squares
        if not math.isfinite(value):
            return value
        total += value * rows
        scale = dtype(1.0 / total_weight)
        for i in range(rows):
            factor = scale * weight[place + i] * delta[i, 0]
            for j in range(w.size):
                g[j] += factor * X[place + i, j]
            slope += factor
        rate = dtype(rates[k])
        for j in range(w.size):
            w[j] -= rate * g[j]
        if layer.bias != NO_BIAS:
            bias -= rate * slope
    if layer.bias != NO_BIAS:
        bias_of(layer, params)[0] = bias
    return total / n_rows
