"""What is compared: pairs of estimators, the peers beside them, their folds and preprocessing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import BaseCrossValidator, KFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.multiclass import type_of_target

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
class Pair:
    """An estimator of skdnn and its peer in scikit-learn, with equal hyper-parameters.

    Both are unfitted, and cloned before every fit.
    """

    ours: BaseEstimator
    theirs: BaseEstimator


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
    return [
        Pair(
            with_scaled_target(MLPNetRegressor(**network)),
            with_scaled_target(MLPRegressor(**network)),
        ),
        # Without a penalty, as the peer has none.
        Pair(GDLinearRegression(alpha=0.0, **linear), LinearRegression()),
    ]


def with_scaled_target(regressor: BaseEstimator) -> TransformedTargetRegressor:
    """Let a regressor learn the standardised target.

    A network starts from outputs near 0 with slopes near 1: a target in the thousands would cost
    it most of its epochs.

    Parameters
    ----------
    regressor : estimator
        Unfitted.

    Returns
    -------
    TransformedTargetRegressor
    """
    return TransformedTargetRegressor(regressor, transformer=StandardScaler())


def make_peers(
    names: Sequence[str], task: Task, *, max_iter: int | None = None, random_state: int = 0
) -> list[BaseEstimator]:
    """Make other estimators of scikit-learn, to be measured beside the pairs.

    Parameters
    ----------
    names : sequence of str
        Keys of `PEERS`: ``"sgd"``, linear models trained by stochastic gradient descent;
        ``"neighbors"``, the nearest neighbours; ``"boosting"``, trees boosted on histograms.
    task : {"classification", "regression"}
        Which of them.
    max_iter : int, default=None
        Most epochs of stochastic gradient descent; None for 1000.
    random_state : int, default=0
        Seed.

    Returns
    -------
    list of estimator
        With scikit-learn's defaults; unfitted.

    Examples
    --------
    >>> from skdnn.compare import make_peers
    >>> make_peers(["neighbors"], "regression")
    [KNeighborsRegressor()]
    """
    return [PEERS[name](task, max_iter or 1000, random_state) for name in names]


def _make_sgd(task: Task, max_iter: int, random_state: int) -> BaseEstimator:
    common = {"max_iter": max_iter, "random_state": random_state}
    if task == "classification":
        # The loss that has probabilities.
        return SGDClassifier(loss="log_loss", **common)
    return with_scaled_target(SGDRegressor(**common))


def _make_neighbors(task: Task, max_iter: int, random_state: int) -> BaseEstimator:
    return KNeighborsClassifier() if task == "classification" else KNeighborsRegressor()


def _make_boosting(task: Task, max_iter: int, random_state: int) -> BaseEstimator:
    kind = (
        HistGradientBoostingClassifier
        if task == "classification"
        else HistGradientBoostingRegressor
    )
    return kind(random_state=random_state)


PEERS: dict[str, Callable[[Task, int, int], BaseEstimator]] = {
    "sgd": _make_sgd,
    "neighbors": _make_neighbors,
    "boosting": _make_boosting,
}


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


def make_preprocessor(*, penalized: bool = True) -> ColumnTransformer:
    """Preprocessing for a data frame of numbers and categories with gaps.

    Numbers: median in the gaps, a column that says where the gaps were, standardised.
    Everything else: gaps are a category of their own, one-hot, rare categories together.

    Parameters
    ----------
    penalized : bool, default=True
        Whether large coefficients cost the estimator something. False is for linear models whose
        coefficients are to be read: each then is determined by the rows, and is of a unit of its
        column. Numbers are left as they are, and the first category of each column, to which the
        others are compared, has no column of its own. Gaps, and categories that were not there in
        `fit`, are refused.

    Returns
    -------
    ColumnTransformer
        Unfitted; it tells the columns by their dtype.

    Examples
    --------
    >>> from skdnn.compare import make_preprocessor
    >>> import pandas
    >>> frame = pandas.DataFrame({"age": [20, 30, 40], "town": ["Oslo", "Rome", "Bern"]})
    >>> make_preprocessor(penalized=False).fit(frame).get_feature_names_out().tolist()
    ['age', 'town_Oslo', 'town_Rome']
    """
    are_numbers = make_column_selector(dtype_include="number")
    are_categories = make_column_selector(dtype_exclude="number")
    if not penalized:
        return ColumnTransformer(
            [
                ("numbers", "passthrough", are_numbers),
                ("categories", OneHotEncoder(drop="first", sparse_output=False), are_categories),
            ],
            verbose_feature_names_out="{feature_name}",
        )
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
            ("numbers", numbers, are_numbers),
            ("categories", categories, are_categories),
        ]
    )
