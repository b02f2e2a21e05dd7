"""Several Axes for one display: in a figure of its own, in the place of an Axes, or given."""

from typing import Any

import numpy as np


def make_panels(
    ax: Any, n_rows: int, n_cols: int, grid_kw: dict | None = None, **subplots_kw: Any
) -> Any:
    """Return Axes to draw on.

    As in scikit-learn's `PartialDependenceDisplay`, one Axes is the room in which a grid of them is
    made, and an array of Axes is what is drawn on.

    Parameters
    ----------
    ax : matplotlib Axes, array-like of Axes, or None
        None for a new figure, in which images stand close together.
    n_rows, n_cols : int
        Of the grid.
    grid_kw : dict, default=None
        To the grid, such as `height_ratios`.
    **subplots_kw
        To `GridSpec.subplots`, such as ``sharex=True``.

    Returns
    -------
    axes : ndarray of shape (n_rows * n_cols,)

    Raises
    ------
    ValueError
        When there is another number of Axes, or no grid can be made in the place of one.
    """
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.gridspec import GridSpecBase

    grid: GridSpecBase
    grid_kw = grid_kw or {}
    if ax is None:
        grid = plt.figure(layout="compressed").add_gridspec(n_rows, n_cols, **grid_kw)
    elif isinstance(ax, Axes):
        place = ax.get_subplotspec()
        if place is None:
            raise ValueError(
                "ax must be a subplot, in the place of which a grid can be made, an array of Axes, "
                f"or None; got {ax!r}, which stands in no grid."
            )
        ax.set_axis_off()
        grid = place.subgridspec(n_rows, n_cols, **grid_kw)
    else:
        axes = np.asarray(ax, dtype=object).ravel()
        if axes.size != n_rows * n_cols:
            raise ValueError(f"Expected ax to have {n_rows * n_cols} Axes, got {axes.size}.")
        return axes
    return grid.subplots(squeeze=False, **subplots_kw).ravel()
