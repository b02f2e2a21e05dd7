"""Clusters: real worker processes, the result of one process, and workers that are killed."""

import os
import sys
from collections import Counter

import joblib
import numpy as np
import pytest
from partitions import CUTS, SHORT, X, Y
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skdnn import GDLogisticRegression, MLPNet, MLPNetRegressor
from skdnn import distributed as cluster
from skdnn.averaging import EMA
from skdnn.callbacks import EarlyStopping, ModelCheckpoint
from skdnn.layers import BatchNorm, Dense
from skdnn.regularizers import L1
from skdnn.schedules import CosineDecay

da = pytest.importorskip("dask.array", reason="dask is not installed")
dd = pytest.importorskip("dask.dataframe", reason="dask's data frames are not installed")
dask_distributed = pytest.importorskip("distributed", reason="distributed is not installed")
pd = pytest.importorskip("pandas")


def _as_visited(size, lengths=CUTS):
    """Return the rows in the order in which unshuffled batches take them.

    Row j of n of a partition at the place (j + 1) / n.
    """
    place = np.concatenate([np.arange(1, n + 1) / n for n in lengths if n])
    partition = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((partition, place))
    batches = [order[i : i + size] for i in range(0, len(order), size)]
    return np.concatenate(batches)


def _weights():
    return np.random.default_rng(0).uniform(0.5, 2, len(X))


def _close(a, b):
    for own, other in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=1e-10)


def _same(a, b):
    for own, other in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        np.testing.assert_array_equal(own, other)
    assert a.loss_curve_ == b.loss_curve_


NETWORKS = [
    MLPNet((20,), alpha=0.1, clip_norm=0.5),
    MLPNet(
        (),
        solver="sgd",
        learning_rate=CosineDecay(),
        average=EMA(0.9),
        class_weight="balanced",
    ),
    MLPNet((15, 10), solver="adamw", weight_decay=0.1, frozen_layers=[0], activation="tanh"),
    MLPNet(
        hidden_layers=[Dense(10, kernel_regularizer=L1(1e-3), max_norm=0.8)],
        solver="rmsprop",
        loss="focal",
    ),
]


@pytest.mark.parametrize("model", NETWORKS, ids=["adam", "sgd", "adamw", "rmsprop"])
def test_result_is_that_of_one_process_on_the_same_batches(client, digits, model):
    """The last batch is a short one, one partition is empty, and the rows' weights differ."""
    model = clone(model).set_params(shuffle=False, batch_size=250, **SHORT)
    rows, weight = _as_visited(250), _weights()
    one = clone(model).fit(X[rows], Y[rows], sample_weight=weight[rows])
    weight = da.from_array(weight, chunks=(CUTS,))
    assert cluster.fit(model, *digits, sample_weight=weight, client=client) is model
    _close(model, one)
    assert (model.t_, model.n_iter_) == (one.t_, one.n_iter_)
    np.testing.assert_array_equal(model.classes_, np.arange(10))
    np.testing.assert_allclose(model.predict_proba(X), one.predict_proba(X), rtol=1e-8)


def test_full_batches_of_lbfgs_are_those_of_one_process(client, digits):
    net = MLPNet((), solver="lbfgs", alpha=1000.0, max_iter=100, tol=1e-8, random_state=0)
    one = clone(net).fit(X, Y)
    cluster.fit(net, *digits)
    np.testing.assert_allclose(net.loss_curve_[:5], one.loss_curve_[:5], rtol=1e-10)
    np.testing.assert_allclose(net.loss_, one.loss_, rtol=1e-7)
    exact = LogisticRegression(C=0.001, tol=1e-8, max_iter=1000).fit(X, Y)
    np.testing.assert_allclose(net.predict_proba(X), exact.predict_proba(X), atol=2e-3)


