"""How many threads the matrix products use."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

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


_users = _Users()


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
