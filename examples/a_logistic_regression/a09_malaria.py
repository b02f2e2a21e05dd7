r"""
A9. Malaria in images of cells
==============================

2,500 of 27,558 images of cells, with the parasite or without: 2,000 to train on, 500 to test on.
Logistic regression without a penalty against a network 300-100-50 of ReLUs with a logistic output,
trained by Adam, that stops when its validation loss has not fallen for 5 epochs.

The lecture's images are 100x100 in colour, 30,000 numbers each; these are 50x50 in grey, 2,500
numbers, in which the stain of the parasite shows less. So its figures are not quite comparable; and
500 test images tell an accuracy to about 0.02.

It needs ``malaria_50x50.npz``, in the folder that the environment variable ``SKDNN_DATA`` names:
``X`` of shape (27558, 2500) and type uint8, ``y`` of 0 and 1.
"""

import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix, log_loss
from sklearn.model_selection import train_test_split

from skdnn import MLPNet
from skdnn.callbacks import EarlyStopping
from skdnn.displays import HistoryDisplay

# The regression ends at its 100 iterations, which is printed.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

# %%
# The images
# ----------

path = Path(os.environ.get("SKDNN_DATA", ".")) / "malaria_50x50.npz"
if not path.is_file():
    raise SystemExit(f"{path} is missing: set SKDNN_DATA to a folder with malaria_50x50.npz.")
with np.load(path) as file:
    rows = np.random.default_rng(0).choice(len(file["y"]), 2500, replace=False)
    X, y = file["X"][rows].astype(np.float32) / 255, file["y"][rows]
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=500, random_state=0)

figure, axes = plt.subplots(2, 6, figsize=(9, 3.4), layout="constrained")
for label, row in enumerate(axes):
    for cell, ax in zip(X_train[y_train == label], row, strict=False):
        ax.imshow(cell.reshape(50, 50), cmap="gray")
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(f"class {label}")

# %%
# Logistic regression
# -------------------

regression = LogisticRegression(C=np.inf, max_iter=100).fit(X_train, y_train)
print(f"regression, test accuracy: {regression.score(X_test, y_test):.3f} (lecture: 0.63)")
print(f"iterations: {regression.n_iter_[0]} of at most 100 (lecture: no convergence)")

# %%
# The network
# -----------
# Its table for the lecture's images.

net = MLPNet(
    (300, 100, 50),
    alpha=0.0,
    batch_size=100,
    max_iter=50,
    # Only the callback ends the training before.
    n_iter_no_change=np.inf,
    random_state=0,
)
table = net.summary(n_features=30_000, n_outputs=1)
print(table)
print(f"parameters: {table.n_parameters:,} (lecture: 9,035,501)")

# %%
# Training
# --------
# A tenth of the rows validates. The network is trained on pixels from 0 to 1, as in the lecture,
# and on these less their means: where all inputs are positive, the gradient points mostly along
# what they have in common, and the descent is slow in all other directions.

means = X_train.mean(axis=0)
nets = {}
for name, center in {"pixels in [0, 1]": np.zeros_like(means), "less their means": means}.items():
    X_fit, X_val, y_fit, y_val = train_test_split(
        X_train - center, y_train, test_size=0.1, random_state=0
    )
    monitor = ScoringMonitor(scoring="accuracy")
    stop = EarlyStopping("validation_loss", patience=5, restore_best_weights=True)
    net = clone(net).set_callbacks(stop, monitor)
    net.fit(X_fit, y_fit, X_val=X_val, y_val=y_val)
    nets[name] = net, monitor, net.predict_proba(X_test - center)

    y_pred = nets[name][2].argmax(axis=1)
    print(f"{name}: {net.n_iter_} epochs of at most 50")
    print(f"  test loss: {log_loss(y_test, nets[name][2]):.3f} (lecture: 0.660)")
    print(f"  test accuracy: {np.mean(y_pred == y_test):.3f} (lecture: 0.622)")
    print(f"  confusion matrix: {confusion_matrix(y_test, y_pred).tolist()}", end=" ")
    print("(lecture: [[147, 115], [74, 164]])")

# %%
# The pictures
# ------------
# The training accuracy of each epoch is from scikit-learn's `ScoringMonitor`.

figure = plt.figure(figsize=(12, 7.5), layout="constrained")
for part, (name, (net, monitor, proba)) in zip(figure.subfigures(2), nets.items(), strict=True):
    part.suptitle(name)
    loss, score, matrix = part.subplots(1, 3)
    accuracy = [log["accuracy"] for log in monitor.get_logs().data if log["task_name"] == "epoch"]
    history = [{**row, "accuracy": a} for row, a in zip(net.history_, accuracy, strict=True)]
    best = min(history, key=lambda row: row["validation_loss"])["epoch"]
    axes = {"loss": loss, "score": score}
    display = HistoryDisplay.from_history(history, best_epoch=best, ax=axes)
    display.lines_["accuracy"].set_label("training")
    score.set_ylabel("accuracy")
    score.legend(fontsize="small")
    loss.set_xlabel("epoch")
    loss.xaxis.get_major_locator().set_params(integer=True)
    ConfusionMatrixDisplay.from_predictions(
        y_test, proba.argmax(axis=1), ax=matrix, cmap="Blues", colorbar=False
    )
plt.show()
