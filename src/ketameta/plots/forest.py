"""Forest plot of a pooled result or of subgroups.

Row labels, interval lines, squares and the effect axis are drawn by the package forestplot
(see :mod:`ketameta.plots._engine`). It knows no pooled estimate and prints a row's columns as one
string in a monospaced face, so this module draws on the same axes:

- diamonds of pooled estimates, the prediction interval, arrows on intervals that are cut;
- columns of arm statistics, effects and weights, each set flush right, and their headings;
- the line of no difference, which forestplot would carry on through the headings;
- headings of subgroups, lines on heterogeneity and tests, notes, method and provenance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ketameta.errors import FigureError
from ketameta.models import Pooled, Subgroups
from ketameta.plots._draw import draw
from ketameta.plots._forestwords import fit_words
from ketameta.plots._layout import Layout, Page, plan
from ketameta.plots._place import MARGIN_MM, box_size, new_axes, require_empty
from ketameta.plots._scale import Scale, window
from ketameta.plots._table import Arms, Table, build
from ketameta.plots._words import sides
from ketameta.plots.alt import remember
from ketameta.plots.style import POINTS_PER_MM, quiet_rc, text_width, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ForestOptions", "forest"]

_SMALLEST_TYPE = 5.0
_MANY_ROWS = 40
_MOST_BROKEN = 0.34
_WIDEST_LOG = 600.0


@dataclass(frozen=True, slots=True)
class ForestOptions:
    """What a forest plot shows, and how large.

    Attributes
    ----------
    width_mm : float
        Width of a new figure in millimetres: 180 fills a page, 85 a column, 254 a slide.
    font_size : float, optional
        Size of the type in points; by default it follows the width and the number of rows.
    columns : {"auto", "full", "n", "none"}
        Columns of arm statistics: all, numbers only, none; ``"auto"`` takes what there is room for.
    weight : bool
        Show the column of weights (where there is room for it).
    digits : int
        Decimals of effects.
    limits : tuple of float, optional
        Ends of the effect axis as shown (ratios as ratios).
    prediction : bool
        Show the prediction interval.
    footer : bool
        Show method and provenance.
    """

    width_mm: float = 180.0
    font_size: float | None = None
    columns: str = "auto"
    weight: bool = True
    digits: int = 2
    limits: tuple[float, float] | None = None
    prediction: bool = True
    footer: bool = True

    def __post_init__(self) -> None:
        if not 60 <= self.width_mm <= 1000:
            raise FigureError(f"width_mm={self.width_mm!r}: give a width from 60 to 1000 mm.")
        if self.font_size is not None and not _SMALLEST_TYPE <= self.font_size <= 40:
            raise FigureError(
                f"font_size={self.font_size!r}: give a size from {_SMALLEST_TYPE:g} to 40 points."
            )
        if self.columns not in {"auto", "full", "n", "none"}:
            raise FigureError(f"columns={self.columns!r}: give 'auto', 'full', 'n' or 'none'.")
        if not 0 <= self.digits <= 6:
            raise FigureError(f"digits={self.digits!r}: give a whole number from 0 to 6.")
        if self.limits is not None and not self.limits[0] < self.limits[1]:
            raise FigureError(f"limits={self.limits!r}: give the lower end first.")


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
        Width, type, columns and limits.

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
    if not isinstance(fit, Pooled | Subgroups):
        raise FigureError(
            f"forest() draws the result of pool() or subgroups(), not {type(fit).__name__}; pool the effects first."
        )
    options = options or ForestOptions()
    with quiet_rc():
        if ax is None:
            width = (options.width_mm - 2 * MARGIN_MM) * POINTS_PER_MM
            page = _fit(fit, options, width, None, title, favours)
            ax = new_axes(options.width_mm, page.height / POINTS_PER_MM + 2 * MARGIN_MM)
        else:
            require_empty(ax)
            page = _fit(fit, options, *box_size(ax), title, favours)
        draw(ax, page, options.digits)
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
    arms: tuple[Arms, ...] = ("full", "n", "none")
    if options.columns != "auto":
        arms = (options.columns,)  # type: ignore[assignment]
    tables = [build(fit, arms=choice, prediction=options.prediction) for choice in arms]
    shapes = [(table, options.weight) for table in tables] + [(tables[-1], False)]
    many = len(tables[0].lines) > _MANY_ROWS
    usual = float(np.clip(7.5 * width / (180 * POINTS_PER_MM), 6.5, 14.0)) * (0.9 if many else 1.0)
    for largest in _sizes(options.font_size, usual, shrink=height is not None):
        least = options.font_size or max(0.9 * largest, _SMALLEST_TYPE)
        roomy: list[Layout] = []
        for (table, weight), size, label_share in product(shapes, (largest, least), (0.36, 0.3, 0.25, 0.2)):
            layout = plan(
                table,
                width=width,
                size=size,
                pitch=(1.34 if many else 1.55) * size,
                label_share=label_share,
                weight=weight,
                digits=options.digits,
                footer=options.footer,
            )
            if layout.enough():
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
        f"The forest plot of {len(tables[0].lines)} rows does not fit in {given}: give larger axes, "
        "fewer columns or a smaller font_size, or leave ax out for a figure of the right size."
    )


def _sizes(given: float | None, usual: float, *, shrink: bool) -> list[float]:
    """Sizes of type to try, the largest first."""
    if given is not None:
        return [given]
    smaller = np.arange(math.floor(2 * usual) / 2, _SMALLEST_TYPE - 0.1, -0.5).tolist() if shrink else []
    return [usual, *(size for size in smaller if size < usual)]


def _stretch(layout: Layout, needed: float, height: float | None) -> Layout:
    """Spread the rows over the height that was given, up to a comfortable distance."""
    if height is None:
        return layout
    rows = layout.panel_height / layout.pitch
    return replace(layout, pitch=min(layout.pitch + (height - needed) / rows, 2.2 * layout.size))


def _page(layout: Layout, options: ForestOptions, title: str | None, favours: tuple[str, str] | None) -> Page:
    """Limits, ticks and the words under the axis of a table that is laid out."""
    table, scale = layout.table, layout.table.scale
    panel = layout.panel[1] - layout.panel[0]
    if options.limits is None:
        low, high = _window(table)
        low, high = (max(low, -_WIDEST_LOG), min(high, _WIDEST_LOG)) if scale.ratio else (low, high)
    elif scale.ratio and options.limits[0] <= 0:
        raise FigureError(f"limits={options.limits!r}: the ends of a ratio axis are above 0.")
    else:
        low, high = (math.log(x) if scale.ratio else float(x) for x in options.limits)
    null = min(max(-low / (high - low), 0.0), 1.0)
    at = layout.panel[0] + null * panel
    left, right = sides(table.overall.rows, favours)
    shown = scale.shown([low, high]).tolist()
    return Page(
        layout=layout,
        title=tuple(wrap(title, layout.width, 1.2 * layout.size, weight="bold", screen=True))
        if title
        else (),
        limits=(shown[0], shown[1]),
        ticks=_ticks(scale, low, high, panel, layout.size),
        sides=(
            tuple(wrap(f"←\N{NO-BREAK SPACE}{left}", at - 0.5 * layout.size, layout.size)),
            tuple(wrap(f"{right}\N{NO-BREAK SPACE}→", layout.width - at - 0.5 * layout.size, layout.size)),
        ),
        null=null,
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
