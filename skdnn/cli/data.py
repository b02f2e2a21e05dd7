"""From a table and the options to what is learned from it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skdnn.compare import find_task
from skdnn.compare.estimators import Task
from skdnn.likelihood import MAX_FEATURES, MAX_NUMBERS
from skdnn.tables import (
    Table,
    UserError,
    check_column,
    check_numbers,
    find_counters,
    join_names,
    list_columns,
    read_table,
    tidy,
)

if TYPE_CHECKING:
    import pandas


@dataclass
class Problem:
    """What is to be learned.

    Parameters
    ----------
    name : str
        That of the file.
    X : pandas.DataFrame or ndarray
        Numbers, and categories of type object.
    y : ndarray of shape (n_samples,)
        Labels of the classes, or numbers.
    task : {"classification", "regression"}
        What is to be learned.
    notes : list of str
        What the user should know about the table.
    found : bool
        Whether the task was found from the target.
    """

    name: str
    X: Any
    y: np.ndarray
    task: Task
    notes: list[str] = field(default_factory=list)
    found: bool = False

    @property
    def n_classes(self) -> int | None:
        """The number of classes; None in regression."""
        return len(np.unique(self.y)) if self.task == "classification" else None

    def title(self) -> str:
        """Say in one line what it is."""
        classes = f" of {self.n_classes} classes" if self.n_classes else ""
        how = " (found from the target; --task overrides)" if self.found else ""
        shape = f"{self.X.shape[0]} rows, {self.X.shape[1]} columns"
        return f"{self.name}: {shape}, {self.task}{classes}{how}"


def read_problem(options: argparse.Namespace, folds: int | None = None) -> Problem:
    """Read a table and take the target from it.

    Parameters
    ----------
    options : Namespace
        With `data`, `target`, `drop` and `task`.
    folds : int, default=None
        How many folds there must be rows for; None: rows to train on and others to score on.

    Returns
    -------
    Problem

    Raises
    ------
    UserError
        If the table cannot be used.
    """
    table = read_table(options.data)
    frame, target = table.frame, options.target
    if target is None:
        raise UserError(f"--target is missing; {list_columns(frame)}")
    for column in (target, *options.drop):
        check_column(frame, column)
    if target in options.drop:
        raise UserError(f"{target!r} is the target, so it cannot be left out with --drop")
    labels = [target] if options.task == "classification" else []
    check_numbers(table, target, skip=[*options.drop, *labels])
    labelled, values = take_target(table, target)
    task: Task = options.task or find_task(values)
    y = _check_target(values, target, task, folds)
    X, notes = tidy(labelled[frame.columns.drop([target, *options.drop])])
    if len(labelled) < len(frame):
        notes.append(f"{len(frame) - len(labelled)} rows left out: no {target!r} in them")
    notes = [*table.notes, *find_counters(frame[X.columns]), *notes]
    return Problem(Path(options.data).name, X, y, task, notes, found=options.task is None)


def keep_complete_rows(problem: Problem, target: str) -> None:
    """Leave out the rows that have gaps, then the columns with one value in all others.

    Parameters
    ----------
    problem : Problem
        It is changed, and noted what has been left out.
    target : str
        Its column.

    Raises
    ------
    UserError
        If too little is left.
    """
    gaps = problem.X.isna()
    incomplete = gaps.any(axis=1)
    if incomplete.any():
        counts = gaps.sum()
        columns = join_names(f"{name} ({count})" for name, count in counts[counts > 0].items())
        where = f"{incomplete.sum()} of {len(gaps)} rows have gaps, in {columns}"
        problem.notes.append(f"rows left out: {where}")
        problem.X, problem.y = problem.X[~incomplete], problem.y[~incomplete]
        try:
            _check_target(problem.y, target, problem.task, None)
        except UserError as error:
            raise UserError(
                f"{where}: --drop the worst of them; without the rows {error}"
            ) from error
    for column in problem.X.columns[problem.X.nunique() == 1]:
        problem.notes.append(f"column {column!r} left out: it has one value only")
        del problem.X[column]
    if problem.X.shape[1] == 0:
        raise UserError("no column is left to learn from")
    _check_size(problem.X)


def _check_size(X: pandas.DataFrame) -> None:
    """Refuse a table of which a file would not hold the standard errors."""
    # Each category but the first is a column.
    counts = X.select_dtypes(object).nunique() - 1
    n_columns = X.shape[1] - len(counts) + int(counts.sum())
    if n_columns > MAX_FEATURES:
        largest = join_names(f"{name} ({n})" for name, n in counts.nlargest(3).items())
        most = f", most for {largest}" if len(counts) else ""
        raise UserError(
            f"--standard-errors are for up to {MAX_FEATURES} columns, and here are {n_columns:,}, "
            f"one for each number and for each category but the first{most}: --drop some"
        )
    if len(X) * n_columns > MAX_NUMBERS:
        raise UserError(
            f"--standard-errors are for up to {MAX_NUMBERS:,} numbers, and here are "
            f"{len(X):,} x {n_columns:,}; in Python summary(X, y) has them for any number"
        )


def check_held_out(X: pandas.DataFrame, X_test: pandas.DataFrame) -> None:
    """Refuse held-out rows with categories that the others have not.

    Raises
    ------
    UserError
        Naming the first of them.
    """
    for column in X.select_dtypes(object):
        for value in np.setdiff1d(X_test[column], X[column]):
            raise UserError(
                f"{str(value)!r} of {column!r} is in rows only that are held out, so that there is "
                "no coefficient for it: take --test-size 0, or leave such rows out"
            )


def take_target(table: Table, target: str) -> tuple[pandas.DataFrame, np.ndarray]:
    """Return the rows that have a target, and its values.

    Parameters
    ----------
    table : Table
    target : str
        Its column.
    """
    labelled = table.frame.dropna(subset=[target])
    # Without its gaps a column of booleans is one again.
    return labelled, labelled[target].infer_objects().to_numpy()


def as_labels(values: np.ndarray) -> np.ndarray:
    """Return the labels of classes: whole numbers, booleans or text."""
    if values.dtype.kind == "f" and (values == np.round(values)).all():
        # A column of whole numbers with gaps is read as one of decimal numbers.
        return values.astype(np.int64)
    return values if values.dtype.kind in "biu" else values.astype(str)


def _check_target(values: np.ndarray, target: str, task: Task, folds: int | None) -> np.ndarray:
    """Refuse what cannot be learned; return labels of the classes, or numbers."""
    least = 2 if folds is None else folds
    if len(values) == 0:
        raise UserError(f"the target {target!r} is empty")
    if len(values) < 2 * least:
        purpose = "training and a score" if folds is None else f"{folds} folds"
        raise UserError(f"{len(values)} rows with {target!r} are too few for {purpose}")
    if task == "regression":
        if values.dtype.kind not in "biuf":
            raise UserError(
                f"regression needs numbers, and {target!r} holds text such as {values[0]!r}"
            )
        y = values.astype(float)
    else:
        y = as_labels(values)
    labels, counts = np.unique(y, return_counts=True)
    if len(labels) == 1:
        raise UserError(f"the target {target!r} has one value only, {labels[0]}")
    if task == "classification" and counts.min() < least:
        needs = f"there are folds ({folds})"
        ways = ["leave such rows out", "take fewer --folds"]
        if folds is None:
            needs, ways = "training and a score need (2)", ways[:1]
        if values.dtype.kind in "iuf":
            ways.append("--task regression")
        *first, last = ways
        raise UserError(
            f"class {str(labels[counts.argmin()])!r} of {target!r} has fewer rows "
            f"({counts.min()}) than {needs}: "
            f"{', '.join(first)}{', or ' if first else ''}{last}"
        )
    return y
