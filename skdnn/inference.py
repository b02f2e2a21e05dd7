"""The table of a linear model's coefficients: standard errors, tests, confidence intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from skdnn.likelihood import Likelihood
from skdnn.summary import html_table, text_table

# So far from the maximum, in standard errors, coefficients may be without a note.
_CLOSE = 0.05


def _numbers(values: NDArray) -> list[str]:
    return [f"{x:.4f}" if x == 0 or 1e-3 <= abs(x) < 1e6 else f"{x:.4g}" for x in values]


@dataclass(frozen=True)
class CoefficientSummary:
    """The coefficients of a linear model, and what the rows of its fit say of them.

    ``print`` shows it as a table, notebooks show it as HTML. What is not known is NaN, and
    `notes` say why.

    Attributes
    ----------
    model : str
        What is modelled.
    names : tuple of str
        The names of the coefficients, ``"intercept"`` first where there is one.
    coefficients : ndarray of shape (n_coefficients,)
        Of a classifier the log-odds of its second class.
    covariance : ndarray of shape (n_coefficients, n_coefficients)
        The inverse of the information matrix.
    level : float
        The confidence level.
    logistic : bool
        Whether it is of a classifier.
    notes : tuple of str
        What must be known to read the numbers.
    n_samples : int
        Number of rows of positive weight; 0 where the rows are not known.
    sum_of_weights : float
        The number of rows, each counted as often as its weight says.
    log_likelihood : float
        Of a regressor, for the variance at which it is largest.
    null_log_likelihood : float
        That of the model with nothing but an intercept.
    scale : float
        Variance of the residuals, their squares divided by `df_residuals`; 1 for a classifier.
    df_model : int
        The number of coefficients that the rows determine, less the intercept; 0 with a penalty.
    df_residuals : float
        The sum of weights less the number of coefficients that the rows determine.
    r2 : float
        The coefficient of determination, as of `score`; of a classifier McFadden's pseudo R2,
        ``1 - log_likelihood / null_log_likelihood``.
    """

    model: str
    names: tuple[str, ...]
    coefficients: NDArray
    covariance: NDArray
    level: float
    logistic: bool
    notes: tuple[str, ...]
    n_samples: int = 0
    sum_of_weights: float = math.nan
    log_likelihood: float = math.nan
    null_log_likelihood: float = math.nan
    scale: float = math.nan
    df_model: int = 0
    df_residuals: float = math.nan
    r2: float = math.nan

    @property
    def standard_errors(self) -> NDArray:
        """The standard errors, shape (n_coefficients,)."""
        return np.sqrt(self.covariance.diagonal())

    @property
    def z(self) -> NDArray:
        """The coefficients in standard errors, shape (n_coefficients,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.coefficients / self.standard_errors

    @property
    def p_values(self) -> NDArray:
        """The probabilities of a larger `z`, by its size, if the coefficient were zero.

        Those of Wald's test: `z` is compared with the normal distribution.
        """
        return 2 * ndtr(-np.abs(self.z))

    @property
    def confidence_intervals(self) -> NDArray:
        """The lower and upper limits, shape (n_coefficients, 2)."""
        reach = ndtri((1 + self.level) / 2) * self.standard_errors
        return np.stack([self.coefficients - reach, self.coefficients + reach], axis=1)

    def _cells(self) -> tuple[list[str], list[list[str]], int]:
        header, columns = ["", "coef"], [list(self.names), _numbers(self.coefficients)]
        if not np.isnan(self.standard_errors).all():
            tail = (1 - self.level) / 2
            low, high = self.confidence_intervals.T
            header += ["std err", "z", "P>|z|", f"[{tail:.4g}", f"{1 - tail:.4g}]"]
            columns += [
                _numbers(self.standard_errors),
                [f"{z:.3f}" for z in self.z],
                [f"{p:.3f}" for p in self.p_values],
                _numbers(low),
                _numbers(high),
            ]
        return header, [list(row) for row in zip(*columns, strict=True)], 1

    def _facts(self) -> list[str]:
        if not self.n_samples:
            return []
        facts = [f"Rows: {self.n_samples:,}"]
        if self.sum_of_weights != self.n_samples:
            facts.append(f"Sum of weights: {self.sum_of_weights:,.6g}")
        if not math.isnan(self.df_residuals):
            residuals = f"{self.df_residuals:,.6g}"
            facts.append(f"Degrees of freedom: model {self.df_model:,}, residuals {residuals}")
        null = f"intercept alone: {self.null_log_likelihood:.6g}"
        facts.append(f"Log-likelihood: {self.log_likelihood:.6g} ({null})")
        if self.logistic:
            return [*facts, f"Pseudo R2 (McFadden): {self.r2:.4f}"]
        if not math.isnan(self.scale):
            facts.append(f"Scale (variance of the residuals): {self.scale:.6g}")
        return [*facts, f"R2: {self.r2:.4f}"]

    def __str__(self) -> str:
        notes = [fill(f"Note: {note}", 88) for note in self.notes]
        return "\n".join([self.model, *self._facts(), "", text_table(*self._cells()), *notes])

    def _repr_html_(self) -> str:
        return html_table(*self._cells(), caption=self.model, notes=[*self._facts(), *self.notes])


def _log_likelihood(loss: float, total: float, logistic: bool) -> float:
    if logistic:
        return -loss
    with np.errstate(divide="ignore"):
        return float(-total / 2 * (np.log(4 * np.pi * np.float64(loss) / total) + 1))


def _notes(
    likelihood: Any, covariance: Any, names: Any, logistic: Any, df_residuals: Any
) -> list[str]:
    """Return what keeps the covariance from being what it seems."""
    notes = []
    if likelihood.weighted:
        notes.append("Weights count as numbers of equal rows.")
    if likelihood.separated:
        return [
            *notes,
            "A linear combination of the features separates the classes, at least for some rows: "
            "the likelihood rises for ever as coefficients grow, so that they are where the solver "
            "stopped, and standard errors and p-values mean nothing. A penalty (a finite C) makes "
            "the coefficients finite.",
        ]
    if likelihood.open_.any():
        columns = [name for name, is_open in zip(names, likelihood.open_, strict=True) if is_open]
        shown = ", ".join(columns[:10]) + (", ..." if len(columns) > 10 else "")
        notes.append(
            f"The columns {shown} depend on each other linearly, are constant beside an intercept, "
            "or overflow when squared: their coefficients are not determined by the data."
        )
    if not logistic and df_residuals <= 0:
        notes.append("There are no more rows than coefficients: nothing is known of the residuals.")
    errors = np.sqrt(covariance.diagonal())
    known = ~likelihood.open_ & (errors > 0)
    distance = float(np.max(np.abs(likelihood.step[known]) / errors[known], initial=0.0))
    if distance > _CLOSE:
        notes.append(
            "The coefficients are not those of the largest likelihood, from which they are up to "
            f"{distance:.2g} standard errors away: fit with a smaller tol or a larger max_iter."
        )
    return notes


def summarize_coefficients(
    model: str,
    names: Sequence[str],
    coefficients: NDArray,
    likelihood: Likelihood | None,
    *,
    level: float,
    logistic: bool,
    intercept: bool,
    penalty_note: str = "",
) -> CoefficientSummary:
    """Return the table of coefficients.

    Parameters
    ----------
    model : str
        What is modelled.
    names : sequence of str
    coefficients : ndarray of shape (n_coefficients,)
    likelihood : Likelihood or None
        None where no rows are known.
    level : float
    logistic, intercept : bool
    penalty_note : str, default=""
        What to say of penalised coefficients, which have no standard errors.
    """
    n_coefficients = len(coefficients)
    nothing = np.full((n_coefficients, n_coefficients), np.nan)
    notes = [penalty_note] if penalty_note else []
    about: dict[str, Any] = {"model": model, "names": tuple(names), "coefficients": coefficients}
    about |= {"level": level, "logistic": logistic}
    if likelihood is None:
        return CoefficientSummary(**about, covariance=nothing, notes=tuple(notes))
    total = likelihood.total
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = float(1 - np.float64(likelihood.loss) / likelihood.null_loss)
    about |= {
        "n_samples": likelihood.n_samples,
        "sum_of_weights": total,
        "log_likelihood": _log_likelihood(likelihood.loss, total, logistic),
        "null_log_likelihood": _log_likelihood(likelihood.null_loss, total, logistic),
        "r2": r2,
    }
    if penalty_note:
        return CoefficientSummary(**about, covariance=nothing, notes=tuple(notes))
    df_residuals = total - likelihood.rank
    scale = 1.0
    if not logistic:
        scale = 2 * likelihood.loss / df_residuals if df_residuals > 0 else math.nan
    covariance = scale * likelihood.inverse
    notes = _notes(likelihood, covariance, names, logistic, df_residuals)
    covariance[likelihood.open_] = covariance[:, likelihood.open_] = np.nan
    return CoefficientSummary(
        **about,
        covariance=nothing if likelihood.separated else covariance,
        notes=tuple(notes),
        scale=scale,
        df_model=likelihood.rank - intercept,
        df_residuals=df_residuals,
    )
