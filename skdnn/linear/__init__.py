"""Linear models as networks without a hidden layer."""

from skdnn.linear.classifiers import GDLogisticRegression, SoftmaxClassifier
from skdnn.linear.regression import GDLinearRegression

__all__ = ["GDLinearRegression", "GDLogisticRegression", "SoftmaxClassifier"]
