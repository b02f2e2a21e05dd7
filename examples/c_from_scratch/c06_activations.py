r"""
C6. Activations and their derivatives
=====================================

Sigmoid, tanh, ReLU and softplus, with the derivatives by which the error is multiplied on its way
back; and what happens where a derivative is zero: saturation, and ReLU units that die.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skdnn import MLPNet
from skdnn.displays import ActivationDisplay

# %%
# The functions
# -------------
# Softplus is :math:`\log(1 + e^z)`, a smooth ReLU; its derivative is the sigmoid.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
names = ["logistic", "tanh", "relu", "softplus"]
display = ActivationDisplay.from_name(names, n_points=8001, ax=axes)
axes[0].set_ylim(-1.2, 2.7)

# %%
# The derivatives must be the slopes of the functions; at zero the ReLU has none.

z = display.z
for name in names:
    slope = np.gradient(display.values[name], z)
    off = np.abs(display.derivatives[name] - slope)[np.abs(z) > 0.01].max()
    print(f"{name:8} derivative and slope differ by {off:.0e} (lecture: formulas, no figures)")

# %%
# Saturation
# ----------
# Far from zero the sigmoid and tanh are flat: a unit there learns next to nothing. Pixels from 0 to
# 16 push tanh units there from the start, pixels from 0 to 1 do not. One epoch at a learning rate
# near zero leaves the first weights as they were drawn.

X, y = load_digits(return_X_y=True)
options = {"max_iter": 1, "learning_rate_init": 1e-9, "n_iter_no_change": np.inf, "random_state": 0}
slopes = {}
for name, scale in (("pixels 0 to 16", 1), ("pixels 0 to 1", 16)):
    net = MLPNet((100,), "tanh", **options).fit(X / scale, y)
    slopes[name] = (1 - net.transform(X / scale) ** 2).ravel()
    print(f"{name}: {np.mean(slopes[name] < 0.01):.1%} of the derivatives are below 0.01")

# %%
# Dying ReLU
# ----------
# A large step can push a ReLU unit to where its output is zero for every row. Its derivative is
# zero too, so that it does not come back as long as its inputs stay, and with enough such units the
# network is lost. The leaky ReLU has a slope of 0.01 there, and goes on learning. Pixels from 0 to
# 16, which make the steps large; 20 epochs of plain SGD.

rates = ["0.01", "0.03", "0.1", "0.2"]
negative, accuracy = {}, {}
options = {"solver": "sgd", "momentum": 0, "max_iter": 20, "n_iter_no_change": np.inf}
for activation in ("relu", "leaky_relu"):
    nets = [
        MLPNet((100,), activation, learning_rate_init=float(rate), random_state=0, **options)
        for rate in rates
    ]
    outputs = [net.fit(X, y).transform(X) for net in nets]
    negative[activation] = [np.mean((output <= 0).all(axis=0)) for output in outputs]
    accuracy[activation] = [net.score(X, y) for net in nets]
    print(f"{activation}, learning rates {', '.join(rates)}")
    print("  units negative in all rows:", *(f"{share:.0%}" for share in negative[activation]))
    print("  accuracy:", *(f"{score:.3f}" for score in accuracy[activation]))

# %%
# The picture
# -----------

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
left.hist(slopes.values(), bins=20, label=list(slopes))
left.set(title="tanh: derivatives of the units", xlabel="derivative", ylabel="rows x units")
left.legend()
middle.set(title="units negative in all rows", ylabel="share of the units")
right.set(title="accuracy on the rows of training", ylabel="accuracy")
for activation in negative:
    middle.plot(rates, negative[activation], "o-", label=activation)
    right.plot(rates, accuracy[activation], "o-", label=activation)
for ax in (middle, right):
    ax.set(xlabel="learning rate", ylim=(-0.03, 1.03))
    ax.grid(color="0.9")
    ax.legend()
plt.show()
