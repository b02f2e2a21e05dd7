"""How competitors are timed: in turn, round after round, in one process."""

import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

from contest.busy import BusyCore

SKDNN, SKLEARN, TORCH, FLOOR = "skdnn", "scikit-learn", "PyTorch", "GEMM floor"
KERAS, SKORCH = "Keras", "skorch"
# All columns of the table of times.
PARTIES = (SKDNN, SKLEARN, TORCH, KERAS, SKORCH, FLOOR)

# Threads of BLAS and OpenMP spin for a while after their work: not on the next one's time.
_PAUSE = 0.05
# What takes so many seconds, and so many times as long as another variant, is not waited for.
_SLOW, _HOPELESS = 1.0, 3.0


@dataclass(frozen=True)
class Settings:
    """What the user asked for."""

    threads: int
    rounds: int = 5
    quick: bool = False

    def size(self, full: Any, quick: Any) -> Any:
        """Return one of two sizes."""
        return quick if self.quick else full


class Target(NamedTuple):
    """What is to be reached: against another party, or in the case's unit.

    `at_least` counts how many times as fast as the other party skdnn is; `at_most` what skdnn takes
    divided by what the other takes, or, where there is no other, what skdnn takes.
    """

    against: str = ""
    at_least: float | None = None
    at_most: float | None = None


class Timed:
    """Times a function: called once, or as often in a row as it takes to last long enough.

    The time is multiplied by `factor`.
    """

    def __init__(self, function: Callable[[], object], factor: float = 1.0, least: float = 0.05):
        self.function, self.factor, self.least = function, factor, least

    def __call__(self) -> float:
        count, elapsed, start = 0, 0.0, time.perf_counter()
        while not count or elapsed < self.least:
            self.function()
            count += 1
            elapsed = time.perf_counter() - start
        return self.factor * elapsed / count


@dataclass
class Contestant:
    """One way to do the work of a case.

    Attributes
    ----------
    party : str
        Whose way it is. Where a party has several, that of the lowest median counts.
    sample : callable
        Does the work and returns what it took.
    variant : str
        Tells it from others of the party.
    warm_up : callable or None
        Called before the first round; None for `sample`.
    epochs : callable or None
        Returns how many epochs the last fit had.
    """

    party: str
    sample: Callable[[], float]
    variant: str = ""
    warm_up: Callable[[], object] | None = None
    epochs: Callable[[], int] | None = None


@dataclass
class Case:
    """What is compared: a line of the table.

    Attributes
    ----------
    name : str
    contestants : list of Contestant
    targets : list of Target
    unit : str
    rounds : int or None
        The most rounds that are worth their time.
    notes : callable
        Returns what is to be said about the case, once it has run.
    """

    name: str
    contestants: list[Contestant]
    targets: list[Target]
    unit: str = "s"
    rounds: int | None = None
    notes: Callable[[], list[str]] = field(default=list)


def say(text: str) -> None:
    """Tell the user what is going on."""
    print(text, file=sys.stderr, flush=True)


def on_threads(
    party: str,
    function: Callable[[], object],
    settings: Settings,
    *,
    limit: Callable[[int], AbstractContextManager] | None = None,
    factor: float = 1.0,
    epochs: Callable[[], int] | None = None,
) -> list[Contestant]:
    """Return a contestant on all threads and one on a single one.

    Small products are slower on several threads, so that some packages, or BLAS alone, are not at
    their best with as many as they may use. `limit` returns the context in which so many are used;
    None for one that limits BLAS.
    """
    timed = Timed(function, factor, settings.size(0.05, 0.0))

    def on(n: int) -> Contestant:
        def within(work: Callable[[], Any]) -> Callable[[], Any]:
            def run() -> Any:
                with limit(n) if limit else threadpool_limits(n, user_api="blas"):
                    return work()

            return run

        variant = f"{n} thread{'s' * (n > 1)}"
        return Contestant(party, within(timed), variant, within(function), epochs)

    return [on(n) for n in sorted({1, settings.threads})]


def _in_turn(contestants: list[Contestant], number: int) -> Iterator[Contestant]:
    """Yield the contestants of a round, every other round backwards."""
    for contestant in contestants if number % 2 == 0 else contestants[::-1]:
        time.sleep(_PAUSE)
        yield contestant


def _warm_up(case: Case) -> None:
    for contestant in case.contestants:
        (contestant.warm_up or contestant.sample)()


def _may_win(case: Case, samples: dict[int, list[float]]) -> list[Contestant]:
    """Return the contestants to go on with after the first round.

    Left out are variants that are slow, and much slower than another one of their party.
    """
    fastest: dict[str, float] = {}
    for one in case.contestants:
        fastest[one.party] = min(fastest.get(one.party, math.inf), samples[id(one)][0])
    return [
        one
        for one in case.contestants
        if samples[id(one)][0] <= max(_SLOW, _HOPELESS * fastest[one.party])
    ]


