"""From class labels to the targets of a network, and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import log_expit, log_softmax
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import _check_sample_weight

from skdnn.validation import check_row_weights


class ClassTargets:
    """The part of a classifier that knows its labels: one of two, one of many, or several."""

    classes_: NDArray
    class_weight: Any
    warm_start: bool
    _multilabel: bool
    _sparse_labels: bool

    def _one_of_many(self) -> bool:
        return len(self.classes_) > 2 and not self._multilabel

    def _check_targets(self, y, first_pass, incremental):
        check_classification_targets(y)
        multilabel = type_of_target(y) == "multilabel-indicator"
        if hasattr(self, "coefs_") and not first_pass and multilabel != self._multilabel:
            raise ValueError(
                f"y is {'' if multilabel else 'not '}multilabel, unlike y in the previous call."
            )
        if not multilabel:
            y = column_or_1d(y, warn=True)
        if first_pass and not incremental:
            self.classes_ = unique_labels(y)
        else:
            self._check_known(unique_labels(y))
        self._multilabel, self._sparse_labels = multilabel, sparse.issparse(y)
        n_classes = len(self.classes_)
        return self._encoded(y), n_classes if multilabel or n_classes > 2 else 1

    def _encoded(self, y) -> NDArray:
        """Return the numbers of known classes, shape (n_samples, 1), or 0 or 1 for each label."""
        if self._multilabel:
            return y.toarray() if sparse.issparse(y) else np.asarray(y)
        encoder = LabelEncoder()
        encoder.classes_ = self.classes_
        return encoder.transform(column_or_1d(y)).reshape(-1, 1)

    def _log_probability(self, scores: NDArray, targets: NDArray) -> NDArray:
        """Return the log probability of each row's class, or of its labels together."""
        if self._one_of_many():
            return np.take_along_axis(log_softmax(scores, axis=1), targets, axis=1)[:, 0]
        return log_expit(np.where(targets, scores, -scores)).sum(axis=1)

    def _check_known(self, labels):
        """Check that training can go on with these labels."""
        if self.warm_start and set(labels) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {labels}"
            )
        if len(np.setdiff1d(labels, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                f"'y' has {labels}."
            )

    def _check_weights(self, X, targets, sample_weight, incremental):
        if self._multilabel:
            if self.class_weight is not None:
                # Of each label, multiplied, as scikit-learn does for several outputs.
                weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
                sample_weight = weight * compute_sample_weight(self.class_weight, targets)
            return check_row_weights(X, sample_weight)
        weight, kept = check_row_weights(
            X,
            sample_weight,
            class_weight=self.class_weight,
            classes=self.classes_,
            labels=targets[:, 0],
        )
        # One call of partial_fit may see one class only, but there must be others.
        labels = np.unique(targets if kept is None else targets[kept])
        if len(self.classes_) < 2 or (len(labels) < 2 and not incremental):
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes in the data, but the "
                f"data contains only one class: {self.classes_[labels[0]]!r}"
            )
        return weight, kept

    def _strata(self, targets):
        return None if self._multilabel else targets[:, 0]

    def _score_outputs(self, targets, scores, weight):
        """Return the accuracy."""
        if not np.isfinite(scores).all():
            return np.nan
        return float(np.average((self._decide(scores) == targets).all(axis=1), weights=weight))

    def _decide(self, scores: NDArray) -> NDArray:
        """Return the likeliest classes' numbers, or 0 or 1 for each label."""
        if self._one_of_many():
            return scores.argmax(axis=1).reshape(-1, 1)
        return (scores > 0).astype(int)
