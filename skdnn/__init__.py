"""Neural networks that are scikit-learn estimators, trained by compiled kernels."""

# Before all else: from within the package's modules the same imports take an eighth longer.
import sklearn as _sklearn  # noqa: F401

from skdnn._version import __version__
from skdnn.linear import GDLinearRegression, GDLogisticRegression, SoftmaxClassifier
from skdnn.mlp import MLPNet, MLPNetRegressor
from skdnn.persistence import load, save

__all__ = [
    "GDLinearRegression",
    "GDLogisticRegression",
    "MLPNet",
    "MLPNetRegressor",
    "SoftmaxClassifier",
    "__version__",
    "load",
    "save",
]
