"""What a search for parameters draws from: the layers of a network, and ready-made spaces.

They go into scikit-learn's `RandomizedSearchCV`, `HalvingRandomSearchCV` and `GridSearchCV`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, product
from numbers import Integral
from typing import Any, ClassVar, overload

import numpy as np
from numpy.random import Generator, RandomState
from scipy.stats import loguniform, uniform
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils._param_validation import StrOptions

from skdnn._typing import Seed
from skdnn.component import Component
from skdnn.linear.base import LinearNetwork
from skdnn.mlp.base import BaseMLP
from skdnn.solvers import SOLVERS
from skdnn.validation import check_params


@dataclass(eq=False, repr=False)
class HiddenLayerSizes(Component):
    """Distribution of `hidden_layer_sizes`: how many hidden layers, and how wide.

    First the number of layers is drawn, each number as likely as the others, then the widths. So
    a network without a hidden layer, ``()``, is as likely as one of three layers. It has the
    method `rvs` of SciPy's distributions, by which scikit-learn's searches draw.

    Parameters
    ----------
    n_layers : tuple of two int, default=(1, 3)
        The fewest and the most hidden layers, both included; 0 is none.
    width : tuple of two int, default=(16, 256)
        The narrowest and the widest that a layer may be, both included.
    shape : {'constant', 'decreasing', 'independent'}, default='constant'
        'constant' draws one width for all layers, 'independent' one for each; 'decreasing' puts
        these in order, so that no layer is wider than the one before.
    scale : {'log', 'linear'}, default='log'
        With 'linear' all widths are equally likely. With 'log' a width is
        ``floor(exp(U))``, with U uniform between ``log(narrowest)`` and ``log(widest + 1)``:
        P(k) = log(1 + 1/k) / log((widest + 1) / narrowest), so that each doubling of the width is
        as likely as the next.

    Examples
    --------
    >>> from skdnn.model_selection import HiddenLayerSizes
    >>> sizes = HiddenLayerSizes(n_layers=(0, 3), width=(1, 99), scale="linear")
    >>> sizes.rvs(size=4, random_state=0)
    [(71, 71), (54, 54), (64,), (89,)]
    >>> HiddenLayerSizes(n_layers=(1, 2), width=(16, 256)).grid(n_widths=3)
    [(16,), (64,), (256,), (16, 16), (64, 64), (256, 256)]
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_layers": [tuple, list],
        "width": [tuple, list],
        "shape": [StrOptions({"constant", "decreasing", "independent"})],
        "scale": [StrOptions({"log", "linear"})],
    }

    n_layers: Sequence[int] = (1, 3)
    width: Sequence[int] = (16, 256)
    shape: str = "constant"
    scale: str = "log"

    def _validate_params(self) -> None:
        super()._validate_params()
        for name, least in (("n_layers", 0), ("width", 1)):
            bounds = getattr(self, name)
            if (
                len(bounds) != 2
                or not all(isinstance(bound, Integral) for bound in bounds)
                or not least <= bounds[0] <= bounds[1]
            ):
                raise ValueError(
                    f"{name} must be two whole numbers, the least and the most, of at least "
                    f"{least}; got {name}={bounds!r}."
                )

    @overload
    def rvs(self, size: None = None, random_state: Seed | Generator = None) -> tuple[int, ...]: ...

    @overload
    def rvs(self, size: int, random_state: Seed | Generator = None) -> list[tuple[int, ...]]: ...

    def rvs(self, size: int | None = None, random_state: Seed | Generator = None) -> Any:
        """Draw at random.

        Parameters
        ----------
        size : int, default=None
            How many; None for one, not in a list.
        random_state : int, RandomState instance, Generator or None, default=None
            Source of the random numbers.

        Returns
        -------
        sizes : tuple of int, or list of such tuples

        Raises
        ------
        TypeError
            When what is to be a whole number is none.
        ValueError
            When a parameter is not as described.
        """
        self._validate_params()
        if size is not None:
            check_scalar(size, "size", Integral, min_val=0)
        source = (
            random_state
            if isinstance(random_state, Generator)
            else check_random_state(random_state)
        )
        draws = [self._draw(source) for _ in range(1 if size is None else size)]
        return draws[0] if size is None else draws

    def _draw(self, source: RandomState | Generator) -> tuple[int, ...]:
        # Both kinds of source have `uniform`; their integers have other names.
        fewest, most = self.n_layers
        depth = int(np.floor(source.uniform(fewest, most + 1)))
        n_draws = min(depth, 1) if self.shape == "constant" else depth
        narrowest, widest = self.width
        if self.scale == "log":
            widths = np.exp(source.uniform(np.log(narrowest), np.log(widest + 1), n_draws))
        else:
            widths = source.uniform(narrowest, widest + 1, n_draws)
        # A draw may be rounded to its bound.
        layers = np.clip(np.floor(widths), narrowest, widest).astype(int).tolist()
        if self.shape == "decreasing":
            layers.sort(reverse=True)
        return tuple(layers * depth if self.shape == "constant" else layers)

    def grid(self, n_widths: int | None = None) -> list[tuple[int, ...]]:
        """Return the networks that can be drawn, for a grid search.

        Parameters
        ----------
        n_widths : int, default=None
            Of how many widths, from the narrowest to the widest in steps that are equal on
            `scale`. None for all widths.

        Returns
        -------
        sizes : list of tuple of int
            From few layers to many; each once.

        Raises
        ------
        TypeError
            When what is to be a whole number is none.
        ValueError
            When a parameter is not as described.
        """
        self._validate_params()
        if n_widths is not None:
            check_scalar(n_widths, "n_widths", Integral, min_val=1)
        narrowest, widest = self.width
        if n_widths is None:
            widths = list(range(narrowest, widest + 1))
        else:
            steps = np.geomspace if self.scale == "log" else np.linspace
            widths = np.unique(np.rint(steps(narrowest, widest, n_widths)).astype(int)).tolist()
        sizes: list[tuple[int, ...]] = []
        for depth in range(self.n_layers[0], self.n_layers[1] + 1):
            if self.shape == "independent":
                sizes += product(widths, repeat=depth)
            elif self.shape == "decreasing":
                sizes += combinations_with_replacement(widths[::-1], depth)
            else:
                sizes += [(width,) * depth for width in widths] if depth else [()]
        return sizes


