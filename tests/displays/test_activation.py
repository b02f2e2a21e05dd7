"""ActivationDisplay: the functions and their derivatives, by their formulas."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdnn import engine
from skdnn.displays import ActivationDisplay


def test_tanh():
    display = ActivationDisplay.from_name("tanh")
    value, derivative = display.lines_["tanh"]
    z = np.linspace(-4, 4, 401)
    assert_allclose(value.get_xdata(), z)
    assert_allclose(value.get_ydata(), np.tanh(z), rtol=1e-13, atol=1e-15)
    assert_allclose(derivative.get_ydata(), np.cosh(z) ** -2, rtol=1e-11)
    assert value.axes is display.axes_[0] and derivative.axes is display.axes_[1]


def test_all_of_the_registry():
    """No point is at a kink, where there is no derivative."""
    options = {"limits": (-6.03, 6.01), "n_points": 2001}
    display = ActivationDisplay.from_name(list(engine.ACTIVATIONS), **options)
    assert set(display.lines_) == set(engine.ACTIVATIONS)
    for value, derivative in display.lines_.values():
        z, f = value.get_data()
        middle = (derivative.get_ydata()[1:] + derivative.get_ydata()[:-1]) / 2
        smooth = np.abs(z[1:]) > 0.02
        assert_allclose((np.diff(f) / np.diff(z))[smooth], middle[smooth], atol=1e-5)
        assert value.get_color() == derivative.get_color()
    labels = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert labels == list(engine.ACTIVATIONS)


def test_given_axes():
    _, axes = plt.subplots(2, 1)
    display = ActivationDisplay.from_name("relu", ax=axes, line_kw={"color": "k"})
    assert_array_equal(display.axes_, axes)
    assert {line.get_color() for line in display.lines_["relu"]} == {"k"}
    assert display.plot() is display and display.axes_[0] is not axes[0]


def test_unfit_parameters():
    with pytest.raises(ValueError, match=r"'identity', .* got 'sin'"):
        ActivationDisplay.from_name(["tanh", "sin"])
    with pytest.raises(ValueError, match=r"the smaller first; got \(1, -1\)"):
        ActivationDisplay.from_name("tanh", limits=(1, -1))
