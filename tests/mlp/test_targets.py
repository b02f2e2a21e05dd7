"""Targets that are not like those of the fit: of another number of columns, or other classes."""

import numpy as np
import pytest
from scipy import sparse

from skdnn import MLPNet, MLPNetRegressor

RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 4))
LABELS = (X[:, :3] + RNG.normal(size=(60, 3)) > 0).astype(int)
VALUES = X[:, :2] + RNG.normal(size=(60, 2))
CLASSES = np.arange(60) % 3
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _refit(net, first, then):
    return net.set_params(warm_start=True).fit(X, first).fit(X, then)


def _stream(net, first, then):
    if isinstance(net, MLPNet):
        n_classes = first.shape[1] if first.ndim == 2 else 3
        return net.partial_fit(X, first, classes=range(n_classes)).partial_fit(X, then)
    return net.partial_fit(X, first).partial_fit(X, then)


def _validate(net, first, then):
    return net.set_params(early_stopping=True).fit(X, first, X_val=X, y_val=then)


@pytest.mark.parametrize("train", [_refit, _stream, _validate])
@pytest.mark.parametrize("scoring", [None, "loss"])
@pytest.mark.parametrize(
    "net, first, then, expected, found",
    [
        (MLPNet, LABELS, LABELS[:, :2], "3 columns, one for each label", 2),
        (MLPNet, LABELS[:, :2], LABELS, "2 columns, one for each label", 3),
        (MLPNet, LABELS, LABELS[:, :1], "3 columns, one for each label", 1),
        (MLPNet, LABELS, sparse.csr_array(LABELS[:, :2]), "3 columns, one for each label", 2),
        (MLPNet, LABELS, CLASSES, "3 columns, one for each label", 1),
        (MLPNet, CLASSES, LABELS, "1 column, of class labels", 3),
        (MLPNetRegressor, VALUES, VALUES[:, 0], "2 columns, one for each target", 1),
        (MLPNetRegressor, VALUES, VALUES[:, :1], "2 columns, one for each target", 1),
        (MLPNetRegressor, VALUES[:, 0], VALUES, "1 column", 2),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_another_number_of_columns(train, scoring, net, first, then, expected, found):
    model = net(hidden_layer_sizes=(5,), max_iter=2, scoring=scoring)
    name = "y_val" if train is _validate else "y"
    with pytest.raises(ValueError, match=rf"\b{name} must have {expected}.*, got {found}\."):
        train(model, first, then)


def test_more_classes_than_labels():
    said = "y must have 5 columns, one for each label of `classes_`, got 3"
    with pytest.raises(ValueError, match=said):
        MLPNet((5,)).partial_fit(X, LABELS, classes=range(5))


def test_labels_are_zero_or_one():
    with pytest.raises(ValueError, match=r"y must be 0 or 1 for each label, got \[-1  1\]"):
        MLPNet((5,)).fit(X, 2 * LABELS - 1)
    net = MLPNet((5,), max_iter=1)
    with pytest.raises(ValueError, match=r"y_val must be 0 or 1 for each label"):
        net.fit(X, LABELS, X_val=X, y_val=2 * LABELS)
    np.testing.assert_array_equal(
        MLPNet((5,), max_iter=2, random_state=0).fit(X, LABELS).coefs_[0],
        MLPNet((5,), max_iter=2, random_state=0).fit(X, LABELS > 0).coefs_[0],
    )


def test_a_regressor_is_as_before_after_a_bad_call():
    net = MLPNetRegressor("pinball", (5,), quantile=[0.2, 0.8]).partial_fit(X, VALUES)
    before = net.predict(X)
    with pytest.raises(ValueError, match="y must have 2 columns"):
        net.partial_fit(X, VALUES[:, 0])
    np.testing.assert_array_equal(net.predict(X), before)


@pytest.mark.parametrize("wrap", [sparse.csr_array, np.asarray])
def test_targets_to_validate_on_do_not_decide_what_predict_returns(wrap):
    net = MLPNet((5,), max_iter=2, random_state=0)
    val = {"X_val": X, "y_val": wrap(LABELS)}
    assert isinstance(net.fit(X, LABELS, **val).predict(X), np.ndarray)
    dense = net.history_[-1]["validation_loss"]
    assert sparse.issparse(net.fit(X, sparse.csr_array(LABELS), **val).predict(X))
    assert net.history_[-1]["validation_loss"] == dense


@pytest.mark.parametrize("warm_start", [True, False])
def test_rows_to_validate_on_may_lack_a_class(warm_start):
    some = CLASSES > 0
    net = MLPNet((5,), max_iter=2, warm_start=warm_start, random_state=0)
    val = {"X_val": X[some], "y_val": CLASSES[some]}
    for _ in range(2):
        net.fit(X, CLASSES, **val)
        assert net.validation_scores_[-1] == net.score(X[some], CLASSES[some])
    np.testing.assert_array_equal(net.classes_, [0, 1, 2])
    with pytest.raises(ValueError, match="`y_val` has classes not in"):
        net.fit(X, CLASSES, X_val=X, y_val=CLASSES + 1)
    if warm_start:
        with pytest.raises(ValueError, match="`y` has the same classes"):
            net.fit(X[some], CLASSES[some])
        # One call of a stream need not have all classes.
        net.partial_fit(X[some], CLASSES[some])
