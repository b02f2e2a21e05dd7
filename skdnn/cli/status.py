"""What is being done at the moment, on stderr."""

from __future__ import annotations

import sys
from typing import Any

from skdnn.callbacks.base import EpochCallback


class Status:
    """One line that is rewritten on a terminal, else a line now and then.

    Parameters
    ----------
    subject : str
        What the line begins with.
    """

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.fold = 0

    def show(self, text: str) -> None:
        """Say what is being done."""
        line = f"{self.subject}: {text}"
        if sys.stderr.isatty():
            # Padded, to cover what a longer line before left behind.
            print(f"\r{line:<99}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def show_fold(self, fold: int, n_folds: int, estimator: str) -> None:
        """Say which fold is being run; on a terminal also of which estimator."""
        if sys.stderr.isatty():
            self.show(f"fold {fold} of {n_folds}, {estimator}")
        elif fold != self.fold:
            self.show(f"fold {fold} of {n_folds}")
        self.fold = fold

    def clear(self) -> None:
        """Take the line away."""
        if sys.stderr.isatty():
            print(f"\r{'':<99}\r", end="", file=sys.stderr, flush=True)


class EpochStatus(EpochCallback):
    """Shows how far training is: each epoch on a terminal, else those that are powers of 2.

    Parameters
    ----------
    status : Status
    max_iter : int
        The most epochs.
    """

    def __init__(self, status: Status, max_iter: int) -> None:
        super().__init__()
        self.status, self.max_iter = status, max_iter

    def _epoch_ends(self, estimator: Any, row: dict[str, Any], run: dict[str, Any]) -> bool:
        epoch = row["epoch"]
        if sys.stderr.isatty() or not epoch & (epoch - 1):
            self.status.show(f"epoch {epoch} of at most {self.max_iter}, loss {row['loss']:.4g}")
        return False
