"""What searches draw from, and searches in threads and in processes."""

import pickle
from collections import Counter

import joblib
import numpy as np
import pytest
from scipy.stats import chisquare, loguniform
from sklearn.base import clone
from sklearn.datasets import load_digits, make_regression
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    ParameterSampler,
    RandomizedSearchCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import (
    GDLinearRegression,
    GDLogisticRegression,
    MLPNet,
    MLPNetRegressor,
    SoftmaxClassifier,
)
from skdnn.model_selection import HiddenLayerSizes, search_space

UNCONVERGED = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
LECTURE = HiddenLayerSizes(n_layers=(0, 3), width=(1, 99), scale="linear")
SHAPES = ["constant", "decreasing", "independent"]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:600] / 16, y[:600]


def agrees(observed, expected):
    """Return whether counts agree with probabilities, at a level of one in a thousand."""
    counts = [observed[value] for value in expected]
    assert sum(counts) == sum(observed.values())
    shares = np.array(list(expected.values()))
    return chisquare(counts, sum(counts) * shares / shares.sum()).pvalue > 1e-3


@pytest.mark.parametrize("source", [np.random.RandomState, np.random.default_rng])
@pytest.mark.parametrize("shape", SHAPES)
def test_draws_are_uniform(shape, source):
    draws = HiddenLayerSizes((0, 3), (1, 99), shape, "linear").rvs(20_000, source(0))
    assert agrees(Counter(map(len, draws)), dict.fromkeys(range(4), 1 / 4))
    # Of decreasing widths the first is the widest: all of them together are uniform.
    widths = Counter(w for draw in draws for w in (draw[:1] if shape == "constant" else draw))
    assert agrees(widths, dict.fromkeys(range(1, 100), 1 / 99))
    assert all(type(width) is int for draw in draws for width in draw)


def test_draws_are_uniform_in_the_logarithm():
    draws = HiddenLayerSizes((1, 1), (16, 63)).rvs(40_000, 0)
    expected = {k: np.log1p(1 / k) / np.log(64 / 16) for k in range(16, 64)}
    assert sum(expected.values()) == pytest.approx(1)
    assert agrees(Counter(width for (width,) in draws), expected)
    # Each doubling is as likely as the next.
    assert agrees(Counter(int(np.log2(width)) for (width,) in draws), {4: 0.5, 5: 0.5})


@pytest.mark.parametrize("scale", ["log", "linear"])
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_and_grid(shape, scale):
    """All that the grid holds is drawn, and nothing else."""
    sizes = HiddenLayerSizes((0, 2), (2, 4), shape, scale)
    expected = {
        "constant": [(2, 2), (3, 3), (4, 4)],
        "decreasing": [(2, 2), (3, 2), (3, 3), (4, 2), (4, 3), (4, 4)],
        "independent": [(i, j) for i in (2, 3, 4) for j in (2, 3, 4)],
    }[shape]
    grid = sizes.grid()
    assert len(grid) == len(set(grid))
    assert set(grid) == {(), (2,), (3,), (4,), *expected} == set(sizes.rvs(1000, 0))
    assert [len(size) for size in grid] == sorted(len(size) for size in grid)


def test_widths_of_a_grid():
    grid = HiddenLayerSizes((1, 1), (10, 1000)).grid(n_widths=3)
    assert grid == [(10,), (100,), (1000,)]
    linear = HiddenLayerSizes((1, 1), (10, 1000), scale="linear").grid(n_widths=3)
    assert linear == [(10,), (505,), (1000,)]
    assert len(LECTURE.grid()) == 1 + 3 * 99
    # More than there are.
    assert HiddenLayerSizes((1, 1), (2, 4)).grid(n_widths=9) == [(2,), (3,), (4,)]


