"""A curve traced over the observed times, with simulated companions: peaks and crossings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from ketameta._typing import Array, Rng
from ketameta.curves.model import CurveFit

__all__ = [
    "DRAWS",
    "Traced",
    "crossings",
    "falls_below",
    "percentiles",
    "refine_peak",
    "simulated",
    "trace_curve",
]

DRAWS = 2000
_GRID = 401


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """A curve, and curves drawn from its uncertainty, on a grid of times from first to last observed.

    Attributes
    ----------
    hours : numpy.ndarray, shape (m,)
        Grid, even in log time.
    line : numpy.ndarray, shape (m,)
        Estimate times ``sign``.
    top : int
        Where ``line`` is highest.
    sign : float
        1, or -1 where benefit lies below zero.
    draws : numpy.ndarray, shape (DRAWS, m)
        Simulated curves times ``sign``.
    tops : numpy.ndarray of int, shape (DRAWS,)
        Where each simulated curve is highest.
    """

    hours: Array
    line: Array
    top: int
    sign: float
    draws: Array
    tops: np.ndarray


def trace_curve(fit: CurveFit, first: float, last: float, rng: Rng, sign: float | None = None) -> Traced:
    """Evaluate a curve and its simulated companions.

    Parameters
    ----------
    fit : CurveFit
        Fitted curve.
    first, last : float
        Observed range in hours.
    rng : Generator, int or None
        Source of the simulated coefficients.
    sign : float, optional
        Direction of benefit; that of the largest estimate when not given.

    Returns
    -------
    Traced
        The lines, times ``sign``, so that the top is the best point of each.
    """
    hours = np.geomspace(first, last, _GRID)
    hours[0], hours[-1] = first, last
    line = fit.value(hours)
    if sign is None:
        sign = -1.0 if line[int(np.argmax(np.abs(line)))] < 0 else 1.0
    draws = sign * fit.shape.value(_draw(fit, rng), hours)
    return Traced(
        hours=hours,
        line=sign * line,
        top=int(np.argmax(sign * line)),
        sign=sign,
        draws=draws,
        tops=np.argmax(draws, axis=1),
    )


def _draw(fit: CurveFit, rng: Rng) -> Array:
    """Coefficients from the multivariate normal of the estimate, or t when intervals are t intervals.

    Coefficients without variance, which count as known, stay where they are.
    """
    generator = np.random.default_rng(rng)
    root, moving = np.zeros(fit.vcov.shape), np.flatnonzero(np.diag(fit.vcov) > 0)
    root[np.ix_(moving, moving)] = np.linalg.cholesky(fit.vcov[np.ix_(moving, moving)])
    noise = generator.standard_normal((DRAWS, fit.beta.size))
    if math.isfinite(fit.df):
        noise /= np.sqrt(generator.chisquare(fit.df, size=(DRAWS, 1)) / fit.df)
    return np.asarray(fit.beta + noise @ root.T, dtype=np.float64)


def refine_peak(fit: CurveFit, traced: Traced) -> float:
    """Time of the highest point of the estimate, between the points of the grid."""
    top, hours = traced.top, traced.hours
    if top in (0, hours.size - 1):
        return float(hours[top])
    found = minimize_scalar(
        lambda x: -traced.sign * float(fit.value(np.exp(np.array([x])))[0]),
        bounds=(math.log(hours[top - 1]), math.log(hours[top + 1])),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(math.exp(found.x))


def falls_below(curve: Callable[[Array], Array], line: Array, traced: Traced, target: float) -> float | None:
    """First time after the highest point of ``line`` at which ``curve`` falls short of the target."""
    goal = traced.sign * target
    top = int(np.argmax(line))
    below = np.flatnonzero(line[top:] < goal)
    if below.size == 0:
        return None
    if below[0] == 0:
        return float(traced.hours[top])
    j = top + int(below[0])
    low, high = math.log(traced.hours[j - 1]), math.log(traced.hours[j])
    root = brentq(
        lambda x: traced.sign * float(curve(np.exp(np.array([x])))[0]) - goal, low, high, xtol=1e-12
    )
    return float(math.exp(root))


def crossings(hours: Array, lines: Array, tops: np.ndarray, goals: Array) -> Array:
    """For each line the first time after its top that it lies below its goal; infinite where never."""
    after = np.arange(hours.size)[None, :] > tops[:, None]
    below = after & (lines < goals[:, None])
    j = np.argmax(below, axis=1)
    rows = np.arange(lines.shape[0])
    found = below[rows, j]
    left, right = lines[rows, np.maximum(j - 1, 0)], lines[rows, j]
    share = np.divide(left - goals, left - right, out=np.zeros(rows.size), where=found & (left > right))
    x = np.log(hours)
    times = np.exp(x[np.maximum(j - 1, 0)] + np.clip(share, 0, 1) * (x[j] - x[np.maximum(j - 1, 0)]))
    return np.where(found, times, np.inf)


def percentiles(times: Array, level: float) -> tuple[float, float]:
    """Equal-tailed percentiles that are members of the sample, so that infinite times may be among them."""
    tail = (1 - level) / 2
    low = float(np.quantile(times, tail, method="lower"))
    return low, float(np.quantile(times, 1 - tail, method="higher"))


def simulated(fit: CurveFit) -> str:
    """How an interval from simulated curves was made, in words."""
    law = "normal" if math.isinf(fit.df) else f"t({fit.df:g})"
    return f"percentiles of {DRAWS} curves simulated from the multivariate {law} distribution of the estimate"
