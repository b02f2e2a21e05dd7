"""What all linear models share: one layer, its penalties, its start, a solver."""

from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackContext, CallbackSupportMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from skdnn.component import DocumentationLink
from skdnn.layers import Dense
from skdnn.network import Network
from skdnn.reporting import start_report
from skdnn.schedules import SCHEDULES, Schedule, check_schedule
from skdnn.solvers import SOLVERS, Problem, Record, run_solver
from skdnn.solvers import Options as SolverOptions
from skdnn.tasks import EpochTasks
from skdnn.threads import one_blas_thread, reserved_threads
from skdnn.validation import DTYPES, check_params

GRADIENT_SOLVERS = frozenset(name for name, row in SOLVERS.items() if row.uses_gradient)


def checked_start(value: Any, shape: tuple[int, ...], name: str) -> NDArray:
    """Return an initial value given by the user, as an array of the shape that is needed.

    Raises
    ------
    ValueError
        When it has another number of elements or dimensions, or is not finite.
    """
    array = np.asarray(value, dtype=np.float64)
    if array.shape != shape and (shape[0] != 1 or array.shape != shape[1:]):
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} contains NaN or infinity.")
    return array.reshape(shape)


def _sparse_coef_mixin() -> Any:
    # Imported on first use: it comes with all of scikit-learn's linear models.
    from sklearn.linear_model._base import SparseCoefMixin

    return SparseCoefMixin


