"""What acts on the weights beside the loss: penalties, decay, the largest norms."""

import numpy as np
import pytest
from direct import batch_gradient, batch_loss, initial, train
from sklearn.linear_model import Lasso, LogisticRegression

from skdnn import engine
from skdnn.engine.penalties import finish_gradient, penalty
from skdnn.layers import BatchNorm, Dense, Maxout
from skdnn.network import Network
from skdnn.regularizers import L1, L1L2, L2
from skdnn.schedules import CosineDecay

NO_DROPOUT = np.uint64(0)

RNG = np.random.RandomState(0)
X, Y = RNG.normal(size=(12, 4)), RNG.normal(size=(12, 2))
WEIGHT = RNG.uniform(0.2, 3, 12)
SOLVERS = [name for name in engine.OPTIMIZERS if name != "adamw"]

# A Lasso problem with coefficients that are zero at its minimum, and columns of several scales.
LASSO_X = RNG.normal(size=(60, 8)) * [1, 2, 0.5, 1, 1, 3, 1, 1]
LASSO_Y = LASSO_X @ [1, -2, 0, 0, 0.5, 0, 0, 3] + 0.3 * RNG.normal(size=60) + 1

REGULARIZERS = {
    "l1": {"kernel_regularizer": L1(0.3)},
    "l2": {"kernel_regularizer": L2(0.3)},
    "both": {"kernel_regularizer": L1L2(0.3, 0.2), "bias_regularizer": L1L2(0.1, 0.4)},
    "biases": {"bias_regularizer": L1(0.2)},
    "biases, l2": {"bias_regularizer": L2(0.2)},
}


def _weights(params):
    rng = np.random.RandomState(1)
    # Away from the kink at 0.
    return rng.choice([-1, 1], params.shape) * rng.uniform(0.1, 1, params.shape)


@pytest.mark.parametrize("per_weight", [False, True])
@pytest.mark.parametrize("name", REGULARIZERS)
def test_gradient_is_that_of_loss_and_penalties(name, per_weight):
    layers = [Dense(3, "tanh", **REGULARIZERS[name]), BatchNorm(), Dense(2)]
    options = {"l1": 0.05, "l2": 0.7, "penalty_per_weight": per_weight}
    network = Network(4, layers, "squared_error", **options)
    data = engine.as_data(X, float, Y, WEIGHT)
    work, params = network.workspace(data, 12), _weights(initial(network))

    def objective(params):
        total, weight = batch_loss(network, data, params.copy(), work, 12, 0, 12, NO_DROPOUT)
        return total / weight + penalty(network.layers, params, weight)

    gradient = np.zeros(network.n_params)
    _, weight = batch_gradient(network, data, params.copy(), gradient, work, 12, 0, 12, NO_DROPOUT)
    assert weight == pytest.approx(WEIGHT.sum(), rel=1e-14)
    finish_gradient(network.layers, params, gradient, weight)
    # The L1 part is left to the proximal step: its derivative is the strength times the sign.
    first, _, last = network.arrays(params)
    kinks = np.zeros_like(params)
    parts = network.arrays(kinks)
    spec = REGULARIZERS[name]
    kernel, bias = spec.get("kernel_regularizer"), spec.get("bias_regularizer")
    scale = 1 / WEIGHT.sum() if per_weight else 1.0
    strength = scale * 0.05 if kernel is None else getattr(kernel, "l1", 0.0)
    parts[0]["weights"][:] = strength * np.sign(first["weights"])
    parts[0]["bias"][:] = getattr(bias, "l1", 0.0) * np.sign(first["bias"])
    parts[2]["weights"][:] = scale * 0.05 * np.sign(last["weights"])
    steps = 1e-5 * np.eye(network.n_numbers)[: network.n_params]
    numeric = [(objective(params + step) - objective(params - step)) / 2e-5 for step in steps]
    whole = gradient + kinks[: network.n_params]
    np.testing.assert_allclose(whole, numeric, rtol=1e-7, atol=1e-7)


