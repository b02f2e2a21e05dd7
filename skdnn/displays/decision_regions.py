"""The regions of the plane that a classifier gives to each class."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.fixes import PETROFF_COLORS
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted

from skdnn._typing import MatrixLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class DecisionRegionsDisplay:
    """What a classifier says in each point of the plane, and the rows of each class.

    It is scikit-learn's `DecisionBoundaryDisplay` with the rows in matching colours. It is
    recommended to use `from_estimator` to create it. All parameters are stored as attributes.

    Parameters
    ----------
    boundary : DecisionBoundaryDisplay
        The response of the classifier on a grid.
    X : ndarray of shape (n_samples, 2)
        Rows to draw.
    y : ndarray of shape (n_samples,)
        Their classes.
    classes : ndarray of shape (n_classes,)
        All classes, in the order of the response.
    response_method : str
        What the response is.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    boundary_ : DecisionBoundaryDisplay
        What draws the regions.
    points_ : dict of class to matplotlib PathCollection
        The rows of each class.
    colors_ : ndarray of shape (n_classes, 4)
        The classes' colours.

    See Also
    --------
    sklearn.inspection.DecisionBoundaryDisplay : The regions alone.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from skdnn import MLPNet
    >>> from skdnn.displays import DecisionRegionsDisplay
    >>> X, y = make_moons(noise=0.1, random_state=0)
    >>> net = MLPNet((4,), "tanh", solver="lbfgs", random_state=0).fit(X, y)
    >>> display = DecisionRegionsDisplay.from_estimator(net, X, y)
    >>> len(display.points_)
    2
    """

    def __init__(
        self, *, boundary: Any, X: Any, y: Any, classes: Any, response_method: str
    ) -> None:
        self.boundary = boundary
        self.X = X
        self.y = y
        self.classes = classes
        self.response_method = response_method

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        y: ArrayLike,
        *,
        grid_resolution: int = 200,
        eps: float | None = None,
        response_method: str = "predict_proba",
        ax: "Axes | None" = None,
        surface_kw: dict[str, Any] | None = None,
        scatter_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot the regions of a fitted classifier.

        Parameters
        ----------
        estimator : estimator instance
            A fitted classifier, or a Pipeline or search that ends in one.
        X : {array-like, dataframe} of shape (n_samples, 2)
            Rows to draw; of a frame the names stand at the axes.
        y : array-like of shape (n_samples,)
            Their classes.
        grid_resolution : int, default=200
            Number of points of the grid in each direction.
        eps : float, default=None
            By how much the grid is larger than `X`, on all sides. None: a tenth of the smaller
            of the columns' ranges.
        response_method : {'predict_proba', 'decision_function', 'predict'}, default='predict_proba'
            What is drawn: with the first two the colours tell how sure the model is.
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.
        surface_kw : dict, default=None
            To `DecisionBoundaryDisplay.plot`, such as `plot_method`.
        scatter_kw : dict, default=None
            To `Axes.scatter`.

        Returns
        -------
        display : DecisionRegionsDisplay

        Raises
        ------
        NotFittedError
            When the model is not fitted; a ValueError too.
        ValueError
            When it is no classifier, there are other than two columns, `y` has classes that the
            model does not know, or another length than `X`, or there is no such response.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        from matplotlib.figure import Figure

        check_is_fitted(estimator)
        if not is_classifier(estimator):
            raise ValueError(f"estimator must be a classifier, got {estimator!r}.")
        methods = ("predict_proba", "decision_function", "predict")
        if response_method not in methods:
            raise ValueError(f"response_method must be one of {methods}, got {response_method!r}.")
        rows, y = check_array(X), np.asarray(y)
        check_consistent_length(rows, y)
        classes = np.asarray(estimator.classes_)
        unknown = set(y.tolist()) - set(classes.tolist())
        if unknown:
            raise ValueError(f"y has classes that the model does not know: {sorted(unknown)}.")
        if eps is None:
            eps = 0.1 * float(np.ptp(rows, axis=0).min()) or 1.0
        boundary = DecisionBoundaryDisplay.from_estimator(
            estimator,
            X,
            grid_resolution=grid_resolution,
            eps=eps,
            response_method=response_method,
            # It cannot but draw what it has computed: on a figure that nobody sees.
            ax=Figure().add_subplot(),
        )
        display = cls(
            boundary=boundary, X=rows, y=y, classes=classes, response_method=response_method
        )
        return display.plot(ax=ax, surface_kw=surface_kw, scatter_kw=scatter_kw)

    def plot(
        self,
        ax: "Axes | None" = None,
        *,
        surface_kw: dict[str, Any] | None = None,
        scatter_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Plot the regions and the rows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.
        surface_kw : dict, default=None
            To `DecisionBoundaryDisplay.plot`, such as `plot_method`.
        scatter_kw : dict, default=None
            To `Axes.scatter`.

        Returns
        -------
        display : DecisionRegionsDisplay
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt
        from matplotlib.colors import LinearSegmentedColormap, to_rgba_array

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        surface = {"plot_method": "pcolormesh", "alpha": 0.6, "zorder": -1}
        two = to_rgba_array(PETROFF_COLORS[:2])
        if self.boundary.n_classes == 2:
            surface["cmap"] = LinearSegmentedColormap.from_list("", [two[0], (1, 1, 1, 1), two[1]])
        surface |= self._limits() | (surface_kw or {})
        if surface["plot_method"] == "pcolormesh":
            # So many little squares would make a file of vectors large.
            surface.setdefault("rasterized", True)
        self.boundary_ = self.boundary.plot(ax=ax, **surface)
        self.colors_ = two if self.boundary.n_classes == 2 else self.boundary.multiclass_colors_
        points = {"edgecolors": "white", "linewidths": 0.6, "s": 30, **(scatter_kw or {})}
        self.points_ = {}
        for label, color in zip(self.classes.tolist(), self.colors_, strict=True):
            own = self.X[self.y == label]
            self.points_[label] = ax.scatter(*own.T, color=[color], label=str(label), **points)
        # The best place would be searched for among all points.
        ax.legend(title="class", loc="upper right")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _limits(self) -> dict:
        """Return which responses have the palest and the fullest colours.

        White is where a model is not sure at all.
        """
        response = self.boundary.response
        if self.boundary.n_classes == 2:
            # Where both classes are as probable; the classes themselves are 0 and 1.
            middle = 0.0 if self.response_method == "decision_function" else 0.5
            size = np.abs(response - middle).max()
            return {"vmin": middle - size, "vmax": middle + size}
        if response.ndim == 2:
            # The numbers of the classes.
            return {"vmin": 0, "vmax": self.boundary.n_classes - 1}
        return {"vmin": response.max(axis=2).min(), "vmax": response.max()}
