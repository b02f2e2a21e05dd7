"""Constructor parameters out of range: what is said, and that scikit-learn says it too."""

import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils._param_validation import InvalidParameterError

from skdnn import (
    GDLinearRegression,
    GDLogisticRegression,
    MLPNet,
    MLPNetRegressor,
    SoftmaxClassifier,
)
from skdnn.layers import Dense

NAN, INF = float("nan"), float("inf")
NOT_A_FLAG = [2, "yes", None, 0.5]
NOT_A_COUNT = [0, -1, 2.5, "many", None, INF]
NOT_A_SIZE = [-1e-9, -1.0, "large", None, NAN]
NOT_A_SHARE = [-1e-9, 1.0, 2, "half", None, NAN]
NO_RANDOM_STATE = [-1, "seed", 1.5, np.random.default_rng(0)]
NOT_VERBOSE = [-1, "loud", None]

NETWORK = {
    "hidden_layer_sizes": [0, -3, 2.5, "wide", None],
    "activation": ["", "ReLU", "step", 1, None],
    "solver": ["", "Adam", "newton", 1, None],
    "alpha": NOT_A_SIZE,
    "batch_size": [0, -1, 2.5, "all", None],
    "learning_rate": ["", "cosine", 0.1, None],
    "learning_rate_init": [0, *NOT_A_SIZE],
    "power_t": NOT_A_SIZE,
    "max_iter": NOT_A_COUNT,
    "shuffle": NOT_A_FLAG,
    "random_state": NO_RANDOM_STATE,
    "tol": NOT_A_SIZE,
    "verbose": NOT_VERBOSE,
    "warm_start": NOT_A_FLAG,
    "momentum": [-1e-9, 1.1, "half", None, NAN],
    "nesterovs_momentum": NOT_A_FLAG,
    "early_stopping": NOT_A_FLAG,
    "validation_fraction": NOT_A_SHARE,
    "beta_1": NOT_A_SHARE,
    "beta_2": NOT_A_SHARE,
    "epsilon": [0, *NOT_A_SIZE],
    "n_iter_no_change": [0, -1, 2.5, "many", None, -INF],
    "max_fun": NOT_A_COUNT,
    "rho": NOT_A_SHARE,
    "weight_decay": [-1e-9, -1.0, "large", NAN],
    "hidden_layers": [3, "Dense", (5).__class__],
    "output_layer": [Dense(3), 10, "softmax"],
    "batch_norm": NOT_A_FLAG,
    "kernel_initializer": ["he", 0.1, [[1.0]]],
    "clip_norm": [0, -1.0, "large", NAN],
    "average": ["ema", True, 0.9],
    "initial_weights": ["net", 1.0],
    "frozen_layers": [0, None, "all"],
    "kept_learning_rate": NOT_A_SIZE,
    "transform_layer": [0.5, "last", None],
    "dropout": [-1e-9, 1.0, 2, "half", None, NAN],
    "scoring": ["", "precise", 1],
    "dtype": ["float16", "double", 64, int],
}
REGRESSOR = {
    **NETWORK,
    "loss": ["", "mae", "squared", 2, None],
    "delta": [0, *NOT_A_SIZE],
    "quantile": [0, 1, -0.1, 1.5, "median", None, NAN],
    "output_activation": ["", "sigmoid", 1],
}
LINEAR = {
    "l1_ratio": [-1e-9, 1.1, "half", NAN],
    "tol": NOT_A_SIZE,
    "fit_intercept": NOT_A_FLAG,
    "random_state": NO_RANDOM_STATE,
    "solver": ["", "Newton", "adam", 1, None],
    "max_iter": [-1, 2.5, "many", None, INF],
    "verbose": NOT_VERBOSE,
    "warm_start": NOT_A_FLAG,
    "learning_rate": [0, -0.1, "adaptive", None, NAN],
    "schedule": ["", "cosine", 0.1, [0.1, 0.05]],
    "batch_size": [0, -1, 2.5, "all", None],
    "shuffle": NOT_A_FLAG,
    "n_iter_no_change": [0, -1, 2.5, "many", None],
    "store_path": NOT_A_FLAG,
    "dtype": ["float16", "double", 64, int],
}
LOGISTIC = {
    **LINEAR,
    "C": [0, *NOT_A_SIZE],
    "class_weight": ["unbalanced", 2, [1, 2]],
}
BAD = {
    MLPNet: {
        **NETWORK,
        "class_weight": ["unbalanced", 2, (1, 2)],
        "loss": ["", "cross_entropy", 1, None],
        "gamma": NOT_A_SIZE,
        "label_smoothing": NOT_A_SHARE,
    },
    MLPNetRegressor: REGRESSOR,
    GDLogisticRegression: LOGISTIC,
    SoftmaxClassifier: {**LOGISTIC, "sigma": [0, *NOT_A_SIZE]},
    GDLinearRegression: {**LINEAR, "alpha": NOT_A_SIZE},
}
TWINS = [
    (MLPNet, MLPClassifier),
    (MLPNetRegressor, MLPRegressor),
    (GDLogisticRegression, LogisticRegression),
    (SoftmaxClassifier, LogisticRegression),
]
# There are more to choose from here; scikit-learn's l1_ratio can be None.
OTHER_CHOICES = {"activation", "loss", "solver", "l1_ratio", "learning_rate"}
CASES = [
    pytest.param(cls, name, value, id=f"{cls.__name__}-{name}-{value!r:.20}")
    for cls, parameters in BAD.items()
    for name, values in parameters.items()
    for value in values
]
X = np.random.default_rng(0).normal(size=(20, 3))
Y = (X[:, 0] > 0).astype(int)


