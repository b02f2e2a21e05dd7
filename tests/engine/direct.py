"""A network that is given as layers, without an estimator around it: its kernels, its training."""

import numpy as np

from skdnn import engine
from skdnn.engine import batch
from skdnn.engine.layers import forward
from skdnn.engine.normalization import total_weight
from skdnn.schedules import follow
from skdnn.stochastic import Batches, Optimization

CONSTANTS = {"momentum": 0.9, "rho": 0.9, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}


def initial(network, seed=0):
    params = np.empty(network.n_numbers, network.dtype)
    network.initialize(params, np.random.RandomState(seed))
    return params


def train(
    network,
    X,
    y,
    params,
    *,
    solver="sgd",
    rate=0.1,
    n_epochs=1,
    size=None,
    weight=None,
    schedule="constant",
    average=None,
    **settings,
):
    """Return the parameters after so many epochs, of one batch unless a size is given."""
    params = params.copy()
    data = engine.as_data(X, network.dtype, y, weight)
    batches = Batches(network, data, size=size or len(y), shuffle=False)
    optimization = Optimization(
        network,
        solver,
        follow(schedule, rate, max_iter=n_epochs),
        average=average,
        **{**CONSTANTS, **settings},
    )
    with optimization.training(params):
        for _ in range(n_epochs):
            assert np.isfinite(optimization.epoch(batches, params))
    return params


def batch_outputs(network, data, params, work, capacity, start, rows, key):
    """Return the last layer's outputs for a batch."""
    layers = network.bound("layers", data)
    forward(data, layers, params, work, capacity, start, 0, rows, np.uint64(key))
    begin, n_out = layers["outputs"][-1] * capacity, network.n_outputs
    return work[begin : begin + rows * n_out].reshape(rows, n_out).copy()


def batch_loss(network, data, params, work, capacity, start, rows, key, table="layers"):
    """Return a batch's summed weighted loss, and its weight."""
    layers, objective = network.bound(table, data), network.bound_objective()
    given = data, layers, objective, len(layers), params, params, work, capacity, start, 0, rows
    batch.propagate(*given, np.uint64(key))
    return batch.batch_loss(objective, work, capacity, rows), total_weight(data, start, rows)


def batch_gradient(network, data, params, gradient, work, capacity, start, rows, key):
    """Write the gradient of a batch's summed loss; return that loss and the batch's weight."""
    layers, objective = network.bound("layers", data), network.bound_objective()
    lowest, part = engine.first_trained(layers), np.zeros_like(gradient)
    given = data, layers, objective, lowest, params, part, work, capacity, start, 0, rows
    batch.propagate(*given, np.uint64(key))
    gradient[:] = 0
    batch.add_gradient(data, layers, lowest, gradient, part, work, capacity, start, rows)
    return batch.batch_loss(objective, work, capacity, rows), total_weight(data, start, rows)
