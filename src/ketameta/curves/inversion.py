"""Intervals of times by what a linear curve excludes: no simulation, and open where nothing is excluded.

For a curve that is linear in its coefficients, with heterogeneity variances held at their estimates, twice the
drop of the profile log-likelihood from its maximum to a hypothesis ``a'beta = 0`` is ``(a'b)^2 / a'Va``. A time
is inside the interval when that does not exceed the squared quantile of the intervals.
"""

from __future__ import annotations

import math

import numpy as np

from ketameta._typing import Array
from ketameta.curves.model import CurveFit
from ketameta.curves.tracing import Traced

__all__ = ["METHOD", "half_life_set", "peak_set", "threshold_set"]

METHOD = "profile likelihood, heterogeneity variances held at their estimates"


def peak_set(fit: CurveFit, traced: Traced) -> tuple[float, float]:
    """Ends of the times that no other time exceeds beyond doubt.

    Parameters
    ----------
    fit : CurveFit
        Curve linear in its coefficients.
    traced : Traced
        The same on its grid.

    Returns
    -------
    tuple of float
        First and last time whose effect no effect at another time significantly exceeds.
    """
    inside = traced.hours[_contrasts(fit, traced, 1.0).min(axis=1) >= -fit.quantile]
    return float(inside[0]), float(inside[-1])


def half_life_set(fit: CurveFit, traced: Traced) -> tuple[float, float]:
    """Times since the peak at which half of it may be left.

    Before the interval the curve lies above half of its height at every earlier time, after the interval it
    lies below half of its height at some earlier time, both beyond doubt.

    Parameters
    ----------
    fit, traced
        See :func:`peak_set`.

    Returns
    -------
    tuple of float
        Bounds; the upper one is infinite where the curve excludes no late time.
    """
    stat = _contrasts(fit, traced, 0.5)
    stat[np.triu_indices(traced.hours.size, 1)] = np.inf
    lowest = stat.min(axis=1)[traced.top :]
    hours = traced.hours[traced.top :]
    low = float(traced.hours[0]) if lowest[0] < fit.quantile else _first_below(hours, lowest, fit.quantile)
    return low, _first_below(hours, lowest, -fit.quantile)


def threshold_set(fit: CurveFit, traced: Traced, goal: float) -> tuple[float, float] | None:
    """Times at which the curve may fall short of a goal.

    Parameters
    ----------
    fit, traced
        See :func:`peak_set`.
    goal : float
        Threshold times ``traced.sign``.

    Returns
    -------
    tuple of float or None
        Bounds; 0 where the curve may never reach the goal, infinite where it may never fall short of it, None
        where it lies short of the goal beyond doubt all along.
    """
    se = fit.se(traced.hours)
    stat = _ratio(traced.line - goal, se)
    top = int(np.argmax(stat))
    if stat[top] < -fit.quantile:
        return None
    hours, stat = traced.hours[top:], stat[top:]
    low = 0.0 if stat[0] < fit.quantile else _first_below(hours, stat, fit.quantile)
    return low, _first_below(hours, stat, -fit.quantile)


def _contrasts(fit: CurveFit, traced: Traced, share: float) -> Array:
    """Effect at a time (rows) less a share of that at another (columns), over the standard error."""
    basis = fit.shape.gradient(fit.beta, traced.hours)
    covariance = basis @ fit.vcov @ basis.T
    own = np.diag(covariance)
    variance = own[:, None] - 2 * share * covariance + share**2 * own[None, :]
    noise = 64 * np.finfo(float).eps * own.max()
    return _ratio(
        traced.line[:, None] - share * traced.line[None, :], np.sqrt(np.where(variance > noise, variance, 0))
    )


def _ratio(estimate: Array, se: Array) -> Array:
    """Estimate over standard error; 0 for a contrast of a time with itself."""
    unsure = se > 0
    return np.where(unsure, estimate / np.where(unsure, se, 1.0), 0.0)


def _first_below(hours: Array, line: Array, goal: float) -> float:
    """First time at which a line lies below a goal, straight in log time between the points; infinite if never."""
    below = np.flatnonzero(line < goal)
    if below.size == 0:
        return math.inf
    j = int(below[0])
    if j == 0:
        return float(hours[0])
    left, right = float(line[j - 1]), float(line[j])
    share = (left - goal) / (left - right) if math.isfinite(left) and math.isfinite(right) else 1.0
    return float(hours[j - 1] * (hours[j] / hours[j - 1]) ** share)
