"""Saved models: what comes back, what is refused, what a failure leaves behind."""

import json
import os
import pickle
import signal
import subprocess
import sys
import warnings
import zipfile

import joblib
import numpy as np
import pytest
import sklearn
from cases import each, output, task
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.feature_selection import SelectKBest
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, KFold, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import skdnn
from skdnn import layers
from skdnn.averaging import EMA
from skdnn.callbacks import EarlyStopping, ModelCheckpoint, WeightHistory
from skdnn.initializers import Orthogonal
from skdnn.regularizers import L1L2
from skdnn.schedules import CosineDecay

pytest.importorskip("skops", reason="saving needs skops")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FEW = {"max_iter": 5, "random_state": 0}
NET = skdnn.MLPNet((6,), **FEW)
RICH = skdnn.MLPNet(
    hidden_layers=[
        layers.Dense(6, "elu", kernel_regularizer=L1L2(0.1, 0.1), kernel_initializer=Orthogonal()),
        layers.BatchNorm(),
        layers.Maxout(4),
        layers.Dropout(0.1),
    ],
    output_layer=layers.Output(bias_initializer="zeros"),
    learning_rate=CosineDecay(),
    average=EMA(),
    early_stopping=True,
    **FEW,
).set_callbacks(EarlyStopping("loss"), WeightHistory(2))
MODELS = [
    NET,
    RICH,
    skdnn.GDLogisticRegression(),
    skdnn.SoftmaxClassifier(store_path=True),
    skdnn.MLPNetRegressor(hidden_layer_sizes=(6,), dtype=np.float32, **FEW),
    skdnn.GDLinearRegression(l1_ratio=0.5),
    make_pipeline(StandardScaler(), NET),
    make_pipeline(
        ColumnTransformer([("scaled", StandardScaler(), [0, 1])], remainder="passthrough"), NET
    ),
    TransformedTargetRegressor(skdnn.MLPNetRegressor(**FEW), transformer=StandardScaler()),
    GridSearchCV(NET, {"alpha": [0.0, 1.0]}, cv=KFold(2), scoring=["accuracy"], refit="accuracy"),
    CalibratedClassifierCV(NET, cv=2),
    make_pipeline(SelectKBest(k=3), NET),
    GridSearchCV(
        make_pipeline(StandardScaler(), skdnn.GDLinearRegression()),
        {"gdlinearregression__alpha": [0.0, 1.0]},
        scoring="neg_mean_absolute_error",
    ),
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skops"


@each(MODELS)
def test_a_saved_model_is_the_same_model(model, path):
    X, y = task(model)
    skdnn.save(model.fit(X, y), path)
    loaded = skdnn.load(path)
    assert type(loaded) is type(model)
    assert repr(loaded) == repr(model)
    expected = output(model, X)
    assert output(loaded, X).dtype == expected.dtype
    np.testing.assert_array_equal(output(loaded, X), expected)
    for name in ("history_", "n_iter_", "loss_", "loss_curve_", "n_features_in_", "best_params_"):
        if hasattr(model, name):
            np.testing.assert_equal(getattr(loaded, name), getattr(model, name))
    # It can be fitted again, to the same.
    np.testing.assert_array_equal(output(loaded.fit(X, y), X), expected)


@each(MODELS[:6])
def test_an_estimator_that_is_not_fitted(model, path):
    skdnn.save(model, path)
    assert repr(skdnn.load(path)) == repr(model)


def test_sparse_coefficients(path):
    model = skdnn.GDLogisticRegression(l1_ratio=1.0, C=0.01)
    X, y = task(model)
    model.fit(X, y).sparsify()
    skdnn.save(model, path)
    np.testing.assert_array_equal(skdnn.load(path).predict_proba(X), model.predict_proba(X))


def test_what_asks_for_metadata(path):
    """scikit-learn's requests refer to their estimators, which refer to them."""
    X, y = task(NET)
    y, weight = y > 0, np.arange(len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        net = skdnn.MLPNet((6,), **FEW).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight="heavy")
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        model = TunedThresholdClassifierCV(make_pipeline(scaler, net), cv=2, scoring=scorer)
        model.fit(X, y, sample_weight=weight, heavy=weight + 1)
        skdnn.save(model, path)
        loaded = skdnn.load(path)
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
        assert str(loaded.get_metadata_routing()) == str(model.get_metadata_routing())
        assert net._metadata_request.owner is net
        loaded.fit(X, y, sample_weight=weight, heavy=weight + 1)
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


@each([NET, make_pipeline(StandardScaler(), NET)])
def test_a_fresh_process_predicts_the_same_bits(model, path, tmp_path):
    X, y = task(model)
    skdnn.save(model.fit(X, y), path)
    np.save(tmp_path / "X.npy", X)
    code = (
        "import numpy as np, skdnn; model = skdnn.load('model.skops');"
        "np.save('out.npy', model.predict_proba(np.load('X.npy')))"
    )
    here = os.path.dirname(os.path.dirname(skdnn.__file__))
    environment = {**os.environ, "PYTHONPATH": here}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), model.predict_proba(X))


