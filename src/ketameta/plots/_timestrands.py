"""The curves of one figure, each with its name and everything that is drawn of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ketameta._typing import Array, BoolArray
from ketameta.curves import DurabilityCurve, ReadOut, SameTrials
from ketameta.curves.inputs import read_rows
from ketameta.curves.words import clock, clock_interval
from ketameta.errors import FigureError
from ketameta.plots._scale import Scale, scale_of
from ketameta.plots._words import level_text, sides

if TYPE_CHECKING:
    from ketameta.plots._timeoptions import TimecourseOptions

__all__ = [
    "MOST",
    "Dots",
    "Mark",
    "Strand",
    "crossing_words",
    "empty_ranges",
    "grid_of",
    "mark",
    "named_curves",
    "read_strands",
    "said",
    "shared_sides",
]

MOST = 6
_ALL_AND_SAME = ("All trials", "The same trials early and late")
_POINTS = 241
_LASTING = frozenset({"exponential"})
_WHO = ["outcome", "higher_is_worse", "drug", "comparator"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A time read off a curve, in words (empty where there is none), and its point (hours, effect on the model's scale) if drawn."""

    text: str
    point: tuple[float, float] | None


@dataclass(frozen=True, slots=True, eq=False)
class Dots:
    """What trials found: n values of k trials.

    Attributes
    ----------
    trial, arm : numpy.ndarray of int, shape (n,)
        Trial of each value, and its arm: lines join the values of one arm.
    hours, yi, vi, people : numpy.ndarray, shape (n,)
        Time, value, variance (area is proportional to 1 / vi) and participants (NaN where not known).
    """

    trial: np.ndarray
    arm: np.ndarray
    hours: Array
    yi: Array
    vi: Array
    people: Array


@dataclass(frozen=True, slots=True, eq=False)
class Strand:
    """One curve of a figure.

    Attributes
    ----------
    name : str
        Name in the legend; empty for the only curve of a figure.
    scale : Scale
        How its effects are shown.
    level : float
        Level of its intervals.
    time_range, gaps
        First and last measured time in hours, and ranges between that are far from any trial.
    line : DataFrame
        Curve and bands on a grid of hours that holds the ends of every gap.
    trials : Dots
        Effects of trials.
    participants : int
        Participants of all trials, 0 where not known.
    half_life, crossing : Mark
        What is marked on the curve.
    notes : tuple of str
        What the foot says of it: numbers read off, notes, method, provenance.
    limits : tuple of float, optional
        Ends that its effect axis always has, on the model's scale.
    """

    name: str
    scale: Scale
    level: float
    time_range: tuple[float, float]
    gaps: tuple[tuple[float, float], ...]
    line: pd.DataFrame
    trials: Dots
    participants: int
    half_life: Mark
    crossing: Mark
    notes: tuple[str, ...]
    limits: tuple[float, float] | None = None

    @property
    def hours(self) -> Array:
        """Grid of hours."""
        return self.line["time_hours"].to_numpy(dtype=np.float64)

    def shown(self, column: str) -> Array:
        """A column of the line as it stands on the axis."""
        return self.scale.shown(self.line[column].to_numpy(dtype=np.float64))

    def bridged(self, *, ends: bool) -> BoolArray:
        """Which points of the grid lie in a gap, with or without its ends."""
        hours = self.hours
        inside: BoolArray = np.zeros(hours.shape, dtype=np.bool_)
        for low, high in self.gaps:
            inside |= (hours >= low) & (hours <= high) if ends else (hours > low) & (hours < high)
        return inside


def named_curves(
    curves: DurabilityCurve | Sequence[DurabilityCurve] | Mapping[str, DurabilityCurve] | SameTrials,
    labels: Sequence[str] | None = None,
) -> tuple[tuple[str, DurabilityCurve], ...]:
    """Names and curves of a figure; the only curve of a figure needs no name.

    Raises
    ------
    FigureError
        Something is no curve, or names are missing, empty or not distinct; curves are too many, or
        their measures differ.
    """
    if isinstance(curves, SameTrials):
        names, given = _checked(labels or _ALL_AND_SAME, 2), [curves.all, curves.same]
    elif isinstance(curves, Mapping):
        if labels is not None:
            raise FigureError("labels: a mapping names its curves already; leave labels out.")
        names, given = list(curves), list(curves.values())
    elif isinstance(curves, Sequence) and not isinstance(curves, str):
        given = list(curves)
        names = [""] if labels is None and len(given) == 1 else _checked(labels, len(given))
    else:
        given = [curves]
        names = [""] if labels is None else _checked(labels, 1)
    for curve in given:
        if not isinstance(curve, DurabilityCurve):
            raise FigureError(f"timecourse() draws the result of durability(), not {type(curve).__name__}.")
    if not 1 <= len(given) <= MOST:
        raise FigureError(f"timecourse() draws 1 to {MOST} curves in one figure, not {len(given)}.")
    if len(given) > 1:
        names = [name.strip() if isinstance(name, str) else "" for name in names]
        if "" in names or len(set(names)) < len(names):
            raise FigureError(f"labels={names!r}: give every curve a name of its own.")
    measures = sorted({curve.measure for curve in given})
    if len(measures) > 1:
        raise FigureError(
            f"the curves are of different measures ({', '.join(measures)}) and share no axis: draw one figure each."
        )
    return tuple(zip(names, given, strict=True))


