"""Python's garbage collector, and when it is not wanted."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector from running.

    Importing numba, compiling kernels and loading them makes many objects, most of which stay. The
    collector would go through all that the process has several times: an eighth of the time of the
    first fit ever, a quarter of that of one with its kernels in the cache.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
