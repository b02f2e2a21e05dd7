"""Fitted models as those of other libraries, and back.

ONNX needs skl2onnx (the extra ``onnx``), weights in a file need safetensors (the extra
``safetensors``); `to_torch` and `to_keras` need PyTorch and Keras. Each is imported by the function
that needs it.
"""

from skdnn.exchange.keras_model import from_keras, to_keras
from skdnn.exchange.onnx_graph import to_onnx
from skdnn.exchange.pytorch import from_torch, to_torch
from skdnn.exchange.scikit_learn import from_sklearn, to_sklearn
from skdnn.exchange.weights import load_weights, save_weights

__all__ = [
    "from_keras",
    "from_sklearn",
    "from_torch",
    "load_weights",
    "save_weights",
    "to_keras",
    "to_onnx",
    "to_sklearn",
    "to_torch",
]
