"""Models in ONNX: onnxruntime gives what the estimator does, wherever it stands."""

import importlib
import subprocess
import sys

import numpy as np
import pytest
from networks import ALL, FEW, LINEAR, TARGETS, X, fitted, outputs
from sklearn.base import clone, is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import skdnn
from skdnn import MLPNet, MLPNetRegressor, engine
from skdnn.exchange import to_onnx

pytest.importorskip("skl2onnx", reason="conversion to ONNX needs skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="predictions in ONNX need onnxruntime")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ARRAYS = {"zipmap": False}


def run(onnx_model, inputs):
    inputs = inputs if isinstance(inputs, dict) else {"X": inputs}
    return onnxruntime.InferenceSession(onnx_model.SerializeToString()).run(None, inputs)


def assert_same(model, rows, tolerance, onnx_model=None):
    """Compare all outputs, their types and shapes with the model's own."""
    options = ARRAYS if is_classifier(model) else None
    onnx_model = onnx_model or to_onnx(model, rows, options=options)
    found = run(onnx_model, rows)
    if is_classifier(model):
        labels, probabilities = found
        np.testing.assert_array_equal(labels, model.predict(rows))
        expected = model.predict_proba(rows)
    else:
        (probabilities,), expected = found, model.predict(rows)
        expected = expected[:, None] if expected.ndim == 1 else expected
    assert probabilities.dtype == rows.dtype
    np.testing.assert_allclose(probabilities, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("name", ALL)
def test_every_output_and_layer(name, dtype, tolerance):
    model, _ = fitted(name)
    assert_same(model, X.astype(dtype), tolerance)


# In float64 the error function is right to the last bit of float32.
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-7)])
@pytest.mark.parametrize("activation", engine.ACTIVATIONS)
@pytest.mark.parametrize("name", ["three classes", "two classes", "labels", "several targets"])
def test_every_activation(name, activation, dtype, tolerance):
    # Rows far out too, where exponentials overflow.
    rows = np.vstack([X, 50 * X]).astype(dtype)
    assert_same(fitted(name, activation=activation)[0], rows, tolerance)


@pytest.mark.parametrize("activation", engine.ACTIVATIONS)
def test_every_output_activation(activation):
    net = MLPNetRegressor(output_activation=activation, **FEW).fit(X, TARGETS["share"])
    assert_same(net, X, 1e-7)


@pytest.mark.parametrize("activation", [n for n, a in engine.ACTIVATIONS.items() if a.alpha])
def test_parameters_of_activations(activation):
    hidden = [skdnn.layers.Dense(5, activation, alpha=0.37)]
    assert_same(MLPNet(hidden_layers=hidden, **FEW).fit(X, TARGETS["binary"]), X, 1e-12)


@pytest.mark.parametrize("name", ALL)
def test_the_last_step_of_a_pipeline(name):
    target, estimator = ALL[name]
    prepared = ColumnTransformer([("scaled", StandardScaler(), [0, 2])], remainder="passthrough")
    model = make_pipeline(prepared, clone(estimator)).fit(X, TARGETS[target])
    assert_same(model, X.astype(np.float32), 1e-5)
    assert_same(model, X, 1e-12)


def test_a_frame_of_numbers_and_categories():
    pandas = pytest.importorskip("pandas", reason="frames need pandas")
    frame = pandas.DataFrame(X[:, :2], columns=["a", "b"])
    frame["kind"] = np.array(["x", "y", "z"])[np.arange(len(X)) % 3]
    columns = [("n", StandardScaler(), ["a", "b"]), ("c", OneHotEncoder(), ["kind"])]
    model = make_pipeline(ColumnTransformer(columns), MLPNet((6,), **FEW))
    model.fit(frame, TARGETS["binary"])
    onnx_model = to_onnx(model, frame, options=ARRAYS)
    inputs = {name: frame[[name]].to_numpy() for name in frame}
    labels, probabilities = run(onnx_model, inputs)
    np.testing.assert_array_equal(labels, model.predict(frame))
    np.testing.assert_allclose(probabilities, model.predict_proba(frame), atol=1e-6)


@pytest.mark.parametrize("name", ["three classes", "two classes", "squared error", "linear"])
def test_a_frame_without_a_pipeline(name):
    """Its columns are inputs of their own, whole numbers among them."""
    pandas = pytest.importorskip("pandas", reason="frames need pandas")
    frame = pandas.DataFrame(X, columns=list("abcde"))
    frame["a"] = np.arange(len(X)) % 3
    target, estimator = ALL[name]
    model = clone(estimator).fit(frame, TARGETS[target])
    options = ARRAYS if is_classifier(model) else None
    inputs = {name: frame[[name]].to_numpy() for name in frame}
    found = run(to_onnx(model, frame, options=options), inputs)[-1]
    np.testing.assert_allclose(np.squeeze(found), outputs(model, frame), atol=1e-6)
    with pytest.raises(ValueError, match=r"must have the columns \['a', .* got \['b', 'a'"):
        to_onnx(model, frame[["b", "a", "c", "d", "e"]])


