"""Where the parts of a figure of effect over time stand, in points, before anything is drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ketameta.errors import FigureError
from ketameta.plots._clock import Tick, TimeScale, tally, time_scale, time_ticks
from ketameta.plots._legend import Legend, plan_legend
from ketameta.plots._scale import Scale, window
from ketameta.plots._timelegend import Entry, entries
from ketameta.plots._timeoptions import TimecourseOptions, Words
from ketameta.plots._timestrands import Strand, empty_ranges
from ketameta.plots.style import POINTS_PER_MM, text_width, title_lines, wrap

__all__ = ["Counts", "Page", "plan"]

_SMALL = 0.9
_SHAPE = 0.5
_LOWEST_MM, _USUAL_MM = 30.0, 44.0
_SIDES = 3.5
_SLIVER = 0.02
_SMALLEST_TYPE = 4.9
_TIME = re.compile(r"(\d) (h|d|min|wk)\b")


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of one curve under the ticks, under the lines of its name."""

    name: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """Sizes of the parts in points, axes, and the words around them.

    Attributes
    ----------
    strands : tuple of Strand
        Curves.
    size, small : float
        Sizes of type.
    width, left, right, panel_height : float
        Width of the box, what stands left and right of the axes, and the height of the axes.
    heading : float
        Distance of the headings of numbers from the axes.
    title, foot, name : tuple of str
        Printed lines above, under, and along the effect axis.
    entries, legend : tuple of Entry, Legend
        Legend above the axes.
    sides : tuple of tuple of str
        Printed lines of the two sides.
    axis, ticks, effect_ticks
        The time axis, and ticks of both axes.
    counts : tuple of Counts
        Numbers under the ticks.
    low, high : float
        Ends of the effect axis on the model's scale.
    null : float
        Position of the null as a share of the axis.
    empty : tuple of (float, float)
        Ranges of hours without trials.
    dots, prediction : bool
        Whether effects of trials, and prediction bands, are drawn.
    """

    strands: tuple[Strand, ...]
    size: float
    small: float
    width: float
    left: float
    right: float
    heading: float
    panel_height: float
    title: tuple[str, ...]
    name: tuple[str, ...]
    foot: tuple[str, ...]
    entries: tuple[Entry, ...]
    legend: Legend
    sides: tuple[tuple[str, ...], tuple[str, ...]]
    axis: TimeScale
    ticks: tuple[Tick, ...]
    effect_ticks: tuple[float, ...]
    counts: tuple[Counts, ...]
    low: float
    high: float
    null: float
    empty: tuple[tuple[float, float], ...]
    dots: bool
    prediction: bool

    @property
    def scale(self) -> Scale:
        """How effects are shown."""
        return self.strands[0].scale

    @property
    def panel_width(self) -> float:
        """Width of the axes."""
        return self.width - self.left - self.right

    @property
    def above(self) -> float:
        """Height of title and legend."""
        return _above(self.size, len(self.title), self.legend)

    @property
    def full_height(self) -> float:
        """Height of the whole figure."""
        lines = [len(part.name) for part in self.counts]
        return self.above + self.panel_height + _under(self.size, lines, len(self.foot))


def _above(size: float, title_lines: int, legend: Legend) -> float:
    return 1.56 * size * title_lines + legend.height + 1.1 * size


def _under(size: float, count_lines: Sequence[int], foot_lines: int) -> float:
    """Height under the axes: name of the axis, numbers with the names of curves, foot."""
    counts = sum(1.4 * (2 + lines) * size + (0.5 * size if lines else 0) for lines in count_lines)
    foot = 1.35 * _SMALL * size * foot_lines + 0.9 * size if foot_lines else 0.0
    return 3.7 * size + counts + (0.6 * size if counts else 0.0) + foot


