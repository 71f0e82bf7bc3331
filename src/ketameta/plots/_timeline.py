"""Drawing of a figure of effect over time that is laid out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ketameta.plots._legend import draw_legend
from ketameta.plots._looks import style_axes
from ketameta.plots._place import below, shrink
from ketameta.plots._timelegend import Entry
from ketameta.plots._timemarks import CI, EDGES, MARKS, PI, draw_bands, draw_curve, draw_dots, draw_marks
from ketameta.plots._timemarks import LINE as CURVE
from ketameta.plots._timeoptions import TimecourseOptions
from ketameta.plots._timepage import Page
from ketameta.plots._timestyle import BRIDGED, Style, styles
from ketameta.plots.style import Palette, font, palette_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

_HATCH = "////"


def draw(ax: Axes, page: Page, options: TimecourseOptions) -> None:
    """Shrink the axes inside their box, and draw the whole figure around them."""
    palette = palette_of(ax.figure)  # type: ignore[arg-type]
    looks = styles(len(page.strands), palette)
    shrink(ax, left=page.left, top=page.above, width=page.panel_width, height=page.panel_height)
    _axes(ax, page, palette)
    for low, high in page.empty:
        ax.axvspan(
            low,
            high,
            facecolor=palette.shade,
            edgecolor=palette.paper,
            hatch=_HATCH,
            linewidth=0,
            zorder=0.1,
            label="_gap",
        )
    if options.threshold is not None:
        ax.axhline(
            options.threshold,
            color=_marked(palette, looks),
            linewidth=0.9,
            linestyle=BRIDGED,
            zorder=1.6,
            label="_threshold",
        )
    for strand, style in zip(page.strands, looks, strict=True):
        draw_bands(ax, strand, style, page)
        if options.trials:
            draw_dots(ax, strand, style, page, palette)
        draw_curve(ax, strand, style, page)
        draw_marks(ax, strand, style, page, palette)
    draw_legend(
        ax,
        page.legend,
        [_handle(entry, page, palette, looks) for entry in page.entries],
        left=-(page.left + 0.6 * page.size) / page.panel_width,
        size=page.size,
        ink=palette.ink,
    )
    _words(ax, page, palette, options)


def _axes(ax: Axes, page: Page, palette: Palette) -> None:
    """Scales, limits, ticks and the line of no difference."""
    ax.set_xscale("linear" if page.axis.linear else "log")
    if page.scale.ratio:
        ax.set_yscale("log")
    ax.set_xlim(page.axis.first, page.axis.last)
    ax.set_ylim(*page.scale.shown([page.low, page.high]).tolist())
    style_axes(ax, page.size, palette)
    look: dict[str, Any] = {"fontsize": page.size, "color": palette.ink, "fontfamily": list(font())}
    ax.set_xticks([tick.hours for tick in page.ticks], [tick.label for tick in page.ticks], **look)
    ax.set_yticks(page.effect_ticks, page.scale.tick_text(page.effect_ticks), **look)
    if 0 < page.null < 1:
        ax.axhline(page.scale.null, color=palette.ink, linewidth=0.8, zorder=1.5, label="_null")


def _handle(entry: Entry, page: Page, palette: Palette, looks: Sequence[Style]) -> Any:
    """Key of one entry; what all curves share is shown in the ink of the words."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    many = len(looks) > 1
    style = looks[entry.curve]
    fill = palette.muted if many else style.fill
    dot: dict[str, Any] = {"markersize": 0.7 * page.size, "markeredgecolor": palette.paper}
    mark: dict[str, Any] = {
        "markersize": 0.6 * page.size,
        "markerfacecolor": palette.paper,
        "markeredgecolor": _marked(palette, looks),
        "markeredgewidth": 1.2,
    }
    if entry.kind == "curve":
        look: dict[str, Any] = {"marker": style.marker, **dot} if many and page.dots else {}
        return Line2D([], [], color=style.line, linewidth=CURVE, linestyle=style.dash, **look)
    if entry.kind == "bridged":
        return Line2D([], [], color=palette.muted, linewidth=0.5 * CURVE)
    if entry.kind in EDGES:
        alpha = {"ci": CI + PI, "sim": 0.0, "pi": 0.0 if many else PI}[entry.kind]
        width, edges = EDGES[entry.kind]
        width = width if many or entry.kind != "ci" else 0.0
        edge = style.line if entry.kind == "sim" and not many else fill
        return Patch(facecolor=(fill, alpha), edgecolor=edge, linewidth=width, linestyle=edges)
    if entry.kind == "empty":
        return Patch(facecolor=palette.shade, edgecolor=palette.rule, hatch=_HATCH, linewidth=0)
    if entry.kind == "trial":
        return Line2D([], [], color=fill, linewidth=0.6, marker="o", **dot)
    if entry.kind == "half_life":
        return Line2D([], [], linestyle="none", marker=MARKS["half_life"], **mark)
    look = {"marker": MARKS["crossing"], **mark} if entry.kind == "crossing" else {}
    return Line2D([], [], color=_marked(palette, looks), linewidth=0.9, linestyle=BRIDGED, **look)


