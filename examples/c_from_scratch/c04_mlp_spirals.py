"""
C4. A multi-layer perceptron on two spirals
===========================================

Two hidden layers of ten units bend the plane until a straight line can tell the spirals apart. The
lecture trains them on 400 points for at most 500 iterations.
"""

import matplotlib.pyplot as plt
import numpy as np

from skdnn import MLPNet, SoftmaxClassifier
from skdnn.displays import DecisionRegionsDisplay, HistoryDisplay, NetworkDisplay

# %%
# The data
# --------
# The two spirals of lecture C3, and as many new points, on which nothing is trained.

rng = np.random.default_rng(0)
radius = np.tile(np.linspace(0, 1, 200), 2)
y = np.repeat([0, 1], 200)
angles = 4 * (radius + y) + rng.normal(scale=0.2, size=(2, 400))
X, X_test = (
    2.5 * radius[:, None] * np.column_stack([np.sin(angle), np.cos(angle)]) for angle in angles
)

# %%
# Training
# --------
# ReLU and Adam; an iteration is an epoch, of two mini-batches of 200 rows.

net = MLPNet((10, 10), learning_rate_init=0.01, max_iter=500, random_state=0)
net.fit(X, y, X_val=X_test, y_val=y)
linear = SoftmaxClassifier().fit(X, y)
print(net.summary())
print(f"stopped after {net.n_iter_} epochs (lecture: at most 500)")
print(f"softmax classifier: {linear.score(X, y):.3f}, on new points {linear.score(X_test, y):.3f}")
print(
    f"two hidden layers:  {net.score(X, y):.3f}, on new points {net.score(X_test, y):.3f} "
    "(lecture: no figure, the spirals are told apart)"
)

# %%
# What the layers do
# ------------------
# `transform` gives the outputs of the last hidden layer. There a straight line is enough: the
# softmax classifier, which fails on the points themselves, does not on these outputs.

hidden = SoftmaxClassifier(max_iter=1000).fit(net.transform(X), y)
score = hidden.score(net.transform(X_test), y)
print(f"softmax classifier on the last hidden layer: {score:.3f} on new points")

# %%
# The picture
# -----------

figure, axes = plt.subplot_mosaic(
    [["regions", "history"], ["regions", "network"]], figsize=(11, 6), layout="constrained"
)
DecisionRegionsDisplay.from_estimator(net, X, y, ax=axes["regions"], scatter_kw={"s": 18})
axes["regions"].set(title="400 points of training", xlabel="x0", ylabel="x1", aspect="equal")
HistoryDisplay.from_estimator(net, panels=["loss"], ax={"loss": axes["history"]})
axes["history"].set(title="cross-entropy by epoch, validated on the new points")
NetworkDisplay.from_estimator(net, ax=axes["network"])
plt.show()
