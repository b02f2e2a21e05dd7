"""Joblib on a cluster that may lose workers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import joblib

from skdnn.distributed.collections import find_client, sending_parameters


def _itself(data: Any) -> Any:
    return data


class _Keeping:
    """A client whose data are not lost with the worker that has them.

    What dask calls scattered cannot be made again, and joblib scatters all arrays of some size. The
    result of a task can, by the scheduler, which keeps what the task was given.
    """

    def __init__(self, client: Any):
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def scatter(self, data: Any, *, asynchronous: bool = False, **options: Any) -> Any:
        """Return a future of the data, or in joblib's event loop what gives it."""
        if asynchronous:
            return self._scatter(data)
        return [self._client.submit(_itself, part, pure=False) for part in data]

    async def _scatter(self, data: Any) -> Any:
        return self._client.submit(_itself, data, pure=False)


@contextmanager
def parallel_config(*, client: Any = None, **options: Any) -> Iterator[None]:
    """Run scikit-learn's searches and cross-validation on the workers of a cluster.

    In a ``with`` block, what ``joblib.parallel_config("dask")`` does, but that the data are not
    lost with a worker: its tasks are then done by the others.

    Parameters
    ----------
    client : distributed.Client, default=None
        The cluster; None for the client that was made last.
    **options
        Other parameters of `joblib.parallel_config`, such as ``scatter=[X, y]``.

    Raises
    ------
    ImportError
        When dask is not installed.
    ValueError
        When there is no client.

    Notes
    -----
    The scheduler's process holds the data too. The result is that of ``n_jobs=1``, to the last bit.

    Examples
    --------
    >>> from distributed import Client
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdnn import MLPNet, distributed
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(MLPNet((), solver="lbfgs"), {"alpha": [10.0, 1000.0]})
    >>> client = Client(processes=False, dashboard_address=":0")
    >>> with distributed.parallel_config():
    ...     search = search.fit(X, y)
    >>> search.best_params_
    {'alpha': 10.0}
    >>> client.close()
    """
    client = _Keeping(find_client(client))
    with sending_parameters(), joblib.parallel_config("dask", client=client, **options):
        yield
