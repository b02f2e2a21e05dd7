"""
Searching in threads
====================

A fit holds Python's lock only between epochs. So the candidates of a search can be trained at once
by threads of one process, which share the data and start at once. Here the same search runs without
jobs, with two processes (loky, joblib's default) and with two threads. ``--full`` makes it twice as
long.
"""

import argparse
import warnings
from time import perf_counter

import joblib
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import RandomizedSearchCV

from skdnn import MLPNet
from skdnn.model_selection import search_space

parser = argparse.ArgumentParser()
parser.add_argument("--full", action="store_true", help="a search of twice as many epochs")
full = parser.parse_args().full
# The candidates are compared after a set number of epochs.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X = X / 16
net = MLPNet(max_iter=20 if full else 10, random_state=0)
search = RandomizedSearchCV(net, search_space(net), n_iter=8, cv=3, random_state=0, refit=False)

# %%
# The first fit of all compiles the kernels, unless they are in the cache already. The processes
# find them there, and compile nothing.

net.fit(X, y)

# %%
# Loky has to start its processes, each of which imports everything: in the first search with it
# that is part of the time. They wait for further work for some minutes, so that a second search
# has none of it.


def timed(backend, n_jobs):
    start = perf_counter()
    with joblib.parallel_config(backend, n_jobs=n_jobs):
        search.fit(X, y)
    return perf_counter() - start, search.best_score_


runs = {
    "one after the other": ("threading", 1),
    "2 processes (loky), first": ("loky", 2),
    "2 processes (loky), again": ("loky", 2),
    "2 threads": ("threading", 2),
}
times = {name: timed(*how) for name, how in runs.items()}
alone = times["one after the other"][0]
print(f"24 fits on a machine with {joblib.cpu_count()} cores")
for name, (seconds, score) in times.items():
    print(f"{name:26} {seconds:5.2f} s, {alone / seconds:3.1f} times as fast, score {score:.4f}")

# %%
# The scores are the same to the last bit: all randomness comes from `random_state`, on any number
# of jobs. Without jobs a fit may use several threads itself, on batches that are large enough; in
# a search each fit has its own.

figure, ax = plt.subplots(figsize=(7, 2.6), layout="constrained")
names = list(times)[::-1]
bars = ax.barh(names, [times[name][0] for name in names], color=["C0", "C1", "C1", "0.6"])
ax.bar_label(bars, fmt="%.2f s", padding=3)
ax.margins(x=0.12)
ax.set(xlabel="seconds for the search")
ax.spines[["top", "right"]].set_visible(False)
plt.show()
