"""How fast skdnn is: beside scikit-learn, PyTorch, Keras, skorch and the matrix products alone.

    python examples/benchmarks/speed.py --out folder

Each workload is the same work for all: networks of the same shape, arithmetic, batch size, number
of epochs and threads; regressions minimised to the same loss. All take turns in one run, round
after round; where another package is faster on one thread than on all, that is what counts. What
comes out: a table of medians and ratios with the targets that they are held against, in Markdown
(speed.md) and JSON (speed.json), and a plot (speed.png; needs matplotlib). PyTorch (a plain loop),
Keras and skorch train the networks, and have no column where they are not installed. Keras runs on
JAX where that is there, or on what the environment variable KERAS_BACKEND names.

MNIST, IMDb and malaria come from the folder named by the environment variable SKDNN_DATA, as in the
lectures' examples; where they are not there random data of the same shape and density take their
place, and the report says so.

    python examples/benchmarks/speed.py --list
    python examples/benchmarks/speed.py --workloads digits mnist --rounds 9
    python examples/benchmarks/speed.py --busy

The last runs everything alone and beside a process that keeps one core busy, in turn, and reports
how much slower each becomes. `--quick` makes everything tiny, to see whether it runs.
"""

import argparse
import json
import sys
import time
import traceback
import warnings
from pathlib import Path

from contest import machine, plot, report
from contest.busy import n_cores
from contest.rounds import Settings, run_busy, run_case, say
from contest.workloads import WORKLOADS, describe
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workloads", nargs="+", metavar="NAME", choices=WORKLOADS, default=None)
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument(
        "--threads", type=int, default=n_cores(), help="default: the cores of the CPU affinity"
    )
    parser.add_argument("--busy", action="store_true", help="alone and beside a busy core")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, meaningless figures")
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the report")
    parser.add_argument("--list", action="store_true", help="list the workloads and stop")
    options = parser.parse_args(arguments)
    if min(options.rounds, options.threads) < 1:
        parser.error("--rounds and --threads are at least 1")
    return options


def run(names: list[str], settings: Settings, busy: bool, found: dict, save) -> None:
    """Run workloads one after the other; one that fails does not keep the others from it."""
    for name in names:
        say(f"{name}: {describe(name)}")
        try:
            for case in WORKLOADS[name](settings):
                start = time.perf_counter()
                result = (run_busy if busy else run_case)(case, settings)
                found["results"].append({"workload": name, **result})
                say(f"  {summary(result)}  [{time.perf_counter() - start:.0f} s]")
        except NotImplementedError as error:
            found["left_out"][name] = str(error)
            say(f"  left out: {error}")
        except Exception as error:
            traceback.print_exc()
            found["failed"][name] = f"{type(error).__name__}: {error}"
        save()


def summary(result: dict) -> str:
    """Return a case's result in a line."""
    if "busy" in result:
        parts = [f"{one['party']} {one['slowdown']:.2f}x slower" for one in result["busy"]]
    else:
        parts = [
            f"{report.measured(target, result['unit'])} {target['against']}".rstrip()
            + f" {report.verdict(target)}"
            for target in result["targets"]
        ] or [
            f"{party} {report.amount(own['median'], result['unit'])}"
            for party, own in result["parties"].items()
        ]
    return f"{result['case']}: {'; '.join(parts)}"


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.list:
        for name in WORKLOADS:
            print(f"{name:14} {describe(name)}")
        return 0
    # Trained for so many epochs, not until they converge.
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    settings = Settings(options.threads, options.rounds, options.quick)
    chosen = {key: getattr(options, key) for key in ("threads", "rounds", "busy", "quick")}
    found = {
        "machine": machine.describe(),
        "options": chosen,
        "results": [],
        "left_out": {},
        "failed": {},
    }
    options.out.mkdir(parents=True, exist_ok=True)

    def save() -> None:
        (options.out / "speed.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        (options.out / "speed.md").write_text(report.markdown(found), encoding="utf-8")

    with threadpool_limits(options.threads):
        run(options.workloads or list(WORKLOADS), settings, options.busy, found, save)
    if not plot.INSTALLED:
        say("no speed.png: matplotlib is not installed")
    elif not plot.draw(found, options.out / "speed.png"):
        say("no speed.png: nothing was held against a target")
    print(report.markdown(found))
    return 1 if found["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
