"""The measurement: scores and times of every estimator on the same folds."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import BaseCrossValidator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skdnn.compare.estimators import Pair, Task, make_splitter


@dataclass(frozen=True)
class Metric:
    """A score: its name for people, scikit-learn's scorer, and -1 where less is better."""

    label: str
    scorer: str
    sign: int


METRICS: dict[str, tuple[Metric, ...]] = {
    "classification": (Metric("accuracy", "accuracy", 1), Metric("log loss", "neg_log_loss", -1)),
    "regression": (Metric("R2", "r2", 1), Metric("RMSE", "neg_root_mean_squared_error", -1)),
}


@dataclass(frozen=True)
class Row:
    """What one estimator did: every array holds one value for each fold.

    Parameters
    ----------
    estimator : str
        Class name.
    scores : dict of str to ndarray of shape (n_folds,)
        Scores on the held-out rows by the metric's label, in the metric's own sign.
    fit_time, predict_time : ndarray of shape (n_folds,)
        Seconds to fit on the training rows and to predict the held-out ones, the median of a few
        calls where they are short. The estimator alone: the preprocessing before it is the same
        for both and is not counted.
    n_iter : ndarray of shape (n_folds,)
        Iterations (epochs) of the fit; NaN for an estimator that has none.
    converged : ndarray of bool of shape (n_folds,)
        False where the fit warned that it stopped at `max_iter`.
    """

    estimator: str
    scores: dict[str, np.ndarray]
    fit_time: np.ndarray
    predict_time: np.ndarray
    n_iter: np.ndarray
    converged: np.ndarray


def learner_of(estimator: Any) -> Any:
    """Take the estimator, fitted if it is, out of its TransformedTargetRegressor."""
    return getattr(estimator, "regressor_", getattr(estimator, "regressor", estimator))


