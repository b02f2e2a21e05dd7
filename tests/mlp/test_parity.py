"""Code written for scikit-learn's multi-layer perceptrons runs, and gives the same weights."""

import inspect

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes, load_digits, make_multilabel_classification
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skdnn import MLPNet, MLPNetRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

DIGITS = load_digits(return_X_y=True)
DIGITS = (DIGITS[0] / 16, DIGITS[1])
DIABETES = load_diabetes(return_X_y=True, scaled=True)
WEIGHT = np.random.RandomState(0).uniform(0.1, 3, len(DIGITS[1]))
# Here a row counts its weight in the schedule 'invscaling', in scikit-learn one.
WEIGHT /= WEIGHT.mean()


def _same(ours, theirs, X, y, weight=None, tolerance=1e-9, **params):
    """Fit both from the same seed; compare weights, losses, counts and predictions."""
    params = {"random_state": 3, "max_iter": 8, **params}
    a, b = ours(**params).fit(X, y, weight), theirs(**params).fit(X, y, weight)
    for left, right in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance)
        assert left.dtype == right.dtype
    for name in ("n_iter_", "n_layers_", "n_outputs_", "out_activation_", "t_", "n_features_in_"):
        assert getattr(a, name) == getattr(b, name)
    assert a.loss_ == pytest.approx(b.loss_, rel=tolerance)
    if a.solver != "lbfgs":
        np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=tolerance)
        assert a.best_loss_ == pytest.approx(b.best_loss_, rel=tolerance)
        assert a.validation_scores_ is b.validation_scores_ is None
        assert a.best_validation_score_ is b.best_validation_score_ is None
    left, right = a.predict(X), b.predict(X)
    assert sparse.issparse(left) == sparse.issparse(right)
    if sparse.issparse(left):
        left, right = left.toarray(), right.toarray()
    np.testing.assert_allclose(left, right, rtol=100 * tolerance)
    return a, b


@pytest.mark.parametrize("ours, theirs", [(MLPNet, MLPClassifier), (MLPNetRegressor, MLPRegressor)])
def test_every_parameter_with_its_default_and_place(ours, theirs):
    mine = inspect.signature(ours.__init__).parameters
    for name, parameter in inspect.signature(theirs.__init__).parameters.items():
        assert mine[name].default == parameter.default
        assert mine[name].kind == parameter.kind
    for method in ("fit", "predict", "partial_fit", "score"):
        theirs_by_place = list(inspect.signature(getattr(theirs, method)).parameters)
        ours_by_place = list(inspect.signature(getattr(ours, method)).parameters)
        assert ours_by_place[: len(theirs_by_place)] == theirs_by_place


@pytest.mark.parametrize("ours, theirs", [(MLPNet, MLPClassifier), (MLPNetRegressor, MLPRegressor)])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_every_fitted_attribute(ours, theirs, solver):
    X, y = DIGITS if ours is MLPNet else DIABETES
    a, b = (c(max_iter=2, solver=solver).fit(X[:200], y[:200]) for c in (ours, theirs))
    public = {name for name in vars(b) if name.endswith("_") and not name.startswith("_")}
    assert all(hasattr(a, name) for name in public)
    assert a.loss == b.loss


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("hidden", [(100,), (20, 10), (), 15])
def test_classifier_layers(activation, hidden):
    _same(MLPNet, MLPClassifier, *DIGITS, activation=activation, hidden_layer_sizes=hidden)


@pytest.mark.parametrize(
    "params",
    [
        {"solver": "adam", "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-4, "alpha": 1.0},
        {"solver": "adam", "batch_size": 37, "shuffle": False},
        {"solver": "sgd", "learning_rate_init": 0.1},
        {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5, "power_t": 0.2},
        {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.5},
        {"solver": "lbfgs", "activation": "tanh"},
    ],
    ids=str,
)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_classifier_solvers(params, weight):
    _same(MLPNet, MLPClassifier, *DIGITS, weight, **params)


def test_float32_stays_float32():
    X, y = DIGITS
    a, _ = _same(MLPNet, MLPClassifier, X.astype(np.float32), y, tolerance=1e-5)
    assert a.predict_proba(X.astype(np.float32)).dtype == np.float32
    assert a.predict_proba(X).dtype == np.float64
    a, b = (c(max_iter=2, random_state=0).fit(X, y) for c in (MLPNet, MLPClassifier))
    narrow = X.astype(np.float32)
    assert a.predict_proba(narrow).dtype == b.predict_proba(narrow).dtype == np.float64


def test_two_classes_and_text_labels():
    X, y = DIGITS
    a, b = _same_labels(X, np.where(y > 4, "large", "small"))
    assert a.classes_.tolist() == b.classes_.tolist() == ["large", "small"]
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), rtol=1e-9)
    np.testing.assert_allclose(a.predict_log_proba(X), b.predict_log_proba(X), rtol=1e-9)


def _same_labels(X, y):
    a, b = (c(max_iter=5, random_state=0).fit(X, y) for c in (MLPNet, MLPClassifier))
    assert a.predict(X).tolist() == b.predict(X).tolist()
    return a, b


