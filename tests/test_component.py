"""Components: printed, compared, cloned, pickled, and reached by set_params."""

import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from skdnn.component import Component


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
