"""Drapery plot: P values against every effect that could be, of each study and of all together."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta._render import plural
from ketameta._typing import Array
from ketameta.errors import FigureError
from ketameta.models import Pooled
from ketameta.models.p_functions import new_trial_limits, pooled_limits, study_limits
from ketameta.plots._asked import of_class
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._frame import Axis, Frame, Words, open_frame
from ketameta.plots._looks import null_look
from ketameta.plots._notes import method_lines
from ketameta.plots._scale import Scale, scale_of, window
from ketameta.plots._words import equals_p, level_text, sides
from ketameta.plots.alt import axis_words, remember, sentences
from ketameta.plots.style import Palette, quiet_rc

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["drapery"]

_P = Scale("P", "P", "P value", ratio=True)
_LOWEST, _HIGHEST = 0.0051, 1.15
_DEEPER = 0.6
_USUAL = (0.05, 0.01)
_APART = 1.6
_STEPS = 81


def drapery(
    fit: Pooled,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    options: FigureOptions | None = None,
) -> Axes:
    """P value of each study and of the pooled effect against every effect that could be.

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
        Width, type, notes. Studies are not named, as their curves cross; ``names="all"`` is refused.

    Returns
    -------
    Axes
        Effect as shown (ratios on a log axis) against the P value on a log axis, so that intervals of high levels
        can be read.

    Raises
    ------
    FigureError
        `fit` is not the result of :func:`ketameta.pool`, all names are asked for, the axes are not empty, or there
        is too little room.

    Notes
    -----
    A curve has P = 1 at its estimate; where it crosses P = 0.05 are the limits of its 95% interval, and so on for
    any level. Studies by the normal distribution, the pooled effect by the method of its interval
    (:mod:`ketameta.models.p_functions`). The dashed curve is that of a new trial: it crosses 1 - level at the limits
    of the prediction interval.

    References
    ----------
    Rucker G, Schwarzer G (2021). Beyond the forest plot: the drapery plot. Res Synth Methods.
    doi:10.1002/jrsm.1410

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> from ketameta.plots.drapery import drapery
    >>> ax = drapery(km.pool(yi=[-0.9, -0.4, -0.6], vi=[0.10, 0.05, 0.08]))
    >>> ax.get_ylabel(), ax.get_yscale()
    ('P value', 'log')
    >>> plt.close(ax.figure)
    """
    if not isinstance(fit, Pooled):
        raise FigureError(
            f"drapery() draws the result of pool(), not {type(fit).__name__}; pool the effects first."
        )
    options = of_class(options, FigureOptions())
    if options.names == "all":
        raise FigureError("names='all': drapery() names no studies, as their curves cross; use forest().")
    scale, who, lines = scale_of(fit.measure), sides(fit.rows, favours), _lines(fit.level)
    marks = tuple((math.log(p), f"{level_text(1 - p)} CI") for p in lines)
    with quiet_rc():
        ax, frame, palette = open_frame(
            ax,
            options,
            Axis(scale.title, scale, *_ends(fit), sides=who),
            Axis(_P.title, _P, math.log(_lowest(fit.level)), math.log(_HIGHEST), marks=marks),
            Words(title, _legend(fit, scale), method_lines(fit)),
        )
        for p in lines:
            ax.axhline(p, color=palette.rule, linewidth=0.8, zorder=1, label="_level")
        if frame.x.low < 0 < frame.x.high:
            ax.axvline(scale.null, zorder=1.2, label="_null", **null_look(palette))
        _draw(ax, fit, frame, palette)
        frame.draw_legend(ax, _handles(fit, palette), palette)
    remember(ax, _words(fit, scale, who))
    return ax


def _lowest(level: float) -> float:
    """Where the P values end: below those of the fit's own intervals."""
    return min(_LOWEST, _DEEPER * (1 - level))


def _lines(level: float) -> tuple[float, ...]:
    """P values with a line: that of the fit's own intervals, 0.05 and 0.01 where they are not too near it."""
    own = round(1 - level, 12)
    usual = [p for p in _USUAL if not 1 / _APART < p / own < _APART]
    return tuple(sorted(p for p in (own, *usual) if p > _lowest(level)))


