"""The compiled engine: arrays in, arrays out, nothing of scikit-learn.

Names are imported on first use, because numba takes longer to import than all the rest.
"""

import importlib
from typing import Any

from skdnn.engine.collector import collector_paused

_HOMES = {
    "ACTIVATIONS": "activations",
    "BATCH_NORM": "kinds",
    "DENSE": "kinds",
    "DROPOUT": "kinds",
    "KINDS": "kinds",
    "LAYER": "layers",
    "LINKS": "losses",
    "LOSSES": "losses",
    "MAX_POOL": "kinds",
    "NORMALIZE": "kinds",
    "NO_BIAS": "layers",
    "OBJECTIVE": "losses",
    "OPTIMIZERS": "optimizers",
    "SETTINGS": "optimizers",
    "STEPS": "descent",
    "STOPPED": "crew",
    "Variables": "descent",
    "as_data": "data",
    "bind_layers": "program",
    "bind_objective": "program",
    "bind_settings": "program",
    "cut": "descent",
    "epoch_room": "single_output",
    "find_parts": "columns",
    "finish_gradient": "penalties",
    "finish_hessian": "curvature",
    "first_trained": "program",
    "forward_address": "program",
    "free_crew": "crew",
    "hash_rows": "hashing",
    "hessian": "curvature",
    "hessian_vector": "curvature",
    "minimise_quadratic": "curvature",
    "new_crew": "crew",
    "order_by_parts": "columns",
    "part_bits": "columns",
    "part_of": "data",
    "penalty": "penalties",
    "publish": "crew",
    "read_only": "data",
    "score_curvature": "curvature",
    "scores": "batch",
    "shuffle": "random",
    "single_output_epoch": "single_output",
    "single_output_gradient": "single_output",
    "single_output_hessian_vector": "single_output",
    "soft_threshold": "penalties",
    "step_along": "epoch",
    "summed_loss": "batch",
    "summed_loss_and_gradient": "batch",
    "train_epoch": "epoch",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with collector_paused():
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
