"""From the parameters of an estimator to its network, and to the weights that it starts from."""

from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import InvalidParameterError

from skdnn.layers import Dropout, Layer, Output, plain_layers
from skdnn.network import Network


def hidden_blocks(estimator: Any) -> list[list[Layer]]:
    """Return the hidden layers, those that belong together in one list.

    Raises
    ------
    ValueError
        When a parameter that describes them has a value that it cannot have.
    """
    if estimator.hidden_layers is not None:
        return [[layer] for layer in _checked_layers(estimator)]
    hidden = estimator.hidden_layer_sizes
    hidden = list(hidden) if hasattr(hidden, "__iter__") else [hidden]
    if any(not isinstance(size, Integral) or size <= 0 for size in hidden):
        raise ValueError(
            f"hidden_layer_sizes must be > 0, got {hidden}. It takes whole numbers; layers that "
            "are objects go into hidden_layers."
        )
    rates = np.asarray(estimator.dropout, dtype=float)
    if rates.shape not in ((), (len(hidden),)) or not np.all((rates >= 0) & (rates < 1)):
        raise ValueError(
            f"dropout must be a number in [0, 1), or one for each of the {len(hidden)} hidden "
            f"layers; got {estimator.dropout!r}."
        )
    return plain_layers(hidden, rates, estimator.batch_norm)


def _checked_layers(estimator: Any) -> list[Layer]:
    for name, default in (("dropout", 0.0), ("batch_norm", False)):
        if np.any(np.asarray(getattr(estimator, name)) != default):
            raise ValueError(
                f"{name}={getattr(estimator, name)!r} is for hidden_layer_sizes; with "
                "hidden_layers, put Dropout and BatchNorm layers among them."
            )
    for i, layer in enumerate(estimator.hidden_layers):
        if not isinstance(layer, Layer) or isinstance(layer, Output):
            raise InvalidParameterError(
                f"hidden_layers[{i}] must be a layer of skdnn.layers, such as Dense(64) for 64 "
                f"units; got {layer!r}."
            )
        _check_layer(f"hidden_layers[{i}]", layer)
    return list(estimator.hidden_layers)


def _check_layer(name: str, layer: Layer) -> None:
    try:
        layer.check()
    except InvalidParameterError as error:
        raise InvalidParameterError(f"{name}: {error}") from None


def _output(estimator: Any, n_outputs: int, activation: str) -> Output:
    if estimator.output_layer is None:
        return Output(n_outputs, activation)
    _check_layer("output_layer", estimator.output_layer)
    return replace(estimator.output_layer, units=n_outputs, activation=activation)


def describe(
    estimator: Any, n_features: int, n_outputs: int, dtype: DTypeLike | None, **loss: Any
) -> Network:
    """Return the network that an estimator's parameters describe.

    `loss` is what `Network` is told of the loss; `output_activation` is that of the output layer.
    """
    blocks = hidden_blocks(estimator)
    blocks.append([_output(estimator, n_outputs, loss.pop("output_activation"))])
    options = {
        "activation": estimator.activation,
        "kernel_initializer": estimator.kernel_initializer,
        "dtype": dtype,
        "l2": estimator.alpha,
        "penalty_per_weight": True,
        **loss,
    }
    network = Network(n_features, blocks, **options)
    rates = _learning_rates(estimator, blocks, network)
    if rates.count(1.0) != len(rates):
        network = Network(n_features, blocks, **options, learning_rates=rates)
    if estimator.solver == "lbfgs":
        _check_for_lbfgs(estimator, network)
    return network


def _check_for_lbfgs(estimator: Any, network: Network) -> None:
    """Raise a ValueError when something is asked for that L-BFGS cannot do."""
    for name, off in (
        ("average", None),
        ("clip_norm", None),
        ("weight_decay", 0),
        ("kept_learning_rate", 1),
    ):
        value = getattr(estimator, name)
        if value is not None and value != off:
            raise ValueError(f"solver='lbfgs' has no use for {name}={value!r}: it makes no steps.")
    table = network.layers
    if network.is_random or network.normalizes:
        what = "Dropout" if network.is_random else "Batch normalisation"
        raise ValueError(
            f"solver='lbfgs' needs a loss that stays the same. {what} changes it from batch to "
            "batch: do without it, or choose another solver."
        )
    for what, unfit in (
        ("an L1 penalty", table["l1"] + table["bias_l1"] > 0),
        ("max_norm", table["max_norm"] > 0),
    ):
        if (unfit & (table["learning_rate"] > 0)).any():
            raise ValueError(
                f"solver='lbfgs' cannot take {what} of a layer into account: do without it, or "
                "choose another solver."
            )


