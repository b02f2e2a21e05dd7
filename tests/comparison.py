"""What the tests of the comparison share."""

import re

import numpy as np
import pandas as pd

from skdnn.compare import Row

QUICK = ["--folds", "2", "--max-iter", "3", "--hidden-layer-sizes", "5"]


def people(n=80):
    """Build a table with numbers, categories, booleans and gaps; `grade` follows the rest."""
    rng = np.random.default_rng(0)
    age = rng.integers(18, 80, n).astype(float)
    town = rng.choice(["Ghent", "Bruges", "Lier"], n)
    score = age / 10 + (town == "Lier") + rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "name": [f"person {i}" for i in range(n)],
            "age": age,
            "town": town,
            "MEMBER": rng.choice([True, False], n).astype(object),
            "nothing": np.nan,
            "score": score,
            "grade": np.where(score > np.median(score), "good", "bad"),
        }
    )
    frame.loc[::9, "age"] = np.nan
    frame.loc[4::9, "town"] = np.nan
    frame.loc[6::9, "MEMBER"] = np.nan
    return frame


def rows_of(output, task="classification"):
    """Read the printed table back: (estimator, first score) in the printed order."""
    score = "accuracy" if task == "classification" else "R2"
    body = output[output.index(f" {score} ") :]
    pattern = r"^(\w+) +(-?[\d.]+) ± [\d.]+ .*(?: \d+| -)$"
    return [(name, float(mean)) for name, mean in re.findall(pattern, body, re.M)]


def row(estimator="A", **values):
    """Build a row of two folds; what is not given is 1."""
    ones = np.ones(2)
    given = {name: np.asarray(value, dtype=float) for name, value in values.items()}
    scores = {"accuracy": given.pop("accuracy", ones), "log loss": given.pop("log_loss", ones)}
    fields = dict.fromkeys(("fit_time", "predict_time", "n_iter"), ones) | given
    return Row(estimator, scores, converged=ones.astype(bool), **fields)
