"""Fitting a network to rows that a cluster has."""

import copy
from typing import Any, TypeVar

import numpy as np
from sklearn.base import _fit_context, is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight

from skdnn.callbacks import ModelCheckpoint
from skdnn.distributed.cluster import Blocks
from skdnn.distributed.collections import check_collection, find_client, sending_parameters
from skdnn.distributed.partition import naming
from skdnn.distributed.training import ClusterBatches, ClusterObjective
from skdnn.mlp.architecture import describe
from skdnn.mlp.base import BaseMLP
from skdnn.tasks import EpochTasks

# What an estimator learns of features and targets before it is trained.
_LEARNED = (
    "n_features_in_",
    "feature_names_in_",
    "classes_",
    "_multilabel",
    "_sparse_labels",
    "_n_targets",
)
# Parameters that do not concern the data, and may be large or what no other process can have.
_FOREIGN = ("hidden_layers", "initial_weights", "learning_rate", "scoring")
Estimator = TypeVar("Estimator", bound=BaseMLP)


def fit(
    estimator: Estimator,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    X_val: Any = None,
    y_val: Any = None,
    sample_weight_val: Any = None,
    classes: Any = None,
    client: Any = None,
) -> Estimator:
    """Fit a network to a dask array or data frame, on the workers of a cluster.

    Training is data-parallel and synchronous. The partitions stay where the workers have them. A
    batch has of each partition as many rows as is its share in all; each worker sums loss and
    gradient over its rows, and the client makes the step that the optimiser makes of the batch's
    mean gradient. So the result is that of ``estimator.fit`` on the same batches, to rounding. What
    is summed in which order depends on the partitions only: any number of workers comes to the same
    bits. When a worker is lost, dask computes its partitions anew on the others, and the step goes
    on.

    Rows are shuffled inside their partitions. With dropout, the masks are others than those of
    ``estimator.fit``.

    Parameters
    ----------
    estimator : MLPNet or MLPNetRegressor
        What is fitted, in place. All that works in its `fit` works here, but for batch
        normalisation, ``early_stopping`` on held out rows (give `X_val` and `y_val`), and
        ``ModelCheckpoint(resumable=True)``. Of a Pipeline give the last step, and rows that the
        others have transformed.
    X : dask array of shape (n_samples, n_features), or dask DataFrame
        The input data; its blocks may be sparse (CSR).
    y : dask array or Series of shape (n_samples,), or array or DataFrame (n_samples, n_outputs)
        The targets, cut into partitions as `X` is. An array is cut like `X` where its lengths are
        known.
    sample_weight : dask array or Series of shape (n_samples,), default=None
        Sample weights; a row of weight zero is the same as no row.
    X_val, y_val, sample_weight_val : array-like, default=None
        Rows to validate on, in the memory of the client, as in the estimator's `fit`.
    classes : array-like of shape (n_classes,), default=None
        The class labels; None for all that `y` has, for which it is gone through once more.
    client : distributed.Client, default=None
        The cluster; None for the client that was made last.

    Returns
    -------
    estimator : object
        The fitted estimator, which needs no cluster any more.

    Raises
    ------
    ImportError
        When dask is not installed.
    TypeError
        When the estimator is another, or the data are no dask collections.
    ValueError
        When there is no client, the parameters ask for what cannot be done on a cluster, or the
        data cannot be used; as in the estimator's `fit`.

    Notes
    -----
    A step takes 10 to 20 milliseconds more than its sums (on one machine; the network's delay comes
    on top), and each worker gets the parameters and sends a gradient: `batch_size` should be such
    that a worker's share of a batch takes at least as long, some 1000 rows or more for each. With
    ``solver="lbfgs"`` a step goes over all rows. Give each worker one partition for each of its
    threads, or a few: their number decides on the order of the sums, and each is one more gradient
    to add up.

    References
    ----------
    J. Dean et al. (2012), Large scale distributed deep networks; of the ways to train there, this
    one is synchronous: J. Chen et al. (2016), Revisiting distributed synchronous SGD.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from skdnn import MLPNet, distributed
    >>> client = Client(processes=False, dashboard_address=":0")
    >>> X = da.random.default_rng(0).normal(size=(4000, 10), chunks=(1000, 10))
    >>> y = (X[:, 0] > X[:, 1]).astype(int)
    >>> net = MLPNet(batch_size=1000, learning_rate_init=0.1, tol=0.01, random_state=0)
    >>> net = distributed.fit(net, X, y)
    >>> bool((distributed.predict(net, X) == y).mean().compute() > 0.9)
    True
    >>> client.close()
    """
    client = find_client(client)
    check_collection(X, "X", (2,))
    check_collection(y, "y", (1, 2))
    validation = X_val, y_val, sample_weight_val
    _check_supported(estimator, y, validation, classes)
    with sending_parameters():
        return _fit(estimator, client, X, y, sample_weight, validation, classes)


