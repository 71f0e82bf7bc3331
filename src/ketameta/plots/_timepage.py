"""Where the parts of a figure of effect over time stand, in points, before anything is drawn."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ketameta.curves.inputs import TrialTimes, read_rows
from ketameta.errors import FigureError
from ketameta.plots._clock import Tick, tally, time_ticks
from ketameta.plots._scale import Scale, scale_of, window
from ketameta.plots.style import POINTS_PER_MM, text_width, wrap

if TYPE_CHECKING:
    import pandas as pd

    from ketameta.curves import DurabilityCurve

__all__ = ["Page", "TimecourseOptions", "Words", "plan"]

_POINTS = 241
_SMALL = 0.9
_SHAPE = 0.5
_LOWEST_MM = 30.0
_TIME = re.compile(r"(\d) (h|d|min)\b")


@dataclass(frozen=True, slots=True)
class TimecourseOptions:
    """What a figure of effect over time shows, and how large.

    Attributes
    ----------
    width_mm : float
        Width of a new figure in millimetres: 180 fills a page, 85 a column, 254 a slide.
    font_size : float, optional
        Size of the type in points; by default it follows the width.
    units : {"auto", "hours", "days"}
        Units of the time axis; ``"auto"`` takes hours below a day and days from there on.
    limits : tuple of float, optional
        Ends of the effect axis as shown (ratios as ratios).
    trials : bool
        Show dots of trials, and their numbers under the axis.
    prediction : bool
        Show the band in which a new trial's true effect is expected.
    footer : bool
        Show notes, method and provenance.
    """

    width_mm: float = 180.0
    font_size: float | None = None
    units: str = "auto"
    limits: tuple[float, float] | None = None
    trials: bool = True
    prediction: bool = True
    footer: bool = True

    def __post_init__(self) -> None:
        if not 60 <= self.width_mm <= 1000:
            raise FigureError(f"width_mm={self.width_mm!r}: give a width from 60 to 1000 mm.")
        if self.font_size is not None and not 5 <= self.font_size <= 40:
            raise FigureError(f"font_size={self.font_size!r}: give a size from 5 to 40 points.")
        if self.units not in {"auto", "hours", "days"}:
            raise FigureError(f"units={self.units!r}: give 'auto', 'hours' or 'days'.")
        if self.limits is not None and not self.limits[0] < self.limits[1]:
            raise FigureError(f"limits={self.limits!r}: give the lower end first.")


@dataclass(frozen=True, slots=True)
class Words:
    """Title, and who is favoured under and over the null."""

    title: str | None
    sides: tuple[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """Sizes of the parts in points, axes, and the words around them.

    Attributes
    ----------
    size, small : float
        Sizes of type.
    width, left, right, panel_height : float
        Width of the box, what stands left and right of the axes, and the height of the axes.
    title, foot, name : tuple of str
        Printed lines above, under, and along the effect axis.
    sides : tuple of tuple of str
        Printed lines of the two sides.
    counts : tuple of (str, tuple of str)
        Heading and numbers under the ticks.
    low, high : float
        Ends of the effect axis on the model's scale.
    null : float
        Position of the null as a share of the axis.
    first, last : float
        Ends of the time axis in hours.
    line : DataFrame
        The curve on a grid of hours.
    trials : TrialTimes
        Effects of trials.
    """

    scale: Scale
    size: float
    small: float
    width: float
    left: float
    right: float
    panel_height: float
    title: tuple[str, ...]
    name: tuple[str, ...]
    foot: tuple[str, ...]
    sides: tuple[tuple[str, ...], tuple[str, ...]]
    ticks: tuple[Tick, ...]
    effect_ticks: tuple[float, ...]
    counts: tuple[tuple[str, tuple[str, ...]], ...]
    low: float
    high: float
    null: float
    first: float
    last: float
    line: pd.DataFrame
    trials: TrialTimes

    @property
    def legend_columns(self) -> int:
        """Columns of the legend."""
        return 2 if self.width < 54 * self.size else 4

    @property
    def above(self) -> float:
        """Height of title and legend."""
        return _above(self.size, self.width, len(self.title))

    @property
    def full_height(self) -> float:
        """Height of the whole figure."""
        return self.above + self.panel_height + _under(self.size, len(self.counts), len(self.foot))


def _above(size: float, width: float, title_lines: int) -> float:
    return 1.56 * size * title_lines + (3.9 if width < 54 * size else 2.4) * size


def _under(size: float, count_rows: int, foot_lines: int) -> float:
    counts = (1.4 * count_rows + 0.6) * size if count_rows else 0.0
    foot = 1.35 * _SMALL * size * foot_lines + 0.9 * size if foot_lines else 0.0
    return 3.7 * size + counts + foot


def plan(
    curve: DurabilityCurve,
    options: TimecourseOptions,
    words: Words,
    *,
    width: float,
    height: float | None = None,
) -> Page:
    """Lay out a curve in a box of that width, and height if one is given (points)."""
    size = options.font_size or float(np.clip(7.5 * width / (180 * POINTS_PER_MM), 6.0, 14.0))
    scale = scale_of(curve.measure)
    trials, _, _ = read_rows(curve.rows)
    line = _line(curve)
    low, high = _limits(trials, line, scale, options)
    title = tuple(wrap(words.title, width, 1.2 * size, weight="bold", screen=True)) if words.title else ()
    foot = _foot(curve, options, width, _SMALL * size)
    headings = ("Trials", "Participants") if options.trials else ()
    least = _LOWEST_MM * POINTS_PER_MM
    panel_height = max(_SHAPE * (width - 9 * size), least)
    if height is not None:
        panel_height = height - _above(size, width, len(title)) - _under(size, len(headings), len(foot))
    over = _above(size, width, 0)
    low, high, parts = _sides(words, size, low, high, panel_height, over, fixed=options.limits is not None)
    null = min(max(-low / (high - low), 0.0), 1.0)
    effect_ticks = scale.ticks(low, high, max(3, int(panel_height / (3.2 * size))))
    name = tuple(wrap(scale.title, panel_height, size))
    labels = max(text_width(label, size) for label in scale.tick_text(effect_ticks))
    left = max(
        labels + 0.9 * size + 1.35 * size * len(name), *(text_width(x, size) + size for x in headings), 0.0
    )
    right = (1.3 * max(map(len, parts)) + 0.9) * size
    if panel_height < least or width - left - right < 1.3 * least:
        raise FigureError(
            f"The figure of effect over time does not fit in {width / POINTS_PER_MM:.0f} mm x "
            f"{(height or panel_height) / POINTS_PER_MM:.0f} mm: give larger axes, a smaller font_size or no "
            "footer, or leave ax out for a figure of the right size."
        )
    first, last = curve.time_range
    margin = (last / first) ** 0.04
    ticks = time_ticks(
        first / margin,
        last * margin,
        measured=trials.hours,
        units=options.units,
        room=width - left - right,
        width=lambda label: max(text_width(label, size), text_width("0000", size)) + 0.35 * size,
    )
    return Page(
        scale=scale,
        size=size,
        small=_SMALL * size,
        width=width,
        left=left,
        right=right,
        panel_height=panel_height,
        title=title,
        name=name,
        foot=foot,
        sides=parts,
        ticks=ticks,
        effect_ticks=effect_ticks,
        counts=_counts(trials, ticks) if headings else (),
        low=low,
        high=high,
        null=null,
        first=first / margin,
        last=last * margin,
        line=line,
        trials=trials,
    )


def _line(curve: DurabilityCurve) -> pd.DataFrame:
    """The curve on a grid that holds the ends of every gap."""
    first, last = curve.time_range
    grid = np.union1d(np.geomspace(first, last, _POINTS)[1:-1], [first, last, *np.ravel(curve.gaps)])
    return curve.at(hours=grid, extrapolate=False)


def _limits(
    trials: TrialTimes, line: pd.DataFrame, scale: Scale, options: TimecourseOptions
) -> tuple[float, float]:
    """Ends of the effect axis on the model's scale."""
    if options.limits is not None:
        if scale.ratio and options.limits[0] <= 0:
            raise FigureError(f"limits={options.limits!r}: the ends of a ratio axis are above 0.")
        low, high = np.log(options.limits) if scale.ratio else options.limits
        return float(low), float(high)
    names = ["ci_low", "ci_high"] + (["pi_low", "pi_high"] if options.prediction else [])
    bands = line.loc[line["supported"], names].to_numpy(dtype=float)
    points = trials.yi if options.trials else line["estimate"].to_numpy(dtype=float)
    weights = 1 / trials.vi if options.trials else np.ones_like(points)
    reach = np.sqrt(trials.vi).mean() if options.trials else 0.0
    return window(points, points - reach, points + reach, weights=weights, others=bands.ravel())


