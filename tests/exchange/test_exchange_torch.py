"""Networks of PyTorch from fitted ones, and back: the same scores in evaluation mode."""

import numpy as np
import pytest
from networks import ALL, FEW, LAYERS, LINEAR, OUTPUTS, TARGETS, X, fitted, outputs
from scipy.special import expit, softmax
from sklearn.base import clone

import skdnn
from skdnn import MLPNet, MLPNetRegressor, engine
from skdnn.exchange import from_torch, to_torch
from skdnn.exchange.steps import link_of
from skdnn.layers import BatchNorm, Dense, Output

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LINKS = {"identity": lambda z: z, "logistic": expit, "exp": np.exp}


def predicted(module, model, rows):
    """Return the predictions from a module's scores, in the shape of the model's."""
    with torch.no_grad():
        scores = module(torch.from_numpy(rows)).numpy()
    if link_of(model) == "softmax":
        return softmax(scores, axis=1)
    found = LINKS[link_of(model)](scores)
    if hasattr(model, "classes_") and not getattr(model, "_multilabel", False):
        return np.hstack([1 - found, found])
    return found.reshape(outputs(model, rows).shape)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("name", ALL)
def test_the_same_predictions(name, dtype, tolerance):
    target, estimator = ALL[name]
    model = clone(estimator).set_params(dtype=dtype).fit(X, TARGETS[target])
    before = torch.get_rng_state()
    module = to_torch(model)
    # The user's random numbers are as they were.
    assert (torch.get_rng_state() == before).all()
    rows = X.astype(dtype)
    expected = outputs(model, rows)
    np.testing.assert_allclose(predicted(module, model, rows), expected, tolerance, tolerance)
    # The weights are copies.
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    np.testing.assert_array_equal(outputs(model, rows), expected)


@pytest.mark.parametrize("activation", engine.ACTIVATIONS)
@pytest.mark.parametrize("name", ["three classes", "squared error"])
def test_every_activation_there_and_back(name, activation):
    model, _ = fitted(name, activation=activation)
    module = to_torch(model)
    rows = np.vstack([X, 20 * X])
    # PyTorch's softplus is linear from 20 on.
    tolerance = 1e-8 if activation in ("softplus", "mish") else 1e-12
    expected = outputs(model, rows)
    np.testing.assert_allclose(predicted(module, model, rows), expected, tolerance, tolerance)
    classes = getattr(model, "classes_", None)
    back = from_torch(module, clone(ALL[name][1]), classes=classes)
    np.testing.assert_allclose(outputs(back, rows), expected, rtol=1e-14)


@pytest.mark.parametrize("activation", ["leaky_relu", "elu"])
def test_parameters_of_activations(activation):
    net = MLPNet(hidden_layers=[Dense(5, activation, alpha=0.37)], **FEW)
    module = to_torch(net.fit(X, TARGETS["binary"]))
    np.testing.assert_allclose(predicted(module, net, X), net.predict_proba(X), 1e-12)
    back = from_torch(module, MLPNet(), classes=net.classes_)
    np.testing.assert_array_equal(back.predict_proba(X), net.predict_proba(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*OUTPUTS, *LAYERS])
def test_there_and_back(name, dtype):
    target, estimator = ALL[name]
    model = clone(estimator).set_params(dtype=dtype).fit(X, TARGETS[target])
    classes = {"classes": model.classes_} if hasattr(model, "classes_") else {}
    if name == "labels":
        classes["multilabel"] = True
    back = from_torch(to_torch(model), estimator, **classes)
    rows = X.astype(dtype)
    tolerance = 2e-6 if dtype == np.float32 else 1e-14
    np.testing.assert_allclose(outputs(back, rows), outputs(model, rows), tolerance, tolerance)
    assert back.coefs_[0].dtype == dtype
    for own, given in zip(back.coefs_, model.coefs_, strict=True):
        np.testing.assert_array_equal(own, given)
    for own, given in zip(
        getattr(back, "normalizations_", []), getattr(model, "normalizations_", []), strict=True
    ):
        for key in given:
            np.testing.assert_array_equal(own[key], given[key])
    assert back.partial_fit(X, TARGETS[target]).n_iter_ == 1
    assert not hasattr(estimator, "coefs_")


