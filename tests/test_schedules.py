"""Learning-rate schedules: their formulas, and that every stochastic solver follows them."""

import math
import pickle
import re
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.utils._param_validation import InvalidParameterError

from skdnn import (
    GDLinearRegression,
    GDLogisticRegression,
    MLPNet,
    MLPNetRegressor,
    SoftmaxClassifier,
    engine,
)
from skdnn.callbacks import LearningRateScheduler, ReduceLROnPlateau
from skdnn.schedules import CosineDecay, ExponentialDecay, OneCycle, Schedule, StepDecay, follow

X, Y = load_iris(return_X_y=True)
X, Y = (X - X.mean(0))[::2], Y[::2]
N_ROWS = len(X)
# Three batches an epoch, the last one smaller.
BATCHES = {"batch_size": 30, "random_state": 0}
N_STEPS = 3
STILL = {"tol": 0.0, "n_iter_no_change": 1000}
NET = {"hidden_layer_sizes": (4,), "max_iter": 6, **BATCHES, **STILL}
SGD = {"solver": "sgd", "max_iter": 6, **BATCHES, **STILL}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Values other than the defaults; each is in all its phases within twelve epochs.
ALL = [
    StepDecay(step_size=2, gamma=0.5),
    ExponentialDecay(gamma=0.8),
    CosineDecay(warmup=1.5, final=0.1, epochs=5),
    OneCycle(warmup=0.4, div_factor=10, final_div_factor=100, epochs=5),
]


def label(value):
    return value if isinstance(value, str) else type(value).__name__


every_schedule = pytest.mark.parametrize("schedule", ALL, ids=label)


def rates_of(schedule, n_epochs, n_steps, rate=1.0, max_iter=12):
    """Return the rates of each epoch's steps, shape (n_epochs, n_steps)."""
    running = follow(schedule, rate, max_iter=max_iter)
    return np.array([running.rates(e, e * n_steps, n_steps) for e in range(n_epochs)])