def test_regression_on_sparse_rows(client):
    features, y = load_diabetes(return_X_y=True)
    features[np.abs(features) < 0.02] = 0
    y = (y - y.mean()) / y.std()
    net = MLPNetRegressor(hidden_layer_sizes=(5,), batch_size=100, shuffle=False, **SHORT)
    rows = _as_visited(100, (200, 242))
    one = clone(net).fit(features[rows], y[rows])
    blocks = da.from_array(features, chunks=((200, 242), 4)).rechunk({1: -1})
    cluster.fit(net, blocks.map_blocks(sparse.csr_matrix), da.from_array(y, chunks=100))
    _close(net, one)


def _here(block, process):
    assert os.getpid() == process
    return block


def test_any_number_of_workers_comes_to_the_same_bits(client, other, digits):
    net = MLPNet((20,), dropout=0.2, batch_size=200, **SHORT)
    first = cluster.fit(clone(net), *digits)
    here = digits[0].map_blocks(_here, os.getpid(), dtype=float)
    _same(cluster.fit(clone(net), here, digits[1], client=other), first)
    assert cluster.fit(clone(net).set_params(random_state=1), *digits).loss_ != first.loss_


def test_workers_share_the_rows_and_keep_them_once(digits):
    """One that joins gets its part at the next epoch; what is loaded goes when it is prepared."""
    kept = []

    def rate(step):
        if not kept:
            workers.scale(2)
            client.wait_for_workers(2, timeout=60)
        kept.append([Counter(key[:9] for key in keys) for keys in client.has_what().values()])
        return 0.001

    options = {"processes": False, "n_workers": 1, "dashboard_address": ":0"}
    with (
        dask_distributed.LocalCluster(**options) as workers,
        dask_distributed.Client(workers, set_as_default=False) as client,
    ):
        net = MLPNet((20,), learning_rate=rate, batch_size=400, **SHORT)
        cluster.fit(net, *digits, client=client)
    # Sums of the last step may be there.
    assert set().union(*kept[-1]) <= {"Partition", "sum_rows-"}
    assert sorted(own["Partition"] for own in kept[-1]) == [2, 5]


def test_each_epoch_visits_each_row_once_in_an_order_of_its_own(client, digits):
    """Seen by the batches' mean losses, at a rate so small that the weights stay as they are.

    Their mean over an epoch is that over all rows; where the rows have weights, it depends on which
    rows meet in a batch.
    """
    net = MLPNet((20,), solver="sgd", learning_rate_init=1e-14, alpha=0.0, **SHORT)
    losses = cluster.fit(net, *digits).loss_curve_
    np.testing.assert_allclose(losses, log_loss(Y, net.predict_proba(X)), rtol=1e-9)
    weight = da.from_array(_weights(), chunks=(CUTS,))
    assert np.unique(np.round(cluster.fit(net, *digits, weight).loss_curve_, 9)).size == 3
    net.set_params(shuffle=False)
    assert np.unique(np.round(cluster.fit(net, *digits, weight).loss_curve_, 9)).size == 1


def test_masks_of_dropout_are_new_in_each_step_and_partition(client):
    """Seen by the losses of full batches, at a rate so small that the weights stay as they are."""
    still = {"solver": "sgd", "learning_rate_init": 1e-14, "alpha": 0.0, "shuffle": False}
    net = MLPNet((20,), dropout=0.5, **still, **SHORT)
    part = da.from_array(X[:400]), da.from_array(Y[:400])
    twice = [da.concatenate([rows, rows]) for rows in part]
    one = cluster.fit(net.set_params(batch_size=400), *part).loss_curve_
    two = cluster.fit(net.set_params(batch_size=800), *twice).loss_curve_
    assert len(set(np.round([*one, *two], 9))) == 6
    plain = log_loss(Y[:400], net.predict_proba(X[:400]))
    assert np.abs(np.array([*one, *two]) - plain).max() < 0.1
    assert len(set(np.round(cluster.fit(net.set_params(dropout=0.0), *twice).loss_curve_, 9))) == 1


def _compiled():
    """Return how many kernels a process has loaded from the cache, and how many compiled."""
    from skdnn.engine import batch

    kernels = [batch.propagate, batch.summed_loss_and_gradient]
    hits = sum(sum(kernel.stats.cache_hits.values()) for kernel in kernels)
    return hits, sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels)


