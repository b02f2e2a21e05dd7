"""Compiled kernels are kept between processes, and dropped when the engine changes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import skdnn

CODE = """
import numpy as np
from skdnn.engine.activations import relu
a = np.array([-1.0, 2.0])
relu(0.0, a)
print(a.tolist(), sum(relu.stats.cache_hits.values()))
"""


def _run(folder):
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    command = [sys.executable, "-c", CODE]
    run = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment, check=True
    )
    return run.stdout.strip()


def test_a_change_in_another_file_of_the_engine_is_seen(tmp_path):
    package = tmp_path / "skdnn"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(skdnn.__file__).parent, package, ignore=ignored)
    assert _run(tmp_path) == "[0.0, 2.0] 0"
    assert _run(tmp_path) == "[0.0, 2.0] 1"
    # The ReLU is in another file than the constant that it returns.
    elementary = package / "engine" / "elementary.py"
    text = elementary.read_text().replace("ZERO = np.float32(0)", "ZERO = np.float32(0.5)")
    elementary.write_text(text)
    assert _run(tmp_path) == "[0.5, 2.0] 0"
