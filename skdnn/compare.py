"""Compare skdnn's estimators with their peers in scikit-learn; ``python -m skdnn`` does so.

Like is compared with like: both members of a `Pair` have the same hyper-parameters, sit in the
same pipeline, see the same rows in the same precision, may use the same number of BLAS threads,
and take turns at going first, so that a busy machine disturbs both.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import check_scoring
from sklearn.model_selection import BaseCrossValidator, KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.multiclass import type_of_target
from threadpoolctl import threadpool_limits

from skdnn import (
    GDLinearRegression,
    GDLogisticRegression,
    MLPNet,
    MLPNetRegressor,
    SoftmaxClassifier,
)

Task = Literal["classification", "regression"]

# Whole numbers are labels up to this many distinct values, which must also be less than this
# share of the rows: a short column of counts has few distinct values too.
MOST_LABELS = 20
MOST_LABELS_SHARE = 0.1


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
class Pair:
    """An estimator of skdnn and its peer in scikit-learn, with equal hyper-parameters.

    Both are unfitted, and cloned before every fit.
    """

    ours: BaseEstimator
    theirs: BaseEstimator


@dataclass(frozen=True)
class Row:
    """What one estimator of a pair did: every array holds one value for each fold.

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


def _inner(estimator: Any) -> Any:
    """Take the estimator out of its TransformedTargetRegressor, if it is in one."""
    return getattr(estimator, "regressor_", getattr(estimator, "regressor", estimator))


def find_task(y: Any) -> Task:
    """Tell classification from regression by the target.

    Text and booleans are labels. So are numbers with two distinct values, and whole numbers
    with at most 20 distinct values that are fewer than a tenth of the rows.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Target without gaps.

    Returns
    -------
    {"classification", "regression"}

    Examples
    --------
    >>> from skdnn.compare import find_task
    >>> find_task(["yes", "no", "yes"]), find_task([1, 2, 3] * 50), find_task(range(150))
    ('classification', 'classification', 'regression')
    """
    values = np.asarray(y)
    if values.dtype.kind not in "iuf":
        return "classification"
    n_distinct = len(np.unique(values))
    if n_distinct <= 2:
        return "classification"
    # Counted before type_of_target, which warns about labels as many as this.
    if n_distinct > MOST_LABELS or n_distinct >= MOST_LABELS_SHARE * len(values):
        return "regression"
    return "regression" if type_of_target(values) == "continuous" else "classification"


def make_pairs(
    task: Task,
    *,
    n_classes: int | None = None,
    hidden_layer_sizes: Sequence[int] = (100,),
    max_iter: int | None = None,
    random_state: int = 0,
) -> list[Pair]:
    """Pair every skdnn estimator for a task with its peer.

    Parameters
    ----------
    task : {"classification", "regression"}
        Which estimators to pair.
    n_classes : int, default=None
        With 2, `SoftmaxClassifier` gets half the `C` of its peer, which makes the penalties equal.
    hidden_layer_sizes : sequence of int, default=(100,)
        Hidden layers of the networks.
    max_iter : int, default=None
        Most iterations of every estimator that iterates. None gives networks 200 epochs, as
        scikit-learn does, and linear models 1000 iterations, so that they converge.
    random_state : int, default=0
        Seed of the networks.

    Returns
    -------
    list of Pair

    Examples
    --------
    >>> from skdnn.compare import make_pairs
    >>> [type(pair.theirs).__name__ for pair in make_pairs("classification")]
    ['MLPClassifier', 'LogisticRegression', 'LogisticRegression']
    """
    network: dict[str, Any] = {
        "hidden_layer_sizes": tuple(hidden_layer_sizes),
        "max_iter": max_iter or 200,
        "random_state": random_state,
    }
    linear: dict[str, Any] = {"max_iter": max_iter or 1000}
    if task == "classification":
        # For two classes the peer has one vector of weights w, softmax has -w/2 and w/2, and the
        # sum of their squares is half as large.
        C = 0.5 if n_classes == 2 else 1.0
        return [
            Pair(MLPNet(**network), MLPClassifier(**network)),
            Pair(GDLogisticRegression(**linear), LogisticRegression(**linear)),
            Pair(SoftmaxClassifier(C=C, **linear), LogisticRegression(**linear)),
        ]

    def with_scaled_target(regressor: BaseEstimator) -> TransformedTargetRegressor:
        # A network starts from outputs near 0 with slopes near 1; a target in the thousands
        # would cost both peers most of their epochs.
        return TransformedTargetRegressor(regressor, transformer=StandardScaler())

    return [
        Pair(
            with_scaled_target(MLPNetRegressor(**network)),
            with_scaled_target(MLPRegressor(**network)),
        ),
        # Without a penalty, as the peer has none.
        Pair(GDLinearRegression(alpha=0.0, **linear), LinearRegression()),
    ]


