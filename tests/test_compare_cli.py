"""The comparison with scikit-learn: the command line as its user sees it."""

import gzip
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from comparison import QUICK, people, rows_of

from skdnn.__main__ import main


@pytest.fixture
def people_csv(tmp_path):
    path = tmp_path / "people.csv"
    people().to_csv(path, index=False)
    return str(path)


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
