"""What the networks say of input that only they can be given: streams, restarts, held-out rows."""

import re
import warnings
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skdnn import MLPNet, MLPNetRegressor

NETS = [MLPNet, MLPNetRegressor]
STOCHASTIC = ["sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad"]
ACTIVATIONS = [
    "identity",
    "logistic",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "softplus",
    "gelu",
    "silu",
    "mish",
]
FEW_EPOCHS = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)


def task(net, n=40):
    """Return features and targets that the class of network can be fitted to."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    y = X[:, 0] + rng.normal(size=n)
    return X, (y > 0).astype(int) if net in (MLPNet, MLPClassifier) else y


def first_classes(net):
    return {"classes": [0, 1]} if net is MLPNet else {}


# Held-out rows.


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("n", [2, 3])
def test_too_few_rows_of_each_class_to_hold_out(solver, n):
    X, _ = task(MLPNet)
    net = MLPNet((3,), solver=solver, early_stopping=True)
    said = f"Increase 'validation_fraction'.*validation_fraction=0.1 of n_samples={n} leaves 0 to v"
    with pytest.raises(ValueError, match=said):
        net.fit(X[:n], np.arange(n))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(("n", "held"), [(1, 0), (2, 1)])
def test_too_few_rows_to_hold_out(solver, n, held):
    X, y = task(MLPNetRegressor)
    net = MLPNetRegressor(hidden_layer_sizes=(3,), solver=solver, early_stopping=True)
    said = f"validation_fraction=0.1 of n_samples={n} leaves {held} to validate and 1 to train on"
    with pytest.raises(ValueError, match=said):
        net.fit(X[:n], y[:n])


@pytest.mark.parametrize("net", NETS)
def test_no_row_held_out(net):
    X, y = task(net)
    with pytest.raises(ValueError, match=r"validation_fraction=0.0 of n_samples=40 leaves 0 to"):
        net(early_stopping=True, validation_fraction=0.0).fit(X, y)


@pytest.mark.parametrize("net", NETS)
def test_rows_of_weight_zero_cannot_be_held_out(net):
    X, y = task(net)
    weight = np.zeros(len(X))
    weight[[0, 3]] = 1.0  # One row of each class.
    assert net is MLPNetRegressor or set(y[[0, 3]]) == {0, 1}
    with pytest.raises(ValueError, match="of n_samples=2 leaves"):
        net(early_stopping=True).fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("net", NETS)
def test_some_rows_are_left_to_train_on(net):
    """However large a share is held out, the network learns from the rest."""
    X, y = task(net)
    model = net(
        hidden_layer_sizes=(3,), early_stopping=True, validation_fraction=0.99, random_state=0
    ).fit(X, y)
    assert model.t_ / model.n_iter_ >= (2 if net is MLPNet else 1)
    assert np.isfinite(model.validation_scores_).all()


# Learning rates that diverge.


@pytest.mark.parametrize("net", NETS)
def test_learning_rate_that_makes_the_loss_overflow(net):
    X, y = task(net)
    model = net(
        hidden_layer_sizes=(8, 8, 8, 8), solver="sgd", learning_rate_init=1e6, random_state=0
    )
    with pytest.raises(ValueError, match=r"the loss became (inf|nan).*learning rate of 1e\+06"):
        model.fit(X, y)
    with pytest.raises(ValueError, match=r"the loss became (inf|nan).*learning rate of 1e\+06"):
        for _ in range(20):
            model.partial_fit(X, y, **first_classes(net))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("net", NETS)
def test_diverging_fit_is_not_silent(net, activation):
    """A loss that ends above a thousand times its first value is told of, finite or not."""
    X, y = task(net)
    model = net(
        hidden_layer_sizes=(5,),
        activation=activation,
        solver="sgd",
        learning_rate_init=1e6,
        random_state=0,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(X, y)
        except ValueError as error:
            assert "learning rate of 1e+06" in str(error)
            return
    assert {warning.category for warning in caught} == {ConvergenceWarning} or (
        model.loss_curve_[-1] < 1e3 * max(model.loss_curve_[0], 1.0)
    )


# Targets.


def test_negative_targets_of_the_poisson_loss():
    X, y = task(MLPNetRegressor)
    y = np.abs(y)
    y[7] = -0.25
    with pytest.raises(ValueError, match=r"loss='poisson' needs targets y >= 0.* is -0\.25"):
        MLPNetRegressor(loss="poisson").fit(X, y)
    with pytest.raises(ValueError, match=r"loss='poisson' needs targets y >= 0.* is -0\.25"):
        MLPNetRegressor(loss="poisson").partial_fit(X, y)


@FEW_EPOCHS
def test_sparse_labels():
    X, _ = task(MLPNet)
    labels = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    net = MLPNet((3,), max_iter=20, random_state=0)
    expected = net.fit(X, labels).predict_proba(X)
    np.testing.assert_array_equal(net.fit(X, sparse.csr_array(labels)).predict_proba(X), expected)


@FEW_EPOCHS
@pytest.mark.parametrize("regressor", [MLPRegressor, MLPNetRegressor])
def test_sparse_targets_of_several_columns(regressor):
    """scikit-learn's regressor takes them."""
    X, y = task(regressor)
    targets = np.column_stack([y, -y])
    net = regressor(hidden_layer_sizes=(3,), max_iter=20, random_state=0)
    expected = net.fit(X, targets).predict(X)
    np.testing.assert_array_equal(net.fit(X, sparse.csr_array(targets)).predict(X), expected)


