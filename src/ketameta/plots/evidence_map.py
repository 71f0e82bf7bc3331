"""Evidence map: how many trials and participants there are for each outcome and time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ketameta._render import plural
from ketameta._typing import BoolArray
from ketameta.effects.people import people
from ketameta.errors import FigureError
from ketameta.evidence import Selection
from ketameta.evidence.grid import ANY_TIME, BINS, NO_TIME, EvidenceGrid, evidence_grid, in_use
from ketameta.evidence.sheet import Sheet, sheet
from ketameta.plots._asked import of_class
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._grid import open_grid
from ketameta.plots._gridplan import Grid, Head, Layout, Row
from ketameta.plots.alt import remember, sentences
from ketameta.plots.style import Palette, quiet_rc, text_width
from ketameta.provenance import trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["evidence_map"]

_ROWS = (
    *("outcome", "indication", "comparator_class", "dosing", "drug", "route", "population", "design"),
    "instrument",
)
_SIZES = ("n_t", "n_c", "total_t", "total_c", "crossover_period", "design")
_REQUIRED = ("cohort_id", "status", "score_type", "time_hours")
_INDICATIONS = {
    "MDD": "Major depression",
    "BD": "Bipolar depression",
    "PTSD": "Post-traumatic stress disorder",
    "SI": "Suicidal ideation, diagnoses mixed",
}
_HEADS = (
    *((each.name, each.end if math.isfinite(each.last) else "") for each in BINS),
    ("No time", ""),
    ("All times", ""),
)
_SMALL = 0.9
_LEAST_BESIDE = 1.6
_PITCH = 2.7
_READ_AS = (
    "Upper number and bold: trials; lower number and area of the circle: participants. A trial counts once in "
    "a cell, with its largest number analysed."
)


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Rows of one indication; no heading where there is but one."""

    heading: str
    labels: tuple[str, ...]
    grid: EvidenceGrid


def evidence_map(
    trials: pd.DataFrame | Selection,
    *,
    rows: str = "outcome",
    ax: Axes | None = None,
    title: str | None = None,
    options: FigureOptions | None = None,
) -> Axes:
    """Map of the evidence: trials and participants by outcome and time since the first dose.

    Parameters
    ----------
    trials : DataFrame or Selection
        From :func:`ketameta.load_trials`, :func:`ketameta.read_trials` or :func:`ketameta.select`. Rows
        whose status is not ``include`` and baseline scores do not count.
    rows : str
        Column that the rows of the map show, under a heading for each indication: ``"outcome"``,
        ``"comparator_class"``, ``"dosing"``, ``"drug"``, ``"route"``, ``"population"``, ``"design"``,
        ``"instrument"``; or ``"indication"``, without headings.
    ax : Axes, optional
        Empty axes to draw in; they shrink so that headings, labels and notes stay in their box. By default
        a new figure is made, as high as its rows need.
    title : str, optional
        Title above the headings.
    options : FigureOptions, optional
        Width (180 mm by default), type and footer.

    Returns
    -------
    Axes
        The cells, in points from their upper left corner. The labels of the y axis are those of the rows.

    Raises
    ------
    FigureError
        What is given is no table of trials, `rows` is no such column, no row counts, the axes are not
        empty, or there is too little room.
    DataError
        A column is missing, or holds cells of the wrong type.

    Notes
    -----
    Area of a circle is proportional to the number of participants. A trial (``cohort_id``) counts once in a
    cell, whatever its reports, doses and scales, with the largest number of people analysed in one of its
    rows; where some trials print none, the sum is a lower bound and bears "≥". A dash is a cell
    without a trial.

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> from ketameta.plots import evidence_map
    >>> ax = evidence_map(km.select(km.load_trials(), indication="PTSD", outcome="ptsd"))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['PTSD']
    >>> plt.close(ax.figure)
    """
    table = trials.rows if isinstance(trials, Selection) else trials
    if not isinstance(table, pd.DataFrame):
        raise FigureError(f"evidence_map() draws a table of trials, not {type(table).__name__}.")
    if not (isinstance(rows, str) and rows in _ROWS):
        raise FigureError(f"rows={rows!r}: give one of {', '.join(map(repr, _ROWS))}.")
    data = sheet(table, (*_REQUIRED, *_SIZES, "indication", rows), (*_REQUIRED, rows))
    used = _used(data)
    blocks = _blocks(data.frame[used], rows)
    with quiet_rc():
        notes = (*_notes(blocks, len(data), int(used.sum())), f"{trace(table).line()}.")
        columns = [
            i
            for i in range(ANY_TIME + 1)
            if i != NO_TIME or any(block.grid.trials[:, NO_TIME].any() for block in blocks)
        ]
        grid = _grid(blocks, columns, rows, title, notes)
        ax, layout, palette = open_grid(
            ax, of_class(options, FigureOptions(width_mm=180.0)), grid, shape=190.0
        )
        _draw_cells(ax, layout, blocks, columns, palette)
    remember(ax, _described(blocks, rows))
    return ax


