"""How far a printed number may lie from the one that it rounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ketameta._typing import Array

__all__ = ["Whole", "half_unit", "whole_numbers"]

Whole = NDArray[np.int64]

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


def whole_numbers(digits: Whole, decimals: Whole, total: Whole) -> tuple[Whole, Whole]:
    """First and last number of people that a printed percentage can stand for, in exact arithmetic.

    A percentage p printed as the whole number ``digits`` over 10^decimals stands for e people of N when 100 e / N
    rounds to p: |100 e / N - p| is less than half of the last decimal, or a half that is rounded up, or to even.

    Parameters
    ----------
    digits, decimals, total : ndarray of int
        The percentage in units of its last decimal, the number of decimals, and N; shapes broadcast.

    Returns
    -------
    tuple of ndarray of int
        The first exceeds the last where no whole number gives the percentage.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = whole_numbers(np.array([90, 50]), np.array([1, 0]), np.array([79, 300]))
    >>> low.tolist(), high.tolist()
    ([8, 149], [7, 151])
    """
    unit = 200 * 10**decimals
    low = -((-(2 * digits - 1) * total) // unit)
    top = (2 * digits + 1) * total
    high = top // unit - ((digits % 2 == 1) & (top % unit == 0))
    return np.maximum(low, 0), np.minimum(high, total)
