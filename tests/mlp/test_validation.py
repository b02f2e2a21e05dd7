"""Validation rows of the user's own, the score that counts, and the history."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.metrics import get_scorer, log_loss, mean_squared_error

from skdnn import MLPNet, MLPNetRegressor
from skdnn.callbacks import WeightHistory
from skdnn.mlp import base

X, Y = load_digits(return_X_y=True)
X = X / 16
TRAIN, VAL = slice(0, 1200), slice(1200, None)
WEIGHT = np.random.RandomState(0).uniform(0.1, 3, len(Y) - 1200)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _fit(model, **options):
    return model.fit(X[TRAIN], Y[TRAIN], X_val=X[VAL], y_val=Y[VAL], **options)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_history_tells_what_the_model_would_say_after_each_epoch(solver, weight):
    model = MLPNet((20,), alpha=1.0, solver=solver, max_iter=4, random_state=0)
    _fit(model, sample_weight_val=weight)
    proba = model.predict_proba(X[VAL])
    last = model.history_[-1]
    assert last["validation_loss"] == pytest.approx(log_loss(Y[VAL], proba, sample_weight=weight))
    assert last["validation_score"] == model.score(X[VAL], Y[VAL], weight)
    table = pd.DataFrame(model.history_)
    assert table["epoch"].tolist() == [1, 2, 3, 4]
    assert table["loss"].tolist() == model.loss_curve_
    assert table["validation_score"].tolist() == model.validation_scores_
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert (table["seconds"] > 0).all()
    if solver == "adam":
        assert table["learning_rate"].tolist() == [0.001] * 4


def test_rows_to_validate_on_do_not_change_training():
    plain = MLPNet((20,), max_iter=3, random_state=0).fit(X[TRAIN], Y[TRAIN])
    watched = _fit(MLPNet((20,), max_iter=3, random_state=0))
    np.testing.assert_array_equal(plain.coefs_[0], watched.coefs_[0])
    assert plain.best_loss_ == watched.best_loss_
    assert set(plain.history_[0]) == {"epoch", "loss", "learning_rate", "seconds"}


def test_regression():
    data, target = load_diabetes(return_X_y=True)
    both = np.c_[target, np.sqrt(target)] / 100
    model = MLPNetRegressor("squared_error", (5,), max_iter=3, random_state=0)
    model.fit(data[:300], both[:300], X_val=data[300:], y_val=both[300:])
    mse = mean_squared_error(both[300:], model.predict(data[300:]))
    assert model.history_[-1]["validation_loss"] == pytest.approx(mse / 2)
    assert model.history_[-1]["validation_score"] == pytest.approx(
        model.score(data[300:], both[300:])
    )


def test_r2_is_weighted():
    data, target = load_diabetes(return_X_y=True)
    weight = np.random.RandomState(0).uniform(0.1, 5, len(target) - 300)
    model = MLPNetRegressor("squared_error", (5,), max_iter=3, random_state=0)
    rows = {"X_val": data[300:], "y_val": target[300:], "sample_weight_val": weight}
    model.fit(data[:300], target[:300], **rows)
    score = model.score(data[300:], target[300:], weight)
    assert model.history_[-1]["validation_score"] == pytest.approx(score)
    assert score != pytest.approx(model.score(data[300:], target[300:]), rel=1e-3)


def test_early_stopping_uses_them_and_holds_nothing_out():
    model = _fit(MLPNet((20,), early_stopping=True, learning_rate_init=0.01, random_state=0))
    assert model.t_ == 1200 * model.n_iter_
    assert model.best_validation_score_ == model.score(X[VAL], Y[VAL])
    assert model.best_validation_score_ == max(model.validation_scores_)


@pytest.mark.parametrize(
    "scoring", ["neg_log_loss", "roc_auc_ovr", get_scorer("f1_macro")], ids=str
)
def test_any_scorer_may_count(scoring):
    model = MLPNet((20,), early_stopping=True, scoring=scoring, max_iter=15, random_state=0)
    _fit(model)
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
    assert model.best_validation_score_ == pytest.approx(scorer(model, X[VAL], Y[VAL]))
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_held_out_rows_of_a_data_frame_are_scored_too():
    frame = pd.DataFrame(X, columns=[f"pixel_{i}" for i in range(64)])
    labels = pd.Series(Y).map(str)
    weight = np.random.RandomState(0).uniform(0.5, 2, len(Y))
    options = {"early_stopping": True, "scoring": "neg_log_loss", "max_iter": 5}
    model = MLPNet((20,), **options, random_state=0).fit(frame, labels, weight)
    scores = [row["validation_score"] for row in model.history_]
    losses = [row["validation_loss"] for row in model.history_]
    np.testing.assert_allclose(scores, np.negative(losses), rtol=1e-9)


def test_loss_may_count():
    model = MLPNet((50,), early_stopping=True, scoring="loss", learning_rate_init=0.02)
    _fit(model.set_params(random_state=0, max_iter=300))
    losses = [row["validation_loss"] for row in model.history_]
    assert model.best_validation_score_ == -min(losses)
    proba = model.predict_proba(X[VAL])
    assert log_loss(Y[VAL], proba) == pytest.approx(min(losses))
    # It overfits: the loss has its minimum before the end.
    assert len(losses) == np.argmin(losses) + 1 + 10


@pytest.mark.parametrize(
    "options, message",
    [
        ({"X_val": X[VAL]}, "y_val is None"),
        ({"y_val": Y[VAL]}, "X_val is None"),
        ({"sample_weight_val": WEIGHT}, "needs X_val and y_val"),
        ({"X_val": X[VAL][:, :5], "y_val": Y[VAL]}, "5 features"),
        ({"X_val": X[VAL], "y_val": Y[VAL] + 1}, "classes not in"),
        ({"X_val": X[VAL] * np.nan, "y_val": Y[VAL]}, "contains NaN"),
        ({"X_val": X[VAL], "y_val": Y[VAL], "sample_weight_val": -WEIGHT}, "Negative values"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message) as error:
        MLPNet(max_iter=1).fit(X[TRAIN], Y[TRAIN], **options)
    assert "X_val" in str(error.value)


@pytest.mark.parametrize("known", [[np.nan, 0.5, np.nan, 0.25], [np.nan] * 4])
def test_best_score_where_some_are_unknown(known):
    scores = iter(known)
    model = MLPNet((5,), max_iter=4, random_state=0, scoring=lambda *args: next(scores))
    best = _fit(model).best_validation_score_
    np.testing.assert_array_equal(model.validation_scores_, known)
    np.testing.assert_array_equal(best, 0.5 if 0.5 in known else np.nan)
    # Without rows to validate on there is none.
    assert model.fit(X, Y).best_validation_score_ is None


def test_a_scorer_that_is_not_one():
    with pytest.raises(ValueError, match=r"'scoring' parameter.*'loss', the name of") as error:
        MLPNet(scoring="acuracy").fit(X, Y)
    assert len(str(error.value)) < 250


def test_warm_start_goes_on_with_the_history():
    model = MLPNet((20,), max_iter=2, warm_start=True, random_state=0)
    _fit(_fit(model))
    assert [row["epoch"] for row in model.history_] == [1, 2, 3, 4]
    model.set_params(warm_start=False)
    assert len(_fit(model).history_) == 2


@pytest.mark.parametrize("random_state", [0, None, np.random.RandomState(3)])
def test_a_warm_refit_holds_out_the_same_rows(monkeypatch, random_state):
    """Otherwise rows that were trained on would judge when to stop."""
    held, splits = [], base.hold_out
    monkeypatch.setattr(base, "hold_out", lambda *args: held.append(splits(*args)) or held[-1])
    net = MLPNet((5,), early_stopping=True, warm_start=True, max_iter=2, random_state=random_state)
    net.fit(X, Y).fit(X, Y).partial_fit(X, Y)
    for other in held[1:]:
        np.testing.assert_array_equal(other.validation, held[0].validation)
    net.set_params(warm_start=False, random_state=1).fit(X, Y)
    assert not np.array_equal(held[-1].validation, held[0].validation)


def test_scores_that_are_not_known_are_worse_than_any():
    """The weights of an epoch that can be scored are restored, not those of the first."""

    def score(model, X, y):
        return np.nan if len(model.history_) in (0, 2) else float(len(model.history_))

    net = MLPNet((5,), early_stopping=True, scoring=score, max_iter=4, random_state=0)
    history = WeightHistory()
    net.set_params(n_iter_no_change=np.inf).set_callbacks(history).fit(X, Y)
    assert np.isnan([net.validation_scores_[i] for i in (0, 2)]).all()
    assert net.best_validation_score_ == 3.0
    np.testing.assert_array_equal(net.coefs_[0], history.weights_[3]["coefs_"][0])
    net.set_params(scoring=lambda *_: np.nan, n_iter_no_change=2, max_iter=9).fit(X, Y)
    assert net.n_iter_ == 2
    assert np.isnan(net.best_validation_score_)


def test_bad_validation_rows_leave_no_fitted_model():
    net = MLPNetRegressor()
    with pytest.raises(ValueError, match="y_val must have 1"):
        net.fit(X, Y, X_val=X, y_val=np.c_[Y, Y])
    assert not hasattr(net, "coefs_")
