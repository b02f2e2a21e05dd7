"""
E5. MLPClassifier and Sequential, and MLPNet
============================================

The lecture shows two ways to a network: scikit-learn's
:class:`~sklearn.neural_network.MLPClassifier`, with all its parameters, and Keras' ``Sequential``,
a list of layers. :class:`~skdnn.MLPNet` can be used like either.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skdnn import MLPNet
from skdnn.callbacks import EarlyStopping
from skdnn.displays import HistoryDisplay, NetworkDisplay
from skdnn.layers import Dense, Dropout
from skdnn.regularizers import L2

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)

# %%
# Like MLPClassifier
# ------------------
# All parameters of `MLPClassifier`, at their defaults but for `hidden_layer_sizes`, `max_iter` and
# the seed. `MLPNet` takes the same ones, with the same meaning.
parameters = {
    "hidden_layer_sizes": (64,),
    "activation": "relu",
    "solver": "adam",
    "alpha": 0.0001,
    "batch_size": "auto",
    "learning_rate": "constant",
    "learning_rate_init": 0.001,
    "power_t": 0.5,
    "max_iter": 500,
    "shuffle": True,
    "random_state": 0,
    "tol": 1e-4,
    "verbose": False,
    "warm_start": False,
    "momentum": 0.9,
    "nesterovs_momentum": True,
    "early_stopping": False,
    "validation_fraction": 0.1,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
    "n_iter_no_change": 10,
    "max_fun": 15000,
}
theirs, ours = MLPClassifier(**parameters), MLPNet(**parameters)
print("these are all:", sorted(parameters) == sorted(theirs.get_params()))
print(f"MLPNet has {len(ours.get_params()) - len(parameters)} more (lecture: {len(parameters)})")

# %%
# From the same `random_state` both draw the same weights and the same batches, and learn the same.
# `MLPClassifier` waits one epoch longer for an improvement than its `n_iter_no_change` says;
# `MLPNet` is given that epoch more. The first fit on a machine compiles the kernels, so one goes
# before the clock starts.
ours.set_params(n_iter_no_change=11).fit(X_train, y_train)
for model in (theirs, ours):
    start = time.perf_counter()
    model.fit(X_train, y_train)
    seconds, score = time.perf_counter() - start, model.score(X_test, y_test)
    found = f"test accuracy {score:.3f}, {model.n_iter_} epochs, {seconds:.2f} s"
    print(f"{type(model).__name__}: {found} (lecture: no figure)")
pairs = zip(theirs.coefs_, ours.coefs_, strict=True)
print(f"largest difference of a weight: {max(np.abs(a - b).max() for a, b in pairs):.1e}")

figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
curves = {"loss": ax}
style = {"linewidth": 5, "alpha": 0.4, "label": "MLPClassifier"}
HistoryDisplay.from_estimator(theirs, ax=curves, panels=["loss"], line_kw=style)
style = {"linestyle": "--", "color": "black", "label": "MLPNet"}
HistoryDisplay.from_estimator(ours, ax=curves, panels=["loss"], line_kw=style)
ax.set_title("Digits: the training loss of both")

# %%
# Like Sequential
# ---------------
# A network of layers that differ reads like this in Keras:
#
# .. code-block:: python
#
#    model = Sequential([
#        Input((64,)),
#        Dense(64, activation="relu", kernel_regularizer=L2(1e-4)),
#        Dropout(0.2),
#        Dense(32, activation="relu"),
#        Dense(10, activation="softmax"),
#    ])
#    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
#    model.fit(
#        X_train, y_train, batch_size=32, epochs=100, validation_data=(X_val, y_val),
#        callbacks=[EarlyStopping("val_loss", patience=5, restore_best_weights=True)],
#    )
#
# Here the layers are `hidden_layers`; the sizes of input and output, the softmax and the loss
# follow from the data. Keras' ``kernel_initializer`` is ``"glorot_uniform"``, its ``epsilon`` 1e-7.
X_fit, X_val, y_fit, y_val = train_test_split(X_train, y_train, test_size=0.2, random_state=0)
layers = [Dense(64, "relu", kernel_regularizer=L2(1e-4)), Dropout(0.2), Dense(32, "relu")]
net = MLPNet(
    hidden_layers=layers,
    solver="adam",
    kernel_initializer="glorot_uniform",
    epsilon=1e-7,
    alpha=0.0,
    batch_size=32,
    max_iter=100,
    n_iter_no_change=np.inf,
    random_state=0,
)
net.set_callbacks(EarlyStopping("validation_loss", patience=5, restore_best_weights=True))
net.fit(X_fit, y_fit, X_val=X_val, y_val=y_val)
print(net.summary())
print(f"{net.n_iter_} epochs, test accuracy {net.score(X_test, y_test):.3f} (lecture: no figure)")
HistoryDisplay.from_estimator(net, panels=["loss", "score"])
NetworkDisplay.from_estimator(net)
plt.show()
