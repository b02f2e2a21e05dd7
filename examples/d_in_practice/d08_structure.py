"""
D8. Structure as a prior
========================

A dense layer knows nothing of images: it does not know which pixels are neighbours, nor that a
digit moved by a pixel is the same digit. A convolutional layer has both built in: each of its units
sees a small patch, and all units of a filter share their weights. skdnn has no convolutional
layers. Here is shown what a dense network lacks, what can be done about it, and what a convolution
is in terms of dense layers.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import shift
from scipy.signal import correlate2d
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdnn import MLPNet
from skdnn.displays import WeightsDisplay
from skdnn.layers import Dense, Maxout

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
options = {"max_iter": 60, "n_iter_no_change": np.inf, "random_state": 0}

# %%
# Neighbours
# ----------
# With the pixels in any other order, the same for all images, a dense network learns as well.
order = np.random.default_rng(0).permutation(64)
dense = MLPNet((100,), **options).fit(X_train, y_train)
shuffled = MLPNet((100,), **options).fit(X_train[:, order], y_train)
WeightsDisplay.from_estimator(dense, feature_shape=(8, 8), max_units=24)
plain = dense.score(X_test, y_test)
print(f"dense network: test accuracy {plain:.3f}")
print(f"pixels in another order:     {shuffled.score(X_test[:, order], y_test):.3f}")

# %%
# Translation
# -----------
# All test digits are moved by a pixel to each side, which no reader would mind. Training on moved
# digits too teaches the network by examples what it does not know by its structure.
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))


def moved(X, by):
    return shift(X.reshape(-1, 8, 8), (0, *by), order=0).reshape(-1, 64)


X_more = np.concatenate([X_train, *(moved(X_train, by) for by in MOVES)])
taught = MLPNet((100,), **options).fit(X_more, np.tile(y_train, 5))

# %%
# A convolution as a dense layer
# ------------------------------
# A convolution is linear in the pixels: a dense layer whose weights are 0 but for a patch, and the
# same numbers for all patches. What it makes of the images of single pixels are the rows of its
# weights. Here are twelve random filters of 3 x 3, at 36 places each.
filters = np.random.default_rng(0).normal(size=(12, 3, 3))
filters -= filters.mean(axis=(1, 2), keepdims=True)
pixels = np.eye(64).reshape(64, 8, 8)
maps = np.array([[correlate2d(p, f, mode="valid") for f in filters] for p in pixels])
print(f"weights: {maps.size:,} of a dense layer, {filters.size} of the filters that they repeat")

# %%
# With the largest of 2 x 2 neighbouring places, max pooling, that is a maxout layer of four pieces.
# It stays as it is (``trainable=False``), for nothing would keep its weights equal in training.
pools = maps.reshape(64, 12, 3, 2, 3, 2).transpose(0, 1, 2, 4, 3, 5).reshape(64, -1)
convolution = Maxout(12 * 9, pieces=4, kernel_initializer=pools, use_bias=False, trainable=False)
network = MLPNet(hidden_layers=[convolution, Dense(100)], transform_layer=0, **options)
network.fit(X_train, y_train)
by_hand = correlate2d(X_test[0].reshape(8, 8), filters[0], mode="valid")
by_hand = by_hand.reshape(3, 2, 3, 2).max(axis=(1, 3)).ravel()
difference = np.abs(network.transform(X_test[:1])[0, :9] - by_hand).max()
print(f"convolution and pooling by SciPy differ by {difference:.1e} at most")

# %%
# Fixed filters are not learned ones, but what they know of images is the same.
networks = {"dense": dense, "dense, moved digits too": taught, "fixed convolution": network}
scores = {}
for name, net in networks.items():
    found = [net.score(moved(X_test, by), y_test) for by in MOVES]
    scores[name] = net.score(X_test, y_test), np.mean(found)
    in_place, apart = scores[name]
    print(f"{name:24} in place {in_place:.3f}, moved {apart:.3f} (lecture: no figure)")

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained")
sides = [moved(X_test[:1], by).reshape(8, 8) for by in ((0, 0), *MOVES[2:])]
left.imshow(np.hstack(sides), cmap="gray_r")
left.set(xticks=[], yticks=[], title="A test digit, moved left and right")
for place in (7.5, 15.5):
    left.axvline(place, color="C1")
places = np.arange(len(scores))
for k, label in enumerate(("in place", "moved by a pixel")):
    values = [pair[k] for pair in scores.values()]
    bars = right.barh(places + 0.4 * k, values, 0.38, label=label)
    right.bar_label(bars, fmt="%.2f", padding=2)
right.set_yticks(places + 0.2, list(scores))
right.set(xlabel="test accuracy", xlim=(0, 1.15))
right.invert_yaxis()
right.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
plt.show()
