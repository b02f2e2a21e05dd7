"""Writing the model to a file while it is trained."""

from pathlib import Path
from typing import Any

import joblib

from skdnn.callbacks.base import Monitor, check_count, detached, training_of
from skdnn.files import replacing


class ModelCheckpoint(Monitor):
    """Write the model to a file, every so many epochs or whenever it is the best so far.

    The file is written beside its place and then moved there, so that a process that is killed at
    any moment leaves the earlier file or the new one, whole. Read it with `joblib.load`.

    Parameters
    ----------
    path : str or Path
        Where to write; ``{epoch}`` in it is replaced by the epoch's number.
    monitor : str, default=None
        A key of the rows of `history_`: write only what improves on it. None: write in any case.
    mode : {"auto", "min", "max"}, default="auto"
        As in `EarlyStopping`.
    every : int, default=1
        Write after every so many epochs.
    resumable : bool, default=False
        Whether to write the state of the training too, so that the model that is read has the
        method `resume`, or goes on with a stream by `partial_fit`, as if never interrupted. For
        networks with any solver but 'lbfgs'. Callbacks that change the learning rate must be set
        before this one. In a Pipeline the network alone is written: give `resume` rows that the
        steps before it have transformed, and keep those steps.

    Examples
    --------
    >>> import os, tempfile
    >>> import joblib
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import MLPNet
    >>> from skdnn.callbacks import ModelCheckpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> path = os.path.join(tempfile.mkdtemp(), "best.joblib")
    >>> net = MLPNet(learning_rate_init=0.1, random_state=0)
    >>> net = net.set_callbacks(ModelCheckpoint(path, monitor="loss")).fit(X, y)
    >>> bool(joblib.load(path).loss_ == net.best_loss_)
    True
    """

    def __init__(
        self,
        path: str,
        *,
        monitor: str | None = None,
        mode: str = "auto",
        every: int = 1,
        resumable: bool = False,
    ) -> None:
        super().__init__(monitor or "", mode, 0.0)
        check_count("every", every)
        self.path, self.every, self.resumable = Path(path), every, resumable

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any = None, fitted_estimator: Any = None
    ) -> bool:
        """See a task end; write the model."""
        if context.task_name != "epoch" or X is None:
            return False
        row, run = estimator.history_[-1], self._runs[id(estimator)]
        if self.monitor:
            self._catch_up(estimator, run)
        if self._watches(row) and (not self.monitor or self._improves(row, run)):
            model = detached(fitted_estimator)
            if self.resumable:
                model._training = training_of(estimator)
            self._write(model, row["epoch"])
        return False

    def _watches(self, row: dict[str, Any]) -> bool:
        return row["epoch"] % self.every == 0

    def _write(self, model: Any, epoch: int) -> None:
        with replacing(self._path_of(epoch)) as file:
            joblib.dump(model, file)

    def _path_of(self, epoch: int) -> Path:
        try:
            return Path(str(self.path).format(epoch=epoch))
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"path={str(self.path)!r} may have {{epoch}} in it, and no other braces."
            ) from error

    def setup(self, estimator: Any, context: Any) -> None:
        """Begin to watch a fit; there must be a folder to write to."""
        super().setup(estimator, context)
        folder = self._path_of(0).parent
        if not folder.is_dir():
            raise FileNotFoundError(f"path={str(self.path)!r}: there is no folder {folder}.")
