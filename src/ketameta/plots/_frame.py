"""The frame of a figure of one panel: axes, their names, legend, title and notes, laid out in points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.errors import FigureError
from ketameta.plots._axis import Axis, Labels
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._legend import Legend, draw_legend, plan_legend
from ketameta.plots._looks import style_axes
from ketameta.plots._place import MARGIN_MM, below, box_size, new_axes, require_empty, shrink
from ketameta.plots.style import POINTS_PER_MM, Palette, font, palette_of, text_width, title_lines, wrap

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["Axis", "Frame", "Words", "lay_out", "open_frame"]

_SMALL = 0.9
_LOWEST_MM = 25.0
_SMALLEST_TYPE = 4.9


@dataclass(frozen=True, slots=True)
class Words:
    """What stands around a panel: title, words of the legend, and notes."""

    title: str | None = None
    legend: tuple[str, ...] = ()
    foot: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A panel laid out; lengths in points.

    Attributes
    ----------
    x, y : Axis
        The axes.
    size : float
        Size of the type.
    width, panel_height : float
        Width of the box, and height of the panel.
    left, right : float
        What stands left and right of the panel.
    x_ticks, y_ticks : tuple of float
        Ticks on the shown scales.
    x_labels : Labels
        Labels of the ticks of the horizontal axis.
    title, x_name, y_name, foot : tuple of str
        Printed lines.
    sides : tuple of tuple of str
        Printed lines of the two sides under the horizontal axis.
    parting : float
        Where the two sides part, as a share of the horizontal axis.
    legend : Legend
        The legend over the panel.
    """

    x: Axis
    y: Axis
    size: float
    width: float
    panel_height: float
    left: float
    right: float
    x_ticks: tuple[float, ...]
    y_ticks: tuple[float, ...]
    x_labels: Labels
    title: tuple[str, ...]
    x_name: tuple[str, ...]
    y_name: tuple[str, ...]
    foot: tuple[str, ...]
    sides: tuple[tuple[str, ...], tuple[str, ...]]
    parting: float
    legend: Legend

    @property
    def small(self) -> float:
        """Size of the type of the notes."""
        return _SMALL * self.size

    @property
    def panel_width(self) -> float:
        """Width of the panel."""
        return self.width - self.left - self.right

    @property
    def above(self) -> float:
        """Height of title and legend."""
        return (1.56 * len(self.title) + 0.8) * self.size + self.legend.height

    @property
    def name_depth(self) -> float:
        """Depth of the first baseline of the horizontal axis' name under the panel."""
        return (1.3 * max(map(len, self.sides)) + 3.1) * self.size + self.x_labels.depth

    @property
    def foot_depth(self) -> float:
        """Depth of the last baseline of that name."""
        return self.name_depth + 1.2 * (len(self.x_name) - 1) * self.size

    @property
    def under(self) -> float:
        """Height of what stands under the panel."""
        foot = 1.35 * self.small * len(self.foot) + 0.9 * self.size if self.foot else 0.0
        return self.foot_depth + 0.4 * self.size + foot

    @property
    def height(self) -> float:
        """Height of the whole figure."""
        return self.above + self.panel_height + self.under

    def places(self, x: ArrayLike, y: ArrayLike) -> Array:
        """Points of the model's scales in points from the lower left corner of the panel, shape (n, 2)."""
        return np.column_stack((self.x.share(x) * self.panel_width, self.y.share(y) * self.panel_height))

    def draw_legend(self, ax: Axes, handles: Sequence[Artist], palette: Palette) -> None:
        """Draw the legend with the key of each of its entries."""
        left = -(self.left + 0.6 * self.size) / self.panel_width
        draw_legend(ax, self.legend, handles, left=left, size=self.size, ink=palette.ink)


