"""Weights of classes."""

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.utils.class_weight import compute_sample_weight

from skdnn import MLPNet

X, Y = make_classification(300, weights=[0.9], n_informative=5, random_state=0)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _coefs(target, weight=None, **params):
    model = MLPNet((10,), max_iter=5, random_state=0, batch_size=50, **params)
    return model.fit(X, target, weight).coefs_[0]


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.5, 1: 3.0}])
def test_is_the_same_as_weights_of_the_rows(class_weight):
    weight = compute_sample_weight(class_weight, Y)
    np.testing.assert_allclose(_coefs(Y, class_weight=class_weight), _coefs(Y, weight))
    # Both are multiplied; 'balanced' counts weights, not rows.
    given = np.random.RandomState(0).uniform(0.5, 2, 300)
    balance = given.sum() / (2 * np.bincount(Y, weights=given))
    factor = balance[Y] if class_weight == "balanced" else weight
    both = _coefs(Y, given, class_weight=class_weight)
    np.testing.assert_allclose(both, _coefs(Y, given * factor))


def test_text_labels_and_a_class_of_weight_zero():
    labels = np.array(["few", "many", "none"])[np.where(np.arange(300) % 7 == 0, 2, Y)]
    weighted = _coefs(labels, class_weight={"few": 2.0, "many": 1.0, "none": 0.0})
    rows = compute_sample_weight({"few": 2.0, "many": 1.0, "none": 0.0}, labels)
    np.testing.assert_array_equal(weighted, _coefs(labels, rows))


@pytest.mark.parametrize("class_weight", ["balanced", [{0: 1, 1: 5}, {0: 2, 1: 1}, {0: 1, 1: 1}]])
def test_multilabel(class_weight):
    _, target = make_multilabel_classification(300, n_classes=3, random_state=0)
    weight = compute_sample_weight(class_weight, target)
    np.testing.assert_allclose(
        _coefs(target, class_weight=class_weight), _coefs(target, weight), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("class_weight", ["balanced", [{0: 1, 1: 5}, {0: 2, 1: 1}, {0: 1, 1: 1}]])
def test_multilabel_and_rows_of_weight_zero(class_weight):
    """A row of weight zero is the same as no row, and one of weight two the same as two rows."""
    data, target = make_multilabel_classification(300, n_features=20, n_classes=3, random_state=0)
    count = np.random.RandomState(0).randint(0, 3, 300)
    # Of the first label only rows of weight zero are of one class.
    target[:, 0], target[0, 0], count[0] = 1, 0, 0

    def coefs(X, target, weight=None):
        net = MLPNet((5,), solver="lbfgs", max_iter=5, random_state=0, class_weight=class_weight)
        return net.fit(X, target, weight).coefs_[0]

    rows = np.repeat(np.arange(300), count)
    repeated = coefs(data[rows], target[rows])
    np.testing.assert_allclose(coefs(data, target, count), repeated, rtol=1e-7, atol=1e-9)


LABELS = np.arange(300)[:, None] // 2 ** np.arange(3) % 2


@pytest.mark.parametrize(
    "class_weight",
    [[5, 1, 1], [{0: 1, 1: 1}] * 2, [{0: 1, 1: 1}] * 4, [{}, {}, "balanced"], {0: 1, 1: 2}, []],
)
def test_not_a_dict_for_each_label(class_weight):
    said = (
        "class_weight must be .* a list with a dict for each of the 3 labels .* got class_weight="
    )
    with pytest.raises(ValueError, match=said):
        MLPNet(class_weight=class_weight).fit(X, LABELS)


@pytest.mark.parametrize("weights", [(-1, -1), (np.nan, 1), (np.inf, 1)])
def test_bad_weights_of_labels(weights):
    given = [{0: weights[0], 1: 1}, {0: weights[1], 1: 1}, {}]
    with pytest.raises(ValueError, match=r"class_weight=.* negative or not finite"):
        MLPNet(class_weight=given).fit(X, LABELS)
    with pytest.raises(ValueError, match=r"class_weight=.* leaves no sample"):
        MLPNet(class_weight=[{0: 0, 1: 0}, {}, {}]).fit(X, LABELS)


def test_a_list_for_a_target_that_is_not_multilabel():
    said = "class_weight must be a dict, 'balanced' or None where y is not multilabel, got"
    with pytest.raises(ValueError, match=said):
        MLPNet(class_weight=[{0: 1, 1: 2}]).fit(X, Y)


def test_errors():
    with pytest.raises(AttributeError, match="partial_fit") as error:
        MLPNet(class_weight="balanced").partial_fit(X, Y, classes=[0, 1])
    assert "class_weight='balanced'" in str(error.value.__cause__)
    with pytest.raises(ValueError, match="class_weight"):
        MLPNet(class_weight={0: -1.0, 1: 1.0}).fit(X, Y)
    with pytest.raises(ValueError, match="only one class"):
        MLPNet(class_weight={0: 0.0, 1: 1.0}).fit(X, Y)
