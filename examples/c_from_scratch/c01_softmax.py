r"""
C1. Softmax and cross-entropy
=============================

For each class a neuron computes a score, :math:`z_k = x^\top w_k`, and the softmax makes the scores
probabilities, :math:`p_k = e^{z_k} / \sum_j e^{z_j}`. The loss is the cross-entropy in bits,
:math:`-\log_2 p_k` of the true class, on average over the rows: with ten classes a model that knows
nothing loses :math:`\log_2 10 = 3.32` bits a row. The lecture draws the weights of ten neurons for
digits from N(0, 1), and finds about 167 bits.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import log_softmax
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skdnn import SoftmaxClassifier

# Of no iterations none has converged.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

# %%
# The data
# --------
# 64 pixels from 0 to 16 and a column of ones, so that the bias is a weight like the others.

X, y = load_digits(return_X_y=True)
X = np.column_stack([X, np.ones(len(X))])
rng = np.random.default_rng(0)
W = rng.standard_normal((65, 10))
print(f"W: {W.shape} (lecture: (65, 10))")

# %%
# A classifier with these weights
# -------------------------------
# ``max_iter=0`` leaves the weights as they are. Those of zero are the model that knows nothing.

model = SoftmaxClassifier(C=np.inf, fit_intercept=False, max_iter=0)
rows = np.arange(len(X))
for name, start, expected in (
    ("zero weights", np.zeros((65, 10)), f"formula: log2(10) = {np.log2(10):.2f}"),
    ("random weights", W, "lecture: about 167"),
):
    model.fit(X, y, coef_init=start.T)
    bits = -model.predict_log_proba(X)[rows, y].mean() / np.log(2)
    by_hand = -log_softmax(X @ start, axis=1)[rows, y].mean() / np.log(2)
    print(f"{name}: {bits:.2f} bits, by hand {by_hand:.2f} ({expected})")
    print(f"  accuracy: {model.score(X, y):.3f}")

# %%
# Other draws of the weights
# --------------------------
# The lecture drew other weights. Losses vary that much from draw to draw: its 167 is one of them,
# and so is the one above.

draws = []
for _ in range(200):
    scores = X @ rng.standard_normal((65, 10))
    draws.append(-log_softmax(scores, axis=1)[rows, y].mean() / np.log(2))
low, high = np.percentile(draws, [5, 95])
print(f"200 draws: {np.mean(draws):.0f} bits on average, nine tenths of them between ", end="")
print(f"{low:.0f} and {high:.0f} (lecture: 167)")

# %%
# The picture
# -----------
# A digit; its scores under the random weights, so far apart that the softmax gives one class, and
# not the true one, all of the probability; and the losses of the draws.

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
left.imshow(X[0, :64].reshape(8, 8), cmap="gray_r")
left.set(title=f"the first row, a {y[0]}", xticks=[], yticks=[])
probability = model.predict_proba(X[:1])[0]
colors = ["tab:orange" if label == y[0] else "tab:blue" for label in range(10)]
bars = middle.bar(range(10), X[0] @ W, color=colors)
middle.bar_label(bars, [f"{p:.0%}" for p in probability], fontsize="small", padding=2)
middle.axhline(0, color="0.4", linewidth=0.8)
middle.margins(y=0.12)
middle.set_xticks(range(10))
middle.set(title="scores, and probabilities", xlabel="class", ylabel="score")
right.hist(draws, bins=25, color="tab:blue")
right.axvline(167, color="black", linestyle="--", label="lecture: 167")
right.set(title="losses of 200 draws of W", xlabel="cross-entropy in bits", ylabel="draws")
right.legend()
plt.show()
