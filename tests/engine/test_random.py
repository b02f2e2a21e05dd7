"""The engine's shuffle against NumPy's."""

import numpy as np
import pytest

from skdnn.engine.random import refill, shuffle


@pytest.mark.parametrize("n", [1, 2, 3, 8, 9, 1000, 1025])
def test_is_numpys_shuffle(n):
    reference, source = np.random.RandomState(3), np.random.RandomState(3)
    reference.rand(11)
    source.rand(11)
    key, position = source.get_state()[1:3]
    key, expected, order = key.copy(), np.arange(n), np.arange(n)
    for _ in range(5):
        reference.shuffle(expected)
        position = shuffle(order, key, position)
        np.testing.assert_array_equal(order, expected)
    # The stream goes on where NumPy's does.
    source.set_state(("MT19937", key, position))
    np.testing.assert_array_equal(source.rand(5), reference.rand(5))


def test_plain_python_self_draws_the_same_words():
    key = np.random.RandomState(0).get_state()[1]
    compiled, plain = key.copy(), key.copy()
    refill(compiled)
    refill.py_func(plain)
    np.testing.assert_array_equal(compiled, plain)
