"""The form in which the engine takes data."""

from typing import NamedTuple

import numpy as np
from numba import typeof
from numpy.typing import NDArray
from scipy import sparse


class Data(NamedTuple):
    """Rows to train on or to predict, dense or CSR.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_features), C order
        Without rows where the data are sparse.
    values, columns, row_starts : ndarrays
        The CSR form's `data`, `indices` and `indptr`; empty where the data are dense.
    y : ndarray of shape (n_rows, n_targets)
    weight : ndarray of shape (n_rows,)
        Empty where all rows count the same.
    order : ndarray of shape (n_visited,), int64
        The rows to visit, in order; empty for all rows as they come.
    part_starts : ndarray of shape (n_rows, n_parts + 1), int32
        Where in a sparse row's stored values each part of the columns begins; empty where they are
        not ordered by parts.
    """

    X: np.ndarray
    values: np.ndarray
    columns: np.ndarray
    row_starts: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    order: np.ndarray
    part_starts: np.ndarray


def data_type(number):
    """Return the compiler's type of a `Data` of numbers of a type."""
    dtype = np.dtype(str(number))
    return typeof(as_data(np.empty((0, 0), dtype), dtype))


def part_of(data: Data, begin: int, end: int) -> Data:
    """Return the rows that are visited from place `begin` to place `end`, without a copy."""
    if data.order.size:
        return data._replace(order=data.order[begin:end])
    part = data._replace(y=data.y[begin:end], weight=data.weight[begin:end])
    if data.row_starts.size:
        return part._replace(row_starts=data.row_starts[begin : end + 1])
    return part._replace(X=data.X[begin:end])


def read_only(array: NDArray) -> NDArray:
    """Return a read-only view: one form, because each would compile the kernels anew."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def as_data(X, dtype, y=None, weight=None, order=None) -> Data:
    """Bring arrays to the one form that the kernels are compiled for; what has it is not copied.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features)
    dtype : dtype
        float32 or float64, the type of all numbers.
    y : ndarray of shape (n_rows, n_targets), default=None
    weight : ndarray of shape (n_rows,), default=None
        None for equal weights.
    order : ndarray of int64, default=None
        The rows to visit; None for all as they come. The view that is taken follows later changes.
    """
    nothing = np.empty(0, dtype)
    if sparse.issparse(X):
        dense = np.empty((0, X.shape[1]), dtype)
        values, columns, row_starts = X.data, X.indices, X.indptr
    else:
        dense = np.asarray(X, dtype)
        values, columns, row_starts = nothing, np.empty(0, np.int32), np.empty(0, np.int64)
    return Data(
        read_only(dense),
        read_only(np.asarray(values, dtype)),
        # SciPy's indices are of 32 or 64 bits; for each the kernels would be compiled anew.
        read_only(np.asarray(columns, np.int32)),
        read_only(np.asarray(row_starts, np.int64)),
        read_only(np.empty((0, 0), dtype) if y is None else np.asarray(y, dtype)),
        read_only(nothing if weight is None else np.asarray(weight, dtype)),
        read_only(np.empty(0, np.int64) if order is None else order),
        read_only(np.empty((0, 0), np.int32)),
    )
