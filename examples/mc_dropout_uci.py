"""Monte-Carlo dropout on the UCI regression sets of Gal & Ghahramani (2016).

"Dropout as a Bayesian approximation" keeps dropout on at prediction: each pass through the network
is then a draw from an approximate posterior, their mean is the prediction, and their spread tells
how sure the network is of it. A target y at x is given the density

    p(y | x) = 1/T sum_t N(y | f_t(x), noise^2)

with f_1(x) .. f_T(x) the outputs of T passes. This script repeats the paper's experiment, on its 20
splits of each set into training and test rows: one hidden layer of 50 ReLU units, and dropout at
one rate before and after it. For each split,

1. a fifth of the training rows is held out, and a network is trained on the others for each rate;
2. the rate and the noise are taken that give the held-out rows the largest mean log-density;
3. a network with that rate is trained on all training rows;
4. the test rows, which nothing has seen so far, give the RMSE of the mean prediction and the mean
   log-density, in the units of y.

Printed are the means and standard errors over the splits, beside the published ones. It takes some
four minutes on two cores, half a minute for two splits, and needs a folder of the files
yarin_*.npz, each with arrays X, y, train_idx and test_idx:

    SKDNN_DATA=path/to/folder python examples/mc_dropout_uci.py --splits 2
"""

import argparse
import os
import time
from functools import partial
from math import ceil
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from scipy.stats import sem
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skdnn import MLPNetRegressor
from skdnn.layers import Dense, Dropout

# Test RMSE and log-likelihood, each the mean and standard error over the splits: the readme of
# github.com/yaringal/DropoutUncertaintyExps.
PUBLISHED = {
    "concrete": ((4.82, 0.16), (-2.93, 0.02)),
    "energy": ((0.54, 0.06), (-1.21, 0.01)),
    "kin8nm": ((0.08, 0.00), (1.14, 0.01)),
    "power_plant": ((4.01, 0.04), (-2.80, 0.01)),
    "wine_quality_red": ((0.62, 0.01), (-0.93, 0.01)),
    "yacht": ((0.67, 0.05), (-1.25, 0.01)),
}
RATES = (0.005, 0.01, 0.05, 0.1)
# In units of the standard deviation of y.
NOISE = np.geomspace(0.01, 1, 41)
BATCH_SIZE, LEARNING_RATE = 128, 0.01


def rate_at(step, steps):
    """Return the learning rate: constant, and divided by 5 after 60 % and 80 % of the steps.

    The noise that dropout makes keeps a constant rate from settling.
    """
    return LEARNING_RATE / 5 ** sum(step >= share * steps for share in (0.6, 0.8))


def train(X, y, dropout, steps, seed):
    """Return a network trained for so many steps, whatever the number of rows."""
    epochs = ceil(steps / ceil(len(y) / BATCH_SIZE))
    net = MLPNetRegressor(
        hidden_layers=[Dropout(dropout), Dense(50, "relu"), Dropout(dropout)],
        alpha=0.0,
        batch_size=min(BATCH_SIZE, len(y)),
        learning_rate=partial(rate_at, steps=steps),
        learning_rate_init=LEARNING_RATE,
        max_iter=epochs,
        n_iter_no_change=np.inf,
        random_state=seed,
    )
    return net.fit(X, y)


def evaluate(X, y, train_rows, test_rows, options, seed):
    """Return one split's test RMSE and log-likelihood."""
    y_scaler = StandardScaler().fit(y[train_rows, None])
    X = StandardScaler().fit(X[train_rows]).transform(X).astype(np.float32)
    z, unit = y_scaler.transform(y[:, None])[:, 0], y_scaler.scale_[0]

    fit_rows, held_out = train_test_split(train_rows, test_size=0.2, random_state=seed)
    found = []
    for dropout in RATES:
        net = train(X[fit_rows], z[fit_rows], dropout, options.steps, seed)
        for noise in NOISE:
            density = net.log_likelihood(X[held_out], z[held_out], noise_std=noise)
            found.append((density.mean(), dropout, noise))
    _, dropout, noise = max(found)

    net = train(X[train_rows], z[train_rows], dropout, options.steps, seed)
    mean, _ = net.predict(X[test_rows], return_std=True, n_samples=options.samples)
    density = net.log_likelihood(
        X[test_rows], z[test_rows], noise_std=noise, n_samples=options.samples
    )
    # The density of y is that of the scaled y, divided by the scale.
    rmse = root_mean_squared_error(z[test_rows], mean) * unit
    return rmse, density.mean() - np.log(unit)


def load(name):
    """Return X, y, and the rows that each split trains and tests on."""
    folder = os.environ.get("SKDNN_DATA")
    if not folder:
        print("Set SKDNN_DATA to a folder with the files yarin_*.npz; skipped.")
        raise SystemExit
    path = Path(folder) / f"yarin_{name}.npz"
    if not path.is_file():
        raise SystemExit(f"There is no {path}: set SKDNN_DATA to the folder that has it.")
    with np.load(path) as data:
        splits = zip(data["train_idx"], data["test_idx"], strict=True)
        return data["X"], data["y"].astype(float), list(splits)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=20, help="how many (default: all 20)")
    parser.add_argument("--sets", nargs="+", choices=PUBLISHED, default=list(PUBLISHED))
    parser.add_argument("--steps", type=int, default=20_000, help="of the optimiser, each network")
    parser.add_argument("--samples", type=int, default=1000, help="passes over the test rows")
    parser.add_argument("--n-jobs", type=int, default=2, help="splits at a time")
    options = parser.parse_args()

    tables = {name: load(name) for name in options.sets}
    # Compiles the kernels, if need be, once for all workers.
    train(np.zeros((9, 1), np.float32), np.zeros(9), 0.5, 10, 0)
    print(f"{'':18}{'RMSE':^15} {'published':^13}   {'log-likelihood':^17} {'published':^13}")
    for name, (X, y, splits) in tables.items():
        started = time.perf_counter()
        results = Parallel(options.n_jobs)(
            delayed(evaluate)(X, y, *rows, options, seed)
            for seed, rows in enumerate(splits[: options.splits])
        )
        line = f"{name:18}"
        for values, (mean, error) in zip(np.transpose(results), PUBLISHED[name], strict=True):
            ours = f"{values.mean():.3f} ± {sem(values):.3f}"
            line += f"{ours:>16} {f'({mean:.2f} ± {error:.2f})':>15}  "
        print(f"{line}{time.perf_counter() - started:4.0f} s", flush=True)


if __name__ == "__main__":
    main()
