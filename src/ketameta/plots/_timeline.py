"""Drawing of a figure of effect over time that is laid out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta._typing import BoolArray
from ketameta.curves.words import clock
from ketameta.plots._place import below, shrink
from ketameta.plots._timepage import Page, TimecourseOptions
from ketameta.plots._words import level_text
from ketameta.plots.style import Palette, font, palette_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ketameta.curves import DurabilityCurve

__all__ = ["draw"]

_LARGEST_DOT, _SMALLEST_DOT = 1.2, 0.34
_CI, _PI = 0.34, 0.14


def draw(ax: Axes, curve: DurabilityCurve, page: Page, options: TimecourseOptions) -> None:
    """Shrink the axes inside their box, and draw the whole figure around them."""
    palette = palette_of(ax.figure)  # type: ignore[arg-type]
    panel = page.width - page.left - page.right
    shrink(ax, left=page.left, top=page.above, width=panel, height=page.panel_height)
    _axes(ax, page, palette)
    _gaps(ax, curve, page, palette)
    if options.trials:
        _dots(ax, page, palette)
    _curve(ax, curve, page, palette, prediction=options.prediction)
    _half_life(ax, curve, page, palette)
    _legend(ax, curve, page, palette, options)
    _words(ax, page, palette)


def _axes(ax: Axes, page: Page, palette: Palette) -> None:
    """Scales, limits, ticks and the line of no difference."""
    from matplotlib.ticker import NullLocator

    ax.set_facecolor("none")
    ax.grid(visible=False)
    ax.set_xscale("log")
    if page.scale.ratio:
        ax.set_yscale("log")
    ax.set_xlim(page.first, page.last)
    ax.set_ylim(*page.scale.shown([page.low, page.high]).tolist())
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_minor_locator(NullLocator())
    look: dict[str, Any] = {"fontsize": page.size, "color": palette.ink, "fontfamily": list(font())}
    ax.set_xticks([tick.hours for tick in page.ticks], [tick.label for tick in page.ticks], **look)
    ax.set_yticks(page.effect_ticks, page.scale.tick_text(page.effect_ticks), **look)
    ax.tick_params(
        which="major",
        direction="out",
        length=0.4 * page.size,
        width=0.8,
        pad=0.3 * page.size,
        color=palette.ink,
        top=False,
        right=False,
        bottom=True,
        left=True,
    )
    for name, spine in ax.spines.items():
        spine.set(visible=name in {"left", "bottom"}, color=palette.ink, linewidth=0.8)
    if 0 < page.null < 1:
        ax.axhline(page.scale.null, color=palette.ink, linewidth=0.8, zorder=1.5, label="_null")


def _gaps(ax: Axes, curve: DurabilityCurve, page: Page, palette: Palette) -> None:
    """Grey where no trial measured, and say so."""
    per_point = np.log(page.last / page.first) / (page.width - page.left - page.right)
    for low, high in curve.gaps:
        ax.axvspan(
            low,
            high,
            facecolor=palette.shade,
            edgecolor=palette.paper,
            hatch="////",
            linewidth=0,
            zorder=0.1,
            label="_gap",
        )
        upright = np.log(high / low) / per_point > 5 * page.small
        ax.text(
            float(np.sqrt(low * high)),
            0.98,
            "no trial",
            transform=ax.get_xaxis_transform(),
            ha="center",
            va="top",
            rotation=0 if upright else 90,
            fontsize=page.small,
            color=palette.muted,
            zorder=5,
        )


def _dots(ax: Axes, page: Page, palette: Palette) -> None:
    """Trials: dots by precision, joined within a trial; triangles where one lies off the axis."""
    trials = page.trials
    shown = page.scale.shown(trials.yi)
    bottom, top = page.scale.shown([page.low, page.high]).tolist()
    for one in range(len(trials.trials)):
        at = trials.trial == one
        if at.sum() > 1:
            ax.plot(
                trials.hours[at],
                shown[at],
                color=palette.study,
                linewidth=0.6,
                alpha=0.75,
                zorder=2,
                label="_trial",
            )
    inside = (shown >= bottom) & (shown <= top)
    area = np.maximum(
        (_LARGEST_DOT * page.size) ** 2 * trials.vi.min() / trials.vi, (_SMALLEST_DOT * page.size) ** 2
    )
    ax.scatter(
        trials.hours[inside],
        shown[inside],
        s=area[inside],
        marker="o",
        facecolor=palette.study,
        edgecolor=palette.paper,
        linewidth=0.3,
        zorder=3,
        label="_dots",
    )
    for hours, value in zip(trials.hours[~inside].tolist(), shown[~inside].tolist(), strict=True):
        over = value > top
        ax.plot(
            [hours],
            [top if over else bottom],
            marker="^" if over else "v",
            markersize=0.7 * page.size,
            color=palette.study,
            linestyle="none",
            clip_on=False,
            zorder=4,
            label="_cut",
        )


def _curve(ax: Axes, curve: DurabilityCurve, page: Page, palette: Palette, *, prediction: bool) -> None:
    """Mean effect, solid where trials support it and dashed in gaps; its bands where supported."""
    line = page.line
    hours = line["time_hours"].to_numpy(dtype=float)
    shown = {
        name: page.scale.shown(line[name]) for name in ("estimate", "ci_low", "ci_high", "pi_low", "pi_high")
    }
    empty: BoolArray = np.zeros(hours.shape, dtype=bool)
    inner: BoolArray = np.zeros(hours.shape, dtype=bool)
    for low, high in curve.gaps:
        empty |= (hours >= low) & (hours <= high)
        inner |= (hours > low) & (hours < high)
    for name, alpha, zorder in (("pi", _PI, 0.5), ("ci", _CI, 0.6)):
        if name == "ci" or prediction:
            ax.fill_between(
                hours,
                shown[f"{name}_low"],
                shown[f"{name}_high"],
                where=(~inner).tolist(),
                facecolor=palette.study,
                edgecolor="none",
                alpha=alpha,
                zorder=zorder,
                label=f"_{name}",
            )
    for seen, style, name in ((~inner, "-", "_curve"), (empty, (0, (3, 2)), "_dashed")):
        if seen.any():
            values = np.where(seen, shown["estimate"], np.nan)
            ax.plot(
                hours, values, color=palette.pooled, linewidth=1.6, linestyle=style, zorder=3.5, label=name
            )


def _half_life(ax: Axes, curve: DurabilityCurve, page: Page, palette: Palette) -> None:
    """Mark where the effect has fallen to half."""
    value = curve.half_life.value_hours
    first, last = curve.time_range
    if value is None:
        return
    hours = first + value if curve.curve == "exponential" else value
    if not first <= hours <= last:
        return
    height = float(page.scale.shown(curve.at(hours=[hours])["estimate"].iloc[0]))
    bottom = float(page.scale.shown(page.low))
    ax.plot(
        [hours, hours],
        [bottom, height],
        color=palette.accent,
        linewidth=0.9,
        linestyle=(0, (1, 1.5)),
        zorder=3.6,
    )
    ax.plot(
        [hours],
        [height],
        marker="D",
        markersize=0.6 * page.size,
        markerfacecolor=palette.paper,
        markeredgecolor=palette.accent,
        markeredgewidth=1.2,
        linestyle="none",
        zorder=4,
        label="_half_life",
    )
    early = np.log(hours / page.first) < 0.7 * np.log(page.last / page.first)
    ax.annotate(
        f"half-life {clock(value)}",
        (hours, bottom),
        xytext=(0.5 * page.size if early else -0.5 * page.size, 0.6 * page.size),
        textcoords="offset points",
        ha="left" if early else "right",
        va="bottom",
        fontsize=page.size,
        color=palette.accent,
        zorder=5,
        bbox={"boxstyle": "square,pad=0.15", "facecolor": palette.paper, "edgecolor": "none", "alpha": 0.8},
    )


def _legend(
    ax: Axes, curve: DurabilityCurve, page: Page, palette: Palette, options: TimecourseOptions
) -> None:
    """What line, bands and dots are."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    level = level_text(curve.level)
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=palette.pooled, linewidth=1.6, label="Mean effect"),
        Patch(facecolor=palette.study, alpha=_CI + _PI, label=f"{level} CI"),
    ]
    if options.prediction:
        handles.append(Patch(facecolor=palette.study, alpha=_PI, label=f"{level} prediction interval"))
    if options.trials:
        handles.append(
            Line2D(
                [],
                [],
                color=palette.study,
                linewidth=0.6,
                marker="o",
                markersize=0.7 * page.size,
                markeredgecolor=palette.paper,
                label="Trial (area: precision)",
            )
        )
    legend = ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=page.legend_columns,
        frameon=False,
        fontsize=page.size,
        labelcolor=palette.ink,
        borderpad=0,
        borderaxespad=0.6,
        handlelength=1.8,
        columnspacing=1.4,
        labelspacing=0.35,
    )
    legend.set_in_layout(False)


