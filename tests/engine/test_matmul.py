"""Matrix products equal NumPy's, whatever their shapes and numbers."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from numba.core.errors import TypingError

from skdnn.engine.matmul import _DEPTH, dot, dot_transposed, prepare_products, transposed_dot

DTYPES = (np.float32, np.float64)
for dtype in DTYPES:
    prepare_products(np.dtype(dtype))
_rng = np.random.default_rng(0)
SMALL = [tuple(int(n) for n in _rng.integers(1, 41, 3)) for _ in range(150)]
USUAL = [
    (32, 2, 4),
    (32, 4, 1),
    (200, 64, 64),
    (128, 784, 10),
    (50, 300, 1),
    (1, 300, 100),
    (16, 1, 70),
    (3, _DEPTH, 33),
    (100, _DEPTH + 1, 130),
    (17, 33, 2 * _DEPTH + 1),
    (1, _DEPTH + 1, 600),
    # Strips that are packed, and tiles that are written one row of them after the other.
    (120, 100, 600),
    (3, 700, 600),
]
ROOM = 3


def _surrounded(shape, dtype):
    """Return an array, and the vector that it is in the middle of."""
    size = int(np.prod(shape))
    vector = np.full(size + 2 * ROOM, 7, dtype)
    return vector[ROOM : ROOM + size].reshape(shape), vector


def _check_surroundings(vector):
    assert np.all(vector[:ROOM] == 7)
    assert np.all(vector[-ROOM:] == 7)


def _multiply(product, first, second, shape, *more):
    """Return a product, whose place is not written beyond."""
    out, out_vector = _surrounded(shape, first.dtype)
    product(first, second, *more, out)
    _check_surroundings(out_vector)
    return out


def _products(A, W, delta, bias):
    """Return the three products and NumPy's, with bounds of their errors."""
    rows, n_in = A.shape
    n_out = W.shape[1]
    none = np.empty(0, A.dtype)
    yield _multiply(dot, A, W, (rows, n_out), none), A, W, 0
    yield _multiply(dot, A, W, (rows, n_out), bias), A, W, bias
    yield _multiply(transposed_dot, A, delta, (n_in, n_out), 0), A.T, delta, 0
    if n_in > 2:
        part = _multiply(transposed_dot, A, delta, (n_in - 2, n_out), 1)
        yield part, A.T[1:-1], delta, 0
    yield _multiply(dot_transposed, delta, W, (rows, n_in)), delta, W.T, 0


def _factors(rows, n_in, n_out, dtype, rng):
    # Rows of larger matrices, and read-only.
    A = rng.normal(size=(rows + 2, n_in)).astype(dtype)[1:-1]
    W, delta = rng.normal(size=(n_in, n_out)), rng.normal(size=(rows, n_out))
    factors = A, W.astype(dtype), delta.astype(dtype), rng.normal(size=n_out).astype(dtype)
    for factor in factors[:2]:
        factor.flags.writeable = False
    return factors


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shapes", [SMALL, USUAL], ids=["small", "usual"])
def test_products_equal_those_of_numpy(dtype, shapes):
    rng = np.random.default_rng(1)
    epsilon = np.finfo(dtype).eps
    for shape in shapes:
        for product, left, right, bias in _products(*_factors(*shape, dtype, rng)):
            left, right = left.astype(np.longdouble), right.astype(np.longdouble)
            # Each sum's error is less than that of its terms' sizes, one after the other.
            bound = (left.shape[1] + 2) * epsilon * (np.abs(left) @ np.abs(right) + np.abs(bias))
            assert np.all(np.abs(product - (left @ right + bias)) <= bound), shape


