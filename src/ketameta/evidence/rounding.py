"""How far a printed number may lie from the one that it rounds."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array

__all__ = ["half_unit"]

_MOST_DECIMALS = 8


def half_unit(*columns: Array) -> Array:
    """Half of the last decimal that numbers printed side by side carry.

    A number keeps no zeros at its end, so 5.0 looks like 5: numbers of one kind that stand in one row (both
    bounds of an interval, both means) are taken as printed to the decimals of the longest.

    Parameters
    ----------
    *columns : ndarray, shape (n,)
        Numbers of one kind; NaN is passed over.

    Returns
    -------
    ndarray, shape (n,)
        0.5 for whole numbers, 0.05 with one decimal, and so on; 0 from nine decimals on, which no report
        prints.

    Examples
    --------
    >>> import numpy as np
    >>> half_unit(np.array([7.0, 1.25]), np.array([2.5, np.nan])).tolist()
    [0.05, 0.005]
    """
    half = np.full(np.shape(columns[0]), 0.5)
    for values in columns:
        own = np.zeros(half.shape)
        for decimals in range(_MOST_DECIMALS, -1, -1):
            with np.errstate(over="ignore", invalid="ignore"):
                whole = np.round(values, decimals) == values
            own = np.where(whole, 0.5 * 10.0**-decimals, own)
        half = np.minimum(half, np.where(np.isnan(values), np.inf, own))
    return half
