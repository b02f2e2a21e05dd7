r"""
B3. Activation functions
========================

An activation bends what a layer adds up; without one, several layers are no more than one. The
lecture draws three: sigmoid, ReLU and tanh. The sigmoid is called ``"logistic"``, as in
scikit-learn.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit

from skdnn.displays import ActivationDisplay

# %%
# The picture
# -----------
# `ActivationDisplay` evaluates the functions that train the networks. Beside them it draws their
# derivatives, by which the error is multiplied on its way back.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
display = ActivationDisplay.from_name(["logistic", "relu", "tanh"], ax=axes)
for ax in axes:
    ax.set_ylim(-1.2, 2.2)

# %%
# By hand
# -------
# :math:`\sigma(z) = 1 / (1 + e^{-z})`, :math:`\text{ReLU}(z) = \max(0, z)`, and tanh is the sigmoid
# stretched: :math:`\tanh(z) = 2\,\sigma(2z) - 1`. Their derivatives are
# :math:`\sigma (1 - \sigma)`, 0 or 1, and :math:`1 - \tanh^2`.

z = display.z
sigmoid, tanh = expit(z), np.tanh(z)
by_hand = {
    "logistic": (1 / (1 + np.exp(-z)), sigmoid * (1 - sigmoid)),
    "relu": (np.maximum(0, z), (z > 0).astype(float)),
    "tanh": (2 * expit(2 * z) - 1, 1 - tanh**2),
}
print("largest difference from the formulas (lecture: formulas, no figures):")
for name, (values, derivatives) in by_hand.items():
    off = np.abs(display.values[name] - values).max()
    off_derivative = np.abs(display.derivatives[name] - derivatives).max()
    print(f"  {name:8} {off:.0e}, of the derivative {off_derivative:.0e}")

middle = np.flatnonzero(z == 0)[0]
print(
    f"steepest: sigmoid {display.derivatives['logistic'].max():.2f}, "
    f"tanh {display.derivatives['tanh'].max():.2f}, both at z = 0, where they are "
    f"{display.values['logistic'][middle]:.1f} and {display.values['tanh'][middle]:.0f}"
)
plt.show()
