"""Roots of many functions at once, each in its bracket."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ketameta._typing import Array

__all__ = ["bracketed_root"]

_STEPS = 200
_WIDTH = 4.0 * np.finfo(np.float64).eps


def bracketed_root(
    function: Callable[[Array], Array], low: Array, high: Array, f_low: Array, f_high: Array
) -> Array:
    """Where each function changes its sign between ``low`` and ``high``.

    Parameters
    ----------
    function : callable
        Takes and returns arrays of the shape of ``low``, element by element.
    low, high : Array
        Ends of the brackets.
    f_low, f_high : Array
        Values there, of opposite sign; where they are not, the end with the smaller value is returned.

    Returns
    -------
    Array
        To a few units in the last place of the larger end, or where the function is exactly 0.

    Notes
    -----
    False position with the Illinois modification (Dowell and Jarratt 1971, BIT 11:168-174), and a
    bisection whenever three steps did not halve the bracket.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models._roots import bracketed_root
    >>> low, high = np.array([0.0, 1.0]), np.array([3.0, 3.0])
    >>> bracketed_root(lambda x: x * x - np.array([2.0, 4.0]), low, high, low**2 - [2, 4], high**2 - [2, 4])
    array([1.41421356, 2.        ])
    """
    a, b = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    fa, fb = np.array(f_low, dtype=np.float64), np.array(f_high, dtype=np.float64)
    weight_a, weight_b = fa.copy(), fb.copy()
    best = np.where(np.abs(fa) <= np.abs(fb), a, b)
    active = (fa != 0) & (fb != 0) & (np.sign(fa) != np.sign(fb))
    width, slow = np.abs(b - a), np.zeros(a.shape, dtype=np.int64)
    side = np.zeros(a.shape, dtype=np.int64)
    for _ in range(_STEPS):
        active &= np.abs(b - a) > _WIDTH * np.maximum(np.abs(a), np.abs(b))
        if not active.any():
            break
        middle = 0.5 * (a + b)
        with np.errstate(divide="ignore", invalid="ignore"):
            x = b - weight_b * (b - a) / (weight_b - weight_a)
        inside = (x > np.minimum(a, b)) & (x < np.maximum(a, b))
        x = np.where(inside & (slow < 3), x, middle)
        value = function(np.where(active, x, best))
        best = np.where(active, x, best)
        left = active & (np.sign(value) == np.sign(fa))
        right = active & ~left
        a, fa = np.where(left, x, a), np.where(left, value, fa)
        b, fb = np.where(right, x, b), np.where(right, value, fb)
        weight_a = np.where(left, value, np.where(right & (side > 0), 0.5 * weight_a, weight_a))
        weight_b = np.where(right, value, np.where(left & (side < 0), 0.5 * weight_b, weight_b))
        side = np.where(left, -1, np.where(right, 1, side))
        halved = (np.abs(b - a) <= 0.5 * width) | (slow >= 3)
        width, slow = np.where(halved, np.abs(b - a), width), np.where(halved, 0, slow + 1)
        active &= value != 0
    return best