@pytest.mark.parametrize("average", [None, EMA()])
def test_a_stream_goes_on(path, average):
    net = skdnn.MLPNet((6,), random_state=0, batch_size=16, average=average)
    X, y = task(net)
    for _ in range(3):
        net.partial_fit(X, y, classes=np.unique(y))
    skdnn.save(net, path)
    loaded = skdnn.load(path)
    for one in (net, loaded):
        one.partial_fit(X, y)
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))


def test_an_interrupted_fit_is_resumed(path, tmp_path):
    net = skdnn.MLPNet((6,), random_state=0, max_iter=8, dropout=0.2)
    X, y = task(net)
    net.set_callbacks(ModelCheckpoint(tmp_path / "{epoch}.joblib", resumable=True)).fit(X, y)
    skdnn.save(joblib.load(tmp_path / "4.joblib"), path)
    resumed = skdnn.load(path).resume(X, y)
    np.testing.assert_array_equal(resumed.predict_proba(X), net.predict_proba(X))


def test_files_are_small(path):
    """The weights, once; an epoch of the history is a few dozen bytes; no optimiser's state."""
    net = skdnn.MLPNet((200, 100), max_iter=50, random_state=0)
    X, y = task(net, 1000)
    net.fit(X, y)
    skdnn.save(net, path)
    n_weights = sum(array.size for array in net.coefs_ + net.intercepts_)
    assert path.stat().st_size < 8 * n_weights + 50 * 100 + 6000


def schema_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(path, **members):
    """Replace members of a file; a function gets the parsed JSON."""
    content = schema_of(path)
    for name, change in members.items():
        name = f"{name}.json"
        parsed = json.loads(content[name])
        content[name] = json.dumps(change(parsed) or parsed).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def double(X):
    return 2 * X


@pytest.mark.parametrize(
    ("holds", "name"),
    [
        (make_pipeline(FunctionTransformer(double), NET), f"{__name__}.double"),
        (make_pipeline(FunctionTransformer(os.system), NET), "posix.system"),
        (DecisionTreeClassifier().fit([[0], [1]], [0, 1]), "sklearn.tree._tree.Tree"),
        (
            skdnn.MLPNet().set_callbacks(ModelCheckpoint("x")),
            "skdnn.callbacks.checkpoint.ModelCheckpoint",
        ),
    ],
    ids=["function of one's own", "system", "tree", "writes files"],
)
def test_what_is_not_trusted_is_refused_by_name(path, holds, name):
    skdnn.save(holds, path)
    with pytest.raises(TypeError, match="types that are not trusted") as refusal:
        skdnn.load(path)
    assert name in str(refusal.value)
    with pytest.raises(TypeError, match="must be a list"):
        skdnn.load(path, trusted=True)


