"""
E3. Batch size, learning rate and number of epochs
==================================================

Mini-batch gradient descent has three numbers to set. Each is varied here on the digits, the others
kept, with plain gradient descent: ``solver="sgd"`` without momentum.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdnn import MLPNet
from skdnn.displays import HistoryDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
options = {"solver": "sgd", "momentum": 0, "n_iter_no_change": np.inf, "random_state": 0}
print(f"{len(X_train)} training rows")

# %%
# Batch size
# ----------
# A batch of all rows gives the true gradient, but one step an epoch. Batches of one row give a
# rough gradient and 1,347 steps. For the same number of epochs small batches come further; a step
# of a large batch is cheaper for each of its rows.
figure, panels = plt.subplots(1, 2, figsize=(9.5, 3.8), sharey=True, layout="constrained")
for size in (1, 10, 100, 1347):
    net = MLPNet(batch_size=size, learning_rate_init=0.1, max_iter=20, **options)
    net.fit(X_train, y_train)
    HistoryDisplay.from_estimator(net, ax={"loss": panels[0]}, line_kw={"label": size})
    steps, seconds = -(-len(X_train) // size), min(row["seconds"] for row in net.history_)
    found = (
        f"{steps:4} steps and {seconds:.4f} s an epoch, accuracy {net.score(X_test, y_test):.3f}"
    )
    print(f"batch size {size:4}: {found} (lecture: no figure)")
panels[0].set_title("Batch size, at learning rate 0.1")

# %%
# Learning rate
# -------------
# Too small a rate takes long, too large a rate leaps over the minimum: the loss rises and falls, or
# the units die, and nothing is learned at all.
for rate in (0.001, 0.01, 0.1, 1.0, 10.0):
    net = MLPNet(batch_size=100, learning_rate_init=rate, max_iter=20, **options)
    net.fit(X_train, y_train)
    HistoryDisplay.from_estimator(net, ax={"loss": panels[1]}, line_kw={"label": rate})
    found = f"loss {net.loss_:.3f}, accuracy {net.score(X_test, y_test):.3f}"
    print(f"learning rate {rate:<5g}: {found} (lecture: no figure)")
panels[1].set(title="Learning rate, with batches of 100", ylim=(0, 3), ylabel="")
panels[1].legend(loc="right", bbox_to_anchor=(1, 0.33), fontsize="small")

# %%
# Number of epochs
# ----------------
# With few rows and many epochs the network learns its rows by heart. The loss on other rows tells
# when to stop: `X_val` and `y_val` are rows to look at after each epoch.
net = MLPNet(batch_size=10, learning_rate_init=0.1, max_iter=300, **options)
net.fit(X_train[:150], y_train[:150], X_val=X_test, y_val=y_test)
display = HistoryDisplay.from_estimator(net, panels=["loss", "score"])
display.axes_["loss"].set_ylim(0, 1)
losses = [row["validation_loss"] for row in net.history_]
print(
    f"150 rows: training loss {net.loss_:.4f}, validation loss {losses[-1]:.3f} after 300 epochs;"
)
print(f"its lowest was {min(losses):.3f}, in epoch {np.argmin(losses) + 1} (lecture: no figure)")
plt.show()
