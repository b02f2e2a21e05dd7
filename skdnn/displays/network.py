"""Diagrams of networks: units, and the weights between them."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from skdnn.displays.fitted import dense_layers, input_names, output_names, unwrap
from skdnn.layers import Dense, Dropout, Maxout, Output

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# In units of the distance between two neighbours in a column.
_RADIUS = 0.32
# Width of the diagram over its height, names aside.
_ASPECT = 1.5
# A diagram of fewer units is as wide as one of this height, so that its circles are not huge.
_LEAST_HEIGHT = 4.0
# Points: the width of the line of the largest weight.
_WIDTH = 2.5
# Those of the diverging colour map of `WeightsDisplay`.
_SIGNS = {"positive weight": "#b2182b", "negative weight": "#2166ac"}
_ROUND = {"linewidth": 0.9, "edgecolor": "0.2", "facecolor": "white", "zorder": 3}


@dataclass
class Column:
    """Units that stand in one column.

    Attributes
    ----------
    n_units : int
    notes : list of str
        What is written under it: what is applied to the units' outputs.
    """

    n_units: int
    notes: list[str] = field(default_factory=list)

    def heights(self, max_units: int) -> dict[int, float]:
        """Return how high the units stand that are shown; the middle one may be left out."""
        if self.n_units <= max_units:
            return {i: (self.n_units - 1) / 2 - i for i in range(self.n_units)}
        # One place is for the ellipsis.
        above, below = max_units // 2, (max_units - 1) // 2
        shown = [*range(above), *range(self.n_units - below, self.n_units)]
        places = [*range(above), *range(above + 1, max_units)]
        return {i: (max_units - 1) / 2 - p for i, p in zip(shown, places, strict=True)}


class NetworkDisplay:
    """A diagram of a network: circles for its units, lines for the weights between them.

    The colour of a line is the sign of the weight, its width and opacity the weight's size
    relative to the largest one of its layer. It is recommended to use `from_estimator` to create
    it. All parameters are stored as attributes.

    Parameters
    ----------
    coefs : list of ndarray of shape (n_in, n_out)
        The weights of the dense layers. Where `n_out` is a multiple of the units in the next column
        they are those of several linear functions for each unit, side by side.
    intercepts : list of ndarray of shape (n_out,)
    columns : list of Column
        The inputs, and the units of each layer.
    feature_names, target_names : list of str
        What is written beside the inputs and the outputs.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    units_ : list of list of matplotlib Circle
        The circles of each column that is drawn, from above.
    bias_units_ : list of matplotlib Circle
        Those of the biases, for each layer; empty unless they are drawn.
    connections_ : list of matplotlib LineCollection
        The lines of each layer: from each input that is drawn, in turn, to the units of the next
        column; then, if they are drawn, those of the biases.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import MLPNet
    >>> from skdnn.displays import NetworkDisplay
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> net = MLPNet((5,), "tanh", solver="lbfgs", random_state=0).fit(X, y)
    >>> display = NetworkDisplay.from_estimator(net)
    >>> [len(column) for column in display.units_]
    [4, 5, 3]
    """

    def __init__(
        self, *, coefs: Any, intercepts: Any, columns: Any, feature_names: Any, target_names: Any
    ) -> None:
        self.coefs = coefs
        self.intercepts = intercepts
        self.columns = columns
        self.feature_names = feature_names
        self.target_names = target_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        feature_names: Any = None,
        target_names: Any = None,
        max_units: int = 12,
        show_bias: bool = False,
        ax: "Axes | None" = None,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot the diagram of a fitted model.

        Parameters
        ----------
        estimator : estimator instance
            A fitted network or linear model, or a Pipeline or search that ends in one.
        feature_names : list of str, default=None
            Names of the network's inputs; None for those of the fit.
        target_names : list of str, default=None
            Names of the outputs; None for the classes.
        max_units : int, default=12
            Of a layer with more units some in the middle are left out.
        show_bias : bool, default=False
            Whether to draw the biases, as weights of a unit that is always 1.
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.
        line_kw : dict, default=None
            To `matplotlib.collections.LineCollection`.

        Returns
        -------
        display : NetworkDisplay

        Raises
        ------
        NotFittedError
            When the model is not fitted; a ValueError too.
        TypeError
            When it is neither a network nor a linear model.
        ValueError
            When there are more or fewer names than units, or `max_units` is less than 3.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        network, steps = unwrap(estimator)
        coefs, intercepts = dense_layers(network)
        columns = _columns(network, coefs)
        names = {
            "feature_names": (feature_names, input_names(network, steps)),
            "target_names": (target_names, output_names(network, columns[-1].n_units)),
        }
        for name, (given, found) in names.items():
            if given is not None and len(given) != len(found):
                raise ValueError(f"{name} must have {len(found)} elements, got {len(given)}.")
        display = cls(
            coefs=coefs,
            intercepts=intercepts,
            columns=columns,
            **{name: found if given is None else given for name, (given, found) in names.items()},
        )
        return display.plot(ax=ax, max_units=max_units, show_bias=show_bias, line_kw=line_kw)

    def plot(
        self,
        ax: "Axes | None" = None,
        *,
        max_units: int = 12,
        show_bias: bool = False,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot the diagram.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.
        max_units : int, default=12
            Of a layer with more units some in the middle are left out.
        show_bias : bool, default=False
            Whether to draw the biases, as weights of a unit that is always 1.
        line_kw : dict, default=None
            To `matplotlib.collections.LineCollection`.

        Returns
        -------
        display : NetworkDisplay

        Raises
        ------
        ValueError
            When `max_units` is less than 3.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        if max_units < 3:
            raise ValueError(f"max_units must be at least 3, got {max_units!r}.")
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        heights = [column.heights(max_units) for column in self.columns]
        top = max(max(column.values()) for column in heights)
        bias_height = -top - 1.3 if show_bias else None
        bottom = -top if bias_height is None else bias_height
        places = np.linspace(0, _ASPECT * max(top - bottom, _LEAST_HEIGHT), len(self.columns))
        self._draw_units(heights, places, bias_height)
        self._draw_connections(heights, places, bias_height, line_kw or {})
        self._write(heights, places, bottom)
        ax.set_aspect("equal")
        ax.autoscale_view()
        ax.set_axis_off()
        return self

    def _draw_units(self, heights: Any, places: Any, bias_height: Any) -> None:
        from matplotlib.patches import Circle

        def circle(x: Any, y: Any, **style: Any) -> Any:
            return self.ax_.add_patch(Circle((x, y), _RADIUS, **{**_ROUND, **style}))

        self.units_ = [
            [circle(x, y) for y in column.values()]
            for x, column in zip(places, heights, strict=True)
        ]
        self.bias_units_ = []
        for x in places[:-1] if bias_height is not None else ():
            self.bias_units_.append(circle(x, bias_height, facecolor="0.9"))
            self.ax_.text(
                x, bias_height, "1", ha="center", va="center", fontsize="x-small", zorder=4
            )

    def _draw_connections(self, heights: Any, places: Any, bias_height: Any, line_kw: Any) -> None:
        from matplotlib.collections import LineCollection
        from matplotlib.colors import to_rgba

        signs = np.array([to_rgba(color) for color in _SIGNS.values()])
        self.connections_ = []
        for i, (coef, intercept) in enumerate(zip(self.coefs, self.intercepts, strict=True)):
            begins, ends = list(heights[i].values()), heights[i + 1]
            weights = coef[list(heights[i])]
            if bias_height is not None:
                begins, weights = [*begins, bias_height], np.vstack([weights, intercept])
            largest = max(np.abs(coef).max(), np.abs(weights).max()) or 1.0
            # The linear functions of a unit are side by side.
            units = np.arange(coef.shape[1]) // (coef.shape[1] // self.columns[i + 1].n_units)
            shown = np.isin(units, list(ends))
            weights = weights[:, shown].ravel()
            x, y = places[i : i + 2], [ends[unit] for unit in units[shown]]
            lines = [[(x[0], begin), (x[1], end)] for begin in begins for end in y]
            size = np.abs(weights) / largest
            colors = signs[(weights < 0).astype(int)]
            # The root, so that what is thin does not vanish.
            colors[:, 3] = np.sqrt(size)
            style = {"colors": colors, "linewidths": _WIDTH * size, "zorder": 1, **line_kw}
            self.connections_.append(self.ax_.add_collection(LineCollection(lines, **style)))

    def _write(self, heights: Any, places: Any, bottom: Any) -> None:
        """Write names beside the units, notes under the columns, and what the colours mean."""
        from matplotlib.lines import Line2D

        sides = ((0, self.feature_names, "right", -1), (-1, self.target_names, "left", 1))
        for number, names, align, side in sides:
            for unit, y in heights[number].items():
                x = places[number] + 1.5 * side * _RADIUS
                self.ax_.text(x, y, str(names[unit]), ha=align, va="center", fontsize="small")
        kinds = ["input", *["unit"] * (len(places) - 2), "output"]
        for x, column, shown, kind in zip(places, self.columns, heights, kinds, strict=True):
            if len(shown) < column.n_units:
                gap = np.diff(list(shown.values())).argmin()
                middle = (list(shown.values())[gap] + list(shown.values())[gap + 1]) / 2
                self.ax_.plot([x] * 3, middle + np.array([-0.25, 0, 0.25]), "k.", markersize=3)
            notes = [f"{column.n_units} {kind}{'s' * (column.n_units != 1)}", *column.notes]
            place = x, bottom - 2 * _RADIUS
            self.ax_.text(*place, "\n".join(notes), ha="center", va="top", fontsize="small")
        lines = [Line2D([], [], color=c, label=name) for name, c in _SIGNS.items()]
        self.ax_.legend(
            handles=lines,
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=2,
            frameon=False,
            fontsize="small",
        )


def _columns(network: Any, coefs: Any) -> list[Column]:
    """Return the inputs and the layers of a fitted model."""
    columns = [Column(len(coefs[0]))]
    if hasattr(network, "_network"):
        for layer in network._network.specs:
            if hasattr(layer, "units"):
                columns.append(Column(layer.units))
            columns[-1].notes += _notes(layer, network)
        return columns
    widths = [coef.shape[1] for coef in coefs]
    if hasattr(network, "out_activation_"):
        kinds = [network.activation] * (len(coefs) - 1) + [network.out_activation_]
    elif hasattr(network, "predict_proba"):
        kinds = ["logistic" if widths[-1] == 1 else "softmax"]
    else:
        kinds = ["identity"]
    return columns + [Column(n, [kind]) for n, kind in zip(widths, kinds, strict=True)]


def _notes(layer: Any, network: Any) -> list[str]:
    """Return what is written of a layer under its column."""
    if isinstance(layer, Output):
        return [network.out_activation_]
    if isinstance(layer, Maxout):
        return [f"maximum of {layer.pieces}"]
    if isinstance(layer, Dropout):
        return [f"Dropout {layer.rate:g}"] if layer.rate else []
    notes = [] if isinstance(layer, Dense) else [type(layer).__name__]
    activation = getattr(layer, "activation", "identity") or network.activation
    return notes if activation == "identity" else [*notes, activation]
