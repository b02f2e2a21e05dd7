"""Batch normalisation in an estimator: everything that keeps, restores or goes on with it."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_digits

from skdnn import MLPNet, MLPNetRegressor
from skdnn.callbacks import EarlyStopping, ModelCheckpoint, WeightHistory
from skdnn.layers import BatchNorm, Dense

X, Y = load_digits(return_X_y=True)
ORDER = np.random.RandomState(0).permutation(len(X))
X, Y = X[ORDER] / 16, Y[ORDER]
TRAIN, TEST = slice(0, 400), slice(900, 1300)
VAL = {"X_val": X[400:600], "y_val": Y[400:600]}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _net(**params):
    return MLPNet((20,), **{"batch_norm": True, "random_state": 0, "max_iter": 3, **params})


def _statistics(model):
    (normal,) = model.normalizations_
    return np.concatenate([normal["mean"], normal["variance"], normal["n_batches"]])


def test_running_statistics_are_those_of_the_training_rows():
    """With one batch an epoch and no learning they are those of the layer's inputs."""
    model = _net(solver="sgd", learning_rate_init=1e-300, batch_size=400).fit(X[TRAIN], Y[TRAIN])
    scores = X[TRAIN] @ model.coefs_[0]
    (normal,) = model.normalizations_
    np.testing.assert_allclose(normal["mean"], scores.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(normal["variance"], scores.var(axis=0), rtol=1e-10)
    assert normal["n_batches"] == [3]


def test_rows_of_weight_zero_and_heavy_rows_count_as_they_should():
    """In one batch a whole-numbered weight is so many rows, and none of weight zero is there."""
    counts = np.random.RandomState(0).randint(0, 3, 400)
    weighted = _net(batch_size=400, solver="sgd")
    with pytest.warns(UserWarning, match="clipped"):
        weighted.fit(X[TRAIN], Y[TRAIN], sample_weight=counts)
    rows = np.repeat(np.arange(400), counts)
    repeated = _net(batch_size=len(rows), solver="sgd").fit(X[rows], Y[rows])
    np.testing.assert_allclose(
        weighted.decision_function(X), repeated.decision_function(X), rtol=1e-8, atol=1e-10
    )


QUICK = {"learning_rate_init": 0.01, "max_iter": 20, "random_state": 0, "batch_size": 50}


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_learns_from_badly_scaled_features(solver):
    bad = X * 10.0 ** np.linspace(-1, 1, 64) + 30
    scores = {}
    for name, layers in {"plain": [Dense(40)], "normal": [BatchNorm(), Dense(40)]}.items():
        model = MLPNet(hidden_layers=layers, solver=solver, **QUICK).fit(bad[TRAIN], Y[TRAIN])
        scores[name] = model.score(bad[TEST], Y[TEST])
    assert scores["normal"] > 0.9 > scores["plain"] + 0.1


def test_learns_as_well_on_good_features():
    plain, normal = (
        _net(batch_norm=flag, **QUICK).fit(X[TRAIN], Y[TRAIN]).score(X[TEST], Y[TEST])
        for flag in (False, True)
    )
    assert normal > 0.9 and normal > plain - 0.02


def test_regression_with_targets_of_any_size():
    rng = np.random.RandomState(0)
    inputs = rng.normal(size=(500, 5)) * [1, 10, 0.1, 1, 1] + [0, 50, 0, 0, 0]
    y = np.sin(inputs[:, 0]) + (inputs[:, 1] - 50) / 10
    model = MLPNetRegressor(
        hidden_layers=[BatchNorm(), Dense(50)], random_state=0, learning_rate_init=0.01
    )
    assert model.fit(inputs[:300], y[:300]).score(inputs[300:], y[300:]) > 0.95


def test_warm_start_goes_on_with_the_statistics():
    """Two fits of plain SGD are one twice as long: nothing of the state is lost."""
    options = {"solver": "sgd", "momentum": 0, "shuffle": False}
    long = _net(max_iter=4, **options).fit(X[TRAIN], Y[TRAIN])
    twice = _net(max_iter=2, warm_start=True, **options)
    for _ in range(2):
        twice.fit(X[TRAIN], Y[TRAIN])
    np.testing.assert_array_equal(_statistics(twice), _statistics(long))
    assert _statistics(long)[-1] == 8
    np.testing.assert_array_equal(twice.coefs_[0], long.coefs_[0])


def test_a_new_fit_begins_anew():
    model = _net()
    once = _statistics(model.fit(X[TRAIN], Y[TRAIN]))
    np.testing.assert_array_equal(_statistics(model.fit(X[TRAIN], Y[TRAIN])), once)
    assert not hasattr(model.set_params(batch_norm=False).fit(X, Y), "normalizations_")


def test_calls_of_partial_fit_are_batches():
    whole = _net(max_iter=1, shuffle=False, solver="sgd").fit(X[TRAIN], Y[TRAIN])
    parts = _net(shuffle=False, solver="sgd")
    for rows in (slice(0, 200), slice(200, 400)):
        parts.partial_fit(X[rows], Y[rows], classes=np.arange(10))
    np.testing.assert_array_equal(_statistics(parts), _statistics(whole))
    np.testing.assert_array_equal(parts.coefs_[0], whole.coefs_[0])


def test_calls_of_partial_fit_with_one_row():
    scores = {}
    for batch_norm in (False, True):
        model = _net(learning_rate_init=0.01, batch_norm=batch_norm)
        for epoch in range(30):
            # A single row is the first of all calls, too.
            model.partial_fit(X[epoch : epoch + 1], Y[epoch : epoch + 1], classes=np.arange(10))
            assert np.isfinite(model.predict_proba(X)).all()
            model.partial_fit(X[TRAIN], Y[TRAIN])
        scores[batch_norm] = model.score(X[TEST], Y[TEST])
    # A single row makes a step as large as all of them: that costs something, with and without.
    assert scores[True] > max(0.75, scores[False] - 0.02)


def test_rows_one_by_one_are_learned_from():
    model = _net(learning_rate_init=0.003, batch_size=1, max_iter=5)
    assert model.fit(X[TRAIN], Y[TRAIN]).score(X[TEST], Y[TEST]) > 0.8


def test_early_stopping_restores_the_best_statistics():
    """The validation score of the restored model is the best: the statistics belong to it."""
    # So large a rate that the score goes up and down.
    model = _net(early_stopping=True, learning_rate_init=0.1, max_iter=30, n_iter_no_change=8)
    model.fit(X[TRAIN], Y[TRAIN], **VAL)
    scores = model.validation_scores_
    assert scores[-1] < max(scores) == model.best_validation_score_
    assert model.score(VAL["X_val"], VAL["y_val"]) == pytest.approx(max(scores), abs=1e-12)
    latest = len(scores) - np.argmax(scores[::-1])
    # Two batches an epoch.
    assert _statistics(model)[-1] == 2 * latest


def test_callback_restores_the_best_statistics():
    stop, history = EarlyStopping(restore_best_weights=True, patience=4), WeightHistory()
    model = _net(learning_rate_init=0.1, max_iter=30).set_callbacks(stop, history)
    model.fit(X[TRAIN], Y[TRAIN], **VAL)
    losses = [row["validation_loss"] for row in model.history_]
    best = int(np.argmin(losses))
    assert best < len(losses) - 1
    (kept,) = history.weights_[best]["normalizations_"]
    (normal,) = model.normalizations_
    for name, array in kept.items():
        np.testing.assert_array_equal(normal[name], array)
    proba = model.predict_proba(VAL["X_val"])[np.arange(200), VAL["y_val"]]
    assert -np.log(proba).mean() == pytest.approx(losses[best], rel=1e-10)


def test_pickles_and_checkpoints_predict_and_go_on_alike(tmp_path):
    path = tmp_path / "model.joblib"
    model = _net(warm_start=True).set_callbacks(ModelCheckpoint(path)).fit(X[TRAIN], Y[TRAIN])
    expected = model.predict_proba(X)
    copies = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model), joblib.load(path)]
    for twin in copies:
        np.testing.assert_array_equal(twin.predict_proba(X), expected)
        np.testing.assert_array_equal(_statistics(twin), _statistics(model))
    model.fit(X[TRAIN], Y[TRAIN])
    for twin in copies:
        twin.fit(X[TRAIN], Y[TRAIN])
        np.testing.assert_array_equal(_statistics(twin), _statistics(model))
        np.testing.assert_array_equal(twin.predict_proba(X), model.predict_proba(X))


