"""The parameters of a fitted estimator in a safetensors file, by the names of its layers."""

import json
import os
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier

from skdnn._version import __version__
from skdnn.dependencies import import_optional_dependency
from skdnn.exchange.steps import (
    Targets,
    fill,
    link_of,
    named_arrays,
    restored,
    steps_of,
    targets_of,
)
from skdnn.files import replacing
from skdnn.linear.base import LinearNetwork
from skdnn.mlp.base import BaseMLP

# Of the file; 2 would be one that this version cannot read.
FORMAT = 1
# The entry of the file's metadata that tells what is no array.
_ABOUT = "skdnn"
Estimator = TypeVar("Estimator", bound=BaseMLP | LinearNetwork)


def save_weights(model: Any, path: str | os.PathLike) -> None:
    """Write the parameters of a fitted estimator to a safetensors file.

    The file holds arrays and nothing that could be run, and many libraries and tools read it. The
    arrays have the names of the layers, as in `summary`, and their own: ``hidden_0.kernel`` of
    shape (n_in, n_out), ``hidden_0.bias``; of batch normalisation ``hidden_0.gamma``, ``beta``,
    ``mean``, ``variance`` and ``n_batches``; of the output layer ``output.kernel`` and
    ``output.bias``. Batch normalisation that belongs to a layer with weights of its own has the
    name ``hidden_0_batch_norm``. The classes and the names of the features are in the metadata.
    Needs safetensors (the extra ``safetensors``).

    Parameters
    ----------
    model : estimator of skdnn
        Fitted; of a pipeline the last step.
    path : str or path-like
        Where to write, ``"model.safetensors"`` by custom. A file that is there is replaced, whole
        or not at all.

    Raises
    ------
    ImportError
        When safetensors is not installed.
    NotFittedError
        When the model is not fitted; a ValueError too.
    TypeError
        When the model is none of skdnn, or the class labels are neither numbers nor strings.
    OSError
        When the file cannot be written.

    See Also
    --------
    load_weights : Read it.
    skdnn.save : Write the whole model, with its parameters and its history.

    Examples
    --------
    >>> import os, tempfile
    >>> from safetensors.numpy import load_file
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import MLPNet
    >>> from skdnn.exchange import load_weights, save_weights
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPNet((10,), learning_rate_init=0.1, random_state=0).fit(X, y)
    >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
    >>> save_weights(net, path)
    >>> sorted(load_file(path))
    ['hidden_0.bias', 'hidden_0.kernel', 'output.bias', 'output.kernel']
    >>> loaded = load_weights(MLPNet((10,)), path)
    >>> bool((loaded.predict_proba(X) == net.predict_proba(X)).all())
    True
    """
    import_optional_dependency("safetensors")
    from safetensors.numpy import save

    about = targets_of(model)
    described = {
        "format": FORMAT,
        "version": __version__,
        **_functions(model),
        "n_features": model.n_features_in_,
        "one_dimensional": np.ndim(getattr(model, "coef_", 0)) == 1,
        "penalized": getattr(model, "_penalized", None),
        "classes": _plain(about.classes),
        "multilabel": about.multilabel,
        "sparse_labels": about.sparse_labels,
        "feature_names": _plain(about.feature_names),
    }
    # Arrays of other strides would be written in the wrong order.
    arrays = {n: np.ascontiguousarray(a) for n, a in named_arrays(steps_of(model)).items()}
    with replacing(path) as file:
        file.write(save(arrays, {_ABOUT: json.dumps(described)}))


