"""Funnel plot: do small trials show other effects than large ones?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ketameta._render import plural
from ketameta._typing import Array, ArrayLike
from ketameta.errors import FigureError
from ketameta.models import Pooled
from ketameta.plots._asked import of_class
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._frame import Axis, Words, open_frame
from ketameta.plots._funnelmarks import (
    CONTOURS,
    draw_contours,
    draw_filled,
    draw_funnel,
    draw_limit,
    keys,
    line_points,
    quantile,
    words_of_keys,
)
from ketameta.plots._looks import study_dots
from ketameta.plots._names import draw_names, place_names
from ketameta.plots._notes import method_lines
from ketameta.plots._scale import Scale, scale_of
from ketameta.plots._words import level_text, sides
from ketameta.plots.alt import axis_words, remember, sentences
from ketameta.plots.style import quiet_rc
from ketameta.robustness import LimitMeta, TrimFill

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Funnel", "funnel", "funnel_region"]

_ENOUGH = 10
_ALIKE = ("measure", "k", "tau2_method", "ci_method", "level", "estimate")


@dataclass(frozen=True, slots=True, eq=False)
class Funnel:
    """Studies against the region in which a share of them is expected.

    Attributes
    ----------
    centre : float
        Effect in the middle of the region.
    level : float
        Share expected within the region where only chance is at work.
    outside : ndarray of bool, shape (k,)
        Which studies lie outside.
    """

    centre: float
    level: float
    outside: Array


def funnel_region(yi: ArrayLike, vi: ArrayLike, *, centre: float, level: float = 0.95) -> Funnel:
    """Which studies lie outside the funnel ``centre ± z sqrt(vi)``.

    Parameters
    ----------
    yi, vi : array_like, shape (k,)
        Effects and their sampling variances.
    centre : float
        Effect in the middle of the region.
    level : float
        Share expected within the region.

    Returns
    -------
    Funnel

    References
    ----------
    Sterne JAC, Egger M (2001). Funnel plots for detecting bias in meta-analysis: guidelines on choice of
    axis. J Clin Epidemiol 54:1046-1055. doi:10.1016/S0895-4356(01)00377-8

    Examples
    --------
    >>> from ketameta.plots.funnel import funnel_region
    >>> funnel_region([-0.9, -0.4, 0.4], [0.10, 0.05, 0.08], centre=-0.5).outside.tolist()
    [False, False, True]
    """
    outside = np.abs(np.asarray(yi, float) - centre) > quantile(level) * np.sqrt(np.asarray(vi, float))
    return Funnel(centre, level, outside)


def funnel(
    fit: Pooled,
    *,
    contours: bool = False,
    fill: TrimFill | None = None,
    limit: LimitMeta | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    options: FigureOptions | None = None,
) -> Axes:
    """Funnel plot: effect of each study against its standard error, the most precise at the top.

    Parameters
    ----------
    fit : Pooled
        Result of :func:`ketameta.pool`.
    contours : bool
        Draw the regions of P values around no effect in place of the funnel around the pooled estimate: studies
        that are missing where results are not significant speak for publication bias, studies that are missing
        elsewhere for other reasons (Peters et al. 2008).
    fill : TrimFill, optional
        Result of :func:`ketameta.robustness.trim_and_fill` on `fit`: the studies that it fills in stand as open
        dots, and the estimate with them as a dashed line.
    limit : LimitMeta, optional
        Result of :func:`ketameta.robustness.limit_meta_analysis` on `fit`: a line of the effect that it expects
        at each standard error, which ends in the adjusted effect at 0.
    ax : Axes, optional
        Empty axes to draw in; they shrink so that everything stays in their box. By default a new figure is made.
    title : str, optional
        Title above the figure.
    favours : tuple of str, optional
        Who is favoured under and over the null, in place of what the rows say.
    options : FigureOptions, optional
        Width, type, names of studies, notes. By default studies outside the funnel are named, and others where
        there is room.

    Returns
    -------
    Axes
        Effect as shown (ratios on a log axis) against the standard error of `yi`, which grows downwards.

    Raises
    ------
    FigureError
        `fit` is not the result of :func:`ketameta.pool`, `fill` or `limit` are of another pool, the axes are not
        empty, or there is too little room.

    Notes
    -----
    The funnel is the pooled estimate ± z times the standard error: where all studies share one effect, and none
    is missing, 95% of them lie within. Heterogeneity widens the cloud, so a study outside is no sign of bias by
    itself. With fewer than ten studies chance cannot be told from asymmetry (Sterne et al. 2011), which the
    notes of the figure say.

    References
    ----------
    Peters JL, Sutton AJ, Jones DR, Abrams KR, Rushton L (2008). Contour-enhanced meta-analysis funnel plots help
    distinguish publication bias from other causes of asymmetry. J Clin Epidemiol 61:991-996.
    doi:10.1016/j.jclinepi.2007.11.010

    Sterne JAC, Sutton AJ, Ioannidis JPA, et al. (2011). Recommendations for examining and interpreting funnel
    plot asymmetry in meta-analyses of randomised controlled trials. BMJ 343:d4002. doi:10.1136/bmj.d4002

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> ax = km.funnel(km.pool(yi=[-0.9, -0.4, -0.6], vi=[0.10, 0.05, 0.08]))
    >>> ax.get_ylabel(), bool(ax.yaxis_inverted())
    ('Standard error', True)
    >>> plt.close(ax.figure)
    """
    if not isinstance(fit, Pooled):
        raise FigureError(
            f"funnel() draws the result of pool(), not {type(fit).__name__}; pool the effects first."
        )
    _check(fit, "fill", fill, TrimFill, "trim_and_fill")
    _check(fit, "limit", limit, LimitMeta, "limit_meta_analysis")
    options = of_class(options, FigureOptions())
    scale = scale_of(fit.measure)
    yi, se = np.asarray(fit.yi, float), np.sqrt(np.asarray(fit.vi, float))
    region = funnel_region(yi, fit.vi, centre=0.0 if contours else fit.estimate, level=fit.level)
    who = sides(fit.rows, favours)
    low, high, deepest = _ends(fit, region, fill, limit, contours=contours)
    with quiet_rc():
        ax, frame, palette = open_frame(
            ax,
            options,
            Axis(scale.title, scale, low, high, sides=who),
            Axis("Standard error", scale_of("effect"), 0.0, deepest, inverted=True),
            Words(
                title,
                words_of_keys(fit, contours=contours, fill=fill, limit=limit),
                _foot(fit, scale, fill, limit),
            ),
        )
        draw = draw_contours if contours else draw_funnel
        draw(ax, frame, palette, fit)
        shown = scale.shown(yi)
        radius = 0.32 * frame.size
        study_dots(ax, shown, se, radius, palette)
        dots, names = frame.places(yi, se), [str(name) for name in fit.rows["label"]]
        notable = np.where(region.outside, 2.0, 1.0) * np.abs(yi - region.centre) / se
        if limit is not None:
            draw_limit(ax, frame, palette, limit, radius)
        if fill is not None:
            draw_filled(ax, frame, palette, fill, radius)
            dots = np.vstack((dots, frame.places(fill.filled_yi, np.sqrt(fill.filled_vi))))
            notable = np.append(notable, np.full(fill.k_filled, np.nan))
            names += [""] * fill.k_filled
        handles = keys(frame, palette, contours=contours, fill=fill, limit=limit)
        frame.draw_legend(ax, handles, palette)
        placed = place_names(
            frame,
            dots,
            names,
            radius=radius,
            notable=notable,
            choice=options.names,
            lines=line_points(fit, region.centre, region.level, frame, fill, limit),
        )
        draw_names(ax, frame, placed, shown, se, palette.ink)
    remember(ax, _words(fit, region, scale, who, fill, limit, contours=contours))
    return ax


def _check(fit: Pooled, name: str, found: object, wanted: type[TrimFill | LimitMeta], maker: str) -> None:
    """Refuse what is no such result, or that of another pool."""
    if found is None:
        return
    if not isinstance(found, wanted):
        raise FigureError(
            f"{name}: give the result of {maker}() on the same pool, not {type(found).__name__}."
        )
    other = found.unadjusted
    same = all(getattr(fit, part) == getattr(other, part) for part in _ALIKE)
    if not (same and np.array_equal(fit.yi, other.yi) and np.array_equal(fit.vi, other.vi)):
        raise FigureError(
            f"{name}: this is the result of {maker}() on another pool (k = {other.k}, {other.method}); "
            f"give that of {maker}(fit) for the fit that is drawn."
        )


def _ends(
    fit: Pooled, region: Funnel, fill: TrimFill | None, limit: LimitMeta | None, *, contours: bool
) -> tuple[float, float, float]:
    """Ends of the effect axis, which hold all studies and lines, and the largest standard error."""
    yi, deepest = np.asarray(fit.yi, float), 1.08 * float(np.sqrt(np.max(fit.vi)))
    reach = quantile(CONTOURS[1] if contours else fit.level) * deepest
    ends = [0.0, fit.estimate, *yi, region.centre - reach, region.centre + reach]
    ends += [] if fill is None else [*fill.filled_yi.tolist(), fill.adjusted.estimate]
    ends += [] if limit is None else limit.at([0.0, deepest]).tolist()
    margin = 0.04 * (max(ends) - min(ends))
    return min(ends) - margin, max(ends) + margin, deepest


def _foot(fit: Pooled, scale: Scale, fill: TrimFill | None, limit: LimitMeta | None) -> tuple[str, ...]:
    notes = []
    if fit.k < _ENOUGH:
        notes.append(
            f"With {plural(fit.k, 'study', 'studies')} chance cannot be told from asymmetry: ten or more are needed."
        )
    if fit.measure.upper() == "SMD":
        notes.append(
            "The standard error of an SMD grows with the SMD itself, which makes a funnel lean without any bias."
        )
    if fill is not None:
        notes.append(
            f"{_filled(fill, scale)}. Filled studies mirror the most extreme ones; they are no data."
        )
    if limit is not None:
        notes.append(f"{_limited(limit, scale)}. This is an extrapolation, with a Wald interval.")
    return (*notes, *method_lines(fit))


def _filled(fill: TrimFill, scale: Scale) -> str:
    """What trim and fill found, without the full stop."""
    start = f"Trim and fill ({fill.estimator}, {fill.side} side)"
    if not fill.k_filled:
        return f"{start}: no study filled in, the estimate stays"
    after = _estimate(fill.adjusted, scale)
    return f"{start}: {plural(fill.k_filled, 'study', 'studies')} filled in, estimate with them {after}"


def _limited(limit: LimitMeta, scale: Scale) -> str:
    """What the limit meta-analysis found, without the full stop."""
    return f"Limit meta-analysis: adjusted effect, at a standard error of 0, {_estimate(limit, scale)}"


def _estimate(found: Pooled | LimitMeta, scale: Scale) -> str:
    bounds = scale.interval(found.ci_low, found.ci_high, form="{low} to {high}")
    return f"{scale.text(found.estimate)} ({level_text(found.level)} CI {bounds})"


def _words(
    fit: Pooled,
    region: Funnel,
    scale: Scale,
    who: tuple[str, str],
    fill: TrimFill | None,
    limit: LimitMeta | None,
    *,
    contours: bool,
) -> str:
    se = np.sqrt(np.asarray(fit.vi, float))
    count = int(np.sum(region.outside))
    around = "no difference" if contours else "the pooled estimate"
    parts = [
        f"Funnel plot of {plural(fit.k, 'study', 'studies')}",
        axis_words(scale, *who),
        f"Standard errors from {se.min():.2f} to {se.max():.2f}, the smallest at the top",
        f"Pooled estimate {scale.short} {scale.text(fit.estimate)}",
        f"{count} of {fit.k} outside the {level_text(fit.level)} region around {around}",
    ]
    parts += [] if fill is None else [_filled(fill, scale)]
    parts += [] if limit is None else [_limited(limit, scale)]
    return sentences(parts)
