"""Circles with the symbols of judgements."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta.plots._robtools import Level
from ketameta.plots.style import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["draw_levels", "level_key"]

_SYMBOL = 0.8


@lru_cache(maxsize=16)
def _glyph(symbol: str) -> tuple[Any, float]:
    """Outline of a symbol about its middle, and its largest extent for type of 1 point."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.path import Path
    from matplotlib.textpath import TextPath

    outline = TextPath((0, 0), symbol, size=100, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    box = outline.get_extents()
    vertices = outline.vertices - np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])
    return Path(vertices, outline.codes), 2 * float(np.abs(vertices).max()) / 100


def draw_levels(
    ax: Axes,
    x: Sequence[float],
    y: Sequence[float],
    levels: Sequence[Level | None],
    *,
    diameter: float,
    palette: Palette,
    transform: Any = None,
) -> None:
    """Draw a circle with its symbol for each judgement; nothing where there is none.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    x, y : sequence of float, length n
        Centres of the circles.
    levels : sequence of Level or None, length n
        The judgements.
    diameter : float
        Diameter of the circles in points.
    palette : Palette
        Colours of the figure.
    transform : Transform, optional
        What `x` and `y` are measured in; by default the data of the axes.
    """
    from matplotlib.markers import MarkerStyle

    look: dict[str, Any] = {"transform": transform or ax.transData, "clip_on": False, "snap": False}
    for level in dict.fromkeys(level for level in levels if level is not None):
        there = [i for i, each in enumerate(levels) if each == level]
        xs, ys = [x[i] for i in there], [y[i] for i in there]
        edge = palette.muted if level.colour == "none" else level.colour
        circle: dict[str, Any] = {
            "s": (diameter - 0.8) ** 2,
            "marker": MarkerStyle("o", "full"),
            "facecolors": level.colour,
            "edgecolors": edge,
        }
        ax.scatter(xs, ys, linewidths=0.8, zorder=3, label=f"_{level.name}", **circle, **look)
        if level.symbol:
            outline, extent = _glyph(level.symbol)
            area = (_SYMBOL * diameter * extent) ** 2
            ax.scatter(
                xs,
                ys,
                s=area,
                marker=MarkerStyle(outline, "full"),
                color=level.ink,
                linewidths=0,
                zorder=3.1,
                label="_symbol",
                **look,
            )


def level_key(level: Level, *, diameter: float, palette: Palette) -> tuple[Line2D, ...]:
    """Key of a judgement in a legend: the circle and its symbol."""
    from matplotlib.lines import Line2D

    edge = palette.muted if level.colour == "none" else level.colour
    look: dict[str, Any] = {"linestyle": "none", "fillstyle": "full", "markeredgewidth": 0.8, "snap": False}
    circle = Line2D(
        [], [], marker="o", markersize=diameter - 0.8, color=level.colour, markeredgecolor=edge, **look
    )
    if not level.symbol:
        return (circle,)
    outline, extent = _glyph(level.symbol)
    look["markeredgewidth"] = 0
    size = _SYMBOL * diameter * extent
    return circle, Line2D([], [], marker=outline, markersize=size, color=level.ink, **look)
