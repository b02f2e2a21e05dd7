"""Activation functions and their derivatives."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from skdnn import engine
from skdnn.displays.panels import make_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ActivationDisplay:
    """Activation functions, and beside them their derivatives.

    It is recommended to use `from_name` to create it. All parameters are stored as attributes.

    Parameters
    ----------
    z : ndarray of shape (n_points,)
        Where the functions were evaluated.
    values, derivatives : dict of str to ndarray of shape (n_points,)
        For each function, by its name.

    Attributes
    ----------
    axes_ : ndarray of shape (2,)
        Axes of the functions and of the derivatives.
    figure_ : matplotlib Figure
    lines_ : dict of str to tuple of matplotlib Line2D
        For each function its curve and that of its derivative.

    Examples
    --------
    >>> from skdnn.displays import ActivationDisplay
    >>> display = ActivationDisplay.from_name(["relu", "gelu"])
    >>> sorted(display.lines_)
    ['gelu', 'relu']
    """

    def __init__(self, *, z: Any, values: Any, derivatives: Any) -> None:
        self.z = z
        self.values = values
        self.derivatives = derivatives

    @classmethod
    def from_name(
        cls,
        name: str,
        *,
        limits: Any = (-4.0, 4.0),
        n_points: int = 401,
        ax: "Axes | None" = None,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot activation functions of the registry.

        Parameters
        ----------
        name : str or list of str
            Keys of `skdnn.engine.ACTIVATIONS`: 'tanh', 'relu', 'gelu', ...
        limits : tuple of two floats, default=(-4, 4)
            Between which the functions are drawn.
        n_points : int, default=401
            At how many points they are evaluated.
        ax : matplotlib Axes or array-like of two Axes, default=None
            Where to draw; None for a new figure. In the place of one Axes two are made.
        line_kw : dict, default=None
            To `Axes.plot`.

        Returns
        -------
        display : ActivationDisplay

        Raises
        ------
        ValueError
            When there is no such activation, or `limits` is not an interval.
        """
        check_matplotlib_support(f"{cls.__name__}.from_name")
        names = [name] if isinstance(name, str) else list(name)
        for each in names or [name]:
            if each not in list(engine.ACTIVATIONS):
                raise ValueError(
                    f"name must be among {list(engine.ACTIVATIONS)}, or a list of such; got "
                    f"{each!r}."
                )
        first, last = limits
        if not (np.isfinite([first, last]).all() and first < last):
            raise ValueError(f"limits must be two numbers, the smaller first; got {limits!r}.")
        z = np.linspace(first, last, n_points)
        values, derivatives = {}, {}
        for each in names:
            values[each], derivatives[each] = _evaluate(engine.ACTIVATIONS[each], z)
        display = cls(z=z, values=values, derivatives=derivatives)
        return display.plot(ax=ax, line_kw=line_kw)

    def plot(self, ax: "Axes | None" = None, *, line_kw: dict[str, Any] | None = None) -> Self:
        """Plot the functions and their derivatives.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of two Axes, default=None
            Where to draw; None for a new figure. In the place of one Axes two are made.
        line_kw : dict, default=None
            To `Axes.plot`.

        Returns
        -------
        display : ActivationDisplay
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        self.axes_ = make_panels(ax, 1, 2, sharex=True)
        self.figure_ = self.axes_[0].figure
        self.lines_ = {}
        for name, values in self.values.items():
            options = {"label": name, **(line_kw or {})}
            curves = (values, self.derivatives[name])
            pairs = zip(self.axes_, curves, strict=True)
            self.lines_[name] = tuple(axes.plot(self.z, c, **options)[0] for axes, c in pairs)
        for axes, title in zip(self.axes_, ("activation f(z)", "derivative f'(z)"), strict=True):
            for draw_line in (axes.axhline, axes.axvline):
                draw_line(0, color="0.8", linewidth=0.8, zorder=0)
            axes.set(xlabel="z", title=title)
        self.axes_[0].legend()
        return self


def _evaluate(activation: Any, z: Any) -> Any:
    """Return an activation's values and derivatives."""
    values, derivatives = z.copy(), np.ones_like(z)
    if activation.activate is not None:
        activation.activate(activation.alpha, values)
        activation.differentiate(activation.alpha, z, values, derivatives)
    return values, derivatives
