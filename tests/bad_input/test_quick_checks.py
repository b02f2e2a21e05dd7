"""The quick checks of data and parameters say what scikit-learn's own say."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from skdnn import GDLinearRegression, GDLogisticRegression, SoftmaxClassifier
from skdnn.validation import check_rows, check_training_data, encode_classes

X = np.random.default_rng(0).normal(size=(30, 4))
NAMES = ["a", "b", "c", "d"]


def with_value(value, dtype=np.float64):
    rows = X.astype(dtype)
    rows[3, 2] = value
    return rows


class Subclass(np.ndarray):
    """Which scikit-learn turns into a plain array."""


FORMS = {
    "float64": X,
    "float32": X.astype(np.float32),
    "float16": X.astype(np.float16),
    "whole numbers": (10 * X).astype(int),
    "objects": X.astype(object),
    "other byte order": X.astype(X.dtype.newbyteorder()),
    "Fortran order": np.asfortranarray(X),
    "every second row": np.repeat(X, 2, axis=0)[::2],
    "backwards": X[::-1, ::-1],
    "subclass": X.view(Subclass),
    "list": X.tolist(),
    "frame": pd.DataFrame(X, columns=NAMES),
    "sparse": sparse.csr_array(X),
    "NaN": with_value(np.nan),
    "infinity": with_value(np.inf),
    "both infinities": np.vstack([with_value(np.inf), with_value(-np.inf)]),
    "NaN in every second row": np.repeat(with_value(np.nan), 2, axis=0)[::2],
    "squares that overflow": with_value(1e200),
    "sums that overflow": np.full((30, 4), 1e308),
    "squares of float32 that overflow": with_value(1e30, np.float32),
    "no rows": X[:0],
    "no features": X[:, :0],
    "a feature less": X[:, :3],
    "one row": X[0],
    "three dimensions": X[None],
    "complex": X + 1j,
    "words": np.full((30, 4), "word"),
}


class Model(BaseEstimator):
    """What the checks need of an estimator."""

    def fit(self, X, y=None):
        return self


def outcome(check):
    """Return what a check returns, or its error, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = check()
        except (ValueError, TypeError) as error:
            result = type(error), str(error)
    return result, [(w.category, str(w.message)) for w in caught]


def assert_same(found, expected):
    assert type(found[0]) is type(expected[0])
    assert found[1] == expected[1]
    if isinstance(expected[0], tuple):
        assert found[0] == expected[0]
    else:
        dense = [a.toarray() if sparse.issparse(a) else a for a in (found[0], expected[0])]
        np.testing.assert_array_equal(*dense)
        assert found[0].dtype == expected[0].dtype


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("names", [None, NAMES])
@pytest.mark.parametrize("assume_finite", [False, True])
def test_rows_to_predict(form, names, assume_finite):
    model = Model()
    model.n_features_in_ = 4
    if names is not None:
        model.feature_names_in_ = np.array(names, dtype=object)
    rows = FORMS[form]
    with config_context(assume_finite=assume_finite):
        expected = outcome(
            lambda: validate_data(model, rows, accept_sparse="csr", reset=False),
        )
        assert_same(outcome(lambda: check_rows(model, rows)), expected)


def test_rows_to_predict_before_the_fit():
    with pytest.raises(NotFittedError):
        check_rows(Model(), X)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtypes", [[np.float64, np.float32], ["float32"], [np.float64]])
def test_training_data(form, dtypes):
    ours, theirs = Model(), Model()
    ours.feature_names_in_ = theirs.feature_names_in_ = np.array(NAMES[:2], dtype=object)
    options = {"accept_sparse": "csr", "dtype": dtypes, "order": "C"}
    y = np.arange(30)
    expected = outcome(lambda: validate_data(theirs, FORMS[form], y, **options)[0])
    assert_same(outcome(lambda: check_training_data(ours, FORMS[form], y, dtypes)[0]), expected)
    assert vars(ours).keys() == vars(theirs).keys()
    if not isinstance(expected[0], tuple):
        assert ours.n_features_in_ == theirs.n_features_in_
        checked = check_training_data(ours, FORMS[form], y, dtypes)[0]
        assert sparse.issparse(checked) or checked.flags.c_contiguous


