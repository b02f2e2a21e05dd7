"""Fits that go on from a checkpoint, to the bits of a fit that was never interrupted."""

import copy
import pickle
import re
import signal
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, make_multilabel_classification
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import GDLogisticRegression, MLPNet, MLPNetRegressor, engine
from skdnn.averaging import EMA, Polyak
from skdnn.callbacks import CSVLogger, EarlyStopping, LearningRateScheduler, ModelCheckpoint
from skdnn.layers import BatchNorm, Dense, Dropout
from skdnn.mlp import stochastic
from skdnn.schedules import CosineDecay, ExponentialDecay, OneCycle, StepDecay

X, Y = load_digits(return_X_y=True)
X, Y = X[:400] / 16, Y[:400]
ROWS, VAL = slice(0, 300), {"X_val": X[300:], "y_val": Y[300:]}
LABELS = make_multilabel_classification(300, n_features=64, n_classes=4, random_state=0)
WEIGHT = np.random.RandomState(0).uniform(0.5, 2, 300)
WEIGHT[::7] = 0
DIABETES = load_diabetes(return_X_y=True)
NET = MLPNet((20,), max_iter=9, batch_size=32, random_state=0)
STOPS = {"early_stopping": True, "learning_rate_init": 0.02}
LAYERS = [Dense(20, "elu"), BatchNorm(), Dropout(0.3), Dense(10)]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _halve_later(step):
    return 0.01 if step < 30 else 0.005


class Stop(EarlyStopping):
    """Ask to stop after some epochs."""

    def __init__(self, epochs):
        super().__init__("loss")
        self.epochs = epochs

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        return context.task_name == "epoch" and len(estimator.history_) >= self.epochs


def _interrupted(model, path, epochs, *data, **val):
    """Fit for some epochs; return the model read from the last checkpoint."""
    checkpoint = ModelCheckpoint(path / "net.joblib", resumable=True)
    model.set_callbacks(checkpoint, Stop(epochs)).fit(*data, **val)
    return joblib.load(path / "net.joblib")


def _record(model):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in model.history_]


def _arrays(model):
    normal = [a for layer in getattr(model, "normalizations_", []) for a in layer.values()]
    return [*model.coefs_, *model.intercepts_, *normal]