def open_frame(
    ax: Axes | None,
    options: FigureOptions,
    x: Axis,
    y: Axis,
    words: Words,
    *,
    shape: float = 0.75,
) -> tuple[Axes, Frame, Palette]:
    """Lay out a panel, and draw all of it but the data and the legend.

    Parameters
    ----------
    ax : Axes, optional
        Empty axes, which shrink so that everything stays in their box; by default a new figure is made.
    options : FigureOptions
        Width and type.
    x, y : Axis
        The axes.
    words : Words
        What stands around the panel.
    shape : float
        Height of the panel as a share of its width, in a new figure.

    Returns
    -------
    Axes, Frame, Palette
        The panel, how it is laid out, and the colours that its paper asks for.

    Raises
    ------
    FigureError
        The axes are not empty, or there is too little room.
    """
    frame = lay_out(ax, options, x, y, words, shape=shape)
    if ax is None:
        ax = new_axes(options.width_mm, frame.height / POINTS_PER_MM + 2 * MARGIN_MM)
    palette = palette_of(ax.figure)  # type: ignore[arg-type]
    shrink(ax, left=frame.left, top=frame.above, width=frame.panel_width, height=frame.panel_height)
    _draw_axes(ax, frame, palette)
    _draw_words(ax, frame, palette)
    return ax, frame, palette


def lay_out(
    ax: Axes | None,
    options: FigureOptions,
    x: Axis,
    y: Axis,
    words: Words,
    *,
    shape: float = 0.75,
) -> Frame:
    """Lay out a panel as :func:`open_frame` does, and draw nothing."""
    if ax is None:
        return _fit(options, x, y, words, shape, (options.width_mm - 2 * MARGIN_MM) * POINTS_PER_MM, None)
    require_empty(ax)
    return _fit(options, x, y, words, shape, *box_size(ax))


def _fit(
    options: FigureOptions, x: Axis, y: Axis, words: Words, shape: float, width: float, height: float | None
) -> Frame:
    """Lay out with the largest type that leaves room for the panel."""
    usual = options.font_size or float(np.clip(7.5 * width / (150 * POINTS_PER_MM), 6.5, 14.0))
    smaller = () if options.font_size or height is None else np.arange(usual - 0.5, _SMALLEST_TYPE, -0.5)
    for size in (usual, *smaller):
        frame = _plan(options, x, y, words, shape, width, height, float(size))
        if min(frame.panel_height, frame.panel_width) >= _LOWEST_MM * POINTS_PER_MM:
            return frame
    given = f"{width / POINTS_PER_MM:.0f} mm x {(height or frame.height) / POINTS_PER_MM:.0f} mm"
    raise FigureError(
        f"The figure does not fit in {given}: give larger axes, a smaller font_size or no footer, "
        "or leave ax out for a figure of the right size."
    )


def _plan(
    options: FigureOptions,
    x: Axis,
    y: Axis,
    words: Words,
    shape: float,
    width: float,
    height: float | None,
    size: float,
) -> Frame:
    """The layout in type of that size, whether or not it leaves room for the panel."""
    title = title_lines(words.title, width, size)
    notes = words.foot if options.footer else ()
    foot = tuple(line for note in notes for line in wrap(note, width, _SMALL * size, screen=True))
    legend = plan_legend(words.legend, width - size, size)
    panel_height = shape * (width - 6 * size)
    if height is not None:
        lines = 1.35 * _SMALL * len(foot) + (0.9 if foot else 0.0)
        side_lines = 1.3 if any(x.sides) else 0.0
        name_lines = 1.2 * (len(wrap(x.name, width - 6 * size, size, screen=True)) - 1)
        around = 1.56 * len(title) + 0.8 + side_lines + name_lines + 3.5 + lines
        depth = x.labels(x.fitting_ticks(width, size, size, upright=False), width - 7 * size, size).depth
        panel_height = max(height - legend.height - around * size - depth, 2 * size)
    y_ticks = y.fitting_ticks(panel_height, 1.8 * size, size, upright=True)
    y_name = tuple(wrap(y.name, panel_height, size, screen=True))
    labels = max(text_width(label, size) for label in y.scale.tick_text(y_ticks))
    left = labels + 0.9 * size + (1.2 * len(y_name) + 0.5) * size
    named = max((text_width(text, size, screen=True) + 0.4 * size for _, text in y.marks), default=0.0)
    right = max(named, _right(x, width - left - named, size))
    panel_width = max(width - left - right, 2 * size)
    x_ticks = x.fitting_ticks(panel_width, 0.8 * size, size, upright=False)
    sides, parting = _sides(x, left, right, panel_width, size)
    return Frame(
        x=x,
        y=y,
        size=size,
        width=width,
        panel_height=panel_height if height is not None else shape * panel_width,
        left=left,
        right=right,
        x_ticks=x_ticks,
        y_ticks=y_ticks,
        x_labels=x.labels(x_ticks, panel_width, size),
        title=title,
        x_name=tuple(wrap(x.name, panel_width + 2 * right, size, screen=True)),
        y_name=y_name,
        foot=foot,
        sides=sides,
        parting=parting,
        legend=legend,
    )


