"""One fit of a common mean in plain numbers: the steps of ``_likelihood``, ``_cells`` and ``_tau2``.

NumPy takes about a microsecond for every operation, however short the array; for few studies a loop over
them is faster. Sums run over studies one after the other, so the results are those of the batch, bit for
bit. Compiled code uses the same functions.
"""

from __future__ import annotations

import math
from typing import Any

from ketameta.models._cells import MARGIN, NARROWEST
from ketameta.models._likelihood import CLOSE, EPS, MAX_ITERATIONS, MODEL_ITERATIONS

__all__ = ["Curve", "advance", "climb", "curve_at", "model_step", "proved", "q_at"]

Curve = tuple[float, float, float, float]
"""A, its fall, B and its fall at one tau2, as in ``_cells``."""

_CUTS = 64


def q_at(y: Any, v: Any, t: float) -> tuple[float, float, float, float]:
    """Weight, mean, y'Py and y'PPy at tau2 = ``t``."""
    s1, sy = 0.0, 0.0
    for i in range(1, len(v)):
        w = 1.0 / (v[i] + t)
        s1 += w
        sy += w * y[i]
    total = 1.0 / (v[0] + t) + s1
    mean = sy / total
    q, ypp = 0.0, 0.0
    for i in range(len(v)):
        r = y[i] - mean
        g = 1.0 / (v[i] + t) * r
        q += g * r
        ypp += g * g
    return total, mean, q, ypp


def curve_at(y: Any, v: Any, t: float, restricted: bool) -> Curve:
    """A, its fall, B and its fall at tau2 = ``t``."""
    w0 = 1.0 / (v[0] + t)
    s1, s2, s3, sy = 0.0, 0.0, 0.0, 0.0
    for i in range(1, len(v)):
        w = 1.0 / (v[i] + t)
        s1 += w
        sy += w * y[i]
        power = w * w
        s2 += power
        s3 += power * w
    total = w0 + s1
    mean = sy / total
    g0 = w0 * (y[0] - mean)
    ypp, lean, square = g0 * g0, 0.0, 0.0
    for i in range(1, len(v)):
        w = 1.0 / (v[i] + t)
        g = w * (y[i] - mean)
        ypp += g * g
        d = g - g0
        wd = w * d
        lean += wd
        square += wd * d
    yppp = max(square - lean * lean / total, 0.0)
    b, bb = total, w0 * w0 + s2
    if restricted:
        ratio, cross, share = w0 * s1 / total, w0 / total, s2 / total
        b = (2.0 * w0 * s1 + (s1 * s1 - s2)) / total
        bb = ratio * ratio + (2.0 * cross * cross * s2 + (s2 - 2.0 * s3 / total) + share * share)
    return ypp, yppp / (ypp if ypp > 0.0 else 1.0), b, bb / b


def model_step(a: float, fall_a: float, b: float, fall_b: float) -> float:
    """Step of Newton's method; NaN where the model has no root."""
    ratio = a / b
    bend = fall_a * fall_a
    slope = fall_a + (fall_a - ratio * fall_b)
    inside = slope * slope + 4.0 * bend * (ratio - 1.0)
    root = math.sqrt(inside) if inside >= 0.0 else math.nan
    over = 2.0 * (ratio - 1.0) if slope > 0 else root - slope
    under = slope + root if slope > 0 else 2.0 * bend
    return over / under if under != 0.0 else math.nan


def advance(
    up: bool, step: float, iteration: int, v_min: float, spot: float, low: float, top: float
) -> tuple[float, float, float, bool]:
    """Move on inside the bracket: the next point, the bracket, and whether there is farther to go."""
    if up:
        low = spot
    else:
        top = spot
    to, floor, gap = spot + step, v_min + low, top - low
    fits = low <= to <= top and (iteration < MODEL_ITERATIONS or iteration % 2 == 0)
    if not fits:
        to = low + gap / (1.0 + math.sqrt(1.0 + gap / floor))
    going = not ((fits and abs(step) <= CLOSE * (v_min + spot)) or gap <= 4.0 * EPS * floor)
    return to, low, top, going


