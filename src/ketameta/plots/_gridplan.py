"""The frame of a figure that is a table of cells: rows, columns, headings and notes, laid out in points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta._render import plain
from ketameta._typing import Array
from ketameta.plots._legend import Legend, draw_legend, plan_legend
from ketameta.plots.style import Palette, text_width, title_lines, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Grid", "Head", "Layout", "Row", "plan_grid", "weight_of"]

_SMALL = 0.9
_GAP = 0.9
_MOST_UNDER = 4
_BESIDE = 0.45


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its label, whether that is a heading over rows, and its least height in sizes of the type."""

    label: str
    height: float
    heading: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """Heading of a column: its first words, in bold, what stands under them, and its least width in sizes."""

    name: str
    least: float
    more: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """What a table of cells says and needs.

    Attributes
    ----------
    rows, heads : tuple
        Rows from the top, and headings of the columns from the left.
    corner : str
        Heading of the labels.
    most : float
        Greatest width of a column in sizes of the type.
    axis : float
        Height in sizes of the type that an axis under the cells takes.
    right : float
        Width in sizes of the type that stays free on the right.
    legend, foot : tuple of str
        Words of the legend, and the notes.
    key : str
        Note that stands in for what is under the names of headings, where that has no room.
    title : str, optional
        Title.
    """

    rows: tuple[Row, ...]
    heads: tuple[Head, ...]
    corner: str
    most: float
    legend: tuple[str, ...] = ()
    foot: tuple[str, ...] = ()
    key: str = ""
    title: str | None = None
    axis: float = 0.0
    right: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A table laid out; lengths in points.

    Attributes
    ----------
    grid : Grid
        What is laid out.
    size, width, left : float
        Size of the type; widths of the box and of the labels.
    columns : ndarray, shape (columns,)
        Widths of the columns: equal, but where a heading needs more.
    labels : tuple of str
        Labels of the rows, broken into lines.
    heights : ndarray, shape (rows,)
        Heights of the rows.
    names, more : tuple of tuple of str
        Lines of the headings, and of what stands under them.
    title, foot : tuple of str
        Printed lines.
    legend : Legend
        The legend over the table.
    """

    grid: Grid
    size: float
    width: float
    left: float
    columns: Array
    labels: tuple[str, ...]
    heights: Array
    names: tuple[tuple[str, ...], ...]
    more: tuple[tuple[str, ...], ...]
    title: tuple[str, ...]
    foot: tuple[str, ...]
    legend: Legend

    @property
    def small(self) -> float:
        """Size of the type of the notes."""
        return _SMALL * self.size

    @property
    def panel(self) -> tuple[float, float]:
        """Width and height of the cells."""
        return float(self.columns.sum()), float(self.heights.sum())

    @property
    def x(self) -> Array:
        """Centres of the columns from the left edge of the cells."""
        return np.asarray(np.cumsum(self.columns) - self.columns / 2, dtype=np.float64)

    @property
    def y(self) -> Array:
        """Centres of the rows from the upper edge of the cells."""
        return np.asarray(np.cumsum(self.heights) - self.heights / 2, dtype=np.float64)

    @property
    def more_height(self) -> float:
        """Height of what stands under the names of the headings."""
        return 1.2 * self.small * max(map(len, self.more), default=0)

    @property
    def broken(self) -> tuple[int, int]:
        """How many labels have a word that is broken, and how many lines the longest label has."""
        torn = sum(
            label.replace("\n", " ") != " ".join(plain(row.label).split())
            for row, label in zip(self.grid.rows, self.labels, strict=True)
        )
        return torn, max(label.count("\n") + 1 for label in self.labels)

    @property
    def head_height(self) -> float:
        """Height of the headings."""
        names = max(map(len, self.names), default=0)
        return self.more_height + (1.2 * names + 0.5) * self.size if names else 0.3 * self.size

    @property
    def above(self) -> float:
        """Height of title, legend and headings."""
        legend = self.legend.height + 0.8 * self.size if self.legend.texts else 0.0
        return 1.56 * self.size * len(self.title) + legend + self.head_height

    @property
    def height(self) -> float:
        """Height of the whole figure."""
        foot = 1.35 * self.small * len(self.foot) + 0.7 * self.size if self.foot else 0.0
        return self.above + self.panel[1] + (self.grid.axis + 0.4) * self.size + foot

    def enough(self) -> bool:
        """Whether labels and columns fit into the box."""
        return self.left + self.panel[0] + self.grid.right * self.size <= self.width + 1e-6

    def draw_legend(self, ax: Axes, handles: Sequence[Any], palette: Palette) -> None:
        """Draw the legend with the key of each of its entries."""
        width, height = self.panel
        draw_legend(ax, self.legend, handles, left=0.0, size=self.size, ink=palette.ink)
        drawn = ax.get_legend()
        if drawn is not None:
            corner = (-(self.left + 0.6 * self.size) / width, 1 + self.head_height / height)
            drawn.set_bbox_to_anchor(corner, ax.transAxes)


def plan_grid(grid: Grid, width: float, size: float, share: float, *, footer: bool) -> Layout:
    """Lay out a table, whether or not there is enough room.

    Parameters
    ----------
    grid : Grid
        What the table says.
    width, size : float
        Width of the box and size of the type in points.
    share : float
        Greatest share of the width that labels take.
    footer : bool
        Whether notes are printed.

    Examples
    --------
    >>> from ketameta.plots._gridplan import Grid, Head, Row, plan_grid
    >>> grid = Grid((Row("A", 2),), (Head("D1", 2), Head("D2", 2)), "Study", most=9)
    >>> layout = plan_grid(grid, 200, 8, 0.3, footer=False)
    >>> layout.enough(), float(layout.heights[0]), [round(x / layout.size) for x in layout.columns.tolist()]
    (True, 16.0, [9, 9])
    """
    small = _SMALL * size
    texts = [plain(row.label) for row in grid.rows]
    texts_beside = [text for text, row in zip(texts, grid.rows, strict=True) if not row.heading]
    longest = max([_bold(grid.corner, size), *(text_width(text, size, screen=True) for text in texts_beside)])
    left = min(longest + _GAP * size, share * width)
    labels = [
        wrap(
            text,
            width - size if row.heading else left - _GAP * size,
            size,
            weight=weight_of(row),
            screen=True,
        )
        for text, row in zip(texts, grid.rows, strict=True)
    ]
    columns = _share_out(width - left - grid.right * size, grid, size)
    under = tuple(
        _under(head.more, float(column) - _BESIDE * size, small)
        for head, column in zip(grid.heads, columns, strict=True)
    )
    shown = all(lines is not None for lines in under)
    notes = (*(() if shown or not grid.key else (grid.key,)), *(grid.foot if footer else ()))
    return Layout(
        grid=grid,
        size=size,
        width=width,
        left=left,
        columns=columns,
        labels=tuple(map("\n".join, labels)),
        heights=np.array(
            [
                max(row.height, 1.2 * len(lines) + 0.4) * size
                for row, lines in zip(grid.rows, labels, strict=True)
            ]
        ),
        names=tuple(
            tuple(wrap(plain(head.name), column - _BESIDE * size, size, weight="bold", screen=True))
            if head.name
            else ()
            for head, column in zip(grid.heads, columns.tolist(), strict=True)
        ),
        more=tuple(lines or () for lines in under) if shown else (),
        title=title_lines(grid.title, width, size),
        foot=tuple(line for note in notes for line in wrap(plain(note), width, small, screen=True)),
        legend=plan_legend(grid.legend, width - size, size),
    )


def weight_of(row: Row) -> str:
    """Weight of the type of a row's label."""
    return "bold" if row.heading else "normal"


def _bold(text: str, size: float) -> float:
    return text_width(text, size, weight="bold", screen=True)


def _share_out(room: float, grid: Grid, size: float) -> Array:
    """Widths of the columns: those that need more than others get what they need."""
    needed = np.array(
        [
            max([head.least * size, *(_bold(word, size) + _BESIDE * size for word in head.name.split())])
            for head in grid.heads
        ]
    )
    wide = np.zeros(len(needed), dtype=np.bool_)
    even = room / len(needed)
    while not wide.all() and np.any(~wide & (needed > even)):
        wide |= needed > even
        even = (room - needed[wide].sum()) / max((~wide).sum(), 1)
    return np.asarray(np.where(wide, needed, min(even, grid.most * size)), dtype=np.float64)


def _under(text: str, room: float, size: float) -> tuple[str, ...] | None:
    """Lines of what stands under a heading; None where there is no room for it."""
    text = plain(text)
    if any(text_width(word, size, screen=True) > room for word in text.split()):
        return None
    lines = tuple(wrap(text, room, size, screen=True)) if text else ()
    return lines if len(lines) <= _MOST_UNDER else None
