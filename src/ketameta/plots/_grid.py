"""The frame of a figure that is a table of cells, drawn: rows, headings, rules and notes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta.errors import FigureError
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._gridplan import Grid, Layout, plan_grid, weight_of
from ketameta.plots._looks import style_axes
from ketameta.plots._place import MARGIN_MM, below, box_size, new_axes, require_empty, shrink
from ketameta.plots.style import POINTS_PER_MM, Palette, font, palette_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["open_grid"]

_SMALLEST_TYPE = 4.9
_LABEL_SHARES = (0.3, 0.25, 0.36, 0.22, 0.42, 0.5)
_ROOMIEST = 1.6
_FEW_LINES = 3


def open_grid(
    ax: Axes | None, options: FigureOptions, grid: Grid, *, shape: float = 180.0
) -> tuple[Axes, Layout, Palette]:
    """Lay out a table of cells, and draw all of it but the cells and the legend.

    Parameters
    ----------
    ax : Axes, optional
        Empty axes, which shrink to the cells so that everything stays in their box; by default a new
        figure is made, as high as its rows need.
    options : FigureOptions
        Width and type.
    grid : Grid
        What the table says.
    shape : float
        Width in millimetres at which the type is 7.5 points.

    Returns
    -------
    Axes, Layout, Palette
        Axes whose units are points from the upper left corner of the cells, how they are laid out, and
        the colours that their paper asks for.

    Raises
    ------
    FigureError
        The axes are not empty, or there is too little room.
    """
    if ax is None:
        layout = _fit(options, grid, shape, (options.width_mm - 2 * MARGIN_MM) * POINTS_PER_MM, None)
        ax = new_axes(options.width_mm, layout.height / POINTS_PER_MM + 2 * MARGIN_MM)
    else:
        require_empty(ax)
        layout = _fit(options, grid, shape, *box_size(ax))
    palette = palette_of(ax.figure)  # type: ignore[arg-type]
    width, height = layout.panel
    shrink(ax, left=layout.left, top=layout.above, width=width, height=height)
    _draw_rows(ax, layout, palette)
    _draw_words(ax, layout, palette)
    return ax, layout, palette


def _fit(options: FigureOptions, grid: Grid, shape: float, width: float, height: float | None) -> Layout:
    """Lay out with the largest type that has room, and spread the rows over a height that is given."""
    usual = options.font_size or float(np.clip(7.5 * width / (shape * POINTS_PER_MM), 6.5, 14.0))
    smaller = () if options.font_size else np.arange(usual - 0.5, _SMALLEST_TYPE, -0.5)
    for size in (usual, *smaller):
        layouts = [
            plan_grid(grid, width, float(size), share, footer=options.footer) for share in _LABEL_SHARES
        ]
        roomy = [layout for layout in layouts if layout.enough()]
        if not roomy:
            continue
        layout = min(roomy, key=lambda each: (each.broken[0], max(each.broken[1], _FEW_LINES)))
        if height is None or layout.height <= height:
            spread = 1.0 if height is None else 1 + (height - layout.height) / layout.panel[1]
            return replace(layout, heights=layout.heights * min(spread, _ROOMIEST))
    given = f"{width / POINTS_PER_MM:.0f} mm x {(height or layouts[0].height) / POINTS_PER_MM:.0f} mm"
    raise FigureError(
        f"The figure of {len(grid.rows)} rows and {len(grid.heads)} columns does not fit in {given}: give larger "
        "axes, a smaller font_size or no footer, or leave ax out for a figure of the right size."
    )


def _draw_rows(ax: Axes, layout: Layout, palette: Palette) -> None:
    """Units, labels of the rows, and the lines of the table."""
    from matplotlib.collections import LineCollection

    width, height = layout.panel
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    style_axes(ax, layout.size, palette)
    ax.set_xticks([])
    look: dict[str, Any] = {"fontsize": layout.size, "color": palette.ink, "fontfamily": list(font())}
    ax.set_yticks(layout.y, [label.replace("$", r"\$") for label in layout.labels], **look)
    ax.tick_params(axis="y", left=False, length=0, labelleft=True, labelright=False, pad=layout.left)
    for text, row in zip(ax.get_yticklabels(), layout.grid.rows, strict=True):
        text.set(ha="left", va="center", linespacing=1.2, fontweight=weight_of(row))
    ax.spines["left"].set_visible(False)
    ax.spines["bottom"].set_visible(layout.grid.axis > 0)
    if not layout.grid.axis:
        ends = np.array([-layout.left, width])
        inner = [np.column_stack((ends, [y, y])) for y in np.cumsum(layout.heights)[:-1]]
        outer = [np.column_stack((ends, [y, y])) for y in (0.0, height)]
        for lines, colour, wide in ((inner, palette.shade, 0.6), (outer, palette.ink, 0.8)):
            rules = LineCollection(lines, colors=colour, linewidths=wide, clip_on=False, zorder=0.1)
            rules.set_label("_rules")
            ax.add_collection(rules, autolim=False)


def _draw_words(ax: Axes, layout: Layout, palette: Palette) -> None:
    """Title, headings and notes."""
    size, small, (width, height) = layout.size, layout.small, layout.panel
    left = -layout.left / width
    ink: dict[str, Any] = {"fontsize": size, "color": palette.ink}
    bold = {**ink, "fontweight": "bold"}
    base = height + 0.55 * size
    if any(layout.names):
        below(ax, left, -base - layout.more_height, layout.grid.corner, ha="left", **bold)
    for x, lines in zip(layout.x / width, layout.names, strict=True):
        for i, line in enumerate(reversed(lines)):
            below(ax, x, -base - layout.more_height - 1.2 * i * size, line, ha="center", **bold)
    for x, lines in zip(layout.x / width, layout.more, strict=False):
        for i, line in enumerate(lines):
            depth = -base - layout.more_height + 1.2 * (i + 1) * small
            below(ax, x, depth, line, ha="center", fontsize=small, color=palette.muted)
    depth = (layout.grid.axis + 0.7) * size + small
    for line in layout.foot:
        below(ax, left, depth, line, ha="left", fontsize=small, color=palette.muted)
        depth += 1.35 * small
    depth = -height - layout.above + 1.2 * size
    for line in layout.title:
        below(ax, left, depth, line, ha="left", **{**bold, "fontsize": 1.2 * size})
        depth += 1.56 * size
