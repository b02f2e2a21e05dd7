"""WeightsDisplay: the images are the weights, in one scale of colours centred on zero."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import MLPNet, SoftmaxClassifier
from skdnn.displays import WeightsDisplay

X, Y = load_digits(return_X_y=True)
X = X[:300] / 16
Y = Y[:300]


def _net():
    net = MLPNet((12, 5), max_iter=5, n_iter_no_change=np.inf, random_state=0)
    return net.fit(X, Y)


def test_images_are_the_weights():
    net = _net()
    display = WeightsDisplay.from_estimator(net)
    assert [axes.get_title() for axes in display.axes_] == ["layer 1", "layer 2", "output layer"]
    largest = max(np.abs(coef).max() for coef in net.coefs_)
    for image, coef in zip(display.images_, net.coefs_, strict=True):
        assert_array_equal(image.get_array(), coef)
        assert image.get_clim() == (-largest, largest)
    assert display.colorbar_.mappable is display.images_[0]
    # White is zero.
    assert display.images_[0].to_rgba(0.0)[:3] == pytest.approx((0.97, 0.97, 0.97), abs=0.01)


def test_incoming_weights_as_images():
    net = _net()
    display = WeightsDisplay.from_estimator(net, feature_shape=(8, 8), max_units=7, colorbar=False)
    assert len(display.images_) == len(display.axes_) == len(display.figure_.axes) == 7
    for unit, image in enumerate(display.images_):
        assert_array_equal(np.ravel(image.get_array()), net.coefs_[0][:, unit])
        assert image.get_array().shape == (8, 8)
    assert display.colorbar_ is None


def test_images_of_classes():
    model = make_pipeline(StandardScaler(), SoftmaxClassifier()).fit(X, Y)
    display = WeightsDisplay.from_estimator(model, feature_shape=(4, 16))
    assert [axes.get_title() for axes in display.axes_] == [str(label) for label in range(10)]
    for image, coef in zip(display.images_, model[-1].coef_, strict=True):
        assert_array_equal(image.get_array(), coef.reshape(4, 16))


def test_sparse_and_one_dimensional_coefficients():
    model = SoftmaxClassifier(l1_ratio=1, C=0.1).fit(X, Y)
    coef = model.coef_.copy()
    (image,) = WeightsDisplay.from_estimator(model.sparsify()).images_
    assert_array_equal(image.get_array(), coef.T)
    linear = LinearRegression().fit(X, Y)
    (image,) = WeightsDisplay.from_estimator(linear).images_
    assert_array_equal(np.ravel(image.get_array()), linear.coef_)


def test_given_axes():
    net = _net()
    _, axes = plt.subplots(1, 3)
    display = WeightsDisplay.from_estimator(net, ax=axes, im_kw={"cmap": "PuOr"})
    assert_array_equal(display.axes_, axes)
    assert display.images_[0].get_cmap().name == "PuOr"
    figure, axes = plt.subplots(2, 1)
    assert display.plot(ax=axes[1]) is display and display.figure_ is figure
    assert len(display.axes_) == 3


def test_unfit_parameters():
    net = _net()
    with pytest.raises(ValueError, match="product is 64"):
        WeightsDisplay.from_estimator(net, feature_shape=(8, 9))
    with pytest.raises(ValueError, match="max_units must be at least 1"):
        WeightsDisplay.from_estimator(net, feature_shape=(8, 8), max_units=0)
    with pytest.raises(ValueError, match="3 Axes, got 2"):
        WeightsDisplay.from_estimator(net, ax=plt.subplots(2)[1])
    with pytest.raises(TypeError, match="KNeighborsClassifier, which has neither"):
        WeightsDisplay.from_estimator(KNeighborsClassifier().fit(X, Y))
