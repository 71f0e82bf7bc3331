"""Drawing of curves, their bands, trials and marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta.plots._timepage import Page
from ketameta.plots._timestrands import Strand
from ketameta.plots._timestyle import BRIDGED, Style
from ketameta.plots.style import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CI", "EDGES", "LINE", "MARKS", "PI", "draw_bands", "draw_curve", "draw_dots", "draw_marks"]

LINE = 1.6
CI, PI = 0.34, 0.14
EDGES: dict[str, tuple[float, Any]] = {"ci": (0.5, "-"), "sim": (0.9, (0, (4, 2))), "pi": (0.8, (0, (1, 2)))}
MARKS = {"half_life": "D", "crossing": "s"}
_CI_OF_MANY = 0.16
_LARGEST_DOT, _SMALLEST_DOT = 1.2, 0.4


def draw_bands(ax: Axes, strand: Strand, style: Style, page: Page) -> None:
    """Confidence and prediction bands where trials support the curve.

    The simultaneous band is dashed edges, and the prediction band has dotted ones, so that the three are
    told apart without colour; of several curves it is edges only, and confidence bands have solid edges.
    """
    many = len(page.strands) > 1
    where = (~strand.bridged(ends=False)).tolist()
    bands: list[tuple[str, float, float]] = [("ci", _CI_OF_MANY if many else CI, 0.6)]
    if "sim_low" in strand.line:
        bands.append(("sim", 0.0, 0.7))
    if page.prediction:
        bands.append(("pi", 0.0 if many else PI, 0.5))
    for name, alpha, zorder in bands:
        low, high = strand.shown(f"{name}_low"), strand.shown(f"{name}_high")
        if alpha:
            ax.fill_between(
                strand.hours,
                low,
                high,
                where=where,
                facecolor=style.fill,
                edgecolor="none",
                alpha=alpha,
                zorder=zorder,
                label=f"_{name}",
            )
        if name != "ci" or many:
            for edge in (low, high):
                ax.plot(
                    strand.hours,
                    np.where(where, edge, np.nan),
                    color=style.line if name == "sim" else style.fill,
                    linewidth=EDGES[name][0],
                    linestyle=EDGES[name][1],
                    zorder=zorder,
                    label=f"_{name}_edge",
                )


def draw_dots(ax: Axes, strand: Strand, style: Style, page: Page, palette: Palette) -> None:
    """Trials: dots by precision, joined within a trial; triangles where one lies off the axis."""
    trials = strand.trials
    shown = page.scale.shown(trials.yi)
    bottom, top = page.scale.shown([page.low, page.high]).tolist()
    for one in np.unique(trials.arm):
        at = trials.arm == one
        if at.sum() > 1:
            ax.plot(
                trials.hours[at],
                shown[at],
                color=style.fill,
                linewidth=0.6,
                alpha=0.75,
                zorder=2,
                label="_trial",
            )
    least = min(float(other.trials.vi.min()) for other in page.strands)
    order = np.argsort(trials.vi, kind="stable")
    order = order[(shown[order] >= bottom) & (shown[order] <= top)]
    area = np.maximum(
        (_LARGEST_DOT * page.size) ** 2 * (least / trials.vi[order]), (_SMALLEST_DOT * page.size) ** 2
    )
    ax.scatter(
        trials.hours[order],
        shown[order],
        s=area,
        marker=style.marker,
        facecolor=style.fill,
        edgecolor=palette.paper,
        linewidth=0.4,
        zorder=3,
        clip_on=False,
        label="_dots",
    )
    outside = (shown < bottom) | (shown > top)
    for hours, value in zip(trials.hours[outside].tolist(), shown[outside].tolist(), strict=True):
        over = value > top
        ax.plot(
            [hours],
            [top if over else bottom],
            marker="^" if over else "v",
            markersize=0.7 * page.size,
            color=style.fill,
            linestyle="none",
            clip_on=False,
            zorder=4,
            label="_cut",
        )


def draw_curve(ax: Axes, strand: Strand, style: Style, page: Page) -> None:
    """Mean effect: as its legend shows it where trials support it, thin in gaps."""
    many = len(page.strands) > 1
    shown = strand.shown("estimate")
    parts: tuple[tuple[Any, Any, float, str], ...] = (
        (~strand.bridged(ends=False), style.dash, LINE, "_curve"),
        (strand.bridged(ends=True), style.dash if many else BRIDGED, 0.5 * LINE, "_dashed"),
    )
    for seen, dash, width, name in parts:
        if seen.any():
            ax.plot(
                strand.hours,
                np.where(seen, shown, np.nan),
                color=style.line,
                linewidth=width,
                linestyle=dash,
                zorder=3.5,
                label=name,
            )


def draw_marks(ax: Axes, strand: Strand, style: Style, page: Page, palette: Palette) -> None:
    """Where the effect has fallen to half, and where it falls short of the threshold."""
    lone = len(page.strands) == 1
    bottom = float(page.scale.shown(page.low))
    for name, mark in (("half_life", strand.half_life), ("crossing", strand.crossing)):
        point = mark.point
        if point is None:
            continue
        hours, height = point[0], float(page.scale.shown(point[1]))
        color = palette.accent if lone else style.line
        ax.plot(
            [hours, hours],
            [bottom, height],
            color=color,
            linewidth=0.8,
            linestyle=(0, (1, 1.5)),
            zorder=3.3,
            label="_drop",
        )
        ax.plot(
            [hours],
            [height],
            marker=MARKS[name],
            markersize=0.6 * page.size,
            markerfacecolor=palette.paper,
            markeredgecolor=color,
            markeredgewidth=1.2,
            linestyle="none",
            zorder=4.5,
            label=f"_{name}",
        )
