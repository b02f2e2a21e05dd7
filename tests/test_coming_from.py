"""What the pages for those who come from Keras and skorch say is the same, tried in both."""

import numpy as np
import pytest

from skdnn import MLPNet, MLPNetRegressor
from skdnn.layers import BatchNorm, Dense, Output
from skdnn.regularizers import L2
from skdnn.schedules import CosineDecay

# Of Keras on PyTorch with NumPy 2, in its own code.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

N_EPOCHS, BATCH_SIZE = 4, 16
rng = np.random.default_rng(0)
X = rng.normal(size=(64, 5)).astype(np.float32)
TARGETS = {
    "classes": rng.integers(0, 3, 64),
    "binary": rng.integers(0, 2, 64),
    "labels": rng.integers(0, 2, (64, 3)),
    "number": 2 * rng.normal(size=64).astype(np.float32),
}
WEIGHT = rng.random(64) * 2
# Each batch has a mean weight of 1, so that its sum is the number of its rows.
WEIGHT /= WEIGHT.reshape(-1, BATCH_SIZE).mean(axis=1).repeat(BATCH_SIZE)
KERNEL, BIAS = rng.normal(size=(5, 4)) / 2, rng.normal(size=4) / 10
SGD = {"solver": "sgd", "momentum": 0, "learning_rate_init": 0.1}
ADAM = {"solver": "adam", "learning_rate_init": 0.01}


def output_weights(n_outputs):
    """Return what the output layer starts from."""
    draws = np.random.default_rng(n_outputs)
    return draws.normal(size=(4, n_outputs)) / 2, draws.normal(size=n_outputs) / 10


def train(target, params, layers=None, **fit_params):
    """Train skdnn's network of 4 tanh units from the weights above."""
    y = TARGETS[target]
    n_outputs = {"classes": 3, "labels": 3}.get(target, 1)
    kernel, bias = output_weights(n_outputs)
    kind = MLPNetRegressor if target == "number" else MLPNet
    net = kind(
        hidden_layers=layers or [Dense(4, "tanh")],
        alpha=0,
        batch_size=BATCH_SIZE,
        max_iter=N_EPOCHS,
        shuffle=False,
        n_iter_no_change=np.inf,
        initial_weights=([KERNEL, kernel], [BIAS, bias]),
    )
    return net.set_params(**params).fit(X, y, **fit_params)


def assert_equal_weights(net, arrays):
    """Compare with the kernels and biases of both layers, which have moved."""
    ours = [net.coefs_[0], net.intercepts_[0], net.coefs_[1], net.intercepts_[1]]
    assert np.abs(ours[2] - output_weights(len(ours[3]))[0]).max() > 0.01
    for own, given in zip(ours, arrays, strict=True):
        np.testing.assert_allclose(own, given, atol=1e-5)


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras", reason="Keras, or a backend of it, is not installed")


