"""The command ``summary``: what is in the file of a model."""

from __future__ import annotations

import argparse
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from skdnn.cli.models import find_categories, read_model
from skdnn.compare.measurement import learner_of
from skdnn.inference import CoefficientSummary
from skdnn.tables import join_names

HELP = "tell what is in the file of a model"
DESCRIPTION = """\
Tell what a model that fit or skdnn.save has written consists of: the steps of its pipeline, the
columns that it was trained on, the layers of the network or the coefficients of the linear model,
and how long it was trained.

Coefficients have standard errors, p-values and confidence intervals where fit had
--standard-errors.
"""
EPILOG = """\
example:
  python -m skdnn summary titanic.skops
"""
STANDARDISED = (
    "Numbers are standardised: their coefficients are per standard deviation. With the option\n"
    "--standard-errors fit trains a model in the columns' units that has all standard errors."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("model", metavar="MODEL", help="file that fit or skdnn.save has written")


def run(options: argparse.Namespace) -> None:
    """Print the summary."""
    model = read_model(options.model)
    steps = model.steps if isinstance(model, Pipeline) else [("model", model)]
    print("steps:")
    for name, step in steps:
        print(f"  {name}: {type(step).__name__}")
        if isinstance(step, ColumnTransformer):
            for part, _, columns in step.transformers_:
                if part != "remainder" and len(columns):
                    print(f"    {part}: {join_names(columns)}")
    categories = find_categories(model)
    if categories:
        references = join_names(f"{column} {known[0]}" for column, known in categories.items())
        print(f"reference categories: {references}")
    if hasattr(model, "target_name_"):
        print(f"target: {model.target_name_}")
    if hasattr(model, "classes_"):
        print(f"classes: {join_names(model.classes_)}")
    learner = learner_of(steps[-1][1])
    if len(steps) > 1 and not hasattr(learner, "feature_names_in_"):
        # In a pipeline the columns lose their names on the way.
        learner.feature_names_in_ = model[:-1].get_feature_names_out()
    _print_learner(learner, hasattr(model, "target_name_") and categories is None)


def _print_learner(learner: Any, standardised: bool) -> None:
    """Print the layers or coefficients and the training, of an estimator of skdnn."""
    history = getattr(learner, "history_", None)
    if history is None:
        return
    try:
        summary = learner.summary()
    except ValueError as error:
        # A table of coefficients is of some linear models only.
        summary = f"no table: {error}"
    print(f"\n{summary}\n")
    if standardised and isinstance(summary, CoefficientSummary):
        print(f"{STANDARDISED}\n")
    if history:
        print(f"trained for {len(history)} iterations, last loss {history[-1]['loss']:.4g}")
