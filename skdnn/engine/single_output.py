"""Passes over dense rows for a network of one layer with one output.

Such a pass can be as fast as memory gives the rows, when each is read once: for its score and,
while it is still in the cache, for the derivatives.
"""

import math

import numpy as np

from skdnn.engine._jit import kernel
from skdnn.engine.curvature import curve_scores, weights_at
from skdnn.engine.layers import NO_BIAS, bias_of, weights_of
from skdnn.engine.losses import _evaluate_elements, evaluate
from skdnn.engine.penalties import finish_gradient, penalty
from skdnn.engine.products import gather

# Numbers of the rows that are taken at a time, to stay in a core's cache, and bounds on how many
# rows those are. So many times their sums are added up before they are added to all others, which
# keeps rounding errors small.
_NUMBERS, _FEWEST, _MOST, _SUMMED = 32768, 8, 1024, 32


@kernel
def row_at(data, place):
    """Return the number of the row at a place of the order."""
    return data.order[place] if data.order.size else place


@kernel
def row_scores(data, start, vector, bias, z):
    """Write the products of rows and a vector, plus a bias: four rows at a time."""
    X, n, i = data.X, vector.size, 0
    while i + 4 <= z.size:
        a, b = X[row_at(data, start + i)], X[row_at(data, start + i + 1)]
        c, d = X[row_at(data, start + i + 2)], X[row_at(data, start + i + 3)]
        s = t = u = v = bias
        for j in range(n):
            s += a[j] * vector[j]
            t += b[j] * vector[j]
            u += c[j] * vector[j]
            v += d[j] * vector[j]
        z[i], z[i + 1], z[i + 2], z[i + 3] = s, t, u, v
        i += 4
    while i < z.size:
        a, s = X[row_at(data, start + i)], bias
        for j in range(n):
            s += a[j] * vector[j]
        z[i] = s
        i += 1


@kernel
def add_rows(data, start, factors, out):
    """Add rows times their factors to a vector: four rows at a time."""
    X, n, i = data.X, out.size, 0
    while i + 4 <= factors.size:
        a, b = X[row_at(data, start + i)], X[row_at(data, start + i + 1)]
        c, d = X[row_at(data, start + i + 2)], X[row_at(data, start + i + 3)]
        s, t, u, v = factors[i], factors[i + 1], factors[i + 2], factors[i + 3]
        for j in range(n):
            out[j] += (a[j] * s + b[j] * t) + (c[j] * u + d[j] * v)
        i += 4
    while i < factors.size:
        a, s = X[row_at(data, start + i)], factors[i]
        for j in range(n):
            out[j] += a[j] * s
        i += 1


