"""The values of layers, set and searched by their names."""

import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import MLPNet, MLPNetRegressor
from skdnn.initializers import INITIALIZERS
from skdnn.layers import Dense, Dropout
from skdnn.regularizers import L1, L2

X, Y = load_iris(return_X_y=True)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _net():
    layers = [Dropout(0.1), Dense(8, "tanh", kernel_regularizer=L2(0.01))]
    return MLPNet(hidden_layers=layers, max_iter=20, random_state=0)


def test_values_are_reached_by_name():
    params = _net().get_params()
    assert params["hidden_layers__0"] == Dropout(0.1)
    assert params["hidden_layers__0__rate"] == 0.1
    assert params["hidden_layers__1__units"] == 8
    assert params["hidden_layers__1__kernel_regularizer__l2"] == 0.01
    assert not any("__" in name for name in _net().get_params(deep=False))


def test_values_are_set_by_name():
    net = _net().set_params(
        alpha=1, hidden_layers__1__units=5, hidden_layers__1__kernel_regularizer__l2=0.5
    )
    assert net.alpha == 1
    assert net.hidden_layers[1] == Dense(5, "tanh", kernel_regularizer=L2(0.5))


def test_a_layer_and_its_values_are_set_together():
    net = _net().set_params(hidden_layers__1__units=6, hidden_layers__1=Dense(3))
    assert net.hidden_layers == [Dropout(0.1), Dense(6)]
    net.set_params(hidden_layers=[Dense(2), Dense(2)], hidden_layers__0__units=4)
    assert net.hidden_layers == [Dense(4), Dense(2)]
    net.set_params(hidden_layers__0__kernel_regularizer=L1(0.1))
    assert net.hidden_layers[0].kernel_regularizer == L1(0.1)


def test_tuples_stay_tuples():
    net = MLPNet(hidden_layers=(Dense(2),)).set_params(hidden_layers__0=Dense(3))
    assert net.hidden_layers == (Dense(3),)


@pytest.mark.parametrize(
    "name", ["hidden_layers__2__units", "hidden_layers__0__units", "hidden_layers__first"]
)
def test_what_is_not_there_cannot_be_set(name):
    with pytest.raises(
        ValueError, match=f"(?s)Invalid parameter '{name}'.*hidden_layers__1__units"
    ):
        _net().set_params(**{name: 3})


def test_setting_a_clone_leaves_the_original():
    net = _net()
    clone(net).set_params(hidden_layers__1__units=99)
    assert net.hidden_layers[1].units == 8


def test_search():
    grid = {"mlpnet__hidden_layers__1__units": [1, 16], "mlpnet__hidden_layers__0__rate": [0, 0.9]}
    net = _net().set_params(max_iter=200, learning_rate_init=0.01)
    search = GridSearchCV(make_pipeline(StandardScaler(), net), grid, cv=3).fit(X, Y)
    assert search.best_params_ == {
        "mlpnet__hidden_layers__1__units": 16,
        "mlpnet__hidden_layers__0__rate": 0,
    }
    assert search.best_estimator_[-1].coefs_[0].shape == (4, 16)


@pytest.mark.parametrize("net", [MLPNet, MLPNetRegressor])
def test_the_names_of_all_initialisers_are_documented(net):
    described = net.__doc__.split("kernel_initializer :")[1].split("clip_norm :")[0]
    assert [name for name in INITIALIZERS if f"'{name}'" not in described] == []
