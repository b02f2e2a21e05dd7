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


CASES = {
    "exp": (_map_exp, np.exp, -80, 80),
    "expm1": (_map_expm1, np.expm1, -40, 40),
    "log1p": (_map_log1p, np.log1p, 0, 1),
    "tanh": (_map_tanh, np.tanh, -12, 12),
    "logistic": (_map_logistic, lambda x: 1 / (1 + np.exp(-x)), -30, 30),
    "softplus": (_map_softplus, lambda x: np.log1p(np.exp(x)), -30, 30),
}


def _apply(mapped, x):
    out = np.empty_like(x)
    mapped(x, out)
    return out


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_agrees_to_a_few_units_in_the_last_place(name, dtype):
    mapped, reference, low, high = CASES[name]
    x = np.concatenate([np.linspace(low, high, 100_001), np.linspace(-1, 1, 10_001) * 1e-3])
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
