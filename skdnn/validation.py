"""Checks of parameters and weights that scikit-learn's own helpers do not make."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Options, StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import _check_sample_weight

from skdnn import engine

# What a parameter `dtype` may be.
DTYPES = [StrOptions({"float32", "float64"}), Options(type, {np.float32, np.float64}), None]


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