def test_value_is_kerass_for_regularizers_and_scikit_learns_for_alpha():
    layers = [
        Dense(3, kernel_regularizer=L1L2(0.3, 0.2), bias_regularizer=L2(0.5)),
        BatchNorm(),
        Maxout(2, kernel_regularizer=L1(0.4), bias_regularizer=L1(0.6)),
        Dense(2),
    ]
    network = Network(4, layers, "squared_error", l2=0.7, penalty_per_weight=True)
    params = _weights(initial(network))
    first, _, second, last = network.arrays(params)
    expected = 0.3 * np.abs(first["weights"]).sum() + 0.2 * (first["weights"] ** 2).sum()
    expected += 0.5 * (first["bias"] ** 2).sum()
    expected += 0.4 * np.abs(second["weights"]).sum() + 0.6 * np.abs(second["bias"]).sum()
    expected += 0.7 / 2 * (last["weights"] ** 2).sum() / 9.0
    assert penalty(network.layers, params, 9.0) == pytest.approx(expected, rel=1e-14)


def _lasso(params):
    residual = LASSO_X @ params[:8] + params[8] - LASSO_Y
    return (residual**2).mean() / 2 + 0.2 * np.abs(params[:8]).sum()


@pytest.mark.parametrize("schedule", ["constant", CosineDecay()], ids=["constant", "cosine"])
@pytest.mark.parametrize("name", ["sgd plain", "sgd", "sgd nesterov", *SOLVERS[1:]])
def test_l1_reaches_the_lassos_minimum_with_its_zeros(name, schedule):
    lasso = Lasso(alpha=0.2, tol=1e-14, max_iter=100_000).fit(LASSO_X, LASSO_Y)
    zeros = lasso.coef_ == 0
    assert 2 <= zeros.sum() <= 6
    solver = name.split()[0]
    rate = {"sgd": 0.005, "adagrad": 0.5}.get(solver, 0.01)
    settings = {"momentum": 0.0, "rate": 0.05} if name == "sgd plain" else {"rate": rate}
    network = Network(8, [Dense(1, kernel_regularizer=L1(0.2))], "squared_error")
    params = train(
        network,
        LASSO_X,
        LASSO_Y[:, None],
        initial(network),
        solver=solver,
        nesterov=name == "sgd nesterov",
        n_epochs=5000,
        schedule=schedule,
        **settings,
    )
    # The intercept has no penalty: RMSprop at a constant rate steps to and fro about its place.
    tolerance = 1e-3 if (name, schedule) == ("rmsprop", "constant") else 1e-7
    np.testing.assert_allclose(params[:8], lasso.coef_, atol=tolerance)
    np.testing.assert_allclose(params[8], lasso.intercept_, atol=10 * tolerance)
    np.testing.assert_array_equal(params[:8] == 0, zeros)
    assert _lasso(params) < _lasso(np.append(lasso.coef_, lasso.intercept_)) + tolerance / 10


@pytest.mark.parametrize("name", ["sgd plain", "sgd", "sgd nesterov", *SOLVERS[1:]])
def test_l1_reaches_the_lassos_minimum_with_clipped_gradients(name):
    """At the minimum the loss's gradient is as large as the penalty's, and each step is clipped."""
    lasso = Lasso(alpha=0.2, tol=1e-14, max_iter=100_000).fit(LASSO_X, LASSO_Y)
    residual = lasso.predict(LASSO_X) - LASSO_Y
    largest = 0.5 * np.linalg.norm(LASSO_X.T @ residual / 60)
    settings = {"momentum": 0.0} if name == "sgd plain" else {}
    network = Network(8, [Dense(1, kernel_regularizer=L1(0.2))], "squared_error")
    params = train(
        network,
        LASSO_X,
        LASSO_Y[:, None],
        initial(network),
        solver=name.split()[0],
        nesterov=name == "sgd nesterov",
        rate={"adagrad": 0.5}.get(name, 0.01),
        n_epochs=15_000,
        schedule=CosineDecay(),
        clip_norm=largest,
        **settings,
    )
    np.testing.assert_allclose(params[:8], lasso.coef_, atol=1e-6)
    np.testing.assert_array_equal(params[:8] == 0, lasso.coef_ == 0)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_l1_reaches_the_minimum_of_a_penalised_logistic_regression(solver):
    labels = (LASSO_Y > 0).astype(float)
    options = {"C": 1 / (60 * 0.05), "l1_ratio": 1, "solver": "saga"}
    other = LogisticRegression(**options, tol=1e-10, max_iter=100_000).fit(LASSO_X, labels)
    network = Network(8, [Dense(1, kernel_regularizer=L1(0.05))], "binary_log_loss")
    rate = {"sgd": 0.02, "adam": 0.01}[solver]
    start = initial(network)
    params = train(
        network, LASSO_X, labels[:, None], start, solver=solver, rate=rate, n_epochs=15_000
    )
    assert 2 <= (other.coef_ == 0).sum() <= 6
    np.testing.assert_allclose(params[:8], other.coef_[0], atol=1e-5)
    np.testing.assert_array_equal(params[:8] == 0, other.coef_[0] == 0)


