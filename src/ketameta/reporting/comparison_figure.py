"""Published pooled results and ours as figures of the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ketameta._render import plural
from ketameta.plots import FigureOptions
from ketameta.plots._pairs import Pair, draw_pairs
from ketameta.plots._scale import scale_of
from ketameta.plots.alt import remember, sentences
from ketameta.plots.style import quiet_rc
from ketameta.reporting.comparison import MEASURES, Comparison, comparisons_of
from ketameta.reporting.figure_files import write_figure
from ketameta.reporting.page_words import effect_text, outcome_name, review_name
from ketameta.reporting.questions import QUESTIONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SCALES", "comparison_key", "draw_comparisons", "write_comparisons"]

SCALES = {
    "smd": "Standardised mean difference",
    "md": "Difference in points of the MADRS",
    "ratio": "Risk ratio, or odds ratio where it says OR; log scale",
}
"""Axes that published results of one question share, and their names."""

_SCALE_OF = {"SMD": "smd", "MD": "md", "RR": "ratio", "OR": "ratio"}
_MODEL = {"smd": "SMD", "md": "MD", "ratio": "RR"}
_WORDS = ("Published", "Ours", "Ours, one trial")
_NOTE = (
    "Ours: narrowed to the drug and the class of comparator that the review names. An arrow: the interval goes on. "
    "A dash: not in the data set."
)
_HEADINGS = {**{each.key: each.heading for each in QUESTIONS}, "harms": "Harms"}


def comparison_key(question: str, scale: str) -> str:
    """Name of the figure of a question on a scale."""
    return f"published_{question}_{scale}"


def write_comparisons(folder: Path, comparisons: Sequence[Comparison]) -> dict[str, tuple[Path, str]]:
    """Draw published results and ours side by side, a figure for each question and scale; PNG, SVG and PDF.

    Parameters
    ----------
    folder : Path
        Folder of figures; it exists.
    comparisons : sequence of Comparison
        From :func:`ketameta.reporting.comparison.compare`.

    Returns
    -------
    dict
        Name of each figure to its SVG file and description; none for a scale on which we have no result.
    """
    written: dict[str, tuple[Path, str]] = {}
    for question in _HEADINGS:
        for scale in SCALES:
            axes = draw_comparisons(comparisons, question, scale)
            if axes is not None:
                written |= write_figure(folder, comparison_key(question, scale), axes)
    return written


def draw_comparisons(comparisons: Sequence[Comparison], question: str, scale: str) -> Axes | None:
    """Draw published results of one question on one scale, and ours under each.

    Parameters
    ----------
    comparisons : sequence of Comparison
        From :func:`ketameta.reporting.comparison.compare`.
    question : {"mdd", "ptsd", "si", "harms"}
        Question.
    scale : {"smd", "md", "ratio"}
        Scale, as in ``SCALES``.

    Returns
    -------
    Axes or None
        The labels of the y axis are those of the rows; None where no result of ours stands beside a published one.
    """
    rows = _rows(comparisons, question, scale)
    if not any(row.mark > 0 for row in rows):
        return None
    heading, axis = _HEADINGS[question], SCALES[scale]
    with quiet_rc():
        axes = draw_pairs(
            rows,
            scale_of(_MODEL[scale]),
            words=_WORDS,
            axis=f"{axis}; {_favours(question, scale)}",
            title=f"{heading}: published pooled results, and ours",
            foot=(_NOTE,),
            options=FigureOptions(width_mm=180.0),
        )
    remember(axes, _described(rows, heading, axis))
    return axes


def _favours(question: str, scale: str) -> str:
    if question == "harms":
        return "above 1: more with ketamine"
    return f"{'above 1' if scale == 'ratio' else 'below 0'} favours ketamine"


def _rows(comparisons: Sequence[Comparison], question: str, scale: str) -> list[Pair]:
    """Headings of outcomes, each published result, and ours under it."""
    shown = [
        each
        for each in comparisons_of(question, comparisons)
        if _SCALE_OF[MEASURES[str(each.published["measure"])]] == scale
    ]
    rows: list[Pair] = []
    for outcome in dict.fromkeys(str(each.published["outcome"]) for each in shown):
        name = outcome_name(outcome)
        rows.append(Pair(name[:1].upper() + name[1:], heading=True))
        for each in shown:
            if each.published["outcome"] == outcome:
                rows += [_theirs(each.published), *_ours(each)]
    return rows


def _theirs(row: dict[str, Any]) -> Pair:
    shown = [float(row[name]) for name in ("estimate", "ci_low", "ci_high")]
    measure = MEASURES[str(row["measure"])]
    estimate, low, high = scale_of(measure).logs(shown).tolist()
    return Pair(
        f"{review_name(str(row['pub_id']))}: {row['comparison']}, {row['time_label']}",
        0,
        estimate,
        low,
        high,
        _numbers(measure, shown),
        "–" if math.isnan(float(row["k"])) else f"{float(row['k']):.0f}",
    )


def _ours(comparison: Comparison) -> list[Pair]:
    if not comparison.ours:
        return [Pair(f"Ours, {comparison.matched.partition(';')[0]}: no trial", trials="0")]
    rows = []
    for result in comparison.ours:
        fit = result.fit
        if fit is None:
            continue
        numbers = (fit.estimate, fit.ci_low, fit.ci_high)
        rows.append(
            Pair(
                f"Ours, {result.window.name}, {result.dosing} dosing",
                1 if fit.k > 1 else 2,
                *numbers,
                _numbers(fit.measure, scale_of(fit.measure).shown(numbers).tolist()),
                str(fit.k),
            )
        )
    return rows


def _numbers(measure: str, shown: Sequence[float]) -> str:
    """An estimate with its interval, as shown; odds ratios by name, since they share the axis of risk ratios."""
    words = effect_text(*shown, ratio=scale_of(measure).ratio)
    return f"OR {words}" if measure == "OR" else words


def _described(rows: Sequence[Pair], heading: str, axis: str) -> str:
    """What was drawn in words: how many results, and how often ours lies nearer to no difference."""
    theirs = [row for row in rows if row.mark == 0]
    pairs: list[tuple[Pair, Pair]] = []
    for row in rows:
        if row.mark == 0:
            last = row
        elif row.mark > 0:
            pairs.append((last, row))
    nearer = sum(abs(ours.estimate) < abs(published.estimate) for published, ours in pairs)
    return sentences(
        [
            f"{heading}: {plural(len(theirs), 'published pooled result')} with intervals, "
            f"{plural(len(pairs), 'result')} of ours beside them. {axis}",
            f"Ours lies nearer to no difference in {nearer} of {plural(len(pairs), 'pair')}",
        ]
    )