def test_draws_can_be_repeated():
    assert LECTURE.rvs(random_state=3) == LECTURE.rvs(1, random_state=3)[0]
    twin = pickle.loads(pickle.dumps(LECTURE))
    assert twin == LECTURE == clone(LECTURE)
    assert twin.rvs(20, 0) == LECTURE.rvs(20, 0) != LECTURE.rvs(20, 1)
    generator = np.random.RandomState(0)
    assert LECTURE.rvs(20, generator) != LECTURE.rvs(20, generator)
    assert repr(LECTURE) == "HiddenLayerSizes(n_layers=(0, 3), scale='linear', width=(1, 99))"
    space = {"hidden_layer_sizes": LECTURE, "learning_rate_init": loguniform(3e-4, 3e-2)}
    first, second = (list(ParameterSampler(space, 10, random_state=0)) for _ in range(2))
    assert first == second
    assert len({candidate["hidden_layer_sizes"] for candidate in first}) > 5


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_layers": (3, 1)}, r"n_layers must be two whole numbers.*n_layers=\(3, 1\)"),
        ({"n_layers": (-1, 1)}, "of at least 0"),
        ({"width": (0, 9)}, r"of at least 1; got width=\(0, 9\)"),
        ({"width": (1.5, 9)}, "width must be two whole numbers"),
        ({"width": 9}, "The 'width' parameter of HiddenLayerSizes must be"),
        ({"shape": "funnel"}, "The 'shape' parameter of HiddenLayerSizes must be"),
        ({"scale": "cubic"}, "The 'scale' parameter of HiddenLayerSizes must be"),
    ],
)
def test_bad_parameters(parameters, message):
    for method in (HiddenLayerSizes.rvs, HiddenLayerSizes.grid):
        with pytest.raises(ValueError, match=message):
            method(HiddenLayerSizes(**parameters))


def test_bad_numbers():
    with pytest.raises(ValueError, match="n_widths == 0, must be >= 1"):
        LECTURE.grid(n_widths=0)
    with pytest.raises(TypeError, match="n_widths must be an instance of int"):
        LECTURE.grid(n_widths=2.5)
    with pytest.raises(ValueError, match="size == -1, must be >= 0"):
        LECTURE.rvs(-1)
    with pytest.raises(TypeError, match="size must be an instance of int"):
        LECTURE.rvs((2, 3))
    assert LECTURE.rvs(0) == []


# The spaces.

ESTIMATORS = [
    MLPNet(max_iter=3),
    MLPNet(solver="sgd", max_iter=3),
    MLPNet(solver="lbfgs", max_iter=3),
    MLPNetRegressor(solver="adamw", max_iter=3),
    GDLogisticRegression(max_iter=3),
    GDLogisticRegression(solver="lbfgs", max_iter=3),
    SoftmaxClassifier(solver="sgd", max_iter=3),
    GDLinearRegression(max_iter=3),
]


@UNCONVERGED
@pytest.mark.parametrize("model", ESTIMATORS, ids=repr)
def test_every_candidate_of_a_space_can_be_fitted(model, digits):
    X, y = digits
    space = search_space(model)
    for candidate in ParameterSampler(space, 8, random_state=0):
        clone(model).set_params(**candidate).fit(X[:300], y[:300])
    assert set(search_space(model, prefix="step")) == {f"step__{name}" for name in space}
    pipeline = make_pipeline(StandardScaler(), model)
    step = type(model).__name__.lower()
    assert set(search_space(pipeline)) == {f"{step}__{name}" for name in space}
    # Of a pipeline that is itself inside another estimator.
    inside = search_space(pipeline, prefix=f"estimator__{step}")
    assert set(inside) == {f"estimator__{step}__{name}" for name in space}


def test_a_space_has_what_the_solver_uses():
    assert "l1_ratio" not in search_space(GDLogisticRegression(solver="lbfgs"))
    assert "dropout" not in search_space(MLPNet(solver="lbfgs"))
    assert "learning_rate_init" not in search_space(MLPNet(learning_rate=lambda step: 0.1))
    assert "hidden_layer_sizes" not in search_space(MLPNet(hidden_layers=[]))
    # Of plain descent, whose steps have the gradient's length.
    for solver in ("sgd", "adagrad"):
        rates = search_space(MLPNet(solver=solver))["learning_rate_init"]
        assert rates.support()[1] > search_space(MLPNet())["learning_rate_init"].support()[1]
    in_batches = {"C", "batch_size", "l1_ratio", "learning_rate"}
    assert set(search_space(GDLogisticRegression(solver="sgd"))) == in_batches
    assert set(search_space(GDLinearRegression())) == {"alpha", "l1_ratio"}
    with pytest.raises(TypeError, match=r"must be one of skdnn.*got StandardScaler\(\)"):
        search_space(StandardScaler())
    for model in (MLPNet(solver="fast"), make_pipeline(SoftmaxClassifier(solver="fast"))):
        with pytest.raises(ValueError, match=r"The 'solver' parameter of .* Got 'fast' instead"):
            search_space(model)


