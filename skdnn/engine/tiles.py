"""The inner loops of matrix products, in the vectors of the machine that runs them.

numba has no type for vectors, and of a plain loop LLVM keeps no block of sums in registers. These
intrinsics write LLVM's own language: their vectors are as wide as the machine's registers.

Matrices are given as a pointer to the first number, and how many numbers there are from one row to
the next, and from one column to the next where that is not one.
"""

import contextlib

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

_MACHINE, _, _features = cpu_target.target_context.codegen().magic_tuple()
_FEATURES = _features.split(",")

# Bytes of a vector register; a machine without these features has SSE or NEON.
VECTOR = 64 if "+avx512f" in _FEATURES else 32 if "+avx2" in _FEATURES else 16
_HAS_32_REGISTERS = VECTOR == 64 or _MACHINE.startswith(("aarch64", "arm64"))

# A tile is a block of the product whose sums stay in registers. The sums have to be so many that
# the processor need not wait for one before it adds to it again: 16 of 32 registers, 12 of 16.
TILE_ROWS = 8 if _HAS_32_REGISTERS else 6
TILE_VECTORS = 2
CACHE_LINE = 64  # bytes

# Vectors of a tile of a single row.
ROW_VECTORS = 8

# Of bytes half of what the smallest caches of the first level hold, and so many numbers of either
# dtype.
PANEL_BYTES = 16384
PANEL_SIZE = PANEL_BYTES // 4

_INDEX = cgutils.intp_t


def _index(value):
    return ir.Constant(_INDEX, value)


