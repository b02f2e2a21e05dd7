"""The linear estimators: starts, paths, predictions, errors, scikit-learn's conventions."""

import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from linear_data import (
    CLASSIFIERS,
    ESTIMATORS,
    SMOOTH,
    classes,
    classification,
    data_for,
    forms,
    regression,
)
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet
from sklearn.preprocessing import StandardScaler

from skdnn import GDLinearRegression, GDLogisticRegression, SoftmaxClassifier


def compiled():
    """Return how many versions of each kernel have been compiled."""
    return {
        (name, key): len(value.signatures)
        for name, module in list(sys.modules.items())
        if name.startswith("skdnn.engine.")
        for key, value in vars(module).items()
        if hasattr(value, "signatures")
    }


# Starts, paths, curves


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["gd", "nesterov", "newton", "lbfgs"])
def test_path_and_curve(Estimator, solver):
    X, y = data_for(Estimator)
    model = Estimator(solver=solver, store_path=True, max_iter=1000).fit(X, y)
    n_iter = int(np.ravel(model.n_iter_)[0])
    assert n_iter == len(model.loss_curve_) > 0
    assert model.coef_path_.shape == (n_iter + 1, *model.coef_.shape)
    assert model.intercept_path_.shape == (n_iter + 1, *np.shape(model.intercept_))
    np.testing.assert_array_equal(model.coef_path_[0], 0)
    np.testing.assert_array_equal(model.coef_path_[-1], model.coef_)
    np.testing.assert_array_equal(model.intercept_path_[-1], model.intercept_)
    assert not hasattr(Estimator().fit(X, y), "coef_path_")
    if solver != "nesterov":
        assert (np.diff(model.loss_curve_) <= 1e-12).all()


def test_loss_curve_is_the_objective():
    X, y = classification(3)
    model = SoftmaxClassifier(C=0.5, l1_ratio=0.4, solver="gd", store_path=True, max_iter=500)
    model.fit(X, y)
    labels = np.searchsorted(model.classes_, y)
    for i, value in enumerate(model.loss_curve_):
        W, b = model.coef_path_[i + 1], model.intercept_path_[i + 1]
        proba = softmax(X @ W.T + b, axis=1)[np.arange(len(y)), labels]
        penalty = 0.4 * np.abs(W).sum() + 0.3 * (W**2).sum()
        assert value == pytest.approx(-np.log(proba).mean() + penalty / (0.5 * len(y)), rel=1e-12)
    X, y = regression(2)
    model = GDLinearRegression(alpha=0.2, l1_ratio=0.4).fit(X, y)
    penalty = 0.2 * (0.4 * np.abs(model.coef_).sum() + 0.3 * (model.coef_**2).sum())
    error = ((y - model.predict(X)) ** 2).sum(axis=1).mean() / 2
    assert model.loss_curve_[-1] == pytest.approx(error + penalty, rel=1e-12)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_warm_start_continues(Estimator):
    X, y = data_for(Estimator)
    whole = Estimator(solver="gd", max_iter=6, tol=0, learning_rate=0.1)
    halves = clone(whole).set_params(max_iter=3, warm_start=True)
    with pytest.warns(ConvergenceWarning):
        whole.fit(X, y)
    for _ in range(2):
        with pytest.warns(ConvergenceWarning):
            halves.fit(X, y)
    np.testing.assert_allclose(halves.coef_, whole.coef_, rtol=1e-13)
    np.testing.assert_allclose(halves.intercept_, whole.intercept_, rtol=1e-13)
    # At the minimum nothing is left to do.
    model = Estimator(warm_start=True).fit(X, y)
    coef = model.coef_.copy()
    assert np.all(model.set_params(tol=1e-3).fit(X, y).n_iter_ == 0)
    np.testing.assert_array_equal(model.coef_, coef)


