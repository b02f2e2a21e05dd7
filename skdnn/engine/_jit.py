"""The decorator that every kernel wears, and the form of their tables."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import config, njit

from skdnn.engine.collector import collector_paused

# Whether kernels are compiled; with NUMBA_DISABLE_JIT they are plain Python.
COMPILES = not vars(config)["DISABLE_JIT"]

# Flags shared by all kernels:
# nogil              several fits may run in threads of one process
# error_model=numpy  division by zero gives inf or NaN as in NumPy; the check that Python's
#                    model makes instead stops the vectorisation of every loop with a division
# no_cfunc_wrapper   nothing calls a kernel as a C function; not making that saves compile time
# _nrt               kernels allocate nothing, and need not count references to arrays: counts that
#                    threads share would cost more than the work on a small batch
# cache              compiled once for a machine, not once for a process
_FLAGS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
    "_nrt": False,
    "cache": True,
}

# Sums may be reordered, so that reductions are vectorised, and a*b+c fused. The flags that assume
# that there is no NaN or infinity stay off: a diverging fit must be seen.
_RELAXED = {"contract", "reassoc", "nsz", "arcp"}

# Reordering would undo the two-step subtraction that makes range reductions exact.
EXACT_OPTIONS: Any = {
    "nogil": True,
    "error_model": "numpy",
    "_nrt": False,
    "fastmath": {"contract", "nsz"},
}


@functools.cache
def _engine_stamp() -> tuple:
    """Return what changes when any file of the engine does."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)


def _compile(function: Callable, **flags: Any) -> Callable:
    try:
        dispatcher: Any = njit(**flags)(function)
    except RuntimeError as error:
        # numba finds no folder that it may write to (a container, a zip file): compile in
        # each process rather than fail to import.
        if "no locator available" not in str(error):
            raise
        dispatcher = njit(**{**flags, "cache": False})(function)
    # numba stamps a cached kernel with its own file only; the kernels of other files, which
    # are compiled into it, would stay as they were when those files change.
    index: Any = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if hasattr(index, "_source_stamp"):
        index._source_stamp = (index._source_stamp, _engine_stamp())
    if COMPILES:
        # That is what loads it from the cache, too.
        dispatcher.compile = collector_paused()(dispatcher.compile)
    return dispatcher


def kernel(function: Callable) -> Callable:
    """Compile a function that works on arrays or scalars; sums may be reordered."""
    return _compile(function, fastmath=_RELAXED, **_FLAGS)


def inner_kernel(function: Callable) -> Callable:
    """Compile a function that only kernels call: Python has no way into it, which saves time."""
    return _compile(function, fastmath=_RELAXED, no_cpython_wrapper=True, **_FLAGS)


def exact_kernel(function: Callable) -> Callable:
    """Compile a function in which the order of the operations matters."""
    return _compile(function, **{**_FLAGS, **EXACT_OPTIONS})


def record(fields: list[tuple[str, type]]) -> np.dtype:
    """Return the type of a table's rows, with fields that are attributes, compiled or not."""
    return np.dtype((np.record, np.dtype(fields, align=True)))


def inlined_kernel(function: Callable) -> Callable:
    """Compile a small function into the loop that calls it.

    A function that returns a tuple keeps a loop around its call from being vectorised.
    """
    return _compile(function, fastmath=_RELAXED, inline="always", **_FLAGS)
