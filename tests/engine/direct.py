"""Training of a network that is given as layers, without an estimator around it."""

import numpy as np

from skdnn import engine
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
