"""Training from a memory-mapped array: the rows stay in the file, nothing copies all of them."""

import subprocess
import sys

import numpy as np
import pytest

N_ROWS, N_FEATURES = 75_000, 2000
# Private memory beyond what a small fit has taken; the file has 600 MB, its held-out rows 60 MB.
ROOM = 50 * 2**20

_PROCESS = """
import resource, sys, warnings
import numpy as np
from skdnn import MLPNet, MLPNetRegressor

warnings.simplefilter("ignore")
path, n_rows, n_features, room = sys.argv[1], *map(int, sys.argv[2:])
X = np.memmap(path, np.float32, "r", shape=(n_rows, n_features))
y = np.arange(n_rows) // 50 % 2
weight = 1.0 + np.arange(n_rows) % 3
val = {"X_val": X[: n_rows // 2], "y_val": y[: n_rows // 2]}
options = {"hidden_layer_sizes": (8,), "max_iter": 1, "random_state": 0, "early_stopping": True}
net = MLPNet(**options, class_weight={0: 1.0, 1: 2.0})
regressor = MLPNetRegressor(**options)


def fit_and_predict(rows, **val):
    net.fit(X[rows], y[rows], weight[rows]).predict_proba(X[rows])
    net.set_params(early_stopping=False).fit(X[rows], y[rows], **val)
    net.set_params(class_weight=None, early_stopping=True)
    net.partial_fit(X[rows], y[rows]).predict(X[rows])
    regressor.fit(X[rows], y[rows].astype(float)).predict(X[rows])


# What is compiled and loaded once is not to count.
fit_and_predict(slice(0, 1000), X_val=X[:1000], y_val=y[:1000])
status = dict(line.split(":") for line in open("/proc/self/status"))
used = int(status["VmData"].split()[0]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + room, used + room))
fit_and_predict(slice(None), **val)
assert net.t_ == n_rows + round(0.9 * n_rows) and net.coefs_[0].dtype == np.float32
assert net.score(X[::50], y[::50]) > 0.9
for copy in (np.array, np.isnan, lambda X: X[: n_rows // 5].astype(np.float64)):
    try:
        copy(X)
    except MemoryError:
        continue
    raise AssertionError("there was room for a copy")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's private memory")
def test_the_rows_are_not_copied(tmp_path):
    path = tmp_path / "rows.float32"
    X = np.memmap(path, np.float32, "w+", shape=(N_ROWS, N_FEATURES))
    # Every 50th row has values; the others are holes in the file.
    X[::50] = np.random.RandomState(0).normal(size=(N_ROWS // 50, N_FEATURES))
    X[::50, 0] = 30 * (np.arange(N_ROWS // 50) % 2) - 15
    X.flush()
    del X
    arguments = [path, str(N_ROWS), str(N_FEATURES), str(ROOM)]
    subprocess.run([sys.executable, "-c", _PROCESS, *arguments], check=True)
