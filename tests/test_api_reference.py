"""What is public has a page in the reference, where the estimators' links lead."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import skdnn
from skdnn.component import DocumentationLink

PAGE = (Path(__file__).parents[1] / "doc" / "api.rst").read_text()
REFERENCE = re.findall(r"^   (skdnn\.\S+)$", PAGE, flags=re.MULTILINE)
# What users do not import, and in modules without `__all__` single names.
INTERNAL = {
    *("__main__", "__version__", "_typing", "_version", "cli", "component", "dependencies"),
    *("engine", "files", "frames", "likelihood", "linear", "mlp", "network", "objective"),
    *("persistence", "reporting", "solvers", "splitting", "stochastic", "tables", "tasks"),
    *("threads", "training", "validation"),
    "inference.summarize_coefficients",
    *("summary.text_table", "summary.html_table", "summary.summarize"),
    "layers.plain_layers",
}
MODULES = [skdnn] + [
    importlib.import_module(f"skdnn.{module.name}")
    for module in pkgutil.iter_modules(skdnn.__path__)
    if module.name not in INTERNAL
]


def _public(module):
    """Return the names of `__all__`, else of the classes and functions that a module defines."""
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
        and value.__doc__
        and not name.startswith("_")
    ]
    full = {f"{module.__name__}.{name}" for name in names}
    return full - {f"skdnn.{name}" for name in INTERNAL}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_public_name_is_in_the_reference(module):
    listed = {name for name in REFERENCE if name.rpartition(".")[0] == module.__name__}
    assert listed == _public(module)


LINKED = [
    getattr(module, name.rpartition(".")[2])
    for module in MODULES
    for name in REFERENCE
    if name.rpartition(".")[0] == module.__name__
]
LINKED = [cls for cls in LINKED if inspect.isclass(cls) and issubclass(cls, DocumentationLink)]


@pytest.mark.parametrize(
    "cls", [cls for cls in LINKED if not inspect.isabstract(cls)], ids=lambda cls: cls.__name__
)
def test_links_of_representations_lead_into_the_reference(cls):
    instance = cls.__new__(cls)
    name = instance._doc_link_url_param_generator()["public_name"]
    assert name in REFERENCE
    link = instance._doc_link_template.format(public_name=name)
    assert link == f"https://skdnn.readthedocs.io/en/stable/generated/{name}.html"
