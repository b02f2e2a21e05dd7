"""The speed benchmark: it runs, compares like with like, and says what is missed. No timings."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skdnn import MLPNet
from skdnn.exchange import from_keras

FOLDER = Path(__file__).parents[1] / "examples" / "benchmarks"


def speed(*arguments):
    """Run the benchmark without the real sets; return what it prints."""
    environment = {key: value for key, value in os.environ.items() if key != "SKDNN_DATA"}
    said = subprocess.run(
        [sys.executable, str(FOLDER / "speed.py"), *arguments],
        env={**environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr
    return said.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A report of cheap workloads, and of one that needs a real set."""
    path = tmp_path_factory.mktemp("report")
    names = ["moons", "sgd", "logistic", "accuracy"]
    speed("--quick", "--rounds", "2", "--workloads", *names, "--out", str(path))
    return path


@pytest.fixture
def contest(monkeypatch):
    """Return a function that imports a module of the benchmark."""
    monkeypatch.syspath_prepend(FOLDER)
    yield lambda name: importlib.import_module(f"contest.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "contest"]:
        del sys.modules[name]


def test_report(folder):
    found = json.loads((folder / "speed.json").read_text(encoding="utf-8"))
    cases = {result["case"]: result for result in found["results"]}
    assert len(cases) == 4
    assert not found["failed"]
    assert "mnist.npz" in found["left_out"]["accuracy"]
    text = (folder / "speed.md").read_text(encoding="utf-8")
    for name, result in cases.items():
        assert name in text
        assert {"skdnn", "scikit-learn"} <= set(result["parties"])
        for party in result["parties"].values():
            assert len(party["samples"]) == result["rounds"] == 2
            assert min(party["samples"]) > 0
    assert "--quick" in text


def test_all_train_for_as_many_epochs(folder):
    found = json.loads((folder / "speed.json").read_text(encoding="utf-8"))
    epochs = [result["epochs"] for result in found["results"] if result["epochs"]]
    assert len(epochs) == 2
    for counts in epochs:
        assert {"skdnn", "scikit-learn"} <= set(counts)
        assert len(set(counts.values())) == 1


def test_plot(folder):
    pytest.importorskip("matplotlib")
    assert (folder / "speed.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("party", "module"),
    [("PyTorch", "torch_loop"), ("Keras", "keras_fit"), ("skorch", "skorch_net")],
)
def test_other_packages_train_for_as_many_epochs(folder, contest, party, module):
    if not contest(module).INSTALLED:
        pytest.skip(f"{party} is not installed")
    found = json.loads((folder / "speed.json").read_text(encoding="utf-8"))
    (moons,) = [result for result in found["results"] if result["workload"] == "moons"]
    assert moons["epochs"][party] == moons["epochs"]["skdnn"] == 3
    text = (folder / "speed.md").read_text(encoding="utf-8")
    ratios = text.partition("## How many times")[2].partition("##")[0]
    assert f" {party} " in ratios
    assert contest("report").ratio(moons["faster"][party]) in ratios


def _work(n_classes):
    """Return 64 rows, a network for them, and how all train it: on all rows at once."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 5)), np.arange(64) % n_classes
    params = {"activation": "logistic", "alpha": 4.0, "batch_size": 64, "epochs": 4}
    return X, y, [5, 4, 1 if n_classes == 2 else n_classes], params


@pytest.mark.parametrize(("solver", "n_classes"), [("adam", 2), ("rmsprop", 3)])
def test_skorch_takes_the_steps_of_the_loop(contest, solver, n_classes):
    skorch, torch_loop = contest("skorch_net"), contest("torch_loop")
    if not skorch.INSTALLED:
        pytest.skip("skorch is not installed")
    import torch

    X, y, sizes, params = _work(n_classes)
    fit = skorch.Fit(X, y, sizes, solver=solver, **params)
    loop = torch_loop.Loop(X, y, sizes, solver=solver, **params)
    loop()
    # The seed of the loop.
    torch.manual_seed(0)
    fit()
    for own, expected in zip(fit.net.module_.parameters(), loop.model.parameters(), strict=True):
        assert own.dtype == torch.float64
        torch.testing.assert_close(own, expected, rtol=1e-10, atol=1e-12)


@pytest.fixture
def keras_fit(contest):
    """Return the module, without what it changes of Keras for other tests."""
    module = contest("keras_fit")
    if not module.INSTALLED:
        pytest.skip("Keras, or a backend of it, is not installed")
    keras = module.import_keras()
    floats, policy = keras.config.floatx(), keras.config.dtype_policy()
    # As after a model in float32.
    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(0)
    yield module
    keras.config.set_floatx(floats)
    keras.config.set_dtype_policy(policy)


# Of Keras on PyTorch with NumPy 2, in its own code.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("solver", "n_classes"), [("adam", 2), ("rmsprop", 3)])
def test_keras_takes_our_steps_from_the_same_weights(keras_fit, solver, n_classes):
    X, y, sizes, params = _work(n_classes)
    fit = keras_fit.Fit(X, y, sizes, solver=solver, **params)
    # What Keras adds before it takes the root of RMSprop's squares, others add to the root.
    fit.model.optimizer.epsilon = 0.0
    net = MLPNet(
        activation="logistic",
        solver=solver,
        alpha=params["alpha"],
        batch_size=params["batch_size"],
        max_iter=params["epochs"],
        n_iter_no_change=np.inf,
        epsilon=1e-300,
        warm_start=True,
    )
    net = from_keras(fit.model, net).fit(X, y)
    expected = [array for pair in zip(net.coefs_, net.intercepts_, strict=True) for array in pair]
    # The second from the first weights again.
    for _ in range(2):
        fit()
        for own, other in zip(fit.model.get_weights(), expected, strict=True):
            assert own.dtype == np.float64
            # Keras rounds some of its constants to float32; the steps are of 1e-3 each.
            np.testing.assert_allclose(own, other, rtol=1e-6, atol=1e-7)


def test_busy(tmp_path):
    speed("--quick", "--busy", "--rounds", "1", "--workloads", "sgd", "--out", str(tmp_path))
    (result,) = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))["results"]
    for row in result["busy"]:
        assert row["idle"] > 0
        assert row["allowed"] >= 1
    assert "Beside a busy core" in (tmp_path / "speed.md").read_text(encoding="utf-8")


def test_list(contest):
    lines = speed("--list").splitlines()
    assert [line.split()[0] for line in lines] == list(contest("workloads").WORKLOADS)
    # Each says what it is.
    assert all(len(line.split()) > 3 for line in lines)


def _race(rounds, times, targets):
    """Return the result of contestants that take these times."""
    contestants = [rounds.Contestant(party, lambda t=t: t) for party, t in times]
    case = rounds.Case("case", contestants, targets)
    return rounds.run_case(case, rounds.Settings(threads=1, rounds=2))


@pytest.mark.parametrize(
    ("ours", "target", "measured", "verdict"),
    [
        (1.0, {"against": "scikit-learn", "at_least": 4}, 3.0, "missed by 25 %"),
        (1.0, {"against": "scikit-learn", "at_least": 3}, 3.0, "met"),
        (6.0, {"against": "scikit-learn", "at_most": 1.6}, 2.0, "missed by 25 %"),
        (3.0, {"at_most": 2.0}, 3.0, "missed by 50 %"),
        (2.0, {"at_most": 2.0}, 2.0, "met"),
    ],
)
def test_verdicts(contest, ours, target, measured, verdict):
    rounds, report = contest("rounds"), contest("report")
    result = _race(rounds, [("skdnn", ours), ("scikit-learn", 3.0)], [rounds.Target(**target)])
    (judged,) = result["targets"]
    assert judged["measured"] == measured
    assert judged["met"] == (verdict == "met")
    assert report.verdict(judged) == verdict


def test_the_fastest_variant_of_a_party_counts(contest):
    rounds = contest("rounds")
    times = [("skdnn", 1.0), ("scikit-learn", 5.0), ("scikit-learn", 3.0)]
    # A target against what is not there, such as a package that is not installed, is left out.
    targets = [rounds.Target("scikit-learn", at_least=2), rounds.Target("PyTorch", at_least=2)]
    (judged,) = _race(rounds, times, targets)["targets"]
    assert judged["measured"] == 3.0


def test_other_numbers_of_epochs_are_an_error(contest):
    rounds = contest("rounds")
    contestants = [
        rounds.Contestant(party, lambda: 1.0, epochs=lambda n=n: n)
        for party, n in {"skdnn": 3, "scikit-learn": 4}.items()
    ]
    with pytest.raises(RuntimeError, match="not the same number of epochs"):
        rounds.run_case(rounds.Case("case", contestants, []), rounds.Settings(threads=1, rounds=1))


def test_floor_is_the_products_of_training(contest):
    X = np.random.default_rng(0).normal(size=(7, 5))
    products = contest("floor").EpochProducts(X, [5, 4, 3], batch_size=3)
    products()
    # What the last batch, of one row, leaves behind.
    (first, first_gradient, hidden, below), (second, second_gradient, outputs, errors) = (
        products.layers
    )
    np.testing.assert_allclose(hidden[:1], X[6:] @ first)
    np.testing.assert_allclose(outputs[:1], hidden[:1] @ second)
    np.testing.assert_allclose(second_gradient, hidden[:1].T @ errors[:1])
    np.testing.assert_allclose(below[:1], errors[:1] @ second.T)
    np.testing.assert_allclose(first_gradient, X[6:].T @ below[:1])


def test_objective_is_that_of_both_packages(contest):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    objective = contest("linear").objective
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    for y in (np.arange(60) % 2, np.arange(60) % 3):
        model = LogisticRegression(C=0.7).fit(X, y)
        expected = 0.7 * log_loss(y, model.predict_proba(X), normalize=False)
        expected += 0.5 * np.sum(model.coef_**2)
        np.testing.assert_allclose(objective(model, X, y, 0.7), expected)
