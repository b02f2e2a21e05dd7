"""What each feature of a network costs, and that what is off costs nothing.

    python examples/benchmarks/features.py
    python examples/benchmarks/features.py --against ../skdnn-before

The first prints the time of an epoch of a plain network, and of the same with one feature each. The
second times plain networks, with nothing on, here and in another copy of the package, such as an
earlier commit (`git worktree add ../skdnn-before COMMIT`): each in processes of its own, in turn,
the shortest time of each counting.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.datasets import load_digits, make_moons, make_regression
from sklearn.exceptions import ConvergenceWarning

from skdnn import MLPNet, MLPNetRegressor

X, Y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)


def seconds_an_epoch(model, X, y, epochs, repeats):
    """Return the shortest time of an epoch, of so many fits."""
    model.set_params(max_iter=epochs, n_iter_no_change=np.inf, random_state=0)
    model.fit(X[:100], y[:100])  # compiles what is not compiled yet
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        model.fit(X, y)
        times.append(time.perf_counter() - started)
    return min(times) / epochs


def plain_networks():
    """Yield names, networks with nothing on, their data, and a number of epochs."""
    rng = np.random.RandomState(0)
    yield "digits (64,), batch 200", MLPNet((64,), "logistic", batch_size=200), X, Y, 40
    yield "digits (128, 128, 128), batch 32", MLPNet((128,) * 3, batch_size=32), X, Y, 10
    moons = make_moons(1000, noise=0.04, random_state=3)
    yield "moons (4,), batch 32", MLPNet((4,), "tanh", batch_size=32), *moons, 200
    table = make_regression(1000, 8, random_state=0)
    small = MLPNetRegressor(hidden_layer_sizes=(50,), batch_size=100, learning_rate_init=1e-4)
    yield "regression 8-50-1, batch 100", small, *table, 200
    images, digits = rng.rand(6000, 784).astype(np.float32), rng.randint(10, size=6000)
    yield "6000 x 784 (512,), batch 128", MLPNet((512,), batch_size=128), images, digits, 2
    words = sparse.random(5000, 10000, 0.012, "csr", np.float32, rng)
    sides = rng.randint(2, size=5000)
    yield "sparse 5000 x 10000 (16, 16)", MLPNet((16, 16), batch_size=512), words, sides, 5


def time_plain(repeats):
    """Return the time of an epoch of each plain network."""
    return {
        name: seconds_an_epoch(model, X, y, epochs, repeats)
        for name, model, X, y, epochs in plain_networks()
    }


def time_elsewhere(folder, repeats):
    """Return the same of the package in a folder, from a new process."""
    # This script's folder would come before PYTHONPATH; it has no package.
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, __file__, "--json", "--repeats", str(repeats)]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(said.stdout)


def compare(other, rounds, repeats):
    """Print how plain networks here and in the other folder compare."""
    here = Path(__file__).resolve().parents[2]
    found = {here: [], other: []}
    for _ in range(rounds):
        for folder, runs in found.items():
            runs.append(time_elsewhere(folder, repeats))
    print(f"{'milliseconds an epoch':34} {'there':>8} {'here':>8}  ratio")
    for name in found[here][0]:
        now, then = (min(run[name] for run in found[folder]) for folder in (here, other))
        print(f"{name:34} {then * 1e3:8.3f} {now * 1e3:8.3f}  {now / then:.3f}")


def features(repeats):
    """Print what each feature costs on the digits with three hidden layers."""
    # Imported here: an earlier version that plain networks are compared with may lack them.
    from skdnn.averaging import EMA
    from skdnn.layers import Dense, Dropout, Maxout
    from skdnn.regularizers import L1, L2
    from skdnn.schedules import CosineDecay

    three = {"hidden_layer_sizes": (128,) * 3}
    variants = {
        "plain": three,
        "dropout=0.2": {**three, "dropout": 0.2},
        "dropout of the inputs": {"hidden_layers": [Dropout(0.2)] + [Dense(128)] * 3},
        "batch_norm=True": {**three, "batch_norm": True},
        "Maxout(64, pieces=2)": {"hidden_layers": [Maxout(64)] * 3},
        "L2": {"hidden_layers": [Dense(128, kernel_regularizer=L2(1e-4))] * 3},
        "L1": {"hidden_layers": [Dense(128, kernel_regularizer=L1(1e-5))] * 3},
        "max_norm=3": {"hidden_layers": [Dense(128, max_norm=3.0)] * 3},
        "clip_norm=1": {**three, "clip_norm": 1.0},
        "weight_decay=0.01": {**three, "weight_decay": 0.01},
        "average=EMA()": {**three, "average": EMA()},
        "learning_rate=CosineDecay()": {**three, "learning_rate": CosineDecay()},
    }
    plain = None
    print(f"{'milliseconds an epoch, batch 32':34}   ratio")
    for name, params in variants.items():
        found = seconds_an_epoch(MLPNet(batch_size=32, **params), X, Y, 10, repeats)
        plain = plain or found
        print(f"{name:34} {found * 1e3:8.3f}  {found / plain:.2f}")


def main():
    # So many epochs are what is timed.
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, help="folder of another copy of the package")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each")
    parser.add_argument("--repeats", type=int, default=7, help="fits of each in a process")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.json:
        print(json.dumps(time_plain(options.repeats)))
    elif options.against:
        compare(options.against.resolve(), options.rounds, options.repeats)
    else:
        features(options.repeats)


if __name__ == "__main__":
    main()
