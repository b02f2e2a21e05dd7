"""Reaching the values of layers by `get_params` and `set_params`, for searches."""

from typing import Any, Self

from sklearn.base import BaseEstimator, clone

_PREFIX = "hidden_layers__"


class LayerParameters(BaseEstimator):
    """An estimator whose `hidden_layers` are reached by their numbers, from 0.

    ``hidden_layers__1`` is a layer, ``hidden_layers__1__units`` one of its values.
    """

    hidden_layers: Any

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters, those of the layers included.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the layers of `hidden_layers` and their values, by names such as
            ``hidden_layers__0__units``.

        Returns
        -------
        params : dict
            The parameters by their names.
        """
        params = super().get_params(deep)
        if deep and isinstance(self.hidden_layers, list | tuple):
            for i, layer in enumerate(self.hidden_layers):
                params[f"{_PREFIX}{i}"] = layer
                if hasattr(layer, "get_params"):
                    for name, value in layer.get_params().items():
                        params[f"{_PREFIX}{i}__{name}"] = value
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of the layers included.

        Parameters
        ----------
        **params : dict
            Values by the names that `get_params` gives.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            When there is no such parameter.
        """
        inner = {name: params.pop(name) for name in list(params) if name.startswith(_PREFIX)}
        super().set_params(**params)
        # A layer before its values.
        for name in sorted(inner, key=lambda name: name.count("__")):
            if name not in self.get_params():
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self}. Valid parameters of its "
                    f"layers are {[n for n in self.get_params() if n.startswith(_PREFIX)]}."
                )
            number, _, value_name = name.removeprefix(_PREFIX).partition("__")
            layers = list(self.hidden_layers)
            if value_name:
                # A copy: the same object may stand for several layers.
                layer = clone(layers[int(number)]).set_params(**{value_name: inner[name]})
            else:
                layer = inner[name]
            layers[int(number)] = layer
            self.hidden_layers = type(self.hidden_layers)(layers)
        return self
