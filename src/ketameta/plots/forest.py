"""Forest plot of a pooled result or of subgroups.

Row labels, interval lines, squares and the effect axis are drawn by the package forestplot
(see :mod:`ketameta.plots._engine`). It knows no pooled estimate and prints a row's columns as one
string in a monospaced face, so :mod:`ketameta.plots._draw` draws on the same axes:

- diamonds of pooled estimates, the prediction interval, arrows on intervals that are cut;
- columns of arm statistics, effects, weights and anything else the rows hold, and their headings;
- judgements of risk of bias as circles with symbols;
- the line of no difference, which forestplot would carry on through the headings;
- headings of subgroups, lines on heterogeneity and tests, notes, method and provenance.

What is said is decided before where it stands, and both before anything is drawn: options and layout
(:mod:`ketameta.plots._forestlayouts`), rows and columns (:mod:`ketameta.plots._table`), positions in points
(:mod:`ketameta.plots._layout`), and the figure.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ketameta.errors import FigureError
from ketameta.models import Pooled, Subgroups
from ketameta.plots._asked import of_class
from ketameta.plots._draw import draw
from ketameta.plots._forestheads import panel_head, place_sides, side_words, sides_at
from ketameta.plots._forestoptions import SMALLEST_TYPE, ForestOptions
from ketameta.plots._forestwords import fit_words
from ketameta.plots._layout import Layout, Page, plan
from ketameta.plots._place import MARGIN_MM, box_size, new_axes, require_empty
from ketameta.plots._scale import Scale, window
from ketameta.plots._table import Table, build, shapes
from ketameta.plots.alt import remember
from ketameta.plots.foresttable import require_result
from ketameta.plots.style import POINTS_PER_MM, quiet_rc, text_width, title_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ForestOptions", "forest"]

_MANY_ROWS = 40
_LABEL_SHARES = (0.36, 0.3, 0.25, 0.2)
_MOST_BROKEN = 0.34


def forest(
    fit: Pooled | Subgroups,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    options: ForestOptions | None = None,
) -> Axes:
    """Forest plot: every study, the pooled estimate, and what a reader needs to judge it.

    Parameters
    ----------
    fit : Pooled or Subgroups
        Result of :func:`ketameta.pool` or :func:`ketameta.subgroups`.
    ax : Axes, optional
        Empty axes to draw in; the table takes the whole of their box, and they shrink to the
        interval panel. By default a new figure is made, as high as its rows need.
    title : str, optional
        Title above the table.
    favours : tuple of str, optional
        Who is favoured on the left and on the right of the null. By default the rows decide: on
        scales where higher is worse a negative value favours ketamine; of response and remission
        a ratio over 1 does.
    options : ForestOptions, optional
        Layout, width, type, columns and limits.

    Returns
    -------
    Axes
        Axes of the interval panel. Rows stand at whole numbers of the y axis, the lowest at 0.

    Raises
    ------
    FigureError
        `fit` is not a result, the axes are not empty, or there is too little room.

    Notes
    -----
    Area of a square is proportional to the study's weight, and its line is the Wald interval
    ``yi ± z sqrt(vi)``. A diamond spans the pooled confidence interval; the bar under it is the
    prediction interval. Intervals that run off the axis end in an arrow, and their numbers stand in the table.

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> fit = km.pool(yi=[-0.9, -0.4, -0.6], vi=[0.10, 0.05, 0.08])
    >>> ax = km.forest(fit, favours=("ketamine", "placebo"))
    >>> [label.get_text().strip() for label in ax.get_yticklabels()][::-1][:4]
    ['Study', 'Study 1', 'Study 2', 'Study 3']
    >>> plt.close(ax.figure)
    """
    require_result(fit, "forest")
    options = of_class(options, ForestOptions())
    with quiet_rc():
        if ax is None:
            width = (options.width - 2 * MARGIN_MM) * POINTS_PER_MM
            page = _fit(fit, options, width, None, title, favours)
            ax = new_axes(options.width, page.height / POINTS_PER_MM + 2 * MARGIN_MM)
        else:
            require_empty(ax)
            page = _fit(fit, options, *box_size(ax), title, favours)
        draw(ax, page)
    remember(ax, fit_words(fit, page.table, favours))
    return ax


def _fit(
    fit: Pooled | Subgroups,
    options: ForestOptions,
    width: float,
    height: float | None,
    title: str | None,
    favours: tuple[str, str] | None,
) -> Page:
    """Lay out with the largest type and the most columns that there is room for."""
    table = build(fit, options)
    many = len(table.lines) > _MANY_ROWS
    share = width / (options.look.width_mm * POINTS_PER_MM)
    usual = float(np.clip(share * options.look.font_size, 6.5, 14.0)) * (0.9 if many else 1.0)
    for largest in _sizes(options.font_size, usual):
        least = options.font_size or max(0.9 * largest, SMALLEST_TYPE)
        roomy: list[Layout] = []
        for shape, size, label_share in product(shapes(table, options), (largest, least), _LABEL_SHARES):
            pitch = (1.34 if many else 1.55) * size
            layout = plan(shape, width=width, size=size, pitch=pitch, label_share=label_share)
            if layout is not None:
                roomy.append(layout)
                if layout.broken <= _MOST_BROKEN:
                    break
        if roomy:
            page = _page(min(roomy, key=lambda layout: layout.broken), options, title, favours)
            if height is None or page.height <= height:
                return replace(page, layout=_stretch(page.layout, page.height, height))
    given = f"{width / POINTS_PER_MM:.0f} mm wide"
    given += "" if height is None else f" and {height / POINTS_PER_MM:.0f} mm high"
    raise FigureError(
        f"The forest plot of {len(table.lines)} rows does not fit in {given}: give larger axes, "
        "fewer columns or a smaller font_size, or leave ax out for a figure of the right size."
    )


def _sizes(given: float | None, usual: float) -> list[float]:
    """Sizes of type to try, the largest first."""
    if given is not None:
        return [given]
    smaller = np.arange(math.floor(2 * usual) / 2, SMALLEST_TYPE - 0.1, -0.5).tolist()
    return [usual, *(size for size in smaller if size < usual)]


def _stretch(layout: Layout, needed: float, height: float | None) -> Layout:
    """Spread the rows over the height that was given, up to a comfortable distance."""
    if height is None:
        return layout
    rows = layout.panel_height / layout.pitch
    return replace(layout, pitch=min(layout.pitch + (height - needed) / rows, 2.2 * layout.size))


def _page(layout: Layout, options: ForestOptions, title: str | None, favours: tuple[str, str] | None) -> Page:
    """Limits, ticks and the words around the panel of a table that is laid out."""
    table, scale, size = layout.table, layout.table.scale, layout.size
    panel = layout.panel[1] - layout.panel[0]
    if options.limits is None:
        low, high = _window(table)
        if table.layout.symmetric:
            low, high = min(low, -high), max(high, -low)
        low, high = scale.held(low, high)
    elif scale.ratio and options.limits[0] <= 0:
        raise FigureError(f"limits={options.limits!r}: the ends of a ratio axis are above 0.")
    else:
        low, high = (math.log(x) if scale.ratio else float(x) for x in options.limits)
    null = layout.panel[0] + min(max(-low / (high - low), 0.0), 1.0) * panel
    words = side_words(table, favours)
    at = sides_at(layout, words, null)
    placed, row = place_sides(layout, words, at)
    head = panel_head(layout)
    shown = scale.shown([low, high]).tolist()
    needed = max(len(head), 0 if row is None else row + max(map(len, placed)))
    return Page(
        layout=replace(layout, head=max(layout.head, needed)),
        title=title_lines(title, layout.width, size),
        limits=(shown[0], shown[1]),
        ticks=_ticks(scale, low, high, panel, size),
        sides=placed,
        sides_at=at,
        null_at=null,
        sides_row=row,
        panel_head=head,
    )


def _ticks(scale: Scale, low: float, high: float, panel: float, size: float) -> tuple[float, ...]:
    """As many ticks as have room for their labels."""
    ticks: tuple[float, ...] = ()
    for most in range(max(2, int(panel / (2 * size))), 1, -1):
        ticks = scale.ticks(low, high, most)
        places = panel * (scale.logs(ticks) - low) / (high - low)
        half = np.array([text_width(label, size) for label in scale.tick_text(ticks)]) / 2
        if np.all(np.diff(places) >= half[1:] + half[:-1] + 0.8 * size):
            return ticks
    return ticks[:1]


def _window(table: Table) -> tuple[float, float]:
    studies = [line for line in table.lines if line.kind == "study"]
    others = [x for line in table.lines if line.kind != "study" for x in (line.low, line.high)]
    return window(
        [line.estimate for line in studies],
        [line.low for line in studies],
        [line.high for line in studies],
        weights=[line.weight for line in studies],
        others=others,
    )
