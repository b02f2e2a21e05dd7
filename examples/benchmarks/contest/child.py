"""What is measured in a process of its own: run by system.py, prints the result.

Nothing that takes time is imported before it is needed: imports are among what is measured.
"""

import sys
import time


def _clock(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _network(package: str, **params):
    if package == "skdnn":
        from skdnn import MLPNet as Kind
    else:
        from sklearn.neural_network import MLPClassifier as Kind
    return Kind(random_state=0, **params)


def _digits():
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return X / 16, y


def measure_import(module: str) -> float:
    """Return the seconds that it takes to import a module."""
    return _clock(lambda: __import__(module))


def measure_first_fit(package: str, less_second: str) -> float:
    """Return the seconds of the first fit, less those of a second one where that is "yes"."""
    X, y = _digits()
    net = _network(package, hidden_layer_sizes=(64,), max_iter=5, n_iter_no_change=float("inf"))
    first, second = (_clock(lambda: net.fit(X, y)) for _ in range(2))
    return first - second if less_second == "yes" else first


def _status(field: str) -> float | None:
    """Return a size in megabytes that Linux tells of this process, None elsewhere."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            sizes = dict(line.split(":", 1) for line in file)
    except OSError:
        return None
    return float(sizes[field].split()[0]) * 1024 / 1e6


def _peak() -> float:
    """Return the most memory that this process has had, in megabytes."""
    # Not getrusage on Linux: its figure begins with that of the parent process.
    found = _status("VmHWM")
    if found is not None:
        return found
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


def measure_memory(package: str, method: str, X_path: str, y_path: str) -> float:
    """Return how many megabytes a fit or a prediction takes beyond what was there before."""
    import numpy as np

    X, y = np.load(X_path), np.load(y_path)
    net = _network(package, hidden_layer_sizes=(512,), batch_size=128, max_iter=1)
    net.fit(X[:256], y[:256])
    before = _status("VmRSS") or _peak()
    if method == "fit":
        net.fit(X, y)
    else:
        net.predict_proba(X)
    return _peak() - before


if __name__ == "__main__":
    import warnings

    # One epoch is what is wanted.
    warnings.simplefilter("ignore")
    print(globals()[f"measure_{sys.argv[1]}"](*sys.argv[2:]))
