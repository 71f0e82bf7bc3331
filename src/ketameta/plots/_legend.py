"""The legend of a figure: entries in columns, as low as they can be."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ketameta.plots.style import text_width, wrap

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["Legend", "draw_legend", "plan_legend"]

_HANDLE, _HANDLE_GAP, _COLUMN_GAP, _ROW_GAP = 2.4, 0.7, 1.4, 0.35
_LINE = 1.2


@dataclass(frozen=True, slots=True)
class Legend:
    """Words of the entries broken into lines, columns, and height in points."""

    texts: tuple[str, ...]
    columns: int
    height: float


def plan_legend(texts: Sequence[str], width: float, size: float) -> Legend:
    """Set entries in columns, broken into lines where that makes the legend lower.

    Columns are filled from the top, one after the other, as matplotlib fills them. Without breaks they are
    as wide as their entries need, with breaks equally wide.

    Parameters
    ----------
    texts : sequence of str
        Words of the entries.
    width, size : float
        Width of the legend and size of its type in points.

    Examples
    --------
    >>> from ketameta.plots._legend import plan_legend
    >>> plan_legend(["Trial", "Mean effect"], 300, 8).columns
    2
    """
    key, gap = (_HANDLE + _HANDLE_GAP) * size, _COLUMN_GAP * size
    whole = [[text] for text in texts]
    best: tuple[float, int, Legend] | None = None
    for columns in range(len(texts), 0, -1):
        room = (width - gap * (columns - 1)) / columns - key
        widths = [key + text_width(text, size, screen=True) for text in texts]
        fits = sum(map(max, _split(widths, columns))) + gap * (columns - 1) <= width
        longest = max(text_width(word, size, screen=True) for text in texts for word in text.split(" "))
        if not fits and longest > room and columns > 1:
            continue
        parts = whole if fits else [wrap(text, room, size, screen=True) for text in texts]
        heights = [(_LINE * len(lines) + _ROW_GAP) * size for lines in parts]
        height, breaks = max(map(sum, _split(heights, columns))), sum(map(len, parts))
        if best is None or (height, breaks) < best[:2]:
            best = (height, breaks, Legend(tuple(map("\n".join, parts)), columns, height))
    return best[2] if best else Legend((), 1, 0.0)


def _split(values: Sequence[float], columns: int) -> list[list[float]]:
    """Consecutive parts, the first ones longer by one where they do not come out even."""
    least, more = divmod(len(values), columns)
    ends = [0]
    for i in range(columns):
        ends.append(ends[-1] + least + (i < more))
    return [list(values[a:b]) for a, b in itertools.pairwise(ends)]


def draw_legend(
    ax: Axes, legend: Legend, handles: Sequence[Artist], *, left: float, size: float, ink: str
) -> None:
    """Draw a legend over axes, its left edge at a fraction of their width.

    Parameters
    ----------
    ax : Axes
        Axes under the legend.
    legend : Legend
        The entries.
    handles : sequence of Artist
        The key of each entry.
    left : float
        Left edge as a fraction of the width of the axes; negative left of them.
    size : float
        Size of the type in points.
    ink : str
        Colour of the words.
    """
    if not legend.texts:
        return
    drawn = ax.legend(
        handles=list(handles),
        labels=[text.replace("$", r"\$") for text in legend.texts],
        loc="lower left",
        bbox_to_anchor=(left, 1),
        ncols=legend.columns,
        frameon=False,
        fontsize=size,
        labelcolor=ink,
        borderpad=0,
        borderaxespad=0.6,
        handlelength=_HANDLE,
        handletextpad=_HANDLE_GAP,
        columnspacing=_COLUMN_GAP,
        labelspacing=_ROW_GAP,
    )
    for text in drawn.get_texts():
        text.set_linespacing(_LINE)
