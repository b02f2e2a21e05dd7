"""Threads: as many as may be used, the same result for any number, and nothing left behind."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import joblib
import numpy as np
import pytest
import scipy.linalg
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from threadpoolctl import ThreadpoolController, threadpool_limits

from skdnn import GDLogisticRegression, MLPNet, SoftmaxClassifier, engine, objective, threads
from skdnn.averaging import EMA
from skdnn.layers import BatchNorm, Dense
from skdnn.regularizers import L1
from skdnn.schedules import follow
from skdnn.stochastic import Batches, Optimization
from skdnn.threads import one_blas_thread, reserved_threads, run_parts

scipy.linalg.blas.dgemm(1.0, np.eye(2), np.eye(2))
CONTROLLER = ThreadpoolController().select(user_api="blas")
X, Y = load_digits(return_X_y=True)
X = X / 16
unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _blas_threads():
    return {library["num_threads"] for library in CONTROLLER.info()}


@pytest.fixture
def may_use(monkeypatch):
    """Return a function that says how many threads there may be, more than cores too."""

    def set_limit(number):
        monkeypatch.setattr(threads, "_limit", lambda: number)

    return set_limit


def test_blocks_that_overlap_in_threads_restore_what_was_set():
    with threadpool_limits(2, user_api="blas"):
        _overlap()
        assert _blas_threads() == {2}


def _overlap():
    started, first_is_out = threading.Event(), threading.Event()

    def second():
        with one_blas_thread():
            started.set()
            first_is_out.wait()

    thread = threading.Thread(target=second)
    with one_blas_thread():
        assert _blas_threads() == {1}
        thread.start()
        started.wait()
    assert _blas_threads() == {1}
    first_is_out.set()
    thread.join(timeout=60)


@pytest.mark.parametrize("solver", ["lbfgs", "newton"])
def test_fit_leaves_the_setting_as_it_was_even_when_it_fails(solver):
    with threadpool_limits(2, user_api="blas"):
        with pytest.raises(ValueError, match=r"overflow|not finite"):
            GDLogisticRegression(solver=solver).fit(1e200 * np.eye(4), [0, 1, 0, 1])
        assert _blas_threads() == {2}


NETWORKS = {
    "adam": {},
    "a single layer": {"hidden_layer_sizes": ()},
    "clipped": {"clip_norm": 0.1},
    "averaged, decayed": {"average": EMA(0.9), "solver": "adamw"},
    "dropout": {"dropout": 0.3, "activation": "gelu"},
    "L1, largest norms": {
        "hidden_layers": [Dense(70, kernel_regularizer=L1(1e-3)), Dense(60, max_norm=1.0)]
    },
    "batch norm": {"hidden_layers": [Dense(70), BatchNorm(), Dense(50)]},
    "one output": {"hidden_layer_sizes": (300, 1)},
}


def _fit(name, data=X, **params):
    given = {"hidden_layer_sizes": (70, 60), **NETWORKS[name], **params}
    if "hidden_layers" in given:
        del given["hidden_layer_sizes"]
    return MLPNet(**given, max_iter=2, random_state=0).fit(data, Y)


@unconverged
@pytest.mark.parametrize("form", ["dense", "sparse", "unsorted"])
# The last batch of 149 rows has 9: on as many threads or more one of them would be alone.
@pytest.mark.parametrize("batch_size", [200, 75, 149])
@pytest.mark.parametrize("name", NETWORKS)
def test_training_does_not_depend_on_the_number_of_threads(may_use, name, batch_size, form):
    data = X if form == "dense" else sparse.csr_matrix(X)
    if form == "unsorted":
        # Each row from its last column to its first.
        data = sparse.csr_matrix(X[:, ::-1])
        data.indices[:] = 63 - data.indices
        data.has_sorted_indices = False
    may_use(1)
    alone = _fit(name, data, batch_size=batch_size)
    for number in (2, 3, 5, 10):
        may_use(number)
        together = _fit(name, data, batch_size=batch_size)
        assert together.loss_curve_ == alone.loss_curve_
        for own, other in zip(together.coefs_, alone.coefs_, strict=True):
            np.testing.assert_array_equal(own, other)


def test_there_were_several_threads(may_use, monkeypatch):
    """In the fits of the test above."""
    sizes, new_crew = [], engine.new_crew

    def noted(size, n_blocks):
        sizes.append(size)
        return new_crew(size, n_blocks)

    monkeypatch.setattr(engine, "new_crew", noted)
    may_use(3)
    MLPNet((70, 60), max_iter=1, n_iter_no_change=np.inf, batch_size=200).fit(X, Y)
    MLPNet((2,), max_iter=1, n_iter_no_change=np.inf, batch_size=10).fit(X, Y)
    assert sizes == [3, 1]


@pytest.fixture
def several_parts(monkeypatch):
    """Let the rows of these tests be many enough to be shared out, and see that they were."""
    monkeypatch.setattr(objective, "_PART_NUMBERS", 2**12)
    cut, counts = objective.Objective._cut, []

    def noted(self):
        parts = cut(self)
        counts.append(len(parts))
        return parts

    monkeypatch.setattr(objective.Objective, "_cut", noted)
    yield
    assert max(counts) > 1


def _many(form):
    """Return more rows than are evaluated at once."""
    data = np.tile(X, (4, 1))
    return (sparse.csr_matrix(data) if form == "sparse" else data), np.tile(Y, 4)


@unconverged
@pytest.mark.usefixtures("several_parts")
@pytest.mark.parametrize("form", ["dense", "sparse"])
@pytest.mark.parametrize("model", [SoftmaxClassifier(), GDLogisticRegression()])
@pytest.mark.parametrize("solver", ["lbfgs", "newton", "gd"])
def test_solvers_do_not_depend_on_the_number_of_threads(may_use, model, solver, form):
    model.set_params(solver=solver, max_iter=5)
    data, labels = _many(form)
    labels = labels if isinstance(model, SoftmaxClassifier) else labels > 4
    may_use(1)
    alone = model.fit(data, labels).coef_
    for number in (2, 5):
        may_use(number)
        np.testing.assert_array_equal(model.fit(data, labels).coef_, alone)


@unconverged
@pytest.mark.usefixtures("several_parts")
@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_lbfgs_of_a_network_does_not_depend_on_the_number_of_threads(may_use, form):
    data, labels = _many(form)
    model = MLPNet((12,), solver="lbfgs", max_iter=5, random_state=0)
    may_use(1)
    alone = model.fit(data, labels).coefs_
    for number in (2, 5):
        may_use(number)
        for own, other in zip(model.fit(data, labels).coefs_, alone, strict=True):
            np.testing.assert_array_equal(own, other)


@unconverged
def test_predictions_do_not_depend_on_the_number_of_threads(may_use):
    many = np.tile(X, (20, 1))
    may_use(1)
    model = _fit("dropout")
    alone = model.predict_proba(many), model.sample_proba(many, 2)
    may_use(3)
    np.testing.assert_array_equal(model.predict_proba(many), alone[0])
    np.testing.assert_array_equal(model.sample_proba(many, 2), alone[1])


@unconverged
def test_fits_in_several_threads_at_once(may_use):
    may_use(2)
    alone, found = _fit("adam"), [None] * 4

    def fit(i):
        found[i] = _fit("adam")

    workers = [threading.Thread(target=fit, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)
    for model in found:
        np.testing.assert_array_equal(model.coefs_[0], alone.coefs_[0])


@unconverged
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_no_thread_is_left(may_use, error):
    """After an error between two epochs, when the threads of the first wait for the second."""
    may_use(3)
    before = threading.active_count()
    network = _fit("adam")._network
    assert threading.active_count() == before
    batches = Batches(network, engine.as_data(X, float, Y[:, None]), size=200)
    schedule = follow("constant", 1e-3, max_iter=1)
    optimization = Optimization(network, "adam", schedule, beta_1=0.9, beta_2=0.9)
    params = np.random.RandomState(0).normal(size=network.n_numbers)
    with pytest.raises(error), optimization.training(params):
        optimization.epoch(batches, params)
        assert threading.active_count() == before + 2
        raise error
    assert threading.active_count() == before


@contextmanager
def _elsewhere(most):
    """Yield what another thread can reserve meanwhile."""
    with ThreadPoolExecutor(1) as other:
        block = reserved_threads(most)
        yield other.submit(block.__enter__).result()
        other.submit(block.__exit__, None, None, None).result()


def test_what_a_fit_has_reserved_it_may_use_in_all_its_parts(may_use):
    may_use(4)
    with reserved_threads(2) as outer, reserved_threads(3) as inner, _elsewhere(3) as other:
        assert (outer, inner, other) == (2, 3, 1)
        with reserved_threads(1) as single:
            assert single == 1
    with reserved_threads(8) as number:
        assert number == 4


def test_limits_are_kept(monkeypatch):
    monkeypatch.setattr(threads, "cpu_count", lambda: 4)
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    with threadpool_limits(1, user_api="blas"), reserved_threads(8) as number:
        assert number == 1
    monkeypatch.setattr(threads._users, "limit", lambda: 3)
    with reserved_threads(8) as number:
        assert number == 3
    with reserved_threads(2) as number, _elsewhere(2) as second, _elsewhere(2) as third:
        assert (number, second, third) == (2, 1, 1)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    with reserved_threads(8) as number:
        assert number == 2
    assert threads._users.in_use == 0


def _reserved():
    with reserved_threads(8) as number:
        return number


def test_affinity_and_workers_limit_threads():
    code = "from skdnn.threads import reserved_threads as r\nwith r(8) as number: print(number)"
    if hasattr(os, "sched_setaffinity"):
        code = f"import os; os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])\n{code}"
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        assert said.stdout.split() == [b"1"]
    with joblib.parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        assert joblib.Parallel()(joblib.delayed(_reserved)() for _ in range(2)) == [1, 1]


def test_without_a_blas_that_is_known_nothing_is_limited(monkeypatch):
    monkeypatch.setattr(threads, "_controller", lambda: CONTROLLER.select(prefix="none"))
    assert threads._users.limit() == sys.maxsize
    with one_blas_thread():
        assert threads._users.limit() == sys.maxsize


def test_fits_in_a_thread_limit_blas_where_the_user_has_set_it():
    with threadpool_limits(2, user_api="blas"), ThreadPoolExecutor(1) as other:
        block = one_blas_thread()
        other.submit(block.__enter__).result()
        assert _blas_threads() == {1}
        other.submit(block.__exit__, None, None, None).result()
        assert _blas_threads() == {2}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_begins_with_nothing_in_use(may_use):
    may_use(2)
    with threadpool_limits(2, user_api="blas"), one_blas_thread(), reserved_threads(2):
        child = os.fork()
        if child == 0:
            os._exit(_blas_threads() != {2} or _reserved() != 2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@unconverged
def test_threads_that_the_system_does_not_give_are_not_needed(may_use, monkeypatch):
    may_use(1)
    alone, start = _fit("adam"), threading.Thread.start

    def refused(thread):
        if threading.active_count() > before + 1:
            raise RuntimeError("can't start new thread")
        start(thread)

    may_use(4)
    before = threading.active_count()
    monkeypatch.setattr(threading.Thread, "start", refused)
    np.testing.assert_array_equal(_fit("adam").coefs_[0], alone.coefs_[0])
    assert threading.active_count() == before


@unconverged
def test_an_interrupted_epoch_counts(monkeypatch):
    """The interpreter sees the signal when the epoch's kernel has returned."""
    train_epoch, ranks = engine.train_epoch, []

    def interrupted(crew, rank, *given):
        loss = train_epoch(crew, rank, *given)
        ranks.append(rank)
        if rank == 0 and ranks.count(0) == 2:
            raise KeyboardInterrupt
        return loss

    for layers in ({"hidden_layer_sizes": (20,)}, {"hidden_layers": [Dense(20), BatchNorm()]}):
        net = MLPNet(**layers, batch_size=70, max_iter=2, random_state=0).fit(X, Y)
        ranks.clear()
        monkeypatch.setattr(engine, "train_epoch", interrupted)
        with pytest.warns(UserWarning, match="interrupted"):
            other = clone(net).set_params(max_iter=5).fit(X, Y)
        monkeypatch.setattr(engine, "train_epoch", train_epoch)
        assert other.n_iter_ == len(other.history_) == 2
        np.testing.assert_array_equal(other.coefs_[0], net.coefs_[0])
        np.testing.assert_allclose(other.loss_curve_, net.loss_curve_, rtol=1e-14)


def test_blas_on_one_thread_in_a_fit_is_not_the_users_limit():
    with threadpool_limits(2, user_api="blas"), one_blas_thread():
        assert threads._users.limit() == 2


def test_parts_come_back_in_order_and_errors_come_out():
    def slow_first(part):
        time.sleep(0.02 if part == 0 else 0)
        return part**2

    assert run_parts(slow_first, range(20), 3) == [part**2 for part in range(20)]
    with pytest.raises(ZeroDivisionError):
        run_parts(lambda part: 1 // part, range(20), 3)
