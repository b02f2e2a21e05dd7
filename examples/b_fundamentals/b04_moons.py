"""
B4. Hidden layers on two moons
==============================

Two moons cannot be told apart by a straight line. The lecture compares logistic regression with a
network of one hidden layer of four logistic units, and finds 0.88 and 0.88: no gain. Here are its
two models, why the network was no better, and networks with more units and layers.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from skdnn import GDLogisticRegression, MLPNet
from skdnn.displays import DecisionRegionsDisplay

# %%
# The data
# --------
# The lecture's own split. Its "bias" column of ones is made within the pipeline: the polynomials of
# degree 1 are 1, x0 and x1.

X, y = make_moons(1000, noise=0.04, random_state=3)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=42)


def with_bias(model):
    return make_pipeline(PolynomialFeatures(1), model).fit(X_train, y_train)


# %%
# The lecture's two models
# ------------------------

linear = with_bias(GDLogisticRegression())
reference = with_bias(LogisticRegression())
net = with_bias(MLPNet((4,), "logistic", max_iter=10000, random_state=0))
print(f"logistic regression: {linear.score(X_test, y_test):.3f} (lecture: 0.88)")
print(f"  scikit-learn's:    {reference.score(X_test, y_test):.3f} (lecture: 0.88)")
print(f"one hidden layer:    {net.score(X_test, y_test):.3f} (lecture: 0.88)")

# %%
# Why the network is no better
# ----------------------------
# It stopped by itself, as the loss fell by less than ``tol`` for ten epochs: on its way to bend the
# line it passes a plain where the loss hardly falls. L-BFGS crosses it, from the same first
# weights, with the same four units.

options = {"solver": "lbfgs", "max_iter": 10000, "random_state": 0}
trained = with_bias(MLPNet((4,), "logistic", **options))
print(f"Adam stopped after {net[-1].n_iter_} epochs at a loss of {net[-1].loss_:.3f}")
print(
    f"the same units by L-BFGS: {trained.score(X_test, y_test):.3f}, loss {trained[-1].loss_:.4f}"
)

# %%
# Layers of any number and width
# ------------------------------
# ``hidden_layer_sizes`` has a number for each hidden layer.

six = with_bias(MLPNet((6,), "logistic", **options))
two_layers = with_bias(MLPNet((5, 3), "tanh", **options))
print(f"(6,):   {six.score(X_test, y_test):.3f}")
print(f"(5, 3): {two_layers.score(X_test, y_test):.3f}")
print(two_layers[-1].summary())

# %%
# The picture
# -----------
# What each model says in each point, and the rows of the test set.

shown = {
    "logistic regression": linear,
    "(4,), Adam": net,
    "(4,), L-BFGS": trained,
    "(5, 3), L-BFGS": two_layers,
}
figure, axes = plt.subplots(2, 2, figsize=(10, 7), sharex=True, sharey=True, layout="constrained")
for ax, (title, model) in zip(axes.flat, shown.items(), strict=True):
    DecisionRegionsDisplay.from_estimator(model, X_test, y_test, ax=ax, scatter_kw={"s": 14})
    ax.set_title(f"{title}: {model.score(X_test, y_test):.3f}")
    ax.set(xlabel="x0", ylabel="x1")
    ax.label_outer()
plt.show()
