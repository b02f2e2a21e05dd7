"""Fitted networks as those of scikit-learn, and back."""

import warnings
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state
from sklearn.utils._pprint import _changed_params
from sklearn.utils.validation import check_is_fitted

from skdnn.exchange.steps import Targets, checked_model, restored, steps_of
from skdnn.layers import Dense, Dropout
from skdnn.linear.base import LinearNetwork
from skdnn.mlp import MLPNet, MLPNetRegressor

_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
# The values of parameters that scikit-learn has too, but with fewer values.
_VALUES = {
    "loss": ("squared_error", "poisson"),
    "solver": ("lbfgs", "sgd", "adam"),
    "learning_rate": ("constant", "invscaling", "adaptive"),
}
# What describes the layers that there are, and what is not of the fit.
_LAYERS = (
    "activation",
    "hidden_layer_sizes",
    "hidden_layers",
    "output_activation",
    "transform_layer",
)
# What training counts.
_COUNTS = (
    "best_loss_",
    "best_validation_score_",
    "loss_",
    "n_iter_",
    "t_",
    "_no_improvement_count",
)


def to_sklearn(model: Any) -> Any:
    """Return a fitted network as one of scikit-learn, which predicts the same.

    Parameters
    ----------
    model : MLPNet or MLPNetRegressor
        Fitted. Its layers must be ones that scikit-learn has: dense ones, with one activation for
        all hidden layers, 'identity', 'logistic', 'tanh' or 'relu'. Dropout does nothing at
        prediction, and is left out.

    Returns
    -------
    network : MLPClassifier or MLPRegressor
        With copies of the weights, the parameters and the loss of each epoch. `partial_fit`, and
        with `warm_start` `fit`, go on from the weights; the optimiser's own state begins anew.

    Raises
    ------
    NotFittedError
        When the model is not fitted; a ValueError too.
    TypeError
        When it is none of the two.
    ValueError
        When scikit-learn has no such layer, activation or output; the message names it.

    Warns
    -----
    UserWarning
        When parameters of training have values that scikit-learn has not; they have its defaults
        then. The predictions do not depend on them.

    See Also
    --------
    from_sklearn : The way back.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import MLPNet
    >>> from skdnn.exchange import to_sklearn
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPNet((10,), learning_rate_init=0.1, random_state=0).fit(X, y)
    >>> classifier = to_sklearn(net)
    >>> classifier
    MLPClassifier(hidden_layer_sizes=(10,), learning_rate_init=0.1, random_state=0)
    >>> bool(abs(classifier.predict_proba(X) - net.predict_proba(X)).max() < 1e-12)
    True
    """
    # It takes a second, for those who do not need it.
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    if isinstance(checked_model(model), LinearNetwork):
        raise TypeError(
            f"The model must be an MLPNet or MLPNetRegressor, got {model!r}. scikit-learn's "
            "networks have hidden layers."
        )
    target = MLPClassifier if is_classifier(model) else MLPRegressor
    sizes, activation = _hidden_layers(model)
    if not is_classifier(model) and model.out_activation_ not in ("identity", "exp"):
        raise ValueError(
            f"{target.__name__} has no output with the activation {model.out_activation_!r}."
        )
    if not is_classifier(model) and len(model._quantiles()) > 1 and model._n_targets > 1:
        raise ValueError(
            f"{target.__name__} predicts one number for each target, but "
            f"quantile={model.quantile!r} asks for several."
        )
    network = target(**_parameters(model, target, sizes, activation))
    network._random_state = check_random_state(0)
    if is_classifier(model):
        network._label_binarizer = _label_binarizer(model)
        network.classes_ = network._label_binarizer.classes_
    outputs = np.empty((0, model.n_outputs_))
    network._initialize(outputs, [model.n_features_in_, *sizes, model.n_outputs_], np.float64)
    network.coefs_ = [np.array(coef) for coef in model.coefs_]
    network.intercepts_ = [np.array(intercept) for intercept in model.intercepts_]
    for name in (*_COUNTS, "n_features_in_", "feature_names_in_"):
        if hasattr(model, name):
            setattr(network, name, getattr(model, name))
    network.loss_curve_ = list(model.loss_curve_)
    if network.early_stopping and model.validation_scores_ is not None:
        network.validation_scores_ = list(model.validation_scores_)
    network._best_coefs = [coef.copy() for coef in network.coefs_]
    network._best_intercepts = [intercept.copy() for intercept in network.intercepts_]
    return network