def test_warm_start_on_other_data_is_refused():
    X, y = classification()
    model = GDLogisticRegression(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="other classes than before"):
        model.fit(X, np.where(y == "one", "yes", "no"))
    with pytest.raises(
        ValueError, match=r"warm_start=True\) has shape \(1, 5\), expected \(1, 4\)"
    ):
        clone(model).fit(X, y).fit(X[:, :4], y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_initial_values_are_used(Estimator):
    X, y = data_for(Estimator)
    K = 2 if Estimator is SoftmaxClassifier else 1
    coef, intercept = np.arange(5.0 * K).reshape(K, 5) / 10, np.full(K, 0.7)
    model = Estimator(max_iter=0)
    with pytest.warns(ConvergenceWarning, match="max_iter=0"):
        model.fit(X, y, coef_init=coef, intercept_init=intercept)
    np.testing.assert_array_equal(np.atleast_2d(model.coef_), coef)
    np.testing.assert_array_equal(np.atleast_1d(model.intercept_), intercept)
    assert model.loss_curve_ == []
    with pytest.raises(ValueError, match="coef_init has shape"):
        model.fit(X, y, coef_init=np.zeros((K, 4)))
    with pytest.raises(ValueError, match="coef_init has shape"):
        model.fit(X, y, coef_init=np.zeros((K + 1, 5)))
    with pytest.raises(ValueError, match="intercept_init has shape"):
        model.fit(X, y, intercept_init=np.zeros(K + 1))
    with pytest.raises(ValueError, match="intercept_init contains NaN"):
        model.fit(X, y, intercept_init=np.full(K, np.nan))
    with pytest.raises(ValueError, match="fit_intercept=False"):
        Estimator(fit_intercept=False).fit(X, y, intercept_init=np.ones(K))
    # From any start to the same minimum.
    far = Estimator(tol=1e-9).fit(X, y, coef_init=coef * 3, intercept_init=-intercept)
    near = Estimator(tol=1e-9).fit(X, y)
    predictions = [
        model.predict(X) if Estimator is GDLinearRegression else model.decision_function(X)
        for model in (far, near)
    ]
    np.testing.assert_allclose(*predictions, rtol=1e-5, atol=1e-5)


# Predictions


@classes
@pytest.mark.parametrize("Estimator", CLASSIFIERS)
def test_predictions_by_hand(Estimator, n_classes):
    X, y = classification(n_classes)
    model = Estimator().fit(X, y)
    scores = X @ model.coef_.T + model.intercept_
    if n_classes == 2:
        score = scores[:, 0] if scores.shape[1] == 1 else scores[:, 1] - scores[:, 0]
        np.testing.assert_allclose(model.decision_function(X), score, atol=1e-12)
        proba = np.column_stack([1 - expit(score), expit(score)])
    else:
        np.testing.assert_allclose(model.decision_function(X), scores, atol=1e-12)
        proba = softmax(scores, axis=1)
    np.testing.assert_allclose(model.predict_proba(X), proba, atol=1e-7)
    np.testing.assert_array_equal(model.predict(X), model.classes_[proba.argmax(axis=1)])
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(proba), rtol=1e-7)


@classes
@pytest.mark.parametrize("Estimator", CLASSIFIERS)
def test_log_probabilities_of_certain_predictions_are_finite(Estimator, n_classes):
    X, y = classification(n_classes)
    model = Estimator().fit(X, y)
    far = 1e5 * X
    assert (model.predict_proba(far) == 0).any()
    log_proba = model.predict_log_proba(far)
    assert np.isfinite(log_proba).all()
    assert log_proba.min() < -1000
    np.testing.assert_allclose(model.predict_proba(far).sum(axis=1), 1)


def test_two_softmax_neurons_are_one_sigmoid_neuron():
    X, y = classification()
    two = SoftmaxClassifier(C=1.0, tol=1e-10).fit(X, y)
    one = GDLogisticRegression(C=2.0, tol=1e-10).fit(X, y)
    assert two.coef_.shape == (2, 5)
    assert two.intercept_.shape == (2,)
    np.testing.assert_allclose(two.coef_[1] - two.coef_[0], one.coef_[0], rtol=1e-7)
    np.testing.assert_allclose(two.predict_proba(X), one.predict_proba(X), rtol=1e-7)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_sparse_coefficients(Estimator):
    X, y = data_for(Estimator)
    options = {"alpha": 0.3} if Estimator is GDLinearRegression else {"C": 0.05}
    model = Estimator(l1_ratio=1, warm_start=True, **options).fit(X, y)
    expected = model.predict(X)
    model.sparsify()
    assert sparse.issparse(model.coef_)
    got = model.predict(X)
    if Estimator is GDLinearRegression:
        np.testing.assert_allclose(np.ravel(got), expected)
    else:
        np.testing.assert_array_equal(got, expected)
        assert not sparse.issparse(model.densify().coef_)
        assert model.sparsify().fit(X, y).n_iter_[0] == 0


# Bad input


@pytest.mark.parametrize("Estimator", CLASSIFIERS)
def test_one_class(Estimator):
    X, _ = classification()
    with pytest.raises(ValueError, match=r"at least 2 classes.*one class: .*7"):
        Estimator().fit(X, np.full(len(X), 7))


