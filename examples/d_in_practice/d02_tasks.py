"""
D2. Which output and which loss for which task
==============================================

The lecture has a table: each kind of task goes with an activation of the output layer and a loss.
Here each row of it is a network on data of that kind. :class:`~skdnn.MLPNet` finds the output from
the classes; for :class:`~skdnn.MLPNetRegressor` the parameters `loss` and `output_activation` say
it.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    make_multilabel_classification,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, mean_absolute_error
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skdnn import MLPNet, MLPNetRegressor
from skdnn.displays import HistoryDisplay

# Training for a set number of epochs ends before it converges: here that is what is wanted.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

# %%
# One data set for each task. The values in [0, 1] are pixels: the lower half of a digit is to be
# told from its upper half.
cancer, diabetes = load_breast_cancer(return_X_y=True), load_diabetes(return_X_y=True)
pixels, digit = load_digits(return_X_y=True)
pixels = pixels / 16
labels = make_multilabel_classification(1000, n_classes=4, random_state=0)
halves = (pixels[:, :32], pixels[:, 32:])
options = {"max_iter": 100, "random_state": 0}
table = [
    ("binary", cancer, MLPNet(**options), "sigmoid, binary cross-entropy"),
    ("multiclass", (pixels, digit), MLPNet(**options), "softmax, categorical cross-entropy"),
    ("multilabel", labels, MLPNet(**options), "sigmoid, binary cross-entropy"),
    ("regression", diabetes, MLPNetRegressor(**options), "identity, MSE"),
    (
        "regression",
        diabetes,
        MLPNetRegressor("absolute_error", **options),
        "identity, MAE",
    ),
    (
        "regression to [0, 1]",
        halves,
        MLPNetRegressor("squared_error", output_activation="logistic", **options),
        "sigmoid, MSE",
    ),
    (
        "regression to [0, 1]",
        halves,
        MLPNetRegressor("log_loss", **options),
        "sigmoid, binary cross-entropy",
    ),
]

# %%
# The metrics are the lecture's two, on a quarter of the rows that no network has seen: accuracy (of
# each label apart for several labels) and mean absolute error. The target of the diabetes set is in
# units of its standard deviation.
networks = []
for task, (X, y), net, lecture in table:
    y = y if task != "regression" else (y - y.mean()) / y.std()
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    scaler = StandardScaler().fit(X_train)
    net.fit(scaler.transform(X_train), y_train)
    networks.append((net, scaler.transform(X_test), y_test))
    predicted = net.predict(scaler.transform(X_test))
    if task.startswith("regression"):
        metric, score = "mean absolute error", mean_absolute_error(y_test, predicted)
    else:
        metric, score = "accuracy", accuracy_score(y_test.ravel(), predicted.ravel())
    output = f"{net.out_activation_}, {net.loss}"
    print(f"{task:21}{output:25} {metric:19} {score:.3f} (lecture: {lecture})")

# %%
# `log_loss` is the cross-entropy, binary or categorical as the output says. Of several outputs each
# has its own loss, and they are added up: the network above draws 32 pixels at once.
net, upper, lower = networks[-1]
drawn = net.predict(upper)
figure, axes = plt.subplots(2, 8, figsize=(9, 2.6), layout="constrained")
for i, (true, guessed) in enumerate(axes.T):
    top = pixels[train_test_split(np.arange(len(pixels)), random_state=0)[1][i], :32]
    for ax, bottom in ((true, lower[i]), (guessed, drawn[i])):
        ax.imshow(np.concatenate([top, bottom]).reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.axhline(3.5, color="C1", linewidth=1)
        ax.set(xticks=[], yticks=[])
axes[0, 0].set_ylabel("true")
axes[1, 0].set_ylabel("network")
figure.suptitle("Lower halves of digits, from their upper halves")

# %%
# The lecture's optimisers are values of `solver`. Which is the fastest depends on the task and on
# the learning rate, which is 0.001 for all of them here; that is little for plain gradient descent
# and for Adagrad, whose steps get ever smaller.
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
axes = {"loss": ax}
for solver in ("rmsprop", "sgd", "adagrad", "adam"):
    net = MLPNet(solver=solver, max_iter=30, n_iter_no_change=np.inf, random_state=0)
    HistoryDisplay.from_estimator(net.fit(pixels, digit), ax=axes, line_kw={"label": solver})
ax.set(title="Digits: four solvers", ylim=0)
plt.show()
