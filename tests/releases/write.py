"""Write a folder of models as this release saves them, and what they must be in later ones.

    .ci/lowest python3.11 tests/releases/write.py

The lowest versions of NumPy and skops write files that all supported ones load without a warning.
The folder has the name of the installed version. Each type that `skdnn.load` trusts is in one of
its files.
"""

import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdnn
from skdnn import averaging, callbacks, initializers, layers, regularizers, schedules
from skdnn.exchange import save_weights
from skdnn.model_selection import HiddenLayerSizes
from skdnn.persistence import _OURS

NAMES = ["length", "width", "height", "noise"]
FEW = {"max_iter": 6, "random_state": 0, "batch_size": 8}
HELD_OUT = {"early_stopping": True, "validation_fraction": 0.2}


def rows():
    """Return features of 20 rows, and what their targets are made of."""
    # The numbers of a RandomState are the same with any version of NumPy.
    random = np.random.RandomState(0)
    X = random.normal(size=(20, 4)).round(2)
    return X, (X @ [1.0, -0.8, 0.6, 0.0] + random.normal(scale=1.0, size=20)).round(2)


def frame(X):
    """Return a data frame, of which a fit takes the names."""
    import pandas

    return pandas.DataFrame(X, columns=NAMES)


def fitted(X, score):
    """Yield the name, the fitted model and its targets."""
    binary = np.where(score > 0, "yes", "no")
    classes, targets = np.digitize(score, [-0.5, 0.5]), np.c_[score, score**2]
    # Without a penalty the file has what the summary tells.
    logistic = skdnn.GDLogisticRegression(C=np.inf).fit(frame(X), binary)
    yield "GDLogisticRegression", logistic, binary
    softmax = skdnn.SoftmaxClassifier(
        l1_ratio=0.5,
        solver="sgd",
        learning_rate=0.1,
        schedule=schedules.StepDecay(2),
        store_path=True,
        **FEW,
    )
    yield "SoftmaxClassifier", softmax.fit(X, classes), classes
    yield "GDLinearRegression", skdnn.GDLinearRegression(alpha=0.1).fit(X, targets), targets
    net = skdnn.MLPNet(
        hidden_layers=[
            layers.Dense(
                5,
                "elu",
                kernel_initializer=initializers.Orthogonal(),
                kernel_regularizer=regularizers.L1L2(0.01, 0.02),
                bias_regularizer=regularizers.L2(),
            ),
            layers.BatchNorm(),
            layers.Maxout(4, kernel_initializer=initializers.VarianceScaling(2.0)),
            layers.Dropout(0.2),
        ],
        output_layer=layers.Output(bias_initializer=initializers.Zeros()),
        solver="adamw",
        learning_rate=schedules.CosineDecay(warmup=2),
        average=averaging.EMA(0.9),
        **HELD_OUT,
        **FEW,
    ).set_callbacks(callbacks.EarlyStopping("loss"), callbacks.WeightHistory(3))
    yield "MLPNet", net.fit(frame(X), classes), classes
    regressor = skdnn.MLPNetRegressor(
        hidden_layers=[
            layers.Dense(
                4,
                "gelu",
                kernel_initializer=initializers.TruncatedNormal(stddev=0.5),
                bias_initializer=initializers.Constant(0.1),
                kernel_regularizer=regularizers.L1(),
            ),
            layers.Dense(
                3,
                "tanh",
                kernel_initializer=initializers.RandomNormal(stddev=0.5),
                bias_initializer=initializers.RandomUniform(),
                max_norm=2.0,
            ),
        ],
        output_layer=layers.Output(bias_initializer=initializers.Array([0.0, 0.5])),
        learning_rate=schedules.OneCycle(),
        average=averaging.Polyak(),
        dtype="float32",
        **FEW,
    )
    yield "MLPNetRegressor", regressor.fit(X, targets), targets
    net = skdnn.MLPNet((4,), learning_rate=schedules.ExponentialDecay(), batch_norm=True, **FEW)
    yield "pipeline", make_pipeline(StandardScaler(), net).fit(frame(X), binary), binary


