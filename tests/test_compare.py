"""The comparison with scikit-learn: its functions, and the command line as its user sees it."""

import gzip
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info

from skdnn.__main__ import main
from skdnn.compare import (
    Pair,
    Row,
    compare,
    find_task,
    format_table,
    format_verdict,
    make_pairs,
    make_preprocessor,
    make_splitter,
    warm_up,
)

QUICK = ["--folds", "2", "--max-iter", "3", "--hidden-layer-sizes", "5"]


def people(n=80):
    """Build a table with numbers, categories, booleans and gaps; `grade` follows the rest."""
    rng = np.random.default_rng(0)
    age = rng.integers(18, 80, n).astype(float)
    town = rng.choice(["Ghent", "Bruges", "Lier"], n)
    score = age / 10 + (town == "Lier") + rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "name": [f"person {i}" for i in range(n)],
            "age": age,
            "town": town,
            "MEMBER": rng.choice([True, False], n).astype(object),
            "nothing": np.nan,
            "score": score,
            "grade": np.where(score > np.median(score), "good", "bad"),
        }
    )
    frame.loc[::9, "age"] = np.nan
    frame.loc[4::9, "town"] = np.nan
    frame.loc[6::9, "MEMBER"] = np.nan
    return frame


@pytest.fixture
def people_csv(tmp_path):
    path = tmp_path / "people.csv"
    people().to_csv(path, index=False)
    return str(path)


def rows_of(output, task="classification"):
    """Read the printed table back: (estimator, first score) in the printed order."""
    score = "accuracy" if task == "classification" else "R2"
    body = output[output.index(f" {score} ") :]
    pattern = r"^(\w+) +(-?[\d.]+) ± [\d.]+ .*(?: \d+| -)$"
    return [(name, float(mean)) for name, mean in re.findall(pattern, body, re.M)]


def row(estimator="A", **values):
    """Build a row of two folds; what is not given is 1."""
    ones = np.ones(2)
    given = {name: np.asarray(value, dtype=float) for name, value in values.items()}
    scores = {"accuracy": given.pop("accuracy", ones), "log loss": given.pop("log_loss", ones)}
    fields = dict.fromkeys(("fit_time", "predict_time", "n_iter"), ones) | given
    return Row(estimator, scores, converged=ones.astype(bool), **fields)


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["a", "b", "c"], "classification"),
        ([True, False, True], "classification"),
        ([0.5, 1.5, 0.5], "classification"),
        (np.arange(20).repeat(11), "classification"),
        (np.arange(20.0).repeat(11), "classification"),
        (np.arange(21).repeat(11), "regression"),
        (np.arange(20).repeat(10), "regression"),
        (np.array([0.5, 1.5, 2.5]).repeat(50), "regression"),
        (np.arange(100), "regression"),
    ],
)
def test_task_follows_from_the_target(y, task):
    assert find_task(y) == task


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_peers_have_equal_parameters(task):
    model = {"fit_intercept", "C", "l1_ratio", "class_weight"}
    network = {"hidden_layer_sizes", "activation", "solver", "alpha", "batch_size", "shuffle"}
    network |= {"learning_rate", "learning_rate_init", "beta_1", "beta_2", "epsilon"}
    stopping = {"max_iter", "tol", "early_stopping", "n_iter_no_change", "random_state"}
    for pair in make_pairs(task, hidden_layer_sizes=(7, 3), max_iter=11, random_state=5):
        ours, theirs = (
            getattr(side, "regressor", side).get_params() for side in (pair.ours, pair.theirs)
        )
        assert ours["max_iter"] == 11
        if "hidden_layer_sizes" in theirs:
            assert ours["hidden_layer_sizes"] == (7, 3)
            assert ours["random_state"] == 5
            shared = network | stopping
        elif isinstance(pair.theirs, LinearRegression):
            assert ours["alpha"] == 0
            shared = {"fit_intercept"}
        else:
            shared = model | {"max_iter", "tol"}
        assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}


def test_softmax_for_two_classes_is_the_same_model_as_its_peer():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    pair = make_pairs("classification", n_classes=2)[2]
    ours, theirs = (clone(side).set_params(tol=1e-8).fit(X, y) for side in (pair.ours, pair.theirs))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)


