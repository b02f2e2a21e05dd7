"""How MLPNet and MLPNetRegressor train: stopping, weights, streams, what is kept."""

import pickle
import threading
import time
import tracemalloc

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skdnn import MLPNet, MLPNetRegressor, engine

X, Y = load_digits(return_X_y=True)
X = X / 16
SOLVERS = ["sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad"]
unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@unconverged
@pytest.mark.parametrize("activation", engine.ACTIVATIONS)
def test_every_activation_learns(activation):
    model = MLPNet((32,), activation, max_iter=60, learning_rate_init=0.01, random_state=0)
    assert model.fit(X[::2], Y[::2]).score(X[1::2], Y[1::2]) > 0.95


@unconverged
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_learns(solver):
    rate = {"sgd": 0.3, "adagrad": 0.05}.get(solver, 0.005)
    model = MLPNet((32,), solver=solver, max_iter=60, learning_rate_init=rate, random_state=0)
    assert model.fit(X[::2], Y[::2]).score(X[1::2], Y[1::2]) > 0.94


@unconverged
def test_weight_decay_shrinks_the_weights_but_not_the_biases():
    still = {"solver": "adamw", "learning_rate_init": 0.1, "alpha": 0, "max_iter": 1}
    target = np.zeros(50)
    model = MLPNetRegressor(**still, weight_decay=0.5, hidden_layer_sizes=(), random_state=0)
    free = clone(model).set_params(weight_decay=0.0)
    before = clone(free).set_params(learning_rate_init=1e-300).fit(X[:50], target).coefs_[0]
    coef, free_coef = (m.fit(X[:50], target).coefs_[0] for m in (model, free))
    np.testing.assert_allclose(coef, free_coef - 0.1 * 0.5 * before, rtol=1e-10, atol=1e-15)
    np.testing.assert_array_equal(model.intercepts_[0], free.intercepts_[0])


@pytest.mark.parametrize(
    "loss, quantity",
    [
        ("squared_error", lambda y: y.mean()),
        ("poisson", lambda y: y.mean()),
        ("absolute_error", np.median),
        ("pinball", lambda y: np.quantile(y, 0.8)),
    ],
)
def test_what_each_loss_predicts(loss, quantity):
    y = np.random.RandomState(0).exponential(size=401)
    params = {"hidden_layer_sizes": (), "alpha": 0, "solver": "lbfgs", "quantile": 0.8}
    if loss in ("absolute_error", "pinball"):
        params |= {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1}
        params |= {"batch_size": 401, "momentum": 0}
    model = MLPNetRegressor(loss, **params, max_iter=3000, tol=1e-7, random_state=0)
    model.fit(np.zeros((401, 1)), y)
    assert model.predict([[0.0]])[0] == pytest.approx(quantity(y), abs=0.01)


def test_huber_is_between_squared_and_absolute_error():
    y = np.r_[np.zeros(90), np.full(10, 100.0)]
    params = {"hidden_layer_sizes": (), "alpha": 0, "solver": "lbfgs", "max_iter": 1000}

    def predicted(delta):
        model = MLPNetRegressor("huber", **params, delta=delta, tol=1e-9, random_state=0)
        return model.fit(np.zeros((100, 1)), y).predict([[0.0]])[0]

    # The 90 zeros pull with their distance p each, the 10 outliers with delta: p = delta / 9.
    assert predicted(9.0) == pytest.approx(1.0, rel=1e-4)
    assert predicted(1000.0) == pytest.approx(y.mean(), rel=1e-4)


@pytest.mark.parametrize("patience", [1, 3])
def test_patience_is_exact(patience):
    model = MLPNet(tol=1e3, n_iter_no_change=patience, random_state=0).fit(X, Y)
    # The first epoch improves on nothing; after it, no one does by so much.
    assert model.n_iter_ == 1 + patience
    endless = MLPNet(tol=1e3, n_iter_no_change=np.inf, max_iter=5, random_state=0).fit(X, Y)
    assert endless.n_iter_ == 5


@unconverged
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_early_stopping_restores_the_best_weights(solver):
    params = {"early_stopping": True, "validation_fraction": 0.3, "solver": solver}
    model = MLPNet((50,), **params, random_state=0, max_iter=500).fit(X, Y)
    assert model.best_validation_score_ == max(model.validation_scores_) > 0.9
    assert len(model.validation_scores_) == model.n_iter_ < 500
    last_best = np.flatnonzero(np.equal(model.validation_scores_, model.best_validation_score_))[-1]
    stopped = MLPNet((50,), **params, random_state=0, max_iter=int(last_best) + 1)
    stopped.fit(X, Y)
    np.testing.assert_array_equal(model.coefs_[0], stopped.coefs_[0])


def test_early_stopping_of_the_regressor_scores_r2():
    data, target = load_diabetes(return_X_y=True)
    params = {"early_stopping": True, "hidden_layer_sizes": (), "max_iter": 3000}
    model = MLPNetRegressor(**params, learning_rate_init=1.0, random_state=0).fit(data, target)
    assert 0.2 < model.best_validation_score_ < 0.8
    assert model.best_loss_ is None


