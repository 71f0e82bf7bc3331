"""Regions, lines and dots of a funnel plot, and the keys of its legend."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta._typing import Array
from ketameta.models import Pooled
from ketameta.plots._frame import Frame
from ketameta.plots._looks import edge_look, estimate_look, null_look
from ketameta.plots._scale import Scale
from ketameta.plots._words import level_text
from ketameta.plots.style import Palette
from ketameta.robustness import LimitMeta, TrimFill

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "CONTOURS",
    "draw_contours",
    "draw_filled",
    "draw_funnel",
    "draw_limit",
    "keys",
    "line_points",
    "quantile",
    "words_of_keys",
]

CONTOURS = (0.90, 0.95, 0.99)
_FINE = 200


def quantile(level: float) -> float:
    """Half-width in standard errors of a region in which that share is expected."""
    return NormalDist().inv_cdf(0.5 + level / 2)


def draw_funnel(ax: Axes, frame: Frame, palette: Palette, fit: Pooled) -> None:
    """The region around the pooled estimate, and the line of no difference."""
    scale = frame.x.scale
    left, right, depth = _edges(fit.estimate, fit.level, frame, scale)
    ax.fill_betweenx(depth, left, right, color=palette.shade, linewidth=0, zorder=0.5, label="_region")
    for edge in (left, right):
        ax.plot(edge, depth, zorder=1, label="_edge", **edge_look(palette))
    centre = float(scale.shown(fit.estimate))
    ax.plot([centre] * 2, [0, frame.y.high], zorder=1.5, label="_estimate", **estimate_look(palette))
    if frame.x.low < 0 < frame.x.high:
        ax.axvline(scale.null, zorder=1.2, label="_null", **null_look(palette))


def draw_contours(ax: Axes, frame: Frame, palette: Palette, fit: Pooled) -> None:
    """Regions of P values around no effect, and the pooled estimate."""
    scale = frame.x.scale
    for level, fill in zip(CONTOURS[::-1], _fills(palette), strict=True):
        left, right, depth = _edges(0.0, level, frame, scale)
        ax.fill_betweenx(depth, left, right, color=fill, linewidth=0, zorder=0.5, label="_region")
        for edge in (left, right):
            ax.plot(edge, depth, color=palette.rule, linewidth=0.6, zorder=1, label="_edge")
    ax.axvline(scale.null, zorder=1.2, label="_null", **null_look(palette))
    centre = float(scale.shown(fit.estimate))
    ax.plot([centre] * 2, [0, frame.y.high], zorder=1.5, label="_estimate", **estimate_look(palette))


def draw_filled(ax: Axes, frame: Frame, palette: Palette, fill: TrimFill, radius: float) -> None:
    """Studies filled in as open dots, and the estimate with them."""
    scale = frame.x.scale
    ax.scatter(
        scale.shown(fill.filled_yi),
        np.sqrt(fill.filled_vi),
        s=(2 * radius) ** 2,
        facecolor=palette.paper,
        edgecolor=palette.study,
        linewidth=1.0,
        zorder=3.8,
        label="_filled",
    )
    centre = float(scale.shown(fill.adjusted.estimate))
    ax.plot([centre] * 2, [0, frame.y.high], zorder=1.6, label="_filled_estimate", **_filled_look(palette))


def draw_limit(ax: Axes, frame: Frame, palette: Palette, limit: LimitMeta, radius: float) -> None:
    """The effect expected at each standard error, with a diamond at its end where that is 0."""
    scale = frame.x.scale
    depth = np.linspace(0.0, frame.y.high, _FINE)
    ax.plot(scale.shown(limit.at(depth)), depth, zorder=1.7, label="_limit", **_limit_look(palette))
    ax.plot(
        [float(scale.shown(limit.estimate))],
        [0.0],
        linestyle="none",
        marker="D",
        markersize=1.7 * radius,
        color=palette.accent,
        clip_on=False,
        zorder=4.5,
        label="_limit_estimate",
    )


def line_points(
    fit: Pooled, centre: float, level: float, frame: Frame, fill: TrimFill | None, limit: LimitMeta | None
) -> Array:
    """Points along the lines of the figure, in points of the panel."""
    depth = np.linspace(0.0, frame.y.high, 60)
    reach = quantile(level) * depth
    across = [np.full(60, 0.0), np.full(60, fit.estimate), centre - reach, centre + reach]
    across += [] if fill is None else [np.full(60, fill.adjusted.estimate)]
    across += [] if limit is None else [limit.at(depth)]
    return np.vstack([frame.places(x, depth) for x in across])


def words_of_keys(
    fit: Pooled, *, contours: bool, fill: TrimFill | None, limit: LimitMeta | None
) -> tuple[str, ...]:
    """Words of the legend."""
    words = ["Study", "Pooled estimate"]
    words += ["Filled (trim and fill)", "Estimate with filled studies"] if fill is not None else []
    words += ["Expected by limit meta-analysis"] if limit is not None else []
    words += ["No difference"]
    if contours:
        return (*words, "p > 0.10", "0.05 < p < 0.10", "0.01 < p < 0.05")
    return (*words, f"{level_text(fit.level)} of studies expected")


def keys(
    frame: Frame, palette: Palette, *, contours: bool, fill: TrimFill | None, limit: LimitMeta | None
) -> list[Any]:
    """Keys of the legend, in the order of its words."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    dot: dict[str, Any] = {"marker": "o", "markersize": 0.64 * frame.size, "linestyle": "none"}
    edge: dict[str, Any] = {"markeredgecolor": palette.paper, "markeredgewidth": 0.5}
    found: list[Any] = [
        Line2D([], [], color=palette.study, **dot, **edge),
        Line2D([], [], **estimate_look(palette)),
    ]
    if fill is not None:
        edge = {"markeredgecolor": palette.study, "markeredgewidth": 1.0}
        found.append(Line2D([], [], color=palette.paper, **dot, **edge))
        found.append(Line2D([], [], **_filled_look(palette)))
    if limit is not None:
        diamond: dict[str, Any] = {"marker": "D", "markersize": 0.5 * frame.size, "markevery": [0]}
        found.append(Line2D([0, 1], [0, 0], **diamond, **_limit_look(palette)))
    found.append(Line2D([], [], **null_look(palette)))
    if not contours:
        return [*found, Patch(facecolor=palette.shade, edgecolor=palette.muted, linestyle=(0, (3, 2)))]
    fills = _fills(palette)[::-1]
    return found + [Patch(facecolor=colour, edgecolor=palette.rule, linewidth=0.6) for colour in fills]


def _filled_look(palette: Palette) -> dict[str, Any]:
    return {"color": palette.study, "linewidth": 1.2, "linestyle": (0, (6, 2))}


def _limit_look(palette: Palette) -> dict[str, Any]:
    return {"color": palette.accent, "linewidth": 1.2}


def _edges(centre: float, level: float, frame: Frame, scale: Scale) -> tuple[Array, Array, Array]:
    """Left and right edge of a region on the shown scale, and the standard errors they belong to."""
    depth = np.linspace(0.0, frame.y.high, _FINE if scale.ratio else 2)
    reach = quantile(level) * depth
    return scale.shown(centre - reach), scale.shown(centre + reach), depth


def _fills(palette: Palette) -> tuple[str, str, str]:
    """Fills of the regions, from the outermost to the innermost, which is the paper."""
    from matplotlib.colors import to_hex, to_rgb

    shade, paper = np.array(to_rgb(palette.rule)), np.array(to_rgb(palette.paper))
    mixed = [to_hex(tuple(part * shade + (1 - part) * paper)) for part in (0.75, 0.35)]
    return mixed[0], mixed[1], palette.paper
