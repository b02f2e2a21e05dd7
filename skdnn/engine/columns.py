"""Parts of a matrix's columns, and sparse rows whose stored values are ordered by them.

The gradient by a first layer's weights is shared out by parts of the columns that they belong to:
for that each sparse row's stored values have to be in the order of the parts. Inside a part any
order will do, and so a row need not be sorted.
"""

import numpy as np

from skdnn.engine._jit import kernel

# At most so many parts, and at least two to the power of so many columns in each.
_PARTS, _LEAST_BITS = 32, 3


@kernel
def part_bits(n_columns):
    """Return b, for a part of 2^b columns."""
    bits = _LEAST_BITS
    while (_PARTS << bits) < n_columns:
        bits += 1
    return bits


@kernel
def find_parts(data, begin, end, starts):
    """Write where in rows `begin` to `end` each part begins once the row is ordered by parts.

    Returns whether all these rows are. `starts` has for each row of the data a place for each part
    and one for the end, counted from the row's first stored value.
    """
    # Unsigned: a signed index would be tested for being negative.
    bits, ordered = np.uintp(part_bits(data.X.shape[1])), True
    for row in range(begin, end):
        own, last = starts[row], np.uintp(0)
        for part in range(own.size):
            own[part] = 0
        for k in range(np.uintp(data.row_starts[row]), np.uintp(data.row_starts[row + 1])):
            part = np.uintp(data.columns[k]) >> bits
            own[part + np.uintp(1)] += 1
            ordered &= part >= last
            last = part
        for part in range(1, own.size):
            own[part] += own[part - 1]
    return ordered


@kernel
def order_by_parts(data, begin, end, starts, columns, values):
    """Write rows `begin` to `end` ordered by parts, after `find_parts`."""
    bits = np.uintp(part_bits(data.X.shape[1]))
    for row in range(begin, end):
        own, first = starts[row], np.uintp(data.row_starts[row])
        for k in range(first, np.uintp(data.row_starts[row + 1])):
            part = np.uintp(data.columns[k]) >> bits
            place = first + np.uintp(own[part])
            columns[place], values[place] = data.columns[k], data.values[k]
            own[part] += 1
        # Each start has become the end, which is the next one's start.
        for part in range(own.size - 1, 0, -1):
            own[part] = own[part - 1]
        own[0] = 0
