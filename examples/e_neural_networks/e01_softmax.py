"""
E1. Logistic neuron, softmax, and what a gradient costs
=======================================================

The logistic neuron gives the probability of one class, the softmax those of K classes. Their
weights are found by following the gradient, and automatic differentiation, which in networks is
called backpropagation, gives all its elements for about twice the cost of the forward pass.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit, softmax
from sklearn.datasets import make_blobs
from threadpoolctl import threadpool_limits

from skdnn import GDLogisticRegression, MLPNet, SoftmaxClassifier
from skdnn.displays import DecisionRegionsDisplay

# %%
# From one neuron to K
# --------------------
# A logistic neuron has the score :math:`z = x w + b` and :math:`p = 1 / (1 + e^{-z})`. The softmax
# has a score for each class, and :math:`p_k = e^{z_k} / \sum_j e^{z_j}`: with two classes it is the
# logistic function of the difference of their scores.
X, y = make_blobs(300, centers=4, cluster_std=1.4, random_state=0)
neuron = GDLogisticRegression(C=1.0).fit(X, y == 1)
by_hand = expit(X @ neuron.coef_[0] + neuron.intercept_[0])
error = np.abs(by_hand - neuron.predict_proba(X)[:, 1]).max()
print(f"logistic neuron by hand: differs by {error:.1e} at most")

model = SoftmaxClassifier(C=1.0).fit(X, y)
scores = X @ model.coef_.T + model.intercept_
error = np.abs(softmax(scores, axis=1) - model.predict_proba(X)).max()
print(f"softmax of 4 classes by hand: differs by {error:.1e} at most")
z = scores[:, 0] - scores[:, 1]
error = np.abs(softmax(scores[:, :2], axis=1)[:, 0] - expit(z)).max()
print(f"softmax of two scores and logistic function: differ by {error:.1e} at most")

figure, panels = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
DecisionRegionsDisplay.from_estimator(neuron, X, y == 1, ax=panels[0])
DecisionRegionsDisplay.from_estimator(model, X, y, ax=panels[1])
for ax, title in zip(panels, ("One logistic neuron", "Softmax of four"), strict=True):
    ax.set_title(title)
    ax.get_legend().set_loc("upper right")

# %%
# What a gradient costs
# ---------------------
# The backward pass of a layer has two matrix products where the forward pass has one: one gives the
# gradient by the weights, the other that by the inputs, for the layer below; the lowest layer is
# spared the second. To measure it, an epoch of training (forward, backward and step) is timed
# beside a forward pass over the same rows. Both are on one thread; of several measurements the
# shortest counts.
rng = np.random.default_rng(0)
X = rng.normal(size=(4000, 256)).astype(np.float32)
y = rng.integers(0, 10, len(X))
net = MLPNet((256, 256, 256), solver="sgd", batch_size=1000, max_iter=10, random_state=0)
net.set_params(n_iter_no_change=np.inf)
with threadpool_limits(1):
    net.fit(X, y)
    both = min(row["seconds"] for row in net.history_)
    forward = np.inf
    for _ in range(10):
        start = time.perf_counter()
        net.predict_proba(X)
        forward = min(forward, time.perf_counter() - start)
ratio = (both - forward) / forward
print(f"forward {forward:.4f} s, gradient {both - forward:.4f} s")
print(f"cost of the gradient, in forward passes: {ratio:.1f} (lecture: about 2)")

# %%
# Differences of the loss would take one more forward pass for each parameter.
n_parameters = sum(a.size for a in (*net.coefs_, *net.intercepts_))
print(f"by differences of the loss: {n_parameters:,} forward passes")
figure, ax = plt.subplots(figsize=(7.5, 2.4), layout="constrained")
names = ["forward pass", "gradient, backpropagation", "gradient, differences"]
bars = ax.barh(names, [1, ratio, n_parameters], color=["C7", "C0", "C1"])
ax.bar_label(bars, ["1", f"{ratio:.1f}", f"{n_parameters:,}"], padding=3)
ax.set(xscale="log", xlim=(0.5, 5e6), xlabel="cost, in forward passes")
ax.invert_yaxis()
plt.show()
