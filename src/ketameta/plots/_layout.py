"""Where the parts of a forest plot stand, in points, before anything is drawn."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ketameta.plots._table import Line, Table
from ketameta.plots._words import level_text
from ketameta.plots.style import POINTS_PER_MM, text_width, wrap

__all__ = ["Layout", "Page", "Row", "effect_text", "plan"]

_LEAST_PANEL = 0.22
_SMALL = 0.9
_BRACKETS = re.compile(r"\([^()]{1,16}\)")
_BOLD = frozenset({"group", "pooled"})


@dataclass(frozen=True, slots=True)
class Row:
    """One printed row: its words, and the line of the table whose marks stand on it."""

    label: str
    line: Line
    first: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions of one forest plot in points from the left edge of its box.

    Attributes
    ----------
    table : Table
        What is laid out.
    rows : tuple of Row
        Printed rows from the top.
    column_right : tuple of float
        Right edge of each column of arm statistics.
    arms : mapping
        Left and right edge of the columns of each arm.
    panel : tuple of float
        Left and right edge of the interval panel.
    effect_right, weight_right : float
        Right edges of the columns right of the panel; `weight_right` is None without weights.
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
    column_right: tuple[float, ...]
    arms: Mapping[str, tuple[float, float]]
    panel: tuple[float, float]
    effect_head: str
    effect_right: float
    weight_right: float | None
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

    def axis_height(self, favour_lines: int) -> float:
        """Height of tick labels, sides and name of the axis."""
        return self.size * (2.0 + 1.3 * favour_lines + 1.6)

    @property
    def foot_height(self) -> float:
        """Height of the notes under the axis."""
        return self.small * 1.35 * len(self.foot) + (0.8 * self.size if self.foot else 0)

    @property
    def broken(self) -> float:
        """Share of studies whose name takes more than one row."""
        studies = [row for row in self.rows if row.line.kind == "study"]
        names = sum(row.first for row in studies)
        return len({id(row.line) for row in studies if not row.first}) / names

    def enough(self) -> bool:
        """Whether the panel is wide enough to read intervals from."""
        return self.panel[1] - self.panel[0] >= max(_LEAST_PANEL * self.width, 20 * POINTS_PER_MM)


@dataclass(frozen=True, slots=True)
class Page:
    """A table laid out, with the words around it."""

    layout: Layout
    title: tuple[str, ...]
    limits: tuple[float, float]
    ticks: tuple[float, ...]
    sides: tuple[tuple[str, ...], tuple[str, ...]]
    null: float

    @property
    def table(self) -> Table:
        """What is laid out."""
        return self.layout.table

    @property
    def title_width(self) -> float:
        """Width of the axis name."""
        return text_width(self.table.scale.title, self.layout.size)

    @property
    def title_height(self) -> float:
        return (
            1.2 * self.layout.size * (1.3 * len(self.title) + 0.4) if self.title else 0.4 * self.layout.size
        )

    @property
    def axis_height(self) -> float:
        return self.layout.axis_height(max(map(len, self.sides)))

    @property
    def height(self) -> float:
        layout = self.layout
        return self.title_height + layout.panel_height + self.axis_height + layout.foot_height


def plan(
    table: Table,
    *,
    width: float,
    size: float,
    pitch: float,
    label_share: float,
    weight: bool,
    digits: int,
    footer: bool,
) -> Layout:
    """Lay out a table of rows in a box of that width (points); labels take at most `label_share` of it."""
    gap = 1.1 * size
    widest = max((_label_width(line, size) for line in table.lines if line.kind != "note"), default=0.0)
    label = min(max(widest, text_width("Study", size, weight="bold")) + 0.1, label_share * width)
    column_right, arms = _columns(table, label, size)
    right = max((end for _, end in arms.values()), default=label)
    rows, moved = _rows(table, label, right, size)
    scale = table.scale
    effect_head = f"{scale.short} [{level_text(table.level)} CI]"
    effects = [
        text_width(effect_text(table, line, digits), size, weight=_weight(line)) for line in table.lines
    ]
    effect_width = max(*effects, text_width(effect_head, size, weight="bold"))
    weight_width = text_width("Weight", size, weight="bold") + gap if weight else 0.0
    notes = (*moved, *table.notes, *(table.footer if footer else ()))
    foot = tuple(part for note in notes for part in wrap(note, width, _SMALL * size, screen=True))
    return Layout(
        table=table,
        size=size,
        pitch=pitch,
        width=width,
        rows=rows,
        column_right=column_right,
        arms=arms,
        panel=(right + 1.6 * gap, width - weight_width - effect_width - 1.4 * gap),
        effect_head=effect_head,
        effect_right=width - weight_width,
        weight_right=width if weight else None,
        head=2 if table.columns else 1,
        foot=foot,
    )


def effect_text(table: Table, line: Line, digits: int) -> str:
    """Text of one row in the effect column."""
    scale = table.scale
    if line.kind in {"study", "pooled"}:
        return f"{scale.text(line.estimate, digits)} {scale.interval(line.low, line.high, digits)}"
    return scale.interval(line.low, line.high, digits) if line.kind == "prediction" else ""


def _indent(line: Line) -> str:
    """Indent of a study under the heading of its group: no-break spaces, which SVG keeps."""
    return "\N{NO-BREAK SPACE}" * (3 * line.level if line.kind == "study" else 0)


def _weight(line: Line) -> str:
    return "bold" if line.kind in _BOLD else "normal"


def _label_width(line: Line, size: float) -> float:
    return text_width(_indent(line) + line.label, size, weight=_weight(line))


def _columns(
    table: Table, label: float, size: float
) -> tuple[tuple[float, ...], dict[str, tuple[float, float]]]:
    """Right edges of the columns of arm statistics, and the edges of each arm."""
    edges: list[float] = []
    arms: dict[str, tuple[float, float]] = {}
    right = label
    for name in dict.fromkeys(column.over for column in table.columns):
        inside = [column for column in table.columns if column.over == name]
        widths = [
            max(
                *(
                    text_width(line.cells.get(column.key, ""), size, weight=_weight(line))
                    for line in table.lines
                ),
                text_width(column.head, size, weight="bold"),
            )
            for column in inside
        ]
        gap = 0.9 * size
        lacking = text_width(name, size, weight="bold") - sum(widths) - gap * (len(widths) - 1)
        start = right + 1.9 * size
        right = start + max(lacking, 0.0) / 2
        for width in widths:
            right += width
            edges.append(right)
            right += gap
        right += max(lacking, 0.0) / 2 - gap
        arms[name] = (start, right)
    return tuple(edges), arms


def _rows(table: Table, label: float, left: float, size: float) -> tuple[tuple[Row, ...], list[str]]:
    """Break labels into printed rows; where a note would take more than two rows, notes go under the axis."""
    parts = [
        _broken(line, left + size if line.kind in {"note", "group"} else label, size) for line in table.lines
    ]
    under = any(line.kind == "note" and len(part) > 2 for line, part in zip(table.lines, parts, strict=True))
    rows: list[Row] = []
    moved: list[str] = []
    group = ""
    for line, part in zip(table.lines, parts, strict=True):
        group = line.label if line.kind == "group" else group
        if under and line.kind == "note":
            moved.append(f"{group}. {line.label}." if line.level else f"{line.label}.")
        else:
            rows += [Row(_indent(line) + text, line, position == 0) for position, text in enumerate(part)]
    return tuple(rows), moved


def _broken(line: Line, room: float, size: float) -> list[str]:
    """Printed rows of one label; what stands in short brackets stays together."""
    held = _BRACKETS.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), line.label)
    used = _SMALL * size if line.kind == "note" else size
    return wrap(held, room - text_width(_indent(line), used), used, weight=_weight(line))
