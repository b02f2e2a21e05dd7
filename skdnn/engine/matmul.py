"""Matrix products of the sizes that small and middle-sized networks have.

A general library spends much of the time for such a product around the work. Here the right factor
is taken in strips of a tile's columns, all rows of the left one are multiplied by a strip, and what
is not laid out for the tiles is first copied to a small place on the stack, the panel. There is no
size from which on a library is called instead: with AVX2 and with AVX-512 none was found where
OpenBLAS, in one thread as well, is faster by more than a few percent, but for a single row.

All matrices are C-ordered and of one dtype, float32 or float64. A row of a product does not depend
on which other rows are computed with it, to the last bit, unless a row is alone in
`dot_transposed`.
"""

import functools
from typing import Any

import numpy as np
from llvmlite import binding
from numba import from_dtype, types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic
from numpy.lib.stride_tricks import as_strided

from skdnn.engine._jit import COMPILES, exact_kernel, kernel
from skdnn.engine.tiles import (
    PANEL_BYTES,
    ROW_VECTORS,
    TILE_ROWS,
    TILE_VECTORS,
    VECTOR,
    advanced,
    inner_products,
    lanes_of,
    new_panel,
    pack_columns,
    pack_rows,
    write_row,
    write_strip,
)
from skdnn.engine.views import vector

_DTYPES = types.float32, types.float64

# What the smallest caches of the second level hold.
_LARGE_BYTES = 1 << 20

# How many rows of the right factor are used at once; longer sums are added up part by part.
_DEPTH = PANEL_BYTES // (TILE_VECTORS * VECTOR)

# A strip's rows may be so far apart that they get few of a cache's places. It is worth a copy where
# that is used often, by so many rows of the left factor: the copy then costs a thirtieth of the
# product, and saves up to a fifth.
_MANY_ROWS = 12 * TILE_ROWS

# A sum of so few terms takes less time than to write it far from the one before. Then all columns
# of a tile's rows are computed one after the other, not all rows of a strip, if the product is
# large: up to four times faster.
_FEW_TERMS = 8


@exact_kernel
def _product(a, a_row, a_step, b, b_row, b_step, bias, biased, c, rows, columns, depth):
    """Write c = a b, with a row added to each row if it is to be biased.

    The distances from number to number are those of a matrix or of its transpose: one of `a_row`
    and `a_step` is 1, and one of `b_row` and `b_step`.
    """
    if rows == 0:
        return
    if columns == 1 and a_step == 1 and b_row == 1:
        inner_products(a, a_row, b, bias, biased > 0, c, rows, depth)
        return
    lanes, panel = lanes_of(a), new_panel(a)
    width, row_width = TILE_VECTORS * lanes, ROW_VECTORS * lanes
    large = rows * columns * VECTOR > _LARGE_BYTES * lanes
    height = TILE_ROWS if large and depth <= _FEW_TERMS and b_step == 1 else rows
    for k in range(0, max(depth, 1), _DEPTH):
        steps = min(_DEPTH, depth - k)
        spread = rows >= _MANY_ROWS and steps * b_row * VECTOR > 2 * PANEL_BYTES * lanes
        adds = k > 0 or biased > 0
        first = 0
        if rows == 1 and b_step == 1:
            first = columns - columns % row_width
            for j in range(0, first, row_width):
                strip, target = advanced(b, k * b_row + j), advanced(c, j)
                added = target if k > 0 else advanced(bias, j)
                write_row(advanced(a, k * a_step), a_step, strip, b_row, target, added, adds, steps)
        for i in range(0, rows, height):
            for j in range(first, columns, width):
                count = min(width, columns - j)
                strip, strip_row = advanced(b, k * b_row + j * b_step), b_row
                if b_step != 1:
                    for v in range(0, count, lanes):
                        source, target = advanced(strip, v * b_step), advanced(panel, v)
                        pack_rows(source, b_step, count - v, steps, target)
                elif spread or count % lanes != 0:
                    pack_columns(strip, b_row, count, steps, panel)
                if b_step != 1 or spread or count % lanes != 0:
                    strip, strip_row = panel, width
                left, target = advanced(a, i * a_row + k * a_step), advanced(c, i * columns + j)
                added, added_row = (target, columns) if k > 0 else (advanced(bias, j), 0)
                write_strip(
                    left, a_row, a_step, strip, strip_row, target, columns,
                    added, added_row, adds, min(height, rows - i), count, steps,
                )  # fmt: skip


