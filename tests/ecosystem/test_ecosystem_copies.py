"""Copies of the estimators, in memory, in files and in other threads and processes."""

import copy
import io
import pickle
import threading

import joblib
import numpy as np
import pytest
from cases import each, output, task
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_info, threadpool_limits

from skdnn import (
    GDLinearRegression,
    GDLogisticRegression,
    MLPNet,
    MLPNetRegressor,
    SoftmaxClassifier,
)

# Those whose result depends on the order of random numbers.
FEW_EPOCHS = {"max_iter": 15, "random_state": 3}
STOCHASTIC = [
    MLPNet((6,), **FEW_EPOCHS),
    GDLogisticRegression(solver="sgd", batch_size=16, **FEW_EPOCHS),
    SoftmaxClassifier(solver="sgd", batch_size=16, **FEW_EPOCHS),
    MLPNetRegressor(hidden_layer_sizes=(6,), **FEW_EPOCHS),
    GDLinearRegression(solver="sgd", batch_size=16, **FEW_EPOCHS),
]
UNCONVERGED = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@each(STOCHASTIC)
@UNCONVERGED
def test_clone(model):
    """A clone has the parameters, none of the fit, and gives the same fit."""
    X, y = task(model)
    fitted = model.fit(X, y)
    before = output(fitted, X)
    twin = clone(fitted)
    assert twin.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        twin.predict(X)
    np.testing.assert_array_equal(output(twin.fit(X, y), X), before)
    twin.fit(X[::2], y[::2])
    np.testing.assert_array_equal(output(fitted, X), before)


def n_weights(model):
    if hasattr(model, "coefs_"):
        return sum(array.size for array in [*model.coefs_, *model.intercepts_])
    return np.size(model.coef_) + np.size(model.intercept_)


def through_joblib(model):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


@each(STOCHASTIC)
@UNCONVERGED
@pytest.mark.parametrize(
    "copied",
    [lambda m: pickle.loads(pickle.dumps(m)), through_joblib, copy.deepcopy],
    ids=["pickle", "joblib", "deepcopy"],
)
def test_copies(model, copied):
    X, y = task(model)
    model.set_params(warm_start=True).fit(X, y)
    twin = copied(model)
    expected = output(model, X)
    np.testing.assert_array_equal(output(twin, X), expected)
    if hasattr(twin, "coefs_"):
        # They are views of one vector again: predictions need not copy them together.
        assert twin.coefs_[0].base is twin.intercepts_[-1].base is not None
    # Both go on with their training alike, and apart.
    further = output(twin.fit(X, y), X)
    np.testing.assert_array_equal(output(model, X), expected)
    assert not np.array_equal(further, expected)
    np.testing.assert_array_equal(output(model.fit(X, y), X), further)


@each(STOCHASTIC)
@UNCONVERGED
def test_pickles_are_small(model):
    """They hold the weights once, the record of training, and no data."""
    X, y = task(model, 3000)
    assert len(pickle.dumps(model.fit(X, y))) < 8 * n_weights(model) + 6000
    if isinstance(model, (MLPNet, MLPNetRegressor)):
        model.set_params(hidden_layer_sizes=(200, 100), max_iter=2).fit(X, y)
        assert len(pickle.dumps(model)) < 8 * n_weights(model) + 6000
        theirs = MLPClassifier if is_classifier(model) else MLPRegressor
        other = theirs(hidden_layer_sizes=(200, 100), max_iter=2).fit(X, y)
        assert len(pickle.dumps(model)) < 0.4 * len(pickle.dumps(other))


@pytest.mark.parametrize("net", [MLPNet, MLPNetRegressor])
def test_copy_of_a_stream(net):
    """A copy goes on with the optimiser's state and random numbers of the original."""
    model = net(hidden_layer_sizes=(6,), random_state=0, batch_size=16)
    X, y = task(model)
    known = {"classes": np.unique(y)} if is_classifier(model) else {}
    for _ in range(3):
        model.partial_fit(X, y, **known)
    twin = pickle.loads(pickle.dumps(model))
    for one in (model, twin):
        one.partial_fit(X, y)
    np.testing.assert_array_equal(output(model, X), output(twin, X))


@each(STOCHASTIC)
@UNCONVERGED
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_parallel_jobs_give_the_same_bits(model, backend):
    X, y = task(model)
    method = "predict_proba" if is_classifier(model) else "predict"
    folds = KFold(6, shuffle=True, random_state=0)
    expected = cross_val_predict(model, X, y, cv=folds, method=method)
    with joblib.parallel_config(backend, n_jobs=2):
        actual = cross_val_predict(model, X, y, cv=folds, method=method)
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("net", [MLPNet, MLPNetRegressor])
@UNCONVERGED
def test_wide_layers_in_threads_give_the_same_bits(net):
    """Wide enough for BLAS to share a product among its threads, had it more than one."""
    models = [net(hidden_layer_sizes=(256, 256), max_iter=3, random_state=k) for k in range(4)]
    X, y = task(models[0], 1000)
    expected = [output(clone(model).fit(X, y), X) for model in models]
    with joblib.parallel_config("threading", n_jobs=4):
        fitted = joblib.Parallel()(joblib.delayed(model.fit)(X, y) for model in models)
    for model, bits in zip(fitted, expected, strict=True):
        np.testing.assert_array_equal(output(model, X), bits)


def limit_blas_threads(n):
    """Set the number of BLAS threads for good, from a thread that does not keep control of it."""
    thread = threading.Thread(target=threadpool_limits, args=(n, "blas"))
    thread.start()
    thread.join()


def blas_threads():
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {pool["num_threads"] for pool in pools}


@pytest.fixture
def two_blas_threads():
    before = max(blas_threads())
    limit_blas_threads(2)
    yield
    limit_blas_threads(before)


@UNCONVERGED
@pytest.mark.parametrize("epochs", [(200, 800), (800, 200)])
@pytest.mark.parametrize("pooled", [False, True])
def test_fits_in_threads_leave_the_number_of_blas_threads_alone(two_blas_threads, epochs, pooled):
    """Whichever of two fits that overlap ends first, and whether its thread then ends or waits."""
    X, y = task(STOCHASTIC[0], 2000)
    fits = [MLPNet((6,), max_iter=n, tol=0.0, n_iter_no_change=np.inf) for n in epochs]
    both_done = threading.Barrier(2)

    def train(net):
        net.fit(X, y)
        if pooled:
            both_done.wait(60)

    threads = [threading.Thread(target=train, args=(net,)) for net in fits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [net.n_iter_ for net in fits] == list(epochs)
    assert blas_threads() == {2}


@each(STOCHASTIC)
@UNCONVERGED
def test_fit_leaves_control_of_the_blas_threads(two_blas_threads, model):
    """After a fit in the main thread another thread can still say how many there are."""
    X, y = task(model)
    model.fit(X, y).predict(X)
    assert blas_threads() == {2}
    limit_blas_threads(1)
    assert blas_threads() == {1}
