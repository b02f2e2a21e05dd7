"""Settings that must be made before anything is imported, and what many tests take."""

import os

# Without it scikit-learn's check of array API inputs is skipped.
os.environ["SCIPY_ARRAY_API"] = "1"

import pytest
from sklearn.base import clone


@pytest.fixture
def model(request):
    """Return an estimator that no other test has fitted."""
    return clone(request.param)
