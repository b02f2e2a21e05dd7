"""Streams: calls of partial_fit, when they have converged, and what goes on between them."""

import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning

from skdnn import MLPNet, MLPNetRegressor
from skdnn.averaging import EMA, Polyak
from skdnn.callbacks import EarlyStopping, ModelCheckpoint
from skdnn.schedules import CosineDecay, ExponentialDecay

X, Y = load_digits(return_X_y=True)
X = X / 16
X, Y, VAL = X[:300], Y[:300], {"X_val": X[300:500], "y_val": Y[300:500]}
STOPS = {"early_stopping": True, "learning_rate_init": 0.01, "random_state": 0}
NET = MLPNet((20,), **STOPS)
unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _stream(model, X=X, y=Y, calls=400, **val):
    """Train until it has converged, or for so many calls."""
    known = {"classes": np.arange(10 if y.ndim == 1 else y.shape[1])}
    for _ in range(calls):
        model.partial_fit(X, y, **(known if isinstance(model, MLPNet) else {}), **val)
        if model.converged_:
            break
    return model


def _record(model):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in model.history_]


def _assert_same(left, right):
    assert _record(left) == _record(right)
    assert left.loss_curve_ == right.loss_curve_
    assert left.validation_scores_ == right.validation_scores_
    assert left.best_validation_score_ == right.best_validation_score_
    assert left.converged_ == right.converged_
    for name in ("coefs_", "intercepts_"):
        for one, other in zip(getattr(left, name), getattr(right, name), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"scoring": "loss"},
        {"learning_rate": CosineDecay(warmup=3, epochs=60)},
        {"learning_rate": ExponentialDecay(0.95)},
        {"learning_rate": "adaptive", "solver": "sgd", "learning_rate_init": 0.5},
        {"learning_rate": "invscaling", "solver": "sgd", "learning_rate_init": 5.0},
        {"average": EMA(0.9)},
        {"average": Polyak(3)},
        {"dropout": 0.2},
        {"batch_norm": True},
    ],
    ids=str,
)
def test_calls_on_the_same_rows_are_the_epochs_of_a_fit(params):
    """The stopping, the best weights, the schedule and the mean of the weights included."""
    model = clone(NET).set_params(shuffle=False, max_iter=400, **params)
    fitted = clone(model).fit(X, Y, **VAL)
    assert 20 < fitted.n_iter_ < 400
    streamed = _stream(clone(model), **VAL)
    assert len(streamed.history_) == fitted.n_iter_ and streamed.n_iter_ == 1
    assert streamed.t_ == fitted.t_
    _assert_same(streamed, fitted)


def test_several_labels_and_several_targets():
    data, labels = make_multilabel_classification(400, n_classes=4, random_state=0)
    val = {"X_val": data[300:], "y_val": labels[300:]}
    for net in (MLPNet((10,), **STOPS), MLPNetRegressor("squared_error", (10,), **STOPS)):
        net.set_params(shuffle=False, average=EMA(0.9), learning_rate=CosineDecay(epochs=80))
        fitted = clone(net).fit(data[:300], labels[:300], **val)
        streamed = _stream(clone(net), data[:300], labels[:300], **val)
        assert streamed.converged_
        _assert_same(streamed, fitted)


def test_the_weights_are_the_present_ones_until_it_has_converged():
    stopping = clone(NET)
    watched = clone(NET).set_params(early_stopping=False, n_iter_no_change=np.inf)
    weights = []
    while not weights or not stopping.converged_:
        stopping.partial_fit(X, Y, classes=range(10), **VAL)
        weights.append(watched.partial_fit(X, Y, classes=range(10), **VAL).coefs_[0].copy())
        if not stopping.converged_:
            np.testing.assert_array_equal(stopping.coefs_[0], weights[-1])
    scores = stopping.validation_scores_
    best = len(scores) - 1 - int(np.argmax(scores[::-1]))
    assert best < len(scores) - 1
    np.testing.assert_array_equal(stopping.coefs_[0], weights[best])
    assert stopping.score(VAL["X_val"], VAL["y_val"]) == max(scores)
    # The next call goes on from the last weights, not from the best.
    for _ in range(3):
        stopping.partial_fit(X, Y, **VAL)
        watched.partial_fit(X, Y, **VAL)
    assert _record(stopping) == _record(watched)


def test_a_stream_that_improves_again_has_no_longer_converged():
    # The loss falls from call to call, but not by so much.
    net = clone(NET).set_params(n_iter_no_change=3, tol=0.5, scoring="loss")
    _stream(net, **VAL)
    assert net.converged_
    assert not net.set_params(tol=0.0).partial_fit(X, Y, **VAL).converged_


