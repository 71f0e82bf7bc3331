"""What the legend of a figure of effect over time says, and how its entries stand."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from ketameta.plots._timeoptions import TimecourseOptions
from ketameta.plots._timestrands import Mark, Strand
from ketameta.plots._words import level_text
from ketameta.plots.style import text_width, wrap

__all__ = [
    "COLUMN_GAP",
    "HANDLE",
    "HANDLE_GAP",
    "LINE",
    "ROW_GAP",
    "Entry",
    "Legend",
    "entries",
    "plan_legend",
]

HANDLE, HANDLE_GAP, COLUMN_GAP, ROW_GAP = 2.4, 0.7, 1.4, 0.35
LINE = 1.2


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: what it shows, its words, and which curve it is of."""

    kind: str
    text: str
    curve: int = 0


@dataclass(frozen=True, slots=True)
class Legend:
    """Entries with their words broken into lines, columns, and height in points."""

    entries: tuple[Entry, ...]
    columns: int
    height: float


def entries(
    strands: Sequence[Strand], options: TimecourseOptions, *, prediction: bool, empty: bool
) -> tuple[Entry, ...]:
    """Entries of a legend: curves first, then what surrounds them.

    Parameters
    ----------
    strands : sequence of Strand
        Curves of the figure.
    options : TimecourseOptions
        What is shown.
    prediction, empty : bool
        Whether prediction bands, and grey ranges without trials, are drawn.
    """
    level, many = level_text(strands[0].level), len(strands) > 1
    found = [Entry("curve", strand.name or "Mean effect", i) for i, strand in enumerate(strands)]
    found.append(Entry("ci", f"{level} CI"))
    if options.simultaneous:
        found.append(Entry("sim", f"{level} simultaneous band"))
    if prediction:
        found.append(Entry("pi", f"{level} prediction interval"))
    if options.trials:
        found.append(Entry("trial", "Trial (area: precision)"))
    if any(strand.half_life.point for strand in strands):
        found.append(Entry("half_life", f"Half-life {_in_order([x.half_life for x in strands])}"))
    if options.threshold is not None:
        (value,) = strands[0].scale.tick_text([options.threshold])
        text, kind = f"{options.threshold_name} {value}", "threshold"
        if any(strand.crossing.point for strand in strands):
            text, kind = f"{text}, crossed at {_in_order([x.crossing for x in strands])}", "crossing"
        found.append(Entry(kind, text))
    if empty:
        found.append(Entry("empty", "No trial near" if many else "No trial near (curve thin)"))
    if many and any(strand.gaps for strand in strands):
        found.append(Entry("bridged", "Thin curve: none of its trials near"))
    return tuple(found)


def _in_order(marks: Sequence[Mark]) -> str:
    """Times of marks in the order of the curves, a dash where a curve has none."""
    return ", ".join(mark.text.replace(" ", "\N{NO-BREAK SPACE}") or "–" for mark in marks)


def plan_legend(found: Sequence[Entry], width: float, size: float) -> Legend:
    """Set entries in columns, broken into lines where that makes the legend lower.

    Columns are filled from the top, one after the other, as matplotlib fills them. Without breaks they are
    as wide as their entries need, with breaks equally wide.

    Parameters
    ----------
    found : sequence of Entry
        Entries.
    width, size : float
        Width of the legend and size of its type in points.
    """
    key, gap = (HANDLE + HANDLE_GAP) * size, COLUMN_GAP * size
    whole = [[one.text] for one in found]
    best: tuple[float, int, Legend] | None = None
    for columns in range(len(found), 0, -1):
        room = (width - gap * (columns - 1)) / columns - key
        widths = [key + text_width(one.text, size, screen=True) for one in found]
        fits = sum(map(max, _split(widths, columns))) + gap * (columns - 1) <= width
        longest = max(text_width(word, size, screen=True) for one in found for word in one.text.split(" "))
        if not fits and longest > room and columns > 1:
            continue
        texts = whole if fits else [wrap(one.text, room, size, screen=True) for one in found]
        heights = [(LINE * len(lines) + ROW_GAP) * size for lines in texts]
        height, breaks = max(map(sum, _split(heights, columns))), sum(map(len, texts))
        if best is None or (height, breaks) < best[:2]:
            broken = (
                Entry(one.kind, "\n".join(lines), one.curve) for one, lines in zip(found, texts, strict=True)
            )
            best = (height, breaks, Legend(tuple(broken), columns, height))
    return best[2] if best else Legend((), 1, 0.0)


def _split(values: Sequence[float], columns: int) -> list[list[float]]:
    """Consecutive parts, the first ones longer by one where they do not come out even."""
    least, more = divmod(len(values), columns)
    ends = [0]
    for i in range(columns):
        ends.append(ends[-1] + least + (i < more))
    return [list(values[a:b]) for a, b in itertools.pairwise(ends)]
