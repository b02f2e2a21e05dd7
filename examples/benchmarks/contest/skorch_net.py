"""The same network in skorch, in the form that its documentation has for speed.

That is a dataset of tensors and no callbacks. Whole batches are taken from it, as PyTorch's
documentation has it for rows that are in memory, not row by row.
"""

from importlib.util import find_spec

from scipy import sparse

from contest import torch_loop
from contest.rounds import SKORCH, Contestant, Settings, on_threads

INSTALLED = torch_loop.INSTALLED and find_spec("skorch") is not None


class Fit:
    """Trains a network anew with each call."""

    def __init__(self, X, y, sizes, **params):
        from skorch import NeuralNetClassifier
        from torch.utils.data import BatchSampler, RandomSampler, TensorDataset

        loop = torch_loop.Loop(X, y, sizes, **params)
        self.rows = TensorDataset(loop.X, loop.y)
        batches = BatchSampler(RandomSampler(self.rows), loop.batch_size, drop_last=False)
        self.net = NeuralNetClassifier(
            loop.network,
            criterion=loop.loss,
            optimizer=loop.optimiser,
            **{f"optimizer__{name}": value for name, value in loop.settings.items()},
            max_epochs=loop.epochs,
            iterator_train__sampler=batches,
            iterator_train__batch_size=None,
            train_split=None,
            callbacks="disable",
            verbose=0,
        )

    def __call__(self) -> None:
        self.net.fit(self.rows, None)


def skorch_contestants(X, y, sizes, *, settings: Settings, **params) -> list[Contestant]:
    """Return skorch's classifier.

    There is none where skorch is not installed, nor for sparse rows, each of which it makes dense.
    """
    if not INSTALLED or sparse.issparse(X):
        return []
    fit = Fit(X, y, sizes, **params)
    threads, epochs = torch_loop.torch_threads, lambda: len(fit.net.history)
    return on_threads(SKORCH, fit, settings, limit=threads, epochs=epochs)
