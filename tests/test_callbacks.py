"""The package's own callbacks, each on the networks and on the linear models."""

import os
import signal
import subprocess
import sys
import time

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_validate

from skdnn import (
    GDLinearRegression,
    GDLogisticRegression,
    MLPNet,
    MLPNetRegressor,
    SoftmaxClassifier,
)
from skdnn.callbacks import (
    CSVLogger,
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    WeightHistory,
)

X, Y = load_digits(return_X_y=True)
X, Y = X[:500] / 16, Y[:500]
VAL = {"X_val": X[400:], "y_val": Y[400:]}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SGD = {"solver": "sgd", "learning_rate": 0.1, "tol": 0.0, "n_iter_no_change": 1000}
STILL = {"tol": 0.0, "n_iter_no_change": 1000, "random_state": 0}
RATED = [
    MLPNet((10,), **STILL),
    MLPNetRegressor("squared_error", (10,), **STILL),
    GDLogisticRegression(**SGD),
    SoftmaxClassifier(**SGD),
    GDLinearRegression(**SGD),
]
ALL = [
    *RATED,
    MLPNet((10,), solver="lbfgs", random_state=0),
    GDLogisticRegression(solver="nesterov", tol=0.0),
    GDLinearRegression(solver="gd", tol=0.0),
]


def _model(model, *callbacks, max_iter=6):
    return clone(model).set_params(max_iter=max_iter, random_state=0).set_callbacks(*callbacks)


def _rates(model):
    return [row["learning_rate"] for row in model.history_]


def _flat(value):
    arrays = value if isinstance(value, list) else [value]
    return np.concatenate([np.ravel(array) for array in arrays])


@pytest.mark.parametrize("model", ALL, ids=str)
def test_weight_history_ends_with_the_models_weights(model):
    kept = WeightHistory(every=2)
    fitted = _model(model, kept).fit(X, Y)
    assert kept.epochs_ == [2, 4, 6]
    shorter = _model(model, max_iter=2).fit(X, Y)
    for weights, expected in ((kept.weights_[-1], fitted), (kept.weights_[0], shorter)):
        for name, value in weights.items():
            np.testing.assert_allclose(_flat(value), _flat(getattr(expected, name)))


@pytest.mark.parametrize("model", ALL, ids=str)
def test_csv_logger_writes_the_history(model, tmp_path):
    path = tmp_path / "epochs.csv"
    path.write_text("left over from an earlier run")
    fitted = _model(model, CSVLogger(path)).fit(X, Y)
    table = pd.read_csv(path)
    pd.testing.assert_frame_equal(table, pd.DataFrame(fitted.history_), check_dtype=False)


@pytest.mark.parametrize("model", ALL, ids=str)
def test_model_checkpoint_writes_what_a_shorter_fit_gives(model, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "model-{epoch}.joblib", every=2)
    fitted = _model(model, checkpoint).fit(X, Y)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"model-{k}.joblib" for k in (2, 4, 6)]
    for epoch in (2, 6):
        loaded = joblib.load(tmp_path / f"model-{epoch}.joblib")
        shorter = _model(model, max_iter=epoch).fit(X, Y)
        np.testing.assert_allclose(loaded.predict(X), shorter.predict(X))
        assert not hasattr(loaded, "_skl_callbacks")
    np.testing.assert_allclose(
        joblib.load(tmp_path / "model-6.joblib").predict(X), fitted.predict(X)
    )


def test_model_checkpoint_keeps_the_best(tmp_path):
    path = tmp_path / "best.joblib"
    net = MLPNet((50,), learning_rate_init=0.05, random_state=0, max_iter=40)
    net.set_callbacks(ModelCheckpoint(path, monitor="validation_loss"))
    net.fit(X[:400], Y[:400], **VAL)
    losses = [row["validation_loss"] for row in net.history_]
    best = joblib.load(path)
    assert best.n_iter_ == 1 + int(np.argmin(losses)) < 40
    proba = best.predict_proba(X[400:])
    loss = -np.log(proba[np.arange(100), Y[400:]]).mean()
    assert loss == pytest.approx(min(losses))


