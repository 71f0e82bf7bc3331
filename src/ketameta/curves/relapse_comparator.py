"""The comparator's time to relapse, from what a report prints: a median, two points of its curve, or a rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Protocol

import numpy as np
from scipy.special import gammainccinv, gammaincinv, ndtr, ndtri

from ketameta._typing import Array
from ketameta.curves.words import clock
from ketameta.errors import ModelError

__all__ = ["Comparator", "from_median", "from_points", "from_rate", "positive"]

_LOG2 = math.log(2)
_PRINTED = float(ndtri(0.975))
_PER_100_YEARS = 100 * 24 * 365.25
_SHAPES = (0.01, 100.0)


class Comparator(Protocol):
    """Log cumulative hazard over time, with its interval."""

    @property
    def last_hours(self) -> float:
        """Time up to which the printed numbers speak."""

    @property
    def shape(self) -> float:
        """Weibull shape; 1 for the exponential."""

    def log_hazard(self, hours: Array, quantile: float) -> tuple[Array, Array, Array]:
        """Log cumulative hazard at m times: value, lower and upper bound."""

    def describe(self) -> str:
        """Where the curve comes from, in words."""

    def notes(self) -> tuple[str, ...]:
        """What a reader must know."""


@dataclass(frozen=True, slots=True)
class _Median:
    """Weibull (exponential with shape 1) through a median that is known within an interval."""

    median: float
    low: float | None
    high: float | None
    shape: float
    source: str

    @property
    def last_hours(self) -> float:
        return self.median

    def log_hazard(self, hours: Array, quantile: float) -> tuple[Array, Array, Array]:
        value = math.log(_LOG2) + self.shape * (np.log(hours) - math.log(self.median))
        wider = self.shape * quantile / _PRINTED
        up = 0.0 if self.low is None else wider * (math.log(self.median) - math.log(self.low))
        down = 0.0 if self.high is None else wider * (math.log(self.high) - math.log(self.median))
        return value, value - down, value + up

    def describe(self) -> str:
        kind = "exponential" if self.shape == 1 else f"Weibull of stated shape {self.shape:g}"
        return f"{kind} through the comparator's {self.source}"

    def notes(self) -> tuple[str, ...]:
        if self.low is None or self.high is None:
            return (
                "the comparator's median has no interval: intervals hold the uncertainty of the HR alone",
            )
        if math.isinf(self.high):
            return ("the comparator's median has no upper limit: nothing bounds late relapse from below",)
        return ()


@dataclass(frozen=True, slots=True)
class _Points:
    """Weibull through two points of a survival curve, on the scale log(-log S) against log time."""

    hours: tuple[float, float]
    level: tuple[float, float]
    cov: tuple[float, float, float]
    known: bool

    @property
    def last_hours(self) -> float:
        return self.hours[1]

    @property
    def shape(self) -> float:
        return (self.level[1] - self.level[0]) / math.log(self.hours[1] / self.hours[0])

    def log_hazard(self, hours: Array, quantile: float) -> tuple[Array, Array, Array]:
        b = (np.log(hours) - math.log(self.hours[0])) / math.log(self.hours[1] / self.hours[0])
        a = 1 - b
        value = a * self.level[0] + b * self.level[1]
        variance = a**2 * self.cov[0] + b**2 * self.cov[1] + 2 * a * b * self.cov[2]
        half = quantile * np.sqrt(np.maximum(variance, 0.0))
        return value, value - half, value + half

    def describe(self) -> str:
        shares = [math.exp(-math.exp(level)) for level in self.level]
        said = " and ".join(
            f"{100 * share:.3g}% at {clock(time)}" for share, time in zip(shares, self.hours, strict=True)
        )
        return f"Weibull (shape {self.shape:.3g}) through two points of the comparator's curve, {said} relapse-free"

    def notes(self) -> tuple[str, ...]:
        if self.known:
            return ()
        return ("the two points have no intervals: intervals hold the uncertainty of the HR alone",)


@dataclass(frozen=True, slots=True)
class _Rate:
    """Exponential from relapses in person-time, with the exact Poisson interval."""

    events: int
    person_hours: float
    last_hours: float

    @property
    def shape(self) -> float:
        return 1.0

    def log_hazard(self, hours: Array, quantile: float) -> tuple[Array, Array, Array]:
        tail = ndtr(-quantile)
        low, high = gammaincinv(self.events, tail), gammainccinv(self.events + 1, tail)
        exposed = np.log(hours) - math.log(self.person_hours)
        return exposed + math.log(self.events), exposed + math.log(low), exposed + math.log(high)

    def describe(self) -> str:
        years = self.person_hours / (_PER_100_YEARS / 100)
        return f"exponential with the comparator's {self.events} relapses in {years:g} person-years"

    def notes(self) -> tuple[str, ...]:
        return ()


def from_median(
    hours: float, interval: Sequence[float | None] | None, shape: float = 1.0, source: str = "median"
) -> Comparator:
    """Comparator's curve from its median.

    Parameters
    ----------
    hours : float
        Median time to relapse.
    interval : pair of float or None, optional
        Printed 95% interval; an upper bound of None or infinity was not reached.
    shape : float
        Weibull shape that is taken for granted, between 0.01 and 100; 1 for the exponential.
    source : str
        What the median is called in words.

    Returns
    -------
    Comparator
        The curve. The interval may lie unevenly about the median on the log scale, and keeps that.

    Raises
    ------
    ModelError
        If the median was not reached (it then fixes no curve), or a number is unusable.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.relapse_comparator import from_median
    >>> curve = from_median(100.0, (50.0, None))
    >>> [np.exp(-np.exp(part)).round(3).tolist() for part in curve.log_hazard(np.array([100.0]), 1.959963984540054)]
    [[0.5], [1.0], [0.25]]
    """
    median = positive("median_hours", hours, open_end="a median that was not reached fixes no curve")
    slope = positive("shape", shape)
    _require_shape(slope)
    if interval is None:
        return _Median(median, None, None, slope, f"{source} of {clock(median)} (no interval)")
    try:
        low, high = interval
    except (TypeError, ValueError):
        raise ModelError(
            f"median_ci={interval!r} must be two bounds in hours, such as (2328, None)."
        ) from None
    bottom = positive("median_ci", low)
    top = math.inf if high is None or high == math.inf else positive("median_ci", high)
    if not bottom <= median <= top:
        raise ModelError(f"median_ci={interval!r} must hold the median, {median:g} h.")
    return _Median(
        median, bottom, top, slope, f"{source} of {clock(median)} (95% CI {clock(bottom)} to {clock(top)})"
    )


def from_points(points: Sequence[Sequence[float]]) -> Comparator:
    """Comparator's Weibull from two points of its relapse-free curve.

    Parameters
    ----------
    points : two of (hours, share) or (hours, share, low, high)
        Times, shares still free of relapse, and their printed 95% intervals.

    Returns
    -------
    Comparator
        The curve. Standard errors are those of the intervals on the scale log(-log S); the covariance of two points
        of a Kaplan-Meier curve is that of Greenwood: ``log S`` has independent increments.

    Raises
    ------
    ModelError
        If the points do not fall with time, imply a shape beyond 0.01 to 100, or their intervals contradict
        independent increments.

    Examples
    --------
    >>> from ketameta.curves.relapse_comparator import from_points
    >>> round(from_points([(1000, 0.8), (2000, 0.64)]).shape, 6)
    1.0
    """
    try:
        rows = sorted(tuple(float(cell) for cell in point) for point in points)
    except (TypeError, ValueError, OverflowError):
        rows = []
    if len(rows) != 2 or {len(row) for row in rows} not in ({2}, {4}):
        raise ModelError(
            f"points={points!r} must be two of (hours, share relapse-free), or of (hours, share, low, high)."
        )
    (t1, s1, *ci1), (t2, s2, *ci2) = rows
    if not (0 < t1 < t2 < math.inf and 1 > s1 > s2 > 0):
        raise ModelError(
            f"points={points!r}: times must be above zero and differ, and the share relapse-free, between 0 and 1, "
            "must fall from the first to the second; otherwise no Weibull passes through them."
        )
    z = [math.log(-math.log(share)) for share in (s1, s2)]
    _require_shape((z[1] - z[0]) / math.log(t2 / t1))
    if not ci1:
        return _Points((t1, t2), (z[0], z[1]), (0.0, 0.0, 0.0), False)
    variances = []
    for share, (low, high) in ((s1, ci1), (s2, ci2)):
        if not 0 < low <= share <= high < 1:
            raise ModelError(f"points={points!r}: an interval must hold its share and lie between 0 and 1.")
        variances.append(((math.log(-math.log(low)) - math.log(-math.log(high))) / (2 * _PRINTED)) ** 2)
    covariance = variances[0] * math.log(s1) / math.log(s2)
    if covariance**2 > variances[0] * variances[1]:
        raise ModelError(
            f"points={points!r}: the interval of the later point is too narrow beside that of the earlier one for a "
            "Kaplan-Meier curve; check the bounds."
        )
    return _Points((t1, t2), (z[0], z[1]), (variances[0], variances[1], covariance), True)


def from_rate(events: int, person_years: float, followup_hours: float) -> Comparator:
    """Comparator's exponential from its relapses and person-time.

    Raises
    ------
    ModelError
        If there is no relapse, or a number is unusable.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.relapse_comparator import from_rate
    >>> value = from_rate(20, 40.0, 8766.0).log_hazard(np.array([8766.0]), 1.96)[0]
    >>> round(float(np.exp(value)[0]), 6)
    0.5
    """
    if isinstance(events, bool) or not isinstance(events, Real) or events % 1 != 0 or events < 0:
        raise ModelError(f"events={events!r} must be a whole number of relapses.")
    if events == 0:
        raise ModelError("no relapse on the comparator: its rate is zero and a hazard ratio acts on nothing.")
    years = positive("person_years", person_years)
    count = int(positive("events", events))
    return _Rate(count, years * _PER_100_YEARS / 100, positive("followup_hours", followup_hours))


def positive(name: str, value: object, open_end: str = "") -> float:
    """A finite number above zero.

    Raises
    ------
    ModelError
        If it is none.
    """
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not 0 < number < math.inf:
        more = f"; {open_end}" if open_end else ""
        raise ModelError(f"{name}: {value!r} must be a finite number above zero{more}.")
    return number


def _require_shape(shape: float) -> None:
    if not _SHAPES[0] <= shape <= _SHAPES[1]:
        raise ModelError(
            f"a Weibull shape of {shape:.3g} lies outside {_SHAPES[0]:g} to {_SHAPES[1]:g}: no time to relapse is "
            "spread like that. Check times and shares for slips of the pen."
        )
