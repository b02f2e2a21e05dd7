"""What every estimator says of data and weights that cannot be used."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from cases import each
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.datasets import make_regression
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skdnn import (
    GDLinearRegression,
    GDLogisticRegression,
    MLPNet,
    MLPNetRegressor,
    SoftmaxClassifier,
)

CLASSIFIERS = [
    MLPNet((4,), max_iter=3, random_state=0),
    GDLogisticRegression(),
    SoftmaxClassifier(),
]
REGRESSORS = [
    MLPNetRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0),
    GDLinearRegression(),
]
# scikit-learn's words, the second where any numeric dtype would do.
STRINGS = "could not convert string to float: .*'Ghent'|not compatible with arrays of bytes/strings"
LINEAR = [GDLogisticRegression(), SoftmaxClassifier(), GDLinearRegression()]

# The networks are trained for three epochs: enough to be fitted.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)


def task(model, n=40):
    """Return features and targets that the model can be fitted to."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    y = X[:, 0] + rng.normal(size=n)
    return X, np.where(y > 0, "yes", "no") if is_classifier(model) else y


def with_value(X, value):
    X = X.copy()
    X[4, 1] = value
    return X


def message(error):
    return str(error.value)


@each(CLASSIFIERS + REGRESSORS)
@pytest.mark.parametrize(
    ("value", "said"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, pd.DataFrame])
def test_missing_or_infinite_features(model, value, said, form):
    X, y = task(model)
    with pytest.raises(ValueError, match=f"Input X contains {said}"):
        model.fit(form(with_value(X, value)), y)
    model.fit(form(X), y)
    with pytest.raises(ValueError, match=f"Input X contains {said}"):
        model.predict(form(with_value(X, value)))


