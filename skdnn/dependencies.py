"""Packages that are imported only where they are used."""

from importlib import import_module
from typing import Any

_CLUSTER = (
    'Training on a cluster needs dask: pip install "dask[array,dataframe,distributed]", or the '
    'extra "skdnn[dask]".'
)
# What is said where one is missing.
_MESSAGES = {
    "dask": _CLUSTER,
    "distributed": _CLUSTER,
    "keras": "Networks are exchanged with Keras where it is installed: pip install keras, and one "
    "of its backends.",
    "safetensors": 'Weights are saved and loaded with safetensors: pip install "safetensors>=0.4", '
    'or the extra "skdnn[safetensors]".',
    "skl2onnx": 'Conversion to ONNX needs skl2onnx: pip install "skl2onnx>=1.20" onnxruntime, or '
    'the extra "skdnn[onnx]".',
    "skops": 'Saving and loading models needs skops: pip install "skops>=0.15", or the extra '
    '"skdnn[save]".',
    "torch": "Networks are exchanged with PyTorch where it is installed: pip install torch.",
}


def import_optional_dependency(name: str) -> Any:
    """Return a package that is not required, or a module of it.

    Raises
    ------
    ImportError
        When it is not installed; the message says what to install.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(_MESSAGES[name.partition(".")[0]]) from error
