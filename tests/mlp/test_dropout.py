"""Dropout: masks, statistics, and what a user relies on."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from skdnn import MLPNet, MLPNetRegressor
from skdnn.layers import Dense, Dropout
from skdnn.network import Network

X, Y = load_digits(return_X_y=True)
X = X / 16
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _sample(network, X, params, seed):
    return network.scores(X, params, table="sampling", seed=seed)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_so_many_outputs_are_dropped_and_the_others_scaled(rate):
    network = Network(1, [Dense(200), Dropout(rate), Dense(1)], "squared_error")
    params = np.zeros(network.n_params)
    (_, out), (hidden_bias, _) = network.views(params).values()
    hidden_bias[:] = 1.0
    out[:] = np.eye(200)[:, :1]
    # The output is the first hidden unit: 1 / (1 - rate) or 0.
    draws = np.concatenate([_sample(network, np.zeros((500, 1)), params, s) for s in range(1, 21)])
    kept = draws[:, 0] != 0
    np.testing.assert_allclose(draws[kept], 1 / (1 - rate), rtol=1e-12)
    # 10,000 draws: five standard deviations of a binomial share.
    assert abs(kept.mean() - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / 10_000)
    # Neighbouring rows are dropped independently.
    pairs = kept.reshape(20, 500)
    both = (pairs[:, 1:] & pairs[:, :-1]).mean()
    assert abs(both - (1 - rate) ** 2) < 0.03


def test_units_of_a_row_and_layers_are_dropped_independently():
    network = Network(1, [Dense(64), Dropout(0.5), Dense(64)], "squared_error")
    params = np.zeros(network.n_params)
    (_, out), (hidden_bias, _) = network.views(params).values()
    hidden_bias[:], out[:] = 1.0, np.eye(64)
    masks = _sample(network, np.zeros((4000, 1)), params, 3) != 0
    correlation = np.corrcoef(masks.T)
    np.fill_diagonal(correlation, 0)
    # Of 2,016 correlations of 4,000 coins the largest is below 5 / sqrt(4000), but for 1 in 1,000.
    assert np.abs(correlation).max() < 0.08


def test_no_rate_is_no_dropout():
    plain = MLPNet((20,), max_iter=3, random_state=0).fit(X, Y)
    off = MLPNet((20,), max_iter=3, random_state=0, dropout=[0.0]).fit(X, Y)
    np.testing.assert_array_equal(plain.coefs_[0], off.coefs_[0])


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_seed_makes_the_masks(shuffle):
    model = MLPNet((20,), max_iter=3, dropout=0.5, shuffle=shuffle, random_state=0)
    first, again = clone(model).fit(X, Y), clone(model).fit(X, Y)
    other = clone(model).set_params(random_state=1).fit(X, Y)
    np.testing.assert_array_equal(first.coefs_[0], again.coefs_[0])
    assert not np.array_equal(first.coefs_[0], other.coefs_[0])
    np.testing.assert_array_equal(first.predict_proba(X), first.predict_proba(X))


def test_masks_change_from_step_to_step():
    """With constant inputs and no learning the loss varies by the masks alone."""
    constant = {"solver": "sgd", "learning_rate_init": 1e-300, "shuffle": False, "batch_size": 10}
    model = MLPNetRegressor("squared_error", (30,), **constant, dropout=0.5, max_iter=5, tol=0)
    model.set_params(random_state=0).fit(np.ones((10, 1)), np.zeros(10))
    assert len(set(model.loss_curve_)) == 5


def test_prediction_is_that_of_the_whole_network():
    model = MLPNet((20,), "tanh", max_iter=2, dropout=0.3, random_state=0).fit(X, Y)
    hidden = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    expected = hidden @ model.coefs_[1] + model.intercepts_[1]
    np.testing.assert_allclose(model.decision_function(X), expected, rtol=1e-10)


def test_dropout_regularises_a_net_that_overfits():
    rows = slice(0, 150)
    params = {"max_iter": 300, "random_state": 0, "alpha": 0, "tol": 0}
    rates = {}
    for rate in (0.0, 0.5):
        model = MLPNet((200, 200), dropout=rate, **params).fit(X[rows], Y[rows])
        proba = model.predict_proba(X[500:])
        rates[rate] = -np.log(proba[np.arange(len(proba)), Y[500:]]).mean()
    assert rates[0.5] < 0.95 * rates[0.0]


@pytest.mark.parametrize(
    "params, message",
    [
        ({"dropout": [0.1, 0.2]}, r"one for each of the 1 hidden layers; got \[0.1, 0.2\]"),
        ({"dropout": [1.0]}, r"must be a number in \[0, 1\)"),
        ({"dropout": 0.1, "solver": "lbfgs"}, "solver='lbfgs' needs a loss that stays the same"),
    ],
)
def test_errors(params, message):
    with pytest.raises(ValueError, match=message):
        MLPNet((5,), **params).fit(X, Y)
