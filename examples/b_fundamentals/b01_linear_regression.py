r"""
B1. Linear regression as a network
==================================

One neuron with the identity for its activation is linear regression: its output is
:math:`\hat y = x^\top w`. The lecture adds a column of ones to the features, so that the bias is a
weight like the others, and minimises the squared error by stochastic gradient descent (SGD).
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_regression

from skdnn import GDLinearRegression
from skdnn.displays import NetworkDisplay

# %%
# The data
# --------
# A hundred rows of three features without noise: the true weights fit them exactly.

X, y, truth = make_regression(100, 3, coef=True, random_state=1)
X = np.column_stack([np.ones(len(X)), X])
truth = np.array([0, *truth])

# %%
# Training
# --------
# Mini-batches of ten rows, in a new order in each epoch. ``fit_intercept=False``, as the column of
# ones is the bias; ``store_path=True`` keeps the weights of each epoch.

model = GDLinearRegression(
    solver="sgd",
    fit_intercept=False,
    learning_rate=0.05,
    batch_size=10,
    max_iter=200,
    tol=1e-8,
    store_path=True,
    random_state=0,
)
model.fit(X, y)
print(f"SGD stopped after {model.n_iter_} epochs")

# %%
# Least squares have a closed form, :math:`w = (X^\top X)^{-1} X^\top y`, and SGD must find it.

least_squares = np.linalg.lstsq(X, y)[0]
print(f"true weights:  {truth.round(3)}")
print(f"least squares: {least_squares.round(3)}")
print(f"SGD:           {model.coef_.round(3)} (lecture: no figures)")
print(f"largest difference of the last two: {np.abs(model.coef_ - least_squares).max():.0e}")
print(f"R²: {model.score(X, y):.6f}, of the true weights 1")

# %%
# The picture
# -----------
# The neuron, where the bias has no line because its weight is zero; the weights on their way to the
# true ones, which are dashed; and the loss, which falls by the same factor in each epoch: a
# straight line on a logarithmic axis.

names = ["bias", "x1", "x2", "x3"]
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
NetworkDisplay.from_estimator(model, feature_names=names, ax=left)
for name, path, value in zip(names, model.coef_path_.T, truth, strict=True):
    (line,) = middle.plot(path, label=name)
    middle.axhline(value, color=line.get_color(), linestyle="--", linewidth=0.8)
middle.set(xlabel="epoch", ylabel="weight", title="weights")
middle.legend(loc="center right", bbox_to_anchor=(1, 0.3))
right.semilogy(np.arange(1, model.n_iter_ + 1), model.loss_curve_)
right.set(xlabel="epoch", ylabel="half the mean squared error", title="loss")
right.grid(color="0.9")
plt.show()