def quiet_fit(model: Any, X: Any, y: Any) -> bool:
    """Fit; return whether it converged instead of warning that it did not.

    Parameters
    ----------
    model : estimator
        It is fitted.
    X, y : array-like
        What to.

    Returns
    -------
    bool
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(X, y)
    converged = True
    for warning in caught:
        if issubclass(warning.category, ConvergenceWarning):
            converged = False
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return converged


def warm_up(
    pairs: Sequence[Pair],
    X: Any,
    y: Any,
    *,
    prepare: BaseEstimator,
    others: Sequence[BaseEstimator] = (),
) -> float:
    """Fit every estimator for two iterations, so that no fold pays for loading or compiling.

    Parameters
    ----------
    pairs : sequence of Pair
        The pairs that will be compared.
    X : array-like or data frame of shape (n_samples, n_features)
        The samples that they will be compared on: kernels are compiled for a dtype.
    y : array-like of shape (n_samples,)
        The target.
    prepare : transformer
        Preprocessing.
    others : sequence of estimator, default=()
        What will be measured beside the pairs.

    Returns
    -------
    float
        Seconds that skdnn's estimators took; those of the peers are not counted.
    """
    Z = clone(prepare).fit_transform(X, y)
    seconds = 0.0
    for estimators, counts in (
        ([pair.ours for pair in pairs], True),
        ([*(pair.theirs for pair in pairs), *others], False),
    ):
        start = time.perf_counter()
        for estimator in estimators:
            model = clone(estimator)
            if "max_iter" in learner_of(model).get_params():
                learner_of(model).set_params(max_iter=2)
            quiet_fit(model, Z, y)
            getattr(model, "predict_proba", model.predict)(Z)
        if counts:
            seconds += time.perf_counter() - start
    return seconds


def _measure(
    estimator: BaseEstimator,
    prepare: BaseEstimator,
    train: tuple[Any, Any],
    test: tuple[Any, Any],
    metrics: Sequence[Metric],
) -> dict[str, Any]:
    """Fit on `train`, predict and score on `test`, each an (X, y)."""
    pipeline = make_pipeline(clone(prepare), clone(estimator))
    head, model = pipeline[:-1], pipeline[-1]
    Z, y = head.fit_transform(*train), train[1]
    fit_times: list[float] = []
    # Fits of milliseconds are repeated, or a hiccup of the machine would decide.
    while sum(fit_times) < 0.05 and len(fit_times) < 5:
        start = time.perf_counter()
        converged = quiet_fit(model, Z, y)
        fit_times.append(time.perf_counter() - start)

    Z, y = head.transform(test[0]), test[1]
    predict_times = []
    for _ in range(5):
        start = time.perf_counter()
        model.predict(Z)
        predict_times.append(time.perf_counter() - start)
    scores = check_scoring(model, [metric.scorer for metric in metrics])(model, Z, y)
    return {
        **{metric.label: metric.sign * scores[metric.scorer] for metric in metrics},
        "fit_time": np.median(fit_times),
        "predict_time": np.median(predict_times),
        "n_iter": np.max(getattr(learner_of(model), "n_iter_", np.nan)),
        "converged": converged,
    }


def compare(
    pairs: Sequence[Pair],
    X: Any,
    y: Any,
    *,
    task: Task,
    cv: BaseCrossValidator | None = None,
    prepare: BaseEstimator | None = None,
    others: Sequence[BaseEstimator] = (),
    n_threads: int = 1,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[tuple[Row, ...]]:
    """Cross-validate pairs of estimators side by side, and others beside them.

    Call `warm_up` first, or the first fold's times include loading and compiling the kernels.

    Parameters
    ----------
    pairs : sequence of Pair
        What to compare.
    X : array-like or data frame of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Target.
    task : {"classification", "regression"}
        Decides the metrics.
    cv : cross-validation splitter, default=None
        None is ``make_splitter(task)``.
    prepare : transformer, default=None
        First step of everyone's pipeline, fitted anew on each fold's training rows.
        None is a `StandardScaler`.
    others : sequence of estimator, default=()
        To be measured on the same folds, after the pairs.
    n_threads : int, default=1
        Most threads of BLAS and OpenMP that an estimator may use.
    progress : callable, default=None
        Called before each fit with the fold (from 1), the number of folds, and the class name.

    Returns
    -------
    list of tuple of Row
        For each pair: ours, theirs. Then one tuple of the others, if there are any.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn.compare import compare, make_pairs
    >>> X, y = load_iris(return_X_y=True)
    >>> pairs = make_pairs("classification", max_iter=50)[1:2]
    >>> ours, theirs = compare(pairs, X, y, task="classification")[0]
    >>> ours.estimator, theirs.estimator, ours.scores["accuracy"].shape
    ('GDLogisticRegression', 'LogisticRegression', (4,))
    """
    prepare = StandardScaler() if prepare is None else prepare
    y = np.asarray(y)
    by_position = getattr(X, "iloc", X)
    folds = list((make_splitter(task) if cv is None else cv).split(X, y))
    groups = [(pair.ours, pair.theirs) for pair in pairs] + ([tuple(others)] if others else [])
    measured: dict[tuple[int, int], list[dict[str, Any]]] = {}
    with threadpool_limits(n_threads):
        for number, (train, test) in enumerate(folds, start=1):
            data = (by_position[train], y[train]), (by_position[test], y[test])
            for index, group in enumerate(groups):
                turns = list(enumerate(group))
                for side, estimator in turns if number % 2 else reversed(turns):
                    if progress:
                        progress(number, len(folds), type(learner_of(estimator)).__name__)
                    fold = _measure(estimator, prepare, *data, METRICS[task])
                    measured.setdefault((index, side), []).append(fold)
    return [
        tuple(_row(estimator, measured[index, side], task) for side, estimator in enumerate(group))
        for index, group in enumerate(groups)
    ]


def _row(estimator: BaseEstimator, folds: list[dict[str, Any]], task: Task) -> Row:
    columns = {key: np.array([fold[key] for fold in folds]) for key in folds[0]}
    scores = {metric.label: columns.pop(metric.label) for metric in METRICS[task]}
    return Row(type(learner_of(estimator)).__name__, scores, **columns)
