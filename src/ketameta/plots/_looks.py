"""Looks that figures share: of axes, and of lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta._typing import ArrayLike
from ketameta.plots.style import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["edge_look", "estimate_look", "null_look", "study_dots", "style_axes"]


def null_look(palette: Palette) -> dict[str, Any]:
    """The line of no difference: thin and dotted."""
    return {"color": palette.ink, "linewidth": 0.8, "linestyle": (0, (1, 1.5))}


def estimate_look(palette: Palette) -> dict[str, Any]:
    """The line of a pooled estimate."""
    return {"color": palette.pooled, "linewidth": 1.2}


def edge_look(palette: Palette) -> dict[str, Any]:
    """The edges of a region in which studies are expected."""
    return {"color": palette.muted, "linewidth": 0.8, "linestyle": (0, (3, 2))}


def style_axes(ax: Axes, size: float, palette: Palette) -> None:
    """Ticks and spines of every panel: left and bottom only, outward, in the ink of the paper."""
    from matplotlib.ticker import NullLocator

    ax.set_facecolor("none")
    ax.grid(visible=False)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_minor_locator(NullLocator())
    ax.tick_params(
        which="major",
        direction="out",
        length=0.4 * size,
        width=0.8,
        pad=0.3 * size,
        color=palette.ink,
        top=False,
        right=False,
        bottom=True,
        left=True,
    )
    for name, spine in ax.spines.items():
        spine.set(visible=name in {"left", "bottom"}, color=palette.ink, linewidth=0.8)


def study_dots(ax: Axes, x: ArrayLike, y: ArrayLike, radius: float, palette: Palette) -> None:
    """Studies as dots of one size, with that radius in points."""
    ax.scatter(
        np.asarray(x, dtype=float),
        np.asarray(y, dtype=float),
        s=(2 * radius) ** 2,
        color=palette.study,
        edgecolor=palette.paper,
        linewidth=0.5,
        zorder=4,
        label="_study",
    )
