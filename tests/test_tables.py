"""Tables of one's own: what their reader is told, and what is made of them."""

import gzip
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from skdnn.__main__ import main
from skdnn.tables import UserError, check_numbers, read_table, tidy

QUICK = ["--folds", "2", "--max-iter", "2", "--hidden-layer-sizes", "3"]


def customers(n=60, **columns):
    """Build a table in which nothing is wrong; given columns are added or replace its own."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "income": rng.integers(1000, 9999, n) + 0.25,
            "age": rng.integers(18, 80, n),
            "city": rng.choice(["Ghent", "Lier"], n),
            "churn": np.where(rng.random(n) < 0.5, "yes", "no"),
        }
    )
    return frame.assign(**columns)


@pytest.fixture
def run(tmp_path, capsys):
    """Run the command line on a table; return its exit code, output and messages."""

    def run(content, *arguments, name="table.csv", **form):
        path = tmp_path / name
        if isinstance(content, pd.DataFrame):
            content.to_csv(path, **{"index": False, **form})
        else:
            path.write_bytes(content)
        code = main([str(path), *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def refused(done):
    """Return the one line of an error."""
    code, out, err = done
    assert (code, out) == (2, "")
    assert err.startswith("python -m skdnn: error: ") and err.count("\n") == 1
    return err.removeprefix("python -m skdnn: error: ").strip()


def test_a_european_export_is_read_with_its_decimal_commas(run):
    code, out, _ = run(customers(), "--target", "churn", *QUICK, sep=";", decimal=",")
    assert code == 0
    assert "numbers are read with decimal commas\n" in out
    assert "numbers: income, age; categories: city\n" in out
    code, out, _ = run(customers(), "--target", "income", *QUICK, sep=";", decimal=",")
    assert "table.csv: 60 rows, 3 columns, regression (found" in out


def test_a_word_among_decimal_commas_is_what_is_named(run):
    income = customers()["income"].map(lambda value: str(value).replace(".", ","))
    income[7] = "much"
    assert refused(run(customers(income=income), "--target", "churn", sep=";")) == (
        "column 'income': 'much' in line 9 is not a number (59 of 60 values are); "
        "clear it, or leave the column out with --drop income"
    )


def test_semicolons_do_not_make_commas_of_points(run):
    _, out, _ = run(customers(), "--target", "churn", *QUICK, sep=";")
    assert "numbers: income, age; categories: city\n" in out
    assert "commas" not in out


def test_a_value_among_numbers_is_named_with_its_line(run):
    income = customers()["income"].astype(str).to_numpy()
    income[7], income[30] = "n.a.", "1,234.5"
    table = customers(income=income)
    assert refused(run(table, "--target", "churn")) == (
        "column 'income': 'n.a.' in line 9 is not a number (59 of 60 values are); "
        "clear it, or leave the column out with --drop income"
    )
    assert run(table, "--target", "churn", "--drop", "income", *QUICK)[0] == 0
    assert refused(run(table, "--target", "income")).endswith(
        "clear it, or take it as a label with --task classification"
    )


def test_numbers_in_another_notation_are_not_dropped(run):
    grouped = [f"{i},234.5" for i in range(1, 61)]
    assert refused(run(customers(income=grouped), "--target", "churn")) == (
        "column 'income': '1,234.5' in line 2 has other separators than a decimal point "
        "(60 of 60 values are numbers then); rewrite it, or leave the column out with --drop income"
    )
    commas = customers(**{"net income": [f"{i},5" for i in range(60)]})
    message = refused(run(commas, "--target", "churn"))
    assert "'0,5' in line 2 has other separators" in message
    assert message.endswith("--drop 'net income'")
    points = customers(price=[f"{i}.5" for i in range(60)], more=customers()["income"])
    points[["income", "more"]] = points[["income", "more"]].map(lambda v: str(v).replace(".", ","))
    assert "'0.5' in line 2 has other separators than a decimal comma" in refused(
        run(points, "--target", "churn", sep=";")
    )


def test_lines_are_those_of_the_file(tmp_path):
    rows = [f'"two\nlines",{i},\n' for i in range(30)]
    rows[3] = "\n,unknown,\n"
    (tmp_path / "t.csv").write_text('"a\nb",x,gap\n' + "".join(rows))
    with pytest.raises(UserError, match=r"column 'x': 'unknown' in line 10 is not a number \(29"):
        check_numbers(read_table(str(tmp_path / "t.csv")), "gap")


@pytest.mark.parametrize("n_others", [1, 10])
def test_text_with_some_numbers_is_a_category_and_with_few_others_a_mistake(tmp_path, n_others):
    kinds = ["1", "2", "3", "4"] * 15
    kinds[:n_others] = ["B7"] * n_others
    customers(kind=kinds).to_csv(tmp_path / "t.csv", index=False)
    table = read_table(str(tmp_path / "t.csv"))
    if n_others == 1:
        with pytest.raises(UserError, match="column 'kind': 'B7' in line 2 is not a number"):
            check_numbers(table, "churn")
    else:
        check_numbers(table, "churn")
        assert tidy(table.frame)[1] == ["numbers: income, age; categories: city, churn, kind"]


def test_regression_is_offered_for_numbers_only(run):
    names = [f"n{i}" for i in range(60)]
    message = refused(run(customers(name=names), "--target", "name"))
    assert message.endswith("leave such rows out, or take fewer --folds")
    marks = [1, 2] * 29 + [3, 3]
    message = refused(run(customers(mark=marks), "--target", "mark", "--task", "classification"))
    assert message.endswith("or --task regression")


def test_counting_columns_are_pointed_out(run):
    table = customers(customer=range(101, 161))
    code, out, _ = run(table, "--target", "churn", *QUICK, index=True)
    assert code == 0
    index = "column 'Unnamed: 0' counts the rows: leave it out with --drop 'Unnamed: 0'\n"
    assert index in out
    assert "column 'customer' counts the rows: leave it out with --drop customer\n" in out
    assert out.count("counts the rows") == 2
    assert "numbers: Unnamed: 0, income, age, customer; categories: city\n" in out


def test_drop_takes_names_between_spaces(run, capsys):
    assert main(["--drop", "id", "cls.csv", "--target", "churn"]) == 2
    assert "no DATA: --drop takes all names up to the next option, so write DATA first" in (
        capsys.readouterr().err
    )
    message = refused(run(customers(), "--target", "churn", "--drop", "age,", "city"))
    assert "no column 'age,'; names are separated by spaces, without commas; the" in message
    message = refused(run(customers(), "--target", "churn", "--drop", "churn"))
    assert message == "'churn' is the target, so it cannot be left out with --drop"


def test_a_reader_who_leaves_early_gets_no_traceback(tmp_path):
    customers().to_csv(tmp_path / "t.csv", index=False)
    command = [sys.executable, "-m", "skdnn", str(tmp_path / "t.csv"), "--target", "churn", *QUICK]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.returncode == 1
    assert "Error" not in done.stderr


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a,b\né,1\n".encode("latin-1"), "it is not UTF-8; save it as UTF-8"),
        ("a,b\né,1\n".encode("utf-16"), "it is UTF-16; save it as UTF-8"),
        ("a,b\né,1\n".encode("utf-16-le"), "it is UTF-16; save it as UTF-8"),
        (
            gzip.compress(b"a,b\n1,2\n"),
            "it is compressed with gzip; rename it to my table.csv.gz",
        ),
        (b"PK\x03\x04\x14\x00", "it is a spreadsheet or a zip archive; save it as CSV in UTF-8"),
        (b"a|b\n1|2\n", "found no comma, semicolon or tab in the header 'a|b'"),
        (b"a,b\n1,2\n1,2,3,4\n", "Expected 2 fields in line 3, saw 4"),
        (b"", "the file is empty"),
        (
            b"a,b\n1,2,3\n4,5,6\n",
            "its rows hold more values than the header has names; "
            "is there a separator at the end of each row?",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_why(run, tmp_path, content, reason):
    message = refused(run(content, "--target", "b", name="my table.csv"))
    path = str(tmp_path / "my table.csv")
    assert message == f"cannot read {path!r} as CSV: {reason}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n", "table.csv' has a header but no rows"),
        (b"a,b\n" + b"1,\n" * 9, "the target 'b' is empty"),
        (b"5.1,3.5,no\n4.9,3,yes\n", "5.1, 3.5, no; the first line must hold the names"),
        (b'b,"b "\n1,2\n', "table.csv' has two columns named 'b'"),
    ],
)
def test_a_table_without_what_it_needs_says_so(run, content, message):
    assert refused(run(content, "--target", "b")).endswith(message)


def test_the_hint_about_names_is_not_for_names(run):
    assert "first line" not in refused(run(customers(), "--target", "b"))


def test_blanks_around_names_do_not_count(run):
    table = customers().rename(columns={"churn": " churn ", "age": "age "})
    code, out, _ = run(table, "--target", "churn", "--drop", "age", *QUICK)
    assert code == 0
    assert "numbers: income; categories: city\n" in out


def test_dates_are_left_out_as_such(run):
    days = pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d")
    names = [f"person {i}" for i in range(60)]
    _, out, _ = run(customers(joined=days, name=names), "--target", "churn", *QUICK)
    assert "column 'joined' left out: text with all values distinct (dates are not used)\n" in out
    assert "column 'name' left out: text with all values distinct\n" in out


def test_the_report_says_what_was_found_and_what_is_meant(run):
    found = " (found from the target; --task overrides)\n"
    meaning = "differences are skdnn's minus scikit-learn's; better: beyond their spread over the"
    _, out, _ = run(customers(), "--target", "churn", *QUICK)
    assert f"3 columns, classification of 2 classes{found}" in out
    assert out.count(meaning) == 1
    _, out, _ = run(customers(), "--target", "income", "--task", "regression", *QUICK)
    assert "3 columns, regression\n" in out


def test_help_says_what_the_options_take(capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    out = capsys.readouterr().out
    assert "--hidden-layer-sizes N[,N…]" in out
    assert "number of cross-validation folds" in out