def test_splitters_are_shuffled_and_stratified_for_classes():
    classes = make_splitter("classification", 3, random_state=1)
    numbers = make_splitter("regression", 5)
    assert isinstance(classes, StratifiedKFold)
    assert isinstance(numbers, KFold)
    assert (classes.n_splits, numbers.n_splits) == (3, 5)
    first, _ = next(classes.split(np.zeros((30, 1)), np.arange(30) % 2))
    again, _ = next(make_splitter("classification", 3, 1).split(np.zeros((30, 1)), [0, 1] * 15))
    other, _ = next(make_splitter("classification", 3, 2).split(np.zeros((30, 1)), [0, 1] * 15))
    assert first.tolist() == again.tolist() != other.tolist()


def test_scores_are_those_of_cross_validate():
    X, y = load_iris(return_X_y=True)
    model, cv = LogisticRegression(C=0.1), make_splitter("classification", 3)
    rows = compare([Pair(model, model)], X, y, task="classification", cv=cv)
    expected = cross_validate(
        make_pipeline(StandardScaler(), model), X, y, cv=cv, scoring=["accuracy", "neg_log_loss"]
    )
    for side in rows[0]:
        np.testing.assert_allclose(side.scores["accuracy"], expected["test_accuracy"])
        np.testing.assert_allclose(side.scores["log loss"], -expected["test_neg_log_loss"])
        assert (side.fit_time > 0).all() and (side.predict_time > 0).all()
        assert side.converged.all()
    assert not hasattr(model, "coef_")


def test_regression_scores_are_in_the_unit_of_the_target():
    X, y = load_diabetes(return_X_y=True)
    cv = make_splitter("regression", 3)
    pairs = make_pairs("regression", max_iter=300, hidden_layer_sizes=(10,))
    (net, mlp), (ours, theirs) = compare(pairs, X, y, task="regression", cv=cv)
    expected = cross_validate(
        LinearRegression(), X, y, cv=cv, scoring=["r2", "neg_root_mean_squared_error"]
    )
    np.testing.assert_allclose(theirs.scores["R2"], expected["test_r2"])
    np.testing.assert_allclose(theirs.scores["RMSE"], -expected["test_neg_root_mean_squared_error"])
    np.testing.assert_allclose(ours.scores["RMSE"], theirs.scores["RMSE"], rtol=0.02)
    assert [side.estimator for side in (net, mlp)] == ["MLPNetRegressor", "MLPRegressor"]
    assert (net.scores["RMSE"] < y.std()).all()
    assert np.isnan(theirs.n_iter).all() and (net.n_iter > 1).all()


def test_peers_take_turns_and_ours_starts():
    X, y = load_iris(return_X_y=True)
    pair = make_pairs("classification", max_iter=2)[1]
    cv = make_splitter("classification", 2)
    calls = []
    compare([pair], X, y, task="classification", cv=cv, progress=lambda *call: calls.append(call))
    ours, theirs = "GDLogisticRegression", "LogisticRegression"
    assert calls == [(1, 2, ours), (1, 2, theirs), (2, 2, theirs), (2, 2, ours)]


@pytest.mark.parametrize("n_threads", [1, 2])
def test_threads_are_the_same_for_everyone(n_threads):
    X, y = load_iris(return_X_y=True)
    seen = []

    def look(*_):
        seen.extend(lib["num_threads"] for lib in threadpool_info())

    pairs = make_pairs("classification", max_iter=2)
    compare(pairs, X, y, task="classification", n_threads=n_threads, progress=look)
    assert set(seen) == {n_threads}


def test_a_fit_that_stops_early_is_marked_and_does_not_warn():
    X, y = load_breast_cancer(return_X_y=True)
    pair = Pair(LogisticRegression(max_iter=2), LogisticRegression(max_iter=500))
    ours, theirs = compare([pair], X, y, task="classification")[0]
    assert not ours.converged.any() and theirs.converged.all()
    assert ours.n_iter.tolist() == [2] * 4
    verdict = format_verdict(ours, theirs, "classification")
    assert verdict.endswith("before convergence: LogisticRegression in 4 of 4 folds")


def test_warm_up_leaves_the_estimators_as_they_were():
    X, y = load_iris(return_X_y=True)
    pairs = make_pairs("classification", max_iter=77)
    assert warm_up(pairs, X, y, prepare=StandardScaler()) > 0
    for pair in pairs:
        assert pair.ours.max_iter == 77
        assert not hasattr(pair.ours, "classes_")


