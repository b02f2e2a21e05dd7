"""Neural networks that are scikit-learn estimators, trained by compiled kernels."""

from skdnn.linear import GDLinearRegression, GDLogisticRegression, SoftmaxClassifier
from skdnn.mlp import MLPNet, MLPNetRegressor

__version__ = "0.1.0"

__all__ = [
    "GDLinearRegression",
    "GDLogisticRegression",
    "MLPNet",
    "MLPNetRegressor",
    "SoftmaxClassifier",
]
