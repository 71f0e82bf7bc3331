"""Stepwise plot: the pooled effect without each study, or as studies are added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ketameta._render import plural
from ketameta._typing import Array
from ketameta.errors import FigureError
from ketameta.plots._asked import of_class
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._frame import Axis, Frame, Words, lay_out, open_frame
from ketameta.plots._looks import estimate_look, null_look
from ketameta.plots._place import box_size, require_empty
from ketameta.plots._scale import Scale, scale_of, window
from ketameta.plots._words import level_text, sides
from ketameta.plots.alt import axis_words, remember, sentences
from ketameta.plots.style import POINTS_PER_MM, Palette, quiet_rc, wrap
from ketameta.robustness import Cumulative, LeaveOneOut

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["stepwise_plot"]

_WIDE_MM = 110.0
_LOWEST_MM = 25.1
_LABELS = 0.34


@dataclass(frozen=True, slots=True)
class _Names(Scale):
    """Rows with names in the place of numbers."""

    names: tuple[str, ...] = ()

    def tick_text(self, ticks: Sequence[float]) -> tuple[str, ...]:
        """Names of the rows."""
        return tuple(self.names[round(tick)] for tick in ticks)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Printed rows: names, pools, and whether each interval leaves out no difference."""

    names: tuple[str, ...]
    estimate: Array
    low: Array
    high: Array


def stepwise_plot(
    result: LeaveOneOut | Cumulative,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    options: FigureOptions | None = None,
) -> Axes:
    """Pooled effect and interval without each study, or as studies are added one by one.

    Parameters
    ----------
    result : LeaveOneOut or Cumulative
        From :func:`ketameta.leave_one_out` or :func:`ketameta.cumulative`.
    ax : Axes, optional
        Empty axes to draw in; they shrink so that everything stays in their box. By default a new figure is made,
        as high as its rows need.
    title : str, optional
        Title above the figure.
    favours : tuple of str, optional
        Who is favoured under and over the null.
    options : FigureOptions, optional
        Width, type, notes. Every row is named, whatever ``names`` says; under 110 mm the numbers are left out.

    Returns
    -------
    Axes
        A row a pool, and one for all studies where one was left out; the line stands at the pool of all studies.
        Open marks: the interval holds no difference.

    Raises
    ------
    FigureError
        `result` is of another kind, or no pool could be computed; the axes are not empty, or there is too little
        room.

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> from ketameta.plots.stepwise import stepwise_plot
    >>> from ketameta.robustness import leave_one_out
    >>> ax = stepwise_plot(leave_one_out(km.pool(yi=[-0.9, -0.4, -0.6, 0.2], vi=[0.1, 0.05, 0.08, 0.06])))
    >>> ax.get_yticklabels()[0].get_text()
    'without Study 1'
    >>> plt.close(ax.figure)
    """
    if not isinstance(result, LeaveOneOut | Cumulative):
        raise FigureError(
            f"stepwise_plot() draws the result of leave_one_out() or cumulative(), not {type(result).__name__}."
        )
    options = of_class(options, FigureOptions())
    rows = _rows(result)
    if not np.isfinite(rows.estimate).any():
        raise FigureError("stepwise_plot(): no pool could be computed.")
    with quiet_rc():
        if ax is not None:
            require_empty(ax)
        scale = scale_of(result.whole.measure)
        under, over = sides(pd.DataFrame(), favours)
        x = _effect_axis(result, rows, scale, (under, over))
        width = (options.width_mm if ax is None else box_size(ax)[0] / POINTS_PER_MM) * POINTS_PER_MM
        words = Words(title, (), _foot(result))
        y = _row_axis(rows, scale, (), width)
        size = lay_out(ax, options, x, y, words).size
        names = tuple("\n".join(wrap(name, _LABELS * width, size, screen=True)) for name in rows.names)
        y = _row_axis(rows, scale, names, width)
        plan = lay_out(ax, options, x, y, words)
        lines = max(name.count("\n") + 1 for name in names)
        height = max((1.2 * lines + 0.5) * plan.size * (len(names) + 0.6), _LOWEST_MM * POINTS_PER_MM)
        shape = height / plan.panel_width
        ax, frame, palette = open_frame(ax, options, x, y, words, shape=shape)
        _draw(ax, frame, rows, result, palette)
    remember(ax, _words(result, axis_words(scale, under, over)))
    return ax


