r"""
C7. Regularisation, and what a dense network does not know
==========================================================

L2 adds :math:`\frac{\lambda}{2} \sum w^2` to the loss; dropout leaves out units at random while the
network is trained. The lecture ends with convolutional networks: weights shared between all places
of an image, so that an object counts wherever it stands. **skdnn has no convolutional layers.**
What the dense network lacks without them is shown here by shifted digits.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import correlate, shift
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skdnn import MLPNet

# %%
# Few rows, many weights
# ----------------------
# 200 rows for training, the other 1,597 for the test: there is something to regularise.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, train_size=200, stratify=y, random_state=0
)

# %%
# L2
# --
# ``alpha`` is :math:`\lambda` times the number of rows in a batch, as in scikit-learn. By L-BFGS,
# where the batch is all rows, the loss can be computed by hand.

options = {"solver": "lbfgs", "max_iter": 1000, "random_state": 0}
l2 = {}
for strength in (0.0, 0.001, 0.01, 0.1):
    net = MLPNet((64,), "tanh", alpha=strength * 200, **options).fit(X_train, y_train)
    train, test = net.score(X_train, y_train), net.score(X_test, y_test)
    l2[strength] = train, test
    squares = sum((coef**2).sum() for coef in net.coefs_)
    by_hand = log_loss(y_train, net.predict_proba(X_train)) + strength / 2 * squares
    print(
        f"L2 {strength:5}: loss {net.loss_:.4f}, by hand {by_hand:.4f} (lecture: the formula); "
        f"sum of squares {squares:7.1f}, accuracy {train:.3f}, test {test:.3f}"
    )

# %%
# Dropout
# -------
# At prediction all units are there, so that predictions are not random. The loss on the test rows
# falls and then rises, as the network learns its 200 rows by heart; with dropout it rises less.

options = {"n_iter_no_change": np.inf, "random_state": 0}
dropout = {}
for rate in (0.0, 0.2, 0.5):
    net = MLPNet((64,), dropout=rate, learning_rate_init=0.01, max_iter=200, **options)
    dropout[rate] = net.fit(X_train, y_train, X_val=X_test, y_val=y_test)
    losses = [row["validation_loss"] for row in net.history_]
    print(
        f"dropout {rate}: accuracy {net.score(X_train, y_train):.3f}, "
        f"test {net.score(X_test, y_test):.3f}, test loss {losses[-1]:.3f}, "
        f"lowest {min(losses):.3f} in epoch {np.argmin(losses) + 1}"
    )

# %%
# Shifted digits
# --------------
# To a dense network a pixel is a column like any other: it does not know which are neighbours. A
# digit one pixel to the side is a new one to it. Here it is trained on half of all digits, and then
# on these and their copies shifted by a pixel to each side, which is another way to teach it. What
# is shifted out of the image is lost: beyond two pixels that is much of a digit.


def shifted(rows, down, right):
    images = rows.reshape(-1, 8, 8)
    return shift(images, (0, down, right), order=0).reshape(len(rows), 64)


X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.5, random_state=0)
sides = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]
X_copies = np.vstack([shifted(X_train, *side) for side in sides])
plain = MLPNet((64,), max_iter=100, **options).fit(X_train, y_train)
taught = MLPNet((64,), max_iter=100, **options).fit(X_copies, np.tile(y_train, 5))
steps = range(-3, 4)
scores = {
    name: [net.score(shifted(X_test, 0, step), y_test) for step in steps]
    for name, net in (("as they are", plain), ("with shifted copies", taught))
}
for name, values in scores.items():
    print(f"trained on digits {name}, tested on digits shifted by -3 to 3 pixels:")
    print(" ", *(f"{value:.3f}" for value in values))

# %%
# What a convolution would do
# ---------------------------
# It applies the same few weights at every place. Shift the image, and its output is the same,
# shifted: 9 weights for 3 x 3 pixels, where a dense layer of as many outputs has 64 x 64.

image = np.zeros((12, 12))
image[2:10, 2:10] = X[0].reshape(8, 8)
kernel = np.random.default_rng(0).normal(size=(3, 3))
first = shift(correlate(image, kernel, mode="constant"), (0, 1), order=0)
second = correlate(shift(image, (0, 1), order=0), kernel, mode="constant")
print(f"convolve, then shift - shift, then convolve: at most {np.abs(first - second).max():.0e}")
print(f"weights: {kernel.size} for a convolution, {64 * 64} for a dense layer")

# %%
# The picture
# -----------

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
names = [f"{strength:g}" for strength in l2]
left.plot(names, list(l2.values()), "o-", label=["training", "test"])
left.legend()
left.set(title="L2, 200 rows of training", xlabel="strength", ylabel="accuracy")
for rate, net in dropout.items():
    losses = [row["validation_loss"] for row in net.history_]
    middle.plot(np.arange(1, len(losses) + 1), losses, label=f"dropout {rate:g}")
middle.legend()
middle.set(title="dropout: loss on the test set", xlabel="epoch", ylabel="cross-entropy")
for name, values in scores.items():
    right.plot(steps, values, "o-", label=name)
right.set(title="shifted digits", xlabel="pixels to the right", ylabel="accuracy", ylim=(0, 1.03))
right.legend(title="trained on digits", loc="lower center")
for ax in (left, middle, right):
    ax.grid(color="0.9")
plt.show()