def _assert_same(left, right):
    for one, other in zip(_arrays(left), _arrays(right), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert _record(left) == _record(right)
    names = "n_iter_ t_ loss_ best_loss_ loss_curve_ validation_scores_ best_validation_score_"
    for name in (*names.split(), "converged_", "_weight_seen", "_no_improvement_count"):
        assert getattr(left, name) == getattr(right, name), name
    assert set(vars(left)) - {"_skl_callbacks"} == set(vars(right)) - {"_skl_callbacks"}


@pytest.mark.parametrize(
    "params",
    [
        *({"solver": name} for name in engine.OPTIMIZERS),
        {"learning_rate": "invscaling", "solver": "sgd"},
        # A plateau after each epoch: the rate is lowered where the checkpoint is written.
        {"learning_rate": "adaptive", "solver": "sgd", "tol": 10, "n_iter_no_change": 1},
        {"learning_rate": CosineDecay(warmup=2)},
        {"learning_rate": OneCycle()},
        {"learning_rate": StepDecay(2)},
        {"learning_rate": ExponentialDecay(0.8)},
        {"learning_rate": _halve_later},
        {"shuffle": False},
        {"batch_size": "auto", "dtype": "float32"},
        {"dropout": 0.3},
        {"batch_norm": True},
        {"hidden_layers": LAYERS, "average": EMA(0.95)},
        {"average": EMA(0.9)},
        {"average": Polyak(3)},
        {"average": Polyak(20)},
        {"clip_norm": 0.1, "weight_decay": 0.1},
        {"class_weight": "balanced"},
        {"loss": "focal"},
        {"frozen_layers": (0,)},
        {"early_stopping": True},
        {"early_stopping": True, "scoring": "neg_log_loss", "average": EMA(0.9), "dropout": 0.1},
        {"early_stopping": True, "shuffle": False},
        {"tol": 10, "n_iter_no_change": 6},
    ],
    ids=str,
)
@pytest.mark.parametrize("epochs", [1, 4])
def test_every_option(params, epochs, tmp_path):
    model = clone(NET).set_params(**params)
    whole = clone(model).fit(X[ROWS], Y[ROWS])
    resumed = _interrupted(clone(model), tmp_path, epochs, X[ROWS], Y[ROWS])
    assert len(resumed.history_) == epochs < len(whole.history_)
    _assert_same(resumed.resume(X[ROWS], Y[ROWS]), whole)
    # Of the state of the training nothing is left: the moments alone would be larger.
    assert abs(len(pickle.dumps(resumed)) - len(pickle.dumps(whole))) < 500


@pytest.mark.parametrize(
    "net, data, val",
    [
        (NET, (X[ROWS], Y[ROWS], WEIGHT), {}),
        (clone(NET).set_params(early_stopping=True), (X[ROWS], Y[ROWS], WEIGHT), {}),
        (NET, (X[ROWS], Y[ROWS]), VAL),
        (clone(NET).set_params(**STOPS), (X[ROWS], Y[ROWS]), VAL),
        (NET, (sparse.csr_matrix(X[ROWS]), Y[ROWS]), {}),
        (clone(NET).set_params(**STOPS), (sparse.csr_array(X[ROWS]), Y[ROWS], WEIGHT), {}),
        (NET, (X[ROWS].astype(np.float32), Y[ROWS]), {}),
        (clone(NET).set_params(**STOPS), LABELS, {}),
        (NET, (LABELS[0], sparse.csr_matrix(LABELS[1])), {}),
        (NET, (X[ROWS], Y[ROWS].astype(str)), {}),
        (NET, (X[ROWS], Y[ROWS] > 4), {}),
        (MLPNetRegressor("huber", (9,), max_iter=9, random_state=0), DIABETES, {}),
        (MLPNetRegressor(max_iter=9, random_state=0, **STOPS), DIABETES, {}),
        (
            MLPNetRegressor("pinball", quantile=[0.1, 0.9], max_iter=9, random_state=0),
            (DIABETES[0], np.c_[DIABETES[1], -DIABETES[1]]),
            {},
        ),
    ],
    ids=range(14),
)
def test_every_kind_of_data(net, data, val, tmp_path):
    whole = clone(net).fit(*data, **val)
    resumed = _interrupted(clone(net), tmp_path, 3, *data, **val).resume(*data, **val)
    _assert_same(resumed, whole)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    "begin",
    [
        lambda: np.random.seed(0),  # noqa: NPY002
        lambda: 7,
        lambda: np.random.RandomState(0),
        lambda: np.random.RandomState(np.random.PCG64(0)),
    ],
    ids=["None", "int", "MT19937", "PCG64"],
)
def test_random_states(begin, early_stopping, tmp_path):
    model = clone(NET).set_params(early_stopping=early_stopping)
    whole = clone(model).set_params(random_state=begin()).fit(X[ROWS], Y[ROWS])
    model.random_state = begin()
    resumed = _interrupted(model, tmp_path, 4, X[ROWS], Y[ROWS])
    np.random.seed(1)  # noqa: NPY002
    _assert_same(resumed.resume(X[ROWS], Y[ROWS]), whole)
    if whole.random_state is not None:
        # The numbers that the next fit draws are the same too.
        _assert_same(resumed.fit(X[ROWS], Y[ROWS]), whole.fit(X[ROWS], Y[ROWS]))


def test_a_checkpoint_of_the_last_epoch_ends_as_the_fit_did(tmp_path):
    for params in ({}, STOPS, {"tol": 10, "n_iter_no_change": 3}):
        model = clone(NET).set_params(**params, max_iter=40)
        checkpoint = ModelCheckpoint(tmp_path / "net.joblib", resumable=True)
        whole = model.set_callbacks(checkpoint).fit(X[ROWS], Y[ROWS])
        resumed = joblib.load(tmp_path / "net.joblib").resume(X[ROWS], Y[ROWS])
        _assert_same(resumed, whole)


