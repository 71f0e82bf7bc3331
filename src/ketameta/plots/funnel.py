"""Funnel plot: do small trials show other effects than large ones?"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta._render import plural
from ketameta._typing import Array, ArrayLike
from ketameta.errors import FigureError
from ketameta.models import Pooled
from ketameta.plots._asked import of_class
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._frame import Axis, Frame, Words, open_frame
from ketameta.plots._looks import edge_look, estimate_look, null_look, study_dots
from ketameta.plots._names import draw_names, place_names
from ketameta.plots._notes import method_lines
from ketameta.plots._scale import Scale, scale_of
from ketameta.plots._words import level_text, sides
from ketameta.plots.alt import axis_words, remember, sentences
from ketameta.plots.style import Palette, quiet_rc

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Funnel", "funnel", "funnel_region"]

_CONTOURS = (0.90, 0.95, 0.99)
_ENOUGH = 10


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
    outside = np.abs(np.asarray(yi, float) - centre) > _z(level) * np.sqrt(np.asarray(vi, float))
    return Funnel(centre, level, outside)


def funnel(
    fit: Pooled,
    *,
    contours: bool = False,
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
        `fit` is not the result of :func:`ketameta.pool`, the axes are not empty, or there is too little room.

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
    options = of_class(options, FigureOptions())
    scale = scale_of(fit.measure)
    yi, se = np.asarray(fit.yi, float), np.sqrt(np.asarray(fit.vi, float))
    region = funnel_region(yi, fit.vi, centre=0.0 if contours else fit.estimate, level=fit.level)
    who = sides(fit.rows, favours)
    low, high, deepest = _ends(fit, region, contours=contours)
    with quiet_rc():
        ax, frame, palette = open_frame(
            ax,
            options,
            Axis(scale.title, scale, low, high, sides=who),
            Axis("Standard error", scale_of("effect"), 0.0, deepest, inverted=True),
            Words(title, _legend(fit, contours=contours), _foot(fit)),
        )
        draw = _contours if contours else _funnel
        draw(ax, frame, palette, fit)
        shown = scale.shown(yi)
        radius = 0.32 * frame.size
        study_dots(ax, shown, se, radius, palette)
        frame.draw_legend(ax, _handles(frame, palette, fit, contours=contours), palette)
        notable = np.where(region.outside, 2.0, 1.0) * np.abs(yi - region.centre) / se
        names = place_names(
            frame,
            frame.places(yi, se),
            [str(name) for name in fit.rows["label"]],
            radius=radius,
            notable=notable,
            choice=options.names,
            lines=_lines(fit, region, frame),
        )
        draw_names(ax, frame, names, shown, se, palette.ink)
    remember(ax, _words(fit, region, scale, who, contours=contours))
    return ax


def _ends(fit: Pooled, region: Funnel, *, contours: bool) -> tuple[float, float, float]:
    """Ends of the effect axis, which hold all studies, and the largest standard error."""
    yi, deepest = np.asarray(fit.yi, float), 1.08 * float(np.sqrt(np.max(fit.vi)))
    reach = _z(_CONTOURS[1] if contours else fit.level) * deepest
    ends = [0.0, fit.estimate, *yi, region.centre - reach, region.centre + reach]
    margin = 0.04 * (max(ends) - min(ends))
    return min(ends) - margin, max(ends) + margin, deepest


def _z(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2)


def _edges(centre: float, level: float, frame: Frame, scale: Scale) -> tuple[Array, Array, Array]:
    """Left and right edge of a region on the shown scale, and the standard errors they belong to."""
    depth = np.linspace(0.0, frame.y.high, 200 if scale.ratio else 2)
    reach = _z(level) * depth
    return scale.shown(centre - reach), scale.shown(centre + reach), depth


def _funnel(ax: Axes, frame: Frame, palette: Palette, fit: Pooled) -> None:
    """The region around the pooled estimate, and the line of no difference."""
    scale = frame.x.scale
    left, right, depth = _edges(fit.estimate, fit.level, frame, scale)
    ax.fill_betweenx(depth, left, right, color=palette.shade, linewidth=0, zorder=0.5, label="_region")
    for edge in (left, right):
        ax.plot(edge, depth, zorder=1, label="_edge", **edge_look(palette))
    centre = float(scale.shown(fit.estimate))
    ax.plot([centre] * 2, [0, frame.y.high], zorder=1.5, label="_estimate", **estimate_look(palette))
    if frame.x.low < 0 < frame.x.high:
        ax.axvline(scale.null, zorder=1.2, label="_null", **null_look(palette))


def _contours(ax: Axes, frame: Frame, palette: Palette, fit: Pooled) -> None:
    """Regions of P values around no effect, and the pooled estimate."""
    scale = frame.x.scale
    for level, fill in zip(_CONTOURS[::-1], _fills(palette), strict=True):
        left, right, depth = _edges(0.0, level, frame, scale)
        ax.fill_betweenx(depth, left, right, color=fill, linewidth=0, zorder=0.5, label="_region")
        for edge in (left, right):
            ax.plot(edge, depth, color=palette.rule, linewidth=0.6, zorder=1, label="_edge")
    ax.axvline(scale.null, zorder=1.2, label="_null", **null_look(palette))
    centre = float(scale.shown(fit.estimate))
    ax.plot([centre] * 2, [0, frame.y.high], zorder=1.5, label="_estimate", **estimate_look(palette))


def _lines(fit: Pooled, region: Funnel, frame: Frame) -> Array:
    """Points along the lines of the figure, in points of the panel."""
    depth = np.linspace(0.0, frame.y.high, 60)
    reach = _z(region.level) * depth
    across = [np.full(60, 0.0), np.full(60, fit.estimate), region.centre - reach, region.centre + reach]
    return np.vstack([frame.places(x, depth) for x in across])


def _fills(palette: Palette) -> tuple[str, str, str]:
    """Fills of the regions, from the outermost to the innermost, which is the paper."""
    from matplotlib.colors import to_hex, to_rgb

    shade, paper = np.array(to_rgb(palette.rule)), np.array(to_rgb(palette.paper))
    mixed = [to_hex(tuple(part * shade + (1 - part) * paper)) for part in (0.75, 0.35)]
    return mixed[0], mixed[1], palette.paper


def _legend(fit: Pooled, *, contours: bool) -> tuple[str, ...]:
    if contours:
        return ("Study", "Pooled estimate", "No difference", "p > 0.10", "0.05 < p < 0.10", "0.01 < p < 0.05")
    return ("Study", "Pooled estimate", "No difference", f"{level_text(fit.level)} of studies expected")


def _handles(frame: Frame, palette: Palette, fit: Pooled, *, contours: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    dot: dict[str, Any] = {"marker": "o", "color": palette.study, "markersize": 0.64 * frame.size}
    found: list[Any] = [
        Line2D([], [], linestyle="none", markeredgecolor=palette.paper, markeredgewidth=0.5, **dot),
        Line2D([], [], **estimate_look(palette)),
        Line2D([], [], **null_look(palette)),
    ]
    if not contours:
        return [*found, Patch(facecolor=palette.shade, edgecolor=palette.muted, linestyle=(0, (3, 2)))]
    fills = _fills(palette)[::-1]
    return found + [Patch(facecolor=fill, edgecolor=palette.rule, linewidth=0.6) for fill in fills]


def _foot(fit: Pooled) -> tuple[str, ...]:
    notes = []
    if fit.k < _ENOUGH:
        notes.append(
            f"With {plural(fit.k, 'study', 'studies')} chance cannot be told from asymmetry: ten or more are needed."
        )
    if fit.measure == "SMD":
        notes.append(
            "The standard error of an SMD grows with the SMD itself, which makes a funnel lean without any bias."
        )
    return (*notes, *method_lines(fit))


def _words(fit: Pooled, region: Funnel, scale: Scale, who: tuple[str, str], *, contours: bool) -> str:
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
    return sentences(parts)