def plan(
    strands: tuple[Strand, ...],
    options: TimecourseOptions,
    words: Words,
    *,
    width: float,
    height: float | None = None,
) -> Page:
    """Lay out curves in a box of that width, and height if one is given (points).

    Where the height is given, the type is made smaller until there is room.

    Raises
    ------
    FigureError
        There is too little room even so.
    """
    usual = options.font_size or float(np.clip(7.5 * width / (180 * POINTS_PER_MM), 6.0, 14.0))
    smaller = () if options.font_size or height is None else np.arange(usual - 0.5, _SMALLEST_TYPE, -0.5)
    for size in (usual, *smaller):
        page = _page(strands, options, words, size=float(size), width=width, height=height)
        if min(page.panel_height, page.panel_width / 1.3) >= _LOWEST_MM * POINTS_PER_MM:
            return page
    raise FigureError(
        f"The figure of effect over time does not fit in {width / POINTS_PER_MM:.0f} mm x "
        f"{(height or page.full_height) / POINTS_PER_MM:.0f} mm: give larger axes, a smaller font_size or no "
        "footer, or leave ax out for a figure of the right size."
    )


def _page(
    strands: tuple[Strand, ...],
    options: TimecourseOptions,
    words: Words,
    *,
    size: float,
    width: float,
    height: float | None,
) -> Page:
    """The layout in type of that size, whether or not it leaves room for the axes."""
    scale = strands[0].scale
    linear = options.scale == "linear"
    prediction = len(strands) == 1 if options.prediction is None else options.prediction
    ends = [strand.time_range for strand in strands]
    first, last = min(x for x, _ in ends), max(x for _, x in ends)
    axis = time_scale(first, last, linear=linear)
    empty = empty_ranges(strands, first, last)
    if axis.share([first]) > 2 * _SLIVER and axis.linear and axis.first == 0:
        empty = ((0.0, first), *empty)
    shown = entries(strands, options, prediction=prediction, empty=bool(empty))
    legend = plan_legend([entry.text for entry in shown], width - _SIDES * size, size)
    title = title_lines(words.title, width, size)
    foot = _foot(strands, options, width, _SMALL * size)
    names = [tuple(wrap(x.name, width - 3.2 * size, size, screen=True)) if x.name else () for x in strands]
    lines = [len(name) for name in names] if options.numbers else []
    panel_height = max(_SHAPE * (width - 9 * size), _USUAL_MM * POINTS_PER_MM)
    if height is not None:
        panel_height = height - _above(size, len(title), legend) - _under(size, lines, len(foot))
    panel_height = max(panel_height, 2 * size)
    low, high = _limits(strands, options, prediction=prediction)
    low, high, parts = _sides(
        words, size, low, high, panel_height, legend.height, fixed=options.limits is not None
    )
    null = min(max(-low / (high - low), 0.0), 1.0)
    effect_ticks = scale.ticks(low, high, max(3, int(panel_height / (3.2 * size))))
    name = tuple(wrap(scale.title.replace("' ", "'\N{NO-BREAK SPACE}"), panel_height, size))
    labels = max(text_width(label, size) for label in scale.tick_text(effect_ticks))
    widest = max(text_width(_digits(strand), size) for strand in strands) if options.numbers else 0.0
    heading = max(0.7 * size, widest / 2 + 0.5 * size)
    headings = ("Trials", "Participants") if options.numbers else ()
    left = max(
        labels + 0.9 * size + 1.35 * size * len(name),
        *(text_width(text, size, screen=True) + heading for text in headings),
        0.0,
    )
    right = max((1.3 * max(map(len, parts)) + 0.9) * size, widest / 2 + 0.2 * size, 1.6 * size)
    ticks = time_ticks(
        axis,
        measured=np.concatenate([strand.trials.hours for strand in strands]),
        units=options.units,
        room=max(width - left - right, size),
        width=lambda label: max(text_width(label, size) + 0.35 * size, widest + 0.5 * size),
    )
    return Page(
        strands=strands,
        size=size,
        small=_SMALL * size,
        width=width,
        left=left,
        right=right,
        heading=heading,
        panel_height=panel_height,
        title=title,
        name=name,
        foot=foot,
        entries=shown,
        legend=legend,
        sides=parts,
        axis=axis,
        ticks=ticks,
        effect_ticks=effect_ticks,
        counts=tuple(
            Counts(lines_, _counts(strand, ticks, linear=linear))
            for lines_, strand in zip(names, strands, strict=True)
        )
        if options.numbers
        else (),
        low=low,
        high=high,
        null=null,
        empty=empty,
        dots=options.trials,
        prediction=prediction,
    )


