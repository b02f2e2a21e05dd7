"""Parts of a flat vector as vectors and matrices.

NumPy's slices and shapes are safe, and each costs the compiler more than the loops around it; these
are an address and a shape. They hold no reference to the array, which the caller keeps.
"""

from typing import Any

from numba import types
from numba.core.typing import signature
from numba.extending import intrinsic

from skdnn.engine._jit import COMPILES


def vector(array: Any, start: int, size: int) -> Any:
    """Return `size` numbers of an array of any shape in C order, from place `start`."""
    return array.reshape(-1)[start : start + size]


def flat(array: Any) -> Any:
    """Return all numbers of an array in C order."""
    return array.reshape(-1)


def matrix(array: Any, start: int, rows: int, columns: int) -> Any:
    """Return `rows` times `columns` numbers from place `start` as a matrix."""
    return array.reshape(-1)[start : start + rows * columns].reshape(rows, columns)


def _view(context, builder, array_type, view_type, array, start, shape):
    """Return the array structure of a view."""
    source = context.make_array(array_type)(context, builder, array)
    view = context.make_array(view_type)(context, builder)
    size = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
    itemsize = context.get_constant(types.intp, size)
    strides = [itemsize]
    if len(shape) == 2:
        strides.insert(0, builder.mul(shape[1], itemsize))
    context.populate_array(
        view,
        data=builder.gep(source.data, [start]),
        shape=shape,
        strides=strides,
        itemsize=itemsize,
        meminfo=None,
        parent=None,
    )
    return view._getvalue()


if COMPILES:

    @intrinsic
    def vector(typingctx, array, start, size):
        # Never marked as read-only: two types would compile what takes them twice.
        view = types.Array(array.dtype, 1, "C")

        def generate(context, builder, sig, args):
            return _view(context, builder, array, view, args[0], args[1], [args[2]])

        return signature(view, array, types.intp, types.intp), generate

    @intrinsic
    def flat(typingctx, array):
        view = types.Array(array.dtype, 1, "C")

        def generate(context, builder, sig, args):
            size = context.make_array(array)(context, builder, args[0]).nitems
            start = context.get_constant(types.intp, 0)
            return _view(context, builder, array, view, args[0], start, [size])

        return signature(view, array), generate

    @intrinsic
    def matrix(typingctx, array, start, rows, columns):
        view = types.Array(array.dtype, 2, "C")

        def generate(context, builder, sig, args):
            return _view(context, builder, array, view, args[0], args[1], list(args[2:]))

        return signature(view, array, types.intp, types.intp, types.intp), generate
