"""
D6. Initialisation
==================

Where do the weights begin? The lecture names normal, truncated normal, uniform and orthogonal
weights, and such as are scaled by the number of connections. :mod:`skdnn.initializers` has them by
the names and with the defaults that they have in Keras. Here they are drawn, sent through ten
layers, and trained.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdnn import MLPNet
from skdnn.displays import HistoryDisplay
from skdnn.initializers import INITIALIZERS

# %%
# What they draw
# --------------
# For a layer of 200 inputs and 100 units. An orthogonal matrix has :math:`W^T W = I`. Glorot and
# Bengio (2010) take the variance :math:`2 / (n_{in} + n_{out})`, He et al. (2015) :math:`2 /
# n_{in}`, LeCun et al. (1998) :math:`1 / n_{in}`.
expected = {
    "random_normal": 0.05,
    "truncated_normal": 0.05 * 0.8796,
    "random_uniform": 0.05 / np.sqrt(3),
    "orthogonal": np.sqrt(1 / 200),
    "glorot_uniform": np.sqrt(2 / 300),
    "glorot_normal": np.sqrt(2 / 300),
    "he_normal": np.sqrt(2 / 200),
    "lecun_normal": np.sqrt(1 / 200),
}
figure, panels = plt.subplots(2, 4, figsize=(9.5, 4), sharex=True, layout="constrained")
for ax, (name, std) in zip(panels.flat, expected.items(), strict=True):
    weights = INITIALIZERS[name].draw((200, 100), np.random.RandomState(0))
    found = f"standard deviation {weights.std():.4f}"
    print(f"{name:17} {found} (lecture: no figure; formula {std:.4f})")
    ax.hist(weights.ravel(), bins=60, range=(-0.3, 0.3), density=True, color="C0")
    ax.set_title(name, fontsize="medium")
    ax.set_yticks([])
W = INITIALIZERS["orthogonal"].draw((200, 100), np.random.RandomState(0))
print(f"orthogonal: W'W differs from I by {np.abs(W.T @ W - np.eye(100)).max():.1e} at most")
figure.supxlabel("weight")

# %%
# What becomes of the signal
# --------------------------
# The standard deviation of the outputs of ten layers of 100 units, before any training. If each
# layer shrinks it, nothing arrives, and no gradient comes back. Keras' plain normal and uniform
# weights are too small for layers of this size. Glorot's variance is made for tanh; with ReLU it
# loses half at each layer, for which He's makes up.
X = np.random.default_rng(0).normal(size=(500, 100))
names = ("random_normal", "random_uniform", "orthogonal", "glorot_uniform", "he_normal")
spread = {}
figure, panels = plt.subplots(1, 2, figsize=(9.5, 3.6), sharey=True, layout="constrained")
activations = {"tanh": np.tanh, "ReLU": lambda z: np.maximum(z, 0)}
for ax, (title, activate) in zip(panels, activations.items(), strict=True):
    for name in names:
        signal, spreads, random_state = X, [X.std()], np.random.RandomState(0)
        for _ in range(10):
            weights = INITIALIZERS[name].draw((100, 100), random_state)
            signal = activate(signal @ weights)
            spreads.append(signal.std())
        ax.semilogy(spreads, "o-", markersize=4, label=name)
        spread[title, name] = spreads[-1]
    ax.set(title=title, xlabel="layer", xticks=range(11))
    ax.grid(color="0.9")
panels[0].set_ylabel("standard deviation of the outputs")
panels[0].legend(fontsize="small")
for title in activations:
    figures = ", ".join(f"{name} {spread[title, name]:.2g}" for name in names)
    print(f"after ten layers of {title}: {figures}")

# %%
# What becomes of the training
# ----------------------------
# Five hidden layers of 100 ReLU units on the digits. `kernel_initializer` is for all layers; a
# ``Dense`` layer can have one of its own.
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
figure, ax = plt.subplots(figsize=(8.5, 3.6), layout="constrained")
for name in ("zeros", *names):
    net = MLPNet(
        (100,) * 5,
        kernel_initializer=name,
        max_iter=20,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    net.fit(X_train, y_train)
    HistoryDisplay.from_estimator(net, ax={"loss": ax}, line_kw={"label": name})
    print(f"{name:15} test accuracy after 20 epochs: {net.score(X_test, y_test):.3f}")
ax.set_title("Digits: five hidden layers, by how they begin")
ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))

# %%
# Weights of 0 never leave it: all units of a layer are the same, and the gradient of each is 0.
plt.show()
