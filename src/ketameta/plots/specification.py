"""Specification curve: the estimate of every universe in order, and the choices that each of them makes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ketameta._typing import AnyArray
from ketameta.errors import FigureError
from ketameta.plots._asked import of_class
from ketameta.plots._axis import Axis
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._looks import edge_look, null_look
from ketameta.plots._notes import method_lines
from ketameta.plots._scale import Scale, scale_of
from ketameta.plots._specificationdraw import MOST_LINES, draw_axes, draw_choices, draw_curve, main_look
from ketameta.plots._specificationplan import open_layout
from ketameta.plots._words import level_text, sides
from ketameta.plots.alt import remember, sentences
from ketameta.plots.style import Palette, quiet_rc
from ketameta.robustness import Multiverse
from ketameta.robustness.universe_share import counted, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["specification_curve"]

_FARTHEST = 1.2


def specification_curve(
    result: Multiverse,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    options: FigureOptions | None = None,
) -> Axes:
    """Estimates of all universes from the lowest to the highest, over the choices that lead to them.

    Parameters
    ----------
    result : Multiverse
        Result of :func:`ketameta.robustness.multiverse`.
    ax : Axes, optional
        Empty axes to draw in; they shrink so that everything stays in their box. By default a new figure is made.
    title : str, optional
        Title above the figure.
    favours : tuple of str, optional
        Who is favoured under and over the null, in place of what the outcome says.
    options : FigureOptions, optional
        Width, type, notes.

    Returns
    -------
    Axes
        The upper panel: rank of the universe against estimate and interval (ratios on a log axis). Its first inset axes
        are the lower panel: for every option a strip that is darker the more universes of that rank have it, and the
        median estimate with it. Choices that change nothing are left out of it.

    Raises
    ------
    FigureError
        `result` is no multiverse, the axes are not empty, or there is too little room.

    Notes
    -----
    Of more than 1,200 universes as many are drawn, evenly spaced in rank; strips count all. Ties are in order of the
    lower limit, then of the universe. Intervals that would press the estimates together are cut at the axis.

    References
    ----------
    Simonsohn U, Simmons JP, Nelson LD (2020). Specification curve analysis. Nat Hum Behav 4:1208-1214.

    Voracek M, Kossmeier M, Tran US (2019). Which data to meta-analyze, and how? Zeitschrift fuer Psychologie 227:64-82.

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> from ketameta.plots.specification import specification_curve
    >>> from ketameta.robustness import multiverse
    >>> found = multiverse(
    ...     km.load_trials(),
    ...     {"indication": "MDD", "outcome": "depression", "hours": (18, 36)},
    ...     {"tau2": ("REML", "DL"), "ci": ("HKSJ", "Wald")},
    ... )
    >>> ax = specification_curve(found)
    >>> len(ax.child_axes)
    1
    >>> plt.close(ax.figure)
    """
    if not isinstance(result, Multiverse):
        raise FigureError(
            f"specification_curve() draws the result of multiverse(), not {type(result).__name__}."
        )
    options = of_class(options, FigureOptions())
    scale = scale_of(result.measure)
    outcome = result.options.get("outcome", ("",))[0]
    who = sides(pd.DataFrame({"outcome": [outcome if isinstance(outcome, str) else ""]}), favours)
    order = _order(result)
    axis = _axis(result, order, scale, who)
    rows = {
        name: tuple(" ".join(text.split()) for text in texts)
        for name, texts in result.labels.items()
        if len(texts) > 1 and name not in result.idle
    }
    medians = _medians(result, rows, scale)
    notes = (*_notes(result, order, axis), *method_lines(result)) if options.footer else ()
    with quiet_rc():
        ax, layout, palette = open_layout(ax, options, axis, rows, medians, title, _legend(result), notes)
        draw_axes(ax, layout, axis, palette)
        draw_curve(ax, result, order, axis, layout, palette)
        layout.draw_words(ax, palette, f"Universes in order of their estimate, 1 to {order.size:,}")
        layout.draw_legend(ax, _handles(result, palette), palette)
        draw_choices(ax, result, order, rows, layout, palette)
    remember(ax, _words(result, scale, order))
    return ax


def _order(result: Multiverse) -> AnyArray:
    """Possible universes from the lowest estimate to the highest."""
    here = np.flatnonzero(result.possible)
    return np.asarray(here[np.lexsort((here, result.ci_low[here], result.estimate[here]))])


def _axis(result: Multiverse, order: AnyArray, scale: Scale, who: tuple[str, str]) -> Axis:
    """The effect axis: all estimates, the null and the minimal important difference, and most of the intervals."""
    values = [0.0, *np.atleast_1d(result.estimate[order][[0, -1]])]
    values += [] if math.isnan(result.mid) else [result.mid]
    least, most = min(values), max(values)
    reach = _FARTHEST * (most - least) or 1.0
    low = max(min(least, float(np.quantile(result.ci_low[order], 0.01))), least - reach)
    high = min(max(most, float(np.quantile(result.ci_high[order], 0.99))), most + reach)
    margin = 0.05 * (high - low)
    null = f"{scale.null:g}"
    name = f"{scale.title} (under {null}: {who[0].lower()})"
    marks = () if math.isnan(result.mid) else ((result.mid, f"MID {scale.text(result.mid)}"),)
    return Axis(name, scale, low - margin, high + margin, marks=marks)


def _medians(result: Multiverse, rows: dict[str, tuple[str, ...]], scale: Scale) -> list[str]:
    """Median estimate with each option; a dash where it leads to no universe."""
    here = result.possible
    codes, estimates, texts = result.codes[here], result.estimate[here], []
    for name, labels in rows.items():
        column = codes[:, result.names.index(name)]
        for code in range(len(labels)):
            chosen = estimates[column == code]
            texts.append(scale.text(float(np.median(chosen))) if chosen.size else "–")
    return texts


def _legend(result: Multiverse) -> tuple[str, ...]:
    level = level_text(result.level)
    main = ("Main analysis",) if result.possible[0] else ()
    mid = () if math.isnan(result.mid) else ("Minimal important difference",)
    return (
        "Estimate",
        f"{level} CI excludes no difference",
        f"{level} CI includes it",
        *main,
        "No difference",
        *mid,
    )


def _handles(result: Multiverse, palette: Palette) -> list[Any]:
    from matplotlib.lines import Line2D

    main = {**main_look(palette), "marker": "D", "markersize": 4}
    looks = (
        {"color": palette.pooled, "linewidth": 1.8},
        {"color": palette.study, "linewidth": 4, "alpha": 0.6},
        {"color": palette.rule, "linewidth": 4, "alpha": 0.8},
        *((main,) if result.possible[0] else ()),
        null_look(palette),
        *(() if math.isnan(result.mid) else (edge_look(palette),)),
    )
    return [Line2D([], [], **look) for look in looks]


def _notes(result: Multiverse, order: AnyArray, axis: Axis) -> tuple[str, ...]:
    notes = []
    cut = int(((result.ci_low[order] < axis.low) | (result.ci_high[order] > axis.high)).sum())
    if order.size > MOST_LINES:
        notes.append(
            f"Intervals of {MOST_LINES:,} of {order.size:,} universes are drawn, evenly spaced in rank."
        )
    if cut:
        notes.append(f"Intervals that go beyond the axis: {cut:,}.")
    main = "; the main analysis takes the first option of each" if result.possible[0] else ""
    notes.append(
        f"Strips are darker the more universes have an option; median: of the estimates with it{main}."
    )
    if result.idle:
        idle = ", ".join(name.replace("_", " ") for name in result.idle)
        notes.append(f"Choices that change nothing are not drawn: {idle}.")
    lost = result.n_universes - result.n_possible
    if lost:
        notes.append(f"{lost:,} of {result.n_universes:,} universes are impossible.")
    notes.append(
        f"{counted(result.n_distinct, 'distinct set')} of effects: universes are not independent, and their shares are not "
        "probabilities."
    )
    if not math.isnan(result.mid):
        notes.append(f"MID: minimal important difference, {result.mid_source}.")
    return tuple(notes)


def _words(result: Multiverse, scale: Scale, order: AnyArray) -> str:
    side = "below" if float(np.median(result.estimate[order])) < 0 else "above"
    share = result.share(**{side: 0.0})
    first, last = order[0], order[-1]
    parts = [
        f"Specification curve of {counted(order.size, 'universe')} with "
        f"{counted(result.n_distinct, 'distinct set')} of effects",
        f"Estimates ({scale.title}) from {scale.text(result.estimate[first])} to {scale.text(result.estimate[last])}, "
        f"median {scale.text(result.quantiles()[0.5])}",
        f"{percent(share.estimate)} of the estimates and {percent(share.ci)} of the {level_text(result.level)} "
        f"intervals lie {side} {scale.null:g}",
    ]
    if result.possible[0]:
        at = int(np.flatnonzero(order == 0)[0]) + 1
        pair = scale.interval(result.ci_low[0], result.ci_high[0], form="{low} to {high}")
        parts.append(
            f"The main analysis, rank {at:,}, has {scale.text(result.estimate[0])} ({level_text(result.level)} CI {pair})"
        )
    table = result.importance()
    top = table.loc[(table["choice"] != "interactions") & table["alone"].notna()].head(1)
    for row in top.to_dict(orient="records"):
        parts.append(
            f"The choice that spreads the estimates most is {str(row['choice']).replace('_', ' ')} "
            f"({100 * row['alone']:.0f}% of the variance)"
        )
    return sentences(parts)
