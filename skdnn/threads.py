"""How many threads a fit uses, and BLAS inside it."""

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from joblib import cpu_count
from threadpoolctl import ThreadpoolController


@functools.cache
def _controller() -> ThreadpoolController:
    # Made on first use, when NumPy's and SciPy's BLAS are loaded; it takes milliseconds.
    return ThreadpoolController().select(user_api="blas")


def _free() -> None:
    """Let any thread change the limit: from threadpoolctl 3.8 on, only the one that set it may."""
    for library in _controller().lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)


def _blas_threads() -> int:
    """Return on how many threads BLAS runs; of a BLAS that is not known, no limit is."""
    numbers = (library.num_threads for library in _controller().lib_controllers)
    return min(numbers, default=sys.maxsize)


class _Users:
    """What fits in this process use: threads, and BLAS on a single one.

    The limit of BLAS is the whole process's: the first that is inside `one_blas_thread` sets it,
    and the last one restores what was there.
    """

    def __init__(self) -> None:
        self.limiter: Any = None
        self.reset()

    def reset(self) -> None:
        """Let nothing be in use."""
        self.lock, self.in_use = threading.Lock(), 0
        self.count = self.outside = 0

    def enter(self) -> None:
        with self.lock:
            if self.count == 0:
                self.outside = _blas_threads()
                _free()
                self.limiter = _controller().limit(limits=1)
            self.count += 1

    def leave(self) -> None:
        with self.lock:
            self.count -= 1
            if self.count == 0:
                self._restore()

    def _restore(self) -> None:
        _free()
        self.limiter.restore_original_limits()
        _free()

    def limit(self) -> int:
        """Return on how many threads BLAS runs outside such blocks."""
        with self.lock:
            return self.outside if self.count else _blas_threads()

    def after_fork(self) -> None:
        """In a process that was forked: nobody uses anything, whatever went on at the fork."""
        if self.count:
            self._restore()
        self.reset()


_users = _Users()
# How many threads the calling thread has reserved: what it calls may use them too.
_own = threading.local()


def _limit() -> int:
    """Return how many threads a fit may use where nothing else runs.

    What joblib counts, which knows the affinity and the quota of a container; less where the user
    has limited BLAS, as threadpoolctl does and joblib in its workers, or NUMBA_NUM_THREADS.
    """
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        # Plain Python has no integers that threads can share.
        return 1
    numba = os.environ.get("NUMBA_NUM_THREADS", "")
    return min(cpu_count(), _users.limit(), int(numba) if numba.isdigit() else sys.maxsize)


@contextmanager
def reserved_threads(most: int) -> Iterator[int]:
    """Yield how many threads to use in a ``with`` block: at most so many, and one at least.

    Those that other threads of this process have reserved are not to be had; those that the caller
    has reserved outside the block, and does not use meanwhile, are.
    """
    if most <= 1:
        yield 1
        return
    limit, held = _limit(), getattr(_own, "number", 0)
    with _users.lock:
        number = max(1, min(most, limit - _users.in_use + held))
        more = max(number - held, 0)
        _users.in_use += more
    _own.number = held + more
    try:
        yield number
    finally:
        _own.number = held
        with _users.lock:
            _users.in_use -= more


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run BLAS on one thread inside a ``with`` block.

    The threads of OpenBLAS spin while they wait: on the small matrices of a batch they gain
    little, and beside another busy process they make training many times slower.
    """
    _users.enter()
    try:
        yield
    finally:
        _users.leave()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cpu_count(), thread_name_prefix="skdnn")


def _after_fork() -> None:
    # The threads of a process are not those of the process that it was forked from.
    _pool.cache_clear()
    _own.__dict__.clear()
    _users.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def run_parts(function: Callable[[Any], Any], parts: Sequence, n_threads: int) -> list:
    """Return what a function gives for each part, computed by so many threads.

    The caller is one of them. Each takes the next part when it has done one, so that nobody waits
    for a thread that gets no core.
    """
    n_threads = min(n_threads, len(parts))
    if n_threads == 1:
        return [function(part) for part in parts]
    results, numbers = [None] * len(parts), iter(range(len(parts)))

    def work() -> None:
        for number in numbers:
            results[number] = function(parts[number])

    helpers = [_pool().submit(work) for _ in range(n_threads - 1)]
    try:
        work()
    finally:
        started = [helper for helper in helpers if not helper.cancel()]
        wait(started)
    for helper in started:
        helper.result()
    return results
