"""Networks of Keras from fitted ones, and back: the same predictions."""

import numpy as np
import pytest
from networks import ALL, FEW, LAYERS, OUTPUTS, TARGETS, X, fitted, outputs

from skdnn import MLPNet, MLPNetRegressor, engine
from skdnn.exchange import from_keras, to_keras
from skdnn.layers import BatchNorm, Dense

keras = pytest.importorskip("keras", reason="Keras, or a backend of it, is not installed")
layers = keras.layers

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # Of Keras on PyTorch with NumPy 2, in its own code.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

WITHOUT_MAXOUT = [name for name in ALL if name != "mixed"]


def predicted(network, model, rows):
    """Return a network's predictions in the shape of the model's."""
    found = network.predict(rows, verbose=0)
    if hasattr(model, "classes_") and found.shape[1] == 1:
        return np.hstack([1 - found, found])
    return found.reshape(outputs(model, rows).shape)


@pytest.mark.parametrize("name", WITHOUT_MAXOUT)
def test_the_same_predictions(name):
    model, _ = fitted(name)
    found = predicted(to_keras(model), model, X)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, outputs(model, X), 1e-5, 1e-6)


def assert_equal_weights(one, other):
    """Compare with float32 networks, whose weights Keras does not round."""
    for name in ("coefs_", "intercepts_"):
        for own, given in zip(getattr(one, name), getattr(other, name), strict=True):
            np.testing.assert_array_equal(own, given)


@pytest.mark.parametrize("activation", engine.ACTIVATIONS)
@pytest.mark.parametrize("normalized", [False, True])
def test_every_activation_there_and_back(normalized, activation):
    net = MLPNet((6,), activation, batch_norm=normalized, dtype=np.float32, **FEW)
    network, expected = to_keras(net.fit(X, TARGETS["multiclass"])), net.predict_proba(X)
    np.testing.assert_allclose(network.predict(X, verbose=0), expected, atol=1e-6)
    back = from_keras(network, MLPNet(), classes=net.classes_)
    assert_equal_weights(back, net)
    np.testing.assert_allclose(back.predict_proba(X), expected, rtol=1e-6)


