"""Every registered activation: values, derivatives, extremes."""

import numpy as np
import pytest
from scipy import special

from skdnn import engine

DTYPES = [np.float32, np.float64]

REFERENCES = {
    "identity": lambda z: z,
    "logistic": special.expit,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z < 0, 0.01 * z, z),
    "elu": lambda z: np.where(z < 0, np.expm1(z), z),
    "selu": lambda z: 1.0507009873554805 * np.where(z < 0, 1.6732632423543772 * np.expm1(z), z),
    "softplus": lambda z: np.logaddexp(0, z),
    "gelu": lambda z: z * special.ndtr(z),
    "silu": lambda z: z * special.expit(z),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
}


def _points(dtype):
    # No point at the kink of the ReLUs.
    return np.linspace(-6.03, 6.01, 301).astype(dtype)


def _activate(name, z):
    activation, a = engine.ACTIVATIONS[name], np.array(z)
    if activation.activate is not None:
        activation.activate(activation.alpha, a)
    return a


def _differentiate(name, z, a, delta):
    activation = engine.ACTIVATIONS[name]
    if activation.differentiate is not None:
        activation.differentiate(activation.alpha, z, a, delta)


def test_every_activation_has_a_reference():
    assert set(REFERENCES) == set(engine.ACTIVATIONS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", engine.ACTIVATIONS)
def test_value(name, dtype):
    z = _points(dtype)
    a = _activate(name, z)
    assert a.dtype == dtype
    tolerance = 8 * np.finfo(dtype).eps
    expected = REFERENCES[name](z.astype(np.float64))
    np.testing.assert_allclose(a, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", engine.ACTIVATIONS)
def test_derivative_is_that_of_the_value(name, dtype):
    z = _points(dtype)
    delta = np.full_like(z, 2)
    _differentiate(name, z, _activate(name, z), delta)
    z = z.astype(np.float64)
    slope = (REFERENCES[name](z + 1e-6) - REFERENCES[name](z - 1e-6)) / 2e-6
    tolerance = 1e-8 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(delta, 2 * slope, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", engine.ACTIVATIONS)
def test_nan_passes(name):
    assert np.isnan(_activate(name, np.array([np.nan, 1.0])))[0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", engine.ACTIVATIONS)
def test_saturates_without_nan(name, dtype):
    z = np.array([-1e4, -100, 100, 1e4], dtype)
    a = _activate(name, z)
    delta = np.ones_like(z)
    _differentiate(name, z, a, delta)
    assert np.isfinite(a).all() and np.isfinite(delta).all()