def _rows(result: LeaveOneOut | Cumulative) -> _Rows:
    estimate, low, high = result.estimate, result.ci_low, result.ci_high
    if isinstance(result, Cumulative):
        return _Rows(tuple(f"+ {label}" for label in result.labels), estimate, low, high)
    whole = result.whole
    return _Rows(
        (*(f"without {label}" for label in result.labels), "all studies"),
        np.append(estimate, whole.estimate),
        np.append(low, whole.ci_low),
        np.append(high, whole.ci_high),
    )


def _effect_axis(result: LeaveOneOut | Cumulative, rows: _Rows, scale: Scale, words: tuple[str, str]) -> Axis:
    known = np.isfinite(rows.estimate)
    low, high = window(
        rows.estimate[known],
        np.where(np.isfinite(rows.low), rows.low, rows.estimate)[known],
        np.where(np.isfinite(rows.high), rows.high, rows.estimate)[known],
        weights=np.ones(int(known.sum())),
        others=(result.whole.ci_low, result.whole.ci_high),
    )
    low, high = min(low, 0.0), max(high, 0.0)
    pad = 0.03 * (high - low)
    return Axis(f"Pooled {scale.title[:1].lower()}{scale.title[1:]}", scale, low - pad, high + pad, words)


def _row_axis(rows: _Rows, scale: Scale, labels: tuple[str, ...], width: float) -> Axis:
    """Axis of the rows, with their numbers on the right where there is room; the numbers of rows for no labels."""
    n = len(rows.names)
    numbers = zip(rows.estimate.tolist(), rows.low.tolist(), rows.high.tolist(), strict=True)
    texts = [f"{scale.text(estimate)} {scale.interval(low, high)}" for estimate, low, high in numbers]
    names = _Names("", "", "", ratio=False, names=labels or tuple(map(str, range(n))))
    marks = tuple(enumerate(map(str, texts))) if width >= _WIDE_MM * POINTS_PER_MM else ()
    return Axis("", names, -0.8, n - 0.2, inverted=True, levels=rows.names, marks=marks)


def _draw(ax: Axes, frame: Frame, rows: _Rows, result: LeaveOneOut | Cumulative, palette: Palette) -> None:
    scale = frame.x.scale
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.axvline(float(scale.null), zorder=1, label="_null", **null_look(palette))
    ax.axvline(float(scale.shown(result.whole.estimate)), zorder=1, label="_pooled", **estimate_look(palette))
    first, last = (float(end) for end in scale.shown([frame.x.low, frame.x.high]))
    estimate, low, high = (scale.shown(values) for values in (rows.estimate, rows.low, rows.high))
    for i in range(len(rows.names)):
        whole = isinstance(result, LeaveOneOut) and i == len(rows.names) - 1
        colour = palette.pooled if whole else palette.study
        ends = np.clip([low[i], high[i]], first, last)
        ax.plot(ends, [i, i], color=colour, linewidth=1.2, zorder=2, label="_interval")
        for cut, end, marker in ((low[i] < first, first, "<"), (high[i] > last, last, ">")):
            if cut:
                ax.plot(
                    end, i, marker=marker, color=colour, markersize=0.6 * frame.size, clip_on=False, zorder=2
                )
        apart = rows.low[i] > 0 or rows.high[i] < 0
        if first <= estimate[i] <= last:
            ax.plot(
                estimate[i],
                i,
                marker="D" if whole else "o",
                markersize=0.72 * frame.size,
                markerfacecolor=colour if apart else palette.paper,
                markeredgecolor=colour,
                markeredgewidth=1.0,
                zorder=4,
                label="_estimate",
            )


def _foot(result: LeaveOneOut | Cumulative) -> tuple[str, ...]:
    whole = result.whole
    return (
        f"Pooled effect and {level_text(whole.level)} confidence interval; line: all studies. Open marks: the interval "
        f"holds {whole.null}.",
        *(f"{note[:1].upper()}{note[1:]}." for note in result.notes),
        f"{result.method}. All studies: {whole.method}.",
        f"{result.provenance.line()}.",
    )


def _words(result: LeaveOneOut | Cumulative, axis: str) -> str:
    kind = "Leave-one-out" if isinstance(result, LeaveOneOut) else "Cumulative"
    pools = plural(len(result.labels), "pool")
    return sentences([f"{kind} plot of {pools}", axis, result.sentence().rstrip(".")])
