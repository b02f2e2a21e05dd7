"""BLAS runs on one thread while anything trains, and as before afterwards."""

import threading

import numpy as np
import scipy.linalg
from threadpoolctl import ThreadpoolController, threadpool_limits

from skdnn import MLPNet
from skdnn.threads import one_blas_thread

scipy.linalg.blas.dgemm(1.0, np.eye(2), np.eye(2))
CONTROLLER = ThreadpoolController().select(user_api="blas")


def _blas_threads():
    return {library["num_threads"] for library in CONTROLLER.info()}


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


def test_fit_leaves_the_setting_as_it_was_even_when_it_fails():
    with threadpool_limits(2, user_api="blas"):
        try:
            MLPNet(solver="sgd", learning_rate_init=1e30).fit(1e3 * np.eye(4), [0, 1, 0, 1])
        except ValueError as error:
            assert "non-finite" in str(error)
        else:
            raise AssertionError("did not diverge")
        assert _blas_threads() == {2}
