"""Checks of parameters, data and weights.

Those that scikit-learn's own helpers do not make, and those that they make too slowly for a single
row or a thousand.
"""

import functools
import inspect
import math
from contextlib import nullcontext
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_scalar
from sklearn.utils._param_validation import (
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_is_fitted,
    check_X_y,
    validate_data,
)

from skdnn import engine
from skdnn.frames import check_target, frame_values, is_frame
from skdnn.threads import one_blas_thread

# What a parameter `dtype` may be.
DTYPES = [StrOptions({"float32", "float64"}), Options(type, {np.float32, np.float64}), None]

# OpenBLAS shares out no product of so few numbers; setting its threads would take longer.
_FEW_NUMBERS = 9216


class Registered(StrOptions):
    """The constraint that a parameter is a key of one of the engine's registries.

    The registry is read when a parameter is checked, not when the class is defined: importing the
    package must not import numba.
    """

    def __init__(self, registry: str, extra: frozenset[str] = frozenset()):
        self.registry, self.extra = registry, extra
        self.type: type = str
        self.deprecated: frozenset[str] = frozenset()
        self.hidden = False

    @property
    def options(self) -> frozenset[str]:
        """What the parameter may be."""
        return frozenset(getattr(engine, self.registry)) | self.extra


class ScorerName(StrOptions):
    """The constraint that a parameter names a scorer; its message does not list them all."""

    def __str__(self) -> str:
        return "'loss', the name of a scorer (sklearn.metrics.get_scorer_names())"


@functools.cache
def _valid_defaults(estimator_class: type) -> dict[str, Any]:
    """Return the parameters of an estimator, with their defaults where those are valid."""
    constraints = estimator_class._parameter_constraints  # type: ignore[attr-defined]
    defaults = {}
    for name in estimator_class._get_param_names():  # type: ignore[attr-defined]
        default = inspect.signature(estimator_class).parameters[name].default
        try:
            validate_parameter_constraints(constraints, {name: default}, "")
        except InvalidParameterError:
            # No value is this object, so that each will be checked.
            default = object()
        defaults[name] = default
    return defaults


def check_params(estimator: Any) -> None:
    """Check an estimator's parameters; those that are the defaults are known to be valid.

    Raises
    ------
    InvalidParameterError
        When one has a value that it cannot have; a ValueError too.
    """
    cls: Any = type(estimator)
    params = {name: getattr(estimator, name) for name in _valid_defaults(cls)}
    changed = {name: v for name, v in params.items() if v is not _valid_defaults(cls)[name]}
    validate_parameter_constraints(cls._parameter_constraints, changed, cls.__name__)


def check_sizes(estimator: Any, **sizes: Any) -> None:
    """Check the numbers that a fit would tell, given by their names.

    Raises
    ------
    NotFittedError
        When one is None; a ValueError too.
    ValueError
        When one is not a whole number of at least 1.
    """
    missing = [name for name, size in sizes.items() if size is None]
    if missing:
        raise NotFittedError(
            f"This {type(estimator).__name__} instance is not fitted yet: give "
            f"{' and '.join(missing)}, or call 'fit' before."
        )
    for name, size in sizes.items():
        check_scalar(size, name, Integral, min_val=1)


def _is_finite(array: NDArray) -> bool:
    """Return whether all numbers are finite; False also where a sum of their squares overflows."""
    if not array.flags.forc:
        return bool(np.isfinite(array).all())
    flat = array.ravel(order="K")
    one_thread = one_blas_thread() if flat.size > _FEW_NUMBERS else nullcontext()
    with one_thread, np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(np.dot(flat, flat))


def _is_plain(X: Any) -> bool:
    """Return whether there is nothing to convert and nothing wrong with a matrix of features."""
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype in (np.float64, np.float32)
        and X.size > 0
        and _is_finite(X)
    )


def check_data(estimator: Any, X: Any, *y: Any, reset: bool, **checks: Any) -> Any:
    """Return data as scikit-learn's `validate_data` would, and X alone where there is no `y`.

    A data frame's columns are looked at one by one, see `skdnn.frames`.

    Parameters
    ----------
    estimator : estimator
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
    *y : array-like
        Targets, if there are any.
    reset : bool
        Whether to set, rather than check, `n_features_in_` and `feature_names_in_`.
    **checks
        To `check_array` or `check_X_y`.

    Raises
    ------
    ValueError
        When the data cannot be used, or have other features than those of the fit.
    """
    checks["accept_sparse"] = "csr"
    for targets in y:
        check_target(targets, checks.get("y_numeric", False))
    if not is_frame(X):
        return validate_data(estimator, X, *y, reset=reset, **checks)
    # In the order in which validate_data does it: names first, then what is in the columns.
    validate_data(estimator, X, *y, reset=reset, skip_check_array=True)
    X = frame_values(X)
    if y:
        return check_X_y(X, *y, estimator=estimator, **checks)
    return check_array(X, estimator=estimator, input_name="X", **checks)


