"""What saved models may hold without being named as trusted: all that is common, and harmless."""

import dataclasses
import importlib
import inspect

import joblib
import numpy as np
import pytest
from cases import each, output, task
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ProgressBar
from sklearn.compose import make_column_selector
from sklearn.ensemble import VotingClassifier
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_selection import (
    chi2,
    f_classif,
    f_regression,
    mutual_info_classif,
    mutual_info_regression,
    r_regression,
)
from sklearn.impute import IterativeImputer
from sklearn.metrics import fbeta_score, make_scorer, mean_tweedie_deviance
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import skdnn
from skdnn import callbacks
from skdnn.component import Component
from skdnn.persistence import _OURS, _THEIRS

pytest.importorskip("skops", reason="saving needs skops")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NET = skdnn.MLPNet((6,), max_iter=5, random_state=0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skops"


@each(
    [
        CalibratedClassifierCV(NET, cv=2, method="temperature"),
        GridSearchCV(skdnn.SoftmaxClassifier(), {"C": [1.0]}, cv=[(range(75), range(75, 150))]),
        VotingClassifier([("net", NET), ("linear", skdnn.SoftmaxClassifier())], voting="soft"),
        make_pipeline(IterativeImputer(), NET),
    ]
)
def test_other_estimators_around_one(model, path):
    X, y = task(model)
    skdnn.save(model.fit(X, y), path)
    np.testing.assert_array_equal(output(skdnn.load(path), X), output(model, X))


@pytest.mark.parametrize(
    "value",
    [
        range(1, 4),
        np.dtype(np.float32),
        sparse.csr_array(np.eye(2)),
        make_column_selector(dtype_include=np.number),
        make_column_selector(dtype_include=[object, np.floating, np.integer]),
        make_scorer(fbeta_score, beta=2),
        make_scorer(mean_tweedie_deviance, power=1.5, greater_is_better=False),
        ProgressBar(),
        chi2,
        f_classif,
        f_regression,
        mutual_info_classif,
        mutual_info_regression,
        r_regression,
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_values_of_parameters(value, path):
    skdnn.save(GridSearchCV(NET, {"parameter": [value]}), path)
    (loaded,) = skdnn.load(path).param_grid["parameter"]
    assert joblib.hash(loaded) == joblib.hash(value)


@pytest.mark.parametrize("kind", [bool, np.bool_])
def test_booleans_as_keys(kind, path):
    """skops alone would read the key False as True, and lose the weight of a class."""
    net = skdnn.MLPNet((6,), class_weight={kind(0): 5.0, kind(1): 2.0}, max_iter=5, random_state=0)
    X, y = task(net)
    expected = net.fit(X, y > 0).predict_proba(X)
    skdnn.save(net, path)
    loaded = skdnn.load(path)
    assert loaded.class_weight == net.class_weight
    np.testing.assert_array_equal(loaded.fit(X, y > 0).predict_proba(X), expected)


def test_arrays_that_are_mapped_into_memory(path, tmp_path):
    """As joblib gives its workers large ones."""
    X, y = task(NET)
    joblib.dump(skdnn.MLPNet((6,), max_iter=5).fit(X, y), tmp_path / "net.joblib")
    mapped = joblib.load(tmp_path / "net.joblib", mmap_mode="r")
    skdnn.save(mapped, path)
    np.testing.assert_array_equal(skdnn.load(path).predict_proba(X), mapped.predict_proba(X))


def classes_below(base):
    for derived in base.__subclasses__():
        yield derived
        yield from classes_below(derived)


def test_every_part_of_a_network_is_trusted():
    """A layer, schedule, ... that is added goes onto the list, or models with it stay unread."""
    # The bases of layers and others are never in a file.
    parts = [c for c in classes_below(Component) if dataclasses.is_dataclass(c)]
    parts += [getattr(skdnn, n) for n in skdnn.__all__ if inspect.isclass(getattr(skdnn, n))]
    parts += [getattr(callbacks, name) for name in callbacks.__all__]
    names = {f"{c.__module__}.{c.__name__}" for c in parts if c.__module__.startswith("skdnn.")}
    # They write to files, which a stranger's file could choose.
    names -= {
        f"skdnn.callbacks.{name}" for name in ("checkpoint.ModelCheckpoint", "recording.CSVLogger")
    }
    assert names <= set(_OURS)
    for name in [*_OURS, *_THEIRS]:
        module, _, kind = name.rpartition(".")
        assert callable(getattr(importlib.import_module(module), kind))
