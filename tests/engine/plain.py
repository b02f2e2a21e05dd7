"""Compute a little of everything with the engine, and save it: compiled, or as plain Python."""

import sys

import numpy as np

from skdnn import MLPNetRegressor, engine, stochastic
from skdnn.averaging import EMA
from skdnn.engine import elementary
from skdnn.layers import BatchNorm, Dense, Dropout, Maxout
from skdnn.network import Network
from skdnn.regularizers import L1L2
from skdnn.schedules import follow
from skdnn.solvers.problem import Problem
from skdnn.stochastic import Batches, Optimization


def _data(dtype, loss):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(7, 4)).astype(dtype)
    y = rng.randint(2, size=(7, 1 if loss in ("log_loss", "focal") else 2))
    return engine.as_data(X, dtype, y, rng.uniform(0.5, 2, 7), rng.permutation(7))


def _gradient(activation, loss, dtype):
    network = Network(
        4, [Dense(3), Dense(2, "identity")], loss, activation=activation, dtype=dtype, l2=0.1
    )
    data = _data(dtype, loss)
    params = np.random.RandomState(1).normal(size=network.n_params).astype(dtype)
    gradient, part = np.empty_like(params), np.empty_like(params)
    work = network.workspace(data, 4)
    table = network.bound("layers"), network.bound_objective(), 0
    given = params, gradient, part, work, 4, np.uint64(0)
    value = engine.summed_loss_and_gradient(data, 7, *table, *given)
    return np.append(gradient, value)


def _curvature(loss, dtype, single_output):
    outputs = 1 if single_output else 2
    network = Network(4, [Dense(outputs)], loss, dtype=dtype, l2=0.1)
    data = _data(dtype, loss)
    y = data.y[:, :1] if single_output else data.y
    problem = Problem(network, data.X, y, data.weight, data.order)
    params = np.random.RandomState(1).normal(size=network.n_params).astype(dtype)
    curvature = problem.curvature(params)
    gradient = problem.loss_and_gradient(params)[1]
    return np.concatenate([gradient, curvature.times(gradient), curvature.matrix().ravel()])


def _epoch(optimizer, dtype):
    layers = [
        Dropout(0.4),
        Dense(3, "tanh", kernel_regularizer=L1L2(0.01, 0.02), max_norm=1.0),
        BatchNorm(epsilon=0.5),
        Maxout(4, bias_regularizer=L1L2()),
        Dense(2),
    ]
    network = Network(4, layers, "squared_error", dtype=dtype)
    data = _data(dtype, "squared_error")
    params = np.empty(network.n_numbers, dtype)
    network.initialize(params, np.random.RandomState(1))
    schedule = follow("constant", 0.1, max_iter=1)
    constants = dict.fromkeys(("momentum", "rho", "beta_1", "beta_2"), 0.9)
    settings = {**constants, "epsilon": 1e-3, "weight_decay": 0.1, "clip_norm": 2.0}
    optimization = Optimization(network, optimizer, schedule, average=EMA(0.5), **settings)
    batches = Batches(network, data, size=3, shuffle=False)
    with optimization.training(params):
        loss = optimization.epoch(batches, params)
    return np.append(params, loss)


def _fit():
    """Return the loss of a network that is large enough for threads, where they may be used."""
    stochastic._CREW_LOAD = 1
    X = np.linspace(-1, 1, 12 * 8).reshape(12, 8) ** 2
    net = MLPNetRegressor(hidden_layer_sizes=(2,), batch_size=12, max_iter=1, random_state=0)
    return np.array(net.fit(X, X[:, 0]).loss_curve_)


def compute():
    """Return results by name."""
    results = {"fit": _fit()}
    for dtype in (np.float32, np.float64):
        kind = np.dtype(dtype).name
        for name in ("exp", "expm1", "log1p", "tanh", "logistic", "softplus"):
            x = np.linspace(0 if name == "log1p" else -3, 1, 9).astype(dtype)
            function = getattr(elementary, name)
            results[f"elementary.{name}-{kind}"] = np.array([function(value) for value in x])
        for activation in engine.ACTIVATIONS:
            results[f"{activation}-{kind}"] = _gradient(activation, "squared_error", dtype)
        for loss in engine.LOSSES:
            results[f"{loss}-{kind}"] = _gradient("tanh", loss, dtype)
        for loss in ("binary_log_loss", "huber", "poisson", "log_loss"):
            results[f"curvature {loss}-{kind}"] = _curvature(loss, dtype, False)
            if loss != "log_loss":
                results[f"single {loss}-{kind}"] = _curvature(loss, dtype, True)
        for optimizer in engine.OPTIMIZERS:
            results[f"{optimizer}-{kind}"] = _epoch(optimizer, dtype)
    return results


if __name__ == "__main__":
    # Hashes wrap around.
    with np.errstate(over="ignore"):
        np.savez(sys.argv[1], **compute())
