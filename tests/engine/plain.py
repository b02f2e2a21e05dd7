"""Compute a little of everything with the engine, and save it: compiled, or as plain Python."""

import sys

import numpy as np

from skdnn import engine
from skdnn.engine import elementary
from skdnn.layers import BatchNorm, Dense, Dropout, Maxout
from skdnn.network import Network
from skdnn.regularizers import L1L2


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
    value = engine.loss_and_gradient(
        data, 7, network.layers, network.objective, params, gradient, part, work, 4, None
    )
    return np.append(gradient, value)


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
    chosen = engine.OPTIMIZERS[optimizer]
    settings = np.zeros((), engine.SETTINGS)
    settings["code"], settings["epsilon"], settings["weight_decay"] = chosen.code, 1e-3, 0.1
    settings["momentum"] = settings["rho"] = settings["beta_1"] = settings["beta_2"] = 0.9
    moments = np.zeros(chosen.n_moments * network.n_params, dtype)
    work = network.workspace(data, 3)
    loss = engine.train_epoch(
        data,
        7,
        3,
        network.layers,
        network.objective,
        params,
        np.zeros(network.n_params, dtype),
        moments,
        np.zeros_like(params),
        settings[()],
        np.array([0.1, 0.05, 0.2]),
        0,
        np.uint64(1),
        work,
    )
    return np.append(params, loss)


def compute():
    """Return results by name."""
    results = {}
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
        for optimizer in engine.OPTIMIZERS:
            results[f"{optimizer}-{kind}"] = _epoch(optimizer, dtype)
    return results


if __name__ == "__main__":
    # Hashes wrap around.
    with np.errstate(over="ignore"):
        np.savez(sys.argv[1], **compute())
