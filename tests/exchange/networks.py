"""Networks of every kind, and the rows that they are fitted on."""

import numpy as np
from sklearn.base import clone

from skdnn import (
    GDLinearRegression,
    GDLogisticRegression,
    MLPNet,
    MLPNetRegressor,
    SoftmaxClassifier,
)
from skdnn.layers import BatchNorm, Dense, Dropout, Maxout, Output

FEW = {"max_iter": 3, "random_state": 0, "n_iter_no_change": np.inf}
MIXED = [
    Dropout(0.1),
    Dense(7, "elu", alpha=0.5),
    BatchNorm(activation="leaky_relu", alpha=0.2),
    Maxout(4, pieces=3),
    BatchNorm(trainable=False),
    Dense(6, "tanh", use_bias=False),
    Dropout(0.3),
]

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 5))
_scores = X[:, :3] + rng.normal(size=(120, 3))
TARGETS = {
    "binary": np.array(["no", "yes"])[(_scores[:, 0] > 0).astype(int)],
    "multiclass": _scores.argmax(axis=1) * 3 - 1,
    "multilabel": (_scores > 0).astype(int),
    "number": _scores[:, 0],
    "numbers": _scores[:, :2],
    "counts": np.floor(np.exp(_scores[:, 0])),
    "share": 1 / (1 + np.exp(-_scores[:, 0])),
}
# Name of the target, and an estimator for it: every kind of output that there is.
OUTPUTS = {
    "two classes": ("binary", MLPNet((6,), **FEW)),
    "three classes": ("multiclass", MLPNet((6,), **FEW)),
    "labels": ("multilabel", MLPNet((6,), **FEW)),
    "focal": ("multiclass", MLPNet((6,), loss="focal", **FEW)),
    "squared error": ("number", MLPNetRegressor(hidden_layer_sizes=(6,), **FEW)),
    "several targets": ("numbers", MLPNetRegressor("huber", (6,), **FEW)),
    "absolute error": ("number", MLPNetRegressor("absolute_error", (6,), **FEW)),
    "poisson": ("counts", MLPNetRegressor("poisson", (6,), **FEW)),
    "shares": ("share", MLPNetRegressor("log_loss", (6,), **FEW)),
    "positive": ("counts", MLPNetRegressor(output_activation="softplus", **FEW)),
    "quantiles": ("number", MLPNetRegressor("pinball", (6,), quantile=[0.1, 0.5, 0.9], **FEW)),
    "quantiles of several": (
        "numbers",
        MLPNetRegressor("pinball", (6,), quantile=[0.1, 0.5, 0.9], **FEW),
    ),
}
# Every kind of layer, and networks without a hidden one.
LAYERS = {
    "mixed": ("multiclass", MLPNet(hidden_layers=MIXED, **FEW)),
    "batch norm": ("binary", MLPNet((6, 4), "selu", batch_norm=True, dropout=0.1, **FEW)),
    "none": ("multiclass", MLPNet((), **FEW)),
    "no output bias": ("number", MLPNetRegressor(output_layer=Output(use_bias=False), **FEW)),
}
LINEAR = {
    "logistic": ("binary", GDLogisticRegression()),
    "softmax": ("multiclass", GDLogisticRegression(fit_intercept=False)),
    "softmax of two": ("binary", SoftmaxClassifier()),
    "softmax of three": ("multiclass", SoftmaxClassifier()),
    "linear": ("number", GDLinearRegression()),
    "linear through zero": ("number", GDLinearRegression(fit_intercept=False)),
    "linear of several": ("numbers", GDLinearRegression()),
}
ALL = {**OUTPUTS, **LAYERS, **LINEAR}


def fitted(name, **params):
    """Return a fitted estimator and its targets."""
    target, estimator = ALL[name]
    return clone(estimator).set_params(**params).fit(X, TARGETS[target]), TARGETS[target]


def outputs(model, rows):
    """Return the finest predictions that there are."""
    return model.predict_proba(rows) if hasattr(model, "predict_proba") else model.predict(rows)
