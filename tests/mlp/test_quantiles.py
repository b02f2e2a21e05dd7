"""Several quantiles at once."""

import numpy as np
import pytest
from sklearn.metrics import d2_pinball_score
from sklearn.model_selection import cross_val_score

from skdnn import MLPNetRegressor

QUANTILES = [0.1, 0.5, 0.9]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def data():
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, (2000, 1))
    return X, X[:, 0] + (1.5 + X[:, 0]) * rng.normal(size=2000)


@pytest.fixture(scope="module")
def net(data):
    net = MLPNetRegressor("pinball", (20,), quantile=QUANTILES, learning_rate_init=0.01)
    return net.set_params(random_state=0, max_iter=300, n_iter_no_change=30).fit(*data)


def test_so_many_lie_below(net, data):
    X, y = data
    below = (y[:, None] < net.predict(X)).mean(axis=0)
    np.testing.assert_allclose(below, QUANTILES, atol=0.03)


def test_they_follow_the_spread(net):
    """The noise is normal with the standard deviation 1.5 + x, of which 1.2816 is the quantile."""
    lower, median, upper = net.predict([[-0.8], [0.0], [0.8]]).T
    true = 1.2816 * np.array([0.7, 1.5, 2.3])
    np.testing.assert_allclose(upper - median, true, rtol=0.25)
    np.testing.assert_allclose(median - lower, true, rtol=0.25)


def test_score_is_the_mean_of_the_quantiles(net, data):
    X, y = data
    predicted = net.predict(X)
    weight = np.random.RandomState(1).uniform(size=len(y))
    expected = np.mean(
        [
            d2_pinball_score(y, predicted[:, j], alpha=q, sample_weight=weight)
            for j, q in enumerate(QUANTILES)
        ]
    )
    assert net.score(X, y, weight) == pytest.approx(expected, rel=1e-12)
    assert cross_val_score(net, X, y, cv=3).shape == (3,)


def test_of_several_outputs(data):
    X, y = data
    both = np.c_[y, 10 - y]
    net = MLPNetRegressor("pinball", (10,), quantile=[0.2, 0.8], learning_rate_init=0.02)
    net.set_params(random_state=0, early_stopping=True).fit(X, both)
    predicted = net.predict(X)
    assert predicted.shape == (2000, 2, 2)
    below = (both[:, :, None] < predicted).mean(axis=0)
    np.testing.assert_allclose(below, [[0.2, 0.8], [0.2, 0.8]], atol=0.05)
    assert net.score(X, both) > 0
    assert net.best_validation_score_ == max(net.validation_scores_)


def test_a_list_of_one_is_one_quantile(data):
    alone, listed = (
        MLPNetRegressor("pinball", (5,), quantile=q, max_iter=3, random_state=0).fit(*data)
        for q in (0.3, [0.3])
    )
    np.testing.assert_array_equal(alone.predict(data[0]), listed.predict(data[0]))
    assert alone.score(*data) == listed.score(*data)


@pytest.mark.parametrize("quantile", [[], [0.5, 1.0], [[0.1, 0.2]], [0.5, np.nan]])
def test_bad_lists(quantile, data):
    with pytest.raises(ValueError, match=r"quantile must be in \(0, 1\), or a list"):
        MLPNetRegressor("pinball", quantile=quantile).fit(*data)