@kernel
def block_rows(data, n_rows):
    """Return how many rows to take at a time."""
    return min(n_rows, max(_FEWEST, min(_MOST, _NUMBERS // max(data.X.shape[1], 1))))


@kernel
def first_bias(layer, params):
    """Return the bias of the layer's output; zero where it has none."""
    return params.dtype.type(0) if layer.bias == NO_BIAS else bias_of(layer, params)[0]


@kernel
def add_block(data, layer, start, factors, out):
    """Add a block's part of a gradient, given the derivatives by its scores."""
    add_rows(data, start, factors, weights_of(layer, out).ravel())
    if layer.bias != NO_BIAS:
        bias = bias_of(layer, out)
        for i in range(factors.size):
            bias[0] += factors[i]


@kernel
def move(part, out):
    """Add a vector to another one, and set it to zero."""
    for j in range(part.size):
        out[j] += part[j]
        part[j] = 0


@kernel
def single_output_gradient(data, n_rows, layers, objective, params, gradient, part):
    """Return the mean loss and the penalties; write the gradient of their sum, without the L1 part.

    `part` has the shape of the gradient.
    """
    layer, total, total_weight = layers[0], 0.0, 0.0
    vector, bias = weights_of(layer, params).ravel(), first_bias(layer, params)
    block = block_rows(data, n_rows)
    z_room, y_room = np.empty((block, 1), params.dtype), np.empty((block, 1), params.dtype)
    delta_room, weight_room = np.empty_like(z_room), np.empty_like(z_room)
    gradient[:] = 0
    part[:] = 0
    for start in range(0, n_rows, block):
        rows = min(block, n_rows - start)
        z, y, delta = z_room[:rows], y_room[:rows], delta_room[:rows]
        weight, losses, factors = weight_room[:rows].ravel(), z.ravel(), delta.ravel()
        row_scores(data, start, vector, bias, losses)
        gather(data.y, data.order, start, y)
        evaluate(objective, z, y, delta)
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
    finish_gradient(layers, params, gradient, total_weight)
    return total / total_weight, penalty(layers, params, total_weight)


@kernel
def single_output_hessian_vector(data, n_rows, layers, objective, curvature, vector, out, part):
    """Write the product of the objective's Hessian, L2 penalty included, and a vector into `out`.

    `curvature` comes from `score_curvature`; `part` has the shape of `out`.
    """
    layer, total_weight = layers[0], 0.0
    weights, bias = weights_of(layer, vector).ravel(), first_bias(layer, vector)
    block = block_rows(data, n_rows)
    u_room, weight_room = np.empty((block, 1), vector.dtype), np.empty((block, 1), vector.dtype)
    out[:] = 0
    part[:] = 0
    for start in range(0, n_rows, block):
        rows = min(block, n_rows - start)
        u, weight = u_room[:rows], weight_room[:rows].ravel()
        row_scores(data, start, weights, bias, u.ravel())
        total_weight += weights_at(data, start, weight) if data.weight.size else rows
        curve_scores(data, objective[0].loss, curvature, start, weight, u)
        add_block(data, layer, start, u.ravel(), part)
        if (start // block + 1) % _SUMMED == 0:
            move(part, out)
    move(part, out)
    finish_gradient(layers, vector, out, total_weight)


@kernel
def gather_rows(data, start, X, y, weight):
    """Copy rows with their targets and weights.

    Taken one by one between the steps, rows in random order would each be waited for.
    """
    gather(data.X, data.order, start, X)
    for i in range(y.size):
        y[i] = data.y[row_at(data, start + i), 0]
    weights_at(data, start, weight)


@kernel
def single_output_epoch(data, n_rows, batch_size, layers, objective, params, gradient, rates):
    """Make an epoch of gradient descent on mini-batches; return the mean of their objectives.

    The same as `skdnn.engine.epoch.train_epoch` for plain steps, with an L2 penalty or none:
    `rates` has the learning rate of each batch, and a mean that is not finite ends the epoch.
    """
    layer, first, dtype = layers[0], objective[0], params.dtype.type
    w, g = weights_of(layer, params).ravel(), weights_of(layer, gradient).ravel()
    l2, half, parameter = dtype(layer.l2), dtype(0.5), dtype(first.parameter)
    block = batch_size * max(1, block_rows(data, n_rows) // batch_size)
    X, y = np.empty((block, w.size), params.dtype), np.empty(block, params.dtype)
    weight, target = np.empty_like(y), np.zeros(batch_size, params.dtype)
    z, delta, total, bias = (
        np.zeros_like(target),
        np.zeros_like(target),
        0.0,
        first_bias(layer, params),
    )
    for k in range((n_rows + batch_size - 1) // batch_size):
        start = k * batch_size
        place, rows = start % block, min(batch_size, n_rows - start)
        if place == 0:
            size = min(block, n_rows - start)
            gather_rows(data, start, X[:size], y[:size], weight[:size])
        squares = dtype(0)
        for j in range(w.size):
            squares += w[j] * w[j]
            g[j] = l2 * w[j]
        for i in range(rows):
            score = bias
            for j in range(w.size):
                score += X[place + i, j] * w[j]
            z[i], target[i] = score, y[place + i]
        # Of a last batch that has fewer rows, what stands after them is not used.
        _evaluate_elements(first.loss, parameter, z, target, delta)
        total_weight, loss, slope = 0.0, 0.0, dtype(0)
        for i in range(rows):
            loss += weight[place + i] * z[i]
            total_weight += weight[place + i]
        value = loss / total_weight + half * l2 * squares
        if not math.isfinite(value):
            return value
        total += value * rows
        scale = dtype(1.0 / total_weight)
        for i in range(rows):
            factor = scale * weight[place + i] * delta[i]
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
