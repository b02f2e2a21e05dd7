"""Problems for the tests of solvers and of second derivatives."""

import numpy as np
from scipy import sparse
from scipy.special import expit

from skdnn.layers import Dense
from skdnn.network import Network
from skdnn.solvers import Options, Problem, Record, run_solver

N_ROWS, N_FEATURES = 300, 4
DETERMINISTIC = ["gd", "nesterov", "newton", "lbfgs"]
LOSSES = {"binary_log_loss": 1, "log_loss": 3, "squared_error": 2, "poisson": 1, "huber": 2}


def make_problem(
    loss="binary_log_loss",
    *,
    l1=0.0,
    l2=0.01,
    fit_intercept=True,
    form="dense",
    weighted=False,
    ordered=False,
    dtype=np.float64,
    n_features=N_FEATURES,
    seed=0,
):
    rng = np.random.default_rng(seed)
    n_outputs = LOSSES[loss]
    X = rng.standard_normal((N_ROWS, n_features))
    X[np.abs(X) < 0.4] = 0
    if loss == "log_loss":
        scores = X[:, :n_outputs] + rng.gumbel(size=(N_ROWS, n_outputs))
        y = scores.argmax(axis=1)[:, None].astype(float)
    elif loss == "binary_log_loss":
        y = (rng.random((N_ROWS, 1)) < expit(X[:, :1] - 2 * X[:, 1:2])) * 1.0
    elif loss == "poisson":
        y = rng.poisson(2.0, (N_ROWS, 1)).astype(float)
    else:
        y = X[:, :n_outputs] * 2 + rng.standard_normal((N_ROWS, n_outputs))
    output = Dense(n_outputs, use_bias=fit_intercept)
    network = Network(n_features, [output], loss, dtype=dtype, l2=l2)
    return Problem(
        network,
        sparse.csr_array(X.astype(dtype)) if form == "sparse" else X.astype(dtype),
        y,
        rng.uniform(0.1, 3, N_ROWS) if weighted else None,
        np.flatnonzero(rng.random(N_ROWS) < 0.8) if ordered else None,
        l1=l1,
    )


def solve(name, problem, start=None, **options):
    start = np.zeros(problem.network.n_params, problem.network.dtype) if start is None else start
    record = Record(start, keep_path=True)
    return run_solver(name, problem, start, Options(**options), record), record
