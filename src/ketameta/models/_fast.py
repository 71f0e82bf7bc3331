"""ML and REML of a common mean in compiled code: the steps of the NumPy engine, on blocks of fits.

Needs numba. What cannot be fitted is left to the NumPy engine, which says so.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ketameta.models import _one
from ketameta.models._batch import Batch
from ketameta.models._fast_block import compiled, curve, load, logs, scale, shared, weigh
from ketameta.models._likelihood import MAX_ITERATIONS
from ketameta.models._one import advance, climb, maxima, model_step
from ketameta.models._sample import RANGE

__all__ = ["fill"]

_BLOCK = 64
_FEW = 16
_LOG_2, _LOG_2_PI, _LOG_RANGE = math.log(2.0), math.log(2.0 * math.pi), math.log(RANGE)


for _function in (
    _one.curve_at,
    _one.model_step,
    _one.advance,
    _one.climb,
    _one._alone,
    _one._positive,
    _one._settled,
    _one._falls,
    _one._deviance,
    _one.q_at,
    _one.maxima,
):
    shared(_function)


@compiled
def _model_steps(found: Any, restricted: bool, steps: Any) -> None:
    """The same for a block."""
    b_row, bb_row = (4, 6) if restricted else (0, 7)
    a, yppp, b, bb = found[3], found[5], found[b_row], found[bb_row]
    for j in range(steps.size):
        fall_a = yppp[j] / (a[j] if a[j] > 0.0 else 1.0)
        steps[j] = model_step(a[j], fall_a, b[j], bb[j] / b[j])


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
        weigh(ys, vs, t, w, common, sums)
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
            weigh(ys, vs, t, w, found, sums)
            _model_steps(found, restricted, steps)
            for j in range(_BLOCK):
                if busy[j]:
                    up = found[3, j] > found[b_row, j]
                    t[j], low[j], top[j], busy[j] = advance(
                        up, steps[j], iteration, vs[0, j], t[j], low[j], top[j]
                    )
                    working -= int(not busy[j])
            iteration += 1
        for j in range(_BLOCK):
            if busy[j]:
                t[j], reached = climb(ys[:, j], vs[:, j], t[j], low[j], top[j], restricted, iteration)
                busy[j] = not reached
        weigh(ys, vs, t, w, found, sums)
        moved = False
        for j in range(size):
            left[start + j] = count[j] == 0 or busy[j]
            if left[start + j]:
                continue
            first, last = curve(common, j, restricted), curve(found, j, restricted)
            best, modes, sure = maxima(ys[:, j], vs[:, j], first, last, t[j], high[j], rss[j], restricted)
            moved |= best != t[j]
            t[j], numbers[_MODES, start + j], left[start + j] = best, modes, not sure
        if moved:
            weigh(ys, vs, t, w, found, sums)
        logs(vs, t, sums[0], sums[1])
        for j in range(size):
            for i in range(weights.shape[1]):
                weights[start + j, i] = w[rank[i, j], j] / found[0, j]
        for j in range(_BLOCK):
            inside = found[0, j] / max(count[j], 1) if restricted else 1.0
            sums[2, j] = math.log(sums[0, j] * inside) + sums[1, j] * _LOG_RANGE
            sums[3, j] = math.ldexp(1.0, exponent[j]) if count[j] > 0 else np.nan
        _write(
            found,
            common,
            t,
            count,
            exponent,
            centre,
            sums[2],
            sums[3],
            restricted,
            numbers[:, start : start + size],
        )


@compiled
def _write(
    found: Any,
    common: Any,
    t: Any,
    count: Any,
    exponent: Any,
    centre: Any,
    logarithms: Any,
    unit: Any,
    restricted: bool,
    numbers: Any,
) -> None:
    """Results of a block in the units of the data, in the order of ``_NAMES``."""
    beta, cov, hksj, tau2, q = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    typical_v, i2, h2, loglik, studies = numbers[5], numbers[6], numbers[7], numbers[8], numbers[9]
    for j in range(beta.size):
        df = count[j] - 1.0
        free, squared = df if restricted else df + 1.0, unit[j] * unit[j]
        typical = df / common[4, j]
        beta[j] = centre[j] + found[1, j] * unit[j]
        cov[j] = 1.0 / found[0, j] * squared
        hksj[j] = found[2, j] / df
        tau2[j] = t[j] * squared
        q[j] = common[2, j]
        typical_v[j] = typical * squared
        i2[j] = 100.0 * t[j] / (t[j] + typical)
        h2[j] = t[j] / typical + 1.0
        loglik[j] = -0.5 * (free * _LOG_2_PI + (logarithms[j] + found[2, j])) - free * exponent[j] * _LOG_2
        studies[j] = count[j]


_NAMES = ("beta", "cov", "hksj", "tau2", "q", "typical_v", "i2", "h2", "loglik", "k", "modes")
_MODES = 10


def fill(batch: Batch, out: dict[str, Any], method: str) -> Any:
    """Compute what compiled code can; returns the positions of the other fits.

    Parameters
    ----------
    batch : Batch
        Fits of a common mean.
    out : dict of arrays
        Results by the names of the fields of ``Fits``, with one leading axis of fits.
    method : str
        REML or ML.
    """
    rest = []
    for part in batch.chunks():
        y, v, _, used, _ = batch.rows(part)
        n = y.shape[0]
        counts = np.ones((0, batch.k), dtype=np.bool_) if used is None else used
        numbers, left = np.empty((len(_NAMES), n)), np.empty(n, dtype=np.bool_)
        arrays = (np.ascontiguousarray(a) for a in (y, v, counts))
        _run(*arrays, method == "REML", numbers, out["weights"][part], left)
        numbers[:, left], numbers[_MODES, left] = np.nan, 0.0
        out["weights"][part][left] = np.nan
        for name, values in zip(_NAMES, numbers, strict=True):
            out[name][part] = values.reshape(n, *(1,) * (out[name].ndim - 1))
        out["converged"][part] = ~left
        rest.append(part.start + np.flatnonzero(left))
    return np.concatenate(rest) if rest else np.zeros(0, dtype=np.intp)
