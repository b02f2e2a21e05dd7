"""NetworkDisplay: a circle for each unit, a line for each weight, in the colour of its sign."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import GDLinearRegression, GDLogisticRegression, MLPNet
from skdnn.displays import NetworkDisplay
from skdnn.layers import BatchNorm, Dense, Dropout, Maxout

FRAME, Y = load_iris(return_X_y=True, as_frame=True)
NAMES = list(FRAME.columns)


def _texts(display):
    return [text.get_text() for text in display.ax_.texts]


def _check_lines(lines, weights, largest):
    """Check the lines of some weights, in their order."""
    weights = np.ravel(weights)
    colors = lines.get_colors()
    assert len(colors) == len(lines.get_segments()) == len(weights)
    assert_allclose(colors[weights > 0, :3], [to_rgb("#b2182b")] * (weights > 0).sum())
    assert_allclose(colors[weights < 0, :3], [to_rgb("#2166ac")] * (weights < 0).sum())
    sizes = np.abs(weights) / largest
    assert_allclose(colors[:, 3] ** 2, sizes, atol=1e-15)
    widths = lines.get_linewidths()
    assert_allclose(widths, max(widths) * sizes / sizes.max(), atol=1e-15)


def test_units_and_lines():
    net = MLPNet((5,), "tanh", solver="lbfgs", max_iter=1000, random_state=0).fit(FRAME, Y)
    display = NetworkDisplay.from_estimator(net)
    assert [len(column) for column in display.units_] == [4, 5, 3]
    assert len(display.ax_.patches) == 12 and not display.bias_units_
    for i, (lines, coef) in enumerate(zip(display.connections_, net.coefs_, strict=True)):
        _check_lines(lines, coef, np.abs(coef).max())
        ends = [(a.center, b.center) for a in display.units_[i] for b in display.units_[i + 1]]
        assert_allclose(lines.get_segments(), ends)
    notes = ["4 inputs", "5 units\ntanh", "3 outputs\nsoftmax"]
    assert _texts(display) == [*NAMES, "0", "1", "2", *notes]
    heights = [circle.center[1] for circle in display.units_[0]]
    assert heights == sorted(heights, reverse=True)


def test_biases():
    net = MLPNet((5,), solver="lbfgs", random_state=0).fit(FRAME, Y)
    display = NetworkDisplay.from_estimator(net, show_bias=True, line_kw={"linestyles": ":"})
    assert len(display.bias_units_) == 2 and len(display.ax_.patches) == 14
    for lines, coef, bias in zip(display.connections_, net.coefs_, net.intercepts_, strict=True):
        weights = np.vstack([coef, bias])
        _check_lines(lines, weights, np.abs(weights).max())
    begins = display.connections_[1].get_segments()[-3:]
    assert_allclose([line[0] for line in begins], [display.bias_units_[1].center] * 3)


def test_wide_layers_are_shortened():
    rows = np.random.default_rng(0).normal(size=(60, 30))
    net = MLPNet((20, 7), solver="lbfgs", random_state=0).fit(rows, rows[:, 0] > 0)
    display = NetworkDisplay.from_estimator(net, max_units=7)
    assert [len(column) for column in display.units_] == [6, 6, 7, 1]
    first, second = [0, 1, 2, 27, 28, 29], [0, 1, 2, 17, 18, 19]
    largest = np.abs(net.coefs_[0]).max()
    _check_lines(display.connections_[0], net.coefs_[0][np.ix_(first, second)], largest)
    _check_lines(display.connections_[1], net.coefs_[1][second], np.abs(net.coefs_[1]).max())
    texts = _texts(display)
    assert texts[:7] == ["x0", "x1", "x2", "x27", "x28", "x29", "True"]
    assert texts[7:] == ["30 inputs", "20 units\nrelu", "7 units\nrelu", "1 output\nlogistic"]
    # The ellipses stand in the gaps, which are two places wide.
    for line, column in zip(display.ax_.lines, display.units_[:2], strict=True):
        heights = np.array([circle.center[1] for circle in column])
        assert np.diff(heights).tolist() == [-1, -1, -2, -1, -1]
        assert line.get_ydata().mean() == pytest.approx((heights[2] + heights[3]) / 2)


def test_layers_of_all_kinds():
    layers = [Dropout(0.1), Dense(4, "elu"), BatchNorm(), Dropout(0.25), Maxout(3, pieces=2)]
    net = MLPNet(hidden_layers=layers, max_iter=5, n_iter_no_change=np.inf, random_state=0)
    net.fit(FRAME, Y)
    display = NetworkDisplay.from_estimator(net)
    assert [len(column) for column in display.units_] == [4, 4, 3, 3]
    assert _texts(display)[-4:] == [
        "4 inputs\nDropout 0.1",
        "4 units\nelu\nBatchNorm\nDropout 0.25",
        "3 units\nmaximum of 2",
        "3 outputs\nsoftmax",
    ]
    # Each unit of the maxout layer has two lines from each input.
    lines = display.connections_[1]
    _check_lines(lines, net.coefs_[1], np.abs(net.coefs_[1]).max())
    y = [circle.center[1] for circle in display.units_[2]]
    assert_allclose([line[1][1] for line in lines.get_segments()[:6]], np.repeat(y, 2))


def test_batch_norm_of_plain_layers_names_the_activation():
    net = MLPNet((4,), "gelu", batch_norm=True, max_iter=5, n_iter_no_change=np.inf).fit(FRAME, Y)
    assert "4 units\nBatchNorm\ngelu" in _texts(NetworkDisplay.from_estimator(net))


@pytest.mark.parametrize(
    ("model", "target", "n_outputs", "last"),
    [
        (GDLogisticRegression(), Y, 3, "3 outputs\nsoftmax"),
        (GDLogisticRegression(), Y > 0, 1, "1 output\nlogistic"),
        (GDLinearRegression(), Y, 1, "1 output\nidentity"),
        (MLPClassifier((2,), solver="lbfgs", max_iter=5000), Y, 3, "3 outputs\nsoftmax"),
    ],
)
def test_other_models(model, target, n_outputs, last):
    display = NetworkDisplay.from_estimator(model.fit(FRAME, target))
    assert len(display.units_[-1]) == n_outputs
    assert _texts(display)[-1] == last
    coef = model.coefs_[-1] if hasattr(model, "coefs_") else np.atleast_2d(model.coef_).T
    _check_lines(display.connections_[-1], coef, np.abs(coef).max())


def test_names():
    pipeline = make_pipeline(StandardScaler(), GDLogisticRegression()).fit(FRAME, Y)
    assert _texts(NetworkDisplay.from_estimator(pipeline))[:4] == NAMES
    names = {"feature_names": list("abcd"), "target_names": ["ant", "bee", "cow"]}
    display = NetworkDisplay.from_estimator(pipeline, **names)
    assert _texts(display)[:7] == ["a", "b", "c", "d", "ant", "bee", "cow"]
    with pytest.raises(ValueError, match="target_names must have 3 elements, got 2"):
        NetworkDisplay.from_estimator(pipeline, target_names=["ant", "bee"])


def test_nothing_overlaps_at_the_default_size():
    """Names stand apart from each other and within the figure."""
    net = MLPNet((64,), solver="lbfgs", max_iter=5000, random_state=0).fit(FRAME, Y)
    display = NetworkDisplay.from_estimator(net)
    figure = display.figure_
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in display.ax_.texts]
    for i, box in enumerate(boxes):
        assert figure.bbox.contains(*box.min) and figure.bbox.contains(*box.max)
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_given_axes_and_zero_weights():
    model = GDLogisticRegression(l1_ratio=1, C=1e-3).fit(FRAME, Y > 0)
    assert_array_equal(model.coef_, 0)
    figure, axes = plt.subplots(1, 2)
    display = NetworkDisplay.from_estimator(model, ax=axes[1])
    assert display.ax_ is axes[1] and display.figure_ is figure
    assert_array_equal(display.connections_[0].get_linewidths(), 0)
    assert display.plot(show_bias=True) is display and len(display.bias_units_) == 1


def test_unfit_models_and_parameters():
    with pytest.raises(ValueError, match="not fitted"):
        NetworkDisplay.from_estimator(MLPNet())
    with pytest.raises(TypeError, match="StandardScaler, which has neither"):
        NetworkDisplay.from_estimator(StandardScaler().fit(FRAME))
    with pytest.raises(ValueError, match="max_units must be at least 3"):
        NetworkDisplay.from_estimator(GDLogisticRegression().fit(FRAME, Y), max_units=2)
