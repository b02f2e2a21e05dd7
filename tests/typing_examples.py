"""What users write, for mypy to check: nothing here runs."""

from typing import Any, assert_type

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline

import skdnn
from skdnn import (
    GDLinearRegression,
    GDLogisticRegression,
    MLPNet,
    MLPNetRegressor,
    SoftmaxClassifier,
    distributed,
)
from skdnn.averaging import EMA
from skdnn.callbacks import EarlyStopping, ModelCheckpoint
from skdnn.displays import HistoryDisplay
from skdnn.exchange import from_keras, from_torch, load_weights, to_keras, to_torch
from skdnn.inference import CoefficientSummary
from skdnn.initializers import RandomNormal
from skdnn.layers import BatchNorm, Dense, Dropout, Output
from skdnn.model_selection import HiddenLayerSizes, search_space
from skdnn.regularizers import L2
from skdnn.schedules import CosineDecay
from skdnn.summary import NetworkSummary


def of_arrays(X: NDArray[np.float32], y: NDArray[np.int64]) -> None:
    """Parameters of all kinds; methods return the estimator's own type, and arrays."""
    net = MLPNet(
        (100, 50),
        activation="gelu",
        batch_size="auto",
        learning_rate=CosineDecay(warmup=2),
        random_state=np.random.RandomState(0),
        n_iter_no_change=float("inf"),
        dropout=[0.2, 0.5],
        kernel_initializer=RandomNormal(),
        average=EMA(),
        frozen_layers=[0],
        class_weight={0: 1.0, 1: 2.0},
        dtype="float32",
    )
    assert_type(net.fit(X, y, X_val=X, y_val=y), MLPNet)
    assert_type(net.partial_fit(X, y, classes=[0, 1]), MLPNet)
    assert_type(net.predict_proba(X), NDArray)
    assert_type(net.coefs_, list[NDArray])
    assert_type(net.loss_curve_, list[float])
    layers = [Dense(10, kernel_regularizer=L2(1e-4)), BatchNorm(), Dropout(0.2)]
    assert_type(MLPNet(hidden_layers=layers, output_layer=Output()).fit(X, y), MLPNet)
    assert_type(SoftmaxClassifier(solver="sgd", batch_size=100).fit(X, y), SoftmaxClassifier)
    assert_type(GDLogisticRegression(C=0.1).fit(X, y).predict_log_proba(X), NDArray)


def of_other_data(frame: pd.DataFrame, lists: list[list[float]], target: pd.Series) -> None:
    """Frames, lists and series are data too."""
    regressor = MLPNetRegressor(hidden_layer_sizes=[20], quantile=[0.1, 0.9]).fit(frame, target)
    assert_type(regressor, MLPNetRegressor)
    assert_type(regressor.score(lists, [1.0, 2.0]), float)
    assert_type(GDLinearRegression(alpha=0.1).fit(lists, target), GDLinearRegression)


def of_searches() -> None:
    """What a search draws from."""
    sizes = HiddenLayerSizes(n_layers=(0, 3), width=[1, 99], shape="decreasing")
    assert_type(sizes.rvs(), tuple[int, ...])
    assert_type(sizes.rvs(3, np.random.default_rng(0)), list[tuple[int, ...]])
    assert_type(sizes.grid(n_widths=3), list[tuple[int, ...]])
    space = search_space(make_pipeline(MLPNet()), prefix="mlpnet")
    space["mlpnet__hidden_layer_sizes"] = sizes


def of_callbacks_and_pictures(net: MLPNet) -> None:
    """Callbacks, pictures and files."""
    net.set_callbacks(EarlyStopping("validation_loss", patience=5), ModelCheckpoint("net.joblib"))
    assert_type(HistoryDisplay.from_estimator(net), HistoryDisplay)
    skdnn.save(net, "net.skops")
    skdnn.load("net.skops")


def of_other_libraries(net: MLPNet, regressor: MLPNetRegressor, linear: GDLinearRegression) -> None:
    """What is filled with weights has the type of the estimator that is given."""
    assert_type(load_weights(net, "net.safetensors"), MLPNet)
    assert_type(load_weights(linear, "linear.safetensors"), GDLinearRegression)
    assert_type(from_torch(to_torch(net), MLPNet()), MLPNet)
    assert_type(from_keras(to_keras(net), regressor), MLPNetRegressor)
    assert_type(distributed.fit(net, None, None), MLPNet)


def of_fitted_attributes(net: MLPNet, linear: GDLinearRegression) -> None:
    """What a fit leaves behind."""
    assert_type(net.summary(), NetworkSummary)
    assert_type(net.history_, list[dict[str, Any]])
    assert_type(net.n_features_in_, int)
    assert_type(net.n_iter_, int)
    assert_type(linear.summary(), CoefficientSummary)
    assert_type(linear.summary().p_values, NDArray)


def of_mistakes(X: NDArray, y: NDArray) -> None:
    """What mypy must find: were it not an error, it would be an ignore that nothing needs."""
    MLPNet(alpha="strong")  # type: ignore[arg-type]
    MLPNet(max_iter=0.5)  # type: ignore[arg-type]
    MLPNet(hidden_layers_sizes=(3,))  # type: ignore[call-arg]
    MLPNet().fit(X)  # type: ignore[call-arg]
    MLPNet().fit(X, y, sample_weigth=y)  # type: ignore[call-arg]
    GDLogisticRegression().predict(X, y)  # type: ignore[call-arg]
    HiddenLayerSizes(n_layers=3)  # type: ignore[arg-type]
    load_weights(X, "net.safetensors")  # type: ignore[type-var]
