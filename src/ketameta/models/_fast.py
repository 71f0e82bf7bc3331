"""ML and REML of a common mean in compiled code: the steps of the NumPy engine, on blocks of fits.

Needs numba. Fits whose likelihood is not proved to have one maximum are left to the NumPy engine.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ketameta.models._batch import Batch
from ketameta.models._fast_block import compiled, curve, curve_at, load, logs, scale, weigh
from ketameta.models._fast_cells import proved
from ketameta.models._likelihood import CLOSE, MAX_ITERATIONS, MODEL_ITERATIONS
from ketameta.models._sample import RANGE

__all__ = ["fill"]

_BLOCK = 32
_FEW = 8
_EPS = float(np.finfo(np.float64).eps)
_LOG_2, _LOG_2_PI, _LOG_RANGE = math.log(2.0), math.log(2.0 * math.pi), math.log(RANGE)


@compiled
def _step(a: float, fall_a: float, b: float, fall_b: float) -> float:
    """Step of Newton's method, as in ``_likelihood``."""
    ratio = a / b
    bend = fall_a * fall_a
    slope = fall_a + (fall_a - ratio * fall_b)
    root = np.sqrt(slope * slope + 4.0 * bend * (ratio - 1.0))
    over = 2.0 * (ratio - 1.0) if slope > 0 else root - slope
    return over / (slope + root if slope > 0 else 2.0 * bend)


@compiled
def _advance(j: int, up: bool, step: float, iteration: int, v_min: float, t: Any, low: Any, top: Any) -> bool:
    """Move one fit of a block on, inside its bracket; returns whether it has farther to go."""
    spot = t[j]
    if up:
        low[j] = spot
    else:
        top[j] = spot
    to, floor, gap = spot + step, v_min + low[j], top[j] - low[j]
    fits = low[j] <= to <= top[j] and (iteration < MODEL_ITERATIONS or iteration % 2 == 0)
    t[j] = to if fits else low[j] + gap / (1.0 + math.sqrt(1.0 + gap / floor))
    return not ((fits and abs(step) <= CLOSE * (v_min + spot)) or gap <= 4.0 * _EPS * floor)


@compiled
def _model_steps(found: Any, restricted: bool, steps: Any) -> None:
    """The same for a block."""
    b_row, bb_row = (4, 6) if restricted else (0, 7)
    a, yppp, b, bb = found[3], found[5], found[b_row], found[bb_row]
    for j in range(steps.size):
        fall_a = yppp[j] / (a[j] if a[j] > 0.0 else 1.0)
        steps[j] = _step(a[j], fall_a, b[j], bb[j] / b[j])