def test_l1_of_biases_and_of_the_estimators_penalty():
    """Of a constant alone: the minimum of (b - mean)^2 / 2 + s |b| is mean - s, or 0."""
    y = np.array([[0.3, 2.0, -2.0]]).repeat(4, axis=0)
    network = Network(1, [Dense(3, bias_regularizer=L1(0.5))], "squared_error")
    params = train(network, np.zeros((4, 1)), y, initial(network), momentum=0.0, n_epochs=400)
    np.testing.assert_allclose(params[3:], [0.0, 1.5, -1.5], atol=1e-12)
    assert params[3] == 0
    # The same of weights, divided by the rows' weight: 2 / 4.
    network = Network(1, [Dense(3, use_bias=False)], "squared_error", l1=2.0, penalty_per_weight=1)
    params = train(network, np.ones((4, 1)), y, initial(network), momentum=0.0, n_epochs=400)
    np.testing.assert_allclose(params, [0.0, 1.5, -1.5], atol=1e-12)
    assert params[0] == 0


def test_a_column_without_data_becomes_zero():
    blank = LASSO_X * (np.arange(8) != 4)
    for solver in SOLVERS:
        network = Network(8, [Dense(1, kernel_regularizer=L1(0.01))], "squared_error")
        start = initial(network)
        params = train(
            network, blank, LASSO_Y[:, None], start, solver=solver, n_epochs=2000, rate=0.002
        )
        assert start[4] != 0 and params[4] == 0, solver


@pytest.mark.parametrize("solver", SOLVERS)
def test_each_layers_steps_have_its_own_learning_rate(solver):
    """Layers with other rates are a vector of their own to the optimiser; no step may change."""
    layers = [Dense(3, "tanh"), Dense(3, "tanh", kernel_regularizer=L1(1e-3)), Dense(2)]

    def fit(rates):
        network = Network(4, layers, "squared_error", learning_rates=rates)
        start = initial(network)
        steps = train(network, X, Y, start, solver=solver, rate=0.01, n_epochs=1) - start
        return [a["weights"] for a in network.arrays(steps)], network.arrays(start)[1]["weights"]

    (plain, start), (scaled, _) = fit([1.0, 1.0, 1.0]), fit([0.5, 0.25, 0.0])
    np.testing.assert_allclose(scaled[0], 0.5 * plain[0], rtol=1e-9)
    np.testing.assert_array_equal(scaled[2], 0)
    # Gradient and threshold alike; none of these weights is so small that it becomes zero.
    assert np.all(start + plain[1] != 0)
    np.testing.assert_allclose(scaled[1], 0.25 * plain[1], rtol=1e-9)


@pytest.mark.parametrize("solver", engine.OPTIMIZERS)
def test_decay_without_a_gradient(solver):
    """With rows and targets of zero the weights shrink by 1 - rate decay at each step."""
    layers = [Dense(3, "tanh", use_bias=False), BatchNorm(trainable=False), Dense(2)]
    network = Network(4, layers, "squared_error")
    start = initial(network)
    first, _, last = network.arrays(start)
    last["bias"][:] = 0.0
    zeros = np.zeros((5, 4)), np.zeros((5, 2))
    params = train(network, *zeros, start, solver=solver, rate=0.1, n_epochs=7, weight_decay=0.3)
    for own, before in zip(network.arrays(params)[::2], (first, last), strict=True):
        np.testing.assert_allclose(own["weights"], before["weights"] * 0.97**7, rtol=1e-13)


@pytest.mark.parametrize("solver", engine.OPTIMIZERS)
def test_decay_beside_a_gradient_leaves_biases_and_normalisation(solver):
    layers = [Dense(3, "tanh"), BatchNorm(), Dense(2)]
    network = Network(4, layers, "squared_error")
    start = initial(network)
    start[:] += 0.1
    plain = train(network, X, Y, start, solver=solver, rate=0.01)
    decayed = train(network, X, Y, start, solver=solver, rate=0.01, weight_decay=2.0)
    of_each = (network.arrays(params) for params in (plain, decayed, start))
    for number, (one, other, before) in enumerate(zip(*of_each, strict=True)):
        for name in one:
            decay = 0.02 if name == "weights" and number != 1 else 0.0
            expected = one[name] - decay * before[name]
            np.testing.assert_allclose(other[name], expected, rtol=1e-12, atol=1e-15)


