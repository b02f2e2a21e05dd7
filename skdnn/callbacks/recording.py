"""Keeping a record of what happens while the model is trained."""

import csv
from pathlib import Path
from typing import Any

from skdnn.callbacks.base import EpochCallback, check_count, detached, in_stream, weights_of


class CSVLogger(EpochCallback):
    """Write the rows of the history to a CSV file, each when its epoch ends.

    Where training goes on, as in `resume`, the rows of the earlier epochs stand there too.

    Parameters
    ----------
    path : str or Path
        Where to write. A file that is there is replaced when the first epoch ends.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = Path(path)

    def _epoch_ends(self, estimator: Any, row: dict[str, Any], run: dict[str, Any]) -> bool:
        begins = not run
        rows = estimator.history_ if begins else [row]
        if begins:
            run["columns"] = list(dict.fromkeys(name for earlier in rows for name in earlier))
        with open(self.path, "w" if begins else "a", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=run["columns"])
            if begins:
                writer.writeheader()
            writer.writerows(rows)
        return False


class WeightHistory(EpochCallback):
    """Keep the weights after every so many epochs.

    With a constant learning rate the weights that SGD passes through once it has found the minimum
    are about a sample of the posterior (Mandt et al., 2017, Stochastic gradient descent as
    approximate Bayesian inference, JMLR 18): `models` gives the models of the trajectory.

    Parameters
    ----------
    every : int, default=1

    Attributes
    ----------
    epochs_ : list of int
        The epochs whose weights were kept, of the last fit.
    weights_ : list of dict
        Their weights: copies of `coefs_`, `intercepts_` and `normalizations_`, or of `coef_` and
        `intercept_`.
    """

    def __init__(self, every: int = 1):
        super().__init__()
        check_count("every", every)
        self.every = every

    def _start(self, estimator: Any) -> dict[str, Any]:
        return {"epochs": [], "weights": []}

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any = None, fitted_estimator: Any = None
    ) -> bool:
        """See a task end; keep the weights."""
        if context.task_name != "epoch" or X is None:
            return False
        epoch, run = estimator.history_[-1]["epoch"], self._runs[id(estimator)]
        if epoch % self.every == 0:
            run["epochs"].append(epoch)
            run["weights"].append(weights_of(fitted_estimator))
        return False

    def models(self, estimator: Any, start: int = 0) -> list:
        """Return a fitted model for each kept epoch.

        Parameters
        ----------
        estimator : estimator instance
            The fitted model whose weights were kept.
        start : int, default=0
            Leave out the epochs up to this one.

        Returns
        -------
        models : list of estimator instances
            That predict with the weights of their epoch.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_diabetes
        >>> from skdnn import MLPNetRegressor
        >>> from skdnn.callbacks import WeightHistory
        >>> X, y = load_diabetes(return_X_y=True)
        >>> history = WeightHistory()
        >>> net = MLPNetRegressor(solver="sgd", max_iter=50, n_iter_no_change=np.inf)
        >>> net = net.set_callbacks(history).fit(X, y / 100)
        >>> models = history.models(net, start=20)
        >>> spread = np.std([model.predict(X) for model in models], axis=0)
        >>> len(models), spread.shape
        (30, (442,))
        """
        models = []
        for epoch, weights in zip(self.epochs_, self.weights_, strict=True):
            if epoch > start:
                model = detached(estimator)
                vars(model).update(weights)
                models.append(model)
        return models

    def teardown(self, estimator: Any, context: Any) -> None:
        """Show what was kept."""
        run = self._runs.pop(id(estimator), self._start(estimator))
        if in_stream(estimator) and estimator._training.optimization.epochs > 1:
            # A stream: each call is an epoch of it.
            run = {name: [*getattr(self, f"{name}_", []), *run[name]] for name in run}
        self.epochs_, self.weights_ = run["epochs"], run["weights"]