def _signature(dtype):
    p, n = types.CPointer(dtype), types.intp
    return types.void(p, n, n, p, n, n, p, n, p, n, n, n)


def _symbol(dtype):
    return f"skdnn_product_{dtype}"


@functools.cache
def prepare_products(dtype: np.dtype) -> None:
    """Compile the product for a dtype: before any kernel that calls it is compiled or loaded.

    numba copies a kernel into each kernel that calls it, and all those that call these, and
    compiles it there again. This one is too long for that: it is called by a name, for which its
    address is given here.
    """
    if not COMPILES:
        return
    product: Any = _product
    number = from_dtype(dtype)
    signature = _signature(number)
    product.compile(signature)
    compiled = product.overloads[signature.args]
    name = compiled.fndesc.llvm_func_name
    binding.add_symbol(_symbol(number), compiled.library.get_pointer_to_function(name))


@intrinsic
def _call_product(
    typing_context, a, a_row, a_step, b, b_row, b_step, bias, biased, c, rows, columns, depth
):
    """Call the product with arrays, of which only the first number's place matters."""
    n = types.intp
    for array in (a, b, bias, c):
        if array.layout != "C" or array.dtype != a.dtype or a.dtype not in _DTYPES:
            raise TypingError("arrays have to be C-ordered and of one dtype, float32 or float64")
    signature = _signature(a.dtype)

    def generate(context, builder, given, arguments):
        arguments = [
            context.make_array(kind)(context, builder, argument).data
            if isinstance(kind, types.Array)
            else argument
            for kind, argument in zip(given.args, arguments, strict=True)
        ]
        convention, module = context.call_conv, builder.module
        kind = convention.get_function_type(signature.return_type, signature.args)
        function = cgutils.get_or_insert_function(module, kind, _symbol(a.dtype))
        convention.call_function(
            builder, function, signature.return_type, signature.args, arguments
        )
        return context.get_dummy_value()

    return types.void(a, n, n, b, n, n, bias, n, c, n, n, n), generate


def _plain_product(a, a_row, a_step, b, b_row, b_step, bias, biased, c, rows, columns, depth):
    size = c.itemsize
    left = as_strided(a, (rows, depth), (a_row * size, a_step * size))
    right = as_strided(b, (depth, columns), (b_row * size, b_step * size))
    product = left @ right
    c[...] = (product + bias if biased else product).reshape(c.shape)


_multiply: Any = _call_product if COMPILES else _plain_product


@kernel
def dot(A, W, bias, out):
    """out = A W + bias; a bias without numbers is none."""
    rows, n_in = A.shape
    n_out = W.shape[1]
    _multiply(A, n_in, 1, W, n_out, 1, bias, bias.size, out, rows, n_out, n_in)


@kernel
def transposed_dot(A, delta, begin, out):
    """out = rows `begin` to `begin + len(out)` of A' delta."""
    rows, n_in = A.shape
    n_out, count = out.shape[1], out.shape[0]
    columns = vector(A, begin, A.size - begin)
    if n_out == 1:
        # As the row delta' A: a column would fill one lane of each vector.
        _multiply(delta, 1, 1, columns, n_in, 1, delta, 0, out, 1, count, rows)
    else:
        _multiply(columns, 1, n_in, delta, n_out, 1, delta, 0, out, count, n_out, rows)


@kernel
def dot_transposed(delta, W, out):
    """out = delta W'."""
    rows, n_out = delta.shape
    n_in = W.shape[0]
    if n_out == 1:
        # The column W is its transpose as it stands.
        _multiply(delta, 1, 1, W, n_in, 1, delta, 0, out, rows, n_in, 1)
    elif rows == 1:
        _multiply(W, n_out, 1, delta, 1, 1, delta, 0, out, n_in, 1, n_out)
    else:
        _multiply(delta, n_out, 1, W, 1, n_out, delta, 0, out, rows, n_in, n_out)
