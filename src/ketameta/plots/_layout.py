"""Where the parts of a forest plot stand, in points, before anything is drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from ketameta.plots._forestrows import Column, Line
from ketameta.plots._table import Table
from ketameta.plots.style import POINTS_PER_MM, text_width, wrap

__all__ = ["Layout", "Page", "Placed", "Row", "Span", "plan"]

_LEAST_PANEL, _LEAST_MM = 0.22, 20.0
_SMALL = 0.9
_BADGE = 1.5
_TEXT_SHARE = 0.5
_BRACKETS = re.compile(r"\([^()]{1,16}\)")
_BOLD = frozenset({"group", "pooled"})


@dataclass(frozen=True, slots=True)
class Row:
    """One printed row: its words, the line of the table whose marks stand on it, and texts by column."""

    label: str
    line: Line
    first: bool
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A column with its edges in points from the left of the box, and its heading in lines."""

    column: Column
    head: tuple[str, ...]
    left: float
    right: float

    @property
    def at(self) -> float:
        """Where its texts are aligned."""
        place = {"left": self.left, "right": self.right, "center": (self.left + self.right) / 2}
        return place[self.column.align]


@dataclass(frozen=True, slots=True)
class Span:
    """A heading over several columns, with its edges."""

    text: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions of one forest plot in points from the left edge of its box.

    Attributes
    ----------
    table : Table
        What is laid out.
    rows : tuple of Row
        Printed rows from the top.
    columns : tuple of Placed
        Columns from the left; texts of rows stand in this order.
    spans : tuple of Span
        Headings over columns.
    panel : tuple of float
        Left and right edge of the interval panel.
    head : int
        Rows of headings.
    foot : tuple of str
        Lines under the axis.
    """

    table: Table
    size: float
    pitch: float
    width: float
    rows: tuple[Row, ...]
    columns: tuple[Placed, ...]
    spans: tuple[Span, ...]
    panel: tuple[float, float]
    head: int
    foot: tuple[str, ...]

    @property
    def small(self) -> float:
        """Size of the type under the axis."""
        return _SMALL * self.size

    @property
    def panel_height(self) -> float:
        """Height of the rows with their headings."""
        return self.pitch * (len(self.rows) + self.head + 0.3)

    @property
    def foot_height(self) -> float:
        """Height of the notes under the axis."""
        return self.small * 1.35 * len(self.foot) + (0.8 * self.size if self.foot else 0)

    @property
    def broken(self) -> float:
        """Share of studies whose name takes more than one row."""
        studies = [row for row in self.rows if row.line.kind == "study"]
        names = sum(row.first for row in studies)
        return len({id(row.line) for row in studies if row.label and not row.first}) / names


@dataclass(frozen=True, slots=True)
class Page:
    """A table laid out, with the words around it.

    Attributes
    ----------
    sides : tuple of tuple of str
        Who is favoured on the left and on the right of the null, in lines.
    sides_row : int, optional
        Row of headings on which the last of these lines stands; None where they stand under the axis.
    sides_at, null_at : float
        Where they meet, and where the null is, in points from the left.
    panel_head : tuple of str
        Headings over the panel, from the top.
    """

    layout: Layout
    title: tuple[str, ...]
    limits: tuple[float, float]
    ticks: tuple[float, ...]
    sides: tuple[tuple[str, ...], tuple[str, ...]]
    sides_row: int | None
    sides_at: float
    null_at: float
    panel_head: tuple[str, ...]

    @property
    def table(self) -> Table:
        """What is laid out."""
        return self.layout.table

    @property
    def null_reach(self) -> float:
        """Rows of headings that the line of no difference goes up, to part the words on the two sides."""
        if self.sides_row is None or self.sides_at != self.null_at:
            return 0.0
        return self.sides_row + max(map(len, self.sides)) - 0.1

    @property
    def axis_title(self) -> str:
        """Name of the axis, unless a heading over the panel says it in full."""
        title = self.table.scale.title
        return "" if title in self.panel_head else title

    @property
    def title_height(self) -> float:
        """Height of the title."""
        return (
            1.2 * self.layout.size * (1.3 * len(self.title) + 0.4) if self.title else 0.4 * self.layout.size
        )

    @property
    def under(self) -> int:
        """Lines on who is favoured that stand under the axis."""
        return max(map(len, self.sides)) if self.sides_row is None else 0

    @property
    def axis_height(self) -> float:
        """Height of what stands between the panel and the notes."""
        return self.layout.size * (2.0 + 1.3 * self.under + (1.6 if self.axis_title else 0.3))

    @property
    def height(self) -> float:
        """Height of everything."""
        layout = self.layout
        return self.title_height + layout.panel_height + self.axis_height + layout.foot_height


def plan(table: Table, *, width: float, size: float, pitch: float, label_share: float) -> Layout | None:
    """Lay out a table of rows in a box of that width (points); names take at most `label_share` of it.

    None where the panel would be too narrow to read intervals from.
    """
    heading = text_width(table.layout.study, size, weight="bold")
    widest = max((_label_width(line, size) for line in table.lines if line.kind != "note"), default=0.0)
    label = max(min(widest, label_share * width), heading) + 0.1
    longest = max(_TEXT_SHARE * label_share * width, 5 * size)
    before, before_spans, start = _place(table, table.left, label, size, longest)
    after, after_spans, end = _place(table, table.right, 0.0, size, longest)
    panel = (start + 1.76 * size, width - (end - 0.36 * size if after else size))
    if panel[1] - panel[0] < max(_LEAST_PANEL * width, _LEAST_MM * POINTS_PER_MM):
        return None
    shift = width - end
    columns = (*before, *(_moved(placed, shift) for placed in after))
    spans = (*before_spans, *(Span(x.text, x.left + shift, x.right + shift) for x in after_spans))
    rows, moved = _rows(table, columns, label, start, size)
    notes = (*moved, *table.notes, *table.footer)
    return Layout(
        table=table,
        size=size,
        pitch=pitch,
        width=width,
        rows=rows,
        columns=columns,
        spans=spans,
        panel=panel,
        head=max([1, *(len(x.head) + bool(x.column.over) for x in columns)]),
        foot=tuple(part for note in notes for part in wrap(note, width, _SMALL * size, screen=True)),
    )


def _indent(line: Line) -> str:
    """Indent of a study under the heading of its group: no-break spaces, which SVG keeps."""
    return "\N{NO-BREAK SPACE}" * (3 * line.level if line.kind == "study" else 0)


def _weight(line: Line) -> str:
    return "bold" if line.kind in _BOLD else "normal"


def _label_width(line: Line, size: float) -> float:
    return text_width(_indent(line) + line.name, size, weight=_weight(line))


def _gaps(before: Column | None, column: Column, size: float) -> float:
    """Distance of a column from the one before it, or from the names."""
    if before is not None and column.over and column.over == before.over:
        return 0.0 if column.badge else 0.9 * size
    if before is None or before.over or column.over or "left" in {column.align, before.align}:
        return 1.9 * size
    return 1.1 * size


def _place(
    table: Table, columns: Sequence[Column], start: float, size: float, longest: float
) -> tuple[tuple[Placed, ...], tuple[Span, ...], float]:
    """Columns one after the other from an edge on, the headings over them, and where they end."""
    placed: list[Placed] = []
    spans: list[Span] = []
    right, before = start, None
    for over, group in groupby(columns, key=lambda column: column.over):
        inside = list(group)
        rooms = [_longest(table, column, longest, size) if column.wraps else 0.0 for column in inside]
        heads = [_head(column, room, size) for column, room in zip(inside, rooms, strict=True)]
        widths = [
            _column_width(table, column, head, room, size)
            for column, head, room in zip(inside, heads, rooms, strict=True)
        ]
        gaps = [_gaps(one, column, size) for one, column in zip([before, *inside[:-1]], inside, strict=True)]
        left = right + gaps[0]
        lacking = max(text_width(over, size, weight="bold") - sum(widths) - sum(gaps[1:]), 0.0) if over else 0
        right += lacking / 2
        for column, head, width, gap in zip(inside, heads, widths, gaps, strict=True):
            right += gap + width
            placed.append(Placed(column, head, right - width, right))
        right += lacking / 2
        if over:
            spans.append(Span(over, left, right))
        before = inside[-1]
    return tuple(placed), tuple(spans), right


def _moved(placed: Placed, shift: float) -> Placed:
    return Placed(placed.column, placed.head, placed.left + shift, placed.right + shift)


def _head(column: Column, longest: float, size: float) -> tuple[str, ...]:
    """Heading of a column; those of texts are broken where they are longer than texts may be."""
    return tuple(wrap(column.head, longest, size, weight="bold")) if column.wraps else (column.head,)


def _column_width(table: Table, column: Column, head: Sequence[str], longest: float, size: float) -> float:
    heading = max(text_width(text, size, weight="bold") for text in head)
    if column.badge:
        return max(_BADGE * size, heading + 0.3 * size)
    widest = max(text_width(column.write(line), size, weight=_weight(line)) for line in table.lines)
    return max(min(widest + 0.1, longest) if column.wraps else widest, heading)


def _longest(table: Table, column: Column, longest: float, size: float) -> float:
    """Greatest width of a column of texts: wider where a single word needs it."""
    words = [word for line in table.lines for word in column.write(line).split(" ")]
    word = max(text_width(text, size, weight="bold") for text in (*words, *column.head.split(" ")))
    return max(longest, min(word + 0.1, 2 * longest))


def _rows(
    table: Table, columns: Sequence[Placed], label: float, left: float, size: float
) -> tuple[tuple[Row, ...], list[str]]:
    """Break names and texts into printed rows; where a note would take more than two, notes go under the axis."""
    parts = [
        _broken(line, left + size if line.kind in {"note", "group"} else label, size) for line in table.lines
    ]
    under = any(line.kind == "note" and len(part) > 2 for line, part in zip(table.lines, parts, strict=True))
    rows: list[Row] = []
    moved: list[str] = []
    for line, part in zip(table.lines, parts, strict=True):
        if under and line.kind == "note":
            moved.append(f"{line.group}. {line.name}." if line.group else f"{line.name}.")
            continue
        cells = [_cell(placed, line, size) for placed in columns]
        for position in range(max(map(len, (part, *cells)))):
            text = _indent(line) + part[position] if position < len(part) else ""
            row = tuple(cell[position] if position < len(cell) else "" for cell in cells)
            rows.append(Row(text, line, position == 0, row))
    return tuple(rows), moved


def _cell(placed: Placed, line: Line, size: float) -> list[str]:
    """Text of a column in a row, broken where it is a text that goes on."""
    text = placed.column.write(line)
    room = placed.right - placed.left
    return wrap(text, room, size, weight=_weight(line)) if placed.column.wraps and text else [text]


def _broken(line: Line, room: float, size: float) -> list[str]:
    """Printed rows of one label; what stands in short brackets stays together."""
    held = _BRACKETS.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), line.name)
    note = line.kind == "note"
    used = _SMALL * size if note else size
    return wrap(held, room - text_width(_indent(line), used), used, weight=_weight(line), screen=note)