@pytest.mark.parametrize("params", [{}, {**STOPS, "average": EMA(0.9)}], ids=str)
def test_max_iter_may_be_raised_and_fits_be_resumed_twice(params, tmp_path):
    model = clone(NET).set_params(**params)
    whole = clone(model).set_params(max_iter=14).fit(X[ROWS], Y[ROWS])
    first = _interrupted(clone(model), tmp_path, 9, X[ROWS], Y[ROWS])
    first.set_params(max_iter=14)
    checkpoint = ModelCheckpoint(tmp_path / "net.joblib", resumable=True)
    first.set_callbacks(checkpoint, Stop(12)).resume(X[ROWS], Y[ROWS])
    assert len(first.history_) == 12
    second = joblib.load(tmp_path / "net.joblib")
    assert second.n_iter_ == 12
    _assert_same(second.resume(X[ROWS], Y[ROWS]), whole)


def test_a_warm_start_is_resumed(tmp_path):
    model = clone(NET).set_params(warm_start=True, max_iter=5)
    whole = clone(model).fit(X[ROWS], Y[ROWS]).fit(X[ROWS], Y[ROWS])
    resumed = _interrupted(clone(model).fit(X[ROWS], Y[ROWS]), tmp_path, 7, X[ROWS], Y[ROWS])
    assert len(resumed.resume(X[ROWS], Y[ROWS]).history_) == 10
    _assert_same(resumed, whole)


def test_callbacks_set_anew_count_on(tmp_path):
    decay = LearningRateScheduler(lambda epoch, rate: 0.1 / (1 + epoch))
    whole = clone(NET).set_callbacks(decay).fit(X[ROWS], Y[ROWS])
    path = tmp_path / "net.joblib"
    log = CSVLogger(tmp_path / "epochs.csv")
    begun = clone(NET).set_callbacks(decay, log, ModelCheckpoint(path, resumable=True), Stop(4))
    begun.fit(X[ROWS], Y[ROWS])
    resumed = joblib.load(path).set_callbacks(decay, log).resume(X[ROWS], Y[ROWS])
    _assert_same(resumed, whole)
    table = pd.read_csv(tmp_path / "epochs.csv")
    pd.testing.assert_frame_equal(table, pd.DataFrame(resumed.history_), check_dtype=False)


def test_checkpoints_of_a_stream(tmp_path):
    path = tmp_path / "net.joblib"
    stream = clone(NET).set_params(**STOPS, average=EMA(0.9))
    stream.set_callbacks(ModelCheckpoint(path, resumable=True))
    for _ in range(4):
        stream.partial_fit(X[ROWS], Y[ROWS], classes=range(10), **VAL)
    loaded = joblib.load(path)
    assert not hasattr(loaded, "resume")
    stream.set_callbacks()
    for model in (stream, loaded):
        for _ in range(3):
            model.partial_fit(X[ROWS], Y[ROWS], **VAL)
    for one, other in zip(_arrays(stream), _arrays(loaded), strict=True):
        np.testing.assert_array_equal(one, other)
    assert _record(stream) == _record(loaded)


def test_files_are_small_unless_they_are_to_be_resumed(tmp_path):
    sizes = []
    for resumable in (False, True):
        path = tmp_path / f"{resumable}.joblib"
        checkpoint = ModelCheckpoint(path, resumable=resumable)
        model = clone(NET).set_params(hidden_layer_sizes=(300,), solver="sgd", max_iter=2)
        model.set_callbacks(checkpoint).fit(X[ROWS], Y[ROWS])
        sizes.append(path.stat().st_size)
        assert not hasattr(model, "_training")
    n_bytes = 8 * sum(a.size for a in _arrays(model))
    assert sizes[0] < n_bytes + 10_000
    # The weights and the momentum; the random state and the rows' order.
    assert 2 * n_bytes < sizes[1] < 2 * n_bytes + 20_000
    assert not hasattr(joblib.load(tmp_path / "False.joblib"), "resume")


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda x, y, w: (x[:-1], y[:-1], w[:-1]), "X had 300 rows then, and has 299"),
        (lambda x, y, w: (x[::-1], y, w), "X, y or sample_weight has other values"),
        (lambda x, y, w: (x, (y + 1) % 10, w), "X, y or sample_weight has other values"),
        (lambda x, y, w: (x, y, w + 1), "X, y or sample_weight has other values"),
        (lambda x, y, w: (x, y, None), "X, y or sample_weight has other values"),
        (lambda x, y, w: (x[:, 1:], y, w), "64 features"),
    ],
)
def test_other_data(change, said, tmp_path):
    weight = WEIGHT + 0.5
    model = _interrupted(clone(NET), tmp_path, 4, X[ROWS], Y[ROWS], weight)
    with pytest.raises(ValueError, match=said):
        model.resume(*change(X[ROWS], Y[ROWS], weight))
    whole = clone(NET).fit(X[ROWS], Y[ROWS], weight)
    _assert_same(model.resume(X[ROWS], Y[ROWS], weight), whole)