@pytest.mark.parametrize("name", ["softmax of two", "softmax of three", "logistic"])
def test_linear_models_become_networks(name):
    model, _ = fitted(name)
    back = from_torch(to_torch(model), MLPNet(), classes=model.classes_)
    np.testing.assert_allclose(back.predict_proba(X), model.predict_proba(X), atol=1e-15)
    np.testing.assert_array_equal(back.predict(X), model.predict(X))


def test_names_and_kinds_of_modules():
    model, _ = fitted("batch norm")
    module = to_torch(model)
    assert not module.training
    kinds = {name: type(part).__name__ for name, part in module.named_children()}
    assert kinds == {
        "hidden_0": "Linear",
        "hidden_0_batch_norm": "BatchNorm1d",
        "hidden_0_batch_norm_selu": "SELU",
        "hidden_0_dropout": "Dropout",
        "hidden_1": "Linear",
        "hidden_1_batch_norm": "BatchNorm1d",
        "hidden_1_batch_norm_selu": "SELU",
        "hidden_1_dropout": "Dropout",
        "output": "Linear",
    }
    norm = module.hidden_0_batch_norm
    assert norm.momentum == pytest.approx(0.1)
    assert norm.num_batches_tracked == 3
    assert module.hidden_0_dropout.p == 0.1


def test_frozen_layers_stay_frozen():
    net = MLPNet((6, 4), frozen_layers=[0], **FEW).fit(X, TARGETS["binary"])
    module = to_torch(net)
    assert {n for n, p in module.named_parameters() if not p.requires_grad} == {
        "hidden_0.weight",
        "hidden_0.bias",
    }
    back = from_torch(module, MLPNet())
    assert [layer.trainable for layer in back.hidden_layers] == [False, True]