@pytest.mark.parametrize("Estimator", CLASSIFIERS)
def test_continuous_labels(Estimator):
    X, _ = classification()
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        Estimator().fit(X, X[:, 0])


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "weight, said",
    [
        (np.zeros(200), "zero|all|positive"),
        (np.r_[-1.0, np.ones(199)], "[Nn]egative"),
        (np.r_[np.nan, np.ones(199)], "NaN"),
        (np.ones(199), "shape"),
    ],
)
def test_bad_weights(Estimator, weight, said):
    X, y = data_for(Estimator)
    with pytest.raises(ValueError, match=said):
        Estimator().fit(X, y, weight)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_bad_features(Estimator):
    X, y = data_for(Estimator)
    model = Estimator().fit(X, y)
    for value, said in ((np.nan, "NaN"), (np.inf, "infinity")):
        bad = X.copy()
        bad[3, 2] = value
        with pytest.raises(ValueError, match=said):
            Estimator().fit(bad, y)
        with pytest.raises(ValueError, match=said):
            model.predict(bad)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        Estimator().fit(X[:9], y)
    with pytest.raises(ValueError, match="0 sample"):
        Estimator().fit(X[:0], y[:0])
    with pytest.raises(ValueError, match="X has 4 features"):
        model.predict(X[:, :4])
    with pytest.raises(ValueError, match="could not convert string"):
        Estimator().fit([["a", "b"], ["c", "d"]], y[:2])
    frame = pd.DataFrame(X, columns=list("abcde"))
    named = Estimator().fit(frame, y)
    np.testing.assert_array_equal(named.feature_names_in_, list("abcde"))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        named.predict(X)
    with pytest.raises(ValueError, match="feature names should match"):
        named.predict(frame[list("edcba")])


@pytest.mark.parametrize(
    "options, error",
    [
        ({"C": 0}, "'C' parameter"),
        ({"C": -1.0}, "'C' parameter"),
        ({"l1_ratio": 1.1}, "'l1_ratio' parameter"),
        ({"solver": "random_search"}, "'solver' parameter"),
        ({"learning_rate": 0.0}, "'learning_rate' parameter"),
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"dtype": "float16"}, "'dtype' parameter"),
        ({"solver": "lbfgs", "l1_ratio": 0.5}, "solver='lbfgs' cannot handle an L1 penalty"),
        ({"class_weight": {"one": -1}}, "negative"),
    ],
)
def test_bad_parameters(options, error):
    X, y = classification()
    with pytest.raises(ValueError, match=error):
        GDLogisticRegression(**options).fit(X, y)