@pytest.mark.parametrize(
    "y",
    [
        np.arange(30.0),
        np.arange(30) > 4,
        np.arange(30)[:, None],
        np.array(list("ab") * 15),
        np.array(list("ab") * 15, dtype=object),
        np.where(np.arange(30) == 3, np.nan, 1.0),
        np.arange(29),
        np.full(30, 1j),
        list(range(30)),
        None,
    ],
    ids=lambda y: f"{type(y).__name__} {getattr(y, 'dtype', '')} {np.shape(y)}",
)
def test_targets(y):
    options = {"accept_sparse": "csr", "dtype": [np.float64], "order": "C"}
    expected = outcome(lambda: validate_data(Model(), X, y, **options)[1])
    assert_same(outcome(lambda: check_training_data(Model(), X, y, [np.float64])[1]), expected)


@pytest.mark.parametrize(
    "y",
    [
        np.array([3, 5, 3, 3, 5] * 9),
        np.array([3, -5, 4, 3, 3] * 9),
        np.array([7] * 9),
        np.array([-128, 127, 3] * 200, dtype=np.int8),
        np.array([0, 200, 255] * 200, dtype=np.uint8),
        np.array([2**64 - 1, 2**64 - 2] * 9, dtype=np.uint64),
        np.array([2**63, 1, 2] * 9, dtype=np.uint64),
        np.array([-(2**63), 2**63 - 1] * 9),
        np.array([0, 10**12] * 9),
        np.array([3, 5, 3, 9, 5] * 9).astype(">i4"),
        np.arange(30),
        np.arange(30) * 2,
        np.arange(30) > 4,
        np.array([1.0, 2.0] * 9),
        np.array([1.5, 2.0] * 9),
        np.array(["b", "a", "c"] * 9),
        np.array(["b", "a"] * 9, dtype=object),
    ],
    ids=lambda y: f"{y.dtype} {y[0]}",
)
def test_classes(y):
    def expected():
        check_classification_targets(y)
        return np.unique(y, return_inverse=True)

    def found():
        classes, labels = encode_classes(y)
        assert (labels.dtype == bool) == (len(classes) == 2)
        return classes, labels

    (theirs, warned), (ours, also_warned) = outcome(expected), outcome(found)
    assert also_warned == warned
    if isinstance(theirs[0], type):
        assert ours == theirs
    else:
        np.testing.assert_array_equal(ours[0], theirs[0])
        assert ours[0].dtype == theirs[0].dtype
        np.testing.assert_array_equal(ours[1], theirs[1])


class NegativeByDefault(GDLogisticRegression):
    def __init__(self, *, C=-1.0, solver="auto"):
        super().__init__(C=C, solver=solver)

    @classmethod
    def _get_param_names(cls):
        return ["C", "solver"]


def test_default_that_is_not_valid_is_found():
    y = X[:, 0] > 0
    with pytest.raises(ValueError, match="'C' parameter of NegativeByDefault"):
        NegativeByDefault().fit(X, y)
    NegativeByDefault(C=1.0).fit(X, y)


@pytest.mark.parametrize("Estimator", [GDLogisticRegression, SoftmaxClassifier])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_predictions_of_a_model_made_sparse(Estimator, n_classes):
    y = np.arange(30) % n_classes
    dense = Estimator().fit(X, y)
    thin = clone(dense).fit(X, y).sparsify()
    for name in ("predict", "decision_function", "predict_proba", "predict_log_proba"):
        found = getattr(thin, name)(X)
        assert type(found) is np.ndarray
        np.testing.assert_allclose(found, getattr(dense, name)(X), rtol=1e-12, atol=1e-14)


def test_regression_of_rows_that_need_a_conversion_or_none():
    model = GDLinearRegression().fit(X, X @ [1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(model.predict(X.tolist()), model.predict(X), rtol=1e-14)
