"""What the displays read from a fitted model: the network inside it, its layers, its inputs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import check_is_fitted


def unwrap(model: Any) -> tuple[Any, Any]:
    """Return the network inside a model, and the steps that its rows go through before.

    Parameters
    ----------
    model : estimator instance
        A network, or a search, Pipeline, FrozenEstimator or TransformedTargetRegressor that ends
        in one.

    Returns
    -------
    network : estimator instance
    steps : Pipeline or None
        None where the rows go straight to the network.

    Raises
    ------
    NotFittedError
        When the model is not fitted; a ValueError too.
    """
    check_is_fitted(model)
    for name in ("best_estimator_", "regressor_"):
        if hasattr(model, name):
            return unwrap(getattr(model, name))
    if isinstance(model, FrozenEstimator):
        return unwrap(model.estimator)
    if not isinstance(model, Pipeline):
        return model, None
    network, inner = unwrap(model[-1])
    if len(model) == 1:
        return network, inner
    return network, model[:-1] if inner is None else make_pipeline(model[:-1], inner)


def dense_layers(network: Any) -> tuple[list[NDArray], list[NDArray]]:
    """Return the weights, shape (n_in, n_out), and biases, shape (n_out,), of the dense layers.

    Raises
    ------
    TypeError
        When the estimator is neither a network nor a linear model.
    """
    if hasattr(network, "coefs_"):
        return list(network.coefs_), list(network.intercepts_)
    if not hasattr(network, "coef_"):
        raise TypeError(
            "The model must be a network or a linear model, with coefs_ or coef_; got "
            f"{type(network).__name__}, which has neither."
        )
    coef = network.coef_.toarray() if issparse(network.coef_) else network.coef_
    coef = np.atleast_2d(coef)
    return [coef.T], [np.broadcast_to(network.intercept_, len(coef))]


def input_names(network: Any, steps: Any) -> list[str]:
    """Return the names of the network's inputs, as `unwrap` gives the two; x0, x1, ... if none."""
    if hasattr(network, "feature_names_in_"):
        return list(network.feature_names_in_)
    try:
        return list(steps.get_feature_names_out())
    except AttributeError:
        # No steps, or some that do not know the names.
        return [f"x{i}" for i in range(network.n_features_in_)]


def output_names(network: Any, n_outputs: int) -> list[str]:
    """Return a name for each output: the classes where there are as many of them.

    One output of a classifier is the score of the second class.
    """
    classes = [str(label) for label in getattr(network, "classes_", [])]
    if len(classes) == n_outputs:
        return classes
    if len(classes) == 2 and n_outputs == 1:
        return classes[1:]
    return ["y"] if n_outputs == 1 else [f"y{i}" for i in range(n_outputs)]
