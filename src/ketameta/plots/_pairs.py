"""Estimates of two sources row by row: intervals, their numbers and how many trials they rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta._typing import Array
from ketameta.plots._axis import Axis
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._grid import open_grid
from ketameta.plots._gridplan import Grid, Head, Layout, Row
from ketameta.plots._looks import null_look
from ketameta.plots._scale import Scale, window
from ketameta.plots.style import Palette, font, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["Pair", "draw_pairs"]

_PITCH, _HEADING = 1.75, 2.3
_MARKS = ("s", "D", "D")


@dataclass(frozen=True, slots=True)
class Pair:
    """One row: a heading, an estimate of the first source, or one of the second.

    Attributes
    ----------
    label : str
        Its words.
    mark : int
        Which mark and word of the legend: 0 the first source, 1 the second, 2 one study of the second; -1 for a
        heading or a row without an estimate.
    estimate, low, high : float
        On the model's scale; NaN where there are none.
    text, trials : str
        What the columns beside the panel say.
    heading : bool
        Whether it is a heading over rows.
    """

    label: str
    mark: int = -1
    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    text: str = ""
    trials: str = ""
    heading: bool = False


def draw_pairs(
    rows: Sequence[Pair],
    scale: Scale,
    *,
    words: tuple[str, str, str],
    axis: str,
    title: str,
    foot: tuple[str, ...],
    options: FigureOptions,
) -> Axes:
    """Draw the rows in a new figure.

    Parameters
    ----------
    rows : sequence of Pair
        From the top; at least one with an estimate.
    scale : Scale
        How the numbers are shown.
    words : tuple of str
        Words of the legend for the three marks; only those that occur are shown.
    axis, title : str
        Name of the axis with the side that is favoured, and title.
    foot : tuple of str
        Notes.
    options : FigureOptions
        Width and type.

    Returns
    -------
    Axes
        In points from the upper left corner of the panel; the labels of the y axis are those of the rows.
    """
    used = [mark for mark in range(len(words)) if any(row.mark == mark for row in rows)]
    grid = Grid(
        rows=tuple(Row(row.label, _HEADING if row.heading else _PITCH, row.heading) for row in rows),
        heads=(Head("", 24.0), Head("Estimate [95% CI]", 14.5), Head("Trials", 4.0)),
        corner="",
        most=1000.0,
        legend=tuple(words[mark] for mark in used),
        foot=foot,
        title=title,
        axis=3.6,
    )
    ax, layout, palette = open_grid(None, options, grid)
    low, high = _window(rows)
    effects = Axis(axis, scale, low, high)
    _draw_axis(ax, layout, effects, palette)
    for y, height, row in zip(layout.y.tolist(), layout.heights.tolist(), rows, strict=True):
        _draw_row(ax, layout, effects, row, y, palette)
        if row.mark == 0:
            _rule(ax, layout, y - height / 2, palette)
    layout.draw_legend(ax, [_key(mark, layout, palette) for mark in used], palette)
    return ax


def _window(rows: Sequence[Pair]) -> tuple[float, float]:
    shown = [row for row in rows if row.mark >= 0]
    estimates, lows, highs = (
        np.array([getattr(row, name) for row in shown]) for name in ("estimate", "low", "high")
    )
    return window(estimates, lows, highs, weights=1 / np.maximum(highs - lows, 1e-9) ** 2)


def _places(axis: Axis, layout: Layout, values: Sequence[float]) -> Array:
    """Where values of the model's scale stand in the panel, those beyond the axis at its ends."""
    return np.clip(axis.share(values), 0, 1) * float(layout.columns[0])


def _draw_axis(ax: Axes, layout: Layout, axis: Axis, palette: Palette) -> None:
    """Ticks under the panel alone, the line of no difference, and the name of the axis."""
    size, (width, height), panel = layout.size, layout.panel, float(layout.columns[0])
    ticks = axis.fitting_ticks(panel, 0.8 * size, size, upright=False)
    look: dict[str, Any] = {"fontsize": size, "color": palette.ink, "fontfamily": list(font())}
    at = _places(axis, layout, axis.scale.logs(ticks).tolist())
    ax.set_xticks(at, list(axis.scale.tick_text(ticks)), **look)
    ax.tick_params(axis="x", labeltop=False, labelbottom=True)
    ax.spines["bottom"].set_bounds(0, panel)
    ax.set_xlim(0, width)
    ax.set_xlabel(axis.name, va="baseline", fontsize=size, color=palette.ink)
    half = text_width(axis.name, size, screen=True) / 2
    middle = min(max(panel / 2, half - layout.left), width - half)
    ax.xaxis.set_label_coords(middle / width, -3.2 * size / height)
    if axis.low < 0 < axis.high:
        null = _places(axis, layout, [0.0])[0]
        ax.plot([null, null], [0, height], **null_look(palette), zorder=0.5, label="_null")


def _draw_row(ax: Axes, layout: Layout, axis: Axis, row: Pair, y: float, palette: Palette) -> None:
    """Interval, mark and numbers of one row; an interval that leaves the panel ends in an arrow."""
    look: dict[str, Any] = {"fontsize": layout.size, "color": palette.ink, "va": "center"}
    ax.text(layout.x[1], y, row.text, ha="center", **look)
    ax.text(layout.x[2], y, row.trials, ha="center", **look)
    if row.mark < 0:
        return
    colour = palette.accent if row.mark == 0 else palette.pooled
    low, estimate, high = _places(axis, layout, [row.low, row.estimate, row.high])
    ax.plot([low, high], [y, y], color=colour, linewidth=1.0, zorder=2, label="_interval")
    for cut, x, marker in (
        (row.low < axis.low, low, "<"),
        (row.high > axis.high, high, ">"),
    ):
        if cut:
            ax.plot(
                x,
                y,
                marker,
                color=colour,
                markersize=0.6 * layout.size,
                markeredgewidth=0,
                clip_on=False,
                label="_cut",
            )
    if axis.low <= row.estimate <= axis.high:
        mark = _key(row.mark, layout, palette)
        mark.set(xdata=[estimate], ydata=[y], zorder=3, label="_estimate")
        ax.add_line(mark)


def _key(mark: int, layout: Layout, palette: Palette) -> Line2D:
    """The mark of a source: filled, or open for the first source and for single studies."""
    from matplotlib.lines import Line2D

    colour = palette.accent if mark == 0 else palette.pooled
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=_MARKS[mark],
        markersize=(0.75, 0.72, 0.72)[mark] * layout.size,
        markerfacecolor=palette.pooled if mark == 1 else palette.paper,
        markeredgecolor=colour,
        markeredgewidth=1.1,
    )


def _rule(ax: Axes, layout: Layout, y: float, palette: Palette) -> None:
    ax.plot(
        [-layout.left, layout.panel[0]],
        [y, y],
        color=palette.shade,
        linewidth=0.8,
        clip_on=False,
        zorder=0.1,
        label="_rule",
    )