@each(CLASSIFIERS + REGRESSORS)
@pytest.mark.parametrize(("value", "said"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_missing_or_infinite_targets(model, value, said):
    X, y = task(model)
    y = (y == "yes").astype(float) if is_classifier(model) else y.copy()
    y[3] = value
    with pytest.raises(ValueError, match=f"Input y contains {said}"):
        model.fit(X, y)


@each(CLASSIFIERS + REGRESSORS)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
def test_number_too_large_for_the_dtype(model):
    X, y = task(model)
    with pytest.raises(ValueError, match=r"infinity or a value too large for dtype\('float32'"):
        model.set_params(dtype="float32").fit(with_value(X, 1e39), y)


@each(CLASSIFIERS + REGRESSORS)
def test_features_whose_squares_overflow(model):
    """Such features end in an error or a ConvergenceWarning, not in NaN or in NumPy's warnings."""
    X, y = task(model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(X * 1e200, y)
        except ValueError as error:
            assert "large" in str(error)
        else:
            assert np.isfinite(np.ravel(model.coef_)).all()
            assert caught
    assert {warning.category for warning in caught} <= {ConvergenceWarning}


@each(CLASSIFIERS + REGRESSORS)
def test_features_of_one_dimension(model):
    X, y = task(model)
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        model.fit(X[:, 0], y)
    model.fit(X, y)
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        model.predict(X[0])


@each(CLASSIFIERS + REGRESSORS)
def test_arrays_of_three_dimensions(model):
    X, y = task(model)
    with pytest.raises(ValueError, match="Found array with dim 3"):
        model.fit(X[:, :, None], y)
    with pytest.raises(ValueError, match="dim 3"):
        model.fit(X, np.zeros((len(X), 2, 2)))


@each(CLASSIFIERS + REGRESSORS)
def test_targets_of_other_length(model):
    X, y = task(model)
    with pytest.raises(ValueError, match=re.escape("inconsistent numbers of samples: [40, 39]")):
        model.fit(X, y[:-1])


@each(CLASSIFIERS + REGRESSORS)
def test_no_targets(model):
    X, _ = task(model)
    name = type(model).__name__
    with pytest.raises(ValueError, match=f"This {name} estimator requires y to be passed"):
        model.fit(X, None)


@each(CLASSIFIERS + REGRESSORS)
@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function", "score"])
def test_other_number_of_features_at_prediction(model, method):
    if method in ("predict_proba", "decision_function") and not is_classifier(model):
        assert not hasattr(model, method)
        return
    X, y = task(model)
    model.fit(X, y)
    arguments = (y,) if method == "score" else ()
    for wrong in (X[:, :2], np.column_stack([X, X])):
        said = (
            f"X has {wrong.shape[1]} features, but {type(model).__name__} is expecting 3 features"
        )
        with pytest.raises(ValueError, match=said):
            getattr(model, method)(wrong, *arguments)


@each(CLASSIFIERS + REGRESSORS)
def test_no_rows_and_no_columns(model):
    X, y = task(model)
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        model.fit(X[:0], y[:0])
    with pytest.raises(ValueError, match=r"Found array with 0 feature\(s\)"):
        model.fit(X[:, :0], y)
    model.fit(X, y)
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        model.predict(X[:0])


@each(CLASSIFIERS + REGRESSORS)
@pytest.mark.parametrize("dtype", [object, str])
def test_strings_among_the_features(model, dtype):
    X, y = task(model)
    text = X.astype(dtype)
    text[2, 1] = "Ghent"
    with pytest.raises(ValueError, match=STRINGS):
        model.fit(text, y)
    model.fit(X, y)
    with pytest.raises(ValueError, match=STRINGS):
        model.predict(text)


@each(CLASSIFIERS + REGRESSORS)
def test_strings_in_a_frame(model):
    X, y = task(model)
    frame = pd.DataFrame(X, columns=["age", "height", "town"]).astype({"town": object})
    frame["town"] = "Ghent"
    with pytest.raises(ValueError, match=r"Column 'town' of X has dtype .* must hold numbers"):
        model.fit(frame, y)


@each(CLASSIFIERS + REGRESSORS)
def test_complex_numbers(model):
    X, y = task(model)
    with pytest.raises(ValueError, match="Complex data not supported"):
        model.fit(X + 1j, y)
    numbers = np.arange(len(X)) % 2
    with pytest.raises(ValueError, match="Complex data not supported"):
        model.fit(X, numbers + 1j)
    model.fit(X, y)
    with pytest.raises(ValueError, match="Complex data not supported"):
        model.predict(X + 1j)


@each(CLASSIFIERS + REGRESSORS)
def test_rows_of_different_lengths(model):
    with pytest.raises(ValueError, match="inhomogeneous shape"):
        model.fit([[1.0, 2.0], [3.0]], [0, 1])


@each(CLASSIFIERS)
@pytest.mark.parametrize("label", ["yes", 7, True])
def test_one_class(model, label):
    X, _ = task(model)
    said = "at least 2 classes in the data, but the data contains only one class: .*" + str(label)
    with pytest.raises(ValueError, match=said):
        model.fit(X, np.full(len(X), label))
    with pytest.raises(ValueError, match=said):
        model.fit(X[:1], [label])


@each(CLASSIFIERS)
def test_continuous_targets_for_a_classifier(model):
    X, _ = task(model)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        model.fit(X, X[:, 0])


@each(CLASSIFIERS)
def test_several_columns_of_classes(model):
    X, _ = task(model)
    y = np.arange(len(X)) % 3
    with pytest.raises(
        ValueError, match=re.escape("y should be a 1d array, got an array of shape (40, 2)")
    ):
        model.fit(X, np.column_stack([y, y]))


@each([GDLogisticRegression(), SoftmaxClassifier()])
def test_several_labels_for_a_linear_classifier(model):
    X, _ = task(model)
    labels = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    with pytest.raises(
        ValueError, match=re.escape("y should be a 1d array, got an array of shape (40, 2)")
    ):
        model.fit(X, labels)


@each(CLASSIFIERS)
def test_labels_that_cannot_be_compared(model):
    X, _ = task(model)
    with pytest.raises(TypeError, match="not supported between instances of 'int' and 'str'"):
        model.fit(X, np.array(["a", 1] * 20, dtype=object))


@each(REGRESSORS)
def test_strings_for_a_regressor(model):
    X, _ = task(model)
    with pytest.raises(ValueError, match=r"could not convert string to float: .*'low'"):
        model.fit(X, np.array(["low", "high"] * 20))


@each(CLASSIFIERS + REGRESSORS)
def test_sparse_targets_of_one_column(model):
    X, _ = task(model)
    y = sparse.csr_array((np.arange(len(X)) % 2)[:, None])
    with pytest.raises(TypeError, match=r"Sparse data was passed.*dense data is required"):
        model.fit(X, y)


@each(LINEAR)
def test_sparse_targets_of_several_columns(model):
    """The networks take these, as scikit-learn's do: test_bad_input_mlp.py."""
    X, _ = task(model)
    y = sparse.csr_array(np.eye(2, dtype=int)[np.arange(len(X)) % 2])
    with pytest.raises(TypeError, match=r"Sparse data was passed.*dense data is required"):
        model.fit(X, y)


@each(CLASSIFIERS + REGRESSORS)
def test_negative_weights(model):
    X, y = task(model)
    weight = np.ones(len(X))
    weight[3] = -1e-9
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        model.fit(X, y, sample_weight=weight)


@each(CLASSIFIERS + REGRESSORS)
def test_weights_that_are_all_zero(model):
    X, y = task(model)
    with pytest.raises(
        ValueError, match="Sample weights must contain at least one non-zero number"
    ):
        model.fit(X, y, sample_weight=np.zeros(len(X)))


@each(CLASSIFIERS + REGRESSORS)
@pytest.mark.parametrize("n", [39, 41, 1])
def test_weights_of_other_length(model, n):
    X, y = task(model)
    with pytest.raises(
        ValueError, match=re.escape(f"sample_weight.shape == ({n},), expected (40,)")
    ):
        model.fit(X, y, sample_weight=np.ones(n))


@each(CLASSIFIERS + REGRESSORS)
@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (np.ones((40, 2)), "Sample weights must be 1D array or scalar, got 2D array"),
        (np.where(np.arange(40) == 3, np.nan, 1.0), "Input sample_weight contains NaN"),
        (np.where(np.arange(40) == 3, np.inf, 1.0), "Input sample_weight contains infinity"),
        (["heavy"] * 40, "could not convert string to float: 'heavy'"),
    ],
    ids=["2-d", "nan", "infinity", "strings"],
)
def test_weights_that_are_no_weights(model, weight, said):
    X, y = task(model)
    with pytest.raises(ValueError, match=said):
        model.fit(X, y, sample_weight=weight)


@each(CLASSIFIERS + REGRESSORS)
def test_not_fitted(model):
    X, y = task(model)
    for name in ("predict", "predict_proba", "predict_log_proba", "decision_function", "score"):
        if not is_classifier(model) and name not in ("predict", "score"):
            continue
        arguments = (X, y) if name == "score" else (X,)
        with pytest.raises(
            NotFittedError, match=f"This {type(model).__name__} instance is not fit"
        ):
            getattr(model, name)(*arguments)


@each(CLASSIFIERS + REGRESSORS)
def test_failed_fit_leaves_no_fitted_model(model):
    X, y = task(model)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(with_value(X, np.nan), y)
    with pytest.raises(NotFittedError):
        model.predict(X)


@each(LINEAR)
@pytest.mark.parametrize("solver", ["gd", "nesterov", "sgd"])
def test_learning_rate_that_diverges(model, solver):
    X, y = task(model)
    model.set_params(solver=solver, learning_rate=1e6, random_state=0)
    with pytest.raises(ValueError, match=r"diverges with learning_rate=1000000\.0"):
        model.fit(X, y)


@each(LINEAR)
@pytest.mark.parametrize("solver", ["gd", "nesterov", "sgd"])
def test_automatic_learning_rate_does_not_diverge(model, solver):
    """Features a million times as large diverge with a rate of 1, and not with the chosen one."""
    X, y = make_regression(60, 3, noise=1.0, random_state=0)
    X, y = X * 1e6, (y > 0 if is_classifier(model) else y)
    model.set_params(solver=solver, random_state=0, max_iter=50)
    with pytest.raises(ValueError, match=r"diverges with learning_rate=1\.0"):
        clone(model).set_params(learning_rate=1.0).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert np.isfinite(model.coef_).all()


@each(LINEAR)
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("coef_init", np.ones(5), r"coef_init has shape \(5,\), expected \((1|2), 3\)"),
        ("intercept_init", np.ones(5), r"intercept_init has shape \(5,\), expected \((1|2),\)"),
    ],
)
def test_start_that_does_not_fit(model, name, value, said):
    X, y = task(model)
    with pytest.raises(ValueError, match=said):
        model.fit(X, y, **{name: value})