def step_decay(t, k, n):
    return 0.5 ** (math.floor(t) // 2)


def exponential_decay(t, k, n):
    return 0.8**t


def cosine_decay(t, k, n):
    if t < 1.5:
        # Of the 1.5 n steps of the warm-up.
        return min(1.0, (k + 1) / (1.5 * n))
    return 0.1 + 0.9 * (1 + math.cos(math.pi * min(1.0, (t - 1.5) / 3.5))) / 2


def one_cycle(t, k, n):
    low, peak, last, up, end = 1 / 10, 1.0, 1 / 1000, 2.0, 5.0
    if t < up:
        return low + (peak - low) * (1 - math.cos(math.pi * t / up)) / 2
    return last + (peak - last) * (1 + math.cos(math.pi * min(1.0, (t - up) / (end - up)))) / 2


@pytest.mark.parametrize("n_steps", [1, 4, 7])
@pytest.mark.parametrize(
    ("schedule", "formula"),
    [*zip(ALL, [step_decay, exponential_decay, cosine_decay, one_cycle], strict=True)],
    ids=label,
)
def test_formula(schedule, formula, n_steps):
    """At every step of twelve epochs, the last ones beyond `epochs`."""
    rates = rates_of(schedule, 12, n_steps, rate=0.3).ravel()
    steps = range(12 * n_steps)
    expected = [0.3 * formula(k / n_steps, k, n_steps) for k in steps]
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


def test_step_and_exponential_decay_are_pytorchs_with_one_step_an_epoch():
    """StepLR and ExponentialLR multiply the last epoch's rate."""
    stepped = exponential = [0.3]
    for epoch in range(1, 12):
        stepped = [*stepped, stepped[-1] * (0.5 if epoch % 2 == 0 else 1)]
        exponential = [*exponential, exponential[-1] * 0.8]
    np.testing.assert_allclose(rates_of(ALL[0], 12, 1, rate=0.3).ravel(), stepped)
    np.testing.assert_allclose(rates_of(ALL[1], 12, 1, rate=0.3).ravel(), exponential)


def test_cosine_decay_at_its_boundaries():
    rates = rates_of(CosineDecay(warmup=2, final=0.2), 14, 4)
    np.testing.assert_allclose(rates[:2].ravel(), np.arange(1, 9) / 8)
    # The peak at the beginning, the mean in the middle, the last rate from max_iter = 12 on.
    np.testing.assert_allclose(rates[[2, 7], 0], [1, 0.6])
    np.testing.assert_allclose(rates[12:], 0.2)
    assert (np.diff(rates[2:12].ravel()) < 0).all()
    full_batch = rates_of(CosineDecay(warmup=2), 3, 1).ravel()
    np.testing.assert_allclose(full_batch, [0.5, 1, 1])
    np.testing.assert_allclose(rates_of(CosineDecay(), 12, 1)[[0, 6], 0], [1, 0.5])


def test_one_cycle_at_its_boundaries():
    rates = rates_of(OneCycle(warmup=0.25), 14, 8)
    # Up for 3 of 12 epochs, down for 9.
    np.testing.assert_allclose(rates[[0, 3], 0], [1 / 25, 1])
    np.testing.assert_allclose(rates[1, 4], (1 + 1 / 25) / 2)
    np.testing.assert_allclose(rates[7, 4], (1 + 1 / 25e4) / 2)
    np.testing.assert_allclose(rates[12:], 1 / 25e4)
    assert rates.argmax() == 3 * 8


@every_schedule
def test_the_batch_size_does_not_change_the_meaning(schedule):
    """Where an epoch begins the rate is the same, but for the warm-up, which is never at zero."""
    one, many = (rates_of(schedule, 12, n)[2:, 0] for n in (1, 50))
    np.testing.assert_allclose(one, many, rtol=1e-12)


def tabulated(schedule, rate, max_iter=NET["max_iter"]):
    """Return a function of the step that looks up the schedule's rates."""
    return rates_of(schedule, 50, N_STEPS, rate, max_iter).ravel().__getitem__


def assert_same_coefs(a, b):
    for ours, theirs in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@every_schedule
@pytest.mark.parametrize("solver", engine.OPTIMIZERS)
@pytest.mark.parametrize("kind", [MLPNet, MLPNetRegressor])
def test_a_network_follows_it_with_every_solver(kind, solver, schedule):
    """As it follows a callable that returns the same rates."""
    model = kind(**NET, solver=solver, learning_rate_init=0.02)
    fitted = clone(model).set_params(learning_rate=schedule).fit(X, Y)
    table = tabulated(schedule, 0.02)
    assert_same_coefs(fitted, clone(model).set_params(learning_rate=table).fit(X, Y))
    assert not np.array_equal(fitted.coefs_[0], model.fit(X, Y).coefs_[0])
    # The history has each epoch's last step.
    recorded = [row["learning_rate"] for row in fitted.history_]
    assert recorded == [table(k) for k in range(N_STEPS - 1, 6 * N_STEPS, N_STEPS)]


@pytest.mark.parametrize("solver", engine.OPTIMIZERS)
def test_steps_of_rate_zero_change_nothing(solver):
    def coefs(n_moving, max_iter):
        model = MLPNet(**NET, solver=solver, momentum=0.0)
        model.set_params(learning_rate=lambda k: 0.05 * (k < n_moving), max_iter=max_iter)
        return model.fit(X, Y).coefs_[0]

    # The first step of the second epoch is the last to move.
    np.testing.assert_array_equal(coefs(4, 2), coefs(4, 5))
    assert not np.array_equal(coefs(4, 2), coefs(3, 2))
    assert not np.array_equal(coefs(4, 2), coefs(5, 2))


def test_a_constant_callable_is_the_constant_rate():
    model = MLPNet(**NET, learning_rate_init=0.02)
    constant = clone(model).set_params(learning_rate=lambda step: np.float32(0.5))
    assert_same_coefs(constant.fit(X, Y), model.set_params(learning_rate_init=0.5).fit(X, Y))


def test_sgd_with_an_elastic_net_by_hand():
    """Every part of a step has that step's rate, the proximal step of the L1 penalty too."""
    model = GDLinearRegression(**SGD, shuffle=False, learning_rate=0.05, fit_intercept=False)
    schedule = ALL[2]
    fitted = model.set_params(schedule=schedule, alpha=0.4, l1_ratio=0.5).fit(X, Y)
    w, table = np.zeros(4), tabulated(schedule, 0.05)
    for epoch in range(6):
        for k, start in enumerate(range(0, N_ROWS, 30)):
            x, y = X[start : start + 30], Y[start : start + 30]
            rate = table(epoch * N_STEPS + k)
            w = w - rate * (x.T @ (x @ w - y) / len(y) + 0.2 * w)
            w = np.sign(w) * np.maximum(np.abs(w) - rate * 0.2, 0)
    np.testing.assert_allclose(fitted.coef_, w, rtol=1e-10)


@every_schedule
@pytest.mark.parametrize("kind", [GDLinearRegression, GDLogisticRegression, SoftmaxClassifier])
@pytest.mark.parametrize("rate", ["auto", 0.05])
def test_a_linear_model_follows_it(kind, rate, schedule):
    model = kind(**SGD, learning_rate=rate)
    first = clone(model).fit(X, Y).history_[0]["learning_rate"]
    fitted = clone(model).set_params(schedule=schedule).fit(X, Y)
    table = tabulated(schedule, first)
    same = clone(model).set_params(schedule=table).fit(X, Y)
    np.testing.assert_allclose(fitted.coef_, same.coef_, rtol=1e-9)
    recorded = [row["learning_rate"] for row in fitted.history_]
    np.testing.assert_allclose(recorded, [table(k) for k in range(N_STEPS - 1, 18, N_STEPS)])


def test_a_linear_model_with_a_schedule_ends_on_a_plateau():
    model = GDLogisticRegression(solver="sgd", schedule=StepDecay(), tol=1e3, n_iter_no_change=4)
    assert model.fit(X, Y).n_iter_ == 4


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
def test_scikit_learns_names_hold_for_every_solver(solver):
    model = MLPNet(**NET, solver=solver, learning_rate_init=0.02, power_t=0.3)
    fitted = clone(model).set_params(learning_rate="invscaling").fit(X, Y)
    seen = N_ROWS * np.arange(6)
    rates = [row["learning_rate"] for row in fitted.history_]
    np.testing.assert_allclose(rates, 0.02 / (seen + 1) ** 0.3)
    assert_same_coefs(
        fitted, clone(model).set_params(learning_rate=lambda k: rates[k // N_STEPS]).fit(X, Y)
    )
    plateaus = {"tol": 1e3, "n_iter_no_change": 2, "max_iter": 50}
    fitted = clone(model).set_params(learning_rate="adaptive", **plateaus).fit(X, Y)
    rates = [row["learning_rate"] for row in fitted.history_]
    # From 0.02 seven divisions by 5 lead below 1e-6.
    expected = 0.02 / 5.0 ** np.array([0, *np.arange(8).repeat(2)])
    np.testing.assert_allclose(rates, expected)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("learning_rate", ["constant", *ALL, lambda k: 0.01], ids=label)
def test_a_plateau_ends_training_as_with_a_constant_rate(learning_rate, early_stopping):
    model = MLPNet((4,), learning_rate=learning_rate, early_stopping=early_stopping)
    model.set_params(tol=1e3, n_iter_no_change=4, max_iter=40, random_state=0)
    assert model.fit(X, Y).n_iter_ == 5


@pytest.mark.parametrize("learning_rate", [*ALL, lambda k: 0.01 / (k + 1), "invscaling"], ids=label)
def test_calls_of_partial_fit_are_epochs(learning_rate):
    """Also where the model is written and read between them."""
    model = MLPNet(**NET, shuffle=False, learning_rate=learning_rate, learning_rate_init=0.02)
    whole, stream = clone(model).fit(X, Y), clone(model)
    for epoch in range(6):
        stream.partial_fit(X, Y, classes=[0, 1, 2])
        if epoch == 2 and isinstance(learning_rate, Schedule):
            stream = pickle.loads(pickle.dumps(stream))
    recorded = [[row["learning_rate"] for row in m.history_] for m in (whole, stream)]
    assert recorded[0] == recorded[1]
    assert_same_coefs(whole, stream)


def test_a_new_parameter_does_not_reach_a_stream_that_has_begun():
    model = MLPNet(**NET, learning_rate=ExponentialDecay(0.5))
    model.partial_fit(X, Y, classes=[0, 1, 2])
    model.set_params(learning_rate__gamma=0.9).partial_fit(X, Y)
    first, second = (row["learning_rate"] for row in model.history_)
    assert second == pytest.approx(first / 2)


@every_schedule
def test_time_begins_with_each_fit(schedule):
    model = MLPNet(**NET, learning_rate=schedule, warm_start=True).fit(X, Y).fit(X, Y)
    rates = [row["learning_rate"] for row in model.history_]
    assert len(rates) == 12 and rates[:6] == rates[6:]
    assert len(set(rates)) > 1


def test_inverse_scaling_goes_on_with_warm_start_as_in_scikit_learn():
    """Where each fit's first epoch has the initial rate."""
    params = {**NET, "solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.2}
    ours, theirs = (
        kind(**params, warm_start=True).fit(X, Y).fit(X, Y) for kind in (MLPNet, MLPClassifier)
    )
    expected = 0.2 / np.sqrt(N_ROWS * np.arange(12) + 1)
    expected[6] = 0.2
    np.testing.assert_allclose([row["learning_rate"] for row in ours.history_], expected)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-9)


@every_schedule
def test_a_fit_leaves_the_object_as_it_is(schedule):
    given = clone(schedule)
    MLPNet(**NET, learning_rate=given).fit(X, Y)
    GDLogisticRegression(**SGD, schedule=given).fit(X, Y)
    assert given == schedule
    assert vars(given) == vars(clone(schedule))


@every_schedule
def test_clones_and_pickles(schedule):
    model = MLPNet(**NET, learning_rate=schedule)
    for copy in (clone(model), pickle.loads(pickle.dumps(model))):
        assert copy.learning_rate == schedule and copy.learning_rate is not schedule
    fitted = model.fit(X, Y)
    read = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(read.predict_proba(X), fitted.predict_proba(X))
    assert f"learning_rate={type(schedule).__name__}(" in repr(model)


def test_a_search_reaches_the_values():
    given = ExponentialDecay()
    model = MLPNet((8,), learning_rate=given, learning_rate_init=0.05, max_iter=60)
    model.set_params(random_state=0, **STILL)
    search = GridSearchCV(model, {"learning_rate__gamma": [1e-6, 0.97]}, cv=3).fit(X, Y)
    assert search.best_params_ == {"learning_rate__gamma": 0.97}
    assert search.best_estimator_.learning_rate == ExponentialDecay(0.97)
    poor, good = search.cv_results_["mean_test_score"]
    assert poor < 0.8 < good
    assert given == ExponentialDecay()
    model = GDLogisticRegression(**SGD, schedule=given)
    search = GridSearchCV(model, {"schedule__gamma": [1e-6, 0.97]}, cv=3).fit(X, Y)
    assert search.best_params_ == {"schedule__gamma": 0.97}


@dataclass(eq=False, repr=False)
class Sawtooth(Schedule):
    height: float = 0.5

    def factors(self, steps):
        return 1 - self.height * (steps.time % 1)


def test_a_schedule_of_ones_own():
    model = MLPNet(**NET, learning_rate=Sawtooth(0.3), learning_rate_init=0.02).fit(X, Y)
    same = clone(model).set_params(learning_rate=lambda k: 0.02 * (1 - 0.3 * (k % 3 / 3)))
    np.testing.assert_allclose(model.coefs_[0], same.fit(X, Y).coefs_[0], rtol=1e-9)


@pytest.mark.parametrize(
    "callback", [LearningRateScheduler(lambda e, r: r), ReduceLROnPlateau(patience=1)]
)
@pytest.mark.parametrize(
    ("model", "said"),
    [
        (MLPNet(**NET, learning_rate=StepDecay()), "learning_rate=StepDecay()"),
        (MLPNetRegressor(**NET, learning_rate="adaptive"), "learning_rate='adaptive'"),
        (MLPNet(**NET, learning_rate="invscaling"), "learning_rate='invscaling'"),
        (MLPNet(**NET, learning_rate=abs), "learning_rate=<built-in function abs>"),
        (GDLogisticRegression(**SGD, schedule=StepDecay()), "schedule=StepDecay()"),
    ],
)
def test_callbacks_do_not_change_the_rate_of_a_schedule(model, said, callback):
    expected = f"{type(callback).__name__} changes the learning rate, which follows {said}"
    with pytest.raises(ValueError, match=re.escape(expected)):
        clone(model).set_callbacks(callback).fit(X, Y)


NAN, INF = float("nan"), float("inf")
NO_DECAY = [0, -0.1, 1.1, NAN, None, "slow"]
NO_DIVISOR = [0.9, 0, -1, NAN, INF, None]
NO_TIME = [0, -1, NAN, INF, "max_iter"]
BAD = {
    StepDecay: {"step_size": [0, -1, 2.5, None], "gamma": NO_DECAY},
    ExponentialDecay: {"gamma": NO_DECAY},
    CosineDecay: {"warmup": [-1, NAN, None], "final": [-0.1, 1.1, NAN, None], "epochs": NO_TIME},
    OneCycle: {
        "warmup": [0, 1, -0.1, NAN, None],
        "div_factor": NO_DIVISOR,
        "final_div_factor": NO_DIVISOR,
        "epochs": NO_TIME,
    },
}


@pytest.mark.parametrize("kind", BAD)
def test_no_parameter_is_left_out(kind):
    assert set(BAD[kind]) == set(kind().get_params())
    assert f"{kind.__name__}()" == repr(kind())


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [(kind, name, value) for kind in BAD for name in BAD[kind] for value in BAD[kind][name]],
)
def test_bad_values(kind, name, value):
    """They are kept until a fit begins, which names them and leaves the model unfitted."""
    schedule = kind(**{name: value})
    said = f"^The '{name}' parameter of {kind.__name__} must be .*Got {value!r} instead"
    for model in (MLPNet(learning_rate=schedule), GDLogisticRegression(schedule=schedule)):
        with pytest.raises(InvalidParameterError, match=said):
            model.fit(X, Y)
        assert not hasattr(model, "n_features_in_")
    with pytest.raises(InvalidParameterError, match=said):
        MLPNetRegressor(learning_rate=schedule).partial_fit(X, Y)


@pytest.mark.parametrize(
    ("schedule", "limit"),
    [(CosineDecay(warmup=6), "`max_iter`, 6"), (CosineDecay(6, epochs=5.5), "`epochs`, 5.5")],
)
def test_a_warmup_that_leaves_no_time(schedule, limit):
    said = f"^The 'warmup' parameter of CosineDecay must be less than {limit}. Got 6 instead"
    for model in (MLPNet(**NET, learning_rate=schedule), SoftmaxClassifier(**SGD)):
        name = "schedule" if hasattr(model, "schedule") else "learning_rate"
        with pytest.raises(InvalidParameterError, match=said):
            model.set_params(**{name: schedule}).fit(X, Y)


@pytest.mark.parametrize("value", [NAN, INF, -1e-9, None, "fast", 1j, [0.1]])
def test_a_callable_that_returns_no_rate(value):
    said = f"must return a finite number >= 0. It returned {value!r} for step 4"

    def schedule(step):
        return value if step == 4 else 0.01

    for model in (
        MLPNet(**NET, learning_rate=schedule),
        GDLinearRegression(**SGD, schedule=schedule),
    ):
        with pytest.raises(ValueError, match=re.escape(said)):
            model.fit(X, Y)


def test_a_diverging_linear_model_names_its_schedule():
    model = GDLinearRegression(**SGD, learning_rate=50.0, schedule=StepDecay())
    with pytest.raises(ValueError, match=r"learning_rate=50.0 and schedule=StepDecay\(\)"):
        model.set_params(max_iter=100).fit(X, Y)


def test_linear_models_follow_the_names_too():
    options = {"solver": "sgd", "learning_rate": 0.1, "tol": 0.0, "max_iter": 8}
    X, y = load_iris(return_X_y=True)
    model = GDLinearRegression(**options, schedule="invscaling", random_state=0)
    rates = [row["learning_rate"] for row in model.fit(X, y).history_]
    expected = [0.1, *(0.1 / np.sqrt(len(y) * epoch + 1) for epoch in range(1, 8))]
    np.testing.assert_allclose(rates, expected, rtol=1e-12)
    # So large a tol is a plateau after each epoch but the first.
    model.set_params(schedule="adaptive", tol=1e9, n_iter_no_change=1, max_iter=100).fit(X, y)
    rates = [row["learning_rate"] for row in model.history_]
    np.testing.assert_allclose(rates[:4], [0.1, 0.02, 0.004, 0.0008], rtol=1e-12)
    assert 2e-7 < rates[-1] <= 1e-6
    assert model.set_params(schedule="constant").fit(X, y).n_iter_ == 1


@pytest.mark.parametrize(
    "model", [MLPNet(learning_rate=CosineDecay), GDLogisticRegression(schedule=CosineDecay)]
)
def test_a_class_is_no_schedule(model):
    with pytest.raises(InvalidParameterError, match=r"write CosineDecay\(\) instead of Cosine"):
        model.fit(X, Y)