# What Keras is given, as functions of it, and what skdnn is given: the page's table, row by row.
KERAS = {
    "adam": ("classes", lambda k: k.optimizers.Adam(0.01, epsilon=1e-8), ADAM),
    "sgd": ("classes", lambda k: k.optimizers.SGD(0.1), SGD),
    "nesterov": (
        "classes",
        lambda k: k.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        {**SGD, "momentum": 0.9},
    ),
    "adagrad from 0": (
        "classes",
        lambda k: k.optimizers.Adagrad(0.1, initial_accumulator_value=0.0, epsilon=1e-12),
        {**SGD, "solver": "adagrad", "epsilon": 1e-12},
    ),
    "global_clipnorm": (
        "classes",
        lambda k: k.optimizers.SGD(0.1, global_clipnorm=0.05),
        {**SGD, "clip_norm": 0.05},
    ),
    "schedule": (
        "classes",
        lambda k: k.optimizers.SGD(
            k.optimizers.schedules.CosineDecay(0.1, N_EPOCHS * len(X) // BATCH_SIZE)
        ),
        {**SGD, "learning_rate": CosineDecay()},
    ),
    "two classes": ("binary", lambda k: k.optimizers.SGD(0.1), SGD),
    "labels, whose mean is taken": ("labels", lambda k: k.optimizers.SGD(0.3), SGD),
    "mse, twice the loss": ("number", lambda k: k.optimizers.SGD(0.05), SGD),
    "mae": ("number", lambda k: k.optimizers.SGD(0.1), {**SGD, "loss": "absolute_error"}),
    "huber": ("number", lambda k: k.optimizers.SGD(0.1), {**SGD, "loss": "huber"}),
}
KERAS_LOSSES = {
    "classes": "sparse_categorical_crossentropy",
    "binary": "binary_crossentropy",
    "labels": "binary_crossentropy",
    "number": "mse",
}
KERAS_LAYERS = {
    "L2": (
        lambda k: {"kernel_regularizer": k.regularizers.L2(0.1)},
        {"kernel_regularizer": L2(0.1)},
    ),
    "L2 of biases": (
        lambda k: {"bias_regularizer": k.regularizers.L2(0.1)},
        {"bias_regularizer": L2(0.1)},
    ),
    "MaxNorm": (lambda k: {"kernel_constraint": k.constraints.MaxNorm(0.5)}, {"max_norm": 0.5}),
    "trainable": (lambda k: {"trainable": False}, {"trainable": False}),
}


def train_keras(keras, target, optimizer, loss=None, between=(), layer=None, **fit_params):
    """Train the same network in Keras; return it and its losses."""
    n_outputs = {"classes": 3, "labels": 3}.get(target, 1)
    activation = {"classes": "softmax", "number": None}.get(target, "sigmoid")
    hidden = keras.layers.Dense(4, "linear" if between else "tanh", **(layer or {}))
    network = keras.Sequential(
        [keras.Input((5,)), hidden, *between, keras.layers.Dense(n_outputs, activation)]
    )
    hidden.set_weights([KERNEL, BIAS])
    network.layers[-1].set_weights(output_weights(n_outputs))
    network.compile(optimizer, loss or KERAS_LOSSES[target])
    options = {"batch_size": BATCH_SIZE, "epochs": N_EPOCHS, "shuffle": False, "verbose": 0}
    history = network.fit(X, TARGETS[target], **options, **fit_params)
    return network, history.history["loss"]


def dense_weights(network):
    """Return kernels and biases of the first and the last layer."""
    return network.layers[0].get_weights() + network.layers[-1].get_weights()


@pytest.mark.parametrize("name", KERAS)
def test_keras_solvers_and_losses(keras, name):
    target, optimizer, params = KERAS[name]
    loss = {"mae": "mae", "huber": keras.losses.Huber()}.get(name)
    network, losses = train_keras(keras, target, optimizer(keras), loss)
    net = train(target, params)
    assert_equal_weights(net, dense_weights(network))
    factor = {"labels": 3, "number": 0.5 if name.startswith("mse") else 1}.get(target, 1)
    np.testing.assert_allclose(net.loss_curve_, factor * np.array(losses), rtol=1e-5)


@pytest.mark.parametrize("name", KERAS_LAYERS)
def test_keras_options_of_layers(keras, name):
    given, params = KERAS_LAYERS[name]
    optimizer = keras.optimizers.Adam(0.01, epsilon=1e-8)
    network, losses = train_keras(keras, "classes", optimizer, layer=given(keras))
    net = train("classes", ADAM, [Dense(4, "tanh", **params)])
    assert_equal_weights(net, dense_weights(network))
    np.testing.assert_allclose(net.loss_curve_, losses, rtol=1e-5)


def test_keras_batch_normalization(keras):
    between = [keras.layers.BatchNormalization(), keras.layers.Activation("tanh")]
    network, _ = train_keras(keras, "classes", keras.optimizers.SGD(0.1), between=between)
    norm = BatchNorm(momentum=0.99, epsilon=0.001, activation="tanh")
    net = train("classes", SGD, [Dense(4, "identity"), norm])
    assert_equal_weights(net, dense_weights(network))
    gamma, beta, *_ = between[0].get_weights()
    np.testing.assert_allclose(net.normalizations_[0]["gamma"], gamma, atol=1e-6)
    np.testing.assert_allclose(net.normalizations_[0]["beta"], beta, atol=1e-6)


def test_keras_weights_of_rows(keras):
    optimizer = keras.optimizers.SGD(0.1)
    network, _ = train_keras(keras, "classes", optimizer, sample_weight=WEIGHT)
    net = train("classes", SGD, sample_weight=WEIGHT)
    assert_equal_weights(net, dense_weights(network))
    # A factor of all weights makes no difference here; there steps become longer.
    assert_equal_weights(train("classes", SGD, sample_weight=3 * WEIGHT), dense_weights(network))
    longer, _ = train_keras(
        keras, "classes", keras.optimizers.SGD(0.1 / 3), sample_weight=3 * WEIGHT
    )
    assert_equal_weights(net, dense_weights(longer))


@pytest.fixture(scope="module")
def torch():
    pytest.importorskip("skorch", reason="skorch is not installed")
    return pytest.importorskip("torch", reason="PyTorch is not installed")


def train_skorch(torch, target, optimizer, **params):
    """Train the same network in skorch; return the estimator."""
    from skorch import NeuralNetClassifier, NeuralNetRegressor

    n_outputs = 3 if target == "classes" else 1
    kernel, bias = output_weights(n_outputs)
    module = torch.nn.Sequential(
        torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, n_outputs)
    )
    with torch.no_grad():
        for given, parameter in zip(
            (KERNEL.T, BIAS, kernel.T, bias), module.parameters(), strict=True
        ):
            parameter.copy_(torch.tensor(given))
    kind, criterion, y = NeuralNetRegressor, torch.nn.MSELoss, TARGETS[target]
    if target == "classes":
        kind, criterion = NeuralNetClassifier, torch.nn.CrossEntropyLoss
    options = {"train_split": None, "max_epochs": N_EPOCHS, "batch_size": BATCH_SIZE, "verbose": 0}
    net = kind(module, criterion=criterion, optimizer=optimizer, **{**options, **params})
    return net.fit(X, y if target == "classes" else y[:, None])


