"""The command ``compare``: skdnn's estimators beside scikit-learn's."""

from __future__ import annotations

import argparse
import csv
import io
import platform
from collections.abc import Callable
from typing import Any

import joblib
import numba
import numpy as np
import sklearn
from sklearn.base import BaseEstimator
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.utils._optional_dependencies import check_matplotlib_support

import skdnn
from skdnn.cli.data import Problem, read_problem
from skdnn.cli.options import (
    CSV,
    add_model_options,
    add_table_options,
    check_place,
    whole,
    write,
)
from skdnn.cli.status import Status
from skdnn.compare import (
    Row,
    compare,
    draw,
    format_table,
    format_verdict,
    make_pairs,
    make_peers,
    make_preprocessor,
    make_splitter,
    to_records,
    warm_up,
)
from skdnn.compare.estimators import PEERS, Task
from skdnn.tables import UserError

HELP = "compare skdnn's estimators with scikit-learn's (the default)"
DESCRIPTION = """\
Compare skdnn's estimators with scikit-learn's: same folds, same preprocessing, same
hyper-parameters; scores, fit times and predict times side by side.

Without DATA it runs on three tables that come with scikit-learn (digits, breast_cancer,
diabetes). With DATA it runs on your table, which may hold numbers, categories and gaps.
"""
EPILOG = """\
examples:
  python -m skdnn compare
  python -m skdnn compare titanic.csv --target survived --drop name ticket
  python -m skdnn compare houses.csv.gz --target price --hidden-layer-sizes 64,32 --max-iter 100
  python -m skdnn compare titanic.csv --target survived --with boosting --csv folds.csv
  python -m skdnn compare --png comparison.png
"""

BUNDLED: dict[str, tuple[Callable[..., Any], Task]] = {
    "digits": (load_digits, "classification"),
    "breast_cancer": (load_breast_cancer, "classification"),
    "diabetes": (load_diabetes, "regression"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    table = parser.add_argument_group("your own table")
    table.add_argument("data", nargs="?", metavar="DATA", help=CSV)
    add_table_options(table)
    group = parser.add_argument_group("how to compare")
    group.add_argument(
        "--with",
        dest="peers",
        nargs="+",
        default=[],
        choices=list(PEERS),
        metavar="PEER",
        help="more estimators of scikit-learn on the same folds: sgd (linear models trained by "
        "stochastic gradient descent), neighbors (nearest neighbours), boosting (histogram "
        "gradient boosting)",
    )
    group.add_argument(
        "--folds",
        metavar="N",
        type=whole(2),
        default=4,
        help="number of cross-validation folds, default: 4",
    )
    add_model_options(group)
    group.add_argument(
        "--threads",
        metavar="N",
        type=whole(1),
        default=1,
        help="most threads of an estimator, default: 1",
    )
    output = parser.add_argument_group("what to write")
    output.add_argument("--csv", metavar="FILE", help="a row for each estimator and fold")
    output.add_argument(
        "--png", metavar="FILE", help="a picture of scores and fit times; needs matplotlib"
    )


def run(options: argparse.Namespace) -> None:
    """Compare, print, and write what is asked for."""
    check_place("--csv", options.csv)
    check_place("--png", options.png)
    if options.png:
        if not options.png.lower().endswith(".png"):
            raise UserError(f"--png {options.png!r}: a picture in PNG has a name that ends in .png")
        try:
            check_matplotlib_support("--png")
        except ImportError as error:
            raise UserError(str(error)) from error
    if options.data is None:
        results = _run_bundled(options)
    else:
        problem = read_problem(options, options.folds)
        if problem.task == "classification":
            problem.y = LabelEncoder().fit_transform(problem.y)
        _print_versions(options)
        for note in problem.notes:
            print(note)
        results = {problem.name: _run(problem, make_preprocessor(), options)}
    if options.csv:
        _write_csv(results, options.csv)
    if options.png:
        n_pairs = {name: len(rows) - bool(options.peers) for name, rows in results.items()}
        picture = io.BytesIO()
        draw(results, n_pairs).savefig(picture, format="png", dpi=150)
        write(options.png, picture.getvalue())
        print(f"wrote {options.png}")


def _run_bundled(options: argparse.Namespace) -> dict[str, list[tuple[Row, ...]]]:
    if options.drop:
        raise UserError(
            "no DATA: --drop takes all names up to the next option, so write DATA first"
        )
    for name in ("target", "task"):
        if getattr(options, name):
            raise UserError(f"--{name} needs a table: python -m skdnn DATA.csv --target COLUMN")
    _print_versions(options)
    results = {}
    for name, (load, task) in BUNDLED.items():
        X, y = load(return_X_y=True)
        problem = Problem(name, X, y, task)
        results[name] = _run(problem, StandardScaler(), options)
    return results


def _run(
    problem: Problem, prepare: BaseEstimator, options: argparse.Namespace
) -> list[tuple[Row, ...]]:
    """Compare on one table and print."""
    print(f"\n{problem.title()}", flush=True)
    task, X, y = problem.task, problem.X, problem.y
    common = {"max_iter": options.max_iter, "random_state": options.random_state}
    pairs = make_pairs(
        task,
        n_classes=problem.n_classes,
        hidden_layer_sizes=options.hidden_layer_sizes,
        **common,
    )
    others = make_peers(list(dict.fromkeys(options.peers)), task, **common)
    status = Status(problem.name)
    status.show("warming up, which compiles the kernels if they are not in the cache")
    seconds = warm_up(pairs, X, y, prepare=prepare, others=others)
    rows = compare(
        pairs,
        X,
        y,
        task=task,
        cv=make_splitter(task, options.folds, options.random_state),
        prepare=prepare,
        others=others,
        n_threads=options.threads,
        progress=status.show_fold,
    )
    status.clear()
    print(f"warm-up of skdnn's kernels, before the folds: {seconds:.2f} s")
    if problem.n_classes == 2:
        print("SoftmaxClassifier has C=0.5, which for two classes is the penalty of C=1 elsewhere")
    print(f"\n{format_table(rows)}\n")
    for ours, theirs in rows[: len(pairs)]:
        print(format_verdict(ours, theirs, task), flush=True)
    return rows


def _print_versions(options: argparse.Namespace) -> None:
    packages = ", ".join(
        f"{module.__name__} {module.__version__}" for module in (skdnn, np, sklearn, numba)
    )
    print(f"Python {platform.python_version()}, {packages}, {joblib.cpu_count()} CPUs")
    print(f"mean ± standard deviation over {options.folds} folds; threads: {options.threads}")
    print("times are of the estimator alone, without the preprocessing that all share")
    print(
        "differences are skdnn's minus scikit-learn's; better: beyond their spread over the folds"
    )


def _write_csv(results: dict[str, list[tuple[Row, ...]]], path: str) -> None:
    records = [
        {"table": name, **record} for name, rows in results.items() for record in to_records(rows)
    ]
    # Classification and regression have scores of their own.
    scores = [name for record in records for name in record]
    last = ["fit_time", "predict_time", "n_iter", "converged"]
    columns = [name for name in dict.fromkeys(scores) if name not in last] + last
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    write(path, text.getvalue().encode())
    print(f"wrote {path}: {len(records)} rows, one for each estimator and fold")
