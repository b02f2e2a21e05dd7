"""Quantiles, one or several at once."""

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.metrics import d2_pinball_score, r2_score
from sklearn.model_selection import KFold, cross_val_score

from skdnn import MLPNetRegressor
from skdnn.averaging import Polyak
from skdnn.layers import BatchNorm, Dense

QUANTILES = [0.1, 0.5, 0.9]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _noisy(rng, n):
    """Return rows whose target is normal with a mean and deviation that depend on the first."""
    inputs = rng.uniform(-1, 1, size=(n, 2))
    return inputs, inputs[:, 0] + (0.5 + 0.4 * inputs[:, 0]) * rng.normal(size=n)


DATA, NEW = _noisy(np.random.RandomState(0), 6000), _noisy(np.random.RandomState(1), 4000)
FEW = DATA[0][:500], DATA[1][:500]


def _mean_pinball(y, predicted, quantiles):
    below = y[:, None] - predicted
    return np.maximum(quantiles * below, (np.array(quantiles) - 1) * below).mean()


@pytest.fixture(scope="module")
def net():
    # Noisy gradients: the mean of the steps is nearer to the minimum than the last one.
    options = {"average": Polyak(start=10), "learning_rate_init": 0.01, "max_iter": 40, "tol": 0}
    net = MLPNetRegressor("pinball", (30,), "tanh", quantile=QUANTILES, random_state=0, **options)
    return net.fit(*DATA)


def test_several_quantiles_are_those_of_the_distribution(net):
    X, y = NEW
    predicted = net.predict(X)
    assert predicted.shape == (4000, 3)
    expected = X[:, :1] + (0.5 + 0.4 * X[:, :1]) * stats.norm.ppf(QUANTILES)
    # The spread runs from 0.1 to 0.9 over the rows.
    assert np.abs(predicted - expected).mean() < 0.06
    np.testing.assert_allclose((y[:, None] < predicted).mean(axis=0), QUANTILES, atol=0.04)


def test_of_several_targets():
    """Target by target, and for each its quantiles in the order given."""
    rng = np.random.RandomState(0)
    inputs = rng.normal(size=(3000, 1))
    y = rng.normal(size=(3000, 2)) * [1.0, 5.0] + [10.0, 20.0]
    model = MLPNetRegressor(
        "pinball",
        quantile=[0.9, 0.25],
        random_state=0,
        hidden_layers=[BatchNorm(), Dense(5, "tanh")],
        learning_rate_init=0.02,
        max_iter=100,
        tol=0,
        average=Polyak(start=50),
    ).fit(inputs, y)
    predicted = model.predict(inputs)
    assert predicted.shape == (3000, 2, 2)
    expected = np.array([10.0, 20.0])[:, None] + np.outer([1.0, 5.0], stats.norm.ppf([0.9, 0.25]))
    # In units of the deviations; the sample's own quantiles are within 0.05 of these.
    np.testing.assert_allclose((predicted.mean(axis=0) - expected) / [[1], [5]], 0, atol=0.1)
    assert model.coefs_[-1].shape == (5, 4)
    assert model.n_outputs_ == 4
    scores = [
        d2_pinball_score(y, predicted[:, :, j], alpha=q) for j, q in enumerate(model.quantile)
    ]
    assert model.score(inputs, y) == pytest.approx(np.mean(scores), rel=1e-9)
    with pytest.raises(ValueError, match="y must have 2 columns, one for each target, got 1"):
        model.score(inputs, y[:, 0])


def test_of_a_linear_network_are_those_fitted_alone():
    """Without hidden layers the outputs share nothing."""
    inputs, y = DATA[0][:200], DATA[1][:200]
    W, b = np.random.RandomState(0).normal(size=(2, 3)), np.zeros(3)
    net = MLPNetRegressor("pinball", (), max_iter=50, n_iter_no_change=np.inf, random_state=0)
    together = clone(net).set_params(quantile=QUANTILES, initial_weights=([W], [b]))
    predicted = together.fit(inputs, y).predict(inputs)
    for j, quantile in enumerate(QUANTILES):
        alone = clone(net).set_params(quantile=quantile, initial_weights=([W[:, [j]]], [b[[j]]]))
        found = alone.fit(inputs, y).predict(inputs)
        np.testing.assert_allclose(predicted[:, j], found, rtol=1e-9, atol=1e-10)


def test_a_list_of_one_is_one_quantile():
    alone, listed = (
        MLPNetRegressor("pinball", (5,), quantile=q, max_iter=3, random_state=0).fit(*FEW)
        for q in (0.3, [0.3])
    )
    np.testing.assert_array_equal(alone.predict(FEW[0]), listed.predict(FEW[0]))
    assert listed.predict(FEW[0]).shape == (500,)
    assert alone.score(*FEW) == listed.score(*FEW)


# The score