def test_preprocessor_fills_gaps_and_standardises():
    frame = people()[["age", "town"]]
    prepare = make_preprocessor().fit(frame[:60])
    Z = prepare.transform(frame[60:])
    names = prepare.get_feature_names_out()
    # age, where age was missing, three towns and none
    assert Z.shape == (20, 6) == (20, len(names))
    assert np.isfinite(Z).all()
    gaps = names.tolist().index("categories__town_(missing)")
    assert Z[:, gaps].tolist() == frame["town"][60:].isna().astype(float).tolist()
    new_town = frame[60:61].assign(town="Antwerp")
    assert np.isfinite(prepare.transform(new_town)).all()


def test_table_shows_mean_and_spread():
    pair = (
        row("Ours", accuracy=[0.9, 0.8], log_loss=[20, 40], fit_time=[1, 2], n_iter=[3, 5]),
        row("Theirs", predict_time=[0.001, 0.003], n_iter=[np.nan, np.nan]),
    )
    head, ours, theirs = format_table([pair]).splitlines()
    assert head.split() == "accuracy log loss fit, s predict, ms iter".split()
    cells = "Ours 0.8500 ± 0.0707 30.00 ± 14.14 1.5000 ± 0.7071 1000.00 ± 0.00 4"
    assert ours.split() == cells.split()
    assert theirs.split()[-4:] == ["2.00", "±", "1.41", "-"]
    assert len(head) == len(ours) == len(theirs) <= 100


@pytest.mark.parametrize(
    ("scores", "shown"),
    [
        ([0.12346, 0.12346], "0.1235 ± 0.0000"),
        ([21.5, 22.5], "22.00 ± 0.71"),
        ([123456, 123458], "123457 ± 1"),
        ([2e-9, 4e-9], "3.00e-09 ± 1e-09"),
        ([0, 0], "0.0000 ± 0.0000"),
    ],
)
def test_scores_of_any_size_fit_their_column(scores, shown):
    line = format_table([(row(log_loss=scores), row())]).splitlines()[1]
    assert shown in line
    assert len(line) <= 100


def test_verdict_names_the_faster_one_and_the_better_one():
    ours = row("Ours", fit_time=[1, 1], predict_time=[3, 6], accuracy=[0.9, 0.91], log_loss=[3, 4])
    theirs = row("Theirs", fit_time=[2, 3], predict_time=[1, 2], accuracy=[0.8, 0.8])
    assert format_verdict(ours, theirs, "classification").splitlines() == [
        "Ours against Theirs:",
        "  Ours fits 2.5 times as fast; Theirs predicts 3.0 times as fast",
        "  accuracy: Ours is better (+0.1050 ± 0.0071); "
        "log loss: Theirs is better (+2.5000 ± 0.7071)",
    ]


def test_verdict_against_a_perfect_peer():
    ours, theirs = row("Ours", log_loss=[47.0, 48.0]), row("Theirs", log_loss=[1e-13, 2e-13])
    verdict = format_verdict(ours, theirs, "classification")
    assert verdict.endswith("log loss: Theirs is better (+47.50 ± 0.71)")


@pytest.mark.parametrize(
    ("accuracy", "fit_time"),
    [
        ([0.82, 0.79], [0.5, 2.0]),  # the folds disagree
        ([0.80009, 0.80009], [1.01, 1.02]),  # they agree on less than the last digit
        ([0.8, 0.8], [1.0, 1.0]),
    ],
)
def test_verdict_finds_no_difference_in_noise(accuracy, fit_time):
    verdict = format_verdict(
        row("Ours", accuracy=accuracy, fit_time=fit_time),
        row("Theirs", accuracy=[0.8, 0.8]),
        "classification",
    )
    assert "accuracy: no difference" in verdict
    assert "both fit equally fast" in verdict


def test_table_of_ones_own_for_classification(people_csv, capsys):
    assert main([people_csv, "--target", "grade", "--drop", "score", *QUICK]) == 0
    out, err = capsys.readouterr()
    assert "80 rows, 3 columns, classification of 2 classes (found from the target" in out
    assert "column 'name' left out: text with all values distinct" in out
    assert "column 'nothing' left out: it is empty" in out
    names = [name for name, _ in rows_of(out)]
    logistic = "LogisticRegression"
    assert names[0::2] == ["MLPNet", "GDLogisticRegression", "SoftmaxClassifier"]
    assert names[1::2] == ["MLPClassifier", logistic, logistic]
    for ours, theirs in zip(names[0::2], names[1::2], strict=True):
        assert f"\n{ours} against {theirs}:\n" in out
    lines = err.splitlines()
    assert lines[0].startswith("people.csv: warming up")
    assert lines[1:] == ["people.csv: fold 1 of 2", "people.csv: fold 2 of 2"]


