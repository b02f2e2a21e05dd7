"""The log-likelihood of a linear model about its coefficients, and what it says of them.

The formulas are those of maximum likelihood, McCullagh and Nelder (1989), Generalized Linear
Models, sections 2.5 and 4.4: the coefficients' covariance is the inverse of the information matrix
X'WX, for squared error times the variance of the residuals. All is computed in float64.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import eigh
from scipy.special import entr, expit, log_expit

# So many numbers of the design matrix at a time.
_CHUNK_NUMBERS = 2**18
# Where the information matrix, brought to a unit diagonal, has an eigenvalue of this share of the
# largest, the columns depend on each other.
_COLLINEAR = 1e-12
# A fit keeps rows of at most so many numbers; a pickle, a matrix of at most so many features.
MAX_NUMBERS, MAX_FEATURES = 2**22, 500


class Rows(NamedTuple):
    """The rows that a model is judged by.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
        Targets; 0 and 1, or booleans, for the log loss.
    weight : ndarray of shape (n_samples,) or None
        How often each row counts; None for once.
    logistic : bool
        Whether the model is of the log-odds, not of the targets themselves.
    intercept : bool
        Whether the first parameter is an intercept.
    """

    X: Any
    y: NDArray
    weight: NDArray | None
    logistic: bool
    intercept: bool

    @property
    def total(self) -> float:
        """The sum of the weights."""
        return float(len(self.y) if self.weight is None else self.weight.sum())

    def chunks(self) -> Iterator[tuple[Any, NDArray, Any]]:
        """Yield the design matrix, targets and weights of some rows after others, in float64."""
        size = max(1, _CHUNK_NUMBERS // (self.X.shape[1] + 1))
        for begin in range(0, len(self.y), size):
            rows = slice(begin, begin + size)
            design = self.X[rows].astype(np.float64, copy=False)
            if self.intercept:
                ones = np.ones((design.shape[0], 1))
                stack = sparse.hstack if sparse.issparse(design) else np.hstack
                design = stack([ones, design])
            if sparse.issparse(design):
                design = design.tocsr()
            y = self.y[rows].astype(np.float64)
            yield design, y, 1.0 if self.weight is None else self.weight[rows]

    def mean(self) -> float:
        """Return the mean of the targets."""
        return float(np.average(self.y.astype(np.float64), weights=self.weight))

    def loss(self, params: NDArray) -> float:
        """Return the summed loss at `params`: the log loss, or half the squared error."""
        value = 0.0
        for design, y, weight in self.chunks():
            z = design @ params
            if self.logistic:
                losses = -log_expit(np.where(y > 0, z, -z))
            else:
                losses = (y - z) ** 2 / 2
            value += float((weight * losses).sum())
        return value

    def null_loss(self) -> float:
        """Return the loss of the model with nothing but an intercept."""
        mean = self.mean()
        if self.logistic:
            return self.total * float(entr(mean) + entr(1 - mean))
        deviations = (self.y.astype(np.float64) - mean) ** 2 / 2
        return self.total * float(np.average(deviations, weights=self.weight))

    def information(self, params: NDArray) -> tuple[NDArray, NDArray]:
        """Return the information matrix for a residual variance of 1, and the score vector."""
        matrix, score = np.zeros((len(params), len(params))), np.zeros(len(params))
        with np.errstate(over="ignore", invalid="ignore"):
            for design, y, weight in self.chunks():
                z = design @ params
                curvature = weight * np.ones(len(y))
                if self.logistic:
                    curvature *= expit(z) * expit(-z)
                    # y - expit(z), exact also where the two are almost the same.
                    residual = np.where(y > 0, expit(-z), -expit(z))
                else:
                    residual = y - z
                score += design.T @ (weight * residual)
                if sparse.issparse(design):
                    matrix += (design.multiply(curvature[:, None]).T @ design).toarray()
                else:
                    matrix += (design * curvature[:, None]).T @ design
        return matrix, score

    def _margins(self, direction: NDArray) -> tuple[float, float]:
        """Return by how much the scores of `direction` are on the side of their rows' classes.

        Of all rows of positive weight the least and the most.
        """
        lowest, highest = np.inf, -np.inf
        for design, y, weight in self.chunks():
            margins = (design @ direction * np.where(y > 0, 1, -1))[weight * np.ones(len(y)) > 0]
            lowest = min(lowest, float(margins.min(initial=np.inf)))
            highest = max(highest, float(margins.max(initial=-np.inf)))
        return lowest, highest

    def separated_by(self, params: NDArray, matrix: NDArray, score: NDArray) -> bool:
        """Return whether a plane separates the classes, some of their rows lying on it at most.

        Then the likelihood rises for ever: Albert and Anderson (1984), On the existence of maximum
        likelihood estimates in logistic regression models. Newton's steps become steps along a
        direction in which no row gets further to the wrong side. Where there is a maximum they
        become zero.
        """
        if self._margins(params)[0] > 0:
            return True
        for _ in range(10):
            step = pseudo_inverse(matrix)[0] @ score
            nearest, furthest = self._margins(step)
            # Each step along the direction of separation moves rows by about 1.
            if not np.isfinite(step).all() or max(furthest, -nearest) < 0.01:
                return False
            if nearest > -1e-6 * furthest:
                return True
            params = params + step
            matrix, score = self.information(params)
        return False


def pseudo_inverse(matrix: NDArray) -> tuple[NDArray, NDArray, int]:
    """Return an information matrix's pseudo-inverse, which parameters it leaves open, its rank.

    It is that of the matrix with a unit diagonal, so that the features' scales do not matter.
    """
    if not np.isfinite(matrix).all():
        return np.full_like(matrix, np.nan), np.ones(len(matrix), bool), 0
    scale = np.sqrt(matrix.diagonal())
    scale[scale == 0] = 1
    values, vectors = eigh(matrix / scale / scale[:, None])
    kept = values > _COLLINEAR * values[-1]
    open_ = (vectors[:, ~kept] ** 2).sum(axis=1) > 1e-8
    vectors = vectors[:, kept]
    inverse = (vectors / values[kept]) @ vectors.T / scale / scale[:, None]
    return inverse, open_, int(kept.sum())


@dataclass(frozen=True)
class Likelihood:
    """The log-likelihood of rows about the parameters of a model.

    Attributes
    ----------
    inverse : ndarray of shape (n_params, n_params)
        The inverse of the information matrix, for a residual variance of 1.
    open_ : ndarray of bool of shape (n_params,)
        Which parameters the rows leave open.
    rank : int
        Of the information matrix.
    step : ndarray of shape (n_params,)
        The way to the maximum, to first order.
    loss, null_loss : float
        As of `Rows`, at the parameters and of an intercept alone.
    separated : bool
    n_samples : int
        Rows of positive weight.
    total : float
        The sum of the weights.
    weighted : bool
    """

    inverse: NDArray
    open_: NDArray
    rank: int
    step: NDArray
    loss: float
    null_loss: float
    separated: bool
    n_samples: int
    total: float
    weighted: bool


def likelihood_of(rows: Rows, params: NDArray) -> Likelihood:
    """Return the likelihood of rows about `params`, the intercept first."""
    matrix, score = rows.information(params)
    inverse, open_, rank = pseudo_inverse(matrix)
    n_samples = len(rows.y) if rows.weight is None else int(np.count_nonzero(rows.weight))
    return Likelihood(
        inverse,
        open_,
        rank,
        inverse @ score,
        rows.loss(params),
        rows.null_loss(),
        rows.logistic and rows.separated_by(params, matrix, score),
        n_samples,
        rows.total,
        rows.weight is not None,
    )


class FittedRows:
    """The rows of a fit, for its likelihood to be computed when it is asked for.

    Nothing is copied and nothing computed in the fit. A pickle or a deep copy is without the rows,
    and has the likelihood that was last asked for.

    Parameters
    ----------
    rows : Rows
    params : ndarray of shape (n_params,)
        The parameters found, the intercept first.
    mean_loss : float
        Their mean loss as the solver found it: whether the rows have been changed since is seen
        from it.
    """

    def __init__(self, rows: Rows, params: NDArray, mean_loss: float):
        self.rows: Rows | None = rows
        self.params, self.mean_loss = params, mean_loss
        self._likelihood: Likelihood | None = None

    def likelihood(self, params: NDArray) -> Likelihood | None:
        """Return the likelihood about `params`; None where the rows are gone or have been changed.

        They are others than those found where a callback restores earlier ones.
        """
        if self._likelihood is None or not np.array_equal(params, self.params):
            if self.rows is None or not self._unchanged(self.rows):
                return None
            self._likelihood = likelihood_of(self.rows, params)
            self.params, self.mean_loss = params, self._likelihood.loss / self.rows.total
        return self._likelihood

    def _unchanged(self, rows: Rows) -> bool:
        loss, null_loss = rows.loss(self.params), rows.null_loss()
        epsilon = float(np.finfo(rows.X.dtype).eps)
        # A residual has the rounding errors of the target that it is left of.
        rounding = 0.0 if rows.logistic else epsilon * rows.total * rows.mean() ** 2
        tolerance = math.sqrt(epsilon) * (loss + null_loss) + rounding
        return abs(loss - self.mean_loss * rows.total) <= tolerance

    def __getstate__(self) -> dict:
        return {**vars(self), "rows": None}
