"""Networks of scikit-learn from fitted ones, and back: same predictions, and training goes on."""

import warnings

import numpy as np
import pytest
from networks import ALL, FEW, OUTPUTS, TARGETS, X, fitted, outputs
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier, MLPRegressor

import skdnn
from skdnn import MLPNet, MLPNetRegressor
from skdnn.exchange import from_sklearn, to_sklearn
from skdnn.layers import BatchNorm, Dense, Dropout, Maxout, Output

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ACTIVATIONS = ["identity", "logistic", "tanh", "relu"]
# What scikit-learn has, with the loss or without it.
SAME = ["two classes", "three classes", "labels", "squared error", "poisson", "none"]
SAME_FUNCTION = ["focal", "several targets", "absolute error", "quantiles"]


def silently(function, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*args)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", SAME)
def test_to_scikit_learn_and_back(name, activation, dtype):
    target, estimator = ALL[name]
    model = clone(estimator).set_params(activation=activation)
    model.fit(X.astype(dtype), TARGETS[target])
    theirs = silently(to_sklearn, model)
    back = silently(from_sklearn, theirs)
    rows, tolerance = X.astype(dtype), 1e-6 if dtype == np.float32 else 1e-13
    for other in (theirs, back):
        found, expected = outputs(other, rows), outputs(model, rows)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
        if hasattr(model, "classes_"):
            np.testing.assert_array_equal(other.predict(rows), model.predict(rows))
        assert other.coefs_[0].dtype == dtype
        assert other.loss_curve_ == model.loss_curve_
        for attribute in ("n_iter_", "t_", "loss_", "best_loss_", "out_activation_", "n_layers_"):
            assert getattr(other, attribute) == getattr(model, attribute)
    np.testing.assert_array_equal(outputs(back, rows), outputs(model, rows))
    layers = {"hidden_layer_sizes", "activation"}
    ours, theirs = (m.get_params(deep=False) for m in (model, theirs))
    assert {n: v for n, v in theirs.items() if n not in layers and ours[n] != v} == {}


@pytest.mark.parametrize("name", SAME_FUNCTION)
def test_other_losses_predict_the_same_and_are_told(name):
    model, _ = fitted(name)
    with pytest.warns(UserWarning, match="has no .*loss=.* a further fit is not") as warned:
        theirs = to_sklearn(model)
    assert warned[0].filename == __file__
    np.testing.assert_allclose(outputs(theirs, X), outputs(model, X), atol=1e-13)


@pytest.mark.parametrize("name", SAME)
def test_the_converted_is_as_one_that_was_fitted(name):
    """Every attribute that a fit of scikit-learn sets is there, of the same type."""
    model, y = fitted(name)
    theirs = to_sklearn(model)
    real = clone(theirs).fit(X, y)
    missing = vars(real).keys() - vars(theirs).keys()
    # They hold the state of a fit that is going on; each call of fit sets them.
    assert missing == {"_optimizer"} - vars(theirs).keys()
    for attribute in ("coefs_", "loss_curve_", "n_outputs_", "best_validation_score_"):
        assert type(getattr(theirs, attribute)) is type(getattr(real, attribute))
    if name in ("two classes", "three classes", "labels"):
        np.testing.assert_array_equal(theirs.classes_, real.classes_)
        assert theirs._label_binarizer.y_type_ == real._label_binarizer.y_type_


@pytest.mark.parametrize("name", SAME)
def test_training_goes_on_in_both_directions(name):
    """One step from equal weights by plain gradient descent comes to equal weights."""
    target, estimator = ALL[name]
    plain = {"solver": "sgd", "momentum": 0.0, "batch_size": len(X), "shuffle": False}
    model = clone(estimator).set_params(**plain).fit(X, TARGETS[target])
    theirs = to_sklearn(model)
    back, before = from_sklearn(theirs), model.coefs_[0].copy()
    for other in (theirs, back, model):
        other.partial_fit(X, TARGETS[target])
        assert len(other.loss_curve_) == 4
        assert np.abs(other.coefs_[0] - before).max() > 0
    for other in (theirs, back):
        np.testing.assert_allclose(other.coefs_[0], model.coefs_[0], rtol=1e-12, atol=1e-14)
    for other in (to_sklearn(model), from_sklearn(theirs)):
        other.set_params(warm_start=True, max_iter=1, learning_rate_init=1e-6)
        other.fit(X, TARGETS[target])
        np.testing.assert_allclose(other.coefs_[0], model.coefs_[0], atol=1e-5)


@pytest.mark.parametrize("solver", ["lbfgs", "adam", "sgd"])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("name", ["two classes", "three classes", "labels", "squared error"])
def test_from_fits_of_scikit_learn(name, solver, early_stopping):
    y = TARGETS[OUTPUTS[name][0]]
    kind = MLPRegressor if name == "squared error" else MLPClassifier
    theirs = kind(
        hidden_layer_sizes=(6,),
        solver=solver,
        early_stopping=early_stopping,
        max_iter=5,
        random_state=0,
    )
    theirs.fit(X, y)
    model = from_sklearn(theirs)
    np.testing.assert_allclose(outputs(model, X), outputs(theirs, X), rtol=1e-13, atol=1e-14)
    assert model.loss_curve_ == getattr(theirs, "loss_curve_", [])
    if early_stopping and solver != "lbfgs":
        assert model.validation_scores_ == theirs.validation_scores_
        assert model.best_validation_score_ == theirs.best_validation_score_
    assert model.converged_ == (theirs.n_iter_ < 5)
    assert {n: model.get_params()[n] for n in theirs.get_params()} == theirs.get_params()
    # The weights are copies.
    theirs.coefs_[0][:] = 0
    assert model.coefs_[0].all()


