"""The command line: ``python -m skdnn`` and its commands, one file for each."""
