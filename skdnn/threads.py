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


class _Users:
    """The threads that are inside `one_blas_thread`; the setting is the whole process's."""

    def __init__(self):
        self.lock, self.count, self.limiter = threading.Lock(), 0, None

    def enter(self) -> None:
        with self.lock:
            if self.count == 0:
                self.limiter = _controller().limit(limits=1)
            self.count += 1

    def leave(self) -> None:
        with self.lock:
            self.count -= 1
            if self.count == 0:
                _free()
                self.limiter.restore_original_limits()
                _free()

    def limit(self) -> int:
        """Return on how many threads BLAS runs outside such blocks."""
        with self.lock:
            if self.count:
                return self.limiter.get_original_num_threads()["blas"] or 1
            return min(
                (library.num_threads for library in _controller().lib_controllers), default=1
            )


_users = _Users()
_in_use = 0
_in_use_lock = threading.Lock()


def _limit() -> int:
    """Return how many threads a fit may use where nothing else runs.

    What joblib counts, which knows the affinity and the quota of a container; less where the user
    has limited BLAS, as threadpoolctl does and joblib in its workers, or NUMBA_NUM_THREADS.
    """
    numba = os.environ.get("NUMBA_NUM_THREADS", "")
    return min(cpu_count(), _users.limit(), int(numba) if numba.isdigit() else sys.maxsize)


@contextmanager
def reserved_threads(most: int) -> Iterator[int]:
    """Yield how many threads to use in a ``with`` block: at most so many, and one at least.

    Those count that other fits use in this process.
    """
    global _in_use
    if most <= 1:
        yield 1
        return
    limit = _limit()
    with _in_use_lock:
        number = max(1, min(most, limit - _in_use))
        _in_use += number
    try:
        yield number
    finally:
        with _in_use_lock:
            _in_use -= number


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run BLAS on one thread inside a ``with`` block.

    The threads of OpenBLAS spin while they wait: on the small matrices of a batch they gain
    little, and beside another busy process they make training many times slower.

    Where several threads are inside such blocks, the first sets the limit and the last one
    restores what was there.
    """
    _users.enter()
    try:
        yield
    finally:
        _users.leave()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cpu_count(), thread_name_prefix="skdnn")


# The threads of a process are not those of the process that it was forked from.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)


def run_parts(function: Callable[[Any], Any], parts: Sequence, n_threads: int) -> list:
    """Return what a function gives for each part, computed by so many threads.

    The caller is one of them. Each takes the next part when it has done one, so that nobody waits
    for a thread that gets no core.
    """
    n_threads = min(n_threads, len(parts))
    if n_threads == 1:
        return [function(part) for part in parts]
    results, numbers = [None] * len(parts), iter(range(len(parts)))

    def work():
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
