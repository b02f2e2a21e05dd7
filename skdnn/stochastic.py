"""Epochs of a stochastic optimiser: rows in batches, shuffled, and the optimiser's state."""

import itertools
from contextlib import ExitStack, contextmanager
from threading import Thread
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skdnn import engine
from skdnn.averaging import EMA, Polyak
from skdnn.network import Network
from skdnn.schedules import Constant
from skdnn.threads import reserved_threads, run_parts

# So many products of two numbers in a batch's pass forwards are worth a thread: one that waits for
# the next batch awake.
_CREW_LOAD = 2**17
# So many stored values of sparse rows are worth a thread that orders them.
_STORED_LOAD = 2**16


class Shuffler:
    """Shuffles rows inside the engine with the random numbers of a RandomState.

    Used as a context manager: at its end, and after `write_back`, the RandomState stands where it
    would if it had shuffled itself.

    Attributes
    ----------
    random_state : RandomState
        The one given, or where its generator is none that the engine can continue, one that it
        has seeded.
    """

    def __init__(self, random_state: np.random.RandomState):
        self.random_state = random_state

    def __enter__(self) -> Self:
        state = self.random_state.get_state(legacy=False)
        if state["bit_generator"] != "MT19937":
            self.random_state = np.random.RandomState(self.random_state.randint(2**31))
            state = self.random_state.get_state(legacy=False)
        self._state, self._key = state, state["state"]["key"].copy()
        self._position = int(state["state"]["pos"])
        # The kernel takes it as it is.
        if not 0 <= self._position <= len(self._key):
            raise ValueError(
                f"random_state stands at number {self._position} of its {len(self._key)}."
            )
        return self

    def shuffle(self, order: NDArray) -> None:
        """Shuffle `order` in place."""
        self._position = engine.shuffle(order, self._key, self._position)

    def write_back(self) -> None:
        """Set the RandomState to where the shuffling is."""
        self._state["state"] = {"key": self._key, "pos": self._position}
        self.random_state.set_state(self._state)

    def __exit__(self, *_: Any) -> None:
        self.write_back()


