"""Linear regression: a network without a hidden layer, with squared error."""

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import issparse
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils._param_validation import Interval
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_array

from skdnn._typing import MatrixLike, Seed, fit_context
from skdnn.likelihood import Rows
from skdnn.linear.coefficients import CoefficientInference
from skdnn.validation import check_row_weights, check_rows, check_training_data


def spread(y: NDArray, weight: NDArray | None, centred: bool) -> float:
    """Return the root mean square of `y`, about its mean if `centred`; 1 where that is zero.

    A spread that is only rounding error counts as zero. Squares are those of `y` divided by its
    largest element, so that they do not overflow.
    """
    precision = np.finfo(y.dtype).eps
    largest = float(np.abs(y).max()) or 1.0
    y = y.astype(np.float64, copy=False) / largest
    size = float(np.sqrt(np.average(y**2, axis=0, weights=weight).mean()))
    if centred:
        y = y - np.average(y, axis=0, weights=weight)
        about_mean = float(np.sqrt(np.average(y**2, axis=0, weights=weight).mean()))
        if about_mean > np.sqrt(precision) * size:
            return about_mean * largest
    return size * largest or 1.0


class GDLinearRegression(MultiOutputMixin, RegressorMixin, CoefficientInference):
    """Linear regression as a network: one linear neuron for each target, squared error.

    Parameters
    ----------
    alpha : float, default=0.0
        Strength of the penalty, as in scikit-learn's `ElasticNet` and `Lasso`; its `Ridge` has
        `n_samples` times it. 0 is ordinary least squares.
    l1_ratio : float, default=0.0
        Share of the L1 penalty: 0 is ridge, 1 lasso, between them elastic net.
    tol : float, default=1e-4
        The deterministic solvers stop when no element of the generalised gradient of the mean
        loss exceeds it times the targets' standard deviation, "sgd" when the objective no longer
        falls by that.
    fit_intercept : bool, default=True
        Whether to fit intercepts, one for each target. They are not penalised.
    random_state : int, RandomState instance or None, default=None
        Seed of the order of the rows with ``solver="sgd"``. The same seed gives the same model,
        bit for bit.
    solver : {"auto", "newton", "lbfgs", "nesterov", "gd", "sgd"}, default="auto"
        How to minimise; with an L1 penalty all but "lbfgs" set coefficients to exactly zero.

        - "auto": what is fastest for the shape of the data and the penalty.
        - "newton": Newton's method, the Hessian formed or met by conjugate gradients; with an L1
          penalty coordinate descent on the Hessian, for up to 1500 parameters.
        - "lbfgs": SciPy's L-BFGS-B; no L1 penalty.
        - "nesterov": accelerated gradient descent with restarts (FISTA).
        - "gd": gradient descent on all rows.
        - "sgd": stochastic gradient descent on mini-batches; an iteration is an epoch.
    max_iter : int, default=100
        Largest number of iterations.
    verbose : int, default=0
        Positive to show each iteration: the objective, and the time left at most; by a bar in a
        terminal where rich is installed (the extra ``progress``), else by a line.
    warm_start : bool, default=False
        Whether to start from the coefficients of the previous fit.
    learning_rate : float or "auto", default="auto"
        Length of the steps of "gd", "nesterov" and "sgd" along the gradient of the mean loss.
        "auto" finds it from the curvature; "sgd" then divides it by five whenever
        `n_iter_no_change` epochs have not lowered the objective by `tol`, and ends after a
        millionth of the first.
    schedule : {"constant", "invscaling", "adaptive"}, Schedule, callable or None, default=None
        How "sgd" changes the rate, which is then not lowered otherwise: as in `MLPNet`, an object
        of `skdnn.schedules`, by which it is multiplied, or a callable that returns the rate, given
        the number of the step, from 0. None: as `learning_rate` says.
    batch_size : int or "auto", default="auto"
        Rows in a mini-batch of "sgd"; "auto" means min(200, n_samples).
    shuffle : bool, default=True
        Whether "sgd" takes the rows in a new order in each epoch.
    n_iter_no_change : int, default=5
        After so many epochs without improvement "sgd" stops, or lowers an automatic rate.
    store_path : bool, default=False
        Whether to keep the coefficients of all iterations.
    dtype : {"float32", "float64"} or None, default=None
        Precision of the computation; None for float32 if `X` is float32, else float64.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Weights of the neurons; one-dimensional where `y` is.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercepts; 0.0 with ``fit_intercept=False``.
    n_iter_ : int
        Number of iterations.
    history_ : list of dict
        A row for each iteration: `epoch`, `loss`, `seconds`, with ``solver="sgd"`` the
        `learning_rate` of the last step. ``pandas.DataFrame(history_)`` is a table.
    loss_curve_ : list of float
        The objective, penalty included, after each iteration.
    coef_path_ : ndarray of shape (n_iter + 1, n_features) or (n_iter + 1, n_targets, n_features)
        The coefficients at the start and after each iteration; with ``store_path=True``.
    intercept_path_ : ndarray of shape (n_iter + 1,) or (n_iter + 1, n_targets)
        The same of the intercepts.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where all of `X`'s are strings.

    Notes
    -----
    With weights w_i and ``z = X coef_.T + intercept_`` this minimises the objective of
    scikit-learn's `ElasticNet`, Friedman, Hastie and Tibshirani (2010), Regularization paths for
    generalized linear models via coordinate descent::

        sum_i w_i |y_i - z_i|^2 / (2 sum_i w_i)
        + alpha (l1_ratio |coef_|_1 + (1 - l1_ratio) / 2 |coef_|^2).

    Where features depend on each other and nothing is penalised, many models have the same
    predictions, and one of them is found. It warns (`ConvergenceWarning`) when it ends before it
    has converged. Fitted without a penalty it keeps a reference to its rows, for `summary`.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from skdnn import GDLinearRegression
    >>> X, y, coef = make_regression(100, 3, coef=True, random_state=1)
    >>> model = GDLinearRegression().fit(X, y)
    >>> bool(abs(model.coef_ - coef).max() < 1e-9)
    True

    Without a penalty `summary` has standard errors and p-values:

    >>> X, y = make_regression(100, 2, noise=10.0, random_state=1)
    >>> print(GDLinearRegression().fit(X, y).summary())
    GDLinearRegression: linear regression
    Rows: 100
    Degrees of freedom: model 2, residuals 97
    Log-likelihood: -372.504 (intercept alone: -572.89)
    Scale (variance of the residuals): 103.821
    R2: 0.9818
    <BLANKLINE>
                  coef  std err       z  P>|z|   [0.025   0.975]
    ------------------------------------------------------------
    intercept   0.7304   1.0541   0.693  0.488  -1.3355   2.7963
    x0         31.3091   1.0913  28.690  0.000  29.1702  33.4480
    x1         83.6783   1.1980  69.846  0.000  81.3302  86.0264
    ------------------------------------------------------------
    """

    _no_penalty = "alpha=0"
    _one_output = "fit one for each target"
    _logistic = False
    _parameter_constraints: ClassVar[dict] = {
        **CoefficientInference._parameter_constraints,
        "alpha": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        alpha: float = 0.0,
        l1_ratio: float = 0.0,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        random_state: Seed = None,
        solver: str = "auto",
        max_iter: int = 100,
        verbose: int | bool = 0,
        warm_start: bool = False,
        learning_rate: Any = "auto",
        schedule: Any = None,
        batch_size: int | str = "auto",
        shuffle: bool = True,
        n_iter_no_change: float = 5,
        store_path: bool = False,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.n_iter_no_change = n_iter_no_change
        self.store_path = store_path
        self.dtype = dtype

    @fit_context
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            What each sample counts; None for one. A sample of weight zero is left out.
        coef_init : array-like of the shape of `coef_`, default=None
            Coefficients to start from; None for zeros, or `coef_` with `warm_start`.
        intercept_init : array-like of the shape of `intercept_`, default=None
            Intercepts to start from; None for zeros, or `intercept_` with `warm_start`.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            When the data are not as described, `coef_init` or `intercept_init` do not fit, the
            solver cannot handle the penalty, or a fixed `learning_rate` is so large that the loss
            diverges.
        """
        fit = self._begin_fit(X, y, sample_weight)
        if issparse(y):
            # Raises: several targets, which may be sparse elsewhere in scikit-learn, may not here.
            check_array(y, accept_sparse=False, input_name="y")
        data, given = check_training_data(
            self, X, y, self._dtypes(), multi_output=True, y_numeric=True
        )
        targets = given.reshape(len(given), -1).astype(data.dtype, copy=False)
        weight, kept = check_row_weights(data, sample_weight)

        def fitted(coef: Any, intercept: Any) -> Any:
            if given.ndim == 1:
                coef, intercept = coef[0], intercept[0]
            return {"coef_": coef, "intercept_": intercept if self.fit_intercept else 0.0}

        self.n_iter_ = self._fit_layer(
            fit,
            data,
            targets,
            (weight, kept),
            "squared_error",
            targets.shape[1],
            (coef_init, intercept_init),
            fitted,
            scale=spread(targets, weight, self.fit_intercept),
        )
        if self.store_path and given.ndim == 1:
            self.coef_path_ = self.coef_path_[:, 0]
            self.intercept_path_ = self.intercept_path_[:, 0]
        return self

    def _penalties(self, total: float) -> tuple[float, float]:
        return self.alpha * self.l1_ratio, self.alpha * (1 - self.l1_ratio)

    def _rows(self, X: Any, y: Any, sample_weight: Any) -> Any:
        X, y = check_rows(self, X), column_or_1d(y, dtype=np.float64)
        check_consistent_length(X, y)
        assert_all_finite(y, input_name="y")
        return Rows(X, y, check_row_weights(X, sample_weight)[0], False, self.fit_intercept)

    def _response(self) -> str:
        return "linear regression"

    def predict(self, X: MatrixLike) -> NDArray:
        """Return the predicted targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predicted values.
        """
        X = check_rows(self, X)
        return safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_