@pytest.mark.parametrize("solver", ["gd", "nesterov", "sgd"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_diverging_learning_rate(Estimator, solver):
    X, y = data_for(Estimator)
    model = Estimator(solver=solver, learning_rate=1e7, max_iter=1000)
    with pytest.raises(ValueError, match=r"diverges with learning_rate=10000000.0.*smaller"):
        model.fit(X, y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", [*SMOOTH, "sgd"])
@pytest.mark.parametrize("dtype, factor", [("float32", 1e30), ("float64", 1e200)])
def test_features_whose_squares_overflow(Estimator, solver, dtype, factor):
    X, y = data_for(Estimator)
    with pytest.raises(ValueError, match=f"overflow in {dtype}.*[Ss]cale"):
        Estimator(solver=solver, dtype=dtype).fit(X * factor, y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["auto", "newton", "lbfgs"])
def test_features_of_unusual_size(Estimator, solver):
    X, y = data_for(Estimator)
    options = {} if Estimator is GDLinearRegression else {"C": np.inf}
    expected = Estimator(**options, tol=1e-9).fit(X, y).coef_
    for factor in (1e-4, 1e4, 1e7):
        coef = Estimator(**options, tol=1e-8 * factor, solver=solver).fit(X * factor, y).coef_
        np.testing.assert_allclose(coef * factor, expected, rtol=1e-5, atol=1e-6)


# scikit-learn's conventions


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_copies_predict_the_same(Estimator):
    X, y = data_for(Estimator)
    model = Estimator(solver="newton").fit(X, y)
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "coef_")
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@forms
def test_second_fit_compiles_nothing(Estimator, form):
    X, y = data_for(Estimator)
    solvers = [*SMOOTH, "sgd"]

    def fit_all():
        for solver in solvers:
            for options in ({}, {"l1_ratio": 0.5}) if solver != "lbfgs" else ({},):
                Estimator(solver=solver, tol=1e-2, **options).fit(form(X), y, np.ones(len(y)))
                Estimator(solver=solver, tol=1e-2, **options).fit(form(X), y)

    fit_all()
    before = compiled()
    fit_all()
    assert len(before) > 20
    assert compiled() == before


def test_seed_decides():
    X, y = classification()
    model = GDLogisticRegression(solver="sgd", batch_size=20, random_state=1, max_iter=1000)
    coef = model.fit(X, y).coef_
    np.testing.assert_array_equal(clone(model).fit(X, y).coef_, coef)
    assert (clone(model).set_params(random_state=2).fit(X, y).coef_ != coef).any()
    instance = clone(model).set_params(random_state=np.random.RandomState(1))
    np.testing.assert_array_equal(instance.fit(X, y).coef_, coef)
    assert (instance.fit(X, y).coef_ != coef).any()


def test_verbose(capsys):
    X, y = classification()
    model = GDLogisticRegression().fit(X, y)
    assert capsys.readouterr().out == ""
    model.set_params(verbose=1).fit(X, y)
    assert len(capsys.readouterr().out.splitlines()) == model.n_iter_[0]


def test_multi_output_of_one_column():
    X, y = regression()
    flat, column = GDLinearRegression().fit(X, y), GDLinearRegression().fit(X, y[:, None])
    assert flat.coef_.shape == (5,)
    assert column.coef_.shape == (1, 5)
    assert flat.predict(X).shape == (200,)
    np.testing.assert_array_equal(column.predict(X), flat.predict(X)[:, None])


def test_import_leaves_numba_alone():
    code = "import sys, skdnn.linear; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", [*SMOOTH, "sgd"])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_features_are_not_copied(Estimator, solver, container):
    X, y = data_for(Estimator, n=20_000)
    X = np.hstack([X] * 10) + np.random.default_rng(0).standard_normal((len(X), 50))
    weight = np.ones(len(y))
    weight[::7] = 0
    nbytes, X = X.nbytes, container(X)
    model = Estimator(solver=solver, tol=0.1)
    model.fit(X, y, weight)
    tracemalloc.start()
    model.fit(X, y, weight)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < nbytes / 2


def test_warm_start_with_and_without_intercepts():
    X, y = regression(2)
    model = GDLinearRegression(warm_start=True, fit_intercept=False).fit(X, y)
    assert model.intercept_ == 0.0
    assert model.fit(X, y).n_iter_ == 0
    model.set_params(fit_intercept=True, tol=1e-10).fit(X, y)
    np.testing.assert_allclose(model.coef_, GDLinearRegression(tol=1e-10).fit(X, y).coef_)
    model.set_params(fit_intercept=False).fit(X, y)
    assert model.intercept_ == 0.0


@pytest.mark.parametrize("dtype, scale", [(np.float32, 1e20), (np.float64, 1e160)])
def test_targets_whose_squares_overflow(dtype, scale):
    X = np.random.RandomState(0).normal(size=(50, 3)).astype(dtype)
    y = (scale * X[:, 0]).astype(dtype)
    with pytest.raises(ValueError, match=r"too large\. Scale the data"):
        GDLinearRegression().fit(X, y)


def test_large_targets():
    X = np.random.RandomState(0).normal(size=(50, 3)).astype(np.float32)
    model = GDLinearRegression().fit(X, (1e15 * X[:, 0]).astype(np.float32))
    np.testing.assert_allclose(model.coef_, [1e15, 0, 0], rtol=1e-5, atol=1e10)


def test_the_path_of_an_earlier_fit_does_not_stay():
    X, y = load_iris(return_X_y=True)
    model = GDLogisticRegression(store_path=True).fit(X, y)
    assert hasattr(model, "coef_path_")
    model.set_params(store_path=False).fit(X, y)
    assert not hasattr(model, "coef_path_") and not hasattr(model, "intercept_path_")


@pytest.mark.parametrize("l1_ratio", [0, 1])
@pytest.mark.parametrize("load", [load_breast_cancer, load_wine, load_iris, load_digits])
def test_nesterov_is_no_slower_than_plain_descent(load, l1_ratio):
    X, y = load(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    n_iter = {
        solver: GDLogisticRegression(solver=solver, l1_ratio=l1_ratio, max_iter=3000, tol=1e-5)
        .fit(X, y)
        .n_iter_[0]
        for solver in ("gd", "nesterov")
    }
    assert n_iter["nesterov"] <= n_iter["gd"]


@pytest.mark.parametrize("l1_ratio", [0.5, 0.9, 1.0])
def test_elastic_net_is_exact_at_the_default_tol(l1_ratio):
    X, y = load_diabetes(return_X_y=True)
    exact = ElasticNet(alpha=0.1, l1_ratio=l1_ratio, tol=1e-12, max_iter=100_000).fit(X, y)
    model = GDLinearRegression(alpha=0.1, l1_ratio=l1_ratio).fit(X, y)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=1e-5 * np.abs(exact.coef_).max())
