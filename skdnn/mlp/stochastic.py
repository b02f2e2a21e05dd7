"""How the networks train by a stochastic solver: in one fit, in a stream of calls, or resumed."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from skdnn import engine
from skdnn._typing import MatrixLike, available_if, fit_context
from skdnn.network import Network
from skdnn.schedules import follow
from skdnn.splitting import Holdout
from skdnn.stochastic import Batches, Optimization
from skdnn.training import Origin, Standing, Training, fingerprint, train, warn


def can_stream(estimator: Any) -> bool:
    """Return whether `partial_fit` is available; raise AttributeError if not."""
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    if getattr(estimator, "class_weight", None) == "balanced":
        raise AttributeError(
            "partial_fit does not support class_weight='balanced': one call sees a part of the "
            "rows only. Give the weights as a dict, or as sample_weight."
        )
    return True


def can_resume(estimator: Any) -> bool:
    """Return whether `resume` is available; raise AttributeError if not."""
    training = getattr(estimator, "_training", None)
    # While a fit runs its origin is what returns one.
    if training is None or callable(training.origin):
        raise AttributeError(
            "resume goes on with a fit that was interrupted, and this model does not hold the "
            "state of one. Load a file that skdnn.callbacks.ModelCheckpoint(path, resumable=True) "
            "has written."
        )
    if training.streams:
        raise AttributeError("resume is for an interrupted fit; a stream goes on by partial_fit.")
    return True


class StochasticFit(BaseEstimator):
    """The part of a network that trains in epochs, and goes on where it has stopped."""

    early_stopping: bool
    shuffle: bool
    batch_size: Any
    n_iter_no_change: float
    _network: Network
    _training: Training

    @available_if(can_stream)
    @fit_context
    def partial_fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
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
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Rows to validate on, as in `fit`. Scores can be compared from call to call where these
            rows are always the same.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
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
        >>> from sklearn.datasets import load_diabetes
        >>> from skdnn import MLPNetRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> val = {"X_val": X[400:], "y_val": y[400:]}
        >>> net = MLPNetRegressor(learning_rate_init=0.1, early_stopping=True, random_state=0)
        >>> net = net.partial_fit(X[:200], y[:200], **val)
        >>> while not net.converged_:
        ...     for start in (200, 0):
        ...         net = net.partial_fit(X[start:][:200], y[start:][:200], **val)
        >>> bool(net.score(X[400:], y[400:]) > 0.3)
        True
        """
        return self._stream(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    @available_if(can_resume)
    @fit_context
    def resume(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Go on with an interrupted fit, from a checkpoint to where it would have ended.

        Available in a model that `skdnn.callbacks.ModelCheckpoint` has written with
        ``resumable=True``, until the fit has ended. With the same data the result is the same as
        that of a fit that was never interrupted, to the last bit. Whether the data are the same is
        seen from about 1000 of the rows, spread over all. The parameters must be the same too, but
        for those that say when training ends, `max_iter` (the number of epochs in all), `tol` and
        `n_iter_no_change`, and for `verbose` and `transform_layer`. A `learning_rate` that depends
        on `max_iter` stays as it was. Callbacks are to be set again: those that watch a quantity of
        `history_` catch up with it, all others begin anew, and weights from before the checkpoint
        are not known to them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data of the interrupted fit, in the same order; of a Pipeline, as its other
            steps have transformed them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Its targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Its sample weights.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            The rows that it validated on, where they were given.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.

        Returns
        -------
        self : object
            The fitted model, which no longer holds the state of the fit.

        Raises
        ------
        AttributeError
            When the model holds no state of a fit.
        ValueError
            When the data or the parameters are not those of the interrupted fit, or the loss
            diverges.

        Examples
        --------
        >>> import os, tempfile
        >>> import joblib
        >>> from sklearn.datasets import load_iris
        >>> from skdnn import MLPNet
        >>> from skdnn.callbacks import ModelCheckpoint
        >>> X, y = load_iris(return_X_y=True)
        >>> path = os.path.join(tempfile.mkdtemp(), "net-{epoch}.joblib")
        >>> net = MLPNet(learning_rate_init=0.1, random_state=0)
        >>> net = net.set_callbacks(ModelCheckpoint(path, resumable=True)).fit(X, y)
        >>> resumed = joblib.load(path.format(epoch=5)).resume(X, y)
        >>> bool((resumed.coefs_[0] == net.coefs_[0]).all())
        True
        """
        training: Any = self._training
        validation = (X_val, y_val, sample_weight_val)
        training.origin.check_parameters(self.get_params())
        return self._fit(X, y, sample_weight, validation, training)

    def _stream(self, X: Any, y: Any, sample_weight: Any, validation: Any) -> Self:
        """Train for one epoch, and hold what the next call goes on from."""
        training = getattr(self, "_training", None)
        return self._fit(X, y, sample_weight, validation, training, streams=True)

    def _origin(self, X: Any, targets: Any, weight: Any, evaluation: Any) -> Origin:
        """Return what a fit on these rows is called with."""
        dtype, validation = self._network.dtype, None
        if evaluation is not None:
            rows = evaluation.X, dtype, evaluation.targets, evaluation.weight
            validation = fingerprint(engine.as_data(*rows))
        rows = X, dtype, targets, weight
        return Origin(self.get_params(), fingerprint(engine.as_data(*rows)), validation)

    def _fit_stochastic(
        self,
        training: Any,
        network: Network,
        params: NDArray,
        X: Any,
        y: Any,
        part: Any,
        progress: Any,
        origin: Any,
    ) -> None:
        streams = origin is None
        if streams:
            training.order, training.standing.converged = None, False
        batches = self._batches(network, X, y, part, training.order)
        before = training.optimization.epochs if streams else 0
        last = before + 1 if streams else self.max_iter
        training.origin, training.order = origin, None if streams else batches.order
        # Callbacks find it there while it runs.
        self._training = training
        try:
            self._train(training, batches, params, progress, before, last, streams)
        finally:
            if not streams:
                del self._training

    def _train(
        self,
        training: Any,
        batches: Any,
        params: Any,
        progress: Any,
        before: Any,
        last: Any,
        streams: Any = False,
    ) -> None:
        """Train from epoch `before` to the last one; keep what it has come to."""
        standing, optimization = training.standing, training.optimization
        train(training, batches, params, progress, max_iter=last)
        self.n_iter_ = optimization.epochs - before
        self.t_ += self.n_iter_ * batches.n_rows
        self._weight_seen += self.n_iter_ * batches.weight
        ended = standing.converged or not streams
        if ended and self.early_stopping and standing.best_params is not None:
            optimization.show(params, standing.best_params)
        self._finish(progress)
        # Without patience so many epochs are what was asked for.
        endless = np.isinf(self.n_iter_no_change)
        if not (streams or standing.converged or progress.interrupted or endless):
            warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
            )

    def _batches(self, network: Network, X: Any, y: Any, part: Holdout, order: Any) -> Batches:
        """Return the batches of the rows to train on, in the order of a fit that is resumed."""
        order = part.train if order is None else order
        data = engine.as_data(X, network.dtype, y, part.train_weight, order)
        size = self._batch_rows(X.shape[0] if part.train is None else len(part.train))
        return Batches(network, data, size=size, shuffle=self.shuffle)

    def _batch_rows(self, n_rows: int) -> int:
        """Return how many of so many rows a batch has."""
        if self.batch_size == "auto":
            return min(200, n_rows)
        if self.batch_size > n_rows:
            warn(
                f"Got `batch_size`={self.batch_size}, larger than sample size ({n_rows}). It is "
                "going to be clipped"
            )
        return min(self.batch_size, n_rows)

    def _new_training(
        self, network: Network, random_state: np.random.RandomState, standing: Standing
    ) -> Training:
        """Return a training that begins."""
        return Training(_optimize(self, network, random_state), random_state, standing)


def _optimize(
    estimator: Any, network: Network, random_state: np.random.RandomState
) -> Optimization:
    seed = 1
    if network.is_random:
        seed = random_state.randint(1, np.iinfo(np.int32).max)
    return Optimization(
        network,
        estimator.solver,
        follow(
            estimator.learning_rate,
            estimator.learning_rate_init,
            max_iter=estimator.max_iter,
            power_t=estimator.power_t,
            n_seen=estimator._weight_seen,
        ),
        seed=seed,
        average=estimator.average,
        momentum=estimator.momentum,
        nesterov=estimator.nesterovs_momentum,
        rho=estimator.rho,
        beta_1=estimator.beta_1,
        beta_2=estimator.beta_2,
        epsilon=estimator.epsilon,
        weight_decay=_decay(estimator),
        clip_norm=estimator.clip_norm or 0.0,
    )


def _decay(estimator: Any) -> float:
    if estimator.weight_decay is None:
        return 0.01 if engine.OPTIMIZERS[estimator.solver].decays else 0.0
    return estimator.weight_decay
