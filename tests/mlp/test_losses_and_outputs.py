"""Losses and output activations: what a user gets from each."""

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.utils._param_validation import InvalidParameterError

from skdnn import MLPNet, MLPNetRegressor

X, Y = load_digits(return_X_y=True)
X = X / 16
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _weights(model):
    return np.concatenate([np.ravel(a) for a in [*model.coefs_, *model.intercepts_]])


# The output activation


@pytest.mark.parametrize(
    "activation, function",
    [
        ("logistic", lambda z: 1 / (1 + np.exp(-z))),
        ("softplus", lambda z: np.logaddexp(0, z)),
        ("tanh", np.tanh),
        ("relu", lambda z: np.maximum(z, 0)),
        ("silu", lambda z: z / (1 + np.exp(-z))),
    ],
)
def test_output_activation_by_hand(activation, function):
    y = np.column_stack([X[:, 20], X[:, 30]])
    model = MLPNetRegressor(output_activation=activation, max_iter=5, random_state=0).fit(X, y)
    (W1, W2), (b1, b2) = model.coefs_, model.intercepts_
    expected = function(np.maximum(X @ W1 + b1, 0) @ W2 + b2)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-8, atol=1e-12)
    assert model.out_activation_ == activation
    # The loss of a row is that of the bent output: of the last weights, by L-BFGS.
    model.set_params(solver="lbfgs", alpha=0).fit(X, y)
    assert model.loss_ == pytest.approx(((model.predict(X) - y) ** 2).mean() / 2, rel=1e-9)


def test_identity_is_no_output_activation():
    plain = MLPNetRegressor(max_iter=5, random_state=0).fit(X, Y)
    named = clone(plain).set_params(output_activation="identity").fit(X, Y)
    np.testing.assert_array_equal(_weights(plain), _weights(named))


def test_predictions_stay_in_the_range_of_the_targets():
    """Where the targets are shares or sizes, a linear output leaves their range."""
    rng = np.random.RandomState(0)
    inputs = rng.normal(size=(400, 2))
    shares = 1 / (1 + np.exp(-4 * inputs[:, 0]))
    far = 5 * rng.normal(size=(400, 2))
    options = {"random_state": 0, "solver": "lbfgs", "hidden_layer_sizes": (10,)}
    plain = MLPNetRegressor(**options).fit(inputs, shares).predict(far)
    assert plain.min() < 0 and plain.max() > 1
    for name in ({"output_activation": "logistic"}, {"loss": "log_loss"}):
        model = MLPNetRegressor(**name, **options).fit(inputs, shares)
        predicted = model.predict(far)
        assert 0 <= predicted.min() and predicted.max() <= 1
        assert model.score(inputs, shares) > 0.999
    sizes = np.exp(inputs[:, 0])
    model = MLPNetRegressor(output_activation="softplus", **options).fit(inputs, sizes)
    assert model.predict(far).min() >= 0
    assert model.score(inputs, sizes) > 0.999


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "pinball"])
def test_other_losses_of_a_bent_output(loss):
    y = X[:, 20]
    options = {"learning_rate_init": 0.01, "random_state": 0, "output_activation": "logistic"}
    model = MLPNetRegressor(loss, **options).fit(X[:, :20], y)
    predicted = model.predict(X[:, :20])
    assert 0 <= predicted.min() and predicted.max() <= 1
    # Better than the best constant, the median or mean.
    for constant in (np.mean(y), np.median(y)):
        assert np.abs(predicted - y).mean() < 0.7 * np.abs(constant - y).mean()


# Log loss of a regressor


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_log_loss_of_zeros_and_ones_is_the_classifiers(solver):
    y = (Y > 4).astype(int)
    options = {"solver": solver, "max_iter": 5, "random_state": 0, "hidden_layer_sizes": (9,)}
    classifier = MLPNet(**options).fit(X, y)
    regressor = MLPNetRegressor("log_loss", **options).fit(X, y.astype(float))
    np.testing.assert_array_equal(_weights(regressor), _weights(classifier))
    np.testing.assert_allclose(regressor.predict(X), classifier.predict_proba(X)[:, 1], rtol=1e-12)
    assert regressor.out_activation_ == "logistic"
    assert regressor.loss_ == pytest.approx(classifier.loss_, rel=1e-12)


def test_log_loss_of_shares_is_that_of_rows_that_say_yes_or_no():
    """A share of 3/4 is three rows of 1 and one of 0."""
    rng = np.random.RandomState(0)
    inputs, yes = rng.normal(size=(40, 3)), rng.randint(0, 5, 40)
    options = {"solver": "lbfgs", "hidden_layer_sizes": (), "alpha": 0, "tol": 1e-9}
    shares = MLPNetRegressor("log_loss", random_state=0, **options).fit(inputs, yes / 4)
    twice = np.repeat(inputs, 2, axis=0)
    labels, weight = np.tile([1, 0], 40), np.column_stack([yes, 4 - yes]).ravel()
    counted = MLPNet(random_state=0, **options).fit(twice, labels, sample_weight=weight)
    np.testing.assert_allclose(_weights(shares), _weights(counted), atol=1e-7)


