"""How many threads the matrix products use."""

import functools
from contextlib import AbstractContextManager

from threadpoolctl import ThreadpoolController


@functools.cache
def _controller() -> ThreadpoolController:
    # Made on first use, when NumPy's and SciPy's BLAS are loaded; it takes milliseconds.
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager:
    """Run BLAS on one thread inside a ``with`` block.

    The threads of OpenBLAS spin while they wait: on the small matrices of a batch they gain
    little, and beside another busy process they make training many times slower.
    """
    return _controller().limit(limits=1, user_api="blas")
