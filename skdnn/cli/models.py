"""Reading the file of a model."""

from __future__ import annotations

from typing import Any

from sklearn.preprocessing import OneHotEncoder

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


def find_categories(model: Any) -> dict[str, list[str]] | None:
    """Return the categories of a model that `fit` has made with --standard-errors.

    Parameters
    ----------
    model : estimator

    Returns
    -------
    dict of str to list of str, or None
        By column, the reference first; None of another model, which takes any, and gaps.
    """
    if not hasattr(model, "target_name_"):
        return None
    encoder, columns = next(
        (part, columns) for name, part, columns in model[0].transformers_ if name == "categories"
    )
    # Other models have an imputer before it.
    if not isinstance(encoder, OneHotEncoder):
        return None
    known = encoder.categories_ if len(columns) else []
    return {name: list(values) for name, values in zip(columns, known, strict=True)}
