"""The gradient of whole networks against finite differences, and its other forms against it."""

import itertools

import numpy as np
import pytest
from scipy import sparse

from skdnn import engine
from skdnn.layers import Dense
from skdnn.network import Network
from skdnn.objective import Objective

N_ROWS, SIZES = 23, (4, 5, 3)
TARGETS = {
    "log_loss": lambda rng: rng.randint(3, size=(N_ROWS, 1)),
    "smoothed_log_loss": lambda rng: rng.randint(3, size=(N_ROWS, 1)),
    "focal": lambda rng: rng.randint(3, size=(N_ROWS, 1)),
    "binary_focal": lambda rng: rng.randint(2, size=(N_ROWS, 3)),
    "binary_log_loss": lambda rng: rng.randint(2, size=(N_ROWS, 3)),
    "poisson": lambda rng: rng.poisson(2, size=(N_ROWS, 3)),
}


def _problem(
    activation, loss, *, weighted=False, l2=0.0, dtype=np.float64, use_bias=True, **network
):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(N_ROWS, SIZES[0]))
    y = TARGETS.get(loss, lambda rng: rng.normal(size=(N_ROWS, 3)))(rng)
    weight = rng.uniform(0.1, 3, N_ROWS) if weighted else None
    layers = [Dense(SIZES[1], use_bias=use_bias), Dense(SIZES[2], "identity", use_bias=use_bias)]
    options = {"activation": activation, "l2": l2, "dtype": dtype, **network}
    network = Network(SIZES[0], layers, loss, **options)
    params = rng.normal(scale=0.7, size=network.n_params)
    return network, X.astype(dtype), y, weight, params.astype(dtype)


def _numeric(objective, params, step=1e-6):
    gradient = np.empty_like(params)
    for i in range(params.size):
        up, down = params.copy(), params.copy()
        up[i] += step
        down[i] -= step
        gradient[i] = (objective.loss(up) - objective.loss(down)) / (2 * step)
    return gradient


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", engine.LOSSES)
@pytest.mark.parametrize("activation", engine.ACTIVATIONS)
def test_gradient_is_that_of_the_loss(activation, loss, dtype):
    for weighted, l2 in itertools.product([False, True], [0.0, 0.3]):
        options = {"weighted": weighted, "l2": l2, "penalty_per_weight": weighted}
        network, X, y, weight, params = _problem(activation, loss, dtype=dtype, **options)
        value, gradient = Objective(network, X, y, weight).loss_and_gradient(params)
        assert gradient.dtype == dtype
        # The same function in float64, where differences are exact enough to be compared with.
        network, *_ = _problem(activation, loss, **options)
        exact = Objective(network, X.astype(float), y, weight)
        numeric = _numeric(exact, params.astype(float))
        tolerance = 1e-7 if dtype == np.float64 else 1e-5
        np.testing.assert_allclose(gradient, numeric, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(value, exact.loss(params.astype(float)), rtol=tolerance)


@pytest.mark.parametrize("loss", engine.LOSSES)
def test_without_intercepts(loss):
    network, X, y, _, params = _problem("tanh", loss, use_bias=False)
    assert params.size == 4 * 5 + 5 * 3
    objective = Objective(network, X, y)
    gradient = objective.loss_and_gradient(params)[1]
    np.testing.assert_allclose(gradient, _numeric(objective, params), rtol=1e-7, atol=1e-7)


def test_loss_is_that_of_the_matrices_multiplied_by_hand():
    network, X, y, weight, params = _problem("tanh", "squared_error", weighted=True, l2=0.3)
    (W1, W2), (b1, b2) = network.views(params).values()
    residual = np.tanh(X @ W1 + b1) @ W2 + b2 - y
    expected = np.average((residual**2).sum(axis=1) / 2, weights=weight)
    expected += 0.15 * ((W1**2).sum() + (W2**2).sum())
    assert Objective(network, X, y, weight).loss(params) == pytest.approx(expected, rel=1e-13)


def test_sparse_ordered_and_chunked_rows_give_the_same():
    network, X, y, weight, params = _problem("gelu", "log_loss", weighted=True)
    X[X < 0] = 0
    value, gradient = Objective(network, X, y, weight).loss_and_gradient(params)
    order = np.random.RandomState(1).permutation(N_ROWS)
    for data, rows in itertools.product([X, sparse.csr_matrix(X)], [None, order]):
        objective = Objective(network, data, y, weight, rows)
        for chunk in (1, 7, N_ROWS):
            objective._rows = chunk
            objective._work = network.workspace(objective.data, chunk)
            other = objective.loss_and_gradient(params)
            assert other[0] == pytest.approx(value, rel=1e-13)
            np.testing.assert_allclose(other[1], gradient, rtol=1e-11, atol=1e-13)


def test_rows_that_are_left_out_do_not_count():
    network, X, y, weight, params = _problem("relu", "log_loss", weighted=True)
    kept = np.array([3, 5, 8, 13])
    part = Objective(network, X, y, weight, kept).loss_and_gradient(params)
    alone = Objective(network, X[kept], y[kept], weight[kept]).loss_and_gradient(params)
    assert part[0] == pytest.approx(alone[0], rel=1e-14)
    np.testing.assert_allclose(part[1], alone[1], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("loss", ["log_loss", "binary_log_loss", "poisson", "squared_error"])
def test_scores_are_those_of_the_layers(loss):
    network, X, _, _, params = _problem("selu", loss)
    (W1, W2), (b1, b2) = network.views(params).values()
    z = X @ W1 + b1
    a = 1.0507009873554805 * np.where(z < 0, 1.6732632423543772 * np.expm1(z), z)
    np.testing.assert_allclose(network.scores(X, params), a @ W2 + b2, rtol=1e-12)


def test_workspace_does_not_grow_with_the_rows():
    network, X, y, _, _ = _problem("relu", "log_loss")
    objectives = [Objective(network, np.tile(X, (k, 1)), np.tile(y, (k, 1))) for k in (100, 1000)]
    few, many = (objective.parts[0].work.nbytes for objective in objectives)
    assert few == many


def test_nothing_recompiles():
    network, X, y, weight, params = _problem("relu", "log_loss", weighted=True)
    Objective(network, X, y, weight).loss_and_gradient(params)
    compiled = len(engine.summed_loss_and_gradient.signatures)
    read_only, fortran = X.copy(), np.asfortranarray(X)
    read_only.flags.writeable = False
    wide = sparse.csr_matrix(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    for data in (read_only, fortran, X[::-1], sparse.csr_matrix(X), wide):
        Objective(network, data, y).loss_and_gradient(params)
        Objective(network, data, y, weight, np.arange(5)).loss_and_gradient(params)
    assert len(engine.summed_loss_and_gradient.signatures) == compiled
