r"""
A5. A neuron for each class: softmax
====================================

With C neurons and the softmax function,

.. math:: P(y = k \mid x) = \frac{\exp(x^\top w_k + b_k)}{\sum_l \exp(x^\top w_l + b_l)},

trained by the categorical cross-entropy, a network without a hidden layer is multinomial logistic
regression. The lecture computes the predictions again from the weights: they agree to 1e-7.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from skdnn import GDLogisticRegression, SoftmaxClassifier
from skdnn.displays import DecisionRegionsDisplay, NetworkDisplay

# %%
# Three classes
# -------------
# Drawn from a softmax model: the class with the largest sum of its score and a standard Gumbel
# number.

rng = np.random.default_rng(0)
X = rng.normal(size=(1000, 2))
true_weights = np.array([[2.0, 0.0], [-1.0, 2.0], [-1.0, -2.0]])
y = (X @ true_weights.T + rng.gumbel(size=(1000, 3))).argmax(axis=1)
softmax = SoftmaxClassifier(C=np.inf, tol=1e-9).fit(X, y)
print(softmax.summary())

# %%
# The predictions by hand
# -----------------------

scores = X @ softmax.coef_.T + softmax.intercept_
by_hand = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
difference = np.abs(softmax.predict_proba(X) - by_hand).max()
print(f"largest difference of the probabilities by hand: {difference:.0e} (lecture: 1e-7)")
print("same classes:", np.array_equal(softmax.predict(X), by_hand.argmax(axis=1)))

# %%
# Equal to multinomial logistic regression
# ----------------------------------------
# The same number may be added to the weights of all classes: only their differences count, and
# these are the same.

multinomial = LogisticRegression(C=np.inf, tol=1e-9, max_iter=1000).fit(X, y)
difference = np.abs(softmax.predict_proba(X) - multinomial.predict_proba(X)).max()
print(f"largest difference from scikit-learn's probabilities: {difference:.0e}")
print("weights of classes 1 and 2 less those of class 0, of the fit and true:")
print((softmax.coef_[1:] - softmax.coef_[0]).round(2).tolist())
print((true_weights[1:] - true_weights[0]).tolist())

# %%
# Two classes
# -----------
# Two softmax neurons are one logistic neuron, whose weights are the difference of theirs.

y_two = rng.binomial(1, expit(X @ [1.0, 2.0]))
two = SoftmaxClassifier(C=np.inf, tol=1e-9).fit(X, y_two)
one = GDLogisticRegression(C=np.inf, tol=1e-9).fit(X, y_two)
print("two neurons:", two.coef_.round(3).tolist())
print("one neuron: ", one.coef_.round(3).tolist())
difference = np.abs(two.predict_proba(X) - one.predict_proba(X)).max()
print(f"largest difference of the probabilities: {difference:.0e}")

# %%
# The pictures
# ------------

figure, (diagram, regions) = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
NetworkDisplay.from_estimator(
    softmax, feature_names=["$x_1$", "$x_2$"], target_names=["0", "1", "2"], ax=diagram
)
DecisionRegionsDisplay.from_estimator(softmax, X, y, ax=regions, scatter_kw={"s": 16})
regions.set(xlabel="$x_1$", ylabel="$x_2$", title="The most probable class")
plt.show()
