"""Draw the picture of the README: python doc/picture.py."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from skdnn import MLPNet
from skdnn.displays import DecisionRegionsDisplay, HistoryDisplay, NetworkDisplay

rng = np.random.default_rng(0)
angle = np.sqrt(rng.uniform(0.02, 1, 500)) * 3 * np.pi
label = rng.integers(2, size=500)
spiral = angle * np.exp(1j * (angle + np.pi * label)) / 3
X = np.column_stack([spiral.real, spiral.imag]) + rng.normal(scale=0.12, size=(500, 2))

net = MLPNet(
    (10, 10), activation="tanh", learning_rate_init=0.02, alpha=1e-3, max_iter=600, random_state=0
)
net.set_params(early_stopping=True, scoring="loss", n_iter_no_change=150).fit(X, label)

figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
DecisionRegionsDisplay.from_estimator(net, X, label, response_method="predict_proba", ax=axes[0])
history = HistoryDisplay.from_estimator(net, panels=["loss"], ax=axes[1])
NetworkDisplay.from_estimator(net, feature_names=["x", "y"], show_bias=False, ax=axes[2])
axes[0].set(title="What it has learned", xlabel="x", ylabel="y", aspect="equal")
history.axes_["loss"].set_title("How it learned")
# Above the legend.
axes[2].set_title("What it has become", pad=20)
figure.savefig(Path(__file__).parent / "images" / "skdnn.png", dpi=110)
