"""The second half of a batch: the gradient by the parameters, and the optimiser's step along it.

The parameters are cut into blocks, some rows of a layer's weights each, which threads can work on
at the same time. Inside a block the gradient of a few rows is followed at once by their step, while
it is in the cache.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import from_dtype, types

from skdnn.engine._jit import inlined_kernel, inner_kernel, record
from skdnn.engine.columns import part_bits
from skdnn.engine.data import data_type
from skdnn.engine.layers import LAYERS, NO_BIAS, bias_of
from skdnn.engine.matmul import transposed_dot
from skdnn.engine.optimizers import SETTINGS_TYPE, STEP
from skdnn.engine.penalties import RESTRICT, finish, penalty_value, scale_by, sum_of_squares
from skdnn.engine.pointers import Pointer
from skdnn.engine.products import input_transposed_dot, rows_of, sum_rows
from skdnn.engine.views import matrix, vector

BLOCK = record(
    [
        ("layer", np.int64),
        ("begin", np.int64),  # the first of its rows of weights,
        ("end", np.int64),  # and the one after the last
        ("bias", np.bool_),  # whether the biases belong to it
        ("part", np.int64),  # where the layer's sums begin in `parts`
    ]
)
# A step of an epoch.
STEPS = record(
    [
        ("rate", np.float64),  # its learning rate
        ("power_1", np.float64),  # the optimiser's beta_1 and beta_2 to the power of its number
        ("power_2", np.float64),
        ("loss", np.float64),  # the batch's mean loss
        ("penalty", np.float64),
        ("weight", np.float64),  # the batch's weight
        ("reach", np.float64),  # the rates so far, each times the momentum for each step since
    ]
)
# The gradient is followed by the step so many numbers at a time: they stay in the cache.
_TILE = 2**16

# What is done with a block: the gradient, the step along it, or both; or only what turns the summed
# loss's gradient, which is there, into the objective's.
GRADIENT, STEP_ONLY, BOTH, FINISH = range(4)


class Variables(NamedTuple):
    """What training changes: vectors of one length, the mean may be empty.

    Attributes
    ----------
    params, gradient : ndarray of shape (n_numbers,) and (n_params,)
    moments : ndarray of shape (n_moments * n_params,)
    mean : ndarray of shape (n_numbers,) or (0,)
        The running mean of the parameters.
    parts : ndarray of shape (2, n_parts), float64
        For each part of a layer the penalties, and the sum of the gradient's squares.
    """

    params: np.ndarray
    gradient: np.ndarray
    moments: np.ndarray
    mean: np.ndarray
    parts: np.ndarray


_STEPS = types.Array(from_dtype(STEPS), 1, "C")


def variables_type(number):
    vectors = [number[::1]] * 4
    return types.NamedTuple((*vectors, types.float64[:, ::1]), Variables)


_step, _restrict = STEP.call, RESTRICT.call


@inner_kernel
def weight_gradient(data, layers, l, work, capacity, start, rows, begin, out):
    """Write the summed loss's gradient by some rows of a dense layer's weights, from `begin` on."""
    layer = layers[l]
    d = rows_of(work, layer.deltas, capacity, layer.n_out, 0, rows)
    if l == 0:
        address = layer.sparse_transposed_dot
        input_transposed_dot(data, address, start, d, begin, work, capacity, out)
    else:
        inputs = rows_of(work, layers[l - 1].outputs, capacity, layer.n_in, 0, rows)
        transposed_dot(inputs, d, begin, out)


@inlined_kernel
def bias_gradient(layer, work, capacity, rows, gradient):
    """Write the summed loss's gradient by a dense layer's biases."""
    d = rows_of(work, layer.deltas, capacity, layer.n_out, 0, rows)
    sum_rows(d, bias_of(layer, gradient))


@inner_kernel
def note_penalties(layer, block, variables, scale):
    """Note the penalties of a block's parameters, part by part.

    So is what `note_squares` sums: whatever the blocks are, the whole does not depend on them.
    """
    l1, l2, rows = scale * layer.l1, scale * layer.l2, 1 << part_bits(layer.weight_rows)
    if l1 != 0.0 or l2 != 0.0:
        for begin in range(block.begin, block.end, rows):
            size = (min(begin + rows, block.end) - begin) * layer.n_out
            w = vector(variables.params, layer.params + begin * layer.n_out, size)
            variables.parts[0, block.part + begin // rows] = penalty_value(w, l1, l2)
    if block.bias and (layer.bias_l1 != 0.0 or layer.bias_l2 != 0.0):
        value = penalty_value(bias_of(layer, variables.params), layer.bias_l1, layer.bias_l2)
        variables.parts[0, block.part + (layer.weight_rows + rows - 1) // rows] = value


@inner_kernel
def note_squares(layer, block, variables):
    """Note the sums of the squares of a block's gradient, part by part."""
    rows = 1 << part_bits(layer.weight_rows)
    for begin in range(block.begin, block.end, rows):
        size = (min(begin + rows, block.end) - begin) * layer.n_out
        g = vector(variables.gradient, layer.params + begin * layer.n_out, size)
        variables.parts[1, block.part + begin // rows] = sum_of_squares(g)
    if block.bias:
        value = sum_of_squares(bias_of(layer, variables.gradient))
        variables.parts[1, block.part + (layer.weight_rows + rows - 1) // rows] = value


@inlined_kernel
def finish_part(variables, first, size, scale, l2):
    """Turn a part of the summed loss's gradient into the objective's, without L1."""
    g, w = vector(variables.gradient, first, size), vector(variables.params, first, size)
    finish(g, w, scale, l2)


@inlined_kernel
def step_part(variables, first, size, settings, rate, clipped, step, decay):
    """Let a part of the parameters decay, and the optimiser change it.

    w <- (1 - decay) w - step: Loshchilov and Hutter (2019), Decoupled weight decay.
    """
    g, n_params = vector(variables.gradient, first, size), variables.gradient.size
    if clipped != 1.0:
        scale_by(g, clipped)
    w, m = vector(variables.params, first, size), vector(variables.moments, first, size)
    if decay != 0.0:
        scale_by(w, 1.0 - decay)
    v = vector(variables.moments, variables.moments.size - n_params + first, size)
    _step(settings[0].step, (w, g, m, v, settings, rate, step.power_1, step.power_2))


@inlined_kernel
def sum_of(parts, row):
    total = 0.0
    for i in range(parts.shape[1]):
        total += parts[row, i]
    return total


@inner_kernel
def clip_factor(variables, settings):
    """Return what the gradient is multiplied by, so that its norm is not too large.

    Pascanu et al. (2013), On the difficulty of training recurrent neural networks.
    """
    largest = settings[0].clip_norm
    if largest == 0.0:
        return 1.0
    norm = math.sqrt(sum_of(variables.parts, 1))
    return largest / norm if norm > largest else 1.0


@inner_kernel
def average_part(variables, first, size, settings, t):
    """Let the parameters after step `t` into their running mean.

    The mean of those after step `average_from`, or of the last ones with weights that fall by
    (1 - average_rate) a step; before there are any, the parameters themselves.
    """
    w, mean = vector(variables.params, first, size), vector(variables.mean, first, size)
    newest = max(1.0 / max(t - settings[0].average_from, 1), settings[0].average_rate)
    share = w.dtype.type(newest)
    if newest >= 1.0:
        # The mean that was there does not count, and may be anything.
        for i in range(w.size):
            mean[i] = w[i]
        return
    for i in range(w.size):
        mean[i] += share * (w[i] - mean[i])


@inlined_kernel
def after_step(layers, block, variables, settings, step, clipped, t):
    """Do what comes after the step: restrictions, and the running mean."""
    layer, params = layers[block.layer], variables.params
    first, size = layer.params + block.begin * layer.n_out, (block.end - block.begin) * layer.n_out
    if settings[0].restrict:
        n_params, moments = variables.gradient.size, variables.moments
        moment = vector(moments, moments.size - n_params, n_params)
        where = layer, block.begin, block.end, block.bias, params, variables.gradient, moment
        how = settings, step.rate, clipped, step.reach, step.power_2, step.weight
        _restrict(settings[0].restrict, (*where, *how))
    if variables.mean.size == 0:
        return
    average_part(variables, first, size, settings, t)
    if block.bias:
        average_part(variables, layer.bias, layer.n_out, settings, t)
        if layer.transform:
            average_part(variables, layer.statistics, 2 * layer.n_out + 1, settings, t)


@inner_kernel
def train_block(
    data, layers, block, variables, settings, steps, k, t, work, capacity, start, rows, what
):
    """Compute the gradient by a block's parameters, or make step number `t` from 1, or both.

    After `propagate` of the batch of `rows` rows from place `start` of the order on; to `FINISH` a
    gradient that is there takes none.
    """
    layer = layers[block.layer]
    weight, clips = steps[k].weight, settings[0].clip_norm != 0.0
    rate, scale = steps[k].rate, 1.0 / weight
    own, clipped = rate * layer.learning_rate, 1.0
    decay = own * settings[0].weight_decay if layer.decays else 0.0
    computes = what != STEP_ONLY and layer.learning_rate != 0.0
    moves = (what == STEP_ONLY or what == BOTH) and layer.learning_rate != 0.0
    # A layer that transforms has written its own on the way back.
    sums = what != FINISH and not layer.transform
    if clips and moves:
        clipped = clip_factor(variables, settings)
    penalty_scale = scale if layer.per_weight else 1.0
    if what != STEP_ONLY:
        note_penalties(layer, block, variables, penalty_scale)
    rows_at_once = max(_TILE // layer.n_out, 1)
    if block.layer == 0 and data.row_starts.size:
        # All rows of the batch are gone through each time.
        rows_at_once = max(block.end - block.begin, 1)
    for begin in range(block.begin, block.end, rows_at_once):
        count = min(rows_at_once, block.end - begin)
        first, size = layer.params + begin * layer.n_out, count * layer.n_out
        if computes:
            if sums:
                out = matrix(variables.gradient, first, count, layer.n_out)
                given = data, layers, block.layer, work, capacity, start, rows, begin, out
                weight_gradient(*given)
            finish_part(variables, first, size, scale, penalty_scale * layer.l2)
        if moves:
            step_part(variables, first, size, settings, own, clipped, steps[k], decay)
    if block.bias:
        if computes:
            if sums:
                bias_gradient(layer, work, capacity, rows, variables.gradient)
            finish_part(variables, layer.bias, layer.n_out, scale, layer.bias_l2)
        if moves:
            step_part(variables, layer.bias, layer.n_out, settings, own, clipped, steps[k], 0.0)
    if clips and computes:
        note_squares(layer, block, variables)
    if moves and (settings[0].restrict or variables.mean.size):
        reach = settings[0].momentum * (steps[k - 1].reach if k else settings[0].reach)
        reach += clipped * rate
        # All blocks write the same.
        steps[k].reach = reach
        after_step(layers, block, variables, settings, steps[k], clipped, t)


# `train_block` itself.
TRAIN_BLOCK = Pointer(
    lambda number: (
        *(data_type(number), LAYERS, from_dtype(BLOCK), variables_type(number), SETTINGS_TYPE),
        *(_STEPS, types.intp, types.int64, number[::1]),
        *[types.intp] * 4,
    )
)


def cut(layers, n_threads: int):
    """Return the blocks of a network for so many threads, and how many parts they have.

    Piece by piece of all layers, a piece for each thread.
    """
    pieces: list[list[tuple]] = [[] for _ in range(n_threads)]
    n_parts = 0
    for l, layer in enumerate(layers):
        rows, part = int(layer.weight_rows), 1 << part_bits(layer.weight_rows)
        n_own = -(-rows // part)
        # A bound of the columns' norms is one of all rows.
        n_pieces = 1 if layer.max_norm else min(n_own, n_threads)
        for i in range(n_pieces):
            first, last = i * n_own // n_pieces, (i + 1) * n_own // n_pieces
            has_bias = i == 0 and layer.bias != NO_BIAS
            pieces[i].append((l, first * part, min(last * part, rows), has_bias, n_parts))
        n_parts += n_own + 1
    blocks = [block for piece in pieces for block in piece]
    # A phase has a block at least.
    return np.array(blocks or [(0, 0, 0, False, 0)], BLOCK), n_parts
