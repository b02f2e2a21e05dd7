"""Logistic and softmax regression: networks without a hidden layer."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions

from skdnn._typing import Seed
from skdnn.layers import Dense
from skdnn.likelihood import Rows
from skdnn.linear.base_classifier import LinearNetworkClassifier
from skdnn.linear.coefficients import CoefficientInference
from skdnn.network import Network
from skdnn.solvers import SOLVERS
from skdnn.summary import NetworkSummary, summarize
from skdnn.validation import check_row_weights, check_rows, check_sizes


class GDLogisticRegression(CoefficientInference, LinearNetworkClassifier):
    """Logistic regression as a network: one sigmoid neuron, or one softmax neuron per class.

    A drop-in for scikit-learn's `LogisticRegression`: the same objective, parameters and
    attributes, with gradient methods for solvers, a loss curve, and the path of the coefficients.
    Left out are what is deprecated there (`penalty`, `n_jobs`), what only liblinear uses (`dual`,
    `intercept_scaling`), and its solvers but "lbfgs".

    Parameters
    ----------
    C : float, default=1.0
        Inverse of the penalty's strength; ``float("inf")`` for no penalty.
    l1_ratio : float, default=0.0
        Share of the L1 penalty: 0 is ridge, 1 lasso, between them elastic net.
    tol : float, default=1e-4
        The deterministic solvers stop when no element of the generalised gradient of the mean
        loss exceeds it, "sgd" when the objective no longer falls by it. For coefficients that are
        exact to four digits set 1e-7.
    fit_intercept : bool, default=True
        Whether to fit intercepts, one for each neuron. They are not penalised.
    class_weight : dict, "balanced" or None, default=None
        Factors of the samples' weights by class; "balanced" for
        n_samples / (n_classes * counts).
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
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    coef_ : ndarray of shape (n_neurons, n_features)
        Weights of the neurons: one neuron for two classes, else one for each class.
    intercept_ : ndarray of shape (n_neurons,)
        Intercepts; zeros with ``fit_intercept=False``.
    n_iter_ : ndarray of shape (1,), int32
        Number of iterations.
    history_ : list of dict
        A row for each iteration: `epoch`, `loss`, `seconds`, with ``solver="sgd"`` the
        `learning_rate` of the last step. ``pandas.DataFrame(history_)`` is a table.
    loss_curve_ : list of float
        The objective, penalty included, after each iteration.
    coef_path_ : ndarray of shape (n_iter + 1, n_neurons, n_features)
        The coefficients at the start and after each iteration; with ``store_path=True``.
    intercept_path_ : ndarray of shape (n_iter + 1, n_neurons)
        The same of the intercepts.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where all of `X`'s are strings.

    See Also
    --------
    SoftmaxClassifier : One neuron for each class, for two classes too.

    Notes
    -----
    With weights w_i, scores ``z = X coef_.T + intercept_`` and the log loss l, this minimises::

        sum_i w_i l(y_i, z_i) / sum_i w_i
        + (l1_ratio |coef_|_1 + (1 - l1_ratio) / 2 |coef_|^2) / (C sum_i w_i),

    which is scikit-learn's objective, divided by C and the sum of the weights; see Hastie,
    Tibshirani and Friedman (2009), The Elements of Statistical Learning, section 4.4. It warns
    (`ConvergenceWarning`) when it ends before it has converged. Fitted without a penalty it keeps
    a reference to its rows, for `summary`.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from skdnn import GDLogisticRegression
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = GDLogisticRegression().fit(scale(X), y)
    >>> round(model.score(scale(X), y), 2)
    0.99
    >>> sparse = GDLogisticRegression(C=0.1, l1_ratio=1).fit(scale(X), y)
    >>> int((sparse.coef_ == 0).sum())
    22

    Without a penalty `summary` has standard errors and p-values:

    >>> some = scale(X)[:, :2]
    >>> summary = GDLogisticRegression(C=float("inf"), tol=1e-8).fit(some, y).summary()
    >>> summary.standard_errors.round(2)
    array([0.15, 0.36, 0.16])
    """

    _one_neuron_for_two = True
    _no_penalty = 'C=float("inf")'
    _one_output = "fit one with y == label, say, for a class against all others"
    _logistic = True

    def __init__(
        self,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        class_weight: Any = None,
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
        self.C = C
        self.l1_ratio = l1_ratio
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
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

    def _rows(self, X: Any, y: Any, sample_weight: Any) -> Any:
        X, y = check_rows(self, X), column_or_1d(y)
        check_consistent_length(X, y)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"y has classes that the fit had not, {unknown}, not {self.classes_}.")
        labels = y == self.classes_[1]
        weight, _ = check_row_weights(
            X,
            sample_weight,
            class_weight=self.class_weight,
            classes=self.classes_,
            labels=labels.astype(np.int64),
        )
        return Rows(X, labels, weight, True, self.fit_intercept)

    def _response(self) -> str:
        return f"log-odds of class {self.classes_[1]}"


class SoftmaxClassifier(LinearNetworkClassifier):
    """Softmax regression: one linear neuron for each class, also for two.

    For two classes it has twice the coefficients of `GDLogisticRegression`, and half its penalty at
    the same `C`.

    Parameters
    ----------
    C : float, default=1.0
        Inverse of the penalty's strength; ``float("inf")`` for no penalty.
    l1_ratio : float, default=0.0
        Share of the L1 penalty: 0 is ridge, 1 lasso, between them elastic net.
    tol : float, default=1e-4
        The deterministic solvers stop when no element of the generalised gradient of the mean
        loss exceeds it, "sgd" when the objective no longer falls by it. For coefficients that are
        exact to four digits set 1e-7.
    fit_intercept : bool, default=True
        Whether to fit intercepts, one for each neuron. They are not penalised.
    class_weight : dict, "balanced" or None, default=None
        Factors of the samples' weights by class; "balanced" for
        n_samples / (n_classes * counts).
    random_state : int, RandomState instance or None, default=None
        Seed of the order of the rows with ``solver="sgd"``, and of the random solvers' draws. The
        same seed gives the same model, bit for bit.
    solver : {"auto", "newton", "lbfgs", "nesterov", "gd", "sgd", "random_search", \
            "random_descent"}, default="auto"
        How to minimise; with an L1 penalty the gradient methods set coefficients to exactly zero.

        - "auto": what is fastest for the shape of the data and the penalty.
        - "newton": Newton's method, the Hessian formed or met by conjugate gradients; with an L1
          penalty coordinate descent on the Hessian, for up to 1500 parameters.
        - "lbfgs": SciPy's L-BFGS-B; no L1 penalty.
        - "nesterov": accelerated gradient descent with restarts (FISTA).
        - "gd": gradient descent on all rows.
        - "sgd": stochastic gradient descent on mini-batches; an iteration is an epoch.
        - "random_search": draws all parameters from N(0, sigma^2) and keeps the best draw; its
          parameters are never zero.
        - "random_descent": adds such draws to the parameters and keeps those that help. It and the
          random search make all of `max_iter` draws; they need thousands.
    max_iter : int, default=100
        Largest number of iterations, or of random draws.
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
    sigma : float, default=0.01
        Standard deviation of the draws of "random_search" and "random_descent".
    store_path : bool, default=False
        Whether to keep the coefficients of all iterations.
    dtype : {"float32", "float64"} or None, default=None
        Precision of the computation; None for float32 if `X` is float32, else float64.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    coef_ : ndarray of shape (n_classes, n_features)
        Weights of the neurons.
    intercept_ : ndarray of shape (n_classes,)
        Intercepts; zeros with ``fit_intercept=False``.
    n_iter_ : ndarray of shape (1,), int32
        Number of iterations.
    history_ : list of dict
        A row for each iteration: `epoch`, `loss`, `seconds`, with ``solver="sgd"`` the
        `learning_rate` of the last step. ``pandas.DataFrame(history_)`` is a table.
    loss_curve_ : list of float
        The objective, penalty included, after each iteration.
    coef_path_ : ndarray of shape (n_iter + 1, n_classes, n_features)
        The coefficients at the start and after each iteration; with ``store_path=True``.
    intercept_path_ : ndarray of shape (n_iter + 1, n_classes)
        The same of the intercepts.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where all of `X`'s are strings.

    See Also
    --------
    GDLogisticRegression : One neuron for two classes.

    Notes
    -----
    With weights w_i, scores ``z = X coef_.T + intercept_`` and the labels k_i, this minimises::

        sum_i w_i (log sum_k exp(z_ik) - z_{i, k_i}) / sum_i w_i
        + (l1_ratio |coef_|_1 + (1 - l1_ratio) / 2 |coef_|^2) / (C sum_i w_i);

    see Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.4. Two classes have
    two neurons, so that the penalty is on both: the same model as logistic regression with 2 C.
    It warns (`ConvergenceWarning`) when it ends before it has converged.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import SoftmaxClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxClassifier().fit(X, y)
    >>> model.coef_.shape
    (3, 4)
    >>> round(model.score(X, y), 2)
    0.97
    >>> search = SoftmaxClassifier(solver="random_descent", sigma=0.1, random_state=0)
    >>> search.fit(X, y).loss_curve_[-1] < search.loss_curve_[0]
    True
    """

    _one_neuron_for_two = False
    _parameter_constraints: ClassVar[dict] = {
        **LinearNetworkClassifier._parameter_constraints,
        "solver": [StrOptions({"auto", *SOLVERS})],
        "sigma": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        class_weight: Any = None,
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
        sigma: float = 0.01,
        store_path: bool = False,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
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
        self.sigma = sigma
        self.store_path = store_path
        self.dtype = dtype

    def summary(
        self, n_features: int | None = None, n_outputs: int | None = None
    ) -> NetworkSummary:
        """Return the table of the layer, its shape and number of parameters.

        Parameters
        ----------
        n_features : int, default=None
            Number of features; None for that of the fit.
        n_outputs : int, default=None
            Number of classes; None for that of the fit.

        Returns
        -------
        summary : skdnn.summary.NetworkSummary
            ``print(summary)`` is the table.

        Raises
        ------
        NotFittedError
            When a number is missing that only a fit tells; a ValueError too.

        Examples
        --------
        >>> from skdnn import SoftmaxClassifier
        >>> SoftmaxClassifier().summary(n_features=784, n_outputs=10).n_parameters
        7850
        """
        if n_features is None:
            n_features = getattr(self, "n_features_in_", None)
        if n_outputs is None and hasattr(self, "classes_"):
            n_outputs = len(self.classes_)
        check_sizes(self, n_features=n_features, n_outputs=n_outputs)
        assert n_features is not None and n_outputs is not None  # As check_sizes has seen.
        layer = Dense(n_outputs, use_bias=self.fit_intercept)
        network = Network(n_features, [layer], "log_loss")
        return summarize(network, type(self).__name__, "softmax")
