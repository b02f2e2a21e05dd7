"""The engine's tables with the addresses of the kernels that they need, compiled for a dtype."""

import numpy as np

from skdnn.engine.activations import ACTIVATE, ACTIVATIONS, DIFFERENTIATE
from skdnn.engine.batch import PROPAGATE, propagate
from skdnn.engine.descent import TRAIN_BLOCK, train_block
from skdnn.engine.kinds import KINDS
from skdnn.engine.layers import FORWARD, TRANSFORM, TRANSFORM_BACKWARD, forward
from skdnn.engine.losses import EVALUATE, LOSSES
from skdnn.engine.matmul import prepare_products
from skdnn.engine.optimizers import OPTIMIZERS, STEP
from skdnn.engine.penalties import RESTRICT, restrict
from skdnn.engine.products import (
    SPARSE_DOT,
    SPARSE_TRANSPOSED_DOT,
    sparse_dot,
    sparse_transposed_dot,
)


def _number(registry, number):
    """Return an entry of a registry by its place."""
    return list(registry.values())[int(number)]


def bind_layers(layers, dtype, *, trains: bool = True, sparse: bool = False):
    """Return a table of layers with its kernels.

    Those of the way back only where it trains, and those for sparse rows only where there are any.
    """
    prepare_products(np.dtype(dtype))
    bound = layers.copy()
    for row in bound:
        activation, kind = _number(ACTIVATIONS, row["activation"]), _number(KINDS, row["kind"])
        if activation.activate is not None:
            row["activate"] = ACTIVATE.address(activation.activate, dtype)
            if trains:
                row["differentiate"] = DIFFERENTIATE.address(activation.differentiate, dtype)
        if kind.transform is not None:
            row["transform"] = TRANSFORM.address(kind.transform, dtype)
            if trains:
                address = TRANSFORM_BACKWARD.address(kind.transform_backward, dtype)
                row["transform_backward"] = address
    if sparse:
        bound["sparse_dot"][0] = SPARSE_DOT.address(sparse_dot, dtype)
        if trains:
            address = SPARSE_TRANSPOSED_DOT.address(sparse_transposed_dot, dtype)
            bound["sparse_transposed_dot"][0] = address
    return bound


def forward_address(dtype) -> int:
    """Return the address of the kernel that computes a batch's outputs."""
    prepare_products(np.dtype(dtype))
    return FORWARD.address(forward, dtype)


def bind_objective(objective, dtype):
    """Return an objective with its kernels."""
    prepare_products(np.dtype(dtype))
    bound = objective.copy()
    bound["evaluate"] = EVALUATE.address(_number(LOSSES, objective["loss"][0]).evaluate, dtype)
    bound["forward"] = forward_address(dtype)
    bound["propagate"] = PROPAGATE.address(propagate, dtype)
    return bound


def bind_settings(settings, dtype, *, restricts: bool):
    """Return an optimiser's settings with its kernels."""
    bound = settings.copy()
    bound["step"] = STEP.address(_number(OPTIMIZERS, settings["optimizer"][0]).step, dtype)
    bound["train_block"] = TRAIN_BLOCK.address(train_block, dtype)
    if restricts:
        bound["restrict"] = RESTRICT.address(restrict, dtype)
    return bound


def first_trained(layers) -> int:
    """Return the number of the first layer that is trained."""
    trained = (layers["learning_rate"] != 0.0) & (layers["weight_rows"] > 0)
    return int(np.argmax(trained)) if trained.any() else len(layers)
