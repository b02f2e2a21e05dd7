"""Networks given as layer objects: what they are, what they compute, what is refused."""

import pickle

import numpy as np
import pytest
from scipy import sparse, special
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.utils import estimator_html_repr
from sklearn.utils._param_validation import InvalidParameterError

from skdnn import MLPNet, MLPNetRegressor, engine
from skdnn.averaging import EMA
from skdnn.initializers import Constant
from skdnn.layers import BatchNorm, Dense, Dropout, Maxout, Output
from skdnn.regularizers import L1, L1L2, L2

X, Y = load_digits(return_X_y=True)
X = X / 16
SMALL_X, SMALL_Y = X[:150], Y[:150]
T = X[:, 20:22] + np.sin(X[:, 30:32])
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LAYERS = [
    Dropout(0.1),
    Dense(12, "elu", alpha=0.5, kernel_regularizer=L1L2(0.001, 0.002), max_norm=2.0),
    BatchNorm(momentum=0.8, activation=None),
    Maxout(8, pieces=3, bias_initializer=Constant(0.1)),
]


def _weights(model):
    names = ("coefs_", "intercepts_")
    return [array for name in names for array in getattr(model, name)]


def _assert_same(one, other):
    for ours, theirs in zip(_weights(one), _weights(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_layers_are_printed_with_what_differs_from_the_default():
    assert repr(Dense(5)) == "Dense(units=5)"
    assert repr(Dense(5, "tanh", use_bias=False)) == (
        "Dense(activation='tanh', units=5, use_bias=False)"
    )
    assert repr(Maxout(5, pieces=3)) == "Maxout(pieces=3, units=5)"
    assert repr(Dropout(0.5)) == "Dropout()"
    assert repr(BatchNorm(momentum=0.5)) == "BatchNorm(momentum=0.5)"
    model = MLPNet(hidden_layers=[Dense(5, kernel_regularizer=L2(0.1)), Dropout(0.2)])
    assert repr(model) == (
        "MLPNet(hidden_layers=[Dense(kernel_regularizer=L2(l2=0.1), units=5),\n"
        "                      Dropout(rate=0.2)])"
    )
    assert "Dropout(rate=0.2)" in estimator_html_repr(model)


def test_layers_are_equal_by_their_values():
    assert Dense(5, kernel_regularizer=L1(0.1)) == Dense(5, kernel_regularizer=L1(0.1))
    assert Dense(5, kernel_regularizer=L1(0.1)) != Dense(5, kernel_regularizer=L1(0.2))
    assert Dense(5, kernel_regularizer=L1(0.1)) != Dense(5, kernel_regularizer=L2(0.1))
    assert Dense(5, kernel_initializer=np.ones((2, 5))) != Dense(5)
    assert Dense(5) != Maxout(5)
    assert Dropout(0.2) == Dropout(0.2) != Dropout(0.3)
    assert [clone(layer) for layer in LAYERS] == LAYERS == pickle.loads(pickle.dumps(LAYERS))


def test_a_clone_has_layers_of_its_own_and_fits_alike():
    model = MLPNet(hidden_layers=LAYERS, max_iter=3, random_state=0)
    twin = clone(model)
    assert twin.hidden_layers == LAYERS
    assert all(a is not b for a, b in zip(twin.hidden_layers, LAYERS, strict=True))
    assert twin.hidden_layers[1].kernel_regularizer is not LAYERS[1].kernel_regularizer
    before = pickle.dumps(LAYERS)
    model.fit(SMALL_X, SMALL_Y)
    # A fit changes nothing of them.
    assert pickle.dumps(LAYERS) == before
    _assert_same(model, twin.fit(SMALL_X, SMALL_Y))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.hidden_layers == LAYERS


def test_search_over_lists_of_layers():
    grid = {"hidden_layers": [[Dense(1)], [Dense(20), Dropout(0.1)], [BatchNorm(), Maxout(20)]]}
    model = MLPNet(max_iter=20, learning_rate_init=0.01, random_state=0)
    search = GridSearchCV(model, grid, cv=3).fit(X[:500], Y[:500])
    assert search.best_params_["hidden_layers"] in grid["hidden_layers"][1:]
    assert search.cv_results_["params"][1]["hidden_layers"] == grid["hidden_layers"][1]
    assert search.cv_results_["param_hidden_layers"][2] == grid["hidden_layers"][2]
    scores = search.cv_results_["mean_test_score"]
    assert min(scores[1:]) > 0.85 > 0.5 > scores[0]


@pytest.mark.parametrize("solver", ["lbfgs", "adam", "sgd"])
@pytest.mark.parametrize("activation", engine.ACTIVATIONS)
def test_dense_layers_are_those_of_the_sizes(activation, solver):
    model = MLPNet((20, 10), activation, solver=solver, max_iter=3, random_state=0)
    other = clone(model).set_params(hidden_layers=[Dense(20), Dense(10)])
    named = clone(model).set_params(
        hidden_layers=[Dense(20, activation), Dense(10, activation)],
        hidden_layer_sizes=(1,),
    )
    model.fit(SMALL_X, SMALL_Y)
    _assert_same(model, other.fit(SMALL_X, SMALL_Y))
    _assert_same(model, named.fit(SMALL_X, SMALL_Y))


def test_no_layers_are_no_sizes():
    for solver in ("lbfgs", "adam"):
        plain = MLPNetRegressor("squared_error", (), solver=solver, max_iter=5, random_state=0)
        empty = clone(plain).set_params(hidden_layer_sizes=(7,), hidden_layers=[])
        _assert_same(plain.fit(X, T), empty.fit(X, T))


@pytest.mark.parametrize("batch_norm", [False, True])
def test_dropout_and_batch_norm_of_the_sizes_are_layers(batch_norm):
    options = {"max_iter": 3, "random_state": 0, "activation": "tanh"}
    plain = MLPNet((20, 10), dropout=[0.3, 0.0], batch_norm=batch_norm, **options)
    if batch_norm:
        first = [Dense(20, "identity", use_bias=False), BatchNorm(activation="tanh")]
        second = [Dense(10, "identity", use_bias=False), BatchNorm(activation=None)]
    else:
        first, second = [Dense(20)], [Dense(10)]
    listed = MLPNet(hidden_layers=[*first, Dropout(0.3), *second], **options)
    _assert_same(plain.fit(SMALL_X, SMALL_Y), listed.fit(SMALL_X, SMALL_Y))
    np.testing.assert_array_equal(plain.predict_proba(X), listed.predict_proba(X))


def test_each_layer_has_its_activation_and_slope():
    layers = [
        Dense(7, "leaky_relu", alpha=0.3),
        Dense(6, "elu", alpha=2.0, use_bias=False),
        Dense(5),
        Dense(4, "identity"),
    ]
    model = MLPNet(hidden_layers=layers, activation="softplus", max_iter=3, random_state=0)
    model.fit(SMALL_X, SMALL_Y)
    (W1, W2, W3, W4, W5), (b1, b2, b3, b4, b5) = model.coefs_, model.intercepts_
    np.testing.assert_array_equal(b2, np.zeros(6))
    a = X @ W1 + b1
    a = np.where(a < 0, 0.3 * a, a) @ W2
    a = np.where(a < 0, 2.0 * np.expm1(a), a) @ W3 + b3
    a = (np.logaddexp(0, a) @ W4 + b4) @ W5 + b5
    np.testing.assert_allclose(model.decision_function(X), a, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(model.predict_proba(X), special.softmax(a, axis=1), rtol=1e-9)


@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_maxout_is_the_largest_of_neighbouring_columns(pieces):
    model = MLPNetRegressor(hidden_layers=[Maxout(6, pieces=pieces)], max_iter=3, random_state=0)
    model.fit(X, T)
    (W1, W2), (b1, b2) = model.coefs_, model.intercepts_
    assert W1.shape == (64, 6 * pieces) and W2.shape == (6, 2)
    largest = (X @ W1 + b1).reshape(-1, 6, pieces).max(axis=2)
    np.testing.assert_allclose(model.predict(X), largest @ W2 + b2, rtol=1e-10, atol=1e-12)


def test_maxout_learns_an_absolute_value():
    """|x| is the larger of x and -x: one unit of two pieces is enough."""
    x = np.linspace(-1, 1, 41)[:, None]
    model = MLPNetRegressor(
        hidden_layers=[Maxout(1)], solver="lbfgs", alpha=0, tol=1e-8, max_iter=1000, random_state=3
    )
    model.fit(x, np.abs(x[:, 0]))
    np.testing.assert_allclose(model.predict(x), np.abs(x[:, 0]), atol=1e-4)


def test_predictions_with_normalisation_by_hand():
    layers = [BatchNorm(epsilon=0.01), Dense(7, "identity"), BatchNorm(activation="tanh")]
    model = MLPNet(hidden_layers=layers, max_iter=5, random_state=0).fit(SMALL_X, SMALL_Y)
    first, second = model.normalizations_
    assert list(first) == ["gamma", "beta", "mean", "variance", "n_batches"]
    a = first["gamma"] * (X - first["mean"]) / np.sqrt(first["variance"] + 0.01) + first["beta"]
    a = a @ model.coefs_[0] + model.intercepts_[0]
    deviation = np.sqrt(second["variance"] + 1e-5)
    a = np.tanh(second["gamma"] * (a - second["mean"]) / deviation + second["beta"])
    expected = a @ model.coefs_[1] + model.intercepts_[1]
    np.testing.assert_allclose(model.decision_function(X), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("first", [Dropout(0.3), BatchNorm(), Maxout(5), Dense(5)])
def test_sparse_rows_are_dense_rows(first, shuffle):
    model = MLPNet(hidden_layers=[first, Dense(10)], max_iter=3, random_state=0, shuffle=shuffle)
    dense, thin = clone(model).fit(X, Y), clone(model).fit(sparse.csr_matrix(X), Y)
    for ours, theirs in zip(_weights(dense), _weights(thin), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)
    scores = thin.decision_function(sparse.csr_matrix(X))
    np.testing.assert_allclose(scores, thin.decision_function(X), rtol=1e-9, atol=1e-10)


def test_dropped_inputs_help_where_each_feature_alone_is_noisy():
    rng = np.random.RandomState(0)
    signal = rng.normal(size=(2060, 1))
    noisy = signal + 2 * rng.normal(size=(2060, 40))
    y = signal[:, 0]
    options = {"alpha": 0, "tol": 0, "max_iter": 300, "random_state": 0, "shuffle": False}
    plain = MLPNetRegressor(hidden_layers=[Dense(50)], **options).fit(noisy[:60], y[:60])
    dropped = MLPNetRegressor(hidden_layers=[Dropout(0.5), Dense(50)], **options)
    dropped.fit(noisy[:60], y[:60])
    assert dropped.score(noisy[60:], y[60:]) > plain.score(noisy[60:], y[60:]) + 0.1


def test_lbfgs_with_l2_objects_is_alpha():
    options = {"solver": "lbfgs", "max_iter": 20, "random_state": 0}
    alpha = MLPNet((6,), alpha=3.0, **options).fit(SMALL_X, SMALL_Y)
    # alpha / (2 n) sum(W ** 2); the output's is left to alpha.
    objects = MLPNet(
        hidden_layers=[Dense(6, kernel_regularizer=L2(3.0 / 300))], alpha=3.0, **options
    ).fit(SMALL_X, SMALL_Y)
    for ours, theirs in zip(_weights(alpha), _weights(objects), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)
    free = MLPNet(hidden_layers=[Dense(6, kernel_regularizer=L2(0.0))], alpha=3.0, **options)
    free.fit(SMALL_X, SMALL_Y)
    assert np.linalg.norm(free.coefs_[0]) > 1.1 * np.linalg.norm(alpha.coefs_[0])


def test_lbfgs_with_maxout_lowers_the_loss_and_frozen_normalisation_stays():
    trained = MLPNet(
        hidden_layers=[BatchNorm(), Maxout(10)], max_iter=10, random_state=0, warm_start=True
    ).fit(SMALL_X, SMALL_Y)
    trained.set_params(solver="lbfgs", max_iter=100, frozen_layers=[0])
    before, loss = pickle.dumps(trained.normalizations_), trained.loss_
    trained.fit(SMALL_X, SMALL_Y)
    assert pickle.dumps(trained.normalizations_) == before
    assert trained.loss_ < 0.01 < loss


@pytest.mark.parametrize(
    "layers, message",
    [
        ([Dense(0)], r"hidden_layers\[0\]: .*'units'.*Got 0"),
        ([Dense(5), Dense(2.5)], r"hidden_layers\[1\]: .*'units'.*Got 2.5"),
        ([Dense(5, "nope")], r"hidden_layers\[0\]: .*'activation'.*Got 'nope'"),
        ([Dense(5, "elu", alpha=-1)], r"hidden_layers\[0\]: .*'alpha'.*Got -1"),
        ([Dense(5, use_bias="yes")], r"hidden_layers\[0\]: .*'use_bias'"),
        ([Dense(5, trainable=None)], r"hidden_layers\[0\]: .*'trainable'"),
        ([Dense(5, max_norm=0)], r"hidden_layers\[0\]: .*'max_norm'.*Got 0"),
        ([Dense(5, kernel_regularizer=0.1)], r"hidden_layers\[0\]: .*'kernel_regularizer'"),
        ([Dense(5, bias_regularizer="l2")], r"hidden_layers\[0\]: .*'bias_regularizer'"),
        ([Dense(5, kernel_initializer="nope")], r"hidden_layers\[0\]: .*'kernel_initializer'"),
        (
            [Dense(5), Dense(5, kernel_regularizer=L1L2(0.1, -1))],
            r"hidden_layers\[1\]: kernel_regularizer: .*'l2'.*Got -1",
        ),
        (
            [Dense(5, bias_regularizer=L1(np.nan))],
            r"hidden_layers\[0\]: bias_regularizer: .*'l1'.*Got nan",
        ),
        ([Maxout(5, pieces=0)], r"hidden_layers\[0\]: .*'pieces'.*Got 0"),
        ([Maxout(5, "relu")], r"hidden_layers\[0\]: .*'activation'"),
        ([BatchNorm(momentum=1.0)], r"hidden_layers\[0\]: .*'momentum'.*Got 1.0"),
        ([BatchNorm(epsilon=0)], r"hidden_layers\[0\]: .*'epsilon'.*Got 0"),
        ([Dropout(1.0)], r"hidden_layers\[0\]: .*'rate'.*Got 1.0"),
        ([Dropout(-0.1)], r"hidden_layers\[0\]: .*'rate'.*Got -0.1"),
        ([Dense(5), 10], r"hidden_layers\[1\] must be a layer of skdnn.layers, .* got 10"),
        ([Dense], r"hidden_layers\[0\] must be a layer"),
        ([L2()], r"hidden_layers\[0\] must be a layer of skdnn.layers, .* got L2\(\)"),
        (Dense(5), "The 'hidden_layers' parameter of MLPNet must be an instance of 'list'"),
    ],
)
def test_bad_layers(layers, message):
    with pytest.raises(InvalidParameterError, match=message):
        MLPNet(hidden_layers=layers).fit(SMALL_X, SMALL_Y)


@pytest.mark.parametrize(
    "params, message",
    [
        ({"hidden_layers": [Dense(5)], "dropout": 0.1}, "dropout=0.1 is for hidden_layer_sizes"),
        ({"hidden_layers": [Dense(5)], "dropout": [0.0, 0.1]}, "put Dropout and BatchNorm layers"),
        ({"hidden_layers": [Dense(5)], "batch_norm": True}, "batch_norm=True is for"),
        ({"hidden_layers": [Dropout()], "solver": "lbfgs"}, "Dropout changes it"),
        ({"hidden_layers": [BatchNorm()], "solver": "lbfgs"}, "Batch normalisation changes it"),
        ({"batch_norm": True, "solver": "lbfgs"}, "Batch normalisation changes it"),
        (
            {"hidden_layers": [Dense(5, kernel_regularizer=L1())], "solver": "lbfgs"},
            "solver='lbfgs' cannot take an L1 penalty",
        ),
        (
            {"hidden_layers": [Dense(5, bias_regularizer=L1L2())], "solver": "lbfgs"},
            "solver='lbfgs' cannot take an L1 penalty",
        ),
        (
            {"hidden_layers": [Dense(5, max_norm=1.0)], "solver": "lbfgs"},
            "solver='lbfgs' cannot take max_norm",
        ),
        (
            {"hidden_layers": [Dense(5, kernel_initializer=np.ones((3, 5)))]},
            r"an array of shape \(64, 5\) is needed, got one of shape \(3, 5\)",
        ),
    ],
)
def test_what_does_not_go_together(params, message):
    with pytest.raises(ValueError, match=message):
        MLPNet(**params).fit(SMALL_X, SMALL_Y)


@pytest.mark.parametrize(
    "layers",
    [
        [Dense(9)],
        [Dense(8), Dense(8)],
        [Dense(8), BatchNorm()],
        [BatchNorm(), Dense(8)],
        [Maxout(4)],
    ],
)
def test_going_on_with_other_layers_is_an_error(layers):
    model = MLPNet(hidden_layers=[Dense(8)], warm_start=True, max_iter=2).fit(SMALL_X, SMALL_Y)
    with pytest.raises(ValueError, match="go on with the layers of the previous fit"):
        model.set_params(hidden_layers=layers).fit(SMALL_X, SMALL_Y)
    normal = MLPNet((8,), batch_norm=True, warm_start=True, max_iter=2).fit(SMALL_X, SMALL_Y)
    with pytest.raises(ValueError, match="go on with the layers of the previous fit"):
        normal.set_params(batch_norm=False).fit(SMALL_X, SMALL_Y)


@pytest.mark.parametrize("params", [{"average": EMA()}, {"clip_norm": 1.0}, {"weight_decay": 0.1}])
def test_what_lbfgs_has_no_use_for(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"solver='lbfgs' has no use for {name}="):
        MLPNet((5,), solver="lbfgs", **params).fit(X, Y)


@pytest.mark.parametrize(
    "layer, message",
    [
        (Dense(3, "relu", alpha=0.1), "'alpha' parameter of Dense must be None with activation='r"),
        (BatchNorm(activation="tanh", alpha=0.1), "'alpha' parameter of BatchNorm must be None"),
        (Dense(3, use_bias=False, bias_regularizer=L2()), "'bias_regularizer' .* use_bias=False"),
        (Dense(3, use_bias=False, bias_initializer="zeros"), "'bias_initializer' .* use_bias=F"),
        (Dense(3, kernel_regularizer=L1(-1.0)), "kernel_regularizer: The 'l1' parameter of L1"),
        (Output(), r"must be a layer of skdnn.layers, such as Dense\(64\)"),
        (64, r"must be a layer of skdnn.layers, such as Dense\(64\)"),
    ],
)
def test_what_a_layer_has_no_use_for_is_refused(layer, message):
    with pytest.raises(InvalidParameterError, match=rf"hidden_layers\[1\].* {message}"):
        MLPNet(hidden_layers=[Dense(5), layer]).fit(SMALL_X, SMALL_Y)


def test_freezing_what_is_not_trained_is_refused():
    net = MLPNet(hidden_layers=[Dropout(0.1), Dense(5)], frozen_layers=[0])
    with pytest.raises(ValueError, match=r"hidden layer 0 is Dropout\(rate=0.1\), which has no"):
        net.fit(SMALL_X, SMALL_Y)


def test_an_initialiser_that_does_not_fit_names_its_layer():
    layer = Dense(5, kernel_initializer=np.zeros((3, 5)))
    with pytest.raises(ValueError, match=r"(?s)Dense\(.*units=5\): .*\(64, 5\).*\(3, 5\)"):
        MLPNet(hidden_layers=[layer]).fit(SMALL_X, SMALL_Y)


def test_the_output_layer_has_what_a_dense_layer_has():
    """Its penalty instead of `alpha`, as L-BFGS finds it with the equal one."""
    options = {"solver": "lbfgs", "tol": 1e-7, "max_iter": 5000, "random_state": 0}
    output = Output(kernel_regularizer=L2(0.01))
    by_layer = MLPNet((), output_layer=output, alpha=5.0, **options).fit(SMALL_X, SMALL_Y)
    by_alpha = MLPNet((), alpha=0.02 * len(SMALL_Y), **options).fit(SMALL_X, SMALL_Y)
    np.testing.assert_allclose(by_layer.predict_proba(X), by_alpha.predict_proba(X), atol=1e-4)
    layer = Output(use_bias=False, kernel_initializer="zeros", trainable=False)
    net = MLPNet((5,), output_layer=layer, max_iter=2, random_state=0).fit(SMALL_X, SMALL_Y)
    assert not net.coefs_[1].any()
    assert not net.intercepts_[1].any()
    assert net.coefs_[0].any()
    assert layer == Output(use_bias=False, kernel_initializer="zeros", trainable=False)


def test_values_of_the_output_layer_are_searched_and_checked():
    net = MLPNet((5,), output_layer=Output(kernel_regularizer=L1(0.1)))
    net.set_params(output_layer__kernel_regularizer__l1=-1.0)
    with pytest.raises(InvalidParameterError, match="output_layer: kernel_regularizer: The 'l1'"):
        net.fit(SMALL_X, SMALL_Y)
    with pytest.raises(InvalidParameterError, match="output_layer: The 'units' parameter"):
        MLPNet(output_layer=Output(10)).fit(SMALL_X, SMALL_Y)


def test_layers_that_are_one_object_are_set_apart():
    net = MLPNet(hidden_layers=[Dense(3)] * 2)
    net.set_params(hidden_layers__0__units=7)
    assert net.hidden_layers == [Dense(7), Dense(3)]


def test_an_activation_of_ones_own_has_an_initialiser(monkeypatch):
    monkeypatch.setitem(engine.ACTIVATIONS, "own", engine.ACTIVATIONS["tanh"])
    net = MLPNet((50,), "own", solver="sgd", learning_rate_init=1e-300, max_iter=1, random_state=0)
    largest = np.abs(net.fit(SMALL_X, SMALL_Y).coefs_[0]).max()
    assert 0.9 * np.sqrt(6 / 64) < largest <= np.sqrt(6 / 64)
