"""The same network as a plain PyTorch loop."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
from scipy import sparse

from contest.rounds import TORCH, Contestant, Settings, on_threads

INSTALLED = find_spec("torch") is not None


def _optimiser(torch, solver: str, penalty: float) -> tuple[type, dict]:
    """Return the optimiser and its settings, in the form that is fastest on a CPU."""
    settings = {"lr": 1e-3, "weight_decay": penalty}
    if solver == "rmsprop":
        return torch.optim.RMSprop, {**settings, "alpha": 0.9, "eps": 1e-7, "foreach": True}
    return torch.optim.Adam, {**settings, "fused": True}


def _bag_of_features(torch, n_features: int, n_units: int):
    """Return a first layer for sparse rows, what PyTorch has for them: a sum of embeddings.

    It takes the columns, where each row begins, and the values.
    """

    class Bags(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weights = torch.nn.EmbeddingBag(n_features, n_units, mode="sum")
            torch.nn.init.xavier_uniform_(self.weights.weight)
            self.bias = torch.nn.Parameter(torch.zeros(n_units))

        def forward(self, rows):
            columns, starts, values = rows
            return self.weights(columns, starts, per_sample_weights=values) + self.bias

    return Bags()


def _network(torch, sizes: list[int], activation: str, is_sparse: bool, dtype):
    kinds = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "logistic": torch.nn.Sigmoid}
    layers = []
    for i, (n_inputs, n_units) in enumerate(pairwise(sizes)):
        if i > 0:
            layers.append(kinds[activation]())
        if i == 0 and is_sparse:
            layers.append(_bag_of_features(torch, n_inputs, n_units))
        else:
            layers.append(torch.nn.Linear(n_inputs, n_units))
    return torch.nn.Sequential(*layers).to(dtype)


class Loop:
    """Trains a network anew with each call."""

    def __init__(self, X, y, sizes, *, activation, solver, alpha, batch_size, epochs):
        import torch

        self.torch, self.is_sparse = torch, sparse.issparse(X)
        self.X = X if self.is_sparse else torch.from_numpy(X)
        self.dtype = torch.float32 if X.dtype == np.float32 else torch.float64
        self.sizes, self.activation = sizes, activation
        # The penalty is on the mean loss of a batch, as scikit-learn's is.
        self.optimiser, self.settings = _optimiser(torch, solver, alpha / batch_size)
        self.batch_size, self.epochs = batch_size, epochs
        if sizes[-1] == 1:
            self.loss = torch.nn.BCEWithLogitsLoss()
            self.y = torch.from_numpy(y).to(self.dtype)[:, None]
        else:
            self.loss, self.y = torch.nn.CrossEntropyLoss(), torch.from_numpy(y)

    def network(self):
        """Return the network with fresh weights."""
        return _network(self.torch, self.sizes, self.activation, self.is_sparse, self.dtype)

    def rows(self, batch):
        """Return the rows of a batch, as the first layer takes them."""
        if not self.is_sparse:
            return self.X[batch]
        X, of = self.X[batch.numpy()], self.torch.from_numpy
        return of(X.indices), of(X.indptr[:-1]), of(X.data)

    def __call__(self) -> None:
        torch = self.torch
        torch.manual_seed(0)
        self.model = self.network()
        optimiser = self.optimiser(self.model.parameters(), **self.settings)
        self.trained = 0
        for _ in range(self.epochs):
            for batch in torch.randperm(len(self.y)).split(self.batch_size):
                optimiser.zero_grad()
                self.loss(self.model(self.rows(batch)), self.y[batch]).backward()
                optimiser.step()
            self.trained += 1


@contextmanager
def torch_threads(n: int) -> Iterator[None]:
    """Let PyTorch use so many threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def torch_contestants(X, y, sizes, *, settings: Settings, **params) -> list[Contestant]:
    """Return the loop; nothing where PyTorch is not installed."""
    if not INSTALLED:
        return []
    loop = Loop(X, y, sizes, **params)
    return on_threads(TORCH, loop, settings, limit=torch_threads, epochs=lambda: loop.trained)