@pytest.mark.parametrize("dtype", DTYPES)
def test_infinities_and_nan_come_through_where_they_belong(dtype):
    rng = np.random.default_rng(2)
    for shape in SMALL[:60]:
        factors = [factor.copy() for factor in _factors(*shape, dtype, rng)]
        for factor in factors:
            for value in (np.nan, np.inf, -np.inf):
                if rng.random() < 0.5:
                    factor.ravel()[rng.integers(factor.size)] = value
        for product, left, right, bias in _products(*factors):
            with np.errstate(invalid="ignore"):
                expected = left.astype(np.float64) @ right.astype(np.float64) + bias
            special = ~np.isfinite(expected)
            np.testing.assert_array_equal(np.isfinite(product), ~special)
            np.testing.assert_array_equal(product[special], expected[special].astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sum_of_no_terms_is_the_bias(dtype):
    bias = np.arange(5, dtype=dtype)
    product = _multiply(dot, np.empty((3, 0), dtype), np.empty((0, 5), dtype), (3, 5), bias)
    np.testing.assert_array_equal(product, np.tile(bias, (3, 1)))
    none = np.empty((0, 4), dtype), np.empty((0, 5), dtype)
    np.testing.assert_array_equal(_multiply(transposed_dot, *none, (4, 5), 0), np.zeros((4, 5)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_does_not_depend_on_the_others(dtype):
    rng = np.random.default_rng(3)
    for n_in, n_out in [(4, 1), (100, 50), (300, 600), (70, 10)]:
        A, W, _, bias = _factors(130, n_in, n_out, dtype, rng)
        whole = _multiply(dot, A, W, (130, n_out), bias)
        for start, end in [(0, 1), (1, 3), (3, 8), (8, 17), (17, 130)]:
            part = _multiply(dot, A[start:end], W, (end - start, n_out), bias)
            np.testing.assert_array_equal(part, whole[start:end])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_of_a_gradient_does_not_depend_on_the_others(dtype):
    rng = np.random.default_rng(4)
    for rows, n_in, n_out in [(32, 70, 50), (200, 64, 10), (128, 300, 1)]:
        A, _, delta, _ = _factors(rows, n_in, n_out, dtype, rng)
        whole = _multiply(transposed_dot, A, delta, (n_in, n_out), 0)
        for start, end in [(0, 8), (8, 40), (16, n_in)]:
            part = _multiply(transposed_dot, A, delta, (end - start, n_out), start)
            np.testing.assert_array_equal(part, whole[start:end])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_of_derivatives_does_not_depend_on_the_others(dtype):
    rng = np.random.default_rng(5)
    for rows, n_in, n_out in [(32, 70, 50), (200, 64, 10), (128, 300, 1)]:
        _, W, delta, _ = _factors(rows, n_in, n_out, dtype, rng)
        whole = _multiply(dot_transposed, delta, W, (rows, n_in))
        for start, end in [(0, 8), (8, rows), (16, rows)]:
            part = _multiply(dot_transposed, delta[start:end], W, (end - start, n_in))
            np.testing.assert_array_equal(part, whole[start:end])


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="features of x86")
@pytest.mark.parametrize("features", ["", "+avx,+avx2,+fma"])
def test_products_are_right_on_lesser_machines(features, tmp_path):
    if os.environ.get("NUMBA_CPU_NAME"):
        pytest.skip("is run on a lesser machine")
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": features,
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_other_arrays_are_refused():
    W, out, none = np.ones((3, 2)), np.ones((4, 2)), np.empty(0)
    for A in (np.ones((4, 6))[:, ::2], np.ones((4, 3), np.float32), np.ones((4, 3), int)):
        with pytest.raises(TypingError, match="C-ordered and of one dtype"):
            dot(A, W, none, out)


CACHED = """
import numpy as np
from skdnn.engine.matmul import dot, prepare_products
prepare_products(np.dtype(float))
A, out = np.ones((2, 3)), np.empty((2, 2))
dot(A, np.arange(6.0).reshape(3, 2), np.ones(2), out)
print(out.tolist(), sum(dot.stats.cache_hits.values()))
"""


def test_another_process_uses_what_is_compiled(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    for hits in (0, 1):
        run = subprocess.run(
            [sys.executable, "-c", CACHED], env=environment, capture_output=True, text=True
        )
        assert run.stdout.strip() == f"[[7.0, 10.0], [7.0, 10.0]] {hits}", run.stderr
