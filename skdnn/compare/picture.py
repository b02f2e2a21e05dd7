"""The picture: scores with their spread over the folds, and fit times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from skdnn.compare.measurement import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OURS, _THEIRS = "tab:blue", "tab:gray"


def draw(tables: Mapping[str, Sequence[tuple[Row, ...]]], n_pairs: Mapping[str, int]) -> Figure:
    """Draw scores and fit times of every estimator: each fold, their mean, and how far they go.

    Needs matplotlib (the extra ``plot``).

    Parameters
    ----------
    tables : dict of str to list of tuple of Row
        What `compare` returned, by the name of the table.
    n_pairs : dict of str to int
        How many of the tuples are pairs, ours first.

    Returns
    -------
    matplotlib.figure.Figure
        One row of plots for each table; ``savefig`` writes it.

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    """
    # A line for each estimator, and one between the tuples.
    lines = [sum(map(len, rows)) + len(rows) for rows in tables.values()]
    check_matplotlib_support("skdnn.compare.draw")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 0.28 * sum(lines) + len(lines)), layout="constrained")
    grid = figure.subplots(
        len(tables), 3, squeeze=False, gridspec_kw={"height_ratios": [n + 2 for n in lines]}
    )
    figure.suptitle(
        "blue: skdnn, grey: scikit-learn; the mean, and a dot for each fold",
        fontsize="medium",
    )
    for axes, (name, rows) in zip(grid, tables.items(), strict=True):
        labels = list(rows[0][0].scores)
        for i, (ax, quantity) in enumerate(zip(axes, [*labels, "fit time, s"], strict=True)):
            values = [
                [row.fit_time if quantity == "fit time, s" else row.scores[quantity] for row in g]
                for g in rows
            ]
            _draw_quantity(ax, rows, values, n_pairs[name])
            ax.set_xlabel(quantity)
            if i:
                ax.set_yticklabels([])
            # Errors and times may differ a hundredfold; scores that may be negative do not.
            smallest = min(np.min(v) for g in values for v in g)
            if i and smallest > 0 and max(np.max(v) for g in values for v in g) > 10 * smallest:
                ax.set_xscale("log")
        axes[0].set_title(name, loc="left", fontweight="bold")
    return figure


def _draw_quantity(ax: Axes, rows: Any, values: Any, n_pairs: int) -> None:
    """Draw one quantity: a line for each estimator, a gap between the tuples."""
    places, names = [], []
    y = 0.0
    for number, (group, group_values) in enumerate(zip(rows, values, strict=True)):
        for side, (row, folds) in enumerate(zip(group, group_values, strict=True)):
            color = _OURS if number < n_pairs and side == 0 else _THEIRS
            ax.plot(folds, np.full(len(folds), y), ".", color=color, alpha=0.4, markersize=5)
            ax.plot([np.min(folds), np.max(folds)], [y, y], color=color)
            ax.plot(np.mean(folds), y, "o", color=color)
            places.append(y)
            names.append(row.estimator)
            y += 1
        y += 0.6
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.grid(axis="x", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
