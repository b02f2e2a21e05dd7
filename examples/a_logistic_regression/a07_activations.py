r"""
A7. Activations
===============

What a hidden unit makes of its score :math:`z`: the logistic function (sigmoid)
:math:`1 / (1 + e^{-z})`, the hyperbolic tangent, the ReLU :math:`\max(0, z)`, and the leaky ReLU
with a slope of 0.01 for negative scores.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.datasets import make_moons

from skdnn import MLPNet
from skdnn.displays import ActivationDisplay, DecisionRegionsDisplay

# %%
# The functions and their derivatives
# -----------------------------------
# The logistic function's derivative is 1/4 at most, and next to nothing far from zero: through
# several such layers little of the gradient is left. The ReLU's is 1 wherever a unit is active, and
# 0 elsewhere; the leaky ReLU's is never 0.

names = ["logistic", "tanh", "relu", "leaky_relu"]
display = ActivationDisplay.from_name(names)
display.figure_.set_size_inches(10, 4)
# It hides the ReLU all but a hundredth.
for line in display.lines_["leaky_relu"]:
    line.set_linestyle("--")

# %%
# They are the textbook's formulas.

z = display.z
formulas = {
    "logistic": expit(z),
    "tanh": np.tanh(z),
    "relu": np.maximum(0, z),
    "leaky_relu": np.where(z > 0, z, 0.01 * z),
}
for name, values in formulas.items():
    difference = np.abs(display.values[name] - values).max()
    print(f"{name}: largest difference from the formula {difference:.0e}")
slope = display.derivatives["leaky_relu"][0]
print(f"slope of the leaky ReLU for negative scores: {slope} (lecture: 0.01)")
print(f"largest slope of the logistic function: {display.derivatives['logistic'].max()}")

# %%
# What a network makes of them
# ----------------------------
# Twenty units of each kind. The logistic function and the hyperbolic tangent are smooth, and so is
# the border between the classes; that of the ReLUs is made of straight pieces.

X, y = make_moons(300, noise=0.2, random_state=0)
figure, axes = plt.subplots(1, 4, figsize=(13, 3.6), layout="constrained", sharey=True)
for name, ax in zip(names, axes, strict=True):
    net = MLPNet((20,), name, solver="lbfgs", alpha=0.1, max_iter=1000, random_state=0)
    net.fit(X, y)
    DecisionRegionsDisplay.from_estimator(net, X, y, ax=ax, scatter_kw={"s": 14})
    ax.set(title=f"{name}, accuracy {net.score(X, y):.3f}")
    ax.get_legend().remove()
plt.show()