# Streams.


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_first_batch_without_classes(solver):
    X, y = task(MLPNet)
    net = MLPNet(solver=solver)
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        net.partial_fit(X, y)
    with pytest.raises(NotFittedError):
        net.predict(X)


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_later_batch_with_new_classes(solver):
    X, y = task(MLPNet)
    net = MLPNet((3,), solver=solver, random_state=0).partial_fit(X, y, classes=[0, 1])
    before = net.predict_proba(X)
    said = re.escape(
        "`y` has classes not in `self.classes_`. `self.classes_` has [0 1]. 'y' has [1 2]"
    )
    with pytest.raises(ValueError, match=said):
        net.partial_fit(X, y + 1)
    np.testing.assert_array_equal(net.predict_proba(X), before)


def test_first_batch_with_a_class_that_was_not_announced():
    X, y = task(MLPNet)
    with pytest.raises(ValueError, match=re.escape("`self.classes_` has [1 2]. 'y' has [0 1]")):
        MLPNet().partial_fit(X, y, classes=[1, 2])


def test_other_announced_classes():
    X, y = task(MLPNet)
    net = MLPNet((3,)).partial_fit(X, y, classes=[0, 1])
    said = re.escape("`classes=[0, 1, 2]` is not the same as on last call to partial_fit")
    with pytest.raises(ValueError, match=said):
        net.partial_fit(X, y, classes=[0, 1, 2])


@pytest.mark.parametrize("net", NETS)
def test_batch_with_other_features(net):
    X, y = task(net)
    model = net(hidden_layer_sizes=(3,)).partial_fit(X, y, **first_classes(net))
    with pytest.raises(ValueError, match=f"X has 2 features, but {net.__name__} is expecting 3"):
        model.partial_fit(X[:, :2], y)


def test_batch_with_other_number_of_targets():
    X, y = task(MLPNetRegressor)
    model = MLPNetRegressor(hidden_layer_sizes=(3,)).partial_fit(X, y)
    with pytest.raises(ValueError, match="y must have 1 column, got 2"):
        model.partial_fit(X, np.column_stack([y, y]))


