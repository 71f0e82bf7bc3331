"""How many people stand behind rows of effects."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ketameta._typing import Array
from ketameta.effects._crossovers import both_periods
from ketameta.effects._sheet import Sheet

__all__ = ["arm_sizes", "people"]


def arm_sizes(rows: pd.DataFrame) -> tuple[Array, Array]:
    """Number of people in the treated and in the comparison arm of each row; not-a-number where unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.effects.people import arm_sizes
    >>> arm_sizes(pd.DataFrame({"n_t": [20, 0], "n_c": [19, 7]}))
    (array([20., nan]), array([19.,  7.]))
    """
    sheet = Sheet(rows.reset_index(drop=True))
    return _arm(sheet, "t"), _arm(sheet, "c")


def _arm(sheet: Sheet, arm: str) -> Array:
    n, total = sheet.number(f"n_{arm}"), sheet.number(f"total_{arm}")
    size = np.where(n > 0, n, total)
    return np.where(size > 0, size, np.nan)


def people(rows: pd.DataFrame) -> Array:
    """Number of people behind each row: both arms, or one where the same people stand in both.

    Parameters
    ----------
    rows : DataFrame
        Rows with ``n_t`` and ``n_c``, or ``total_t`` and ``total_c``.

    Returns
    -------
    Array
        The sum of the arms; for rows over both periods of a crossover the larger arm; not-a-number where
        a size is unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.effects.people import people
    >>> rows = pd.DataFrame({"n_t": [20, 7], "n_c": [19, 7], "crossover_period": ["", "both paired"]})
    >>> people(rows).tolist()
    [39.0, 7.0]
    """
    sheet = Sheet(rows.reset_index(drop=True))
    treated, compared = _arm(sheet, "t"), _arm(sheet, "c")
    both = np.where(both_periods(sheet), np.maximum(treated, compared), treated + compared)
    return np.asarray(both, dtype=np.float64)
