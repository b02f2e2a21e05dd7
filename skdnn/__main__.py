"""Command line: ``python -m skdnn --help`` tells what it does."""

import sys

from skdnn.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
