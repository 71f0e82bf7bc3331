"""Risk of bias: the judgements of every study in every domain, and their shares."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd

from ketameta._render import plural
from ketameta.errors import FigureError
from ketameta.plots._asked import of_class
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._grid import open_grid
from ketameta.plots._gridplan import Grid, Head, Layout, Row
from ketameta.plots._rob import Judgements, read_judgements
from ketameta.plots._robmarks import draw_levels, level_key
from ketameta.plots.alt import remember, sentences
from ketameta.plots.style import Palette, font, quiet_rc, text_width
from ketameta.provenance import trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["rob_plot"]

_KINDS = ("traffic", "summary")
_MANY = 40
_CIRCLE = 1.3
_BAR = 1.45
_EMPTY = "not judged"


def rob_plot(
    judgements: pd.DataFrame,
    *,
    kind: str = "traffic",
    tool: str = "RoB 2",
    ax: Axes | None = None,
    title: str | None = None,
    options: FigureOptions | None = None,
) -> Axes:
    """Risk of bias as a traffic light of studies and domains, or as a summary of shares.

    The judgements are the reader's own, or those that published reviews print, which
    :func:`ketameta.evidence.judgements` gives; none is made here.

    Parameters
    ----------
    judgements : DataFrame
        A row a study. Columns, in upper or lower case: ``study`` (or ``label``, ``study_id``); one column
        a domain, in order, headed ``D1``, ``D2``, ... or by name; and, if wished, ``overall`` and
        ``weight``. Cells hold words of the tool, such as ``Low``, ``low risk``, ``L`` or ``+``; an empty
        cell stays empty and is counted in a note.
    kind : {"traffic", "summary"}
        Every judgement, or the share of studies (of their weight where there is a column ``weight``) with
        each judgement in each domain.
    tool : {"RoB 2", "ROBINS-I", "RoB 1"}
        The tool whose words and domains the table uses.
    ax : Axes, optional
        Empty axes to draw in; they shrink so that headings, names and notes stay in their box. By default
        a new figure is made, as high as its rows need.
    title : str, optional
        Title above the legend.
    options : FigureOptions, optional
        Width (180 mm by default), type and footer.

    Returns
    -------
    Axes
        Of a traffic light the cells, in points from their upper left corner; of a summary the bars, in
        per cent. The labels of the y axis are the studies or the domains.

    Raises
    ------
    FigureError
        The table cannot be read (with row, column and the words allowed), `kind` or `tool` is unknown, the
        axes are not empty, or there is too little room.

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> judged = pd.DataFrame({
    ...     "study": ["Trial A", "Trial B"],
    ...     "D1": ["Low", "High"], "D2": ["Low", "Some concerns"], "Overall": ["Low", "High"],
    ... })
    >>> ax = km.rob_plot(judged)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['Trial A', 'Trial B']
    >>> ax = km.rob_plot(judged, kind="summary")
    >>> [(bars.get_label(), float(bars[0].get_width())) for bars in ax.containers][:2]
    [('_low', 50.0), ('_high', 50.0)]
    >>> plt.close("all")
    """
    if kind not in _KINDS:
        raise FigureError(f"kind={kind!r}: give 'traffic' or 'summary'.")
    read = read_judgements(judgements, tool)
    options = of_class(options, FigureOptions(width_mm=180.0))
    foot = (*_missing(read, kind), f"{trace(judgements).line()}.")
    with quiet_rc():
        draw = _draw_traffic if kind == "traffic" else _draw_summary
        ax = draw(ax, read, options, title, foot)
    remember(ax, _described(read, kind))
    return ax


def _draw_traffic(
    ax: Axes | None, read: Judgements, options: FigureOptions, title: str | None, foot: tuple[str, ...]
) -> Axes:
    heads = tuple(
        Head(domain.short, 1.9, domain.name if domain.name != domain.short else "")
        for domain, _ in read.columns
    )
    pitch, shape = (1.45, 200.0) if len(read.studies) > _MANY else (1.8, 180.0)
    grid = Grid(
        rows=tuple(Row(study, pitch) for study in read.studies),
        heads=heads,
        corner="Study",
        most=14.0,
        legend=_legend(read),
        foot=foot,
        key="; ".join(f"{head.name}, {head.more}" for head in heads if head.more) + ".",
        title=title,
    )
    ax, layout, palette = open_grid(ax, options, grid, shape=shape)
    cells = [
        (x, y, level)
        for x, (_, levels) in zip(layout.x.tolist(), read.columns, strict=True)
        for y, level in zip(layout.y.tolist(), levels, strict=True)
    ]
    xs, ys, levels = zip(*cells, strict=True)
    draw_levels(ax, xs, ys, levels, diameter=_CIRCLE * layout.size, palette=palette)
    _draw_legend(ax, layout, read, palette)
    return ax


def _draw_summary(
    ax: Axes | None, read: Judgements, options: FigureOptions, title: str | None, foot: tuple[str, ...]
) -> Axes:
    rows = tuple(Row(domain.name, 2.2) for domain, _ in read.columns)
    grid = Grid(
        rows=rows,
        heads=(Head("", 14.0),),
        corner="",
        most=1000.0,
        legend=_legend(read),
        foot=foot,
        title=title,
        axis=3.6,
        right=1.4,
    )
    ax, layout, palette = open_grid(ax, options, grid, shape=150.0)
    ax.set_xlim(0, 100)
    look: dict[str, Any] = {"fontsize": layout.size, "color": palette.ink}
    ticks = range(0, 101, 25)
    ax.set_xticks(list(ticks), [f"{tick}%" for tick in ticks], **look, fontfamily=list(font()))
    ax.tick_params(axis="x", labeltop=False, labelbottom=True)
    ax.set_xlabel(_share_of(read), va="baseline", **look)
    ax.xaxis.set_label_coords(0.5, -3.2 * layout.size / layout.panel[1])
    _draw_bars(ax, layout, read, palette)
    _draw_legend(ax, layout, read, palette)
    return ax


def _draw_bars(ax: Axes, layout: Layout, read: Judgements, palette: Palette) -> None:
    """Stacked bars; symbol and share stand in those that have room for them."""
    width, size = layout.panel[0], layout.small
    for y, shares in zip(layout.y.tolist(), (100 * read.shares()).tolist(), strict=True):
        start = 0.0
        for level, share in zip((*read.tool.levels, None), shares, strict=True):
            if share == 0:
                continue
            filled = level is not None and level.colour != "none"
            ax.barh(
                y,
                share,
                left=start,
                height=_BAR * layout.size,
                facecolor=level.colour if level is not None else "none",
                edgecolor=palette.paper if filled else palette.muted,
                linestyle="-" if level is not None else ":",
                linewidth=0.8,
                label=f"_{level.name if level is not None else _EMPTY}",
                zorder=3 if filled else 2.9,
            )
            per_cent = f"{share:.0f}%"
            symbol = level.symbol if level is not None else ""
            for text in (f"{symbol} {per_cent}".strip(), symbol):
                if text and text_width(text, size, screen=True) + 0.5 * size <= share / 100 * width:
                    ink = level.ink if level is not None and filled else palette.ink
                    ax.text(
                        start + share / 2,
                        y,
                        text,
                        ha="center",
                        va="center",
                        fontsize=size,
                        color=ink,
                        zorder=4,
                    )
                    break
            start += share


def _legend(read: Judgements) -> tuple[str, ...]:
    """Words of the levels that occur."""
    found = {level for _, column in read.columns for level in column}
    return tuple(level.name.capitalize() for level in read.tool.levels if level in found)


def _draw_legend(ax: Axes, layout: Layout, read: Judgements, palette: Palette) -> None:
    by_name = {level.name.capitalize(): level for level in read.tool.levels}
    size = _CIRCLE * layout.size
    handles = [level_key(by_name[text], diameter=size, palette=palette) for text in _legend(read)]
    layout.draw_legend(ax, handles, palette)


def _missing(read: Judgements, kind: str) -> tuple[str, ...]:
    n, where = read.n_missing, "empty cells" if kind == "traffic" else "dotted"
    return (f"{plural(n, 'judgement')} missing ({where}).",) if n else ()


def _share_of(read: Judgements) -> str:
    studies = plural(len(read.studies), "study", "studies")
    return f"Share of {studies}" if read.weights is None else f"Share of the weight of {studies}"


def _described(read: Judgements, kind: str) -> str:
    """What was drawn in words: how many studies have each judgement, domain by domain."""
    figure = "Traffic light of" if kind == "traffic" else "Shares of"
    parts = [
        f"{figure} risk of bias by {read.tool.name}: {plural(len(read.studies), 'study', 'studies')}, "
        f"{plural(len(read.domains), 'domain')}"
    ]
    if kind == "summary" and read.weights is not None:
        parts.append("Bars are shares of the studies' weight; counts of studies follow")
    for domain, column in read.columns:
        counts = Counter(level.name if level is not None else _EMPTY for level in column)
        order = [*(level.name for level in read.tool.levels), _EMPTY]
        said = ", ".join(f"{counts[name]} {name}" for name in order if counts[name])
        parts.append(f"{domain.name}: {said}")
    return sentences(parts)
