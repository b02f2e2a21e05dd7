"""Penalties, decay, the largest norms and clipped gradients, in an estimator."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from skdnn import MLPNet, MLPNetRegressor, engine
from skdnn.averaging import EMA
from skdnn.layers import Dense, Dropout, Maxout
from skdnn.regularizers import L1, L2

X, Y = load_digits(return_X_y=True)
X, Y = X[:400] / 16, Y[:400]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _weights(model):
    return np.concatenate([np.ravel(a) for a in [*model.coefs_, *model.intercepts_]])


@pytest.mark.parametrize("solver", engine.OPTIMIZERS)
def test_default_decay(solver):
    model = MLPNet((10,), solver=solver, max_iter=3, random_state=0).fit(X, Y)
    same = clone(model).set_params(weight_decay=0.01 if solver == "adamw" else 0.0).fit(X, Y)
    other = clone(model).set_params(weight_decay=0.3).fit(X, Y)
    np.testing.assert_array_equal(_weights(model), _weights(same))
    assert np.linalg.norm(other.coefs_[0]) < np.linalg.norm(model.coefs_[0])


@pytest.mark.parametrize("solver", engine.OPTIMIZERS)
def test_one_step_of_decay(solver):
    options = {"solver": solver, "max_iter": 1, "batch_size": 400, "learning_rate_init": 0.02}
    plain = MLPNet((10,), weight_decay=0.0, random_state=0, **options).fit(X, Y)
    decayed = MLPNet((10,), weight_decay=5.0, random_state=0, **options).fit(X, Y)
    start = clone(plain).set_params(learning_rate_init=1e-300).fit(X, Y)
    for ours, other, before in zip(decayed.coefs_, plain.coefs_, start.coefs_, strict=True):
        np.testing.assert_allclose(ours, other - 0.1 * before, rtol=1e-10, atol=1e-15)
    for ours, other in zip(decayed.intercepts_, plain.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, other)


def test_clipped_steps():
    options = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 1.0, "batch_size": 400}
    net = MLPNet((10,), max_iter=1, random_state=0, **options)
    start = _weights(clone(net).set_params(learning_rate_init=1e-300).fit(X, Y))
    step = _weights(net.fit(X, Y)) - start
    norm = np.linalg.norm(step)
    clipped = _weights(clone(net).set_params(clip_norm=0.1 * norm).fit(X, Y)) - start
    np.testing.assert_allclose(clipped, 0.1 * step, rtol=1e-8, atol=1e-14)
    wide = clone(net).set_params(clip_norm=2 * norm).fit(X, Y)
    np.testing.assert_array_equal(_weights(wide), _weights(net))


def test_clipping_keeps_a_large_rate_from_diverging():
    """A few huge targets in a batch throw the weights far away."""
    rng = np.random.RandomState(0)
    inputs = rng.normal(size=(500, 3))
    y = inputs @ [1.0, -1.0, 0.5]
    outliers = rng.choice(500, 5, replace=False)
    y[outliers] += 1e4
    options = {"solver": "sgd", "learning_rate_init": 0.01, "batch_size": 10, "max_iter": 20}
    kept = np.setdiff1d(np.arange(500), outliers)
    scores = []
    for clip in (None, 1.0):
        model = MLPNetRegressor(hidden_layer_sizes=(), clip_norm=clip, random_state=0, **options)
        scores.append(model.fit(inputs, y).score(inputs[kept], y[kept]))
    assert scores[0] < 0 and scores[1] > 0.9


@pytest.mark.parametrize("solver", engine.OPTIMIZERS)
@pytest.mark.parametrize(
    "params",
    [{}, {"early_stopping": True}, {"average": EMA(0.9)}, {"dtype": "float32"}],
)
def test_no_norm_is_larger_than_the_largest(solver, params):
    layers = [Dense(20, max_norm=0.7), Dropout(0.2), Maxout(10, max_norm=0.5), Dense(10)]
    options = {"solver": solver, "learning_rate_init": 0.03, "max_iter": 10, "random_state": 0}
    model = MLPNet(hidden_layers=layers, **options, **params).fit(X, Y)
    norms = [np.linalg.norm(coef, axis=0) for coef in model.coefs_]
    rounding = 1e-6 if "dtype" in params else 1e-13
    for largest, found in zip((0.7, 0.5), norms, strict=False):
        # Some reach it, so that it matters; a mean of such weights is shorter.
        assert found.max() <= largest * (1 + rounding)
        assert found.max() > 0.95 * largest
    assert norms[2].max() > 0.7
    if not params:
        model.partial_fit(X[:50], Y[:50])
        assert np.linalg.norm(model.coefs_[0], axis=0).max() <= 0.7 * (1 + rounding)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_l1_leaves_out_features_that_say_nothing(solver):
    rng = np.random.RandomState(0)
    inputs = rng.normal(size=(500, 12))
    y = np.sin(inputs[:, 3]) + inputs[:, 7] + 0.1 * rng.normal(size=500)
    rate = {"adam": 0.01, "sgd": 0.02}[solver]
    options = {"solver": solver, "learning_rate_init": rate, "max_iter": 300, "tol": 0}
    layers = [Dense(20, "tanh", kernel_regularizer=L1(0.01))]
    model = MLPNetRegressor(hidden_layers=layers, alpha=0, random_state=0, **options)
    model.fit(inputs[:300], y[:300])
    says = np.isin(np.arange(12), [3, 7])
    # Exact zeros; the other weights that are left are small.
    assert (model.coefs_[0][~says] == 0).mean() > 0.85
    norms = np.abs(model.coefs_[0]).sum(axis=1)
    assert norms[says].min() > 3 * norms[~says].max()
    plain = MLPNetRegressor(hidden_layers=[Dense(20, "tanh")], alpha=0, random_state=0, **options)
    plain.fit(inputs[:300], y[:300])
    assert model.score(inputs[300:], y[300:]) > plain.score(inputs[300:], y[300:])


@pytest.mark.parametrize("solver", engine.OPTIMIZERS)
def test_an_l2_object_is_alpha_over_twice_the_rows(solver):
    options = {"solver": solver, "max_iter": 5, "batch_size": 400, "random_state": 0}
    alpha = MLPNet((10,), alpha=4.0, **options).fit(X, Y)
    layers = [Dense(10, kernel_regularizer=L2(4.0 / 800))]
    objects = MLPNet(hidden_layers=layers, alpha=4.0, **options).fit(X, Y)
    np.testing.assert_allclose(_weights(objects), _weights(alpha), rtol=1e-9, atol=1e-12)
    # It does not depend on the batch; alpha does, as in scikit-learn.
    assert objects.loss_ == pytest.approx(alpha.loss_, rel=1e-12)
    # A layer with an object, even one of nothing, has no alpha.
    layers = [Dense(10, kernel_regularizer=L2(0.0))]
    free = MLPNet(hidden_layers=layers, alpha=4.0, **options).fit(X, Y)
    none = MLPNet((10,), alpha=0.0, **options).fit(X, Y)
    assert free.loss_ < alpha.loss_
    # Only the output's penalty is left.
    assert not np.array_equal(free.coefs_[1], none.coefs_[1])