def test_model_checkpoint_is_whole_whenever_the_process_is_killed(tmp_path):
    path = tmp_path / "model.joblib"
    code = f"""
import numpy as np
from skdnn import MLPNet
from skdnn.callbacks import ModelCheckpoint
X = np.random.RandomState(0).normal(size=(50, 400))
net = MLPNet((800,), max_iter=100000, tol=0, n_iter_no_change=10**6, random_state=0)
net.set_callbacks(ModelCheckpoint({str(path)!r})).fit(X, X[:, 0] > 0)
"""
    epochs = []
    for pause in (0.0, 0.05, 0.11, 0.17):
        process = subprocess.Popen([sys.executable, "-c", code])
        deadline = time.monotonic() + 120
        before = path.stat().st_mtime_ns if path.exists() else 0
        while (not path.exists() or path.stat().st_mtime_ns == before) and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(pause)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        epochs.append(joblib.load(path).n_iter_)
    assert min(epochs) >= 1


@pytest.mark.parametrize("model", ALL, ids=str)
def test_early_stopping_on_the_training_loss(model):
    stop = EarlyStopping("loss", min_delta=1e6, patience=2)
    fitted = _model(model, stop, max_iter=50).fit(X, Y)
    # The first epoch is the best by definition, and no later one by so much.
    assert len(fitted.history_) == 3


@pytest.mark.parametrize("model", RATED[:2], ids=str)
@pytest.mark.parametrize("monitor", ["validation_loss", "validation_score"])
def test_early_stopping_restores_the_best_weights(model, monitor):
    stop = EarlyStopping(monitor, patience=4, restore_best_weights=True)
    fitted = clone(model).set_params(max_iter=300, learning_rate_init=0.1)
    fitted.set_callbacks(stop).fit(X[:400], Y[:400], **VAL)
    values = [row[monitor] for row in fitted.history_]
    best = int(np.argmin(values) if monitor == "validation_loss" else np.argmax(values))
    assert len(values) == best + 1 + 4
    assert stop.best_epoch(fitted) == best + 1
    shorter = clone(model).set_params(max_iter=best + 1, learning_rate_init=0.1)
    shorter.fit(X[:400], Y[:400], **VAL)
    np.testing.assert_array_equal(fitted.coefs_[0], shorter.coefs_[0])
    np.testing.assert_array_equal(fitted.predict(X), shorter.predict(X))


@pytest.mark.parametrize("model", RATED, ids=str)
def test_the_best_epoch_is_one_of_the_last_fit(model):
    stop = EarlyStopping("loss")
    fitted = _model(model, stop, max_iter=20).set_params(warm_start=True).fit(X, Y)
    assert stop.best_epoch(fitted) == 1 + np.argmin(fitted.loss_curve_)
    # Losses of targets that the rows tell nothing of are above all earlier ones.
    fitted.set_params(max_iter=3).fit(X, Y[::-1])
    before = len(fitted.history_) - 3
    assert stop.best_epoch(fitted) == 1 + before + np.argmin(fitted.loss_curve_[before:])


def test_early_stopping_without_the_quantity():
    with pytest.raises(ValueError, match="monitor='validation_loss' is not in the history"):
        _model(RATED[0], EarlyStopping()).fit(X, Y)


@pytest.mark.parametrize("model", RATED, ids=str)
def test_learning_rate_scheduler_sets_each_epochs_rate(model):
    halving = LearningRateScheduler(lambda epoch, rate: rate if epoch == 0 else rate / 2)
    fitted = _model(model, halving, max_iter=4).fit(X, Y)
    first = _rates(fitted)[0]
    np.testing.assert_allclose(_rates(fitted), first / 2.0 ** np.arange(4))
    constant = _model(model, max_iter=4).fit(X, Y)
    losses, same = ([row["loss"] for row in m.history_] for m in (fitted, constant))
    assert losses[0] == same[0] and losses[2] != same[2]


@pytest.mark.parametrize("model", RATED, ids=str)
def test_reduce_lr_on_plateau(model):
    reduce = ReduceLROnPlateau(factor=0.5, patience=2, min_delta=1e6, min_lr=1e-9)
    fitted = _model(model, reduce, max_iter=6).fit(X, Y)
    first = _rates(fitted)[0]
    np.testing.assert_allclose(_rates(fitted), first * np.array([1, 1, 1, 0.5, 0.5, 0.25]))
    floor = ReduceLROnPlateau(factor=0.5, patience=1, min_delta=1e6, min_lr=first * 0.4)
    fitted = _model(model, floor, max_iter=6).fit(X, Y)
    np.testing.assert_allclose(_rates(fitted)[3:], first * 0.4)


@pytest.mark.parametrize("callback", [LearningRateScheduler(lambda e, r: r), ReduceLROnPlateau()])
def test_solvers_without_a_rate(callback):
    with pytest.raises(ValueError, match="changes the learning rate, but GDLogistic"):
        _model(GDLogisticRegression(solver="newton", tol=0.0), callback).fit(X, Y)


