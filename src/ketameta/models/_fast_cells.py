"""Proof that a likelihood has one maximum, in compiled code: the rules of ``_likelihood`` and ``_cells``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ketameta.models._cells import MARGIN, NARROWEST
from ketameta.models._fast_block import compiled, curve_at

__all__ = ["proved"]

_CELLS = 64


@compiled
def _alone(zero: Any, at: Any, tau2: float, rss: float) -> bool:
    """Whether the maximum at ``tau2`` is proved to be the only one, as in ``_likelihood``."""
    ratio = 1.0 if tau2 > 0 else at[0] / at[2]
    tangent = 1.0 - at[1] * tau2
    left = tau2 == 0 or tangent * tangent * zero[2] <= at[2] * (1.0 - MARGIN)
    share = at[0] / rss if rss > 0 else 0.0
    rise = 2.0 * math.sqrt(share) - ratio * at[3]
    right = rise >= 0 or rise * rise < 4.0 * (1.0 - MARGIN) * (1.0 - ratio) * share
    return bool(left and right and ratio <= 1.0)


@compiled
def _positive(constant: float, slope: float, bend: float, x: float) -> bool:
    return bool(
        slope >= 0
        or slope * slope < 4.0 * (1.0 - MARGIN) * constant * bend
        or (-slope >= 2.0 * bend * x and constant + x * (slope + x * bend) >= 0)
    )


@compiled
def _one_sided(low: Any, high: Any, x: float, up: bool) -> bool:
    """Whether the score is proved to keep the sign that it has at both ends of a cell."""
    if up:
        tangent_low, tangent_high = 1.0 + low[1] * x, 1.0 - high[1] * x
        from_low = tangent_low * tangent_low * high[2] <= low[0] * (1.0 - MARGIN)
        return bool(from_low or tangent_high * tangent_high * low[2] <= high[0] * (1.0 - MARGIN))
    chord_low = (math.sqrt(low[0] / high[0]) - 1.0) / x
    chord_high = (1.0 - math.sqrt(high[0] / low[0])) / x
    ratio_low, ratio_high = min(low[0] / low[2], 1.0), min(high[0] / high[2], 1.0)
    from_low = _positive(1.0 - ratio_low, 2.0 * chord_low - ratio_low * low[3], chord_low * chord_low, x)
    slope = ratio_high * high[3] - 2.0 * chord_high
    return bool(from_low or _positive(1.0 - ratio_high, slope, chord_high * chord_high, x))


@compiled
def _keeps_sign(
    ys: Any, vs: Any, j: int, low: float, high: float, at_low: Any, at_high: Any, up: bool, restricted: bool
) -> bool:
    """Whether the score is proved not to change sign between two points, cutting the range where needed."""
    ends = np.empty((_CELLS, 10))
    ends[0, 0], ends[0, 1] = low, high
    for i in range(4):
        ends[0, 2 + i], ends[0, 6 + i] = at_low[i], at_high[i]
    size, cut = 1, 0
    while size > 0:
        size -= 1
        a, b = ends[size, 0], ends[size, 1]
        one = (ends[size, 2], ends[size, 3], ends[size, 4], ends[size, 5])
        two = (ends[size, 6], ends[size, 7], ends[size, 8], ends[size, 9])
        base = vs[0, j] + a
        if (b - a) / base <= NARROWEST or _one_sided(one, two, b - a, up):
            continue
        if size + 2 > _CELLS or cut == _CELLS:
            return False
        cut += 1
        middle = a + (b - a) / (1.0 + math.sqrt(1.0 + (b - a) / base))
        at = curve_at(ys, vs, j, middle, restricted)
        if (at[0] > at[2]) != up:
            return False
        ends[size + 1, 0], ends[size + 1, 1] = middle, b
        ends[size, 1] = middle
        for i in range(4):
            ends[size + 1, 2 + i], ends[size + 1, 6 + i] = at[i], two[i]
            ends[size, 6 + i] = at[i]
        size += 2
    return True


@compiled
def proved(
    ys: Any, vs: Any, j: int, zero: Any, last: Any, t: float, high: float, rss: float, restricted: bool
) -> bool:
    """Whether the maximum at ``t`` is proved to be the only one, going through cells where needed."""
    if high <= 0 or _alone(zero, last, t, rss):
        return True
    at = (last[2], last[1], last[2], last[3]) if t > 0 else zero
    if t > 0 and not _keeps_sign(ys, vs, j, 0.0, t, zero, at, True, restricted):
        return False
    if t >= high:
        return True
    end = curve_at(ys, vs, j, high, restricted)
    return bool(_keeps_sign(ys, vs, j, t, high, at, end, False, restricted))
