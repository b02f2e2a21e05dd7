"""The comparison with scikit-learn: its functions."""

import numpy as np
import pandas as pd
import pytest
from comparison import row
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info

from skdnn.compare import (
    Pair,
    compare,
    find_task,
    format_table,
    format_verdict,
    make_pairs,
    make_preprocessor,
    make_splitter,
    warm_up,
)


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["a", "b", "c"], "classification"),
        ([True, False, True], "classification"),
        ([0.5, 1.5, 0.5], "classification"),
        (np.arange(20).repeat(11), "classification"),
        (np.arange(20.0).repeat(11), "classification"),
        (np.arange(21).repeat(11), "regression"),
        (np.arange(20).repeat(10), "regression"),
        (np.array([0.5, 1.5, 2.5]).repeat(50), "regression"),
        (np.arange(100), "regression"),
    ],
)
def test_task_follows_from_the_target(y, task):
    assert find_task(y) == task


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_peers_have_equal_parameters(task):
    model = {"fit_intercept", "C", "l1_ratio", "class_weight"}
    network = {"hidden_layer_sizes", "activation", "solver", "alpha", "batch_size", "shuffle"}
    network |= {"learning_rate", "learning_rate_init", "beta_1", "beta_2", "epsilon"}
    stopping = {"max_iter", "tol", "early_stopping", "n_iter_no_change", "random_state"}
    for pair in make_pairs(task, hidden_layer_sizes=(7, 3), max_iter=11, random_state=5):
        ours, theirs = (
            getattr(side, "regressor", side).get_params() for side in (pair.ours, pair.theirs)
        )
        assert ours["max_iter"] == 11
        if "hidden_layer_sizes" in theirs:
            assert ours["hidden_layer_sizes"] == (7, 3)
            assert ours["random_state"] == 5
            shared = network | stopping
        elif isinstance(pair.theirs, LinearRegression):
            assert ours["alpha"] == 0
            shared = {"fit_intercept"}
        else:
            shared = model | {"max_iter", "tol"}
        assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}


def test_softmax_for_two_classes_is_the_same_model_as_its_peer():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    pair = make_pairs("classification", n_classes=2)[2]
    ours, theirs = (clone(side).set_params(tol=1e-8).fit(X, y) for side in (pair.ours, pair.theirs))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)


def test_splitters_are_shuffled_and_stratified_for_classes():
    classes = make_splitter("classification", 3, random_state=1)
    numbers = make_splitter("regression", 5)
    assert isinstance(classes, StratifiedKFold)
    assert isinstance(numbers, KFold)
    assert (classes.n_splits, numbers.n_splits) == (3, 5)
    first, _ = next(classes.split(np.zeros((30, 1)), np.arange(30) % 2))
    again, _ = next(make_splitter("classification", 3, 1).split(np.zeros((30, 1)), [0, 1] * 15))
    other, _ = next(make_splitter("classification", 3, 2).split(np.zeros((30, 1)), [0, 1] * 15))
    assert first.tolist() == again.tolist() != other.tolist()


def test_scores_are_those_of_cross_validate():
    X, y = load_iris(return_X_y=True)
    model, cv = LogisticRegression(C=0.1), make_splitter("classification", 3)
    rows = compare([Pair(model, model)], X, y, task="classification", cv=cv)
    expected = cross_validate(
        make_pipeline(StandardScaler(), model), X, y, cv=cv, scoring=["accuracy", "neg_log_loss"]
    )
    for side in rows[0]:
        np.testing.assert_allclose(side.scores["accuracy"], expected["test_accuracy"])
        np.testing.assert_allclose(side.scores["log loss"], -expected["test_neg_log_loss"])
        assert (side.fit_time > 0).all() and (side.predict_time > 0).all()
        assert side.converged.all()
    assert not hasattr(model, "coef_")


def test_regression_scores_are_in_the_unit_of_the_target():
    X, y = load_diabetes(return_X_y=True)
    cv = make_splitter("regression", 3)
    pairs = make_pairs("regression", max_iter=300, hidden_layer_sizes=(10,))
    (net, mlp), (ours, theirs) = compare(pairs, X, y, task="regression", cv=cv)
    expected = cross_validate(
        LinearRegression(), X, y, cv=cv, scoring=["r2", "neg_root_mean_squared_error"]
    )
    np.testing.assert_allclose(theirs.scores["R2"], expected["test_r2"])
    np.testing.assert_allclose(theirs.scores["RMSE"], -expected["test_neg_root_mean_squared_error"])
    np.testing.assert_allclose(ours.scores["RMSE"], theirs.scores["RMSE"], rtol=0.02)
    assert [side.estimator for side in (net, mlp)] == ["MLPNetRegressor", "MLPRegressor"]
    assert (net.scores["RMSE"] < y.std()).all()
    assert np.isnan(theirs.n_iter).all() and (net.n_iter > 1).all()


def test_peers_take_turns_and_ours_starts():
    X, y = load_iris(return_X_y=True)
    pair = make_pairs("classification", max_iter=2)[1]
    cv = make_splitter("classification", 2)
    calls = []
    compare([pair], X, y, task="classification", cv=cv, progress=lambda *call: calls.append(call))
    ours, theirs = "GDLogisticRegression", "LogisticRegression"
    assert calls == [(1, 2, ours), (1, 2, theirs), (2, 2, theirs), (2, 2, ours)]


