"""Standard errors, p-values, intervals and likelihoods, against statsmodels."""

import copy
import pickle
import re

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skdnn import GDLinearRegression, GDLogisticRegression
from skdnn.callbacks import EarlyStopping
from skdnn.likelihood import MAX_FEATURES, MAX_NUMBERS

EXACT = {"tol": 1e-11, "max_iter": 1000}
intercepts = pytest.mark.parametrize("fit_intercept", [True, False])
weights = pytest.mark.parametrize("weighted", [False, True])


def logistic(**params):
    return GDLogisticRegression(C=np.inf, **{**EXACT, **params})


def binary(n=300, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 4)) * [1, 10, 0.1, 1] + [0, 5, 0, -1]
    z = X @ [1, -0.1, 4, 0] + 0.3
    return X.astype(dtype), np.where(rng.random(n) < 1 / (1 + np.exp(-z)), "well", "ill")


def continuous(n=60):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n, 3)) * [1, 10, 0.1] + [0, 5, 0]
    return X, X @ [1, -0.1, 4] + 7 + rng.standard_normal(n)


def counts(n):
    return np.random.default_rng(2).integers(0, 4, n).astype(float)


def design(X, fit_intercept):
    return sm.add_constant(np.asarray(X), has_constant="add") if fit_intercept else np.asarray(X)


def null_log_likelihood(expected):
    """Return that of the model of an intercept; statsmodels' own has the other model's variance."""
    model = expected.model
    if not isinstance(getattr(model, "family", None), sm.families.Gaussian):
        return expected.llnull
    ones = np.ones(len(model.endog))
    return sm.GLM(model.endog, ones, freq_weights=model.freq_weights).fit().llf


def agrees(summary, expected, rtol=1e-7):
    """Assert that a summary has the numbers of fitted results of statsmodels."""
    for ours, theirs in (
        (summary.coefficients, expected.params),
        (summary.standard_errors, expected.bse),
        (summary.covariance, expected.cov_params()),
        (summary.confidence_intervals, expected.conf_int(1 - summary.level)),
        (summary.log_likelihood, expected.llf),
        (summary.null_log_likelihood, null_log_likelihood(expected)),
        (summary.df_residuals, expected.df_resid),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * np.abs(theirs).max())
    np.testing.assert_allclose(summary.z, expected.tvalues, rtol=10 * rtol, atol=10 * rtol)
    np.testing.assert_allclose(summary.p_values, expected.pvalues, rtol=100 * rtol, atol=1e-30)


@intercepts
def test_logit(fit_intercept):
    X, y = binary()
    summary = logistic(fit_intercept=fit_intercept).fit(X, y).summary()
    expected = sm.Logit(y == "well", design(X, fit_intercept)).fit(disp=0, tol=1e-12)
    agrees(summary, expected)
    assert summary.r2 == pytest.approx(expected.prsquared)
    assert summary.df_model == 4
    assert summary.n_samples == 300
    assert summary.notes == ()


def test_real_data():
    X, y = load_breast_cancer(return_X_y=True)
    X = X[:, [0, 1, 4]]
    summary = logistic().fit(X, y).summary(level=0.9)
    agrees(summary, sm.Logit(y, sm.add_constant(X)).fit(disp=0, tol=1e-12, maxiter=100), 1e-6)
    X, y = load_diabetes(return_X_y=True)
    summary = GDLinearRegression(**EXACT).fit(X, y).summary()
    agrees(summary, sm.GLM(y, sm.add_constant(X)).fit(), 1e-6)


@intercepts
@weights
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
def test_glm_binomial_with_weights(fit_intercept, weighted, form):
    X, y = binary()
    weight = counts(len(y)) if weighted else None
    model = logistic(fit_intercept=fit_intercept).fit(form(X), y, weight)
    glm = sm.GLM(
        (y == "well").astype(float),
        design(X, fit_intercept),
        family=sm.families.Binomial(),
        freq_weights=weight,
    )
    expected = glm.fit(tol=1e-13)
    agrees(model.summary(), expected)
    agrees(model.summary(form(X), y, weight), expected)
    assert model.summary().n_samples == (np.count_nonzero(weight) if weighted else 300)
    assert model.summary().sum_of_weights == (weight.sum() if weighted else 300)
    assert any("Weights count" in note for note in model.summary().notes) == weighted


