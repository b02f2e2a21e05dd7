r"""
A4. Logistic regression as one neuron
=====================================

A neuron with the logistic function as its activation is logistic regression. The lecture trains
one without a bias, :math:`\hat y = \sigma(x^\top w)`, by stochastic gradient descent at a learning
rate of 0.1: batches of 100, 50 epochs.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skdnn import MLPNet
from skdnn.displays import HistoryDisplay, NetworkDisplay
from skdnn.layers import Output

rng = np.random.default_rng(0)
X = rng.normal(size=(1000, 2))
y = rng.binomial(1, expit(X @ [1.0, 2.0]))

# %%
# The network
# -----------
# No hidden layer, an output without a bias, no penalty: two parameters.

neuron = MLPNet(
    hidden_layer_sizes=(),
    output_layer=Output(use_bias=False),
    alpha=0.0,
    solver="sgd",
    momentum=0.0,
    learning_rate_init=0.1,
    batch_size=100,
    max_iter=50,
    # All 50 epochs, as in the lecture.
    n_iter_no_change=np.inf,
    kernel_initializer="glorot_uniform",
    random_state=0,
)
neuron.fit(X, y)
print(neuron.summary())

# %%
# Its weights
# -----------
# They are a little smaller than those of maximum likelihood, in the lecture as here: 500 steps of
# this length do not quite arrive. (The lecture's rows are other random numbers.)

minimum = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8).fit(X, y).coef_[0]
weights = neuron.coefs_[0][:, 0]
print(f"the neuron's weights: {weights.round(3)} (lecture: [0.903, 2.047])")
print(f"maximum likelihood:   {minimum.round(3)} (lecture: [0.948, 2.163])")
print(f"ratio of the two:     {(weights / minimum).round(3)} (lecture: [0.953, 0.946])")

# %%
# What it predicts can be computed by hand.

by_hand = expit(X @ weights)
difference = np.abs(neuron.predict_proba(X)[:, 1] - by_hand).max()
print(f"largest difference of the probabilities by hand: {difference:.0e}")

# %%
# The pictures
# ------------

figure, (diagram, history) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
NetworkDisplay.from_estimator(neuron, feature_names=["$x_1$", "$x_2$"], ax=diagram)
HistoryDisplay.from_estimator(neuron, panels=["loss"], ax={"loss": history})
least = log_loss(y, expit(X @ minimum))
history.axhline(least, color="black", linestyle=":", label="maximum likelihood")
history.legend()
history.set_title("mean cross-entropy")
plt.show()
