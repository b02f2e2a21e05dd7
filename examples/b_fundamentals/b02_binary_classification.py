r"""
B2. Binary classification as a sigmoid neuron
=============================================

With the sigmoid :math:`\sigma(z) = 1 / (1 + e^{-z})` for its activation the neuron's output is a
probability, :math:`p = \sigma(x^\top w + b)`, and the loss is the binary cross-entropy: logistic
regression. The lecture trains it by SGD on four features of 100 and of 1,000 rows.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

from skdnn import GDLogisticRegression
from skdnn.displays import HistoryDisplay

# %%
# Training
# --------
# Mini-batches of ten rows. The learning rate begins with what the curvature of the loss allows, and
# falls whenever the loss has not for five epochs: a constant one would walk about the minimum for
# ever. scikit-learn's `LogisticRegression` finds the same minimum by L-BFGS. Both have its default
# penalty, ``C=1``: a hundred rows can almost be told apart, and without a penalty their
# coefficients would grow for thousands of epochs.

neurons = {}
for n in (100, 1000):
    X, y = make_classification(n, 4, random_state=1)
    neuron = GDLogisticRegression(
        solver="sgd", batch_size=10, tol=1e-7, max_iter=1000, random_state=0
    )
    neurons[n] = neuron.fit(X, y)
    reference = LogisticRegression(tol=1e-8).fit(X, y)
    same = np.mean(neuron.predict(X) == reference.predict(X))
    print(f"{n} rows, {neuron.n_iter_[0]} epochs")
    print(f"  coefficients by SGD:    {neuron.coef_[0].round(3)}")
    print(f"  coefficients by L-BFGS: {reference.coef_[0].round(3)}")
    print(
        f"  accuracy: {neuron.score(X, y):.3f} (lecture: no figure; L-BFGS: "
        f"{reference.score(X, y):.3f}), the same class in {same:.1%} of the rows"
    )

# %%
# The picture
# -----------
# The loss of each epoch, and what the last neuron does to each row: it adds up to a score
# :math:`z`, and the sigmoid makes it a probability. Rows are drawn where their score is, class 1
# above and class 0 below.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
axes = {"loss": left}
for n, neuron in neurons.items():
    HistoryDisplay.from_estimator(neuron, name=f"{n} rows", ax=axes)
left.set(title="binary cross-entropy", xlabel="epoch")

scores = neuron.decision_function(X)
z = np.linspace(scores.min(), scores.max(), 400)
right.plot(z, expit(z), color="black", label="sigmoid")
for label, color in ((0, "tab:blue"), (1, "tab:orange")):
    own = scores[y == label]
    height = label + np.random.default_rng(0).uniform(-0.05, 0.05, len(own))
    right.scatter(own, height, s=8, alpha=0.4, color=color, label=f"class {label}")
right.axvline(0, color="0.6", linestyle="--", linewidth=0.8)
right.set(title="1000 rows", xlabel="score z", ylabel="probability of class 1")
right.legend(loc="center right")
plt.show()