@unconverged
@pytest.mark.parametrize("params", [{}, {"batch_size": 16}, {"early_stopping": True}], ids=str)
def test_a_row_of_weight_zero_is_no_row(params):
    weight = np.random.RandomState(0).randint(0, 2, len(X)).astype(float)
    model = MLPNet((20,), max_iter=5, random_state=0, **params)
    weighted = clone(model).fit(X, Y, weight)
    removed = clone(model).fit(X[weight > 0], Y[weight > 0], weight[weight > 0])
    for left, right in zip(weighted.coefs_, removed.coefs_, strict=True):
        np.testing.assert_array_equal(left, right)


@unconverged
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-9), ("float32", 2e-3)])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_whole_weight_is_so_many_rows_of_one_batch(dtype, tolerance, early_stopping):
    data, target = make_moons(80, noise=0.2, random_state=0)
    times = np.random.RandomState(0).randint(0, 4, 80)
    params = {"batch_size": "auto", "activation": "tanh", "early_stopping": early_stopping}
    model = MLPNet((8,), dtype=dtype, max_iter=40, random_state=0, **params)
    weighted = clone(model).fit(data, target, times)
    repeated = clone(model).fit(data.repeat(times, 0), target.repeat(times))
    np.testing.assert_allclose(
        weighted.predict_proba(data), repeated.predict_proba(data), rtol=tolerance
    )


@unconverged
def test_the_scale_of_the_weights_does_not_matter_without_penalty():
    weight = np.random.RandomState(0).uniform(1, 3, len(X))
    model = MLPNet((20,), max_iter=5, alpha=0, batch_size=32, random_state=0)
    one, ten = clone(model).fit(X, Y, weight), clone(model).fit(X, Y, 8 * weight)
    np.testing.assert_allclose(one.coefs_[0], ten.coefs_[0], rtol=1e-6, atol=1e-9)


def test_partial_fit_with_a_seed_shuffles_anew_each_time():
    def second(first_seed):
        model = MLPNet((5,), batch_size=10, random_state=0)
        model.partial_fit(X, Y, classes=np.arange(10))
        if first_seed:
            model._training.random_state = np.random.RandomState(0)
            model._training.random_state.uniform(size=64 * 5 + 5 + 5 * 10 + 10)
        return model.partial_fit(X, Y).coefs_[0]

    # With the generator set back, the second call sees the first one's batches again.
    assert not np.array_equal(second(False), second(True))


def test_partial_fit_learns_labels_that_come_late():
    model = MLPNet((30,), learning_rate_init=0.01, random_state=0)
    order = np.argsort(Y, kind="stable")
    for _ in range(15):
        for rows in np.array_split(np.random.RandomState(0).permutation(order), 5):
            model.partial_fit(X[rows], Y[rows], classes=np.arange(10))
    assert model.score(X, Y) > 0.95


@unconverged
def test_fitted_model_holds_no_state_of_the_optimiser():
    model = MLPNet((100,), max_iter=3, random_state=0).fit(X, Y)
    n_params = sum(a.size for a in model.coefs_ + model.intercepts_)
    size = len(pickle.dumps(model))
    assert size < 8 * n_params + 6000
    theirs = MLPClassifier((100,), max_iter=3, random_state=0).fit(X, Y)
    assert 3 * size < len(pickle.dumps(theirs))
    model.partial_fit(X, Y)
    assert len(pickle.dumps(model)) > 3 * 8 * n_params
    assert len(pickle.dumps(model.fit(X, Y))) < 8 * n_params + 6000


@unconverged
def test_coefs_can_be_changed_and_are_used():
    model = MLPNet((5,), max_iter=2, random_state=0).fit(X, Y)
    for restored in (model, pickle.loads(pickle.dumps(model))):
        restored.coefs_[1][:] = 0
        assert np.ptp(restored.decision_function(X), axis=0).max() == 0
        restored.coefs_[0] = np.ones((64, 5))
        restored.coefs_[1] = np.eye(5, 10)
        restored.intercepts_ = [np.zeros(5), np.zeros(10)]
        np.testing.assert_allclose(restored.decision_function(X)[:, 0], X.sum(axis=1))


@unconverged
def test_memory_does_not_grow_with_the_rows():
    rng = np.random.RandomState(0)

    def peak(n_rows, **params):
        data = rng.normal(size=(n_rows, 50)).astype(np.float32)
        target = rng.randint(2, size=n_rows)
        model = MLPNet((32,), max_iter=1, batch_size=128, random_state=0, **params)
        model.fit(data[:1000], target[:1000])
        tracemalloc.start()
        model.fit(data, target)
        model.predict_proba(data[:1])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak, data.nbytes

    for params in ({}, {"solver": "lbfgs", "max_fun": 3}):
        few, _ = peak(20_000, **params)
        many, nbytes = peak(80_000, **params)
        # The labels and the order of the rows grow, by some numbers a row; activations do not.
        assert many - few < 0.25 * nbytes


