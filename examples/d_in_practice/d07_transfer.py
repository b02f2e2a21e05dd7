"""
D7. Transfer learning
=====================

The weights of a network that was trained on one task can be the start for another, and be
fine-tuned there. The first task here is to read upright digits, with many rows; the second one to
read turned digits, of which there are few. How much is gained depends on how near the two tasks
are.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import rotate
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedShuffleSplit, train_test_split

from skdnn import MLPNet
from skdnn.displays import WeightsDisplay

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_first, X_second, y_first, y_second = train_test_split(X, y, train_size=0.5, random_state=0)
options = {"hidden_layer_sizes": (100, 50), "random_state": 0}
source = MLPNet(max_iter=300, **options).fit(X_first, y_first)
print(f"first task: accuracy {source.score(X_second, y_second):.3f} on other upright digits")

# %%
# The second task, near and far: digits turned by 15 and by 45 degrees.


def turned(X, angle):
    images = rotate(X.reshape(-1, 8, 8), angle, axes=(2, 1), reshape=False, order=1)
    return images.reshape(-1, 64)


figure, panels = plt.subplots(1, 3, figsize=(9, 1.9), layout="constrained")
for ax, angle in zip(panels, (0, 15, 45), strict=True):
    ax.imshow(np.hstack(turned(X_second[:5], angle).reshape(5, 8, 8)), cmap="gray_r")
    ax.set(title=f"turned by {angle} degrees", xticks=[], yticks=[])

# %%
# Four ways to learn it
# ---------------------
# `initial_weights` takes a fitted network; ``FrozenEstimator`` keeps it fitted where the estimator
# is cloned, as in a search. The layers whose shapes agree start from its weights; the output layer
# of a network with other classes would begin anew. `frozen_layers` stay as they are, and
# `kept_learning_rate` is a factor of the learning rate in the layers that are taken over, so that
# fine-tuning does not wash them out.
kept = {"initial_weights": FrozenEstimator(source)}
ways = {
    "from scratch": {},
    "fine-tuned": kept,
    "fine-tuned at 0.1 of the rate": kept | {"kept_learning_rate": 0.1},
    "first layer frozen": kept | {"frozen_layers": [0]},
}
options |= {"batch_size": 10, "max_iter": 60, "n_iter_no_change": np.inf}

# %%
# From 10 to 160 rows, four draws of each number, the same for all ways. The test rows take no part
# in training.
sizes = (10, 20, 40, 80, 160)
figure, panels = plt.subplots(1, 2, figsize=(9.5, 4), sharey=True, layout="constrained")
for ax, angle in zip(panels, (15, 45), strict=True):
    pool, test, y_pool, y_test = train_test_split(
        turned(X_second, angle), y_second, stratify=y_second, random_state=0
    )
    print(
        f"turned by {angle} degrees: {source.score(test, y_test):.3f} by the first network as it is"
    )
    for name, more in ways.items():
        net, means, errors = MLPNet(**options, **more), [], []
        for size in sizes:
            draws = StratifiedShuffleSplit(4, train_size=size, random_state=0).split(pool, y_pool)
            scores = [net.fit(pool[r], y_pool[r]).score(test, y_test) for r, _ in draws]
            means.append(np.mean(scores))
            errors.append(np.std(scores) / 2)
        ax.errorbar(sizes, means, errors, marker="o", markersize=4, capsize=2, label=name)
        print(f"  {name:30} 10 rows {means[0]:.3f}, 160 rows {means[-1]:.3f} (lecture: no figure)")
    ax.set(title=f"turned by {angle} degrees", xscale="log", xlabel="training rows")
    ax.set_xticks(sizes, map(str, sizes))
    ax.minorticks_off()
    ax.grid(color="0.9")
panels[0].set_ylabel("test accuracy")
panels[0].legend()

# %%
# Near tasks gain much while rows are few, and little once there are many. To begin with the weights
# of a task too far off is worse than to begin anew, and the more so the more of them are kept.

# %%
# A frozen layer has the same weights after training as before:
for name, more in list(ways.items())[1:]:
    net = MLPNet(**options, **more).fit(pool[:40], y_pool[:40])
    moved = np.abs(net.coefs_[0] - source.coefs_[0]).max()
    print(f"first layer, {name}: largest change of a weight {moved:.3f}")
print(net.summary())
WeightsDisplay.from_estimator(source, feature_shape=(8, 8), max_units=24)
plt.show()
