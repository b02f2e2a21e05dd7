r"""
A6. One hidden layer
====================

The lecture's first network: two features, a hidden layer of four logistic units, an output for each
of two classes. Its table says 12 + 10 = 22 parameters, and its predictions are computed again by
hand from the weights.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit, softmax

from skdnn import MLPNet
from skdnn.displays import DecisionRegionsDisplay, NetworkDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(1000, 2))
y = rng.binomial(1, expit(X @ [1.0, 2.0]))

# %%
# The table
# ---------
# Each hidden unit has two weights and a bias, each output four weights and a bias.

options = {"activation": "logistic", "learning_rate_init": 0.01, "max_iter": 1000}
net = MLPNet((4,), **options, random_state=0)
summary = net.summary(n_features=2, n_outputs=2)
print(summary)
print(f"parameters: {summary.n_parameters} (lecture: 22)")

# %%
# Two outputs
# -----------
# A column of y for each class makes an output for each class, each a probability of its own.

net.fit(X, np.column_stack([y == 0, y == 1]).astype(int))
print(f"parameters: {net.summary().n_parameters} (lecture: 22)")
hidden = expit(X @ net.coefs_[0] + net.intercepts_[0])
by_hand = expit(hidden @ net.coefs_[1] + net.intercepts_[1])
difference = np.abs(net.predict_proba(X) - by_hand).max()
print(f"two outputs, largest difference by hand: {difference:.0e} (lecture: they agree)")
print(f"accuracy of the larger output: {np.mean(by_hand.argmax(axis=1) == y):.3f}")

# %%
# One output
# ----------
# Given two classes, `MLPNet` has one output, for the second class: of the softmax of two scores
# only their difference counts. With the scores 0 and :math:`z` the softmax is :math:`\sigma(z)`. So
# the lecture's softmax of two has five parameters more, and can do nothing more.

binary = MLPNet((4,), **options, random_state=0).fit(X, y)
print(binary.summary())
hidden = expit(X @ binary.coefs_[0] + binary.intercepts_[0])
z = hidden @ binary.coefs_[1] + binary.intercepts_[1]
by_hand = softmax(np.column_stack([np.zeros(len(z)), z]), axis=1)
difference = np.abs(binary.predict_proba(X) - by_hand).max()
print(f"softmax of two scores by hand, largest difference: {difference:.0e} (lecture: they agree)")
# What the rows were drawn with is the best there can be; what it gains on them is chance.
best = np.mean((X @ [1.0, 2.0] > 0) == y)
print(f"accuracy: {binary.score(X, y):.3f}, of the true coefficients {best:.3f}")

# %%
# The pictures
# ------------

figure, (diagram, regions) = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
NetworkDisplay.from_estimator(
    net,
    feature_names=["$x_1$", "$x_2$"],
    target_names=["class 0", "class 1"],
    show_bias=True,
    ax=diagram,
)
DecisionRegionsDisplay.from_estimator(binary, X, y, ax=regions, scatter_kw={"s": 16})
regions.set(xlabel="$x_1$", ylabel="$x_2$", title="Probability of class 1")
plt.show()
