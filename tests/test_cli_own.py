"""The command line with models that were saved in Python, on a terminal, and interrupted."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from comparison import QUICK, people
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from terminal import HERE, in_terminal

import skdnn
from skdnn.__main__ import main

pytest.importorskip("skops", reason="saving needs skops")


def of_ages_and_towns():
    """Return a pipeline that was fitted in Python, and its rows."""
    frame = people().dropna(subset=["age", "town"])
    transform = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["town"]))
    model = make_pipeline(transform, skdnn.SoftmaxClassifier())
    return model.fit(frame[["age", "town"]], frame["MEMBER"].map(str)), frame


def test_models_that_were_saved_in_python(folder, capsys):
    model, frame = of_ages_and_towns()
    skdnn.save(model, "own.skops")
    frame.to_csv("complete.csv", index=False)
    assert main(["predict", "own.skops", "complete.csv", "--proba"]) == 0
    out, _ = capsys.readouterr()
    assert out.splitlines()[0] == "prediction," + ",".join(
        f"probability_{label}" for label in model.classes_
    )
    predicted = [line.split(",")[0] for line in out.splitlines()[1:]]
    assert predicted == model.predict(frame).tolist()
    assert main(["summary", "own.skops"]) == 0
    out, _ = capsys.readouterr()
    assert "target:" not in out and "standardised" not in out
    assert f"classes: {', '.join(model.classes_)}\n" in out
    # What their own steps refuse is said in one line.
    assert main(["predict", "own.skops", "people.csv"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 2
    assert err.splitlines()[0].startswith("columns ignored, not used by the model: name, MEMBER")
    assert "the model cannot predict these rows: Found unknown categories" in err


def test_summary_of_a_model_that_has_no_table(folder, capsys):
    frame = people().dropna(subset=["age"])
    model = skdnn.GDLinearRegression().fit(frame[["age"]], frame[["score", "age"]])
    skdnn.save(model, "two.skops")
    assert main(["summary", "two.skops"]) == 0
    out, _ = capsys.readouterr()
    assert "no table: summary() is of a model with one output, but this one has 2" in out
    assert f"trained for {model.n_iter_} iterations" in out


def test_columns_of_one_value_are_told(folder, capsys):
    people().assign(age=3.0, town="Lier")[["age", "town", "grade"]].to_csv("same.csv")
    arguments = ["--target", "grade", "--save", "m.skops"]
    assert main(["fit", "same.csv", *arguments, "--standard-errors", "--drop", "Unnamed: 0"]) == 2
    assert "no column is left to learn from" in capsys.readouterr().err
    assert not Path("m.skops").exists()


def test_progress_on_a_terminal(folder):
    """One line that is rewritten, and gone when the work is done."""
    arguments = ["fit", "people.csv", "--target", "grade", "--drop", "score", "--save", "m.skops"]
    code = f"from skdnn.__main__ import main\nmain({[*arguments, *QUICK[2:]]!r})"
    rows, sent = in_terminal(code, columns=120)
    assert "\rpeople.csv: epoch 1 of at most 3, loss " in sent
    assert not [row for row in rows if "epoch" in row]
    assert rows[-1] == "wrote m.skops"
    code = f"from skdnn.__main__ import main\nmain({['people.csv', *arguments[2:6], *QUICK]!r})"
    rows, sent = in_terminal(code, columns=120)
    assert "\rpeople.csv: fold 2 of 2, MLPClassifier" in sent
    assert not [row for row in rows if row.startswith("people.csv: fold")]


@pytest.mark.parametrize("trains", [False, True])
def test_interrupted(folder, interruptible, trains):
    """Before the first epoch nothing is written; then it is the network as it is."""
    people(20_000).to_csv("many.csv", index=False)
    arguments = ["--target", "grade", "--drop", "name", "--hidden-layer-sizes", "300,300"]
    command = [sys.executable, "-m", "skdnn", "fit", "many.csv", *arguments, "--save", "m.skops"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=HERE
    ) as run:
        assert "training; the first fit on a machine compiles" in run.stderr.readline()
        if trains:
            assert "epoch 1 of at most 200" in run.stderr.readline()
        run.send_signal(signal.SIGINT)
        out, err = run.communicate()
    assert "Traceback" not in err
    if not trains:
        assert (run.returncode, err) == (130, "\nstopped\n")
        assert "wrote" not in out and not Path("m.skops").exists()
        return
    assert run.returncode == 0
    assert "Training interrupted by user." in err and out.endswith("wrote m.skops\n")
    assert skdnn.load("m.skops")[-1].n_iter_ < 20