def test_table_of_ones_own_for_regression(people_csv, capsys):
    options = ["--folds", "4", "--max-iter", "300", "--hidden-layer-sizes", "10,5"]
    assert main([people_csv, "--target", "score", "--drop", "grade", *options]) == 0
    out, _ = capsys.readouterr()
    assert "3 columns, regression (found from the target; --task overrides)\n" in out
    scores = dict(rows_of(out, "regression"))
    networks, linear = ["MLPNetRegressor", "MLPRegressor"], ["GDLinearRegression"]
    assert list(scores) == [*networks, *linear, "LinearRegression"]
    # The score follows from age and town, which need their gaps filled and their codes made.
    assert scores["LinearRegression"] > 0.4
    assert scores["GDLinearRegression"] == pytest.approx(scores["LinearRegression"], abs=0.01)


def test_rows_without_a_target_are_left_out(tmp_path, capsys):
    frame = people()
    frame.loc[:6, "grade"] = np.nan
    frame.to_csv(tmp_path / "gaps.csv", index=False)
    assert main([str(tmp_path / "gaps.csv"), "--target", "grade", *QUICK]) == 0
    out, _ = capsys.readouterr()
    assert "7 rows left out: no 'grade' in them" in out
    assert "gaps.csv: 73 rows" in out


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_compression_and_infinite_values(tmp_path, capsys, separator):
    frame = people().drop(columns=["name", "nothing"])
    frame.loc[3, "age"] = np.inf
    frame["town"] = frame["town"].str.replace("Ghent", "Ghent, east")
    with gzip.open(tmp_path / "p.csv.gz", "wt", encoding="utf-8") as file:
        frame.to_csv(file, index=False, sep=separator)
    assert main([str(tmp_path / "p.csv.gz"), "--target", "grade", *QUICK]) == 0
    out, _ = capsys.readouterr()
    assert "p.csv.gz: 80 rows, 4 columns, classification of 2 classes" in out


def test_task_can_be_chosen(people_csv, tmp_path, capsys):
    assert main([people_csv, "--target", "MEMBER", "--task", "regression", *QUICK]) == 0
    out, _ = capsys.readouterr()
    assert "9 rows left out" in out and "columns, regression\n" in out
    marks = pd.DataFrame({"hours": np.arange(60) % 7, "mark": np.tile([1.0, 1.3, 1.7], 20)})
    marks.to_csv(tmp_path / "marks.csv", index=False)
    arguments = [str(tmp_path / "marks.csv"), "--target", "mark", *QUICK]
    assert main(arguments) == 0
    assert "columns, regression (found from the target" in capsys.readouterr().out
    assert main([*arguments, "--task", "classification"]) == 0
    assert "classification of 3 classes\n" in capsys.readouterr().out


