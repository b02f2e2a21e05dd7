"""Summaries of fitted linear models of one output."""

from abc import abstractmethod
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils import check_scalar
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from skdnn._typing import MatrixLike
from skdnn.inference import CoefficientSummary, summarize_coefficients
from skdnn.likelihood import MAX_FEATURES, MAX_NUMBERS, FittedRows, Rows, likelihood_of
from skdnn.linear.base import LinearNetwork
from skdnn.solvers import Problem


class CoefficientInference(LinearNetwork):
    """A linear model that tells how certain its coefficients are."""

    # The parameter that leaves the coefficients unpenalised.
    _no_penalty: ClassVar[str]
    # What to do where there are several outputs.
    _one_output: ClassVar[str]
    _logistic: ClassVar[bool]

    @abstractmethod
    def _rows(self, X: Any, y: Any, sample_weight: Any) -> Rows:
        """Return rows that are given after the fit."""

    @abstractmethod
    def _response(self) -> str:
        """Return what the coefficients are of."""

    def _keep_rows(self, problem: Problem, targets: Any, weight: Any, params: NDArray) -> None:
        self._penalized = bool(problem.l1 or problem.l2)
        if self._penalized or problem.network.n_outputs > 1:
            return
        X = problem.X
        if (X.nnz if issparse(X) else X.size) <= MAX_NUMBERS:
            loss = problem.loss(params)
            rows = Rows(X, targets[:, 0], weight, self._logistic, self.fit_intercept)
            if self.fit_intercept:
                params = np.concatenate([params[-1:], params[:-1]])
            self._fitted_rows = FittedRows(rows, params.astype(np.float64), loss)

    def __getstate__(self) -> dict:
        fitted = vars(self).get("_fitted_rows")
        if fitted is not None and self.n_features_in_ <= MAX_FEATURES:
            # Kept in place of the rows.
            fitted.likelihood(self._coefficients())
        return super().__getstate__()

    def _coefficients(self) -> NDArray:
        coef = self.coef_.toarray() if issparse(self.coef_) else np.asarray(self.coef_)
        coef = coef.reshape(-1, self.n_features_in_)
        if len(coef) > 1:
            raise ValueError(
                f"summary() is of a model with one output, but this one has {len(coef)}: "
                f"{self._one_output}."
            )
        start = np.ravel(self.intercept_) if self.fit_intercept else np.empty(0)
        return np.concatenate([start, coef[0]]).astype(np.float64)

    def summary(
        self,
        X: MatrixLike | None = None,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        level: float = 0.95,
    ) -> CoefficientSummary:
        """Return the coefficients with standard errors, p-values and confidence intervals.

        They are those of maximum likelihood, for a model that is fitted without a penalty, and
        equal to those of statsmodels' `GLM`. A penalty makes coefficients biased, and the summary
        has nothing else then.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            The data of the fit. None: as the fit keeps them, see Notes.
        y : array-like of shape (n_samples,), default=None
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights, the numbers of equal rows that they stand for.
        level : float, default=0.95
            The confidence level of the intervals, between 0 and 1.

        Returns
        -------
        summary : skdnn.inference.CoefficientSummary
            ``print(summary)`` is the table.

        Raises
        ------
        NotFittedError
            When the model is not fitted; a ValueError too.
        ValueError
            When there are several outputs, the data are not as described, or are needed because
            the fit could not keep them.

        Notes
        -----
        A fit without a penalty keeps a reference to its rows, where they are at most 4 million
        numbers, and nothing is computed before it is asked for. In place of them a pickle has the
        covariance matrix, for up to 500 features.
        """
        check_is_fitted(self)
        check_scalar(level, "level", Real, min_val=0, max_val=1, include_boundaries="neither")
        coefficients = self._coefficients()
        names = list(_check_feature_names_in(self))
        note = ""
        if self._penalized:
            note = (
                "Standard errors and p-values are not given, because the penalty makes the "
                f"coefficients biased. Fit with {self._no_penalty} for them."
            )
        return summarize_coefficients(
            f"{type(self).__name__}: {self._response()}",
            ["intercept", *names] if self.fit_intercept else names,
            coefficients,
            self._likelihood(coefficients, X, y, sample_weight),
            level=float(level),
            logistic=self._logistic,
            intercept=bool(self.fit_intercept),
            penalty_note=note,
        )

    def _likelihood(self, coefficients: Any, X: Any, y: Any, sample_weight: Any) -> Any:
        if X is not None and y is not None:
            return likelihood_of(self._rows(X, y, sample_weight), coefficients)
        if not X is y is sample_weight:
            raise ValueError("summary() takes X and y together, and sample_weight with them only.")
        if self._penalized:
            return None
        fitted = vars(self).get("_fitted_rows")
        likelihood = None if fitted is None else fitted.likelihood(coefficients)
        if likelihood is None:
            raise ValueError(
                f"The rows of the fit are not there: they are kept up to {MAX_NUMBERS:,} numbers, "
                f"their covariance matrix in pickles up to {MAX_FEATURES} features, and neither "
                "where they, or coefficients that were pickled, have been changed since the fit. "
                "Call summary(X, y) with them."
            )
        return likelihood
