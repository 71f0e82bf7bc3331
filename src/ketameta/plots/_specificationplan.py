"""The layout of a specification curve: a curve over rows of options, in points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta.errors import FigureError
from ketameta.plots._axis import Axis
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._legend import Legend, draw_legend, plan_legend
from ketameta.plots._place import MARGIN_MM, below, box_size, new_axes, require_empty, shrink
from ketameta.plots.style import POINTS_PER_MM, Palette, palette_of, text_width, title_lines, wrap

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["Layout", "open_layout"]

_ROW = 1.22
_APART = 0.45
_MOST_LABEL = 0.42
_LOWEST_MM = 22.0
_SMALLEST_TYPE = 4.9
_SHAPE = 0.36


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where everything stands; lengths in points.

    Attributes
    ----------
    size : float
        Size of the type.
    left, right : float
        What stands left and right of the panels.
    panel_width, panel_height : float
        The curve.
    gap, row, rows_height : float
        Between the panels; a row of the lower panel; all of it.
    places : tuple of float
        Top of the row of every option, from the top of the lower panel.
    texts : tuple of (float, float, str, bool)
        Words left of the rows: their left edge from the left of the box, depth under the top of the lower panel, the
        text, and whether it is the name of a choice.
    medians : tuple of str
        Words right of the rows.
    y_ticks : tuple of float
        Ticks of the curve on the shown scale.
    y_name, title, foot : tuple of str
        Printed lines.
    named : float
        How far left of the curve its name begins.
    marks : tuple of (float, str)
        Values named right of the curve: share of its height, text.
    legend : Legend
        The legend over the curve.
    """

    size: float
    left: float
    right: float
    panel_width: float
    panel_height: float
    gap: float
    row: float
    rows_height: float
    places: tuple[float, ...]
    texts: tuple[tuple[float, float, str, bool], ...]
    medians: tuple[str, ...]
    y_ticks: tuple[float, ...]
    y_name: tuple[str, ...]
    named: float
    title: tuple[str, ...]
    foot: tuple[str, ...]
    marks: tuple[tuple[float, str], ...]
    legend: Legend

    @property
    def small(self) -> float:
        """Size of the type of the notes."""
        return 0.9 * self.size

    @property
    def above(self) -> float:
        """Height of title and legend."""
        return (1.56 * len(self.title) + 0.8) * self.size + self.legend.height

    @property
    def under(self) -> float:
        """Height of what stands under the curve."""
        foot = 1.35 * self.small * len(self.foot) + 0.9 * self.size if self.foot else 0.0
        return self.gap + self.rows_height + 2.0 * self.size + foot

    def draw_words(self, ax: Axes, palette: Palette, x_name: str) -> None:
        """All words but ticks and legend."""
        size, ink = self.size, palette.ink
        at = -self.left / self.panel_width
        for x, depth, text, name in self.texts:
            below(
                ax,
                (x - self.left) / self.panel_width,
                self.gap + depth + 0.5 * self.row + 0.36 * size,
                text,
                fontsize=size,
                color=ink,
                fontweight="bold" if name else "normal",
            )
        beside = 1 + 0.5 * size / self.panel_width
        if self.medians:
            below(ax, beside, self.gap - 0.35 * size, "Median", fontsize=size, color=palette.muted)
        for top, text in zip(self.places, self.medians, strict=True):
            below(ax, beside, self.gap + top + 0.5 * self.row + 0.36 * size, text, fontsize=size, color=ink)
        for share, text in self.marks:
            ax.text(
                beside,
                share,
                text,
                transform=ax.transAxes,
                va="center_baseline",
                fontsize=size,
                color=palette.muted,
            )
        ax.set_ylabel("\n".join(self.y_name), va="top", linespacing=1.2, fontsize=size, color=ink)
        ax.yaxis.set_label_coords(-self.named / self.panel_width, 0.5)
        depth = self.gap + self.rows_height + 1.3 * size
        below(ax, 0.5, depth, x_name, ha="center", fontsize=size, color=ink)
        depth += 2.0 * size
        for line in self.foot:
            below(ax, at, depth, line, fontsize=self.small, color=palette.muted)
            depth += 1.35 * self.small
        height = self.panel_height + self.above - 1.2 * size
        for line in self.title:
            below(ax, at, -height, line, fontsize=1.2 * size, fontweight="bold", color=ink)
            height -= 1.56 * size

    def draw_legend(self, ax: Axes, handles: Sequence[Artist], palette: Palette) -> None:
        """The legend over the curve."""
        left = -(self.left + 0.6 * self.size) / self.panel_width
        draw_legend(ax, self.legend, handles, left=left, size=self.size, ink=palette.ink)