def test_fit_survives_a_worker_that_is_killed(client, digits, kill_one):
    """The worker that comes in its place loads compiled code, as do all after the first one."""
    before, n_killed = set(client.nthreads()), []

    def rate(step):
        # It is asked at the beginning of an epoch; the worker dies some steps later.
        if step == 8 and not n_killed:
            n_killed.append(kill_one(0.05))
        return 0.001

    net = MLPNet((20,), batch_size=200, **SHORT)
    undisturbed = cluster.fit(clone(net), *digits)
    _same(cluster.fit(clone(net).set_params(learning_rate=rate), *digits), undisturbed)
    assert len(n_killed) == 1
    client.wait_for_workers(2, timeout=60)
    _same(cluster.fit(net, *digits), undisturbed)
    (added,) = set(client.nthreads()) - before
    assert client.run(_compiled, workers=[added])[added] == (2, 0)


def test_data_frames(client):
    """Partitions of unknown lengths, one of them empty, float32, names, labels that are strings."""
    names = [f"pixel{i}" for i in range(64)]
    frame = pd.DataFrame(X.astype(np.float32), columns=names)
    frame["digit"] = np.array(["zero", "one", "more"], dtype=object)[np.minimum(Y, 2)]
    frame["row"] = np.arange(1600)
    table, frame = dd.from_pandas(frame, npartitions=4), frame.drop(range(400, 800))
    table = table[(table["row"] < 400) | (table["row"] >= 800)]
    net = MLPNet((20,), batch_size=100, class_weight="balanced", shuffle=False, **SHORT)
    rows = _as_visited(100, (400, 400, 400))
    one = clone(net).fit(frame[names].iloc[rows], frame["digit"].iloc[rows])
    cluster.fit(net, table[names], table["digit"])
    assert list(net.feature_names_in_) == names
    assert list(net.classes_) == ["more", "one", "zero"]
    assert net.coefs_[0].dtype == np.float32
    np.testing.assert_allclose(net.loss_curve_, one.loss_curve_, rtol=1e-5)
    labels = cluster.predict(net, table[names])
    assert isinstance(labels, dd.Series)
    labels = labels.compute()
    assert list(labels.index) == list(frame.index)
    assert list(labels) == list(net.predict(frame[names]))
    proba = cluster.predict_proba(net, table[names]).compute()
    assert list(proba.columns) == ["more", "one", "zero"]
    np.testing.assert_allclose(proba, net.predict_proba(frame[names]), rtol=1e-5)


def test_columns_of_nullable_types(client):
    frame = pd.DataFrame(X[:, 10:13], columns=list("abc"))
    frame = frame.assign(a=frame["a"].astype("Float32"), b=(frame["b"] > 0).astype("boolean"))
    table = dd.from_pandas(frame, npartitions=2)
    net = cluster.fit(MLPNet((3,), **SHORT), table, da.from_array(Y, chunks=800))
    predicted = cluster.predict(net, table).compute()
    np.testing.assert_array_equal(predicted, net.predict(frame))


def test_predictions_of_arrays_are_lazy(client, digits):
    net = MLPNet((10,), **SHORT).fit(X, Y)
    features = digits[0].rechunk({1: 20})
    labels, proba = cluster.predict(net, features), cluster.predict_proba(net, features)
    assert (labels.shape, labels.dtype, proba.shape) == ((1600,), Y.dtype, (1600, 10))
    assert proba.chunks[0] == features.chunks[0]
    np.testing.assert_array_equal(labels.compute(), net.predict(X))
    np.testing.assert_array_equal(proba.compute(), net.predict_proba(X))


