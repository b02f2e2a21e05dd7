"""scikit-learn's own checks of an estimator, over every option that changes how it trains."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdnn import MLPNet, MLPNetRegressor, engine
from skdnn.averaging import EMA
from skdnn.initializers import Orthogonal
from skdnn.layers import BatchNorm, Dense, Dropout, Maxout
from skdnn.regularizers import L1L2, L2
from skdnn.schedules import CosineDecay

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

WEIGHT_CHECKS = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)


def _options(sgd_rate):
    """Return the settings to check, with rates that reach in time what the checks ask for."""
    rate = {"adagrad": 0.05, "sgd": sgd_rate}
    solvers = [
        {"solver": name, "learning_rate_init": rate.get(name, 0.001)}
        for name in engine.OPTIMIZERS
        if name != "adam"
    ]
    # One check wants weights of 1000 and 0.0001 to be followed to the end.
    activations = [
        {"activation": name, "tol": 1e-5} for name in engine.ACTIVATIONS if name != "relu"
    ]
    return [
        {},
        *solvers,
        *activations,
        {"solver": "lbfgs"},
        {"early_stopping": True},
        {"early_stopping": True, "solver": "lbfgs"},
        {"early_stopping": True, "batch_size": 5},
        {"batch_size": 5},
        {"shuffle": False},
        {"hidden_layer_sizes": (), "learning_rate_init": 0.05},
        {"hidden_layer_sizes": (20, 10)},
        {"learning_rate": "adaptive", "solver": "sgd", "learning_rate_init": sgd_rate},
        {
            "learning_rate": "invscaling",
            "solver": "sgd",
            "learning_rate_init": sgd_rate,
            "power_t": 0.1,
        },
        {"learning_rate": CosineDecay()},
        {"dtype": "float32"},
        {"dtype": "float32", "solver": "lbfgs"},
        {"warm_start": True},
        {"early_stopping": True, "scoring": "loss"},
        {"dropout": 0.2, "learning_rate_init": 0.01},
        *_layers(),
    ]


def _layers():
    """Return settings of the layers, and of what acts on their weights."""
    both = {"kernel_regularizer": L1L2(1e-4, 1e-4), "bias_regularizer": L2(1e-4)}
    # A bias that the normalisation subtracts again has no gradient but rounding, which Adam scales.
    first = Dense(50, "elu", use_bias=False, max_norm=3.0, kernel_regularizer=L2(1e-4))
    return [
        {"batch_norm": True, "learning_rate_init": 0.01},
        {"hidden_layers": [first, BatchNorm(), Maxout(20)], "learning_rate_init": 0.01},
        {"hidden_layers": [Maxout(50, **both), Dense(20, use_bias=False)]},
        {"hidden_layers": [Dropout(0.1), Dense(50)], "learning_rate_init": 0.01},
        {"average": EMA(0.99), "learning_rate_init": 0.01},
        {"clip_norm": 1.0, "learning_rate_init": 0.01},
        {"kernel_initializer": Orthogonal()},
    ]


LOSSES = [
    {"loss": "absolute_error"},
    {"loss": "huber", "delta": 2.0},
    {"loss": "pinball", "quantile": 0.4},
    {"loss": "poisson", "max_iter": 500, "learning_rate_init": 0.01},
    {"loss": "pinball", "quantile": [0.1, 0.9]},
    {"output_activation": "softplus"},
]

ESTIMATORS = [MLPNet(**{"max_iter": 100, **options}) for options in _options(0.1)]
ESTIMATORS += [
    MLPNet(class_weight="balanced", max_iter=100),
    MLPNet(loss="focal", max_iter=100),
    MLPNet(label_smoothing=0.1, max_iter=100),
]
ESTIMATORS += [
    MLPNetRegressor(**{"max_iter": 100, **options}) for options in [*_options(0.001), *LOSSES]
]


def _cannot_hold(estimator):
    """Return the checks that cannot hold, and why; what does hold is tested in test_training.py."""
    reasons = {}
    if estimator.batch_size != "auto":
        reasons |= dict.fromkeys(
            WEIGHT_CHECKS, "repeating a row changes which rows meet in a mini-batch of 5"
        )
    if estimator.dtype == "float32":
        reasons |= dict.fromkeys(
            WEIGHT_CHECKS, "asks for equality to 1e-7, float32 has a rounding error of 1.2e-7"
        )
    layers = estimator.hidden_layers or []
    if estimator.dropout or any(isinstance(layer, Dropout) for layer in layers):
        reasons |= dict.fromkeys(WEIGHT_CHECKS, "other rows have other masks")
    if estimator.warm_start:
        refits = "fits the same object twice, and a second fit goes on from the first"
        reasons["check_supervised_y_2d"] = refits
        reasons["check_classifiers_multilabel_representation_invariance"] = refits
        reasons["check_pipeline_consistency"] = refits
        if isinstance(estimator, MLPNet):
            reasons["check_transformer_general"] = refits
            reasons["check_transformer_data_not_an_array"] = refits
    negative = "its targets are negative"
    if getattr(estimator, "loss", None) == "poisson":
        reasons["check_regressor_multioutput"] = negative
    if getattr(estimator, "output_activation", None) == "softplus":
        reasons["check_regressors_train"] = negative
    if np.size(getattr(estimator, "quantile", 0.5)) > 1:
        reasons |= dict.fromkeys(
            (
                "check_estimator_sparse_array",
                "check_estimator_sparse_matrix",
                "check_regressor_multioutput",
                "check_regressors_train",
            ),
            "wants a prediction for each target, not one for each quantile",
        )
    return reasons


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=_cannot_hold)
def test_estimator(estimator, check):
    check(estimator)
