"""The compiled engine: arrays in, arrays out, nothing of scikit-learn.

Names are imported on first use, because numba takes longer to import than all the rest.
"""

import importlib
from typing import Any

_HOMES = {
    "ACTIVATIONS": "activations",
    "BATCH_NORM": "layers",
    "DENSE": "layers",
    "DROPOUT": "layers",
    "LAYER": "layers",
    "MAX_POOL": "layers",
    "NORMALIZE": "layers",
    "LOSSES": "losses",
    "NO_BIAS": "layers",
    "OBJECTIVE": "losses",
    "OPTIMIZERS": "optimizers",
    "SETTINGS": "optimizers",
    "as_data": "data",
    "hessian": "curvature",
    "hessian_vector": "curvature",
    "evaluate": "losses",
    "hash_rows": "hashing",
    "link": "losses",
    "loss_and_gradient": "epoch",
    "mean_loss": "epoch",
    "minimise_quadratic": "curvature",
    "score_curvature": "curvature",
    "read_only": "data",
    "scores": "epoch",
    "shuffle": "random",
    "single_output_epoch": "single_output",
    "single_output_gradient": "single_output",
    "single_output_hessian_vector": "single_output",
    "soft_threshold": "penalties",
    "train_epoch": "epoch",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
