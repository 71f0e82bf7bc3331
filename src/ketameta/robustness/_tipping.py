"""Tipping points: how far an assumption may go before a pooled effect falls short of a value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models._roots import bracketed_root

__all__ = ["LARGEST", "assumed_values", "first_crossing", "longest"]

LARGEST = 1e100
"""Beyond this no number is taken: squares would leave double precision."""

_STEPS = 64
_REACH = 4.0
_DOUBLINGS = 12


def assumed_values(assumed: Any) -> Array:
    """The numbers asked for, one or more, as an array.

    Raises
    ------
    ModelError
        For anything else.

    Examples
    --------
    >>> from ketameta.robustness._tipping import assumed_values
    >>> assumed_values(-0.1).tolist()
    [-0.1]
    """
    try:
        given = np.atleast_1d(np.asarray(assumed))
    except ValueError:
        given = np.zeros(0)
    values = given.astype(np.float64) if given.dtype.kind in "iuf" else np.zeros(0)
    if values.ndim != 1 or not values.size or not (np.abs(values) <= LARGEST).all():
        raise ModelError(
            f"assumed={assumed!r} must be a finite number or a sequence of them, such as [-0.1, -0.3]"
        )
    return values


def longest(*lengths: float) -> float:
    """The longest of some lengths, infinite ones left out; 0 for none."""
    return max((length for length in lengths if math.isfinite(length)), default=0.0)


def first_crossing(function: Callable[[Array], Array], start: float, unit: float) -> float:
    """The first place, from a start on, where a function is no longer positive.

    Parameters
    ----------
    function : callable
        Takes an array of places (m,) and returns as many values.
    start : float
        Where the search begins.
    unit : float
        Length and direction of the search: 256 steps over four units, then twice as far as before, twelve times,
        in 64 steps each.

    Returns
    -------
    float
        The start, where the function is not positive there; the first root, to a few units in the last place, found
        between two steps; NaN where the function stays positive.

    Notes
    -----
    The function need not be monotone: with tau2 estimated anew an estimate may turn back. A pair of crossings between
    two neighbouring steps is not seen.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.robustness._tipping import first_crossing
    >>> first_crossing(lambda x: 1.0 - x * x, 0.0, 0.5)
    1.0
    >>> first_crossing(np.ones_like, 0.0, 0.5)
    nan
    """
    near, far, steps = 0.0, _REACH, int(_REACH) * _STEPS
    for _ in range(_DOUBLINGS + 1):
        x = start + unit * np.linspace(near, far, steps + 1)
        values = function(x)
        short = np.flatnonzero(values <= 0)
        if short.size:
            i = int(short[0])
            if i == 0:
                return float(x[0])
            ends = (x[i - 1 : i], x[i : i + 1], values[i - 1 : i], values[i : i + 1])
            return float(bracketed_root(function, *ends)[0])
        if not np.isfinite(values).all():
            return math.nan
        near, far, steps = far, 2.0 * far, _STEPS
    return math.nan
