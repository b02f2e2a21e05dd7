"""What the classifier and the regressor share: parameters, the fit, the forward pass."""

from abc import ABC, abstractmethod
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.callback import CallbackSupportMixin
from sklearn.metrics import get_scorer_names
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

from skdnn._typing import MatrixLike, fit_context
from skdnn.averaging import EMA, Polyak
from skdnn.component import DocumentationLink
from skdnn.initializers import INITIALIZERS, Initializer
from skdnn.layers import Output
from skdnn.mlp.architecture import describe, initialize
from skdnn.mlp.evaluation import Evaluation
from skdnn.mlp.parameters import LayerParameters
from skdnn.mlp.prediction import FittedNetwork
from skdnn.mlp.stochastic import StochasticFit
from skdnn.network import Network
from skdnn.objective import Objective
from skdnn.reporting import start_report
from skdnn.schedules import SCHEDULES, Schedule, check_schedule
from skdnn.splitting import Holdout, hold_out
from skdnn.summary import NetworkSummary, summarize
from skdnn.tasks import EpochTasks
from skdnn.threads import one_blas_thread, reserved_threads
from skdnn.training import Progress, Standing, train_lbfgs
from skdnn.validation import (
    DTYPES,
    Registered,
    ScorerName,
    check_data,
    check_row_weights,
    check_sizes,
)