def test_several_outputs(client):
    y = np.c_[X[:, 20] + X[:, 30], X[:, 10]]
    parts = da.from_array(X, chunks=(400, 64)), da.from_array(y, chunks=(400, 1))
    net = MLPNetRegressor(hidden_layer_sizes=(10,), **SHORT)
    cluster.fit(net, *parts)
    assert net.coefs_[-1].shape == (10, 2)
    assert cluster.predict(net, parts[0]).shape == (1600, 2)
    quantiles = MLPNetRegressor("pinball", (3,), quantile=[0.1, 0.5, 0.9], **SHORT).fit(X, y)
    predicted = cluster.predict(quantiles, parts[0])
    assert predicted.shape == (1600, 2, 3)
    np.testing.assert_array_equal(predicted.compute(), quantiles.predict(X))
    with pytest.raises(
        ValueError, match=r"2 x 3 predictions, which no data frame has.*to_dask_arr"
    ):
        cluster.predict(quantiles, dd.from_dask_array(parts[0]))
    labels = da.from_array((y > y.mean(axis=0)).astype(int), chunks=(400, 2))
    classifier = MLPNet((), batch_size=200, shuffle=False, **SHORT)
    rows = _as_visited(200, (400, 400, 400, 400))
    exact = clone(classifier).fit(X[rows], labels.compute()[rows])
    cluster.fit(classifier, parts[0], labels)
    np.testing.assert_allclose(classifier.predict_proba(X), exact.predict_proba(X), rtol=1e-9)


def test_validation_callbacks_and_classes(client, digits):
    stopping = {"early_stopping": True, "n_iter_no_change": 2, "learning_rate_init": 0.02}
    net = MLPNet((20,), **SHORT | {"max_iter": 30} | stopping)
    val = {"X_val": X[-300:], "y_val": Y[-300:]}
    cluster.fit(net, *digits, **val, classes=range(11))
    assert net.converged_ and len(net.history_) < 30
    assert net.best_validation_score_ == pytest.approx(net.score(X[-300:], Y[-300:]))
    np.testing.assert_array_equal(net.classes_, np.arange(11))
    stopped = MLPNet((20,), learning_rate_init=1e-9, random_state=0)
    stopped.set_callbacks(EarlyStopping("loss", patience=2, min_delta=1e-3))
    assert cluster.fit(stopped, *digits).n_iter_ == 3


def test_labels_in_a_column_are_those_of_a_vector(client, digits):
    net = MLPNet((), **SHORT)
    _same(cluster.fit(clone(net), digits[0], digits[1][:, None]), cluster.fit(net, *digits))


def test_warm_start_goes_on(client, digits):
    net = MLPNet((20,), warm_start=True, **SHORT)
    first = cluster.fit(net, *digits).loss_
    assert len(cluster.fit(net, *digits).history_) == 6
    assert net.loss_ < first


def test_fitted_model_is_an_ordinary_one(client, digits, tmp_path):
    net = cluster.fit(MLPNet((20,), **SHORT), *digits)
    joblib.dump(net, tmp_path / "net.joblib")
    loaded = joblib.load(tmp_path / "net.joblib")
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
    assert loaded.partial_fit(X, Y).t_ == net.t_ + len(X)
    # Of a stream that it learned from before, nothing is left.
    streamed = MLPNet((20,), **SHORT).partial_fit(X, Y, classes=range(10))
    _same(cluster.fit(streamed, *digits).partial_fit(X, Y), loaded)


def test_rows_of_weight_zero_are_no_rows(client, digits):
    weight = np.ones(len(X))
    weight[:700:2], weight[800:1090] = 0, 0
    kept = weight > 0
    lengths = (350, 0, 100, 0, 510)
    chunks = da.from_array(X[kept], chunks=(lengths, 64)), da.from_array(Y[kept], chunks=(lengths,))
    net = MLPNet((20,), shuffle=False, **SHORT)
    weighted = cluster.fit(clone(net), *digits, da.from_array(weight, chunks=(CUTS,)))
    _close(weighted, cluster.fit(net, *chunks))