def make_splitter(task: Task, n_folds: int = 4, random_state: int = 0) -> BaseCrossValidator:
    """Shuffled folds, stratified for classification.

    Parameters
    ----------
    task : {"classification", "regression"}
        What the folds are for.
    n_folds : int, default=4
        Number of folds.
    random_state : int, default=0
        Seed of the shuffling.

    Returns
    -------
    StratifiedKFold or KFold
    """
    folds = StratifiedKFold if task == "classification" else KFold
    return folds(n_folds, shuffle=True, random_state=random_state)


def make_preprocessor() -> ColumnTransformer:
    """Preprocessing for a data frame of numbers and categories with gaps.

    Numbers: median in the gaps, a column that says where the gaps were, standardised.
    Everything else: gaps are a category of their own, one-hot, rare categories together.

    Returns
    -------
    ColumnTransformer
        Unfitted; it tells the columns by their dtype.
    """
    numbers = make_pipeline(
        # keep_empty_features: a column may have all its values outside of one fold.
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    categories = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="(missing)"),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5, sparse_output=False),
    )
    return ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include="number")),
            ("categories", categories, make_column_selector(dtype_exclude="number")),
        ]
    )


def _quiet_fit(model: Any, X: Any, y: Any) -> bool:
    """Fit; return whether it converged instead of warning that it did not."""
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


def warm_up(pairs: Iterable[Pair], X: Any, y: Any, *, prepare: BaseEstimator) -> float:
    """Fit every estimator for two iterations, so that no fold pays for loading or compiling.

    Parameters
    ----------
    pairs : iterable of Pair
        The pairs that will be compared.
    X : array-like or data frame of shape (n_samples, n_features)
        The samples that they will be compared on: kernels are compiled for a dtype.
    y : array-like of shape (n_samples,)
        The target.
    prepare : transformer
        Preprocessing.

    Returns
    -------
    float
        Seconds that skdnn's estimators took; those of the peers are not counted.
    """
    Z = clone(prepare).fit_transform(X, y)
    seconds = 0.0
    for pair in pairs:
        for estimator in (pair.ours, pair.theirs):
            model = clone(estimator)
            if "max_iter" in _inner(model).get_params():
                _inner(model).set_params(max_iter=2)
            start = time.perf_counter()
            _quiet_fit(model, Z, y)
            getattr(model, "predict_proba", model.predict)(Z)
            if estimator is pair.ours:
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
        converged = _quiet_fit(model, Z, y)
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
        "n_iter": np.max(getattr(_inner(model), "n_iter_", np.nan)),
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
    n_threads: int = 1,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[tuple[Row, Row]]:
    """Cross-validate pairs of estimators side by side.

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
    n_threads : int, default=1
        Most BLAS threads of every estimator.
    progress : callable, default=None
        Called before each fit with the fold (from 1), the number of folds, and the class name.

    Returns
    -------
    list of tuple of Row
        For each pair: ours, theirs.

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
    measured: dict[tuple[int, str], list[dict[str, Any]]] = {}
    with threadpool_limits(n_threads, user_api="blas"):
        for number, (train, test) in enumerate(folds, start=1):
            data = (by_position[train], y[train]), (by_position[test], y[test])
            for index, pair in enumerate(pairs):
                for side in ("ours", "theirs") if number % 2 else ("theirs", "ours"):
                    estimator = getattr(pair, side)
                    if progress:
                        progress(number, len(folds), type(_inner(estimator)).__name__)
                    fold = _measure(estimator, prepare, *data, METRICS[task])
                    measured.setdefault((index, side), []).append(fold)
    return [
        (
            _row(pair.ours, measured[index, "ours"], task),
            _row(pair.theirs, measured[index, "theirs"], task),
        )
        for index, pair in enumerate(pairs)
    ]


def _row(estimator: BaseEstimator, folds: list[dict[str, Any]], task: Task) -> Row:
    columns = {key: np.array([fold[key] for fold in folds]) for key in folds[0]}
    scores = {metric.label: columns.pop(metric.label) for metric in METRICS[task]}
    return Row(type(_inner(estimator)).__name__, scores, **columns)


def format_table(rows: Iterable[tuple[Row, Row]]) -> str:
    """Lay rows out for reading: mean and standard deviation over the folds.

    Parameters
    ----------
    rows : iterable of tuple of Row
        What `compare` returned.

    Returns
    -------
    str
        A header and one line for each estimator, a blank line between pairs.
    """
    lines: list[str] = []
    for pair in rows:
        heads = [*pair[0].scores, "fit, s", "predict, ms"]
        lines.append("" if lines else " " * 20 + "".join(f"{h:>18}" for h in heads) + "  iter")
        for row in pair:
            cells = [_spread(values, _decimals(values)) for values in row.scores.values()]
            cells += [_spread(row.fit_time, 4), _spread(1000 * row.predict_time, 2)]
            n_iter = "-" if np.isnan(row.n_iter).any() else f"{np.mean(row.n_iter):.0f}"
            line = f"{row.estimator:<20}" + "".join(f"{cell:>18}" for cell in cells)
            lines.append(f"{line}{n_iter:>6}")
    return "\n".join(lines)


def _decimals(values: np.ndarray) -> int:
    """Four decimals for scores around 1; four digits for errors in the target's unit."""
    size = np.max(np.abs(values))
    return 4 if 1e-4 <= size < 10 or not size else max(0, 3 - int(np.floor(np.log10(size))))


