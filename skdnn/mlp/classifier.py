"""The classifier."""

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import _check_partial_fit_first_call

from skdnn._typing import MatrixLike, Seed, available_if, fit_context
from skdnn.component import Component
from skdnn.mlp.base import BaseMLP
from skdnn.mlp.sampling import ProbabilitySampling
from skdnn.mlp.stochastic import can_stream


class MLPNet(ClassifierMixin, ProbabilitySampling, BaseMLP):
    """Multi-layer perceptron classifier.

    Minimises the log loss of a softmax output (of one logistic output for two classes, of one for
    each label of a multilabel target) by stochastic gradient descent or L-BFGS. Takes every
    parameter of scikit-learn's `MLPClassifier`, with its meaning and default, and gives the same
    weights for the same `random_state`.

    Parameters
    ----------
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
        Share of the rows (of the sum of sample weights) that is held out for `early_stopping`,
        of each class alike.
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
    loss : {'log_loss', 'focal'}, default='log_loss'
        'focal' is the log loss times ``(1 - p) ** gamma``, p the probability of the true class,
        so that hard rows count more: Lin et al. (2017), arXiv:1708.02002.
    gamma : float, default=2.0
        The exponent of the focal loss.
    label_smoothing : float, default=0.0
        The share of each target that the log loss spreads evenly over all classes, in [0, 1).
    class_weight : dict, list of dict, 'balanced' or None, default=None
        Weights of the classes, ``{label: weight}``, multiplied with `sample_weight`; 'balanced' is
        ``n_samples / (n_classes * count)``, rows counted by `sample_weight`. For a multilabel
        target a list with a dict for each label, or 'balanced': weights of whole rows, multiplied
        over the labels, not weights of single labels. Rows held out for `early_stopping` count
        their class weights too, those of `X_val` their `sample_weight_val` only.
    scoring : str, callable or None, default=None
        What is computed on the validation rows after each epoch, and counts with `early_stopping`:
        the name of a scorer or a scorer, 'loss' for the negative loss, None for the accuracy.
    dtype : {'float32', 'float64'}, NumPy's types of these names, or None, default=None
        What training computes in. None: float32 if X is, else float64.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels; for a multilabel target the numbers of the labels.
    loss_ : float
        The last epoch's loss: the mean over its batches, penalty included, before each step.
    best_loss_ : float or None
        The smallest loss of an epoch; None with `early_stopping`.
    loss_curve_ : list of float
        The loss of each epoch, or iteration of 'lbfgs'.
    validation_scores_ : list of float or None
        The score of the validation rows after each epoch, where there are any: the accuracy, or
        what `scoring` says.
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
        The output activation: 'softmax' or 'logistic'.

    Raises
    ------
    InvalidParameterError
        In `fit`, when a parameter has a value that it cannot have; a ValueError too.
    ValueError
        In `fit`, when the data cannot be used, there is one class only, or the loss diverges.

    See Also
    --------
    MLPNetRegressor : The same for regression.
    SoftmaxClassifier : The network without hidden layers.
    sklearn.neural_network.MLPClassifier : What this class takes the place of.

    Notes
    -----
    Differs from `MLPClassifier`, for the better: `early_stopping` holds out rows by their content,
    so that equal rows and weights of rows are the same thing; training stops after exactly
    `n_iter_no_change` epochs without improvement instead of one more; a row of weight zero is the
    same as no row, and with one batch an epoch a whole-numbered weight the same as so many rows;
    'lbfgs' computes in float32 where the data are, and heeds `early_stopping`, as `partial_fit`
    does; going on with other layers is an error; the fitted object holds the optimiser's state only
    after `partial_fit`; no probability is rounded to 0. Data of one class only are an error. Every
    stochastic solver follows `learning_rate`, which `MLPClassifier` ignores for 'adam'.

    The formula of each step is in `skdnn.engine.optimizers`, of each activation in
    `skdnn.engine.activations`. Weights are initialised as in [1]_; Adam is [2]_, AdamW [3]_.

    References
    ----------
    .. [1] Glorot, Bengio (2010). Understanding the difficulty of training deep feedforward neural
       networks. AISTATS.
    .. [2] Kingma, Ba (2015). Adam: a method for stochastic optimization. ICLR.
    .. [3] Loshchilov, Hutter (2019). Decoupled weight decay regularization. ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skdnn import MLPNet
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    >>> model = MLPNet((64,), early_stopping=True, random_state=0).fit(X_train, y_train)
    >>> model.predict(X_test[:3])
    array([2, 8, 2])
    >>> bool(model.score(X_test, y_test) > 0.95)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseMLP._parameter_constraints,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
        "loss": [StrOptions({"log_loss", "focal"})],
        "gamma": [Interval(Real, 0, None, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
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
        class_weight: Any = None,
        loss: str = "log_loss",
        gamma: float = 2.0,
        label_smoothing: float = 0.0,
        scoring: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
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
        self.class_weight = class_weight
        self.loss = loss
        self.gamma = gamma
        self.label_smoothing = label_smoothing
        self.scoring = scoring
        self.dtype = dtype

    def _loss_name(self) -> str:
        if self.loss == "focal":
            if self.label_smoothing:
                got = f"label_smoothing={self.label_smoothing!r} with loss='focal'"
                raise ValueError(f"label_smoothing is for loss='log_loss', got {got}.")
            return "focal" if self._one_of_many() else "binary_focal"
        if not self._one_of_many():
            return "binary_log_loss"
        return "smoothed_log_loss" if self.label_smoothing else "log_loss"

    def _loss_parameter(self) -> Any:
        return self.gamma if self.loss == "focal" else self.label_smoothing

    def predict(self, X: MatrixLike) -> Any:
        """Predict the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y : ndarray of shape (n_samples,), or ndarray or CSR matrix of shape (n_samples, n_labels)
            The predicted classes; in the multilabel case, 1 for each predicted label, sparse where
            the targets in `fit` were.
        """
        decisions = self._decide(self._raw_scores(X))
        if not self._multilabel:
            return self.classes_[decisions[:, 0]]
        return sparse.csr_matrix(decisions) if self._sparse_labels else decisions

    def decision_function(self, X: MatrixLike) -> NDArray:
        """Return the scores, the output layer's values before the logistic function or softmax.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        scores : ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            For two classes, the log-odds of the second. Their softmax, or logistic function for
            two classes and for labels, is `predict_proba`.
        """
        scores = self._raw_scores(X)
        return scores[:, 0] if scores.shape[1] == 1 and not self._multilabel else scores

    def predict_proba(self, X: MatrixLike) -> NDArray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Ordered as in `classes_`; in the multilabel case, of each label apart.
        """
        scores = self._raw_scores(X)
        if scores.shape[1] == 1 and not self._multilabel:
            scores = np.hstack([-scores, scores])
        return self._network.link(scores)

    def predict_log_proba(self, X: MatrixLike) -> NDArray:
        """Return the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Ordered as in `classes_`. Finite, because no probability is rounded to 0.
        """
        return np.log(self.predict_proba(X))

    @available_if(can_stream)
    @fit_context
    def partial_fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch on the given data, going on from where the last call ended.

        The history, the learning-rate schedule and the search for the best validation score go on
        from call to call. With `early_stopping` each call holds out `validation_fraction` of its
        own rows, unless `X_val` is given. The weights are those that the call came to; only when
        it sets `converged_` are they the best ones, as after `fit`. A further call goes on from
        those that it came to all the same. The solver and the learning-rate schedule stay as they
        were at the first call, their parameters included.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.
        classes : array of shape (n_classes,), default=None
            All classes that any call will see; required in the first call. `y` need not
            contain all of them.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Rows to validate on, as in `fit`. Scores can be compared from call to call where these
            rows are always the same.
        y_val : array-like of shape (n_val,) or (n_val, n_labels), default=None
            Their targets.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.

        Returns
        -------
        self : object
            The model.

        Raises
        ------
        AttributeError
            With ``solver='lbfgs'`` or ``class_weight='balanced'``, which need all rows at once.
        ValueError
            When the data cannot be used or do not fit those of earlier calls, too few rows are left
            to validate on, or the loss diverges.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from skdnn import MLPNet
        >>> X, y = load_digits(return_X_y=True)
        >>> net = MLPNet(early_stopping=True, random_state=0).partial_fit(X, y, classes=range(10))
        >>> while not net.converged_:
        ...     net = net.partial_fit(X, y)
        >>> bool(net.score(X, y) > 0.9)
        True
        """
        _check_partial_fit_first_call(self, classes)
        return self._stream(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
