r"""
A10. A random search for a network
==================================

How many layers, how many neurons, which learning rate? The lecture tries ten random choices, each
by five-fold cross-validation: no hidden layer to three, of 1 to 99 neurons, a learning rate that is
log-uniform between 0.0003 and 0.03. Each fit holds out rows to stop by. The data are the images of
cells of A9, 50x50 in grey where the lecture's are 100x100 in colour, so that the scores are not
quite comparable.

Pixels less their means are searched for, as these networks are better (see A9). With ``--full`` the
search is made on pixels from 0 to 1 too, as in the lecture.

It needs ``malaria_50x50.npz``, in the folder that the environment variable ``SKDNN_DATA`` names:
``X`` of shape (27558, 2500) and type uint8, ``y`` of 0 and 1.
"""

import argparse
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import loguniform
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import RandomizedSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import MLPNet

parser = argparse.ArgumentParser()
parser.add_argument("--full", action="store_true", help="search on pixels from 0 to 1 too")
full = parser.parse_args().full
# Some choices are still learning when their 50 epochs end, as in the lecture.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

# %%
# The images
# ----------

path = Path(os.environ.get("SKDNN_DATA", ".")) / "malaria_50x50.npz"
if not path.is_file():
    raise SystemExit(f"{path} is missing: set SKDNN_DATA to a folder with malaria_50x50.npz.")
with np.load(path) as file:
    rows = np.random.default_rng(0).choice(len(file["y"]), 2500, replace=False)
    X, y = file["X"][rows].astype(np.float32) / 255, file["y"][rows]
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=500, random_state=0)

# %%
# The search
# ----------
# In a search the rows to stop by must come from each fold: `early_stopping` holds them out.

net = MLPNet(
    alpha=0.0,
    batch_size=100,
    max_iter=50,
    early_stopping=True,
    scoring="loss",
    validation_fraction=0.1,
    tol=0.0,
    n_iter_no_change=5,
    random_state=0,
)
choices = {
    # () is there as often as the other depths.
    "mlpnet__hidden_layer_sizes": [(n,) * depth for depth in range(4) for n in range(1, 100)],
    "mlpnet__learning_rate_init": loguniform(3e-4, 3e-2),
}
for center in (True, False) if full else (True,):
    model = make_pipeline(StandardScaler(with_mean=center, with_std=False), net)
    search = RandomizedSearchCV(model, choices, cv=5, n_iter=10, random_state=0)
    search.fit(X_train, y_train)
    layers, rate = (search.best_params_[name] for name in choices)
    print("pixels less their means" if center else "pixels in [0, 1]")
    print(f"  best score: {search.best_score_:.3f} (lecture: 0.663)")
    print(f"  hidden layers: {layers} (lecture: ()), learning rate: {rate:.4f} (lecture: 0.0168)")
    print(f"  test accuracy: {search.score(X_test, y_test):.3f}")
    if center:
        results = search.cv_results_

# %%
# The picture
# -----------
# Mean and standard error of the five folds, and the neurons of the hidden layers. Choices whose
# bars overlap are about as good as each other.

figure, ax = plt.subplots(figsize=(8, 4.8), layout="constrained")
errors = results["std_test_score"] / np.sqrt(5)
tried = zip(results["params"], results["mean_test_score"], errors, strict=True)
for params, score, error in tried:
    sizes, rate = (params[name] for name in choices)
    ax.errorbar(rate, score, error, fmt="o", capsize=3, color=f"C{len(sizes)}")
    above = {"xytext": (0, 5), "textcoords": "offset points", "rotation": 90, "ha": "center"}
    ax.annotate("-".join(map(str, sizes)) or "none", (rate, score + error), **above)
share = np.bincount(y_train).max() / len(y_train)
ax.axhline(share, color="black", linestyle=":")
ax.text(0.02, share, "the larger class", va="bottom", transform=ax.get_yaxis_transform())
ax.set(xscale="log", xlabel="learning rate", ylabel="accuracy, mean of 5 folds")
ax.set_title("Ten random choices of hidden layers and learning rate")
ax.margins(y=0.2)
plt.show()
