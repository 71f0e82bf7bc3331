"""Radial plot: every trial as a ray from the origin, whose slope is its effect."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from ketameta._render import plural
from ketameta.errors import FigureError
from ketameta.models import Pooled
from ketameta.models.result import small
from ketameta.plots._arc import Cloud, Panel, arc_limits, arc_of
from ketameta.plots._asked import of_class
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._frame import Axis, Frame, Words, lay_out, open_frame
from ketameta.plots._notes import method_lines
from ketameta.plots._radialmarks import (
    Radial,
    arc_name,
    draw_arc,
    draw_line,
    draw_sides,
    draw_studies,
    handles,
)
from ketameta.plots._scale import Scale, scale_of
from ketameta.plots._words import level_text, sides
from ketameta.plots.alt import axis_words, remember, sentences
from ketameta.plots.style import quiet_rc

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Radial", "radial", "radial_points"]

_PLAIN = scale_of("effect")
_MARGIN = 0.04
_SHAPE = 0.8


def radial_points(fit: Pooled) -> Radial:
    """Coordinates of a radial plot of a pooled effect.

    Parameters
    ----------
    fit : Pooled
        Result of :func:`ketameta.pool`.

    Returns
    -------
    Radial

    References
    ----------
    Galbraith RF (1988). Graphical display of estimates having differing standard errors. Technometrics
    30:271-281. doi:10.1080/00401706.1988.10488400

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.plots.radial import radial_points
    >>> found = radial_points(km.pool(yi=[-0.8, -0.2], vi=[0.04, 0.01], tau2="EE", ci="Wald"))
    >>> found.x.tolist(), found.z.tolist()
    ([5.0, 10.0], [-4.0, -2.0])
    """
    tau2 = 0.0 if math.isnan(fit.tau2) else fit.tau2
    x = 1 / np.sqrt(np.asarray(fit.vi, dtype=float) + tau2)
    z = np.asarray(fit.yi, dtype=float) * x
    band = NormalDist().inv_cdf(0.5 + fit.level / 2)
    return Radial(x, z, fit.estimate, band, np.abs(z - fit.estimate * x) > band)


def radial(
    fit: Pooled,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    options: FigureOptions | None = None,
) -> Axes:
    """Radial plot (Galbraith plot): standardised effect against precision, effects read on an arc.

    Parameters
    ----------
    fit : Pooled
        Result of :func:`ketameta.pool`.
    ax : Axes, optional
        Empty axes to draw in; they shrink so that everything stays in their box. By default a new figure is made.
    title : str, optional
        Title above the figure.
    favours : tuple of str, optional
        Who is favoured under and over the null, in place of what the rows say.
    options : FigureOptions, optional
        Width, type, names of studies, notes. Studies outside the band are named first.

    Returns
    -------
    Axes
        Precision against standardised effect.

    Raises
    ------
    FigureError
        `fit` is not the result of :func:`ketameta.pool`, the axes are not empty, or there is too little room.

    Notes
    -----
    A ray from the origin through a study meets the arc at its effect; the line has the pooled estimate as its
    slope, and the thick part of the arc is its confidence interval. Every study has the same standard error, 1,
    so that the band of ± z around the line holds 95% of them where the model is right (Galbraith 1988). With
    random effects the between-study variance counts as error, as in the weights.

    References
    ----------
    Galbraith RF (1988). Graphical display of estimates having differing standard errors. Technometrics
    30:271-281. doi:10.1080/00401706.1988.10488400

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> from ketameta.plots import radial
    >>> ax = radial(km.pool(yi=[-0.9, -0.4, -0.6], vi=[0.10, 0.05, 0.08], tau2="EE", ci="Wald"))
    >>> ax.get_xlabel()
    'Precision, 1 / √v'
    >>> plt.close(ax.figure)
    """
    if not isinstance(fit, Pooled):
        raise FigureError(
            f"radial() draws the result of pool(), not {type(fit).__name__}; pool the effects first."
        )
    options = of_class(options, FigureOptions())
    points, scale, who = radial_points(fit), scale_of(fit.measure), sides(fit.rows, favours)
    cloud = _cloud(fit, points)
    root = "√v" if fit.tau2_method == "EE" else "√(v + τ²)"
    names = f"Precision, 1 / {root}", f"Standardised effect, y / {root}"
    words = Words(title, _legend(fit, scale), _foot(fit, scale))
    with quiet_rc():
        x = Axis(names[0], _PLAIN, 0.0, 1.5 * float(points.x.max()))
        y = Axis(names[1], _PLAIN, cloud.low, cloud.high)
        for _ in range(2):
            ends = arc_limits(cloud, scale, _panel(lay_out(ax, options, x, y, words, shape=_SHAPE), scale))
            x, y = Axis(names[0], _PLAIN, *ends[0]), Axis(names[1], _PLAIN, *ends[1])
        ax, frame, palette = open_frame(ax, options, x, y, words, shape=_SHAPE)
        arc = arc_of(cloud, scale, ends, _panel(frame, scale))
        draw_line(ax, points, arc, palette)
        draw_arc(ax, fit, arc, frame, palette)
        draw_sides(ax, scale, who, frame, palette)
        draw_studies(ax, fit, points, arc, frame, palette, options.names)
        frame.draw_legend(ax, handles(frame, palette), palette)
    remember(ax, _words(fit, points, scale, who))
    return ax


def _cloud(fit: Pooled, points: Radial) -> Cloud:
    """What the arc goes around, and what it should show."""
    furthest = float(points.x.max())
    edges = [sign * points.band + slope for sign in (-1, 1) for slope in (0.0, points.slope * furthest)]
    low, high = min(*points.z, *edges), max(*points.z, *edges)
    margin = _MARGIN * (high - low)
    needed = min(0.0, fit.ci_low), max(0.0, fit.ci_high)
    return Cloud(points.x, points.z, low - margin, high + margin, np.array([*needed, *fit.yi]), needed)


def _panel(frame: Frame, scale: Scale) -> Panel:
    """Room for arc and labels: the panel up to the name of the arc."""
    lines = len(arc_name(scale, frame))
    beside = max((1.2 * lines + 0.4) * frame.size - frame.right, 0.0)
    return Panel(frame.panel_width, frame.panel_height, beside, frame.size)


def _legend(fit: Pooled, scale: Scale) -> tuple[str, ...]:
    estimate = scale.text(fit.estimate)
    low, high = scale.text(fit.ci_low), scale.text(fit.ci_high)
    return (
        "Study",
        f"Pooled estimate {estimate}",
        f"{level_text(fit.level)} confidence interval {low} to {high}",
        f"{level_text(fit.level)} of studies expected",
        "No difference",
    )


def _foot(fit: Pooled, scale: Scale) -> tuple[str, ...]:
    effect = f"natural log of the {scale.title[:1].lower()}{scale.title[1:]}" if scale.ratio else "effect"
    spread = "" if fit.tau2_method == "EE" else "; τ²: variance between studies"
    tau2 = "" if not spread or math.isnan(fit.tau2) else f", {small(fit.tau2)}"
    return (f"y: {effect}; v: its sampling variance{spread}{tau2}.", *method_lines(fit))


def _words(fit: Pooled, points: Radial, scale: Scale, who: tuple[str, str]) -> str:
    count = int(np.sum(points.outside))
    low, high = scale.text(fit.ci_low), scale.text(fit.ci_high)
    parts = [
        f"Radial plot of {plural(fit.k, 'study', 'studies')}, precision against standardised effect",
        axis_words(scale, *who).replace("Axis:", "Arc:", 1),
        f"Precision from {points.x.min():.3g} to {points.x.max():.3g}",
        f"Pooled estimate {scale.short} {scale.text(fit.estimate)}, {level_text(fit.level)} CI {low} to {high}",
        f"{count} of {fit.k} outside the band that holds {level_text(fit.level)} of studies where the model is right",
    ]
    return sentences(parts)