def open_layout(
    ax: Axes | None,
    options: FigureOptions,
    axis: Axis,
    rows: Mapping[str, tuple[str, ...]],
    medians: Sequence[str],
    title: str | None,
    legend: tuple[str, ...],
    notes: tuple[str, ...],
) -> tuple[Axes, Layout, Palette]:
    """Lay out both panels, and bring the axes to the box of the upper one.

    Raises
    ------
    FigureError
        The axes are not empty, or there is too little room.
    """
    words: tuple[Any, ...] = (axis, rows, tuple(medians), title, legend, notes)
    if ax is None:
        width = (options.width_mm - 2 * MARGIN_MM) * POINTS_PER_MM
        size = options.font_size or _usual(width)
        layout = _plan(width, None, size, *words)
        height = layout.above + layout.panel_height + layout.under
        ax = new_axes(options.width_mm, height / POINTS_PER_MM + 2 * MARGIN_MM)
    else:
        require_empty(ax)
        layout = _fitting(*box_size(ax), options.font_size, words)
    palette = palette_of(ax.figure)  # type: ignore[arg-type]
    shrink(ax, left=layout.left, top=layout.above, width=layout.panel_width, height=layout.panel_height)
    return ax, layout, palette


def _fitting(width: float, height: float, asked: float | None, words: tuple[Any, ...]) -> Layout:
    """The layout with the largest type that leaves room for the curve."""
    usual = asked or _usual(width)
    smaller = () if asked else np.arange(usual - 0.5, _SMALLEST_TYPE, -0.5)
    for size in (usual, *smaller):
        layout = _plan(width, height, float(size), *words)
        if min(layout.panel_height, layout.panel_width) >= _LOWEST_MM * POINTS_PER_MM:
            return layout
    needed = (layout.above + layout.under) / POINTS_PER_MM + _LOWEST_MM
    raise FigureError(
        f"The figure does not fit in {width / POINTS_PER_MM:.0f} mm x {height / POINTS_PER_MM:.0f} mm; its choices "
        f"need a height of about {needed:.0f} mm. Give larger axes, or leave ax out for a figure of the right size."
    )


def _usual(width: float) -> float:
    """Size of the type of a figure of that width: small, as there are many rows."""
    return float(np.clip(6.5 * width / (150 * POINTS_PER_MM), 6.0, 11.0))


def _plan(
    width: float,
    height: float | None,
    size: float,
    axis: Axis,
    rows: Mapping[str, tuple[str, ...]],
    medians: tuple[str, ...],
    title: str | None,
    legend: tuple[str, ...],
    notes: tuple[str, ...],
) -> Layout:
    lines = title_lines(title, width, size)
    foot = tuple(line for note in notes for line in wrap(note, width, 0.9 * size, screen=True))
    entries = plan_legend(legend, width - size, size)
    places, texts, depth, labels = _place_rows(rows, width, size)
    marked = [text for _, text in axis.marks]
    beside = max((text_width(text, size, screen=True) for text in (*marked, *medians, "Median")), default=0.0)
    right = beside + 0.8 * size
    gap = 1.6 * size
    guess = _SHAPE * width
    around = (1.56 * len(lines) + 0.8) * size + entries.height + gap + depth + 2.0 * size
    around += 1.35 * 0.9 * size * len(foot) + (0.9 * size if foot else 0.0)
    panel_height = guess if height is None else max(height - around, 2 * size)
    ticks = axis.fitting_ticks(panel_height, 1.8 * size, size, upright=True)
    name = tuple(wrap(axis.name, panel_height, size, screen=True))
    numbers = max(text_width(label, size) for label in axis.scale.tick_text(ticks))
    named = numbers + 0.9 * size + (1.2 * len(name) + 0.5) * size
    left = max(labels, named)
    return Layout(
        size=size,
        left=left,
        right=right,
        panel_width=max(width - left - right, 2 * size),
        panel_height=panel_height,
        gap=gap,
        row=_ROW * size,
        rows_height=depth,
        places=places,
        texts=texts,
        medians=medians,
        y_ticks=ticks,
        y_name=name,
        named=named,
        title=lines,
        foot=foot,
        marks=tuple((float(axis.share(value)), text) for value, text in axis.marks),
        legend=entries,
    )


def _place_rows(
    rows: Mapping[str, tuple[str, ...]], width: float, size: float
) -> tuple[tuple[float, ...], tuple[tuple[float, float, str, bool], ...], float, float]:
    """Tops of the rows, words left of them, depth of all, and width of the words.

    The name of a choice stands beside its first option, or over it where the two are too wide.
    """
    names = {choice: choice.replace("_", " ") for choice in rows}
    named = max((text_width(text, size, weight="bold", screen=True) for text in names.values()), default=0.0)
    widest = max(
        (text_width(text, size, screen=True) for options in rows.values() for text in options), default=0.0
    )
    over = named + widest + 1.6 * size > _MOST_LABEL * width
    indent = 0.8 * size if over else named + 0.8 * size
    room = _MOST_LABEL * width - indent - 0.8 * size
    places: list[float] = []
    texts: list[tuple[float, float, str, bool]] = []
    top, used = 0.0, named
    for choice, options in rows.items():
        texts.append((0.0, top, names[choice], True))
        top += _ROW * size if over else 0.0
        for option in options:
            places.append(top)
            text = _shortened(option, room, size)
            texts.append((indent, top, text, False))
            used = max(used, indent + text_width(text, size, screen=True))
            top += _ROW * size
        top += _APART * size
    return tuple(places), tuple(texts), max(top, size), used + 0.8 * size


def _shortened(text: str, room: float, size: float) -> str:
    """A text that fits, with an ellipsis where its end is left out."""
    if text_width(text, size, screen=True) <= room:
        return text
    while text and text_width(f"{text}…", size, screen=True) > room:
        text = text[:-1]
    return f"{text.rstrip()}…"
