"""Files of models that earlier releases have written are the same models in this one."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from write import describe, frame, go_on, output

import skdnn
from skdnn.exchange import load_weights

pytest.importorskip("skops", reason="loading needs skops")
pytest.importorskip("pandas", reason="the names of features come from data frames")

pytestmark = [
    # The files stay; scikit-learn's versions go on.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@cache
def expected_of(folder):
    """Return what the models of a release were when they were written."""
    return json.loads((folder / "expected.json").read_text())


def each_file(having="parameters", kind="skops"):
    """Parametrise by the files of all releases of which something is expected."""
    files = sorted(Path(__file__).parent.glob(f"*/*.{kind}"))
    paths = [path for path in files if having in expected_of(path.parent)[path.stem]]
    return pytest.mark.parametrize("path", paths, ids=lambda p: f"{p.parent.name}-{p.stem}")


def opened(path):
    """Return the model of a file, the rows of its fit, their targets, and what it was."""
    expected = expected_of(path.parent)
    about = expected[path.stem]
    return skdnn.load(path), np.array(expected["X"]), np.array(about.get("y")), about


def assert_close(found, expected):
    """Compare outputs of this machine with those of the one that wrote the file.

    On another processor the BLAS and the kernels take sums in another order, and may fuse them with
    products. With code for processors without such instructions 2e-7 of the largest output was seen
    to differ in float32, and 4e-16 in float64, after further training as before.
    """
    expected = np.array(expected)
    tolerance = {"float32": 1e-6, "float64": 1e-12}[found.dtype.name]
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@each_file()
def test_parameters_and_attributes_are_those_that_were_saved(path):
    model, *_, expected = opened(path)
    found = describe(model)
    for kind in ("parameters", "attributes"):
        # Later releases may have more.
        assert expected[kind].keys() <= found[kind].keys(), kind
        np.testing.assert_equal(
            {name: found[kind][name] for name in expected[kind]}, expected[kind]
        )


@each_file("output")
def test_it_predicts_what_it_predicted(path):
    model, X, _, expected = opened(path)
    assert_close(output(model, X), expected["output"])


@each_file("output", kind="safetensors")
def test_its_weights_predict_what_it_predicted(path):
    pytest.importorskip("safetensors", reason="files of weights need safetensors")
    model, X, _, expected = opened(path.with_suffix(".skops"))
    assert_close(output(load_weights(clone(model), path), X), expected["output"])


@each_file("covariance")
def test_its_summary_has_what_it_had(path):
    model, *_, expected = opened(path)
    assert_close(model.summary().covariance, expected["covariance"])


@each_file("trained_on")
def test_it_goes_on_with_its_training(path):
    model, X, y, expected = opened(path)
    assert_close(output(go_on(model, X, y), X), expected["trained_on"])


@each_file("output")
def test_it_can_be_fitted_again(path):
    model, X, y, expected = opened(path)
    model.fit(frame(X) if hasattr(model, "feature_names_in_") else X, y)
    again = output(model, X)
    assert again.shape == np.shape(expected["output"])
    assert np.isfinite(again).all()