@pytest.mark.parametrize("params", [{}, STOPS], ids=["watched", "stopping"])
def test_other_rows_to_validate_on(params, tmp_path):
    model = clone(NET).set_params(**params)
    without = _interrupted(clone(model), tmp_path, 4, X[ROWS], Y[ROWS])
    with pytest.raises(ValueError, match="X_val and y_val are given, unlike then"):
        without.resume(X[ROWS], Y[ROWS], **VAL)
    _assert_same(without.resume(X[ROWS], Y[ROWS]), clone(model).fit(X[ROWS], Y[ROWS]))
    val = {**VAL, "sample_weight_val": np.linspace(1, 2, 100)}
    given = _interrupted(clone(model), tmp_path, 4, X[ROWS], Y[ROWS], **val)
    with pytest.raises(ValueError, match="X_val and y_val are not given, unlike then"):
        given.resume(X[ROWS], Y[ROWS])
    fewer = {name: rows[1:] for name, rows in val.items()}
    with pytest.raises(ValueError, match="X_val had 100 rows then, and has 99"):
        given.resume(X[ROWS], Y[ROWS], **fewer)
    reordered = {name: rows[::-1] for name, rows in val.items()}
    for other in (reordered, VAL, {**val, "y_val": (VAL["y_val"] + 1) % 10}):
        with pytest.raises(ValueError, match="X_val, y_val or sample_weight_val has other values"):
            given.resume(X[ROWS], Y[ROWS], **other)
    whole = clone(model).fit(X[ROWS], Y[ROWS], **val)
    _assert_same(given.resume(X[ROWS], Y[ROWS], **val), whole)


@pytest.mark.parametrize(
    "params, now, said",
    [
        ({}, {"solver": "sgd"}, "solver is 'sgd', and was 'adam' then"),
        ({}, {"solver": "lbfgs"}, "solver is 'lbfgs', and was 'adam' then"),
        ({}, {"learning_rate_init": 0.1}, "learning_rate_init is 0.1, and was 0.001 then"),
        ({}, {"random_state": 1}, "random_state is 1, and was 0 then"),
        ({}, {"alpha": 0.1}, "alpha is 0.1, and was 0.0001 then"),
        ({}, {"dropout": 0.5}, "dropout is 0.5, and was 0.0 then"),
        ({}, {"batch_size": 16}, "batch_size is 16, and was 32 then"),
        ({}, {"activation": "tanh"}, "activation is 'tanh', and was 'relu' then"),
        ({}, {"early_stopping": True}, "early_stopping is True, and was False then"),
        ({}, {"hidden_layer_sizes": (5,)}, "hidden_layer_sizes is (5,), and was (20,) then"),
        ({}, {"average": EMA()}, "average is EMA(), and was None then"),
        ({"average": EMA(0.9)}, {"average__decay": 0.5}, "average__decay is 0.5, and was 0.9"),
        ({"average": EMA(0.9)}, {"average": None}, "average is None, and was EMA(decay=0.9)"),
        ({"learning_rate": CosineDecay()}, {"learning_rate": "constant"}, "is 'constant', and was"),
        ({"hidden_layers": LAYERS}, {"hidden_layers__0__units": 5}, "units=5), BatchNorm(), "),
        ({"hidden_layers": LAYERS}, {"hidden_layers__2": Dropout(0.1)}, "hidden_layers is [Dense"),
        (
            {"hidden_layer_sizes": np.array([20])},
            {"hidden_layer_sizes": [20, 5]},
            "is [20, 5], and",
        ),
        ({"random_state": np.random.RandomState(0)}, {"random_state": 0}, "random_state is 0, and"),
    ],
    ids=str,
)
def test_other_parameters(params, now, said, tmp_path):
    model = _interrupted(clone(NET).set_params(**params), tmp_path, 3, X[ROWS], Y[ROWS])
    with pytest.raises(ValueError, match=re.escape(said)):
        model.set_params(**now).resume(X[ROWS], Y[ROWS])


