"""The gradient of every kind of layer, in every place, against finite differences."""

import numpy as np
import pytest
from direct import batch_gradient, batch_loss
from scipy import sparse

from skdnn import engine
from skdnn.layers import BatchNorm, Dense, Dropout, Maxout
from skdnn.network import Network

N_ROWS, N_FEATURES = 19, 4
# The batch: so many rows from this place of the order, in a workspace with room for more.
START, ROWS, CAPACITY = 3, 11, 13
KEY = np.uint64(12345)
OUT = Dense(2)

TABLES = {
    "normalised inputs": [BatchNorm(), Dense(5, "tanh"), OUT],
    "normalised inputs, activation": [BatchNorm(activation="gelu"), OUT],
    "inputs dropped": [Dropout(0.4), Dense(5, "tanh"), OUT],
    "inputs dropped and normalised": [Dropout(0.3), BatchNorm(activation="tanh"), OUT],
    "inputs normalised and dropped": [BatchNorm(), Dropout(0.3), Dense(3, "elu"), OUT],
    "dropped twice": [Dropout(0.3), Dropout(0.2), Dense(3, "mish"), Dropout(0.5), OUT],
    "normalised before the activation": [
        Dense(5, use_bias=False),
        BatchNorm(activation="silu"),
        Dropout(0.3),
        Dense(4, "gelu"),
        BatchNorm(epsilon=0.1),
        OUT,
    ],
    "maxout": [Maxout(4, pieces=3), Maxout(3), OUT],
    "maxout of one": [Maxout(3, pieces=1), Dense(3, "gelu"), OUT],
    "maxout among others": [
        BatchNorm(),
        Maxout(3, use_bias=False),
        BatchNorm(activation="mish"),
        Dropout(0.3),
        Maxout(3, pieces=3),
        Dropout(0.2),
        OUT,
    ],
    "slopes": [Dense(5, "leaky_relu", alpha=0.3), Dense(4, "elu", alpha=0.5), OUT],
    "output bent": [Dense(5, "tanh"), Dense(2, "logistic")],
    "output bent, scores kept": [Dense(5, "tanh"), Dense(2, "gelu")],
    "output normalised": [Dense(2, "tanh"), BatchNorm(activation="silu")],
    "output dropped": [Dense(2, "tanh"), Dropout(0.3)],
    "output a maximum": [Dense(3, "tanh"), Maxout(2)],
    "frozen first": [Dense(5, "gelu", trainable=False), BatchNorm(), Dense(4, "silu"), OUT],
    "frozen between": [Dense(5, "tanh"), Dense(4, "softplus", trainable=False), BatchNorm(), OUT],
    "frozen maxout": [Dense(5, "tanh"), Maxout(4, trainable=False), Dense(3, "mish"), OUT],
    "frozen normalisation": [Dense(5, "tanh"), BatchNorm(trainable=False), Dense(3, "elu"), OUT],
    "frozen normalised inputs": [BatchNorm(trainable=False, activation="gelu"), Dense(3), OUT],
    "frozen output": [Dense(5, "tanh"), BatchNorm(), Dense(2, "gelu", trainable=False)],
}
FORMS = ["as it comes", "ordered", "sparse", "sparse, ordered"]


def _data(form, *, weighted, y=None):
    """Return the rows in a form, and in which order they are."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(N_ROWS, N_FEATURES)) * [1.0, 2.0, 0.5, 1.0] + [0.0, 1.0, 0.0, -1.0]
    X[np.abs(X) < 0.3] = 0
    y = rng.normal(size=(N_ROWS, 2)) if y is None else y
    weight = rng.uniform(0.2, 3, N_ROWS) if weighted else None
    order = rng.permutation(N_ROWS) if "ordered" in form else None
    data = sparse.csr_matrix(X) if "sparse" in form else X
    return engine.as_data(data, float, y, weight, order)


def _params(network):
    rng = np.random.RandomState(1)
    params = rng.normal(scale=0.7, size=network.n_numbers)
    for arrays in network.arrays(params):
        if "mean" in arrays:
            arrays["variance"][:] = rng.uniform(0.5, 2, arrays["variance"].shape)
            arrays["n_batches"][:] = 3
    return params


def _gradient(network, data, params):
    """Return the gradient of the batch's loss, and its finite differences."""
    work = network.workspace(data, CAPACITY)

    def loss(params):
        # Batch normalisation changes the running statistics.
        return batch_loss(network, data, params.copy(), work, CAPACITY, START, ROWS, KEY)[0]

    gradient = np.zeros(network.n_params)
    value, _ = batch_gradient(
        network, data, params.copy(), gradient, work, CAPACITY, START, ROWS, KEY
    )
    assert value == pytest.approx(loss(params), rel=1e-14)
    steps = 1e-5 * np.eye(network.n_numbers)[: network.n_params]
    numeric = [(loss(params + step) - loss(params - step)) / 2e-5 for step in steps]
    return gradient, np.array(numeric)


