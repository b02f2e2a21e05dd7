"""Small objects that describe a part of a network or of its training."""

import numpy as np
from sklearn.base import BaseEstimator


class Component(BaseEstimator):
    """Base of the objects that are values of an estimator's parameters.

    They can be printed, compared, cloned and pickled, and `get_params` and `set_params` reach
    their values, as they do those of an estimator. Derived classes are dataclasses:
    ``@dataclass(eq=False, repr=False)``.
    """

    def __eq__(self, other):
        if type(self) is not type(other):
            return NotImplemented
        ours, theirs = self.get_params(deep=False), other.get_params(deep=False)
        return all(_equal(ours[name], theirs[name]) for name in ours)

    __hash__ = None  # type: ignore[assignment]  # They can be changed.


def _equal(a, b) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, list | tuple) and type(a) is type(b):
        return len(a) == len(b) and all(map(_equal, a, b))
    return bool(a == b)