def test_one_callback_for_many_fits_watches_each_apart():
    stop = EarlyStopping("loss", min_delta=1e6, patience=2)
    net = MLPNet((5,), max_iter=50, random_state=0).set_callbacks(stop)
    fits = cross_validate(net, X, Y, cv=4, n_jobs=2, return_estimator=True)
    assert [len(fit.history_) for fit in fits["estimator"]] == [3] * 4
    again = net.fit(X, Y)
    assert len(again.history_) == 3
    assert stop._runs == {}


def test_bad_settings():
    with pytest.raises(ValueError, match="mode must be"):
        EarlyStopping(mode="least")
    with pytest.raises(ValueError, match=r"factor must be in \(0, 1\), got 2"):
        ReduceLROnPlateau(factor=2)
    with pytest.raises(ValueError, match="schedule gave nan for epoch 0"):
        _model(RATED[0], LearningRateScheduler(lambda e, r: np.nan)).fit(X, Y)


def _stream(model, n_calls):
    for _ in range(n_calls):
        model.partial_fit(X, Y)
    return model


def test_early_stopping_in_a_stream_says_what_to_do_instead():
    model = MLPNetRegressor(random_state=0).set_callbacks(EarlyStopping("loss"))
    with pytest.raises(ValueError, match="In a stream of partial_fit set early_stopping=True"):
        model.partial_fit(X, Y)


def test_plateaus_of_a_stream_lower_the_rate_as_those_of_a_fit():
    def model():
        net = MLPNetRegressor(shuffle=False, max_iter=9, random_state=0, n_iter_no_change=np.inf)
        return net.set_callbacks(ReduceLROnPlateau(patience=2, min_delta=1e9, factor=0.5))

    streamed, fitted = _stream(model(), 9), model().fit(X, Y)
    rates = [row["learning_rate"] for row in streamed.history_]
    assert rates == [row["learning_rate"] for row in fitted.history_]
    # The first epoch is an improvement, and each two after it are a plateau.
    assert rates[-1] == 0.001 / 2**3


def test_the_best_of_a_stream_is_kept(tmp_path):
    path = tmp_path / "best.joblib"
    model = MLPNetRegressor(learning_rate_init=0.01, random_state=0)
    model.set_callbacks(ModelCheckpoint(path, monitor="loss"))
    _stream(model, 5).partial_fit(X, 1e6 + Y)
    assert model.loss_ > 1e6
    assert joblib.load(path).loss_ == min(row["loss"] for row in model.history_)


def test_weights_of_a_stream_are_kept_from_call_to_call():
    history = WeightHistory(every=2)
    model = _stream(MLPNetRegressor(random_state=0).set_callbacks(history), 6)
    assert history.epochs_ == [2, 4, 6]
    np.testing.assert_array_equal(history.weights_[-1]["coefs_"][0], model.coefs_[0])
    MLPNetRegressor(random_state=0).set_callbacks(history).partial_fit(X, Y)
    assert history.epochs_ == []


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: EarlyStopping(patience="5"), "patience must be a whole number, .* got '5'"),
        (lambda: EarlyStopping(patience=0), "patience must be a whole number, at least 1; got 0"),
        (lambda: ReduceLROnPlateau(patience=-1), "patience must be a whole number"),
        (lambda: ModelCheckpoint("a", every=0), "every must be a whole number"),
        (lambda: WeightHistory(every=True), "every must be a whole number"),
    ],
)
def test_bad_counts(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_checkpoints_are_refused_before_any_work_where_they_cannot_be_written(tmp_path):
    model = MLPNetRegressor(random_state=0)
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*missing"):
        model.set_callbacks(ModelCheckpoint(tmp_path / "missing" / "a.joblib")).fit(X, Y)
    with pytest.raises(ValueError, match=r"may have \{epoch\} in it, and no other braces"):
        model.set_callbacks(ModelCheckpoint(tmp_path / "{loss}.joblib")).fit(X, Y)


def test_checkpoints_can_be_read_by_whom_the_mask_lets(tmp_path):
    path = tmp_path / "a.joblib"
    mask = os.umask(0o022)
    try:
        MLPNetRegressor(max_iter=2, n_iter_no_change=np.inf).set_callbacks(
            ModelCheckpoint(path)
        ).fit(X, Y)
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_callbacks_say_what_they_are():
    assert repr(EarlyStopping("loss", patience=3)) == (
        "EarlyStopping(monitor='loss', min_delta=0.0, patience=3, mode='auto', "
        "restore_best_weights=False)"
    )
