"""Stopping when nothing improves any more."""

from typing import Any

import numpy as np

from skdnn.callbacks.base import Monitor, check_count, in_stream, restore, weights_of


class EarlyStopping(Monitor):
    """Stop when a quantity of the history no longer improves.

    An estimator's own rule to stop stays on beside it: in a network set
    ``n_iter_no_change=float("inf")`` for this one alone, as in Keras. It is for `fit` and `resume`;
    a stream of `partial_fit` is stopped by the network's own `early_stopping`.

    Parameters
    ----------
    monitor : str, default="validation_loss"
        A key of the rows of `history_`.
    min_delta : float, default=0.0
        The least improvement that counts.
    patience : int, default=10
        Stop after so many epochs in a row without one.
    mode : {"auto", "min", "max"}, default="auto"
        Whether smaller or larger is better; "auto": a loss is to be small, all else large.
    restore_best_weights : bool, default=False
        Whether the model has the best epoch's weights in the end, instead of the last's.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import MLPNet
    >>> from skdnn.callbacks import EarlyStopping
    >>> X, y = load_iris(return_X_y=True)
    >>> stop = EarlyStopping(patience=3, restore_best_weights=True)
    >>> net = MLPNet(learning_rate_init=0.1, n_iter_no_change=float("inf"), random_state=0)
    >>> net = net.set_callbacks(stop).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    >>> len(net.history_) < 200
    True
    >>> stop.best_epoch(net) == len(net.history_) - 3
    True
    """

    def __init__(
        self,
        monitor: str = "validation_loss",
        *,
        min_delta: float = 0.0,
        patience: int = 10,
        mode: str = "auto",
        restore_best_weights: bool = False,
    ):
        super().__init__(monitor, mode, min_delta)
        check_count("patience", patience)
        self.patience, self.restore_best_weights = patience, restore_best_weights

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any = None, fitted_estimator: Any = None
    ) -> bool:
        """See a task end; stop when the quantity has not improved for long enough."""
        if context.task_name != "epoch" or X is None:
            return False
        if in_stream(estimator):
            raise ValueError(
                "EarlyStopping watches the epochs of one fit. In a stream of partial_fit set "
                "early_stopping=True, scoring='loss' and n_iter_no_change in the network, and "
                "stop when its converged_ is true."
            )
        run = self._runs[id(estimator)]
        self._catch_up(estimator, run)
        if self._improves(estimator.history_[-1], run) and self.restore_best_weights:
            run["weights"] = weights_of(fitted_estimator)
        return run["waited"] >= self.patience

    def best_epoch(self, estimator: Any) -> int | None:
        """Return the epoch in which the quantity was best.

        Parameters
        ----------
        estimator : estimator instance
            A fitted model.

        Returns
        -------
        epoch : int or None
            As in the rows of its `history_`, of which those of its last fit count; None where it
            has made no epoch.

        Raises
        ------
        ValueError
            When the quantity is not in the history.
        """
        run, n_iter = self._start(estimator), int(np.ravel(estimator.n_iter_)[0])
        rows = estimator.history_[len(estimator.history_) - n_iter :]
        better = [row["epoch"] for row in rows if self._improves(row, run)]
        return better[-1] if better else None

    def teardown(self, estimator: Any, context: Any) -> None:
        """Restore the best weights, if that is asked for."""
        run = self._runs.pop(id(estimator), {})
        for name, best in run.get("weights", {}).items():
            value = getattr(estimator, name, None)
            if isinstance(value, list):
                restore(value, best)
            elif value is not None:
                setattr(estimator, name, best)
