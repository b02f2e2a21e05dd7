"""Weights of another network to start from, and layers that are frozen or learn slowly."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.utils._param_validation import InvalidParameterError

from skdnn import MLPNet, MLPNetRegressor
from skdnn.layers import BatchNorm, Dense, Dropout, Maxout

X, Y = load_digits(return_X_y=True)
X = X / 16
LOW, HIGH = np.flatnonzero(Y < 5), np.flatnonzero(Y >= 5)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# A fit that leaves the weights where they start.
STILL = {"solver": "sgd", "learning_rate_init": 1e-300, "max_iter": 1, "random_state": 0}
# One plain step along the gradient of all rows.
STEP = {
    "solver": "sgd",
    "momentum": 0.0,
    "learning_rate_init": 0.1,
    "max_iter": 1,
    "batch_size": 300,
    "random_state": 0,
    "shuffle": False,
}


@pytest.fixture(scope="module")
def source():
    net = MLPNet((20, 10), random_state=1, max_iter=100, learning_rate_init=0.01)
    return net.fit(X[LOW], Y[LOW])


def _start(X, y, **params):
    return MLPNet(**{**STILL, **params}).fit(X, y)


def _assert_same_layers(model, other, layers):
    for i in layers:
        np.testing.assert_array_equal(model.coefs_[i], other.coefs_[i])
        np.testing.assert_array_equal(model.intercepts_[i], other.intercepts_[i])


def test_layers_of_equal_shape_are_taken_over_and_others_drawn(source):
    sizes = {"hidden_layer_sizes": (20, 12)}
    given = {"initial_weights": FrozenEstimator(source)}
    plain, kept = _start(X, Y, **sizes), _start(X, Y, **sizes, **given)
    _assert_same_layers(kept, source, [0])
    _assert_same_layers(kept, plain, [1, 2])
    # The output layer too where the classes are the same, but not where others are as many.
    whole = _start(X[LOW], Y[LOW], hidden_layer_sizes=(20, 10), **given)
    _assert_same_layers(whole, source, [0, 1, 2])
    other = _start(X[HIGH], Y[HIGH], hidden_layer_sizes=(20, 10), **given)
    _assert_same_layers(other, source, [0, 1])
    _assert_same_layers(other, _start(X[HIGH], Y[HIGH], hidden_layer_sizes=(20, 10)), [2])
    # All ten of them: not the output layer.
    ten = _start(X, Y, hidden_layer_sizes=(20, 10), **given)
    _assert_same_layers(ten, source, [0, 1])
    _assert_same_layers(ten, _start(X, Y, hidden_layer_sizes=(20, 10)), [2])
    # A network with a hidden layer less, and one with a layer more.
    _assert_same_layers(_start(X, Y, hidden_layer_sizes=(20,), **given), source, [0])
    _assert_same_layers(_start(X, Y, hidden_layer_sizes=(20, 10, 5), **given), source, [0, 1])


def test_the_source_is_not_changed(source):
    before = pickle.dumps((source.coefs_, source.intercepts_))
    net = MLPNet((20, 10), initial_weights=FrozenEstimator(source), max_iter=3).fit(X, Y)
    assert pickle.dumps((source.coefs_, source.intercepts_)) == before
    assert not any(np.shares_memory(net.coefs_[0], coef) for coef in source.coefs_)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_from_scikit_learn_and_from_arrays(dtype):
    theirs = MLPClassifier((20,), max_iter=5, random_state=3).fit(X, Y)
    for given in (
        FrozenEstimator(theirs),
        (theirs.coefs_, theirs.intercepts_),
        [[coef.tolist() for coef in theirs.coefs_], theirs.intercepts_],
    ):
        net = _start(X, Y, hidden_layer_sizes=(20,), initial_weights=given, dtype=dtype)
        assert net.coefs_[0].dtype == dtype
        pairs = zip(net.coefs_, theirs.coefs_, strict=True)
        for ours, other in [*pairs, *zip(net.intercepts_, theirs.intercepts_, strict=True)]:
            np.testing.assert_array_equal(ours, other.astype(dtype))
        tolerance = 1e-4 if dtype == "float32" else 1e-10
        np.testing.assert_allclose(
            net.predict_proba(X), theirs.predict_proba(X), rtol=tolerance, atol=tolerance
        )


def test_normalisations_are_taken_over_with_their_statistics():
    layers = [BatchNorm(), Dense(20, use_bias=False), BatchNorm(activation="tanh"), Maxout(10)]
    model = MLPNet(hidden_layers=layers, max_iter=5, random_state=1).fit(X[LOW], Y[LOW])
    other = [BatchNorm(), Dense(20, use_bias=False), BatchNorm(activation="tanh"), Maxout(9)]
    frozen = {"frozen_layers": [0, 1, 2]}
    net = _start(X, Y, hidden_layers=other, initial_weights=FrozenEstimator(model), **frozen)
    assert pickle.dumps(net.normalizations_) == pickle.dumps(model.normalizations_)
    _assert_same_layers(net, model, [0])
    assert net.coefs_[1].shape != model.coefs_[1].shape


def test_a_regressor_starts_from_a_classifier(source):
    given = FrozenEstimator(source)
    net = MLPNetRegressor("squared_error", (20, 10), initial_weights=given, **STILL)
    _assert_same_layers(net.fit(X, X[:, 20]), source, [0, 1])


def test_it_survives_clone_search_and_cross_validation(source):
    net = MLPNet((20, 10), initial_weights=FrozenEstimator(source), **STILL)
    expected = copy.deepcopy(net).fit(X[LOW], Y[LOW]).predict_proba(X)
    np.testing.assert_array_equal(clone(net).fit(X[LOW], Y[LOW]).predict_proba(X), expected)
    # In each fold the weights are those of the source, which knows these digits.
    scores = cross_val_score(net, X[LOW], Y[LOW], cv=3)
    assert scores.min() > 0.98
    grid = {"initial_weights": [None, FrozenEstimator(source)], "alpha": [1e-5, 1e-3]}
    search = GridSearchCV(net, grid, cv=3).fit(X[LOW], Y[LOW])
    assert search.best_params_["initial_weights"] is not None
    assert search.best_score_ > 0.98
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict_proba(X), search.predict_proba(X))


def test_warm_start_and_later_calls_of_partial_fit_go_on_from_their_own(source):
    net = MLPNet((20, 10), initial_weights=FrozenEstimator(source), warm_start=True, **STEP)
    net.fit(X[LOW][:300], Y[LOW][:300])
    once = [coef.copy() for coef in net.coefs_]
    net.fit(X[LOW][300:600], Y[LOW][300:600])
    steps = [np.abs(a - b).max() for a, b in zip(net.coefs_, once, strict=True)]
    assert all(step > 0 for step in steps)
    other = MLPNet((20, 10), initial_weights=FrozenEstimator(source), **STEP)
    for rows in (slice(0, 300), slice(300, 600)):
        other.partial_fit(X[LOW][rows], Y[LOW][rows], classes=np.arange(5))
    _assert_same_layers(other, net, [0, 1, 2])


def _steps(**params):
    """Return each layer's first step of gradient descent."""
    rows = slice(0, 300)
    net = MLPNet(**{**STEP, **params}).fit(X[rows], Y[rows])
    rates = {key: value for key, value in params.items() if key != "learning_rate_init"}
    start = _start(X[rows], Y[rows], **rates)
    return [
        np.vstack([net.coefs_[i] - start.coefs_[i], net.intercepts_[i] - start.intercepts_[i]])
        for i in range(len(net.coefs_))
    ]