def test_early_stopping_goes_on_from_the_best_weights():
    net = MLPNet((6,), early_stopping=True, **FEW).fit(X, TARGETS["binary"])
    theirs = to_sklearn(net.set_params(n_iter_no_change=10, learning_rate_init=1e-12))
    # No epoch is better, and the best weights are put back.
    theirs.set_params(warm_start=True).fit(X, TARGETS["binary"])
    assert theirs.best_validation_score_ == net.best_validation_score_
    for name in ("coefs_", "intercepts_"):
        for own, given in zip(getattr(theirs, name), getattr(net, name), strict=True):
            np.testing.assert_array_equal(own, given)


def test_a_stream_has_not_converged():
    stream = MLPClassifier((6,), random_state=0)
    for _ in range(2):
        stream.partial_fit(X, TARGETS["binary"], classes=["no", "yes"])
    model = from_sklearn(stream)
    assert (model.n_iter_, len(model.history_), model.converged_) == (1, 2, False)


def test_names_of_features_and_a_solver_of_lbfgs():
    pandas = pytest.importorskip("pandas", reason="frames need pandas")
    frame = pandas.DataFrame(X, columns=list("abcde"))
    net = MLPNet((6,), solver="lbfgs", max_iter=5, random_state=0).fit(frame, TARGETS["binary"])
    theirs = silently(to_sklearn, net)
    for other in (theirs, from_sklearn(theirs)):
        assert list(other.feature_names_in_) == list("abcde")
        np.testing.assert_allclose(
            other.predict_proba(frame), net.predict_proba(frame), rtol=0, atol=1e-14
        )


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Dense(4, "gelu")], "hidden_0 has the activation 'gelu'"),
        ([Dense(4), Dense(3, "tanh")], "hidden_1 has the activation 'tanh', hidden_0 'relu'"),
        ([Dense(4), BatchNorm()], "no batch normalisation, which hidden_1 has"),
        ([Maxout(4)], "no Maxout, which hidden_0_max_pool has"),
    ],
)
def test_layers_that_scikit_learn_has_not(layers, message):
    net = MLPNet(hidden_layers=layers, **FEW).fit(X, TARGETS["binary"])
    with pytest.raises(ValueError, match=message):
        to_sklearn(net)


@pytest.mark.parametrize("name", ["shares", "positive"])
def test_outputs_that_scikit_learn_has_not(name):
    with pytest.raises(
        ValueError, match=r"MLPRegressor has no output with the activation '(log|so)"
    ):
        to_sklearn(fitted(name)[0])


def test_quantiles_of_several_targets():
    with pytest.raises(ValueError, match="one number for each target"):
        to_sklearn(fitted("quantiles of several")[0])


@pytest.mark.parametrize(
    "params",
    [
        {"solver": "adamw"},
        {"dropout": 0.2},
        {"class_weight": "balanced"},
        {"learning_rate": skdnn.schedules.CosineDecay()},
        {"output_layer": Output(use_bias=False)},
        {"hidden_layers": [Dense(6, max_norm=1.0), Dropout(0.1)]},
    ],
    ids=str,
)
def test_training_that_scikit_learn_has_not_is_told(params):
    net = MLPNet((6,), **FEW).set_params(**params).fit(X, TARGETS["binary"])
    (name,) = params
    with pytest.warns(UserWarning, match=f"MLPClassifier has no {name}="):
        theirs = to_sklearn(net)
    np.testing.assert_allclose(theirs.predict_proba(X), net.predict_proba(X), atol=1e-14)
    theirs.fit(X, TARGETS["binary"])


def test_layers_as_objects_are_sizes():
    net = MLPNet(hidden_layers=[Dense(6, "tanh"), Dense(4, "tanh")], **FEW)
    theirs = silently(to_sklearn, net.fit(X, TARGETS["binary"]))
    assert (theirs.hidden_layer_sizes, theirs.activation) == ((6, 4), "tanh")
    np.testing.assert_allclose(theirs.predict_proba(X), net.predict_proba(X), atol=1e-14)


def test_what_is_no_network():
    with pytest.raises(TypeError, match="must be an MLPNet or MLPNetRegressor, got GDLinear"):
        to_sklearn(fitted("linear")[0])
    with pytest.raises(TypeError, match="must be an estimator of skdnn"):
        to_sklearn(MLPClassifier())
    with pytest.raises(TypeError, match="must be an MLPClassifier or MLPRegressor, got MLPNet"):
        from_sklearn(MLPNetRegressor())
    for function, estimator in ((to_sklearn, MLPNet()), (from_sklearn, MLPClassifier())):
        with pytest.raises(ValueError, match="not fitted yet"):
            function(estimator)
    one = MLPClassifier(max_iter=1).fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="at least 2 classes"):
        from_sklearn(one)


def test_both_have_the_same_parameters():
    """A parameter that scikit-learn adds is one of ours, or from_sklearn cannot pass it on."""
    for theirs, ours in ((MLPClassifier, MLPNet), (MLPRegressor, MLPNetRegressor)):
        assert theirs().get_params().keys() <= ours().get_params().keys()