def training(X, score):
    """Yield the name, the model in the midst of its training and its targets."""
    classes = np.digitize(score, [-0.5, 0.5])
    net = skdnn.MLPNet(
        (5,),
        solver="nadam",
        learning_rate=schedules.CosineDecay(),
        dropout=0.2,
        average=averaging.EMA(0.9),
        **HELD_OUT,
        **FEW,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "{epoch}.joblib")
        net.set_callbacks(callbacks.ModelCheckpoint(path, resumable=True)).fit(X, classes)
        yield "interrupted", joblib.load(path.format(epoch=3)), classes
    options = {"hidden_layer_sizes": (3,), "solver": "sgd", "random_state": 0}
    # The callable gives 0 for the first step, tanh(1) for the second; a batch has all rows.
    options |= {"batch_size": 20, "max_iter": 2}
    for rate in ("constant", "invscaling", "adaptive", np.tanh):
        stream = skdnn.MLPNetRegressor(learning_rate=rate, **options)
        if rate == "constant":
            stream.set_callbacks(callbacks.ReduceLROnPlateau())
        name = rate if isinstance(rate, str) else "callable"
        yield f"stream_{name}", stream.partial_fit(X, score), score


def search():
    """Return a search that is not fitted."""
    net = skdnn.MLPNet().set_callbacks(callbacks.LearningRateScheduler(np.maximum))
    return RandomizedSearchCV(net, {"hidden_layer_sizes": HiddenLayerSizes(width=(2, 8))})


def plain(value):
    """Return what JSON holds of a value: of an object the name of its class."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.__name__ if isinstance(value, type) else type(value).__name__


def describe(model):
    """Return the parameters and the fitted attributes of a model, as JSON holds them."""
    names = [name for name in dir(model) if name.endswith("_") and not name.startswith("_")]
    return {
        "parameters": plain(model.get_params()),
        "attributes": {name: plain(getattr(model, name)) for name in names if hasattr(model, name)},
    }


def output(model, X):
    """Return the finest output there is, for rows like those of the fit."""
    X = np.asarray(X, getattr(model, "dtype", None))
    X = frame(X) if hasattr(model, "feature_names_in_") else X
    return model.predict_proba(X) if is_classifier(model) else model.predict(X)


def go_on(model, X, y):
    """Train on: to the end of a fit that was interrupted, or for an epoch of a stream."""
    return model.resume(X, y) if hasattr(model, "resume") else model.partial_fit(X, y)


def write(folder):
    """Write all files into a folder."""
    import skops.io

    held, (X, score) = set(), rows()
    expected = {"X": X.tolist()}

    def add(name, model):
        path = folder / f"{name}.skops"
        skdnn.save(model, path)
        held.update(skops.io.get_untrusted_types(file=path))
        expected[name] = describe(model)

    add("search", search())
    for name, model, y in fitted(X, score):
        add(name, model)
        if not hasattr(model, "steps"):
            save_weights(model, folder / f"{name}.safetensors")
        expected[name] |= {"y": y.tolist(), "output": output(model, X).tolist()}
        if name == "GDLogisticRegression":
            expected[name]["covariance"] = model.summary().covariance.tolist()
    for name, model, y in training(X, score):
        add(name, model)
        expected[name] |= {"y": y.tolist(), "output": output(model, X).tolist()}
        expected[name]["trained_on"] = output(go_on(model, X, y), X).tolist()
    if missing := sorted(set(_OURS) - held):
        raise SystemExit(f"None of the models has {', '.join(missing)}: add one that has.")
    lines = [f"{json.dumps(name)}: {json.dumps(facts)}" for name, facts in expected.items()]
    (folder / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    folder = Path(__file__).parent / skdnn.__version__
    folder.mkdir(exist_ok=True)
    write(folder)
    sys.stdout.write(f"{folder}: {sum(path.stat().st_size for path in folder.iterdir())} bytes\n")
