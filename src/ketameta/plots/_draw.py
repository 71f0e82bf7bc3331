"""Drawing of a forest plot that is laid out: forestplot's part, and what completes it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta.plots import _engine
from ketameta.plots._layout import Page, Row
from ketameta.plots._place import below, shrink
from ketameta.plots._robmarks import draw_levels
from ketameta.plots._robtools import Level
from ketameta.plots.style import Palette, font, palette_of, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

_SQUARE = 0.66
_WIDEST_SQUARE = 0.075
_DIAMOND = {0: 0.36, 1: 0.29}


def draw(ax: Axes, page: Page) -> None:
    """Shrink the axes to the panel inside their box, and draw the whole figure around it."""
    layout = page.layout
    palette = palette_of(ax.figure)  # type: ignore[arg-type]
    left, right = layout.panel
    shrink(ax, left=left, top=page.title_height, width=right - left, height=layout.panel_height)
    ax.set_facecolor("none")
    _intervals(ax, page, palette)
    _style_labels(ax, page, palette)
    _marks(ax, page, palette)
    _table_text(ax, page, palette)
    _badges(ax, page, palette)
    _axis_text(ax, page, palette)


def _numbered(page: Page) -> list[tuple[float, Row]]:
    """Printed rows with their heights on the y axis."""
    rows = page.layout.rows
    return [(float(len(rows) - 1 - i), row) for i, row in enumerate(rows)]


def _sides(page: Page) -> tuple[tuple[tuple[str, ...], float, str], ...]:
    """Words on the two sides of the null, with their place and alignment."""
    at, gap = page.sides_at, 0.4 * page.layout.size
    return (page.sides[0], at - gap, "right"), (page.sides[1], at + gap, "left")


def _intervals(ax: Axes, page: Page, palette: Palette) -> None:
    """Rows, interval lines, squares and axis, by forestplot."""
    rows, scale = page.layout.rows, page.table.scale
    study = [row.first and row.line.kind == "study" for row in rows]
    values = [
        scale.shown([line.estimate, line.low, line.high]) if use else np.full(3, np.nan)
        for use, line in zip(study, (row.line for row in rows), strict=True)
    ]
    estimate, low, high = np.transpose(values)
    first, last = page.limits
    seen = (estimate >= first) & (estimate <= last)
    weight = np.array([row.line.weight if use else 0.0 for use, row in zip(study, rows, strict=True)])
    panel = page.layout.panel[1] - page.layout.panel[0]
    side = min(_SQUARE * page.layout.pitch, _WIDEST_SQUARE * panel)
    _engine.draw(
        ax,
        _engine.Intervals(
            labels=[row.label for row in rows],
            estimate=np.clip(estimate, first, last),
            low=np.clip(low, first, last),
            high=np.clip(high, first, last),
            area=np.where(seen, side**2 * weight / weight.max(), 0.0),
        ),
        heading=page.table.layout.study,
        ratio=scale.ratio,
        limits=page.limits,
        ticks=page.ticks,
        tick_labels=scale.tick_text(page.ticks),
        size=page.layout.size,
        palette=palette,
    )
    ax.set_ylim(-0.8, len(rows) + page.layout.head - 0.5)


def _style_labels(ax: Axes, page: Page, palette: Palette) -> None:
    """Flush the row labels with the left edge of the box, and give each its weight."""
    from matplotlib.ticker import NullLocator

    layout = page.layout
    ax.grid(visible=False)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.tick_params(axis="y", length=0, pad=layout.panel[0], labelcolor=palette.ink)
    ax.tick_params(
        axis="x",
        direction="out",
        length=0.4 * layout.size,
        width=0.8,
        pad=0.3 * layout.size,
        color=palette.ink,
        labelcolor=palette.ink,
    )
    for label in ax.get_xticklabels():
        label.set_fontfamily(list(font()))
    ax.spines["bottom"].set(color=palette.ink, linewidth=0.8)
    ax.set_yticks(ax.get_yticks(), [label.get_text().rstrip() for label in ax.get_yticklabels()])
    labels = ax.get_yticklabels()
    labels[-1].set_fontweight("bold")
    for label, row in zip(labels, reversed(layout.rows), strict=False):
        if row.line.kind in {"group", "pooled"}:
            label.set_fontweight("bold")
        elif row.line.kind == "note":
            label.set_color(palette.muted)
            label.set_fontsize(layout.small)


def _marks(ax: Axes, page: Page, palette: Palette) -> None:
    """Diamonds, prediction interval, arrows, and the lines of no difference and of the pooled estimate."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Polygon

    scale, size = page.table.scale, page.layout.size
    first, last = page.limits
    heights = [(y, row.line) for y, row in _numbered(page) if row.first]
    top = len(page.layout.rows) - 0.5
    if first < scale.null < last:
        ax.add_artist(
            Line2D(
                [scale.null] * 2,
                [-0.8, top + page.null_reach],
                color=palette.ink,
                linewidth=0.8,
                zorder=0.4,
                label="_null",
            )
        )
    for y, line in heights:
        estimate, low, high = scale.shown([line.estimate, line.low, line.high]).tolist()
        colour = palette.ink
        if line.kind == "study" and first <= estimate <= last:
            tick = Line2D(
                [estimate], [y], marker="|", markersize=0.5 * size, markeredgewidth=0.8, color=palette.ink
            )
            tick.set(label="_estimate", zorder=3)
            ax.add_artist(tick)
        elif line.kind == "pooled" and math.isfinite(estimate):
            half, colour = _DIAMOND[line.level], getattr(palette, page.table.layout.diamond)
            corners = [(low, y), (estimate, y + half), (high, y), (estimate, y - half)]
            ax.add_patch(
                Polygon(corners, closed=True, facecolor=colour, edgecolor="none", zorder=3, label="_pooled")
            )
        elif line.kind == "prediction":
            colour = palette.accent
            ends = np.clip([low, high], first, last)
            bar = Line2D(ends, [y, y], color=colour, linewidth=0.32 * size, solid_capstyle="butt", zorder=3)
            bar.set_label("_prediction")
            ax.add_artist(bar)
        for cut, edge, marker in ((low < first, first, "<"), (high > last, last, ">")):
            if cut:
                arrow = Line2D(
                    [edge], [y], marker=marker, markersize=0.6 * size, color=colour, markeredgewidth=0
                )
                arrow.set(label="_cut", clip_on=False, zorder=4)
                ax.add_artist(arrow)
    overall = [(y, line) for y, line in heights if line.kind == "pooled" and line.level == 0]
    for y, line in overall if page.table.layout.reference else ():
        centre = float(scale.shown(line.estimate))
        if first < centre < last:
            dashed = Line2D(
                [centre] * 2, [y, top], color=palette.pooled, linewidth=0.7, linestyle=(0, (3, 2))
            )
            dashed.set(label="_reference", zorder=0.3)
            ax.add_artist(dashed)


