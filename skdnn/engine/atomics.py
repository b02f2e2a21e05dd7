"""What threads share: integers that are changed in one piece, and locks to sleep on.

The locks are CPython's own, which every platform has; they need neither the interpreter nor its
global lock. Plain Python has nothing like it: kernels that are not compiled run on one thread.
"""

import ctypes
import platform

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import intrinsic

from skdnn.engine._jit import inlined_kernel

_WORD = types.int64
_acquire = types.ExternalFunction("PyThread_acquire_lock", types.int32(_WORD, types.int32))
_release = types.ExternalFunction("PyThread_release_lock", types.void(_WORD))


def new_lock() -> int:
    """Return the address of a new lock, held already."""
    allocate, acquire = (
        ctypes.pythonapi.PyThread_allocate_lock,
        ctypes.pythonapi.PyThread_acquire_lock,
    )
    allocate.restype, acquire.argtypes = ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_int)
    address = allocate()
    if not address:
        raise MemoryError("no lock could be made")
    acquire(address, 1)
    return address


def free_lock(address: int) -> None:
    """Free a lock that nobody uses."""
    release, free = ctypes.pythonapi.PyThread_release_lock, ctypes.pythonapi.PyThread_free_lock
    release.argtypes = free.argtypes = (ctypes.c_void_p,)
    release.restype = free.restype = None
    release(address)
    free(address)


@inlined_kernel
def acquire_lock(address):
    """Sleep until the lock is free, and take it."""
    _acquire(address, 1)


@inlined_kernel
def release_lock(address):
    """Free a lock that any thread holds."""
    _release(address)


def _cell(context, builder, sig, args):
    """Return the address of an element of an array of int64."""
    array = context.make_array(sig.args[0])(context, builder, args[0])
    return builder.gep(array.data, [args[1]])


@intrinsic
def load(typingctx, cells, i):
    """Return an element."""

    def generate(context, builder, sig, args):
        return builder.load_atomic(_cell(context, builder, sig, args), "seq_cst", 8)

    return signature(_WORD, cells, types.intp), generate


@intrinsic
def pause(typingctx):
    """Leave the core's parts to another thread on it for some nanoseconds, where it has such."""

    def generate(context, builder, sig, args):
        if platform.machine().lower() in ("x86_64", "amd64", "i386", "i686"):
            kind = ir.FunctionType(ir.VoidType(), [])
            name = "llvm.x86.sse2.pause"
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
        return context.get_dummy_value()

    return signature(types.void), generate


def _changing(operation):
    @intrinsic
    def change(typingctx, cells, i, value):
        def generate(context, builder, sig, args):
            cell = _cell(context, builder, sig, args)
            return builder.atomic_rmw(operation, cell, args[2], "seq_cst")

        return signature(_WORD, cells, types.intp, _WORD), generate

    return change


# Change an element, by adding or setting; return what it was.
add, exchange = _changing("add"), _changing("xchg")


@intrinsic
def compare_exchange(typingctx, cells, i, expected, value):
    """Set an element where it is what was expected; return whether it was."""

    def generate(context, builder, sig, args):
        cell = _cell(context, builder, sig, args)
        pair = builder.cmpxchg(cell, args[2], args[3], "seq_cst", "seq_cst")
        return builder.extract_value(pair, 1)

    return signature(types.boolean, cells, types.intp, _WORD, _WORD), generate
