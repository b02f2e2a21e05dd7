"""Options that several commands have, and what is checked of them before any work is done."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from skdnn.files import replacing
from skdnn.tables import UserError

CSV = (
    "CSV file with a header line, separated by comma, semicolon or tab, "
    "also compressed (.csv.gz); needs pandas"
)


def whole(least: int) -> Callable[[str], int]:
    """Return what parses a whole number that is at least `least`."""

    def parse(text: str) -> int:
        if not text.strip().isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} up")
        return int(text)

    return parse


def sizes(text: str) -> tuple[int, ...]:
    """Parse the sizes of the hidden layers."""
    return tuple(map(whole(1), text.split(",")))


def add_table_options(group: Any) -> None:
    """Add the options that say what is learned from a table."""
    group.add_argument("--target", metavar="COLUMN", help="the column to predict")
    group.add_argument(
        "--drop", nargs="+", default=[], metavar="COLUMN", help="columns to leave out"
    )
    group.add_argument(
        "--task",
        choices=["classification", "regression"],
        help="default: found from the target's values",
    )


def add_model_options(group: Any) -> None:
    """Add the options that say what a network is like."""
    group.add_argument(
        "--hidden-layer-sizes",
        metavar="N[,N…]",
        type=sizes,
        default=(100,),
        help="of the networks, such as 64,32; default: 100",
    )
    group.add_argument(
        "--max-iter",
        metavar="N",
        type=whole(1),
        help="most iterations, default: 200, linear models 1000",
    )
    group.add_argument(
        "--random-state",
        metavar="N",
        type=whole(0),
        default=0,
        help="seed of networks, folds and held-out rows, default: 0",
    )


def check_place(option: str, path: str | None) -> None:
    """Refuse a file that cannot be written, before the work whose outcome it is to hold.

    Raises
    ------
    UserError
        If there is no such folder, or the path is a folder.
    """
    if path is None:
        return
    if Path(path).is_dir():
        raise UserError(f"{option} {path!r} is a folder; name a file in it")
    if not Path(path).parent.is_dir():
        raise UserError(f"{option} {path!r}: there is no folder {str(Path(path).parent)!r}")
    if not os.access(Path(path).parent, os.W_OK):
        raise UserError(f"{option} {path!r}: the folder cannot be written to")


def write(path: str, content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise UserError(f"cannot write {path!r}: {error.strerror or error}") from error