def test_kept_layers_learn_more_slowly(source):
    options = {"hidden_layer_sizes": (20, 12), "initial_weights": FrozenEstimator(source)}
    plain = _steps(**options)
    slow = _steps(kept_learning_rate=0.1, **options)
    np.testing.assert_allclose(slow[0], 0.1 * plain[0], rtol=1e-8, atol=1e-16)
    for i in (1, 2):
        np.testing.assert_array_equal(slow[i], plain[i])
    frozen = _steps(kept_learning_rate=0, **options)
    np.testing.assert_array_equal(frozen[0], 0)
    for i in (1, 2):
        np.testing.assert_array_equal(frozen[i], plain[i])
    assert all(np.abs(step).max() > 0 for step in plain)
    # Where nothing is kept there is nothing that is slower.
    alone = {"hidden_layer_sizes": (20, 12)}
    for one, other in zip(_steps(**alone), _steps(kept_learning_rate=0.1, **alone), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("frozen", [[0], [1], [0, 1], [-1], [-2], (), np.array([1])])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_frozen_layers(solver, frozen):
    options = {"solver": solver, "max_iter": 3, "random_state": 0}
    if solver != "lbfgs":
        options["weight_decay"] = 0.1
    net = MLPNet((20, 10), frozen_layers=frozen, **options).fit(X, Y)
    start = _start(X, Y, hidden_layer_sizes=(20, 10))
    fixed = {int(i) % 2 for i in frozen}
    for i in range(3):
        same = np.array_equal(net.coefs_[i], start.coefs_[i])
        assert same == np.array_equal(net.intercepts_[i], start.intercepts_[i]) == (i in fixed)


def test_numbers_of_frozen_layers_count_every_layer_object():
    layers = [Dropout(0.1), Dense(8), Maxout(6, pieces=2), Dense(4)]
    options = {"hidden_layers": layers, "random_state": 0, "max_iter": 2}
    start = _start(X, Y, hidden_layers=layers)
    for frozen, fixed in (([1], 0), ([2], 1), ([-1], 2), ([-2], 1)):
        net = MLPNet(frozen_layers=frozen, **options).fit(X, Y)
        same = [np.array_equal(net.coefs_[i], start.coefs_[i]) for i in range(4)]
        assert same == [i == fixed for i in range(4)]


def test_a_frozen_layer_is_that_of_the_object_that_is_not_trained():
    options = {"random_state": 0, "max_iter": 3}
    by_number = MLPNet((20, 10), frozen_layers=[0], **options).fit(X, Y)
    layers = [Dense(20, trainable=False), Dense(10)]
    _assert_same_layers(by_number, MLPNet(hidden_layers=layers, **options).fit(X, Y), [0, 1, 2])


def test_output_alone_is_a_regression_on_the_last_hidden_layer(source):
    """With all hidden layers frozen the rest is a softmax regression on their outputs."""
    options = {"solver": "lbfgs", "alpha": 1.0, "random_state": 0, "max_iter": 2000, "tol": 1e-6}
    given = {"initial_weights": FrozenEstimator(source), "frozen_layers": [0, 1]}
    net = MLPNet((20, 10), **given, **options).fit(X[HIGH], Y[HIGH])
    hidden = X[HIGH]
    for W, b in zip(source.coefs_[:2], source.intercepts_[:2], strict=True):
        hidden = np.maximum(hidden @ W + b, 0)
    alone = MLPNet((), **options).fit(hidden, Y[HIGH])
    # They start from other weights, and stop where the loss no longer changes much.
    np.testing.assert_allclose(net.predict_proba(X[HIGH]), alone.predict_proba(hidden), atol=5e-3)


def test_a_pretrained_first_layer_helps_where_rows_are_few():
    """Whether a digit is odd, from 30 rows, with and without what a thousand others taught."""
    options = {"learning_rate_init": 0.01, "max_iter": 100}
    pretrained = MLPNet((64, 32), random_state=0, **options).fit(X[:1000], Y[:1000])
    given = {"initial_weights": FrozenEstimator(pretrained), "frozen_layers": [0]}
    odd, gains = Y % 2, []
    for seed in range(8):
        order = 1000 + np.random.RandomState(seed).permutation(797)
        few, rest = order[:30], order[30:]
        scratch, tuned = (
            MLPNet((64, 32), random_state=seed, **options, **more).fit(X[few], odd[few])
            for more in ({}, given)
        )
        np.testing.assert_array_equal(tuned.coefs_[0], pretrained.coefs_[0])
        gains.append(tuned.score(X[rest], odd[rest]) - scratch.score(X[rest], odd[rest]))
    assert np.mean(gains) > 0.02
    assert np.mean(np.array(gains) > 0) > 0.75


@pytest.mark.parametrize(
    "frozen, message",
    [
        ([2], r"numbers of the 2 hidden layers, counted from 0; got 2"),
        ([-3], r"numbers of the 2 hidden layers, counted from 0; got -3"),
        ([0.5], r"numbers of the 2 hidden layers, counted from 0; got 0.5"),
        (["first"], r"numbers of the 2 hidden layers"),
        (0, "'frozen_layers' parameter of MLPNet must be"),
    ],
)
def test_bad_numbers_of_frozen_layers(frozen, message):
    with pytest.raises(ValueError, match=message):
        MLPNet((20, 10), frozen_layers=frozen).fit(X, Y)


@pytest.mark.parametrize(
    "given, message",
    [
        (FrozenEstimator(MLPNet()), "must be a fitted network in a sklearn.frozen.FrozenEstimator"),
        (MLPNet(), "clone would unfit it otherwise"),
        (FrozenEstimator(LinearRegression()), "must be a fitted network"),
        (([np.ones((3, 4))], [np.ones(4)]), r"no layer of a shape that is needed: its weights are"),
        ([np.ones((64, 20)), np.ones((20, 10))], "64 arrays of weights, but 20 of biases"),
        ([np.ones((64, 20))], "pair of lists of arrays"),
        ([1, 2], "pair of lists of arrays"),
        ("weights", "'initial_weights' parameter of MLPNet must be"),
    ],
)
def test_bad_initial_weights(given, message):
    with pytest.raises((ValueError, InvalidParameterError), match=message):
        MLPNet((20,), initial_weights=given).fit(X, Y)


def test_a_fitted_network_that_is_not_frozen_is_forgotten_by_a_clone(source):
    net = MLPNet((20, 10), initial_weights=source, **STILL)
    with pytest.raises(ValueError, match="clone would unfit it otherwise"):
        clone(net).fit(X, Y)


def test_a_slow_rate_that_is_none():
    with pytest.raises(InvalidParameterError, match="kept_learning_rate"):
        MLPNet(kept_learning_rate=-0.1).fit(X, Y)
