"""The hidden layers' outputs, as features."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skdnn import MLPNet, MLPNetRegressor
from skdnn.layers import BatchNorm, Dense, Dropout, Maxout

X, Y = load_digits(return_X_y=True)
X = X / 16
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def net():
    return MLPNet((20, 10), "tanh", dropout=0.3, max_iter=5, random_state=0).fit(X, Y)


@pytest.mark.parametrize("layer, depth", [(0, 1), (1, 2), (-1, 2), (-2, 1)])
def test_outputs_are_those_of_the_layer(net, layer, depth):
    hidden = X
    for coef, intercept in zip(net.coefs_[:depth], net.intercepts_[:depth], strict=True):
        hidden = np.tanh(hidden @ coef + intercept)
    outputs = net.set_params(transform_layer=layer).transform(X)
    np.testing.assert_allclose(outputs, hidden, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("layer", [2, -3])
def test_no_such_layer(net, layer):
    with pytest.raises(ValueError, match=f"transform_layer={layer} must be .* the 2 hidden layers"):
        net.set_params(transform_layer=layer).transform(X)


def test_layers_that_are_objects_are_counted_as_they_stand():
    layers = [Dense(12, "relu"), BatchNorm(), Dropout(0.5), Maxout(5, pieces=2)]
    net = MLPNet(hidden_layers=layers, max_iter=3, random_state=0).fit(X, Y)
    dense, normal, dropped, maxout = (
        net.set_params(transform_layer=i).transform(X) for i in range(4)
    )
    np.testing.assert_allclose(dense, np.maximum(X @ net.coefs_[0] + net.intercepts_[0], 0))
    own = net.normalizations_[0]
    scaled = (dense - own["mean"]) / np.sqrt(own["variance"] + 1e-5) * own["gamma"] + own["beta"]
    np.testing.assert_allclose(normal, scaled, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(dropped, normal)
    pieces = (normal @ net.coefs_[1] + net.intercepts_[1]).reshape(-1, 5, 2)
    np.testing.assert_allclose(maxout, pieces.max(axis=2), rtol=1e-9)
    np.testing.assert_allclose(
        maxout @ net.coefs_[2] + net.intercepts_[2], net.decision_function(X), rtol=1e-9
    )


def test_normalisation_belongs_to_its_layer_in_the_plain_case():
    net = MLPNet((20, 10), batch_norm=True, max_iter=3, random_state=0).fit(X, Y)
    outputs = net.set_params(transform_layer=0).transform(X)
    own = net.normalizations_[0]
    scaled = (X @ net.coefs_[0] - own["mean"]) / np.sqrt(own["variance"] + 1e-5)
    np.testing.assert_allclose(
        outputs, np.maximum(scaled * own["gamma"] + own["beta"], 0), rtol=1e-9, atol=1e-12
    )


def test_without_hidden_layers_the_features_themselves():
    net = MLPNet((), max_iter=3, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(net.transform(X), X)
    assert len(net.get_feature_names_out()) == 64


def test_names_and_frames():
    iris = load_iris(as_frame=True)
    net = MLPNetRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0)
    frame = net.set_output(transform="pandas").fit(iris.data, iris.target).transform(iris.data)
    names = [f"mlpnetregressor{i}" for i in range(4)]
    assert list(frame.columns) == list(net.get_feature_names_out()) == names
    assert frame.index.equals(iris.data.index)


def test_a_linear_model_on_hidden_features_in_a_pipeline():
    net = MLPNet((32,), max_iter=30, random_state=0)
    deep = make_pipeline(net, LogisticRegression(max_iter=1000)).fit(X[:1200], Y[:1200])
    assert deep.score(X[1200:], Y[1200:]) > 0.9
