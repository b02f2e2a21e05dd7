"""The linear estimators find scikit-learn's models, whatever the form of the data."""

import numpy as np
import pytest
from linear_data import (
    ESTIMATORS,
    EXACT,
    SMOOTH,
    SPARSE,
    classes,
    classification,
    data_for,
    forms,
    regression,
)
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris, make_regression
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import GDLinearRegression, GDLogisticRegression, SoftmaxClassifier


def assert_same_model(model, reference, rtol=1e-4):
    np.testing.assert_allclose(model.coef_, reference.coef_, rtol=rtol, atol=rtol * 1e-2)
    np.testing.assert_allclose(model.intercept_, reference.intercept_, rtol=rtol, atol=rtol * 1e-2)


@pytest.mark.parametrize("solver", SMOOTH)
@pytest.mark.parametrize("C", [0.05, 1.0, 100.0, np.inf])
@classes
@forms
def test_ridge_logistic_regression_is_scikit_learns(solver, C, n_classes, form):
    X, y = classification(n_classes)
    weight = np.random.default_rng(1).uniform(0, 3, len(y))
    reference = LogisticRegression(C=C, tol=1e-12, solver="newton-cholesky").fit(X, y, weight)
    model = GDLogisticRegression(C=C, solver=solver, **EXACT)
    model.fit(form(X), y, weight)
    if C == np.inf and n_classes > 2:
        # The weights are determined but for a shift of all classes'.
        np.testing.assert_allclose(
            model.predict_log_proba(X), reference.predict_log_proba(X), rtol=1e-4, atol=1e-5
        )
    else:
        assert_same_model(model, reference)
    assert model.coef_.shape == reference.coef_.shape
    assert model.intercept_.shape == reference.intercept_.shape
    np.testing.assert_array_equal(model.classes_, reference.classes_)
    np.testing.assert_array_equal(model.predict(X), reference.predict(X))
    np.testing.assert_allclose(model.predict_proba(X), reference.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("class_weight", ["balanced", {"one": 5.0, "three": 0.5, "two": 1}])
@classes
def test_class_weight_is_scikit_learns(class_weight, n_classes):
    X, y = classification(n_classes)
    if n_classes == 2 and isinstance(class_weight, dict):
        class_weight = {name: class_weight[name] for name in ("one", "three")}
    reference = LogisticRegression(
        class_weight=class_weight, tol=1e-12, solver="newton-cholesky"
    ).fit(X, y)
    assert_same_model(GDLogisticRegression(class_weight=class_weight, **EXACT).fit(X, y), reference)


@pytest.mark.parametrize("solver", SPARSE)
@pytest.mark.parametrize("C, l1_ratio", [(0.05, 1.0), (0.05, 0.5), (1.0, 1.0)])
@classes
@forms
def test_l1_logistic_regression_is_scikit_learns(solver, C, l1_ratio, n_classes, form):
    X, y = classification(n_classes)
    weight = np.random.default_rng(1).uniform(0.5, 2, len(y))
    reference = LogisticRegression(
        C=C, l1_ratio=l1_ratio, solver="saga", tol=1e-12, max_iter=100_000, random_state=0
    ).fit(X, y, weight)
    model = GDLogisticRegression(C=C, l1_ratio=l1_ratio, solver=solver, **EXACT)
    model.fit(form(X), y, weight)
    assert_same_model(model, reference)
    np.testing.assert_array_equal(model.coef_ == 0, reference.coef_ == 0)
    if C < 1 and l1_ratio == 1:
        assert 0 < (model.coef_ == 0).sum() < model.coef_.size


@pytest.mark.parametrize("solver", SPARSE)
def test_l1_without_intercept_is_liblinears(solver):
    X, y = classification()
    reference = LogisticRegression(
        C=0.1, l1_ratio=1, solver="liblinear", fit_intercept=False, tol=1e-10, max_iter=10_000
    ).fit(X, y)
    model = GDLogisticRegression(C=0.1, l1_ratio=1, fit_intercept=False, solver=solver, **EXACT)
    assert_same_model(model.fit(X, y), reference)
    np.testing.assert_array_equal(model.coef_ == 0, reference.coef_ == 0)
    np.testing.assert_array_equal(model.intercept_, [0.0])


@pytest.mark.parametrize("solver", SMOOTH)
@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_ridge_regression_is_scikit_learns(solver, alpha, n_targets, fit_intercept):
    X, y = regression(n_targets)
    weight = np.random.default_rng(1).uniform(0.5, 2, len(y))
    reference = (
        Ridge(alpha * weight.sum(), fit_intercept=fit_intercept)
        if alpha
        else LinearRegression(fit_intercept=fit_intercept)
    ).fit(X, y, weight)
    model = GDLinearRegression(
        alpha=alpha, fit_intercept=fit_intercept, solver=solver, **EXACT
    ).fit(X, y, weight)
    assert_same_model(model, reference)
    assert np.shape(model.coef_) == np.shape(reference.coef_)
    assert np.shape(model.intercept_) == np.shape(reference.intercept_)
    np.testing.assert_allclose(model.predict(X), reference.predict(X), rtol=1e-4, atol=1e-4)
    assert model.score(X, y) == pytest.approx(reference.score(X, y), rel=1e-6)


@pytest.mark.parametrize("solver", SPARSE)
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@forms
def test_elastic_net_is_scikit_learns(solver, l1_ratio, form):
    X, y = regression()
    weight = np.random.default_rng(1).uniform(0.5, 2, len(y))
    kind = Lasso(0.3, tol=1e-12) if l1_ratio == 1 else ElasticNet(0.3, l1_ratio=0.5, tol=1e-12)
    reference = kind.fit(X, y, weight)
    model = GDLinearRegression(alpha=0.3, l1_ratio=l1_ratio, solver=solver, **EXACT)
    assert_same_model(model.fit(form(X), y, weight), reference)
    np.testing.assert_array_equal(model.coef_ == 0, reference.coef_ == 0)
    assert (model.coef_ == 0).any()


@pytest.mark.parametrize("size", [1e-8, 1e8])
def test_tolerance_follows_the_size_of_the_targets(size):
    X, y = regression()
    models = [GDLinearRegression(solver="gd", max_iter=1000).fit(X, y * s) for s in (1, size)]
    assert models[0].n_iter_ > 3
    np.testing.assert_allclose(models[1].coef_ / size, models[0].coef_, rtol=1e-3)


def test_constant_targets():
    X, _ = regression()
    model = GDLinearRegression().fit(X, np.full(len(X), 3.7))
    np.testing.assert_allclose(model.predict(X), 3.7, rtol=1e-9)


def test_badly_scaled_features():
    X, y = classification()
    scales = [1e-4, 1e4, 1.0, 1e2, 1e-2]
    plain = GDLogisticRegression(C=np.inf, tol=1e-9).fit(X, y)
    for solver in ("newton", "auto"):
        scaled = GDLogisticRegression(C=np.inf, solver=solver, tol=1e-9).fit(X * scales, y)
        np.testing.assert_allclose(scaled.coef_ * scales, plain.coef_, rtol=1e-4)


def test_separable_classes_without_penalty():
    X = np.array([[-2.0], [-1], [1], [2]])
    for solver in SMOOTH:
        model = GDLogisticRegression(C=np.inf, solver=solver, max_iter=20_000, tol=1e-3)
        model.fit(X, [0, 0, 1, 1])
        assert np.isfinite(model.coef_).all()
        assert model.score(X, [0, 0, 1, 1]) == 1


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", SMOOTH)
def test_float32_is_kept_and_close(Estimator, solver):
    X, y = data_for(Estimator)
    options = {"C": 0.5} if Estimator is not GDLinearRegression else {"alpha": 0.1}
    exact = Estimator(**options, tol=1e-8).fit(X, y)
    assert exact.coef_.dtype == exact.intercept_.dtype == np.float64
    by_dtype = Estimator(**options, dtype="float32", solver=solver, max_iter=1000).fit(X, y)
    by_data = Estimator(**options, solver=solver, max_iter=1000).fit(X.astype(np.float32), y)
    forced = Estimator(**options, dtype=np.float64, tol=1e-8).fit(X.astype(np.float32), y)
    for model in (by_dtype, by_data):
        assert model.coef_.dtype == np.float32
        np.testing.assert_allclose(model.coef_, exact.coef_, rtol=1e-3, atol=1e-3)
    assert forced.coef_.dtype == np.float64
    np.testing.assert_array_equal(by_dtype.coef_, by_data.coef_)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["auto", "sgd"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weight_zero_is_no_row(Estimator, solver, dtype):
    X, y = data_for(Estimator)
    weight = np.random.default_rng(1).integers(0, 3, len(y)).astype(float)
    kept = weight > 0
    model = Estimator(solver=solver, batch_size=20, random_state=0, dtype=dtype, max_iter=1000)
    without = clone(model).fit(X[kept], y[kept], weight[kept])
    model.fit(X, y, weight)
    if solver == "sgd":
        np.testing.assert_array_equal(model.coef_, without.coef_)
    # BLAS may sum rows that were gathered in another order.
    np.testing.assert_allclose(
        model.coef_, without.coef_, rtol=1e-3 if dtype == "float32" else 1e-9
    )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype, rtol", [("float32", 1e-3), ("float64", 1e-7)])
def test_weights_are_repetitions(Estimator, dtype, rtol):
    X, y = data_for(Estimator)
    weight = np.random.default_rng(1).integers(0, 4, len(y))
    tol = 1e-5 if dtype == "float32" else 1e-10
    model = Estimator(dtype=dtype, tol=tol, solver="newton")
    repeated = clone(model).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(model.fit(X, y, weight).coef_, repeated.coef_, rtol=rtol)


@pytest.mark.parametrize("solver", ["auto", "sgd"])
def test_scale_of_the_weights(solver):
    X, y = classification()
    weight = np.random.default_rng(1).uniform(0.1, 2, len(y))
    # Eight is a power of two: the mean of the scaled weights is exactly the same.
    once = GDLogisticRegression(C=1.0, solver=solver, random_state=0, max_iter=1000)
    often = clone(once).set_params(C=1 / 8)
    np.testing.assert_array_equal(once.fit(X, y, weight).coef_, often.fit(X, y, 8 * weight).coef_)
    regressor = GDLinearRegression(alpha=0.1)
    X, y = regression()
    np.testing.assert_allclose(
        regressor.fit(X, y, weight).coef_, clone(regressor).fit(X, y, 1e300 * weight).coef_
    )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_order_and_layout_of_the_data_do_not_matter(Estimator):
    X, y = data_for(Estimator)
    expected = Estimator().fit(X, y).coef_
    read_only = X.copy()
    read_only.flags.writeable = False
    wide = sparse.csr_array(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    unsorted = sparse.csr_array(X[:, ::-1])
    unsorted.indices = (X.shape[1] - 1 - unsorted.indices).astype(unsorted.indices.dtype)
    for form in (np.asfortranarray(X), read_only, X.tolist(), sparse.csc_array(X), wide, unsorted):
        np.testing.assert_allclose(Estimator().fit(form, y).coef_, expected, rtol=1e-9)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_fit_changes_none_of_its_inputs(Estimator):
    X, y = data_for(Estimator)
    weight = np.ones(len(y))
    weight[:9] = 0
    coef, intercept = np.full((1, 5), 0.1), np.zeros(1)
    if Estimator is SoftmaxClassifier:
        coef, intercept = np.full((2, 5), 0.1), np.zeros(2)
    before = [a.copy() for a in (X, y, weight, coef, intercept)]
    Estimator(solver="sgd", tol=1e-2).fit(X, y, weight, coef_init=coef, intercept_init=intercept)
    for now, then in zip((X, y, weight, coef, intercept), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_in_a_pipeline():
    X, y = load_iris(return_X_y=True)
    parts = train_test_split(X, y, random_state=0)
    model = make_pipeline(StandardScaler(), GDLogisticRegression())
    reference = make_pipeline(StandardScaler(), LogisticRegression())
    scores = [m.fit(parts[0], parts[2]).score(parts[1], parts[3]) for m in (model, reference)]
    assert scores[0] == scores[1]


def test_recovers_the_coefficients():
    X, y, coef = make_regression(100, 3, coef=True, random_state=1)
    np.testing.assert_allclose(GDLinearRegression().fit(X, y).coef_, coef, rtol=1e-9)
