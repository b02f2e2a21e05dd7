"""How many threads the matrix products use."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_inside = 0
_limiter: Any = None


@functools.cache
def _controller() -> ThreadpoolController:
    # Made on first use, when NumPy's and SciPy's BLAS are loaded; it takes milliseconds.
    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run BLAS on one thread inside a ``with`` block.

    The threads of OpenBLAS spin while they wait: on the small matrices of a batch they gain
    little, and beside another busy process they make training many times slower.

    The setting is the process's. Where several threads are inside such blocks, the first sets it
    and the last restores what was there.
    """
    global _inside, _limiter
    with _lock:
        if _inside == 0:
            _limiter = _controller().limit(limits=1, user_api="blas")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limiter.restore_original_limits()