# What is refused by its parameters is refused before the data are loaded.
UNREAD = da.ones((1600, 64)).map_blocks(lambda block: 1 / 0, meta=np.empty((0, 0)))
ONES = da.ones((1600, 64), chunks=(400, 64))
# The last label comes in the third partition only.
LATE = da.from_array(np.where(np.arange(1600) == 900, 9, np.arange(1600) % 9), chunks=400)


@pytest.mark.parametrize(
    ("model", "more", "error", "match"),
    [
        (MLPNet(batch_norm=True), {"X": UNREAD}, ValueError, "batch_norm=True"),
        (MLPNet(hidden_layers=[BatchNorm()]), {"X": UNREAD}, ValueError, "BatchNorm layer"),
        (MLPNet(early_stopping=True), {}, ValueError, "needs X_val and y_val"),
        (GDLogisticRegression(), {}, TypeError, r"hidden_layer_sizes=\(\)"),
        (MLPNet(max_iter=0), {}, ValueError, "max_iter"),
        (MLPNet(), {"X": X}, TypeError, "X must be a dask array or data frame, got ndarray"),
        (MLPNet(), {"X_val": da.zeros((3, 64)), "y_val": Y[:3]}, TypeError, "X_val.compute"),
        (MLPNet(), {"y": da.from_array(Y[:-1])}, ValueError, "cut at the same rows"),
        (MLPNet(), {"y": da.zeros(1600, chunks=400)}, ValueError, "one class"),
        (
            MLPNet(),
            {"classes": range(9), "X": ONES, "y": LATE},
            ValueError,
            "Partition 2 of the data: `y` has classes",
        ),
        (MLPNetRegressor(), {"classes": [1, 2]}, ValueError, "classes are for a classifier"),
        (MLPNet(), {"sample_weight": da.zeros(1600)}, ValueError, "no sample of positive weight"),
    ],
)
def test_refused_by_name(client, digits, model, more, error, match):
    given = {"X": digits[0], "y": digits[1], **more}
    with pytest.raises(error, match=match):
        cluster.fit(clone(model), **given)


def test_resumable_checkpoints_are_refused(client, digits, tmp_path):
    net = MLPNet().set_callbacks(ModelCheckpoint(tmp_path / "net", resumable=True))
    with pytest.raises(ValueError, match="resumable=True"):
        cluster.fit(net, *digits)


def test_errors_in_the_data_name_the_partition(client, digits):
    features = X.copy()
    features[750, 3] = np.nan
    with pytest.raises(ValueError, match="Partition 2 of the data: Input X contains NaN"):
        cluster.fit(MLPNet(), da.from_array(features, chunks=(CUTS, 64)), digits[1])
    features[2, 3] = np.nan
    with pytest.raises(ValueError, match="The first 5 rows of partition 0: Input X contains NaN"):
        cluster.fit(MLPNet(), da.from_array(features, chunks=(CUTS, 64)), digits[1])


@pytest.mark.parametrize("dtype", ["float", "Int64", "str", "object"])
def test_labels_that_are_missing_are_found(client, digits, dtype):
    """In the third of the partitions, before the labels are sorted."""
    labels = pd.Series(Y).astype(dtype)
    labels[820] = None
    table = dd.from_pandas(labels, npartitions=4)
    message = (
        "Partition 2 of the data: Input y contains NaN: 1 of 400 rows, the first of them row 20"
    )
    with pytest.raises(ValueError, match=message):
        cluster.fit(MLPNet(), ONES, table)
    missing = da.from_array(np.where(np.arange(1600) == 820, np.nan, Y), chunks=400)
    with pytest.raises(ValueError, match="Partition 2 of the data: Input y contains NaN"):
        cluster.fit(MLPNet(), ONES, missing)


def test_there_must_be_dask_and_a_client(digits, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"skdnn\[dask\]"):
        cluster.fit(MLPNet(), *digits)
    monkeypatch.undo()
    monkeypatch.setattr(dask_distributed, "default_client", _no_client)
    with pytest.raises(ValueError, match="make a client first"):
        cluster.fit(MLPNet(), *digits)


def _no_client():
    raise ValueError("No clients found")
