"""The results as tables: for the terminal, Markdown and JSON."""

from contest.rounds import FLOOR, PARTIES, SKDNN

_HOW = f"""\
Times are medians over the rounds, in which all take turns; a ratio is the median of the rounds' own
ratios, with their quartiles behind it. The {FLOOR} is the matrix products of as many
epochs, timed alone. It, and the networks of the other packages, run on all threads and on a single
one (Keras on those that its backend takes), and logistic regression has several solvers: in
brackets stands what was fastest and counts. What Keras compiles is not within its times."""


def number(value: float) -> str:
    """Return three significant digits, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 10 else f"{value:.3g}"


def amount(value: float, unit: str) -> str:
    """Return a value with its unit."""
    if unit != "s" or value >= 1 or value <= 0:
        return f"{number(value) if value > 0 else f'{value:.2g}'} {unit}"
    return f"{number(value * 1e3)} ms" if value >= 1e-3 else f"{number(value * 1e6)} µs"


def ratio(found: dict) -> str:
    """Return a ratio with its quartiles."""
    lower, upper = found["quartiles"]
    return f"{number(found['measured'])}x ({number(lower)} to {number(upper)})"


def measured(target: dict, unit: str) -> str:
    """Return what was measured, with its quartiles."""
    if target["against"]:
        return ratio(target)
    lower, upper = target["quartiles"]
    return f"{amount(target['measured'], unit)} ({lower:.3g} to {upper:.3g})"


def bound(target: dict, unit: str) -> str:
    """Return what is to be reached."""
    if target["at_least"] is not None:
        return f"at least {target['at_least']:g}x as fast"
    return f"at most {target['at_most']:g}{'x' if target['against'] else f' {unit}'}"


def verdict(target: dict) -> str:
    """Return whether it was reached, or how far off it is."""
    return "met" if target["met"] else f"missed by {100 * target['missed_by']:.0f} %"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table whose columns stand below each other."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def _targets(results: list[dict]) -> str:
    rows = [
        [
            result["case"],
            target["against"] or "a limit",
            measured(target, result["unit"]),
            bound(target, result["unit"]),
            verdict(target),
        ]
        for result in results
        for target in result["targets"]
    ]
    return table(["workload", "against", "measured (quartiles)", "target", "verdict"], rows)


def _times(results: list[dict]) -> str:
    found = {party for result in results for party in result["parties"]}
    # Those that are there in any case, then the others.
    columns = [party for party in PARTIES if party in found]
    columns += sorted(found - set(columns))
    rows = []
    for result in results:
        row = [result["case"]]
        for party in columns:
            own = result["parties"].get(party)
            if own is None:
                row.append("")
                continue
            variant = f" ({own['variant']})" if own["variant"] else ""
            row.append(amount(own["median"], result["unit"]) + variant)
        rows.append([*row, str(result["rounds"])])
    return table(["workload", *columns, "rounds"], rows)


def _faster(results: list[dict]) -> str:
    rest = {party for result in results for party in result["faster"]}
    columns = [party for party in PARTIES if party in rest and party != FLOOR]
    rows = [
        [
            result["case"],
            *(ratio(result["faster"][p]) if p in result["faster"] else "" for p in columns),
        ]
        for result in results
        if result["faster"]
    ]
    return table(["workload", *columns], rows)


def _busy(results: list[dict]) -> str:
    rows = [
        [
            result["case"],
            " ".join(filter(None, [one["party"], one["variant"]])),
            amount(one["idle"], result["unit"]),
            amount(one["busy"], result["unit"]),
            f"{one['slowdown']:.2f}x",
            f"{one['allowed']:.2f}x",
            "" if one["party"] != SKDNN else "met" if one["met"] else "missed",
        ]
        for result in results
        for one in result["busy"]
    ]
    head = ["workload", "contestant", "idle", "beside a busy core", "slowdown", "allowed", ""]
    return table(head, rows)


def markdown(report: dict) -> str:
    """Return the whole report."""
    parts = ["# Speed of skdnn"]
    if report["options"]["quick"]:
        parts.append("**Made with --quick: the sizes are tiny and the figures mean nothing.**")
    lines = [f"- {name}: {value}" for name, value in report["machine"].items()]
    options = report["options"]
    lines.append(f"- threads: {options['threads']}, rounds: at most {options['rounds']}")
    parts.append("\n".join(lines))
    raced = [result for result in report["results"] if "parties" in result]
    if raced:
        n_met = sum(target["met"] for result in raced for target in result["targets"])
        n_targets = sum(len(result["targets"]) for result in raced)
        parts += [f"## Targets: {n_met} of {n_targets} met", _targets(raced)]
        parts += [
            "## How many times as fast as the others (quartiles)",
            _faster(raced),
        ]
        parts += ["## Times", _HOW, _times(raced)]
    busy = [result for result in report["results"] if "busy" in result]
    if busy:
        parts += [
            "## Beside a busy core",
            "Allowed is what is left of the machine without the share that the busy process had.",
            _busy(busy),
        ]
    notes = [
        f"- {result['case']}: {note}" for result in report["results"] for note in result["notes"]
    ]
    notes += [f"- {name}: left out, {reason}" for name, reason in report["left_out"].items()]
    notes += [f"- {name}: FAILED, {reason}" for name, reason in report["failed"].items()]
    if notes:
        parts += ["## Notes", "\n".join(notes)]
    return "\n\n".join(parts) + "\n"
