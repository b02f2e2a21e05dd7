"""scikit-learn's callbacks on every estimator, alone and inside others."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import (
    GDLinearRegression,
    GDLogisticRegression,
    MLPNet,
    MLPNetRegressor,
    SoftmaxClassifier,
    distributed,
)

X, Y = load_digits(return_X_y=True)
X = X[:400] / 16
Y = Y[:400]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Recorder:
    """Keeps what the hooks are told; asks to stop after some epochs."""

    def __init__(self, stop_after=np.inf):
        self.stop_after, self.events, self.losses = stop_after, [], []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator=None):
        self.events.append(f"end {context.task_name}")
        if context.task_name == "epoch" and fitted_estimator is not None:
            self.losses.append(log_loss(y, fitted_estimator.predict_proba(X)))
        return len(self.losses) >= self.stop_after


LINEAR = [
    *(GDLogisticRegression(solver=s) for s in ("gd", "nesterov", "newton", "lbfgs", "sgd")),
    SoftmaxClassifier(solver="random_descent", sigma=0.1),
    GDLinearRegression(solver="gd"),
]


class Predictions(Recorder):
    """Keeps what the model predicts after each epoch."""

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator=None):
        self.events.append(f"end {context.task_name}")
        if context.task_name == "epoch" and fitted_estimator is not None and X is not None:
            self.losses.append(fitted_estimator.predict(X))
        return len(self.losses) >= self.stop_after


@pytest.mark.parametrize("model", LINEAR, ids=str)
def test_linear_models_tell_callbacks_of_each_iteration(model):
    recorder = Predictions()
    model = clone(model).set_params(max_iter=3, tol=1e-12, random_state=0)
    model.set_callbacks(recorder).fit(X, Y)
    assert recorder.events[:3] == ["setup", "begin fit", "begin epoch"]
    assert recorder.events[-2:] == ["end fit", "teardown"]
    assert recorder.events.count("begin epoch") == recorder.events.count("end epoch") == 4
    n_iter = int(np.ravel(model.n_iter_)[0])
    assert n_iter == len(model.history_) == len(model.loss_curve_) == len(recorder.losses) == 3
    np.testing.assert_allclose(recorder.losses[-1], model.predict(X))


@pytest.mark.parametrize("model", LINEAR, ids=str)
def test_linear_models_stop_when_a_callback_asks(model):
    recorder = Predictions(stop_after=2)
    model = clone(model).set_params(max_iter=50, tol=1e-12, random_state=0)
    model.set_callbacks(recorder).fit(X, Y)
    assert len(model.history_) == 2
    np.testing.assert_allclose(recorder.losses[-1], model.predict(X))
    assert recorder.events[-1] == "teardown"


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_hooks_frame_each_epoch_and_see_its_model(solver):
    recorder = Recorder()
    model = MLPNet((10,), solver=solver, max_iter=3, random_state=0).set_callbacks(recorder)
    model.fit(X, Y)
    inner = recorder.events[2:-2]
    assert recorder.events[:2] == ["setup", "begin fit"]
    assert recorder.events[-2:] == ["end fit", "teardown"]
    n_tasks = 3 + (solver == "lbfgs")
    assert inner == ["begin epoch", "end epoch"] * n_tasks
    assert recorder.losses[-1] == pytest.approx(log_loss(Y, model.predict_proba(X)))
    for k, loss in enumerate(recorder.losses, 1):
        stopped = MLPNet((10,), solver=solver, max_iter=k, random_state=0).fit(X, Y)
        assert loss == pytest.approx(log_loss(Y, stopped.predict_proba(X)))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_hooks_on_a_cluster_are_told_the_same(solver):
    da = pytest.importorskip("dask.array", reason="dask is not installed")
    client = pytest.importorskip("distributed", reason="dask is not installed").Client
    one, several = Recorder(), Recorder()
    model = MLPNet((10,), solver=solver, batch_size=400, max_iter=3, random_state=0)
    clone(model).set_callbacks(one).fit(X, Y)
    with client(processes=False, n_workers=1, dashboard_address=":0"):
        model.set_callbacks(several)
        distributed.fit(model, da.from_array(X), da.from_array(Y))
    assert several.events == one.events
    np.testing.assert_allclose(several.losses, one.losses)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_returning_true_stops(solver):
    model = MLPNet((10,), solver=solver, max_iter=50, random_state=0)
    model.set_callbacks(Recorder(stop_after=2)).fit(X, Y)
    assert model.n_iter_ == len(model.loss_curve_) == 2


def test_callbacks_do_not_change_training():
    plain = MLPNet((10,), max_iter=3, random_state=0).fit(X, Y)
    watched = MLPNet((10,), max_iter=3, random_state=0).set_callbacks(Recorder()).fit(X, Y)
    np.testing.assert_array_equal(plain.coefs_[0], watched.coefs_[0])


def test_teardown_comes_even_when_the_fit_fails():
    recorder = Recorder()
    model = MLPNet(solver="sgd", learning_rate_init=1e30).set_callbacks(recorder)
    with pytest.raises(ValueError, match="non-finite"):
        model.fit(1e3 * X, Y)
    assert recorder.events[-1] == "teardown"


def test_scoring_monitor_logs_every_epoch_alone_and_in_a_search():
    monitor = ScoringMonitor(scoring="neg_log_loss")
    MLPNet((10,), max_iter=4, random_state=0).set_callbacks(monitor).fit(X, Y)
    log = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert [row["task_id"] for row in log] == [0, 1, 2, 3]
    assert log[0]["neg_log_loss"] < log[3]["neg_log_loss"]

    monitor = ScoringMonitor(scoring="accuracy")
    net = MLPNet((10,), max_iter=2, random_state=0).set_callbacks(monitor)
    GridSearchCV(net, {"alpha": [0.1, 1.0]}, cv=2, refit=False).fit(X, Y)
    runs = monitor.get_logs(select="all")
    n_epochs = sum(row["task_name"] == "epoch" for run in runs for row in run.data)
    assert n_epochs == 2 * 2 * 2


def test_progress_bar_counts_the_epochs(capsys):
    bar = ProgressBar()
    model = make_pipeline(
        StandardScaler(), MLPNetRegressor("squared_error", (5,), max_iter=3, random_state=0)
    )
    model.set_callbacks(bar).fit(X, Y)
    shown = capsys.readouterr().out
    assert "MLPNetRegressor - fit" in shown and "100%" in shown
