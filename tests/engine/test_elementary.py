"""The vectorised elementary functions against NumPy in extended precision."""

import numpy as np
import pytest

from skdnn.engine import elementary
from skdnn.engine._jit import kernel


@kernel
def _map_exp(x, out):
    for i in range(x.size):
        out[i] = elementary.exp(x[i])


@kernel
def _map_expm1(x, out):
    for i in range(x.size):
        out[i] = elementary.expm1(x[i])


@kernel
def _map_log1p(x, out):
    for i in range(x.size):
        out[i] = elementary.log1p(x[i])


@kernel
def _map_tanh(x, out):
    for i in range(x.size):
        out[i] = elementary.tanh(x[i])


@kernel
def _map_logistic(x, out):
    for i in range(x.size):
        out[i] = elementary.logistic(x[i])


@kernel
def _map_softplus(x, out):
    for i in range(x.size):
        out[i] = elementary.softplus(x[i])


# Where neither the value nor 2^n beside it over- or underflows, by dtype.
EXPONENTS = {np.float32: (-87.3, 88.3), np.float64: (-708.3, 709.4)}
CASES = {
    "exp": (_map_exp, np.exp, None),
    "expm1": (_map_expm1, np.expm1, (-1000, 80)),
    "log1p": (_map_log1p, np.log1p, (0, 1)),
    "tanh": (_map_tanh, np.tanh, (-1000, 1000)),
    "logistic": (_map_logistic, lambda x: 1 / (1 + np.exp(-x)), None),
    "softplus": (_map_softplus, lambda x: np.logaddexp(0, x), None),
}


def _apply(mapped, x):
    out = np.empty_like(x)
    mapped(x, out)
    return out


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_agrees_to_three_units_in_the_last_place(name, dtype):
    """Over the whole range, densely near zero, and for numbers of any size."""
    mapped, reference, ends = CASES[name]
    low, high = EXPONENTS[dtype] if ends is None else ends
    sizes = np.geomspace(1e-30, 1000, 20_001)
    x = np.concatenate([np.linspace(low, high, 200_001), np.linspace(-1, 1, 20_001), sizes, -sizes])
    x = x[(x >= low) & (x <= high)].astype(dtype)
    expected = reference(x.astype(np.longdouble))
    error = np.abs(_apply(mapped, x) - expected)
    assert np.all(error <= 3 * np.finfo(dtype).eps * np.abs(expected))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_and_infinity_stay_honest(dtype):
    x = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30], dtype)
    tiny = np.finfo(dtype).tiny
    exp = _apply(_map_exp, x)
    assert np.isnan(exp[0]) and exp[1] == exp[3] == np.inf
    assert 0 < exp[2] < 1.1 * tiny
    np.testing.assert_array_equal(_apply(_map_tanh, x)[1:], [1, -1, 1, -1])
    logistic = _apply(_map_logistic, x)
    assert np.isnan(logistic[0])
    np.testing.assert_array_equal(logistic[[1, 3]], 1)
    assert np.all((logistic[[2, 4]] > 0) & (logistic[[2, 4]] < 1.1 * tiny))
    softplus = _apply(_map_softplus, x)
    assert np.isnan(softplus[0]) and softplus[1] == np.inf and softplus[3] == x[3]