def said_of(cls, name, value):
    """Return the pattern of the error: the parameter, the estimator and the value."""
    return f"^The '{name}' parameter of {cls.__name__} must be .*Got {re.escape(repr(value))} inst"


@pytest.mark.parametrize("cls", BAD)
def test_no_parameter_is_left_out(cls):
    assert set(BAD[cls]) == set(cls().get_params())


@pytest.mark.parametrize(("cls", "name", "value"), CASES)
def test_bad_value(cls, name, value):
    """It is kept as given until `fit`, which names it and leaves the estimator unfitted."""
    model = cls(**{name: value})
    assert model.get_params()[name] is value
    with pytest.raises(InvalidParameterError, match=said_of(cls, name, value)):
        model.fit(X, Y)
    assert not hasattr(model, "n_features_in_")


@pytest.mark.parametrize(
    ("ours", "theirs", "name", "value"),
    [
        pytest.param(ours, theirs, name, value, id=f"{ours.__name__}-{name}-{value!r:.20}")
        for ours, theirs in TWINS
        for name in sorted(set(theirs().get_params()) & set(BAD[ours]))
        for value in BAD[ours][name]
        # scikit-learn's C=None and l1_ratio=None have a meaning; ours are checked above.
        if not (theirs is LogisticRegression and value is None)
    ],
)
def test_scikit_learn_says_so_too(ours, theirs, name, value):
    """What is refused here is refused there, in the same words where the choice is the same."""
    with pytest.raises(InvalidParameterError, match=said_of(theirs, name, value)) as expected:
        theirs(**{name: value}).fit(X, Y)
    with pytest.raises(InvalidParameterError) as error:
        ours(**{name: value}).fit(X, Y)
    if name not in OTHER_CHOICES:
        said = str(expected.value).replace(theirs.__name__, ours.__name__)
        # A set's elements come in no order.
        assert sorted(re.findall(r"\w+", str(error.value))) == sorted(re.findall(r"\w+", said))
        assert re.sub(r"\{.*\}", "", str(error.value)) == re.sub(r"\{.*\}", "", said)


@pytest.mark.parametrize("net", [MLPNet, MLPNetRegressor])
@pytest.mark.parametrize("name", ["hidden_layer_sizes", "alpha", "solver", "beta_1"])
def test_bad_value_in_a_stream(net, name):
    value = BAD[net][name][0]
    model = net(**{name: value})
    classes = {"classes": [0, 1]} if net is MLPNet else {}
    with pytest.raises(InvalidParameterError, match=said_of(net, name, value)):
        model.partial_fit(X, Y, **classes)


@pytest.mark.parametrize("net", [MLPNet, MLPNetRegressor])
@pytest.mark.parametrize("sizes", [(5, 0), (-1,), (2.5,), ("a",), [[2, 3]], np.array([4, -4])])
def test_bad_width_of_a_layer(net, sizes):
    said = re.escape(f"hidden_layer_sizes must be > 0, got {list(sizes)}")
    with pytest.raises(ValueError, match=said):
        net(hidden_layer_sizes=sizes).fit(X, Y)


@pytest.mark.parametrize("cls", BAD)
def test_unknown_parameter(cls):
    with pytest.raises(TypeError, match="unexpected keyword argument 'n_epochs'"):
        cls(n_epochs=3)
    with pytest.raises(ValueError, match="Invalid parameter 'n_epochs' for estimator"):
        cls().set_params(n_epochs=3)


@pytest.mark.parametrize("cls", BAD)
def test_names_offered_are_names_accepted(cls):
    """The names that the error of a wrong solver offers can all be used."""
    with pytest.raises(InvalidParameterError) as error:
        cls(solver="none").fit(X, Y)
    offered = re.findall(r"'(\w+)'", str(error.value).partition("among")[2].partition("}")[0])
    assert len(offered) >= 6
    for solver in offered:
        clone(cls(solver=solver))._validate_params()


@pytest.mark.parametrize("cls", BAD)
@pytest.mark.parametrize("form", [np.float64, np.float32, np.int64])
def test_numbers_of_numpy_are_numbers(cls, form):
    """What a search hands over, NumPy's scalars, is as good as Python's own."""
    numbers = {
        name: form(1)
        for name, values in BAD[cls].items()
        if values[-1] is NAN and 1 not in values and 1.0 not in values
    }
    counts = {name: np.int64(3) for name in BAD[cls] if BAD[cls][name] is NOT_A_COUNT}
    assert "tol" in numbers
    cls(**numbers, **counts)._validate_params()