def _right(x: Axis, room: float, size: float) -> float:
    """Room right of the panel, so that the label of no tick leaves the box."""
    if x.levels:
        return 1.2 * size
    ticks = x.fitting_ticks(max(room - 1.2 * size, 2 * size), 0.8 * size, size, upright=False)
    half = np.array([text_width(label, size, screen=True) for label in x.scale.tick_text(ticks)]) / 2
    share = x.share(x.scale.logs(ticks))
    return float(max(1.2 * size, np.max(half - (1 - share) * (room - half)) + 0.2 * size))


def _sides(
    x: Axis, left: float, right: float, panel_width: float, size: float
) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], float]:
    """Lines that say who is favoured, and where they part: at the null, or as near as both have room."""
    if not any(x.sides):
        return ((), ()), 0.0
    gap = "\N{NO-BREAK SPACE}"
    texts = f"←{gap}{x.sides[0]}", f"{x.sides[1]}{gap}→"
    under, over = (text_width(text, size, screen=True) + 0.5 * size for text in texts)
    least, most = under - left, panel_width + right - over
    at = min(max(float(x.share(0.0)), 0.0), 1.0) * panel_width
    at = min(max(at, least), most) if least <= most else (least + most) / 2
    lines = (
        tuple(wrap(texts[0], left + at - 0.4 * size, size, screen=True)),
        tuple(wrap(texts[1], right + panel_width - at - 0.4 * size, size, screen=True)),
    )
    return lines, at / panel_width


def _draw_axes(ax: Axes, frame: Frame, palette: Palette) -> None:
    """Scales, limits and ticks."""
    look: dict[str, Any] = {"fontsize": frame.size, "color": palette.ink, "fontfamily": list(font())}
    ax.set_xscale("log" if frame.x.scale.ratio else "linear")
    ax.set_yscale("log" if frame.y.scale.ratio else "linear")
    ax.set_xlim(*frame.x.limits)
    ax.set_ylim(*frame.y.limits)
    style_axes(ax, frame.size, palette)
    texts = [text.replace("$", r"\$") for text in frame.x_labels.texts]
    ax.set_xticks(frame.x_ticks, texts, rotation=90 if frame.x_labels.turned else 0, linespacing=1.2, **look)
    names = [text.replace("$", r"\$") for text in frame.y.scale.tick_text(frame.y_ticks)]
    ax.set_yticks(frame.y_ticks, names, **look)


def _draw_words(ax: Axes, frame: Frame, palette: Palette) -> None:
    """Names of the axes, who is favoured, title and notes."""
    size, panel = frame.size, frame.panel_width
    look: dict[str, Any] = {"fontsize": size, "color": palette.ink}
    ax.set_xlabel("\n".join(frame.x_name).replace("$", r"\$"), va="baseline", linespacing=1.2, **look)
    ax.xaxis.set_label_coords(0.5, -frame.foot_depth / frame.panel_height)
    ax.set_ylabel("\n".join(frame.y_name).replace("$", r"\$"), va="top", linespacing=1.2, **look)
    ax.yaxis.set_label_coords(-frame.left / panel, 0.5)
    deep = frame.x_labels.depth
    for lines, step, align in ((frame.sides[0], -0.4, "right"), (frame.sides[1], 0.4, "left")):
        for row, line in enumerate(lines):
            below(
                ax,
                frame.parting + step * size / panel,
                deep + (2.9 + 1.3 * row) * size,
                line,
                ha=align,
                **look,
            )
    for value, text in frame.y.marks:
        place = (1 + 0.4 * size / panel, float(frame.y.share(value)))
        ax.text(*place, text.replace("$", r"\$"), transform=ax.transAxes, va="center_baseline", **look)
    depth = frame.foot_depth + 1.9 * size
    for line in frame.foot:
        below(ax, -frame.left / panel, depth, line, ha="left", fontsize=frame.small, color=palette.muted)
        depth += 1.35 * frame.small
    height = frame.panel_height + frame.above - 1.2 * size
    for line in frame.title:
        below(
            ax, -frame.left / panel, -height, line, fontsize=1.2 * size, fontweight="bold", color=palette.ink
        )
        height -= 1.56 * size
