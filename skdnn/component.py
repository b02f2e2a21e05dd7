"""What estimators and the small objects that are values of their parameters share."""

import sys
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

# Where the documentation is. The page of an object is "generated/" and its public name.
DOCUMENTATION = "https://skdnn.readthedocs.io/en/stable/"


class DocumentationLink:
    """Tells scikit-learn's HTML representation where an object is documented."""

    _doc_link_module = "skdnn"
    _doc_link_template = DOCUMENTATION + "generated/{public_name}.html"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        """Return the name by which users import the object's class."""
        cls = type(self)
        at_top = getattr(sys.modules["skdnn"], cls.__name__, None) is cls
        return {"public_name": f"{'skdnn' if at_top else cls.__module__}.{cls.__name__}"}


class Component(DocumentationLink, BaseEstimator):
    """Base of the objects that are values of an estimator's parameters.

    They can be printed, compared, cloned and pickled, and `get_params` and `set_params` reach
    their values, as they do those of an estimator. Derived classes are dataclasses:
    ``@dataclass(eq=False, repr=False)``.
    """

    def __eq__(self, other: Any) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        ours, theirs = self.get_params(deep=False), other.get_params(deep=False)
        return all(_equal(ours[name], theirs[name]) for name in ours)

    __hash__ = None  # type: ignore[assignment]  # They can be changed.


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, list | tuple) and type(a) is type(b):
        return len(a) == len(b) and all(map(_equal, a, b))
    return bool(a == b)
