"""How many people stand behind rows of effects."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ketameta._typing import Array
from ketameta.effects._crossovers import both_periods
from ketameta.effects._sheet import Sheet

__all__ = ["people"]


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
    arms = []
    for arm in ("t", "c"):
        n, total = sheet.number(f"n_{arm}"), sheet.number(f"total_{arm}")
        size = np.where(n > 0, n, total)
        arms.append(np.where(size > 0, size, np.nan))
    return np.asarray(np.where(both_periods(sheet), np.maximum(*arms), arms[0] + arms[1]), dtype=np.float64)
