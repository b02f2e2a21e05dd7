"""Epochs of a stochastic optimiser: rows in batches, shuffled, and the optimiser's state."""

from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from skdnn import engine
from skdnn.averaging import EMA, Polyak
from skdnn.network import Network
from skdnn.schedules import Constant


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

    def __enter__(self):
        state = self.random_state.get_state(legacy=False)
        if state["bit_generator"] != "MT19937":
            self.random_state = np.random.RandomState(self.random_state.randint(2**31))
            state = self.random_state.get_state(legacy=False)
        self._state, self._key = state, state["state"]["key"].copy()
        self._position = int(state["state"]["pos"])
        return self

    def shuffle(self, order: NDArray) -> None:
        """Shuffle `order` in place."""
        self._position = engine.shuffle(order, self._key, self._position)

    def write_back(self) -> None:
        """Set the RandomState to where the shuffling is."""
        self._state["state"] = {"key": self._key, "pos": self._position}
        self.random_state.set_state(self._state)

    def __exit__(self, *_):
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
    """

    def __init__(
        self,
        network: Network,
        name: str,
        schedule: Constant,
        *,
        seed: int = 1,
        average: Polyak | EMA | None = None,
        **settings,
    ):
        optimizer = engine.OPTIMIZERS[name]
        record = np.zeros((), engine.SETTINGS)
        record["code"] = optimizer.code
        for key, value in settings.items():
            record[key] = value
        if average is not None:
            record["average_rate"] = average.rate
        self.average = average
        self.mean = np.zeros(0 if average is None else network.n_numbers, network.dtype)
        # The parameters that the steps go on from, where others are shown.
        self._trained: NDArray | None = None
        self.settings, self.schedule, self.rate = record[()], schedule, schedule.rate
        self.epochs = self.steps = 0
        self.seed = network.seed(seed)
        self.moments = np.zeros(optimizer.n_moments * network.n_params, network.dtype)

    def current(self, params: NDArray) -> NDArray:
        """Return what training has come to: the parameters, or their mean."""
        return self.mean if self.steps and self.average is not None else params

    @contextmanager
    def training(self, params: NDArray):
        """Let `params` be what the steps change, and what they have come to afterwards."""
        if self._trained is not None:
            params[:] = self._trained
        # Of these the mean is shown from the first step on, also by a checkpoint.
        self._trained = params if self.average is not None else None
        yield
        if self.average is not None and self.steps:
            self.show(params, self.mean)

    def show(self, params: NDArray, shown: NDArray) -> None:
        """Write others into the parameters; the next steps go on from what these were."""
        if self._trained is None or self._trained is params:
            self._trained = params.copy()
        params[:] = shown

    def epoch(self, batches: "Batches", params: NDArray) -> float:
        """Train for one epoch, in place; return the mean of the batches' objectives."""
        net = batches.network
        n_steps = -(-batches.n_rows // batches.size)
        if self.average is not None and not self.steps:
            self.settings["average_from"] = round(self.average.start * n_steps)
        rates = self.schedule.rates(self.epochs, self.steps, n_steps)
        self.rate = float(rates[-1])
        loss = engine.train_epoch(
            batches.data,
            batches.n_rows,
            batches.size,
            net.layers,
            net.objective,
            params,
            batches.gradient,
            self.moments,
            self.mean,
            self.settings,
            rates,
            self.steps,
            self.seed,
            batches.work,
        )
        self.epochs += 1
        self.steps += n_steps
        return loss


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
    order : ndarray of int64 or None
        The rows, in an order that may be changed; None without `shuffle`.
    """

    def __init__(self, network: Network, data, *, size: int, shuffle: bool = True):
        self.network, self.size, self.order = network, size, None
        self.n_rows = len(data.order) or len(data.y)
        self.weight = float(np.sum(data.weight)) if len(data.weight) else float(self.n_rows)
        if shuffle:
            self.order = data.order.copy() if len(data.order) else np.arange(self.n_rows)
            data = data._replace(order=engine.read_only(self.order))
        self.data = data
        self.work = network.workspace(data, size)
        self.gradient = np.zeros(network.n_params, network.dtype)

    def first_loss(self, params: NDArray) -> float:
        """Return the mean loss of the rows that come first."""
        net = self.network
        loss, _ = engine.mean_loss(
            self.data,
            self.size,
            net.inference,
            net.objective,
            params,
            self.work,
            self.size,
            net.seed(0),
        )
        return loss * net.value_scale
