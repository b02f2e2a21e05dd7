r"""
A2. Batch gradient descent
==========================

Each step goes down the gradient of the summed cross-entropy of all rows,

.. math:: \beta \leftarrow \beta - \eta\, X^\top (\sigma(X \beta) - y).

The lecture takes :math:`\eta = 0.01` from (1, 1), and :math:`\eta = 0.001` from (-2.5, -2.5), 50
iterations each, and draws the decision line of each iteration, the loss, and the way of the
coefficients over the contours of the loss.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cm import ScalarMappable
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning

from skdnn import GDLogisticRegression
from skdnn.displays import DescentPathDisplay

# 50 iterations are wanted, whether they reach the minimum or not.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

rng = np.random.default_rng(0)
beta = np.array([1.0, 2.0])
X = rng.normal(size=(1000, 2))
y = rng.binomial(1, expit(X @ beta))

# %%
# The two descents
# ----------------
# skdnn's loss is the mean of the rows, not their sum: its learning rate is the lecture's times the
# number of rows. ``tol=0`` makes it go on to the last iteration.

options = {"C": np.inf, "fit_intercept": False, "tol": 0.0, "store_path": True}
models = {}
for rate, start in {0.01: [1.0, 1.0], 0.001: [-2.5, -2.5]}.items():
    model = GDLogisticRegression(
        solver="gd", learning_rate=rate * len(X), max_iter=50, **options
    ).fit(X, y, coef_init=start)
    models[rate] = model
    print(f"rate {rate} from {start}: {model.coef_[0].round(3)}")

# %%
# The same as a loop in NumPy
# ---------------------------

for rate, model in models.items():
    path = [model.coef_path_[0, 0]]
    for _ in range(50):
        path.append(path[-1] - rate * X.T @ (expit(X @ path[-1]) - y))
    difference = np.abs(model.coef_path_[:, 0] - path).max()
    print(f"rate {rate}, largest difference of the loop's path: {difference:.0e}")

# %%
# How fast it was
# ---------------
# The distance from the minimum, which Newton's method finds to all digits. (The lecture's minimum
# is that of other random numbers.)

minimum = GDLogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10).fit(X, y)
print(f"minimum: {minimum.coef_[0].round(3)} (lecture: [0.948, 2.163])")
for rate, model in models.items():
    distance = np.linalg.norm(model.coef_path_[[0, 10, 50], 0] - minimum.coef_, axis=1)
    print(f"rate {rate}, distance after 0, 10, 50 iterations:", *(f"{d:.1e}" for d in distance))

# %%
# The pictures
# ------------
# From the far start, the decision line turns round by half a circle nearly: at first class 1 is on
# the wrong side.

figure, axes = plt.subplots(2, 3, figsize=(13, 8), layout="constrained")
for (lines, loss, path), (rate, model) in zip(axes, models.items(), strict=True):
    for label in (0, 1):
        lines.scatter(*X[y == label].T, s=6, color=("tab:blue", "tab:orange")[label], alpha=0.4)
    colors = plt.get_cmap("viridis_r")(np.linspace(0, 1, 51))
    for weights, color in zip(model.coef_path_[:, 0], colors, strict=True):
        # At right angles to the weights.
        lines.axline((0, 0), (-weights[1], weights[0]), color=color, linewidth=1)
    lines.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), aspect="equal")
    lines.set(title=f"decision lines, learning rate {rate}", xlabel="$x_1$", ylabel="$x_2$")
    iterations = ScalarMappable(plt.Normalize(0, 50), "viridis_r")
    figure.colorbar(iterations, ax=lines, label="iteration", shrink=0.8)

    loss.plot(range(1, 51), len(X) * np.array(model.loss_curve_), label="gradient descent")
    loss.axhline(len(X) * minimum.loss_curve_[-1], color="black", linestyle=":", label="minimum")
    loss.set(title="summed cross-entropy", xlabel="iteration", ylabel="loss")
    loss.legend()

    DescentPathDisplay.from_estimator(model, X, y, true_coef=beta, ax=path)
    path.set(title="path over the mean loss", xlabel=r"$\beta_1$", ylabel=r"$\beta_2$")
plt.show()