class LinearNetwork(DocumentationLink, CallbackSupportMixin, BaseEstimator, ABC):
    """Base of the linear models: fits a network of one layer."""

    _parameter_constraints: ClassVar[dict] = {
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
        "random_state": ["random_state"],
        "solver": [StrOptions({"auto", *GRADIENT_SOLVERS})],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "schedule": [StrOptions(set(SCHEDULES)), Schedule, callable, None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "shuffle": ["boolean"],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "store_path": ["boolean"],
        "dtype": DTYPES,
    }

    n_features_in_: int
    feature_names_in_: NDArray
    history_: list[dict[str, Any]]
    loss_curve_: list[float]

    def _validate_params(self) -> None:
        check_params(self)
        check_schedule(self.schedule, self.max_iter)

    @abstractmethod
    def _penalties(self, total: float) -> tuple[float, float]:
        """Return the strengths of the L1 and L2 penalties of the mean loss.

        Parameters
        ----------
        total : float
            Sum of the rows' weights.
        """

    def _dtypes(self) -> list:
        return [np.float64, np.float32] if self.dtype is None else [self.dtype]

    def _start(self, n_features: int, n_outputs: int, coef_init: Any, intercept_init: Any) -> Any:
        """Return the coefficients and intercepts to start from, each None for zeros."""
        names = ["coef_init", "intercept_init"]
        values = [coef_init, intercept_init]
        if self.warm_start and hasattr(self, "coef_"):
            coef = self.coef_.toarray() if issparse(self.coef_) else self.coef_
            # A number where there was no intercept.
            intercept = np.broadcast_to(self.intercept_, len(np.atleast_2d(coef)))
            fitted: dict[str, Any] = {
                "coef_": coef,
                "intercept_": intercept if self.fit_intercept else None,
            }
            for i, (name, value) in enumerate(fitted.items()):
                if values[i] is None:
                    names[i], values[i] = f"{name} (with warm_start=True)", value
        shapes = (n_outputs, n_features), (n_outputs,)
        starts = [
            None if value is None else checked_start(value, shape, name)
            for value, shape, name in zip(values, shapes, names, strict=True)
        ]
        if starts[1] is not None and not self.fit_intercept and starts[1].any():
            raise ValueError(f"{names[1]} must be zero or None with fit_intercept=False.")
        return starts

    def _begin_fit(self, X: Any, y: Any, sample_weight: Any) -> tuple[CallbackContext, dict]:
        """Tell callbacks that the fit begins; return its context, and what it is of."""
        # A solver begins an iteration before it finds that it has converged.
        context = self._init_callback_context(max_subtasks=self.max_iter + 1)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        task = {"X": X, "y": y, "metadata": metadata}
        context.call_on_fit_task_begin(estimator=self, **task)
        return context, task

    def _fit_layer(
        self,
        fit: Any,
        X: Any,
        targets: Any,
        rows: Any,
        loss: Any,
        n_outputs: int,
        init: Any,
        fitted: Any,
        scale: Any = 1.0,
    ) -> int:
        """Fit the layer and set its attributes; return the number of iterations.

        Parameters
        ----------
        fit : tuple
            The fit's context for callbacks, and what it is of, from `_begin_fit`.
        X : ndarray or CSR matrix of shape (n_samples, n_features)
        targets : ndarray of shape (n_samples, n_targets)
        rows : tuple
            The rows' weights and the rows that count, from `check_row_weights`.
        loss : str
            A key of `engine.LOSSES`.
        n_outputs : int
        init : tuple
            `coef_init` and `intercept_init`.
        fitted : callable
            Coefficients, shape (n_outputs, n_features), and intercepts -> attributes to set.
        scale : float, default=1.0
            Factor of `tol`.
        """
        context, task = fit
        self.__dict__.pop("_fitted_rows", None)
        weight, kept = rows
        n_features = X.shape[1]
        total = float(X.shape[0] if weight is None else weight.sum())
        if weight is not None:
            # Of mean one, so that no sum overflows.
            weight = weight * ((X.shape[0] if kept is None else len(kept)) / total)
        l1, l2 = self._penalties(total)
        output = Dense(n_outputs, use_bias=self.fit_intercept)
        network = Network(n_features, [output], loss, dtype=X.dtype, l2=l2)
        problem = Problem(network, X, targets, weight, kept, l1=l1)
        params = np.zeros(network.n_params, network.dtype)
        coef, intercept = self._start(n_features, n_outputs, *init)
        if coef is not None:
            params[: problem.n_weights] = coef.T.ravel()
        if intercept is not None and self.fit_intercept:
            params[problem.n_weights :] = intercept

        def attributes(params: NDArray) -> Any:
            coefs, intercepts = self._split(params[None], n_features, n_outputs)
            return fitted(coefs[0], intercepts[0])

        tasks = None
        if hasattr(self, "_skl_callbacks"):
            tasks = EpochTasks(self, context, **task)
        report = start_report(self, "iteration", self.max_iter)
        record = Record(params, report, self.store_path, tasks, attributes)
        self.history_ = record.history
        with one_blas_thread(), reserved_threads(len(problem.parts)) as problem.n_threads:
            result = run_solver(self.solver, problem, params, self._options(scale), record)
            self._keep_rows(problem, targets, rows[0], result.params)
        self.loss_curve_ = record.loss_curve
        for name in ("coef_path_", "intercept_path_"):
            self.__dict__.pop(name, None)
        if self.store_path:
            self._set_path(np.array(record.path), n_features, n_outputs)
        values = attributes(result.params)
        for name, value in values.items():
            setattr(self, name, value)
        context.call_on_fit_task_end(estimator=self, **task, reconstruction_attributes=values)
        return record.n_iter

    def _keep_rows(self, problem: Problem, targets: Any, weight: Any, params: NDArray) -> None:
        """Keep what a summary needs of a fit that ended at `params`, where there is one."""

    def _options(self, scale: float) -> SolverOptions:
        return SolverOptions(
            tol=self.tol * scale,
            max_iter=self.max_iter,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            batch_size=self.batch_size,
            shuffle=self.shuffle,
            n_iter_no_change=self.n_iter_no_change,
            sigma=getattr(self, "sigma", 0.0),
            random_state=check_random_state(self.random_state),
        )

    @staticmethod
    def _split(params: NDArray, n_features: int, n_outputs: int) -> tuple[NDArray, NDArray]:
        """Return coefficients and intercepts, zeros if there are none, of each row of `params`."""
        weights = params[:, : n_features * n_outputs].reshape(-1, n_features, n_outputs)
        intercepts = np.zeros((len(params), n_outputs), params.dtype)
        if params.shape[1] > n_features * n_outputs:
            intercepts[:] = params[:, n_features * n_outputs :]
        return np.ascontiguousarray(weights.transpose(0, 2, 1)), intercepts

    def _set_path(self, path: NDArray, n_features: int, n_outputs: int) -> None:
        self.coef_path_, self.intercept_path_ = self._split(path, n_features, n_outputs)

    def sparsify(self) -> Self:
        """Make `coef_` a sparse matrix, which takes less room where most coefficients are zero.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        return _sparse_coef_mixin().sparsify(self)

    def densify(self) -> Self:
        """Make `coef_` an array again, as it is after a fit.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        return _sparse_coef_mixin().densify(self)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