def _digits(strand: Strand) -> str:
    """The widest number that can stand under a tick."""
    return "0" * max(len(str(strand.participants)), len(str(np.unique(strand.trials.trial).size)))


def _limits(
    strands: Sequence[Strand], options: TimecourseOptions, *, prediction: bool
) -> tuple[float, float]:
    """Ends of the effect axis on the model's scale."""
    scale = strands[0].scale
    if options.limits is not None:
        if scale.ratio and options.limits[0] <= 0:
            raise FigureError(f"limits={options.limits!r}: the ends of a ratio axis are above 0.")
        low, high = np.log(options.limits) if scale.ratio else options.limits
        return float(low), float(high)
    if strands[0].limits is not None:
        return strands[0].limits
    kinds = ["ci", *(["sim"] if options.simultaneous else []), *(["pi"] if prediction else [])]
    names = [f"{kind}_{end}" for kind in kinds for end in ("low", "high")]
    others = [
        strand.line.loc[strand.line["supported"], names].to_numpy(dtype=float).ravel() for strand in strands
    ]
    if options.trials:
        points = np.concatenate([strand.trials.yi for strand in strands])
        spread = np.concatenate([strand.trials.vi for strand in strands])
        weights, reach = 1 / spread, float(np.median(np.sqrt(spread)))
    else:
        points = np.concatenate([strand.line["estimate"].to_numpy(dtype=float) for strand in strands])
        weights, reach = np.ones_like(points), 0.0
    low, high = window(points, points - reach, points + reach, weights=weights, others=np.concatenate(others))
    if options.threshold is None:
        return low, high
    line, margin = float(scale.logs(options.threshold)), 0.05 * (high - low)
    return min(low, line - margin), max(high, line + margin)


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
        if not words.sides[i]:
            parts.append(())
            continue
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


def _counts(
    strand: Strand, ticks: tuple[Tick, ...], *, linear: bool
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Numbers of trials and participants in words, one for each tick."""
    trials = strand.trials
    found = tally(trials.hours, trials.trial, trials.people, ticks, linear=linear)
    return (
        ("Trials", tuple(str(k) for k, _ in found)),
        ("Participants", tuple("–" if n != n else f"{n:.0f}" for _, n in found)),
    )


def _foot(
    strands: Sequence[Strand], options: TimecourseOptions, width: float, size: float
) -> tuple[str, ...]:
    """Notes, method and provenance, broken into lines; what holds of one curve only begins with its name."""
    if not options.footer:
        return ()
    shared = {note for note in strands[0].notes if all(note in strand.notes for strand in strands[1:])}
    if len(strands) == 1:
        sentences = [*map(_sentence, strands[0].notes)]
    else:
        own = [[_sentence(note) for note in strand.notes if note not in shared] for strand in strands]
        sentences = [f"{strand.name}: {' '.join(notes)}" for strand, notes in zip(strands, own, strict=True)]
        each = [_sentence(note) for note in strands[0].notes if note in shared]
        sentences += [f"Each curve: {' '.join(each)}"] if each else []
    if options.numbers:
        sentences.append("Numbers are counted under the tick that is nearest to the time of measurement.")
    held = (_TIME.sub("\\1\N{NO-BREAK SPACE}\\2", note) for note in sentences)
    return tuple(part for note in held for part in wrap(note, width, size, screen=True))


def _sentence(note: str) -> str:
    """A note as a sentence; names, such as those of trials and programs, keep their case."""
    plain = note.split(" ")[0].isalpha() and not note.startswith("ketameta ")
    first = f"{note[:1].upper()}{note[1:]}" if plain else note
    return f"{first.rstrip('.')}."
