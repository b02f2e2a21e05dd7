"""The commands that train, predict and describe, as their user sees them."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from comparison import people
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from terminal import HERE

import skdnn
from skdnn.__main__ import main

pytest.importorskip("skops", reason="saving needs skops")

QUICK = ["--max-iter", "20", "--hidden-layer-sizes", "5"]


@pytest.fixture
def fitted(folder, capsys):
    arguments = ["fit", "people.csv", "--target", "grade", "--drop", "score", "name"]
    assert main([*arguments, "--save", "grade.skops", *QUICK]) == 0
    return capsys.readouterr()


def refused(capsys, *arguments):
    """Return the one line of an error."""
    assert main(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err.removeprefix("python -m skdnn: error: ")


def test_fit_reports_and_saves(fitted, folder):
    assert "people.csv: 80 rows, 3 columns, classification of 2 classes (found from" in fitted.out
    assert "numbers: age; categories: town, MEMBER\n" in fitted.out
    assert "MLPNet: 20 iterations on 64 rows in " in fitted.out
    assert "stopped at max_iter before convergence\n" in fitted.out
    assert "on 16 held-out rows: accuracy " in fitted.out
    assert fitted.out.endswith("wrote grade.skops\n")
    epochs = [line.split(",")[0] for line in fitted.err.splitlines()[1:]]
    assert epochs == [f"people.csv: epoch {n} of at most 20" for n in (1, 2, 4, 8, 16)]
    model = skdnn.load("grade.skops")
    assert model.feature_names_in_.tolist() == ["age", "town", "MEMBER"]
    assert model.classes_.tolist() == ["bad", "good"]
    assert model[-1].hidden_layer_sizes == (5,) and model[-1].n_iter_ == 20


def test_held_out_score_is_that_of_the_file(folder, capsys):
    """Half of the rows held out; the same ones are found by the seed."""
    arguments = ["--target", "grade", "--drop", "score", "name", "--save", "m.skops", *QUICK]
    assert main(["fit", "people.csv", *arguments, "--test-size", "0.5", "--random-state", "3"]) == 0
    out = capsys.readouterr().out
    table = people()
    _, test = train_test_split(table, test_size=0.5, random_state=3, stratify=table["grade"])
    test = test.assign(MEMBER=test["MEMBER"].map(str, na_action="ignore"))
    model = skdnn.load("m.skops")
    score = accuracy_score(test["grade"], model.predict(test))
    loss = log_loss(test["grade"], model.predict_proba(test))
    assert f"on 40 held-out rows: accuracy {score:.4g}, log loss {loss:.4g}\n" in out
    assert main(["fit", "people.csv", *arguments, "--test-size", "0"]) == 0
    out = capsys.readouterr().out
    assert "on 80 rows" in out and "held-out" not in out


@pytest.mark.parametrize(
    ("target", "model"),
    [
        ("grade", "GDLogisticRegression"),
        ("grade", "SoftmaxClassifier"),
        ("score", "MLPNetRegressor"),
        ("score", "GDLinearRegression"),
    ],
)
def test_every_model_can_be_fitted_and_predicts(folder, capsys, target, model):
    arguments = ["--target", target, "--model", model, "--save", "m.skops", *QUICK]
    assert main(["fit", "people.csv", *arguments]) == 0
    assert f"\n{model}: " in capsys.readouterr().out
    assert main(["predict", "m.skops", "people.csv", "--out", "p.csv"]) == 0
    predictions = pd.read_csv("p.csv")["prediction"]
    out = capsys.readouterr().out
    assert out.startswith("wrote p.csv: 80 rows\n")
    truth = people()[target]
    score = accuracy_score if target == "grade" else r2_score
    name = "accuracy" if target == "grade" else "R2"
    assert f"on 80 rows with {target!r}: {name} {score(truth, predictions):.4g}, " in out
    # Callbacks that showed the progress are not in the file.
    assert "skdnn.cli" not in repr(vars(skdnn.load("m.skops")[-1]))


def test_predictions_are_those_of_the_model(fitted, folder, capsys):
    table = people().drop(columns=["grade", "name"])[::-1].rename(columns={"score": "shoe size"})
    table.to_csv("new.csv", index=False)
    assert main(["predict", "grade.skops", "new.csv", "--out", "p.csv", "--proba"]) == 0
    out, err = capsys.readouterr()
    assert out == "wrote p.csv: 80 rows\n"
    assert err == "columns ignored, not used by the model: nothing, shoe size\n"
    written = pd.read_csv("p.csv")
    assert written.columns.tolist() == ["prediction", "probability_bad", "probability_good"]
    X = table.assign(MEMBER=table["MEMBER"].map(str, na_action="ignore"))
    model = skdnn.load("grade.skops")
    assert written["prediction"].tolist() == model.predict(X).tolist()
    # The reader of older pandas rounds.
    probabilities = np.loadtxt("p.csv", delimiter=",", skiprows=1, usecols=[1, 2])
    np.testing.assert_array_equal(probabilities, model.predict_proba(X))
    # Without a file they are printed, and nothing else is.
    assert main(["predict", "grade.skops", "new.csv", "--proba"]) == 0
    assert capsys.readouterr().out == (folder / "p.csv").read_text()


def test_categories_that_look_like_numbers_stay_categories(folder, capsys):
    rng = np.random.default_rng(0)
    code = rng.choice(["1", "2", "A"], 60)
    table = pd.DataFrame({"code": code, "y": np.where(code == "1", "one", "other")})
    table.to_csv("codes.csv", index=False)
    assert main(["fit", "codes.csv", "--target", "y", "--save", "m.skops", "--max-iter", "90"]) == 0
    # A single column, of whole numbers with a gap.
    (folder / "new.csv").write_text('code\n1\n2\n""\n1\n')
    capsys.readouterr()
    assert main(["predict", "m.skops", "new.csv"]) == 0
    assert capsys.readouterr().out == "prediction\none\nother\nother\none\n"


def test_labels_that_are_numbers_stay_numbers(folder, capsys):
    table = people().assign(grade=lambda t: (t["grade"] == "good") + 1.0)
    table.loc[:3, "grade"] = np.nan
    table.to_csv("numbers.csv", index=False)
    arguments = ["--target", "grade", "--save", "m.skops", *QUICK]
    assert main(["fit", "numbers.csv", *arguments]) == 0
    assert skdnn.load("m.skops").classes_.tolist() == [1, 2]
    assert main(["predict", "m.skops", "numbers.csv", "--out", "p.csv"]) == 0
    assert "on 76 rows with 'grade': accuracy " in capsys.readouterr().out
    assert set(pd.read_csv("p.csv", dtype=str)["prediction"]) <= {"1", "2"}


def test_columns_and_values_that_do_not_fit_the_model_are_named(fitted, folder, capsys):
    table = people()
    table.rename(columns={"age": "Age", "town": "place"}).to_csv("renamed.csv", index=False)
    assert refused(capsys, "predict", "grade.skops", "renamed.csv").startswith(
        "columns that the model was trained on are missing: 'age' (is it 'Age'?), 'town'; "
        "the columns are name, Age, place, "
    )
    ages = table["age"].astype(object)
    ages[5] = "old"
    table.assign(age=ages).to_csv("text.csv", index=False)
    assert refused(capsys, "predict", "grade.skops", "text.csv") == (
        "column 'age': 'old' in line 7 is not a number, and the model was trained on numbers "
        "there; clear it, or write a number\n"
    )


def test_classes_that_the_model_does_not_know(fitted, folder, capsys):
    table = people()
    table.loc[:9, "grade"] = "excellent"
    table.to_csv("new.csv", index=False)
    assert main(["predict", "grade.skops", "new.csv", "--out", "p.csv"]) == 0
    out, err = capsys.readouterr()
    assert "classes of 'grade' that the model does not know count as errors: excellent" in err
    right = accuracy_score(table["grade"], pd.read_csv("p.csv")["prediction"])
    assert out.endswith(f"on 80 rows with 'grade': accuracy {right:.4g}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "grad"], "there is no column 'grad'; did you mean 'grade'? the columns are"),
        ([], "--target is missing; the columns are name"),
        (["--target", "name"], "class 'person 0' of 'name' has fewer rows (1) than training and a"),
        (["--target", "grade", "--model", "MLPNetRegressor"], "is not for classification, which"),
        (["--target", "grade", "--test-size", "0.01"], "--test-size 0.01 of 80 rows leaves too"),
        (["--target", "nothing"], "the target 'nothing' is empty"),
        (
            ["--target", "grade", "--standard-errors", "--model", "MLPNet"],
            "--model MLPNet has no --standard-errors; the model with them is GDLogisticRegression",
        ),
        (
            ["--target", "score", "--standard-errors", "--model", "MLPNetRegressor"],
            "the model with them is GDLinearRegression",
        ),
        (["--target", "town", "--standard-errors"], "are for two classes, and 'town' has 3; make"),
        (
            ["--target", "grade", "--standard-errors", "--drop", "age", "town", "MEMBER", "score"],
            "no column is left to learn from",
        ),
    ],
)
def test_what_cannot_be_fitted_is_said_in_one_line(folder, capsys, arguments, message):
    assert message in refused(capsys, "fit", "people.csv", "--save", "m.skops", *arguments)
    assert not (folder / "m.skops").exists()


def test_what_cannot_be_used_is_said_in_one_line(fitted, folder, capsys):
    assert refused(capsys, "predict", "no.skops", "people.csv") == (
        "cannot read 'no.skops': No such file or directory\n"
    )
    said = refused(capsys, "predict", "people.csv", "people.csv")
    assert said.startswith("'people.csv' is not a file that skdnn.save has written")
    assert "cannot read 'no.csv' as CSV" in refused(capsys, "predict", "grade.skops", "no.csv")
    said = refused(capsys, "predict", "grade.skops", "people.csv", "--out", "no/p.csv")
    assert said == "--out 'no/p.csv': there is no folder 'no'\n"
    assert refused(capsys, "fit", "people.csv", "--target", "age", "--save", ".") == (
        "--save '.' is a folder; name a file in it\n"
    )
    skdnn.save(skdnn.MLPNet((2,), max_iter=500, tol=1.0).fit([[0.0], [1.0]], [0, 1]), "array.skops")
    assert "trained on an array" in refused(capsys, "predict", "array.skops", "people.csv")
    skdnn.save(StandardScaler().fit(people()[["age"]]), "scaler.skops")
    assert "does not predict" in refused(capsys, "predict", "scaler.skops", "people.csv")
    frame = people()[["age", "score"]].dropna()
    skdnn.save(skdnn.GDLinearRegression().fit(frame[["age"]], frame["score"]), "number.skops")
    said = refused(capsys, "predict", "number.skops", "people.csv", "--proba")
    assert said == "--proba is for classifiers, and this model predicts numbers\n"


def test_a_misspelt_command_is_told(folder, capsys):
    said = refused(capsys, "predct", "m.skops", "people.csv")
    assert said.startswith("there is no command and no file 'predct'; did you mean 'predict'?")


@pytest.mark.parametrize("command", ["compare", "fit", "predict", "summary"])
def test_help_has_every_option_and_an_example(command, capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert f"\n    {command} " in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert f"\n  python -m skdnn {command} " in out


def test_summary(fitted, capsys):
    assert main(["summary", "grade.skops"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "steps:\n  columntransformer: ColumnTransformer\n    numbers: age\n"
        "    categories: town, MEMBER\n  mlpnet: MLPNet\ntarget: grade\nclasses: bad, good\n"
    )
    net = skdnn.load("grade.skops")[-1]
    assert str(net.summary()) in out
    assert out.endswith(f"trained for 20 iterations, last loss {net.loss_:.4g}\n")


def customers(n=120):
    """Return a table with two classes, a number as target, categories, and a gap of each kind."""
    rng = np.random.default_rng(0)
    age = rng.integers(18, 80, n).astype(float)
    town = rng.choice(["Bern", "Oslo", "Rome"], n)
    z = (age - 45) / 20 + (town == "Rome")
    frame = pd.DataFrame(
        {
            "age": age,
            # In units in which its slope is small.
            "income": rng.normal(40000, 9000, n).round(),
            "town": town,
            "member": rng.random(n) < 0.5,
            "country": "here",
            "churn": np.where(z + rng.logistic(size=n) > 0, "yes", "no"),
            "spent": (20 + 5 * z + rng.normal(size=n)).round(2),
        }
    )
    frame.loc[3, "age"] = np.nan
    frame.loc[[5, 9], "town"] = np.nan
    return frame


def design_of(frame):
    """Return the design matrix of a textbook."""
    X = pd.get_dummies(frame[["age", "income", "town", "member"]], columns=["town", "member"])
    return sm.add_constant(X.drop(columns=["town_Bern", "member_False"]).astype(float))


@pytest.mark.parametrize("target", ["churn", "spent"])
def test_standard_errors_are_those_of_statsmodels(tmp_path, monkeypatch, capsys, target):
    monkeypatch.chdir(tmp_path)
    customers().to_csv("c.csv", index=False)
    other = "spent" if target == "churn" else "churn"
    arguments = ["--target", target, "--drop", other, "--standard-errors", "--save", "m.skops"]
    assert main(["fit", "c.csv", *arguments]) == 0
    out = capsys.readouterr().out
    assert "rows left out: 3 of 120 rows have gaps, in age (1), town (2)\n" in out
    assert "column 'country' left out: it has one value only\n" in out
    assert " on 117 rows in " in out
    assert "held-out" not in out and "before convergence" not in out
    complete = customers().dropna()
    y = complete[target] == "yes" if target == "churn" else complete[target]
    family = sm.families.Binomial() if target == "churn" else sm.families.Gaussian()
    expected = sm.GLM(y.astype(float), design_of(complete), family=family).fit(tol=1e-12)
    summary = skdnn.load("m.skops")[-1].summary()
    np.testing.assert_allclose(summary.coefficients, expected.params, rtol=1e-7)
    np.testing.assert_allclose(summary.standard_errors, expected.bse, rtol=1e-7)
    np.testing.assert_allclose(summary.p_values, expected.pvalues, rtol=1e-6)
    assert summary.notes == ()
    assert main(["summary", "m.skops"]) == 0
    out = capsys.readouterr().out
    assert "\nreference categories: town Bern, member False\n" in out
    assert "standardised" not in out
    for name, p in expected.pvalues.rename({"const": "intercept"}).items():
        shown = next(line for line in out.splitlines() if line.startswith(f"{name} "))
        assert shown.split()[4] == f"{p:.3f}"


@pytest.mark.parametrize(
    ("target", "model", "why"),
    [
        ("grade", "GDLogisticRegression", "because the penalty makes the\ncoefficients biased"),
        ("score", "GDLinearRegression", "depend on each other linearly"),
    ],
)
def test_without_standard_errors_the_option_for_them_is_named(folder, capsys, target, model, why):
    arguments = ["--target", target, "--model", model, "--drop", "name", "--save", "m.skops"]
    assert main(["fit", "people.csv", *arguments]) == 0
    capsys.readouterr()
    assert main(["summary", "m.skops"]) == 0
    out = capsys.readouterr().out
    assert why in out
    assert "per standard deviation. With the option\n--standard-errors fit trains" in out


def test_a_model_with_standard_errors_predicts_what_it_knows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table = customers()
    table.to_csv("c.csv", index=False)
    arguments = ["--target", "churn", "--drop", "spent", "--standard-errors", "--save", "m.skops"]
    assert main(["fit", "c.csv", *arguments]) == 0
    capsys.readouterr()
    assert refused(capsys, "predict", "m.skops", "c.csv") == (
        "column 'age' has gaps in 1 of 120 rows, and the model was trained on rows without: fill "
        "them, or leave these rows out\n"
    )
    table = table.dropna()
    table.to_csv("complete.csv", index=False)
    assert main(["predict", "m.skops", "complete.csv", "--proba", "--out", "p.csv"]) == 0
    z = design_of(table) @ np.concatenate(
        [skdnn.load("m.skops")[-1].intercept_, skdnn.load("m.skops")[-1].coef_[0]]
    )
    shown = pd.read_csv("p.csv")["probability_yes"]
    np.testing.assert_allclose(shown, 1 / (1 + np.exp(-z)), rtol=1e-9)
    capsys.readouterr()
    table.iloc[2, table.columns.get_loc("town")] = "Paris"
    table.to_csv("new.csv", index=False)
    assert refused(capsys, "predict", "m.skops", "new.csv") == (
        "column 'town': 'Paris' in line 4 is not among the categories that the model was trained "
        "on: Bern, Oslo, Rome; leave such rows out\n"
    )


def test_rows_that_are_too_few_for_standard_errors(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ["c.csv", "--target", "churn", "--standard-errors", "--save", "m.skops"]
    # Half of the rows have no age, and the other half no income.
    table = customers()
    ages, first = table["age"], table.index < 60
    table = table.assign(age=ages.mask(first), income=table["income"].where(first))
    table.to_csv("c.csv", index=False)
    assert refused(capsys, "fit", *arguments) == (
        "120 of 120 rows have gaps, in age (60), income (60), town (2): --drop the worst of them; "
        "without the rows the target 'churn' is empty\n"
    )
    # A single row is of Paris: either it is held out, or there is a coefficient for it.
    table = customers().dropna()
    table.iloc[1, table.columns.get_loc("town")] = "Paris"
    table.to_csv("c.csv", index=False)
    seeds = [["--random-state", str(seed)] for seed in range(8)]
    done = [main(["fit", *arguments, "--test-size", "0.5", *seed]) for seed in seeds]
    assert set(done) == {0, 2}
    assert "'Paris' of 'town' is in rows only that are held out" in capsys.readouterr().err


def test_tables_that_are_too_large_for_standard_errors(tmp_path, monkeypatch, capsys):
    """The file would not hold them; a table of just so many columns is fitted."""
    monkeypatch.chdir(tmp_path)
    arguments = ["c.csv", "--target", "churn", "--standard-errors", "--save", "m.skops"]
    rows = np.arange(14_100)
    table = pd.DataFrame({"churn": np.where(rows % 7 < 3, "yes", "no"), "age": rows % 61})
    table["a"] = [f"a{i}" for i in rows % 300]
    table.to_csv("c.csv", index=False)
    assert refused(capsys, "fit", *arguments) == (
        "--standard-errors are for up to 4,194,304 numbers, and here are 14,100 x 300; "
        "in Python summary(X, y) has them for any number\n"
    )
    table["b"] = [f"b{i}" for i in np.random.default_rng(0).integers(202, size=len(rows))]
    table[:3000].to_csv("c.csv", index=False)
    assert refused(capsys, "fit", *arguments) == (
        "--standard-errors are for up to 500 columns, and here are 501, one for each number and "
        "for each category but the first, most for a (299), b (201): --drop some\n"
    )
    table[:3000].assign(b=table["b"].replace("b0", "b1")).to_csv("c.csv", index=False)
    assert main(["fit", *arguments]) == 0
    capsys.readouterr()
    assert main(["summary", "m.skops"]) == 0
    out, _ = capsys.readouterr()
    assert "std err" in out and "no table" not in out


def test_a_reader_that_stops_early(fitted, folder):
    """As head does; the interpreter has nothing to complain about."""
    pd.concat([people()] * 500).to_csv("long.csv", index=False)
    command = [sys.executable, "-m", "skdnn", "predict", "grade.skops", "long.csv", "--proba"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=HERE
    ) as run:
        assert run.stdout.readline() == "prediction,probability_bad,probability_good\n"
        run.stdout.close()
        err = run.stderr.read()
        assert run.wait() == 1
    assert "Traceback" not in err and "Broken" not in err


@pytest.mark.parametrize(
    ("missing", "arguments", "message"),
    [
        ("skops", ["fit", "people.csv", "--target", "grade", "--save", "m"], 'pip install "skops'),
        ("matplotlib", ["--png", "p.png"], "pip install matplotlib"),
    ],
)
def test_packages_that_are_missing_are_named_before_the_work(folder, missing, arguments, message):
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        f"from skdnn.__main__ import main\nsys.exit(main({arguments!r}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=HERE)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1
