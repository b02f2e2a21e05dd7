r"""
A3. Mini-batch stochastic gradient descent
==========================================

The gradient of a hundred rows is nearly that of a thousand, for a tenth of the work. The lecture
makes batches of 100 rows, 50 epochs long, in a new order in each epoch, and prints its progress.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from skdnn import GDLogisticRegression
from skdnn.displays import DescentPathDisplay
from skdnn.schedules import CosineDecay

# 50 epochs are wanted, whether they reach the minimum or not.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

rng = np.random.default_rng(0)
beta = np.array([1.0, 2.0])
X = rng.normal(size=(1000, 2))
y = rng.binomial(1, expit(X @ beta))

# %%
# Progress
# --------
# With ``verbose=1`` there is a line for each epoch, of ten steps here; in a terminal where rich is
# installed, a bar.

options = {"C": np.inf, "fit_intercept": False, "store_path": True, "max_iter": 50}
start = [-2.5, -2.5]
sgd = GDLogisticRegression(
    solver="sgd",
    learning_rate=1.0,
    batch_size=100,
    # No epoch ends the descent before the last.
    n_iter_no_change=50,
    random_state=0,
    verbose=1,
    **options,
).fit(X, y, coef_init=start)

# %%
# Against batch gradient descent
# ------------------------------
# An epoch is one step for batch gradient descent, and ten for mini-batches: at the same learning
# rate they are far ahead. But at a constant rate they do not come to rest: the coefficients go
# about the minimum. (The lecture's minimum is that of other random numbers.)

batch = GDLogisticRegression(solver="gd", learning_rate=1.0, tol=0.0, **options)
batch.fit(X, y, coef_init=start)
minimum = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8).fit(X, y).coef_
print(f"mini-batches: {sgd.coef_[0].round(3)}")
print(f"minimum, by scikit-learn: {minimum[0].round(3)} (lecture: [0.948, 2.163])")
for name, model in {"mini-batches": sgd, "all rows": batch}.items():
    distance = np.linalg.norm(model.coef_path_[[5, 20, 50], 0] - minimum, axis=1)
    print(f"{name}: distance after 5, 20, 50 epochs:", *(f"{d:.3f}" for d in distance))

# %%
# A learning rate that falls
# --------------------------
# A rate that goes down to 0, along a cosine, lets the coefficients come to rest.

falling = clone(sgd).set_params(schedule=CosineDecay(), verbose=0).fit(X, y, coef_init=start)
for name, model in {"constant rate": sgd, "falling rate": falling}.items():
    distance = np.linalg.norm(model.coef_path_[-10:, 0] - minimum, axis=1).mean()
    print(f"{name}: mean distance in the last 10 epochs: {distance:.4f}")

# %%
# The pictures
# ------------

figure, (path, rest, loss) = plt.subplots(1, 3, figsize=(14, 4.3), layout="constrained")
DescentPathDisplay.from_estimator(
    sgd, X, y, true_coef=beta, ax=path, line_kw={"label": "mini-batches"}
)
path.plot(*batch.coef_path_[:, 0].T, "k--", linewidth=1, label="all rows")
path.legend()
path.set(title="a point for each epoch", xlabel=r"$\beta_1$", ylabel=r"$\beta_2$")

for name, color, model in (("constant", "C1", sgd), ("falling", "C2", falling)):
    rest.plot(*model.coef_path_[-25:, 0].T, ".-", color=color, linewidth=0.6, label=f"{name} rate")
rest.plot(*minimum[0], "k+", markersize=14, label="minimum")
rest.set(title="the last 25 epochs", xlabel=r"$\beta_1$", ylabel=r"$\beta_2$")
rest.legend()

exact = GDLogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10).fit(X, y)
curves = {"all rows": ("k", batch), "constant rate": ("C1", sgd), "falling rate": ("C2", falling)}
for name, (color, model) in curves.items():
    above = np.array(model.loss_curve_) - exact.loss_curve_[-1]
    loss.semilogy(range(1, 51), above, color=color, label=name)
loss.set(title="mean cross-entropy above its minimum", xlabel="epoch", ylabel="loss - minimum")
loss.legend()
plt.show()
