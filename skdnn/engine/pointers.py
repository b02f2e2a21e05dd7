"""Kernels that other kernels call by address.

A kernel that calls another by name is compiled together with a copy of it: each level of calls
would optimise all that is below it once more. Called by its address, each is compiled once, on its
own, and only when a network needs it. The addresses stand in the engine's tables; they are those of
this process, and no compiled code that is kept on the disk has any in it.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import intrinsic

from skdnn.engine._jit import COMPILES

# The kernels by their "addresses" where they are not compiled (NUMBA_DISABLE_JIT).
_PLAIN: list[Callable] = []


def _float_type(given: Any) -> Any:
    """Return the type of the numbers in the first array of floats among types, or None."""
    if isinstance(given, types.Array):
        return given.dtype if isinstance(given.dtype, types.Float) else None
    if isinstance(given, types.BaseTuple):
        found = map(_float_type, list(given))  # type: ignore[call-overload]
        return next((kind for kind in found if kind is not None), None)
    return None


def _caller(arguments: Callable[[Any], tuple]) -> Callable:
    @intrinsic
    def call(typingctx, address, given):
        wanted = tuple(arguments(_float_type(given)))

        def generate(context, builder, sig, args):
            kind = context.call_conv.get_function_type(types.void, wanted)
            function = builder.inttoptr(args[0], kind.as_pointer())
            unpacked = cgutils.unpack_tuple(builder, args[1])
            context.call_conv.call_function(builder, function, types.void, wanted, unpacked)
            return context.get_dummy_value()

        return signature(types.void, types.intp, types.Tuple(wanted)), generate

    return call


class Pointer:
    """A type of kernels that are called by address.

    Parameters
    ----------
    arguments : callable
        Returns the types of the arguments, given that of the numbers, float32 or float64.

    Attributes
    ----------
    call : callable
        In a kernel ``call(address, (argument, ...))`` calls the kernel that is there.
    """

    def __init__(self, arguments: Callable[[Any], tuple]):
        self._arguments = arguments
        self.call = _caller(arguments) if COMPILES else _call_plain
        self.address = functools.cache(self._address)

    def _address(self, function: Any, dtype: np.dtype) -> int:
        """Return where a kernel is, compiled for numbers of this type."""
        if not COMPILES:
            _PLAIN.append(function)
            return len(_PLAIN)
        wanted = tuple(self._arguments(getattr(types, np.dtype(dtype).name)))
        function.compile(wanted)
        compiled = function.overloads[wanted]
        assert compiled.signature.return_type == types.void, function
        return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)


def _call_plain(address: int, arguments: tuple) -> None:
    _PLAIN[address - 1](*arguments)