def test_options_reach_the_estimators(people_csv, capsys):
    def run(*options):
        assert main([people_csv, "--target", "grade", "--folds", "2", *options]) == 0
        return capsys.readouterr().out

    def iterations(out):
        return [int(n) for n in re.findall(r"^\w+ .* (\d+)$", out, re.M)]

    base = run("--max-iter", "4", "--hidden-layer-sizes", "30")
    assert max(iterations(base)) == 4
    assert "before convergence: MLPNet in 2 of 2 folds, MLPClassifier in 2 of 2 folds" in base
    assert max(iterations(run("--max-iter", "6", "--hidden-layer-sizes", "30"))) == 6

    def log_losses(out):
        return re.findall(r"^(\w+) +[\d.]+ ± [\d.]+ +([\d.]+ ± [\d.]+)", out, re.M)

    assert log_losses(base) == log_losses(run("--max-iter", "4", "--hidden-layer-sizes", "30"))
    deeper = log_losses(run("--max-iter", "4", "--hidden-layer-sizes", "30,5"))
    changed = [one != other for one, other in zip(log_losses(base), deeper, strict=True)]
    assert changed == [True, True, False, False, False, False]
    reseeded = run("--max-iter", "4", "--hidden-layer-sizes", "30", "--random-state", "1")
    assert log_losses(base) != log_losses(reseeded)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "grad"], "no column 'grad'; did you mean 'grade'? the columns are name, age"),
        (["--target", "member"], "did you mean 'MEMBER'?"),
        (["--target", "zzzzz"], "there is no column 'zzzzz'; the columns are name"),
        (["--target", "grade", "--drop", "scor"], "did you mean 'score'?"),
        ([], "--target is missing; the columns are name"),
        (["--target", "nothing"], "the target 'nothing' is empty"),
        (["--target", "grade", "--folds", "41"], "80 rows with 'grade' are too few for 41 folds"),
        (["--target", "name"], "class 'person 0' of 'name' has fewer rows (1)"),
        (["--target", "town", "--task", "regression"], "'town' holds text such as"),
        (
            ["--target", "grade", "--drop", "name", "age", "town", "MEMBER", "score"],
            "no column is left to learn from",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(people_csv, capsys, arguments, message):
    assert main([people_csv, *arguments]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert err.startswith("python -m skdnn: error: ")
    assert err.count("\n") == 1
    assert out == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "table.csv' as CSV: No such file or directory"),
        (b"", "table.csv' as CSV: the file is empty"),
        (b"a,b\n\xff\xfe,1\n", "table.csv' as CSV: it is not UTF-8; save it as UTF-8"),
        (b"a,b\n1,2\n1,2,3,4\n", "table.csv' as CSV: Expected 2 fields in line 3, saw 4"),
        (b"a,b\n" + b"1,5\n2,5\n" * 9, "the target 'b' has one value only, 5"),
        (b"a,b\n" + b"1,x\n" * 9 + b"1,y\n", "class 'y' of 'b' has fewer rows (1)"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, capsys, content, message):
    path = tmp_path / "table.csv"
    if content is not None:
        path.write_bytes(content)
    assert main([str(path), "--target", "b"]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--folds", "1"], "'1' is not a whole number from 2 up"),
        (["--max-iter", "many"], "'many' is not a whole number from 1 up"),
        (["--hidden-layer-sizes", "10,,5"], "'' is not a whole number from 1 up"),
        (["--task", "ranking"], "invalid choice: 'ranking'"),
    ],
)
def test_wrong_options_are_refused(capsys, arguments, message):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_options_of_a_table_need_one(capsys):
    assert main(["--target", "digit"]) == 2
    assert "--target needs a table: python -m skdnn DATA.csv" in capsys.readouterr().err


def test_help_tells_every_option(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["compare", "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    for name in (
        "target",
        "drop",
        "task",
        "folds",
        "random-state",
        "max-iter",
        "with",
        "csv",
        "png",
    ):
        assert f"--{name}" in out
    assert "digits" in out and "python -m skdnn compare titanic.csv --target survived" in out


def test_bundled_tables_in_a_process_of_their_own():
    command = [sys.executable, "-W", "error", "-m", "skdnn", "--folds", "2", "--max-iter", "20"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    versions = r"Python 3\S+, skdnn \S+, numpy \S+, sklearn \S+, numba \S+, \d+ CPUs\n"
    assert re.match(versions, done.stdout)
    titles = [
        "digits: 1797 rows, 64 columns, classification of 10 classes",
        "breast_cancer: 569 rows, 30 columns, classification of 2 classes",
        "diabetes: 442 rows, 10 columns, regression",
    ]
    assert re.findall(r"^\w+: \d+ rows, .*", done.stdout, re.M) == titles
    for start, end in pairwise([*map(done.stdout.index, titles), None]):
        section = done.stdout[start:end]
        assert "warm-up of skdnn's kernels, before the folds: " in section
        if "classification" in section:
            scores = [score for _, score in rows_of(section)]
            assert len(scores) == 6
            # Below this nothing was learned from these easy tables.
            assert min(scores) > 0.85


def test_pandas_is_only_needed_for_reading_tables(people_csv):
    program = (
        "import sys; sys.modules['pandas'] = None\n"
        "from skdnn.__main__ import main\n"
        f"sys.exit(main([{people_csv!r}, '--target', 'grade']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"needs pandas: {sys.executable} -m pip install pandas" in done.stderr
    assert done.stderr.count("\n") == 1
