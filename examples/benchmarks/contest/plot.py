"""The targets as a plot."""

from importlib.util import find_spec
from pathlib import Path

from contest.report import amount, number

INSTALLED = find_spec("matplotlib") is not None
_MET, _MISSED = "#3b75af", "#d9822b"


def _bars(
    axes, labels: list[str], values: list[float], texts: list[str], met: list[bool], start: float
) -> None:
    """Draw bars from `start`, with texts at the right edge, where no mark can be in their way."""
    colors = [_MET if one else _MISSED for one in met]
    widths = [value - start for value in values]
    axes.barh(range(len(labels)), widths, left=start, color=colors, height=0.65)
    for i, text in enumerate(texts):
        axes.annotate(text, (1.01, i), xycoords=("axes fraction", "data"), va="center", size=7)
    axes.tick_params(axis="x", labelsize=7)
    axes.set_yticks(range(len(labels)), labels, size=7)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _mark(axes, positions: list[float]) -> None:
    """Mark the targets."""
    rows = range(len(positions))
    axes.vlines(positions, [i - 0.42 for i in rows], [i + 0.42 for i in rows], "black", lw=2)


def _faster(axes, found: list[tuple[dict, dict]]) -> None:
    labels = [f"{result['case']}, {target['against']}" for result, target in found]
    values = [target["measured"] for _, target in found]
    bounds = [target["at_least"] for _, target in found]
    texts = [f"{number(v)}x of {b:g}x" for v, b in zip(values, bounds, strict=True)]
    axes.set_xscale("log")
    _bars(axes, labels, values, texts, [target["met"] for _, target in found], start=1.0)
    _mark(axes, bounds)
    axes.axvline(1, color="black", lw=0.8)
    axes.set_xlim(0.8 * min(1, *values, *bounds), 1.25 * max(*values, *bounds))
    ticks = [
        t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500) if t < axes.get_xlim()[1]
    ]
    ticks = [t for t in ticks if t >= axes.get_xlim()[0]]
    axes.set_xticks(ticks, [f"{t:g}x" for t in ticks])
    axes.minorticks_off()
    axes.set_title("How many times as fast skdnn is (mark: the target)", size=9, loc="left")


def _within(axes, found: list[tuple[dict, dict]]) -> None:
    labels = [
        ", ".join(filter(None, [result["case"], target["against"]])) for result, target in found
    ]
    # Of different units: as shares of what is allowed.
    values = [max(target["measured"], 0.0) / target["at_most"] for _, target in found]
    texts = []
    for result, target in found:
        unit = "x" if target["against"] else result["unit"]
        size = f"{number(target['measured'])}x" if unit == "x" else amount(target["measured"], unit)
        texts.append(f"{size} of {target['at_most']:g}{'' if unit == 'x' else ' '}{unit}")
    _bars(axes, labels, values, texts, [target["met"] for _, target in found], start=0.0)
    _mark(axes, [1.0] * len(found))
    axes.set_xlim(0, 1.1 * max(1.0, *values))
    axes.set_title("What skdnn takes, of what it may (mark: the limit)", size=9, loc="left")


def draw(report: dict, path: Path) -> bool:
    """Write the plot; return False where there is nothing to show."""
    from matplotlib.figure import Figure

    pairs = [
        (result, target) for result in report["results"] for target in result.get("targets", [])
    ]
    groups = [
        (_faster, [pair for pair in pairs if pair[1]["at_least"] is not None]),
        (_within, [pair for pair in pairs if pair[1]["at_most"] is not None]),
    ]
    groups = [(draw_one, found) for draw_one, found in groups if found]
    if not groups:
        return False
    rows = [len(found) + 2 for _, found in groups]
    # Without pyplot, which would look for a screen.
    figure = Figure(figsize=(9, 0.6 + 0.22 * sum(rows)), layout="constrained", dpi=150)
    panels = figure.subplots(len(groups), 1, height_ratios=rows, squeeze=False)[:, 0]
    for axes, (draw_one, found) in zip(panels, groups, strict=True):
        draw_one(axes, found)
    machine = report["machine"]
    figure.suptitle(
        f"{machine['processor']}, {report['options']['threads']} threads; blue: target met",
        size=8,
        x=0.01,
        ha="left",
    )
    figure.savefig(path)
    return True