def run_case(case: Case, settings: Settings) -> dict:
    """Return what each party took in each round."""
    n_rounds = min(settings.rounds, case.rounds or settings.rounds)
    samples: dict[int, list[float]] = {id(one): [] for one in case.contestants}
    _warm_up(case)
    racing = case.contestants
    for number in range(n_rounds):
        for contestant in _in_turn(racing, number):
            samples[id(contestant)].append(contestant.sample())
        if number == 0:
            racing = _may_win(case, samples)
    parties: dict[str, dict] = {}
    for contestant in racing:
        found = samples[id(contestant)]
        middle = statistics.median(found)
        best = parties.get(contestant.party)
        if best is None or middle < best["median"]:
            parties[contestant.party] = {
                "variant": contestant.variant,
                "median": middle,
                "samples": found,
            }
    for contestant in case.contestants:
        variants = parties[contestant.party].setdefault("variants", {})
        variants[contestant.variant] = statistics.median(samples[id(contestant)])
    return {
        "case": case.name,
        "unit": case.unit,
        "rounds": n_rounds,
        "parties": parties,
        # A case that has but limits is no race.
        "faster": {
            party: _ratio(own, parties[SKDNN])
            for party, own in parties.items()
            if party != SKDNN and any(target.against for target in case.targets)
        },
        "epochs": _count_epochs(case),
        "targets": [
            judge(target, parties) for target in case.targets if _is_there(target, parties)
        ],
        "notes": case.notes(),
    }


def _is_there(target: Target, parties: dict) -> bool:
    return not target.against or target.against in parties


def _count_epochs(case: Case) -> dict[str, int]:
    """Return how many epochs each party's fits had, which must be the same number."""
    counts = [(one.party, one.epochs()) for one in case.contestants if one.epochs is not None]
    if len({count for _, count in counts}) > 1:
        raise RuntimeError(f"{case.name}: not the same number of epochs: {counts}")
    return dict(counts)


def _ratio(over: dict, under: dict) -> dict:
    """Return the median of the rounds' own ratios, and their quartiles."""
    each = [a / b for a, b in zip(over["samples"], under["samples"], strict=True)]
    return {"measured": statistics.median(each), "quartiles": _quartiles(each)}


def judge(target: Target, parties: dict) -> dict:
    """Return what was measured, the quartiles over the rounds, and whether that is enough."""
    ours = parties[SKDNN]
    if target.against:
        pair = [ours, parties[target.against]]
        found = _ratio(*(pair if target.at_least is None else pair[::-1]))
    else:
        found = {"measured": ours["median"], "quartiles": _quartiles(ours["samples"])}
    measured = found["measured"]
    # As far as it falls short, relative to the bound.
    if target.at_least is None:
        excess = measured / target.at_most - 1
    else:
        excess = 1 - measured / target.at_least
    return {
        **target._asdict(),
        **found,
        "met": excess <= 0,
        "missed_by": max(excess, 0.0),
    }


def _quartiles(values: list[float]) -> list[float]:
    if len(values) == 1:
        return values * 2
    lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
    return [lower, upper]


def run_busy(case: Case, settings: Settings) -> dict:
    """Return how much slower each contestant is while another process keeps a core busy.

    That may cost it the other's share of the machine, which is measured: with a share of a quarter
    a fit may take 1 / (1 - 1/4) of its time.
    """
    n_rounds = min(settings.rounds, case.rounds or settings.rounds)
    found: dict[int, dict[str, list[float]]] = {
        id(one): {"idle": [], "busy": [], "share": []} for one in case.contestants
    }
    _warm_up(case)
    for number in range(n_rounds):
        for contestant in _in_turn(case.contestants, number):
            times = found[id(contestant)]
            times["idle"].append(contestant.sample())
            with BusyCore() as busy:
                times["busy"].append(contestant.sample())
            times["share"].append(busy.share)
    _count_epochs(case)
    rows = []
    for contestant in case.contestants:
        middle = {name: statistics.median(v) for name, v in found[id(contestant)].items()}
        slowdown = middle["busy"] / middle["idle"]
        allowed = 1 / (1 - middle["share"])
        rows.append(
            {
                "party": contestant.party,
                "variant": contestant.variant,
                **middle,
                "slowdown": slowdown,
                "allowed": allowed,
                "met": slowdown <= allowed,
            }
        )
    return {"case": case.name, "unit": case.unit, "busy": rows, "notes": case.notes()}
