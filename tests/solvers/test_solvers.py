"""The solvers and their pieces."""

import numpy as np
import pytest
from scipy.special import expit, log_softmax
from sklearn.exceptions import ConvergenceWarning
from solver_problems import DETERMINISTIC, LOSSES, N_FEATURES, N_ROWS, make_problem, solve

from skdnn.reporting import Lines
from skdnn.solvers import SOLVERS, Options, Problem, Record, choose_solver, newton, run_solver, sgd
from skdnn.solvers.descent import first_rate, is_majorised
from skdnn.solvers.newton import conjugate_gradient_step, newton_step
from skdnn.solvers.preconditioner import LimitedMemory, Preconditioner
from skdnn.solvers.problem import Curvature


@pytest.mark.parametrize("scale", [1.0, 1e-6])
def test_newton_step_is_the_shortest_where_the_hessian_is_singular(scale):
    rng = np.random.default_rng(0)
    A = rng.standard_normal((20, 3))
    A = np.column_stack([A, A[:, 0] + A[:, 1]]) * scale
    step = newton_step(A.T @ A, A.T @ np.ones(20))
    expected = -np.linalg.lstsq(A, np.ones(20))[0]
    np.testing.assert_allclose(A @ step, A @ expected, rtol=1e-9, atol=1e-12)
    assert np.abs(step).max() < 10 * np.abs(expected).max()


def test_newton_step_does_not_depend_on_the_features_scales():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((20, 4))
    scales = np.array([1e-9, 1.0, 1e5, 1e9])
    step = newton_step(A.T @ A, A.T @ np.ones(20))
    scaled = newton_step((A * scales).T @ (A * scales), (A * scales).T @ np.ones(20))
    np.testing.assert_allclose(scaled * scales, step, rtol=1e-9)


