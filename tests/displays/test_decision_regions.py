"""DecisionRegionsDisplay: rows in the colours of their classes, over what the model says."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris, make_moons

from skdnn import GDLinearRegression, MLPNet, SoftmaxClassifier
from skdnn.displays import DecisionRegionsDisplay

METHODS = ["predict_proba", "decision_function", "predict"]
PLOTS = ["pcolormesh", "contourf", "contour"]


def _moons():
    X, y = make_moons(100, noise=0.1, random_state=0)
    labels = np.array(["down", "up"])[y]
    return MLPNet((8,), "tanh", solver="lbfgs", random_state=0, alpha=1).fit(X, labels), X, labels


def _iris():
    frame, y = load_iris(return_X_y=True, as_frame=True)
    X = frame.iloc[:, :2]
    return SoftmaxClassifier().fit(X, y), X, y


@pytest.mark.parametrize("task", [_moons, _iris])
@pytest.mark.parametrize("method", METHODS)
def test_rows_have_the_colour_of_their_class(task, method):
    model, X, y = task()
    display = DecisionRegionsDisplay.from_estimator(model, X, y, response_method=method)
    assert list(display.points_) == list(model.classes_)
    colors = [points.get_facecolor()[0] for points in display.points_.values()]
    assert_allclose(colors, display.colors_)
    assert len(np.unique(colors, axis=0)) == len(model.classes_)
    for label, points in display.points_.items():
        assert_array_equal(points.get_offsets(), np.asarray(X)[np.asarray(y) == label])
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == [str(label) for label in model.classes_]


@pytest.mark.parametrize("method", METHODS)
def test_regions_have_the_colour_of_their_class(method):
    """From white, where the model is not sure, to the full colour, where it is surest."""
    model, X, y = _moons()
    display = DecisionRegionsDisplay.from_estimator(model, X, y, response_method=method)
    grid = np.c_[display.boundary.xx0.ravel(), display.boundary.xx1.ravel()]
    sureness = {
        "predict_proba": lambda: 2 * model.predict_proba(grid)[:, 1] - 1,
        "decision_function": lambda: model.decision_function(grid),
        "predict": lambda: np.where(model.predict(grid) == "up", 1.0, -1.0),
    }[method]()
    share = np.abs(sureness / np.abs(sureness).max())[:, None]
    own = display.colors_[(sureness > 0).astype(int), :3]
    mesh = display.boundary_.surface_
    colors = mesh.to_rgba(np.asarray(mesh.get_array()).ravel())[:, :3]
    # A map has 256 colours.
    assert_allclose(colors, share * own + (1 - share), atol=1 / 128)


def test_response_is_the_model():
    model, X, y = _iris()
    display = DecisionRegionsDisplay.from_estimator(model, X, y, grid_resolution=5, eps=0.5)
    boundary = display.boundary
    assert boundary.xx0.min() == X.iloc[:, 0].min() - 0.5
    grid = type(X)(np.c_[boundary.xx0.ravel(), boundary.xx1.ravel()], columns=X.columns)
    assert_allclose(boundary.response.reshape(25, 3), model.predict_proba(grid))
    assert display.ax_.get_xlabel() == X.columns[0]
    assert display.ax_.get_ylabel() == X.columns[1]


@pytest.mark.parametrize("task", [_moons, _iris])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("plot_method", PLOTS)
def test_every_way_of_drawing(task, method, plot_method):
    model, X, y = task()
    display = DecisionRegionsDisplay.from_estimator(
        model,
        X,
        y,
        response_method=method,
        grid_resolution=20,
        surface_kw={"plot_method": plot_method},
        scatter_kw={"s": 5},
    )
    display.figure_.canvas.draw()
    assert {tuple(points.get_sizes()) for points in display.points_.values()} == {(5,)}


def test_other_rows_on_other_axes():
    model, X, y = _moons()
    figure, axes = plt.subplots(1, 2)
    display = DecisionRegionsDisplay.from_estimator(model, X[:9], y[:9], ax=axes[0])
    assert display.ax_ is axes[0] and display.figure_ is figure
    assert len(plt.get_fignums()) == 1
    assert display.plot(ax=axes[1]) is display and display.ax_ is axes[1]


def test_unfit_data():
    model, X, y = _moons()
    draw = DecisionRegionsDisplay.from_estimator
    with pytest.raises(ValueError, match=r"does not know: \['left'\]"):
        draw(model, X, ["left", *y[1:]])
    with pytest.raises(ValueError, match=r"n_features must be equal to 2\. Got 3"):
        draw(MLPNet((2,), solver="lbfgs").fit(X[:, [0, 1, 1]], y), X[:, [0, 1, 1]], y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        draw(model, X, y[1:])
    with pytest.raises(ValueError, match="must be a classifier"):
        draw(GDLinearRegression().fit(X, X[:, 0]), X, y)
    with pytest.raises(ValueError, match="response_method must be one of"):
        draw(model, X, y, response_method="auto")
