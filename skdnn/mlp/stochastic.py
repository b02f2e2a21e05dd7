"""How the networks train by a stochastic solver: in one fit, in a stream of calls, or resumed."""

import warnings

import numpy as np
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if

from skdnn import engine
from skdnn.network import Network
from skdnn.schedules import follow
from skdnn.splitting import Holdout
from skdnn.stochastic import Batches, Optimization
from skdnn.training import Rows, Standing, Training, fingerprint, train


def can_stream(estimator) -> bool:
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


def can_resume(estimator) -> bool:
    """Return whether `resume` is available; raise AttributeError if not."""
    training = getattr(estimator, "_training", None)
    if training is None:
        raise AttributeError(
            "resume goes on with a fit that was interrupted, and this model does not hold the "
            "state of one. Load a file that skdnn.callbacks.ModelCheckpoint(path, resumable=True) "
            "has written."
        )
    if training.rows is None:
        raise AttributeError("resume is for an interrupted fit; a stream goes on by partial_fit.")
    return True


class StochasticFit:
    """The part of a network that trains in epochs, and goes on where it has stopped."""

    early_stopping: bool
    shuffle: bool
    n_iter_no_change: float
    _training: Training
    _holdout_seed: int

    @available_if(can_stream)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None
    ):
        """Train for one epoch on the given data, going on from where the last call ended.

        The history, the learning-rate schedule and the search for the best validation score go on
        from call to call. With `early_stopping` each call holds out `validation_fraction` of its
        own rows, unless `X_val` is given. The weights are those that the call came to; only when
        it sets `converged_` are they the best ones, as after `fit`. A further call goes on from
        those that it came to all the same.

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
    @_fit_context(prefer_skip_nested_validation=True)
    def resume(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Go on with an interrupted fit, from a checkpoint to where it would have ended.

        Available in a model that `skdnn.callbacks.ModelCheckpoint` has written with
        ``resumable=True``, until the fit has ended. With the same data the result is the same as
        that of a fit that was never interrupted, to the last bit. The solver and the learning-rate
        schedule stay as they were, their parameters included; `max_iter`, the number of epochs in
        all, may have been raised. Callbacks are to be set again, and begin anew.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data of the interrupted fit, in the same order.
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
            When the data are not those of the interrupted fit, or the loss diverges.

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
        validation = (X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation, earlier=self._training)

    def _stream(self, X, y, sample_weight, validation):
        """Train for one epoch, and hold what the next call goes on from."""
        earlier = getattr(self, "_training", None)
        return self._fit(X, y, sample_weight, validation, earlier=earlier, streams=True)

    def _split_seed(self, evaluation, random_state, resumed, first_pass) -> int | None:
        """Return the seed of the rows to hold out; None for none.

        It stays the same where training goes on: rows that were trained on are not to judge it.
        """
        splits = self.early_stopping and evaluation is None
        if resumed is None:
            if splits and (first_pass or not hasattr(self, "_holdout_seed")):
                self._holdout_seed = random_state.randint(np.iinfo(np.int32).max)
            return self._holdout_seed if splits else None
        if splits != (resumed.rows.split_seed is not None):
            raise ValueError(
                "resume needs the rows that the interrupted fit validated on: with "
                f"early_stopping={self.early_stopping}, X_val and y_val are "
                f"{'not given' if splits else 'given'}, unlike then."
            )
        return resumed.rows.split_seed

    def _fit_stochastic(self, training, network, params, X, y, part, progress, streams):
        standing, optimization = training.standing, training.optimization
        if streams:
            training.rows, standing.converged = None, False
        batches = self._batches(network, X, y, part, training.rows)
        before = optimization.epochs if streams else 0
        last = before + 1 if streams else self.max_iter
        # Callbacks find it there while it runs.
        self._training = training
        try:
            train(training, batches, params, progress, max_iter=last)
        finally:
            if not streams:
                del self._training
        self.n_iter_ = optimization.epochs - before
        self.t_ += self.n_iter_ * batches.n_rows
        self._weight_seen += self.n_iter_ * batches.weight
        ended = standing.converged or not streams
        if ended and self.early_stopping and standing.best_params is not None:
            optimization.show(params, standing.best_params)
        self._finish(progress)
        if progress.history:
            self.loss_ = np.float64(progress.history[-1]["loss"])
        # Without patience so many epochs are what was asked for.
        endless = np.isinf(self.n_iter_no_change)
        if not (streams or standing.converged or progress.interrupted or endless):
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=5,
            )

    def _batches(self, network, X, y, part: Holdout, rows: Rows | None) -> Batches:
        """Return the batches of the rows to train on, in the order of a training that goes on."""
        order = part.train
        if rows is not None and rows.order is not None:
            order = rows.order
        data = engine.as_data(X, network.dtype, y, part.train_weight, order)
        if rows is not None and rows.fingerprint is not None:
            _check_same(data, rows.fingerprint)
        size = _batch_size(self, X.shape[0] if part.train is None else len(part.train))
        batches = Batches(network, data, size=size, shuffle=self.shuffle)
        if rows is not None:
            rows.order, rows.data = batches.order, data
        return batches

    def _new_training(self, network, random_state, standing: Standing, seed, streams) -> Training:
        """Return a training that begins."""
        rows = None if streams else Rows(seed)
        return Training(_optimize(self, network, random_state), random_state, standing, rows)


def _check_same(data, earlier: tuple[int, str]) -> None:
    """Check that a training goes on with the data of which this is the fingerprint."""
    found = fingerprint(data)
    if found[0] != earlier[0]:
        raise ValueError(
            f"resume needs the data of the interrupted fit, which had {earlier[0]} rows; X has "
            f"{found[0]}."
        )
    if found != earlier:
        raise ValueError(
            "resume needs the data of the interrupted fit, but X, y or sample_weight has other "
            "values, or another order of the rows."
        )


def _batch_size(estimator, n_rows: int) -> int:
    if estimator.batch_size == "auto":
        return min(200, n_rows)
    if estimator.batch_size > n_rows:
        warnings.warn(
            f"Got `batch_size`={estimator.batch_size}, larger than sample size ({n_rows}). It is "
            "going to be clipped",
            stacklevel=5,
        )
    return min(estimator.batch_size, n_rows)


def _optimize(estimator, network: Network, random_state) -> Optimization:
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


def _decay(estimator) -> float:
    if estimator.weight_decay is None:
        return 0.01 if engine.OPTIMIZERS[estimator.solver].decays else 0.0
    return estimator.weight_decay