@intercepts
@weights
def test_glm_gaussian_with_weights(fit_intercept, weighted):
    X, y = continuous()
    weight = counts(len(y)) if weighted else None
    model = GDLinearRegression(fit_intercept=fit_intercept, **EXACT).fit(X, y, weight)
    summary = model.summary()
    expected = sm.GLM(y, design(X, fit_intercept), freq_weights=weight).fit()
    agrees(summary, expected)
    assert summary.scale == pytest.approx(expected.scale)
    assert summary.r2 == pytest.approx(model.score(X, y, weight))
    agrees(model.summary(X, y, weight), expected)


def test_weights_are_equal_rows():
    X, y = binary()
    weight = counts(len(y))
    repeated = np.repeat(np.arange(len(y)), weight.astype(int))
    once = logistic().fit(X[repeated], y[repeated]).summary()
    summary = logistic().fit(X, y, weight).summary()
    np.testing.assert_allclose(summary.covariance, once.covariance, rtol=1e-7)
    assert summary.log_likelihood == pytest.approx(once.log_likelihood)


def test_class_weight_counts():
    X, y = binary()
    by_class = {"ill": 1, "well": 3}
    model = logistic(class_weight=by_class).fit(X, y)
    expected = logistic().fit(X, y, np.where(y == "well", 3.0, 1.0)).summary()
    for summary in (model.summary(), model.summary(X, y)):
        np.testing.assert_allclose(summary.covariance, expected.covariance, rtol=1e-7)