def test_layers_changed_in_place(tmp_path):
    model = clone(NET).set_params(hidden_layers=LAYERS)
    model = _interrupted(model, tmp_path, 3, X[ROWS], Y[ROWS])
    model.hidden_layers.append(Dropout(0.1))
    with pytest.raises(ValueError, match="hidden_layers__4 is Dropout"):
        model.resume(X[ROWS], Y[ROWS])


@pytest.mark.parametrize(
    "params, equal",
    [
        ({"learning_rate": CosineDecay()}, {"learning_rate": CosineDecay()}),
        ({"hidden_layer_sizes": np.array([20])}, {"hidden_layer_sizes": np.array([20])}),
        ({"hidden_layers": LAYERS}, {"hidden_layers": list(LAYERS)}),
        ({"hidden_layers": [Dense(2, kernel_initializer=np.ones((64, 2)))]}, {}),
        ({"initial_weights": ([np.ones((64, 20))], [np.ones(20)])}, {}),
        ({"frozen_layers": np.array([0])}, {"frozen_layers": np.array([0])}),
        ({"scoring": make_scorer(accuracy_score)}, {}),
        ({"dropout": pd.Series([0.1])}, {}),
    ],
    ids=str,
)
def test_parameters_that_are_the_same(params, equal, tmp_path):
    """They are those of the file that was read, or equal ones."""
    model = clone(NET).set_params(**params)
    whole = clone(model).fit(X[ROWS], Y[ROWS])
    resumed = _interrupted(clone(model), tmp_path, 4, X[ROWS], Y[ROWS])
    _assert_same(resumed.set_params(**equal).resume(X[ROWS], Y[ROWS]), whole)


def test_parameters_that_may_change(tmp_path):
    resumed = _interrupted(clone(NET), tmp_path, 4, X[ROWS], Y[ROWS])
    resumed.set_params(max_iter=40, tol=10, n_iter_no_change=3, verbose=False, transform_layer=0)
    resumed.resume(X[ROWS], Y[ROWS])
    # The four epochs before have improved, from the fifth on nothing does by so much.
    assert resumed.converged_ and len(resumed.history_) == 7


def test_a_fit_without_checkpoints_remembers_nothing_of_its_data(monkeypatch):
    monkeypatch.setattr(stochastic, "fingerprint", None)
    monkeypatch.setattr(stochastic, "Origin", None)
    MLPNet((5,), max_iter=2).fit(X, Y, **VAL)


def test_the_last_step_of_a_pipeline(tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "net.joblib", resumable=True)
    net = clone(NET).set_callbacks(checkpoint, Stop(4))
    scaler = make_pipeline(StandardScaler(), net).fit(X[ROWS], Y[ROWS])[0]
    net = joblib.load(tmp_path / "net.joblib")
    with pytest.raises(ValueError, match="rows that the steps before it have transformed"):
        net.resume(X[ROWS], Y[ROWS])
    whole = clone(NET).fit(scaler.transform(X[ROWS]), Y[ROWS])
    _assert_same(net.resume(scaler.transform(X[ROWS]), Y[ROWS]), whole)


@pytest.mark.parametrize("params", [{}, STOPS, {"solver": "lbfgs"}], ids=str)
def test_a_checkpoint_has_what_a_shorter_fit_has(params, tmp_path):
    """In a warm start too, which counts its own epochs only, and in a stream."""
    model = clone(NET).set_params(warm_start=True, **params)
    names = ("n_iter_", "best_loss_", "best_validation_score_", "converged_")
    for _ in range(2):
        path = tmp_path / "net.joblib"
        shorter = clone(model) if not hasattr(model, "coefs_") else copy.deepcopy(model)
        shorter.set_callbacks().set_params(max_iter=4).fit(X[ROWS], Y[ROWS])
        model.set_params(max_iter=4).set_callbacks(ModelCheckpoint(path)).fit(X[ROWS], Y[ROWS])
        loaded = joblib.load(path)
        for name in names:
            assert getattr(loaded, name) == getattr(shorter, name), name
        assert loaded.n_iter_ == 4 and loaded.converged_ is False
    if model.solver != "lbfgs":
        assert model.partial_fit(X[ROWS], Y[ROWS]).n_iter_ == joblib.load(path).n_iter_ == 1


