"""What the linear classifiers share: classes, the fit, probabilities."""

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit, log_softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.extmath import safe_sparse_dot

from skdnn._typing import MatrixLike, fit_context
from skdnn.linear.base import LinearNetwork
from skdnn.validation import check_row_weights, check_rows, check_training_data, encode_classes


class LinearNetworkClassifier(ClassifierMixin, LinearNetwork):
    """Base of the classifiers; `_one_neuron_for_two` says how two classes are told apart."""

    _one_neuron_for_two: ClassVar[bool]
    classes_: NDArray
    _parameter_constraints: ClassVar[dict] = {
        **LinearNetwork._parameter_constraints,
        "C": [Interval(Real, 0, None, closed="right")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

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
        y : array-like of shape (n_samples,)
            Class labels.
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
            When the data are not as described, have one class only, `coef_init` or
            `intercept_init` do not fit, the solver cannot handle the penalty, or a fixed
            `learning_rate` is so large that the loss diverges.
        """
        fit = self._begin_fit(X, y, sample_weight)
        X, targets = check_training_data(self, X, y, self._dtypes())
        classes, labels = encode_classes(targets)
        if len(classes) < 2:
            raise ValueError(
                "This solver needs samples of at least 2 classes in the data, but the data "
                f"contains only one class: {classes[0]!r}"
            )
        if self.warm_start and not np.array_equal(getattr(self, "classes_", classes), classes):
            raise ValueError(
                f"warm_start=True, but y has other classes than before: {classes} instead of "
                f"{self.classes_}."
            )
        rows = check_row_weights(
            X,
            sample_weight,
            class_weight=self.class_weight,
            classes=classes,
            labels=labels.astype(np.int64, copy=False),
        )
        one_neuron = self._one_neuron_for_two and len(classes) == 2
        self.classes_ = classes
        n_iter = self._fit_layer(
            fit,
            X,
            labels[:, None],
            rows,
            "binary_log_loss" if one_neuron else "log_loss",
            1 if one_neuron else len(classes),
            (coef_init, intercept_init),
            lambda coef, intercept: {"coef_": coef, "intercept_": intercept},
        )
        self.n_iter_ = np.array([n_iter], dtype=np.int32)
        return self

    def _penalties(self, total: float) -> tuple[float, float]:
        return self.l1_ratio / (self.C * total), (1 - self.l1_ratio) / (self.C * total)

    def _scores(self, X: Any) -> NDArray:
        """Return the layer's outputs, shape (n_samples, n_outputs)."""
        X = check_rows(self, X)
        return safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_

    def decision_function(self, X: MatrixLike) -> NDArray:
        """Return the scores of the classes, the outputs before the logistic function or softmax.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            For two classes the logarithm of the odds of the second.
        """
        scores = self._scores(X)
        if len(self.classes_) > 2:
            return scores
        # With two neurons the odds are those of the second against the first.
        return scores[:, 0] if scores.shape[1] == 1 else scores[:, 1] - scores[:, 0]

    def predict(self, X: MatrixLike) -> NDArray:
        """Return the most probable classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Their labels.
        """
        scores = self.decision_function(X)
        number = scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(np.intp)
        return self.classes_[number]

    def predict_proba(self, X: MatrixLike) -> NDArray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        scores = self.decision_function(X)
        if scores.ndim == 1:
            return expit(np.stack([-scores, scores], axis=1))
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        return scores

    def predict_log_proba(self, X: MatrixLike) -> NDArray:
        """Return the logarithms of the classes' probabilities.

        They are computed from the scores, so that they are finite where a probability is too
        small for a floating point number.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        scores = self.decision_function(X)
        if scores.ndim == 1:
            return log_expit(np.stack([-scores, scores], axis=1))
        return log_softmax(scores, axis=1)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        # Without intercepts classes can be told apart by a plane through the origin only, and a
        # random search finds what it finds.
        tags.classifier_tags.poor_score = not self.fit_intercept or self.solver == "random_search"
        return tags
