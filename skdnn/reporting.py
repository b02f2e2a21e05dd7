"""What `verbose` shows while a fit runs: a line for each epoch, or in a terminal a bar."""

import math
import multiprocessing
import shutil
import sys
import threading
import time
from datetime import timedelta
from importlib.util import find_spec
from typing import Any, Self

from sklearn.callback import ProgressBar

# Columns of the history, as they are shown: a line is to fit on a screen.
_SHOWN = {
    "loss": "loss",
    "validation_loss": "val_loss",
    "validation_score": "val_score",
    "learning_rate": "lr",
}
# What a row in a terminal holds beside the counts and the numbers: a bar of four characters or
# more, a time, and the gaps.
_BESIDE = 4 + 9 + 3
# The least time between two drawings of a bar.
_SECONDS = 0.1


class Silent:
    """Shows nothing. Used as a context manager around the epochs, as the others are."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def epoch(self, number: int, row: dict[str, Any]) -> None:
        """Show the outcome of an epoch: its number in the fit, and its row of the history."""

    def say(self, message: str) -> None:
        """Show a message."""


class Lines(Silent):
    """Prints a line for each epoch.

    Parameters
    ----------
    unit : str
        What is counted: "epoch" or "iteration".
    total : int or None
        The most there can be; None where there is no knowing.
    """

    def __init__(self, unit: str, total: int | None):
        self.unit, self.total = unit, total
        self._last: tuple[int, dict[str, Any]] = 0, {}
        # The first epoch that was shown, and when it ended; when the last one may end.
        self._first: tuple[int, float] | None = None
        self._deadline = math.inf

    def epoch(self, number: int, row: dict[str, Any]) -> None:
        """Show the outcome of an epoch."""
        self._note(number, row)
        self.say(self._line(self.clock))

    def say(self, message: str) -> None:
        """Show a message."""
        # Written at once, so that lines of several threads do not mix. Another thread may replace
        # sys.stdout meanwhile, and print of Python 3.11 holds only a file that is given.
        print(f"{message}\n", end="", flush=True, file=sys.stdout)

    def _note(self, number: int, row: dict[str, Any]) -> None:
        self._last, now = (number, row), time.perf_counter()
        if self.total is None:
            return
        # An epoch takes the mean of those so far; but the first, in which kernels may be compiled,
        # counts only as long as there is no other.
        seconds = row["seconds"]
        if self._first is None:
            self._first = number, now
        else:
            seconds = (now - self._first[1]) / (number - self._first[0])
        self._deadline = now + seconds * (self.total - number)

    def _line(self, clock: str) -> str:
        values = self._values(gap="  ", beside=len(clock) + 2)
        return "  ".join(filter(None, [self.counted, *values, clock]))

    @property
    def counted(self) -> str:
        """The number of the last epoch, and of how many."""
        number = self._last[0]
        if self.total is None:
            return f"{self.unit} {number}"
        return f"{self.unit} {number:>{len(str(self.total))}}/{self.total}"

    @property
    def left(self) -> str:
        """The time left if there are to be `total` epochs; empty where it is not known, or none."""
        if self._deadline == math.inf or self._last[0] == self.total:
            return ""
        return str(timedelta(seconds=math.ceil(max(0.0, self._deadline - time.perf_counter()))))

    @property
    def clock(self) -> str:
        """The time left at most, as long as there is some: in a terminal in few characters."""
        if not self.left:
            return ""
        return f"< {self.left}" if _has_terminal() else f"at most {self.left} left"

    def _values(self, gap: str, beside: int) -> list[str]:
        """Return the numbers of the last epoch, in a terminal as many as there is room for."""
        row = self._last[1]
        # Five digits always: a trailing zero is one, and the columns stand still.
        digits = {"learning_rate": ".3g"}
        values = [
            f"{shown} {row[name]:{digits.get(name, '#.5g')}}"
            for name, shown in _SHOWN.items()
            if name in row
        ]
        if _has_terminal():
            room = shutil.get_terminal_size().columns - len(self.counted) - beside
            while len(values) > 1 and sum(len(gap) + len(value) for value in values) > room:
                values.pop()
        return values


class Bar(Lines):
    """Draws a bar in a terminal, by rich; at its end, and at a message, leaves a line behind.

    Where someone else draws on the terminal the lines are printed above.
    """

    def __enter__(self) -> Self:
        self._began, self._left_behind = time.perf_counter(), 0
        self._next_drawn = self._began
        with _display.lock:
            self._display = _display.open()
            if self._display is not None:
                self._task = self._display.add_task("", total=self.total, fit=self)
        return self

    def __exit__(self, *_: Any) -> None:
        if self._display is None:
            return
        with _display.lock:
            try:
                self._display.remove_task(self._task)
                self._leave_line()
                self._display.refresh()
            finally:
                _display.close()

    def epoch(self, number: int, row: dict[str, Any]) -> None:
        """Show the outcome of an epoch, unless the last was drawn just before."""
        if self._display is None:
            super().epoch(number, row)
            return
        self._note(number, row)
        now = time.perf_counter()
        if now >= self._next_drawn:
            self._next_drawn = now + _SECONDS
            with _display.lock:
                self._display.update(self._task, completed=number, refresh=True)

    def say(self, message: str) -> None:
        """Show a message, below a line of the last epoch."""
        if self._display is None:
            super().say(message)
            return
        self._leave_line()
        self._show(message)

    def _leave_line(self) -> None:
        number = self._last[0]
        if number > self._left_behind:
            self._left_behind = number
            self._show(self._line(f"in {self.elapsed}"))

    def _show(self, text: str) -> None:
        with _display.lock:
            self._display.console.print(text, markup=False, highlight=False, emoji=False)

    @property
    def elapsed(self) -> str:
        """How long the fit has taken so far."""
        return str(timedelta(seconds=int(time.perf_counter() - self._began)))

    @property
    def running_clock(self) -> str:
        """The time left at most, and before the first epoch has ended that since the beginning."""
        return self.clock or self.elapsed

    @property
    def values(self) -> str:
        """The numbers of the last epoch."""
        return " ".join(self._values(gap=" ", beside=_BESIDE))


class _Display:
    """The one display that all fits of the process draw on, as threads may: a bar for each.

    Attributes
    ----------
    lock : RLock
        Held while something is drawn or printed: rich does not see to it that what one thread
        prints and what another draws stay apart.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._n_fits = 0
        self._progress: Any = None

    def open(self) -> Any:
        """Return the display, a `rich.progress.Progress`; None where it cannot be drawn."""
        if not self._n_fits:
            self._progress = _start_drawing()
            # What rich has put there must outlive its end: see `Lines.say`.
            self._proxies = sys.stdout, sys.stderr
        self._n_fits += self._progress is not None
        return self._progress

    def close(self) -> None:
        """Say that a fit has ended; with the last one the display does."""
        self._n_fits -= 1
        if not self._n_fits:
            self._progress.stop()