@pytest.mark.parametrize("net", NETS)
def test_batch_for_other_layers(net):
    X, y = task(net)
    model = net(hidden_layer_sizes=(3,)).partial_fit(X, y, **first_classes(net))
    model.set_params(hidden_layer_sizes=(4,))
    with pytest.raises(ValueError, match=r"partial_fit go on.*hidden_layer_sizes=\(4,\)"):
        model.partial_fit(X, y)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"solver": "lbfgs"}, "only available for stochastic optimizers. lbfgs is not stochastic"),
    ],
)
def test_stream_that_is_not_possible(net, params, said):
    model = net(**params)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError, match=f"'{net.__name__}' has no attribute 'pa") as error:
        _ = model.partial_fit
    assert said in str(error.value.__cause__)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"weight": -1.0}, "Negative values in data passed to `sample_weight`"),
        ({"X": np.nan}, "Input X contains NaN"),
        ({"n": 39}, re.escape("inconsistent numbers of samples: [40, 39]")),
        ({"n": 0}, r"Found array with 0 sample\(s\)|inconsistent"),
    ],
    ids=["weights", "nan", "length", "empty"],
)
def test_bad_batch_changes_nothing(net, bad, said):
    """The stream goes on after a bad batch as if that had not been."""
    X, y = task(net)
    model = net(hidden_layer_sizes=(3,), random_state=0).partial_fit(X, y, **first_classes(net))
    before = model.predict(X)
    wrong = np.full_like(X, bad["X"]) if "X" in bad else X
    weight = np.full(len(X), bad["weight"]) if "weight" in bad else None
    with pytest.raises(ValueError, match=said):
        model.partial_fit(wrong, y[: bad.get("n")], sample_weight=weight)
    np.testing.assert_array_equal(model.predict(X), before)
    twin = net(hidden_layer_sizes=(3,), random_state=0).partial_fit(X, y, **first_classes(net))
    for one, other in zip(
        model.partial_fit(X, y).coefs_, twin.partial_fit(X, y).coefs_, strict=True
    ):
        np.testing.assert_array_equal(one, other)


# Restarts.


@FEW_EPOCHS
@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("layers", [(5,), (4, 4), ()])
@pytest.mark.filterwarnings("ignore:lbfgs failed:sklearn.exceptions.ConvergenceWarning")
def test_warm_start_with_other_layers(net, solver, layers):
    X, y = task(net)
    model = net(hidden_layer_sizes=(4,), solver=solver, warm_start=True, max_iter=2).fit(X, y)
    before = model.predict(X)
    model.set_params(hidden_layer_sizes=layers)
    said = rf"warm_start.*\[\(3, 4\), \(4, 1\)\].*hidden_layer_sizes={re.escape(str(layers))}"
    with pytest.raises(ValueError, match=said):
        model.fit(X, y)
    np.testing.assert_array_equal(model.predict(X), before)


@FEW_EPOCHS
@pytest.mark.parametrize(
    ("first", "then"), [([0, 1], [1, 2]), ([0, 1], [0, 1, 2]), ([0, 1, 2], [0, 1])]
)
def test_warm_start_with_other_classes(first, then):
    X, _ = task(MLPNet)
    net = MLPNet((4,), warm_start=True, max_iter=2).fit(X, np.resize(first, len(X)))
    said = re.escape(f"Previously got {np.array(first)}, `y` has {np.array(then)}")
    with pytest.raises(ValueError, match="warm_start.*same classes.*" + said):
        net.fit(X, np.resize(then, len(X)))
    np.testing.assert_array_equal(net.classes_, first)


@FEW_EPOCHS
@pytest.mark.parametrize("net", NETS)
def test_warm_start_with_other_features(net):
    X, y = task(net)
    model = net(hidden_layer_sizes=(4,), warm_start=True, max_iter=2).fit(X, y)
    with pytest.raises(ValueError, match=f"X has 2 features, but {net.__name__} is expecting 3"):
        model.fit(X[:, :2], y)


@FEW_EPOCHS
@pytest.mark.parametrize("net", NETS)
def test_other_layers_without_warm_start(net):
    """Without `warm_start` a second fit starts afresh, whatever the first one was."""
    X, y = task(net)
    model = net(hidden_layer_sizes=(4,), max_iter=2, random_state=0).fit(X, y)
    model.set_params(hidden_layer_sizes=(5, 6)).fit(X[:, :2], y)
    fresh = net(hidden_layer_sizes=(5, 6), max_iter=2, random_state=0).fit(X[:, :2], y)
    assert [c.shape for c in model.coefs_] == list(pairwise([2, 5, 6, 1]))
    np.testing.assert_array_equal(model.predict(X[:, :2]), fresh.predict(X[:, :2]))


# Batches.


@FEW_EPOCHS
@pytest.mark.parametrize("net", NETS)
def test_batch_larger_than_the_data(net):
    """scikit-learn's warning, and the same fit as with one batch."""
    X, y = task(net)
    model = net(hidden_layer_sizes=(3,), batch_size=41, max_iter=3, random_state=0)
    with pytest.warns(UserWarning, match=r"`batch_size`=41, larger than sample size \(40\)"):
        model.fit(X, y)
    expected = net(hidden_layer_sizes=(3,), batch_size=40, max_iter=3, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
