"""The tables of networks: shapes, numbers of parameters, what is trainable."""

import re
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skdnn import MLPNet, MLPNetRegressor, SoftmaxClassifier
from skdnn.layers import BatchNorm, Dense, Dropout, Maxout, Output

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 5))
LABELS = np.arange(60) % 3


def test_counts_of_the_lectures():
    """4 sigmoid units and a softmax of 2 on 2 features; 300-100-50-1 on images."""
    small = MLPNet((4,), "logistic").summary(n_features=2, n_outputs=2)
    assert [layer.n_parameters for layer in small.layers] == [12, 10]
    assert (small.n_parameters, small.n_trainable, small.n_not_trainable) == (22, 22, 0)
    large = MLPNet((300, 100, 50)).summary(n_features=30_000, n_outputs=1)
    assert [layer.output_shape for layer in large.layers] == [
        (None, 300),
        (None, 100),
        (None, 50),
        (None, 1),
    ]
    assert large.n_parameters == 9_035_501


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (MLPNet((7, 6), max_iter=1, n_iter_no_change=np.inf), LABELS),
        (MLPNet((7,), max_iter=1, n_iter_no_change=np.inf), LABELS > 0),
        (MLPNet((), solver="lbfgs"), LABELS),
        (
            MLPNetRegressor(
                hidden_layers=[Dense(8, use_bias=False), BatchNorm(), Maxout(3, pieces=4)],
                max_iter=1,
                n_iter_no_change=np.inf,
                output_layer=Output(use_bias=False),
            ),
            X[:, :2],
        ),
    ],
    ids=["classes", "binary", "no hidden layer", "layer objects"],
)
def test_counts_are_those_of_the_fitted_arrays(model, y):
    fitted = clone(model).fit(X, y)
    summary = fitted.summary()
    # Where a layer has no biases those that are shown are zeros, not parameters.
    biases = sum(b.size for b in fitted.intercepts_ if b.strides[0])
    trained = sum(W.size for W in fitted.coefs_) + biases
    statistics = 0
    for normalization in getattr(fitted, "normalizations_", []):
        trained += normalization["gamma"].size + normalization["beta"].size
        statistics += normalization["mean"].size + normalization["variance"].size
    assert summary.n_trainable == trained
    assert summary.n_not_trainable == statistics
    assert summary.layers[-1].output_shape == (None, fitted.n_outputs_)
    assert summary.layers[-1].activation == fitted.out_activation_
    # The same before the fit, from the numbers alone.
    assert clone(model).summary(5, fitted.n_outputs_) == summary


def test_softmax_classifier():
    fitted = SoftmaxClassifier().fit(X, LABELS > 0)
    assert fitted.summary().n_parameters == fitted.coef_.size + fitted.intercept_.size == 12
    assert SoftmaxClassifier().summary(5, 2) == fitted.summary()
    assert SoftmaxClassifier(fit_intercept=False).summary(5, 2).n_parameters == 10


def test_frozen_layers_are_not_trainable():
    layers = [Dense(4, trainable=False), BatchNorm(), Dropout(0.5), Dense(3)]
    net = MLPNet(hidden_layers=layers, frozen_layers=[1])
    rows = {layer.name: layer for layer in net.summary(5, 3).layers}
    assert {name: row.trainable for name, row in rows.items()} == {
        "hidden_0": False,
        "hidden_1": False,
        "hidden_2": False,
        "hidden_3": True,
        "output": True,
    }
    assert [row.n_parameters for row in rows.values()] == [24, 16, 0, 15, 12]
    assert net.summary(5, 3).n_trainable == 27
    frozen = MLPNet((4, 3), batch_norm=True, frozen_layers=[-1]).summary(5, 3)
    assert [(row.name, row.trainable) for row in frozen.layers] == [
        ("hidden_0", True),
        ("hidden_0", True),
        ("hidden_1", False),
        ("hidden_1", False),
        ("output", True),
    ]


def test_outputs_of_a_regressor():
    assert MLPNetRegressor(hidden_layer_sizes=()).summary(5).layers[0].output_shape == (None, 1)
    quantiles = MLPNetRegressor(hidden_layer_sizes=(), loss="pinball", quantile=[0.1, 0.5, 0.9])
    assert quantiles.summary(5).layers[0].output_shape == (None, 3)
    assert (
        MLPNetRegressor(hidden_layer_sizes=(), loss="poisson").summary(5).layers[0].activation
        == "exp"
    )


def test_arguments_describe_other_data():
    fitted = MLPNet((4,), max_iter=1, n_iter_no_change=np.inf).fit(X, LABELS)
    assert fitted.summary(n_features=9).n_parameters == (9 + 1) * 4 + (4 + 1) * 3


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (MLPNet(), {}, "give n_features and n_outputs, or"),
        (MLPNet(), {"n_features": 3}, "give n_outputs, or"),
        (SoftmaxClassifier(), {"n_outputs": 3}, "give n_features, or"),
        (MLPNetRegressor(), {}, "give n_features, or"),
    ],
)
def test_missing_numbers(model, arguments, message):
    with pytest.raises(NotFittedError, match=message):
        model.summary(**arguments)


def test_bad_numbers_and_parameters():
    with pytest.raises(ValueError, match="n_features == 0, must be >= 1"):
        MLPNet().summary(0, 1)
    with pytest.raises(TypeError, match="n_outputs must be an instance of int"):
        MLPNet().summary(3, 1.5)
    with pytest.raises(ValueError, match="'activation' parameter of MLPNet"):
        MLPNet(activation="rely").summary(3, 1)


def test_html_has_the_table_of_the_text():
    summary = MLPNet((1000,)).summary(n_features=7, n_outputs=3)
    text, page = str(summary), summary._repr_html_()
    cells = [re.findall("<td[^>]*>([^<]*)</td>", row) for row in page.split("<tr>")[2:]]
    assert cells == [
        ["hidden_0", "Dense", "relu", "(None, 1000)", "yes", "8,000"],
        ["output", "Dense", "softmax", "(None, 3)", "yes", "3,003"],
    ]
    lines = text.splitlines()
    assert lines[0] == "MLPNet of 7 features"
    for line, row in zip(lines[3:5], cells, strict=True):
        assert re.split(r"\s{2,}", line) == row
        # Aligned at the right.
        assert len(line) == len(lines[1])
    assert "Parameters: 11,003" in text and "Parameters: 11,003" in page


def test_a_summary_fits_nothing():
    net = MLPNet((4,))
    before = dict(vars(net))
    net.summary(3, 2)
    assert vars(net) == before


def test_modules_of_summaries_import_without_numba():
    """What is printed of a summary needs no engine."""
    code = "import sys, skdnn.inference, skdnn.summary; print('numba' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
