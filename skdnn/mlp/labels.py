"""From class labels to the targets of a network, and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import log_expit, log_softmax
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

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

    def _output(self, n_outputs: Any) -> tuple[int, str]:
        return n_outputs, "logistic" if n_outputs == 1 else "softmax"

    def _check_targets(self, y: Any, first_pass: bool, incremental: bool) -> Any:
        check_classification_targets(y)
        if first_pass:
            self._multilabel = type_of_target(y) == "multilabel-indicator"
            if not incremental:
                self.classes_ = unique_labels(y if self._multilabel else column_or_1d(y))
        goes_on = self.warm_start and not (first_pass or incremental)
        targets = self._encode_targets(y, all_classes=goes_on)
        self._sparse_labels = sparse.issparse(y)
        n_classes = len(self.classes_)
        return targets, n_classes if self._multilabel or n_classes > 2 else 1

    def _encode_targets(self, y: Any, name: str = "y", all_classes: bool = False) -> NDArray:
        """Return the numbers of known classes, shape (n_samples, 1), or 0 or 1 for each label.

        Learns nothing from `y`, which may lack classes unless there must be `all_classes`.
        """
        y = y if sparse.issparse(y) else np.asarray(y)
        self._check_columns(y, name)
        if self._multilabel:
            y = y.toarray() if sparse.issparse(y) else y
            if not np.isin(y, (0, 1)).all():
                raise ValueError(f"{name} must be 0 or 1 for each label, got {np.unique(y)}.")
            return y
        y = column_or_1d(y, warn=True)
        self._check_known(unique_labels(y), name, all_classes)
        encoder = LabelEncoder()
        encoder.classes_ = self.classes_
        return encoder.transform(y).reshape(-1, 1)

    def _check_columns(self, y: Any, name: str) -> None:
        expected, what = 1, "column, of class labels"
        if self._multilabel:
            expected, what = len(self.classes_), "columns, one for each label of `classes_`"
        found = y.shape[1] if y.ndim == 2 else 1
        if found != expected:
            raise ValueError(f"{name} must have {expected} {what}, got {found}.")

    def _log_probability(self, scores: NDArray, targets: NDArray) -> NDArray:
        """Return the log probability of each row's class, or of its labels together."""
        if self._one_of_many():
            return np.take_along_axis(log_softmax(scores, axis=1), targets, axis=1)[:, 0]
        return log_expit(np.where(targets, scores, -scores)).sum(axis=1)

    def _check_known(self, labels: Any, name: str, all_classes: bool) -> None:
        if all_classes and set(labels) != set(self.classes_):
            raise ValueError(
                f"warm_start can only be used where `{name}` has the same classes as in the "
                f"previous call to fit. Previously got {self.classes_}, `{name}` has {labels}"
            )
        if len(np.setdiff1d(labels, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`{name}` has classes not in `self.classes_`. `self.classes_` has "
                f"{self.classes_}. '{name}' has {labels}."
            )

    def _check_weights(self, X: Any, targets: Any, sample_weight: Any, incremental: bool) -> Any:
        if self._multilabel:
            weight, kept = check_row_weights(X, sample_weight)
            if self.class_weight is None:
                return weight, kept
            weight = np.ones(len(targets)) if weight is None else weight
            return check_row_weights(X, self._label_weights(targets, weight))
        if isinstance(self.class_weight, list):
            raise ValueError(
                "class_weight must be a dict, 'balanced' or None where y is not multilabel, got "
                f"class_weight={self.class_weight!r}."
            )
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

    def _label_weights(self, targets: Any, weight: Any) -> Any:
        """Return the rows' weights, multiplied by those of the classes of all their labels."""
        given = self.class_weight
        one_for_each = isinstance(given, list) and len(given) == targets.shape[1]
        if given != "balanced" and not (one_for_each and all(isinstance(d, dict) for d in given)):
            raise ValueError(
                "class_weight must be 'balanced', None or a list with a dict for each of the "
                f"{targets.shape[1]} labels where y is multilabel, got class_weight={given!r}."
            )
        weight = weight.copy()
        # A row of weight zero is the same as no row: it does not even show which classes there are.
        kept = np.flatnonzero(weight)
        counted, before = targets[kept].astype(int), weight[kept]
        for j, labels in enumerate(counted.T):
            if given == "balanced":
                classes, of_label = np.unique(labels), "balanced"
            else:
                classes, of_label = np.arange(2), given[j]
            by_class = compute_class_weight(
                of_label, classes=classes, y=labels, sample_weight=before
            )
            if not (np.isfinite(by_class) & (by_class >= 0)).all():
                raise ValueError(
                    f"class_weight={given!r} has a weight that is negative or not finite."
                )
            weight[kept] *= by_class[np.searchsorted(classes, labels)]
        if not weight.any():
            raise ValueError(f"class_weight={given!r} leaves no sample of positive weight.")
        return weight

    def _strata(self, targets: Any) -> NDArray | None:
        return None if self._multilabel else targets[:, 0]

    def _score_outputs(self, targets: Any, scores: Any, weight: Any) -> float:
        """Return the accuracy."""
        if not np.isfinite(scores).all():
            return np.nan
        return float(np.average((self._decide(scores) == targets).all(axis=1), weights=weight))

    def _decide(self, scores: NDArray) -> NDArray:
        """Return the likeliest classes' numbers, or 0 or 1 for each label."""
        if self._one_of_many():
            return scores.argmax(axis=1).reshape(-1, 1)
        return (scores > 0).astype(int)
