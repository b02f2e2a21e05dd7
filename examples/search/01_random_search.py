"""
A random search over layers and learning rates
==============================================

How deep and wide should a network be, and how large its steps? A random search draws candidates
from distributions and compares them by cross-validation; successive halving gives the poor ones
only few epochs, and has time for more of them. ``--full`` draws more candidates, and trains them
for longer.
"""

import argparse
import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import loguniform
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import MLPNet
from skdnn.model_selection import HiddenLayerSizes, search_space

parser = argparse.ArgumentParser()
parser.add_argument("--full", action="store_true", help="more candidates, for more epochs")
full = parser.parse_args().full
# The candidates are compared after a set number of epochs.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.3, random_state=0)

# %%
# The distributions
# -----------------
# `HiddenLayerSizes` first draws the number of layers, then their width: a network without a hidden
# layer is as likely as one of three layers. The learning rate is uniform in its logarithm.

space = {
    "hidden_layer_sizes": HiddenLayerSizes(n_layers=(0, 3), width=(1, 99), scale="linear"),
    "learning_rate_init": loguniform(3e-4, 3e-2),
}
print(space["hidden_layer_sizes"].rvs(size=5, random_state=0))

# %%
# The search
# ----------

n_networks = 20 if full else 12
net = MLPNet(max_iter=15 if full else 10, random_state=0)
search = RandomizedSearchCV(net, space, n_iter=n_networks, cv=3, random_state=0)
search.fit(X_train, y_train)
layers, rate = (search.best_params_[name] for name in space)
print(f"best of {n_networks}: {layers}, learning rate {rate:.4f}, score {search.best_score_:.3f}")
print(f"test accuracy: {search.score(X_test, y_test):.3f}")

# %%
# Each candidate is a point: its learning rate, the number of its weights, and its score. Small
# steps do not get far in so few epochs, and layers of few units let little through.

results = search.cv_results_
widths = [[64, *sizes, 10] for sizes in results["param_hidden_layer_sizes"]]
n_weights = [sum(np.multiply(sizes[:-1], sizes[1:])) for sizes in widths]
depths = [len(sizes) - 2 for sizes in widths]
rates = np.array(results["param_learning_rate_init"], dtype=float)

figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
for ax, values, label in ((axes[0], rates, "learning rate"), (axes[1], n_weights, "weights")):
    points = ax.scatter(values, results["mean_test_score"], c=depths, cmap="viridis", ec="0.3")
    ax.set(xscale="log", xlabel=label)
axes[0].set_ylabel("accuracy, mean of 3 folds")
figure.colorbar(points, ax=axes, label="hidden layers", ticks=range(4))
figure.suptitle(f"{n_networks} networks drawn at random")

# %%
# A ready-made space, and successive halving
# ------------------------------------------
# `search_space` has distributions of the parameters that matter to an estimator, with the names
# that they have in a pipeline. Successive halving trains all candidates for a few epochs, the
# best third for three times as many, and so on.

pipeline = make_pipeline(StandardScaler(), MLPNet(random_state=0))
halving = HalvingRandomSearchCV(
    pipeline,
    search_space(pipeline),
    n_candidates=27 if full else 18,
    resource="mlpnet__max_iter",
    min_resources=2,
    max_resources=54 if full else 18,
    cv=3,
    random_state=0,
).fit(X_train, y_train)
print(f"candidates {halving.n_candidates_} with epochs {halving.n_resources_}")
for name, value in halving.best_params_.items():
    print(f"  {name}: {value if not isinstance(value, float) else f'{value:.3g}'}")
print(f"test accuracy: {halving.score(X_test, y_test):.3f}")

# %%
# Most of the epochs go to the candidates that deserve them.

figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
for i, epochs in enumerate(halving.n_resources_):
    scores = halving.cv_results_["mean_test_score"][halving.cv_results_["iter"] == i]
    ax.scatter(np.full(len(scores), epochs), scores, alpha=0.6, label=f"{len(scores)} in the race")
ax.set(
    xscale="log",
    xticks=halving.n_resources_,
    xticklabels=halving.n_resources_,
    xlabel="epochs",
    ylabel="accuracy, mean of 3 folds",
    title="Successive halving",
)
ax.minorticks_off()
ax.legend(loc="lower right")
plt.show()