def test_a_network_that_pytorch_has_trained():
    """scikit-learn's way around: what was never fitted here predicts, scores, and learns on."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 3)
    )
    rows, y = torch.from_numpy(X).float(), torch.from_numpy(TARGETS["multilabel"].argmax(axis=1))
    optimizer = torch.optim.Adam(module.parameters(), 0.05)
    for _ in range(20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(rows), y).backward()
        optimizer.step()
    module.eval()
    names = np.array(["a", "b", "c"])
    net = from_torch(module, MLPNet(learning_rate_init=1e-3), classes=names)
    assert repr(net.hidden_layers) == (
        "[Dense(activation='identity', units=16), BatchNorm(activation='relu'), Dropout(rate=0.1)]"
    )
    with torch.no_grad():
        expected = module(rows).softmax(dim=1).numpy()
    found = net.predict_proba(X.astype(np.float32))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    before = net.score(X, names[y])
    assert before > 0.6
    for _ in range(5):
        net.partial_fit(X.astype(np.float32), names[y])
    assert net.score(X, names[y]) >= before - 0.02
    assert len(net.loss_curve_) == 5
    assert np.isfinite(net.summary().n_parameters)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([nn.Linear(5, 4), nn.Softsign(), nn.Linear(4, 3)], "no layer that is Softsign"),
        ([nn.Linear(5, 4), nn.GELU("tanh"), nn.Linear(4, 3)], "'gelu' has approximate='none'"),
        ([nn.Linear(5, 4), nn.Softplus(2.0), nn.Linear(4, 3)], r"'softplus' has beta=1\.0"),
        ([nn.Linear(5, 4), nn.Softplus(1.0, 5.0), nn.Linear(4, 3)], r"has threshold=20\.0"),
        ([nn.Linear(5, 3), nn.Softmax(dim=0)], "'softmax' has dim=1"),
        ([nn.Linear(5, 4), nn.Softmax(dim=1), nn.Linear(4, 3)], "which skdnn's hidden layers have"),
        ([nn.Linear(5, 4), nn.MaxPool1d(2), nn.ReLU(), nn.Linear(2, 3)], "'2' does not follow"),
        ([nn.ReLU(), nn.Linear(5, 3)], r"ReLU\(\) '0' does not follow"),
        ([nn.Linear(5, 4), nn.ReLU(), nn.Tanh(), nn.Linear(4, 3)], "'2' does not follow"),
        ([nn.Linear(5, 3), nn.BatchNorm1d(3)], "last layer must be a dense one, got BatchNorm1d"),
        ([nn.Linear(5, 4), nn.BatchNorm1d(4, affine=False), nn.Linear(4, 3)], "no layer that is"),
        ([nn.Linear(5, 4), nn.BatchNorm1d(4, momentum=None), nn.Linear(4, 3)], "momentum must be"),
        ([nn.Linear(5, 4), nn.MaxPool1d(3), nn.Linear(1, 3)], "no layer that is MaxPool1d"),
        ([nn.Linear(5, 4), nn.ReLU(), nn.MaxPool1d(2), nn.Linear(2, 3)], "what is no linear layer"),
        ([nn.Linear(5, 3), nn.ReLU()], "has the activation 'relu'; that of a classifier with 3"),
        ([nn.Linear(5, 3), nn.Sigmoid()], "multilabel=False is 'softmax', or none"),
        ([], "last layer must be a dense one, got none"),
    ],
)
def test_modules_that_skdnn_has_not(parts, message):
    with pytest.raises(ValueError, match=message):
        from_torch(nn.Sequential(*parts), MLPNet())


def test_parameters_of_the_output_layer_stay():
    net = from_torch(nn.Sequential(nn.Linear(5, 3)), MLPNet(output_layer=Output(max_norm=2.0)))
    assert net.output_layer == Output(max_norm=2.0)


def test_two_outputs_for_two_classes():
    module = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2), nn.Softmax(dim=1)).double()
    net = from_torch(module, MLPNet(), classes=["no", "yes"])
    with torch.no_grad():
        expected = module(torch.from_numpy(X)).numpy()
    assert net.n_outputs_ == 1
    np.testing.assert_allclose(net.predict_proba(X), expected, atol=1e-15)


def test_outputs_of_regressors():
    module = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 1), nn.Softplus()).double()
    net = from_torch(module, MLPNetRegressor())
    assert net.out_activation_ == "softplus"
    with torch.no_grad():
        np.testing.assert_allclose(net.predict(X), module(torch.from_numpy(X))[:, 0], 1e-12)
    with pytest.raises(ValueError, match="with loss='poisson' cannot have it"):
        from_torch(module, MLPNetRegressor("poisson"))
    scores = from_torch(module[:-1], MLPNetRegressor("poisson"))
    with torch.no_grad():
        np.testing.assert_allclose(scores.predict(X), module[:-1](torch.from_numpy(X)).exp()[:, 0])


def test_classes_that_do_not_fit():
    module = nn.Sequential(nn.Linear(5, 3))
    for classes, message in (
        (["a", "b"], "must be 3 labels"),
        (["c", "b", "a"], "must be sorted"),
        (["a", "a", "b"], "must be sorted and differ"),
    ):
        with pytest.raises(ValueError, match=f"classes {message}"):
            from_torch(module, MLPNet(), classes=classes)
    with pytest.raises(ValueError, match="are for classifiers, got a regressor"):
        from_torch(module, MLPNetRegressor(), classes=[0, 1, 2])
    with pytest.raises(TypeError, match="must be an MLPNet or MLPNetRegressor, got Softmax"):
        from_torch(module, skdnn.SoftmaxClassifier())
    with pytest.raises(TypeError, match=r"must be a torch\.nn\.Sequential, got Linear"):
        from_torch(module[0], MLPNet())


def test_an_activation_that_pytorch_has_not():
    net = MLPNet(hidden_layers=[BatchNorm(activation="selu", alpha=1.0)], **FEW)
    with pytest.raises(ValueError, match=r"hidden_0 has 'selu' with alpha=1; PyTorch's SELU has 1"):
        to_torch(net.fit(X, TARGETS["binary"]))


def test_half_precision_becomes_single():
    module = nn.Sequential(nn.Linear(5, 3))
    for half in (torch.float16, torch.bfloat16):
        net = from_torch(module.to(half), MLPNet())
        assert net.coefs_[0].dtype == np.float32
        np.testing.assert_array_equal(net.coefs_[0], module[0].weight.detach().float().T)


def test_linear_models_are_one_layer():
    for name in LINEAR:
        assert [n for n, _ in to_torch(fitted(name)[0]).named_children()] == ["output"]
