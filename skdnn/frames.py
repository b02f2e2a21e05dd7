"""Numbers of data frames: of pandas, polars and the others that scikit-learn takes.

scikit-learn's own conversion widens float32 columns of polars and of pandas' nullable and sparse
types, takes dates and texts for numbers, and does not say which column it refuses.
"""

import warnings
from typing import Any

# scikit-learn requires it, and reads the names of columns with it.
import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

# Together they fit into float32, if one of them is.
_NARROW = {nw.Float32, nw.Float16, nw.Int8, nw.Int16, nw.UInt8, nw.UInt16, nw.Boolean}
_ENCODE = "encode it, for example with sklearn.preprocessing.OneHotEncoder, or leave it out"
_DERIVE = "derive numbers from it, such as days since a date, or leave it out"
_REMEDIES: dict[Any, str] = {
    nw.Categorical: _ENCODE,
    nw.Enum: _ENCODE,
    nw.String: f"convert it if the texts are numbers; {_ENCODE}",
    nw.Date: _DERIVE,
    nw.Datetime: _DERIVE,
    nw.Duration: _DERIVE,
    nw.Time: _DERIVE,
}


def is_frame(X: Any) -> bool:
    """Return whether an object is a data frame, also one that is yet to be computed."""
    return nw.dependencies.is_into_dataframe(X) or nw.dependencies.is_polars_lazyframe(X)


def frame_values(X: Any) -> NDArray | sparse.coo_matrix:
    """Return the numbers of a data frame.

    Parameters
    ----------
    X : DataFrame
        For which `is_frame` holds.

    Returns
    -------
    values : ndarray or COO matrix of shape (n_samples, n_features)
        Sparse where all columns are, and leave out zeros. Of float32 where a column is and no other
        needs more, else of float64.

    Raises
    ------
    ValueError
        When a column is not of numbers, or has missing or infinite values; the message names it.
    """
    if nw.dependencies.is_polars_lazyframe(X):
        raise ValueError("X is a LazyFrame, which has no rows yet: pass X.collect().")
    if nw.dependencies.is_pandas_dataframe(X):
        if X.shape[1] and all(_leaves_out_zeros(dtype) for dtype in X.dtypes):
            return _sparse_values(X)
        X = _dense(X)
    frame = nw.from_native(X, eager_only=True)
    dtypes = set(frame.schema.values())
    if not all(map(_is_number, dtypes)):
        for series in frame.iter_columns():
            _check_dtype(series)
    narrow = nw.Float32() in dtypes and all(dtype in _NARROW for dtype in dtypes)
    target = nw.Float32() if narrow else nw.Float64()
    if dtypes != {target}:
        frame = frame.select(nw.all().cast(target))
    values = frame.to_numpy()
    if values.dtype == object:
        # Of several columns of pyarrow in pandas, one of which has gaps.
        values = np.column_stack([series.to_numpy() for series in frame.iter_columns()])
    values = values.astype(np.float32 if narrow else np.float64, copy=False)
    if not np.isfinite(values).all():
        column = int(np.argmin(np.isfinite(values).all(axis=0)))
        _refuse_gaps(frame.columns[column], values[:, column])
    return values


def check_target(y: Any, numeric: bool) -> None:
    """Refuse columns of targets that have missing values, or dates where numbers are needed.

    Raises
    ------
    ValueError
        Saying what is wrong with which value, and of a data frame in which column.
    """
    if nw.dependencies.is_into_series(y):
        _check_target(nw.from_native(y, series_only=True), numeric, "y", "")
    elif nw.dependencies.is_into_dataframe(y):
        for series in nw.from_native(y, eager_only=True).iter_columns():
            name = repr(series.name)
            _check_target(series, numeric, f"Column {name} of y", f", in column {name}")


def _check_target(series: nw.Series, numeric: bool, name: str, where: str) -> None:
    missing = series.is_null().to_numpy()
    if missing.any():
        raise ValueError(
            f"Input y contains NaN{where}: {missing.sum()} of {len(missing)} rows, the first of "
            f"them row {missing.argmax()}. Leave these rows out."
        )
    if numeric and series.dtype.is_temporal():
        raise ValueError(f"{name} has dtype {_name(series)}, but must hold numbers.")


def _leaves_out_zeros(dtype: Any) -> bool:
    return hasattr(dtype, "fill_value") and dtype.kind in "biuf" and dtype.fill_value == 0


def _sparse_values(X: Any) -> sparse.coo_matrix:
    values = X.sparse.to_coo()
    bad = ~np.isfinite(values.data)
    if bad.any():
        column = values.col[bad].min()
        _refuse_gaps(X.columns[column], X.iloc[:, column].to_numpy())
    return values


def _dense(X: Any) -> Any:
    """Return a frame of pandas with the sparse ones among its columns made dense."""
    sparse_columns = {
        column: dtype.subtype
        for column, dtype in X.dtypes.items()
        if hasattr(dtype, "fill_value") and hasattr(dtype, "subtype")
    }
    if not sparse_columns:
        return X
    warnings.warn(
        f"X has sparse columns ({', '.join(map(repr, sparse_columns))}) beside dense ones, or that "
        "leave out another value than zero: they are made dense.",
        stacklevel=2,
    )
    return X.astype(sparse_columns)


def _name(series: nw.Series) -> str:
    """Return what the type of a column is called in its own library."""
    native = series.to_native()
    return str(getattr(native, "dtype", None) or native.type)


def _is_number(dtype: nw.dtypes.DType) -> bool:
    return dtype.is_numeric() or dtype == nw.Boolean


def _check_dtype(series: nw.Series) -> None:
    """Raise a ValueError unless a column holds numbers."""
    dtype = series.dtype
    if _is_number(dtype):
        return
    expected = f"Column {series.name!r} of X has dtype {_name(series)}, but must hold numbers"
    if dtype == nw.Object:
        for row, value in enumerate(series.to_list()):
            try:
                float(np.nan if value is None else value)
            except (TypeError, ValueError):
                raise ValueError(f"{expected}: in row {row} is {value!r}.") from None
            if isinstance(value, str):
                raise ValueError(f"{expected}: in row {row} is the text {value!r}.")
        return
    # NumPy's types that narwhals does not know, such as the long double.
    if dtype == nw.Unknown and getattr(series.to_native().dtype, "kind", "") == "f":
        return
    remedy = next((text for kind, text in _REMEDIES.items() if dtype == kind), "leave it out")
    raise ValueError(f"{expected}: {remedy}.")


def _refuse_gaps(column: Any, values: NDArray) -> None:
    """Raise the ValueError of a column with values that are missing or infinite."""
    missing = np.isnan(values)
    bad, what = (missing, "NaN") if missing.any() else (np.isinf(values), "infinity")
    fill = "Fill them, for example with sklearn.impute.SimpleImputer, or leave"
    remedy = fill if missing.any() else "Leave"
    raise ValueError(
        f"Input X contains {what}, in column {column!r}: {bad.sum()} of {len(bad)} rows, the first "
        f"of them row {bad.argmax()}. {remedy} these rows or the column out."
    )