def _table_text(ax: Axes, page: Page, palette: Palette) -> None:
    """Columns beside the panel, headings, and the rules of the table."""
    from matplotlib.lines import Line2D
    from matplotlib.transforms import blended_transform_factory

    layout = page.layout
    place = blended_transform_factory(ax.transAxes, ax.transData)

    def write(x: float, y: float, text: str, **extra: Any) -> None:
        look = {
            "ha": "right",
            "va": "center_baseline",
            "fontsize": layout.size,
            "color": palette.ink,
            **extra,
        }
        ax.text(_fraction(page, x), y, text.replace("$", r"\$"), transform=place, **look)

    def rule(y: float, left: float = 0.0, right: float = layout.width, width: float = 0.8) -> None:
        ends = [_fraction(page, left), _fraction(page, right)]
        line = Line2D(ends, [y, y], transform=place, color=palette.rule, linewidth=width, clip_on=False)
        line.set(label="_rule", zorder=0.2)
        ax.add_artist(line)

    rows = len(layout.rows)
    rule(rows - 0.5)
    rule(rows + layout.head - 0.5, width=1.2)
    for placed in layout.columns:
        for up, text in enumerate(reversed(placed.head)):
            write(placed.at, rows + up, text, fontweight="bold", ha=placed.column.align)
    for span in layout.spans:
        write((span.left + span.right) / 2, rows + 1, span.text, fontweight="bold", ha="center")
        rule(rows + 0.52, span.left, span.right, 0.6)
    for up, text in enumerate(reversed(page.panel_head)):
        write(sum(layout.panel) / 2, rows + up, text, fontweight="bold", ha="center")
    if page.sides_row is not None:
        for lines, x, align in _sides(page):
            for up, text in enumerate(reversed(lines)):
                write(x, rows + page.sides_row + up, text, fontweight="bold", ha=align)
    for y, row in _numbered(page):
        look = {"fontweight": "bold" if row.line.kind == "pooled" else "normal"}
        for placed, text in zip(layout.columns, row.cells, strict=True):
            if text and not placed.column.badge:
                write(placed.at, y, text, ha=placed.column.align, **look)
        if row.first and row.line.kind == "pooled" and row.line.level == 0:
            rule(y + 0.5)


def _badges(ax: Axes, page: Page, palette: Palette) -> None:
    """Judgements of risk of bias as circles with their symbols."""
    from matplotlib.transforms import blended_transform_factory

    found = [
        (_fraction(page, placed.at), y, level)
        for y, row in _numbered(page)
        for placed in page.layout.columns
        if placed.column.badge and row.first
        for level in [row.line.values.get(placed.column.keys[0])]
        if isinstance(level, Level)
    ]
    if found:
        x, y, levels = zip(*found, strict=True)
        place = blended_transform_factory(ax.transAxes, ax.transData)
        draw_levels(ax, x, y, levels, diameter=1.3 * page.layout.size, palette=palette, transform=place)


def _axis_text(ax: Axes, page: Page, palette: Palette) -> None:
    """Who is favoured, the name of the axis, the title, and the notes."""
    layout, size = page.layout, page.layout.size

    def write(x: float, depth: float, text: str, **extra: Any) -> None:
        below(ax, _fraction(page, x), depth, text, **{"fontsize": size, "color": palette.ink, **extra})

    depth = 2.9 * size
    for lines, x, align in _sides(page) if page.under else ():
        for position, line in enumerate(lines):
            write(x, depth + 1.3 * size * position, line, ha=align)
    depth += 1.3 * size * page.under + 0.1 * size
    half = min(text_width(page.axis_title, size, screen=True) / 2, layout.width / 2)
    middle = min(max(sum(layout.panel) / 2, half), layout.width - half)
    ax.set_xlabel(page.axis_title, fontsize=size, color=palette.ink, va="baseline")
    ax.xaxis.set_label_coords(_fraction(page, middle), -depth / layout.panel_height)
    depth = page.axis_height + 1.4 * size
    for line in layout.foot:
        write(0, depth, line, ha="left", fontsize=layout.small, color=palette.muted)
        depth += 1.35 * layout.small
    height = layout.panel_height + page.title_height - 1.2 * size
    for line in page.title:
        write(0, -height, line, ha="left", fontsize=1.2 * size, fontweight="bold")
        height -= 1.2 * 1.3 * size


def _fraction(page: Page, x: float) -> float:
    """A position in points from the box's left edge, as a fraction of the panel."""
    left, right = page.layout.panel
    return (x - left) / (right - left)
