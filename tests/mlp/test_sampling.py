"""Uncertainty: dropout at prediction, predictive likelihoods, the trajectory of SGD."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, make_multilabel_classification

from skdnn import MLPNet, MLPNetRegressor
from skdnn.callbacks import WeightHistory
from skdnn.layers import BatchNorm, Dense, Dropout

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
DIGITS, LABELS = load_digits(return_X_y=True)
DIGITS = DIGITS / 16
X, Y = load_diabetes(return_X_y=True)
X = X * 20
MULTILABEL = make_multilabel_classification(100, n_classes=3, random_state=0)


@pytest.fixture(scope="module")
def regressor():
    net = MLPNetRegressor("squared_error", (40,), dropout=0.2, max_iter=300, random_state=0)
    return net.fit(X, Y)


@pytest.fixture(scope="module")
def classifier():
    net = MLPNet((40,), dropout=0.2, max_iter=100, random_state=0)
    return net.fit(DIGITS[:1000], LABELS[:1000])


def test_mean_and_standard_deviation_are_those_of_the_draws(regressor):
    draws = regressor.sample_y(X, 50, random_state=3)
    assert draws.shape == (len(X), 50)
    mean, std = regressor.predict(X, return_std=True, n_samples=50, random_state=3)
    np.testing.assert_allclose(mean, draws.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(std, draws.std(axis=1), rtol=1e-9)
    assert (std > 0).all()


def test_a_draw_is_the_network_with_a_mask(regressor):
    """With one hidden layer, the mean and variance over the masks have a closed form."""
    (W, v), (b, c) = regressor.coefs_, regressor.intercepts_
    hidden = np.maximum(X @ W + b, 0)
    mean = (hidden @ v + c)[:, 0]
    # A unit is kept with probability 0.8 and scaled by 1 / 0.8: its variance is 0.25 h^2.
    std = np.sqrt(0.25 * hidden**2 @ v**2)[:, 0]
    draws = regressor.sample_y(X, 2000)
    assert np.abs((draws.mean(axis=1) - mean) / std).max() < 5 / np.sqrt(2000)
    np.testing.assert_allclose(draws.std(axis=1), std, rtol=0.1)
    np.testing.assert_allclose(regressor.predict(X), mean, rtol=1e-10)


def test_draws_are_made_by_the_seed(regressor):
    first = regressor.sample_y(X, 3, random_state=0)
    np.testing.assert_array_equal(first, regressor.sample_y(X, 3, random_state=0))
    assert not np.array_equal(first, regressor.sample_y(X, 3, random_state=1))
    assert not np.array_equal(first[:, 0], first[:, 1])


def test_density_is_that_of_a_mixture_of_normals(regressor):
    draws = regressor.sample_y(X, 30, random_state=1)
    expected = logsumexp(norm.logpdf(Y[:, None], draws, 50.0), axis=1) - np.log(30)
    found = regressor.log_likelihood(X, Y, noise_std=50.0, n_samples=30, random_state=1)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_several_outputs():
    both = np.c_[Y, -Y]
    net = MLPNetRegressor(dropout=0.2, max_iter=30, random_state=0).fit(X, both)
    draws = net.sample_y(X, 7)
    assert draws.shape == (len(X), 2, 7)
    mean, std = net.predict(X, return_std=True, n_samples=7)
    assert mean.shape == std.shape == (len(X), 2)
    logs = norm.logpdf(both[:, :, None], draws, np.array([[[40.0], [60.0]]])).sum(axis=1)
    found = net.log_likelihood(X, both, noise_std=[40.0, 60.0], n_samples=7)
    np.testing.assert_allclose(found, logsumexp(logs, axis=1) - np.log(7), rtol=1e-12)


def test_uncertainty_grows_away_from_the_data():
    rng = np.random.RandomState(0)
    inputs = rng.uniform(-1, 1, (200, 1))
    net = MLPNetRegressor(
        "squared_error", (50,), dropout=0.1, max_iter=500, learning_rate_init=0.01, random_state=0
    ).fit(inputs, np.sin(3 * inputs[:, 0]))
    _, std = net.predict(np.array([[0.0], [5.0]]), return_std=True)
    assert std[1] > 3 * std[0]


def test_probabilities(classifier):
    proba = classifier.sample_proba(DIGITS, 20, random_state=5)
    assert proba.shape == (len(DIGITS), 10, 20)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    expected = np.log(proba[np.arange(len(DIGITS)), LABELS].mean(axis=1))
    found = classifier.log_likelihood(DIGITS, LABELS, n_samples=20, random_state=5)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_wrong_predictions_are_the_uncertain_ones(classifier):
    wrong = classifier.predict(DIGITS) != LABELS
    spread = classifier.sample_proba(DIGITS, 30).std(axis=-1).max(axis=1)
    assert spread[wrong].mean() > 1.5 * spread[~wrong].mean()


def test_two_classes():
    names = np.where(LABELS > 4, "high", "low")
    net = MLPNet((20,), dropout=0.2, max_iter=5, random_state=0).fit(DIGITS, names)
    proba = net.sample_proba(DIGITS, 10)
    assert proba.shape == (len(DIGITS), 2, 10)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    expected = np.log(np.where(names == "low", proba[:, 1].T, proba[:, 0].T).mean(axis=0))
    found = net.log_likelihood(DIGITS, names, n_samples=10)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_labels():
    inputs, labels = MULTILABEL
    net = MLPNet((20,), dropout=0.2, max_iter=5, random_state=0).fit(inputs, labels)
    proba = net.sample_proba(inputs, 10)
    assert proba.shape == (100, 3, 10)
    truth = np.where(labels[:, :, None] == 1, proba, 1 - proba).prod(axis=1)
    found = net.log_likelihood(inputs, labels, n_samples=10)
    np.testing.assert_allclose(found, np.log(truth.mean(axis=1)), rtol=1e-9)


def test_without_dropout_the_likelihood_is_the_plain_one():
    net = MLPNet((10,), max_iter=5, random_state=0).fit(DIGITS, LABELS)
    expected = net.predict_log_proba(DIGITS)[np.arange(len(DIGITS)), LABELS]
    np.testing.assert_allclose(net.log_likelihood(DIGITS, LABELS), expected, rtol=1e-9)
    with pytest.raises(ValueError, match="this network has none: set dropout"):
        net.sample_proba(DIGITS)
    net = MLPNetRegressor(max_iter=5, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match="this network has none: set dropout"):
        net.predict(X, return_std=True)
    expected = norm.logpdf(Y, net.predict(X), 60.0)
    np.testing.assert_allclose(net.log_likelihood(X, Y, noise_std=60.0), expected, rtol=1e-9)


def test_dropout_of_the_inputs_and_running_statistics():
    """Batch normalisation stays as at prediction; only masks are drawn."""
    layers = [Dropout(0.1), Dense(20), BatchNorm(), Dropout(0.2)]
    net = MLPNet(hidden_layers=layers, max_iter=5, random_state=0).fit(DIGITS, LABELS)
    before = clone(net).fit(DIGITS, LABELS).normalizations_[0]
    few, many = net.sample_proba(DIGITS[:3], 5), net.sample_proba(DIGITS, 5)
    np.testing.assert_allclose(few, many[:3], rtol=1e-9)
    for name, value in net.normalizations_[0].items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"n_samples": 0}, ValueError, "n_samples must be at least 1, got 0"),
        ({"n_samples": 2.5}, TypeError, "n_samples must be an int, got 2.5"),
        ({"noise_std": 0.0}, ValueError, "noise_std must be positive and finite, got 0"),
        ({"noise_std": np.inf}, ValueError, "noise_std must be positive and finite, got inf"),
        ({"noise_std": [np.nan]}, ValueError, "noise_std must be positive and finite, got .nan"),
        # Not of each row: with each row's prediction that would be a table of rows by rows.
        ({"noise_std": np.ones(len(Y))}, ValueError, r"of shape \(1,\).* got shape \(442,\)"),
        ({"noise_std": [1.0, 2.0]}, ValueError, r"of shape \(1,\).* got shape \(2,\)"),
        ({"noise_std": [[1.0]]}, ValueError, r"of shape \(1,\).* got shape \(1, 1\)"),
    ],
)
def test_errors(regressor, arguments, error, message):
    with pytest.raises(error, match=message):
        regressor.log_likelihood(X, Y, **{"noise_std": 1.0, **arguments})


def test_wrong_numbers_of_rows_and_outputs(regressor):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        regressor.log_likelihood(X, Y[:-1], noise_std=1.0)
    with pytest.raises(ValueError, match="y must have 1 column, got 2"):
        regressor.log_likelihood(X, np.c_[Y, Y], noise_std=1.0)


@pytest.mark.parametrize("labels", [2, 4])
def test_likelihood_of_another_number_of_labels(labels):
    inputs, y = MULTILABEL
    net = MLPNet((5,), max_iter=2, random_state=0).fit(inputs, y)
    with pytest.raises(ValueError, match=f"y must have 3 columns.* got {labels}"):
        net.log_likelihood(inputs, np.resize(y, (100, labels)))
    with pytest.raises(ValueError, match=r"y must have 3 columns.* got 1"):
        net.log_likelihood(inputs, y[:, 0])
    net = MLPNet((5,), max_iter=2, random_state=0).fit(inputs, y[:, 0])
    with pytest.raises(ValueError, match="y must have 1 column, of class labels, got 3"):
        net.log_likelihood(inputs, y)
    with pytest.raises(ValueError, match="`y` has classes not in"):
        net.log_likelihood(inputs, y[:, 0] + 1)


def test_the_trajectory_of_sgd_has_the_stationary_variance():
    """The mean of y, learnt by a bias alone with a constant rate, has a known distribution.

    An epoch visits all n rows in a random order: the bias is q b + r sum_i s_i y_i, q = (1 - r)^n,
    s_i = (1 - r)^(n - 1 - i), and of a random order that sum has the variance
    (sum s^2 - (sum s)^2 / n) n / (n - 1) var(y).
    """
    rate, n = 0.2, 30
    y = np.random.RandomState(0).normal(size=n)
    constant = {"solver": "sgd", "momentum": 0, "learning_rate_init": rate, "batch_size": 1}
    net = MLPNetRegressor("squared_error", (), **constant, alpha=0, max_iter=1500, random_state=0)
    history = WeightHistory()
    net.set_params(n_iter_no_change=np.inf).set_callbacks(history).fit(np.zeros((n, 1)), y)
    models = history.models(net, start=20)
    draws = np.array([model.predict([[0.0]])[0] for model in models])
    assert len(draws) == 1480
    s = (1 - rate) ** np.arange(n)
    step = rate**2 * ((s**2).sum() - s.sum() ** 2 / n) * n / (n - 1) * y.var()
    variance = step / (1 - (1 - rate) ** (2 * n))
    assert abs(draws.mean() - y.mean()) < 5 * np.sqrt(variance / len(draws))
    # A sample variance of so many draws has a standard error of 0.037 of itself.
    assert draws.var() == pytest.approx(variance, rel=0.15)
    # The model itself is as it was.
    assert net.predict([[0.0]])[0] == draws[-1]
