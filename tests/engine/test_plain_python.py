"""The compiled engine equals its plain-Python self."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent


def _run(folder, **environment):
    path = folder / "results.npz"
    command = [sys.executable, str(HERE / "plain.py"), str(path)]
    paths = [str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment}
    subprocess.run(command, check=True, env=environment)
    return dict(np.load(path))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    compiled = _run(tmp_path_factory.mktemp("compiled"))
    plain = _run(tmp_path_factory.mktemp("plain"), NUMBA_DISABLE_JIT="1")
    return compiled, plain


def test_compiled_engine_equals_its_plain_python_self(results):
    compiled, plain = results
    assert compiled.keys() == plain.keys()
    for name, expected in plain.items():
        # The compiler may fuse a product with a sum, and reorders sums.
        tolerance = 2e-5 if name.endswith("float32") else 1e-13
        np.testing.assert_allclose(
            compiled[name], expected, rtol=tolerance, atol=tolerance, err_msg=name
        )


def test_plain_python_keeps_the_dtype(results):
    _, plain = results
    for name in ("exp", "expm1", "log1p", "tanh", "logistic", "softplus"):
        assert plain[f"elementary.{name}-float32"].dtype == np.float32