def _trained(network):
    mask = np.zeros(network.n_params, bool)
    for row in network.layers:
        mask[row["params"] : row["end"]] = row["learning_rate"] > 0
    return mask


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", TABLES)
def test_gradient(name, form, weighted):
    network = Network(N_FEATURES, TABLES[name], "squared_error", activation="tanh")
    params = _params(network)
    gradient, numeric = _gradient(network, _data(form, weighted=weighted), params)
    trained = _trained(network)
    assert np.abs(numeric[trained]).max() > 0.1
    np.testing.assert_allclose(gradient[trained], numeric[trained], rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(gradient[~trained], 0)


@pytest.mark.parametrize("name", ["normalised before the activation", "maxout among others"])
@pytest.mark.parametrize(
    "loss", ["log_loss", "smoothed_log_loss", "focal", "binary_log_loss", "binary_focal"]
)
def test_gradient_of_a_classifiers_loss(name, loss):
    columns = 2 if loss.startswith("binary") else 1
    y = np.random.RandomState(2).randint(2, size=(N_ROWS, columns))
    network = Network(N_FEATURES, TABLES[name], loss, loss_parameter=0.7)
    gradient, numeric = _gradient(network, _data("ordered", weighted=True, y=y), _params(network))
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("bent", ["identity", "softplus", "silu"])
def test_gradient_of_several_quantiles(bent):
    layers = [BatchNorm(), Dense(4, "tanh"), Dense(3, bent)]
    network = Network(N_FEATURES, layers, "pinball", loss_parameter=[0.1, 0.5, 0.8])
    y = np.repeat(np.random.RandomState(2).normal(size=(N_ROWS, 1)), 3, axis=1)
    gradient, numeric = _gradient(network, _data("ordered", weighted=True, y=y), _params(network))
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-7)
    # Each output by its own quantile: with one for all it is another function.
    other = Network(N_FEATURES, layers, "pinball", loss_parameter=0.5)
    same, _ = _gradient(other, _data("ordered", weighted=True, y=y), _params(other))
    assert not np.allclose(gradient, same, rtol=1e-2)


@pytest.mark.parametrize("name", TABLES)
def test_all_forms_of_the_rows_give_the_same(name):
    network = Network(N_FEATURES, TABLES[name], "squared_error", activation="tanh")
    params, plain = _params(network), _data("as it comes", weighted=True)
    found = []
    for form in FORMS:
        data = _data(form, weighted=True)
        if not data.order.size:
            # The batch of the ordered forms, row by row.
            rows = _data("ordered", weighted=True).order
            X = plain.X[rows] if form == "as it comes" else sparse.csr_matrix(plain.X[rows])
            data = engine.as_data(X, float, plain.y[rows], plain.weight[rows])
        work, own = network.workspace(data, CAPACITY), params.copy()
        gradient = np.zeros(network.n_params)
        value, weight = batch_gradient(
            network,
            data,
            own,
            gradient,
            work,
            CAPACITY,
            START,
            ROWS,
            KEY,
        )
        found.append(np.concatenate([[value, weight], gradient, own]))
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", TABLES)
def test_prediction_is_the_loss_without_dropout_and_batches(name):
    """At prediction the rows have nothing to do with one another."""
    network = Network(N_FEATURES, TABLES[name], "squared_error", activation="tanh")
    params, data = _params(network), _data("as it comes", weighted=False)
    before = params.copy()
    work = network.workspace(data, CAPACITY)
    whole = batch_loss(network, data, params, work, CAPACITY, START, ROWS, 0, "inference")[0]
    alone = [
        batch_loss(network, data, params, work, CAPACITY, i, 1, 0, "inference")[0]
        for i in range(START, START + ROWS)
    ]
    assert whole == pytest.approx(sum(alone), rel=1e-12)
    np.testing.assert_array_equal(params, before)
    predicted = network.scores(data.X, params)[START : START + ROWS]
    residual = predicted - data.y[START : START + ROWS]
    assert whole == pytest.approx((residual**2).sum() / 2, rel=1e-12)


@pytest.mark.parametrize("activation", engine.ACTIVATIONS)
def test_gradient_of_any_activation_with_a_fixed_mask(activation):
    rng = np.random.RandomState(0)
    layers = [Dense(6), Dropout(0.5), Dense(5), Dropout(0.3), Dense(2, "identity")]
    network = Network(4, layers, "squared_error", activation=activation)
    data = engine.as_data(rng.normal(size=(7, 4)), float, rng.normal(size=(7, 2)))
    params = rng.normal(scale=0.7, size=network.n_params)
    work, key = network.workspace(data, 7), np.uint64(12345)

    def loss(p):
        return batch_loss(network, data, p, work, 7, 0, 7, key)[0]

    gradient = np.empty_like(params)
    batch_gradient(network, data, params, gradient, work, 7, 0, 7, key)
    steps = 1e-6 * np.eye(params.size)
    numeric = [(loss(params + step) - loss(params - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-6)
    # The mask matters: without it, it is another function.
    plain = batch_loss(network, data, params, work, 7, 0, 7, key, "inference")
    assert plain[0] != pytest.approx(loss(params), rel=1e-3)