# Searches.


@UNCONVERGED
def test_random_search_of_a_network(digits):
    space = {"hidden_layer_sizes": LECTURE, "learning_rate_init": loguniform(3e-4, 3e-2)}
    net = MLPNet(max_iter=40, random_state=0)
    search = RandomizedSearchCV(net, space, n_iter=8, cv=3, random_state=0).fit(*digits)
    assert search.best_params_["hidden_layer_sizes"] == search.best_estimator_.hidden_layer_sizes
    assert search.best_score_ > 0.8
    assert len(set(search.cv_results_["param_hidden_layer_sizes"])) > 5


@UNCONVERGED
def test_halving_search_over_epochs(digits):
    pipeline = make_pipeline(StandardScaler(), MLPNet(random_state=0))
    search = HalvingRandomSearchCV(
        pipeline,
        search_space(pipeline),
        n_candidates=9,
        resource="mlpnet__max_iter",
        min_resources=5,
        max_resources=45,
        cv=3,
        random_state=0,
    ).fit(*digits)
    assert search.n_candidates_ == [9, 3, 1]
    assert search.n_resources_ == [5, 15, 45]
    assert search.best_score_ > 0.8


@UNCONVERGED
def test_grid_search_of_layers(digits):
    grid = {"hidden_layer_sizes": HiddenLayerSizes((0, 2), (1, 16)).grid(n_widths=2)}
    net = MLPNet(solver="lbfgs", max_iter=50, random_state=0)
    search = GridSearchCV(net, grid, cv=3).fit(*digits)
    layers = list(search.cv_results_["param_hidden_layer_sizes"])
    assert layers == [(), (1,), (16,), (1, 1), (16, 16)]
    assert search.best_params_["hidden_layer_sizes"] not in [(1,), (1, 1)]
    assert search.best_score_ > 0.85


@UNCONVERGED
@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.parametrize("net", [MLPNet, MLPNetRegressor])
def test_search_with_jobs_is_the_same_search(net, backend, digits):
    X, y = digits if net is MLPNet else make_regression(600, 5, random_state=0)
    model = net(max_iter=15, random_state=0)
    space = search_space(model)
    make = RandomizedSearchCV(model, space, n_iter=6, cv=3, random_state=0)
    one = clone(make).fit(X, y)
    with joblib.parallel_config(backend, n_jobs=2):
        two = clone(make).fit(X, y)
    assert two.best_params_ == one.best_params_
    for fold in ("split0_test_score", "split1_test_score", "split2_test_score"):
        np.testing.assert_array_equal(two.cv_results_[fold], one.cv_results_[fold])
    for ours, theirs in zip(one.best_estimator_.coefs_, two.best_estimator_.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@UNCONVERGED
def test_workers_compile_nothing(digits):
    """A process that a search starts loads what another one has compiled from the cache."""

    def compiled_and_loaded(model, X, y):
        import sys

        model.fit(X, y)
        kernels = {
            id(kernel): kernel
            for name, module in sys.modules.items()
            if name.startswith("skdnn.engine")
            for kernel in vars(module).values()
            if hasattr(kernel, "stats")
        }
        # What is compiled is what the cache did not have.
        misses = sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels.values())
        hits = sum(sum(kernel.stats.cache_hits.values()) for kernel in kernels.values())
        return misses, hits

    net = MLPNet((5,), dropout=0.1, max_iter=2, random_state=0)
    clone(net).fit(*digits)
    # Workers of their own, which no other test has sent anything.
    with joblib.parallel_config("loky", n_jobs=2, idle_worker_timeout=7):
        found = joblib.Parallel()(
            joblib.delayed(compiled_and_loaded)(clone(net), *digits) for _ in range(4)
        )
    assert all(misses == 0 and hits > 0 for misses, hits in found), found
