"""Reading the file of a model."""

from __future__ import annotations

from typing import Any

from skdnn.persistence import load
from skdnn.tables import UserError


def read_model(path: str) -> Any:
    """Read a model that `skdnn.save` has written.

    Parameters
    ----------
    path : str
        The file.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    try:
        return load(path)
    except OSError as error:
        raise UserError(f"cannot read {path!r}: {error.strerror or error}") from error
    except (ImportError, TypeError, ValueError) as error:
        raise UserError(" ".join(str(error).split())) from error
