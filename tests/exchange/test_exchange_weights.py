"""Weights in a safetensors file: what is in it, what comes back, what is refused."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from networks import ALL, FEW, LAYERS, LINEAR, OUTPUTS, TARGETS, X, fitted, outputs
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdnn
from skdnn import MLPNet, MLPNetRegressor
from skdnn.exchange import from_sklearn, load_weights, save_weights, to_sklearn
from skdnn.layers import BatchNorm, Dense

safetensors = pytest.importorskip("safetensors.numpy", reason="these files need safetensors")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ALL)
def test_a_loaded_model_predicts_the_same_bits(name, dtype, path):
    target, estimator = ALL[name]
    model = clone(estimator).set_params(dtype=dtype).fit(X, TARGETS[target])
    save_weights(model, path)
    loaded = load_weights(clone(model), path)
    assert repr(loaded) == repr(model)
    for rows in (X, X.astype(np.float32)):
        found, expected = outputs(loaded, rows), outputs(model, rows)
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))
    # What `fit` would have set.
    public = {key for key in vars(model) if key.endswith("_") and not key.startswith("_")}
    assert public <= set(vars(loaded))
    if name not in LINEAR:
        assert str(loaded.summary()) == str(model.summary())


@pytest.mark.parametrize("estimator", [skdnn.GDLinearRegression(), skdnn.GDLogisticRegression()])
def test_summaries_of_linear_models(estimator, path):
    y = TARGETS["number"] if isinstance(estimator, skdnn.GDLinearRegression) else TARGETS["binary"]
    model = estimator.fit(X, y)
    save_weights(model, path)
    loaded = load_weights(clone(model), path)
    assert str(loaded.summary(X, y)) == str(model.summary(X, y))
    assert type(loaded.intercept_) is type(model.intercept_)


def test_names_and_shapes_in_the_file(path):
    net, _ = fitted("batch norm")
    save_weights(net, path)
    arrays = safetensors.load_file(path)
    for i, number in enumerate(["hidden_0", "hidden_1"]):
        np.testing.assert_array_equal(arrays[f"{number}.kernel"], net.coefs_[i])
        for key, value in net.normalizations_[i].items():
            np.testing.assert_array_equal(arrays[f"{number}_batch_norm.{key}"], value)
    np.testing.assert_array_equal(arrays["output.bias"], net.intercepts_[-1])
    assert len(arrays) == 2 * 6 + 2


def test_columns_of_coefficients_are_not_mixed_up(path):
    model, _ = fitted("softmax of three")
    save_weights(model, path)
    np.testing.assert_array_equal(safetensors.load_file(path)["output.kernel"], model.coef_.T)
    expected = model.predict_proba(X)
    save_weights(model.sparsify(), path)
    np.testing.assert_array_equal(load_weights(model, path).predict_proba(X), expected)


def test_a_fresh_process_predicts_the_same_bits(path, tmp_path):
    model, _ = fitted("mixed")
    save_weights(model, path)
    np.save(tmp_path / "X.npy", X)
    code = (
        "import numpy as np; from networks import ALL; from skdnn.exchange import load_weights\n"
        f"model = load_weights(ALL['mixed'][1], {str(path)!r})\n"
        "np.save('out.npy', model.predict_proba(np.load('X.npy')))"
    )
    places = [os.path.dirname(os.path.dirname(skdnn.__file__)), os.path.dirname(__file__)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), model.predict_proba(X))


def test_names_of_features_come_back(path):
    pandas = pytest.importorskip("pandas", reason="frames need pandas")
    frame = pandas.DataFrame(X, columns=list("abcde"))
    for estimator in (MLPNet((6,), **FEW), skdnn.GDLogisticRegression()):
        save_weights(estimator.fit(frame, TARGETS["binary"]), path)
        loaded = load_weights(clone(estimator), path)
        assert list(loaded.feature_names_in_) == list("abcde")
        with pytest.raises(ValueError, match="feature names"):
            loaded.predict(frame[["b", "a", "c", "d", "e"]])


@pytest.mark.parametrize("name", [*OUTPUTS, *LAYERS])
def test_training_goes_on(name, path):
    model, y = fitted(name)
    save_weights(model, path)
    loaded = load_weights(model, path)
    before = loaded.coefs_[0].copy()
    loaded.partial_fit(X, y)
    assert len(loaded.history_) == 1
    step = np.abs(loaded.coefs_[0] - before).max()
    assert 0 < step < 0.01
    again = load_weights(model, path).set_params(warm_start=True, max_iter=1).fit(X, y)
    assert len(again.loss_curve_) == 1
    assert 0 < np.abs(again.coefs_[0] - before).max() < 0.01
    # The model of which the parameters were taken is as it was.
    np.testing.assert_array_equal(model.coefs_[0], before)


@pytest.mark.parametrize("name", LINEAR)
def test_linear_models_go_on(name, path):
    model, y = fitted(name)
    save_weights(model, path)
    loaded = load_weights(model, path).set_params(warm_start=True)
    # From where it has converged.
    assert np.max(loaded.fit(X, y).n_iter_) <= 1


def test_a_linear_model_is_a_network_without_hidden_layers(path):
    model, _ = fitted("softmax of three")
    save_weights(model, path)
    net = load_weights(MLPNet(()), path)
    np.testing.assert_allclose(net.predict_proba(X), model.predict_proba(X), atol=1e-15)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (MLPNet((7,)), r"hidden_0.kernel of shape \(5, 7\) has \(5, 6\)"),
        (MLPNet((6, 6)), r"layers=\[\{'name': 'hidden_0'.* but .* has layers="),
        (MLPNet((6,), "tanh"), "'activation': 'relu'.* has layers=.*'activation': 'tanh'"),
        (MLPNet((6,), batch_norm=True), "'kind': 'batch_norm'"),
        (MLPNet(hidden_layers=[Dense(6, use_bias=False)]), "hidden_0.bias of shape none has"),
        (MLPNet(hidden_layers=[BatchNorm(), Dense(6)]), "has layers="),
        (MLPNetRegressor(hidden_layer_sizes=(6,)), "weights of a classifier, but MLPNetRegressor"),
        (skdnn.SoftmaxClassifier(), "has layers="),
    ],
)
def test_other_layers_are_refused(estimator, message, path):
    save_weights(fitted("three classes")[0], path)
    with pytest.raises(ValueError, match=message):
        load_weights(estimator, path)


@pytest.mark.parametrize("change", [{"loss": "poisson"}, {"output_activation": "softplus"}])
def test_other_outputs_are_refused(change, path):
    save_weights(fitted("squared error")[0], path)
    with pytest.raises(ValueError, match=r"(link|layers)=.* has (link|layers)="):
        load_weights(MLPNetRegressor(hidden_layer_sizes=(6,), **change), path)
    save_weights(fitted("several targets")[0], path)
    with pytest.raises(ValueError, match="a multiple of 3 outputs, got 2"):
        load_weights(MLPNetRegressor("pinball", (6,), quantile=[0.1, 0.5, 0.9]), path)


@pytest.mark.parametrize(
    ("layer", "other"),
    [
        (Dense(6, "elu", alpha=0.5), Dense(6, "elu")),
        (BatchNorm(epsilon=0.1), BatchNorm()),
    ],
)
def test_other_functions_of_the_same_weights_are_refused(layer, other, path):
    net = MLPNet(hidden_layers=[layer], **FEW).fit(X, TARGETS["binary"])
    save_weights(net, path)
    with pytest.raises(ValueError, match="holds the weights of a network with layers="):
        load_weights(MLPNet(hidden_layers=[other]), path)


def test_a_failed_save_leaves_the_earlier_file(path, monkeypatch):
    save_weights(fitted("three classes")[0], path)
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save_weights(fitted("linear")[0], path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("end", [0, 10, 300, -30])
def test_a_damaged_file_is_refused(path, end):
    save_weights(fitted("three classes")[0], path)
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(ValueError, match=r"is not a file that .* or it is damaged"):
        load_weights(MLPNet((6,)), path)


def test_files_of_others_are_refused(path):
    safetensors.save_file({"output.kernel": np.zeros((2, 3))}, path)
    with pytest.raises(ValueError, match="is not a file that"):
        load_weights(MLPNet(()), path)
    save_weights(fitted("none")[0], path)
    arrays = safetensors.load_file(path)
    with safetensors_file(path) as file:
        about = json.loads(file.metadata()["skdnn"])
    safetensors.save_file(arrays, path, {"skdnn": json.dumps({**about, "format": 2})})
    with pytest.raises(ValueError, match=r"in format 2; .* reads formats up to 1\. Install"):
        load_weights(MLPNet(()), path)


@pytest.mark.parametrize(
    "change",
    [
        {"classes": {"dtype": "<i8", "values": [0, 1]}},
        {"classes": {"dtype": "<i8", "values": [0, 1, 1]}},
        {"feature_names": {"dtype": "O", "values": ["a"]}},
        {"n_features": -5},
        {"n_features": "5"},
        {"link": None},
    ],
)
def test_metadata_that_do_not_fit_the_arrays_are_refused(change, path):
    save_weights(fitted("three classes")[0], path)
    with safetensors_file(path) as file:
        about = {**json.loads(file.metadata()["skdnn"]), **change}
    described = {key: value for key, value in about.items() if value is not None or key != "link"}
    arrays = safetensors.load_file(path)
    safetensors.save_file(arrays, path, {"skdnn": json.dumps(described)})
    with pytest.raises(ValueError, match="or it is damaged"):
        load_weights(MLPNet((6,)), path)


def test_sparse_labels_stay_sparse(path):
    model = MLPNet((6,), **FEW).fit(X, sparse.csr_array(TARGETS["multilabel"]))
    save_weights(model, path)
    for other in (load_weights(model, path), from_sklearn(to_sklearn(model)), to_sklearn(model)):
        found, expected = other.predict(X), model.predict(X)
        assert sparse.issparse(found)
        np.testing.assert_array_equal(found.toarray(), expected.toarray())


def safetensors_file(path):
    import safetensors

    return safetensors.safe_open(path, "numpy")


def test_what_cannot_be_saved(path):
    model, y = fitted("three classes")
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    with pytest.raises(TypeError, match=r"of a pipeline give the last step, pipeline\[-1\]"):
        save_weights(pipeline, path)
    with pytest.raises(TypeError, match="must be one of skdnn, got Pipeline"):
        load_weights(pipeline, path)
    with pytest.raises(ValueError, match="not fitted yet"):
        save_weights(MLPNet(), path)
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        load_weights(MLPNet(), path)
