"""Callbacks for every estimator of the package, on scikit-learn's own protocol.

    model.set_callbacks(EarlyStopping(patience=5), CSVLogger("epochs.csv")).fit(X, y)

They look at the rows of `history_`, one for each epoch. Where `sklearn.base.clone` shares one
callback among several estimators, as in a search, each fit is watched apart.
"""

from skdnn.callbacks.checkpoint import ModelCheckpoint
from skdnn.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from skdnn.callbacks.recording import CSVLogger, WeightHistory
from skdnn.callbacks.stopping import EarlyStopping

__all__ = [
    "CSVLogger",
    "EarlyStopping",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "WeightHistory",
]
