"""
E2. Activations
===============

Sigmoid, tanh, ReLU, leaky ReLU (with slope 0.1), maxout, ELU and SELU: their curves, their
derivatives, and the boundary that a small network draws with each.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

from skdnn import MLPNet
from skdnn.displays import ActivationDisplay, DecisionRegionsDisplay
from skdnn.layers import Dense, Maxout

# %%
# :class:`~skdnn.displays.ActivationDisplay` draws the activations by their names. The sigmoid has
# scikit-learn's name, "logistic".
names = ["logistic", "tanh", "relu", "elu", "selu"]
display = ActivationDisplay.from_name(names)
display.figure_.set_size_inches(9.5, 3.8)

# %%
# By name the leaky ReLU has the slope 0.01. The lecture's 0.1 is a value of the layer: ``Dense(10,
# "leaky_relu", alpha=0.1)``. Maxout has no curve of its own: a unit is the largest of several
# linear functions, whose weights are learned. With two pieces it can become a ReLU or a leaky ReLU,
# with more pieces any convex function, such as this bowl of four lines.
z = np.linspace(-4, 4, 401)
slopes, offsets = np.array([-1.5, -0.4, 0.3, 1.2]), np.array([-2.0, 0.0, 0.0, -1.5])
lines = z[:, None] * slopes + offsets
values = {"leaky ReLU, 0.1": np.maximum(z, 0.1 * z), "a maxout of 4": lines.max(axis=1)}
derivatives = {
    "leaky ReLU, 0.1": np.where(z < 0, 0.1, 1.0),
    "a maxout of 4": slopes[lines.argmax(axis=1)],
}
display = ActivationDisplay(z=z, values=values, derivatives=derivatives).plot()
display.figure_.set_size_inches(9.5, 3.8)
display.axes_[0].plot(z, lines, color="0.7", linewidth=0.8, zorder=1)
display.axes_[0].set_ylim(-1.5, 5)

# %%
# One hidden layer of ten units with each. Whatever the activation, `transform` gives the outputs of
# the hidden layer, which are computed by hand from the formulas here.
formulas = {
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.maximum(z, 0.1 * z),
    "elu": lambda z: np.where(z < 0, np.expm1(z), z),
    "selu": lambda z: 1.0507009873554805 * np.where(z < 0, 1.6732632423543772 * np.expm1(z), z),
    "maxout": lambda z: z.reshape(len(z), 10, 2).max(axis=2),
}
X, y = make_moons(300, noise=0.2, random_state=0)
figure, panels = plt.subplots(2, 4, figsize=(10.5, 5), layout="constrained")
for ax, (name, formula) in zip(panels.flat, formulas.items(), strict=False):
    if name == "maxout":
        layer = Maxout(10, pieces=2)
    else:
        layer = Dense(10, name, alpha=0.1 if name == "leaky_relu" else None)
    net = MLPNet(hidden_layers=[layer], solver="lbfgs", alpha=0.1, max_iter=1000, random_state=0)
    net.fit(X, y)
    error = np.abs(net.transform(X) - formula(X @ net.coefs_[0] + net.intercepts_[0])).max()
    print(f"{name:11} by hand: differs by {error:.1e} at most (lecture: the formula)")
    DecisionRegionsDisplay.from_estimator(net, X, y, ax=ax, scatter_kw={"s": 8, "linewidths": 0.2})
    ax.set(title=f"{name}: {net.score(X, y):.2f}", xticks=[], yticks=[], xlabel="", ylabel="")
    ax.get_legend().remove()
panels[1, 3].remove()
figure.suptitle("Two moons, ten hidden units: boundary and training accuracy")

# %%
# Those with corners draw corners, the smooth ones curves.
plt.show()
