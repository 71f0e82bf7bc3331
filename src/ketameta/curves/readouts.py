"""What a curve says in one number: peak, half-life, time to a threshold, retention."""

from __future__ import annotations

import math

import numpy as np

from ketameta._render import number
from ketameta._typing import Array, Rng
from ketameta.curves.decay import Decay
from ketameta.curves.model import CurveFit
from ketameta.curves.readout import ReadOut
from ketameta.curves.tracing import crossings, falls_below, percentiles, refine_peak, simulated, trace_curve
from ketameta.curves.words import clock
from ketameta.effects.correlation import DAY, WEEK

__all__ = ["SEED", "half_life", "peak", "retention", "time_to"]

SEED = 1


def peak(fit: CurveFit, first: float, last: float, level: float, rng: Rng = SEED) -> ReadOut:
    """When the estimate lies farthest from zero inside the observed times.

    Parameters
    ----------
    fit : CurveFit
        Fitted curve.
    first, last : float
        Observed range in hours.
    level : float
        Level of the interval, from percentiles of simulated curves.
    rng : Generator, int or None
        Source of the simulated coefficients.

    Returns
    -------
    ReadOut
        Time of the peak; ``effect`` is its height.
    """
    traced = trace_curve(fit, first, last, rng)
    at = refine_peak(fit, traced)
    low, high = percentiles(traced.hours[traced.tops], level)
    if traced.top == 0:
        note = "the estimate is largest at the first measured time; the true peak may come earlier"
    elif traced.top == traced.hours.size - 1:
        note = "the estimate is largest at the last measured time; the true peak may come later"
    else:
        note = "time since dosing at which the estimate is largest"
    return ReadOut(
        name="peak",
        value=at,
        unit="hours",
        ci_low=low,
        ci_high=high,
        level=level,
        status="reached",
        method=simulated(fit),
        note=note,
        effect=float(fit.value(np.array([at]))[0]),
    )


def half_life(fit: CurveFit, first: float, last: float, level: float, rng: Rng = SEED) -> ReadOut:
    """Half-life of the effect.

    For the exponential it is ``ln 2 / rate``, a duration, with its profile-likelihood interval. For the
    spline it is the time since dosing at which the estimate has first fallen to half of its peak, with an
    interval from simulated curves, each held against its own peak.

    Parameters
    ----------
    fit, first, last, level, rng
        See :func:`peak`.

    Returns
    -------
    ReadOut
        ``value`` is None where the estimate does not fall to half of its peak inside the observed times.
    """
    if fit.decay is not None:
        return _exponential_half_life(fit.decay, last - first, level)
    traced = trace_curve(fit, first, last, rng)
    at_peak = refine_peak(fit, traced)
    height = float(fit.value(np.array([at_peak]))[0])
    value = falls_below(fit.value, traced.line, traced, height / 2)
    levels = 0.5 * np.take_along_axis(traced.draws, traced.tops[:, None], axis=1)[:, 0]
    times = crossings(traced.hours, traced.draws, traced.tops, levels)
    wrong = levels <= 0
    low, high = percentiles(times[~wrong], level) if (~wrong).any() else (first, math.inf)
    note = f"time since dosing at which the estimate has first fallen to half of its peak at {clock(at_peak)}"
    if float(wrong.mean()) > (1 - level) / 2:
        low, high = first, math.inf
        note += "; the effect cannot be told from none, so nothing bounds the time"
    if value is None:
        note += f"; not reached by {clock(last)}, the last measured time"
    return ReadOut(
        name="half-life",
        value=value,
        unit="hours",
        ci_low=low,
        ci_high=high,
        level=level,
        status="reached" if value is not None else "not reached",
        method=simulated(fit),
        note=note,
        effect=height / 2,
        open_share=float(np.isinf(times).mean()),
    )


def time_to(
    fit: CurveFit, threshold: float, first: float, last: float, level: float, rng: Rng = SEED
) -> ReadOut:
    """When the estimate first falls short of a threshold after its peak.

    Parameters
    ----------
    fit, first, last, level, rng
        See :func:`peak`.
    threshold : float
        On the scale of the effect, with its sign, such as -0.24.

    Returns
    -------
    ReadOut
        Time since dosing, its interval from simulated curves (0 where a curve never reaches the threshold,
        infinite where it does not fall short inside the observed times; None where hardly any curve
        reaches the threshold), and ``bound_hours``.
    """
    traced = trace_curve(fit, first, last, rng, sign=math.copysign(1.0, threshold) if threshold else None)
    goal = traced.sign * threshold
    method, reach = simulated(fit), clock(last)
    times = crossings(traced.hours, traced.draws, traced.tops, np.full(len(traced.draws), goal))
    never = np.take_along_axis(traced.draws, traced.tops[:, None], axis=1)[:, 0] < goal
    low, high = percentiles(np.where(never, 0.0, times), level)

    def bound(hours: Array) -> Array:
        return fit.value(hours) - traced.sign * fit.quantile * fit.se(hours)

    nowhere = high == 0
    nearer = traced.sign * bound(traced.hours)
    shown = float(nearer.max()) >= goal
    lost = falls_below(bound, nearer, traced, threshold) if shown else None
    value = None
    if traced.line[traced.top] < goal:
        status = "undefined"
        note = f"the estimate never reaches {number(threshold)} inside the observed times"
    else:
        value = falls_below(fit.value, traced.line, traced, threshold)
        status = "reached" if value is not None else "not reached"
        note = f"time since dosing at which the estimate first falls short of {number(threshold)}"
        if value is None:
            note += f"; it still lies beyond it at {reach}, the last measured time"
    if not shown:
        note += "; its interval never lies wholly beyond the threshold"
    return ReadOut(
        name="time to threshold",
        value=value,
        unit="hours",
        ci_low=None if nowhere else low,
        ci_high=None if nowhere else high,
        level=level,
        status=status,
        method=method,
        note=note,
        effect=float(threshold),
        bound_hours=(math.inf if lost is None else lost) if shown else None,
        open_share=float(np.isinf(times).mean()),
    )


def retention(fit: CurveFit, level: float) -> ReadOut:
    """Effect at 7 days over effect at 24 hours, with Fieller's interval.

    Parameters
    ----------
    fit : CurveFit
        Fitted curve.
    level : float
        Level of the interval.

    Returns
    -------
    ReadOut
        The ratio; the interval is the whole line where the effect at 24 hours cannot be told from zero.

    Notes
    -----
    Fieller 1954: the ratio ``a / b`` is within the interval when ``(a - ratio b)^2`` does not exceed the
    squared quantile times its variance. For the exponential the variances are those of the delta method.
    """
    hours = np.array([WEEK, DAY])
    a, b = (float(value) for value in fit.value(hours))
    gradient = fit.shape.gradient(fit.beta, hours)
    cov = gradient @ fit.vcov @ gradient.T
    q2 = fit.quantile**2
    square = b**2 - q2 * float(cov[1, 1])
    middle = a * b - q2 * float(cov[0, 1])
    constant = a**2 - q2 * float(cov[0, 0])
    low, high = -math.inf, math.inf
    note = "effect at 7 d divided by effect at 24 h"
    if square > 0:
        half = math.sqrt(max(middle**2 - square * constant, 0.0))
        low, high = (middle - half) / square, (middle + half) / square
    else:
        note += "; the effect at 24 h cannot be told from zero, so nothing bounds the ratio"
    return ReadOut(
        name="retention",
        value=a / b if b else None,
        unit="ratio",
        ci_low=low,
        ci_high=high,
        level=level,
        status="reached" if b else "undefined",
        method="Fieller",
        note=note,
    )


def _exponential_half_life(decay: Decay, span: float, level: float) -> ReadOut:
    note = "ln 2 divided by the decay rate"
    if decay.at_zero:
        note += "; no decay can be told from the data"
    elif decay.at_limit:
        note += "; all decay lies between the first two measured times, which bound it from above only"
    elif math.log(2) / decay.rate > span:
        note += f"; longer than the {clock(span)} that were observed, so an extrapolation"
    return ReadOut(
        name="half-life",
        value=None if decay.at_zero else math.log(2) / decay.rate,
        unit="hours",
        ci_low=0.0 if math.isinf(decay.rate_high) else _duration(decay.rate_high),
        ci_high=_duration(decay.rate_low),
        level=level,
        status="not reached" if decay.at_zero else "reached",
        method="profile likelihood (chi-squared, 1 df)",
        note=note,
    )


def _duration(rate: float) -> float:
    return math.inf if rate == 0 else math.log(2) / rate
