"""A few small fits of a common mean, computed one by one in plain numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ketameta.models._batch import Batch
from ketameta.models._one import Curve, climb, curve_at, model_step, proved, q_at
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


def _fits(batch: Batch) -> list[_Fit]:
    y, v, _, used, _ = batch.rows(slice(0, batch.n))
    masks = [None] * batch.n if used is None else used.tolist()
    return [_Fit(*row) for row in zip(y.tolist(), v.tolist(), masks, strict=True)]


def fill(batch: Batch, out: dict[str, Any], method: str) -> Any:
    """Compute what can be computed so; returns the positions of the other fits.

    Parameters
    ----------
    batch : Batch
        Fits of a common mean of no more studies than ``NARROW``.
    out : dict of arrays
        Results by the names of the fields of ``Fits``, with one leading axis of fits.
    method : str
        One of ``METHODS``.
    """
    return np.array(
        [row for row, fit in enumerate(_fits(batch)) if not _fill(fit, row, out, method)], dtype=np.intp
    )


def _estimate(fit: _Fit, method: str, zero: Curve, total: float, q: float) -> float | None:
    """tau2; None where it takes more than is done here. ``zero``, ``total`` and ``q`` are at tau2 = 0."""
    k = float(len(fit.y))
    df = k - 1.0
    if method in ("REML", "ML"):
        return _likeliest(fit, restricted=method == "REML")
    if method in ("PM", "EB"):
        return _root(fit, df)
    moment = {
        "EE": 0.0,
        "DL": (q - df) / zero[2],
        "HS": (q - k) / total,
        "HSk": (q * k / df - k) / total,
    }[method]
    return max(moment, 0.0)


def _likeliest(fit: _Fit, *, restricted: bool) -> float | None:
    """The only maximum of the likelihood; None where that is not proved."""
    y, v = fit.y, fit.v
    zero = curve_at(y, v, 0.0, restricted)
    s2 = fit.rss / (len(y) - 1.0 if restricted else float(len(y)))
    high = max(0.5 * s2 - v[0] + math.sqrt(s2) * math.sqrt(0.25 * s2 + (v[-1] - v[0])), 0.0)
    tau2, last = 0.0, zero
    if zero[0] > zero[2] and high > 0:
        tau2, reached = climb(y, v, min(model_step(*zero), high), 0.0, high, restricted, 0)
        if not reached:
            return None
        last = curve_at(y, v, tau2, restricted)
    return tau2 if proved(y, v, zero, last, tau2, high, fit.rss, restricted) else None


def _fill(fit: _Fit, row: int, out: dict[str, Any], method: str) -> bool:
    if not fit.sound:
        return False
    y, v, k, df, restricted = fit.y, fit.v, float(len(fit.y)), len(fit.y) - 1.0, method == "REML"
    zero = curve_at(y, v, 0.0, True)
    before, _, common_q, _ = q_at(y, v, 0.0)
    tau2 = _estimate(fit, method, zero, before, common_q)
    if tau2 is None:
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
        "modes": 1.0 if method in ("REML", "ML") else 0.0,
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


def solve(batch: Batch, target: Any) -> Any:
    """The tau2 at which the generalised Q statistic equals ``target``, as ``_tau2.solve_q``."""
    return np.array(
        [
            math.ldexp(_root(fit, goal), 2 * fit.exponent) if fit.sound else math.nan
            for fit, goal in zip(_fits(batch), target.tolist(), strict=True)
        ]
    )


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
