"""A process that keeps a core busy."""

import os
import subprocess
import sys
import time

# Spins until its input ends, and then says how much of a core it had.
_SPIN = """
import os, sys, threading, time
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
print("ready", flush=True)
before = time.process_time()
while not ended.is_set():
    pass
print(time.process_time() - before, flush=True)
"""


class BusyCore:
    """Keeps the last core busy inside a ``with`` block.

    Attributes
    ----------
    share : float
        The share of this process's cores that the other one had, known after the block.
    """

    def __init__(self) -> None:
        self.share = 0.0

    def __enter__(self) -> "BusyCore":
        self.process = subprocess.Popen(
            # -I: nothing of the environment slows down its start.
            [sys.executable, "-I", "-c", _SPIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.process.stdout.readline()
        self.start = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        elapsed = time.perf_counter() - self.start
        said, _ = self.process.communicate()
        self.share = min(float(said) / elapsed, 0.99) / n_cores()


def n_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
