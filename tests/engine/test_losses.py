"""Every registered loss: values against scikit-learn, derivatives, extremes."""

import numpy as np
import pytest
from scipy import special
from sklearn import metrics

from skdnn import engine

DTYPES = [np.float32, np.float64]
PARAMETER = {"huber": 0.7, "pinball": 0.2, "focal": 1.5, "binary_focal": 1.5}
LABELS = ("log_loss", "smoothed_log_loss", "focal")


def _case(name, dtype, rows=40, outputs=3):
    rng = np.random.RandomState(0)
    z = rng.normal(scale=2, size=(rows, outputs))
    y = {
        "log_loss": rng.randint(outputs, size=(rows, 1)),
        "smoothed_log_loss": rng.randint(outputs, size=(rows, 1)),
        "focal": rng.randint(outputs, size=(rows, 1)),
        "binary_log_loss": rng.randint(2, size=z.shape),
        "binary_focal": rng.randint(2, size=z.shape),
        "poisson": rng.poisson(2, size=z.shape),
    }.get(name, rng.normal(scale=2, size=z.shape))
    return z.astype(dtype), y.astype(dtype)


def _evaluate(name, z, y, parameter=None):
    loss = engine.LOSSES[name]
    parameter = PARAMETER.get(name, loss.parameter) if parameter is None else parameter
    objective = np.zeros(np.size(parameter), engine.OBJECTIVE)
    objective["parameter"] = parameter
    values, delta = z.copy(), np.empty_like(z)
    loss.evaluate(objective, values, y, delta)
    return values, delta


def _focal(p, gamma):
    return -((1 - p) ** gamma) * np.log(p)


def _mean(name, z, y):
    """Return the mean over the rows of the loss's sum over the outputs, as others compute it."""
    k = z.shape[1]
    if name == "log_loss":
        return metrics.log_loss(y[:, 0], special.softmax(z, axis=1), labels=np.arange(k))
    if name == "smoothed_log_loss":
        targets = 0.9 * np.eye(k)[y[:, 0].astype(int)] + 0.1 / k
        return special.rel_entr(targets, special.softmax(z, axis=1)).sum(axis=1).mean() + (
            special.entr(targets).sum(axis=1).mean()
        )
    if name == "binary_log_loss":
        proba = special.expit(z)
        return sum(metrics.log_loss(y[:, j], proba[:, j], labels=[0, 1]) for j in range(k))
    if name == "focal":
        return _focal(
            special.softmax(z, axis=1)[np.arange(len(z)), y[:, 0].astype(int)], 1.5
        ).mean()
    if name == "binary_focal":
        return _focal(special.expit(np.where(y, z, -z)), 1.5).sum(axis=1).mean()
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


@pytest.mark.parametrize("smoothing", [0.1, 0.7])
@pytest.mark.parametrize("name", ["smoothed_log_loss", "binary_log_loss"])
def test_label_smoothing_is_the_cross_entropy_with_smoothed_targets(name, smoothing):
    z, y = _case(name, np.float64)
    values, delta = _evaluate(name, z, y, parameter=smoothing)
    if name == "smoothed_log_loss":
        targets = (1 - smoothing) * np.eye(3)[y[:, 0].astype(int)] + smoothing / 3
        expected = -(targets * special.log_softmax(z, axis=1)).sum(axis=1)
        derivative = special.softmax(z, axis=1) - targets
    else:
        targets = (1 - smoothing) * y + smoothing / 2
        expected = special.xlogy(targets, special.expit(z)) + special.xlogy(
            1 - targets, special.expit(-z)
        )
        expected, derivative = -expected.sum(axis=1), special.expit(z) - targets
    np.testing.assert_allclose(values.sum(axis=1), expected, rtol=1e-13)
    np.testing.assert_allclose(delta, derivative, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["focal", "binary_focal"])
def test_focal_loss_without_gamma_is_the_log_loss(name):
    z, y = _case(name, np.float64)
    other = {"focal": "log_loss", "binary_focal": "binary_log_loss"}[name]
    for ours, theirs in zip(
        _evaluate(name, z, y, parameter=0.0), _evaluate(other, z, y), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


def test_each_output_has_its_quantile():
    z, y = _case("pinball", np.float64)
    values, delta = _evaluate("pinball", z, y, parameter=[0.1, 0.5, 0.8])
    for j, quantile in enumerate([0.1, 0.5, 0.8]):
        columns = np.ascontiguousarray(z[:, [j]]), np.ascontiguousarray(y[:, [j]])
        alone = _evaluate("pinball", *columns, parameter=quantile)
        np.testing.assert_array_equal(values[:, [j]], alone[0])
        np.testing.assert_array_equal(delta[:, [j]], alone[1])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["log_loss", "binary_log_loss", "focal", "binary_focal"])
def test_sure_scores_do_not_overflow(name, dtype):
    z = np.array([[1000, -1000], [-1000, 1000]], dtype)
    y = np.array([[0], [0]] if name in LABELS else [[1, 0], [1, 0]], dtype)
    values, delta = _evaluate(name, z, y)
    per_row = values.sum(axis=1)
    np.testing.assert_allclose(per_row, [0, 2000], atol=1e-30)
    np.testing.assert_allclose(delta, [[0, 0], [-1, 1]], atol=1e-30)


@pytest.mark.parametrize("name", ["absolute_error", "pinball"])
def test_derivative_at_the_kink_is_a_subgradient(name):
    y = np.array([[1.5]])
    values, delta = _evaluate(name, y.copy(), y)
    assert values[0, 0] == delta[0, 0] == 0


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
    if engine.LINKS[loss.link] is not None:
        engine.LINKS[loss.link](linked)
    np.testing.assert_allclose(linked, expected(z), rtol=1e-14)