@unconverged
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_second_fit_compiles_nothing(solver):
    kernels = (
        engine.train_epoch,
        engine.summed_loss_and_gradient,
        engine.scores,
        engine.LINKS["logistic"],
    )
    model = MLPNet((7,), solver=solver, max_iter=2, early_stopping=True)
    model.fit(X, Y).predict_proba(X)
    before = [len(k.signatures) for k in kernels]
    other = np.asfortranarray(X[100:900])
    other.flags.writeable = False
    weight = np.ones(800)
    MLPNet((9, 3), "mish", solver=solver, max_iter=2).fit(other, Y[100:900], weight).predict(other)
    assert [len(k.signatures) for k in kernels] == before


@pytest.mark.parametrize("n_epochs", [0, 2])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_interrupt_keeps_what_was_learnt(monkeypatch, early_stopping, n_epochs):
    epochs = iter([*[None] * n_epochs, KeyboardInterrupt])
    train_epoch = engine.train_epoch

    def interrupted(*args):
        if next(epochs) is KeyboardInterrupt:
            raise KeyboardInterrupt
        return train_epoch(*args)

    monkeypatch.setattr(engine, "train_epoch", interrupted)
    with pytest.warns(UserWarning, match="interrupted"):
        model = MLPNet((5,), random_state=0, early_stopping=early_stopping).fit(X, Y)
    assert model.n_iter_ == n_epochs
    assert np.isfinite(model.predict_proba(X)).all()


def test_lbfgs_that_has_converged_at_the_start_keeps_it():
    model = MLPNet((5,), solver="lbfgs", tol=1e3, early_stopping=True, random_state=0).fit(X, Y)
    assert model.n_iter_ == 0
    assert np.isfinite(model.predict_proba(X)).all()


@unconverged
@pytest.mark.parametrize("early_stopping", [False, True])
def test_with_tol_zero_standing_still_is_no_plateau_as_in_scikit_learn(early_stopping):
    params = {"solver": "sgd", "learning_rate_init": 1e-300, "shuffle": False, "tol": 0}
    params |= {"n_iter_no_change": 2, "max_iter": 7, "early_stopping": early_stopping}
    for kind in (MLPNet, MLPClassifier):
        assert kind((5,), **params, random_state=0).fit(X, Y).n_iter_ == 7


@unconverged
def test_invscaling_counts_a_weight_as_so_many_rows():
    params = {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5}
    times = np.random.RandomState(0).randint(1, 4, 60)
    model = MLPNet((5,), **params, max_iter=8, batch_size="auto", random_state=0)
    weighted = clone(model).fit(X[:60], Y[:60], times)
    repeated = clone(model).fit(X[:60].repeat(times, 0), Y[:60].repeat(times))
    np.testing.assert_allclose(weighted.coefs_[0], repeated.coefs_[0], rtol=1e-9, atol=1e-12)


class _Epochs:
    """Notes when epochs begin and end."""

    def setup(self, estimator, context):
        self.times = []

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.times.append(time.perf_counter())

    on_fit_task_end = on_fit_task_begin


@unconverged
def test_training_releases_the_gil():
    """While one call trains, other threads of the process go on."""
    data = np.random.RandomState(0).normal(size=(60_000, 50))
    model = MLPNet((100,), max_iter=1, batch_size=200, random_state=0).fit(data, data[:, 0] > 0)
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks.append(time.perf_counter())

    thread = threading.Thread(target=tick)
    thread.start()
    epochs = _Epochs()
    model.set_callbacks(epochs).fit(data, data[:, 0] > 0)
    done.set()
    thread.join()
    # The fit's own beginning and end are the first and the last.
    _, begin, end, _ = epochs.times
    # The epoch is one call of a kernel, which lets no thread go on while it holds the GIL.
    assert sum(begin < moment < end for moment in ticks) >= 5


def test_a_random_state_of_another_generator_is_used():
    def coefs(seed):
        state = np.random.RandomState(np.random.PCG64(seed))
        model = MLPNet((5,), max_iter=2, batch_size=50, random_state=state, tol=10)
        return model.set_params(n_iter_no_change=1).fit(X, Y).coefs_[0]

    np.testing.assert_array_equal(coefs(0), coefs(0))
    assert not np.array_equal(coefs(0), coefs(1))


@pytest.mark.filterwarnings("error")
def test_without_patience_so_many_epochs_are_no_reason_to_warn():
    model = MLPNet((3,), max_iter=7, n_iter_no_change=np.inf, random_state=0).fit(X, Y)
    assert model.n_iter_ == len(model.loss_curve_) == 7
    assert not model.converged_
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(7\)"):
        model.set_params(n_iter_no_change=10).fit(X, Y)