def torch_weights(net):
    """Return kernels and biases of both layers."""
    return [parameter.detach().numpy().T for parameter in net.module_.parameters()]


def clipping():
    from skorch.callbacks import GradientNormClipping

    return {"callbacks": [GradientNormClipping(0.05)]}


def freezing():
    from skorch.callbacks import Freezer

    return {"callbacks": [Freezer("0.*")]}


PENALTY = {"kernel_regularizer": L2(0.05), "bias_regularizer": L2(0.05)}
SKORCH = {
    "momentum": (
        "SGD",
        lambda: {"lr": 0.1, "optimizer__momentum": 0.9},
        {**SGD, "momentum": 0.9, "nesterovs_momentum": False},
    ),
    "rmsprop": (
        "RMSprop",
        lambda: {"lr": 0.01, "optimizer__alpha": 0.9},
        {**SGD, "solver": "rmsprop", "learning_rate_init": 0.01},
    ),
    "GradientNormClipping": ("SGD", lambda: {"lr": 0.1, **clipping()}, {**SGD, "clip_norm": 0.05}),
    "Freezer": ("SGD", lambda: {"lr": 0.1, **freezing()}, {**SGD, "frozen_layers": [0]}),
    "weight_decay of AdamW": (
        "AdamW",
        lambda: {
            "lr": 0.05,
            "optimizer__eps": 1e-30,
            "optimizer__weight_decay": 0.3,
            "optimizer__param_groups": [("*bias", {"weight_decay": 0.0})],
        },
        {
            **SGD,
            "solver": "adamw",
            "learning_rate_init": 0.05,
            "epsilon": 1e-30,
            "weight_decay": 0.3,
        },
    ),
    "weight_decay of SGD": (
        "SGD",
        lambda: {"lr": 0.1, "optimizer__weight_decay": 0.1},
        {
            **SGD,
            "hidden_layers": [Dense(4, "tanh", **PENALTY)],
            "output_layer": Output(**PENALTY),
        },
    ),
}


@pytest.mark.parametrize("name", SKORCH)
def test_skorch_parameters(torch, name):
    optimizer, given, params = SKORCH[name]
    theirs = train_skorch(torch, "classes", getattr(torch.optim, optimizer), **given())
    ours = train("classes", params)
    assert_equal_weights(ours, torch_weights(theirs))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
    if "weight_decay" not in name:
        # PyTorch's decay is no part of the loss that is shown.
        found, expected = ours.history_[-1]["loss"], theirs.history[-1, "train_loss"]
        assert found == pytest.approx(expected, rel=1e-5)


def test_skorch_mse_is_twice_the_loss(torch):
    theirs = train_skorch(torch, "number", torch.optim.SGD, lr=0.05)
    assert_equal_weights(train("number", SGD), torch_weights(theirs))


def test_skorch_partial_fit_and_warm_start(torch):
    theirs = train_skorch(torch, "classes", torch.optim.SGD, lr=0.1)
    ours = train("classes", SGD)
    assert len(theirs.history) == len(ours.history_) == N_EPOCHS
    theirs.set_params(warm_start=True).fit(X, TARGETS["classes"])
    ours.set_params(warm_start=True, initial_weights=None).fit(X, TARGETS["classes"])
    assert len(theirs.history) == len(ours.history_) == 2 * N_EPOCHS
    assert_equal_weights(ours, torch_weights(theirs))
    assert len(theirs.partial_fit(X, TARGETS["classes"]).history) == 3 * N_EPOCHS
    assert len(ours.partial_fit(X, TARGETS["classes"]).history_) == 2 * N_EPOCHS + 1
