"""From a table and the options to what is learned from it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skdnn.compare import find_task
from skdnn.compare.estimators import Task
from skdnn.tables import (
    Table,
    UserError,
    check_column,
    check_numbers,
    find_counters,
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
