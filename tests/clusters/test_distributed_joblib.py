"""joblib's jobs on a cluster: searches and cross-validation."""

import os
import warnings

import joblib
import numpy as np
import pytest
from partitions import SHORT, X, Y
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.model_selection import RandomizedSearchCV, cross_val_score

from skdnn import MLPNet
from skdnn import distributed as cluster

dask = pytest.importorskip("dask", reason="dask is not installed")


def test_parameters_are_no_large_graph(client, digits):
    """Dask warns of tasks that have much with them, as the parameters of large networks are."""
    with (
        dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 kB"}),
        # As an error it would stop the loop in which joblib's tasks are sent.
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.simplefilter("always")
        net = cluster.fit(MLPNet((20,), **SHORT), *digits)
        with cluster.parallel_config():
            cross_val_score(net, X[:200], Y[:200], cv=2)
    assert not [warning for warning in told if "graph" in str(warning.message)]


def test_jobs_go_to_the_client_that_is_given(client, other):
    for given in (client, other):
        with cluster.parallel_config(client=given):
            processes = joblib.Parallel()(joblib.delayed(os.getpid)() for _ in range(4))
        assert (set(processes) == {os.getpid()}) == (given is other)
    # The other parameters are joblib's.
    with pytest.raises(TypeError, match="scatter must be a list/tuple"):
        with cluster.parallel_config(scatter=X):
            pass


def test_search_through_joblib(client, kill_one):
    """The best parameters are those of n_jobs=1, also when a worker is killed in the middle."""
    net = MLPNet((20,), **SHORT | {"max_iter": 40})
    distributions = {"alpha": loguniform(1e-5, 1), "learning_rate_init": [1e-4, 1e-3, 1e-2]}
    search = RandomizedSearchCV(net, distributions, n_iter=6, cv=3, random_state=0)
    one = clone(search).fit(X, Y)
    with joblib.parallel_config("dask"):
        several = clone(search).fit(X, Y)
    with cluster.parallel_config(client=client):
        kill_one(0.3)
        disturbed = clone(search).fit(X, Y)
    for found in (several, disturbed):
        assert found.best_params_ == one.best_params_
        scores = "mean_test_score"
        np.testing.assert_array_equal(found.cv_results_[scores], one.cv_results_[scores])
