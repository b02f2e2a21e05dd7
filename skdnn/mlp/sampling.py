"""Uncertainty: predictions with dropout on, and the likelihood of what was observed.

Monte-Carlo dropout: each pass with dropout is the prediction of a network drawn from an approximate
posterior (Gal and Ghahramani, 2016, Dropout as a Bayesian approximation, arXiv:1506.02142). The
mean of the draws is the prediction, their spread what the network does not know.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted

from skdnn.mlp.labels import ClassTargets
from skdnn.mlp.prediction import FittedNetwork
from skdnn.threads import one_blas_thread


class DropoutSampling(FittedNetwork):
    """A network whose predictions can be drawn with dropout."""

    def _passes(self, X, n_samples: Any, random_state: Any) -> Iterator[NDArray]:
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
        with one_blas_thread():
            for seed in seeds if network.is_random else seeds[:1]:
                yield network.scores(X, params, layers=network.sampling, seed=int(seed))

    def _samples(self, X, n_samples: Any, random_state: Any) -> NDArray:
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

    def sample_proba(self, X, n_samples=1, random_state=0):
        """Draw probabilities of the classes with dropout on.

        Monte-Carlo dropout (Gal and Ghahramani, 2016, arXiv:1506.02142): each draw is the
        prediction of a network from an approximate posterior. Their mean is the predictive
        probability, their spread what the network does not know.

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

    def log_likelihood(self, X, y, *, n_samples=100, random_state=0):
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
        """
        check_is_fitted(self)
        check_consistent_length(X, y)
        targets = self._encoded(y)
        passes = self._passes(X, n_samples, random_state)
        logarithms = [self._log_probability(scores, targets) for scores in passes]
        return logsumexp(logarithms, axis=0) - np.log(len(logarithms))


class ValueSampling(DropoutSampling):
    """A regressor whose predictions can be drawn."""

    n_outputs_: int

    def sample_y(self, X, n_samples=1, random_state=0):
        """Draw predictions with dropout on.

        Monte-Carlo dropout (Gal and Ghahramani, 2016, arXiv:1506.02142): each draw is the
        prediction of a network from an approximate posterior.

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

        Raises
        ------
        ValueError
            When the network has no dropout.
        """
        draws = self._samples(X, n_samples, random_state)
        return draws[:, 0] if draws.shape[1] == 1 else draws

    def log_likelihood(self, X, y, *, noise_std, n_samples=100, random_state=0):
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
            The standard deviation of the noise, in units of the targets, positive.
        n_samples : int, default=100
            The number of draws.
        random_state : int, RandomState instance or None, default=0
            Makes the masks.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            Of all outputs together.
        """
        check_is_fitted(self)
        check_consistent_length(X, y)
        noise_std = np.asarray(noise_std, dtype=float)
        if not np.all(noise_std > 0):
            raise ValueError(f"noise_std must be positive, got {noise_std}.")
        targets = np.asarray(y, dtype=float).reshape(len(y), -1)
        if targets.shape[1] != self.n_outputs_:
            raise ValueError(f"y must have {self.n_outputs_} outputs, got {targets.shape[1]}.")
        logarithms = [
            norm.logpdf(targets, self._network.link(scores), noise_std).sum(axis=1)
            for scores in self._passes(X, n_samples, random_state)
        ]
        return logsumexp(logarithms, axis=0) - np.log(len(logarithms))

    def _shaped(self, predicted):
        """Bring the network's outputs, shape (n_samples, n_outputs), to the predictions' shape."""
        n_quantiles = predicted.shape[1] // self._n_targets
        if n_quantiles > 1 and self._n_targets > 1:
            return predicted.reshape(-1, self._n_targets, n_quantiles)
        return predicted[:, 0] if predicted.shape[1] == 1 else predicted
