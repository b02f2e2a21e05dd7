"""Fitted networks as Keras' `Sequential`, and back."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skdnn import engine
from skdnn.dependencies import import_optional_dependency
from skdnn.exchange.sequential import Network, activate, assembled
from skdnn.exchange.steps import Step, link_of, steps_of

# Keras' names of the activations; a link is one too.
_NAMES = {
    "identity": "linear",
    "logistic": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "leaky_relu": "leaky_relu",
    "elu": "elu",
    "selu": "selu",
    "softplus": "softplus",
    "gelu": "gelu",
    "silu": "silu",
    "mish": "mish",
    "softmax": "softmax",
    "exp": "exponential",
}
# Those that have a parameter are layers of their own: the layer, and its parameter.
_LAYERS = {"leaky_relu": ("LeakyReLU", "negative_slope"), "elu": ("ELU", "alpha")}
# The order of Keras' weights.
_ARRAYS = {"dense": ("kernel", "bias"), "batch_norm": ("gamma", "beta", "mean", "variance")}
# The slope of the leaky ReLU that Keras has by its name.
_SLOPE = 0.2


def to_keras(model: Any) -> Any:
    """Return a fitted estimator as a `keras.Sequential`.

    Its outputs are predictions, what Keras' losses take by default: the softmax's probabilities, or
    the logistic function's for two classes and for labels; of a regressor what `predict` gives.
    Needs Keras 3, ``pip install keras``, with one of its backends.

    Parameters
    ----------
    model : estimator of skdnn
        Fitted; of a pipeline the last step.

    Returns
    -------
    network : keras.Sequential
        Of `Dense`, `BatchNormalization`, `Dropout` and activations, with copies of the weights, not
        compiled. It computes in Keras' own type, float32, to whose rounding the predictions agree.
        The layers are named as in `summary`. Its outputs have shape
        (n_samples, n_outputs); for two classes there is one, the probability of the second class
        (`SoftmaxClassifier` has two).

    Raises
    ------
    ImportError
        When Keras is not installed.
    NotFittedError
        When the model is not fitted; a ValueError too.
    TypeError
        When it is none of skdnn.
    ValueError
        When Keras has no such layer or activation: `Maxout`, and 'selu' of another alpha than its
        own.

    See Also
    --------
    from_keras : The way back.

    Examples
    --------
    .. code-block:: python

        net = MLPNet((64,), dropout=0.2).fit(X, y)
        network = to_keras(net)
        network.predict(X)  # net.predict_proba(X)
    """
    steps, link = steps_of(model), link_of(model)
    if link != "identity":
        steps[-1] = replace(steps[-1], activation=link)
    keras = import_optional_dependency("keras")
    layers = [layer for step in steps for layer in _layers_of(keras, step)]
    network = keras.Sequential([keras.Input((model.n_features_in_,)), *layers])
    for step in steps:
        names = _ARRAYS.get(step.kind, ())
        weights = [step.arrays[name] for name in names if name in step.arrays]
        network.get_layer(step.name).set_weights(weights)
    return network


def _layers_of(keras: Any, step: Step) -> list[Any]:
    """Return the layers that a step is."""
    if step.kind == "max_pool":
        raise ValueError(f"Keras has no layer that is a Maxout, as {step.name} is.")
    own = engine.ACTIVATIONS.get(step.activation)
    if own and step.activation not in _LAYERS and step.alpha != own.alpha:
        raise ValueError(
            f"{step.name} has {step.activation!r} with alpha={step.alpha:g}; that of Keras has "
            f"{own.alpha:g}."
        )
    name_after = f"{step.name}_{step.activation}"
    layers: list[Any] = []
    activation: str | None = _NAMES[step.activation]
    if step.activation in _LAYERS:
        name, parameter = _LAYERS[step.activation]
        layers = [getattr(keras.layers, name)(**{parameter: step.alpha}, name=name_after)]
        activation = None
    elif step.kind == "batch_norm" and step.activation != "identity":
        layers = [keras.layers.Activation(activation, name=name_after)]
    if step.kind == "dense":
        use_bias = "bias" in step.arrays
        layer = keras.layers.Dense(step.n_out, activation, use_bias=use_bias, name=step.name)
    elif step.kind == "batch_norm":
        layer = keras.layers.BatchNormalization(-1, step.momentum, step.epsilon, name=step.name)
    else:
        layer = keras.layers.Dropout(step.rate, name=step.name)
    layer.trainable = step.trainable
    return [layer, *layers]


def from_keras(
    network: Any, estimator: Network, *, classes: ArrayLike | None = None, multilabel: bool = False
) -> Network:
    """Return a fitted network that predicts as a `keras.Sequential`.

    Needs Keras 3, ``pip install keras``, with one of its backends.

    Parameters
    ----------
    network : keras.Sequential
        Of `Dense`, `BatchNormalization`, `Dropout` and activations that skdnn has; the last `Dense`
        gives the outputs. Those of a classifier may be probabilities, or scores without an
        activation; those of a regressor are its predictions, so that ``loss="poisson"`` needs the
        activation 'exponential'.
    estimator : MLPNet or MLPNetRegressor
        Whose parameters the network has, but for those that describe the layers. It stays as it is.
    classes : array-like of shape (n_classes,), default=None
        The sorted labels of a classifier; None for 0, 1, ... Of two classes the network may have
        one output, for the second, or two.
    multilabel : bool, default=False
        Whether each output of a classifier is a label, of which a row may have several.

    Returns
    -------
    model : MLPNet or MLPNetRegressor
        With `hidden_layers`, and copies of the weights, in their type. It has made no epoch: its
        history is empty. `partial_fit`, and with `warm_start` `fit`, go on from its weights.

    Raises
    ------
    ImportError
        When Keras is not installed.
    TypeError
        When `network` or `estimator` are not as described.
    ValueError
        When a layer has no counterpart, or the classes do not fit the outputs; the message names
        it.

    See Also
    --------
    to_keras : The way back.

    Examples
    --------
    .. code-block:: python

        network = keras.Sequential(
            [keras.Input((4,)), layers.Dense(16, "relu"), layers.Dense(3, "softmax")]
        )
        ...  # compile and fit it
        net = from_keras(network, MLPNet(), classes=["setosa", "versicolor", "virginica"])
        net.predict(X)
    """
    keras = import_optional_dependency("keras")
    if not isinstance(network, keras.Sequential):
        raise TypeError(f"The network must be a keras.Sequential, got {type(network).__name__}.")
    if network.layers and not network.built:
        raise ValueError("The network has no weights yet: begin it with a keras.Input.")
    steps: list[Step] = []
    for layer in network.layers:
        step = _step(keras, layer)
        if step is not None:
            steps.append(step)
        activate(steps, layer.name, *_activation_of(keras, layer))
    return assembled(estimator, steps, classes=classes, multilabel=multilabel, predicts=True)


def _step(keras: Any, layer: Any) -> Step | None:
    """Return the step that a layer is; None where it is an activation alone."""
    kind = type(layer).__name__
    if kind == "Dense":
        weights = layer.get_weights()
        if len(weights) != 1 + layer.use_bias:
            raise ValueError(f"{layer.name!r} has more weights than a kernel and a bias.")
        arrays = dict(zip(_ARRAYS["dense"], weights, strict=False))
        return Step(layer.name, "dense", layer.units, arrays=arrays, trainable=layer.trainable)
    if kind == "BatchNormalization" and layer.center and layer.scale:
        if layer.momentum >= 1:
            raise ValueError(f"The momentum of {layer.name!r} must be below 1.")
        arrays = dict(zip(_ARRAYS["batch_norm"], layer.get_weights(), strict=True))
        # Of so many batches the running statistics are no plain means any longer.
        arrays["n_batches"] = np.array([math.ceil(layer.momentum / (1 - layer.momentum))])
        return Step(
            layer.name,
            "batch_norm",
            arrays["gamma"].size,
            arrays=arrays,
            momentum=layer.momentum,
            epsilon=layer.epsilon,
            trainable=layer.trainable,
        )
    if kind == "Dropout":
        return Step(layer.name, "dropout", 0, rate=layer.rate)
    if kind in ("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax"):
        return None
    raise ValueError(f"skdnn has no layer that is {layer.name!r}, a {kind}.")


def _activation_of(keras: Any, layer: Any) -> tuple[str, float]:
    """Return the activation of a layer, and its parameter."""
    kind = type(layer).__name__
    for name, (theirs, parameter) in _LAYERS.items():
        if kind == theirs:
            return name, float(getattr(layer, parameter))
    if kind == "ReLU":
        if layer.max_value is not None or layer.negative_slope or layer.threshold:
            raise ValueError(f"skdnn's 'relu' has no limits, {layer.name!r} has.")
        return "relu", 0.0
    if kind == "Softmax":
        if layer.axis not in (1, -1):
            raise ValueError(f"skdnn's 'softmax' has axis=-1, {layer.name!r} has {layer.axis}.")
        return "softmax", 0.0
    if not hasattr(layer, "activation"):
        return "identity", 0.0
    theirs = keras.activations.serialize(layer.activation)
    for name, keras_name in _NAMES.items():
        if theirs == keras_name:
            own = engine.ACTIVATIONS.get(name)
            return name, _SLOPE if name == "leaky_relu" else own.alpha if own else 0.0
    theirs = getattr(layer.activation, "__name__", layer.activation)
    raise ValueError(f"{layer.name!r} has the activation {theirs!r}, which skdnn has not.")