@compiled
def _run(y: Any, v: Any, used: Any, restricted: bool, numbers: Any, weights: Any, left: Any) -> None:
    """Fit all rows; ``numbers`` has a row for each result, ``left`` tells which fits were not finished."""
    n, k = y.shape
    ys, vs = np.empty((k, _BLOCK)), np.empty((k, _BLOCK))
    w, g = np.empty((k, _BLOCK)), np.empty((k, _BLOCK))
    rank = np.empty((k, _BLOCK), dtype=np.int64)
    count, exponent = np.empty(_BLOCK, dtype=np.int64), np.empty(_BLOCK, dtype=np.int64)
    common, found, sums = np.empty((8, _BLOCK)), np.empty((8, _BLOCK)), np.empty((10, _BLOCK))
    t, low, high = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    centre, steps = np.empty(_BLOCK), np.empty(_BLOCK)
    top, rss = np.empty(_BLOCK), np.empty(_BLOCK)
    busy, inner = np.empty(_BLOCK, dtype=np.bool_), np.empty(_BLOCK, dtype=np.bool_)
    b_row = 4 if restricted else 0
    for start in range(0, n, _BLOCK):
        size = min(_BLOCK, n - start)
        load(y, v, used, start, size, w, g, rank, ys, vs)
        scale(ys, vs, count, exponent, centre, rss, sums)
        t[:] = 0.0
        weigh(ys, vs, t, w, g, common, sums)
        _model_steps(common, restricted, steps)
        working = 0
        for j in range(_BLOCK):
            s2 = rss[j] / max((count[j] - 1 if restricted else count[j]), 1)
            spread = vs[max(count[j] - 1, 0), j] - vs[0, j]
            high[j] = max(0.5 * s2 - vs[0, j] + math.sqrt(s2) * math.sqrt(0.25 * s2 + spread), 0.0)
            inner[j] = count[j] > 0 and common[3, j] > common[b_row, j] and high[j] > 0
            busy[j] = inner[j]
            low[j], top[j] = 0.0, high[j]
            if inner[j]:
                t[j] = min(steps[j], high[j])
                working += 1
        iteration = 0
        while working > _FEW and iteration < MAX_ITERATIONS:
            weigh(ys, vs, t, w, g, found, sums)
            _model_steps(found, restricted, steps)
            for j in range(_BLOCK):
                if busy[j]:
                    up = found[3, j] > found[b_row, j]
                    busy[j] = _advance(j, up, steps[j], iteration, vs[0, j], t, low, top)
                    working -= int(not busy[j])
            iteration += 1
        for j in range(_BLOCK):
            turn = iteration
            while busy[j] and turn < MAX_ITERATIONS:
                a, fall_a, b, fall_b = curve_at(ys, vs, j, t[j], restricted)
                busy[j] = _advance(j, a > b, _step(a, fall_a, b, fall_b), turn, vs[0, j], t, low, top)
                turn += 1
        weigh(ys, vs, t, w, g, found, sums)
        logs(vs, t, sums[0], sums[1])
        for j in range(size):
            row = start + j
            zero, last = curve(common, j, restricted), curve(found, j, restricted)
            left[row] = (
                count[j] == 0
                or busy[j]
                or not proved(ys, vs, j, zero, last, t[j], high[j], rss[j], restricted)
            )
            if not left[row]:
                _write(found, common, j, t[j], count[j], exponent[j], centre[j], numbers, row)
                free = count[j] - (1.0 if restricted else 0.0)
                total = math.log(sums[0, j] * (found[0, j] / count[j] if restricted else 1.0))
                total += sums[1, j] * _LOG_RANGE + found[2, j]
                numbers[8, row] = -0.5 * (free * _LOG_2_PI + total) - free * exponent[j] * _LOG_2
                for i in range(weights.shape[1]):
                    weights[row, i] = w[rank[i, j], j] / found[0, j]


@compiled
def _write(
    found: Any,
    common: Any,
    j: int,
    t: float,
    count: int,
    exponent: int,
    centre: float,
    numbers: Any,
    row: int,
) -> None:
    """Results of one fit in the units of the data, in the order of ``_NAMES``."""
    df, unit = count - 1.0, math.ldexp(1.0, exponent)
    typical = df / common[4, j]
    numbers[0, row] = centre + found[1, j] * unit
    numbers[1, row] = 1.0 / found[0, j] * unit * unit
    numbers[2, row] = found[2, j] / df
    numbers[3, row] = t * unit * unit
    numbers[4, row] = common[2, j]
    numbers[5, row] = typical * unit * unit
    numbers[6, row] = 100.0 * t / (t + typical)
    numbers[7, row] = t / typical + 1.0
    numbers[9, row] = count


_NAMES = ("beta", "cov", "hksj", "tau2", "q", "typical_v", "i2", "h2", "loglik", "k")


def fill(batch: Batch, out: dict[str, Any], *, restricted: bool) -> Any:
    """Compute what compiled code can; returns the positions of the other fits.

    Parameters
    ----------
    batch : Batch
        Fits of a common mean.
    out : dict of arrays
        Results by the names of the fields of ``Fits``, with one leading axis of fits.
    restricted : bool
        REML, else ML.
    """
    rest = []
    for part in batch.chunks():
        y, v, _, used, _ = batch.rows(part)
        n = y.shape[0]
        counts = np.ones((1, batch.k), dtype=np.bool_) if used is None else used
        numbers, left = np.full((len(_NAMES), n), np.nan), np.empty(n, dtype=np.bool_)
        arrays = (np.ascontiguousarray(a) for a in (y, v, counts))
        _run(*arrays, restricted, numbers, out["weights"][part], left)
        for name, values in zip(_NAMES, numbers, strict=True):
            out[name][part] = values.reshape(n, *(1,) * (out[name].ndim - 1))
        out["modes"][part], out["converged"][part] = ~left, ~left
        rest.append(part.start + np.flatnonzero(left))
    return np.concatenate(rest) if rest else np.zeros(0, dtype=np.intp)
