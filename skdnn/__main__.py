"""Command line: compare skdnn with scikit-learn on bundled data or on a table of one's own."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import joblib
import numba
import numpy as np
import sklearn
from sklearn.base import BaseEstimator
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.preprocessing import LabelEncoder, StandardScaler

import skdnn
from skdnn.compare import (
    Task,
    compare,
    find_task,
    format_table,
    format_verdict,
    make_pairs,
    make_preprocessor,
    make_splitter,
    warm_up,
)
from skdnn.tables import (
    UserError,
    check_column,
    check_numbers,
    find_counters,
    list_columns,
    read_table,
    tidy,
)

DESCRIPTION = """\
Compare skdnn's estimators with scikit-learn's: same folds, same preprocessing, same
hyper-parameters; scores, fit times and predict times side by side.

Without DATA it runs on three tables that come with scikit-learn (digits, breast_cancer,
diabetes). With DATA it runs on your table, which may hold numbers, categories and gaps.
"""

EPILOG = """\
examples:
  python -m skdnn
  python -m skdnn titanic.csv --target survived --drop name ticket
  python -m skdnn houses.csv.gz --target price --hidden-layer-sizes 64,32 --max-iter 100
"""

BUNDLED: dict[str, tuple[Callable[..., Any], Task]] = {
    "digits": (load_digits, "classification"),
    "breast_cancer": (load_breast_cancer, "classification"),
    "diabetes": (load_diabetes, "regression"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    int
        Exit code: 0 when done, 1 when the reader of the output is gone, 2 when the table cannot
        be used, 130 when interrupted.
    """
    options = _make_parser().parse_args(argv)
    try:
        if options.data is None:
            _run_bundled(options)
        else:
            _run_table(options)
        sys.stdout.flush()
    except UserError as error:
        print(f"python -m skdnn: error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The interpreter flushes once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    return 0


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m skdnn",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    table = parser.add_argument_group("your own table")
    table.add_argument(
        "data",
        nargs="?",
        metavar="DATA",
        help="CSV file with a header line, separated by comma, semicolon or tab, "
        "also compressed (.csv.gz); needs pandas",
    )
    table.add_argument("--target", metavar="COLUMN", help="the column to predict")
    table.add_argument(
        "--drop", nargs="+", default=[], metavar="COLUMN", help="columns to leave out"
    )
    table.add_argument(
        "--task",
        choices=["classification", "regression"],
        help="default: found from the target's values",
    )
    _add_options(parser.add_argument_group("how to compare"))
    return parser


def _add_options(group: Any) -> None:
    for name, kind, default, text in (
        ("--folds", _whole(2), 4, "number of cross-validation folds, default: 4"),
        ("--random-state", _whole(0), 0, "seed of folds and networks, default: 0"),
        ("--hidden-layer-sizes", _sizes, (100,), "of the networks, such as 64,32; default: 100"),
        ("--max-iter", _whole(1), None, "most iterations, default: 200, linear models 1000"),
        ("--threads", _whole(1), 1, "most BLAS threads of an estimator, default: 1"),
    ):
        metavar = "N[,N…]" if kind is _sizes else "N"
        group.add_argument(name, metavar=metavar, type=kind, default=default, help=text)


def _whole(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.strip().isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} up")
        return int(text)

    return parse


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(map(_whole(1), text.split(",")))


def _run_bundled(options: argparse.Namespace) -> None:
    if options.drop:
        raise UserError(
            "no DATA: --drop takes all names up to the next option, so write DATA first"
        )
    for name in ("target", "task"):
        if getattr(options, name):
            raise UserError(f"--{name} needs a table: python -m skdnn DATA.csv --target COLUMN")
    _print_versions(options)
    for name, (load, task) in BUNDLED.items():
        X, y = load(return_X_y=True)
        _run(name, X, y, task, StandardScaler(), options)


def _run_table(options: argparse.Namespace) -> None:
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
    labelled = frame.dropna(subset=[target])
    # Without its gaps a column of booleans is one again.
    y = labelled[target].infer_objects().to_numpy()
    task: Task = options.task or find_task(y)
    y = _check_target(y, task, options)
    columns = frame.columns.drop([target, *options.drop])
    X, notes = tidy(labelled[columns])
    if len(labelled) < len(frame):
        notes.append(f"{len(frame) - len(labelled)} rows left out: no {target!r} in them")

    _print_versions(options)
    for note in (*table.notes, *find_counters(frame[X.columns]), *notes):
        print(note)
    _run(Path(options.data).name, X, y, task, make_preprocessor(), options)


def _run(
    name: str, X: Any, y: Any, task: Task, prepare: BaseEstimator, options: argparse.Namespace
) -> None:
    """Compare on one table and print."""
    n_classes = len(np.unique(y)) if task == "classification" else None
    classes = f" of {n_classes} classes" if n_classes else ""
    found = options.data is not None and options.task is None
    how = " (found from the target; --task overrides)" if found else ""
    print(f"\n{name}: {X.shape[0]} rows, {X.shape[1]} columns, {task}{classes}{how}", flush=True)
    pairs = make_pairs(
        task,
        n_classes=n_classes,
        hidden_layer_sizes=options.hidden_layer_sizes,
        max_iter=options.max_iter,
        random_state=options.random_state,
    )
    status = _Status(name)
    status.show("warming up, which compiles the kernels if they are not in the cache")
    seconds = warm_up(pairs, X, y, prepare=prepare)
    rows = compare(
        pairs,
        X,
        y,
        task=task,
        cv=make_splitter(task, options.folds, options.random_state),
        prepare=prepare,
        n_threads=options.threads,
        progress=status.show_fold,
    )
    status.clear()
    print(f"warm-up of skdnn's kernels, before the folds: {seconds:.2f} s")
    if n_classes == 2:
        print("SoftmaxClassifier has C=0.5, which for two classes is the penalty of C=1 elsewhere")
    print(f"\n{format_table(rows)}\n")
    for ours, theirs in rows:
        print(format_verdict(ours, theirs, task), flush=True)


def _print_versions(options: argparse.Namespace) -> None:
    packages = ", ".join(
        f"{module.__name__} {module.__version__}" for module in (skdnn, np, sklearn, numba)
    )
    print(f"Python {platform.python_version()}, {packages}, {joblib.cpu_count()} CPUs")
    print(f"mean ± standard deviation over {options.folds} folds; BLAS threads: {options.threads}")
    print("times are of the estimator alone, without the preprocessing that all share")
    print(
        "differences are skdnn's minus scikit-learn's; better: beyond their spread over the folds"
    )


class _Status:
    """What is running, on stderr: one line rewritten on a terminal, else a line for each fold."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.fold = 0

    def show(self, text: str) -> None:
        line = f"{self.table}: {text}"
        if sys.stderr.isatty():
            # Padded, to cover what a longer line before left behind.
            print(f"\r{line:<99}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def show_fold(self, fold: int, n_folds: int, estimator: str) -> None:
        if sys.stderr.isatty():
            self.show(f"fold {fold} of {n_folds}, {estimator}")
        elif fold != self.fold:
            self.show(f"fold {fold} of {n_folds}")
        self.fold = fold

    def clear(self) -> None:
        if sys.stderr.isatty():
            print(f"\r{'':<99}\r", end="", file=sys.stderr, flush=True)


def _check_target(y: np.ndarray, task: Task, options: argparse.Namespace) -> np.ndarray:
    """Refuse what cannot be learned; return codes of the classes, or numbers."""
    target, folds, is_number = options.target, options.folds, y.dtype.kind in "iuf"
    if len(y) == 0:
        raise UserError(f"the target {target!r} is empty")
    if len(y) < 2 * folds:
        raise UserError(f"{len(y)} rows with {target!r} are too few for {folds} folds")
    if task == "regression":
        if y.dtype.kind not in "biuf":
            raise UserError(f"regression needs numbers, and {target!r} holds text such as {y[0]!r}")
        y = y.astype(float)
        labels, counts = np.unique(y, return_counts=True)
    else:
        encoder = LabelEncoder()
        y = encoder.fit_transform(y.astype(str) if y.dtype.kind == "O" else y)
        labels, counts = encoder.classes_, np.bincount(y)
    if len(labels) == 1:
        raise UserError(f"the target {target!r} has one value only, {labels[0]}")
    if task == "classification" and counts.min() < folds:
        ways = "leave such rows out, or take fewer --folds"
        if is_number:
            ways = "leave such rows out, take fewer --folds, or --task regression"
        raise UserError(
            f"class {str(labels[counts.argmin()])!r} of {target!r} has fewer rows "
            f"({counts.min()}) than there are folds ({folds}): {ways}"
        )
    return y


if __name__ == "__main__":
    sys.exit(main())
