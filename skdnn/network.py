"""The description of a network: its layers over one flat vector of parameters."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skdnn import engine
from skdnn.layers import Layer, Output
from skdnn.threads import reserved_threads, run_parts

# Rows that are evaluated at once where all of them are wanted: enough for the matrix products to
# run at full speed, few enough for a batch's activations to stay in the cache.
_CHUNK_NUMBERS = 2**17
_CHUNK_ROWS = (64, 1024)
# So many products of two numbers are worth a thread that has to be woken.
_POOL_LOAD = 2**24


class Network:
    """A table of layers, a loss, and where each layer's parameters stand.

    Parameters
    ----------
    n_features : int
    layers : sequence of Layer, or of lists of layers that belong together
        The last one is the output layer.
    loss : str
        A key of `engine.LOSSES`.
    activation : str, default="identity"
        That of the layers that name none.
    kernel_initializer : str, array or Initializer, default=None
        That of the dense layers that name none; None: what suits the activation.
    dtype : dtype, default=float64
        float32 or float64.
    l1, l2 : float, default=0.0
        Strength of the penalties on the weights of layers that name none: l1 |W| + l2 / 2 W^2.
    penalty_per_weight : bool, default=False
        Whether these penalties are divided by the sum of the rows' weights.
    loss_parameter : float or sequence of float, default=None
        The loss's parameter, or one for each output; None for its default.
    learning_rates : sequence of float, default=None
        For each element of `layers` what its learning rate is multiplied by; None for 1.

    Attributes
    ----------
    n_params : int
        Number of parameters that a solver changes, the first ones of the flat vector.
    n_numbers : int
        Length of the flat vector, which ends with the running statistics.
    layers, inference, sampling : ndarray of engine.LAYER
        The table in training, at prediction, and at prediction with dropout.
    ends : list of int
        For each element of `layers` the number of rows of `inference` up to its end.
    """

    def __init__(
        self,
        n_features: int,
        layers: Sequence[Layer | list[Layer]],
        loss: str,
        *,
        activation: str = "identity",
        kernel_initializer: Any = None,
        dtype: DTypeLike = np.float64,
        l1: float = 0.0,
        l2: float = 0.0,
        penalty_per_weight: bool = False,
        loss_parameter: Any = None,
        learning_rates: Sequence[float] | None = None,
    ):
        self._description = {
            "n_features": int(n_features),
            "layers": list(layers),
            "loss": loss,
            "activation": activation,
            "kernel_initializer": kernel_initializer,
            "dtype": np.dtype(dtype).name,
            "l1": l1,
            "l2": l2,
            "penalty_per_weight": penalty_per_weight,
            "loss_parameter": loss_parameter,
            "learning_rates": learning_rates,
        }
        blocks = [layer if isinstance(layer, list) else [layer] for layer in layers]
        self.specs = [layer for block in blocks for layer in block]
        self.activation = activation
        self.kernel_initializer = kernel_initializer
        self.loss_name = loss
        self.dtype = np.dtype(dtype)
        self.n_features, self.n_params, self._numbers = int(n_features), 0, 0
        penalties = {"l1": l1, "l2": l2, "per_weight": penalty_per_weight}
        rates = [1.0] * len(blocks) if learning_rates is None else learning_rates
        block_of = [number for number, block in enumerate(blocks) for _ in block]
        rows: list[dict] = []
        self._owners: list[int] = []
        n_in = self.n_features
        for number, layer in enumerate(self.specs):
            for fields in layer.records(n_in):
                rows.append(self._row(n_in, fields, penalties, rates[block_of[number]]))
                self._owners.append(number)
                n_in = rows[-1]["n_out"]
        self.n_outputs, self.n_numbers = n_in, self.n_params
        for row in rows:
            row["statistics"] = self.n_numbers
            if row["kind"] in (engine.BATCH_NORM, engine.NORMALIZE):
                self.n_numbers += 2 * row["n_out"] + 1
        self.layers = np.zeros(len(rows), engine.LAYER)
        for record, row in zip(self.layers, rows, strict=True):
            for name, value in row.items():
                record[name] = value
        self.sampling = self.layers.copy()
        kinds = self.sampling["kind"]
        kinds[kinds == engine.BATCH_NORM] = engine.NORMALIZE
        self.inference = self.sampling[kinds != engine.DROPOUT]
        self._blocks = np.asarray([block_of[owner] for owner in self._owners])
        kept = self._blocks[kinds != engine.DROPOUT]
        self.ends = [int((kept <= number).sum()) for number in range(len(blocks))]
        self._describe_objective(loss_parameter)
        self._widest = max(self.n_features, int(self.layers["n_out"].max()))
        first = self.layers["kind"][0], self.inference["kind"][0]
        self._gathers = any(kind != engine.DENSE for kind in first)
        self._places = self._find_places()
        self._begins = [begin for place in self._places for begin, _ in place.values()]
        self._is_plain = all(list(place) == ["weights", "bias"] for place in self._places)
        self._bound: dict[Any, NDArray] = {}

    def __getstate__(self) -> dict:
        return self._description

    def __setstate__(self, state: dict) -> None:
        # The kernels believe what the tables say: those of a file are not taken over.
        for block in state["layers"]:
            for layer in block if isinstance(block, list) else [block]:
                # An estimator gives the output layer an activation, which users cannot.
                if not isinstance(layer, Output):
                    layer.check()
        Network.__init__(self, **state)

    @property
    def loss(self) -> Any:
        """What the engine knows about the loss."""
        return engine.LOSSES[self.loss_name]

    def bound(
        self,
        name: str,
        data: Any = None,
        *,
        dtype: DTypeLike | None = None,
        trains: bool = True,
    ) -> NDArray:
        """Return a table of layers with its compiled kernels.

        Parameters
        ----------
        name : str
            "layers", "inference" or "sampling".
        data : engine.Data, default=None
            The rows that it is for; None for dense ones.
        dtype : dtype, default=None
            The type of all numbers; None for the network's.
        trains : bool, default=True
            Whether the kernels of the way back are needed.
        """
        dtype = self.dtype if dtype is None else np.dtype(dtype)
        sparse = data is not None and data.row_starts.size > 0
        key = name, dtype, sparse, trains
        if key not in self._bound:
            table = getattr(self, name)
            self._bound[key] = engine.bind_layers(table, dtype, trains=trains, sparse=sparse)
        return self._bound[key]

    def bound_objective(self) -> NDArray:
        """Return the objective with its compiled kernels."""
        if "objective" not in self._bound:
            self._bound["objective"] = engine.bind_objective(self.objective, self.dtype)
        return self._bound["objective"]

    def _row(self, n_in: int, fields: dict, penalties: dict, rate: float) -> dict:
        """Return a row of the table, and take the room that it needs."""
        fields = dict(fields)
        n_out, has_bias = fields["n_out"], fields.pop("has_bias", False)
        trained = rate if fields.pop("trainable", True) else 0.0
        if fields["kind"] == engine.BATCH_NORM and trained == 0.0:
            # What is not trained has running statistics that do not change either.
            fields["kind"] = engine.NORMALIZE
        name = fields.pop("activation", "identity") or self.activation
        kind, alpha = engine.ACTIVATIONS[name], fields.pop("alpha", None)
        weights = fields.setdefault("weight_rows", 0) * n_out
        if weights and "l2" not in fields:
            fields |= penalties
        row = {
            **fields,
            "n_in": n_in,
            "activation": list(engine.ACTIVATIONS).index(name),
            "alpha": kind.alpha if alpha is None else alpha,
            "learning_rate": trained,
            "params": self.n_params,
            "bias": self.n_params + weights if has_bias else engine.NO_BIAS,
        }
        self.n_params += weights + (n_out if has_bias else 0)
        row["end"] = self.n_params
        row["scores"] = self._room(n_out)
        row["outputs"] = self._room(n_out) if kind.keeps_input else row["scores"]
        row["deltas"] = self._room(n_out)
        if row["kind"] not in (engine.DENSE, engine.MAX_POOL):
            row["kept"] = self._room(n_out)
            row["inverse"] = self._room(3 * n_out)
        return row

    def _room(self, numbers: int) -> int:
        """Take so many numbers per row of the workspace; return where they begin."""
        self._numbers += numbers
        return self._numbers - numbers

    def _describe_objective(self, loss_parameter: Any) -> None:
        parameters = self.loss.parameter if loss_parameter is None else loss_parameter
        objective = np.zeros(np.size(parameters), engine.OBJECTIVE)
        objective["loss"] = list(engine.LOSSES).index(self.loss_name)
        objective["parameter"] = parameters
        objective["value_scale"] = 1 / self.n_outputs if self.loss.averages_outputs else 1.0
        objective["even_batches"] = self.normalizes
        kinds = list(engine.KINDS.values())
        objective["whole_batches"] = any(kinds[kind].whole_batches for kind in self.layers["kind"])
        # The losses take the outputs' place where those are not needed for the gradient.
        last = self.layers[-1]
        linear = last["activation"] == list(engine.ACTIVATIONS).index("identity")
        objective["losses"] = last["outputs"] if linear else self._room(self.n_outputs)
        self.n_targets = 1 if self.loss.link == "softmax" else self.n_outputs
        objective["targets"] = self._room(self.n_targets)
        objective["row_losses"] = self._room(1)
        self.objective = objective
        self.numbers_per_row = self._numbers

    @property
    def value_scale(self) -> float:
        """Factor between the mean loss that is minimised and the one that is reported."""
        return float(self.objective["value_scale"][0])

    @property
    def is_random(self) -> bool:
        """Whether training drops anything."""
        return bool((self.layers["kind"] == engine.DROPOUT).any())

    @property
    def normalizes(self) -> bool:
        """Whether training normalises by batches."""
        return bool((self.layers["kind"] == engine.BATCH_NORM).any())

    def chunk_rows(self, n_rows: int) -> int:
        """Return how many rows to evaluate at once where all `n_rows` are wanted."""
        fewest, most = _CHUNK_ROWS
        return min(n_rows, max(fewest, min(most, _CHUNK_NUMBERS // self._widest)))

    def gradient_rows(self, data: Any, n_rows: int) -> int:
        """Return how many rows to take at once where the gradient of `n_rows` is summed."""
        rows = self.chunk_rows(n_rows)
        if data.row_starts.size:
            # The gradient is summed by chunk: so many rows that this costs less than the rows do.
            rows = min(n_rows, max(rows, 4 * self.n_params // self.numbers_per_row))
        return rows

    def products_per_row(self, data: Any) -> int:
        """Return how many products of two numbers a row of `data` takes in its pass forwards."""
        weights = self.layers["weight_rows"] * self.layers["n_out"]
        if not data.row_starts.size:
            return int(weights.sum())
        stored = len(data.values) / max(len(data.row_starts) - 1, 1)
        return int(weights[1:].sum() + stored * self.layers["n_out"][0])

    def workspace(self, data: Any, rows: int) -> NDArray:
        """Return room for the activations of a batch of `rows` rows of `data`."""
        gathers = self._gathers or (data.order.size and not data.row_starts.size)
        numbers = self.numbers_per_row + (self.n_features if gathers else 0)
        return np.empty(rows * numbers, data.X.dtype)

    def _find_places(self) -> list[dict[str, tuple[int, tuple[int, ...]]]]:
        """Return for each row with parameters where its arrays begin, and their shapes."""
        places: list[dict[str, tuple[int, tuple[int, ...]]]] = []
        for row in self.layers:
            n_out, begin = int(row["n_out"]), int(row["params"])
            if row["weight_rows"]:
                normal = row["kind"] != engine.DENSE
                shape: tuple[int, ...] = (n_out,) if normal else (int(row["weight_rows"]), n_out)
                place = {"weights": (begin, shape)}
                if row["bias"] != engine.NO_BIAS:
                    place["bias"] = int(row["bias"]), (n_out,)
                if normal:
                    first = int(row["statistics"])
                    place["mean"] = first, (n_out,)
                    place["variance"] = first + n_out, (n_out,)
                    place["n_batches"] = first + 2 * n_out, (1,)
                places.append(place)
        return places

    @property
    def layout(self) -> list[dict[str, tuple[int, ...]]]:
        """The shapes of all arrays: for each layer with parameters by their names."""
        return [{name: shape for name, (_, shape) in place.items()} for place in self._places]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the dense layers' weights."""
        return [place["weights"] for place in self.layout if "mean" not in place]

    @property
    def blocks(self) -> list[int]:
        """For each row of the table `layers` the number of the element of `layers` it is of."""
        return self._blocks.tolist()

    @property
    def owners(self) -> list[int]:
        """For each entry of `arrays` the number of the element of `layers` that it is of."""
        return self._blocks[self.layers["weight_rows"] > 0].tolist()

    def arrays(self, params: NDArray) -> list[dict[str, NDArray]]:
        """Return for each layer with parameters its arrays by name, as views of `params`."""
        return [
            {name: params[i : i + np.prod(shape)].reshape(shape) for name, (i, shape) in p.items()}
            for p in self._places
        ]

    def initialize(self, params: NDArray, random_state: np.random.RandomState) -> None:
        """Draw the initial values of all arrays, in place."""
        arrays = iter(self.arrays(params))
        rows = self.layers
        for number, layer in enumerate(self.specs):
            own = rows[np.asarray(self._owners) == number]["weight_rows"].any()
            try:
                layer.initialize(next(arrays) if own else {}, random_state, self)
            except ValueError as error:
                raise ValueError(f"{layer}: {error}") from error

    def views(self, params: NDArray) -> dict[str, list]:
        """Return the fitted attributes of an estimator, as views of `params`.

        `coefs_` and `intercepts_` of the dense layers, zeros where there is no bias, and, where
        there are any, `normalizations_`.
        """
        dense = [a for a in self.arrays(params) if "mean" not in a]
        normal = [a for a in self.arrays(params) if "mean" in a]
        nothing = np.zeros(1, params.dtype)
        views: dict[str, list] = {
            "coefs_": [a["weights"] for a in dense],
            "intercepts_": [
                a["bias"] if "bias" in a else np.broadcast_to(nothing, a["weights"].shape[1])
                for a in dense
            ],
        }
        if normal:
            names = {"gamma": "weights", "beta": "bias"}
            keys = ("gamma", "beta", "mean", "variance", "n_batches")
            views["normalizations_"] = [{k: a[names.get(k, k)] for k in keys} for a in normal]
        return views

    def _listed(self, coefs_: Any, intercepts_: Any, normalizations_: Any = ()) -> list[NDArray]:
        """Return an estimator's arrays as they follow one another in the flat vector."""
        if self._is_plain:
            return [array for layer in zip(coefs_, intercepts_, strict=True) for array in layer]
        dense, normal = iter(zip(coefs_, intercepts_, strict=True)), iter(normalizations_)
        arrays = []
        for place in self._places:
            if "mean" in place:
                own = next(normal)
                own = {**own, "weights": own["gamma"], "bias": own["beta"]}
            else:
                own = dict(zip(("weights", "bias"), next(dense), strict=True))
            arrays += [own[name] for name in place]
        return arrays

    def check_arrays(self, views: dict[str, list]) -> None:
        """Raise a ValueError when an estimator's arrays have other shapes than the layers."""
        needed = [shape for place in self.layout for shape in place.values()]
        try:
            found = [np.shape(array) for array in self._listed(**views)]
        except (KeyError, StopIteration, TypeError, ValueError):
            found = []
        if found != needed:
            raise ValueError(
                f"The weights do not fit the layers: needed are arrays of shapes {needed}."
            )

    def flat(self, views: dict[str, list]) -> NDArray:
        """Return the flat vector of an estimator's arrays, given by their attributes' names.

        It is the vector that they are views of, if they still are those of `views`, else a copy.
        """
        arrays = self._listed(**views)
        params = arrays[0].base
        if isinstance(params, np.ndarray) and params.shape == (self.n_numbers,):
            start, size = params.__array_interface__["data"][0], params.itemsize
            for begin, array in zip(self._begins, arrays, strict=True):
                address = array.__array_interface__["data"][0]
                if array.base is not params or address != start + begin * size:
                    break
            else:
                return params
        params = np.empty(self.n_numbers, self.dtype)
        for begin, array in zip(self._begins, arrays, strict=True):
            params[begin : begin + array.size] = np.ravel(array)
        return params

    def scores(
        self,
        X: Any,
        params: NDArray,
        rows: NDArray | None = None,
        *,
        table: str = "inference",
        n_layers: int | None = None,
        seed: int = 0,
    ) -> NDArray:
        """Return the last layer's outputs before the link, shape (n_rows, n_outputs).

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, n_features)
        params : ndarray of shape (n_numbers,)
            In whose dtype all is computed.
        rows : ndarray of int64, default=None
            Which rows; None for all.
        table : str, default="inference"
            The table of layers, "inference" or "sampling".
        n_layers : int, default=None
            How many rows of the table; None for all.
        seed : int, default=0
            Makes the masks of dropout, with the table `sampling`.
        """
        dtype = params.dtype
        data = engine.as_data(X, dtype, order=rows)
        layers = self.bound(table, data, dtype=dtype, trains=False)[:n_layers]
        n_rows = X.shape[0] if rows is None else len(rows)
        out = np.empty((n_rows, int(layers["n_out"][-1])), dtype)
        chunk, address = self.chunk_rows(n_rows), engine.forward_address(dtype)

        def compute(bound: tuple[int, int]) -> None:
            begin, end = bound
            part = engine.part_of(data, begin, end) if end - begin < n_rows else data
            about = layers, address, params, out[begin:end], self.workspace(data, chunk), chunk
            engine.scores(part, *about, np.uint64(seed), begin)

        if n_rows <= chunk:
            compute((0, n_rows))
            return out
        # Whole chunks, for the masks of dropout are made for a chunk.
        n_chunks = math.ceil(n_rows / chunk)
        most = n_rows * self.products_per_row(data) // _POOL_LOAD
        with reserved_threads(min(most, n_chunks)) as n_threads:
            n_parts = min(4 * n_threads if n_threads > 1 else 1, n_chunks)
            size = math.ceil(n_chunks / n_parts) * chunk
            bounds = [(i, min(i + size, n_rows)) for i in range(0, n_rows, size)]
            run_parts(compute, bounds, n_threads)
        return out

    def mean_loss(self, scores: NDArray, targets: NDArray, weight: NDArray | None = None) -> float:
        """Return the mean loss of the rows with these scores, as it is reported: no penalties."""
        losses, derivatives = scores.copy(), np.empty_like(scores)
        targets = np.ascontiguousarray(targets, scores.dtype)
        self.loss.evaluate(self.objective, losses, targets, derivatives)
        return float(np.average(losses.sum(axis=1), weights=weight) * self.value_scale)

    def link(self, scores: NDArray) -> NDArray:
        """Turn scores into probabilities or predicted values, in place; return them."""
        link = engine.LINKS[self.loss.link]
        if link is not None:
            link(scores)
        return scores
