r"""
A11. Saving a model
===================

A fitted model is written to a file, read again, perhaps on another day, and predicts the same. The
lecture names a callback too that writes checkpoints while the model is trained.
"""

import tempfile
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdnn
from skdnn import MLPNet
from skdnn.callbacks import ModelCheckpoint
from skdnn.displays import HistoryDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)

# %%
# A file of the whole pipeline
# ----------------------------
# A model is saved with what its inputs must go through. `skdnn.load` runs no code from the file, as
# pickle and joblib may; it needs skops, the extra ``save``.

model = make_pipeline(StandardScaler(), MLPNet((64,), random_state=0)).fit(X_train, y_train)
skdnn.save(model, folder / "digits.skops")
loaded = skdnn.load(folder / "digits.skops")
same = np.array_equal(loaded.predict_proba(X_test), model.predict_proba(X_test))
print(f"size of the file: {(folder / 'digits.skops').stat().st_size / 1024:.0f} KiB")
print(f"the same probabilities to the last bit: {same} (lecture: the same predictions)")

# %%
# The best model so far
# ---------------------
# `ModelCheckpoint` writes, by joblib, whenever the validation loss is smaller than ever: after the
# last epoch the file has the best one.

X_fit, X_val, y_fit, y_val = train_test_split(X_train / 16, y_train, random_state=0)
net = MLPNet((64,), learning_rate_init=0.02, max_iter=60, random_state=0)
# 60 epochs, no less.
net.set_params(n_iter_no_change=np.inf)
best_file = folder / "best.joblib"
net.set_callbacks(ModelCheckpoint(best_file, monitor="validation_loss"))
net.fit(X_fit, y_fit, X_val=X_val, y_val=y_val)
best = joblib.load(best_file)
epoch = best.history_[-1]["epoch"]
print(f"the checkpoint is of epoch {epoch} of {net.n_iter_}", end=", ")
print(f"with a validation loss of {best.history_[-1]['validation_loss']:.4f}")
print(f"smallest validation loss: {min(row['validation_loss'] for row in net.history_):.4f}")
for name, each in {"last epoch": net, "checkpoint": best}.items():
    print(f"{name}: test accuracy {each.score(X_test / 16, y_test):.3f}")

# %%
# Going on after an interruption
# ------------------------------
# With ``resumable=True`` the file has the state of the training too: a fit that was ended after
# epoch 30 goes on to the same weights as if it had not been.

checkpoint = ModelCheckpoint(folder / "net-{epoch}.joblib", every=30, resumable=True)
net.set_callbacks(checkpoint).fit(X_fit, y_fit, X_val=X_val, y_val=y_val)
resumed = joblib.load(folder / "net-30.joblib").resume(X_fit, y_fit, X_val=X_val, y_val=y_val)
same = all(np.array_equal(a, b) for a, b in zip(resumed.coefs_, net.coefs_, strict=True))
print(f"epochs after resuming: {len(resumed.history_)}, the same weights: {same}")

# %%
# The picture
# -----------

display = HistoryDisplay.from_history(net.history_, best_epoch=epoch, panels=["loss", "score"])
display.axes_["loss"].set(yscale="log", title="Training, and the epoch of the checkpoint")
display.axes_["score"].set_ylabel("accuracy")
temporary.cleanup()
plt.show()
