"""Every registered loss: values against scikit-learn, derivatives, extremes, plain Python."""

import numpy as np
import pytest
from scipy import special
from sklearn import metrics

from skdnn import engine
from skdnn.engine.losses import evaluate

DTYPES = [np.float32, np.float64]
PARAMETER = {"huber": 0.7, "pinball": 0.2}


def _case(name, dtype, rows=40, outputs=3):
    rng = np.random.RandomState(0)
    z = rng.normal(scale=2, size=(rows, outputs))
    y = {
        "log_loss": rng.randint(outputs, size=(rows, 1)),
        "binary_log_loss": rng.randint(2, size=z.shape),
        "poisson": rng.poisson(2, size=z.shape),
    }.get(name, rng.normal(scale=2, size=z.shape))
    return z.astype(dtype), y.astype(dtype)


def _evaluate(name, z, y, run=evaluate):
    loss = engine.LOSSES[name]
    values, delta = z.copy(), np.empty_like(z)
    run(loss.code, PARAMETER.get(name, loss.parameter), values, y, delta)
    return values, delta


def _mean(name, z, y):
    """Return the mean over the rows of the loss's sum over the outputs, as others compute it."""
    k = z.shape[1]
    if name == "log_loss":
        return metrics.log_loss(y[:, 0], special.softmax(z, axis=1), labels=np.arange(k))
    if name == "binary_log_loss":
        proba = special.expit(z)
        return sum(metrics.log_loss(y[:, j], proba[:, j], labels=[0, 1]) for j in range(k))
    if name == "poisson":
        return sum(metrics.mean_poisson_deviance(y[:, j], np.exp(z[:, j])) / 2 for j in range(k))
    if name == "huber":
        return special.huber(0.7, z - y).sum(axis=1).mean()
    score = {
        "squared_error": lambda: metrics.mean_squared_error(y, z) / 2,
        "absolute_error": lambda: metrics.mean_absolute_error(y, z),
        "pinball": lambda: metrics.mean_pinball_loss(y, z, alpha=0.2),
    }[name]
    return k * score()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", engine.LOSSES)
def test_value(name, dtype):
    z, y = _case(name, dtype)
    values, _ = _evaluate(name, z, y)
    expected = _mean(name, z.astype(np.float64), y.astype(np.float64))
    np.testing.assert_allclose(values.sum() / len(z), expected, rtol=20 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", engine.LOSSES)
def test_derivative_is_that_of_the_value(name, dtype):
    z, y = _case(name, dtype)
    _, delta = _evaluate(name, z, y)
    z, y = z.astype(np.float64), y.astype(np.float64)
    numeric = np.empty_like(z)
    for j in range(z.shape[1]):
        step = np.zeros(z.shape[1])
        step[j] = 1e-6
        up, down = _evaluate(name, z + step, y)[0], _evaluate(name, z - step, y)[0]
        numeric[:, j] = (up.sum(axis=1) - down.sum(axis=1)) / 2e-6
    tolerance = 1e-7 if dtype == np.float64 else 2e-5
    np.testing.assert_allclose(delta, numeric, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["log_loss", "binary_log_loss"])
def test_sure_scores_do_not_overflow(name, dtype):
    z = np.array([[1000, -1000], [-1000, 1000]], dtype)
    y = np.array([[0], [0]] if name == "log_loss" else [[1, 0], [1, 0]], dtype)
    values, delta = _evaluate(name, z, y)
    per_row = values.sum(axis=1)
    np.testing.assert_allclose(per_row, [0, 2000], atol=1e-30)
    np.testing.assert_allclose(delta, [[0, 0], [-1, 1]], atol=1e-30)


@pytest.mark.parametrize("name", ["absolute_error", "pinball"])
def test_derivative_at_the_kink_is_a_subgradient(name):
    y = np.array([[1.5]])
    values, delta = _evaluate(name, y.copy(), y)
    assert values[0, 0] == delta[0, 0] == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", engine.LOSSES)
def test_kernel_equals_its_plain_python_self(name, dtype):
    z, y = _case(name, dtype)
    tolerance = 10 * np.finfo(dtype).eps
    for compiled, plain in zip(
        _evaluate(name, z, y), _evaluate(name, z, y, evaluate.py_func), strict=True
    ):
        np.testing.assert_allclose(compiled, plain, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", engine.LOSSES)
def test_link(name):
    loss = engine.LOSSES[name]
    expected = {
        "softmax": lambda z: special.softmax(z, axis=1),
        "logistic": special.expit,
        "exp": np.exp,
        "identity": lambda z: z,
    }[loss.link]
    z, _ = _case(name, np.float64)
    linked = z.copy()
    engine.link(loss.code, linked)
    np.testing.assert_allclose(linked, expected(z), rtol=1e-14)
