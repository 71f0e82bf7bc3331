"""What the legend of a figure of effect over time says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ketameta.plots._timeoptions import TimecourseOptions
from ketameta.plots._timestrands import Mark, Strand
from ketameta.plots._words import level_text

__all__ = ["Entry", "entries"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: what it shows, its words, and which curve it is of."""

    kind: str
    text: str
    curve: int = 0


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
