"""Pictures of networks and of their training, in scikit-learn's Display convention.

They need matplotlib: ``pip install "skdnn[plot]"``. Reliability diagrams and confusion matrices are
scikit-learn's own `CalibrationDisplay` and `ConfusionMatrixDisplay`, which take skdnn's estimators.
"""

from skdnn.displays.activation import ActivationDisplay
from skdnn.displays.decision_regions import DecisionRegionsDisplay
from skdnn.displays.descent_path import DescentPathDisplay
from skdnn.displays.history import HistoryDisplay
from skdnn.displays.network import NetworkDisplay
from skdnn.displays.weights import WeightsDisplay

__all__ = [
    "ActivationDisplay",
    "DecisionRegionsDisplay",
    "DescentPathDisplay",
    "HistoryDisplay",
    "NetworkDisplay",
    "WeightsDisplay",
]
