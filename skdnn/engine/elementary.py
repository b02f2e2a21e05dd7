"""Elementary functions that LLVM can vectorise.

The compiler has no vector version of the C library's ``exp`` and ``tanh``, so a loop that calls
them runs one element at a time. These are range reductions and polynomials in straight-line code:
a loop over one of them becomes vector instructions. They agree with NumPy's to a few units in
the last place, pass NaN on, and saturate where the true value over- or underflows.

Constants are ``np.float32`` where that is exact, because an integer or a Python float would turn
float32 arithmetic into float64.
"""

import math

import numpy as np
from numba import types
from numba.extending import overload

from skdnn.engine._jit import EXACT_OPTIONS, exact_kernel

ZERO = np.float32(0)
HALF = np.float32(0.5)
ONE = np.float32(1)
TWO = np.float32(2)


@exact_kernel
def _reduced_exp_float32(x):
    """Return (2^n, expm1(r)) with x = n ln 2 + r, |r| <= ln 2 / 2; polynomial of Cephes' expf."""
    # Adding 1.5 * 2^23 rounds to an integer, which stands in the low bits of the sum.
    shifted = np.float32(x * np.float32(1.44269504) + np.float32(12582912.0))
    n = shifted - np.float32(12582912.0)
    r = (x - n * np.float32(0.693359375)) - n * np.float32(-2.12194440e-4)
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    power = np.int32((shifted.view(np.int32) + np.int32(127)) << np.int32(23))
    return power.view(np.float32), p * r * r + r


@exact_kernel
def _reduced_exp_float64(x):
    """Return (2^n, expm1(r)) with x = n ln 2 + r, |r| <= ln 2 / 2; Taylor polynomial."""
    # Adding 1.5 * 2^52 rounds to an integer, which stands in the low bits of the sum.
    shifted = np.float64(x * 1.4426950408889634 + 6755399441055744.0)
    n = shifted - 6755399441055744.0
    r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    power = np.int64((shifted.view(np.int64) + 1023) << 52)
    return power.view(np.float64), p * r * r + r


@exact_kernel
def exp_float32(x):
    """exp(x) for float32: infinity above 88.37, the smallest normal number below -87.33."""
    x = np.float32(88.38) if x > np.float32(88.37) else x
    x = np.float32(-87.33) if x < np.float32(-87.33) else x
    power, expm1 = _reduced_exp_float32(x)
    return power * (ONE + expm1)


@exact_kernel
def exp_float64(x):
    """exp(x) for float64: infinity above 709.43, the smallest normal number below -708.39."""
    x = 709.45 if x > 709.43 else x
    x = -708.39 if x < -708.39 else x
    power, expm1 = _reduced_exp_float64(x)
    return power * (1.0 + expm1)


@exact_kernel
def expm1_float32(x):
    """exp(x) - 1 for float32 and x <= 80, exact near zero too: 2^n expm1(r) + (2^n - 1)."""
    x = np.float32(80) if x > np.float32(80) else x
    x = np.float32(-80) if x < np.float32(-80) else x
    power, expm1 = _reduced_exp_float32(x)
    return power * expm1 + (power - ONE)


@exact_kernel
def expm1_float64(x):
    """exp(x) - 1 for float64 and x <= 80, exact near zero too: 2^n expm1(r) + (2^n - 1)."""
    x = 80.0 if x > 80.0 else x
    x = -80.0 if x < -80.0 else x
    power, expm1 = _reduced_exp_float64(x)
    return power * expm1 + (power - 1.0)


@exact_kernel
def log1p_float32(u):
    """log(1 + u) for 0 <= u <= 1, as 2 artanh(u / (2 + u))."""
    s = u / (TWO + u)
    t = s * s
    p = np.float32(1 / 15)
    p = p * t + np.float32(1 / 13)
    p = p * t + np.float32(1 / 11)
    p = p * t + np.float32(1 / 9)
    p = p * t + np.float32(1 / 7)
    p = p * t + np.float32(1 / 5)
    p = p * t + np.float32(1 / 3)
    return TWO * (s + s * t * p)


@exact_kernel
def log1p_float64(u):
    """log(1 + u) for 0 <= u <= 1, as 2 artanh(u / (2 + u))."""
    s = u / (2.0 + u)
    t = s * s
    p = 1.0 / 35.0
    p = p * t + 1.0 / 33.0
    p = p * t + 1.0 / 31.0
    p = p * t + 1.0 / 29.0
    p = p * t + 1.0 / 27.0
    p = p * t + 1.0 / 25.0
    p = p * t + 1.0 / 23.0
    p = p * t + 1.0 / 21.0
    p = p * t + 1.0 / 19.0
    p = p * t + 1.0 / 17.0
    p = p * t + 1.0 / 15.0
    p = p * t + 1.0 / 13.0
    p = p * t + 1.0 / 11.0
    p = p * t + 1.0 / 9.0
    p = p * t + 1.0 / 7.0
    p = p * t + 1.0 / 5.0
    p = p * t + 1.0 / 3.0
    return 2.0 * (s + s * t * p)


def exp(x):
    """exp(x)."""
    return exp_float32(x) if isinstance(x, np.float32) else exp_float64(np.float64(x))


def log1p(u):
    """log(1 + u) for 0 <= u <= 1."""
    return log1p_float32(u) if isinstance(u, np.float32) else log1p_float64(np.float64(u))


def expm1(x):
    """exp(x) - 1 for x <= 80."""
    return expm1_float32(x) if isinstance(x, np.float32) else expm1_float64(np.float64(x))


def erf(x):
    """Error function, from the C library."""
    return type(x)(math.erf(x))


@overload(exp, jit_options=EXACT_OPTIONS)
def _exp_by_dtype(x):
    return (lambda x: exp_float32(x)) if x == types.float32 else (lambda x: exp_float64(x))


@overload(log1p, jit_options=EXACT_OPTIONS)
def _log1p_by_dtype(u):
    return (lambda u: log1p_float32(u)) if u == types.float32 else (lambda u: log1p_float64(u))


@overload(expm1, jit_options=EXACT_OPTIONS)
def _expm1_by_dtype(x):
    return (lambda x: expm1_float32(x)) if x == types.float32 else (lambda x: expm1_float64(x))


@overload(erf, jit_options=EXACT_OPTIONS)
def _erf_of_the_c_library(x):
    return lambda x: math.erf(x)


@exact_kernel
def tanh(x):
    """Hyperbolic tangent, as e / (e + 2) with e = expm1(2|x|)."""
    e = expm1(TWO * abs(x))
    t = e / (e + TWO)
    return -t if x < ZERO else t


@exact_kernel
def logistic(x):
    """1 / (1 + exp(-x)); never 0, so that its logarithm is finite."""
    e = exp(-abs(x))
    return (e if x < ZERO else ONE) / (ONE + e)


@exact_kernel
def softplus(x):
    """log(1 + exp(x)), without overflow."""
    positive = ZERO if x < ZERO else x
    return positive + log1p(exp(-abs(x)))
