"""Compare skdnn's estimators with their peers in scikit-learn; ``python -m skdnn`` does so.

Like is compared with like: both members of a `Pair` have the same hyper-parameters, sit in the
same pipeline, see the same rows in the same precision, may use the same number of threads,
and take turns at going first, so that a busy machine disturbs both. Other estimators of
scikit-learn can be measured beside them.
"""

from skdnn.compare.estimators import (
    Pair,
    find_task,
    make_pairs,
    make_peers,
    make_preprocessor,
    make_splitter,
)
from skdnn.compare.measurement import Metric, Row, compare, warm_up
from skdnn.compare.picture import draw
from skdnn.compare.report import format_table, format_verdict, to_records

__all__ = [
    "Metric",
    "Pair",
    "Row",
    "compare",
    "draw",
    "find_task",
    "format_table",
    "format_verdict",
    "make_pairs",
    "make_peers",
    "make_preprocessor",
    "make_splitter",
    "to_records",
    "warm_up",
]