def _marked(palette: Palette, looks: Sequence[Style]) -> str:
    """Colour of what is marked on the curve, or of no curve where there are several."""
    return palette.accent if len(looks) == 1 else palette.muted


def _words(ax: Axes, page: Page, palette: Palette, options: TimecourseOptions) -> None:
    """Names of the axes, sides, numbers of trials, title and notes."""
    size, panel = page.size, page.panel_width
    look: dict[str, Any] = {"fontsize": size, "color": palette.ink}
    ax.set_xlabel(options.time_name.replace("$", r"\$"), va="baseline", **look)
    ax.xaxis.set_label_coords(0.5, -3.1 * size / page.panel_height)
    ax.set_ylabel("\n".join(page.name), va="top", linespacing=1.2, **look)
    ax.yaxis.set_label_coords(-page.left / panel, 0.5)
    for lines, end, align in ((page.sides[0], -0.5, "top"), (page.sides[1], 0.5, "bottom")):
        ax.annotate(
            "\n".join(lines).replace("$", r"\$"),
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
    depth = _numbers(ax, page, palette) + 1.9 * size
    for line in page.foot:
        below(ax, -page.left / panel, depth, line, ha="left", fontsize=page.small, color=palette.muted)
        depth += 1.35 * page.small
    height = page.panel_height + page.above - 1.2 * size
    for line in page.title:
        below(
            ax, -page.left / panel, -height, line, fontsize=1.2 * size, fontweight="bold", color=palette.ink
        )
        height -= 1.56 * size


def _numbers(ax: Axes, page: Page, palette: Palette) -> float:
    """Numbers under the ticks; of several curves, under the name and the key of each. Returns their depth."""
    size, panel = page.size, page.panel_width
    look: dict[str, Any] = {"fontsize": size, "color": palette.ink}
    looks = styles(len(page.strands), palette)
    depth = 3.1 * size + (0.5 * size if page.counts else 0.0)
    for part, style in zip(page.counts, looks, strict=False):
        depth += 0.5 * size if part.name else 0.0
        for i, line in enumerate(part.name):
            depth += 1.4 * size
            if i == 0:
                _key(ax, page, style, depth - 0.36 * size)
            below(ax, (3.2 * size - page.left) / panel, depth, line, ha="left", **look)
        for heading, numbers in part.rows:
            depth += 1.4 * size
            below(ax, -page.heading / panel, depth, heading, ha="right", **look)
            for share, number in zip(
                page.axis.share([x.hours for x in page.ticks]).tolist(), numbers, strict=True
            ):
                below(ax, share, depth, number, ha="center", **look)
    return depth


def _key(ax: Axes, page: Page, style: Style, depth: float) -> None:
    """The look of a curve, before its name."""
    ends = [-page.left / page.panel_width, (2.4 * page.size - page.left) / page.panel_width]
    ax.plot(
        ends,
        [-depth / page.panel_height] * 2,
        transform=ax.transAxes,
        color=style.line,
        linewidth=CURVE,
        linestyle=style.dash,
        clip_on=False,
        label="_key",
    )