def _vector_type(pointer):
    """Return the type of vectors of what a pointer points to."""
    number = ir.FloatType() if pointer.dtype == types.float32 else ir.DoubleType()
    return ir.VectorType(number, 8 * VECTOR // pointer.dtype.bitwidth)


def _at(builder, pointer, *factors):
    """Return a pointer moved on by a product of numbers."""
    offset = factors[0]
    for factor in factors[1:]:
        offset = builder.mul(offset, factor)
    return builder.gep(pointer, [offset])


def _smaller(builder, first, second):
    return builder.select(builder.icmp_signed("<", first, second), first, second)


def _splat(builder, value, count):
    """Return a vector of one value."""
    index = ir.IntType(32)
    undefined = ir.Constant(ir.VectorType(value.type, count), ir.Undefined)
    single = builder.insert_element(undefined, value, ir.Constant(index, 0))
    zeros = ir.Constant(ir.VectorType(index, count), [0] * count)
    return builder.shuffle_vector(single, undefined, zeros)


def _mask(builder, count, kind):
    """Return which of a vector's numbers are among the first `count`."""
    index = ir.IntType(32)
    numbers = ir.Constant(ir.VectorType(index, kind.count), list(range(kind.count)))
    count = builder.trunc(_smaller(builder, count, _index(kind.count)), index)
    return builder.icmp_signed("<", numbers, _splat(builder, count, kind.count))


def _itemsize(kind):
    return 4 if kind.element == ir.FloatType() else 8


def _call(builder, name, kind, result, arguments, **flags):
    """Call one of LLVM's functions of vectors."""
    function = ir.FunctionType(result, [argument.type for argument in arguments])
    name = f"llvm.{name}.v{kind.count}f{8 * _itemsize(kind)}"
    function = cgutils.get_or_insert_function(builder.module, function, name)
    return builder.call(function, arguments, **flags)


def _load(builder, kind, pointer, mask=None):
    """Load a vector, with a mask zeros where that is false."""
    pointer = builder.bitcast(pointer, kind.as_pointer())
    if mask is None:
        return builder.load(pointer, align=_itemsize(kind))
    align = ir.Constant(ir.IntType(32), _itemsize(kind))
    arguments = [pointer, align, mask, ir.Constant(kind, None)]
    return _call(builder, "masked.load", kind, kind, arguments)


def _store(builder, vector, pointer, mask=None):
    kind = vector.type
    pointer = builder.bitcast(pointer, kind.as_pointer())
    if mask is None:
        builder.store(vector, pointer, align=_itemsize(kind))
    else:
        align = ir.Constant(ir.IntType(32), _itemsize(kind))
        _call(builder, "masked.store", kind, ir.VoidType(), [vector, pointer, align, mask])


@contextlib.contextmanager
def _loop(builder, count, step=1):
    """Write a loop over 0, step, 2 step, ... below the count.

    It is not to be unrolled: its body is long, and copies of it cost compile time.
    """
    before = builder.block
    body, after = builder.append_basic_block("body"), builder.append_basic_block("after")
    builder.cbranch(builder.icmp_signed("<", _index(0), count), body, after)
    builder.position_at_end(body)
    index = builder.phi(_INDEX)
    yield index
    following = builder.add(index, _index(step))
    index.add_incoming(_index(0), before)
    index.add_incoming(following, builder.block)
    branch = builder.cbranch(builder.icmp_signed("<", following, count), body, after)
    branch.set_metadata("llvm.loop", _rolled(builder.module))
    builder.position_at_end(after)


def _rolled(module):
    """Return the mark of a loop that is not to be unrolled."""
    option = module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
    # One of its own for each loop, which begins with itself.
    mark = module.add_metadata([ir.MetaDataString(module, str(len(module.metadata)))])
    mark.operands = (mark, option)
    return mark


def _rows(builder, count, number):
    """Return the numbers of a tile's rows: the last row's for those after it."""
    last = builder.sub(count, _index(1))
    return [_smaller(builder, _index(i), last) for i in range(number)]


def _sums(builder, kind, rows, vectors=1):
    """Return variables for sums, which start at zero."""
    zero = ir.Constant(kind, None)
    return [[cgutils.alloca_once_value(builder, zero) for _ in range(vectors)] for _ in range(rows)]


def _add_product(builder, total, first, second):
    """Add a product to a sum, in one step where the machine has one."""
    fused = {"flags": ("contract",)}
    product = builder.fmul(first, second, **fused)
    builder.store(builder.fadd(builder.load(total), product, **fused), total)


@intrinsic
def pack_columns(typing_context, source, source_row, columns, rows, target):
    """Copy a matrix of at most a tile's columns, with zeros for those it lacks of a tile."""
    kind = _vector_type(source)

    def generate(context, builder, signature, arguments):
        source, source_row, columns, rows, target = arguments
        offsets = [_index(v * kind.count) for v in range(TILE_VECTORS)]
        masks = [_mask(builder, builder.sub(columns, offset), kind) for offset in offsets]
        with _loop(builder, rows) as i:
            start = _at(builder, source, i, source_row)
            place = _at(builder, target, i, _index(TILE_VECTORS * kind.count))
            for offset, mask in zip(offsets, masks, strict=True):
                vector = _load(builder, kind, _at(builder, start, offset), mask)
                _store(builder, vector, _at(builder, place, offset))
        return context.get_dummy_value()

    n = types.intp
    return types.void(source, n, n, n, target), generate


@intrinsic
def pack_rows(typing_context, source, source_row, rows, columns, target):
    """Copy the transpose of a matrix's first rows, as many as a vector has numbers.

    To the columns of a panel, which has room for whole squares of vectors; what is written where
    the source has no number is of no meaning.
    """
    kind = _vector_type(source)

    def generate(context, builder, signature, arguments):
        source, source_row, rows, columns, target = arguments
        target_row = _index(TILE_VECTORS * kind.count)
        numbers = _rows(builder, rows, kind.count)
        starts = [_at(builder, source, i, source_row) for i in numbers]
        with _loop(builder, columns, kind.count) as j:
            mask = _mask(builder, builder.sub(columns, j), kind)
            vectors = [_load(builder, kind, _at(builder, start, j), mask) for start in starts]
            for i, vector in enumerate(_transposed(builder, vectors)):
                place = _at(builder, target, builder.add(j, _index(i)), target_row)
                _store(builder, vector, place)
        return context.get_dummy_value()

    n = types.intp
    return types.void(source, n, n, n, target), generate


def _transposed(builder, vectors):
    """Return the columns of a square whose rows are vectors.

    To interleave the first half of the rows with the second, as often as halves can be halved,
    moves each number to its place.
    """
    n = len(vectors)
    kind = ir.VectorType(ir.IntType(32), n)
    pairs = [i // 2 + n * (i % 2) for i in range(n)]
    low, high = ir.Constant(kind, pairs), ir.Constant(kind, [n // 2 + i for i in pairs])
    for _ in range(n.bit_length() - 1):
        halves = zip(vectors[: n // 2], vectors[n // 2 :], strict=True)
        vectors = [
            builder.shuffle_vector(first, second, order)
            for first, second in halves
            for order in (low, high)
        ]
    return vectors


@intrinsic
def inner_products(typing_context, a, a_row, b, d, plus, c, rows, depth):
    """Write the vector c = a b, or c = a b + d with a number d."""
    kind = _vector_type(a)
    height = TILE_ROWS // 2

    def generate(context, builder, signature, arguments):
        a, a_row, b, d, plus, c, rows, depth = arguments
        rest = builder.srem(depth, _index(kind.count))
        whole = builder.sub(depth, rest)
        mask = _mask(builder, rest, kind)
        with _loop(builder, rows, height) as first:
            numbers = _rows(builder, builder.sub(rows, first), height)
            numbers = [builder.add(first, i) for i in numbers]
            starts = [_at(builder, a, i, a_row) for i in numbers]
            sums = [row[0] for row in _sums(builder, kind, height)]

            def add(j, mask=None):
                factor = _load(builder, kind, _at(builder, b, j), mask)
                for start, total in zip(starts, sums, strict=True):
                    vector = _load(builder, kind, _at(builder, start, j), mask)
                    _add_product(builder, total, vector, factor)

            with _loop(builder, whole, kind.count) as j:
                add(j)
            add(whole, mask)
            for i, total in zip(numbers, sums, strict=True):
                parts = [ir.Constant(kind.element, 0), builder.load(total)]
                name, reordered = "vector.reduce.fadd", ("reassoc",)
                total = _call(builder, name, kind, kind.element, parts, fastmath=reordered)
                biased = builder.fadd(total, builder.load(d))
                builder.store(builder.select(plus, biased, total), _at(builder, c, i))
        return context.get_dummy_value()

    n = types.intp
    return types.void(a, n, a, a, types.boolean, a, n, n), generate


def _tile(builder, kind, shape, arguments):
    """Write a tile of so many rows and vectors; see `write_strip`."""
    a, a_row, a_step, b, b_row, c, c_row, d, d_row, plus, rows, columns, depth = arguments
    numbers = _rows(builder, rows, shape[0])
    offsets = [_index(v * kind.count) for v in range(shape[1])]
    sums = _sums(builder, kind, *shape)
    starts = [_at(builder, a, i, a_row) for i in numbers]
    with _loop(builder, depth) as k:
        vectors = [
            _load(builder, kind, _at(builder, _at(builder, b, k, b_row), j)) for j in offsets
        ]
        for start, row in zip(starts, sums, strict=True):
            factor = builder.load(_at(builder, start, k, a_step))
            factor = _splat(builder, factor, kind.count)
            for total, vector in zip(row, vectors, strict=True):
                _add_product(builder, total, factor, vector)

    left = builder.sub(columns, offsets[-1])
    masks = [None] * (shape[1] - 1) + [_mask(builder, left, kind)]

    def places(pointer, stride, masks):
        for i, row in zip(numbers, sums, strict=True):
            start = _at(builder, pointer, i, stride)
            for offset, total, mask in zip(offsets, row, masks, strict=True):
                yield total, _at(builder, start, offset), mask

    with builder.if_then(plus):
        for total, place, mask in places(d, d_row, masks):
            vector = _load(builder, kind, place, mask)
            builder.store(builder.fadd(builder.load(total), vector), total)
    # A store with a mask is slow on some machines even if the mask is all true.
    whole = builder.icmp_signed(">=", left, _index(kind.count))
    with builder.if_else(whole) as (then, otherwise):
        for branch, used in ((then, [None] * shape[1]), (otherwise, masks)):
            with branch:
                for total, place, mask in places(c, c_row, used):
                    _store(builder, builder.load(total), place, mask)


@intrinsic
def write_strip(
    typing_context, a, a_row, a_step, b, b_row, c, c_row, d, d_row, plus, rows, columns, depth
):
    """Write c = a b, or c = a b + d, of at most as many columns as a tile has.

    The vectors of b are read whole. The rows that the last tile lacks are computed as its last
    row, and written there, which needs no code of their own.
    """
    kind = _vector_type(a)

    def generate(context, builder, signature, arguments):
        a, a_row, a_step, b, b_row, c, c_row, d, d_row, plus, rows, columns, depth = arguments

        def strip(vectors):
            with _loop(builder, rows, TILE_ROWS) as i:
                left = builder.sub(rows, i)
                p, q, r = (
                    _at(builder, a, i, a_row),
                    _at(builder, c, i, c_row),
                    _at(builder, d, i, d_row),
                )
                tile = p, a_row, a_step, b, b_row, q, c_row, r, d_row, plus, left, columns, depth
                low = builder.icmp_signed("<=", left, _index(TILE_ROWS // 2))
                with builder.if_else(low) as (then, otherwise):
                    for branch, height in ((then, TILE_ROWS // 2), (otherwise, TILE_ROWS)):
                        with branch:
                            _tile(builder, kind, (height, vectors), tile)

        _one_or_all(builder, kind, columns, strip)
        return context.get_dummy_value()

    n = types.intp
    return types.void(a, n, n, a, n, a, n, a, n, types.boolean, n, n, n), generate


@intrinsic
def write_row(typing_context, a, a_step, b, b_row, c, d, plus, depth):
    """Write ROW_VECTORS vectors of the row c = a b, or of c = a b + d."""
    kind = _vector_type(a)

    def generate(context, builder, signature, arguments):
        a, a_step, b, b_row, c, d, plus, depth = arguments
        none, columns = _index(0), _index(ROW_VECTORS * kind.count)
        tile = a, none, a_step, b, b_row, c, none, d, none, plus, _index(1), columns, depth
        _tile(builder, kind, (1, ROW_VECTORS), tile)
        return context.get_dummy_value()

    n = types.intp
    return types.void(a, n, a, n, a, a, types.boolean, n), generate


def _columns(builder, pointer):
    """Return a pointer of 32-bit integers as one that can be moved on by an index."""
    return lambda k: builder.sext(builder.load(builder.gep(pointer, [k])), _INDEX)


@intrinsic
def write_sparse_row(typing_context, values, numbers, count, b, b_row, c, d, plus, columns):
    """Write the row c = sum_k values_k b[numbers_k], plus d if it is to be, of a tile at most."""
    kind = _vector_type(values)

    def generate(context, builder, signature, arguments):
        values, numbers, count, b, b_row, c, d, plus, columns = arguments
        offsets = [_index(v * kind.count) for v in range(TILE_VECTORS)]
        masks = [_mask(builder, builder.sub(columns, offset), kind) for offset in offsets]
        sums = _sums(builder, kind, 1, TILE_VECTORS)[0]
        number = _columns(builder, numbers)

        def add(vectors):
            with _loop(builder, count) as k:
                factor = _splat(builder, builder.load(_at(builder, values, k)), kind.count)
                start = _at(builder, b, number(k), b_row)
                for total, offset, mask in list(zip(sums, offsets, masks, strict=True))[:vectors]:
                    vector = _load(builder, kind, _at(builder, start, offset), mask)
                    _add_product(builder, total, factor, vector)

        _one_or_all(builder, kind, columns, add)
        for total, offset, mask in zip(sums, offsets, masks, strict=True):
            with builder.if_then(plus):
                vector = _load(builder, kind, _at(builder, d, offset), mask)
                builder.store(builder.fadd(builder.load(total), vector), total)
            _store(builder, builder.load(total), _at(builder, c, offset), mask)
        return context.get_dummy_value()

    n, p = types.intp, values
    integers = types.CPointer(types.int32)
    return types.void(p, integers, n, p, n, p, p, types.boolean, n), generate


@intrinsic
def add_sparse_row(typing_context, values, numbers, count, b, c, c_row, columns):
    """Add values_k b to row number_k of c, for all k, of a tile's columns at most."""
    kind = _vector_type(values)

    def generate(context, builder, signature, arguments):
        values, numbers, count, b, c, c_row, columns = arguments
        offsets = [_index(v * kind.count) for v in range(TILE_VECTORS)]
        masks = [_mask(builder, builder.sub(columns, offset), kind) for offset in offsets]
        places = list(zip(offsets, masks, strict=True))
        row = [_load(builder, kind, _at(builder, b, offset), mask) for offset, mask in places]
        number = _columns(builder, numbers)

        def add(vectors):
            with _loop(builder, count) as k:
                factor = _splat(builder, builder.load(_at(builder, values, k)), kind.count)
                start = _at(builder, c, number(k), c_row)
                for vector, (offset, mask) in list(zip(row, places, strict=True))[:vectors]:
                    place = _at(builder, start, offset)
                    fused = {"flags": ("contract",)}
                    product = builder.fmul(factor, vector, **fused)
                    total = builder.fadd(_load(builder, kind, place, mask), product, **fused)
                    _store(builder, total, place, mask)

        _one_or_all(builder, kind, columns, add)
        return context.get_dummy_value()

    n, p = types.intp, values
    return types.void(p, types.CPointer(types.int32), n, p, p, n, n), generate


def _one_or_all(builder, kind, columns, write):
    """Write code for the vectors of a tile, and for one where that is enough."""
    narrow = builder.icmp_signed("<=", columns, _index(kind.count))
    with builder.if_else(narrow) as (then, otherwise):
        for branch, vectors in ((then, 1), (otherwise, TILE_VECTORS)):
            with branch:
                write(vectors)


@intrinsic
def new_panel(typing_context, pointer):
    """Return a place for PANEL_SIZE numbers, on the stack."""
    kind = _vector_type(pointer)

    def generate(context, builder, signature, arguments):
        place = cgutils.alloca_once(builder, ir.ArrayType(kind.element, PANEL_SIZE))
        place.align = VECTOR
        return builder.bitcast(place, kind.element.as_pointer())

    return pointer(pointer), generate


@intrinsic
def prefetch(typing_context, array, start, count):
    """Ask for so many numbers of an array, which will be needed soon.

    What a processor foresees by itself are the next lines of memory, not another row.
    """

    def generate(context, builder, signature, arguments):
        values, start, count = arguments
        per_line = _index(CACHE_LINE // (array.dtype.bitwidth // 8))
        data = context.make_array(array)(context, builder, values).data
        byte, integer = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, integer, integer, integer])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        # To be read, to stay in all caches, of data.
        how = [ir.Constant(integer, value) for value in (0, 3, 1)]
        with cgutils.for_range_slice(builder, _index(0), count, per_line) as (k, _):
            place = builder.gep(data, [builder.add(start, k)])
            builder.call(function, [builder.bitcast(place, byte), *how])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), generate


@intrinsic
def advanced(typing_context, pointer, count):
    """Return a pointer moved on by so many numbers."""

    def generate(context, builder, signature, arguments):
        return builder.gep(arguments[0], [arguments[1]])

    return pointer(pointer, types.intp), generate


@intrinsic
def place_of(typing_context, array, start):
    """Return a pointer to a number of an array in C order."""
    kind = types.CPointer(array.dtype)

    def generate(context, builder, signature, arguments):
        data = context.make_array(array)(context, builder, arguments[0]).data
        return builder.gep(data, [arguments[1]])

    return kind(array, types.intp), generate


@intrinsic
def lanes_of(typing_context, pointer):
    """Return how many numbers a vector has."""
    count = _vector_type(pointer).count
    return types.intp(pointer), lambda context, builder, signature, arguments: _index(count)
