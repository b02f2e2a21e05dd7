"""
E4. An image is a row of numbers
================================

An image has a height, a width and channels: H x W x C numbers. For a dense network they are laid
out in one row, so that a set of images is a table like any other.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits, load_sample_image
from sklearn.model_selection import train_test_split

from skdnn import MLPNet
from skdnn.displays import WeightsDisplay

# %%
# A colour image has three channels, red, green and blue, of whole numbers from 0 to 255.
flower = load_sample_image("flower.jpg")
height, width, channels = flower.shape
row = flower.reshape(-1)
print(f"H x W x C = {height} x {width} x {channels} = {row.size:,} numbers (lecture: H x W x C)")
print("the row can be made an image again:", np.array_equal(row.reshape(flower.shape), flower))

figure, panels = plt.subplots(1, 4, figsize=(10, 2.1), layout="constrained")
panels[0].imshow(flower)
panels[0].set_title(f"{height} x {width} x {channels}")
for channel, color in enumerate(("red", "green", "blue")):
    cmap = f"{color.title()}s_r"
    panels[channel + 1].imshow(flower[:, :, channel], cmap=cmap, vmin=0, vmax=255)
    panels[channel + 1].set_title(f"channel {channel}: {color}")
for ax in panels:
    ax.set_axis_off()

# %%
# Each unit of a dense layer has a weight for each of these numbers, which is why images are made
# small first. `summary` tells how many there are, before any fit:
print(MLPNet((100,)).summary(row.size, 2))

# %%
# The digits are 8 x 8 x 1: rows of 64 numbers. The row below each digit is what the network sees.
digits = load_digits()
X, y = digits.images.reshape(len(digits.images), -1) / 16, digits.target
print("rows of the digits are their images:", np.array_equal(X * 16, digits.data))
figure, panels = plt.subplots(2, 5, figsize=(10, 2.9), layout="constrained", height_ratios=(4, 1))
for i, (image, strip) in enumerate(panels.T):
    image.imshow(digits.images[i], cmap="gray_r")
    image.set_title(f"digit {y[i]}")
    strip.imshow(X[i : i + 1], cmap="gray_r", aspect="auto", interpolation="nearest")
    strip.set(yticks=[], xticks=range(0, 65, 16))
    image.set(xticks=[], yticks=[])

# %%
# A network learns from the rows, and its weights can be made images again: which pixels speak for a
# hidden unit (red), and which against it (blue).
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
net = MLPNet((64,), alpha=1.0, max_iter=500, random_state=0)
net.fit(X_train, y_train)
print(f"test accuracy: {net.score(X_test, y_test):.3f} (lecture: no figure)")
WeightsDisplay.from_estimator(net, feature_shape=(8, 8), max_units=24)
plt.show()