def _learning_rates(estimator: Any, blocks: list[list[Layer]], network: Network) -> list[float]:
    """Return for each block of layers what its learning rate is multiplied by."""
    rates = np.ones(len(blocks))
    for i in estimator.frozen_layers:
        if not isinstance(i, Integral) or not 1 - len(blocks) <= int(i) < len(blocks) - 1:
            raise ValueError(
                f"frozen_layers={estimator.frozen_layers!r} must be numbers of the "
                f"{len(blocks) - 1} hidden layers, counted from 0; got {i!r}."
            )
        # Negative numbers count from the last hidden layer, not from the output.
        number = int(i) if int(i) >= 0 else int(i) - 1
        if all(isinstance(layer, Dropout) for layer in blocks[number]):
            raise ValueError(
                f"frozen_layers={estimator.frozen_layers!r}: hidden layer {int(i)} is "
                f"{blocks[number][0]}, which has nothing to train."
            )
        rates[number] = 0.0
    if estimator.initial_weights is not None and estimator.kept_learning_rate != 1.0:
        kept = initial_arrays(estimator, network)
        rates[sorted({network.owners[i] for i in kept})] *= estimator.kept_learning_rate
    return rates.tolist()


def initial_arrays(estimator: Any, network: Network) -> dict[int, dict[str, NDArray]]:
    """Return the arrays that `initial_weights` has for the layers of a network.

    Parameters
    ----------
    estimator : estimator instance
        A classifier's output layer is taken over only if the classes are the same.
    network : Network

    Returns
    -------
    arrays : dict
        The arrays by their names, of each layer with parameters (counted as in
        `Network.arrays`) whose shapes agree with those of the source.

    Raises
    ------
    ValueError
        When the source is not fitted, or no shapes agree.
    """
    source = estimator.initial_weights
    model = source.estimator if isinstance(source, FrozenEstimator) else source
    pair = isinstance(model, tuple | list) and len(model) == 2
    if pair and all(hasattr(part, "__iter__") for part in model):
        found: dict[str, Any] = {"coefs_": list(model[0]), "intercepts_": list(model[1])}
    elif hasattr(model, "coefs_") and hasattr(model, "intercepts_"):
        found = {name: list(getattr(model, name)) for name in ("coefs_", "intercepts_")}
        found["normalizations_"] = getattr(model, "normalizations_", [])
        if not np.array_equal(getattr(model, "classes_", 0), getattr(estimator, "classes_", 0)):
            found["coefs_"].pop()
            found["intercepts_"].pop()
    else:
        raise ValueError(
            "initial_weights must be a fitted network in a sklearn.frozen.FrozenEstimator (clone "
            "would unfit it otherwise; of a pipeline give the last step), or a pair of lists of "
            f"arrays, like coefs_ and intercepts_; got {source!r}."
        )
    if len(found["coefs_"]) != len(found["intercepts_"]):
        raise ValueError(
            f"initial_weights has {len(found['coefs_'])} arrays of weights, but "
            f"{len(found['intercepts_'])} of biases."
        )
    kept = {}
    layers = iter(zip(found["coefs_"], found["intercepts_"], strict=False))
    normalizations = iter(found.get("normalizations_", []))
    for i, arrays in enumerate(network.arrays(np.empty(network.n_numbers, network.dtype))):
        if "mean" in arrays:
            own = next(normalizations, None)
            own = own and {**own, "weights": own["gamma"], "bias": own["beta"]}
        else:
            own = next(layers, None)
            own = own and dict(zip(("weights", "bias"), map(np.asarray, own), strict=True))
        if own and all(own[name].shape == array.shape for name, array in arrays.items()):
            kept[i] = {name: own[name] for name in arrays}
    if not kept:
        raise ValueError(
            "initial_weights has no layer of a shape that is needed: its weights are "
            f"{[np.shape(coef) for coef in found['coefs_']]}, needed are {network.shapes}."
        )
    return kept


def initialize(
    estimator: Any, network: Network, params: NDArray, random_state: np.random.RandomState
) -> None:
    """Draw the initial weights, in place, and take over those that are given."""
    network.initialize(params, random_state)
    if estimator.initial_weights is not None:
        kept = initial_arrays(estimator, network)
        arrays = network.arrays(params)
        for i, values in kept.items():
            for name, value in values.items():
                arrays[i][name][:] = value
