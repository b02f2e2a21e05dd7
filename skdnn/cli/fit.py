"""The command ``fit``: train on a table, score on held-out rows, save the model."""

from __future__ import annotations

import argparse
import time
from math import inf
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline

from skdnn.cli.data import Problem, check_held_out, keep_complete_rows, read_problem
from skdnn.cli.options import CSV, add_model_options, add_table_options, check_place
from skdnn.cli.scores import describe_scores
from skdnn.cli.status import EpochStatus, Status
from skdnn.compare import make_pairs, make_preprocessor
from skdnn.compare.measurement import learner_of, quiet_fit
from skdnn.dependencies import import_optional_dependency
from skdnn.persistence import save
from skdnn.tables import UserError

HELP = "train on a table and save the model"
DESCRIPTION = """\
Train an estimator on a table, score it on rows that were held out, and save it.

Numbers are standardised, with the median in their gaps and a column that says where the gaps
were; categories are one-hot. The file holds all of this, so that predict takes tables as they are.
Ctrl-C ends the training of a network; what it has learned by then is scored and saved.

With --standard-errors it is a linear model without a penalty, fitted as statistics packages do:
numbers in their own units, the first category of each column as the reference that the others are
compared to, and rows with gaps left out. summary then shows the table of coefficients, with
standard errors, p-values and confidence intervals.
"""
EPILOG = """\
examples:
  python -m skdnn fit titanic.csv --target survived --drop name ticket --save titanic.skops
  python -m skdnn fit houses.csv --target price --hidden-layer-sizes 64,32 --save houses.skops
  python -m skdnn fit churn.csv --target churn --model GDLogisticRegression --save churn.skops
  python -m skdnn fit churn.csv --target churn --standard-errors --save churn.skops

In Python, skdnn.load("titanic.skops") gives the same model.
"""

MODELS = {
    "classification": ["MLPNet", "GDLogisticRegression", "SoftmaxClassifier"],
    "regression": ["MLPNetRegressor", "GDLinearRegression"],
}
# The models that have standard errors, without a penalty. A gradient is in units of the columns, so
# that the tolerance is small, and Newton's method the one that does not mind.
UNPENALIZED: dict[str, tuple[str, dict[str, Any]]] = {
    "classification": ("GDLogisticRegression", {"C": inf, "solver": "newton", "tol": 1e-10}),
    "regression": ("GDLinearRegression", {"alpha": 0.0, "solver": "newton", "tol": 1e-10}),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    table = parser.add_argument_group("the table")
    table.add_argument("data", metavar="DATA", help=CSV)
    add_table_options(table)
    group = parser.add_argument_group("the model")
    group.add_argument(
        "--model",
        choices=[name for names in MODELS.values() for name in names],
        metavar="NAME",
        help=f"for classes {', '.join(MODELS['classification'])}; for numbers "
        f"{', '.join(MODELS['regression'])}; default: the first one",
    )
    group.add_argument(
        "--standard-errors",
        action="store_true",
        help="fit GDLogisticRegression, for two classes, or GDLinearRegression, for numbers, "
        "without a penalty, so that summary has standard errors and p-values",
    )
    add_model_options(group)
    group.add_argument(
        "--test-size",
        metavar="SHARE",
        type=_share,
        help="share of the rows that are held out for the score, default: 0.2, with "
        "--standard-errors 0; with 0 all rows are trained on and there is no score",
    )
    group.add_argument(
        "--save", required=True, metavar="MODEL", help="the file to write, such as model.skops"
    )


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to less than 1")
    return share


def run(options: argparse.Namespace) -> None:
    """Train, score and save."""
    check_place("--save", options.save)
    try:
        # What could not be saved is not trained.
        import_optional_dependency("skops.io")
    except ImportError as error:
        raise UserError(str(error)) from error
    problem = read_problem(options)
    estimator = _make_estimator(problem, options)
    if options.standard_errors:
        keep_complete_rows(problem, options.target)
    X, X_test, y, y_test = _split(problem, options)
    for note in problem.notes:
        print(note)
    print(problem.title(), flush=True)
    model = make_pipeline(make_preprocessor(penalized=not options.standard_errors), estimator)
    # Where `predict` finds the truth to score itself.
    model.target_name_ = options.target
    _train(model, X, y, Status(problem.name))
    if len(y_test):
        print(f"on {len(y_test)} held-out rows: {describe_scores(model, X_test, y_test)}")
    try:
        save(model, options.save)
    except OSError as error:
        raise UserError(f"cannot write {options.save!r}: {error.strerror or error}") from error
    print(f"wrote {options.save}")


def _make_estimator(problem: Problem, options: argparse.Namespace) -> BaseEstimator:
    """Make the estimator as `compare` has it."""
    pairs = make_pairs(
        problem.task,
        n_classes=problem.n_classes,
        hidden_layer_sizes=options.hidden_layer_sizes,
        max_iter=options.max_iter,
        random_state=options.random_state,
    )
    models = dict(zip(MODELS[problem.task], [pair.ours for pair in pairs], strict=True))
    linear, unpenalized = UNPENALIZED[problem.task]
    name = options.model or (linear if options.standard_errors else next(iter(models)))
    if name not in models:
        raise UserError(
            f"--model {name} is not for {problem.task}, which is the task here; "
            f"the models for it are {', '.join(models)}"
        )
    if not options.standard_errors:
        return models[name]
    if name != linear:
        raise UserError(f"--model {name} has no --standard-errors; the model with them is {linear}")
    if (problem.n_classes or 2) > 2:
        raise UserError(
            f"--standard-errors are for two classes, and {options.target!r} has "
            f"{problem.n_classes}; make a column that tells one of them from the others"
        )
    return models[name].set_params(**unpenalized)


def _split(problem: Problem, options: argparse.Namespace) -> Any:
    """Return the rows to train on and those to score on, and the targets of both."""
    test_size = options.test_size
    if test_size is None:
        test_size = 0.0 if options.standard_errors else 0.2
    if not test_size:
        return problem.X, problem.X[:0], problem.y, problem.y[:0]
    strata = problem.y if problem.task == "classification" else None
    try:
        X, X_test, y, y_test = train_test_split(
            problem.X,
            problem.y,
            test_size=test_size,
            random_state=options.random_state,
            stratify=strata,
        )
    except ValueError as error:
        raise UserError(
            f"--test-size {test_size:g} of {len(problem.y)} rows leaves too few rows: {error}"
        ) from error
    if options.standard_errors:
        check_held_out(X, X_test)
    return X, X_test, y, y_test


def _train(model: Pipeline, X: Any, y: Any, status: Status) -> None:
    """Fit, showing how far it is, and print what it came to."""
    learner = learner_of(model[-1])
    learner.set_callbacks(EpochStatus(status, learner.max_iter))
    status.show("training; the first fit on a machine compiles the kernels")
    start = time.perf_counter()
    converged = quiet_fit(model, X, y)
    seconds = time.perf_counter() - start
    status.clear()
    # What is shown while it trains is not part of the model.
    for one in (learner, learner_of(model[-1])):
        one.set_callbacks()
    learner = learner_of(model[-1])
    last = learner.history_[-1]["loss"] if learner.history_ else float("nan")
    # Newton's steps may also end where float64 has no lower objective.
    cut_off = not converged and len(learner.history_) == learner.max_iter
    stopped = ", stopped at max_iter before convergence" if cut_off else ""
    print(
        f"{type(learner).__name__}: {len(learner.history_)} iterations on {len(y)} rows in "
        f"{seconds:.2f} s, loss {last:.4g}{stopped}"
    )
