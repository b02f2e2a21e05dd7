"""Multi-layer perceptrons: drop-in successors of scikit-learn's MLPClassifier and MLPRegressor."""

from skdnn.mlp.classifier import MLPNet
from skdnn.mlp.regressor import MLPNetRegressor

__all__ = ["MLPNet", "MLPNetRegressor"]
