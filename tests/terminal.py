"""Processes of their own, and a terminal to run code in, with what it shows in the end."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import skdnn

# The package need not be installed.
HERE = {**os.environ, "PYTHONPATH": str(Path(skdnn.__file__).parents[1])}


def in_terminal(code, columns=80):
    """Run code in a terminal of its own; return what is left to read there, and what was sent."""
    fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, np.array([24, columns, 0, 0], np.uint16).tobytes())
    changed = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    env = {name: value for name, value in HERE.items() if name not in changed}
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env | {"TERM": "xterm"},
    )
    os.close(theirs)
    sent = b""
    try:
        while chunk := os.read(ours, 65536):
            sent += chunk
    except OSError:
        # Linux' way to say that the other side is closed.
        pass
    os.close(ours)
    process.wait()
    text = sent.decode()
    return screen(text), text


def screen(sent):
    """Return the rows that a terminal shows after what was sent to it."""
    rows, at, column = [""], 0, 0
    for piece in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", sent):
        if piece == "\n":
            at += 1
            rows += [""] * (at == len(rows))
        elif piece == "\r":
            column = 0
        elif piece.endswith("A") and piece.startswith("\x1b"):
            at -= int(piece[2:-1] or 1)
        elif piece == "\x1b[2K":
            rows[at] = ""
        elif not piece.startswith("\x1b"):
            rows[at] = rows[at][:column].ljust(column) + piece + rows[at][column + len(piece) :]
            column += len(piece)
    return [row.rstrip() for row in rows if row.strip()]
