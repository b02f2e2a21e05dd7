"""Which command is run, and how what goes wrong is told."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import skdnn
from skdnn.cli import compare, fit, predict, summary
from skdnn.tables import UserError

DESCRIPTION = """\
Neural networks on tables: compare them with scikit-learn's estimators, train one, predict with it.

Without a command the comparison is run.
"""

EPILOG = """\
examples:
  python -m skdnn
  python -m skdnn compare titanic.csv --target survived --drop name ticket
  python -m skdnn fit titanic.csv --target survived --drop name ticket --save titanic.skops
  python -m skdnn predict titanic.skops passengers.csv --out survivors.csv
  python -m skdnn summary titanic.skops

python -m skdnn COMMAND --help tells more about a command.
"""

COMMANDS = {"compare": compare, "fit": fit, "predict": predict, "summary": summary}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    int
        Exit code: 0 when done, 1 when the reader of the output is gone, 2 when the table, the
        model or an option cannot be used, 130 when interrupted.
    """
    try:
        arguments = _with_command(sys.argv[1:] if argv is None else list(argv))
        options = _make_parser().parse_args(arguments)
        options.run(options)
        sys.stdout.flush()
    except UserError as error:
        print(f"python -m skdnn: error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The interpreter flushes once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    return 0


def _with_command(arguments: list[str]) -> list[str]:
    """Put in the command that may be left out."""
    first = arguments[0] if arguments else ""
    if first in COMMANDS or first in ("-h", "--help", "--version"):
        return arguments
    if close := difflib.get_close_matches(first, COMMANDS, n=1):
        if not Path(first).exists():
            raise UserError(
                f"there is no command and no file {first!r}; did you mean {close[0]!r}? "
                f"the commands are {', '.join(COMMANDS)}"
            )
    return ["compare", *arguments]


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m skdnn",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"skdnn {skdnn.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.DESCRIPTION,
            epilog=module.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser
