"""Every registered optimiser: its formula, a parabola, Rosenbrock's function, plain Python."""

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

from skdnn import engine

CONSTANTS = {
    "momentum": 0.9,
    "rho": 0.9,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
}
VARIANTS = [*engine.OPTIMIZERS, "sgd-nesterov"]


def _settings(name):
    settings = np.zeros(1, engine.SETTINGS)
    for field, value in CONSTANTS.items():
        settings[field] = value
    settings["nesterov"] = name == "sgd-nesterov"
    return settings


def _start(name, w):
    """Return the two moments, of some optimisers one and the same."""
    moments = np.zeros((engine.OPTIMIZERS[name.split("-")[0]].n_moments, w.size), w.dtype)
    return moments[0], moments[-1]


def _descend(name, gradient, w, rate, n_steps, compiled=True):
    w, settings, moments = w.copy(), _settings(name), _start(name, w)
    step = engine.OPTIMIZERS[name.split("-")[0]].step
    run = step if compiled else step.py_func
    for t in range(1, n_steps + 1):
        run(w, gradient(w).astype(w.dtype), *moments, settings, rate, 0.9**t, 0.999**t)
    return w


class Plain:
    """The published formulas, each on its own."""

    def __init__(self):
        self.v = self.m = 0.0

    def sgd(self, w, g, rate, t):
        self.v = 0.9 * self.v - rate * g
        return w + self.v

    def sgd_nesterov(self, w, g, rate, t):
        self.v = 0.9 * self.v - rate * g
        return w + 0.9 * self.v - rate * g

    def rmsprop(self, w, g, rate, t):
        self.v = 0.9 * self.v + 0.1 * g**2
        return w - rate * g / (np.sqrt(self.v) + 1e-8)

    def adagrad(self, w, g, rate, t):
        self.v = self.v + g**2
        return w - rate * g / (np.sqrt(self.v) + 1e-8)

    def adam(self, w, g, rate, t):
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.999 * self.v + 0.001 * g**2
        m, v = self.m / (1 - 0.9**t), self.v / (1 - 0.999**t)
        # Here epsilon stands where it does in the paper's more efficient form (end of section 2).
        return w - rate * m / (np.sqrt(v) + 1e-8 / np.sqrt(1 - 0.999**t))

    adamw = adam

    def nadam(self, w, g, rate, t):
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.999 * self.v + 0.001 * g**2
        m = 0.9 * self.m / (1 - 0.9 ** (t + 1)) + 0.1 * g / (1 - 0.9**t)
        return w - rate * m / (np.sqrt(self.v / (1 - 0.999**t)) + 1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", VARIANTS)
def test_formula(name, dtype):
    rng = np.random.RandomState(0)
    w = expected = rng.normal(size=7).astype(dtype)
    gradients = rng.normal(size=(5, 7)).astype(dtype)
    w, moments, plain = w.copy(), _start(name, w), Plain()
    step = engine.OPTIMIZERS[name.split("-")[0]].step
    for t, g in enumerate(gradients, 1):
        step(w, g, *moments, _settings(name), 0.1, 0.9**t, 0.999**t)
        expected = getattr(plain, name.replace("-", "_"))(expected, g, 0.1, t)
    np.testing.assert_allclose(w, expected, rtol=1e-12 if dtype == np.float64 else 1e-5)


@pytest.mark.parametrize("name", VARIANTS)
def test_reaches_the_bottom_of_a_parabola(name):
    scales = np.array([1.0, 10.0])
    rate, n_steps = {"adagrad": (1.0, 1000), "rmsprop": (1e-4, 40_000)}.get(name, (0.01, 3000))
    w = _descend(name, lambda w: scales * w, np.array([2.0, -1.0]), rate, n_steps)
    np.testing.assert_allclose(w, 0, atol=1e-3)


@pytest.mark.parametrize("name", VARIANTS)
def test_descends_rosenbrocks_valley(name):
    start = np.array([-1.2, 1.0])
    rate = {"adam": 1e-2, "adamw": 1e-2, "nadam": 1e-2, "adagrad": 0.5}.get(name, 1e-3)
    w = _descend(name, rosen_der, start, rate, 20_000)
    assert rosen(w) < 1e-2 < rosen(start)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", VARIANTS)
def test_kernel_equals_its_plain_python_self(name, dtype):
    w = np.array([2.0, -1.0, 0.5], dtype)
    compiled = _descend(name, np.sin, w, 0.05, 5)
    plain = _descend(name, np.sin, w, 0.05, 5, compiled=False)
    np.testing.assert_allclose(compiled, plain, rtol=50 * np.finfo(dtype).eps)
