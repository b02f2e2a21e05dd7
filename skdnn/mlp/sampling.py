"""Uncertainty: predictions with dropout on, and the likelihood of what was observed.

Monte-Carlo dropout: each pass with dropout is the prediction of a network drawn from an approximate
posterior (Gal and Ghahramani, 2016, Dropout as a Bayesian approximation, arXiv:1506.02142). The
mean of the draws is the prediction, their spread what the network does not know.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted

from skdnn._typing import MatrixLike, Seed
from skdnn.mlp.labels import ClassTargets
from skdnn.mlp.prediction import FittedNetwork


class DropoutSampling(FittedNetwork):
    """A network whose predictions can be drawn with dropout."""

    def _passes(self, X: Any, n_samples: Any, random_state: Any) -> Iterator[NDArray]:
        """Yield the scores of passes with dropout, each of shape (n_samples, n_outputs).

        Without dropout one pass is like the other, and there is one only.
        """
        X, params = self._checked(X)
        if isinstance(n_samples, bool) or not isinstance(n_samples, int | np.integer):
            raise TypeError(f"n_samples must be an int, got {n_samples!r}.")
        if n_samples < 1:
            raise ValueError(f"n_samples must be at least 1, got {n_samples}.")
        network = self._network
        seeds = check_random_state(random_state).randint(1, np.iinfo(np.int32).max, n_samples)
        for seed in seeds if network.is_random else seeds[:1]:
            yield network.scores(X, params, table="sampling", seed=int(seed))

    def _samples(self, X: Any, n_samples: Any, random_state: Any) -> NDArray:
        """Return predictions with dropout, shape (n_samples, n_outputs, number of passes).

        Raises
        ------
        ValueError
            When the network has no dropout, and all passes would be the same.
        """
        check_is_fitted(self)
        if not self._network.is_random:
            raise ValueError(
                "Predictions are drawn with dropout, and this network has none: set dropout, or "
                "put a Dropout layer among hidden_layers, before the fit."
            )
        link = self._network.link
        return np.stack([link(z) for z in self._passes(X, n_samples, random_state)], axis=-1)


class ProbabilitySampling(ClassTargets, DropoutSampling):
    """A classifier whose probabilities can be drawn."""

    def sample_proba(self, X: MatrixLike, n_samples: int = 1, random_state: Seed = 0) -> NDArray:
        """Draw probabilities of the classes with dropout on.

        Monte-Carlo dropout (Gal and Ghahramani, 2016, arXiv:1506.02142): each draw is the
        prediction of a network from an approximate posterior. Their mean is the predictive
        probability, their spread what the network does not know.

        Each row has masks of its own: draws of different rows are independent, not those of one
        network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.
        n_samples : int, default=1
            The number of draws.
        random_state : int, RandomState instance or None, default=0
            Makes the masks; the same number gives the same draws.

        Returns
        -------
        proba : ndarray of shape (n_samples_X, n_classes, n_samples) or \
                (n_samples_X, n_labels, n_samples)
            Ordered as in `classes_`.

        Raises
        ------
        ValueError
            When the network has no dropout.
        """
        proba = self._samples(X, n_samples, random_state)
        if proba.shape[1] == 1 and not self._multilabel:
            return np.concatenate([1 - proba, proba], axis=1)
        return proba

    def log_likelihood(
        self, X: MatrixLike, y: ArrayLike, *, n_samples: int = 100, random_state: Seed = 0
    ) -> float:
        """Return the logarithm of each row's predictive probability.

        That is log(mean_t p_t(y)), the mean over draws with dropout, see `sample_proba`; without
        dropout the plain log probability.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The true classes.
        n_samples : int, default=100
            The number of draws.
        random_state : int, RandomState instance or None, default=0
            Makes the masks.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            Of all labels together in the multilabel case.

        Raises
        ------
        ValueError
            When `y` has other classes, or another number of labels, than in `fit`.
        """
        check_is_fitted(self)
        check_consistent_length(X, y)
        targets = self._encode_targets(y)
        passes = self._passes(X, n_samples, random_state)
        logarithms = [self._log_probability(scores, targets) for scores in passes]
        return logsumexp(logarithms, axis=0) - np.log(len(logarithms))


class ValueSampling(DropoutSampling):
    """A regressor whose predictions can be drawn."""

    n_outputs_: int
    _n_targets: int

    def sample_y(self, X: MatrixLike, n_samples: int = 1, random_state: Seed = 0) -> NDArray:
        """Draw predictions with dropout on.

        Monte-Carlo dropout (Gal and Ghahramani, 2016, arXiv:1506.02142): each draw is the
        prediction of a network from an approximate posterior. Each row has masks of its own: draws
        of different rows are independent, not those of one network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.
        n_samples : int, default=1
            The number of draws.
        random_state : int, RandomState instance or None, default=0
            Makes the masks; the same number gives the same draws.

        Returns
        -------
        y : ndarray of shape (n_samples_X, n_samples) or (n_samples_X, n_outputs, n_samples)
            Shaped like the result of `predict`, with the draws as a last axis: for several
            quantiles (n_samples_X, n_quantiles, n_samples) or
            (n_samples_X, n_outputs, n_quantiles, n_samples).

        Raises
        ------
        ValueError
            When the network has no dropout.
        """
        return self._shaped(self._samples(X, n_samples, random_state))

    def log_likelihood(
        self,
        X: MatrixLike,
        y: ArrayLike,
        *,
        noise_std: Any,
        n_samples: int = 100,
        random_state: Seed = 0,
    ) -> float:
        """Return the logarithm of each row's predictive density.

        With Gaussian noise of standard deviation s about the prediction f_t of each draw:
        log(mean_t N(y; f_t, s^2)), Gal and Ghahramani (2016), equation 8 of the appendix; without
        dropout there is one draw.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true values.
        noise_std : float or array-like of shape (n_outputs,)
            The standard deviation of the noise, in units of the targets, positive: such as the
            root mean squared error on held-out rows, or the value that makes the mean of this
            method there largest.
        n_samples : int, default=100
            The number of draws.
        random_state : int, RandomState instance or None, default=0
            Makes the masks.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            Of all outputs together.

        Raises
        ------
        ValueError
            When `y` or `noise_std` is not as described, or the network predicts several quantiles.
        """
        check_is_fitted(self)
        check_consistent_length(X, y)
        if self.n_outputs_ != self._n_targets:
            raise ValueError(
                "log_likelihood is not for several quantiles, got "
                f"{self.n_outputs_ // self._n_targets} of each target."
            )
        targets = self._target_columns(y, "y").astype(float)
        noise_std = self._checked_noise(noise_std)
        logarithms = [
            norm.logpdf(targets, self._network.link(scores), noise_std).sum(axis=1)
            for scores in self._passes(X, n_samples, random_state)
        ]
        return logsumexp(logarithms, axis=0) - np.log(len(logarithms))

    def _checked_noise(self, noise_std: Any) -> NDArray:
        """Return standard deviations: one, or one for each output."""
        noise_std = np.asarray(noise_std, dtype=float)
        if noise_std.shape not in ((), (self.n_outputs_,)):
            raise ValueError(
                f"noise_std must be a number or of shape ({self.n_outputs_},), one for each "
                f"output, got shape {noise_std.shape}."
            )
        if not (np.isfinite(noise_std) & (noise_std > 0)).all():
            raise ValueError(f"noise_std must be positive and finite, got {noise_std}.")
        return noise_std

    def _target_columns(self, y: Any, name: str) -> NDArray:
        """Return targets of shape (n_samples, number of targets), and check that number."""
        y = y.toarray() if sparse.issparse(y) else np.asarray(y)
        y = y.reshape(len(y), -1)
        if y.shape[1] != self._n_targets:
            columns = "column" if self._n_targets == 1 else "columns, one for each target"
            raise ValueError(f"{name} must have {self._n_targets} {columns}, got {y.shape[1]}.")
        return y

    def _shaped(self, predicted: Any) -> Any:
        """Bring the network's outputs, shape (n_samples, n_outputs, ...), to that of `predict`."""
        n_quantiles = predicted.shape[1] // self._n_targets
        if n_quantiles > 1 and self._n_targets > 1:
            shape = (len(predicted), self._n_targets, n_quantiles, *predicted.shape[2:])
            return predicted.reshape(shape)
        return predicted[:, 0] if predicted.shape[1] == 1 else predicted
