"""An epoch of training, by one thread or by several together."""

import math

from skdnn.engine._jit import inlined_kernel, inner_kernel, kernel
from skdnn.engine.batch import PROPAGATE, batch_loss, step_key
from skdnn.engine.crew import finish, publish, take, wait_for_epoch, wait_for_phase
from skdnn.engine.descent import BOTH, FINISH, GRADIENT, STEP_ONLY, TRAIN_BLOCK, sum_of
from skdnn.engine.normalization import total_weight

_propagate, _train_block = PROPAGATE.call, TRAIN_BLOCK.call


@inner_kernel
def batch_rows(k, n_rows, batch_size, even):
    """Return where batch number `k` begins, and how many rows it has."""
    n_batches = (n_rows + batch_size - 1) // batch_size
    if even:
        start = k * n_rows // n_batches
        return start, (k + 1) * n_rows // n_batches - start
    return k * batch_size, min(batch_size, n_rows - k * batch_size)


@inlined_kernel
def begin_batch(data, variables, settings, steps, k, t, start, rows):
    """Note a batch's weight, the optimiser's powers for step number `t`, from 1, and the penalties.

    Those are of the batch before, at its parameters.
    """
    if k > 0:
        steps[k - 1].penalty = sum_of(variables.parts, 0)
    steps[k].weight = total_weight(data, start, rows)
    steps[k].power_1 = settings[0].beta_1 ** float(t)
    steps[k].power_2 = settings[0].beta_2 ** float(t)


@inner_kernel
def share_of(share, shares, rows):
    """Return where a share of a batch's rows begins: no row is alone, unless it is the batch.

    The products of a single row have sums of another order.
    """
    begin = share * rows // shares // 8 * 8
    is_end = share == shares or (share > 0 and begin + 1 == rows)
    return rows if is_end else begin


@inlined_kernel
def work_on_epoch(
    crew,
    rank,
    begin,
    data,
    n_rows,
    batch_size,
    layers,
    objective,
    lowest,
    blocks,
    variables,
    settings,
    steps,
    steps_before,
    seed,
    work,
):
    """Do a thread's part of an epoch, the blocks of which are counted from `begin` on.

    A batch has two phases: its rows are shared out, and then the parameters; where the gradient's
    norm is bounded the gradient is computed in a phase of its own.
    """
    size = crew[-1]
    shares = 1 if objective[0].whole_batches else size
    clips = settings[0].clip_norm != 0.0
    even = objective[0].even_batches
    for k in range(steps.size):
        start, rows = batch_rows(k, n_rows, batch_size, even)
        t = steps_before + k
        wait_for_phase(crew, rank, begin)
        finite = k == 0 or math.isfinite(steps[k - 1].loss)
        share = rank
        for _ in range(shares):
            share = share if share < shares else 0
            if take(crew, share, begin):
                if share == 0:
                    begin_batch(data, variables, settings, steps, k, t + 1, start, rows)
                first, end = share_of(share, shares, rows), share_of(share + 1, shares, rows)
                count = end - first
                if finite and count:
                    what = data, layers, objective, lowest, variables.params, variables.gradient
                    given = (*what, work, batch_size, start, first, count, step_key(seed, t))
                    _propagate(objective[0].propagate, given)
                finish(crew, begin + shares)
            share += 1
        begin += shares
        for stage in range(2 if clips else 1):
            what = BOTH if not clips else (GRADIENT if stage == 0 else STEP_ONLY)
            wait_for_phase(crew, rank, begin)
            loss = batch_loss(objective, work, batch_size, rows) if finite else math.nan
            number = rank * blocks.size // size
            for _ in range(blocks.size):
                number = number if number < blocks.size else 0
                if take(crew, number, begin):
                    if number == 0 and stage == 0:
                        steps[k].loss = loss / steps[k].weight
                    if math.isfinite(loss):
                        where = data, layers, blocks[number], variables, settings, steps, k
                        batch = t + 1, work, batch_size, start, rows, what
                        _train_block(settings[0].train_block, (*where, *batch))
                    finish(crew, begin + blocks.size)
                number += 1
            begin += blocks.size
    wait_for_phase(crew, rank, begin)
    return begin


@inlined_kernel
def mean_objective(objective, variables, steps, n_rows, batch_size):
    """Return the mean of the batches' objectives, or the first that is not finite."""
    total, last = 0.0, steps.size - 1
    steps[last].penalty = sum_of(variables.parts, 0)
    for k in range(steps.size):
        value = steps[k].loss * objective[0].value_scale + steps[k].penalty
        if not math.isfinite(value):
            return value
        _, rows = batch_rows(k, n_rows, batch_size, objective[0].even_batches)
        total += value * rows
    return total / n_rows


@kernel
def train_epoch(
    crew,
    rank,
    data,
    n_rows,
    batch_size,
    layers,
    objective,
    lowest,
    blocks,
    variables,
    settings,
    steps,
    counts,
    seed,
    work,
):
    """Train for one epoch, in place; return the mean of the batches' objectives.

    That is what the first thread of the crew, number 0, does; the others train with it, epoch by
    epoch, until it publishes that the work has ended.

    Parameters
    ----------
    crew : array
        From `new_crew`.
    rank : int
        The thread's number.
    data : Data
    n_rows, batch_size : int
    layers, objective, blocks, settings : arrays of records
    lowest : int
        The first layer that is trained.
    variables : Variables
    steps : array of STEPS
        With the learning rate of each batch.
    counts : array of int64
        The number of steps made before, and of blocks done, which is brought up to date.
    seed : uint64
        Makes the masks of dropout, with the number of the step.
    work : array
    """
    phases = blocks.size * (2 if settings[0].clip_norm != 0.0 else 1)
    per_batch = phases + (1 if objective[0].whole_batches else crew[-1])
    begin = counts[1] if rank == 0 else 0
    if rank == 0:
        publish(crew, begin + steps.size * per_batch)
    while rank == 0 or wait_for_epoch(crew, rank, begin):
        begin = work_on_epoch(
            crew,
            rank,
            begin,
            data,
            n_rows,
            batch_size,
            layers,
            objective,
            lowest,
            blocks,
            variables,
            settings,
            steps,
            counts[0],
            seed,
            work,
        )
        if rank == 0:
            counts[1] = begin
            return mean_objective(objective, variables, steps, n_rows, batch_size)
    return 0.0


@kernel
def step_along(data, layers, blocks, variables, settings, steps, k, t, work):
    """Make step number `t`, from 1, along the summed loss's gradient that `variables` have.

    Of `steps[k]` the rate and the weight are given; its penalty is noted. The rows of `data` are
    not looked at.
    """
    steps[k].power_1 = settings[0].beta_1 ** float(t)
    steps[k].power_2 = settings[0].beta_2 ** float(t)
    for what in (FINISH, STEP_ONLY):
        for i in range(blocks.size):
            where = data, layers, blocks[i], variables, settings, steps, k, t, work
            _train_block(settings[0].train_block, (*where, 0, 0, 0, what))
    steps[k].penalty = sum_of(variables.parts, 0)
