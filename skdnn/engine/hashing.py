"""A hash of each row's content, the same for dense and sparse rows, in any place and order."""

import numpy as np

from skdnn.engine._jit import exact_kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)


@exact_kernel
def mix(bits):
    """Scatter 64 bits: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    bits = (bits ^ (bits >> _SHIFT_1)) * _MIX_1
    bits = (bits ^ (bits >> _SHIFT_2)) * _MIX_2
    return bits ^ (bits >> _SHIFT_3)


@exact_kernel
def scatter(bits):
    """Scatter 32 bits: Wellons' lowbias32 (2018), for which processors have vector instructions."""
    # Without the conversions the compiler's sums and products would be of 64 bits.
    bits = np.uint32((bits ^ (bits >> np.uint32(16))) * np.uint32(0x7FEB352D))
    bits = np.uint32((bits ^ (bits >> np.uint32(15))) * np.uint32(0x846CA68B))
    return np.uint32(bits ^ (bits >> np.uint32(16)))


@exact_kernel
def _hash_value(value, place, salt):
    # Zeros count nothing, so that a sparse row needs only its stored values.
    bits = mix(
        np.float64(value).view(np.uint64) ^ (salt + (np.uint64(place) + np.uint64(1)) * _GOLDEN)
    )
    return np.uint64(0) if value == 0 else bits


@exact_kernel
def hash_rows(data, salt, out):
    """Write a hash of each visited row's features and targets into `out` (uint64)."""
    for visit in range(out.size):
        i = data.order[visit] if data.order.size else visit
        # A row of zeros has the salt for its hash.
        total = salt
        if data.row_starts.size:
            for k in range(data.row_starts[i], data.row_starts[i + 1]):
                total += _hash_value(data.values[k], data.columns[k], salt)
        else:
            for j in range(data.X.shape[1]):
                total += _hash_value(data.X[i, j], j, salt)
        total = mix(total)
        for j in range(data.y.shape[1]):
            total += _hash_value(data.y[i, j], j, ~salt)
        out[visit] = mix(total)
