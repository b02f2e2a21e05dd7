"""Training and prediction on a cluster of machines, by dask.distributed.

They need dask: ``pip install "skdnn[dask]"``. There are two uses of a cluster.

**Many models, each on data that one machine holds.** Searches and cross-validation run through
joblib on the workers, with scikit-learn's own classes::

    with distributed.parallel_config():
        search = RandomizedSearchCV(MLPNet(), {"alpha": loguniform(1e-5, 1)}).fit(X, y)

The result is that of ``n_jobs=1``, to the last bit; so it is with
``joblib.parallel_config("dask")``, which needs nothing of this module, but loses its data with a
worker. The compiled kernels are kept on the disk: of the workers on one machine the first compiles
them, once.

**One model, on data that no machine holds.** `fit` trains it on a dask array or data frame::

    from distributed import Client
    import dask.dataframe as dd
    from skdnn import MLPNet, distributed

    client = Client("scheduler:8786")
    table = dd.read_parquet("flights/*.parquet")
    net = MLPNet((300, 100), batch_size=50_000, random_state=0)
    distributed.fit(net, table[["distance", "hour"]], table["late"])
    late = distributed.predict(net, table[["distance", "hour"]])  # a dask Series, lazy

It is synchronous and data-parallel; batches of some thousand rows for each worker make it worth
while. The fitted estimator is an ordinary one.
"""

from skdnn.distributed.estimation import fit
from skdnn.distributed.parallel import parallel_config
from skdnn.distributed.prediction import predict, predict_proba

__all__ = ["fit", "parallel_config", "predict", "predict_proba"]
