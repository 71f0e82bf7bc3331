"""Influence plot: diagnostics of outliers and of influence, a row a study and a column a diagnostic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta._render import number, plural
from ketameta._typing import Array
from ketameta.errors import FigureError
from ketameta.models.result import small
from ketameta.plots._asked import of_class
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._grid import open_grid
from ketameta.plots._gridplan import Grid, Head, Layout, Row
from ketameta.plots._looks import edge_look
from ketameta.plots._notes import method_lines
from ketameta.plots._place import box_size, require_empty
from ketameta.plots.alt import remember, sentences
from ketameta.plots.style import POINTS_PER_MM, Palette, quiet_rc, text_width, wrap
from ketameta.robustness import Influence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["influence_plot"]

_WIDE_MM = 150.0
_PITCH = 1.75
_INSIDE = 0.36
_LINES_AT = "lines at"


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """One diagnostic: its values, what they are held against, and the limits that mark a study."""

    name: str
    values: Array
    reference: float
    limits: tuple[float, ...]
    text: str

    @property
    def marked(self) -> Array:
        """Which values lie beyond the limits; of one limit, above it."""
        high = self.limits[-1] if self.limits else np.inf
        size = np.abs(self.values) if len(self.limits) > 1 else self.values
        return np.asarray(size > high)

    def places(self, values: Any, column: float) -> Array:
        """Values in points from the centre of a column of that width."""
        drawn = np.array([*self.values[np.isfinite(self.values)], self.reference, *self.limits])
        drawn = drawn[np.isfinite(drawn)]
        low, high = (float(drawn.min()), float(drawn.max())) if drawn.size else (0.0, 0.0)
        if not high > low:
            return np.zeros_like(np.asarray(values, dtype=np.float64))
        share = (np.asarray(values, dtype=np.float64) - low) / (high - low)
        return np.asarray(2 * _INSIDE * column * (share - 0.5))


def influence_plot(
    result: Influence,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    options: FigureOptions | None = None,
) -> Axes:
    """Diagnostics of outliers and of influence: a row a study, a column a diagnostic.

    Parameters
    ----------
    result : Influence
        From :func:`ketameta.influence`.
    ax : Axes, optional
        Empty axes to draw in; they shrink so that everything stays in their box. By default a new figure is made,
        as high as its rows need.
    title : str, optional
        Title above the figure.
    options : FigureOptions, optional
        Width (180 mm by default), type, notes. Under 150 mm the columns stand in two blocks.

    Returns
    -------
    Axes
        One mark a study and diagnostic: a dot, or a diamond where it lies beyond a limit. Solid lines stand at what
        the diagnostics are held against (no influence; all studies; equal weights), dashed lines at the limits.

    Raises
    ------
    FigureError
        `result` is not that of :func:`ketameta.influence`, the axes are not empty, or there is too little room.

    Notes
    -----
    The hat value of a study in a pool is its weight divided by 100, so that one column shows both. Formulas and
    limits stand in :func:`ketameta.influence`.

    References
    ----------
    Viechtbauer W, Cheung MWL (2010). Outlier and influence diagnostics for meta-analysis. Res Synth Methods
    1:112-125. doi:10.1002/jrsm.11

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> from ketameta.plots.influence_panel import influence_plot
    >>> from ketameta.robustness import influence
    >>> found = influence(km.pool(yi=[-0.9, -0.4, -0.6, 0.2], vi=[0.10, 0.05, 0.08, 0.06]))
    >>> ax = influence_plot(found)
    >>> ax.get_yticklabels()[0].get_text()
    'Study 1'
    >>> plt.close(ax.figure)
    """
    if not isinstance(result, Influence):
        raise FigureError(f"influence_plot() draws the result of influence(), not {type(result).__name__}.")
    options = of_class(options, FigureOptions(width_mm=180.0))
    columns = _columns(result)
    with quiet_rc():
        if ax is not None:
            require_empty(ax)
        width = options.width_mm if ax is None else box_size(ax)[0] / POINTS_PER_MM
        half = len(columns) if width >= _WIDE_MM else len(columns) // 2
        blocks = [columns[:half], columns[half:]] if half < len(columns) else [columns]
        grid = _grid(result, blocks, title)
        ax, layout, palette = open_grid(ax, options, grid)
        count = len(result.labels) + 1
        for i, block in enumerate(blocks):
            start = i * (count + 1)
            if i:
                _draw_heads(ax, layout, block, start - 1, palette)
            _draw_block(ax, layout, block, slice(start, start + count), palette)
    remember(ax, _words(result))
    return ax


def _columns(result: Influence) -> tuple[_Column, ...]:
    limits, k = result.limits, len(result.labels)

    def both(limit: float) -> tuple[tuple[float, float], str]:
        return (-limit, limit), f"±{number(limit)}"

    return (
        _Column("Residual", result.rstudent, 0.0, *both(limits.rstudent)),
        _Column("DFFITS", result.dffits, 0.0, *both(limits.dffits)),
        _Column("DFBETAS", result.dfbetas, 0.0, *both(limits.dfbetas)),
        _Column("Cook's distance", result.cook_d, 0.0, (limits.cook_d,), number(limits.cook_d)),
        _Column("Variance ratio", result.cov_ratio, 1.0, (), "1"),
        _Column("tau2 without", result.tau2_deleted, result.tau2, (), small(result.tau2)),
        _Column("Q without", result.q_deleted, result.q, (), number(result.q)),
        _Column("Weight (%)", result.weight, 100.0 / k, (100.0 * limits.hat,), number(100.0 * limits.hat, 1)),
    )


def _grid(result: Influence, blocks: Sequence[tuple[_Column, ...]], title: str | None) -> Grid:
    rows = [Row(label, _PITCH) for label in result.labels] + [Row(_LINES_AT, _PITCH)]
    lines = list(rows)
    for _ in blocks[1:]:
        lines += [Row(" ", 3.4), *rows]
    least = [
        max(
            max(text_width(word, 10, weight="bold", screen=True) / 10 + 0.5 for word in column.name.split())
            for column in columns
        )
        for columns in zip(*blocks, strict=True)
    ]
    heads = tuple(Head(column.name, width) for column, width in zip(blocks[0], least, strict=True))
    return Grid(tuple(lines), heads, "Without", most=14.0, foot=_foot(result), title=title)


def _foot(result: Influence) -> tuple[str, ...]:
    marks = [
        f"{label} ({reason})" for label, reason in zip(result.labels, result.reasons, strict=True) if reason
    ]
    return (
        "Dashed lines: limits; solid lines: no influence, all studies together (tau2, Q), equal weights. Diamonds "
        "lie beyond a limit.",
        f"Influential: {'; '.join(marks)}." if marks else "No study is marked as influential.",
        *(f"{note[:1].upper()}{note[1:]}." for note in result.notes),
        *method_lines(result),
    )


def _draw_heads(ax: Axes, layout: Layout, block: Sequence[_Column], row: int, palette: Palette) -> None:
    """Names of the columns of a further block, over its rows."""
    size = layout.size
    base = layout.y[row] + layout.heights[row] / 2 - 0.55 * size
    look: dict[str, Any] = {"ha": "center", "va": "baseline", "fontsize": size, "fontweight": "bold"}
    for x, wide, column in zip(layout.x.tolist(), layout.columns.tolist(), block, strict=True):
        lines = wrap(column.name, wide - 0.4 * size, size, weight="bold", screen=True)
        for i, line in enumerate(reversed(lines)):
            ax.text(x, base - 1.2 * i * size, line, color=palette.ink, **look)


def _draw_block(ax: Axes, layout: Layout, block: Sequence[_Column], rows: slice, palette: Palette) -> None:
    """Marks, stems and lines of some columns, and what their limits are."""
    from matplotlib.collections import LineCollection

    size, y = layout.size, layout.y[rows]
    top, bottom = y[0] - 0.7 * size, y[-2] + 0.7 * size
    text: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": layout.small}
    for centre, wide, column in zip(layout.x.tolist(), layout.columns.tolist(), block, strict=True):
        zero, *limits = (centre + column.places([column.reference, *column.limits], wide)).tolist()
        ax.plot([zero, zero], [top, bottom], color=palette.rule, linewidth=0.8, zorder=1, label="_reference")
        for limit in limits:
            ax.plot([limit, limit], [top, bottom], zorder=1, label="_limit", **edge_look(palette))
        known = np.isfinite(column.values)
        x = centre + column.places(np.where(known, column.values, 0.0), wide)
        stems = [[(zero, h), (at, h)] for at, h, use in zip(x, y[:-1], known, strict=True) if use]
        ax.add_collection(
            LineCollection(stems, colors=palette.study, linewidths=1.0, zorder=2), autolim=False
        )
        for beyond, marker, colour in ((False, "o", palette.study), (True, "D", palette.accent)):
            use = known & (column.marked == beyond)
            ax.scatter(
                x[use],
                y[:-1][use],
                s=(0.62 * size) ** 2,
                marker=marker,
                color=colour,
                linewidth=0,
                zorder=3,
                label="_marked" if beyond else "_study",
            )
        for h in y[:-1][~known].tolist():
            ax.text(centre, h, "–", color=palette.muted, **text)
        ax.text(centre, y[-1], column.text, color=palette.muted, **text)


def _words(result: Influence) -> str:
    names = ", ".join(column.name for column in _columns(result))
    return sentences(
        [
            f"Influence plot of {plural(len(result.labels), 'study', 'studies')}",
            f"A row a study, a column a diagnostic: {names}",
            result.sentence().rstrip("."),
        ]
    )