def _used(data: Sheet) -> BoolArray:
    """Rows that count, checked."""
    if data.bad:
        name, cell = data.bad[0]
        raise FigureError(
            f"line {data.lines[cell.row]}, column {name!r}: {cell.value!r}: {cell.hint}. "
            "check_trials lists every problem."
        )
    used = in_use(data.frame)
    if not used.any():
        raise FigureError(
            "evidence_map(): no row counts: none has status 'include' and is no baseline score."
        )
    nameless = np.flatnonzero(used & ~(data.text("cohort_id") != ""))
    if nameless.size:
        raise FigureError(
            f"line {data.lines[nameless[0]]}: cohort_id is empty; without it nobody can tell whose participants "
            "the row is about."
        )
    return used


def _blocks(used: pd.DataFrame, rows: str) -> tuple[_Block, ...]:
    """Counts of each indication, the one with most trials first."""
    n = people(used)
    indications = np.full(len(used), "") if rows == "indication" else used["indication"].to_numpy(object)
    found = []
    for name in dict.fromkeys(indications.tolist()):
        there = indications == name
        part = used[there]
        grid = evidence_grid(part[rows].tolist(), part["cohort_id"], part["time_hours"], n[there])
        labels = tuple(_label(str(value), rows) for value in grid.rows)
        found.append((part["cohort_id"].nunique(), _Block(_label(name, "indication"), labels, grid)))
    blocks = [block for _, block in sorted(found, key=lambda each: -each[0])]
    return tuple(blocks) if len(blocks) > 1 else (_Block("", blocks[0].labels, blocks[0].grid),)


def _places(block: _Block) -> range:
    return range(len(block.labels))


def _label(value: str, column: str) -> str:
    """A value of a column as a reader says it."""
    if column == "indication" and value in _INDICATIONS:
        return _INDICATIONS[value]
    if column not in {"outcome", "comparator_class", "dosing", "design"}:
        return value or "Not stated"
    words = value.replace("_", " ").split(" ")
    text = " ".join("PTSD" if word == "ptsd" else word for word in words)
    return text[:1].upper() + text[1:] if text else "Not stated"


def _grid(
    blocks: tuple[_Block, ...], columns: list[int], rows: str, title: str | None, notes: tuple[str, ...]
) -> Grid:
    lines: list[Row] = []
    for block in blocks:
        lines += [Row(block.heading, 1.9, heading=True)] if block.heading else []
        lines += [Row(label, _PITCH) for label in block.labels]
    widest = [
        max(
            text_width(_people(block.grid, i, j), 10 * _SMALL, screen=True)
            for block in blocks
            for i in _places(block)
        )
        for j in columns
    ]
    return Grid(
        rows=tuple(lines),
        heads=tuple(
            Head(_HEADS[j][0], width / 10 + 0.4, _HEADS[j][1])
            for j, width in zip(columns, widest, strict=True)
        ),
        corner=rows.replace("_", " ").capitalize(),
        most=9.0,
        foot=notes,
        key="; ".join(f"{_HEADS[j][0]}, {_HEADS[j][1]}" for j in columns if _HEADS[j][1]) + ".",
        title=title,
    )


