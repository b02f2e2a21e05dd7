"""The version of the package; without imports, for builds read it."""

__version__ = "0.1.0"
