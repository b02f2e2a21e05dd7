"""Batch normalisation in the engine: its formula, its running statistics, its batches."""

import numpy as np
import pytest
from direct import batch_outputs, initial, train

from skdnn import engine
from skdnn.layers import BatchNorm, Dense
from skdnn.network import Network

RNG = np.random.RandomState(0)
X = RNG.normal(size=(31, 3)) * [1.0, 5.0, 0.2] + [0.0, 100.0, -1.0]
WEIGHT = RNG.uniform(0.2, 3, 31)


def _network(dtype=np.float64, **options):
    return Network(3, [BatchNorm(**options)], "squared_error", dtype=dtype)


def _params(network):
    """Return parameters with other values than those that training starts from."""
    params = initial(network)
    (arrays,) = network.arrays(params)
    arrays["weights"][:], arrays["bias"][:] = [2.0, -1.0, 0.5], [0.1, 0.2, 0.3]
    return params


def _forward(network, params, X, weight=None):
    """Return the outputs in training, of all rows as one batch; the statistics are changed."""
    data = engine.as_data(X, network.dtype, np.zeros((len(X), 3)), weight)
    work = network.workspace(data, len(X))
    return batch_outputs(network, data, params, work, len(X), 0, len(X), 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
def test_formula_in_training(weighted, dtype):
    network = _network(dtype, epsilon=0.01)
    weight = WEIGHT if weighted else None
    out = _forward(network, _params(network), X, weight)
    mean = np.average(X, axis=0, weights=weight)
    variance = np.average((X - mean) ** 2, axis=0, weights=weight)
    expected = [2.0, -1.0, 0.5] * (X - mean) / np.sqrt(variance + 0.01) + [0.1, 0.2, 0.3]
    # The offset of 100 in the second column takes three digits in float32.
    np.testing.assert_allclose(out, expected, atol=2e-5 if dtype == np.float32 else 1e-12)


def test_formula_at_prediction():
    network = _network(epsilon=0.01)
    params = _params(network)
    (arrays,) = network.arrays(params)
    arrays["mean"][:], arrays["variance"][:] = [1.0, 2.0, 3.0], [0.5, 4.0, 2.0]
    before = params.copy()
    normal = (X - [1.0, 2.0, 3.0]) / np.sqrt(np.array([0.5, 4.0, 2.0]) + 0.01)
    expected = [2.0, -1.0, 0.5] * normal + [0.1, 0.2, 0.3]
    np.testing.assert_allclose(network.scores(X, params), expected, rtol=1e-13)
    np.testing.assert_array_equal(params, before)


@pytest.mark.parametrize("weighted", [False, True])
def test_running_statistics(weighted):
    """Plain means of the batches' own until k / (k + 1) reaches the momentum."""
    momentum = 0.75
    network = _network(momentum=momentum)
    params = _params(network)
    (arrays,) = network.arrays(params)
    # What was there before there were any batches does not count.
    arrays["mean"][:] = arrays["variance"][:] = 1e6
    means, variances = [], []
    for k in range(8):
        rows = slice(3 * k, 3 * k + 5)
        weight = WEIGHT[rows] if weighted else None
        _forward(network, params, X[rows], weight)
        mean = np.average(X[rows], axis=0, weights=weight)
        variance = np.average((X[rows] - mean) ** 2, axis=0, weights=weight)
        means.append(mean)
        variances.append(variance)
        # The shares are 1/k each up to the fourth batch, then decay.
        if k < 4:
            expected = np.mean(means, axis=0), np.mean(variances, axis=0)
        else:
            expected = (
                momentum * expected[0] + (1 - momentum) * mean,
                momentum * expected[1] + (1 - momentum) * variance,
            )
        np.testing.assert_allclose(arrays["mean"], expected[0], rtol=1e-12)
        np.testing.assert_allclose(arrays["variance"], expected[1], rtol=1e-12)
        assert arrays["n_batches"][0] == k + 1


def test_without_momentum_the_last_batch_counts_alone():
    network = _network(momentum=0.0)
    params = _params(network)
    for rows in (slice(0, 10), slice(10, 31)):
        _forward(network, params, X[rows])
    (arrays,) = network.arrays(params)
    np.testing.assert_allclose(arrays["mean"], X[10:].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(arrays["variance"], X[10:].var(axis=0), rtol=1e-12)


def test_a_batch_of_one_row():
    network = _network(momentum=0.9, epsilon=1e-5)
    params = _params(network)
    (arrays,) = network.arrays(params)
    # The very first: its mean is itself, which leaves the shift.
    np.testing.assert_allclose(_forward(network, params, X[:1]), [[0.1, 0.2, 0.3]], rtol=1e-12)
    np.testing.assert_array_equal(arrays["mean"], X[0])
    np.testing.assert_array_equal(arrays["variance"], 1)
    # A later one: the statistics with it among them.
    mean = X[:2].mean(axis=0)
    variance = (1 + (X[1] - X[0]) ** 2) / 2
    out = _forward(network, params, X[1:2])[0]
    expected = [2.0, -1.0, 0.5] * (X[1] - mean) / np.sqrt(variance + 1e-5) + [0.1, 0.2, 0.3]
    np.testing.assert_allclose(out, expected, rtol=1e-12)
    np.testing.assert_allclose(arrays["variance"], variance, rtol=1e-12)


def test_rows_one_by_one_come_to_the_variance_of_all():
    rng = np.random.RandomState(1)
    network = _network(momentum=0.999)
    params = _params(network)
    for row in rng.normal(loc=3.0, scale=2.0, size=(5000, 1, 3)):
        _forward(network, params, row)
    (arrays,) = network.arrays(params)
    # Within five standard errors of a mean over the last thousand rows or so.
    np.testing.assert_allclose(arrays["mean"], 3.0, atol=5 * 2 / np.sqrt(1000))
    np.testing.assert_allclose(arrays["variance"], 4.0, atol=5 * 4 * np.sqrt(2 / 1000))


@pytest.mark.parametrize(
    "n_rows, size, sizes", [(101, 100, [50, 51]), (9, 4, [3, 3, 3]), (11, 4, [3, 4, 4])]
)
def test_batches_are_shared_out_evenly(n_rows, size, sizes):
    """The rows are numbered: the running mean with momentum 0 tells which were in a batch."""
    numbers = np.arange(float(n_rows))[:, None]
    network = Network(1, [BatchNorm(momentum=0.0)], "squared_error")
    ends = np.cumsum(sizes)
    params = train(network, numbers, 0 * numbers, initial(network), size=size, rate=1e-9)
    (arrays,) = network.arrays(params)
    assert arrays["n_batches"][0] == len(sizes)
    last = numbers[ends[-2] :]
    assert arrays["mean"][0] == pytest.approx(last.mean(), rel=1e-13)
    assert arrays["variance"][0] == pytest.approx(last.var(), rel=1e-12)
    network = Network(1, [BatchNorm(momentum=0.99)], "squared_error")
    params = train(network, numbers, 0 * numbers, initial(network), size=size, rate=1e-9)
    means = [part.mean() for part in np.split(numbers, ends[:-1])]
    assert network.arrays(params)[0]["mean"][0] == pytest.approx(np.mean(means), rel=1e-13)


def test_without_batch_normalisation_the_last_batch_has_what_is_left():
    """With a rate of 1 the bias of a constant's fit is the mean of the last batch's targets."""
    network = Network(1, [Dense(1)], "squared_error")
    y = np.arange(11.0)[:, None]
    params = train(network, np.zeros((11, 1)), y, initial(network), size=4, rate=1.0, momentum=0.0)
    assert params[1] == pytest.approx(np.mean([8, 9, 10]), rel=1e-14)


@pytest.mark.parametrize("solver", engine.OPTIMIZERS)
def test_whole_weights_are_repetitions(solver):
    layers = [BatchNorm(), Dense(5, use_bias=False), BatchNorm(activation="tanh"), Dense(1)]
    network = Network(3, layers, "squared_error", l2=0.1, penalty_per_weight=True)
    counts = np.random.RandomState(0).randint(1, 4, 31)
    y = np.sin(X[:, :1])
    # The first shift has no effect: its gradient is rounding, which a tiny epsilon would scale up.
    options = {"solver": solver, "rate": 0.01, "n_epochs": 20, "epsilon": 1e-3}
    start = initial(network)
    weighted = train(network, X, y, start, weight=counts, **options)
    repeated = train(
        network, np.repeat(X, counts, axis=0), np.repeat(y, counts, axis=0), start, **options
    )
    np.testing.assert_allclose(weighted, repeated, rtol=1e-8, atol=1e-10)


def test_frozen_it_uses_the_running_statistics_and_does_not_change():
    layers = [Dense(4, "tanh"), BatchNorm(trainable=False), Dense(3)]
    network = Network(3, layers, "squared_error")
    params = initial(network)
    frozen = network.arrays(params)[1]
    rng = np.random.RandomState(1)
    for array in frozen.values():
        array[:] = rng.uniform(0.5, 2, array.shape)
    # In training it is what it is at prediction.
    standard = (X - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_array_equal(
        _forward(network, params, standard), network.scores(standard, params)
    )
    before = [array.copy() for array in frozen.values()]
    after = train(network, standard, standard, params, size=7, n_epochs=3)
    for own, old in zip(network.arrays(after)[1].values(), before, strict=True):
        np.testing.assert_array_equal(own, old)
    assert (network.arrays(after)[0]["weights"] != network.arrays(params)[0]["weights"]).all()


def test_a_learning_rate_of_zero_freezes_the_statistics_too():
    layers = [Dense(4, "tanh"), BatchNorm(), Dense(3)]
    frozen = [Dense(4, "tanh"), BatchNorm(trainable=False), Dense(3)]
    by_rate = Network(3, layers, "squared_error", learning_rates=[1.0, 0.0, 1.0])
    by_layer = Network(3, frozen, "squared_error")
    start = initial(by_rate)
    by_rate.arrays(start)[1]["mean"][:] = 0.3
    standard = (X - X.mean(axis=0)) / X.std(axis=0)
    found = [train(n, standard, standard, start, size=7, n_epochs=3) for n in (by_rate, by_layer)]
    np.testing.assert_array_equal(*found)