_display = _Display()


def _start_drawing() -> Any:
    from rich.errors import LiveError
    from rich.file_proxy import FileProxy
    from rich.progress import BarColumn, Progress, TextColumn

    progress = Progress(
        TextColumn("{task.fields[fit].counted}", style="none"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[fit].values}", style="none"),
        TextColumn("{task.fields[fit].running_clock}", style="progress.remaining"),
        expand=True,
        transient=True,
        auto_refresh=False,
    )
    # With a display of someone else's at work, what is printed goes through this proxy.
    if isinstance(sys.stdout, FileProxy) or not progress.console.is_interactive:
        return None
    try:
        progress.start()
    except LiveError:
        return None
    return progress


def _has_terminal() -> bool:
    """Return whether what is printed is seen on a terminal."""
    # While rich draws, it puts a proxy there, which says of itself up to rich 14 that it is none.
    stdout = getattr(sys.stdout, "rich_proxied_file", sys.stdout)
    return stdout is not None and stdout.isatty()


def _draws_bars() -> bool:
    """Return whether bars can be drawn; the processes of a search would overwrite each other's."""
    alone = multiprocessing.parent_process() is None
    return _has_terminal() and alone and find_spec("rich") is not None


def start_report(estimator: Any, unit: str, total: int | None) -> Silent:
    """Return what shows the progress of a fit, as the estimator's `verbose` says.

    Parameters
    ----------
    estimator : estimator instance
    unit, total
        As in `Lines`.
    """
    if not estimator.verbose:
        return Silent()
    callbacks = getattr(estimator, "_skl_callbacks", ())
    # scikit-learn's bar counts the epochs already; lines are printed above it. A call that makes
    # one epoch needs no bar.
    drawn = total is None or any(isinstance(callback, ProgressBar) for callback in callbacks)
    return Lines(unit, total) if drawn or not _draws_bars() else Bar(unit, total)