def check_rows(estimator: Any, X: Any) -> Any:
    """Return the rows to predict as scikit-learn's `validate_data` would, dense or CSR.

    What needs no conversion and has no names does not go through its layers, which take longer
    than the prediction of a few rows.

    Raises
    ------
    NotFittedError
        When the estimator is not fitted; a ValueError too.
    ValueError
        When the data cannot be used, or have other features than those of the fit.
    """
    fitted = vars(estimator)
    if (
        "feature_names_in_" not in fitted
        and _is_plain(X)
        and X.shape[1] == fitted.get("n_features_in_")
    ):
        return X
    check_is_fitted(estimator)
    return check_data(estimator, X, reset=False)


def check_training_data(estimator: Any, X: Any, y: Any, dtypes: list, **more: Any) -> Any:
    """Return features and targets as scikit-learn's `validate_data` would, in C order.

    Likewise without its layers where nothing has to be done.

    Parameters
    ----------
    estimator : estimator
        Whose attributes `n_features_in_` and `feature_names_in_` are set.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,), or what `more` allows
    dtypes : list of dtype
        Those that `X` may have; others are converted to the first.
    **more
        To `validate_data`.

    Returns
    -------
    X : ndarray or CSR matrix
    y : ndarray

    Raises
    ------
    ValueError
        When the data cannot be used.
    """
    if (
        type(y) is np.ndarray
        and y.ndim == 1
        and (y.dtype.kind in "biu" or (y.dtype.kind == "f" and _is_finite(y)))
        and _is_plain(X)
        and len(X) == len(y)
        and X.dtype in dtypes
        and X.flags.c_contiguous
    ):
        estimator.n_features_in_ = X.shape[1]
        vars(estimator).pop("feature_names_in_", None)
        return X, y
    return check_data(estimator, X, y, reset=True, dtype=dtypes, order="C", **more)


def encode_classes(y: NDArray) -> tuple[NDArray, NDArray]:
    """Return the classes among the labels, sorted, and the number of each label's class.

    For two classes these numbers are booleans.

    Raises
    ------
    ValueError
        When the labels are not those of classes.
    """
    # Classes that are whole numbers close to each other are counted, not sorted.
    counts, first = None, 0
    if y.dtype.kind in "iu":
        first, last = int(y.min()), int(y.max())
        if last - first < len(y) and last <= np.iinfo(np.intp).max:
            places = np.subtract(y, first, dtype=np.intp)
            counts = np.bincount(places)
    if counts is None:
        check_classification_targets(y)
        classes = np.unique(y)
        labels = y == classes[-1] if len(classes) == 2 else np.searchsorted(classes, y)
        return classes, labels
    present = counts > 0
    classes = (np.flatnonzero(present) + first).astype(y.dtype)
    if len(classes) > len(y) // 2:
        # For its warning that this may be a regression.
        check_classification_targets(y)
    if len(classes) == 2:
        return classes, y == classes[1]
    return classes, (np.cumsum(present) - 1)[places]


def check_row_weights(
    X: Any,
    sample_weight: Any,
    *,
    class_weight: Any = None,
    classes: NDArray | None = None,
    labels: NDArray | None = None,
) -> tuple[NDArray | None, NDArray | None]:
    """Return what each row counts, and which rows count at all.

    A row of weight zero is left out of training altogether, so that it is the same as no row.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    sample_weight : array-like of shape (n_samples,), number or None
    class_weight : dict, "balanced" or None, default=None
    classes : ndarray of shape (n_classes,), default=None
    labels : ndarray of int of shape (n_samples,), default=None
        Number of each row's class; needed, like `classes`, with `class_weight`.

    Returns
    -------
    weight : ndarray of float64 of shape (n_samples,), or None
        None where all rows count one.
    kept : ndarray of int64, or None
        Rows of positive weight; None where all are.

    Raises
    ------
    ValueError
        When a weight is negative or not finite, or all are zero.
    """
    if sample_weight is None and class_weight is None:
        return None, None
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if class_weight is not None and classes is not None and labels is not None:
        # "balanced" divides by a class's weight, zero where none of its rows counts.
        with np.errstate(divide="ignore", invalid="ignore"):
            by_class = compute_class_weight(
                class_weight, classes=classes, y=classes[labels], sample_weight=weight
            )
            weight = np.where(weight == 0, 0.0, weight * by_class[labels])
        if not weight.any():
            raise ValueError(f"class_weight={class_weight!r} leaves no sample of positive weight.")
        if (weight < 0).any():
            raise ValueError(f"class_weight={class_weight!r} has a negative weight.")
    kept = None if weight.all() else np.flatnonzero(weight)
    return weight, kept
