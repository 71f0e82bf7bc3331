"""What is drawn of a specification curve: estimates and intervals, and a strip for every option."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta._typing import AnyArray, Array
from ketameta.plots._axis import Axis
from ketameta.plots._looks import edge_look, null_look, style_axes
from ketameta.plots._specificationplan import Layout
from ketameta.plots.style import Palette, font
from ketameta.robustness import Multiverse

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOST_LINES", "draw_axes", "draw_choices", "draw_curve", "main_look", "strip"]

MOST_LINES = 1200
_BINS = 360


def main_look(palette: Palette) -> dict[str, Any]:
    """The interval of the main analysis."""
    return {"color": palette.accent, "linewidth": 1.2}


def draw_axes(ax: Axes, layout: Layout, axis: Axis, palette: Palette) -> None:
    """Scale, limits and ticks of the curve, which stands on no line."""
    look: dict[str, Any] = {
        "fontsize": layout.size,
        "color": palette.ink,
        "fontfamily": list(font()),
    }
    ax.set_yscale("log" if axis.scale.ratio else "linear")
    ax.set_ylim(*axis.limits)
    style_axes(ax, layout.size, palette)
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(bottom=False)
    ax.set_xticks([])
    ax.set_yticks(layout.y_ticks, axis.scale.tick_text(layout.y_ticks), **look)


def draw_curve(
    ax: Axes, result: Multiverse, order: AnyArray, axis: Axis, layout: Layout, palette: Palette
) -> None:
    """Intervals as thin lines, two colours; the estimates as one line; the main analysis over them."""
    from matplotlib.collections import LineCollection

    n = order.size
    ax.set_xlim(0.5, n + 0.5)
    ranks = np.unique(np.linspace(0, n - 1, min(n, MOST_LINES)).round().astype(int))
    chosen = order[ranks]
    low = axis.scale.shown(np.maximum(result.ci_low[chosen], axis.low))
    high = axis.scale.shown(np.minimum(result.ci_high[chosen], axis.high))
    excludes = (result.ci_low[chosen] > 0) | (result.ci_high[chosen] < 0)
    lines = np.stack([np.column_stack([ranks + 1, low]), np.column_stack([ranks + 1, high])], axis=1)
    width = float(np.clip(1.1 * layout.panel_width / ranks.size, 0.4, 3.0))
    for label, shown, color, alpha in (
        ("_excludes", excludes, palette.study, 0.6),
        ("_includes", ~excludes, palette.rule, 0.8),
    ):
        ax.add_collection(
            LineCollection(
                lines[shown].tolist(),
                colors=color,
                linewidths=width,
                alpha=alpha,
                label=label,
                zorder=2,
                rasterized=ranks.size > 300,
                capstyle="butt",
            ),
            autolim=False,
        )
    estimates = axis.scale.shown(result.estimate[chosen])
    few: dict[str, Any] = {"marker": "o", "markersize": 0.35 * layout.size} if n <= 60 else {}
    ax.plot(ranks + 1, estimates, color=palette.pooled, linewidth=1.8, zorder=4, label="_estimate", **few)
    ax.axhline(axis.scale.null, zorder=3, label="_null", **null_look(palette))
    if not math.isnan(result.mid):
        ax.axhline(float(axis.scale.shown(result.mid)), zorder=3, label="_mid", **edge_look(palette))
    if result.possible[0]:
        at = int(np.flatnonzero(order == 0)[0]) + 1
        ends = np.clip([result.ci_low[0], result.ci_high[0]], axis.low, axis.high)
        ax.plot([at, at], axis.scale.shown(ends), zorder=5, label="_main_ci", **main_look(palette))
        ax.plot(
            [at],
            axis.scale.shown([result.estimate[0]]),
            marker="D",
            markersize=0.65 * layout.size,
            color=palette.accent,
            markeredgecolor=palette.paper,
            linestyle="none",
            zorder=6,
            label="_main",
        )


def draw_choices(
    ax: Axes,
    result: Multiverse,
    order: AnyArray,
    rows: dict[str, tuple[str, ...]],
    layout: Layout,
    palette: Palette,
) -> None:
    """A strip for every option, and the rank of the main analysis through all of them."""
    from matplotlib.colors import to_rgb

    inset = ax.inset_axes(
        (
            0,
            -(layout.gap + layout.rows_height) / layout.panel_height,
            1,
            layout.rows_height / layout.panel_height,
        )
    )
    inset.set_xlim(*ax.get_xlim())
    inset.set_ylim(layout.rows_height, 0)
    inset.set_axis_off()
    codes = result.codes[order]
    edges = np.linspace(0, order.size, min(order.size, _BINS) + 1).round().astype(int)
    place = iter(layout.places)
    for name, labels in rows.items():
        column = codes[:, result.names.index(name)]
        for code in range(len(labels)):
            top = next(place)
            shares = strip(column == code, edges)
            image = np.empty((1, shares.size, 4))
            image[..., :3], image[..., 3] = to_rgb(palette.study), shares
            height = 0.78 * layout.row
            middle = top + layout.row / 2
            inset.add_patch(_backing(order.size, middle - height / 2, height, palette))
            inset.imshow(
                image,
                extent=(0.5, order.size + 0.5, middle + height / 2, middle - height / 2),
                aspect="auto",
                interpolation="nearest",
                zorder=2,
            )
    inset.set_xlim(*ax.get_xlim())
    inset.set_ylim(layout.rows_height, 0)
    if result.possible[0]:
        inset.axvline(int(np.flatnonzero(order == 0)[0]) + 1, color=palette.accent, linewidth=0.8, zorder=3)


def _backing(n: int, low: float, height: float, palette: Palette) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((0.5, low), n, height, facecolor=palette.shade, edgecolor="none", zorder=1)


def strip(chosen: AnyArray, edges: AnyArray) -> Array:
    """Share of universes with an option between edges of rank.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.plots._specificationdraw import strip
    >>> strip(np.array([True, False, True, True]), np.array([0, 2, 4])).tolist()
    [0.5, 1.0]
    """
    total = np.concatenate([[0], np.cumsum(chosen)])
    shares: Array = (total[edges[1:]] - total[edges[:-1]]) / np.diff(edges)
    return shares