def test_score_is_the_mean_of_the_quantiles(net):
    X, y = NEW
    weight = np.random.RandomState(1).uniform(size=len(y))
    for weights in (None, weight):
        scores = [
            d2_pinball_score(y, predicted, alpha=q, sample_weight=weights)
            for q, predicted in zip(QUANTILES, net.predict(X).T, strict=True)
        ]
        assert net.score(X, y, weights) == pytest.approx(np.mean(scores), rel=1e-9)


def test_score_of_one_quantile():
    """R^2 would prefer the mean to the quantile that was asked for."""
    X, y = DATA
    net = MLPNetRegressor("pinball", (10,), quantile=0.95, learning_rate_init=0.01, random_state=0)
    net.set_params(max_iter=30).fit(X, y, X_val=NEW[0], y_val=NEW[1])
    predicted = net.predict(NEW[0])
    expected = d2_pinball_score(NEW[1], predicted, alpha=0.95)
    assert net.score(*NEW) == pytest.approx(expected, rel=1e-12)
    assert net.validation_scores_[-1] == pytest.approx(expected, rel=1e-12)
    assert r2_score(NEW[1], predicted) < 0.25 < expected


def test_cross_validation_scores_rows_that_were_not_fitted():
    X, y = DATA[0][:1500], DATA[1][:1500]
    net = MLPNetRegressor("pinball", (10,), quantile=QUANTILES, learning_rate_init=0.02)
    net.set_params(max_iter=40, random_state=0)
    found = cross_val_score(net, X, y, cv=KFold(3))
    expected = []
    for train, test in KFold(3).split(X):
        predicted = clone(net).fit(X[train], y[train]).predict(X[test])
        columns = enumerate(QUANTILES)
        scores = [d2_pinball_score(y[test], predicted[:, j], alpha=q) for j, q in columns]
        expected.append(np.mean(scores))
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    # The true quantiles are so much better than constant ones.
    assert (np.abs(found - 0.3) < 0.1).all()


@pytest.mark.parametrize("quantile", [0.9, QUANTILES])
def test_one_row_to_validate_on(quantile):
    """No constant is better than a perfect one: 0, or 1 for a perfect prediction."""
    net = MLPNetRegressor("pinball", (), quantile=quantile, max_iter=2, random_state=0)
    net.fit(*FEW, X_val=[[0.0, 0.0]], y_val=[100.0])
    assert net.validation_scores_ == [0.0, 0.0]


@pytest.mark.parametrize("scoring", [None, "loss"])
def test_early_stopping(scoring):
    val = {"X_val": NEW[0], "y_val": NEW[1]}
    model = MLPNetRegressor("pinball", (20,), quantile=QUANTILES, early_stopping=True)
    model.set_params(scoring=scoring, learning_rate_init=0.05, random_state=0).fit(*FEW, **val)
    scores = model.validation_scores_
    assert model.converged_ and np.argmax(scores) < len(scores) - 1
    score = model.score(*NEW)
    if scoring == "loss":
        score = -_mean_pinball(NEW[1], model.predict(NEW[0]), QUANTILES)
    assert model.best_validation_score_ == max(scores) == pytest.approx(score, rel=1e-9)


# Uncertainty


def test_draws_are_shaped_like_predictions():
    X, y = FEW
    for targets in (y, np.c_[y, 10 - y]):
        net = MLPNetRegressor("pinball", (20,), dropout=0.2, max_iter=3, random_state=0)
        net.set_params(quantile=QUANTILES).fit(X, targets)
        draws = net.sample_y(X, 7)
        assert draws.shape == (*net.predict(X).shape, 7)
        mean, _ = net.predict(X, return_std=True, n_samples=7)
        np.testing.assert_allclose(draws.mean(axis=-1), mean, rtol=1e-9)


def test_quantiles_have_no_likelihood():
    net = MLPNetRegressor("pinball", (5,), quantile=[0.2, 0.8], max_iter=1).fit(*FEW)
    with pytest.raises(ValueError, match="not for several quantiles, got 2 of each target"):
        net.log_likelihood(*FEW, noise_std=1.0)


# Errors


@pytest.mark.parametrize("quantile", [[], [0.0], [0.5, 1.0], [[0.1, 0.2]], [0.5, np.nan]])
def test_bad_lists(quantile):
    with pytest.raises(ValueError, match=r"quantile must be in \(0, 1\), or a list"):
        MLPNetRegressor("pinball", quantile=quantile).fit(*FEW)


@pytest.mark.parametrize("quantile", [[0.1, 0.9], [0.5], np.array([0.1])])
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_lists_are_for_the_pinball_loss(loss, quantile):
    said = rf"quantile=.* is a list, which is for loss='pinball' only, got loss='{loss}'"
    with pytest.raises(ValueError, match=said):
        MLPNetRegressor(loss, quantile=quantile).fit(*FEW)
