"""Effect over time: the curve, the trials behind it, and the times that hold none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ketameta.curves import DurabilityCurve, RespondingCurve, SameTrials
from ketameta.plots._asked import of_class, pair
from ketameta.plots._place import MARGIN_MM, box_size, new_axes, require_empty
from ketameta.plots._timeline import draw
from ketameta.plots._timeoptions import TimecourseOptions, Words
from ketameta.plots._timepage import plan
from ketameta.plots._timeshares import share_strands
from ketameta.plots._timestrands import named_curves, read_strands, shared_sides
from ketameta.plots._timewords import curve_words, share_words
from ketameta.plots.alt import remember
from ketameta.plots.style import POINTS_PER_MM, quiet_rc

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TimecourseOptions", "timecourse"]


def timecourse(
    curve: DurabilityCurve
    | Sequence[DurabilityCurve]
    | Mapping[str, DurabilityCurve]
    | SameTrials
    | RespondingCurve,
    *,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    options: TimecourseOptions | None = None,
) -> Axes:
    """Effect as a function of time since dosing, with the trials that it rests on.

    Parameters
    ----------
    curve : DurabilityCurve, sequence or mapping of them, SameTrials or RespondingCurve
        Result of :func:`ketameta.durability`; several, up to six, are drawn over one another, such as
        single and repeated dosing; the result of its ``same_trials()`` is drawn as all trials and the same
        trials only. A mapping goes from name to curve.
        Of the result of :func:`ketameta.curves.responding` the share of each arm is drawn, in per cent.
    labels : sequence of str, optional
        Names of the curves of a sequence, of all trials and the same trials, or of the arms of a curve of shares.
    ax : Axes, optional
        Empty axes to draw in; they shrink so that labels, numbers and notes stay in their box. By
        default a new figure is made.
    title : str, optional
        Title above the legend.
    favours : tuple of str, optional
        Who is favoured under and over the null, in place of what the rows say.
    options : TimecourseOptions, optional
        Width, type, units, axes, threshold, and what is shown.

    Returns
    -------
    Axes
        Time in hours; the effect as shown, ratios on a log axis.

    Raises
    ------
    FigureError
        `curve` is not a curve, curves of several measures are given, or too many, or without names; the
        axes are not empty, or there is too little room.

    Notes
    -----
    The dark band is the pointwise confidence interval of the mean effect; the light one with dotted
    edges is the prediction interval, which of several curves is drawn as edges only, and if asked for. Dashed edges hold the whole curve at once. Area
    of a dot is proportional to 1 / vi (down to a dot that can still be seen), over all curves alike; lines
    join the effects of one trial. Times farther than a factor of two from any trial are grey, and the
    curve is thin there. A trial is counted under each tick next to which it measured. A diamond marks the
    half-life, a square the time at which the curve first falls short of the threshold.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> import ketameta as km
    >>> es = pd.DataFrame({
    ...     "cohort_id": ["a", "a", "a", "b", "b", "c", "c", "d", "d", "d"],
    ...     "time_hours": [4, 24, 168, 24, 72, 24, 168, 4, 72, 168],
    ...     "yi": [-0.9, -0.8, -0.3, -0.6, -0.5, -1.0, -0.4, -0.7, -0.6, -0.2],
    ...     "vi": [0.08, 0.08, 0.09, 0.05, 0.05, 0.12, 0.11, 0.10, 0.09, 0.10],
    ... })
    >>> ax = km.timecourse(km.durability(es))
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['4 h', '1 d', '3 d', '7 d']
    >>> plt.close(ax.figure)
    >>> early = es[es["time_hours"] <= 72]
    >>> ax = km.timecourse({"All times": km.durability(es), "Up to 3 days": km.durability(early)})
    >>> [text.get_text() for text in ax.get_legend().get_texts()][:2]
    ['All times', 'Up to 3 days']
    >>> plt.close(ax.figure)
    """
    options = of_class(options, TimecourseOptions())
    with quiet_rc():
        if ax is not None:
            require_empty(ax)
        if isinstance(curve, RespondingCurve):
            strands, words = (
                share_strands(curve, labels, options),
                Words(title=title, sides=("", "") if favours is None else pair("favours", favours)),
            )
            described = share_words(curve)
        else:
            curves = named_curves(curve, labels)
            words = Words(title=title, sides=shared_sides(curves, favours))
            described = curve_words(curves, words.sides)
            strands = read_strands(curves, options)
        if ax is None:
            page = plan(strands, options, words, width=(options.width_mm - 2 * MARGIN_MM) * POINTS_PER_MM)
            ax = new_axes(options.width_mm, page.full_height / POINTS_PER_MM + 2 * MARGIN_MM)
        else:
            width, height = box_size(ax)
            page = plan(strands, options, words, width=width, height=height)
        draw(ax, page, options)
    remember(ax, described)
    return ax
