"""The time axis: ticks a clinician thinks in, and how many trials stand behind each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array, ArrayLike

__all__ = ["Tick", "TimeScale", "tally", "time_scale", "time_ticks"]

_FIRST = (24, 168, 4, 672, 72, 1, 336, 1344, 2688, 4368, 8736, 17472)
_SECOND = (2 / 3, 12, 48, 2, 120, 240, 504, 8, 1 / 3)
_STEPS = (1 / 6, 0.5, 1, 2, 4, 6, 12, 24, 48, 72, 168, 336, 672, 1344, 2184, 4368, 8736, 17472, 43680, 87360)
_FEW = 4
_NEAR = math.log(1.2)
_MINUTES, _WEEK, _WEEKS = 2.0, 168.0, 1344.0


@dataclass(frozen=True, slots=True, order=True)
class Tick:
    """A time in hours and its label."""

    hours: float
    label: str


@dataclass(frozen=True, slots=True)
class TimeScale:
    """A time axis between two times in hours, logarithmic or linear.

    Examples
    --------
    >>> from ketameta.plots._clock import TimeScale
    >>> TimeScale(1, 100).share([1, 10]).tolist(), TimeScale(0, 100, linear=True).share([10]).tolist()
    ([0.0, 0.5], [0.1])
    """

    first: float
    last: float
    linear: bool = False

    def share(self, hours: ArrayLike) -> Array:
        """Place of times on the axis, 0 at its first and 1 at its last end."""
        ends, times = np.array([self.first, self.last]), np.asarray(hours, dtype=np.float64)
        if not self.linear:
            ends, times = np.log(ends), np.log(times)
        return np.asarray((times - ends[0]) / (ends[1] - ends[0]), dtype=np.float64)


def time_scale(first: float, last: float, *, linear: bool) -> TimeScale:
    """Axis that holds all measured times with a margin; a linear one starts at dosing where that is near.

    Examples
    --------
    >>> from ketameta.plots._clock import time_scale
    >>> time_scale(2, 100, linear=True)
    TimeScale(first=0.0, last=104.0, linear=True)
    """
    if linear:
        begin = 0.0 if first < last / 3 else max(first - 0.04 * (last - first), 0.0)
        return TimeScale(begin, last + 0.04 * (last - begin), linear=True)
    margin = (last / first) ** 0.04
    return TimeScale(first / margin, last * margin)


def time_ticks(
    axis: TimeScale,
    *,
    measured: ArrayLike,
    units: str,
    room: float,
    width: Callable[[str], float],
) -> tuple[Tick, ...]:
    """Ticks of a time axis, none so near that labels would touch.

    Parameters
    ----------
    axis : TimeScale
        The axis.
    measured : array_like
        Times that were measured; where room is short on a logarithmic axis, ticks near them come first.
    units : {"auto", "hours", "days", "weeks"}
        Units of the labels.
    room : float
        Length of the axis, in the unit of `width`.
    width : callable
        Width that a label takes, distance to the next included.

    Returns
    -------
    tuple of Tick
        In order of time. On a logarithmic axis 1 h, 4 h, 1 d, 3 d, 7 d, 14 d and 28 d before others, which
        fill in where these are few, or end far from the ends of the axis; on a linear axis even steps.

    Examples
    --------
    >>> from ketameta.plots._clock import TimeScale, time_ticks
    >>> look = {"measured": [24], "units": "auto", "room": 200, "width": lambda label: 20}
    >>> [tick.label for tick in time_ticks(TimeScale(3, 800), **look)]
    ['4 h', '1 d', '3 d', '7 d', '14 d', '28 d']
    >>> [tick.label for tick in time_ticks(TimeScale(0, 800, linear=True), **look)]
    ['0', '7 d', '14 d', '21 d', '28 d']
    """
    found = (
        _even_ticks(axis, units, room, width)
        if axis.linear
        else _log_ticks(axis, measured, units, room, width)
    )
    if len(found) >= 2:
        return found
    times = np.asarray(measured, dtype=float)
    ends = (times.min(), times.max()) if times.min() < times.max() else (axis.first, axis.last)
    outer = tuple(Tick(float(hours), tick_label(float(hours), units)) for hours in ends)
    every = tuple(sorted((outer[0], *found, outer[1])))
    return every if _apart(axis, every, room, width) else outer


def _log_ticks(
    axis: TimeScale, measured: ArrayLike, units: str, room: float, width: Callable[[str], float]
) -> tuple[Tick, ...]:
    times = np.log(np.unique(np.asarray(measured, dtype=float)))

    def far_from_data(hours: float) -> bool:
        return bool(np.abs(times - math.log(hours)).min() > _NEAR)

    chosen: list[Tick] = []
    for hours in (*sorted(_FIRST, key=far_from_data), *_SECOND):
        between = bool(chosen) and min(chosen).hours < hours < max(chosen).hours
        if not axis.first <= hours <= axis.last or (hours in _SECOND and len(chosen) >= _FEW and between):
            continue
        tick = Tick(float(hours), tick_label(float(hours), units))
        if _apart(axis, tuple(sorted((*chosen, tick))), room, width):
            chosen.append(tick)
    return tuple(sorted(chosen))


def _even_ticks(axis: TimeScale, units: str, room: float, width: Callable[[str], float]) -> tuple[Tick, ...]:
    """Ticks at the smallest even step at which labels have room."""
    whole = {"weeks": _WEEK, "days": 24.0}.get(units, 0.0)
    for step in _STEPS:
        if step < whole and axis.last > 3 * whole:
            continue
        if (axis.last - axis.first) / step > room:
            continue
        least = "minutes" if step < 1 and axis.last <= _MINUTES else "hours" if step < 24 else "days"
        if axis.last >= _WEEKS and step >= _WEEK:
            least = "weeks"
        places = [i * step for i in range(math.ceil(axis.first / step), math.floor(axis.last / step) + 1)]
        ticks = tuple(
            Tick(x, _in_unit(x, least) if units == "auto" else tick_label(x, units)) for x in places
        )
        if _apart(axis, ticks, room, width):
            return ticks
    return ()


def _apart(axis: TimeScale, ticks: Sequence[Tick], room: float, width: Callable[[str], float]) -> bool:
    """Whether the labels of ticks in order of time do not touch."""
    places = axis.share([tick.hours for tick in ticks]) * room
    half = np.array([width(tick.label) for tick in ticks]) / 2
    return bool(np.all(np.diff(places) >= half[1:] + half[:-1]))


def tick_label(hours: float, units: str) -> str:
    """A time in words, ``"4 h"``, ``"7 d"``."""
    if units == "auto":
        units = "minutes" if hours < 1 else "hours" if hours < 24 else "days" if hours < _WEEKS else "weeks"
    elif units == "weeks" and hours < _WEEK:
        units = "minutes" if hours < 1 else "hours" if hours < 24 else "days"
    return _in_unit(hours, units)


def _in_unit(hours: float, unit: str) -> str:
    if hours == 0:
        return "0"
    if unit == "minutes":
        return f"{60 * hours:.0f} min"
    value, short = {"hours": (hours, "h"), "days": (hours / 24, "d"), "weeks": (hours / _WEEK, "wk")}[unit]
    return f"{value:.0f} {short}" if value >= 100 else f"{value:.3g} {short}"


def tally(
    hours: ArrayLike,
    trial: ArrayLike,
    participants: ArrayLike,
    ticks: Sequence[Tick],
    *,
    linear: bool = False,
) -> tuple[tuple[int, float], ...]:
    """Trials and participants at each tick: every effect belongs to the tick that is nearest on the axis.

    Parameters
    ----------
    hours, trial, participants : array_like, shape (n,)
        Time, trial and number analysed of each effect; NaN where a number is not known.
    ticks : sequence of Tick, length m
        Ticks of the axis.
    linear : bool
        Whether the axis is linear, rather than logarithmic.

    Returns
    -------
    tuple of (int, float), length m
        Number of distinct trials, and the sum of each trial's largest number; NaN where one is not known.

    Examples
    --------
    >>> from ketameta.plots._clock import Tick, tally
    >>> tally([4, 24, 30, 24], [0, 0, 0, 1], [20, 18, 16, 50], [Tick(4, "4 h"), Tick(24, "1 d")])
    ((1, 20.0), (2, 68.0))
    """
    sizes, who = np.asarray(participants, float), np.asarray(trial)
    marks, times = np.array([tick.hours for tick in ticks]), np.asarray(hours, float)
    if not linear:
        marks, times = np.log(marks), np.log(times)
    nearest = np.abs(times[:, None] - marks[None, :]).argmin(axis=1)
    counts = []
    for position in range(len(ticks)):
        there = nearest == position
        trials = np.unique(who[there])
        largest = [sizes[there & (who == one)] for one in trials]
        total = sum(math.nan if np.isnan(size).all() else float(np.nanmax(size)) for size in largest)
        counts.append((len(trials), float(total)))
    return tuple(counts)
