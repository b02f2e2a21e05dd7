"""
C3. What a softmax classifier can and cannot
============================================

Its scores are linear, so that the border between two classes is a straight line. Three blobs are
told apart by such lines. Two spirals wind about one another, and there it must fail.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning

from skdnn import SoftmaxClassifier
from skdnn.displays import DecisionRegionsDisplay

# Gradient descent makes as many iterations as the lecture's.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

# %%
# Three blobs
# -----------
# 1,500 points, 150 iterations of gradient descent.

X_blobs, y_blobs = make_blobs(1500, random_state=2)
blobs = SoftmaxClassifier(solver="gd", max_iter=150).fit(X_blobs, y_blobs)
best = SoftmaxClassifier(max_iter=1000, tol=1e-8).fit(X_blobs, y_blobs)
print(
    f"blobs, {len(blobs.loss_curve_)} iterations (lecture: 150): accuracy "
    f"{blobs.score(X_blobs, y_blobs):.3f}, at the minimum {best.score(X_blobs, y_blobs):.3f}"
)

# %%
# Two spirals
# -----------
# The angle grows with the radius, with some noise, as in Stanford's course CS231n; 200 points each.

rng = np.random.default_rng(0)
radius = np.tile(np.linspace(0, 1, 200), 2)
y_spirals = np.repeat([0, 1], 200)
angle = 4 * (radius + y_spirals) + rng.normal(scale=0.2, size=400)
X_spirals = 2.5 * radius[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])

# %%
# Guessing gives 0.5. The best line cuts both spirals, and this is no fault of the iterations: the
# solver goes on until the gradient is zero.

spirals = SoftmaxClassifier(C=np.inf, tol=1e-8).fit(X_spirals, y_spirals)
print(f"spirals: accuracy {spirals.score(X_spirals, y_spirals):.3f} (lecture: it must fail)")
print(f"  loss {spirals.loss_curve_[-1] / np.log(2):.3f} bits; knowing nothing costs 1 bit")

# %%
# The picture
# -----------
# The stronger the colour, the surer the classifier. Lecture C4 gives the spirals hidden layers.

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
for ax, model, X, y, title, corner in (
    (left, blobs, X_blobs, y_blobs, "three blobs", "lower right"),
    (right, spirals, X_spirals, y_spirals, "two spirals", "upper left"),
):
    DecisionRegionsDisplay.from_estimator(model, X, y, ax=ax, scatter_kw={"s": 14})
    ax.legend(title="class", loc=corner)
    ax.set(title=f"{title}: {model.score(X, y):.3f}", xlabel="x0", ylabel="x1")
middle.plot(np.arange(1, 151), np.array(blobs.loss_curve_) / np.log(2))
middle.set(
    title="loss on the blobs", xlabel="iteration", ylabel="objective in bits", ylim=(0, None)
)
middle.grid(color="0.9")
plt.show()