@pytest.mark.parametrize("weight", [None, "uneven"])
def test_a_call_holds_out_a_share_of_its_own_rows(weight):
    if weight is not None:
        weight = np.random.RandomState(0).uniform(0.5, 2, len(X))
    net = clone(NET).set_params(validation_fraction=0.2)
    for call, (start, stop) in enumerate([(0, 100), (100, 150), (150, 300)], 1):
        before = getattr(net, "t_", 0)
        rows = slice(start, stop)
        own = None if weight is None else weight[rows]
        net.partial_fit(X[rows], Y[rows], own, classes=range(10))
        assert net.t_ - before == pytest.approx(0.8 * (stop - start), abs=0 if own is None else 8)
        assert len(net.validation_scores_) == len(net.history_) == call
    assert net.best_validation_score_ == max(net.validation_scores_)


def test_each_call_holds_out_anew_and_the_seed_decides():
    net, same = clone(NET), clone(NET)
    other = clone(NET).set_params(random_state=1)
    for model in (net, same, other):
        _stream(model, calls=3)
    _assert_same(net, same)
    assert _record(net) != _record(other)


def test_too_few_rows_to_hold_out():
    net = clone(NET).partial_fit(X, Y, classes=range(10))
    before = net.predict_proba(X)
    with pytest.raises(ValueError, match="validation set is too small"):
        net.partial_fit(X[:2], Y[:2])
    np.testing.assert_array_equal(net.predict_proba(X), before)
    assert len(net.partial_fit(X[:2], Y[:2], **VAL).history_) == 2


def test_rows_to_validate_on_only_watch_where_nothing_stops():
    watched = clone(NET).set_params(early_stopping=False)
    plain = clone(watched)
    _stream(watched, calls=3, **VAL)
    _stream(plain, calls=3)
    np.testing.assert_array_equal(watched.coefs_[0], plain.coefs_[0])
    last = watched.history_[-1]["validation_score"]
    assert last == watched.score(VAL["X_val"], VAL["y_val"])
    with pytest.raises(ValueError, match="y_val is None"):
        watched.partial_fit(X, Y, X_val=X)


def test_the_training_loss_may_converge_too():
    net = MLPNet((5,), tol=1e3, n_iter_no_change=3, random_state=0)
    assert len(_stream(net).history_) == 4 and net.converged_


def test_regression():
    data, target = load_diabetes(return_X_y=True)
    net = MLPNetRegressor("squared_error", (20,), **STOPS).set_params(learning_rate_init=0.1)
    _stream(net, data[:300], target[:300], X_val=data[300:], y_val=target[300:])
    assert net.converged_
    assert net.score(data[300:], target[300:]) == net.best_validation_score_ > 0.3


@pytest.mark.parametrize("average", [None, EMA(0.9)])
@pytest.mark.parametrize("calls", [5, 400], ids=["before", "after convergence"])
def test_a_copy_goes_on_alike(average, calls):
    net = _stream(clone(NET).set_params(average=average), calls=calls, **VAL)
    assert net.converged_ == (calls == 400)
    twin = pickle.loads(pickle.dumps(net))
    for model in (net, twin):
        for _ in range(2):
            model.partial_fit(X, Y, **VAL)
    _assert_same(net, twin)


@unconverged
def test_a_stream_goes_on_with_what_a_fit_has_found():
    net = clone(NET).set_params(max_iter=30, learning_rate_init=0.005).fit(X, Y, **VAL)
    best = net.best_validation_score_
    net.partial_fit(X, Y, **VAL)
    assert len(net.history_) == net.t_ / len(X) > 20
    assert net.best_validation_score_ == max(best, net.validation_scores_[-1])
    # A new fit knows nothing of the stream.
    assert not hasattr(net.fit(X, Y, **VAL), "_training")


class _Interrupts(EarlyStopping):
    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        if context.task_name == "epoch" and X is not None:
            raise KeyboardInterrupt


@unconverged
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_fit_tells_whether_it_has_converged(solver, early_stopping):
    net = MLPNet((5,), solver=solver, early_stopping=early_stopping, random_state=0)
    patient = clone(net).set_params(tol=1e3, max_iter=50).fit(X, Y)
    assert patient.converged_ is True
    assert clone(net).set_params(max_iter=2).fit(X, Y).converged_ is False
    stop = EarlyStopping("loss", min_delta=1e6, patience=2)
    assert clone(net).set_callbacks(stop).fit(X, Y).converged_ is False


def test_an_interrupted_fit_has_not_converged():
    net = clone(NET).set_callbacks(_Interrupts())
    with pytest.warns(UserWarning, match="interrupted"):
        assert net.fit(X, Y).converged_ is False


def test_an_interrupted_fit_may_go_on_as_a_stream(tmp_path):
    path = tmp_path / "net.joblib"
    net = clone(NET).set_params(max_iter=3).set_callbacks(ModelCheckpoint(path, resumable=True))
    with pytest.warns(ConvergenceWarning):
        net.fit(X, Y)
    # The solver stays what it was; of what the fit was called with nothing is kept.
    stream = (
        joblib.load(path).set_params(learning_rate_init=10.0).partial_fit(X[:50], Y[:50], **VAL)
    )
    assert stream.history_[-1]["learning_rate"] == 0.01
    assert stream._training.origin is stream._training.order is None
    assert not hasattr(stream, "resume") and stream.n_iter_ == 1
