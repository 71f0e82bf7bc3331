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

__all__ = ["Curve", "advance", "climb", "curve_at", "maxima", "model_step", "q_at"]

Curve = tuple[float, float, float, float]
"""A, its fall, B and its fall at one tau2, as in ``_cells``."""


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
        or (-slope >= 2.0 * bend * x and constant + x * (slope + x * bend) >= MARGIN)
    )


def _settled(low: Curve, high: Curve, x: float, up_low: bool, up_high: bool) -> bool:
    """Whether the score is proved to change sign in a cell only as its signs at the ends tell."""
    if low[0] <= 0.0 or high[0] <= 0.0:
        return False
    if up_low and up_high:
        tangent_low, tangent_high = 1.0 + low[1] * x, 1.0 - high[1] * x
        from_low = tangent_low * tangent_low * high[2] <= low[0] * (1.0 - MARGIN)
        return from_low or tangent_high * tangent_high * low[2] <= high[0] * (1.0 - MARGIN)
    mean = math.sqrt(low[0] * high[0])
    if up_low:
        return 2.0 * high[1] * low[2] >= low[3] * mean * (1.0 + MARGIN)
    if up_high:
        return 2.0 * low[1] * high[2] * (1.0 + MARGIN) <= high[3] * mean
    chord_low = (math.sqrt(low[0] / high[0]) - 1.0) / x
    chord_high = (1.0 - math.sqrt(high[0] / low[0])) / x
    ratio_low, ratio_high = min(low[0] / low[2], 1.0), min(high[0] / high[2], 1.0)
    from_low = _positive(1.0 - ratio_low, 2.0 * chord_low - ratio_low * low[3], chord_low * chord_low, x)
    slope = ratio_high * high[3] - 2.0 * chord_high
    return from_low or _positive(1.0 - ratio_high, slope, chord_high * chord_high, x)


def _falls(
    y: Any, v: Any, cells: list[tuple[float, float, Curve, Curve, bool, bool]], restricted: bool
) -> list[tuple[float, float]]:
    """Ranges of tau2 inside ``cells`` in which the score falls through zero once; ``cells`` is used up."""
    found = []
    while len(cells) > 0:
        a, b, one, two, up_a, up_b = cells.pop()
        width = (b - a) / (v[0] + a)
        if width <= NARROWEST or _settled(one, two, b - a, up_a, up_b):
            if up_a and not up_b:
                found.append((a, b))
            continue
        middle = a + (b - a) / (1.0 + math.sqrt(1.0 + width))
        at = curve_at(y, v, middle, restricted)
        up = at[0] > at[2]
        cells.append((a, middle, one, at, up_a, up))
        cells.append((middle, b, at, two, up, up_b))
    return found


def _deviance(y: Any, v: Any, t: float, restricted: bool) -> float:
    """Minus twice the log-likelihood at tau2 = ``t``, less what does not depend on it."""
    total, _, q, _ = q_at(y, v, t)
    result = q + math.log(total) if restricted else q
    for spread in v:
        result += math.log(spread + t) if spread < math.inf else 0.0
    return result


def maxima(
    y: Any, v: Any, zero: Curve, last: Curve, t: float, high: float, rss: float, restricted: bool
) -> tuple[float, int, bool]:
    """Highest maximum of the likelihood, how many there are, and whether all were reached; one at ``t`` is known."""
    count, sure = 1, True
    if high <= 0 or _alone(zero, last, t, rss):
        return t, count, sure
    at = (last[2], last[1], last[2], last[3]) if t > 0 else zero
    cells = []
    if t > 0:
        cells.append((0.0, t, zero, at, True, True))
    if t < high:
        cells.append((t, high, at, curve_at(y, v, high, restricted), False, False))
    falls = _falls(y, v, cells, restricted)
    best, least = t, _deviance(y, v, t, restricted) if len(falls) > 0 else 0.0
    for low, top in falls:
        root, reached = climb(y, v, low + (top - low) / 2.0, low, top, restricted, 0)
        value = _deviance(y, v, root, restricted)
        if value < least or (value == least and root < best):
            best, least = root, value
        count += 1
        sure = sure and reached
    return best, count, sure
