r"""
C2. Three ways to minimise a loss
=================================

The lecture minimises the softmax classifier's cross-entropy on digits in three ways. *Random
search* draws all weights anew, 5,000 times, and keeps the best. *Random descent* adds a random step
to the weights and keeps it if it helps, 2,500 times. *Gradient descent* asks the gradient where to
go: 2,500 steps of length 0.01 times the gradient. All three are solvers of `SoftmaxClassifier`.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skdnn import SoftmaxClassifier

# Gradient descent makes as many steps as the lecture's, and has not converged by then.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

# %%
# Training
# --------
# All start from the same small weights, and there is no penalty. ``sigma`` is the standard
# deviation of the draws and of the random steps.
#
# For the progress that the lecture shows, set ``verbose=1``: a bar in a terminal where rich is
# installed, else a line for each iteration. Or set scikit-learn's callback,
# ``model.set_callbacks(sklearn.callback.ProgressBar())``, which needs rich too.

X, y = load_digits(return_X_y=True)
X = np.column_stack([X, np.ones(len(X))])
start = np.random.default_rng(0).normal(scale=0.01, size=(10, 65))
options = {"C": np.inf, "fit_intercept": False, "random_state": 0}
models = {
    "random search": SoftmaxClassifier(
        solver="random_search", sigma=0.01, max_iter=5000, **options
    ),
    "random descent": SoftmaxClassifier(
        solver="random_descent", sigma=0.01, max_iter=2500, **options
    ),
    "gradient descent": SoftmaxClassifier(
        solver="gd", learning_rate=0.01, max_iter=2500, **options
    ),
}
print(f"knowing nothing:  {np.log2(10):.3f} bits, accuracy 0.1")
for name, model in models.items():
    model.fit(X, y, coef_init=start)
    bits = model.loss_curve_[-1] / np.log(2)
    print(
        f"{name + ':':17} {bits:.3f} bits, accuracy {model.score(X, y):.3f} after "
        f"{len(model.loss_curve_)} iterations (lecture: no figures)"
    )

# %%
# Gradient descent by hand
# ------------------------
# :math:`W \leftarrow W - 0.01 \cdot X^\top (P - Y) / n`, with the probabilities :math:`P` and the
# indicators :math:`Y` of the classes; ten steps of it.

W, Y = start.T, np.eye(10)[y]
for _ in range(10):
    scores = X @ W
    P = np.exp(scores - scores.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    W = W - 0.01 * X.T @ (P - Y) / len(X)
ten = SoftmaxClassifier(solver="gd", learning_rate=0.01, max_iter=10, **options)
ten.fit(X, y, coef_init=start)
print(f"ten steps by hand, largest difference of a weight: {np.abs(ten.coef_ - W.T).max():.0e}")

# %%
# The picture
# -----------
# A random step in 650 dimensions seldom helps, and then little; a draw of all of them almost never.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
for ax in (left, right):
    for name, model in models.items():
        curve = np.array(model.loss_curve_) / np.log(2)
        ax.plot(np.arange(1, len(curve) + 1), curve, label=name)
    ax.axhline(np.log2(10), color="0.4", linestyle=":", label="knowing nothing")
    ax.set(xlabel="iteration", ylabel="cross-entropy in bits")
    ax.grid(color="0.9")
left.set(title="three ways", ylim=(0, None))
left.legend()
right.set(title="the same, logarithmic", xscale="log", yscale="log")
plt.show()