def _spread(values: np.ndarray, decimals: int, sign: str = "") -> str:
    mean, deviation = np.mean(values), np.std(values, ddof=1)
    if decimals > 6:
        return f"{mean:{sign}.2e} ± {deviation:.0e}"
    return f"{mean:{sign}.{decimals}f} ± {deviation:.{decimals}f}"


def format_verdict(ours: Row, theirs: Row, task: Task) -> str:
    """Say in words which one of a pair is faster and which is better.

    Times are compared by the median of the folds' ratios, unless the folds disagree about who
    is faster. A score differs when the mean of the folds' differences is larger than their
    standard deviation and than 1 in the last printed digit.

    Parameters
    ----------
    ours, theirs : Row
        A pair that `compare` returned.
    task : {"classification", "regression"}
        The task that they were compared on.

    Returns
    -------
    str
        A few lines, all but the first one indented.
    """
    names = ours.estimator, theirs.estimator
    speeds = []
    for verb, times in (("fit", "fit_time"), ("predict", "predict_time")):
        ratios = getattr(theirs, times) / getattr(ours, times)
        ratio = float(np.median(ratios))
        factor = f"{max(ratio, 1 / ratio):.1f}"
        if factor == "1.0" or np.min(ratios) < 1 < np.max(ratios):
            speeds.append(f"both {verb} equally fast")
        else:
            speeds.append(f"{names[ratio < 1]} {verb}s {factor} times as fast")
    scores = []
    for metric in METRICS[task]:
        both = ours.scores[metric.label], theirs.scores[metric.label]
        difference, decimals = both[0] - both[1], _decimals(np.concatenate(both))
        gain = metric.sign * float(np.mean(difference))
        in_noise = abs(gain) <= max(np.std(difference, ddof=1), 10.0**-decimals)
        says = "no difference" if in_noise else f"{names[gain < 0]} is better"
        scores.append(f"{metric.label}: {says} ({_spread(difference, decimals, '+')})")
    lines = [f"{names[0]} against {names[1]}:", "; ".join(speeds), "; ".join(scores)]
    stopped = [
        f"{row.estimator} in {np.sum(~row.converged)} of {len(row.converged)} folds"
        for row in (ours, theirs)
        if not row.converged.all()
    ]
    if stopped:
        lines.append(f"stopped at max_iter before convergence: {', '.join(stopped)}")
    return "\n  ".join(lines)
