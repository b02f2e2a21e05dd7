"""
D5. Dropout and SGD as Bayesian approximations
==============================================

How sure is a network? With dropout left on at prediction each pass is a draw from an approximate
posterior (Gal and Ghahramani, 2016): the mean of the draws is the prediction, their spread what the
network does not know. And the weights that SGD with a constant learning rate passes through once it
has found a minimum are about a sample of the posterior too (Mandt, Hoffman and Blei, 2017).

By default the numbers at the end are for a data set that comes with scikit-learn. ``--full``
repeats the paper's experiment, with its 20 splits of six UCI sets, which takes some four minutes on
two cores: it reads files ``yarin_*.npz`` (arrays `X`, `y`, `train_idx`, `test_idx`) in the folder
that the environment variable ``SKDNN_DATA`` names.
"""

import argparse
import os
from functools import partial
from math import ceil
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from joblib import Parallel, delayed
from scipy.special import logsumexp
from scipy.stats import norm, sem
from sklearn.datasets import load_diabetes, make_moons
from sklearn.linear_model import BayesianRidge
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import ShuffleSplit, train_test_split
from sklearn.preprocessing import StandardScaler

from skdnn import MLPNet, MLPNetRegressor
from skdnn.callbacks import WeightHistory
from skdnn.layers import Dense, Dropout

parser = argparse.ArgumentParser()
parser.add_argument("--full", action="store_true", help="the paper's sets and splits")
full = parser.parse_args().full

# %%
# A curve with a gap
# ------------------
# Between the two clouds of points a model should be less sure than within them.
rng = np.random.default_rng(0)
x = np.concatenate([rng.uniform(-3, -0.7, 60), rng.uniform(0.9, 3, 60)])[:, None]
t = np.sin(2 * x[:, 0]) + rng.normal(0, 0.15, 120)
grid = np.linspace(-4.2, 4.2, 300)[:, None]
many = {"max_iter": 1500, "n_iter_no_change": np.inf, "alpha": 0.0, "random_state": 0}

layers = [Dense(100), Dropout(0.05), Dense(100), Dropout(0.05)]
dropout = MLPNetRegressor(hidden_layers=layers, batch_size=40, **many).fit(x, t)
mean, std = dropout.predict(grid, return_std=True, n_samples=200)

# %%
# :class:`~skdnn.callbacks.WeightHistory` keeps the weights after each epoch, and `models` makes a
# fitted model of each.
history = WeightHistory(every=10)
sgd = MLPNetRegressor(
    hidden_layer_sizes=(100, 100), activation="tanh", solver="sgd", batch_size=10, **many
)
sgd.set_params(learning_rate_init=0.02).set_callbacks(history).fit(x, t)
passed = np.array([model.predict(grid) for model in history.models(sgd, start=500)])

figure, panels = plt.subplots(1, 2, figsize=(9.5, 3.6), sharey=True, layout="constrained")
names = ("Dropout at prediction: 200 passes", f"SGD: the weights of {len(passed)} epochs")
curves = ((mean, std), (passed.mean(axis=0), passed.std(axis=0)))
for ax, name, (middle, spread) in zip(panels, names, curves, strict=True):
    ax.fill_between(grid[:, 0], middle - 2 * spread, middle + 2 * spread, color="C0", alpha=0.25)
    ax.plot(grid, middle, color="C0")
    ax.plot(x, t, "k.", markersize=4)
    ax.set(title=name, xlabel="x", ylim=(-2.5, 2.5))
gap, within = np.abs(grid[:, 0] - 0.1) < 0.5, np.abs(np.abs(grid[:, 0]) - 2) < 0.5
for name, (_, spread) in zip(("dropout", "SGD"), curves, strict=True):
    near, far = spread[within].mean(), spread[gap].mean()
    print(f"{name}: spread {near:.3f} at the points, {far:.3f} in the gap (lecture: no figure)")

# %%
# Classes
# -------
# `sample_proba` draws the probabilities of classes. Their spread is largest at the border.
X, y = make_moons(300, noise=0.15, random_state=0)
layers = [Dense(50), Dropout(0.3), Dense(50), Dropout(0.3)]
net = MLPNet(hidden_layers=layers, **many | {"max_iter": 400}).fit(X, y)
axis = np.linspace(-2.2, 3.2, 90), np.linspace(-1.8, 2.2, 70)
plane = np.stack(np.meshgrid(*axis), axis=-1).reshape(-1, 2)
draws = net.sample_proba(plane, n_samples=100)[:, 1]
figure, panels = plt.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained")
for ax, values, name, cmap in (
    (panels[0], draws.mean(axis=1), "mean probability", "RdBu_r"),
    (panels[1], draws.std(axis=1), "standard deviation", "viridis"),
):
    image = ax.pcolormesh(*axis, values.reshape(70, 90), cmap=cmap, alpha=0.7, rasterized=True)
    ax.scatter(*X.T, c=y, cmap="RdBu_r", s=16, edgecolors="black", linewidths=0.5)
    ax.set(title=name)
    figure.colorbar(image, ax=ax)

