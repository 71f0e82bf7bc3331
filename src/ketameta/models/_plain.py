"""A few small fits of a common mean, computed one by one in plain numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ketameta._typing import Array
from ketameta.models._batch import Batch
from ketameta.models._one import Curve, climb, curve_at, maxima, model_step, q_at
from ketameta.models._sample import RANGE
from ketameta.models._tau2 import CLOSE_Q, MAX_STEPS_Q

__all__ = ["METHODS", "SMALL", "fill", "solve"]

METHODS = ("EE", "DL", "HS", "HSk", "ML", "REML", "EB", "PM")

_LOG_2, _LOG_2_PI = float(np.log(2.0)), float(np.log(2.0 * np.pi))

SMALL = 48
"""Fits times studies up to which plain numbers are faster than arrays."""


class _Fit:
    """The studies of one fit that count, sorted, centred and scaled as in ``_sample``."""

    __slots__ = ("centre", "exponent", "order", "rss", "sound", "v", "y")

    def __init__(self, y: list[float], v: list[float], used: list[bool] | None) -> None:
        positions = [i for i in range(len(y)) if used is None or used[i]]
        self.order = sorted(positions, key=lambda i: (v[i], y[i]))
        self.sound = len(self.order) > 1
        if not self.sound:
            return
        self.centre = y[self.order[0]]
        self.exponent = (math.frexp(v[self.order[0]])[1] - 1) // 2
        unit = math.ldexp(1.0, -self.exponent)
        self.y = [(y[i] - self.centre) * unit for i in self.order]
        self.v = [v[i] * unit * unit for i in self.order]
        far = max(max(self.y), -min(self.y))
        self.sound = far < math.sqrt(RANGE) and self.v[-1] < RANGE
        total = 0.0
        for value in self.y:
            total += value
        mean, self.rss = total / len(self.y), 0.0
        for value in self.y:
            self.rss += (value - mean) * (value - mean)


def _fits(batch: Batch, rows: Any) -> list[_Fit]:
    y, v, _, used, _ = batch.rows(rows)
    masks = [None] * len(y) if used is None else used.tolist()
    return [_Fit(*row) for row in zip(y.tolist(), v.tolist(), masks, strict=True)]


def fill(batch: Batch, rows: Any, out: dict[str, Any], method: str) -> Any:
    """Compute what can be computed so of the fits ``rows``; returns the positions of the others.

    Parameters
    ----------
    batch : Batch
        Fits of a common mean of no more studies than ``NARROW``.
    rows : NDArray[int]
        Positions of fits.
    out : dict of arrays
        Results by the names of the fields of ``Fits``, with one leading axis of fits.
    method : str
        One of ``METHODS``.
    """
    fits = zip(rows.tolist(), _fits(batch, rows), strict=True)
    return np.array([row for row, fit in fits if not _fill(fit, row, out, method)], dtype=np.intp)


def _estimate(fit: _Fit, method: str, zero: Curve, total: float, q: float) -> tuple[float, int, bool]:
    """tau2, maxima of the likelihood, and whether it was found. ``zero`` (REML), ``total`` and ``q`` are at 0."""
    k = float(len(fit.y))
    df = k - 1.0
    if method in ("REML", "ML"):
        return _likeliest(fit, zero if method == "REML" else curve_at(fit.y, fit.v, 0.0, False), method)
    if method in ("PM", "EB"):
        return _root(fit, df), 0, True
    moment = {
        "EE": 0.0,
        "DL": (q - df) / zero[2],
        "HS": (q - k) / total,
        "HSk": (q * k / df - k) / total,
    }[method]
    return max(moment, 0.0), 0, True


def _likeliest(fit: _Fit, zero: Curve, method: str) -> tuple[float, int, bool]:
    """The global maximum of the likelihood, how many maxima there are, and whether all were reached."""
    y, v, restricted = fit.y, fit.v, method == "REML"
    s2 = fit.rss / (len(y) - 1.0 if restricted else float(len(y)))
    high = max(0.5 * s2 - v[0] + math.sqrt(s2) * math.sqrt(0.25 * s2 + (v[-1] - v[0])), 0.0)
    tau2, last = 0.0, zero
    if zero[0] > zero[2] and high > 0:
        tau2, reached = climb(y, v, min(model_step(*zero), high), 0.0, high, restricted, 0)
        if not reached:
            return tau2, 1, False
        last = curve_at(y, v, tau2, restricted)
    return maxima(y, v, zero, last, tau2, high, fit.rss, restricted)


def _fill(fit: _Fit, row: int, out: dict[str, Any], method: str) -> bool:
    if not fit.sound:
        return False
    y, v, k, df, restricted = fit.y, fit.v, float(len(fit.y)), len(fit.y) - 1.0, method == "REML"
    zero = curve_at(y, v, 0.0, True)
    before, _, common_q, _ = q_at(y, v, 0.0)
    tau2, modes, found = _estimate(fit, method, zero, before, common_q)
    if not found:
        return False
    total, mean, q, _ = q_at(y, v, tau2)
    typical, unit = df / zero[2], math.ldexp(1.0, fit.exponent)
    half = 0.0
    for value in np.log([spread + tau2 for spread in v]).tolist():
        half += value
    half += q
    if restricted:
        half += float(np.log(total) - np.log(k))
    free = df if restricted else k
    if method == "EE":
        i2, h2 = (100.0 * ((common_q - df) / common_q) if common_q > df else 0.0), common_q / df
    else:
        i2, h2 = 100.0 * tau2 / (tau2 + typical), tau2 / typical + 1.0
    values = {
        "k": k,
        "modes": modes,
        "converged": True,
        "beta": fit.centre + mean * unit,
        "cov": 1.0 / total * unit * unit,
        "hksj": q / df,
        "tau2": tau2 * unit * unit,
        "q": common_q,
        "typical_v": typical * unit * unit,
        "i2": i2,
        "h2": h2,
        "loglik": -0.5 * (free * _LOG_2_PI + half) - free * fit.exponent * _LOG_2,
    }
    for name, value in values.items():
        out[name][row] = value
    if out["weights"].shape[1]:
        out["weights"][row] = 0.0
        out["weights"][row, fit.order] = [1.0 / (spread + tau2) / total for spread in v]
    return True


def solve(batch: Batch, targets: Array) -> list[list[float]]:
    """The tau2 at which the generalised Q statistic equals the targets (m, n), as ``_tau2.solve_q``."""
    fits = _fits(batch, slice(0, batch.n))
    return [[_bound(fit, goal) for fit, goal in zip(fits, row, strict=True)] for row in targets.tolist()]


def _bound(fit: _Fit, target: float) -> float:
    """The same for one fit and target."""
    return math.ldexp(_root(fit, target), 2 * fit.exponent) if fit.sound else math.nan


def _root(fit: _Fit, target: float) -> float:
    """The same on the scale of the sample."""
    _, _, q, ypp = q_at(fit.y, fit.v, 0.0)
    if not q > target:
        return 0.0
    tau2 = max(fit.rss / target - fit.v[-1], q * (q / target - 1.0) / ypp, 0.0)
    for _ in range(MAX_STEPS_Q):
        _, _, q, ypp = q_at(fit.y, fit.v, tau2)
        step = q * (q / target - 1.0) / ypp
        tau2 = max(tau2 + step, 0.0)
        if not abs(step) > CLOSE_Q * (fit.v[0] + tau2):
            break
    return tau2
