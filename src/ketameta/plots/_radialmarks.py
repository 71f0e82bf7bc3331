"""Marks of a radial plot: line and band, arc, studies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.models import Pooled
from ketameta.plots._arc import Arc
from ketameta.plots._frame import Frame
from ketameta.plots._looks import edge_look, estimate_look, null_look, study_dots
from ketameta.plots._names import draw_names, place_names
from ketameta.plots._scale import Scale, scale_of
from ketameta.plots.style import Palette, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Radial", "arc_name", "draw_arc", "draw_line", "draw_sides", "draw_studies", "handles"]


@dataclass(frozen=True, slots=True, eq=False)
class Radial:
    """Coordinates of a radial plot.

    Attributes
    ----------
    x, z : ndarray, shape (k,)
        Precision ``1 / sqrt(vi + tau2)`` and standardised effect ``yi / sqrt(vi + tau2)``.
    slope : float
        Pooled estimate, on the scale of the analysis.
    band : float
        Half the height of the band around the line: the normal quantile of the level.
    outside : ndarray of bool, shape (k,)
        Which studies lie outside the band.
    """

    x: Array
    z: Array
    slope: float
    band: float
    outside: BoolArray


def draw_line(ax: Axes, points: Radial, arc: Arc, palette: Palette) -> None:
    """The pooled estimate as a ray, and the band around it."""
    end = float(points.x.max())
    across = np.array([0.0, end])
    centre = points.slope * across
    ax.fill_between(
        across,
        centre - points.band,
        centre + points.band,
        color=palette.shade,
        linewidth=0,
        zorder=0.5,
        label="_band",
    )
    for sign in (-1, 1):
        ax.plot(across, centre + sign * points.band, zorder=1, label="_edge", **edge_look(palette))
    tip = [float(part) for part in arc.at(points.slope)]
    ax.plot([0.0, tip[0]], [0.0, tip[1]], zorder=1.5, label="_estimate", **estimate_look(palette))
    ax.plot([0.0, float(arc.at(0.0)[0])], [0.0, 0.0], zorder=1.2, label="_null", **null_look(palette))
    for tick in ax.xaxis.get_major_ticks():
        tick.set_visible(tick.get_loc() <= end)
    ax.spines["bottom"].set_bounds(0.0, end)


def draw_arc(ax: Axes, fit: Pooled, arc: Arc, frame: Frame, palette: Palette) -> None:
    """The arc with its ticks, and the confidence interval on it."""
    size, scale = frame.size, scale_of(fit.measure)
    look: dict[str, Any] = {"color": palette.ink, "linewidth": 0.8, "clip_on": False}
    ticks = scale.logs(arc.ticks)
    low, high = min(*ticks, fit.ci_low, 0.0), max(*ticks, fit.ci_high, 0.0)
    shown = max(low, arc.lowest), min(high, arc.highest)
    ax.plot(*arc.at(_angles(arc, *shown)), zorder=2, label="_arc", **look)
    for slope, label in zip(ticks.tolist(), arc.labels, strict=True):
        ends = zip(arc.at(slope), arc.at(slope, 0.35 * size), strict=True)
        ax.plot(*ends, zorder=2, label="_tick", **look)
        x, z = arc.at(slope, 0.7 * size)
        ax.text(float(x), float(z), label, ha="left", va="center", fontsize=size, color=palette.ink)
    kept = max(fit.ci_low, arc.lowest), min(fit.ci_high, arc.highest)
    ax.plot(*arc.at(_angles(arc, *kept)), zorder=3, label="_ci", clip_on=False, **_interval_look(palette))
    for slope, bound, turn in ((kept[0], fit.ci_low, -90.0), (kept[1], fit.ci_high, 90.0)):
        if slope != bound:
            angle = math.degrees(math.atan2(arc.up * slope, arc.across)) + turn - 90.0
            look = {
                "marker": (3, 0, angle),
                "markersize": 1.1 * size,
                "color": palette.pooled,
                "clip_on": False,
            }
            ax.plot(*arc.at([slope]), zorder=3, label="_beyond", **look)


def _angles(arc: Arc, low: float, high: float) -> Array:
    """Slopes between two, evenly spaced as the eye sees them."""
    ratio = arc.up / arc.across
    return np.tan(np.linspace(math.atan(low * ratio), math.atan(high * ratio), 100)) / ratio


def arc_name(scale: Scale, frame: Frame) -> list[str]:
    """Name of the arc in lines that leave room for who is favoured."""
    return wrap(scale.title, frame.panel_height - 4 * frame.size, frame.size, screen=True)


def draw_sides(ax: Axes, scale: Scale, who: tuple[str, str], frame: Frame, palette: Palette) -> None:
    """Name of the arc, and who is favoured under and over the null."""
    size, right = frame.size, 1 + frame.right / frame.panel_width
    look: dict[str, Any] = {
        "transform": ax.transAxes,
        "ha": "right",
        "fontsize": size,
        "color": palette.ink,
        "linespacing": 1.2,
    }
    ax.text(
        right, 0.5, "\n".join(arc_name(scale, frame)).replace("$", r"\$"), rotation=90, va="center", **look
    )
    above = 0.7 * size / frame.panel_height
    for side, arrow, height, align in ((who[0], "↓", above, "bottom"), (who[1], "↑", 1.0, "top")):
        ax.text(right, height, f"{side} {arrow}".replace("$", r"\$"), va=align, **look)


def draw_studies(
    ax: Axes, fit: Pooled, points: Radial, arc: Arc, frame: Frame, palette: Palette, choice: str
) -> None:
    """Studies and their names, which keep off the arc."""
    radius = 0.32 * frame.size
    study_dots(ax, points.x, points.z, radius, palette)
    slopes = _angles(arc, arc.lowest, arc.highest)
    rings = [arc.at(slopes, step * frame.size) for step in range(4)]
    walls = frame.places(*(np.concatenate(part) for part in zip(*rings, strict=True)))
    along = np.linspace(0.0, points.x.max(), 60)
    heights = [points.slope * along + step * points.band for step in (-1, 0, 1)]
    drawn = frame.places(np.tile(along, 4), np.concatenate([*heights, np.zeros(60)]))
    far = np.where(points.outside, 2.0, 1.0) * (0.1 + np.abs(points.z - points.slope * points.x))
    names = place_names(
        frame,
        np.vstack([frame.places(points.x, points.z), walls]),
        [str(name) for name in fit.rows["label"]] + [""] * len(walls),
        radius=np.append(np.full(fit.k, radius), np.full(len(walls), 0.5 * frame.size)),
        notable=np.append(far, np.full(len(walls), np.nan)),
        choice=choice,
        lines=drawn,
    )
    draw_names(ax, frame, names, points.x, points.z, palette.ink)


def _interval_look(palette: Palette) -> dict[str, Any]:
    return {"color": palette.pooled, "linewidth": 3.6, "solid_capstyle": "butt"}


def handles(frame: Frame, palette: Palette) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    dot: dict[str, Any] = {"marker": "o", "color": palette.study, "markersize": 0.64 * frame.size}
    return [
        Line2D([], [], linestyle="none", markeredgecolor=palette.paper, markeredgewidth=0.5, **dot),
        Line2D([], [], **estimate_look(palette)),
        Line2D([], [], **_interval_look(palette)),
        Patch(facecolor=palette.shade, edgecolor=palette.muted, linestyle=(0, (3, 2))),
        Line2D([], [], **null_look(palette)),
    ]
