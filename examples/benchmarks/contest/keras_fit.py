"""The same network in Keras, on the fastest of its backends that is there.

Compiling is not timed: a model is compiled once, and each fit sets it back to its first weights.
"""

import math
import os
from importlib.util import find_spec
from itertools import pairwise

from scipy import sparse

from contest.rounds import KERAS, Contestant, Settings, Timed

# The fastest on a CPU first.
_BACKENDS = [name for name in ("jax", "tensorflow", "torch") if find_spec(name) is not None]
INSTALLED = find_spec("keras") is not None and bool(_BACKENDS)


def import_keras():
    """Return the package; it takes its backend from the environment, which one may have set."""
    backend = os.environ.setdefault("KERAS_BACKEND", _BACKENDS[0])
    if backend == "jax":
        # Without it JAX makes float32 of float64.
        os.environ.setdefault("JAX_ENABLE_X64", "1")
    import keras

    return keras


def _network(keras, sizes: list[int], activation: str, penalty: float):
    activation = {"logistic": "sigmoid"}.get(activation, activation)
    # The penalty is on the mean loss of a batch, as scikit-learn's is.
    penalised = {"kernel_regularizer": keras.regularizers.L2(penalty)}
    *hidden, outputs = [n_units for _, n_units in pairwise(sizes)]
    return keras.Sequential(
        [
            keras.Input((sizes[0],)),
            *(keras.layers.Dense(n, activation, **penalised) for n in hidden),
            keras.layers.Dense(outputs, **penalised),
        ]
    )


class Fit:
    """Trains a network with each call, from the same weights."""

    def __init__(self, X, y, sizes, *, activation, solver, alpha, batch_size, epochs):
        self.keras = keras = import_keras()
        self.X, self.y, self.batch_size, self.epochs = X, y, batch_size, epochs
        keras.config.set_floatx(X.dtype.name)
        # Layers take theirs from the policy, which stays what it was when the first one was made.
        keras.config.set_dtype_policy(X.dtype.name)
        self.model = _network(keras, sizes, activation, alpha / 2 / batch_size)
        if solver == "rmsprop":
            optimiser = keras.optimizers.RMSprop(1e-3, rho=0.9, epsilon=1e-7)
        else:
            optimiser = keras.optimizers.Adam(1e-3)
        binary = sizes[-1] == 1
        losses = keras.losses
        loss = losses.BinaryCrossentropy if binary else losses.SparseCategoricalCrossentropy
        # An epoch a call, as Keras' documentation has it for small models; PyTorch runs each batch.
        steps = math.ceil(len(y) / batch_size) if keras.backend.backend() != "torch" else 1
        self.model.compile(optimiser, loss(from_logits=True), steps_per_execution=steps)
        optimiser.build(self.model.trainable_variables)
        self.fresh = self.model.get_state_tree("numpy_array")

    def __call__(self) -> None:
        self.model.set_state_tree(self.fresh)
        history = self.model.fit(
            self.X, self.y, batch_size=self.batch_size, epochs=self.epochs, verbose=0
        )
        self.trained = len(history.epoch)


def keras_contestants(X, y, sizes, *, settings: Settings, **params) -> list[Contestant]:
    """Return Keras' model, on the threads that its backend takes, which is set when it starts.

    There is none where Keras or a backend is not installed, nor for sparse rows: not all backends
    take them, and JAX compiles anew for each batch with another number of stored values.
    """
    if not INSTALLED or sparse.issparse(X):
        return []
    fit = Fit(X, y, sizes, **params)
    timed = Timed(fit, least=settings.size(0.05, 0.0))
    variant = f"{fit.keras.backend.backend()}, all threads"
    return [Contestant(KERAS, timed, variant, warm_up=fit, epochs=lambda: fit.trained)]