class Optimization:
    """A stochastic optimiser at work on a network's parameters.

    Parameters
    ----------
    network : Network
    name : str
        A key of `engine.OPTIMIZERS`.
    schedule : Constant
        The learning-rate schedule.
    seed : int, default=1
        Makes the masks of dropout, with the number of the step.
    average : Polyak, EMA or None, default=None
        Which mean of the parameters is wanted, instead of the parameters themselves.
    **settings
        The optimiser's constants, fields of `engine.SETTINGS`.

    Attributes
    ----------
    epochs, steps : int
        How many were made.
    rate : float
        The learning rate of the last step.
    interrupted : bool
        Whether the user wants the training to end after the last epoch.
    """

    def __init__(
        self,
        network: Network,
        name: str,
        schedule: Constant,
        *,
        seed: int = 1,
        average: Polyak | EMA | None = None,
        **settings: Any,
    ) -> None:
        optimizer = engine.OPTIMIZERS[name]
        record = np.zeros(1, engine.SETTINGS)
        record["optimizer"] = list(engine.OPTIMIZERS).index(name)
        record["corrects"] = optimizer.corrects
        for key, value in settings.items():
            record[key] = value
        if average is not None:
            record["average_rate"] = average.rate
        self.average = average
        self.mean = np.zeros(0 if average is None else network.n_numbers, network.dtype)
        # The parameters that the steps go on from, where others are shown.
        self._trained: NDArray | None = None
        # What ends threads with the training; and the epochs that they train in.
        self._threads: ExitStack | None = None
        self._epochs: Epochs | None = None
        self.settings, self.schedule, self.rate = record, schedule, schedule.rate
        self.epochs, self.steps, self.interrupted = 0, 0, False
        self.seed = np.uint64(seed)
        self.moments = np.zeros(optimizer.n_moments * network.n_params, network.dtype)

    def current(self, params: NDArray) -> NDArray:
        """Return what training has come to: the parameters, or their mean."""
        return self.mean if self.steps and self.average is not None else params

    def __getstate__(self) -> dict:
        return {**vars(self), "_threads": None, "_epochs": None}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state)
        self.settings = np.zeros(1, engine.SETTINGS)
        for name in engine.SETTINGS.names:
            # Addresses are those of this process.
            if name not in ("step", "train_block", "restrict"):
                self.settings[name] = state["settings"][name]

    def check_state(self, network: Network) -> None:
        """Raise a ValueError when the state, which may be from a file, is not of this network."""
        optimizer = list(engine.OPTIMIZERS.values())[self.settings["optimizer"][0]]
        for name, array, size in (
            ("moments", self.moments, optimizer.n_moments * network.n_params),
            ("mean", self.mean, 0 if self.average is None else network.n_numbers),
        ):
            if array.shape != (size,) or array.dtype != network.dtype:
                raise ValueError(
                    f"The optimiser's {name} must be {size} numbers of type {network.dtype}; got "
                    f"an array of shape {array.shape} and type {array.dtype}."
                )

    @contextmanager
    def training(self, params: NDArray) -> Any:
        """Let `params` be what the steps change, and what they have come to afterwards."""
        if self._trained is not None:
            params[:] = self._trained
        # Of these the mean is shown from the first step on, also by a checkpoint.
        self._trained = params if self.average is not None else None
        self._threads = ExitStack()
        try:
            yield
        finally:
            self._end_epochs()
            self._threads = None
        if self.average is not None and self.steps:
            self.show(params, self.mean)

    def _end_epochs(self) -> None:
        self._epochs = None
        if self._threads is not None:
            self._threads.close()

    def show(self, params: NDArray, shown: NDArray) -> None:
        """Write others into the parameters; the next steps go on from what these were."""
        if self._trained is None or self._trained is params:
            self._trained = params.copy()
        params[:] = shown

    def epoch(self, batches: "Batches", params: NDArray) -> float:
        """Train for one epoch, in place; return the mean of the batches' objectives."""
        n_steps = -(-batches.n_rows // batches.size)
        if self.average is not None and not self.steps:
            self.settings["average_from"] = round(self.average.start * n_steps)
            self.mean[:] = params
        rates = self.schedule.rates(self.epochs, self.steps, n_steps)
        self.rate = float(rates[-1])
        if self._epochs is None or not self._epochs.are_of(batches, params):
            self._end_epochs()
            n_threads = 1
            if self._threads is not None:
                most = batches.most_threads
                n_threads = self._threads.enter_context(reserved_threads(most))
            self._epochs = batches.epochs(self, params, n_threads)
            if self._threads is not None:
                self._threads.callback(self._epochs.end)
                self._epochs.start()
        try:
            loss = self._epochs.run(rates, self.steps)
        except KeyboardInterrupt:
            # It comes when the epoch has been made, or while its kernels are compiled.
            if np.isnan(self._epochs.loss):
                raise
            loss, self.interrupted = self._epochs.loss, True
        self.epochs += 1
        self.steps += n_steps
        return loss


class Epochs:
    """Epochs of the same batches, and the threads that train in them.

    Parameters
    ----------
    optimization : Optimization
    batches : Batches
    params : ndarray of shape (n_numbers,)
    n_threads : int
        The caller's included; the others are there after `start`, until `end`.
    """

    def __init__(
        self, optimization: Optimization, batches: "Batches", params: NDArray, n_threads: int
    ):
        net, settings = batches.network, optimization.settings
        optimization.check_state(net)
        self._optimization, self._batches, self._params = optimization, batches, params
        layers = net.bound("layers", batches.data)
        self._restricts = any(layers[name].any() for name in ("max_norm", "l1", "bias_l1"))
        blocks, n_parts = engine.cut(layers, n_threads)
        variables = engine.Variables(
            params,
            batches.gradient,
            optimization.moments,
            optimization.mean,
            np.zeros((2, n_parts)),
        )
        self._steps = np.zeros(-(-batches.n_rows // batches.size), engine.STEPS)
        self._settings = engine.bind_settings(settings, net.dtype, restricts=self._restricts)
        # The number of steps made before, and what the crew counts.
        self._counts = np.zeros(2, np.int64)
        self._crew = engine.new_crew(n_threads, max(n_threads, len(blocks)))
        self._layers, self._blocks, self._variables = layers, blocks, variables
        self._given = (
            batches.data,
            batches.n_rows,
            batches.size,
            layers,
            net.bound_objective(),
            engine.first_trained(layers),
            blocks,
            variables,
            self._settings,
            self._steps,
            self._counts,
            optimization.seed,
            batches.work,
        )
        self._threads: list[Thread] = []

    def start(self) -> None:
        """Start the threads; those that the system does not give are not needed."""
        for rank in range(1, self._crew[-1]):
            given = self._crew, rank, *self._given
            thread = Thread(target=engine.train_epoch, args=given, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return
            self._threads.append(thread)

    def are_of(self, batches: "Batches", params: NDArray) -> bool:
        """Return whether these are epochs of such batches and parameters."""
        return self._batches is batches and self._params is params

    def run(self, rates: NDArray, steps_before: int) -> float:
        """Train for an epoch with these learning rates; return the batches' mean objective."""
        self._steps["rate"], self._steps["loss"], self._counts[0] = rates, np.nan, steps_before
        loss = self._train()
        if self._restricts:
            reach = self._steps["reach"][-1]
            self._settings["reach"] = self._optimization.settings["reach"] = reach
        return loss

    def _train(self) -> float:
        return engine.train_epoch(self._crew, 0, *self._given)

    @property
    def loss(self) -> float:
        """The batches' mean objective in the last epoch; NaN where it has not been made."""
        batches, steps = self._batches, self._steps
        ends = np.arange(len(steps) + 1) * batches.n_rows // len(steps)
        if not batches.network.normalizes:
            ends = np.minimum(np.arange(len(steps) + 1) * batches.size, batches.n_rows)
        losses = steps["loss"] * batches.network.value_scale + steps["penalty"]
        return float(np.average(losses, weights=np.diff(ends)))

    def end(self) -> None:
        """End the threads."""
        engine.publish(self._crew, engine.STOPPED)
        for thread in self._threads:
            thread.join()
        engine.free_crew(self._crew)


def _ordered_by_parts(data: Any) -> Any:
    """Return sparse data whose rows' stored values are ordered by parts of the columns."""
    n_rows, n_columns = len(data.row_starts) - 1, data.X.shape[1]
    n_parts = -(-n_columns >> engine.part_bits(n_columns))
    starts = np.empty((n_rows, n_parts + 1), np.int32)
    with reserved_threads(len(data.values) // _STORED_LOAD) as n_threads:
        cuts = np.linspace(0, n_rows, n_threads + 1, dtype=np.int64)
        pieces = list(itertools.pairwise(cuts))
        ordered = run_parts(lambda rows: engine.find_parts(data, *rows, starts), pieces, n_threads)
        if not all(ordered):
            columns, values = np.empty_like(data.columns), np.empty_like(data.values)
            run_parts(
                lambda rows: engine.order_by_parts(data, *rows, starts, columns, values),
                pieces,
                n_threads,
            )
            data = data._replace(columns=engine.read_only(columns), values=engine.read_only(values))
    return data._replace(part_starts=engine.read_only(starts))


class Batches:
    """The rows to train on, in batches, with the room that a batch needs.

    Parameters
    ----------
    network : Network
    data : engine.Data
        Of which the rows in its order are visited, or all as they come.
    size : int
        Rows in a batch; the last one may have fewer.
    shuffle : bool, default=True
        Whether the rows will be shuffled.

    Attributes
    ----------
    n_rows : int
    weight : float
        The sum of the rows' weights.
    most_threads : int
        More threads would be of no use.
    order : ndarray of int64 or None
        The rows, in an order that may be changed; None without `shuffle`.
    """

    def __init__(self, network: Network, data: Any, *, size: int, shuffle: bool = True) -> None:
        self.network, self.size, self.order = network, size, None
        self.n_rows = len(data.order) or len(data.y)
        self.weight = float(np.sum(data.weight)) if len(data.weight) else float(self.n_rows)
        if shuffle:
            self.order = data.order.copy() if len(data.order) else np.arange(self.n_rows)
            data = data._replace(order=engine.read_only(self.order))
        self.most_threads = size * network.products_per_row(data) // _CREW_LOAD
        # A single thread makes the first layer's gradient in one piece.
        parted = data.row_starts.size and self.most_threads > 1
        self.data = _ordered_by_parts(data) if parted else data
        self.work = network.workspace(data, size)
        self.gradient = np.zeros(network.n_params, network.dtype)

    def epochs(self, optimization: Optimization, params: NDArray, n_threads: int) -> Epochs:
        """Return what trains on these batches for epochs."""
        return Epochs(optimization, self, params, n_threads)

    def first_loss(self, params: NDArray) -> float:
        """Return the mean loss of the rows that come first."""
        net = self.network
        about = (
            net.bound("inference", self.data),
            net.bound_objective(),
            params,
            self.work,
            self.size,
        )
        loss, weight = engine.summed_loss(self.data, self.size, *about, np.uint64(0))
        return loss / weight * net.value_scale
