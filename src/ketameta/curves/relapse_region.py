"""Interval of what two uncertain numbers give together, their own intervals uneven or open."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array

__all__ = ["combined_offsets", "difference_range", "relapse_free"]

_POINTS = 32001
_FAR = 45.0


def relapse_free(log_hazard: Array) -> Array:
    """Share free of relapse at a log cumulative hazard, however large."""
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(-np.exp(log_hazard)), dtype=np.float64)


def combined_offsets(first: Array, second: Array) -> Array:
    """Distance of a bound of a sum from the sum: root of the summed squares, infinite where a part is."""
    return np.asarray(np.hypot(first, second), dtype=np.float64)


def difference_range(
    z: Array, z_low: Array, z_high: Array, b: float, b_low: float, b_high: float
) -> tuple[Array, Array]:
    """Interval of the difference in relapse-free shares.

    Parameters
    ----------
    z, z_low, z_high : numpy.ndarray, shape (m,)
        Log cumulative hazard of the comparator, with its interval.
    b, b_low, b_high : float
        Log hazard ratio, with its interval.

    Returns
    -------
    low, high : numpy.ndarray, shape (m,)
        Smallest and largest ``exp(-exp(z + b)) - exp(-exp(z))`` over the region in which the squared distances of
        both, each in units of its half-interval on that side, sum to at most one: the profile-likelihood interval of
        the difference for two independent estimates. For a sum it gives the MOVER interval (Zou & Donner 2008).

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.relapse_region import difference_range
    >>> z = np.log([np.log(2)])
    >>> low, high = difference_range(z, z, z, np.log(0.5), np.log(0.25), np.log(1.0))
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.0], [0.3409])
    """
    lows, highs = np.full(z.size, np.inf), np.full(z.size, -np.inf)
    for side in (-1.0, 1.0):
        reach_z = z - z_low if side < 0 else z_high - z
        for turn in (-1.0, 1.0):
            reach_b = b - b_low if turn < 0 else b_high - b
            for row in range(z.size):
                far = _FAR + abs(z[row]) + abs(b)
                dz, db = _edge(float(reach_z[row]), float(reach_b), far)
                hazard = z[row] + side * dz
                found = relapse_free(hazard + b + turn * db) - relapse_free(hazard)
                lows[row] = min(lows[row], float(found.min()))
                highs[row] = max(highs[row], float(found.max()))
    return lows, highs


def _edge(reach_z: float, reach_b: float, far: float) -> tuple[Array, Array | float]:
    """Edge of one quadrant of the region, where the extremes lie, as the difference rises or falls in ``b`` alone.

    A quarter of an ellipse; the side of a strip where one reach is open, followed as far as shares still change.
    """
    if np.isinf(reach_z) or np.isinf(reach_b):
        return np.linspace(0, min(reach_z, far), _POINTS), reach_b
    angle = np.linspace(0, np.pi / 2, _POINTS)
    return reach_z * np.cos(angle), reach_b * np.sin(angle)
