"""Averages of the weights: their formulas, and what is shown, validated and gone on with."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.utils._param_validation import InvalidParameterError

from skdnn import MLPNet, MLPNetRegressor
from skdnn.averaging import EMA, Polyak
from skdnn.callbacks import EarlyStopping, ModelCheckpoint, WeightHistory
from skdnn.layers import BatchNorm, Dense

X, Y = load_digits(return_X_y=True)
X, Y = X[:300] / 16, Y[:300]
CLASSES = np.arange(10)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _vector(weights):
    arrays = [*weights["coefs_"], *weights["intercepts_"]]
    for normal in weights.get("normalizations_", []):
        arrays += list(normal.values())
    return np.concatenate([np.ravel(array) for array in arrays])


def _fitted(model):
    names = ("coefs_", "intercepts_", "normalizations_")
    return _vector({name: getattr(model, name) for name in names if hasattr(model, name)})


def _net(**params):
    """Return a network that makes one step an epoch."""
    defaults = {"max_iter": 12, "tol": 0, "batch_size": 300, "shuffle": False, "random_state": 0}
    return MLPNet((8,), **{**defaults, "learning_rate_init": 0.01, **params})


def _path(**params):
    """Return the weights after each step, without an average."""
    history = WeightHistory()
    _net(**params).set_callbacks(history).fit(X, Y)
    return np.array([_vector(weights) for weights in history.weights_])


NETWORKS = [
    {},
    {"solver": "sgd"},
    {"dropout": 0.3},
    {"hidden_layers": [BatchNorm(), Dense(5)]},
    {"dtype": "float32"},
]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("start", [0, 1, 5, 11])
def test_polyak_is_the_mean_of_the_weights_from_start_on(start, network):
    """Running statistics too are averaged."""
    steps = _path(**network)
    model = _net(average=Polyak(start=start), **network).fit(X, Y)
    tolerance = 1e-5 if "dtype" in network else 1e-12
    np.testing.assert_allclose(
        _fitted(model), steps[start:].mean(axis=0), rtol=tolerance, atol=tolerance
    )


def test_before_its_start_the_weights_are_the_last_ones():
    steps = _path()
    for start in (12, 50):
        model = _net(average=Polyak(start=start)).fit(X, Y)
        np.testing.assert_array_equal(_fitted(model), steps[-1])


def test_a_part_of_an_epoch():
    """Of four steps an epoch those after the sixth are averaged."""
    history = WeightHistory()
    _net(batch_size=75, max_iter=1).set_callbacks(history).fit(X, Y)
    parts = _net(batch_size=75)
    steps = []
    for k in range(12):
        rows = slice(75 * (k % 4), 75 * (k % 4) + 75)
        parts.partial_fit(X[rows], Y[rows], classes=CLASSES)
        steps.append(_fitted(parts))
    model = _net(batch_size=75, max_iter=3, average=Polyak(start=1.5)).fit(X, Y)
    np.testing.assert_allclose(_fitted(model), np.mean(steps[6:], axis=0), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("start", [0, 3])
@pytest.mark.parametrize("decay", [0.0, 0.5, 0.75])
def test_ema_is_its_formula(decay, start):
    steps = _path()
    mean = steps[start]
    for k, weights in enumerate(steps[start + 1 :], 2):
        share = max(1 / k, 1 - decay)
        mean = (1 - share) * mean + share * weights
    model = _net(average=EMA(decay, start=start)).fit(X, Y)
    np.testing.assert_allclose(_fitted(model), mean, rtol=1e-12, atol=1e-14)


def test_slow_ema_is_at_first_the_plain_mean():
    model = _net(average=EMA(0.999)).fit(X, Y)
    np.testing.assert_allclose(_fitted(model), _path().mean(axis=0), rtol=1e-12, atol=1e-14)


def test_training_goes_on_from_the_weights_that_are_not_averaged():
    steps = _path()
    averaged, seen = _net(average=Polyak(start=0)), []
    for k in range(12):
        averaged.partial_fit(X, Y, classes=CLASSES)
        seen.append(_fitted(averaged))
        if k == 5:
            # A copy goes on alike.
            averaged = pickle.loads(pickle.dumps(copy.deepcopy(averaged)))
    means = np.cumsum(steps, axis=0) / np.arange(1, 13)[:, None]
    np.testing.assert_allclose(seen, means, rtol=1e-11, atol=1e-13)


def test_the_loss_is_that_of_the_training():
    plain, averaged = _net().fit(X, Y), _net(average=EMA(0.9)).fit(X, Y)
    assert plain.loss_curve_ == averaged.loss_curve_


def test_validation_is_of_the_mean():
    rows = {"X_val": X[200:], "y_val": Y[200:]}
    history = WeightHistory()
    model = _net(batch_size=200, average=Polyak(start=2)).set_callbacks(history)
    model.fit(X[:200], Y[:200], **rows)
    assert len(history.weights_) == len(model.history_) == 12
    for weights, row in zip(history.weights_, model.history_, strict=True):
        hidden = np.maximum(0, X[200:] @ weights["coefs_"][0] + weights["intercepts_"][0])
        scores = hidden @ weights["coefs_"][1] + weights["intercepts_"][1]
        loss = (np.logaddexp.reduce(scores, axis=1) - scores[np.arange(100), Y[200:]]).mean()
        assert row["validation_loss"] == pytest.approx(loss, rel=1e-10)
        accuracy = (scores.argmax(axis=1) == Y[200:]).mean()
        assert row["validation_score"] == pytest.approx(accuracy, rel=1e-12)
    np.testing.assert_array_equal(_fitted(model), _vector(history.weights_[-1]))


def test_early_stopping_restores_the_best_mean():
    options = {"average": EMA(0.8), "learning_rate_init": 0.2, "batch_size": 20, "max_iter": 40}
    rows = {"X_val": X[200:], "y_val": Y[200:]}
    model = _net(early_stopping=True, **options).fit(X[:200], Y[:200], **rows)
    assert model.score(X[200:], Y[200:]) == pytest.approx(model.best_validation_score_, abs=1e-12)
    stop = EarlyStopping(restore_best_weights=True, patience=5)
    stopped = _net(**options).set_callbacks(stop).fit(X[:200], Y[:200], **rows)
    proba = stopped.predict_proba(X[200:])[np.arange(100), Y[200:]]
    best = min(row["validation_loss"] for row in stopped.history_)
    assert -np.log(proba).mean() == pytest.approx(best, rel=1e-10)


def test_checkpoints_are_of_the_mean(tmp_path):
    path = tmp_path / "model"
    model = _net(average=Polyak()).set_callbacks(ModelCheckpoint(path)).fit(X, Y)
    np.testing.assert_array_equal(_fitted(joblib.load(path)), _fitted(model))


def test_warm_start_goes_on_from_the_mean():
    model = _net(average=Polyak(start=0), warm_start=True, solver="sgd", momentum=0)
    start = copy.deepcopy(model.fit(X, Y))
    once = start.set_params(average=None, max_iter=1).fit(X, Y)
    expected = _fitted(once)
    np.testing.assert_array_equal(_fitted(model.set_params(max_iter=1).fit(X, Y)), expected)


def test_polyak_is_nearer_to_the_optimum_than_the_last_step():
    """Least squares by noisy steps at a constant rate, where the optimum is known."""
    rng = np.random.RandomState(0)
    inputs = rng.normal(size=(500, 5))
    y = inputs @ rng.normal(size=5) + 3 * rng.normal(size=500)
    optimum = np.linalg.lstsq(np.column_stack([inputs, np.ones(500)]), y)[0]
    distances = {}
    for average in (None, Polyak(start=10), EMA(0.99)):
        errors = []
        for seed in range(10):
            model = MLPNetRegressor(
                "squared_error",
                (),
                solver="sgd",
                momentum=0.0,
                learning_rate_init=0.03,
                batch_size=5,
                max_iter=60,
                tol=0,
                alpha=0,
                random_state=seed,
                average=average,
            ).fit(inputs, y)
            errors.append(np.linalg.norm(_fitted(model) - optimum))
        distances[repr(average)] = np.mean(errors)
    last, polyak, ema = distances.values()
    assert polyak < last / 8 and ema < last / 3


@pytest.mark.parametrize(
    "average, message",
    [
        (Polyak(start=-1), "'start' parameter of Polyak must be"),
        (EMA(decay=1.0), "'decay' parameter of EMA must be"),
        (EMA(decay="no"), "'decay' parameter of EMA must be"),
        ("polyak", "'average' parameter of MLPNet must be"),
    ],
)
def test_bad_averages(average, message):
    with pytest.raises(InvalidParameterError, match=message):
        _net(average=average).fit(X, Y)


def test_averages_are_values():
    assert repr(_net(average=EMA(0.5)).average) == "EMA(decay=0.5)"
    assert clone(_net(average=Polyak(3))).average == Polyak(3) != Polyak()
    model = _net(average=EMA()).set_params(average__decay=0.5)
    np.testing.assert_array_equal(
        _fitted(model.fit(X, Y)), _fitted(_net(average=EMA(0.5)).fit(X, Y))
    )
