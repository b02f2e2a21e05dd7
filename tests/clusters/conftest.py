"""Clusters of real worker processes, and rows in partitions."""

import os
import threading

import pytest
from partitions import CUTS, X, Y


@pytest.fixture(scope="module")
def client():
    dask = pytest.importorskip("dask", reason="dask is not installed")
    dask_distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    options = {"processes": True, "n_workers": 2, "threads_per_worker": 1}
    # After that time LocalCluster gives up a worker's place, also when the next one that was killed
    # is just being replaced there.
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1 day"}),
        dask_distributed.LocalCluster(**options, dashboard_address=":0") as workers,
        dask_distributed.Client(workers) as client,
    ):
        yield client


@pytest.fixture
def other(client):
    """Another cluster than that of the last client, in the process of the tests."""
    dask_distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    options = {"processes": False, "n_workers": 3, "threads_per_worker": 2}
    with (
        dask_distributed.LocalCluster(**options, dashboard_address=":0") as workers,
        dask_distributed.Client(workers, set_as_default=False) as other,
    ):
        yield other


@pytest.fixture
def kill_one(client):
    """Return a function that kills a worker; at the end another has taken its place."""
    client.wait_for_workers(2, timeout=60)
    address = next(iter(client.nthreads()))

    # Sent by value: workers may find another file of this name.
    def die(seconds):
        threading.Timer(seconds, os._exit, [1]).start()

    yield lambda seconds: client.run(die, seconds, workers=[address])
    client.wait_for_workers(2, timeout=60)
    assert address not in client.nthreads()


@pytest.fixture
def digits():
    da = pytest.importorskip("dask.array", reason="dask is not installed")
    return da.from_array(X, chunks=(CUTS, 64)), da.from_array(Y, chunks=(CUTS,))
