"""Threads that work on one epoch together.

Work is a sequence of phases, each of a few blocks that may run at the same time; a phase begins
when all blocks of the one before are done. Every thread goes through all phases, and takes the
blocks that nobody has taken: its own first, which are in its cache, then others'. So a thread that
the system has given its core to another process keeps nobody waiting but for the block it is in.

A thread that waits looks again and again for some microseconds, and then sleeps: where cores are
busy, it leaves its own to the thread that it waits for.
"""

import numpy as np

from skdnn.engine._jit import inlined_kernel, inner_kernel, kernel
from skdnn.engine.atomics import (
    acquire_lock,
    add,
    compare_exchange,
    exchange,
    free_lock,
    load,
    new_lock,
    pause,
    release_lock,
)

# Cells that different threads write stand on cache lines of their own; processors fetch two.
_LINE = 16
# The number of blocks that are done, and of those that may be begun; STOPPED ends the work.
_DONE, _PUBLISHED, _CELLS = 0, 1, 2
STOPPED = -1
# How often a thread looks before it sleeps: some 100 microseconds, several times as long as waking
# up takes.
_LOOKS = 4000


def new_crew(size: int, n_blocks: int) -> np.ndarray:
    """Return what threads share that work on phases of at most so many blocks.

    The cells, for each thread its lock's address and whether it sleeps, for each block in which
    phase it was last taken, and last the number of threads.
    """
    crew = np.zeros((_CELLS + 2 * size + n_blocks) * _LINE + 1, np.int64)
    crew[-1] = size
    if size > 1:
        for rank in range(size):
            crew[_lock(rank)] = new_lock()
    return crew


def free_crew(crew: np.ndarray) -> None:
    """Free the locks, when all threads have ended."""
    if crew[-1] > 1:
        for rank in range(crew[-1]):
            free_lock(int(crew[_lock(rank)]))


@kernel
def _lock(rank):
    return (_CELLS + 2 * rank) * _LINE


@inlined_kernel
def _sleeps(rank):
    return (_CELLS + 2 * rank + 1) * _LINE


@inlined_kernel
def _taken(crew, block):
    return (_CELLS + 2 * crew[-1] + block) * _LINE


@inner_kernel
def wake(crew):
    """Wake all that sleep."""
    for rank in range(crew[-1]):
        if load(crew, _sleeps(rank)) and exchange(crew, _sleeps(rank), 0):
            release_lock(crew[_lock(rank)])


@inner_kernel
def wait(crew, rank, cell, count):
    """Wait until a cell has reached a count, or the work has ended."""
    for _ in range(_LOOKS):
        value = load(crew, cell)
        if value >= count or value == STOPPED:
            return
        pause()
    while True:
        exchange(crew, _sleeps(rank), 1)
        value = load(crew, cell)
        if value >= count or value == STOPPED:
            if not exchange(crew, _sleeps(rank), 0):
                # Someone is about to wake this thread.
                acquire_lock(crew[_lock(rank)])
            return
        acquire_lock(crew[_lock(rank)])


@inlined_kernel
def wait_for_phase(crew, rank, begin):
    """Wait until all blocks before number `begin`, counted from the first epoch's, are done."""
    if crew[-1] > 1:
        wait(crew, rank, _DONE * _LINE, begin)


@inlined_kernel
def wait_for_epoch(crew, rank, begin):
    """Wait until blocks from number `begin` on may be begun; return whether there will be any."""
    wait(crew, rank, _PUBLISHED * _LINE, begin + 1)
    return load(crew, _PUBLISHED * _LINE) != STOPPED


@kernel
def publish(crew, end):
    """Let blocks up to number `end` be begun; STOPPED ends the work."""
    if crew[-1] > 1:
        exchange(crew, _PUBLISHED * _LINE, end)
        wake(crew)


@inner_kernel
def take(crew, block, begin):
    """Return whether a block of the phase that begins with block number `begin` is the caller's."""
    if crew[-1] == 1:
        return True
    before = load(crew, _taken(crew, block))
    return before <= begin and compare_exchange(crew, _taken(crew, block), before, begin + 1)


@inner_kernel
def finish(crew, end):
    """Count a block of the phase that ends before block number `end`."""
    if crew[-1] > 1 and add(crew, _DONE * _LINE, 1) == end - 1:
        wake(crew)
