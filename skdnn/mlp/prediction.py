"""What a fitted network gives: outputs, hidden layers' outputs, predictions with dropout."""

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skdnn._typing import MatrixLike
from skdnn.network import Network
from skdnn.validation import check_rows


class FittedNetwork(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """An estimator that is a network once it is fitted."""

    transform_layer: int
    n_features_in_: int
    feature_names_in_: NDArray
    coefs_: list[NDArray]
    intercepts_: list[NDArray]
    _network: Network

    def _show(self, views: dict[str, list]) -> None:
        for name, value in views.items():
            setattr(self, name, value)

    def _views(self) -> dict[str, list]:
        fitted = self.__dict__
        names = ("coefs_", "intercepts_", "normalizations_")
        return {name: fitted[name] for name in names if name in fitted}

    def _checked(self, X: Any) -> Any:
        """Return the rows to predict, and the parameters in the type to compute in."""
        X = check_rows(self, X)
        dtype = np.result_type(X.dtype, self.coefs_[0].dtype)
        if X.dtype.kind != "f" or dtype not in (np.float32, np.float64):
            dtype = np.dtype(np.float64)
        return X, self._network.flat(self._views()).astype(dtype, copy=False)

    def _raw_scores(self, X: Any, n_layers: int | None = None) -> NDArray:
        """Return the outputs before the link; with `n_layers` of the table's first rows."""
        X, params = self._checked(X)
        return self._network.scores(X, params, n_layers=n_layers)

    def transform(self, X: MatrixLike) -> Any:
        """Return the outputs of the hidden layer that `transform_layer` names.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        outputs : ndarray of shape (n_samples, n_units)
            After the activation, and without dropout; of a network without hidden layers the
            features themselves.

        Raises
        ------
        ValueError
            When there is no such layer.
        """
        check_is_fitted(self)
        n_rows = self._n_transform_rows()
        if not n_rows:
            return self._checked(X)[0]
        return self._raw_scores(X, n_rows)

    def _n_transform_rows(self) -> int:
        """Return how many rows of the table lead to what `transform` gives."""
        ends = self._network.ends[:-1]
        if not ends:
            return 0
        layer = self.transform_layer
        if not isinstance(layer, Integral) or int(layer) not in range(-len(ends), len(ends)):
            raise ValueError(
                f"transform_layer={self.transform_layer} must be the number of one of the "
                f"{len(ends)} hidden layers, from 0, or from -1 backwards."
            )
        return ends[int(layer)]

    @property
    def _n_features_out(self) -> int:
        n_rows = self._n_transform_rows()
        return int(self._network.inference["n_out"][n_rows - 1]) if n_rows else self.n_features_in_

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        if "_network" in self.__dict__:
            if self.n_features_in_ != self._network.n_features:
                raise ValueError(
                    f"n_features_in_ is {self.n_features_in_}, but the network is one of "
                    f"{self._network.n_features} features."
                )
            self._network.check_arrays(self._views())
            # Arrays are pickled one by one: make them views of one vector again.
            self._show(self._network.views(self._network.flat(self._views())))
