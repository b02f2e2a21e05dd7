"""Python's garbage collector while kernels are compiled."""

import gc

import numpy as np
import pytest

from skdnn.engine._jit import kernel


def _fill(x):
    for i in range(x.size):
        x[i] = 1.0


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_rests_while_a_kernel_is_compiled(enabled):
    compiled, x, runs = kernel(_fill), np.zeros(3), []

    def note(phase, about):
        runs.append(phase)

    was_enabled, threshold = gc.isenabled(), gc.get_threshold()
    # It would run with any few objects.
    gc.set_threshold(10)
    try:
        (gc.enable if enabled else gc.disable)()
        gc.callbacks.append(note)
        compiled.compile("(float64[::1],)")
        gc.callbacks.remove(note)
        assert gc.isenabled() == enabled
    finally:
        gc.set_threshold(*threshold)
        (gc.enable if was_enabled else gc.disable)()
    # Only when it is let in again: a run has a start and an end.
    assert len(runs) <= 4
    compiled(x)
    assert x.tolist() == [1.0, 1.0, 1.0]


def test_the_collector_is_as_it_was_after_an_error():
    compiled = kernel(lambda x: x.no_such_attribute)
    with pytest.raises(Exception, match="no_such_attribute"):
        compiled(np.zeros(3))
    assert gc.isenabled()
