"""The kernels of second derivatives, and coordinate descent on them."""

import numpy as np
import pytest
from solver_problems import LOSSES, N_ROWS, make_problem

from skdnn import engine


def numerical_hessian(problem, params, step=1e-5):
    columns = []
    for i in range(len(params)):
        move = np.zeros_like(params)
        move[i] = step
        ahead, behind = (problem.loss_and_gradient(params + s * move)[1] for s in (1, -1))
        columns.append((ahead - behind) / (2 * step))
    return np.array(columns)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    "form, weighted, ordered, fit_intercept",
    [
        ("dense", False, False, True),
        ("dense", True, True, True),
        ("dense", True, False, False),
        ("sparse", False, False, True),
        ("sparse", True, True, False),
    ],
)
def test_hessian_against_differences_of_the_gradient(loss, form, weighted, ordered, fit_intercept):
    problem = make_problem(
        loss, form=form, weighted=weighted, ordered=ordered, fit_intercept=fit_intercept
    )
    rng = np.random.default_rng(1)
    params = 0.3 * rng.standard_normal(problem.network.n_params)
    expected = numerical_hessian(problem, params)
    if loss == "huber":
        # Rows whose residual crosses the kink within a step have no second derivative.
        scores = problem.network.scores(problem.X, params)
        assert np.abs(np.abs(scores - problem.data.y) - 1).min() > 1e-4
    curvature = problem.curvature(params)
    np.testing.assert_allclose(curvature.matrix(), expected, rtol=1e-6, atol=1e-8)
    vector = rng.standard_normal(len(params))
    np.testing.assert_allclose(curvature.times(vector), expected @ vector, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("loss", ["binary_log_loss", "log_loss"])
def test_hessian_in_chunks_is_that_of_all_rows(loss):
    problem = make_problem(loss, weighted=True)
    params = np.random.default_rng(1).standard_normal(problem.network.n_params)
    whole = problem.curvature(params)
    matrix, product = whole.matrix(), whole.times(params)
    problem._rows = 64
    parts = problem.curvature(params)
    np.testing.assert_allclose(parts.times(params), product, rtol=1e-12, atol=1e-14)
    net, n = problem.network, problem.network.n_params // problem.network.n_outputs
    blocks = np.empty((net.n_outputs,) * 2 + (n, n))
    room = [np.empty((70, n)), np.empty((70, n)), np.empty(70), np.empty((n, n))]
    about = net.layers, net.objective, parts._scores, blocks
    weight = engine.hessian(problem.data, N_ROWS, *about, *room)
    engine.finish_hessian(blocks, net.layers, weight)
    chunked = blocks.transpose(2, 0, 3, 1).reshape(net.n_params, net.n_params)
    np.testing.assert_allclose(chunked, matrix, rtol=1e-12, atol=1e-14)


def test_hessian_keeps_float32():
    exact, rounded = (make_problem("log_loss", dtype=t) for t in (np.float64, np.float32))
    params = np.random.default_rng(1).standard_normal(exact.network.n_params)
    matrix = rounded.curvature(params.astype(np.float32)).matrix()
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(matrix, exact.curvature(params).matrix(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("plain", [False, True])
def test_coordinate_descent_minimises_the_quadratic_with_l1(plain):
    rng = np.random.default_rng(0)
    n, n_penalised, l1 = 12, 9, 0.8
    A = rng.standard_normal((30, n))
    H, g, w = A.T @ A / 30, rng.standard_normal(n), rng.standard_normal(n)
    step, product = np.zeros(n), np.zeros(n)
    descend = engine.minimise_quadratic.py_func if plain else engine.minimise_quadratic
    descend(H, g, w, n_penalised, l1, step, product, 10_000, 1e-14)
    np.testing.assert_allclose(product, H @ step, rtol=1e-10, atol=1e-12)
    new, slope = w + step, g + H @ step
    zero = new[:n_penalised] == 0
    assert 0 < zero.sum() < n_penalised
    assert (np.abs(slope[:n_penalised][zero]) <= l1).all()
    nonzero = slope[:n_penalised][~zero] + l1 * np.sign(new[:n_penalised][~zero])
    np.testing.assert_allclose(nonzero, 0, atol=1e-11)
    np.testing.assert_allclose(slope[n_penalised:], 0, atol=1e-11)


def test_coordinate_descent_leaves_flat_coordinates_alone():
    step, product = np.zeros(2), np.zeros(2)
    H, g = np.diag([2.0, 0.0]), np.array([1.0, 0.0])
    engine.minimise_quadratic(H, g, np.zeros(2), 2, 0.0, step, product, 10, 0.0)
    np.testing.assert_array_equal(step, [-0.5, 0.0])
