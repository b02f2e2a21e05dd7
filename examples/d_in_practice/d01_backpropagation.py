"""
D1. Forward and backward pass by hand
=====================================

The lecture derives the forward and the backward pass for one hidden layer of three units. Here both
are written out in NumPy, and compared with what :class:`~skdnn.MLPNet` does: with the same start
weights one step of gradient descent leads both to the same new weights.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import approx_fprime
from scipy.special import expit
from sklearn.datasets import make_moons

from skdnn import MLPNet
from skdnn.displays import NetworkDisplay

X, y = make_moons(200, noise=0.2, random_state=0)
target = y[:, None]
rng = np.random.default_rng(0)
W1, b1, W2, b2 = rng.normal(size=(2, 3)), np.zeros(3), rng.normal(size=(3, 1)), np.zeros(1)

# %%
# The forward pass
# ----------------
# With :math:`\sigma` the logistic function, and one row of :math:`X` a sample, the hidden layer is
# :math:`H = \sigma(X W_1 + b_1)`, the output :math:`p = \sigma(H W_2 + b_2)`, and the loss the mean
# cross-entropy :math:`L = -\frac{1}{n} \sum_i y_i \log p_i + (1 - y_i) \log(1 - p_i)`.


def forward(W1, b1, W2, b2):
    H = expit(X @ W1 + b1)
    p = expit(H @ W2 + b2)
    return H, p, -np.mean(np.where(target == 1, np.log(p), np.log1p(-p)))


# %%
# The backward pass
# -----------------
# By the chain rule, from the loss backwards. At the output the derivative of the logistic function
# and that of the cross-entropy cancel, which leaves
#
# .. math::
#
#    \delta_2 = (p - y) / n, \quad
#    \frac{\partial L}{\partial W_2} = H^T \delta_2, \quad
#    \delta_1 = \delta_2 W_2^T \odot H \odot (1 - H), \quad
#    \frac{\partial L}{\partial W_1} = X^T \delta_1,
#
# and the derivatives by the biases are the column sums of the :math:`\delta`.


def backward(W1, b1, W2, b2):
    H, p, _ = forward(W1, b1, W2, b2)
    delta2 = (p - target) / len(X)
    delta1 = delta2 @ W2.T * H * (1 - H)
    return X.T @ delta1, delta1.sum(axis=0), H.T @ delta2, delta2.sum(axis=0)


# %%
# Differences of the loss say the same, at one forward pass for each of the 13 parameters:
gradient = backward(W1, b1, W2, b2)


def loss_of(vector):
    parts = zip(np.split(vector, ends), start, strict=True)
    return forward(*(part.reshape(array.shape) for part, array in parts))[2]


start = (W1, b1, W2, b2)
ends = np.cumsum([a.size for a in start])[:-1]
flat = np.concatenate([g.ravel() for g in gradient])
numeric = approx_fprime(np.concatenate([a.ravel() for a in start]), loss_of)
print(f"by hand against differences of the loss: {np.abs(flat - numeric).max():.1e} at most")

# %%
# The same by MLPNet
# ------------------
# Plain gradient descent: no momentum, no penalty, all rows in one batch. `initial_weights` are the
# weights above, and ``n_iter_no_change=inf`` asks for exactly `max_iter` epochs.
net = MLPNet(
    (3,),
    activation="logistic",
    solver="sgd",
    momentum=0,
    alpha=0,
    batch_size=len(X),
    learning_rate_init=1.0,
    max_iter=1,
    n_iter_no_change=np.inf,
    initial_weights=([W1, W2], [b1, b2]),
)
net.fit(X, y)
step = [W1 - net.coefs_[0], b1 - net.intercepts_[0], W2 - net.coefs_[1], b2 - net.intercepts_[1]]
worst = max(np.abs(g - s).max() for g, s in zip(gradient, step, strict=True))
print(f"by hand against one step of MLPNet: {worst:.1e} at most (lecture: the same by derivation)")

# %%
# Two thousand steps, by both: one curve hides the other.
losses, weights = [], start
for _ in range(2000):
    losses.append(forward(*weights)[2])
    weights = [w - g for w, g in zip(weights, backward(*weights), strict=True)]
net.set_params(max_iter=2000).fit(X, y)
print(f"loss after 2000 steps: {losses[-1]:.6f} by hand, {net.loss_curve_[-1]:.6f} by MLPNet")

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
NetworkDisplay.from_estimator(net, feature_names=["x1", "x2"], show_bias=True, ax=left)
right.plot(np.arange(1, 2001), losses, linewidth=5, alpha=0.4, label="by hand")
right.plot(np.arange(1, 2001), net.loss_curve_, "k--", linewidth=1.2, label="MLPNet")
right.set(xlabel="step", ylabel="cross-entropy", xscale="log", ylim=0)
right.legend()
plt.show()
