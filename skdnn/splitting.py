"""The rows held out for validation."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skdnn import engine


class Holdout(NamedTuple):
    """Rows and weights of the two parts.

    Rows are None for all (to train on) or none (to validate on), weights where all rows count one.
    """

    train: NDArray | None
    train_weight: NDArray | None
    validation: NDArray | None = None
    validation_weight: NDArray | None = None


def hold_out(
    X: Any,
    y: Any,
    fraction: float,
    seed: Any,
    weight: Any = None,
    kept: Any = None,
    strata: Any = None,
) -> Holdout:
    """Split rows into a training and a validation part.

    Which part a row falls into depends on its content and the seed, not on its place: rows are
    ordered by a seeded hash of their values, and each stratum's first ones are held out. So the
    split of a shuffled table is the same, and as a whole-numbered weight counts as so many equal
    rows (a row of weight 4 may have 1 held out and 3 to train on, as 4 copies of it may), so is
    that of a table with equal rows merged into weights.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    y : ndarray of shape (n_samples, n_targets)
    fraction : float
        Share of the total weight to hold out, in (0, 1).
    seed : int
        At least 0.
    weight : ndarray of shape (n_samples,), default=None
    kept : ndarray of int64, default=None
        The rows of positive weight; None for all.
    strata : ndarray of int of shape (n_samples,), default=None
        Classes whose shares are kept; one row of each, at least, stays in training.

    Raises
    ------
    ValueError
        When there are too few rows for two to be held out and one to be left.
    """
    rows = np.arange(X.shape[0]) if kept is None else kept
    hashes = np.empty(X.shape[0], np.uint64)
    engine.hash_rows(engine.as_data(X, X.dtype, y), np.uint64(seed), hashes)
    rows = rows[np.argsort(hashes[rows], kind="stable")]
    sizes = np.ones(X.shape[0]) if weight is None else weight
    whole = bool(np.all(sizes[rows] == np.floor(sizes[rows])))
    labels = np.zeros(len(rows)) if strata is None else strata[rows]
    groups = [rows[labels == label] for label in np.unique(labels)]
    held = np.zeros(X.shape[0])
    quotas = _quotas([sizes[g].sum() for g in groups], fraction, whole)
    for group, quota in zip(groups, quotas, strict=True):
        held[group] = _take(sizes[group], quota, whole)
    validation, train = np.flatnonzero(held), rows[sizes[rows] > held[rows]]
    total_held = held.sum() if whole else len(validation)
    if total_held < 2 or len(train) == 0:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            f"dataset: validation_fraction={fraction} of n_samples={len(rows)} leaves "
            f"{int(total_held)} to validate and {len(train)} to train on."
        )
    train.sort()
    if weight is None:
        return Holdout(train, None, validation, None)
    return Holdout(train, weight - held, validation, held)


def _quotas(totals: Any, fraction: float, whole: Any) -> Any:
    """Return each stratum's weight to hold out."""
    totals = np.asarray(totals, float)
    if not whole:
        return totals * fraction
    # As many as train_test_split holds out, but two at least where that leaves something to
    # train on; the strata's shares are rounded by largest remainders.
    total = np.ceil(totals.sum() * fraction)
    if 0 < total < 2 < totals.sum():
        total = 2.0
    exact = total * totals / totals.sum()
    quotas = np.floor(exact)
    missing = int(total - quotas.sum())
    quotas[np.argsort(quotas - exact, kind="stable")[:missing]] += 1
    return np.minimum(quotas, totals - 1)


def _take(sizes: Any, quota: Any, whole: Any) -> Any:
    """Return how much of each row's weight is held out, taking rows in order up to the quota."""
    before = np.cumsum(sizes) - sizes
    if whole:
        return np.clip(quota - before, 0, sizes)
    # A row that lies across the quota goes where more of it lies; the last is left to train on.
    taken = np.where(before + sizes / 2 < quota, sizes, 0.0)
    taken[-1] = 0.0
    return taken
