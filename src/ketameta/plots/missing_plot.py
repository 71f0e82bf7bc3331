"""Pooled effect with missing trials added, against the effect that they are assumed to have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ketameta._render import plural
from ketameta.errors import FigureError
from ketameta.models.result import level_text
from ketameta.plots._asked import of_class
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._frame import Axis, Words, open_frame
from ketameta.plots._looks import null_look
from ketameta.plots._notes import method_lines
from ketameta.plots._scale import Scale, scale_of
from ketameta.plots._tippingcurve import Tip, draw_curve, effect_axis, handles, legend, threshold_look
from ketameta.plots.alt import remember, sentences
from ketameta.plots.style import quiet_rc
from ketameta.robustness.missing_result import MissingEvidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["missing_plot"]


def missing_plot(
    result: MissingEvidence,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    options: FigureOptions | None = None,
) -> Axes:
    """Draw the pooled effect of all trials for every effect that the missing ones might have.

    Parameters
    ----------
    result : MissingEvidence
        Result of :func:`ketameta.robustness.missing_evidence`, with two assumed effects or more.
    ax : Axes, optional
        Empty axes to draw in; they shrink so that everything stays in their box. By default a new figure is made.
    title : str, optional
        Title above the figure.
    options : FigureOptions, optional
        Width, type, notes. Studies are not named.

    Returns
    -------
    Axes
        Common effect of the missing trials against the pooled effect; ratios on log axes.

    Raises
    ------
    FigureError
        `result` is of another kind or has a single assumed effect; the axes are not empty, or there is too little room.

    Notes
    -----
    The filled mark is the effect at which the estimate reaches the threshold, the open one that at which its interval
    does. Trials of one common effect add no heterogeneity among themselves.

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> from ketameta.plots.missing_plot import missing_plot
    >>> from ketameta.robustness import missing_evidence
    >>> fit = km.pool(yi=[-1.0, -0.6, -0.8, -0.4, -0.5], vi=[0.09, 0.05, 0.04, 0.07, 0.06])
    >>> ax = missing_plot(missing_evidence(fit, [None, None]))
    >>> ax.get_xlabel()
    'Assumed effect in 2 missing trials'
    >>> plt.close(ax.figure)
    """
    if not isinstance(result, MissingEvidence):
        raise FigureError(
            f"missing_plot() draws the result of missing_evidence(), not {type(result).__name__}."
        )
    options = of_class(options, FigureOptions())
    scale, table, other = scale_of(result.measure), result.added, result.threshold != 0
    x = table["effect"].to_numpy()
    y = effect_axis(scale, table, [result.threshold])
    margin = 0.03 * float(x.max() - x.min())
    name = f"Assumed effect in {plural(result.m, 'missing trial')}"
    with quiet_rc():
        ax, frame, palette = open_frame(
            ax,
            options,
            Axis(name, scale, float(x.min()) - margin, float(x.max()) + margin),
            y,
            Words(title, legend(result.level, other), method_lines(result)),
        )
        ax.axhline(scale.null, zorder=1.2, label="_limit", **null_look(palette))
        if other:
            ax.axhline(
                float(scale.shown(result.threshold)), zorder=1.2, label="_limit", **threshold_look(palette)
            )
        tips = [
            Tip(result.effect_estimate, result.threshold, False),
            Tip(result.effect_interval, result.threshold, True),
        ]
        draw_curve(ax, frame, x, table, tips, palette)
        frame.draw_legend(ax, handles(frame, other, palette), palette)
    remember(ax, _words(result, scale))
    return ax


def _words(result: MissingEvidence, scale: Scale) -> str:
    parts = [
        f"Pooled {scale.short} of {plural(result.k, 'trial')} and {plural(result.m, 'missing trial')}, against the effect "
        "assumed in the missing ones",
        f"Without them it is {scale.text(result.estimate)}, {level_text(result.level)} CI {scale.text(result.ci_low)} to "
        f"{scale.text(result.ci_high)}",
    ]
    for what, tip in (("estimate", result.effect_estimate), ("interval", result.effect_interval)):
        if not math.isnan(tip):
            parts.append(
                f"The {what} reaches {scale.text(result.threshold)} where they have an effect of {scale.text(tip)}"
            )
    return sentences(parts)