def _check_supported(estimator: Any, y: Any, validation: tuple, classes: Any) -> None:
    """Refuse by name what cannot be done on a cluster."""
    name = type(estimator).__name__
    if not isinstance(estimator, BaseMLP):
        raise TypeError(
            f"On a cluster MLPNet and MLPNetRegressor are trained, got {name}. Of a Pipeline give "
            "the last step; of a linear model MLPNet or MLPNetRegressor with "
            "hidden_layer_sizes=()."
        )
    if classes is not None and not _has_labels(estimator, y):
        raise ValueError("classes are for a classifier, and y of shape (n_samples,).")
    if estimator.early_stopping and validation[0] is None:
        raise ValueError(
            f"{name}(early_stopping=True) needs X_val and y_val on a cluster: no rows of its "
            "partitions are held out."
        )
    from dask import is_dask_collection

    if any(map(is_dask_collection, validation)):
        raise TypeError(
            "X_val, y_val and sample_weight_val must be in the memory of the client, got a dask "
            "collection: give X_val.compute()."
        )
    for callback in getattr(estimator, "_skl_callbacks", ()):
        if isinstance(callback, ModelCheckpoint) and callback.resumable:
            raise ValueError("ModelCheckpoint(resumable=True) cannot be used on a cluster.")


def _has_labels(estimator: Any, y: Any) -> bool:
    """Return whether each row has one class label."""
    return is_classifier(estimator) and (y.ndim == 1 or y.shape[1] == 1)


def _check_layers(estimator: Any, n_features: int) -> None:
    """Refuse batch normalisation, before any data are loaded; with frozen statistics it is none."""
    plain = copy.copy(estimator)
    plain.initial_weights = None
    # The loss and the outputs change no hidden layer.
    about = {"loss": "squared_error", "output_activation": "identity"}
    if describe(plain, n_features, 1, np.float64, **about).normalizes:
        raise ValueError(
            "Batch normalisation (batch_norm=True, or a BatchNorm layer) needs the whole of a "
            "batch on one machine: leave it out on a cluster."
        )


@_fit_context(prefer_skip_nested_validation=True)
def _fit(
    estimator: Any, client: Any, X: Any, y: Any, sample_weight: Any, validation: Any, classes: Any
) -> Any:
    _check_layers(estimator, X.shape[1])
    estimator.__dict__.pop("_training", None)
    context, task = estimator._begin_fit(X, y, sample_weight, estimator.max_iter)
    first_pass = not (estimator.warm_start and hasattr(estimator, "coefs_"))
    n_outputs, dtype, encoder, blocks = _learn(
        estimator, client, X, y, sample_weight, classes, first_pass
    )
    random_state = check_random_state(estimator.random_state)
    network = estimator._describe(np.empty((0, estimator.n_features_in_), dtype), n_outputs)
    evaluation = estimator._check_validation(network, *validation)
    if first_pass:
        estimator._initialize(network, random_state)
    params = estimator._packed(network)
    partitions = blocks.partition(encoder, network)
    progress = estimator._start_progress(evaluation, params, None, False)
    if hasattr(estimator, "_skl_callbacks"):
        progress.tasks = EpochTasks(estimator, context, **task)
    if estimator.solver == "lbfgs":
        estimator._fit_lbfgs(ClusterObjective(partitions), params, progress)
    else:
        training = estimator._new_training(network, random_state, progress.standing)
        seed = int(random_state.randint(np.iinfo(np.int32).max)) if estimator.shuffle else None
        size = estimator._batch_rows(partitions.n_rows)
        batches = ClusterBatches(partitions, size=size, seed=seed)
        estimator._train(training, batches, params, progress, 0, estimator.max_iter)
    if not np.isfinite(params).all():
        raise ValueError(
            "Solver produced non-finite parameter weights. The input data may contain large "
            "values and need to be preprocessed."
        )
    context.call_on_fit_task_end(estimator=estimator, **task, reconstruction_attributes={})
    return estimator


def _learn(
    estimator: Any, client: Any, X: Any, y: Any, sample_weight: Any, classes: Any, first_pass: Any
) -> Any:
    """Learn what features and targets are like.

    Return the number of outputs, the dtype, an estimator that encodes targets on the workers, and
    the rows.
    """
    balanced = getattr(estimator, "class_weight", None) == "balanced"
    of_labels = _has_labels(estimator, y)
    if balanced and not of_labels:
        raise ValueError(
            "class_weight='balanced' is for one label a row on a cluster, y of shape (n_samples,): "
            "give a list of dicts."
        )
    counts = of_labels and (classes is None or balanced)
    blocks = Blocks(client, X, y, sample_weight, counts)
    # The first rows show what is the same for all; the workers check the others.
    fitted_dtype = None if first_pass else estimator.coefs_[0].dtype
    head = f"The first {blocks.head.y.shape[0]} rows of partition {blocks.fullest}"
    with naming(head):
        X_head, y_head = estimator._check_data(blocks.head.X, blocks.head.y, fitted_dtype)
    if of_labels:
        y_head = np.asarray(blocks.labels if classes is None else np.unique(classes))
        if len(y_head) < 2:
            raise ValueError(
                f"{type(estimator).__name__} needs samples of at least 2 classes in the data, but "
                f"the data contains only one class: {y_head[0]!r}"
            )
    _, n_outputs = estimator._check_targets(y_head, first_pass, False)
    params = estimator.get_params(deep=False)
    encoder = type(estimator)(**{k: v for k, v in params.items() if k not in _FOREIGN})
    vars(encoder).update({k: v for k, v in vars(estimator).items() if k in _LEARNED})
    if balanced:
        factors = compute_class_weight(
            "balanced",
            classes=blocks.labels,
            y=blocks.labels,
            sample_weight=blocks.label_weights,
        )
        encoder.class_weight = dict(zip(blocks.labels.tolist(), factors.tolist(), strict=True))
    return n_outputs, X_head.dtype, encoder, blocks