@pytest.mark.parametrize("bad", [-0.01, 1.01])
def test_logistic_outputs_need_shares(bad):
    y = np.linspace(0, 1, len(X))
    y[3] = bad
    with pytest.raises(ValueError, match=r"needs targets in \[0, 1\], but they lie in \["):
        MLPNetRegressor("log_loss").fit(X, y)
    with pytest.raises(ValueError, match=r"'logistic' needs targets in \[0, 1\], but they lie in"):
        MLPNetRegressor(output_activation="logistic").fit(X, y)
    MLPNetRegressor(output_activation="tanh", max_iter=1).fit(X, y)


@pytest.mark.parametrize("loss", ["poisson", "log_loss"])
def test_losses_with_an_output_activation_of_their_own(loss):
    with pytest.raises(ValueError, match="has an output activation of its own"):
        MLPNetRegressor(loss, output_activation="tanh").fit(X, X[:, 20])


# Focal loss and label smoothing


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("target", ["classes", "two", "labels"])
def test_focal_loss_without_gamma_is_the_log_loss(target, solver):
    y = {"classes": Y, "two": Y > 4, "labels": np.column_stack([Y > 4, Y % 2])}[target]
    options = {"solver": solver, "max_iter": 5, "random_state": 0, "hidden_layer_sizes": (9,)}
    plain = MLPNet(**options).fit(X, y)
    focal = MLPNet(loss="focal", gamma=0, **options).fit(X, y)
    np.testing.assert_allclose(_weights(focal), _weights(plain), rtol=1e-6, atol=1e-8)
    other = MLPNet(loss="focal", gamma=2, **options).fit(X, y)
    assert not np.allclose(_weights(other), _weights(plain), rtol=1e-3)


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("shares", [(0.95, 0.05), (0.85, 0.1, 0.05)])
def test_focal_loss_gives_rare_classes_more(shares, gamma):
    """Where the features say nothing, the probabilities minimise the mean focal loss."""

    def mean_loss(scores):
        log_p = special.log_softmax(scores)
        return -shares @ ((1 - np.exp(log_p)) ** gamma * log_p)

    shares = np.array(shares)
    best = optimize.minimize(mean_loss, np.log(shares), tol=1e-12, method="Nelder-Mead").x
    y = np.repeat(np.arange(len(shares)), (shares * 1000).round().astype(int))
    options = {"solver": "lbfgs", "hidden_layer_sizes": (), "alpha": 0, "tol": 1e-9}
    model = MLPNet(loss="focal", gamma=gamma, random_state=0, **options)
    proba = model.fit(np.zeros((1000, 1)), y).predict_proba([[0.0]])[0]
    np.testing.assert_allclose(proba, special.softmax(best), atol=1e-4)
    assert (proba[1:] > 1.1 * shares[1:]).all()


def test_focal_loss_leaves_less_sure_probabilities():
    """Once a row is right it hardly counts: the probabilities stay farther from 1."""
    options = {"hidden_layer_sizes": (20,), "random_state": 0, "max_iter": 100}
    sure = [
        MLPNet(loss=loss, **options).fit(X, Y).predict_proba(X).max(axis=1).mean()
        for loss in ("log_loss", "focal")
    ]
    assert sure[1] < sure[0] - 0.02


@pytest.mark.parametrize("smoothing", [0.1, 0.4])
@pytest.mark.parametrize("classes", [2, 4])
def test_label_smoothing_of_separable_data(classes, smoothing):
    """Free to fit, the probability of the true class becomes 1 - s + s / K, of others s / K."""
    y = np.arange(40) % classes
    inputs = np.eye(classes)[y]
    options = {"solver": "lbfgs", "hidden_layer_sizes": (), "alpha": 0, "tol": 1e-10}
    model = MLPNet(label_smoothing=smoothing, random_state=0, **options).fit(inputs, y)
    expected = np.full((40, classes), smoothing / classes)
    expected[np.arange(40), y] += 1 - smoothing
    np.testing.assert_allclose(model.predict_proba(inputs), expected, atol=5e-5)


def test_label_smoothing_of_labels():
    y = np.array([[0, 1], [1, 1], [0, 0], [1, 0]])
    options = {"solver": "lbfgs", "hidden_layer_sizes": (), "alpha": 0, "tol": 1e-10}
    model = MLPNet(label_smoothing=0.2, random_state=0, **options).fit(np.eye(4), y)
    np.testing.assert_allclose(model.predict_proba(np.eye(4)), 0.8 * y + 0.1, atol=5e-5)


def test_label_smoothing_and_focal_loss_exclude_one_another():
    with pytest.raises(ValueError, match="label_smoothing is for loss='log_loss'"):
        MLPNet(loss="focal", label_smoothing=0.1).fit(X, Y)


@pytest.mark.parametrize(
    "params", [{"gamma": -1}, {"label_smoothing": 1.0}, {"label_smoothing": -0.1}, {"loss": "l"}]
)
def test_bad_losses(params):
    with pytest.raises(InvalidParameterError, match=next(iter(params))):
        MLPNet(**params).fit(X, Y)
