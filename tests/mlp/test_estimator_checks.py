"""scikit-learn's own checks of an estimator, over every option that changes how it trains."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdnn import MLPNet, MLPNetRegressor, engine
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
    ]


LOSSES = [
    {"loss": "absolute_error"},
    {"loss": "huber", "delta": 2.0},
    {"loss": "pinball", "quantile": 0.4},
    {"loss": "poisson", "max_iter": 500, "learning_rate_init": 0.01},
]

ESTIMATORS = [MLPNet(**{"max_iter": 100, **options}) for options in _options(0.1)]
ESTIMATORS.append(MLPNet(class_weight="balanced", max_iter=100))
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
    if estimator.dropout:
        reasons |= dict.fromkeys(WEIGHT_CHECKS, "other rows have other masks")
    if estimator.warm_start:
        refits = "fits the same object twice, and a second fit goes on from the first"
        reasons["check_supervised_y_2d"] = refits
        reasons["check_classifiers_multilabel_representation_invariance"] = refits
    if getattr(estimator, "loss", None) == "poisson":
        reasons["check_regressor_multioutput"] = "its targets are negative"
    return reasons


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=_cannot_hold)
def test_estimator(estimator, check):
    check(estimator)
