"""scikit-learn's own displays take skdnn's classifiers, and all displays say what they need."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibrationDisplay, calibration_curve
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix
from sklearn.preprocessing import scale

from skdnn import GDLogisticRegression, MLPNet, SoftmaxClassifier

X, Y = load_breast_cancer(return_X_y=True)
X = scale(X)
NET = MLPNet((5,), solver="lbfgs", alpha=1, max_iter=5000, random_state=0)
MODELS = [GDLogisticRegression(), SoftmaxClassifier(), NET]
each = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


@each
def test_reliability(model):
    display = CalibrationDisplay.from_estimator(model.fit(X, Y), X, Y)
    frequency, probability = calibration_curve(Y, model.predict_proba(X)[:, 1])
    assert_allclose(display.line_.get_xdata(), probability)
    assert_allclose(display.line_.get_ydata(), frequency)
    assert display.estimator_name == type(model).__name__


@each
def test_confusion(model):
    labels = np.array(["malignant", "benign"])[Y]
    display = ConfusionMatrixDisplay.from_estimator(model.fit(X, labels), X, labels)
    assert_array_equal(display.confusion_matrix, confusion_matrix(labels, model.predict(X)))
    ticks = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert ticks == ["benign", "malignant"]


@pytest.mark.parametrize(
    "call",
    [
        "ActivationDisplay.from_name('tanh')",
        "DecisionRegionsDisplay.from_estimator(None, None, None)",
        "DescentPathDisplay.from_estimator(None, None, None)",
        "HistoryDisplay.from_estimator(None)",
        "HistoryDisplay.from_history([])",
        "NetworkDisplay.from_estimator(None)",
        "WeightsDisplay.from_estimator(None)",
    ],
)
def test_matplotlib_is_asked_for(call, monkeypatch):
    import skdnn.displays

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"requires matplotlib.*pip install matplotlib"):
        eval(call, vars(skdnn.displays))
