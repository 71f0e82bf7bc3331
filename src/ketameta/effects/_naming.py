"""Rows of a table named in messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["describe"]

_LISTED = 6


def describe(rows: pd.DataFrame, positions: NDArray[np.intp]) -> str:
    """Name rows by index label and what identifies them.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from ketameta.effects._naming import describe
    >>> describe(pd.DataFrame({"study_id": ["a", "b"], "time_hours": [24, 168]}), np.array([1]))
    'row 1 (study_id b, time_hours 168)'
    """
    said = []
    for position in positions[:_LISTED].tolist():
        row = rows.iloc[position]
        names = ("record_id", "cohort_id", "study_id", "instrument", "definition", "time_hours")
        parts = [f"{name} {row[name]}" for name in names if name in rows.columns and not _empty(row[name])]
        said.append(f"row {rows.index[position]} ({', '.join(parts)})")
    more = len(positions) - len(said)
    return "; ".join(said) + (f"; and {more} more" if more else "")


def _empty(cell: Any) -> bool:
    return bool(pd.isna(cell)) or cell == ""
