"""Types that many signatures share, and scikit-learn's decorators with types."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import _fit_context
from sklearn.utils import metaestimators

# Rows of features: what NumPy makes an array of, data frames among them, or a sparse matrix.
MatrixLike: TypeAlias = ArrayLike | sparse.sparray | sparse.spmatrix
# What scikit-learn's `check_random_state` takes.
Seed: TypeAlias = int | np.random.RandomState | None
Method = TypeVar("Method", bound=Callable[..., Any])


def fit_context(method: Method) -> Method:
    """Check the parameters before a method that fits, which keeps its type."""
    return _fit_context(prefer_skip_nested_validation=True)(method)


def available_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
    """Make a method an attribute only where `check` allows it; the method keeps its type."""
    return metaestimators.available_if(check)