def test_decay_is_an_l2_penalty_of_plain_gradient_descent():
    layers = [Dense(3, "tanh"), Dense(2)]
    network, penalised = (Network(4, layers, "squared_error", l2=l2) for l2 in (0.0, 0.3))
    start = initial(network)
    options = {"rate": 0.1, "momentum": 0.0, "n_epochs": 5}
    decayed = train(network, X, Y, start, weight_decay=0.3, **options)
    np.testing.assert_allclose(decayed, train(penalised, X, Y, start, **options), rtol=1e-12)


@pytest.mark.parametrize("solver", engine.OPTIMIZERS)
def test_largest_norm(solver):
    bound = 0.8
    layers = [Dense(6, "tanh", max_norm=bound), Maxout(3, max_norm=bound), Dense(2)]
    network = Network(4, layers, "squared_error")
    free = Network(4, [Dense(6, "tanh"), Maxout(3), Dense(2)], "squared_error")
    start = initial(network)
    for once in (network.arrays(start)[0]["weights"], network.arrays(start)[1]["weights"]):
        once /= np.linalg.norm(once, axis=0)
        once *= np.linspace(0.3, 1.5, once.shape[1])
    params = train(network, X, Y, start, solver=solver, rate=0.01, weight_decay=0.1)
    plain = train(free, X, Y, start, solver=solver, rate=0.01, weight_decay=0.1)
    shortened = 0
    for bounded, other in zip(network.arrays(params), network.arrays(plain), strict=True):
        np.testing.assert_array_equal(bounded["bias"], other["bias"])
        norms = np.linalg.norm(other["weights"], axis=0)
        if bounded["weights"].shape[1] == 2:
            np.testing.assert_array_equal(bounded["weights"], other["weights"])
            continue
        expected = other["weights"] * np.minimum(1, bound / norms)
        np.testing.assert_allclose(bounded["weights"], expected, rtol=1e-14)
        below = norms <= bound
        np.testing.assert_array_equal(bounded["weights"][:, below], other["weights"][:, below])
        shortened += (~below).sum()
        assert below.any()
    assert shortened >= 3
    longer = train(network, X, Y, start, solver=solver, rate=0.05, n_epochs=50, size=5)
    for arrays in network.arrays(longer)[:2]:
        norms = np.linalg.norm(arrays["weights"], axis=0)
        assert norms.max() <= bound * (1 + 1e-14)


def test_frozen_layers_do_not_change():
    frozen = {
        "trainable": False,
        "kernel_regularizer": L1L2(0.1, 0.1),
        "bias_regularizer": L1L2(0.1, 0.1),
        "max_norm": 0.1,
    }
    layers = [
        Dense(5, "tanh", **frozen),
        BatchNorm(trainable=False),
        Maxout(4, **frozen),
        Dense(3, "tanh"),
        Dense(2),
    ]
    network = Network(4, layers, "squared_error", l2=0.1)
    start = initial(network)
    for solver in engine.OPTIMIZERS:
        options = {"solver": solver, "weight_decay": 0.5, "clip_norm": 0.5, "rate": 0.05}
        params = train(network, X, Y, start, n_epochs=5, size=5, **options)
        arrays = list(zip(network.arrays(params), network.arrays(start), strict=True))
        for own, before in arrays[:3]:
            for name in own:
                np.testing.assert_array_equal(own[name], before[name])
        for own, before in arrays[3:]:
            assert (own["weights"] != before["weights"]).all()


def test_a_step_is_as_long_as_the_clipped_gradient():
    layers = [Dense(3, "tanh"), Dense(2)]
    network = Network(4, layers, "squared_error", l2=0.5)
    start = initial(network)
    options = {"rate": 1.0, "momentum": 0.0}
    plain = train(network, X, Y, start, **options) - start
    norm = np.linalg.norm(plain)
    clipped = train(network, X, Y, start, clip_norm=norm / 7, **options) - start
    assert np.linalg.norm(clipped) == pytest.approx(norm / 7, rel=1e-13)
    np.testing.assert_allclose(clipped, plain / 7, rtol=1e-11, atol=1e-15)
    same = train(network, X, Y, start, clip_norm=norm * 1.001, **options) - start
    np.testing.assert_array_equal(same, plain)
