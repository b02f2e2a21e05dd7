"""Read and tidy the table that a user hands to ``python -m skdnn``.

Whatever cannot be used is a `UserError` that says what to change; no column is dropped or turned
into categories without a word.
"""

from __future__ import annotations

import difflib
import re
import shlex
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas

# A text column with more than this share of numbers was meant to hold numbers.
NUMBERS_SHARE = 0.9
# Infinite values are gaps too: no estimator takes them.
GAPS = ["?", "inf", "-inf", "Inf", "-Inf", "Infinity", "-Infinity"]

NUMBER = {
    decimal: re.compile(rf"[+-]?(\d+[{decimal}]?\d*|[{decimal}]\d+)([eE][+-]?\d+)?")
    for decimal in ".,"
}
GROUPED = re.compile(
    r"[+-]?[1-9]\d{0,2}(?:(?:,\d{3})+(?:\.\d+)?|(?:\.\d{3})+(?:,\d+)?"
    r"|(?:[ '_\u00a0\u2019\u202f]\d{3})+(?:[.,]\d+)?)"
)
DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([ T].*)?")


class UserError(Exception):
    """What the user asked for cannot be done; the message says in one line what to change."""


@dataclass
class Table:
    """A file as read.

    Parameters
    ----------
    frame : pandas.DataFrame
        What it holds.
    path : str
        Where it is.
    form : dict
        How `pandas.read_csv` was told to read it.
    decimal : {".", ","}
        What stands before the decimals of its numbers.
    notes : list of str
        What the user should know about the reading.
    """

    frame: pandas.DataFrame
    path: str
    form: dict[str, Any]
    decimal: str = "."
    notes: list[str] = field(default_factory=list)