# %%
# The paper's experiment
# ----------------------
# One hidden layer of 50 ReLU units, with dropout before and after it. The predictive density is
# :math:`p(y | x) = \frac{1}{T} \sum_t N(y | f_t(x), s^2)` with the outputs :math:`f_t` of T passes.
# Rate and noise s are those that give a held-out fifth of the training rows the largest
# log-density; then a network with that rate is trained on all training rows.
RATES, NOISE = (0.005, 0.01, 0.05, 0.1), np.geomspace(0.01, 1, 41)


def rate_at(step, steps):
    # The noise that dropout makes keeps a constant rate from settling.
    return 0.01 / 5 ** sum(step >= share * steps for share in (0.6, 0.8))


def train(X, z, dropout, steps, seed):
    size = min(128, len(z))
    net = MLPNetRegressor(hidden_layers=[Dropout(dropout), Dense(50, "relu"), Dropout(dropout)])
    net.set_params(learning_rate=partial(rate_at, steps=steps), batch_size=size, **many)
    return net.set_params(max_iter=ceil(steps / ceil(len(z) / size)), random_state=seed).fit(X, z)


def evaluate(X, y, train_rows, test_rows, steps, seed):
    """Return RMSE and mean log-density of test rows, in units of y, of two models."""
    X = StandardScaler().fit(X[train_rows]).transform(X).astype(np.float32)
    scaler = StandardScaler().fit(y[train_rows, None])
    z, unit = scaler.transform(y[:, None])[:, 0], scaler.scale_[0]
    some, held_out = train_test_split(train_rows, test_size=0.2, random_state=seed)
    found = []
    for rate in RATES:
        net = train(X[some], z[some], rate, steps, seed)
        # The same draws for every noise; `log_likelihood` would make them anew for each.
        draws = net.sample_y(X[held_out], n_samples=100)
        for s in NOISE:
            density = logsumexp(norm.logpdf(z[held_out, None], draws, s), axis=1) - np.log(100)
            found.append((density.mean(), rate, s))
    _, rate, s = max(found)
    net = train(X[train_rows], z[train_rows], rate, steps, seed)
    n_samples, test = 1000 if full else 100, (X[test_rows], z[test_rows])
    mean, _ = net.predict(test[0], return_std=True, n_samples=n_samples)
    density = net.log_likelihood(*test, noise_std=s, n_samples=n_samples).mean()
    ridge = BayesianRidge().fit(X[train_rows], z[train_rows])
    guess, spread = ridge.predict(test[0], return_std=True)
    # The density of y is that of the scaled z, divided by the scale.
    return (
        root_mean_squared_error(test[1], mean) * unit,
        density - np.log(unit),
        root_mean_squared_error(test[1], guess) * unit,
        norm.logpdf(test[1], guess, spread).mean() - np.log(unit),
    )


# %%
# The published means and standard errors over the splits are those of the readme of
# github.com/yaringal/DropoutUncertaintyExps. For the diabetes set there are none: there Bayesian
# linear regression stands beside the network, which with so few rows is hard to better.
PUBLISHED = {
    "concrete": ((4.82, 0.16), (-2.93, 0.02)),
    "energy": ((0.54, 0.06), (-1.21, 0.01)),
    "kin8nm": ((0.08, 0.00), (1.14, 0.01)),
    "power_plant": ((4.01, 0.04), (-2.80, 0.01)),
    "wine_quality_red": ((0.62, 0.01), (-0.93, 0.01)),
    "yacht": ((0.67, 0.05), (-1.25, 0.01)),
}
tables = {}
if full:
    for name in PUBLISHED:
        path = Path(os.environ.get("SKDNN_DATA", "")) / f"yarin_{name}.npz"
        if not path.is_file():
            raise SystemExit(f"Set SKDNN_DATA to a folder with {path.name}, for --full.")
        with np.load(path) as data:
            splits = list(zip(data["train_idx"], data["test_idx"], strict=True))
            tables[name] = data["X"], data["y"].astype(float), splits
else:
    X, y = load_diabetes(return_X_y=True)
    tables["diabetes"] = X, y, list(ShuffleSplit(2, test_size=0.1, random_state=0).split(X))

for name, (X, y, splits) in tables.items():
    results = Parallel(2, prefer="threads")(
        delayed(evaluate)(X, y, *rows, 20_000 if full else 2000, seed)
        for seed, rows in enumerate(splits)
    )
    ours = [f"{v.mean():.3f} ± {sem(v):.3f}" for v in np.transpose(results)]
    beside = [f"published: {mean:.2f} ± {error:.2f}" for mean, error in PUBLISHED.get(name, ())]
    beside = beside or ["lecture: no figure"] * 2
    print(f"{name}: RMSE {ours[0]} ({beside[0]}; Bayesian ridge {ours[2]})")
    print(f"{name}: log-density {ours[1]} ({beside[1]}; Bayesian ridge {ours[3]})")
plt.show()