def load_weights(estimator: Estimator, path: str | os.PathLike) -> Estimator:
    """Return an estimator with the parameters of a file that `save_weights` has written.

    Needs safetensors (the extra ``safetensors``).

    Parameters
    ----------
    estimator : estimator of skdnn
        Fitted or not; it stays as it is. Its layers must be those of the file.
    path : str or path-like
        The file.

    Returns
    -------
    model : estimator
        A fitted copy of `estimator`, which predicts as the model that was saved, to the last bit.
        It has made no epoch: its history is empty. `partial_fit`, and with `warm_start` `fit`, go
        on from its weights.

    Raises
    ------
    ImportError
        When safetensors is not installed.
    TypeError
        When the estimator is none of skdnn.
    ValueError
        When the layers, their activations or the shapes of the arrays are not those of the file,
        or when the file is none that `save_weights` has written, or is damaged.

    See Also
    --------
    save_weights : Write it, with an example.
    """
    safetensors = import_optional_dependency("safetensors")
    if not isinstance(estimator, BaseMLP | LinearNetwork):
        raise TypeError(f"The estimator must be one of skdnn, got {estimator!r}.")
    try:
        with safetensors.safe_open(path, "numpy") as file:
            described = json.loads((file.metadata() or {})[_ABOUT])
            arrays = {name: file.get_tensor(name) for name in file.keys()}
        newer = described["format"] > FORMAT
        about = Targets() if newer else _targets(described, arrays["output.kernel"])
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"{str(path)!r} is not a file that skdnn.exchange.save_weights has written, or it is "
            "damaged."
        ) from error
    if newer:
        raise ValueError(
            f"{str(path)!r} was written by skdnn {described['version']} in format "
            f"{described['format']}; the installed skdnn {__version__} reads formats up to "
            f"{FORMAT}. Install a newer one."
        )
    if is_classifier(estimator) != (about.classes is not None):
        kinds = {True: "classifier", False: "regressor"}
        raise ValueError(
            f"{str(path)!r} holds the weights of a {kinds[about.classes is not None]}, but "
            f"{estimator!r} is a {kinds[is_classifier(estimator)]}."
        )
    kernel = arrays["output.kernel"]
    if isinstance(estimator, BaseMLP):
        model = restored(estimator, described["n_features"], kernel.dtype, kernel.shape[1], about)
    else:
        model = _linear(estimator, kernel, about, described)
    functions = _functions(model)
    for what, found in functions.items():
        if described[what] != found:
            raise ValueError(
                f"{str(path)!r} holds the weights of a network with {what}={described[what]}, but "
                f"{estimator!r} has {what}={found}."
            )
    fill(model, arrays)
    if described["one_dimensional"] and isinstance(model, LinearNetwork):
        model.intercept_ = model.intercept_[()]
    return model


def _targets(described: dict[str, Any], kernel: NDArray) -> Targets:
    """Return what the outputs of a file's network stand for.

    Raises
    ------
    IndexError, KeyError, TypeError, ValueError
        When something is missing in the file, or does not fit the output layer.
    """
    classes, names = (_array(described[name]) for name in ("classes", "feature_names"))
    about = Targets(classes, described["multilabel"], names, described["sparse_labels"])
    n_features, n_outputs = described["n_features"], kernel.shape[1]
    n_classes = n_outputs if about.multilabel else max(n_outputs, 2)
    if not (
        kernel.dtype in (np.float32, np.float64)
        and type(n_features) is int
        and n_features > 0
        and (names is None or names.shape == (n_features,))
        and (classes is None or len(classes) == n_classes)
        and (classes is None or np.array_equal(classes, np.unique(classes)))
        and {"layers", "link", "one_dimensional", "penalized"} <= described.keys()
    ):
        raise ValueError("The metadata and the arrays do not fit one another.")
    return about


def _functions(model: Any) -> dict[str, Any]:
    """Return what a model's parameters are the parameters of."""
    names = ("name", "kind", "activation", "alpha", "epsilon")
    steps = [step for step in steps_of(model) if step.kind != "dropout"]
    layers = [{name: getattr(step, name) for name in names} for step in steps]
    return {"layers": layers, "link": link_of(model)}


def _linear(estimator: Any, kernel: NDArray, about: Targets, described: dict[str, Any]) -> Any:
    """Return a fitted copy of a linear model, with coefficients that are to be filled."""
    model = clone(estimator)
    model._validate_params()
    n_features, n_outputs = described["n_features"], kernel.shape[1]
    model.n_features_in_, model.history_, model.loss_curve_ = n_features, [], []
    if about.feature_names is not None:
        model.feature_names_in_ = about.feature_names
    if about.classes is None:
        model.n_iter_ = 0
    else:
        model.classes_, model.n_iter_ = about.classes, np.zeros(1, np.int32)
    shape = () if described["one_dimensional"] else (n_outputs,)
    model.coef_ = np.zeros((*shape, n_features), kernel.dtype)
    model.intercept_ = np.zeros(shape, kernel.dtype)
    # Whether its summary may tell standard errors.
    model._penalized = described["penalized"]
    return model


def _plain(array: NDArray | None) -> dict[str, Any] | None:
    """Return what JSON can hold of an array of labels."""
    if array is None:
        return None
    if array.dtype.kind not in "biufUO" or not all(
        isinstance(label, str | bool | int | float) for label in array.tolist()
    ):
        raise TypeError(f"Class labels must be numbers or strings, got {array!r}.")
    return {"dtype": array.dtype.str, "values": array.tolist()}


def _array(plain: dict[str, Any] | None) -> NDArray | None:
    return None if plain is None else np.array(plain["values"], plain["dtype"])