@each(LINEAR)
def test_start_that_is_not_finite(model):
    X, y = task(model)
    n_outputs = 2 if isinstance(model, SoftmaxClassifier) else 1
    with pytest.raises(ValueError, match="coef_init contains NaN or infinity"):
        model.fit(X, y, coef_init=np.full((n_outputs, 3), np.nan))
    with pytest.raises(ValueError, match="intercept_init contains NaN or infinity"):
        model.fit(X, y, intercept_init=np.full(n_outputs, np.inf))


@each(LINEAR)
def test_intercept_to_start_from_but_none_to_fit(model):
    X, y = task(model)
    model.set_params(fit_intercept=False)
    n_outputs = 2 if isinstance(model, SoftmaxClassifier) else 1
    with pytest.raises(ValueError, match=r"intercept_init.*fit_intercept=False"):
        model.fit(X, y, intercept_init=np.ones(n_outputs))


@each(LINEAR)
def test_warm_start_with_other_features(model):
    X, y = task(model)
    model.set_params(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"warm_start"):
        model.fit(X[:, :2], y)


@each([GDLogisticRegression(), SoftmaxClassifier()])
@pytest.mark.parametrize("labels", [["yes", "maybe"], ["yes", "no", "maybe"]])
def test_warm_start_with_other_classes(model, labels):
    X, y = task(model)
    model.set_params(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"warm_start=True.*other classes.*'maybe'.*'no' 'yes'"):
        model.fit(X, np.array(labels)[np.arange(len(X)) % len(labels)])