def test_what_is_trusted_is_loaded(path):
    X, y = task(NET)
    model = make_pipeline(FunctionTransformer(double), skdnn.SoftmaxClassifier()).fit(X, y)
    skdnn.save(model, path)
    for trusted in ([double], [f"{__name__}.double"]):
        loaded = skdnn.load(path, trusted=trusted)
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_a_file_cannot_make_a_type_of_its_own_choice(path, tmp_path):
    """A file in which the estimator's class was replaced by something that acts."""
    skdnn.save(NET, path)

    def replace(schema):
        schema["__module__"], schema["__class__"] = "subprocess", "Popen"

    rewrite(path, schema=replace)
    with pytest.raises(TypeError, match=r"not trusted: subprocess\.Popen"):
        skdnn.load(path)


def test_a_pickle_is_not_run(path, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="is not a file"):
        skdnn.load(path)
    assert not (tmp_path / "made").exists()


def attribute(schema, *names):
    """Return what a file says of an attribute: an object's are a dictionary."""
    for name in names:
        schema = schema["content"]["content"][name]
    return schema


def first_layer(schema):
    return attribute(schema, "_network", "layers")["content"][0]["content"][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: attribute(s, "n_features_in_"), "n_features_in_ is 600, but the network"),
        (lambda s: attribute(s, "_network", "n_features"), "network is one of 600 features"),
        (lambda s: attribute(first_layer(s), "units"), "weights do not fit the layers"),
        (lambda s: attribute(first_layer(s), "trainable"), "'trainable' parameter of Dense must"),
    ],
)
def test_numbers_that_do_not_fit_one_another_are_refused(path, change, message):
    """The kernels would read beyond the ends of the arrays."""
    X, y = task(NET)
    skdnn.save(skdnn.MLPNet((6,), **FEW).fit(X, y), path)
    # Without the number by which equal objects are one.
    rewrite(path, schema=lambda s: change(s).update(content="600", __id__=0))
    with pytest.raises(ValueError, match=message):
        skdnn.load(path)


def test_addresses_and_sizes_of_a_stream_are_not_taken_over(path):
    net = skdnn.MLPNet((6,), random_state=0, average=EMA())
    X, y = task(net)
    net.partial_fit(X, y, classes=np.unique(y))
    state = net._training.optimization
    state.settings["restrict"], moments, mean = 4711, state.moments, state.mean
    for state.moments, state.mean, message in (
        (moments[:5], mean, r"moments must be \d+ numbers .* shape \(5,\)"),
        (moments.astype(np.float32), mean, "moments must be .* of type float64; .* type float32"),
        (moments, mean[:5], r"mean must be \d+ numbers .* shape \(5,\)"),
    ):
        skdnn.save(net, path)
        loaded = skdnn.load(path)
        assert loaded._training.optimization.settings["restrict"] == 0
        with pytest.raises(ValueError, match=message):
            loaded.partial_fit(X, y)


def test_random_numbers_that_are_none_are_refused(path):
    """The kernel that shuffles would read beyond the end of the generator's state."""
    net = skdnn.MLPNet((6,), random_state=0)
    X, y = task(net)
    net.partial_fit(X, y, classes=np.unique(y))
    state = net._training.random_state.get_state()
    net._training.random_state.set_state((*state[:2], 10**8, *state[3:]))
    skdnn.save(net, path)
    with pytest.raises(ValueError, match="stands at number 100000000 of its 624"):
        skdnn.load(path).partial_fit(X, y)
    rewrite(path, schema=lambda s: generator(s)["pos"].update(content="1e300", __id__=0))
    with pytest.raises(ValueError, match=r"cannot be loaded: .* too large"):
        skdnn.load(path)


def generator(schema):
    """Return what a file says of the state of a stream's random numbers."""
    state = attribute(schema, "_training", "random_state")["content"]["content"]
    return state["state"]["content"]


def test_rows_that_are_none_are_refused(path, tmp_path):
    net = skdnn.MLPNet((6,), random_state=0, max_iter=2)
    X, y = task(net)
    net.set_callbacks(ModelCheckpoint(tmp_path / "{epoch}.joblib", resumable=True)).fit(X, y)
    started = joblib.load(tmp_path / "1.joblib")
    order = started._training.order
    for other in (order + 1, order.astype(np.int32), order[None]):
        started._training.order = other
        skdnn.save(started, path)
        with pytest.raises(ValueError, match="numbers that no row has"):
            skdnn.load(path)


