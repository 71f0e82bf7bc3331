"""Blocks of fits of a common mean in compiled code: made ready, and weighed.

Needs numba. Sums run over studies one after the other, as those of the NumPy engine do, and side by side
over the fits of a block.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from ketameta.models._sample import RANGE

__all__ = ["compiled", "curve", "load", "logs", "scale", "shared", "weigh"]

_LARGE = 1e140
_S1, _S2, _S3, _SY, _MEAN, _FIRST, _Q, _YPP, _LEAN, _SQUARE = range(10)
"""Rows of the sums of a block: of the weights of all studies but the first and their powers, and so on."""


def compiled(function: Any) -> Any:
    """Compile a function; the machine code is kept for later sessions.

    What is kept knows the file of its own function only: after a change to a module whose functions it
    calls, ``__pycache__`` must be emptied.
    """
    return numba.njit(cache=True, error_model="numpy", nogil=True)(function)


def shared(function: Any) -> Any:
    """Let compiled code call a function that stays a plain one."""
    return register_jitable(error_model="numpy")(function)


@compiled
def _rank(ys: Any, vs: Any, rank: Any) -> None:
    """Place of each study of a block among its fit's by variance, then effect."""
    k, n = ys.shape
    rank[:] = 0
    for i in range(1, k):
        vi, yi, ri = vs[i], ys[i], rank[i]
        for h in range(i):
            vh, yh, rh = vs[h], ys[h], rank[h]
            for j in range(n):
                after = int((vh[j] > vi[j]) | ((vh[j] == vi[j]) & (yh[j] > yi[j])))
                rh[j] += after
                ri[j] += 1 - after


@compiled
def load(
    y: Any, v: Any, used: Any, start: int, size: int, raw_y: Any, raw_v: Any, rank: Any, ys: Any, vs: Any
) -> None:
    """Rows of a block as columns, sorted; the last row again where there are too few."""
    k, n = ys.shape
    masked = used.shape[0] > 0
    for j in range(n):
        row = start + min(j, size - 1)
        for i in range(k):
            raw_y[i, j], raw_v[i, j] = y[row, i], v[row, i]
        if masked:
            for i in range(k):
                if not used[row, i]:
                    raw_y[i, j], raw_v[i, j] = 0.0, np.inf
    _rank(raw_y, raw_v, rank)
    for i in range(k):
        for j in range(n):
            ys[rank[i, j], j] = raw_y[i, j]
            vs[rank[i, j], j] = raw_v[i, j]


@compiled
def scale(ys: Any, vs: Any, count: Any, exponent: Any, centre: Any, rss: Any, work: Any) -> None:
    """Centre and scale a block; ``count`` gets the number of studies, 0 where nothing can be computed."""
    k, n = ys.shape
    unit, mean, largest = work[0], work[1], work[2]
    for j in range(n):
        smallest = vs[0, j] if vs[0, j] < np.inf else 1.0
        exponent[j] = (math.frexp(smallest)[1] - 1) // 2
        unit[j], centre[j] = math.ldexp(1.0, -exponent[j]), ys[0, j]
        count[j], mean[j], largest[j], rss[j] = 0, 0.0, 0.0, 0.0
    for i in range(k):
        yi, vi = ys[i], vs[i]
        for j in range(n):
            here = vi[j] < np.inf
            yi[j] = (yi[j] - centre[j]) * unit[j] if here else 0.0
            vi[j] = vi[j] * unit[j] * unit[j]
            count[j] += int(here)
        for j in range(n):
            mean[j] += yi[j]
            far = max(abs(yi[j]) * math.sqrt(RANGE), vi[j] if vi[j] < np.inf else 0.0)
            largest[j] = max(largest[j], far)
    for j in range(n):
        if count[j] < 2 or not largest[j] < RANGE:
            count[j] = 0
            for i in range(k):
                ys[i, j], vs[i, j] = 0.0, np.inf
            vs[0, j] = 1.0
        mean[j] /= max(count[j], 1)
    for i in range(k):
        yi, vi = ys[i], vs[i]
        for j in range(n):
            r = yi[j] - mean[j] if vi[j] < np.inf else 0.0
            rss[j] += r * r


@compiled
def weigh(ys: Any, vs: Any, t: Any, w: Any, out: Any, s: Any) -> None:
    """Weighted least squares of a block at ``t``.

    Rows of ``out``: weight, mean, q, ypp, trace, yppp, trace_pp, total_ww, as in ``_weighing``. All sums lie in
    one array, so that the compiler sees that they do not overlap, and adds for several fits at once.
    """
    k, n = ys.shape
    s[:] = 0.0
    for i in range(1, k):
        vi, yi, wi = vs[i], ys[i], w[i]
        for j in range(n):
            one = 1.0 / (vi[j] + t[j])
            power = one * one
            wi[j] = one
            s[_S1, j] += one
            s[_SY, j] += one * yi[j]
            s[_S2, j] += power
            s[_S3, j] += power * one
    v0, w0 = vs[0], w[0]
    for j in range(n):
        w0[j] = 1.0 / (v0[j] + t[j])
        s[_MEAN, j] = s[_SY, j] / (w0[j] + s[_S1, j])
        s[_FIRST, j] = w0[j] * -s[_MEAN, j]
    for i in range(k):
        wi, yi = w[i], ys[i]
        for j in range(n):
            r = yi[j] - s[_MEAN, j]
            g = wi[j] * r
            d = g - s[_FIRST, j]
            s[_Q, j] += g * r
            s[_YPP, j] += g * g
            s[_LEAN, j] += wi[j] * d
            s[_SQUARE, j] += wi[j] * d * d
    for j in range(n):
        one, two, lean = s[_S1, j], s[_S2, j], s[_LEAN, j]
        total = w0[j] + one
        ratio, cross, share = w0[j] * one / total, w0[j] / total, two / total
        spread = two - 2.0 * s[_S3, j] / total
        out[0, j], out[1, j], out[2, j], out[3, j] = total, s[_MEAN, j], s[_Q, j], s[_YPP, j]
        out[4, j] = (2.0 * w0[j] * one + (one * one - two)) / total
        out[5, j] = max(s[_SQUARE, j] - lean * lean / total, 0.0)
        out[6, j] = ratio * ratio + (2.0 * cross * cross * two + spread + share * share)
        out[7, j] = w0[j] * w0[j] + two


@compiled
def curve(found: Any, j: int, restricted: bool) -> tuple[float, float, float, float]:
    """A, fall_a, B and fall_b of one fit of a block, as in ``_cells``."""
    b, bb = (found[4, j], found[6, j]) if restricted else (found[0, j], found[7, j])
    return found[3, j], found[5, j] / (found[3, j] if found[3, j] > 0.0 else 1.0), b, bb / b


@compiled
def logs(vs: Any, t: Any, product: Any, times: Any) -> None:
    """Product of v + tau2 over the studies of each fit of a block, with powers of 1e150 taken out."""
    k, n = vs.shape
    product[:], times[:] = 1.0, 0.0
    for i in range(k):
        vi = vs[i]
        for j in range(n):
            now = product[j] * (vi[j] + t[j] if vi[j] < np.inf else 1.0)
            large = now > _LARGE
            product[j] = now / RANGE if large else now
            times[j] += 1.0 if large else 0.0