def read_table(path: str, least_columns: int = 2) -> Table:
    """Read a CSV file, finding out separator and decimal mark.

    Parameters
    ----------
    path : str
        File with a header line, also compressed.
    least_columns : int, default=2
        With fewer the separator is taken to be one that is not known.

    Returns
    -------
    Table

    Raises
    ------
    UserError
        If it cannot be read, has no rows, or its header does not fit its rows.
    """
    try:
        import pandas
    except ImportError:
        raise UserError(
            f"reading a table needs pandas: {sys.executable} -m pip install pandas"
        ) from None
    try:
        _check_kind(path)
        table = _parse(path)
    except pandas.errors.EmptyDataError:
        reason = "the file is empty"
    except UnicodeError:
        reason = "it is not UTF-8; save it as UTF-8"
    except (OSError, EOFError, ValueError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        reason = reason.removeprefix("Error tokenizing data. C error: ")
    else:
        _check_shape(table, least_columns)
        return table
    raise UserError(f"cannot read {path!r} as CSV: {reason}")


def _check_kind(path: str) -> None:
    """Name the files that are often taken for CSV files in UTF-8."""
    if not Path(path).is_file():
        return
    with open(path, "rb") as file:
        head = file.read(4)
    suffix = Path(path).suffix.lower()
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or (len(head) > 1 and 0 in head[:2]):
        raise ValueError("it is UTF-16; save it as UTF-8")
    if head.startswith(b"\x1f\x8b") and suffix not in (".gz", ".tgz"):
        raise ValueError(f"it is compressed with gzip; rename it to {Path(path).name}.gz")
    if head.startswith(b"PK\x03\x04") and suffix != ".zip":
        raise ValueError("it is a spreadsheet or a zip archive; save it as CSV in UTF-8")


def _parse(path: str) -> Table:
    import pandas

    form: dict[str, Any] = {"encoding": "utf-8-sig", "skipinitialspace": True}

    # Of the three usual separators, the one that finds most columns in the header.
    def width(separator: str) -> int:
        return int(pandas.read_csv(path, sep=separator, nrows=0, **form).shape[1])

    form["sep"] = max(",;\t", key=width)

    def read(decimal: str) -> pandas.DataFrame:
        return pandas.read_csv(path, decimal=decimal, na_values=GAPS, low_memory=False, **form)

    table = Table(read("."), path, form)
    if form["sep"] == ";":
        other = read(",")
        if _count_numbers(other, ",") > _count_numbers(table.frame, "."):
            table = Table(other, path, form, ",", ["numbers are read with decimal commas"])
    return table


def _count_numbers(frame: pandas.DataFrame, decimal: str) -> int:
    """Count the numbers of a table, those in columns that hold text too beside them."""
    return sum(
        frame[column].notna().sum()
        if frame[column].dtype.kind in "iuf"
        else sum(
            NUMBER[decimal].fullmatch(str(value).strip()) is not None for value in frame[column]
        )
        for column in frame
    )


def _check_shape(table: Table, least_columns: int) -> None:
    """Refuse a header that does not fit the rows; strip the names."""
    frame, path = table.frame, table.path
    names = [str(name).strip() for name in frame.columns]
    if len(names) < least_columns:
        raise UserError(
            f"cannot read {path!r} as CSV: found no comma, semicolon or tab "
            f"in the header {names[0]!r}"
        )
    if frame.empty:
        raise UserError(f"{path!r} has a header but no rows")
    # pandas makes row labels of the values that come before the named ones.
    if frame.index.names != [None] or not np.array_equal(frame.index, np.arange(len(frame))):
        raise UserError(
            f"cannot read {path!r} as CSV: its rows hold more values than the header has names; "
            "is there a separator at the end of each row?"
        )
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{path!r} has two columns named {name!r}")
    frame.columns = names


def join_names(names: Iterable[object]) -> str:
    """Write names for reading, the first 30 of them.

    Parameters
    ----------
    names : iterable of object
        Column names.

    Returns
    -------
    str
    """
    texts = [str(name) for name in names]
    more = f" and {len(texts) - 30} more" if len(texts) > 30 else ""
    return f"{', '.join(texts[:30])}{more}"


def list_columns(frame: pandas.DataFrame) -> str:
    """Say which columns there are, and where their names should be if these look like values.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table.

    Returns
    -------
    str
    """
    n_numbers = sum(NUMBER["."].fullmatch(name) is not None for name in frame.columns)
    hint = "; the first line must hold the names" if 2 * n_numbers > frame.shape[1] else ""
    return f"the columns are {join_names(frame.columns)}{hint}"


def check_column(frame: pandas.DataFrame, column: str) -> None:
    """Refuse a name that no column has.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table.
    column : str
        The name.

    Raises
    ------
    UserError
        If there is no such column; the message suggests a similar name.
    """
    if column in frame.columns:
        return
    hint = ""
    if "," in column:
        hint = "names are separated by spaces, without commas; "
    elif similar := _similar(frame, column):
        hint = f"did you mean {similar!r}? "
    raise UserError(f"there is no column {column!r}; {hint}{list_columns(frame)}")


def _similar(frame: pandas.DataFrame, column: str) -> str | None:
    """Return the column whose name is most like another one, None if none is like it."""
    by_lower_case = {name.lower(): name for name in frame.columns}
    close = difflib.get_close_matches(column.lower(), by_lower_case, n=1)
    return by_lower_case[close[0]] if close else None


def check_columns(frame: pandas.DataFrame, columns: Iterable[str]) -> None:
    """Refuse a table that lacks columns which a model was trained on.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table.
    columns : iterable of str
        The names.

    Raises
    ------
    UserError
        Naming those that are missing, with similar names that are there.
    """
    missing = [name for name in columns if name not in frame.columns]
    if not missing:
        return
    similar = [(name, _similar(frame, name)) for name in missing]
    names = [f"{name!r} (is it {close!r}?)" if close else repr(name) for name, close in similar]
    raise UserError(
        f"columns that the model was trained on are missing: {join_names(names)}; "
        f"{list_columns(frame)}"
    )


def check_numeric(table: Table, columns: Iterable[str]) -> None:
    """Refuse text in columns that were numbers when the model was trained.

    Parameters
    ----------
    table : Table
        What was read.
    columns : iterable of str
        Those that must hold numbers and gaps.

    Raises
    ------
    UserError
        With column, line and value of the first one that is not a number.
    """
    for column in columns:
        values = table.frame[column].dropna()
        if values.dtype.kind in "iuf" or values.empty:
            continue
        is_number = NUMBER[table.decimal].fullmatch
        value = next((str(v) for v in values if not is_number(str(v).strip())), str(values.iloc[0]))
        position = table.frame.columns.get_loc(column)
        raise UserError(
            f"column {column!r}: {value!r} in line {_find_line(table, position, value)} is not a "
            "number, and the model was trained on numbers there; clear it, or write a number"
        )


def check_categories(table: Table, values: pandas.Series, known: Collection[str]) -> None:
    """Refuse categories that a model has no coefficient for.

    Parameters
    ----------
    table : Table
        What was read.
    values : pandas.Series of str
        A column of it, as `with_categories` makes it.
    known : collection of str
        The categories that the model was trained on.

    Raises
    ------
    UserError
        With column, line and value of the first one.
    """
    unknown = values[~values.isin(known)]
    if len(unknown):
        value = unknown.iloc[0]
        line = _find_line(table, table.frame.columns.get_loc(values.name), value)
        raise UserError(
            f"column {values.name!r}: {value!r} in line {line} is not among the "
            f"categories that the model was trained on: {join_names(known)}; leave such rows out"
        )


def with_categories(table: Table, columns: Collection[str]) -> pandas.DataFrame:
    """Return a table with some of its columns as text, as `tidy` makes it.

    Parameters
    ----------
    table : Table
        What was read.
    columns : collection of str
        Those that were categories when the model was trained, whatever they look like here.

    Returns
    -------
    pandas.DataFrame
    """
    import pandas

    frame = table.frame.copy()
    for column in columns:
        if frame[column].dtype.kind in "iuf":
            # As it is written in the file: 1 is not 1.0.
            place = frame.columns.get_loc(column)
            as_text = pandas.read_csv(table.path, dtype=str, na_values=GAPS, **table.form)
            frame[column] = as_text.iloc[:, place].to_numpy()
        frame[column] = frame[column].map(str, na_action="ignore").astype(object)
    return frame


def check_numbers(table: Table, target: str, skip: Collection[str] = ()) -> None:
    """Refuse text columns that hold numbers but for a few values, or in another notation.

    Parameters
    ----------
    table : Table
        What was read.
    target : str
        The target, for which the way out is another one.
    skip : collection of str
        Columns that may hold anything.

    Raises
    ------
    UserError
        With column, line and value of the first one that is not a number.
    """
    is_number = NUMBER[table.decimal].fullmatch
    for position, column in enumerate(table.frame.columns):
        values = table.frame[column].dropna()
        if column in skip or values.dtype.kind in "biuf" or values.empty:
            continue
        texts = [str(value).strip() for value in values]
        n_numbers = sum(is_number(text) is not None for text in texts)
        n_alike = sum(map(_is_any_number, texts))
        offenders = [i for i, text in enumerate(texts) if not is_number(text)]
        if n_alike <= NUMBERS_SHARE * len(texts) or not offenders:
            continue
        value = str(values.iloc[offenders[0]])
        where = f"column {column!r}: {value!r} in line {_find_line(table, position, value)}"
        if _is_any_number(value.strip()):
            mark = "point" if table.decimal == "." else "comma"
            what = f"has other separators than a decimal {mark}"
            count, remedy = f"{n_alike} of {len(texts)} values are numbers then", "rewrite it"
        else:
            what, remedy = "is not a number", "clear it"
            count = f"{max(n_numbers, n_alike)} of {len(texts)} values are"
        otherwise = f"leave the column out with --drop {shlex.quote(column)}"
        if column == target:
            otherwise = "take it as a label with --task classification"
        raise UserError(f"{where} {what} ({count}); {remedy}, or {otherwise}")


def _is_any_number(text: str) -> bool:
    return any(form.fullmatch(text) for form in (*NUMBER.values(), GROUPED))


def _find_line(table: Table, position: int, value: str) -> int:
    """Find the line of the file in which a column first has a value."""
    import pandas

    # Blank lines and line breaks between quotes count too.
    raw = pandas.read_csv(
        table.path, dtype=str, keep_default_na=False, skip_blank_lines=False, **table.form
    ).fillna("")
    row = int(np.argmax((raw.iloc[:, position] == value).to_numpy()))
    cells = [*map(str, raw.columns), *map(str, raw.iloc[:row].to_numpy().ravel())]
    return 2 + row + sum(cell.count("\n") for cell in cells)


def tidy(X: pandas.DataFrame) -> tuple[pandas.DataFrame, list[str]]:
    """Drop columns that say nothing; make text of everything that is not a number.

    Parameters
    ----------
    X : pandas.DataFrame
        Columns to learn from.

    Returns
    -------
    X : pandas.DataFrame
        Numbers, and categories of type object.
    notes : list of str
        What was left out and why, what should be, and what is used.

    Raises
    ------
    UserError
        If no column is left.
    """
    X = X.copy()
    notes = []
    numbers, categories = [], []
    for column in X.columns:
        values = X[column].dropna()
        if values.empty:
            notes.append(f"column {column!r} left out: it is empty")
            del X[column]
        elif values.dtype.kind in "iuf":
            numbers.append(column)
        elif values.is_unique and len(values) > 1:
            are_dates = all(DATE.fullmatch(str(value)) for value in values)
            hint = " (dates are not used)" if are_dates else ""
            notes.append(f"column {column!r} left out: text with all values distinct{hint}")
            del X[column]
        else:
            X[column] = X[column].map(str, na_action="ignore").astype(object)
            categories.append(column)
    if X.shape[1] == 0:
        raise UserError("no column is left to learn from")
    used = (("numbers", numbers), ("categories", categories))
    notes.append("; ".join(f"{kind}: {join_names(names)}" for kind, names in used if names))
    return X, notes


def find_counters(X: pandas.DataFrame) -> list[str]:
    """Note the columns of whole numbers that grow by 1 from row to row.

    Parameters
    ----------
    X : pandas.DataFrame
        Columns to learn from, in all rows of the file.

    Returns
    -------
    list of str
        A line for each of them.
    """
    return [
        f"column {column!r} counts the rows: leave it out with --drop {shlex.quote(column)}"
        for column in X.columns
        if X[column].dtype.kind in "iu" and len(X) > 2 and (np.diff(X[column]) == 1).all()
    ]