def test_conjugate_gradients_solve():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((30, 8))
    H, g = A.T @ A, rng.standard_normal(8)
    step = conjugate_gradient_step(lambda v: H @ v, lambda v: v / H.diagonal(), g, 1e-12)
    np.testing.assert_allclose(H @ step, -g, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("loss", ["binary_log_loss", "log_loss"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("fewest", [0, N_ROWS])
@pytest.mark.parametrize("few_inputs", [0, 128])
def test_preconditioner_is_the_inverse_of_its_stand_in(
    loss, fit_intercept, fewest, few_inputs, monkeypatch
):
    monkeypatch.setattr("skdnn.solvers.preconditioner._FEW_INPUTS", few_inputs)
    monkeypatch.setattr("skdnn.solvers.preconditioner._FEWEST_ROWS", fewest)
    problem = make_problem(loss, fit_intercept=fit_intercept, l2=0.3, weighted=True)
    X, weight = problem.X, problem.data.weight
    A = np.column_stack([X, np.ones(N_ROWS)]) if fit_intercept else X
    l2 = np.r_[np.full(N_FEATURES, 0.3), np.zeros(int(fit_intercept))]
    rows = slice(None, None, -(-N_ROWS // max(fewest, 20 * A.shape[1])))
    A, weight = A[rows], weight[rows]
    stand_in = 0.2 * (A.T * weight) @ A / weight.sum() + np.diag(l2)
    preconditioner = Preconditioner(problem)
    preconditioner.update(0.2)
    g = np.random.default_rng(0).standard_normal(problem.network.n_params)
    K = LOSSES[loss]
    expected = np.linalg.solve(stand_in, g.reshape(-1, K)).ravel()
    np.testing.assert_allclose(preconditioner.solve(g), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_preconditioner_of_many_features_is_diagonal(form):
    problem = make_problem(n_features=200, form=form, l2=0.3)
    preconditioner = Preconditioner(problem)
    preconditioner.update(0.25)
    X = problem.X.toarray() if form == "sparse" else problem.X
    diagonal = np.r_[0.25 * (X**2).mean(axis=0) + 0.3, 0.25]
    g = np.random.default_rng(0).standard_normal(201)
    np.testing.assert_allclose(preconditioner.solve(g), g / diagonal, rtol=1e-12)


@pytest.mark.parametrize("n_searches", [1, 2])
def test_memory_inverts_on_the_directions_of_the_last_search(n_searches):
    rng = np.random.default_rng(0)
    memory = LimitedMemory(lambda v: 2 * v)
    noted: list = []

    def note(direction, product, curved):
        noted.append((direction.copy(), product.copy()))
        memory.add(direction, product, curved)

    for _ in range(n_searches):
        memory.begin()
        A = rng.standard_normal((30, 8))
        H, g = A.T @ A, rng.standard_normal(8)
        noted.clear()
        step = conjugate_gradient_step(H.__matmul__, memory.solve, g, 1e-3, note)
    memory.begin()
    assert np.linalg.norm(H @ step + g) < 0.1 * np.linalg.norm(g)
    for direction, product in noted:
        np.testing.assert_allclose(memory.solve(product), direction, rtol=1e-6, atol=1e-9)
    inverse = np.array([memory.solve(v) for v in np.eye(8)])
    np.testing.assert_allclose(inverse, inverse.T, atol=1e-9)
    assert np.linalg.eigvalsh(inverse).min() > 0


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr("skdnn.solvers.preconditioner._MAX_NUMBERS", 20)
    memory, v = LimitedMemory(lambda v: v), np.ones(8)
    for _ in range(9):
        memory.begin()
        for _ in range(9):
            memory.add(v, v, 8.0)
    assert [len(directions) for directions, _ in memory._searches] == [2, 2, 2]


def test_memory_spares_products_with_the_hessian(monkeypatch):
    monkeypatch.setattr(newton, "_FEW_PARAMS", 0)
    times, products, counts = Curvature.times, [], []

    def counted(curvature, vector):
        products.append(vector)
        return times(curvature, vector)

    monkeypatch.setattr(Curvature, "times", counted)
    for n_searches in (0, 3):
        monkeypatch.setattr("skdnn.solvers.preconditioner._MAX_SEARCHES", n_searches)
        products.clear()
        result, _ = solve("newton", make_problem("log_loss", n_features=40, l2=1e-3), tol=1e-8)
        assert result.converged
        counts.append(len(products))
    assert counts[1] < 0.9 * counts[0]


@pytest.mark.parametrize("name", ["newton", "lbfgs"])
@pytest.mark.parametrize("loss", ["binary_log_loss", "log_loss"])
def test_scales_of_the_features_do_not_matter(name, loss, monkeypatch):
    monkeypatch.setattr(newton, "_FEW_PARAMS", 0)
    problem = make_problem(loss, l2=0.0)
    scaled = Problem(problem.network, problem.X * [1e-3, 1.0, 3.0, 10.0], problem.data.y)
    counts = []
    for each in (problem, scaled):
        before = each.n_evaluations
        result, _ = solve(name, each, tol=1e-6)
        assert result.converged
        counts.append(each.n_evaluations - before)
    assert counts[1] <= 2 * counts[0] + 5


@pytest.mark.parametrize("loss", ["binary_log_loss", "log_loss", "squared_error"])
def test_smoothness_bounds_the_hessian(loss):
    problem = make_problem(loss)
    smoothness = problem.smoothness()
    rng = np.random.default_rng(0)
    for size in (0.0, 0.5, 3.0):
        params = size * rng.standard_normal(problem.network.n_params)
        largest = np.linalg.eigvalsh(problem.curvature(params).matrix())[-1]
        assert largest <= 1.1 * smoothness
    if loss == "binary_log_loss":
        at_zero = np.linalg.eigvalsh(problem.curvature(np.zeros_like(params)).matrix())[-1]
        assert smoothness == pytest.approx(at_zero, rel=0.1)


@pytest.mark.parametrize("form", ["dense", "sparse"])
@pytest.mark.parametrize("ordered", [False, True])
def test_automatic_rate_between_one_row_and_all(form, ordered):
    problem = make_problem(form=form, ordered=ordered)
    X = problem.X.toarray() if form == "sparse" else problem.X
    rows = X[problem.data.order] if ordered else X
    largest = (rows**2).sum(axis=1).max() + 1
    assert sgd.automatic_rate(problem, 1) == pytest.approx(1 / (largest / 4 + 0.01), rel=0.005)
    assert sgd.automatic_rate(problem, len(rows)) == pytest.approx(
        1 / problem.smoothness(), rel=0.005
    )
    rates = [sgd.automatic_rate(problem, size) for size in (1, 10, 100, len(rows))]
    assert rates == sorted(rates)


def test_first_rate_is_exact_for_a_quadratic():
    problem = make_problem("squared_error", l2=0.0)
    params = np.ones(problem.network.n_params)
    value, gradient = problem.loss_and_gradient(params)
    rate = first_rate(problem, params, gradient)
    values = [problem.loss(params - factor * rate * gradient) for factor in (0.99, 1, 1.01)]
    assert values[1] < min(values[0], values[2]) < value


@pytest.mark.parametrize("distance", [1.0, 1e-9])
def test_majorised_by_steps_up_to_one_over_the_curvature(distance):
    problem = make_problem("squared_error", l2=0.0)
    best, _ = solve("newton", problem, tol=1e-12)
    H = problem.curvature(best.params).matrix()
    values, vectors = np.linalg.eigh(H)
    params = best.params + distance * vectors[:, -1]
    value, gradient = problem.loss_and_gradient(params)
    for factor, expected in ((0.98, True), (1.02, False)):
        rate = factor / values[-1]
        new = params - rate * gradient
        new_value, new_gradient = problem.loss_and_gradient(new)
        step = new - params
        found = is_majorised(problem, value, gradient, step, rate, new_value, new_gradient)
        assert found == expected
    assert not is_majorised(problem, value, gradient, step, 1e-9, np.nan, lambda: gradient)


@pytest.mark.parametrize("loss", ["binary_log_loss", "log_loss", "squared_error"])
@pytest.mark.parametrize("l1", [0.0, 0.05])
@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_solvers_find_the_same_minimiser(loss, l1, form):
    problem = make_problem(loss, l1=l1, form=form, weighted=True)
    reference, _ = solve("newton", problem, tol=1e-12)
    gradient = problem.loss_and_gradient(reference.params)[1]
    assert problem.violation(reference.params, gradient) <= 1e-12
    for name in DETERMINISTIC:
        if l1 and SOLVERS[name].l1_params == 0:
            continue
        result, record = solve(name, problem, tol=1e-9, max_iter=5000)
        assert result.converged, name
        np.testing.assert_allclose(result.params, reference.params, atol=1e-6, err_msg=name)
        # Exact zeros in the same places.
        n = problem.n_weights
        np.testing.assert_array_equal(result.params[:n] == 0, reference.params[:n] == 0)
        assert len(record.path) == record.n_iter + 1
        assert record.loss_curve[-1] == pytest.approx(
            problem.loss(result.params) + problem.l1_value(result.params), rel=1e-12
        )
    if l1:
        assert (reference.params == 0).any()


@pytest.mark.parametrize("loss", ["binary_log_loss", "log_loss", "squared_error"])
@pytest.mark.parametrize("l1", [0.0, 0.05])
def test_sgd_on_full_batches_finds_the_same_minimiser(loss, l1):
    problem = make_problem(loss, l1=l1)
    reference, _ = solve("newton", problem, tol=1e-12)
    result, _ = solve("sgd", problem, tol=1e-14, max_iter=20_000, batch_size=N_ROWS)
    np.testing.assert_allclose(result.params, reference.params, atol=1e-5)


def test_sgd_on_mini_batches_comes_close():
    problem = make_problem()
    reference, _ = solve("newton", problem, tol=1e-12)
    result, record = solve("sgd", problem, tol=1e-7, max_iter=5000, batch_size=30)
    assert result.converged
    gap = record.loss_curve[-1] - problem.loss(reference.params)
    assert 0 <= gap < 1e-4


@pytest.mark.parametrize("name", ["gd", "newton", "lbfgs", "random_search", "random_descent"])
def test_objective_never_rises(name):
    problem = make_problem("log_loss")
    start = np.random.default_rng(3).standard_normal(problem.network.n_params)
    _, record = solve(name, problem, start, max_iter=300, tol=1e-8, sigma=0.1)
    curve = np.array([problem.loss(start), *record.loss_curve])
    assert (np.diff(curve) <= 1e-12).all()
    assert curve[-1] < curve[0]


def test_random_solvers_by_hand():
    problem = make_problem("log_loss")
    n = problem.network.n_params
    start = np.ones(n)
    draws = 0.3 * np.random.RandomState(5).standard_normal((40, n))
    options = {"max_iter": 40, "sigma": 0.3}
    found, _ = solve(
        "random_search", problem, start, random_state=np.random.RandomState(5), **options
    )
    values = [problem.loss(draw) for draw in draws]
    assert min(values) < problem.loss(start)
    np.testing.assert_array_equal(found.params, draws[np.argmin(values)])
    found, _ = solve(
        "random_descent", problem, start, random_state=np.random.RandomState(5), **options
    )
    params = start
    for draw in draws:
        params = params + draw if problem.loss(params + draw) < problem.loss(params) else params
    np.testing.assert_array_equal(found.params, params)


@pytest.mark.parametrize("loss", ["binary_log_loss", "log_loss"])
def test_newton_with_conjugate_gradients_equals_newton_with_the_hessian(loss, monkeypatch):
    problem = make_problem(loss, weighted=True)
    dense, _ = solve("newton", problem, tol=1e-11)
    monkeypatch.setattr(newton, "_FEW_PARAMS", 0)
    monkeypatch.setattr(newton, "newton_step", None)
    iterated, record = solve("newton", problem, tol=1e-11)
    assert record.n_iter < 15
    np.testing.assert_allclose(iterated.params, dense.params, atol=1e-9)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_softmax_without_penalty_and_collinear_columns(name):
    problem = make_problem("log_loss", l2=0.0)
    collinear = Problem(problem.network, problem.X.copy(), problem.data.y)
    collinear.X[:, 3] = collinear.X[:, 0] - 2 * collinear.X[:, 1]
    collinear = Problem(problem.network, collinear.X, problem.data.y)
    results = [solve(n, collinear, tol=1e-7, max_iter=20_000)[0] for n in (name, "newton")]
    scores = [problem.network.scores(collinear.X, result.params) for result in results]
    scores = [log_softmax(each, axis=1) for each in scores]
    assert all(result.converged for result in results)
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-5)


@pytest.mark.parametrize("name", ["gd", "nesterov", "sgd"])
def test_diverging_rate_is_named(name):
    problem = make_problem("squared_error")
    with pytest.raises(ValueError, match=r"diverges with learning_rate=50.0.*smaller"):
        solve(name, problem, learning_rate=50.0, max_iter=1000)


@pytest.mark.parametrize("name", ["gd", "nesterov", "sgd"])
def test_fixed_rate_converges(name):
    problem = make_problem()
    reference, _ = solve("newton", problem, tol=1e-12)
    options = {"tol": 1e-8} if name != "sgd" else {"tol": 1e-14, "batch_size": N_ROWS}
    result, _ = solve(name, problem, learning_rate=1.0, max_iter=20_000, **options)
    np.testing.assert_allclose(result.params, reference.params, atol=1e-5)


def test_gd_with_a_fixed_rate_by_hand():
    problem = make_problem("log_loss", l1=0.02)
    with pytest.warns(ConvergenceWarning):
        _, record = solve("gd", problem, learning_rate=0.5, max_iter=7, tol=0.0)
    params = np.zeros(problem.network.n_params)
    for i in range(8):
        np.testing.assert_allclose(record.path[i], params, atol=1e-14)
        params = params - 0.5 * problem.loss_and_gradient(params)[1]
        w = params[: problem.n_weights]
        params[: problem.n_weights] = np.sign(w) * np.maximum(np.abs(w) - 0.01, 0)


def test_sgd_continues_the_random_state():
    problem = make_problem()
    state, expected = np.random.RandomState(7), np.random.RandomState(7)
    state.standard_normal(), expected.standard_normal()
    with pytest.warns(ConvergenceWarning):
        solve("sgd", problem, max_iter=3, tol=0.0, random_state=state)
    for _ in range(3):
        expected.shuffle(np.arange(N_ROWS))
    assert state.standard_normal() == expected.standard_normal()
    assert state.randint(2**31) == expected.randint(2**31)


@pytest.mark.parametrize("shuffle", [True, False])
def test_sgd_by_hand(shuffle):
    problem = make_problem(l2=0.05, ordered=True, weighted=True)
    kept, weight = problem.data.order, problem.data.weight
    X, y = np.column_stack([problem.X, np.ones(N_ROWS)]), problem.data.y[:, 0]
    with pytest.warns(ConvergenceWarning):
        result, _ = solve(
            "sgd",
            problem,
            learning_rate=0.3,
            batch_size=40,
            max_iter=4,
            shuffle=shuffle,
            random_state=np.random.RandomState(2),
        )
    order, rng, params = kept.copy(), np.random.RandomState(2), np.zeros(N_FEATURES + 1)
    for _ in range(4):
        if shuffle:
            rng.shuffle(order)
        for start in range(0, len(order), 40):
            batch = order[start : start + 40]
            residual = weight[batch] * (expit(X[batch] @ params) - y[batch])
            gradient = X[batch].T @ residual / weight[batch].sum()
            params = params - 0.3 * (gradient + 0.05 * np.r_[params[:-1], 0])
    np.testing.assert_allclose(result.params, params, rtol=1e-11, atol=1e-13)
    np.testing.assert_array_equal(problem.data.order, kept)


def test_sgd_lowers_its_automatic_rate():
    problem = make_problem()
    result, record = solve("sgd", problem, tol=1e-6, max_iter=5000, batch_size=30)
    assert result.converged
    levels = list(dict.fromkeys(row["learning_rate"] for row in record.history))
    assert levels[0] == sgd.automatic_rate(problem, 30)
    np.testing.assert_allclose(levels, levels[0] / 5.0 ** np.arange(9))
    fixed = {"max_iter": 5000, "batch_size": 30, "learning_rate": 0.25}
    _, record = solve("sgd", problem, tol=1e-3, **fixed)
    assert {row["learning_rate"] for row in record.history} == {0.25}


def test_l1_that_a_solver_cannot_handle():
    with pytest.raises(ValueError, match=r"solver='lbfgs' cannot handle an L1 penalty.*'gd'"):
        solve("lbfgs", make_problem(l1=0.1))
    wide = make_problem(l1=0.1, n_features=newton.MAX_DENSE_PARAMS)
    with pytest.raises(ValueError, match=r"for more than 1500 parameters; .* 1501 parameters"):
        solve("newton", wide)
    assert choose_solver(wide) == "nesterov"


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_warns_when_stopped_early(name):
    with pytest.warns(ConvergenceWarning, match=rf"'{name}' failed.*2 iteration.*\n.*max_iter=2"):
        result, record = solve(name, make_problem("log_loss"), tol=1e-12, max_iter=2)
    assert record.n_iter == 2
    assert not result.converged


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_tolerance_below_precision_ends_with_a_warning(name):
    problem = make_problem("log_loss", dtype=np.float32)
    with pytest.warns(ConvergenceWarning, match=r"precision of float32|limit on the number"):
        result, record = solve(name, problem, tol=0.0, max_iter=500)
    exact, _ = solve("newton", make_problem("log_loss"), tol=1e-12)
    np.testing.assert_allclose(result.params, exact.params, atol=1e-3)
    assert record.n_iter <= 500


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_nothing_to_do_at_the_minimum(name):
    problem = make_problem()
    best, _ = solve("newton", problem, tol=1e-12)
    result, record = solve(name, problem, best.params, tol=1e-6)
    assert result.converged
    assert record.n_iter == 0
    np.testing.assert_array_equal(result.params, best.params)


@pytest.mark.parametrize("name", SOLVERS)
def test_solvers_leave_the_start_alone(name):
    problem = make_problem()
    start = np.ones(problem.network.n_params)
    solve(name, problem, start, tol=1e-2, max_iter=200)
    np.testing.assert_array_equal(start, 1.0)


def test_each_iteration_is_shown(capsys):
    problem = make_problem()
    start = np.zeros(problem.network.n_params)
    for report in (None, Lines("iteration", 100)):
        record = Record(start, report)
        run_solver("newton", problem, start, Options(), record)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == (0 if report is None else record.n_iter)
        assert record.path == []
    assert lines[-1].startswith(
        f"iteration {record.n_iter:3}/100  loss {record.loss_curve[-1]:.4f}"
    )


def test_choice_of_solver():
    assert choose_solver(make_problem()) == "newton"
    assert choose_solver(make_problem(l1=0.1)) == "newton"
    assert choose_solver(make_problem(n_features=200)) == "lbfgs"
    assert choose_solver(make_problem(n_features=200, form="sparse")) == "newton"
    assert choose_solver(make_problem("log_loss", n_features=200)) == "newton"