@pytest.mark.parametrize("activation", ["leaky_relu", "elu"])
def test_parameters_of_activations(activation):
    net = MLPNet(hidden_layers=[Dense(5, activation, alpha=0.37)], **FEW)
    network = to_keras(net.fit(X, TARGETS["multiclass"]))
    np.testing.assert_allclose(network.predict(X, verbose=0), net.predict_proba(X), atol=1e-6)
    back = from_keras(network, MLPNet(), classes=net.classes_)
    assert back.hidden_layers[0].alpha == 0.37
    np.testing.assert_allclose(back.predict_proba(X), net.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("name", [n for n in (*OUTPUTS, *LAYERS) if n != "mixed"])
def test_there_and_back(name):
    model, y = fitted(name, dtype=np.float32)
    classes = {"classes": model.classes_} if hasattr(model, "classes_") else {}
    if name == "labels":
        classes["multilabel"] = True
    back = from_keras(to_keras(model), ALL[name][1], **classes)
    assert_equal_weights(back, model)
    np.testing.assert_allclose(outputs(back, X), outputs(model, X), rtol=1e-5)
    assert back.out_activation_ == model.out_activation_
    assert back.partial_fit(X, y).n_iter_ == 1


def test_running_statistics_are_not_forgotten():
    """Keras does not count batches: the first one after it must not take the mean's place."""
    net, y = fitted("batch norm")
    back = from_keras(to_keras(net), ALL["batch norm"][1], classes=net.classes_)
    back.set_params(batch_size=len(X)).partial_fit(X + 100, y)
    found, before = back.normalizations_[0]["mean"], net.normalizations_[0]["mean"]
    batch = (X + 100) @ net.coefs_[0]
    np.testing.assert_allclose(found, 0.9 * before + 0.1 * batch.mean(axis=0), rtol=1e-5)


def test_names_and_kinds_of_layers():
    network = to_keras(fitted("batch norm")[0])
    kinds = [(layer.name, type(layer).__name__) for layer in network.layers]
    assert kinds[:4] == [
        ("hidden_0", "Dense"),
        ("hidden_0_batch_norm", "BatchNormalization"),
        ("hidden_0_batch_norm_selu", "Activation"),
        ("hidden_0_dropout", "Dropout"),
    ]
    assert kinds[-1] == ("output", "Dense")
    assert network.layers[-1].activation is keras.activations.sigmoid
    assert network.layers[1].momentum == 0.9
    frozen = to_keras(MLPNet((6, 4), frozen_layers=[0], **FEW).fit(X, TARGETS["binary"]))
    assert [layer.trainable for layer in frozen.layers] == [False, True, True]
    normalized = [layers.BatchNormalization(trainable=False), layers.Dense(2)]
    for parts, expected in ((frozen.layers, [False, True]), (normalized, [False])):
        back = from_keras(keras.Sequential([keras.Input((5,)), *parts]), MLPNet())
        assert [layer.trainable for layer in back.hidden_layers] == expected


def test_a_network_that_keras_has_trained():
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(16, "leaky_relu"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.1),
            layers.Dense(3),
            layers.Softmax(),
        ]
    )
    y = TARGETS["multilabel"].argmax(axis=1)
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(X, y, epochs=2, verbose=0)
    net = from_keras(network, MLPNet(), classes=["a", "b", "c"])
    rows = X.astype(np.float32)
    expected = network.predict(rows, verbose=0)
    np.testing.assert_allclose(net.predict_proba(rows), expected, atol=1e-6)
    assert net.hidden_layers[0].alpha == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([layers.Dense(4), layers.PReLU(), layers.Dense(3)], "no layer that is .* a PReLU"),
        ([layers.Dense(4, "softsign"), layers.Dense(3)], "the activation 'softsign', which skdnn"),
        ([layers.Dense(4, layers.ELU()), layers.Dense(3)], "the activation <ELU .*, which skdnn"),
        ([layers.Dense(4, "softmax"), layers.Dense(3)], "which skdnn's hidden layers have not"),
        ([layers.Dense(4), layers.ReLU(6.0), layers.Dense(3)], "'relu' has no limits"),
        ([layers.Dense(3), layers.Softmax(0)], "'softmax' has axis=-1, .* has 0"),
        ([layers.BatchNormalization(momentum=1.0), layers.Dense(3)], "momentum of .* below 1"),
        ([layers.Dense(4, "relu"), layers.ELU(), layers.Dense(3)], "does not follow a layer"),
        ([layers.Dense(3), layers.BatchNormalization()], "last layer must be a dense one"),
        ([layers.BatchNormalization(scale=False), layers.Dense(3)], "a BatchNormalization"),
        ([layers.Dense(3, "sigmoid")], "multilabel=False is 'softmax', or none"),
    ],
)
def test_layers_that_skdnn_has_not(parts, message):
    with pytest.raises(ValueError, match=message):
        from_keras(keras.Sequential([keras.Input((5,)), *parts]), MLPNet())


def test_outputs_of_regressors_are_predictions():
    network = keras.Sequential([keras.Input((5,)), layers.Dense(1)])
    with pytest.raises(ValueError, match=r"has the activation 'identity' .* loss='poisson'"):
        from_keras(network, MLPNetRegressor("poisson"))
    net = from_keras(network, MLPNetRegressor())
    rows = X.astype(np.float32)
    np.testing.assert_allclose(net.predict(rows), network.predict(rows, verbose=0)[:, 0], 1e-5)


def test_what_keras_has_not():
    with pytest.raises(ValueError, match="no layer that is a Maxout, as hidden_3_max_pool is"):
        to_keras(fitted("mixed")[0])
    net = MLPNet(hidden_layers=[BatchNorm(activation="selu", alpha=1.0)], **FEW)
    with pytest.raises(ValueError, match=r"hidden_0 has 'selu' with alpha=1; that of Keras has 1"):
        to_keras(net.fit(X, TARGETS["binary"]))
    with pytest.raises(ValueError, match=r"no weights yet: begin it with a keras\.Input"):
        from_keras(keras.Sequential([layers.Dense(3)]), MLPNet())
    adapted = keras.Sequential([keras.Input((5,)), layers.Dense(3)])
    adapted.layers[0].enable_lora(2)
    with pytest.raises(ValueError, match="more weights than a kernel and a bias"):
        from_keras(adapted, MLPNet())
    with pytest.raises(TypeError, match=r"must be a keras\.Sequential, got Dense"):
        from_keras(layers.Dense(3), MLPNet())
