"""
C5. Weights in training
=======================

Digits, three hidden layers of 64 units, SGD: after each of the epochs 1 to 10 the lecture draws the
three weight matrices as images, and the loss curve, live. The callback `WeightHistory` keeps the
weights of each epoch, and a callback of one's own draws while the network is trained.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skdnn import MLPNet
from skdnn.callbacks import WeightHistory
from skdnn.displays import WeightsDisplay

X, y = load_digits(return_X_y=True)

# %%
# Live
# ----
# A callback has four methods, by scikit-learn's protocol. An epoch is a task of the fit;
# ``estimator.history_`` has a row for each so far, and ``fitted_estimator`` is a model with the
# weights of the moment, for which a callback asks by naming it. In a window `plt.pause` shows the
# picture, in a notebook ``IPython.display.display(figure)`` does.


class DrawLive:
    def setup(self, estimator, context):
        self.figure, self.axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained")

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        if context.task_name != "epoch" or X is None:
            return
        for ax in self.axes:
            ax.clear()
        images, titles = fitted_estimator.coefs_[:3], ["layer 1", "layer 2", "layer 3"]
        WeightsDisplay(images=images, titles=titles).plot(ax=self.axes[:3], colorbar=False)
        losses = [row["loss"] for row in estimator.history_]
        self.axes[3].plot(range(1, len(losses) + 1), losses, "o-")
        self.axes[3].set(title="loss", xlabel="epoch", xlim=(0.5, estimator.max_iter + 0.5))
        plt.pause(0.001)

    def teardown(self, estimator, context):
        pass


# %%
# Training
# --------
# Ten epochs exactly: ``n_iter_no_change=np.inf`` never stops, and so never warns that it did not
# converge.

weights = WeightHistory()
net = MLPNet(
    (64, 64, 64),
    solver="sgd",
    learning_rate_init=0.01,
    max_iter=10,
    n_iter_no_change=np.inf,
    random_state=0,
)
net.set_callbacks(weights, DrawLive()).fit(X / 16, y)
shapes = [coef.shape for coef in net.coefs_[:3]]
print(f"weight matrices: {shapes} (lecture: three), then {net.coefs_[3].shape} of the output")
print(f"epochs kept: {weights.epochs_} (lecture: 1 to 10)")
for model, row in zip(weights.models(net), net.history_, strict=True):
    print(f"epoch {row['epoch']:2}: loss {row['loss']:.3f}, accuracy {model.score(X / 16, y):.3f}")

# %%
# Epoch by epoch
# --------------
# The same colours in all images: one `WeightsDisplay` draws them all. They look alike, for training
# moves each weight only a little from where it was drawn.

epochs = weights.weights_
names = [f"layer {layer + 1}" for layer in range(3)]
figure, axes = plt.subplots(3, 10, figsize=(12, 3.9), layout="compressed")
images = [epoch["coefs_"][layer] for layer in range(3) for epoch in epochs]
titles = [f"epoch {number}" for number in weights.epochs_] + [""] * 20
WeightsDisplay(images=images, titles=titles, by_unit=True).plot(ax=axes)
for ax, name in zip(axes[:, 0], names, strict=True):
    ax.set_ylabel(name)

# %%
# What has changed since the first epoch shows where it learns. A row of an image is what leaves one
# input: pixels that are white in nearly all digits are the rows of the first layer that stay blank,
# and a column that stays blank is a unit that hardly takes part. Where a pixel is white in all
# digits only the small default penalty moves the weights.

figure, axes = plt.subplots(3, 5, figsize=(10, 5.6), layout="compressed")
later = epochs[1::2]
changes = [epoch["coefs_"][i] - epochs[0]["coefs_"][i] for i in range(3) for epoch in later]
titles = [f"epoch {number} less 1" for number in weights.epochs_[1::2]] + [""] * 10
WeightsDisplay(images=changes, titles=titles, by_unit=True).plot(ax=axes)
for ax, name in zip(axes[:, 0], names, strict=True):
    ax.set_ylabel(name)
first, last = (epochs[i]["coefs_"][0] for i in (0, -1))
print(f"layer 1: mean size of a weight {np.abs(last).mean():.3f}, ", end="")
print(f"of its change since epoch 1 {np.abs(last - first).mean():.3f}")
blank = X.max(axis=0) == 0
print(f"  of pixels white in all digits at most {np.abs(last - first)[blank].max():.0e}")
plt.show()
