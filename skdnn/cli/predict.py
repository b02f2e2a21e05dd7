"""The command ``predict``: what a saved model says of a table."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer

from skdnn.cli.data import as_labels, take_target
from skdnn.cli.models import find_categories, read_model
from skdnn.cli.options import CSV, check_place, write
from skdnn.cli.scores import describe_scores
from skdnn.tables import (
    Table,
    UserError,
    check_categories,
    check_columns,
    check_numeric,
    join_names,
    read_table,
    with_categories,
)

if TYPE_CHECKING:
    import pandas

HELP = "predict the rows of a table with a saved model"
DESCRIPTION = """\
Predict the rows of a table with a model that fit has saved.

The table must have the columns that the model was trained on, in any order; further ones are
ignored. The predictions are a column in the order of the rows, written to --out or printed.
Where the table has the target too, the score is told.
"""
EPILOG = """\
examples:
  python -m skdnn predict titanic.skops passengers.csv --out survivors.csv
  python -m skdnn predict titanic.skops passengers.csv --proba | head
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("model", metavar="MODEL", help="file that fit or skdnn.save has written")
    parser.add_argument("data", metavar="DATA", help=CSV)
    parser.add_argument("--out", metavar="FILE", help="the CSV file to write; default: print")
    parser.add_argument(
        "--proba",
        action="store_true",
        help="also write the probability of each class, in columns of their own",
    )


def run(options: argparse.Namespace) -> None:
    """Predict, and write."""
    check_place("--out", options.out)
    model = read_model(options.model)
    if not hasattr(model, "predict"):
        raise UserError(f"{options.model!r} is a {type(model).__name__}, which does not predict")
    if not hasattr(model, "feature_names_in_"):
        raise UserError(
            f"{options.model!r} was trained on an array, without names of columns; "
            "use it in Python, with skdnn.load"
        )
    if options.proba and not is_classifier(model):
        raise UserError("--proba is for classifiers, and this model predicts numbers")
    table = read_table(options.data, least_columns=1)
    X = _take_features(model, table)
    predictions = _predict(model, X, options.proba)
    _write(predictions, options.out)
    _tell_score(model, table, X, sys.stdout if options.out else sys.stderr)


def _take_features(model: Any, table: Table) -> pandas.DataFrame:
    """Return the columns that the model was trained on, of the types that they had then."""
    features = [str(name) for name in model.feature_names_in_]
    check_columns(table.frame, features)
    kinds = _columns_by_kind(model)
    check_numeric(table, kinds.get("numbers", []))
    for note in table.notes:
        print(note, file=sys.stderr)
    frame = with_categories(table, kinds.get("categories", []))
    categories = find_categories(model)
    if categories is not None:
        _check_complete(frame[features])
        for column, known in categories.items():
            check_categories(table, frame[column], known)
    used = {*features, getattr(model, "target_name_", None)}
    extra = [name for name in table.frame.columns if name not in used]
    if extra:
        print(f"columns ignored, not used by the model: {join_names(extra)}", file=sys.stderr)
    return frame[features]


def _check_complete(X: pandas.DataFrame) -> None:
    """Refuse gaps, for a model that was trained on rows without."""
    for column, n_gaps in X.isna().sum().items():
        if n_gaps:
            raise UserError(
                f"column {column!r} has gaps in {n_gaps} of {len(X)} rows, and the model was "
                "trained on rows without: fill them, or leave these rows out"
            )


def _columns_by_kind(model: Any) -> dict[str, list[str]]:
    """Return the columns that the preprocessing of `fit` took for numbers and for categories."""
    first = model[0] if hasattr(model, "target_name_") else None
    if not isinstance(first, ColumnTransformer):
        return {}
    return {name: list(columns) for name, _, columns in first.transformers_}


def _predict(model: Any, X: pandas.DataFrame, proba: bool) -> pandas.DataFrame:
    import pandas

    try:
        predictions = pandas.DataFrame({"prediction": model.predict(X)})
        if proba:
            columns = [f"probability_{label}" for label in model.classes_]
            predictions[columns] = model.predict_proba(X)
    except (TypeError, ValueError) as error:
        raise UserError(f"the model cannot predict these rows: {error}") from error
    return predictions


def _write(predictions: pandas.DataFrame, path: str | None) -> None:
    if path is None:
        predictions.to_csv(sys.stdout, index=False, lineterminator="\n")
        return
    write(path, predictions.to_csv(index=False, lineterminator="\n").encode())
    print(f"wrote {path}: {len(predictions)} rows")


def _tell_score(model: Any, table: Table, X: pandas.DataFrame, stream: Any) -> None:
    """Print the score where the table has the target."""
    target = getattr(model, "target_name_", None)
    if target is None or target not in table.frame.columns:
        return
    if not is_classifier(model):
        check_numeric(table, [target])
    labelled, values = take_target(table, target)
    if not len(values):
        return
    if is_classifier(model):
        y = as_labels(values)
        if model.classes_.dtype.kind == "U":
            y = y.astype(str)
        unknown = np.setdiff1d(y, model.classes_)
        if len(unknown):
            print(
                f"classes of {target!r} that the model does not know count as errors: "
                f"{join_names(unknown)}",
                file=sys.stderr,
            )
    else:
        y = values.astype(float)
    scores = describe_scores(model, X.loc[labelled.index], y)
    print(f"on {len(y)} rows with {target!r}: {scores}", file=stream)
