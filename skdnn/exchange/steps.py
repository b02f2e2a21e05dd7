"""A fitted network as the steps that its rows go through, and back."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import check_is_fitted

from skdnn import engine
from skdnn.linear.base import LinearNetwork
from skdnn.mlp.base import BaseMLP

# What a linear model and a network call the arrays of a step, and what they are called outside:
# as in `normalizations_`, and as in Keras, whose dense kernels too are (n_in, n_out).
_NAMES = {
    "dense": {"weights": "kernel", "bias": "bias"},
    "batch_norm": {"weights": "gamma", "bias": "beta"},
}


@dataclass
class Step:
    """What is done to a batch: a linear function, a normalisation, dropout or a maximum.

    Attributes
    ----------
    name : str
        "hidden_0", ..., "output", as in the summary. Of the steps of one layer the first one has
        it, the others are its `kind` after it.
    kind : str
        "dense", "batch_norm", "dropout" or "max_pool": the maximum of numbers side by side.
    n_out : int
    activation : str
        A key of `engine.ACTIVATIONS`.
    alpha : float
        Its parameter.
    arrays : dict of ndarray
        "kernel" of shape (n_in, n_out), and "bias" where there is one; of a normalisation "gamma",
        "beta", "mean", "variance" and "n_batches".
    momentum, epsilon : float
        Of a normalisation.
    rate : float
        Of dropout.
    trainable : bool
    """

    name: str
    kind: str
    n_out: int
    activation: str = "identity"
    alpha: float = 0.0
    arrays: dict[str, NDArray] = field(default_factory=dict)
    momentum: float = 0.0
    epsilon: float = 0.0
    rate: float = 0.0
    trainable: bool = True


def checked_model(model: Any) -> Any:
    """Return the model.

    Raises
    ------
    TypeError
        When it is no estimator of skdnn.
    NotFittedError
        When it is not fitted; a ValueError too.
    """
    if not isinstance(model, BaseMLP | LinearNetwork):
        raise TypeError(
            "The model must be an estimator of skdnn; of a pipeline give the last step, "
            f"pipeline[-1], of a search best_estimator_. Got {model!r}."
        )
    check_is_fitted(model)
    return model


def steps_of(model: Any) -> list[Step]:
    """Return the steps of a fitted estimator of skdnn; their arrays are views of its weights."""
    if isinstance(checked_model(model), LinearNetwork):
        coef = model.coef_.toarray() if issparse(model.coef_) else model.coef_
        kernel = np.atleast_2d(coef).T
        arrays = {"kernel": kernel}
        if model.fit_intercept:
            arrays["bias"] = np.reshape(model.intercept_, -1)
        return [Step("output", "dense", kernel.shape[1], arrays=arrays)]
    network = model._network
    kinds, activations = list(engine.KINDS), list(engine.ACTIVATIONS)
    with_arrays = iter(network.arrays(network.flat(model._views())))
    steps: list[Step] = []
    names = set()
    for row, block in zip(network.layers, network.blocks, strict=True):
        kind = "batch_norm" if row["kind"] == engine.NORMALIZE else kinds[row["kind"]]
        name = "output" if block == network.blocks[-1] else f"hidden_{block}"
        arrays = next(with_arrays) if row["weight_rows"] else {}
        steps.append(
            Step(
                f"{name}_{kind}" if name in names else name,
                kind,
                int(row["n_out"]),
                activations[row["activation"]],
                float(row["alpha"]),
                {_NAMES[kind].get(key, key): array for key, array in arrays.items()},
                float(row["momentum"]),
                float(row["epsilon"]),
                float(row["dropout"]),
                bool(row["learning_rate"]),
            )
        )
        names.add(name)
    return steps


def link_of(model: Any) -> str:
    """Return what turns the last step's outputs into predictions, a key of `engine.LINKS`."""
    if isinstance(model, BaseMLP):
        return model._network.loss.link
    if not is_classifier(model):
        return "identity"
    return "logistic" if model.coef_.shape[0] == 1 else "softmax"


@dataclass
class Targets:
    """What the outputs of a network stand for, beside its weights.

    Attributes
    ----------
    classes : ndarray or None
        The class labels of a classifier.
    multilabel : bool
        Whether they are labels of which a row may have several.
    feature_names : ndarray or None
    sparse_labels : bool
        Whether predictions of several labels are sparse, as the targets of the fit were.
    """

    classes: NDArray | None = None
    multilabel: bool = False
    feature_names: NDArray | None = None
    sparse_labels: bool = False


def targets_of(model: Any) -> Targets:
    """Return what the outputs of a fitted estimator stand for."""
    return Targets(
        getattr(model, "classes_", None),
        getattr(model, "_multilabel", False),
        getattr(model, "feature_names_in_", None),
        getattr(model, "_sparse_labels", False),
    )


def restored(estimator: Any, n_features: int, dtype: Any, n_outputs: int, about: Targets) -> Any:
    """Return a fitted copy of a network, whose weights are those that a fit starts from.

    It has made no epoch: its history is empty. `partial_fit`, and with `warm_start` `fit`, go on
    from its weights.

    Parameters
    ----------
    estimator : MLPNet or MLPNetRegressor
    n_features : int
    dtype : dtype
    n_outputs : int
        Number of output units.
    about : Targets
    """
    model = clone(estimator)
    model._validate_params()
    model.n_features_in_ = n_features
    if about.feature_names is not None:
        model.feature_names_in_ = about.feature_names
    if is_classifier(model):
        if about.classes is None:
            raise ValueError(f"{type(model).__name__} needs the classes, got None.")
        model.classes_ = about.classes
        model._multilabel, model._sparse_labels = about.multilabel, about.sparse_labels
    else:
        model._n_targets = max(n_outputs // len(model._quantiles()), 1)
        if model._n_targets * len(model._quantiles()) != n_outputs:
            raise ValueError(
                f"quantile={model.quantile!r} asks for a multiple of {len(model._quantiles())} "
                f"outputs, got {n_outputs}."
            )
    network = model._describe(np.empty((0, n_features), dtype), n_outputs)
    model._initialize(network, np.random.RandomState(0))
    model.history_, model.n_iter_ = [], 0
    model.loss_, model.converged_ = np.nan, False
    model.best_loss_ = None if model.early_stopping else np.inf
    model.best_validation_score_ = None
    return model


def named_arrays(steps: list[Step]) -> dict[str, NDArray]:
    """Return the arrays of all steps by their full names, such as "hidden_0.kernel"."""
    return {f"{step.name}.{key}": a for step in steps for key, a in step.arrays.items()}


def fill(model: Any, given: dict[str, NDArray]) -> None:
    """Set the weights of a fitted estimator to arrays that are given by their full names.

    Raises
    ------
    ValueError
        When names or shapes differ.
    """
    own = named_arrays(steps_of(model))
    needed = {name: array.shape for name, array in own.items()}
    found = {name: array.shape for name, array in given.items()}
    if needed != found:
        wrong = [
            f"{name} of shape {needed.get(name, 'none')} has {found.get(name, 'none')}"
            for name in {**needed, **found}
            if needed.get(name) != found.get(name)
        ]
        raise ValueError(f"The weights do not fit the layers of {model!r}: {'; '.join(wrong)}.")
    for name, array in own.items():
        array[...] = given[name]