def test_many_rows_are_summed_in_parts():
    """More numbers than one part of the design matrix has."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((90_000, 6))
    y = X @ np.arange(6) + rng.standard_normal(90_000)
    agrees(GDLinearRegression(**EXACT).fit(X, y).summary(), sm.GLM(y, sm.add_constant(X)).fit())


def test_float32_is_summed_in_float64():
    X, y = binary(dtype=np.float32)
    summary = logistic(tol=1e-6).fit(X, y).summary()
    expected = sm.Logit(y == "well", sm.add_constant(X.astype(float))).fit(disp=0)
    assert summary.standard_errors.dtype == np.float64
    np.testing.assert_allclose(summary.standard_errors, expected.bse, rtol=1e-4)
    # The likelihood is flat at its maximum, so that it has more digits than float32.
    np.testing.assert_allclose(summary.log_likelihood, expected.llf, rtol=1e-8)


def test_names():
    X, y = binary()
    assert logistic().fit(X, y).summary().names == ("intercept", "x0", "x1", "x2", "x3")
    table = pd.DataFrame(X, columns=["age", "<b>", "height", "dose"])
    model = logistic(fit_intercept=False).fit(table, y)
    assert model.summary().names == ("age", "<b>", "height", "dose")
    assert "&lt;b&gt;" in model.summary()._repr_html_()
    with pytest.raises(ValueError, match="feature names"):
        model.summary(table[["dose", "age", "<b>", "height"]], y)


def test_text_and_html():
    X, y = binary()
    summary = logistic().fit(X, y).summary(level=0.9)
    text, page = str(summary), summary._repr_html_()
    assert "log-odds of class well" in text and "log-odds of class well" in page
    assert "[0.05" in text and "0.95]" in text
    rows = [re.split(r"\s{2,}", line) for line in text.splitlines() if line.startswith("x")]
    cells = [re.findall("<td[^>]*>([^<]*)</td>", row) for row in page.split("<tr>")[3:]]
    assert cells == rows
    for row, *numbers in zip(
        rows,
        summary.coefficients[1:],
        summary.standard_errors[1:],
        summary.z[1:],
        summary.p_values[1:],
        *summary.confidence_intervals[1:].T,
        strict=True,
    ):
        np.testing.assert_allclose([float(cell) for cell in row[1:]], numbers, atol=5.1e-4)


@pytest.mark.parametrize(
    ("model", "data", "cure"),
    [
        (GDLogisticRegression(), binary, 'C=float("inf")'),
        (GDLogisticRegression(l1_ratio=1), binary, 'C=float("inf")'),
        (GDLinearRegression(alpha=0.1), continuous, "alpha=0"),
    ],
)
def test_penalised(model, data, cure):
    X, y = data()
    model = clone(model).fit(X, y)
    summary = model.summary()
    np.testing.assert_array_equal(summary.coefficients[1:], np.ravel(model.coef_))
    assert np.isnan(summary.standard_errors).all() and np.isnan(summary.p_values).all()
    assert cure in str(summary) and "std err" not in str(summary)
    # With the data it has what can be said of them.
    given = model.summary(X, y)
    assert np.isnan(given.standard_errors).all()
    free = clone(model).set_params(**{"C": np.inf} if data is binary else {"alpha": 0})
    assert given.log_likelihood < free.fit(X, y).summary().log_likelihood
    assert given.null_log_likelihood == pytest.approx(free.summary().null_log_likelihood)


def test_penalty_is_that_of_the_fit():
    X, y = binary()
    model = logistic().fit(X, y)
    expected = model.summary().standard_errors
    np.testing.assert_array_equal(model.set_params(C=1).summary().standard_errors, expected)
    assert np.isnan(model.fit(X, y).summary().standard_errors).all()


@pytest.mark.parametrize("Model", [logistic, GDLinearRegression])
def test_collinear_columns_have_no_standard_errors(Model):
    X, y = binary() if Model is logistic else continuous()
    twice = np.c_[X, X[:, 0] + X[:, 1]]
    summary = Model().fit(twice, y).summary()
    expected = Model().fit(X, y).summary()
    dependent = np.isin(np.arange(len(summary.names)), [1, 2, len(summary.names) - 1])
    np.testing.assert_array_equal(np.isnan(summary.standard_errors), dependent)
    # The others are those of the model without the superfluous column.
    np.testing.assert_allclose(
        summary.standard_errors[~dependent],
        np.delete(expected.standard_errors, [1, 2]),
        rtol=1e-5,
    )
    assert summary.df_residuals == expected.df_residuals
    assert "columns x0, x1, x" in summary.notes[0]


def test_constant_column_beside_an_intercept():
    X, y = continuous()
    summary = (
        GDLinearRegression().fit(np.c_[X, np.full(len(y), 3.0), np.zeros(len(y))], y).summary()
    )
    assert np.flatnonzero(np.isnan(summary.standard_errors)).tolist() == [0, 4, 5]


@pytest.mark.parametrize("tol", [1e-4, 1e-8, 0])
@pytest.mark.parametrize("whole", [True, False], ids=["all rows", "some rows"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_separated_classes(tol, whole):
    X, y = binary()
    if whole:
        y = X[:, 0] > 0.1
    else:
        # Only rows of one class have this: its coefficient is infinite, the others are not.
        X = np.c_[X, np.arange(len(y)) < 5]
        y[:5] = "well"
    summary = logistic(tol=tol).fit(X, y).summary()
    assert np.isnan(summary.standard_errors).all()
    assert "separates the classes" in str(summary)
    # A row of weight 0 is none, whatever its class.
    weight, others = np.ones(len(y)), y.copy()
    weight[-1], others[-1] = 0, y[np.argmax(y != y[-1])]
    summary = logistic(tol=tol).fit(X, others, sample_weight=weight).summary()
    assert "separates the classes" in str(summary)
    # One row of the other class, and there is a maximum.
    y = y.copy()
    y[0 if not whole else np.argmax(X[:, 0])] = "ill" if not whole else False
    summary = logistic().fit(X, y).summary()
    assert np.isfinite(summary.standard_errors).all() and summary.notes == ()


@pytest.mark.parametrize("solver", ["gd", "lbfgs", "newton", "sgd"])
def test_coefficients_that_are_not_the_maximum(solver):
    X, y = binary()
    X = X / X.std(axis=0)
    with pytest.warns(ConvergenceWarning):
        model = logistic(solver=solver, max_iter=1, random_state=0).fit(X, y)
    assert "not those of the largest likelihood" in str(model.summary())
    # How far they are, to first order.
    best = logistic().fit(X, y).summary()
    distance = np.abs(best.coefficients - model.summary().coefficients) / best.standard_errors
    said = float(re.search(r"up to ([\d.]+) standard", model.summary().notes[0])[1])
    assert 0.3 * distance.max() < said < 3 * distance.max()


def test_more_coefficients_than_rows():
    X, y = continuous(n=4)
    summary = GDLinearRegression().fit(X, y).summary()
    assert np.isnan(summary.standard_errors).all() and np.isnan(summary.scale)
    assert "no more rows than coefficients" in str(summary)


@pytest.mark.parametrize("Model", [logistic, GDLinearRegression])
def test_copies(Model):
    """A pickle has the covariance in place of the rows."""
    X, y = binary(20_000) if Model is logistic else continuous(20_000)
    model = Model().fit(X, y)
    stored = pickle.dumps(model)
    assert len(stored) < 10_000
    expected = model.summary()
    for other in (pickle.loads(stored), copy.deepcopy(model), copy.copy(model)):
        np.testing.assert_array_equal(other.summary().covariance, expected.covariance)
        assert other.summary().log_likelihood == expected.log_likelihood
    with pytest.raises(NotFittedError):
        clone(model).summary()


def test_data_that_were_changed_since_the_fit():
    X, y = continuous()
    model = GDLinearRegression().fit(X, y)
    X[:3] += 0.1
    with pytest.raises(ValueError, match="changed since the fit"):
        model.summary()
    stored = pickle.loads(pickle.dumps(model))
    with pytest.raises(ValueError, match=re.escape("Call summary(X, y)")):
        stored.summary()
    X[:3] -= 0.1
    agrees(stored.summary(X, y), sm.GLM(y, sm.add_constant(X)).fit(), 1e-6)


@pytest.mark.parametrize("Model", [logistic, GDLinearRegression])
def test_coefficients_that_a_callback_restores(Model):
    """All is told of them, and not of those of the last epoch."""
    X, y = binary() if Model is logistic else continuous()
    X = X / X.std(axis=0)
    stop = EarlyStopping("loss", patience=3, restore_best_weights=True)
    params = {"solver": "sgd", "learning_rate": 0.5, "batch_size": 10, "tol": 0.0}
    model = Model(**params, max_iter=100, random_state=0).set_callbacks(stop).fit(X, y)
    best = stop.best_epoch(model)
    assert best == len(model.history_) - 3
    with pytest.warns(ConvergenceWarning):
        shorter = Model(**params, max_iter=best, random_state=0).fit(X, y)
    for other in (pickle.loads(pickle.dumps(model)), model):
        assert str(other.summary()) == str(shorter.summary())
    stored = pickle.loads(pickle.dumps(model))
    stored.coef_ = stored.coef_ + 1
    with pytest.raises(ValueError, match="changed since the fit"):
        stored.summary()


def test_exact_fit_is_not_taken_for_changed_data():
    X, _ = continuous()
    summary = GDLinearRegression(**EXACT).fit(X, X @ [1.0, 2, 3] + 1e6).summary()
    assert summary.r2 == pytest.approx(1)


def test_large_data_have_to_be_handed_in():
    X = np.zeros((MAX_NUMBERS // 4 + 1, 4), np.float32)
    X[:300], y = binary(dtype=np.float32)
    labels = np.resize(y, len(X))
    model = logistic(tol=1e-4).fit(X, labels)
    with pytest.raises(ValueError, match="kept up to 4,194,304 numbers"):
        model.summary()
    assert model.summary(X, labels).n_samples == len(X)


def test_wide_data_are_not_in_pickles():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((700, MAX_FEATURES + 1))
    y = X[:, 0] + rng.standard_normal(700)
    model = GDLinearRegression().fit(X, y)
    assert np.isfinite(model.summary().standard_errors).all()
    stored = pickle.loads(pickle.dumps(clone(model).fit(X, y)))
    with pytest.raises(ValueError, match="500 features"):
        stored.summary()


@pytest.mark.parametrize(
    ("model", "targets", "message"),
    [
        (GDLogisticRegression(C=np.inf), np.arange(60) % 3, "one output, but this one has 3"),
        (GDLinearRegression(), continuous()[0][:, :2], "one output, but this one has 2"),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_several_outputs(model, targets, message):
    with pytest.raises(ValueError, match=message):
        clone(model).fit(continuous()[0], targets).summary()


def test_bad_arguments():
    X, y = binary()
    with pytest.raises(NotFittedError):
        logistic().summary()
    model = logistic().fit(X, y)
    for level in (0, 1, 95):
        with pytest.raises(ValueError, match="level =="):
            model.summary(level=level)
    with pytest.raises(ValueError, match="X and y together"):
        model.summary(X)
    with pytest.raises(ValueError, match="X and y together"):
        model.summary(sample_weight=np.ones(300))
    with pytest.raises(ValueError, match="classes that the fit had not"):
        model.summary(X, np.where(y == "well", "fine", y))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.summary(X, y[:-1])


def test_sparsified_coefficients():
    X, y = binary()
    model = logistic().fit(X, y)
    expected = str(model.summary())
    assert str(model.sparsify().summary()) == expected


def test_warm_start_and_fits_that_fail():
    X, y = binary()
    model = logistic(warm_start=True).fit(X[:200], y[:200])
    summary = model.fit(X, y).summary()
    np.testing.assert_allclose(summary.covariance, logistic().fit(X, y).summary().covariance)
