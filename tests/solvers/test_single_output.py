"""The passes for one output equal those for any number."""

import numpy as np
import pytest
from solver_problems import LOSSES, make_problem

from skdnn.objective import Objective
from skdnn.schedules import Constant
from skdnn.solvers import sgd
from skdnn.stochastic import Batches, Optimization

ONE_OUTPUT = [loss for loss, n_outputs in LOSSES.items() if n_outputs == 1]
FORMS = [(False, False, True), (True, True, True), (True, False, False), (False, True, False)]


def problem_and_params(loss, dtype, form, n_features=7):
    weighted, ordered, fit_intercept = form
    problem = make_problem(
        loss,
        weighted=weighted,
        ordered=ordered,
        fit_intercept=fit_intercept,
        dtype=dtype,
        n_features=n_features,
    )
    assert problem.single_output
    params = 0.3 * np.random.default_rng(1).standard_normal(problem.network.n_params)
    return problem, params.astype(dtype)


@pytest.mark.parametrize("loss", ONE_OUTPUT)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("form", FORMS)
# With so many features the rows are taken in blocks of which the last has fewer.
@pytest.mark.parametrize("n_features", [7, 501])
def test_gradient_and_hessian(loss, dtype, form, n_features):
    problem, params = problem_and_params(loss, dtype, form, n_features)
    if loss == "poisson":
        params *= 0.1
    tolerance = 1e-11 if dtype == np.float64 else 2e-4
    value, gradient = problem.loss_and_gradient(params)
    expected = Objective.loss_and_gradient(problem, params)
    assert value == pytest.approx(expected[0], rel=tolerance)
    np.testing.assert_allclose(gradient, expected[1], rtol=tolerance, atol=tolerance)
    curvature = problem.curvature(params)
    product = curvature.times(params)
    problem.single_output = False
    np.testing.assert_allclose(product, curvature.times(params), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("loss", ONE_OUTPUT)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("batch_size", [1, 7, 64, 300])
def test_epoch(loss, dtype, form, batch_size):
    problem, params = problem_and_params(loss, dtype, form)
    batch_size = min(batch_size, problem.n_rows)
    outcomes = []
    for epoch in (Optimization.epoch, sgd.single_output_epoch):
        batches = Batches(problem.network, problem.data, size=batch_size, shuffle=form[0])
        optimization, moved = Optimization(problem.network, "sgd", Constant(0.01)), params.copy()
        for _ in range(2):
            value = epoch(optimization, batches, moved)
        outcomes.append((moved, value, optimization.steps, optimization.epochs, optimization.rate))
    (expected, value, *counts), (found, other_value, *other_counts) = outcomes
    tolerance = 1e-11 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    assert other_value == pytest.approx(value, rel=tolerance)
    assert other_counts == counts


def test_epoch_that_diverges_ends():
    problem, params = problem_and_params("poisson", np.float64, FORMS[0])
    batches = Batches(problem.network, problem.data, size=3)
    optimization = Optimization(problem.network, "sgd", Constant(1e4))
    assert not np.isfinite(sgd.single_output_epoch(optimization, batches, params))


@pytest.mark.parametrize("loss", LOSSES)
def test_point_that_was_evaluated_last_is_not_evaluated_again(loss):
    problem = make_problem(loss)
    params = np.zeros(problem.network.n_params)
    value, gradient = problem.loss_and_gradient(params)
    kept = gradient.copy()
    gradient[:] = 7
    assert problem.loss(params.copy()) == value
    np.testing.assert_array_equal(problem.loss_and_gradient(params)[1], kept)
    assert problem.n_evaluations == 1
    params[0] = 0.1
    assert problem.loss(params) == pytest.approx(problem.loss_and_gradient(params)[0], rel=1e-12)
    assert problem.n_evaluations == 3