def _people(grid: EvidenceGrid, i: int, j: int) -> str:
    """Number of participants of a cell; a lower bound where some trials print none."""
    known, unknown = grid.people[i, j], grid.unknown[i, j]
    if unknown and not known:
        return "?"
    return f"{'≥' if unknown else ''}{known:,.0f}"


def _draw_cells(
    ax: Axes, layout: Layout, blocks: tuple[_Block, ...], columns: list[int], palette: Palette
) -> None:
    """Numbers, and a circle left of both of them, or of the upper one alone where columns are narrow."""
    from matplotlib.markers import MarkerStyle

    size, gap = layout.size, 0.4 * layout.size
    heights = [y for y, row in zip(layout.y.tolist(), layout.grid.rows, strict=True) if not row.heading]
    owners = [(block.grid, i) for block in blocks for i in _places(block)]
    spots = [
        (grid, i, j, x, y)
        for (grid, i), y in zip(owners, heights, strict=True)
        for x, j in zip(layout.x.tolist(), columns, strict=True)
        if grid.trials[i, j]
    ]
    timed = [(grid, i, j) for grid, i, j, _, _ in spots if j != ANY_TIME]
    upper = max(text_width(str(grid.trials[i, j]), size, weight="bold", screen=True) for grid, i, j in timed)
    lower = max(text_width(_people(grid, i, j), layout.small, screen=True) for grid, i, j in timed)
    column = float(layout.columns.min())
    beside = column - max(upper, lower) - 2 * gap >= _LEAST_BESIDE * size
    words = max(upper, lower) if beside else upper
    largest = min(column - words - 2 * gap, (_PITCH - 0.2 if beside else 1.4) * size)
    look: dict[str, Any] = {"ha": "center", "va": "baseline", "color": palette.ink}
    circles = []
    for grid, i, j, x, y in spots:
        moved = x if j == ANY_TIME else x + (largest + gap) / 2
        trials, n = str(grid.trials[i, j]), float(grid.people[i, j])
        ax.text(moved, y - 0.22 * size, trials, fontsize=size, fontweight="bold", **look)
        ax.text(moved if beside else x, y + 0.95 * size, _people(grid, i, j), fontsize=layout.small, **look)
        if j != ANY_TIME and n > 0:
            circles.append((x - (words + gap) / 2, y if beside else y - 0.58 * size, n))
    for (grid, i), y in zip(owners, heights, strict=True):
        for x, j in zip(layout.x.tolist(), columns, strict=True):
            if not grid.trials[i, j]:
                ax.text(x, y + 0.3 * size, "–", fontsize=size, **{**look, "color": palette.rule})
    if circles:
        xs, ys, ns = np.array(circles).T
        areas = largest**2 * ns / ns.max()
        ax.scatter(
            xs,
            ys,
            s=areas,
            marker=MarkerStyle("o", "full"),
            color=palette.study,
            linewidths=0,
            label="_participants",
            clip_on=False,
        )


def _notes(blocks: tuple[_Block, ...], n_rows: int, n_used: int) -> tuple[str, ...]:
    unknown = any(block.grid.unknown.any() for block in blocks)
    notes = [_READ_AS]
    if unknown:
        notes.append("≥ or ?: trials that print no number analysed add nothing to the sum.")
    if n_used < n_rows:
        notes.append(
            f"{plural(n_rows - n_used, 'row')} of {n_rows} not counted: apart from pools, or baseline scores."
        )
    return tuple(notes)


def _described(blocks: tuple[_Block, ...], rows: str) -> str:
    """The map in words: each row with the trials and participants of each time."""
    parts = [f"Map of trials and participants by {rows.replace('_', ' ')} and time since the first dose"]
    for block in blocks:
        for i, label in enumerate(block.labels):
            grid = block.grid
            said = [
                f"{name.lower()} {plural(int(grid.trials[i, j]), 'trial')} ({_people(grid, i, j)})"
                for j, (name, _) in enumerate(_HEADS)
                if grid.trials[i, j]
            ]
            row = f"{block.heading}, {label}" if block.heading else label
            parts.append(f"{row}: {', '.join(said)}")
    return sentences(parts)
