"""The weights of each layer as images."""

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from skdnn.displays.fitted import dense_layers, output_names, unwrap
from skdnn.displays.panels import make_panels

if TYPE_CHECKING:
    pass


class WeightsDisplay:
    """The weights of the layers as images, in colours that are the same in all of them.

    It is recommended to use `from_estimator` to create it. All parameters are stored as
    attributes.

    Parameters
    ----------
    images : list of ndarray of shape (n_rows, n_cols)
        What to draw: the weights of each layer, or those that lead to each unit.
    titles : list of str
        Of the images.
    by_unit : bool, default=False
        Whether the images are of units, not of layers.

    Attributes
    ----------
    axes_ : ndarray of shape (n_images,)
    figure_ : matplotlib Figure
    images_ : list of matplotlib AxesImage
    colorbar_ : matplotlib Colorbar or None

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdnn import SoftmaxClassifier
    >>> from skdnn.displays import WeightsDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = SoftmaxClassifier(C=0.01).fit(X / 16, y)
    >>> display = WeightsDisplay.from_estimator(model, feature_shape=(8, 8))
    >>> len(display.images_)
    10
    """

    def __init__(self, *, images: Any, titles: Any, by_unit: Any = False) -> None:
        self.images = images
        self.titles = titles
        self.by_unit = by_unit

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        feature_shape: Any = None,
        max_units: int = 40,
        ax: Any = None,
        colorbar: bool = True,
        im_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot the weights of a fitted model.

        Parameters
        ----------
        estimator : estimator instance
            A fitted network or linear model, or a Pipeline or search that ends in one.
        feature_shape : tuple of two int, default=None
            The height and width of the image that a row of `X` is. What is drawn then are the
            weights between the inputs and each unit of the first layer, as such images. None: the
            weights of all layers.
        max_units : int, default=40
            With `feature_shape`, the first units of which so many are drawn.
        ax : matplotlib Axes or array-like of Axes, default=None
            Where to draw; None for a new figure. In the place of one Axes as many are made as there
            are images.
        colorbar : bool, default=True
            Whether to draw a colour bar.
        im_kw : dict, default=None
            To `Axes.imshow`.

        Returns
        -------
        display : WeightsDisplay

        Raises
        ------
        NotFittedError
            When the model is not fitted; a ValueError too.
        TypeError
            When it is neither a network nor a linear model.
        ValueError
            When `feature_shape` does not fit the features, or `max_units` is less than 1.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        network, _ = unwrap(estimator)
        coefs, _ = dense_layers(network)
        if feature_shape is None:
            titles = [f"layer {i}" for i in range(1, len(coefs))] + ["output layer"]
            display = cls(images=coefs, titles=titles)
            return display.plot(ax=ax, colorbar=colorbar, im_kw=im_kw)
        n_features, n_units = coefs[0].shape
        if len(feature_shape) != 2 or math.prod(feature_shape) != n_features:
            raise ValueError(
                f"feature_shape must be two numbers whose product is {n_features}, the number of "
                f"features; got {feature_shape!r}."
            )
        if max_units < 1:
            raise ValueError(f"max_units must be at least 1, got {max_units!r}.")
        images = [unit.reshape(feature_shape) for unit in coefs[0].T[:max_units]]
        names = output_names(network, n_units) if len(coefs) == 1 else map(str, range(n_units))
        display = cls(images=images, titles=list(names)[:max_units], by_unit=True)
        return display.plot(ax=ax, colorbar=colorbar, im_kw=im_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        colorbar: bool = True,
        im_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot the images.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes, default=None
            Where to draw; None for a new figure. In the place of one Axes as many are made as there
            are images.
        colorbar : bool, default=True
            Whether to draw a colour bar.
        im_kw : dict, default=None
            To `Axes.imshow`.

        Returns
        -------
        display : WeightsDisplay
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        n_images = len(self.images)
        # Little images fill a grid that is wider than high, as figures are.
        n_rows = max(1, round(math.sqrt(n_images / 1.6))) if self.by_unit else 1
        n_cols = math.ceil(n_images / n_rows)
        if ax is not None and np.ndim(ax) > 0:
            # As many as there are images: no place of the grid is left free.
            n_rows, n_cols = 1, n_images
        axes = make_panels(ax, n_rows, n_cols)
        for free in axes[n_images:]:
            free.remove()
        self.axes_ = axes[:n_images]
        self.figure_ = self.axes_[0].figure
        largest = max(float(np.abs(image).max()) for image in self.images)
        options = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest, "interpolation": "nearest"}
        options |= {"aspect": "equal" if self.by_unit else "auto", **(im_kw or {})}
        self.images_ = []
        for axes, image, title in zip(self.axes_, self.images, self.titles, strict=True):
            self.images_.append(axes.imshow(image, **options))
            if self.by_unit:
                axes.set_title(title, fontsize="small", pad=2)
                axes.set(xticks=[], yticks=[])
            else:
                axes.set(title=title, xlabel="unit")
                for axis in (axes.xaxis, axes.yaxis):
                    axis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        if not self.by_unit:
            self.axes_[0].set_ylabel("input")
        self.colorbar_ = None
        if colorbar:
            self.colorbar_ = self.figure_.colorbar(
                self.images_[0], ax=list(self.axes_), label="weight", shrink=0.9
            )
        return self
