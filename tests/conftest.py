"""Settings that must be made before anything is imported, and what many tests take."""

import importlib.util
import os
import signal

# Without it scikit-learn's check of array API inputs is skipped.
os.environ["SCIPY_ARRAY_API"] = "1"
# Keras looks for TensorFlow otherwise.
if importlib.util.find_spec("torch"):
    os.environ.setdefault("KERAS_BACKEND", "torch")

import pytest
from sklearn.base import clone

# Searched for doctests, as modules, those of all folders would have one name.
collect_ignore_glob = ["*conftest.py"]


@pytest.fixture
def model(request):
    """Return an estimator that no other test has fitted."""
    return clone(request.param)


@pytest.fixture
def interruptible():
    """Let processes heed Ctrl-C, which those that a shell runs in the background ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a table of people."""
    from comparison import people

    people().to_csv(tmp_path / "people.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path
