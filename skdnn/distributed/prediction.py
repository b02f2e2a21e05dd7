"""Predictions of dask collections, computed partition by partition where the rows are."""

from typing import Any

import numpy as np

from skdnn.distributed.collections import check_collection, import_dask, is_array


def predict(estimator: Any, X: Any) -> Any:
    """Predict the rows of a dask array or data frame, lazily.

    Parameters
    ----------
    estimator : estimator instance
        Fitted, on a cluster or not.
    X : dask array of shape (n_samples, n_features), or dask DataFrame
        The input data.

    Returns
    -------
    y : dask array or Series of shape (n_samples,), or array or DataFrame (n_samples, n_outputs)
        What ``estimator.predict`` gives; of the kind of `X`, with the index of its rows.

    Raises
    ------
    ImportError
        When dask is not installed.
    TypeError
        When `X` is no dask collection.
    ValueError
        When `X` is a data frame, and the predictions of a row are a matrix: quantiles of several
        outputs.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import MLPNet, distributed
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPNet(solver="lbfgs", random_state=0).fit(X, y)
    >>> distributed.predict(net, da.from_array(X, chunks=(50, 4))).compute()[-1]
    np.int64(2)
    """
    return _mapped(estimator.predict, X)


def predict_proba(estimator: Any, X: Any) -> Any:
    """Predict the probabilities of the classes, lazily.

    Parameters
    ----------
    estimator : estimator instance
        A fitted classifier.
    X : dask array of shape (n_samples, n_features), or dask DataFrame
        The input data.

    Returns
    -------
    proba : dask array or DataFrame of shape (n_samples, n_classes)
        What ``estimator.predict_proba`` gives; of a data frame with the index of its rows, and
        the classes for names of the columns.

    Raises
    ------
    ImportError
        When dask is not installed.
    TypeError
        When `X` is no dask collection.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import MLPNet, distributed
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPNet(solver="lbfgs", random_state=0).fit(X, y)
    >>> distributed.predict_proba(net, da.from_array(X, chunks=(50, 4))).shape
    (150, 3)
    """
    return _mapped(estimator.predict_proba, X, estimator.classes_)


def _mapped(method: Any, X: Any, columns: Any = None) -> Any:
    """Return the collection that a method makes of each partition."""
    import_dask()
    check_collection(X, "X", (2,))
    if not is_array(X):
        from dask.dataframe.utils import meta_nonempty

        meta = _of_frame(meta_nonempty(X._meta)[:1], method, columns, None)[:0]
        return X.map_partitions(_of_frame, method, columns, meta, meta=meta)
    nothing = method(np.zeros((1, X.shape[1]), X.dtype))[:0]
    X = X.rechunk({1: -1})
    shape: dict[str, Any] = {"drop_axis": 1}
    if nothing.ndim > 1:
        added = list(range(2, nothing.ndim))
        shape = {"chunks": (X.chunks[0], *nothing.shape[1:]), "new_axis": added or None}
    return X.map_blocks(_of_array, method=method, nothing=nothing, meta=nothing, **shape)


def _of_array(X: Any, method: Any, nothing: Any) -> Any:
    """Return what a method gives; `nothing` of no rows, which it would refuse."""
    return method(X) if X.shape[0] else nothing


def _of_frame(X: Any, method: Any, columns: Any, nothing: Any) -> Any:
    """Do what `_of_array` does, and keep the index."""
    import pandas as pd

    if not len(X):
        return nothing
    values = method(X)
    if values.ndim == 1:
        return pd.Series(values, index=X.index)
    if values.ndim > 2:
        raise ValueError(
            f"Each row has {' x '.join(map(str, values.shape[1:]))} predictions, which no data "
            "frame has: give X.to_dask_array()."
        )
    return pd.DataFrame(values, index=X.index, columns=columns)
