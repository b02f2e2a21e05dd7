"""Dask's cluster, and its collections, partition by partition."""

from typing import Any

import numpy as np

from skdnn.dependencies import import_optional_dependency
from skdnn.distributed.partition import Block


def import_dask() -> Any:
    """Import dask with its arrays and its cluster; return its module of arrays.

    Raises
    ------
    ImportError
        When a part of it is not installed.
    """
    import_optional_dependency("distributed")
    return import_optional_dependency("dask.array")


def find_client(client: Any) -> Any:
    """Return the client that is given, or the one that was made last.

    Raises
    ------
    ImportError
        When dask is not installed.
    ValueError
        When there is no client.
    """
    import_dask()
    from distributed import default_client

    if client is not None:
        return client
    try:
        return default_client()
    except ValueError as error:
        raise ValueError(
            "There is no cluster: make a client first, for example distributed.Client(), or give "
            "one as `client`."
        ) from error


def sending_parameters() -> Any:
    """Return a context in which dask does not warn of large tasks.

    A network's parameters change with each step: they go with the tasks, however many they are.
    """
    from dask import config

    return config.set({"distributed.admin.large-graph-warning-threshold": "1 PB"})


def is_array(collection: Any) -> bool:
    """Return whether a collection is a dask array."""
    return isinstance(collection, import_dask().Array)


def is_frame(collection: Any) -> bool:
    """Return whether a collection is a dask data frame or series."""
    # Not by its class: dask's data frames need pandas and pyarrow, its arrays do not.
    return all(hasattr(collection, name) for name in ("map_partitions", "to_delayed", "ndim"))


def check_collection(collection: Any, name: str, dimensions: tuple[int, ...]) -> None:
    """Raise a TypeError or ValueError unless it is an array, series or frame of dask."""
    if not is_array(collection) and not is_frame(collection):
        raise TypeError(
            f"{name} must be a dask array or data frame, got {type(collection).__name__}. What "
            "one machine holds is trained on by the estimator's own fit."
        )
    if collection.ndim not in dimensions:
        expected = " or ".join(map(str, dimensions))
        raise ValueError(f"{name} must have {expected} dimensions, got {collection.ndim}.")


def blocks_of(X: Any, y: Any, sample_weight: Any) -> list:
    """Return delayed `Block` objects, one for each partition of the rows.

    Arrays are cut as `X` is where the lengths of the blocks are known.

    Raises
    ------
    TypeError, ValueError
        When the weights are no dask collection, or all are not cut alike.
    """
    given = {"X": X, "y": y}
    if sample_weight is not None:
        check_collection(sample_weight, "sample_weight", (1,))
        given["sample_weight"] = sample_weight
    cut = {name: _partitions(part, X) for name, part in given.items()}
    numbers = {name: len(parts) for name, parts in cut.items()}
    if len(set(numbers.values())) > 1:
        raise ValueError(
            f"The collections must be cut at the same rows, but their numbers of partitions are "
            f"{numbers}. Make them from one data frame, or of arrays of which the lengths are "
            "known (compute_chunk_sizes)."
        )
    from dask import delayed

    block = delayed(Block, pure=False)
    return [block(*parts) for parts in zip(*cut.values(), strict=True)]


def _partitions(collection: Any, X: Any) -> list:
    """Return the delayed partitions of the rows of a collection."""
    if not is_array(collection):
        return collection.to_delayed()
    if is_array(X) and _is_known(X) and _is_known(collection) and len(X) == len(collection):
        collection = collection.rechunk({0: X.chunks[0]})
    if collection.ndim == 2:
        collection = collection.rechunk({1: -1})
    return collection.to_delayed().ravel().tolist()


def _is_known(array: Any) -> bool:
    return not np.isnan(array.chunks[0]).any()
