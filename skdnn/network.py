"""The description of a network: its layers over one flat vector of parameters."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skdnn import engine

# Rows that are evaluated at once where all of them are wanted: enough for the matrix products to
# run at full speed, few enough for a batch's activations to stay in the cache.
_CHUNK_NUMBERS = 2**17
_CHUNK_ROWS = (64, 1024)


class Network:
    """A table of fully connected layers, a loss, and where each layer's parameters stand.

    Parameters
    ----------
    sizes : sequence of int
        Number of features, of units in each hidden layer, and of outputs.
    loss : str
        A key of `engine.LOSSES`.
    activation : str, default="identity"
        The hidden layers' activation, a key of `engine.ACTIVATIONS`.
    dtype : dtype, default=float64
        float32 or float64.
    fit_intercept : bool, default=True
        Whether the layers have biases.
    l1, l2 : float, default=0.0
        Strength of the penalties on the weights: l1 |W| + l2 / 2 W^2.
    penalty_per_weight : bool, default=False
        Whether the penalties are divided by the sum of the rows' weights.
    loss_parameter : float, default=None
        The loss's parameter; None for its default.
    dropout : float or sequence of float, default=0.0
        The share of the outputs of each hidden layer that is dropped in training.
    """

    def __init__(
        self,
        sizes,
        loss: str,
        *,
        activation: str = "identity",
        dtype: DTypeLike = np.float64,
        fit_intercept: bool = True,
        l1: float = 0.0,
        l2: float = 0.0,
        penalty_per_weight: bool = False,
        loss_parameter: float | None = None,
        dropout: Any = 0.0,
    ):
        self.sizes = tuple(int(size) for size in sizes)
        self.loss = engine.LOSSES[loss]
        self.dtype = np.dtype(dtype)
        self.layers = np.zeros(len(self.sizes) - 1, engine.LAYER)
        hidden, output = engine.ACTIVATIONS[activation], engine.ACTIVATIONS["identity"]
        rates = np.broadcast_to(dropout, len(self.layers) - 1)
        self.n_params = numbers = 0
        for i, (n_in, n_out) in enumerate(pairwise(self.sizes)):
            layer = self.layers[i]
            kind = hidden if i < len(self.layers) - 1 else output
            layer["n_in"], layer["n_out"] = n_in, n_out
            layer["activation"], layer["alpha"] = kind.code, kind.alpha
            layer["l1"], layer["l2"] = l1, l2
            layer["weights"] = self.n_params
            layer["bias"] = self.n_params + n_in * n_out if fit_intercept else engine.NO_BIAS
            self.n_params += n_in * n_out + (n_out if fit_intercept else 0)
            layer["scores"] = numbers
            layer["outputs"] = numbers + (n_out if kind.keeps_input else 0)
            numbers = int(layer["outputs"]) + n_out
            if i < len(self.layers) - 1 and rates[i]:
                layer["dropout"] = rates[i]
                layer["masks"], layer["dropped"] = numbers, numbers + n_out
                numbers += 2 * n_out
        self.n_targets = 1 if self.loss.link == "softmax" else self.sizes[-1]
        widest = max(self.sizes[1:])
        objective = np.zeros((), engine.OBJECTIVE)
        objective["loss"] = self.loss.code
        objective["parameter"] = self.loss.parameter if loss_parameter is None else loss_parameter
        objective["value_scale"] = 1 / self.sizes[-1] if self.loss.averages_outputs else 1.0
        objective["penalty_per_weight"] = penalty_per_weight
        objective["targets"] = numbers
        objective["deltas"] = numbers + self.n_targets
        objective["widest"] = widest
        self.objective = objective[()]
        self.numbers_per_row = numbers + self.n_targets + 2 * widest

    @property
    def value_scale(self) -> float:
        """Factor between the mean loss that is minimised and the one that is reported."""
        return float(self.objective["value_scale"])

    def chunk_rows(self, n_rows: int) -> int:
        """Return how many rows to evaluate at once where all `n_rows` are wanted."""
        fewest, most = _CHUNK_ROWS
        return min(n_rows, max(fewest, min(most, _CHUNK_NUMBERS // max(self.sizes))))

    def workspace(self, data, rows: int) -> NDArray:
        """Return room for the activations of a batch of `rows` rows of `data`."""
        gathered = data.X.shape[1] if data.order.size else 0
        return np.empty(rows * (self.numbers_per_row + gathered), data.X.dtype)

    def views(self, params: NDArray) -> tuple[list[NDArray], list[NDArray]]:
        """Return each layer's weights, shape (n_in, n_out), and biases, as views of `params`."""
        coefs, intercepts = [], []
        for layer in self.layers:
            start, shape = int(layer["weights"]), (int(layer["n_in"]), int(layer["n_out"]))
            coefs.append(params[start : start + shape[0] * shape[1]].reshape(shape))
            if layer["bias"] != engine.NO_BIAS:
                intercepts.append(params[int(layer["bias"]) :][: shape[1]])
        return coefs, intercepts

    def flat(self, coefs, intercepts) -> NDArray:
        """Return the flat vector of the given weights and biases.

        It is the vector that they are views of, if they still are those of `views`, else a copy.
        """
        params = coefs[0].base
        if not isinstance(params, np.ndarray) or params.shape != (self.n_params,):
            return self._pack(coefs, intercepts)
        start, place = params.__array_interface__["data"][0], 0
        for layer in zip(coefs, intercepts, strict=True):
            for array in layer:
                address = start + place * params.itemsize
                if array.base is not params or array.__array_interface__["data"][0] != address:
                    return self._pack(coefs, intercepts)
                place += array.size
        return params

    def _pack(self, coefs, intercepts) -> NDArray:
        params = np.empty(self.n_params, self.dtype)
        for views, arrays in zip(self.views(params), (coefs, intercepts), strict=True):
            for view, array in zip(views, arrays, strict=True):
                view[:] = array
        return params

    def scores(self, X, params: NDArray, rows: NDArray | None = None, seed: int = 0) -> NDArray:
        """Return the last layer's outputs before the link, shape (n_rows, n_outputs).

        Of all rows of `X`, or of those that `rows` names; computed in the parameters' dtype. With
        a `seed` that is not zero, outputs are dropped as in training.
        """
        data = engine.as_data(X, params.dtype, order=rows)
        n_rows = X.shape[0] if rows is None else len(rows)
        out = np.empty((n_rows, self.sizes[-1]), params.dtype)
        chunk = self.chunk_rows(n_rows)
        work = self.workspace(data, chunk)
        engine.scores(data, self.layers, params, out, work, chunk, np.uint64(seed))
        return out

    def mean_loss(self, scores: NDArray, targets: NDArray, weight: NDArray | None = None) -> float:
        """Return the mean loss of the rows with these scores, as it is reported: no penalties."""
        losses, derivatives = scores.copy(), np.empty_like(scores)
        targets = np.ascontiguousarray(targets, scores.dtype)
        parameter = self.objective["parameter"]
        engine.evaluate(self.loss.code, parameter, losses, targets, derivatives)
        return float(np.average(losses.sum(axis=1), weights=weight) * self.value_scale)

    def link(self, scores: NDArray) -> NDArray:
        """Turn scores into probabilities or predicted values, in place; return them."""
        engine.link(self.loss.code, scores)
        return scores
