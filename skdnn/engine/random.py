"""Shuffling inside the compiled epoch, with NumPy's own stream of random numbers.

`shuffle` continues the Mersenne Twister of a `numpy.random.RandomState`, draw for draw: the batches
are those that ``RandomState.shuffle`` gives, without a call into Python and without the GIL.
"""

import numpy as np

from skdnn.engine._jit import exact_kernel

STATE_SIZE = 624
_SHIFT = 397
_MATRIX = np.uint32(0x9908B0DF)
_UPPER = np.uint32(0x80000000)
_LOWER = np.uint32(0x7FFFFFFF)
_ZERO = np.uint32(0)
_ONE = np.uint32(1)


@exact_kernel
def _twist(high, low):
    bits = (high & _UPPER) | (low & _LOWER)
    return np.uint32((bits >> _ONE) ^ (_MATRIX if bits & _ONE else _ZERO))


@exact_kernel
def refill(key):
    """Make the next 624 words of the Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998)."""
    for i in range(STATE_SIZE - _SHIFT):
        key[i] = key[i + _SHIFT] ^ _twist(key[i], key[i + 1])
    for i in range(STATE_SIZE - _SHIFT, STATE_SIZE - 1):
        key[i] = key[i + _SHIFT - STATE_SIZE] ^ _twist(key[i], key[i + 1])
    key[STATE_SIZE - 1] = key[_SHIFT - 1] ^ _twist(key[STATE_SIZE - 1], key[0])


@exact_kernel
def _temper(word):
    word ^= word >> np.uint32(11)
    word ^= (word << np.uint32(7)) & np.uint32(0x9D2C5680)
    word ^= (word << np.uint32(15)) & np.uint32(0xEFC60000)
    return np.uint32(word ^ (word >> np.uint32(18)))


@exact_kernel
def shuffle(order, key, position):
    """Shuffle `order` in place; `key` is advanced, and the new position in it returned.

    Fisher and Yates' shuffle; a number up to i is drawn by masking 32 bits and rejecting what is
    larger, as NumPy's legacy generator does.
    """
    mask = np.uint32(0)
    for i in range(order.size - 1, 0, -1):
        # The mask has as many ones as i has bits; it only shrinks while i falls.
        if mask == 0 or (mask >> _ONE) >= np.uint32(i):
            mask = np.uint32(i)
            for shift in (1, 2, 4, 8, 16):
                mask |= mask >> np.uint32(shift)
        while True:
            if position == STATE_SIZE:
                refill(key)
                position = 0
            j = _temper(key[position]) & mask
            position += 1
            if j <= np.uint32(i):
                break
        order[i], order[j] = order[j], order[i]
    return position