@pytest.mark.parametrize("n_threads", [1, 2])
def test_threads_are_the_same_for_everyone(n_threads):
    X, y = load_iris(return_X_y=True)
    seen = []

    def look(*_):
        seen.extend(lib["num_threads"] for lib in threadpool_info())

    pairs = make_pairs("classification", max_iter=2)
    compare(pairs, X, y, task="classification", n_threads=n_threads, progress=look)
    assert set(seen) == {n_threads}


def test_a_fit_that_stops_early_is_marked_and_does_not_warn():
    X, y = load_breast_cancer(return_X_y=True)
    pair = Pair(LogisticRegression(max_iter=2), LogisticRegression(max_iter=500))
    ours, theirs = compare([pair], X, y, task="classification")[0]
    assert not ours.converged.any() and theirs.converged.all()
    assert ours.n_iter.tolist() == [2] * 4
    verdict = format_verdict(ours, theirs, "classification")
    assert verdict.endswith("before convergence: LogisticRegression in 4 of 4 folds")


def test_warm_up_leaves_the_estimators_as_they_were():
    X, y = load_iris(return_X_y=True)
    pairs = make_pairs("classification", max_iter=77)
    assert warm_up(pairs, X, y, prepare=StandardScaler()) > 0
    for pair in pairs:
        assert pair.ours.max_iter == 77
        assert not hasattr(pair.ours, "classes_")


def test_preprocessor_fills_gaps_and_standardises():
    frame = pd.DataFrame({"age": np.arange(80.0), "town": ["Ghent", "Lier", "Bruges", "Lier"] * 20})
    frame.loc[::9, "age"] = np.nan
    frame.loc[4::9, "town"] = np.nan
    prepare = make_preprocessor().fit(frame[:60])
    Z = prepare.transform(frame[60:])
    names = prepare.get_feature_names_out()
    # age, where age was missing, three towns and none
    assert Z.shape == (20, 6) == (20, len(names))
    assert np.isfinite(Z).all()
    gaps = names.tolist().index("categories__town_(missing)")
    assert Z[:, gaps].tolist() == frame["town"][60:].isna().astype(float).tolist()
    new_town = frame[60:61].assign(town="Antwerp")
    assert np.isfinite(prepare.transform(new_town)).all()


def test_table_shows_mean_and_spread():
    pair = (
        row("Ours", accuracy=[0.9, 0.8], log_loss=[20, 40], fit_time=[1, 2], n_iter=[3, 5]),
        row("Theirs", predict_time=[0.001, 0.003], n_iter=[np.nan, np.nan]),
    )
    head, ours, theirs = format_table([pair]).splitlines()
    assert head.split() == "accuracy log loss fit, s predict, ms iter".split()
    cells = "Ours 0.8500 ± 0.0707 30.00 ± 14.14 1.5000 ± 0.7071 1000.00 ± 0.00 4"
    assert ours.split() == cells.split()
    assert theirs.split()[-4:] == ["2.00", "±", "1.41", "-"]
    assert len(head) == len(ours) == len(theirs) <= 100


@pytest.mark.parametrize(
    ("scores", "shown"),
    [
        ([0.12346, 0.12346], "0.1235 ± 0.0000"),
        ([21.5, 22.5], "22.00 ± 0.71"),
        ([123456, 123458], "123457 ± 1"),
        ([2e-9, 4e-9], "3.00e-09 ± 1e-09"),
        ([0, 0], "0.0000 ± 0.0000"),
    ],
)
def test_scores_of_any_size_fit_their_column(scores, shown):
    line = format_table([(row(log_loss=scores), row())]).splitlines()[1]
    assert shown in line
    assert len(line) <= 100


def test_verdict_names_the_faster_one_and_the_better_one():
    ours = row("Ours", fit_time=[1, 1], predict_time=[3, 6], accuracy=[0.9, 0.91], log_loss=[3, 4])
    theirs = row("Theirs", fit_time=[2, 3], predict_time=[1, 2], accuracy=[0.8, 0.8])
    assert format_verdict(ours, theirs, "classification").splitlines() == [
        "Ours against Theirs:",
        "  Ours fits 2.5 times as fast; Theirs predicts 3.0 times as fast",
        "  accuracy: Ours is better (+0.1050 ± 0.0071); "
        "log loss: Theirs is better (+2.5000 ± 0.7071)",
    ]


def test_verdict_against_a_perfect_peer():
    ours, theirs = row("Ours", log_loss=[47.0, 48.0]), row("Theirs", log_loss=[1e-13, 2e-13])
    verdict = format_verdict(ours, theirs, "classification")
    assert verdict.endswith("log loss: Theirs is better (+47.50 ± 0.71)")


@pytest.mark.parametrize(
    ("accuracy", "fit_time"),
    [
        ([0.82, 0.79], [0.5, 2.0]),  # the folds disagree
        ([0.80009, 0.80009], [1.01, 1.02]),  # they agree on less than the last digit
        ([0.8, 0.8], [1.0, 1.0]),
    ],
)
def test_verdict_finds_no_difference_in_noise(accuracy, fit_time):
    verdict = format_verdict(
        row("Ours", accuracy=accuracy, fit_time=fit_time),
        row("Theirs", accuracy=[0.8, 0.8]),
        "classification",
    )
    assert "accuracy: no difference" in verdict
    assert "both fit equally fast" in verdict