def _sides(
    words: Words, size: float, low: float, high: float, height: float, over: float, *, fixed: bool
) -> tuple[float, float, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Words along the two sides of the null, and ends of the axis that leave room for them.

    The upper side may reach past the axes, beside the legend. Where the reader has fixed the ends, a
    side without room stays without words.
    """
    gap = "\N{NO-BREAK SPACE}"
    spare = (0.0, over)
    parts: list[tuple[str, ...]] = []
    for i, text in enumerate((f"←{gap}{words.sides[0]}", f"{words.sides[1]}{gap}→")):
        share = min(max((-low, high)[i] / (high - low), 0.0), 1.0)
        room = share * height + spare[i] - 0.5 * size
        longest = max(text_width(word, size) for word in text.split(" "))
        lines = wrap(text, room if room >= text_width(text, size) else longest, size)
        need = (max(text_width(line, size) for line in lines) + 0.5 * size - spare[i]) / height
        if share < need < 1 and not fixed:
            far = need / (1 - need)
            low, high = (-far * high, high) if i == 0 else (low, far * -low)
        parts.append(() if share < need and fixed else tuple(lines))
    return low, high, (parts[0], parts[1])


def _counts(trials: TrialTimes, ticks: tuple[Tick, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Numbers of trials and participants in words, one for each tick."""
    found = tally(trials.hours, trials.trial, trials.people, ticks)
    return (
        ("Trials", tuple(str(k) for k, _ in found)),
        ("Participants", tuple("–" if n != n else f"{n:.0f}" for _, n in found)),
    )


def _foot(curve: DurabilityCurve, options: TimecourseOptions, width: float, size: float) -> tuple[str, ...]:
    """Notes, method and provenance, broken into lines."""
    if not options.footer:
        return ()
    half_life = curve.half_life
    notes = [f"{half_life.sentence().rstrip('.')}: {half_life.note}"]
    notes += curve.notes
    if options.trials:
        notes.append("Numbers are counted under the tick that is nearest to the time of measurement")
    notes.append(curve.method_line())
    sentences = [f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in notes]
    sentences.append(f"{curve.provenance.line()}.")
    held = (_TIME.sub("\\1\N{NO-BREAK SPACE}\\2", note) for note in sentences)
    return tuple(part for note in held for part in wrap(note, width, size, screen=True))
