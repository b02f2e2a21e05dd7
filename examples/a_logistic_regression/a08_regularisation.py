r"""
A8. Regularisation
==================

A network with more weights than rows learns the rows by heart. The lecture names what is done
about it: L1, L2 or both, in each layer and apart for weights and biases; dropout of 0.2 between
layers; early stopping with a validation split of 0.2 and a patience of 5, the best weights
restored; and batch normalisation.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split

from skdnn import MLPNet
from skdnn.callbacks import EarlyStopping
from skdnn.displays import DecisionRegionsDisplay, HistoryDisplay
from skdnn.layers import BatchNorm, Dense, Dropout, Output
from skdnn.regularizers import L1, L1L2, L2

# %%
# The data
# --------
# 200 rows to learn from, in two moons that overlap; a fifth of them to validate on; and many to
# test on.

X, y = make_moons(200, noise=0.35, random_state=0)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, random_state=0)
X_test, y_test = make_moons(10_000, noise=0.35, random_state=1)

# %%
# The networks
# ------------
# Two hidden layers of 100, as lists of layers. Penalties are given to each layer, for its weights
# (kernel) and its biases; a penalty of the output layer stands in `output_layer`. ``alpha`` is the
# penalty of all other weights: here 0.


def dense(**penalties):
    return [Dense(100, "relu", **penalties), Dense(100, "relu", **penalties)]


both = L1L2(l1=1e-3, l2=1e-3)
networks = {
    "no penalty": {"hidden_layers": dense()},
    "L1 of weights": {"hidden_layers": dense(kernel_regularizer=L1(1e-3))},
    "L2 of weights": {"hidden_layers": dense(kernel_regularizer=L2(1e-2))},
    "L2, biases L1": {
        "hidden_layers": dense(kernel_regularizer=L2(1e-2), bias_regularizer=L1(1e-2)),
        "output_layer": Output(kernel_regularizer=L2(1e-2)),
    },
    "L1 and L2": {"hidden_layers": dense(kernel_regularizer=both, bias_regularizer=both)},
    "dropout 0.2": {
        "hidden_layers": [Dense(100, "relu"), Dropout(0.2), Dense(100, "relu"), Dropout(0.2)]
    },
    "batch norm": {
        # It shifts by itself: no bias before it.
        "hidden_layers": [
            layer
            for _ in range(2)
            for layer in (Dense(100, "identity", use_bias=False), BatchNorm(activation="relu"))
        ]
    },
}
options = {"alpha": 0.0, "learning_rate_init": 0.01, "batch_size": 32, "random_state": 0}
options |= {"max_iter": 300, "n_iter_no_change": np.inf}  # 300 epochs, no less
nets = {name: MLPNet(**layers, **options) for name, layers in networks.items()}
for net in nets.values():
    net.fit(X_train, y_train, X_val=X_val, y_val=y_val)

# %%
# Early stopping
# --------------
# The callback does what Keras' does: stop when the loss on the validation rows has not fallen for 5
# epochs, and restore the weights of the best.

stop = EarlyStopping("validation_loss", patience=5, restore_best_weights=True)
early = MLPNet(hidden_layers=dense(), **options).set_callbacks(stop)
nets["early stopping"] = early.fit(X_train, y_train, X_val=X_val, y_val=y_val)
best = int(np.argmin([row["validation_loss"] for row in early.history_]))
print(f"epochs after the best one: {early.n_iter_ - 1 - best} (lecture: 5)")

# %%
# What they come to
# -----------------
# L1 makes weights exactly 0, L2 makes them small.

for name, net in nets.items():
    zeros = np.mean(np.concatenate([coef.ravel() for coef in net.coefs_]) == 0)
    print(
        f"{name + ':':16} accuracy in training {net.score(X_train, y_train):.3f}, "
        f"test {net.score(X_test, y_test):.3f}, weights that are 0: {zeros:.0%}"
    )
for name in ("L2 of weights", "L2, biases L1"):
    biases = np.concatenate(nets[name].intercepts_)
    print(f"{name + ':':16} biases that are 0: {np.mean(biases == 0):.0%}")

# %%
# Dropout is off at prediction: the same rows have the same probabilities each time. It can be left
# on, to see how much they vary.

drop = nets["dropout 0.2"]
same = np.array_equal(drop.predict_proba(X_test), drop.predict_proba(X_test))
print(f"the same probabilities twice: {same} (lecture: dropout off at prediction)")
spread = drop.sample_proba(X_test[:5], n_samples=100, random_state=0).std(axis=-1)[:, 1]
print("their standard deviations with dropout on:", spread.round(3))

# %%
# The pictures
# ------------
# Without a penalty the border goes round single rows. Where nearly all biases are 0, the units bend
# at the origin only, and the border is all but straight.

figure, axes = plt.subplots(2, 4, figsize=(14, 7), layout="constrained", sharex=True, sharey=True)
for (name, net), ax in zip(nets.items(), axes.flat, strict=True):
    DecisionRegionsDisplay.from_estimator(net, X_train, y_train, ax=ax, scatter_kw={"s": 16})
    ax.set(title=f"{name}, test {net.score(X_test, y_test):.3f}")
    ax.get_legend().remove()

# %%
# Without a penalty the loss of the validation rows grows while that of training falls.

figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
for name, ax in zip(["no penalty", "L2 of weights", "early stopping"], axes, strict=True):
    HistoryDisplay.from_estimator(nets[name], panels=["loss"], ax={"loss": ax})
    ax.set(title=name)
plt.show()
