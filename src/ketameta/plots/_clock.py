"""The time axis: ticks a clinician thinks in, and how many trials stand behind each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ketameta._typing import ArrayLike

__all__ = ["Tick", "tally", "time_ticks"]

_FIRST = (24, 168, 4, 672, 72, 1, 336, 1344, 2688, 4368, 8736, 17472)
_SECOND = (2 / 3, 12, 48, 2, 120, 240, 504, 8, 1 / 3)
_FEW = 4
_NEAR = math.log(1.2)


@dataclass(frozen=True, slots=True, order=True)
class Tick:
    """A time in hours and its label."""

    hours: float
    label: str


def time_ticks(
    first: float,
    last: float,
    *,
    measured: ArrayLike,
    units: str,
    room: float,
    width: Callable[[str], float],
) -> tuple[Tick, ...]:
    """Ticks between two times on a log axis, none so near that labels would touch.

    Parameters
    ----------
    first, last : float
        Ends of the axis in hours.
    measured : array_like
        Times that were measured; where room is short, ticks near them come first.
    units : {"auto", "hours", "days"}
        Units of the labels.
    room : float
        Length of the axis, in the unit of `width`.
    width : callable
        Width that a label takes, distance to the next included.

    Returns
    -------
    tuple of Tick
        In order of time; 1 h, 4 h, 1 d, 3 d, 7 d, 14 d and 28 d before others, which fill in where
        these are few, or end far from the ends of the axis.

    Examples
    --------
    >>> from ketameta.plots._clock import time_ticks
    >>> ticks = time_ticks(3, 800, measured=[24], units="auto", room=200, width=lambda label: 20)
    >>> [tick.label for tick in ticks]
    ['4 h', '1 d', '3 d', '7 d', '14 d', '28 d']
    """
    span = math.log(last / first)
    times = np.log(np.unique(np.asarray(measured, dtype=float)))

    def far_from_data(hours: float) -> bool:
        return bool(np.abs(times - math.log(hours)).min() > _NEAR)

    chosen: list[Tick] = []
    for hours in (*sorted(_FIRST, key=far_from_data), *_SECOND):
        between = bool(chosen) and min(chosen).hours < hours < max(chosen).hours
        if not first <= hours <= last or (hours in _SECOND and len(chosen) >= _FEW and between):
            continue
        tick = Tick(float(hours), tick_label(float(hours), units))
        if all(
            abs(math.log(hours / other.hours)) / span * room >= (width(tick.label) + width(other.label)) / 2
            for other in chosen
        ):
            chosen.append(tick)
    if not chosen:
        chosen = [Tick(hours, tick_label(hours, units)) for hours in (first, last)]
    return tuple(sorted(chosen))


def tick_label(hours: float, units: str) -> str:
    """A time in words, ``"4 h"``, ``"7 d"``."""
    if units == "hours" or (units == "auto" and 1 <= hours < 24):
        return f"{hours:.3g} h" if hours < 1000 else f"{hours:.0f} h"
    if units == "auto" and hours < 1:
        return f"{60 * hours:.0f} min"
    return f"{hours / 24:.2g} d" if hours < 240 else f"{hours / 24:.0f} d"


def tally(
    hours: ArrayLike, trial: ArrayLike, participants: ArrayLike, ticks: Sequence[Tick]
) -> tuple[tuple[int, float], ...]:
    """Trials and participants at each tick: every effect belongs to the tick that is nearest in log time.

    Parameters
    ----------
    hours, trial, participants : array_like, shape (n,)
        Time, trial and number analysed of each effect; NaN where a number is not known.
    ticks : sequence of Tick, length m

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
    times, sizes, who = np.log(np.asarray(hours, float)), np.asarray(participants, float), np.asarray(trial)
    marks = np.log([tick.hours for tick in ticks])
    nearest = np.abs(times[:, None] - marks[None, :]).argmin(axis=1)
    counts = []
    for position in range(len(ticks)):
        there = nearest == position
        trials = np.unique(who[there])
        largest = [sizes[there & (who == one)] for one in trials]
        total = sum(math.nan if np.isnan(size).all() else float(np.nanmax(size)) for size in largest)
        counts.append((len(trials), float(total)))
    return tuple(counts)
