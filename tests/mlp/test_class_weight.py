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


def test_errors():
    with pytest.raises(AttributeError, match="partial_fit") as error:
        MLPNet(class_weight="balanced").partial_fit(X, Y, classes=[0, 1])
    assert "class_weight='balanced'" in str(error.value.__cause__)
    with pytest.raises(ValueError, match="class_weight"):
        MLPNet(class_weight={0: -1.0, 1: 1.0}).fit(X, Y)
    with pytest.raises(ValueError, match="only one class"):
        MLPNet(class_weight={0: 0.0, 1: 1.0}).fit(X, Y)