@pytest.mark.parametrize("layer", [0, -1])
@pytest.mark.parametrize("name", ["mixed", "batch norm", "several targets", "none"])
def test_hidden_layers_as_features(name, layer):
    target, net = ALL[name]
    net, y = clone(net).set_params(transform_layer=layer), TARGETS[target]
    union = FeatureUnion([("net", clone(net)), ("scaled", StandardScaler())])
    columns = ColumnTransformer([("net", clone(net), [0, 1, 2]), ("rest", "passthrough", [3])])
    last = clone(net)
    for model in (make_pipeline(net, last), make_pipeline(union, last)):
        assert_same(model.fit(X, y), X, 1e-12)
    (found,) = run(to_onnx(columns.fit(X, y), X), X)
    np.testing.assert_allclose(found, columns.transform(X), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.int64, np.bool_])
def test_inputs_that_are_whole_numbers(dtype):
    rows = (3 * X).astype(dtype)
    for name in ("three classes", "squared error", "linear"):
        target, estimator = ALL[name]
        model = clone(estimator).fit(rows, TARGETS[target])
        options = ARRAYS if is_classifier(model) else None
        found = run(to_onnx(model, rows, options=options), rows)[-1]
        assert found.dtype == np.float32
        np.testing.assert_allclose(np.squeeze(found), outputs(model, rows), atol=1e-5)


@pytest.mark.parametrize(
    "classes", [[False, True], [1.0, 2.0, 5.0], np.uint8([3, 200]), ["a", "ä"], np.int32([-4, 9])]
)
@pytest.mark.parametrize("name", ["two classes", "softmax of two"])
def test_kinds_of_labels(name, classes):
    y = np.asarray(classes)[np.arange(len(X)) % len(classes)]
    model = clone(ALL[name][1]).fit(X, y)
    labels, _ = run(to_onnx(model, X, options=ARRAYS), X)
    assert labels.dtype == (object if y.dtype.kind == "U" else np.int64)
    np.testing.assert_array_equal(labels, model.predict(X))


def test_labels_that_onnx_has_not():
    model = MLPNet((3,), **FEW).fit(X, np.uint64([1, 2**63 + 1])[np.arange(len(X)) % 2])
    with pytest.raises(ValueError, match="whole numbers, booleans or strings; classes_ are"):
        to_onnx(model, X)
    labels, _ = run(to_onnx(model, X, options={"zipmap": False, "nocl": True}), X)
    np.testing.assert_array_equal(model.classes_[labels], model.predict(X))


@pytest.mark.parametrize("name", ["two classes", "three classes", "logistic", "softmax of three"])
def test_options_of_classifiers_are_those_of_scikit_learns(name):
    model, y = fitted(name)
    theirs = LogisticRegression().fit(X, y)
    _, dicts = run(to_onnx(model, X), X)
    assert [set(row) for row in dicts] == [set(model.classes_)] * len(X)
    expected = model.predict_proba(X)
    np.testing.assert_allclose([[row[k] for k in model.classes_] for row in dicts], expected, 1e-6)
    for options in ({}, {"zipmap": "columns"}, ARRAYS, {**ARRAYS, "output_class_labels": True}):
        rows = X.astype(np.float32)
        ours, others = (to_onnx(m, rows, options=options).graph.output for m in (model, theirs))
        assert [o.name for o in ours] == [o.name for o in others]
        assert [o.type for o in ours] == [o.type for o in others]
    *_, last = run(to_onnx(model, X, options={"zipmap": "columns"}), X)
    np.testing.assert_allclose(last, expected[:, -1], 1e-12)
    scores = run(to_onnx(model, X, options={**ARRAYS, "raw_scores": True}), X)[1]
    expected = model.decision_function(X)
    expected = np.c_[-expected, expected] if expected.ndim == 1 else expected
    np.testing.assert_allclose(scores, expected, atol=1e-12)


def test_labels_of_several_are_as_scikit_learns():
    model, y = fitted("labels")
    theirs = MLPClassifier((6,), max_iter=3).fit(X, y)
    outputs = [to_onnx(m, X, options=ARRAYS).graph.output for m in (model, theirs)]
    assert [o.name for o in outputs[0]] == [o.name for o in outputs[1]]
    labels, probabilities = run(to_onnx(model, X, options=ARRAYS), X)
    assert labels.shape == probabilities.shape == y.shape