def _checked(labels: Sequence[str] | None, count: int) -> list[str]:
    if labels is None or isinstance(labels, str) or len(labels) != count:
        found = "no labels" if labels is None else f"labels={labels!r}"
        raise FigureError(f"{found}: give a list of one name for each of the curves ({count}).")
    return list(labels)


def shared_sides(
    curves: Sequence[tuple[str, DurabilityCurve]], favours: tuple[str, str] | None = None
) -> tuple[str, str]:
    """Who is favoured under and over the null, as far as the rows of all curves agree."""
    rows = [curve.rows.reindex(columns=_WHO).astype(object) for _, curve in curves]
    return sides(pd.concat(rows, ignore_index=True), favours)


def read_strands(
    curves: Sequence[tuple[str, DurabilityCurve]], options: TimecourseOptions
) -> tuple[Strand, ...]:
    """Everything that is drawn of each curve."""
    return tuple(_strand(name, curve, options) for name, curve in curves)


def _strand(name: str, curve: DurabilityCurve, options: TimecourseOptions) -> Strand:
    scale = scale_of(curve.measure)
    trials, _, _ = read_rows(curve.rows)
    half_life = curve.half_life
    found = [said(half_life)]
    crossing = Mark("", None)
    if options.threshold is not None:
        if scale.ratio and options.threshold <= 0:
            raise FigureError(f"threshold={options.threshold!r}: a ratio is above 0.")
        out = curve.time_to(float(scale.logs(options.threshold)))
        crossing = mark(out, out.value_hours, curve.time_range, lambda hours: _height(curve, hours))
        found.append(crossing_words(out, scale, curve.time_range[1], options))
    at = half_life.value_hours
    if at is not None and half_life.effect is None:
        at = curve.time_range[0] + at if curve.curve in _LASTING else None
    return Strand(
        name=name,
        scale=scale,
        level=curve.level,
        time_range=curve.time_range,
        gaps=curve.gaps,
        line=_line(curve, simultaneous=options.simultaneous),
        trials=Dots(trials.trial, trials.trial, trials.hours, trials.yi, trials.vi, trials.people),
        participants=curve.n_participants or 0,
        half_life=mark(half_life, at, curve.time_range, lambda hours: _height(curve, hours)),
        crossing=crossing,
        notes=(*found, *curve.notes, curve.method_line(), curve.provenance.line()),
    )


def said(out: ReadOut) -> str:
    """A number that was read off, and what it is."""
    return f"{out.sentence().rstrip('.')}: {out.note}"


def _height(curve: DurabilityCurve, hours: float) -> float:
    return float(curve.at(hours=[hours])["estimate"].iloc[0])


def grid_of(time_range: tuple[float, float], gaps: Sequence[tuple[float, float]]) -> Array:
    """Hours at which a curve is drawn, even in log time and in time, with the ends of every gap."""
    first, last = time_range
    even = np.union1d(np.geomspace(first, last, _POINTS), np.linspace(first, last, _POINTS))
    return np.union1d(even[(even > first) & (even < last)], [first, last, *np.ravel(gaps)])


def mark(
    out: ReadOut, hours: float | None, time_range: tuple[float, float], height: Callable[[float], float]
) -> Mark:
    """A time that was read off, with its point where the curve is drawn."""
    first, last = time_range
    text = "" if out.value_hours is None else clock(out.value_hours)
    inside = hours is not None and first <= hours <= last
    return Mark(text, (hours, height(hours)) if inside and hours is not None else None)


def _line(curve: DurabilityCurve, *, simultaneous: bool) -> pd.DataFrame:
    hours = grid_of(curve.time_range, curve.gaps)
    line = curve.at(hours=hours)
    if simultaneous:
        band = curve.bands(hours=hours, kind="simultaneous")
        line = line.assign(sim_low=band["low"], sim_high=band["high"])
    return line


def crossing_words(out: ReadOut, scale: Scale, last: float, options: TimecourseOptions) -> str:
    """When estimate and bound fall short of the threshold."""
    line = f"{options.threshold_name} {scale.tick_text([options.threshold or 0.0])[0]}"
    end = clock(last)
    if out.value is None:
        reached = out.status == "not reached"
        text = f"the estimate lies beyond it up to {end}" if reached else "the estimate never reaches it"
    else:
        text = f"the estimate first falls short of it at {clock(out.value)}"
    if out.ci_low is not None and out.ci_high is not None and out.value is not None:
        text += f" ({level_text(out.level)} CI {clock_interval(out.ci_low, out.ci_high)})"
    bound = out.bound_hours
    if bound is None:
        return f"{line}: {text}, and the {level_text(out.level)} CI never lies wholly beyond it"
    if bound == float("inf"):
        return f"{line}: {text}, and the bound of the {level_text(out.level)} CI nearer no effect too"
    return (
        f"{line}: {text}, and the bound of the {level_text(out.level)} CI nearer no effect at {clock(bound)}"
    )


def empty_ranges(strands: Sequence[Strand], first: float, last: float) -> tuple[tuple[float, float], ...]:
    """Ranges of hours between two ends in which no curve is supported by trials."""
    held = []
    for strand in strands:
        begin, end = strand.time_range
        edges = [begin, *(edge for gap in strand.gaps for edge in gap), end]
        held += list(zip(edges[::2], edges[1::2], strict=True))
    empty, reached = [], first
    for low, high in sorted(held):
        if low > reached:
            empty.append((reached, low))
        reached = max(reached, high)
    if last > reached:
        empty.append((reached, last))
    return tuple(empty)