def test_other_versions_are_told(path):
    skdnn.save(make_pipeline(StandardScaler(), NET), path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        skdnn.load(path)
    for other in ("1.8.0", "99.0"):
        rewrite(path, skdnn=lambda a, other=other: a["versions"].update({"scikit-learn": other}))
        with pytest.warns(InconsistentVersionWarning, match="unpickle estimator Pipeline") as told:
            skdnn.load(path)
        assert len(told) == 1
        assert told[0].filename == __file__
        assert told[0].message.original_sklearn_version == other
    rewrite(path, skdnn=lambda a: a["versions"].update({"scikit-learn": sklearn.__version__}))
    for package in ("skdnn", "numpy"):
        rewrite(path, skdnn=lambda about, name=package: about["versions"].update({name: "99.0"}))
        with pytest.warns(UserWarning, match=f"saved with {package} 99.0; installed is the older"):
            skdnn.load(path)
        rewrite(path, skdnn=lambda about, name=package: about["versions"].update({name: "0.1"}))


def test_a_newer_format_is_refused(path):
    skdnn.save(NET, path)
    rewrite(path, skdnn=lambda about: about.update(format=2, versions=about["versions"]))
    with pytest.raises(
        ValueError, match=r"in format 2; .* reads formats up to 1\. Install a newer"
    ):
        skdnn.load(path)


def test_a_type_of_a_newer_version_is_refused(path):
    """It is not for want of trust."""
    skdnn.save(NET, path)
    rewrite(
        path,
        schema=lambda schema: schema.update(__class__="NewNet"),
        skdnn=lambda about: about["versions"].update(skdnn="99.0"),
    )
    with pytest.raises(TypeError, match=r"NewNet.* was written by skdnn 99\.0; installed is"):
        skdnn.load(path)


@pytest.mark.parametrize("end", [0, 10, 1000, -30])
def test_a_damaged_file_is_refused(path, end):
    skdnn.save(NET, path)
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(ValueError, match="has written, or it is damaged"):
        skdnn.load(path)


def test_a_failed_save_leaves_the_earlier_file(path, monkeypatch):
    skdnn.save(NET, path)
    before = path.read_bytes()
    with pytest.raises(TypeError, match=r"Pipeline cannot be saved, for it holds \S+<lambda>"):
        skdnn.save(make_pipeline(FunctionTransformer(lambda X: X), NET), path)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        skdnn.save(skdnn.GDLinearRegression(), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        skdnn.save(NET, path.parent / "no" / "model.skops")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows replaces no file that is open")
def test_who_reads_the_earlier_file_reads_all_of_it(path):
    """The one that is written takes its place; it is not written over."""
    skdnn.save(NET, path)
    before = path.read_bytes()
    with open(path, "rb") as earlier:
        skdnn.save(skdnn.GDLinearRegression(), path)
        assert earlier.read() == before
    assert path.read_bytes() != before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_save_that_is_killed_leaves_the_earlier_file(path):
    skdnn.save(NET, path)
    before = path.read_bytes()
    code = (
        "import os, signal, skdnn, sys\n"
        # All is written when the file is to be flushed to the disk, and nothing is moved.
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "skdnn.save(skdnn.GDLinearRegression(), sys.argv[1])"
    )
    here = os.path.dirname(os.path.dirname(skdnn.__file__))
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env={**os.environ, "PYTHONPATH": here}
    )
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == before


def test_without_skops_it_says_what_to_install(path):
    code = (
        "import sys; sys.modules['skops'] = None; import skdnn\n"
        "for call in (lambda: skdnn.load('x'), lambda: skdnn.save(skdnn.MLPNet(), 'x')):\n"
        "    try: call()\n"
        "    except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count('pip install "skops>=0.15"') == 2