class BaseMLP(
    DocumentationLink, StochasticFit, CallbackSupportMixin, LayerParameters, FittedNetwork, ABC
):
    """Base of the multi-layer perceptrons; use the derived classes."""

    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [Registered("ACTIVATIONS")],
        "solver": [Registered("OPTIMIZERS", extra=frozenset({"lbfgs"}))],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions(set(SCHEDULES)), Schedule, callable],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "scoring": [ScorerName({"loss", *get_scorer_names()}), callable, None],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "rho": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left"), None],
        "hidden_layers": [list, tuple, None],
        "output_layer": [Output, None],
        "batch_norm": ["boolean"],
        "kernel_initializer": [StrOptions(set(INITIALIZERS)), Initializer, None],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "average": [Polyak, EMA, None],
        "initial_weights": [HasMethods(["predict"]), list, tuple, None],
        "frozen_layers": ["array-like"],
        "kept_learning_rate": [Interval(Real, 0, None, closed="left")],
        "transform_layer": [Integral],
        "dtype": DTYPES,
    }

    best_loss_: float | None
    history_: list[dict[str, Any]]
    best_validation_score_: float | None
    converged_: bool
    loss_: float
    n_iter_: int
    n_outputs_: int
    out_activation_: str

    @abstractmethod
    def _check_targets(self, y: Any, first_pass: bool, incremental: bool) -> Any:
        """Return the targets, shape (n_samples, n_targets), and the number of outputs.

        On a first pass, set the attributes that describe them.
        """

    @abstractmethod
    def _encode_targets(self, y: Any, name: str = "y") -> NDArray:
        """Return targets like those of the fit, shape (n_samples, n_targets); learn nothing."""

    @abstractmethod
    def _loss_name(self) -> str:
        """Return the loss's key in `engine.LOSSES`."""

    @abstractmethod
    def _score_outputs(self, targets: NDArray, scores: NDArray, weight: NDArray | None) -> float:
        """Return the validation score, from targets and raw scores of the same rows."""

    def _loss_parameter(self) -> Any:
        return None

    def _output_activation(self) -> str | None:
        return None

    def _validate_params(self) -> None:
        super()._validate_params()
        check_schedule(self.learning_rate, self.max_iter)
        if self.average is not None:
            self.average._validate_params()

    def _strata(self, targets: NDArray) -> NDArray | None:
        return None

    @fit_context
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Fit the model to data matrix X and target(s) y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data. An array of float32 or float64 in C order is not copied: it may be
            mapped into memory by `numpy.memmap`, and be larger than that.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target values (class labels in classification, real numbers in regression).
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights; a row of weight zero is the same as no row.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Rows to validate on: their loss and score after each epoch stand in `history_`, and with
            `early_stopping` they say when to stop; no rows of `X` are then held out. A Pipeline
            transforms them only when told to, with scikit-learn's metadata routing, see the
            example.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.

        Returns
        -------
        self : object
            The fitted model.

        Raises
        ------
        ValueError
            When the data or the weights cannot be used, too few rows are left to validate on,
            the layers differ from those that `warm_start` goes on from, or the loss diverges.

        Examples
        --------
        In a pipeline rows to validate on go through the same steps as the others:

        >>> import sklearn
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from skdnn import MLPNet
        >>> X, y = load_iris(return_X_y=True)
        >>> with sklearn.config_context(enable_metadata_routing=True):
        ...     net = MLPNet(learning_rate_init=0.1).set_fit_request(X_val=True, y_val=True)
        ...     model = make_pipeline(StandardScaler(), net, transform_input=["X_val"])
        ...     model = model.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
        >>> sorted(model[-1].history_[-1])
        ['epoch', 'learning_rate', 'loss', 'seconds', 'validation_loss', 'validation_score']
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: Any,
        training: Any = None,
        streams: bool = False,
    ) -> Self:
        """Fit, going on with a training if there is one, in a stream for one epoch."""
        context, task = self._begin_fit(X, y, sample_weight, 1 if streams else self.max_iter)
        goes_on = self.warm_start or streams or training is not None
        first_pass = not hasattr(self, "coefs_") or not goes_on
        X, y = self._check_data(X, y, None if first_pass else self.coefs_[0].dtype)
        targets, n_outputs = self._check_targets(y, first_pass, streams)
        weight, kept = self._check_weights(X, targets, sample_weight, streams)
        if training is None:
            self.__dict__.pop("_training", None)
            random_state = check_random_state(self.random_state)
        else:
            random_state = training.random_state
        network = self._describe(X, n_outputs)
        evaluation = self._check_validation(network, *validation)
        if first_pass:
            self._initialize(network, random_state)
        params = self._packed(network)
        part = Holdout(kept, weight)
        origin: Any = None if streams else partial(self._origin, X, targets, weight, evaluation)
        if training is not None and not streams:
            training.origin.check_rows(origin())
        if self.early_stopping and evaluation is None:
            part, evaluation = self._hold_out(
                network, X, y, targets, part, random_state, first_pass
            )
        progress = self._start_progress(evaluation, params, training, streams)
        if hasattr(self, "_skl_callbacks"):
            progress.tasks = EpochTasks(self, context, **task)
        if self.solver == "lbfgs":
            objective = Objective(network, X, targets, part.train_weight, part.train)
            self._fit_lbfgs(objective, params, progress)
        else:
            training = training or self._new_training(network, random_state, progress.standing)
            self._fit_stochastic(training, network, params, X, targets, part, progress, origin)
        if not np.isfinite(params).all():
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )
        context.call_on_fit_task_end(estimator=self, **task, reconstruction_attributes={})
        return self

    def _begin_fit(self, X: Any, y: Any, sample_weight: Any, epochs: Any) -> Any:
        """Tell callbacks that the fit begins; return its context, and what it is of."""
        # L-BFGS begins one iteration more than it ends.
        context = self._init_callback_context(max_subtasks=epochs + (self.solver == "lbfgs"))
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        task = {"X": X, "y": y, "metadata": metadata}
        context.call_on_fit_task_begin(estimator=self, **task)
        return context, task

    def _check_validation(
        self, network: Network, X_val: Any, y_val: Any, sample_weight_val: Any
    ) -> Evaluation | None:
        """Return what validates on the rows that the user gave; None if there are none."""
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val needs X_val and y_val, which are None.")
            return None
        if X_val is None or y_val is None:
            missing = "X_val" if X_val is None else "y_val"
            raise ValueError(f"X_val and y_val go together, but {missing} is None.")
        try:
            X_val, y_val = self._check_data(X_val, y_val, network.dtype)
            targets = self._encode_targets(y_val, "y_val")
            weight = check_row_weights(X_val, sample_weight_val)[0]
        except ValueError as error:
            raise ValueError(f"The rows to validate on, X_val and y_val: {error}") from error
        return Evaluation(self, network, X_val, y_val, targets, weight)

    def _check_data(self, X: Any, y: Any, fitted_dtype: Any = None) -> Any:
        """Return arrays, in the dtype of a network that is there already if one is given."""
        dtype = (np.float64, np.float32) if self.dtype is None else np.dtype(self.dtype)
        return check_data(
            self,
            X,
            y,
            multi_output=True,
            y_numeric=self.__sklearn_tags__().estimator_type == "regressor",
            dtype=dtype if fitted_dtype is None else fitted_dtype,
            order="C",
            reset=fitted_dtype is None,
        )

    def _check_weights(self, X: Any, targets: Any, sample_weight: Any, incremental: bool) -> Any:
        """Return what each row counts, and the rows that count."""
        return check_row_weights(X, sample_weight)

    @abstractmethod
    def _output(self, n_outputs: int | None) -> tuple[int, str]:
        """Return the number of outputs before any fit, and the output activation."""

    def summary(
        self, n_features: int | None = None, n_outputs: int | None = None
    ) -> NetworkSummary:
        """Return the table of the layers, their shapes and numbers of parameters.

        Of a fitted model that of its network; with arguments, that of the network that the
        parameters describe for such data, fitted or not.

        Parameters
        ----------
        n_features : int, default=None
            Number of features; None for that of the fit.
        n_outputs : int, default=None
            Number of output units. Of a classifier 1 for two classes, else the number of classes
            or labels; with two or more the table says softmax. Of a regressor the number of
            targets, times that of quantiles; None is then one target. None for that of the fit.

        Returns
        -------
        summary : skdnn.summary.NetworkSummary
            ``print(summary)`` is the table.

        Raises
        ------
        NotFittedError
            When a number is missing that only a fit tells; a ValueError too.
        ValueError
            When a parameter or a number is not as described.

        Examples
        --------
        >>> from skdnn import MLPNet
        >>> MLPNet((300, 100, 50)).summary(n_features=30_000, n_outputs=1).n_parameters
        9035501
        """
        name = type(self).__name__
        if n_features is None and n_outputs is None and hasattr(self, "coefs_"):
            return summarize(self._network, name, self.out_activation_)
        n_features = getattr(self, "n_features_in_", None) if n_features is None else n_features
        n_outputs = getattr(self, "n_outputs_", None) if n_outputs is None else n_outputs
        self._validate_params()
        n_outputs, activation = self._output(n_outputs)
        check_sizes(self, n_features=n_features, n_outputs=n_outputs)
        assert n_features is not None  # As check_sizes has seen.
        # The loss changes no number of parameters.
        about = {"loss": "squared_error", "output_activation": "identity"}
        network = describe(self, n_features, n_outputs, self.dtype or np.float64, **about)
        return summarize(network, name, activation)

    def _describe(self, X: Any, n_outputs: int) -> Network:
        return describe(
            self,
            X.shape[1],
            n_outputs,
            X.dtype,
            loss=self._loss_name(),
            loss_parameter=self._loss_parameter(),
            output_activation=self._output_activation() or "identity",
        )

    def _initialize(self, network: Network, random_state: np.random.RandomState) -> None:
        """Draw the initial weights, and reset what training counts."""
        self._network, self.n_outputs_ = network, network.n_outputs
        self.out_activation_ = self._output_activation() or network.loss.link
        self.t_, self._weight_seen = 0, 0.0
        params = np.empty(network.n_numbers, network.dtype)
        initialize(self, network, params, random_state)
        self.__dict__.pop("normalizations_", None)
        self._show(network.views(params))
        self.n_layers_ = len(self.coefs_) + 1
        self._no_improvement_count = 0
        self.__dict__.pop("history_", None)

    def _packed(self, network: Network) -> NDArray:
        """Return the flat vector of which the weights are views."""
        if self._network.layout != network.layout:
            name = "hidden_layer_sizes" if self.hidden_layers is None else "hidden_layers"
            raise ValueError(
                "resume, warm_start and partial_fit go on with the layers of the previous fit: its "
                f"weights have shapes {self._network.shapes}, but {name}={getattr(self, name)} and "
                f"the data ask for {network.shapes}, or for other biases or normalisations."
            )
        params = network.flat(self._views())
        self._show(network.views(params))
        self._network = network
        return params

    def _hold_out(
        self,
        network: Network,
        X: Any,
        y: Any,
        targets: Any,
        part: Any,
        random_state: np.random.RandomState,
        first_pass: bool,
    ) -> Any:
        """Return the rows to train on, and what validates on the others."""
        # Where training goes on the seed stays: rows that were trained on are not to judge it.
        if first_pass or not hasattr(self, "_holdout_seed"):
            self._holdout_seed = random_state.randint(np.iinfo(np.int32).max)
        part = hold_out(
            X,
            targets,
            self.validation_fraction,
            self._holdout_seed,
            part.train_weight,
            part.train,
            self._strata(targets),
        )
        return part, Evaluation(
            self, network, X, y, targets, part.validation_weight, part.validation
        )

    def _start_progress(
        self, evaluation: Evaluation | None, params: NDArray, training: Any, streams: bool
    ) -> Progress:
        """Return what takes note of the epochs, after those that a training has made before."""
        standing = self._standing(params) if training is None else training.standing
        # The epochs of a fit that is resumed count as its own.
        resumed = 0 if training is None or streams else training.optimization.epochs
        # A list of its own: another model may have been copied from this one.
        standing.history = self.history_ = list(standing.history)
        unit = "iteration" if self.solver == "lbfgs" else "epoch"
        return Progress(
            self._network,
            self.tol,
            self.n_iter_no_change,
            start_report(self, unit, None if streams else self.max_iter),
            evaluation,
            self.early_stopping,
            standing,
            n_before=len(standing.history) - resumed,
        )

    def _standing(self, params: NDArray) -> Standing:
        """Return where training stands, after that of the fit whose weights are gone on from."""
        if not hasattr(self, "history_"):
            return Standing()
        standing = Standing(self.history_, stale=self._no_improvement_count)
        scores = [row["validation_score"] for row in self.history_ if "validation_score" in row]
        if not self.early_stopping:
            standing.best_loss = min((row["loss"] for row in self.history_), default=np.inf)
        elif len(scores) != len(self.history_):
            return standing
        standing.best_score = max((s for s in scores if not np.isnan(s)), default=-np.inf)
        if self.early_stopping:
            standing.best_params = params.copy()
        return standing

    @property
    def loss_curve_(self) -> list[float]:
        """The loss of each epoch, or iteration of 'lbfgs'."""
        return [row["loss"] for row in self.history_]

    @property
    def validation_scores_(self) -> list[float | None] | None:
        """The validation score after each epoch; None where there were no rows to validate on."""
        scores = [row.get("validation_score") for row in self.history_]
        return scores if any(score is not None for score in scores) else None

    def _finish(self, progress: Progress) -> None:
        """Show what was recorded."""
        self.__dict__.update(progress.outcome())

    def _fit_lbfgs(self, objective: Objective, params: NDArray, progress: Any) -> None:
        limits = {"max_iter": self.max_iter, "max_fun": self.max_fun}
        with one_blas_thread(), reserved_threads(len(objective.parts)) as objective.n_threads:
            self.n_iter_ = train_lbfgs(objective, params, progress, **limits)
        if progress.standing.best_params is not None:
            params[:] = progress.standing.best_params
        self._finish(progress)
        self.loss_ = np.float64(objective.reported_loss(params))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
