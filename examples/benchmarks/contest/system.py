"""Imports, first fits and memory: each in processes of their own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import skdnn
from contest import data
from contest.rounds import SKDNN, SKLEARN, Case, Contestant, Settings, Target

_CHILD = Path(__file__).with_name("child.py")
# skdnn may be a clone that is not installed.
_ROOT = Path(skdnn.__file__).resolve().parents[1]


class Children:
    """Runs child.py with caches of its own, in a temporary folder."""

    def __init__(self, folder: str, threads: int):
        self.folder = Path(folder)
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), os.getenv("PYTHONPATH")])),
            # Modules are compiled to byte code once, for all.
            "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode"),
            "OPENBLAS_NUM_THREADS": str(threads),
            "OMP_NUM_THREADS": str(threads),
            "MKL_NUM_THREADS": str(threads),
        }
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def run(self, *arguments: str, cold: bool = False) -> float:
        """Return what the child prints; if cold, with no kernel in the cache."""
        cache = tempfile.mkdtemp(dir=self.folder) if cold else str(self.folder / "kernels")
        said = subprocess.run(
            # -P: this folder's files are not modules to it.
            [sys.executable, "-P", str(_CHILD), *arguments],
            env={**self.environment, "NUMBA_CACHE_DIR": cache},
            check=True,
            capture_output=True,
            text=True,
        )
        return float(said.stdout)


def imports(settings: Settings) -> Iterator[Case]:
    """import skdnn and import sklearn.neural_network, in new processes"""
    with tempfile.TemporaryDirectory() as folder:
        children = Children(folder, settings.threads)
        modules = {SKDNN: "skdnn", SKLEARN: "sklearn.neural_network"}
        yield Case(
            "import",
            [
                Contestant(party, lambda m=module: children.run("import", m))
                for party, module in modules.items()
            ],
            [Target(SKLEARN, at_most=1.15)],
        )


def first_fits(settings: Settings) -> Iterator[Case]:
    """the first fit in a process with the kernels in the cache, and the first fit ever"""
    with tempfile.TemporaryDirectory() as folder:
        children = Children(folder, settings.threads)
        packages = {SKDNN: "skdnn", SKLEARN: "sklearn"}
        yield Case(
            "first fit in a process less a second, kernels cached",
            [
                Contestant(party, lambda p=package: children.run("first_fit", p, "yes"))
                for party, package in packages.items()
            ],
            [Target(at_most=0.4)],
        )
        yield Case(
            "first fit ever, nothing cached",
            [
                Contestant(
                    party,
                    lambda p=package: children.run("first_fit", p, "no", cold=True),
                    # The bytecode is there by now.
                    warm_up=lambda: None,
                )
                for party, package in packages.items()
            ],
            [Target(at_most=6.0)],
            rounds=3,
            notes=lambda: ["the fit alone, digits (64,), 5 epochs; the import is not within it"],
        )


def memory(settings: Settings) -> Iterator[Case]:
    """memory that a fit and a prediction take beyond the data, MNIST, (512,), float32"""
    if find_spec("resource") is None:
        raise NotImplementedError("this system does not tell a process's memory")
    X, y, note = data.mnist("float32", settings.size(60000, 1000))
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ("X.npy", "y.npy")]
        for path, array in zip(paths, (X, y), strict=True):
            np.save(path, array)
        children = Children(folder, settings.threads)
        packages = {SKDNN: "skdnn", SKLEARN: "sklearn"}
        for method, targets in {"fit": [Target(at_most=150.0)], "predict_proba": []}.items():
            yield Case(
                f"memory of {method}, {len(X):,} MNIST rows",
                [
                    Contestant(
                        party, lambda p=package, m=method: children.run("memory", p, m, *paths)
                    )
                    for party, package in packages.items()
                ],
                targets,
                unit="MB",
                rounds=3,
                notes=lambda: [note] if note else [],
            )