@pytest.mark.parametrize("as_sparse", [False, True])
def test_multilabel(as_sparse):
    X, y = make_multilabel_classification(n_samples=150, random_state=0)
    a, b = _same(MLPNet, MLPClassifier, X, sparse.csr_matrix(y) if as_sparse else y)
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), rtol=1e-7)
    assert a.classes_.tolist() == b.classes_.tolist()


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
def test_sparse_input(container):
    X, y = DIGITS
    a, _ = _same(MLPNet, MLPClassifier, container(X), y)
    np.testing.assert_allclose(a.predict_proba(container(X)), a.predict_proba(X), rtol=1e-10)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_regressor(solver, loss):
    X, y = DIABETES
    params = {"solver": solver, "loss": loss, "learning_rate_init": 1e-4}
    _same(MLPNetRegressor, MLPRegressor, X, y / 100, WEIGHT[: len(y)], **params)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_several_outputs(loss):
    X, y = DIABETES
    _same(MLPNetRegressor, MLPRegressor, X, np.c_[y, np.sqrt(y)] / 100, loss=loss)


def test_lbfgs_minimises_what_it_differentiates_with_several_outputs():
    """scikit-learn pairs the mean of the outputs' losses with the gradient of their sum."""
    X, y = DIABETES
    X, Y = 20 * X, np.c_[y, np.sqrt(y)] / 100
    params = {"solver": "lbfgs", "activation": "identity", "hidden_layer_sizes": (), "alpha": 0}
    model = MLPNetRegressor(**params, max_iter=2000, tol=1e-8, random_state=0).fit(X, Y)
    A = np.c_[X, np.ones(len(X))]
    expected = A @ np.linalg.lstsq(A, Y, rcond=None)[0]
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-4)


def test_partial_fit_goes_the_same_way():
    X, y = DIGITS
    params = {"random_state": 1, "shuffle": False, "batch_size": 50}
    a, b = MLPNet(**params), MLPClassifier(**params)
    for start in (0, 300, 600, 900):
        rows = slice(start, start + 300)
        for model in (a, b):
            model.partial_fit(X[rows], y[rows], classes=np.arange(10))
    for left, right in zip(a.coefs_, b.coefs_, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9)
    assert a.t_ == b.t_ == 1200 and a.n_iter_ == b.n_iter_ == 1
    np.testing.assert_allclose(a.loss_curve_, b.loss_curve_)


def test_warm_start_goes_the_same_way():
    params = {"random_state": 1, "warm_start": True, "max_iter": 3}
    a, b = MLPNet(**params), MLPClassifier(**params)
    for model in (a, b):
        model.fit(*DIGITS).fit(*DIGITS)
    np.testing.assert_allclose(a.coefs_[0], b.coefs_[0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(a.loss_curve_, b.loss_curve_)
    assert len(a.loss_curve_) == 6 and a.n_iter_ == b.n_iter_ == 3 and a.t_ == b.t_


def test_random_state_objects_are_used_and_advanced_alike():
    left, right = np.random.RandomState(5), np.random.RandomState(5)
    MLPNet(max_iter=3, random_state=left).fit(*DIGITS)
    MLPClassifier(max_iter=3, random_state=right).fit(*DIGITS)
    assert left.rand() == right.rand()


@pytest.mark.parametrize("early_stopping", [False, True])
def test_verbose_says_why_it_stops(early_stopping, capsys):
    params = {"verbose": True, "early_stopping": early_stopping, "n_iter_no_change": 2}
    params = {**params, "tol": 0.5, "random_state": 0, "learning_rate_init": 0.01}
    MLPNet(**params).fit(*DIGITS)
    ours = capsys.readouterr().out.splitlines()
    MLPClassifier(**{**params, "n_iter_no_change": 1}).fit(*DIGITS)
    theirs = capsys.readouterr().out.splitlines()
    assert ours[-1] == theirs[-1].replace("for 1 consecutive", "for 2 consecutive")


def test_adaptive_rate_is_divided_by_five_on_each_plateau(capsys):
    params = {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "max_iter": 100}
    MLPNet(**params, n_iter_no_change=2, verbose=1, random_state=0).fit(*DIGITS)
    said = [line for line in capsys.readouterr().out.splitlines() if "earning rate" in line]
    assert said[0].endswith("Setting learning rate to 0.000200")
    assert said[1].endswith("Setting learning rate to 0.000040")
    assert len(said) == 6 and said[5].endswith("Learning rate too small. Stopping.")


def test_labels_of_one_kind_only():
    X, y = DIGITS
    labels = np.eye(10, dtype=int)[y]
    with pytest.raises(ValueError, match="y must have 1 column, of class labels, got 10"):
        MLPNet(max_iter=2, random_state=0).fit(X, y).partial_fit(X, labels)
    with pytest.raises(ValueError, match=r"y must have 10 columns, one for each label .* got 1"):
        MLPNet(max_iter=2, random_state=0).fit(X, labels).partial_fit(X, y)