def test_a_checkpoint_of_the_last_epoch_has_converged(tmp_path):
    path = tmp_path / "net.joblib"
    model = clone(NET).set_params(tol=10, n_iter_no_change=3, max_iter=40)
    model.set_callbacks(ModelCheckpoint(path)).fit(X[ROWS], Y[ROWS])
    assert model.converged_ and joblib.load(path).converged_
    assert joblib.load(path).loss_ == model.loss_


def test_warnings_point_at_the_call(tmp_path):
    path, data = tmp_path / "net.joblib", (X[ROWS], Y[ROWS])
    large = clone(NET).set_params(batch_size=1000, max_iter=2)
    diverging = clone(large).set_params(solver="sgd", learning_rate_init=1e4)
    lbfgs = clone(NET).set_params(solver="lbfgs", max_iter=2)
    begun = clone(large).set_callbacks(ModelCheckpoint(path, resumable=True), Stop(1))
    with pytest.warns(UserWarning) as found:
        for model in (large, lbfgs, diverging, make_pipeline(large), begun):
            model.fit(*data)
        clone(large).partial_fit(*data, classes=range(10))
        joblib.load(path).resume(*data)
    for said in ("larger than sample size", "Maximum iterations", "diverged", "lbfgs failed"):
        assert any(said in str(warning.message) for warning in found), said
    assert len(found) >= 11
    assert {warning.filename for warning in found} == {__file__}


def test_models_that_cannot_be_resumed(tmp_path):
    fitted = clone(NET).fit(X[ROWS], Y[ROWS])
    for model in (NET, fitted, pickle.loads(pickle.dumps(fitted))):
        with pytest.raises(AttributeError, match="'MLPNet' has no attribute 'resume'") as error:
            model.resume(X[ROWS], Y[ROWS])
        assert "ModelCheckpoint(path, resumable=True)" in str(error.value.__cause__)
    finished = _interrupted(clone(NET), tmp_path, 4, X[ROWS], Y[ROWS]).resume(X[ROWS], Y[ROWS])
    assert not hasattr(finished, "resume")
    for solver in ("lbfgs", "adam"):
        anew = _interrupted(clone(NET), tmp_path, 4, X[ROWS], Y[ROWS])
        anew.set_params(solver=solver).fit(X[ROWS], Y[ROWS])
        assert not hasattr(anew, "resume") and not hasattr(anew, "_training")
    _assert_same(anew, fitted)


@pytest.mark.parametrize("model", [MLPNet(solver="lbfgs"), GDLogisticRegression()], ids=str)
def test_solvers_that_cannot_be_resumed(model, tmp_path):
    model.set_callbacks(ModelCheckpoint(tmp_path / "net.joblib", resumable=True))
    with pytest.raises(ValueError, match="for networks with a stochastic solver"):
        model.fit(X[ROWS], Y[ROWS])


_PROCESS = """
import os, signal, sys, warnings
import joblib
from sklearn.datasets import load_digits
from skdnn import MLPNet
from skdnn.averaging import EMA
from skdnn.callbacks import ModelCheckpoint
from skdnn.schedules import CosineDecay

class Kill(ModelCheckpoint):
    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and len(estimator.history_) == 17:
            os.kill(os.getpid(), signal.SIGKILL)

warnings.simplefilter("ignore")
task, path, result = sys.argv[1:]
X, y = load_digits(return_X_y=True)
if task == "resume":
    net = joblib.load(path).resume(X, y)
else:
    net = MLPNet((50,), early_stopping=True, dropout=0.1, average=EMA(0.99), random_state=0,
                 learning_rate=CosineDecay(), max_iter=40, n_iter_no_change=40)
    if task == "be killed":
        net.set_callbacks(Kill(path, resumable=True))
    net.fit(X, y)
joblib.dump(net, result)
"""


def test_a_killed_process_is_resumed_by_another(tmp_path):
    def run(task):
        command = [sys.executable, "-c", _PROCESS, task, tmp_path / "net.joblib", tmp_path / task]
        return subprocess.run(command).returncode

    assert run("be killed") == -signal.SIGKILL
    assert not (tmp_path / "be killed").exists()
    assert len(joblib.load(tmp_path / "net.joblib").history_) == 17
    assert run("resume") == run("run through") == 0
    resumed, whole = (joblib.load(tmp_path / task) for task in ("resume", "run through"))
    assert len(whole.history_) == 40
    _assert_same(resumed, whole)
