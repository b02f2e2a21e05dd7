"""The regressor."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from scipy import sparse
from sklearn.base import RegressorMixin
from sklearn.metrics import d2_pinball_score, r2_score
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions

from skdnn import engine
from skdnn._typing import MatrixLike, Seed
from skdnn.component import Component
from skdnn.mlp.base import BaseMLP
from skdnn.mlp.sampling import ValueSampling
from skdnn.validation import Registered

# The engine's names of the losses.
LOSSES = {
    "squared_error": "squared_error",
    "absolute_error": "absolute_error",
    "huber": "huber",
    "poisson": "poisson",
    "pinball": "pinball",
    "log_loss": "binary_log_loss",
}


class MLPNetRegressor(RegressorMixin, ValueSampling, BaseMLP):
    """Multi-layer perceptron regressor.

    Minimises the mean of a loss by stochastic gradient descent or L-BFGS. Takes every parameter of
    scikit-learn's `MLPRegressor`, with its meaning and default, and gives the same weights for
    the same `random_state`.

    Parameters
    ----------
    loss : {'squared_error', 'absolute_error', 'huber', 'poisson', 'pinball', 'log_loss'}, \
            default='squared_error'
        With r the prediction minus the target: 'squared_error' is r^2 / 2, 'absolute_error' its
        size, 'huber' r^2 / 2 up to the size `delta` and linear beyond; 'poisson' is half the
        Poisson deviance, with an exponential output, for targets >= 0; 'pinball' predicts the
        `quantile`; 'log_loss' is the cross-entropy of a logistic output and targets in [0, 1].
    hidden_layer_sizes : array-like of int of shape (n_layers - 2,), default=(100,)
        Number of units in each hidden layer. Empty for none.
    activation : {'identity', 'logistic', 'tanh', 'relu', 'leaky_relu', 'elu', 'selu', \
            'softplus', 'gelu', 'silu', 'mish'}, default='relu'
        Activation function of the hidden layers. The leaky ReLU's slope is 0.01, the ELU's
        saturation value 1.
    solver : {'lbfgs', 'sgd', 'adam', 'adamw', 'nadam', 'rmsprop', 'adagrad'}, default='adam'
        'lbfgs' is SciPy's quasi-Newton method on all rows at once, good for small data. The others
        go by mini-batches: 'sgd' with momentum, and those that scale each parameter's step.
    alpha : float, default=0.0001
        Strength of the L2 penalty on the weights, ``alpha / 2 * sum(W ** 2)``, divided by the
        batch's sum of sample weights when added to the mean loss.
    batch_size : int or 'auto', default='auto'
        Rows in a mini-batch; 'auto' is ``min(200, n_samples)``. Not used by 'lbfgs'.
    learning_rate : {'constant', 'invscaling', 'adaptive'}, Schedule or callable, \
            default='constant'
        How the learning rate changes, in all solvers but 'lbfgs'. 'invscaling' divides by the
        number of rows seen to the power `power_t`, 'adaptive' divides by 5 whenever there was no
        improvement for `n_iter_no_change` epochs, and stops when the rate is at most 1e-6. A row
        counts its sample weight. An object of `skdnn.schedules`, such as ``CosineDecay()``, changes
        the rate with each step. A callable returns the rate itself, given the number of the step,
        from 0 in each `fit`, or in the first `partial_fit`.
    learning_rate_init : float, default=0.001
        The initial learning rate, with ``OneCycle()`` the largest. Not used by 'lbfgs', nor with a
        callable.
    power_t : float, default=0.5
        Exponent of the 'invscaling' schedule.
    max_iter : int, default=200
        The most epochs, or iterations of 'lbfgs'.
    shuffle : bool, default=True
        Whether to shuffle the rows before each epoch. Not used by 'lbfgs'.
    random_state : int, RandomState instance or None, default=None
        Source of the initial weights, the batches and the validation rows. The same number gives
        the same weights as in scikit-learn, to rounding; but with `early_stopping`, which holds out
        other rows, and from the second call of `partial_fit` on.
    tol : float, default=1e-4
        The least improvement of the loss or validation score that counts; for 'lbfgs' the largest
        element of the gradient at which it has converged.
    verbose : bool or int, default=False
        Whether to show each epoch: loss, validation, learning rate, and the time left at most; by
        a bar in a terminal where rich is installed (the extra ``progress``), else by a line.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the previous call, which must have the same
        layers and classes.
    momentum : float, default=0.9
        Momentum of 'sgd', between 0 and 1.
    nesterovs_momentum : bool, default=True
        Whether that is Nesterov's momentum.
    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the rows, or to take `X_val` of `fit`, stop
        when their score (see `scoring`) has not improved by `tol` for `n_iter_no_change` epochs,
        and restore the best weights, of equal scores the latest.
    validation_fraction : float, default=0.1
        Share of the rows (of the sum of sample weights) that is held out for `early_stopping`.
        Which rows these are follows from their content and `random_state`, not from their order.
    beta_1 : float, default=0.9
        Decay rate of the mean gradient in 'adam', 'adamw' and 'nadam', in [0, 1).
    beta_2 : float, default=0.999
        Decay rate of the mean squared gradient in these, in [0, 1).
    epsilon : float, default=1e-8
        Added to the denominator of the steps of all but 'sgd'.
    n_iter_no_change : int or inf, default=10
        So many epochs in a row without an improvement by `tol` end the training; with inf there are
        `max_iter` epochs, and no warning.
    max_fun : int, default=15000
        The most loss evaluations of 'lbfgs'.
    rho : float, default=0.9
        Decay rate of the squared gradient of 'rmsprop', in [0, 1).
    weight_decay : float, default=None
        Decoupled decay of the weights, not of the biases: each step multiplies them by
        ``1 - learning_rate * weight_decay``. None: 0.01 for 'adamw', 0 for all others.
    dropout : float or array-like of float of shape (n_layers - 2,), default=0.0
        Share of the outputs of the hidden layers, or of each of them, that is dropped at random in
        training, in [0, 1); the others are scaled up by so much that their mean stays the same.
        Nothing is dropped at prediction. Not for 'lbfgs'.
    hidden_layers : list of layers or None, default=None
        The hidden layers where they differ, in place of `hidden_layer_sizes`, `dropout` and
        `batch_norm`: objects of `skdnn.layers`, as in ``[Dropout(0.1), Dense(300, "elu"),
        BatchNorm(), Maxout(50, pieces=3)]``. Their values can be set:
        ``set_params(hidden_layers__1__units=100)``.
    output_layer : Output or None, default=None
        Penalties, initialisers and the like of the output layer, see `skdnn.layers.Output`. None:
        the penalty `alpha`.
    batch_norm : bool, default=False
        Whether each hidden layer normalises by batches before its activation, see
        `skdnn.layers.BatchNorm`. Not for 'lbfgs'.
    kernel_initializer : str, object of `skdnn.initializers` or None, default=None
        What the weights are drawn from; the biases are then 0. The names: 'zeros', 'ones',
        'random_normal', 'truncated_normal', 'random_uniform', 'glorot_uniform', 'glorot_normal',
        'he_uniform', 'he_normal', 'lecun_uniform', 'lecun_normal', 'orthogonal'. None: as in
        scikit-learn, see `skdnn.initializers.default_initializer`.
    clip_norm : float or None, default=None
        The largest Euclidean norm of a step's gradient; larger ones are scaled down to it.
    average : Polyak, EMA or None, default=None
        Which mean of the weights after each step the fitted weights are, see `skdnn.averaging`.
    initial_weights : FrozenEstimator, pair of lists of arrays, or None, default=None
        Another fitted network, or `coefs_` and `intercepts_`, from which the layers start whose
        shapes agree; the output layer of a network with other classes is left out.
    frozen_layers : array-like of int, default=()
        Numbers of the hidden layers that training leaves as they are, from 0 as they stand in
        `hidden_layers` or `hidden_layer_sizes`; negative ones count from the last.
    kept_learning_rate : float, default=1.0
        What the learning rate is multiplied by for layers that start from `initial_weights`.
    transform_layer : int, default=-1
        The hidden layer whose outputs `transform` gives, counted likewise.
    delta : float, default=1.0
        Where the Huber loss becomes linear, in units of the target.
    quantile : float or array-like of float, default=0.5
        What ``loss='pinball'`` predicts, in (0, 1): one quantile, or several at once. A list is an
        error with another loss.
    output_activation : str or None, default=None
        Activation function of the output, for targets of a limited range: 'logistic' for values
        in [0, 1], 'softplus' for positive ones, or any other of `activation`. None: that of the
        loss, which is 'identity' but for 'poisson' ('exp') and 'log_loss' ('logistic'). With
        'logistic', targets outside [0, 1] are an error.
    scoring : str, callable or None, default=None
        What is computed on the validation rows after each epoch, and counts with `early_stopping`:
        the name of a scorer or a scorer, 'loss' for the negative loss, None for what `score` gives:
        R^2, or with ``loss='pinball'`` D^2.
    dtype : {'float32', 'float64'}, NumPy's types of these names, or None, default=None
        What training computes in. None: float32 if X is, else float64.

    Attributes
    ----------
    loss_ : float
        The last epoch's loss: the mean over its batches, penalty included, before each step.
    best_loss_ : float or None
        The smallest loss of an epoch; None with `early_stopping`.
    loss_curve_ : list of float
        The loss of each epoch, or iteration of 'lbfgs'.
    validation_scores_ : list of float or None
        The score of the validation rows after each epoch, where there are any: R^2, with
        ``loss='pinball'`` D^2, or what `scoring` says.
    best_validation_score_ : float or None
        The best of these, with `early_stopping` or without.
    history_ : list of dict
        A row for each epoch: `epoch`, `loss`, `learning_rate` (of the last step), `seconds`, and
        where there are rows to validate on `validation_loss` (without penalty) and
        `validation_score`. ``pandas.DataFrame(history_)`` is a table.
    converged_ : bool
        Whether training ended because no improvement was to be expected: for `n_iter_no_change`
        epochs, of `fit` or each a call of `partial_fit`, there was none by `tol` (with 'adaptive',
        not at the lowest rate either), or 'lbfgs' found a minimum. False where `max_iter`, a
        callback or the user ended it.
    t_ : int
        Number of rows that the solver has seen, those seen again counted again.
    coefs_ : list of ndarray of shape (n_in, n_out)
        The weights of each layer, views of one vector.
    intercepts_ : list of ndarray of shape (n_out,)
        The biases of each layer, likewise.
    normalizations_ : list of dict of ndarray
        Only with batch normalisation, for each such layer: `gamma`, `beta`, the running `mean` and
        `variance`, and `n_batches`, of how many batches these are.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where `X` has names that are all strings.
    n_iter_ : int
        Number of epochs, or iterations of 'lbfgs', of the last call.
    n_layers_ : int
        Number of layers, input and output included.
    n_outputs_ : int
        Number of output units.
    out_activation_ : str
        The output activation: `output_activation` if that is given, else 'exp' with
        ``loss='poisson'``, 'logistic' with ``loss='log_loss'``, 'identity' with all others.

    Raises
    ------
    InvalidParameterError
        In `fit`, when a parameter has a value that it cannot have; a ValueError too.
    ValueError
        In `fit`, when the data cannot be used, or the loss diverges.

    See Also
    --------
    MLPNet : The same for classification; its notes say in what both differ from scikit-learn.
    GDLinearRegression : The network without hidden layers.
    sklearn.neural_network.MLPRegressor : What this class takes the place of.

    Notes
    -----
    With several outputs the gradient is that of the sum of their losses; the reported loss is their
    mean, as in scikit-learn ('poisson' and 'log_loss': their sum). L-BFGS minimises the sum.
    Negative targets are an error with ``loss='poisson'``, targets outside [0, 1] with 'log_loss'.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdnn import MLPNetRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = MLPNetRegressor(hidden_layer_sizes=(20,), learning_rate_init=0.1,
    ...                       early_stopping=True, random_state=0)
    >>> model = make_pipeline(StandardScaler(), net).fit(X, y)
    >>> bool(model.score(X, y) > 0.4)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions(set(LOSSES))],
        "delta": [Interval(Real, 0, None, closed="neither")],
        "quantile": [Interval(Real, 0, 1, closed="neither"), "array-like"],
        "output_activation": [Registered("ACTIVATIONS"), None],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: ArrayLike = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Seed = None,
        tol: float = 1e-4,
        verbose: int | bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        rho: float = 0.9,
        weight_decay: float | None = None,
        dropout: ArrayLike = 0.0,
        hidden_layers: Any = None,
        output_layer: Component | None = None,
        batch_norm: bool = False,
        kernel_initializer: str | Component | None = None,
        clip_norm: float | None = None,
        average: Component | None = None,
        initial_weights: Any = None,
        frozen_layers: ArrayLike = (),
        kept_learning_rate: float = 1.0,
        transform_layer: int = -1,
        delta: float = 1.0,
        quantile: ArrayLike = 0.5,
        output_activation: str | None = None,
        scoring: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.rho = rho
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.hidden_layers = hidden_layers
        self.output_layer = output_layer
        self.batch_norm = batch_norm
        self.kernel_initializer = kernel_initializer
        self.clip_norm = clip_norm
        self.average = average
        self.initial_weights = initial_weights
        self.frozen_layers = frozen_layers
        self.kept_learning_rate = kept_learning_rate
        self.transform_layer = transform_layer
        self.delta = delta
        self.quantile = quantile
        self.output_activation = output_activation
        self.scoring = scoring
        self.dtype = dtype

    def _output(self, n_outputs: Any) -> tuple[int, str]:
        n_outputs = len(self._quantiles()) if n_outputs is None else n_outputs
        return n_outputs, self._output_activation() or engine.LOSSES[self._loss_name()].link

    def _check_targets(self, y: Any, first_pass: bool, incremental: bool) -> Any:
        if first_pass:
            self._n_targets = y.shape[1] if y.ndim == 2 else 1
        targets = self._encode_targets(y)
        return targets, targets.shape[1]

    def _encode_targets(self, y: Any, name: str = "y") -> Any:
        """Return the targets of each output: each column so often as there are quantiles."""
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if sparse.issparse(y):
            y = y.toarray()
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(
                f"loss='poisson' needs targets {name} >= 0, but the smallest is {y.min():g}."
            )
        for parameter, value in (("loss", "log_loss"), ("output_activation", "logistic")):
            if getattr(self, parameter) == value and ((y < 0) | (y > 1)).any():
                raise ValueError(
                    f"{parameter}={value!r} needs targets in [0, 1], but they lie in "
                    f"[{y.min():g}, {y.max():g}]."
                )
        return np.repeat(self._target_columns(y, name), len(self._quantiles()), axis=1)

    def _quantiles(self) -> Any:
        """Return the quantiles to predict; one number for another loss."""
        quantiles = np.atleast_1d(np.asarray(self.quantile, dtype=float))
        inside = (quantiles > 0) & (quantiles < 1)
        if quantiles.ndim != 1 or not inside.size or not inside.all():
            raise ValueError(
                f"quantile must be in (0, 1), or a list of such numbers; got {self.quantile!r}."
            )
        if self.loss != "pinball" and np.ndim(self.quantile):
            raise ValueError(
                f"quantile={self.quantile!r} is a list, which is for loss='pinball' only, got "
                f"loss={self.loss!r}."
            )
        return quantiles

    def _loss_name(self) -> str:
        return LOSSES[self.loss]

    def _loss_parameter(self) -> Any:
        if self.loss == "pinball":
            quantiles = self._quantiles()
            return quantiles[0] if len(quantiles) == 1 else np.tile(quantiles, self._n_targets)
        return self.delta if self.loss == "huber" else None

    def _output_activation(self) -> str | None:
        if self.output_activation is not None and self.loss in ("poisson", "log_loss"):
            raise ValueError(
                f"loss={self.loss!r} has an output activation of its own; "
                f"output_activation={self.output_activation!r} must be None."
            )
        return self.output_activation

    def score(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return R^2, or with ``loss='pinball'`` D^2, the mean over the quantiles if several.

        Both are 1 for perfect predictions and 0 for the best constant one, see
        `sklearn.metrics.r2_score` and `sklearn.metrics.d2_pinball_score`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true values.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.

        Returns
        -------
        score : float
        """
        if self.loss != "pinball":
            return super().score(X, y, sample_weight)
        predicted = self._network.link(self._raw_scores(X))
        check_consistent_length(predicted, y)
        targets = np.repeat(self._target_columns(y, "y"), len(self._quantiles()), axis=1)
        return self._score_quantiles(targets, predicted, sample_weight)

    def _score_quantiles(self, targets: Any, predicted: Any, weight: Any) -> Any:
        quantiles = self._quantiles()
        step = len(quantiles)
        scores = [
            d2_pinball_score(
                targets[:, j::step], predicted[:, j::step], alpha=quantile, sample_weight=weight
            )
            for j, quantile in enumerate(quantiles)
        ]
        return float(np.mean(scores))

    def _score_outputs(self, targets: Any, scores: Any, weight: Any) -> float:
        """Return the same as `score`."""
        predicted = self._network.link(scores)
        if not np.isfinite(predicted).all():
            return np.nan
        if len(targets) == 1:
            # One row that counts several times: the score is defined for so many equal rows.
            targets, predicted, weight = np.repeat(targets, 2, 0), np.repeat(predicted, 2, 0), None
        if self.loss == "pinball":
            return self._score_quantiles(targets, predicted, weight)
        return r2_score(targets, predicted, sample_weight=weight)

    def predict(
        self,
        X: MatrixLike,
        return_std: bool = False,
        *,
        n_samples: int = 100,
        random_state: Seed = 0,
    ) -> Any:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.
        return_std : bool, default=False
            Whether to return the standard deviation over draws with dropout too, see `sample_y`.
            The prediction is then the mean of the draws.
        n_samples : int, default=100
            The number of draws.
        random_state : int, RandomState instance or None, default=0
            Makes the draws.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predicted values: the mean, for ``loss="absolute_error"`` the median, for
            ``loss="pinball"`` the quantile; for several quantiles of shape
            (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles).
        std : ndarray of the same shape
            With `return_std`: what the network does not know; the noise of the targets comes on
            top of it.
        """
        if return_std:
            draws = self._samples(X, n_samples, random_state)
            return self._shaped(draws.mean(axis=-1)), self._shaped(draws.std(axis=-1))
        scores = self._raw_scores(X)
        return self._shaped(self._network.link(scores))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags
