"""What a curve says in one number: peak, half-life, time to a threshold, retention."""

from __future__ import annotations

import math

import numpy as np

from ketameta._render import number
from ketameta._typing import Array
from ketameta.curves import inversion, linearised
from ketameta.curves.decay_profile import METHOD
from ketameta.curves.decay_shapes import ExponentialDecay
from ketameta.curves.draws import Draws, percentiles, simulate
from ketameta.curves.half_lives import decay_half_life
from ketameta.curves.model import CurveFit
from ketameta.curves.readout import ReadOut
from ketameta.curves.shapes import Exponential, LinearShape
from ketameta.curves.tracing import Traced, companions, crossings, falls_below, refine_peak, trace_curve
from ketameta.curves.words import clock
from ketameta.effects.correlation import DAY, WEEK
from ketameta.errors import ModelError

__all__ = ["half_life", "half_life_value", "half_of_peak", "peak", "retention", "time_to"]


def peak(fit: CurveFit, first: float, last: float, level: float, how: str | Draws | None = None) -> ReadOut:
    """When the estimate lies farthest from zero inside the observed times.

    Parameters
    ----------
    fit : CurveFit
        Fitted curve.
    first, last : float
        Observed range in hours.
    level : float
        Level of the interval.
    how : "delta", "profile" or Draws, optional
        Where the interval comes from; simulated curves when not given.

    Returns
    -------
    ReadOut
        Time of the peak; ``effect`` is its height.
    """
    traced = trace_curve(fit, first, last)
    at = refine_peak(fit, traced)
    if traced.top == 0:
        note = "the estimate is largest at the first measured time; the true peak may come earlier"
    elif traced.top == traced.hours.size - 1:
        note = "the estimate is largest at the last measured time; the true peak may come later"
    else:
        note = "time since dosing at which the estimate is largest"
    how = simulate(fit) if how is None else how
    low: float | None
    high: float | None
    if isinstance(how, Draws):
        method = how.method
        low, high = percentiles(traced.hours[companions(fit, traced, how).tops], level)
    elif how == "profile":
        _require_linear(fit)
        method = inversion.METHOD
        low, high = inversion.peak_set(fit, traced)
    elif traced.top in (0, traced.hours.size - 1):
        method, low, high = "", None, None
        note += "; the delta method gives no interval at the edge of the measured times"
    else:
        method = linearised.METHOD
        low, high = np.clip(linearised.peak_interval(fit, at), first, last).tolist()
    return ReadOut(
        name="peak",
        value=at,
        unit="hours",
        ci_low=low,
        ci_high=high,
        level=level,
        status="reached",
        method=method,
        note=note,
        effect=float(fit.value(np.array([at]))[0]),
    )


def half_life(
    fit: CurveFit, first: float, last: float, level: float, how: str | Draws | None = None
) -> ReadOut:
    """Half-life of the effect.

    For the exponential it is a duration. For the others it is the time since dosing at which the estimate has first
    fallen to half of its peak. The interval is by default that of the profile likelihood for shapes that rise and
    fall, and for curves linear in their coefficients, with a random decay, or with moderators of decay, that of
    simulated curves, each held against its own peak.

    Parameters
    ----------
    fit, first, last, level, how
        See :func:`peak`.

    Returns
    -------
    ReadOut
        ``value`` is None where the estimate does not fall to half of its peak inside the observed times.
    """
    of_decay = _of_exponential(fit, last - first, level, how)
    return half_of_peak(fit, first, last, level, how) if of_decay is None else of_decay


def half_of_peak(
    fit: CurveFit, first: float, last: float, level: float, how: str | Draws | None = None
) -> ReadOut:
    """Time since dosing at which the estimate has first fallen to half of its peak; see :func:`half_life`."""
    traced = trace_curve(fit, first, last)
    at_peak, height, value = _half_of_peak(fit, traced)
    note = f"time since dosing at which the estimate has first fallen to half of its peak at {clock(at_peak)}"
    profiled = None
    if fit.profile is not None and how in (None, "profile"):
        profiled = fit.profile.half_of_peak(first, last, value)
    how = simulate(fit) if how is None and profiled is None else how
    open_share, method = None, inversion.METHOD
    low: float | None
    high: float | None
    if profiled is not None:
        method, (low, high) = METHOD, profiled
    elif isinstance(how, Draws):
        method = how.method
        others = companions(fit, traced, how)
        levels = others.heights / 2
        times = crossings(traced.hours, others.lines, others.tops, levels)
        wrong = levels <= 0
        low, high = percentiles(times[~wrong], level) if (~wrong).any() else (first, math.inf)
        open_share = float(np.isinf(times).mean())
        if float(wrong.mean()) > (1 - level) / 2:
            low, high = first, math.inf
            note += "; the effect cannot be told from none, so nothing bounds the time"
    elif how == "profile":
        _require_linear(fit)
        low, high = inversion.half_life_set(fit, traced)
    else:
        method, low, high = linearised.METHOD, None, None
        if value is not None:
            at = fit.shape.gradient(fit.beta, np.array([value, at_peak]))
            low, high = _inside(linearised.crossing_interval(fit, value, at[0] - at[1] / 2), first, last)
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
        method=method,
        note=note,
        effect=height / 2,
        open_share=open_share,
    )


def half_life_value(fit: CurveFit, first: float, last: float) -> float:
    """The half-life in hours without its interval; infinite where it is not reached."""
    if fit.decay is not None:
        return fit.decay.value
    if isinstance(fit.shape, ExponentialDecay):
        return fit.profile.value if fit.profile is not None else math.exp(float(fit.beta[1]))
    value = _half_of_peak(fit, trace_curve(fit, first, last))[2]
    return math.inf if value is None else value


def time_to(
    fit: CurveFit,
    threshold: float,
    first: float,
    last: float,
    level: float,
    how: str | Draws | None = None,
) -> ReadOut:
    """When the estimate, its interval and its prediction interval first fall short of a threshold.

    Parameters
    ----------
    fit, first, last, level, how
        See :func:`peak`.
    threshold : float
        On the scale of the effect, with its sign, such as -0.24.

    Returns
    -------
    ReadOut
        Time since dosing, its interval (0 where a curve never reaches the threshold, infinite where it does not
        fall short inside the observed times; None where hardly any curve reaches the threshold),
        ``bound_hours`` and ``prediction_hours``.
    """
    traced = trace_curve(fit, first, last, sign=math.copysign(1.0, threshold) if threshold else None)
    goal = traced.sign * threshold
    value = None
    if traced.line[traced.top] < goal:
        status = "undefined"
        note = f"the estimate never reaches {number(threshold)} inside the observed times"
    else:
        value = falls_below(fit.value, traced.line, traced, threshold)
        status = "reached" if value is not None else "not reached"
        note = f"time since dosing at which the estimate first falls short of {number(threshold)}"
        if value is None:
            note += f"; it still lies beyond it at {clock(last)}, the last measured time"
    bound = _bound_to(fit, traced, threshold, prediction=False)
    predicted = _bound_to(fit, traced, threshold, prediction=True)
    if bound is None:
        note += "; its interval never lies wholly beyond the threshold"
    if predicted is None:
        note += "; its prediction interval never lies wholly beyond the threshold"
    how = simulate(fit) if how is None else how
    ends: tuple[float, float] | None = None
    open_share, method = None, inversion.METHOD
    if isinstance(how, Draws):
        method = how.method
        others = companions(fit, traced, how)
        times = crossings(traced.hours, others.lines, others.tops, np.full(others.tops.size, goal))
        open_share = float(np.isinf(times).mean())
        found = percentiles(np.where(others.heights < goal, 0.0, times), level)
        ends = None if found[1] == 0 else found
    elif how == "profile":
        _require_linear(fit)
        ends = inversion.threshold_set(fit, traced, goal)
    else:
        method = linearised.METHOD
        if value is not None:
            gradient = fit.shape.gradient(fit.beta, np.array([value]))[0]
            ends = _inside(linearised.crossing_interval(fit, value, gradient), first, last)
    return ReadOut(
        name="time to threshold",
        value=value,
        unit="hours",
        ci_low=None if ends is None else ends[0],
        ci_high=None if ends is None else ends[1],
        level=level,
        status=status,
        method=method,
        note=note,
        effect=float(threshold),
        bound_hours=bound,
        prediction_hours=predicted,
        open_share=open_share,
    )


def retention(fit: CurveFit, level: float, how: str | Draws | None = None) -> ReadOut:
    """Effect at 7 days over effect at 24 hours, by default with Fieller's interval.

    Parameters
    ----------
    fit : CurveFit
        Fitted curve.
    level : float
        Level of the interval.
    how : "delta", "profile" or Draws, optional
        Where the interval comes from; ``"profile"``, Fieller's, when not given.

    Returns
    -------
    ReadOut
        The ratio; Fieller's interval is the whole line where the effect at 24 hours cannot be told from zero.

    Notes
    -----
    Fieller 1954: the ratio ``a / b`` is within the interval when ``(a - ratio b)^2`` does not exceed the
    squared quantile times its variance. For shapes that are not linear in their coefficients the variances are
    those of the delta method.
    """
    hours = np.array([WEEK, DAY])
    a, b = (float(value) for value in fit.value(hours))
    gradient = fit.shape.gradient(fit.beta, hours)
    note = "effect at 7 d divided by effect at 24 h"
    low, high = -math.inf, math.inf
    if isinstance(how, Draws):
        method = how.method
        late, early = fit.shape.value(how.beta, hours).T
        low, high = percentiles(
            np.divide(late, early, out=np.full(late.size, np.inf), where=early != 0), level
        )
    elif how == "delta":
        method = "delta method"
        if b:
            slope = (gradient[0] - a / b * gradient[1]) / b
            reach = fit.quantile * math.sqrt(max(float(slope @ fit.vcov @ slope), 0.0))
            low, high = a / b - reach, a / b + reach
    else:
        method = "Fieller"
        cov = gradient @ fit.vcov @ gradient.T
        q2 = fit.quantile**2
        square = b**2 - q2 * float(cov[1, 1])
        middle = a * b - q2 * float(cov[0, 1])
        constant = a**2 - q2 * float(cov[0, 0])
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
        method=method,
        note=note,
    )


def _of_exponential(fit: CurveFit, span: float, level: float, how: str | Draws | None) -> ReadOut | None:
    exponential = isinstance(fit.shape, Exponential | ExponentialDecay)
    return decay_half_life(fit, span, level, how) if exponential else None


def _half_of_peak(fit: CurveFit, traced: Traced) -> tuple[float, float, float | None]:
    """Time and height of the peak, and when half of it is left."""
    at_peak = refine_peak(fit, traced)
    height = float(fit.value(np.array([at_peak]))[0])
    return at_peak, height, falls_below(fit.value, traced.line, traced, height / 2)


def _bound_to(fit: CurveFit, traced: Traced, threshold: float, *, prediction: bool) -> float | None:
    """When the bound nearer zero falls short: infinite when it does not, None when it never lay beyond."""

    def bound(hours: Array) -> Array:
        variance = fit.se(hours) ** 2 + (fit.between_variance(hours) if prediction else 0.0)
        return np.asarray(fit.value(hours) - traced.sign * fit.quantile * np.sqrt(variance), dtype=np.float64)

    nearer = traced.sign * bound(traced.hours)
    if float(nearer.max()) < traced.sign * threshold:
        return None
    lost = falls_below(bound, nearer, traced, threshold)
    return math.inf if lost is None else lost


def _inside(ends: tuple[float, float], first: float, last: float) -> tuple[float, float]:
    """Ends of an interval of times, open where they leave the observed ones."""
    return max(ends[0], first), math.inf if ends[1] > last else ends[1]


def _require_linear(fit: CurveFit) -> None:
    if not isinstance(fit.shape, LinearShape):
        raise ModelError(
            f"interval='profile' is for curves linear in their coefficients, not for {fit.shape.describe()}; "
            "use interval='delta', 'simulation' or 'bootstrap'."
        )