@pytest.mark.parametrize("name", ["two classes", "three classes"])
def test_close_scores_are_told_apart(name):
    """Where all probabilities are the same to rounding the label is that of `predict`."""
    model, _ = fitted(name)
    model.coefs_[-1][:] = 0
    for score in (1e-30, 0.0, -1e-30):
        model.intercepts_[-1][:] = score * np.arange(1, model.n_outputs_ + 1)
        assert_same(model, X, 1e-15)


def test_inside_other_estimators():
    y = TARGETS["multiclass"]
    parts = [("net", MLPNet((6,), **FEW)), ("linear", skdnn.SoftmaxClassifier())]
    for model in (
        GridSearchCV(parts[0][1], {"alpha": [0.0, 1.0]}, cv=2),
        RandomizedSearchCV(make_pipeline(parts[0][1]), {"mlpnet__alpha": [1.0]}, n_iter=1, cv=2),
        VotingClassifier(parts, voting="soft", flatten_transform=False),
        StackingClassifier(parts, skdnn.SoftmaxClassifier(), cv=2),
    ):
        assert_same(model.fit(X, y), X.astype(np.float32), 1e-5)
    parts = [("net", MLPNetRegressor(**FEW)), ("linear", skdnn.GDLinearRegression())]
    for model in (VotingRegressor(parts), StackingRegressor(parts, parts[1][1], cv=2)):
        assert_same(model.fit(X, TARGETS["number"]), X.astype(np.float32), 1e-5)


def test_sparse_coefficients():
    model, _ = fitted("softmax of three")
    assert_same(model.sparsify(), X, 1e-12)


@pytest.mark.parametrize("opset", [11, 13, 18, 21])
def test_versions_of_the_standard(opset):
    model, _ = fitted("mixed")
    onnx_model = to_onnx(model, X, options=ARRAYS, target_opset=opset)
    assert {entry.version for entry in onnx_model.opset_import if not entry.domain} == {opset}
    assert_same(model, X, 1e-12, onnx_model)


def test_a_fresh_process_without_skdnn_predicts_the_same(tmp_path):
    model, y = fitted("mixed")
    scaled = make_pipeline(StandardScaler(), model).fit(X, y)
    (tmp_path / "model.onnx").write_bytes(to_onnx(scaled, X, options=ARRAYS).SerializeToString())
    np.save(tmp_path / "X.npy", X)
    code = (
        "import numpy as np, onnxruntime, sys\n"
        "out = onnxruntime.InferenceSession('model.onnx').run(None, {'X': np.load('X.npy')})\n"
        "assert 'skdnn' not in sys.modules\n"
        "np.save('out.npy', out[1])"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    np.testing.assert_allclose(
        np.load(tmp_path / "out.npy"), scaled.predict_proba(X), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("name", ["three classes", "linear"])
def test_fewer_or_more_columns_are_refused(name):
    model, _ = fitted(name)
    for rows in (X[:, :3], np.hstack([X, X])):
        with pytest.raises(ValueError, match=f"5 columns of the fit, got {rows.shape[1]}"):
            to_onnx(model, rows)


def test_what_is_not_fitted():
    for estimator in (MLPNet(), skdnn.GDLinearRegression()):
        with pytest.raises(NotFittedError):
            to_onnx(estimator, X)


def test_every_estimator_is_registered():
    """One that is added needs a converter, and a place among the networks of these tests."""
    public = {getattr(skdnn, name) for name in skdnn.__all__}
    estimators = {item for item in public if isinstance(item, type)}
    assert {type(estimator) for _, estimator in ALL.values()} == estimators
    assert {type(estimator) for _, estimator in LINEAR.values()} < estimators


@pytest.mark.parametrize("package", ["skl2onnx", "safetensors", "torch", "keras"])
def test_what_is_missing_is_named(package, monkeypatch, tmp_path):
    exchange = importlib.import_module("skdnn.exchange")
    monkeypatch.setitem(sys.modules, package, None)
    model, _ = fitted("three classes")
    calls = {
        "skl2onnx": [lambda: exchange.to_onnx(model, X)],
        "safetensors": [
            lambda: exchange.save_weights(model, tmp_path / "x"),
            lambda: exchange.load_weights(model, tmp_path / "x"),
        ],
        "torch": [lambda: exchange.to_torch(model), lambda: exchange.from_torch(None, model)],
        "keras": [lambda: exchange.to_keras(model), lambda: exchange.from_keras(None, model)],
    }
    for call in calls[package]:
        with pytest.raises(ImportError, match=f'pip install "?{package}'):
            call()
