"""The report: a table, verdicts in words, rows for a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from skdnn.compare.estimators import Task
from skdnn.compare.measurement import METRICS, Row


def format_table(rows: Iterable[tuple[Row, ...]]) -> str:
    """Lay rows out for reading: mean and standard deviation over the folds.

    Parameters
    ----------
    rows : iterable of tuple of Row
        What `compare` returned.

    Returns
    -------
    str
        A header and one line for each estimator, a blank line between the tuples.
    """
    lines: list[str] = []
    rows = list(rows)
    width = max(20, *(2 + len(row.estimator) for group in rows for row in group))
    for group in rows:
        heads = [*group[0].scores, "fit, s", "predict, ms"]
        lines.append("" if lines else " " * width + "".join(f"{h:>18}" for h in heads) + "  iter")
        for row in group:
            cells = [_spread(values, _decimals(values)) for values in row.scores.values()]
            cells += [_spread(row.fit_time, 4), _spread(1000 * row.predict_time, 2)]
            n_iter = "-" if np.isnan(row.n_iter).any() else f"{np.mean(row.n_iter):.0f}"
            line = f"{row.estimator:<{width}}" + "".join(f"{cell:>18}" for cell in cells)
            lines.append(f"{line}{n_iter:>6}")
    return "\n".join(lines)


def _decimals(values: np.ndarray) -> int:
    """Four decimals for scores around 1; four digits for errors in the target's unit."""
    size = np.max(np.abs(values))
    return 4 if 1e-4 <= size < 10 or not size else max(0, 3 - int(np.floor(np.log10(size))))


def _spread(values: np.ndarray, decimals: int, sign: str = "") -> str:
    mean, deviation = np.mean(values), np.std(values, ddof=1)
    if decimals > 6:
        return f"{mean:{sign}.2e} ± {deviation:.0e}"
    return f"{mean:{sign}.{decimals}f} ± {deviation:.{decimals}f}"


def format_verdict(ours: Row, theirs: Row, task: Task) -> str:
    """Say in words which one of a pair is faster and which is better.

    Times are compared by the median of the folds' ratios, unless the folds disagree about who
    is faster. A score differs when the mean of the folds' differences is larger than their
    standard deviation and than 1 in the last printed digit.

    Parameters
    ----------
    ours, theirs : Row
        A pair that `compare` returned.
    task : {"classification", "regression"}
        The task that they were compared on.

    Returns
    -------
    str
        A few lines, all but the first one indented.
    """
    names = ours.estimator, theirs.estimator
    speeds = []
    for verb, times in (("fit", "fit_time"), ("predict", "predict_time")):
        ratios = getattr(theirs, times) / getattr(ours, times)
        ratio = float(np.median(ratios))
        factor = f"{max(ratio, 1 / ratio):.1f}"
        if factor == "1.0" or np.min(ratios) < 1 < np.max(ratios):
            speeds.append(f"both {verb} equally fast")
        else:
            speeds.append(f"{names[ratio < 1]} {verb}s {factor} times as fast")
    scores = []
    for metric in METRICS[task]:
        both = ours.scores[metric.label], theirs.scores[metric.label]
        difference, decimals = both[0] - both[1], _decimals(np.concatenate(both))
        gain = metric.sign * float(np.mean(difference))
        in_noise = abs(gain) <= max(np.std(difference, ddof=1), 10.0**-decimals)
        says = "no difference" if in_noise else f"{names[gain < 0]} is better"
        scores.append(f"{metric.label}: {says} ({_spread(difference, decimals, '+')})")
    lines = [f"{names[0]} against {names[1]}:", "; ".join(speeds), "; ".join(scores)]
    stopped = [
        f"{row.estimator} in {np.sum(~row.converged)} of {len(row.converged)} folds"
        for row in (ours, theirs)
        if not row.converged.all()
    ]
    if stopped:
        lines.append(f"stopped at max_iter before convergence: {', '.join(stopped)}")
    return "\n  ".join(lines)


def to_records(rows: Iterable[tuple[Row, ...]]) -> list[dict[str, Any]]:
    """Return what `compare` measured as one record for each estimator and fold.

    Parameters
    ----------
    rows : iterable of tuple of Row
        What `compare` returned.

    Returns
    -------
    list of dict
        ``pandas.DataFrame`` makes a table of them. "group" is the place in `rows` and "fold" the
        number of the fold, both from 1; times are in seconds.
    """
    return [
        {
            "group": number,
            "estimator": row.estimator,
            "fold": fold + 1,
            **{label: float(values[fold]) for label, values in row.scores.items()},
            "fit_time": float(row.fit_time[fold]),
            "predict_time": float(row.predict_time[fold]),
            "n_iter": None if np.isnan(row.n_iter[fold]) else int(row.n_iter[fold]),
            "converged": bool(row.converged[fold]),
        }
        for number, group in enumerate(rows, start=1)
        for row in group
        for fold in range(len(row.fit_time))
    ]