def _ends(fit: Pooled) -> tuple[float, float]:
    """Ends of the effect axis: intervals of 99%, unless a few would press the rest together."""
    yi, reach = fit.yi, NormalDist().inv_cdf(0.995) * np.sqrt(fit.vi)
    others = [fit.ci_low, fit.ci_high, fit.pi_low, fit.pi_high]
    return window(yi, yi - reach, yi + reach, weights=fit.weights, others=others)


def _draw(ax: Axes, fit: Pooled, frame: Frame, palette: Palette) -> None:
    """One thin curve a study, that of the pooled effect, and that of a new trial, whose region is shaded."""
    p = sorted({*np.geomspace(_lowest(fit.level), 1.0, _STEPS).tolist(), *_lines(fit.level)})
    up_and_down = np.array([*p, *p[::-1]])

    def curve(limits: Array) -> Array:
        reach = frame.x.high - frame.x.low
        along = np.concatenate((limits[0], limits[1, ::-1]))
        return frame.x.scale.shown(np.clip(along, frame.x.low - reach, frame.x.high + reach))

    for yi, vi in zip(fit.yi.tolist(), fit.vi.tolist(), strict=True):
        ax.plot(
            curve(study_limits(yi, vi, p)), up_and_down, zorder=2, label="_study", **_study_look(fit, palette)
        )
    ax.plot(curve(pooled_limits(fit, p)), up_and_down, zorder=4, label="_pooled", **_pooled_look(palette))
    if not math.isnan(fit.pi_low):
        x = curve(new_trial_limits(fit, p))
        ax.fill(x, up_and_down, color=palette.shade, linewidth=0, zorder=0.5, label="_region")
        ax.plot(x, up_and_down, zorder=3, label="_new", **_new_look(palette))


def _study_look(fit: Pooled, palette: Palette) -> dict[str, Any]:
    """A thin line, the fainter the more there are."""
    return {"color": palette.study, "linewidth": 0.7, "alpha": float(np.clip(15 / fit.k, 0.45, 0.8))}


def _pooled_look(palette: Palette) -> dict[str, Any]:
    return {"color": palette.pooled, "linewidth": 2.2}


def _new_look(palette: Palette) -> dict[str, Any]:
    return {"color": palette.accent, "linewidth": 1.4, "linestyle": (0, (4, 2))}


def _legend(fit: Pooled, scale: Scale) -> tuple[str, ...]:
    new = () if math.isnan(fit.pi_low) else ("New study (prediction)",)
    return ("Study", f"Pooled {scale.short}", *new, "No difference")


def _handles(fit: Pooled, palette: Palette) -> list[Any]:
    from matplotlib.lines import Line2D

    new = () if math.isnan(fit.pi_low) else (_new_look(palette),)
    looks = (_study_look(fit, palette), _pooled_look(palette), *new, null_look(palette))
    return [Line2D([], [], **look) for look in looks]


def _words(fit: Pooled, scale: Scale, who: tuple[str, str]) -> str:
    level = level_text(fit.level)
    z = NormalDist().inv_cdf(0.975)
    against = int(np.sum(np.abs(fit.yi) > z * np.sqrt(fit.vi)))
    parts = [
        f"Drapery plot of {plural(fit.k, 'study', 'studies')}: P values against every effect that could be",
        axis_words(scale, *who),
        f"The curve of the pooled {scale.short} peaks at {scale.text(fit.estimate)} and crosses P = "
        f"{1 - fit.level:.3g} at {scale.text(fit.ci_low)} and {scale.text(fit.ci_high)}, the ends of its {level} CI",
        f"Of the studies {against} of {fit.k} have P < 0.05 against no difference",
    ]
    if not math.isnan(fit.p):
        parts.append(f"The pooled effect has {equals_p(fit.p)} against no difference")
    if not math.isnan(fit.pi_low):
        parts.append(
            f"{level} prediction interval for a new study {scale.text(fit.pi_low)} to {scale.text(fit.pi_high)}"
        )
    return sentences(parts)
