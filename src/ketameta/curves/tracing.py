"""A curve traced over the observed times, and drawn companions: peaks and crossings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from ketameta._typing import Array
from ketameta.curves.draws import Draws
from ketameta.curves.model import CurveFit

__all__ = ["Companions", "Traced", "companions", "crossings", "falls_below", "refine_peak", "trace_curve"]

_GRID = 401


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """A curve on a grid of times from first to last observed.

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
    """

    hours: Array
    line: Array
    top: int
    sign: float


@dataclass(frozen=True, slots=True, eq=False)
class Companions:
    """Drawn curves on the same grid.

    Attributes
    ----------
    lines : numpy.ndarray, shape (B, m)
        Drawn curves times the sign of the traced one.
    tops : numpy.ndarray of int, shape (B,)
        Where each is highest.
    """

    lines: Array
    tops: np.ndarray

    @property
    def heights(self) -> Array:
        """Height of each at its top, shape (B,)."""
        return np.asarray(np.take_along_axis(self.lines, self.tops[:, None], axis=1)[:, 0], dtype=np.float64)


def trace_curve(fit: CurveFit, first: float, last: float, sign: float | None = None) -> Traced:
    """Evaluate a curve on the grid.

    Parameters
    ----------
    fit : CurveFit
        Fitted curve.
    first, last : float
        Observed range in hours.
    sign : float, optional
        Direction of benefit; that of the largest estimate when not given.

    Returns
    -------
    Traced
        The line times ``sign``, so that its top is its best point.
    """
    hours = np.geomspace(first, last, _GRID)
    hours[0], hours[-1] = first, last
    line = fit.value(hours)
    if sign is None:
        sign = -1.0 if line[int(np.argmax(np.abs(line)))] < 0 else 1.0
    return Traced(hours=hours, line=sign * line, top=int(np.argmax(sign * line)), sign=sign)


def companions(fit: CurveFit, traced: Traced, draws: Draws) -> Companions:
    """Drawn curves on the grid of the estimate."""
    lines = traced.sign * fit.shape.value(draws.beta, traced.hours)
    return Companions(lines, np.argmax(lines, axis=1))


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
    between = found & (left >= goals) & (left > right)
    share = np.divide(left - goals, left - right, out=np.zeros(rows.size), where=between)
    x = np.log(hours)
    times = np.exp(x[np.maximum(j - 1, 0)] + np.clip(share, 0, 1) * (x[j] - x[np.maximum(j - 1, 0)]))
    return np.where(found, times, np.inf)