# A step of these has the gradient's length; the other solvers' steps have that of their rate.
_SCALED_BY_GRADIENT = {"sgd", "adagrad"}


def search_space(estimator: BaseEstimator, prefix: str | None = None) -> dict[str, Any]:
    """Return distributions of the parameters of an estimator that are worth a search.

    They suit features of mean 0 and variance 1, and some hundreds of rows or more: batches have 32
    to 256. They are those of the solver that the estimator has: a network's learning rate, batch
    size and dropout are left out for 'lbfgs', which has no use for them.

    Parameters
    ----------
    estimator : estimator of skdnn, or Pipeline that ends with one
        Need not be fitted.
    prefix : str, default=None
        What is written before each name, with two underscores between: the name of the step in
        which the estimator is. None for none, of a Pipeline its last step.

    Returns
    -------
    space : dict of str to distribution or list
        For `RandomizedSearchCV` and `HalvingRandomSearchCV`. A new one with each call, of which
        parts can be left out or replaced.

    Raises
    ------
    TypeError
        When the estimator is not one of skdnn.
    ValueError
        When it has a parameter with which it cannot be fitted.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdnn import MLPNet
    >>> from skdnn.model_selection import search_space
    >>> sorted(search_space(MLPNet(solver="lbfgs")))
    ['activation', 'alpha', 'hidden_layer_sizes']
    >>> space = search_space(make_pipeline(StandardScaler(), MLPNet()))
    >>> space["mlpnet__hidden_layer_sizes"]
    HiddenLayerSizes()
    """
    if isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        prefix = name if prefix is None else prefix
    if not isinstance(estimator, (BaseMLP, LinearNetwork)):
        raise TypeError(
            f"estimator must be one of skdnn, or a Pipeline that ends with one; got {estimator!r}."
        )
    check_params(estimator)
    of_network = isinstance(estimator, BaseMLP)
    space = _network_space(estimator) if of_network else _linear_space(estimator)
    return space if prefix is None else {f"{prefix}__{name}": space[name] for name in space}


def _network_space(estimator: Any) -> dict[str, Any]:
    stochastic, plain = estimator.solver != "lbfgs", estimator.hidden_layers is None
    space: dict[str, Any] = {
        "activation": ["relu", "tanh", "gelu"],
        "alpha": loguniform(1e-6, 10),
    }
    if plain:
        space["hidden_layer_sizes"] = HiddenLayerSizes()
    if plain and stochastic:
        space["dropout"] = uniform(0, 0.5)
    if stochastic:
        space["batch_size"] = [32, 64, 128, 256]
    if stochastic and not callable(estimator.learning_rate):
        rates = (1e-3, 1) if estimator.solver in _SCALED_BY_GRADIENT else (3e-4, 3e-2)
        space["learning_rate_init"] = loguniform(*rates)
    return space


def _linear_space(estimator: Any) -> dict[str, Any]:
    # C is the inverse of a strength.
    strength = {"C": loguniform(1e-4, 1e4)}
    space: dict[str, Any] = strength if hasattr(estimator, "C") else {"alpha": loguniform(1e-4, 10)}
    if estimator.solver == "auto" or SOLVERS[estimator.solver].l1_params:
        space["l1_ratio"] = uniform(0, 1)
    if estimator.solver == "sgd":
        space["learning_rate"] = loguniform(1e-3, 1)
        space["batch_size"] = [32, 64, 128, 256]
    return space