def climb(
    y: Any, v: Any, spot: float, low: float, top: float, restricted: bool, iteration: int
) -> tuple[float, bool]:
    """A fall of the score through zero in a bracket, and whether it was reached."""
    while iteration < MAX_ITERATIONS:
        a, fall_a, b, fall_b = curve_at(y, v, spot, restricted)
        step = model_step(a, fall_a, b, fall_b)
        spot, low, top, going = advance(a > b, step, iteration, v[0], spot, low, top)
        if not going:
            return spot, True
        iteration += 1
    return spot, False


def _alone(zero: Curve, at: Curve, tau2: float, rss: float) -> bool:
    ratio = 1.0 if tau2 > 0 else at[0] / at[2]
    tangent = 1.0 - at[1] * tau2
    left = tau2 == 0 or tangent * tangent * zero[2] <= at[2] * (1.0 - MARGIN)
    share = at[0] / rss if rss > 0 else 0.0
    rise = 2.0 * math.sqrt(share) - ratio * at[3]
    right = rise >= 0 or rise * rise < 4.0 * (1.0 - MARGIN) * (1.0 - ratio) * share
    return left and right and ratio <= 1.0


def _positive(constant: float, slope: float, bend: float, x: float) -> bool:
    return (
        slope >= 0
        or slope * slope < 4.0 * (1.0 - MARGIN) * constant * bend
        or (-slope >= 2.0 * bend * x and constant + x * (slope + x * bend) >= 0)
    )


def _one_sided(low: Curve, high: Curve, x: float, up: bool) -> bool:
    """Whether the score is proved to keep the sign that it has at both ends of a cell."""
    if low[0] <= 0.0 or high[0] <= 0.0:
        return False
    if up:
        tangent_low, tangent_high = 1.0 + low[1] * x, 1.0 - high[1] * x
        from_low = tangent_low * tangent_low * high[2] <= low[0] * (1.0 - MARGIN)
        return from_low or tangent_high * tangent_high * low[2] <= high[0] * (1.0 - MARGIN)
    chord_low = (math.sqrt(low[0] / high[0]) - 1.0) / x
    chord_high = (1.0 - math.sqrt(high[0] / low[0])) / x
    ratio_low, ratio_high = min(low[0] / low[2], 1.0), min(high[0] / high[2], 1.0)
    from_low = _positive(1.0 - ratio_low, 2.0 * chord_low - ratio_low * low[3], chord_low * chord_low, x)
    slope = ratio_high * high[3] - 2.0 * chord_high
    return from_low or _positive(1.0 - ratio_high, slope, chord_high * chord_high, x)


def _keeps_sign(
    y: Any, v: Any, low: float, high: float, at_low: Curve, at_high: Curve, up: bool, restricted: bool
) -> bool:
    """Whether the score is proved not to change sign between two points, cutting the range where needed."""
    cells = [(low, high, at_low, at_high)]
    cuts = 0
    while len(cells) > 0:
        a, b, one, two = cells.pop()
        base = v[0] + a
        if (b - a) / base <= NARROWEST or _one_sided(one, two, b - a, up):
            continue
        if cuts == _CUTS:
            return False
        cuts += 1
        middle = a + (b - a) / (1.0 + math.sqrt(1.0 + (b - a) / base))
        at = curve_at(y, v, middle, restricted)
        if (at[0] > at[2]) != up:
            return False
        cells.append((a, middle, one, at))
        cells.append((middle, b, at, two))
    return True


def proved(
    y: Any, v: Any, zero: Curve, last: Curve, t: float, high: float, rss: float, restricted: bool
) -> bool:
    """Whether the maximum at ``t`` is proved to be the only one, going through cells where needed."""
    if high <= 0 or _alone(zero, last, t, rss):
        return True
    at = (last[2], last[1], last[2], last[3]) if t > 0 else zero
    if t > 0 and not _keeps_sign(y, v, 0.0, t, zero, at, True, restricted):
        return False
    if t >= high:
        return True
    return _keeps_sign(y, v, t, high, at, curve_at(y, v, high, restricted), False, restricted)