@each(LINEAR)
def test_solver_that_cannot_handle_the_penalty(model):
    """The error names the solvers that can, and these are solvers of this estimator."""
    X, y = task(model)
    model.set_params(solver="lbfgs", l1_ratio=0.5)
    if isinstance(model, GDLinearRegression):
        model.set_params(alpha=0.1)
    with pytest.raises(ValueError, match=r"solver='lbfgs' cannot handle an L1 penalty") as error:
        model.fit(X, y)
    able = re.findall(r"'(\w+)'", message(error).partition("one of")[2])
    assert "newton" in able
    for solver in able:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.set_params(solver=solver).fit(X, y)


@each([GDLogisticRegression(), SoftmaxClassifier()])
@pytest.mark.parametrize(
    ("class_weight", "said"),
    [
        ({"yes": -1, "no": 1}, "class_weight={'yes': -1, 'no': 1} has a negative weight"),
        ({"yes": 0, "no": 0}, "class_weight={'yes': 0, 'no': 0} leaves no sample"),
        ({"yes": 1, "maybe": 1}, "The classes, ['no'], are not in class_weight"),
    ],
)
def test_class_weights(model, class_weight, said):
    X, y = task(model)
    with pytest.raises(ValueError, match=re.escape(said)):
        model.set_params(class_weight=class_weight).fit(X, y)
