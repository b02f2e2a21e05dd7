"""Components: printed, compared, cloned, pickled, and reached by set_params."""

import inspect
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import skdnn
from skdnn.component import Component
from skdnn.layers import Dense


@dataclass(eq=False, repr=False)
class Leaf(Component):
    size: Any = 1


@dataclass(eq=False, repr=False)
class Branch(Component):
    leaf: Any = None
    length: float = 2.0


def test_they_print_what_is_not_default():
    assert repr(Branch(Leaf(3))) == "Branch(leaf=Leaf(size=3))"


def test_they_are_equal_where_type_and_values_are():
    assert Branch(Leaf(3)) == Branch(Leaf(3))
    assert Branch(Leaf(3)) != Branch(Leaf(4))
    assert Leaf() != Branch()
    assert Leaf(np.arange(3)) == Leaf(np.arange(3))
    assert Leaf(np.arange(3)) != Leaf(np.arange(4))
    assert Leaf(np.arange(3)) != Leaf(3)


def test_they_are_cloned_and_pickled():
    branch = Branch(Leaf(3), 4.0)
    for copy in (clone(branch), pickle.loads(pickle.dumps(branch))):
        assert copy == branch
        assert copy is not branch
        assert copy.leaf is not branch.leaf


def test_nested_values_can_be_set():
    branch = Branch(Leaf(3)).set_params(leaf__size=5)
    assert branch.leaf.size == 5
    assert branch.get_params()["leaf__size"] == 5


def test_lists_of_arrays_are_compared():
    assert Leaf([np.ones(3), np.zeros(2)]) == Leaf([np.ones(3), np.zeros(2)])
    assert Leaf([np.ones(3)]) != Leaf([np.zeros(3)])
    assert Leaf([np.ones(3)]) != Leaf((np.ones(3),))


@pytest.mark.parametrize("name", [n for n in skdnn.__all__ if inspect.isclass(getattr(skdnn, n))])
def test_html_links_to_the_documentation(name):
    estimator = getattr(skdnn, name)()
    page = f"https://skdnn.readthedocs.io/en/stable/generated/skdnn.{name}.html"
    for other in (estimator, clone(estimator)):
        assert f'href="{page}"' in other._repr_html_()

    class Derived(type(estimator)):
        """A class that the documentation does not know."""

    assert page not in Derived()._repr_html_()


def test_html_of_a_component_links_to_its_module():
    page = "https://skdnn.readthedocs.io/en/stable/generated/skdnn.layers.Dense.html"
    assert f'href="{page}"' in Dense(3)._repr_html_()


def test_address_of_the_documentation_is_in_one_place():
    files = Path(skdnn.__file__).parent.rglob("*.py")
    assert [p.name for p in files if "skdnn.readthedocs" in p.read_text()] == ["component.py"]