def test_frozen_statistics_stay_in_training():
    trained = MLPNet(hidden_layers=[Dense(20, "tanh"), BatchNorm()], random_state=0, max_iter=5)
    trained.fit(X[TRAIN], Y[TRAIN]).set_params(warm_start=True)
    before = pickle.dumps(trained.normalizations_)
    by_layer, by_number = copy.deepcopy(trained), copy.deepcopy(trained)
    by_layer.set_params(hidden_layers=[Dense(20, "tanh"), BatchNorm(trainable=False)])
    by_number.set_params(frozen_layers=[1])
    for model in (by_layer, by_number):
        model.fit(X[500:800], Y[500:800])
        assert pickle.dumps(model.normalizations_) == before
        assert (model.coefs_[0] != trained.coefs_[0]).any()
    np.testing.assert_array_equal(by_layer.coefs_[0], by_number.coefs_[0])


def test_a_frozen_hidden_layer_of_the_sizes_stays_with_its_statistics():
    model = _net(max_iter=5, warm_start=True).fit(X[TRAIN], Y[TRAIN])
    before = pickle.dumps((model.coefs_[0], model.normalizations_))
    output = model.coefs_[1].copy()
    model.set_params(frozen_layers=[0]).fit(X[500:800], Y[500:800])
    assert pickle.dumps((model.coefs_[0], model.normalizations_)) == before
    assert (model.coefs_[1] != output).all()


def test_large_offsets_in_float32():
    """The mean is subtracted before the squares are summed."""
    layers = [BatchNorm(), Dense(30)]
    offset = (X + 1000).astype(np.float32)
    model = MLPNet(hidden_layers=layers, **QUICK).fit(offset[TRAIN], Y[TRAIN])
    assert model.coefs_[0].dtype == np.float32
    assert model.score(offset[TEST], Y[TEST]) > 0.9
