"""Initialisers draw what they say, and scikit-learn's own weights where they should."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skdnn import engine
from skdnn.initializers import (
    INITIALIZERS,
    TRUNCATED_STDDEV,
    Array,
    Constant,
    Initializer,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
    default_initializer,
    initializer,
)

N_IN, N_OUT = 400, 300


def _uniform(bound):
    return stats.uniform(-bound, 2 * bound)


def _cut(variance):
    """Return the normal distribution cut at two standard deviations, of so much variance."""
    return stats.truncnorm(-2, 2, scale=np.sqrt(variance / stats.truncnorm(-2, 2).var()))


# What the weights of 400 inputs and 300 outputs are drawn from, from the definitions.
DISTRIBUTIONS = {
    "random_normal": stats.norm(0, 0.05),
    "truncated_normal": stats.truncnorm(-2, 2, scale=0.05),
    "random_uniform": _uniform(0.05),
    "glorot_uniform": _uniform(np.sqrt(6 / 700)),
    "glorot_normal": _cut(2 / 700),
    "he_uniform": _uniform(np.sqrt(6 / 400)),
    "he_normal": _cut(2 / 400),
    "lecun_uniform": _uniform(np.sqrt(3 / 400)),
    "lecun_normal": _cut(1 / 400),
}
CASES = [(INITIALIZERS[name], law) for name, law in DISTRIBUTIONS.items()] + [
    (RandomNormal(3.0, 2.0), stats.norm(3, 2)),
    (TruncatedNormal(3.0, 2.0), stats.truncnorm(-2, 2, 3, 2)),
    (RandomUniform(-1.0, 3.0), stats.uniform(-1, 4)),
    (VarianceScaling(0.5, "fan_out", "uniform"), _uniform(np.sqrt(1.5 / 300))),
    (VarianceScaling(3.0, "fan_out", "normal"), _cut(3 / 300)),
    (VarianceScaling(3.0, "fan_avg", "untruncated_normal"), stats.norm(0, np.sqrt(3 / 350))),
]
IDS = [repr(case[0]) for case in CASES]


def _draw(kind, shape=(N_IN, N_OUT), seed=0, **options):
    return kind.draw(shape, np.random.RandomState(seed), **options)


def test_every_name_is_tested():
    assert set(INITIALIZERS) == {*DISTRIBUTIONS, "zeros", "ones", "orthogonal"}


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (1, 1), (4,)])
@pytest.mark.parametrize("name", INITIALIZERS)
def test_shape_dtype_and_seed(name, shape):
    if name == "orthogonal" and len(shape) == 1:
        return
    first, again, other = (_draw(INITIALIZERS[name], shape, seed) for seed in (3, 3, 4))
    assert first.shape == shape
    assert first.dtype == np.float64
    assert first.flags.c_contiguous
    assert np.array_equal(first, again)
    # The only orthogonal matrices of one entry are 1 and -1.
    if name not in ("zeros", "ones") and (name, shape) != ("orthogonal", (1, 1)):
        assert not np.any(first == other)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_they_are_cloned_and_pickled(name):
    kind = INITIALIZERS[name]
    for same in (clone(kind), pickle.loads(pickle.dumps(kind))):
        assert same == kind
        assert np.array_equal(_draw(same, (3, 2)), _draw(kind, (3, 2)))


def test_constants():
    assert np.array_equal(_draw(Zeros(), (2, 3)), np.zeros((2, 3)))
    assert np.array_equal(_draw(INITIALIZERS["ones"], (2,)), [1, 1])
    assert np.array_equal(_draw(Constant(-2), (2,)), [-2, -2])


@pytest.mark.parametrize("kind, law", CASES, ids=IDS)
def test_mean_and_variance(kind, law):
    values = _draw(kind)
    mean, variance, excess = law.stats("mvk")
    assert abs(values.mean() - mean) < 5 * np.sqrt(variance / values.size)
    # The variance of the sample variance is (m4 - variance^2) / n, m4 the fourth central moment.
    error = variance * np.sqrt((excess + 2) / values.size)
    assert abs(values.var() - variance) < 5 * error


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind, law", CASES, ids=IDS)
def test_distribution(kind, law, seed):
    assert stats.kstest(_draw(kind, seed=seed).ravel(), law.cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    "kind, centre, stddev",
    [
        (TruncatedNormal(), 0, 0.05),
        (TruncatedNormal(1.0, 3.0), 1, 3),
        (INITIALIZERS["he_normal"], 0, np.sqrt(2 / N_IN) / TRUNCATED_STDDEV),
    ],
)
def test_truncation(kind, centre, stddev):
    furthest = np.abs(_draw(kind) - centre).max() / stddev
    # Of 120,000 numbers the furthest is within 1e-3 of the cut, where the density is 0.057 on
    # either side, but for a chance of exp(-13).
    assert 2 - 1e-3 < furthest <= 2 + 1e-12


def test_truncation_at_the_ends_of_the_stream():
    class Ends:
        def uniform(self, low, high, shape):
            return np.array([low, np.nextafter(low, 1), np.nextafter(high, 0), high])

    values = TruncatedNormal(0.0, 1.0).draw((4,), Ends())
    assert np.abs(values).max() <= 2
    np.testing.assert_allclose(values, [-2, -2, 2, 2], rtol=1e-14)


def test_standard_deviation_of_the_cut_distribution():
    assert TRUNCATED_STDDEV == pytest.approx(stats.truncnorm(-2, 2).std(), rel=1e-14)


def test_biases_have_as_many_inputs_as_outputs_unless_said():
    kind, uniform = INITIALIZERS["glorot_uniform"], np.random.RandomState(0).uniform
    bound = np.sqrt(6 / 14)
    assert np.array_equal(_draw(kind, (7,)), uniform(-bound, bound, 7))
    uniform = np.random.RandomState(0).uniform
    bound = np.sqrt(6 / 10)
    assert np.array_equal(_draw(kind, (7,), fans=(3, 7)), uniform(-bound, bound, 7))
    # Which is which.
    kinds = [VarianceScaling(3.0, mode, "uniform") for mode in ("fan_in", "fan_out")]
    for kind, n in zip(kinds, (3, 7), strict=True):
        largest = np.abs(_draw(kind, (10**4,), fans=(3, 7))).max()
        assert largest == pytest.approx(np.sqrt(9 / n), rel=2e-3)


@pytest.mark.parametrize("gain", [1.0, -2.5, 0.0])
@pytest.mark.parametrize("shape", [(50, 20), (20, 50), (30, 30), (1, 4), (4, 1), (1, 1)])
def test_orthogonal(shape, gain):
    weights = _draw(Orthogonal(gain), shape)
    product = weights.T @ weights if shape[0] > shape[1] else weights @ weights.T
    np.testing.assert_allclose(product, gain**2 * np.eye(min(shape)), atol=1e-12, rtol=0)


@pytest.mark.parametrize("shape", [(3, 3), (3, 2), (2, 3)])
def test_orthogonal_matrices_are_all_as_likely(shape):
    """A unit vector of three dimensions has coordinates uniform between -1 and 1 (Archimedes)."""
    random_state = np.random.RandomState(0)
    draws = np.array([Orthogonal().draw(shape, random_state) for _ in range(20_000)])
    for i, j in np.ndindex(shape):
        entry = draws[:, i, j]
        assert stats.kstest(entry, _uniform(1).cdf).pvalue > 1e-3
        assert abs(entry.mean()) < 5 * np.sqrt(1 / 3 / len(draws))
        assert abs(np.mean(entry > 0) - 0.5) < 5 * 0.5 / np.sqrt(len(draws))
    if shape == (3, 3):
        assert abs(np.mean(np.linalg.det(draws) > 0) - 0.5) < 5 * 0.5 / np.sqrt(len(draws))


def test_orthogonal_has_no_biases():
    with pytest.raises(ValueError, match=r"Orthogonal: shape must be \(n_in, n_out\), got \(3,\)"):
        _draw(Orthogonal(), (3,))


@pytest.mark.parametrize(
    "kind, said",
    [
        (Constant(np.nan), "Constant: value must be a finite number, got nan"),
        (Constant("a"), "Constant: value must be a finite number, got 'a'"),
        (Constant(None), "Constant: value must be a finite number, got None"),
        (RandomNormal(np.inf), "RandomNormal: mean must be a finite number, got inf"),
        (RandomNormal(0.0, -1), "RandomNormal: stddev must be a finite number >= 0, got -1"),
        (TruncatedNormal(stddev=-1), "TruncatedNormal: stddev must be a finite number >= 0, got"),
        (TruncatedNormal(mean="0"), "TruncatedNormal: mean must be a finite number, got '0'"),
        (RandomUniform(2, 1), "RandomUniform: low must be at most high=1, got 2"),
        (RandomUniform(-np.inf, 1), "RandomUniform: low must be a finite number, got -inf"),
        (RandomUniform(0, np.nan), "RandomUniform: high must be a finite number, got nan"),
        (VarianceScaling(0), "VarianceScaling: scale must be a finite number > 0, got 0"),
        (VarianceScaling(mode="fan"), "VarianceScaling: mode must be one of .*_avg.*, got 'fan'"),
        (VarianceScaling(mode=["fan_in"]), "VarianceScaling: mode must be one of"),
        (
            VarianceScaling(distribution="beta"),
            "VarianceScaling: distribution must be one of .*'uniform'.*, got 'beta'",
        ),
        (Orthogonal(np.nan), "Orthogonal: gain must be a finite number, got nan"),
        (Array([1.0, np.nan]), "Array: values must be an array of finite numbers, got"),
        (Array([[1.0], [1.0, 2.0]]), "Array: values must be an array of finite numbers, got"),
        (Array(["1", "2"]), "Array: values must be an array of finite numbers, got"),
        (Array([1j, 2.0]), "Array: values must be an array of finite numbers, got"),
        (Array([None, 2.0]), "Array: values must be an array of finite numbers, got"),
    ],
)
def test_bad_values_are_named_when_drawing(kind, said):
    with pytest.raises(ValueError, match=said):
        _draw(kind, (2, 2))
    with pytest.raises(ValueError, match=said):
        kind.check()


def test_the_ends_of_what_is_allowed():
    for kind in (RandomNormal(2.0, 0), TruncatedNormal(2.0, 0), RandomUniform(2, 2.0)):
        assert np.array_equal(_draw(kind, (2, 2)), np.full((2, 2), 2.0))
    assert np.all(np.isfinite(_draw(VarianceScaling(np.float32(2)), (2, 2))))


def test_a_message_does_not_list_a_whole_array():
    with pytest.raises(ValueError) as raised:
        _draw(Array([[np.nan] * 1000] * 1000))
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    "values",
    [np.arange(6.0).reshape(2, 3), np.arange(6).reshape(2, 3), [[0, 1, 2], (3, 4, 5)]],
)
def test_arrays(values):
    kind = initializer(values)
    assert isinstance(kind, Array)
    drawn = _draw(kind, (2, 3))
    assert drawn.dtype == np.float64
    assert np.array_equal(drawn, values)
    # Training changes what was drawn, in place.
    drawn[:] = -1
    assert np.array_equal(_draw(kind, (2, 3)), [[0, 1, 2], [3, 4, 5]])
    for shape in [(3, 2), (6,), (1, 3)]:
        with pytest.raises(ValueError) as raised:
            _draw(kind, shape)
        assert str(shape) in str(raised.value)
        assert "(2, 3)" in str(raised.value)


def test_arrays_are_cloned():
    kind = Array(np.arange(3.0))
    assert clone(kind) == kind
    assert clone(kind) != Array(np.arange(4.0))


def test_initializer_returns_what_is_meant():
    for name, kind in INITIALIZERS.items():
        assert initializer(name) == kind
    kind = Orthogonal(2.0)
    assert initializer(kind) is kind


def test_the_registry_cannot_be_changed_by_what_is_returned():
    initializer("orthogonal").set_params(gain=5.0)
    default_initializer("relu").set_params(scale=5.0)
    assert initializer("orthogonal").gain == 1
    assert default_initializer("relu").scale == 1
    assert initializer("glorot_uniform").scale == 1


@pytest.mark.parametrize("value", ["he", "", None, 3, np.float64(3), Zeros, np.ndarray, {"a": 1}])
def test_what_is_no_initializer(value):
    with pytest.raises(ValueError) as raised:
        initializer(value)
    assert repr(value) in str(raised.value)
    assert all(name in str(raised.value) for name in INITIALIZERS)


def test_every_activation_has_a_default():
    for name in engine.ACTIVATIONS:
        assert isinstance(default_initializer(name), Initializer)
    assert default_initializer("selu") == INITIALIZERS["lecun_normal"]
    assert default_initializer("gelu") == INITIALIZERS["he_uniform"]
    # One of the user's own too.
    assert default_initializer("sin") == INITIALIZERS["he_uniform"]


@pytest.mark.parametrize("activation, factor", [("relu", 6), ("logistic", 2)])
def test_bound_is_that_of_scikit_learn_to_the_last_bit(activation, factor):
    class Bounds:
        def uniform(self, low, high, shape):
            assert low == -high
            return high

    kind, sizes = default_initializer(activation), [*range(1, 400), 784, 1000, 4097, 99_991]
    different = [
        shape
        for shape in ((n_in, n_out) for n_in in sizes for n_out in (1, 2, 3, 10, 101, 4096))
        if kind.draw(shape, Bounds()) != np.sqrt(factor / sum(shape))
    ]
    assert different == []


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_default_weights_are_those_of_scikit_learn(activation):
    random_state = np.random.RandomState(5)
    X, y = random_state.normal(size=(60, 11)), random_state.randint(3, size=60)
    # Steps of this length change no weight.
    theirs = MLPClassifier(
        (7, 5),
        activation=activation,
        solver="sgd",
        learning_rate_init=1e-300,
        max_iter=1,
        random_state=42,
    )
    with pytest.warns(ConvergenceWarning):
        theirs.fit(X, y)
    kind, random_state = default_initializer(activation), np.random.RandomState(42)
    for coef, intercept in zip(theirs.coefs_, theirs.intercepts_, strict=True):
        assert np.array_equal(kind.draw(coef.shape, random_state), coef)
        assert np.array_equal(kind.draw(intercept.shape, random_state, coef.shape), intercept)


def test_numba_is_not_imported():
    code = (
        "import sys, numpy; from skdnn import initializers as i;"
        "[k.draw((3, 2), numpy.random.RandomState(0)) for k in i.INITIALIZERS.values()];"
        "i.default_initializer('relu'); print('numba' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False"]
