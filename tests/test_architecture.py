"""The house: imports point down, importing is cheap, what is public is documented."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import skdnn

ROOT = Path(skdnn.__file__).parent

# From the ground up; a module may import from the floors below its own, and on its own floor where
# that is a package.
FLOORS = [
    {"engine", "threads", "component", "files", "frames", "dependencies", "_typing", "_version"},
    {"initializers", "regularizers", "averaging", "schedules", "splitting", "validation"},
    {"layers"},
    {"network"},
    {"objective", "tasks", "stochastic", "callbacks", "likelihood", "reporting", "summary"},
    {"solvers", "training", "inference"},
    {"linear", "mlp"},
    {"model_selection", "persistence"},
    {"skdnn"},
    {"compare", "displays", "distributed", "exchange", "tables"},
    {"cli"},
    {"__main__"},
]
# Inside the engine the same: each file only from those before it.
ENGINE = [
    {"collector"},
    {"_jit"},
    {"atomics", "columns", "data", "elementary", "hashing", "pointers", "random", "tiles", "views"},
    {"activations", "crew", "losses", "matmul", "optimizers"},
    {"products"},
    {"layers", "normalization"},
    {"curvature", "kinds", "penalties"},
    {"descent", "single_output"},
    {"batch"},
    {"epoch", "program"},
]


def _floor(name, floors):
    return next(i for i, floor in enumerate(floors) if name in floor)


def _imports(path):
    """Yield the modules of this package that a file imports, without their first name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "skdnn":
            parts = node.module.split(".")[1:]
            if parts and parts != ["engine"]:
                yield parts
            else:
                for alias in node.names:
                    yield parts + ([alias.name] if not parts else [])


def _files():
    return sorted(p for p in ROOT.rglob("*.py"))


def test_every_module_has_a_floor():
    names = {p.relative_to(ROOT).parts[0].removesuffix(".py") for p in _files()}
    assert names - {"__init__"} == set.union(*FLOORS) - {"skdnn"}


@pytest.mark.parametrize("path", _files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    own = "skdnn" if own == "__init__" else own
    for parts in _imports(path):
        imported = parts[0] if parts and any(parts[0] in floor for floor in FLOORS) else "skdnn"
        if imported == own:
            if own == "engine" and len(parts) > 1 and path.stem != "__init__":
                assert _floor(parts[1], ENGINE) < _floor(path.stem, ENGINE), parts
            continue
        assert _floor(imported, FLOORS) < _floor(own, FLOORS), f"{path} imports {parts}"


@pytest.mark.parametrize("path", _files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_engine_knows_no_scikit_learn_and_files_are_short(path):
    text = path.read_text()
    assert len(text.splitlines()) < 500
    if "engine" in path.parts:
        assert "sklearn" not in text


def test_files_of_tests_and_examples_are_short():
    tests = Path(__file__).parent
    files = [*tests.rglob("*.py"), *(tests.parent / "examples").rglob("*.py")]
    assert [str(path) for path in files if len(path.read_text().splitlines()) >= 500] == []


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("skdnn", {"numba", "matplotlib", "skops", "dask", "skdnn.compare", "skdnn.displays"}),
        ("skdnn.distributed", {"numba", "dask", "distributed"}),
        ("skdnn.displays", {"numba", "matplotlib"}),
        (
            "skdnn.exchange",
            {
                "numba",
                "skl2onnx",
                "onnx",
                "safetensors",
                "torch",
                "keras",
                "sklearn.neural_network",
            },
        ),
    ],
)
def test_importing_is_cheap(module, heavy):
    """numba and what needs it load with the first fit, matplotlib with the first picture."""
    code = f"import sys, {module}; print(*{heavy} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_package_works_where_nothing_can_be_written(tmp_path):
    """In a container with a read-only package and home, kernels are compiled without a cache."""
    code = """
import sys
from numba.core import caching
# What numba finds where no folder can be written to: no place for a cache.
caching.CacheImpl._locator_classes = []
from skdnn.engine.elementary import logistic
assert logistic(0.0) == 0.5
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", [n for n in skdnn.__all__ if inspect.isclass(getattr(skdnn, n))])
def test_every_parameter_and_attribute_is_documented(name):
    estimator = getattr(skdnn, name)
    document = inspect.getdoc(estimator)
    for parameter in inspect.signature(estimator).parameters:
        assert (
            f"{parameter} :" in document
            or f"{parameter}, " in document
            or (f", {parameter} :" in document)
        ), parameter
    y = np.array([0, 1, 2] * 10)
    X = np.c_[y, y**2] / 4
    fitted = estimator(max_iter=1000, random_state=0).fit(X, y)
    for attribute in vars(fitted):
        if attribute.endswith("_") and not attribute.startswith("_"):
            assert f"\n{attribute} :" in document or attribute == "feature_names_in_", attribute
    assert ">>> from skdnn import" in document