def _hidden_layers(model: Any) -> tuple[tuple[int, ...], str]:
    """Return the sizes of the hidden layers, and their activation."""
    steps = [step for step in steps_of(model) if step.kind != "dropout"]
    activation = steps[0].activation if len(steps) > 1 else "relu"
    for step in steps:
        if step.kind != "dense":
            kind = {"batch_norm": "batch normalisation", "max_pool": "Maxout"}[step.kind]
            raise ValueError(f"scikit-learn's networks have no {kind}, which {step.name} has.")
        if step.name != "output" and step.activation not in _ACTIVATIONS:
            raise ValueError(
                f"{step.name} has the activation {step.activation!r}; scikit-learn's networks have "
                f"{', '.join(map(repr, _ACTIVATIONS))}."
            )
        if step.name != "output" and step.activation != activation:
            raise ValueError(
                f"{step.name} has the activation {step.activation!r}, hidden_0 {activation!r}; "
                "scikit-learn's networks have one for all hidden layers."
            )
    return tuple(step.n_out for step in steps[:-1]), activation


def _parameters(model: Any, target: type, sizes: tuple[int, ...], activation: str) -> dict:
    """Return the parameters of scikit-learn's network; warn of those that it has not."""
    theirs = target().get_params()
    given: dict[str, Any] = {"hidden_layer_sizes": sizes, "activation": activation}
    for name, value in model.get_params(deep=False).items():
        values = _VALUES.get(name)
        known = values is None or (isinstance(value, str) and value in values)
        if name in theirs and name not in _LAYERS and known:
            given[name] = value
    lost = {
        name: value
        for name, value in _changed_params(model).items()
        if name not in given and name not in _LAYERS
    }
    layers = model.hidden_layers or []
    if any(
        type(layer) is Dropout or layer != Dense(layer.units, layer.activation) for layer in layers
    ):
        lost["hidden_layers"] = layers
    if lost:
        warnings.warn(
            f"{target.__name__} has no {', '.join(f'{n}={value!r}' for n, value in lost.items())}. "
            "The predictions are the same, a further fit is not.",
            stacklevel=3,
        )
    return given


def _label_binarizer(model: Any) -> LabelBinarizer:
    if not model._multilabel:
        return LabelBinarizer().fit(model.classes_)
    labels = np.eye(len(model.classes_), dtype=int)
    return LabelBinarizer().fit(sparse.csr_array(labels) if model._sparse_labels else labels)


def from_sklearn(network: Any) -> Any:
    """Return a fitted network of scikit-learn as one of skdnn, which predicts the same.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        Fitted.

    Returns
    -------
    model : MLPNet or MLPNetRegressor
        With copies of the weights, the parameters, and a `history_` of the loss and the validation
        score of each epoch. `partial_fit`, and with `warm_start` `fit`, go on from the weights; the
        optimiser's own state begins anew.

    Raises
    ------
    NotFittedError
        When the network is not fitted; a ValueError too.
    TypeError
        When it is none of the two.
    ValueError
        When it was fitted on one class only.

    See Also
    --------
    to_sklearn : The way back.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skdnn.exchange import from_sklearn
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier((10,), learning_rate_init=0.1, random_state=0).fit(X, y)
    >>> net = from_sklearn(classifier)
    >>> net
    MLPNet(hidden_layer_sizes=(10,), learning_rate_init=0.1, random_state=0)
    >>> bool(abs(net.predict_proba(X) - classifier.predict_proba(X)).max() < 1e-12)
    True
    """
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    if not isinstance(network, MLPClassifier | MLPRegressor):
        raise TypeError(f"The network must be an MLPClassifier or MLPRegressor, got {network!r}.")
    check_is_fitted(network)
    targets = Targets(feature_names=getattr(network, "feature_names_in_", None))
    if isinstance(network, MLPClassifier):
        targets.classes = network.classes_
        targets.multilabel = network._label_binarizer.y_type_.startswith("multilabel")
        targets.sparse_labels = bool(network._label_binarizer.sparse_input_)
        if len(network.classes_) < 2:
            raise ValueError(f"MLPNet needs at least 2 classes, got {network.classes_}.")
    target = MLPNet if isinstance(network, MLPClassifier) else MLPNetRegressor
    model = restored(
        target(**network.get_params(deep=False)),
        network.n_features_in_,
        network.coefs_[0].dtype,
        network.n_outputs_,
        targets,
    )
    for own, given in ((model.coefs_, network.coefs_), (model.intercepts_, network.intercepts_)):
        for array, value in zip(own, given, strict=True):
            array[:] = value
    for name in _COUNTS:
        if hasattr(network, name):
            setattr(model, name, getattr(network, name))
    model.history_ = [
        {"epoch": i + 1, "loss": float(loss)}
        for i, loss in enumerate(getattr(network, "loss_curve_", []))
    ]
    for i, score in enumerate(getattr(network, "validation_scores_", None) or []):
        model.history_[i]["validation_score"] = float(score)
    # A fit ends before only where it sees no improvement; `partial_fit` makes one epoch.
    streams = network.n_iter_ == 1 and network.solver != "lbfgs"
    model.converged_ = network.n_iter_ < network.max_iter and not streams
    return model
