"""The path of a fit over the contours of the loss that it goes down."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._optional_dependencies import check_matplotlib_support

from skdnn._typing import MatrixLike
from skdnn.displays.fitted import dense_layers, input_names, unwrap
from skdnn.displays.loss_surface import losses_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The picture extends beyond the path by this share of its width or height.
_MARGIN = 0.35
_N_LEVELS = 24


class DescentPathDisplay:
    """Contours of the loss over two weights of a linear model, and the path of its fit.

    It is recommended to use `from_estimator` to create it. All parameters are stored as
    attributes.

    Parameters
    ----------
    xx0, xx1 : ndarray of shape (grid_resolution, grid_resolution)
        The two weights at the points of the grid, from `numpy.meshgrid`.
    loss : ndarray of shape (grid_resolution, grid_resolution)
        What the model minimises, penalty included.
    path : ndarray of shape (n_iter + 1, 2)
        The two weights at the start and after each iteration.
    true_coef : array-like of shape (2,), default=None
        Weights to mark beside those.
    xlabel, ylabel : str, default=None

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    surface_ : matplotlib QuadContourSet
    line_ : matplotlib Line2D
        The path.
    start_, end_, true_ : matplotlib Line2D
        The marks; `true_` is None without `true_coef`.
    colorbar_ : matplotlib Colorbar or None

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from skdnn import GDLinearRegression
    >>> from skdnn.displays import DescentPathDisplay
    >>> X, y, coef = make_regression(100, 2, coef=True, random_state=0)
    >>> model = GDLinearRegression(solver="gd", store_path=True).fit(X, y)
    >>> display = DescentPathDisplay.from_estimator(model, X, y, true_coef=coef)
    >>> display.path[0]
    array([0., 0.])
    """

    def __init__(
        self,
        *,
        xx0: Any,
        xx1: Any,
        loss: Any,
        path: NDArray,
        true_coef: Any = None,
        xlabel: Any = None,
        ylabel: Any = None,
    ) -> None:
        self.xx0 = xx0
        self.xx1 = xx1
        self.loss = loss
        self.path = path
        self.true_coef = true_coef
        self.xlabel = xlabel
        self.ylabel = ylabel

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        features: Any = None,
        target: Any = None,
        true_coef: Any = None,
        grid_resolution: int = 100,
        ax: "Axes | None" = None,
        colorbar: bool = True,
        surface_kw: dict[str, Any] | None = None,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot the path of a linear model's fit.

        All weights but the two are held at their fitted values.

        Parameters
        ----------
        estimator : estimator instance
            A linear model of skdnn fitted with ``store_path=True``, or a Pipeline or search that
            ends in one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows that it was fitted to.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.
        features : tuple of two int or str, default=None
            Numbers or names of the features whose weights are drawn, or "intercept". None: the
            first two, or of a model of one feature its weight and the intercept.
        target : str or int, default=None
            The class, or the number of the target, whose weights are drawn; required where the
            model has several neurons.
        true_coef : array-like of shape (2,), default=None
            Two weights to mark, such as those that the data were made with.
        grid_resolution : int, default=100
            Number of points of the grid in each direction.
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.
        colorbar : bool, default=True
            Whether to draw a colour bar.
        surface_kw : dict, default=None
            To `Axes.contourf`.
        line_kw : dict, default=None
            To `Axes.plot`, for the path.

        Returns
        -------
        display : DescentPathDisplay

        Raises
        ------
        NotFittedError
            When the model is not fitted; a ValueError too.
        ValueError
            When it has no path, or there are no such features or no such target.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        network, steps = unwrap(estimator)
        if not hasattr(network, "coef_path_"):
            raise ValueError(
                f"{network!r} has no coef_path_: it must be a linear model of skdnn fitted with "
                "store_path=True."
            )
        if not grid_resolution > 1:
            raise ValueError(f"grid_resolution must be greater than 1, got {grid_resolution!r}.")
        true_coef = None if true_coef is None else np.asarray(true_coef, dtype=float)
        if true_coef is not None and true_coef.shape != (2,):
            raise ValueError(f"true_coef must be two numbers, got shape {true_coef.shape}.")
        X = X if steps is None else steps.transform(X)
        names = [*input_names(network, steps), *["intercept"] * network.fit_intercept]
        pair = _find_features(names, features, network.n_features_in_)
        neuron = _find_neuron(network, target)
        path = _full_path(network)[:, neuron][:, pair].astype(float)
        xx0, xx1 = _grid(
            path if true_coef is None else np.vstack([path, true_coef]), grid_resolution
        )
        points = np.c_[xx0.ravel(), xx1.ravel()]
        loss = losses_at(network, X, y, sample_weight, pair, neuron, points).reshape(xx0.shape)
        xlabel, ylabel = (
            names[i] if names[i] == "intercept" else f"weight of {names[i]}" for i in pair
        )
        display = cls(
            xx0=xx0,
            xx1=xx1,
            loss=loss,
            path=path,
            true_coef=true_coef,
            xlabel=xlabel,
            ylabel=ylabel,
        )
        return display.plot(ax=ax, colorbar=colorbar, surface_kw=surface_kw, line_kw=line_kw)

    def plot(
        self,
        ax: "Axes | None" = None,
        *,
        colorbar: bool = True,
        surface_kw: dict[str, Any] | None = None,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot the path over the contours.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.
        colorbar : bool, default=True
            Whether to draw a colour bar.
        surface_kw : dict, default=None
            To `Axes.contourf`.
        line_kw : dict, default=None
            To `Axes.plot`, for the path.

        Returns
        -------
        display : DescentPathDisplay
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt
        from matplotlib.colors import PowerNorm

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        low, high = self.loss.min(), self.loss.max()
        # Close together at the minimum, where the loss is flat.
        levels = low + (high - low) * np.linspace(0, 1, _N_LEVELS + 1) ** 2
        surface = {"levels": levels, "norm": PowerNorm(0.5, low, high), "cmap": "Blues_r"}
        self.surface_ = ax.contourf(
            self.xx0, self.xx1, self.loss, **{**surface, **(surface_kw or {})}
        )
        line = {"color": "C1", "marker": ".", "markersize": 5, "linewidth": 1.5, "label": "path"}
        (self.line_,) = ax.plot(*self.path.T, **{**line, **(line_kw or {})})
        mark: dict[str, Any] = {"linestyle": "none", "markeredgecolor": "black", "color": "white"}
        self.start_, self.end_, self.true_ = (
            None
            if point is None
            else ax.plot(*point, marker, label=label, markersize=size, **mark)[0]
            for point, marker, label, size in (
                (self.path[0], "o", "start", 8),
                (self.path[-1], "s", "end", 8),
                (self.true_coef, "*", "true", 14),
            )
        )
        self.colorbar_ = None
        if colorbar:
            self.colorbar_ = ax.figure.colorbar(self.surface_, ax=ax, label="loss", format="%.3g")
        ax.set(xlabel=self.xlabel, ylabel=self.ylabel)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _find_features(names: list[str], features: Any, n_features: int) -> list[int]:
    """Return the places of two features among the weights, of which the intercept is the last."""
    if len(names) < 2:
        raise ValueError("The model has one weight and no intercept: there are no two to draw.")
    if features is None:
        return [0, 1]
    if isinstance(features, str) or len(features) != 2:
        raise ValueError(f"features must be two numbers or names, got {features!r}.")
    places = []
    for feature in features:
        if isinstance(feature, str) and feature in names:
            places.append(names.index(feature))
        elif not isinstance(feature, str) and feature in range(n_features):
            places.append(int(feature))
        else:
            raise ValueError(
                f"features must be among the numbers below {n_features} and {names}; got "
                f"{feature!r} in {features!r}."
            )
    if places[0] == places[1]:
        raise ValueError(f"features must be two different ones, got {features!r}.")
    return places


def _find_neuron(network: Any, target: Any) -> int:
    """Return the number of the neuron of a class or a target."""
    n_neurons = dense_layers(network)[0][0].shape[1]
    classes = np.asarray(getattr(network, "classes_", [])).tolist()
    choices = classes if len(classes) == n_neurons else list(range(n_neurons))
    if target is None and n_neurons > 1:
        raise ValueError(f"The model has {n_neurons} neurons: target must be one of {choices}.")
    if target is None:
        return 0
    if target not in choices:
        raise ValueError(f"target must be one of {choices}, got {target!r}.")
    return choices.index(target)


def _full_path(network: Any) -> Any:
    """Return the path, shape (n_iter + 1, n_neurons, n_features + 1), intercepts last."""
    n_points, n_features = len(network.coef_path_), network.n_features_in_
    coef = network.coef_path_.reshape(n_points, -1, n_features)
    return np.dstack([coef, network.intercept_path_.reshape(n_points, -1)])


def _grid(points: Any, resolution: int) -> Any:
    """Return a grid that has all points in it, with some room about them."""
    low, high = points.min(axis=0), points.max(axis=0)
    size = high - low
    # A path that goes nearly straight along an axis has room beside it.
    size = np.maximum(size, 0.3 * size.max()) if size.any() else np.ones(2)
    middle, half = (low + high) / 2, (0.5 + _MARGIN) * size
    return np.meshgrid(
        *(np.linspace(m - h, m + h, resolution) for m, h in zip(middle, half, strict=True))
    )