def _words(ax: Axes, page: Page, palette: Palette) -> None:
    """Names of the axes, sides, numbers of trials, title and notes."""
    size = page.size
    panel = page.width - page.left - page.right
    look: dict[str, Any] = {"fontsize": size, "color": palette.ink}
    ax.set_xlabel("Time since dosing", va="baseline", **look)
    ax.xaxis.set_label_coords(0.5, -3.1 * size / page.panel_height)
    ax.set_ylabel("\n".join(page.name), va="top", linespacing=1.2, **look)
    ax.yaxis.set_label_coords(-page.left / panel, 0.5)
    for lines, end, align in ((page.sides[0], -0.5, "top"), (page.sides[1], 0.5, "bottom")):
        ax.annotate(
            "\n".join(lines),
            (1, page.null),
            xycoords="axes fraction",
            xytext=(0.7 * size, end * size),
            textcoords="offset points",
            rotation=90,
            ha="left",
            va=align,
            linespacing=1.2,
            annotation_clip=False,
            **look,
        )
    depth = 3.1 * size
    for heading, numbers in page.counts:
        depth += (1.4 if depth > 3.2 * size else 1.9) * size
        below(ax, -0.7 * size / panel, depth, heading, ha="right", **look)
        for tick, number in zip(page.ticks, numbers, strict=True):
            share = np.log(tick.hours / page.first) / np.log(page.last / page.first)
            below(ax, float(share), depth, number, ha="center", **look)
    depth += 1.9 * size
    for line in page.foot:
        below(ax, -page.left / panel, depth, line, ha="left", fontsize=page.small, color=palette.muted)
        depth += 1.35 * page.small
    height = page.panel_height + page.above - 1.2 * size
    for line in page.title:
        below(
            ax, -page.left / panel, -height, line, fontsize=1.2 * size, fontweight="bold", color=palette.ink
        )
        height -= 1.56 * size
