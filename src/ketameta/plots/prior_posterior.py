"""Prior and posterior: what was believed before the trials, and after them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ketameta._render import plural
from ketameta._typing import Array
from ketameta.errors import FigureError
from ketameta.models import Posterior
from ketameta.models.marginals import probability
from ketameta.models.result import small
from ketameta.plots._asked import of_class
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._frame import Axis, Words, open_frame
from ketameta.plots._looks import null_look
from ketameta.plots._notes import method_lines
from ketameta.plots._scale import Scale, scale_of
from ketameta.plots._words import level_text, sides
from ketameta.plots.alt import axis_words, remember, sentences
from ketameta.plots.style import Palette, quiet_rc

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Densities", "densities", "prior_posterior"]

Quantity = Literal["mu", "tau"]

_TAIL = 5e-4
_PRIOR_SHARE = 0.95
_POINTS = 801
_HIGHER = 1.5
_NEXT_TO_ZERO = 1e-60
_SPIKE = 8
_IMPROPER = {"mu": "The prior of the mean is flat", "tau": "The prior of tau is improper"}


@dataclass(frozen=True, slots=True, eq=False)
class Densities:
    """Densities of one quantity over the range that is drawn, on the scale of the analysis.

    Attributes
    ----------
    x, posterior : ndarray, shape (m,)
        Values in rising order, the median and the bounds of the credible interval among them, and the
        posterior density.
    prior : ndarray, shape (m,), or None
        Prior density; None where the prior is improper, and so has no density.
    median, low, high : float
        Median and equal-tailed credible interval of the posterior.
    peak : float
        Highest posterior density; of a density without bound next to a tau of 0, the highest from a hundredth of
        the range on.
    beyond : float
        Posterior probability outside the drawn range.
    """

    x: Array
    posterior: Array
    prior: Array | None
    median: float
    low: float
    high: float
    peak: float
    beyond: float


def densities(fit: Posterior, of: Quantity = "mu") -> Densities:
    """Prior and posterior density over all of the posterior that matters, and as much of the prior.

    The range leaves out a probability of 0.0005 on either side, but never reaches further past the credible
    interval than the width of that interval, so that a heavy tail does not press the rest together. The range
    grows, to twice its width at most, toward the central 95% of the prior.

    Parameters
    ----------
    fit : Posterior
        Result of :func:`ketameta.bayes`.
    of : {"mu", "tau"}
        Mean effect, or standard deviation between studies.

    Returns
    -------
    Densities

    Examples
    --------
    >>> from scipy.integrate import trapezoid
    >>> import ketameta as km
    >>> from ketameta.plots.prior_posterior import densities
    >>> found = densities(km.bayes(yi=[-0.9, -0.4, -0.6], vi=[0.10, 0.05, 0.08]))
    >>> bool(abs(trapezoid(found.posterior, found.x) + found.beyond - 1) < 1e-3)
    True
    """
    found = fit.mu if of == "mu" else fit.tau
    width = found.high - found.low
    low = max(float(found.quantile(_TAIL)), found.low - width)
    high = min(float(found.quantile(1 - _TAIL)), found.high + width)
    expected = _prior_interval(fit, of)
    if expected is not None:
        room = high - low
        low, high = max(min(low, expected[0]), low - room / 2), min(max(high, expected[1]), high + room / 2)
    low = max(low, 0.0) if of == "tau" else min(low, 0.0)
    high = high if of == "tau" else max(high, 0.0)
    x = np.linspace(low, high, _POINTS)
    peak = float(found.pdf(found.mode))
    if of == "tau" and low == 0.0 and not np.isfinite(found.pdf(0.0)):
        peak = float(np.max(found.pdf(x[_SPIKE:])))
        x = np.concatenate([np.geomspace(_NEXT_TO_ZERO * x[1], x[1], _POINTS), x[2:]])
    x = np.unique(np.concatenate([x, np.linspace(found.low, found.high, _POINTS), [found.median]]))
    return Densities(
        x=x,
        posterior=np.asarray(found.pdf(x)),
        prior=_prior(fit, of, x),
        median=found.median,
        low=found.low,
        high=found.high,
        peak=peak,
        beyond=float(found.cdf(low) + found.sf(high)),
    )


def prior_posterior(
    fit: Posterior,
    *,
    of: Quantity = "mu",
    ax: Axes | None = None,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    options: FigureOptions | None = None,
) -> Axes:
    """Prior and posterior density of the mean effect, or of the standard deviation between studies.

    Parameters
    ----------
    fit : Posterior
        Result of :func:`ketameta.bayes`.
    of : {"mu", "tau"}
        Mean effect, or standard deviation between studies.
    ax : Axes, optional
        Empty axes to draw in; they shrink so that everything stays in their box. By default a new figure is made.
    title : str, optional
        Title above the figure.
    favours : tuple of str, optional
        Who is favoured under and over the null, in place of what the rows say; of the mean effect only.
    options : FigureOptions, optional
        Width, type, notes.

    Returns
    -------
    Axes
        The quantity as shown (the mean of ratios on a log axis) against the density of what is analysed.

    Raises
    ------
    FigureError
        `fit` is not the result of :func:`ketameta.bayes`, `of` is neither quantity, the axes are not empty, or
        there is too little room.

    Notes
    -----
    The densities are those of the quadrature behind the result, not smoothed samples. An improper prior has no
    density and is not drawn; the notes of the figure say so. Ratios are analysed as logs: the density is that of
    the log, over which the axis is even, so that equal areas are equal probabilities.

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> from ketameta.models import HalfNormal, Normal
    >>> from ketameta.plots import prior_posterior
    >>> fit = km.bayes(yi=[-0.9, -0.4, -0.6], vi=[0.10, 0.05, 0.08], mu_prior=Normal(0.0, 1.0))
    >>> ax = prior_posterior(fit)
    >>> [text.get_text() for text in ax.get_legend().get_texts()][:2]
    ['Posterior', 'Prior: Normal(0, 1)']
    >>> plt.close(ax.figure)
    """
    if not isinstance(fit, Posterior):
        raise FigureError(f"prior_posterior() draws the result of bayes(), not {type(fit).__name__}.")
    if of not in ("mu", "tau"):
        raise FigureError(
            f"of={of!r}: give 'mu' (mean effect) or 'tau' (standard deviation between studies)."
        )
    options = of_class(options, FigureOptions())
    found, scale = densities(fit, of), scale_of(fit.measure)
    who = sides(fit.rows, favours)
    top = _top(found)
    with quiet_rc():
        ax, frame, palette = open_frame(
            ax,
            options,
            _axis(found, of, scale, who),
            Axis(_density_name(of, scale), scale_of("effect"), 0.0, top),
            Words(title, _legend(fit, found, of), _foot(fit, found, of)),
            shape=0.6,
        )
        _draw(ax, frame.x.scale, found, palette, top)
        if of == "mu":
            ax.axvline(scale.null, zorder=1.2, label="_null", **null_look(palette))
        frame.draw_legend(ax, _handles(found, of, palette), palette)
    remember(ax, _words(fit, found, of, who))
    return ax


def _prior_interval(fit: Posterior, of: Quantity) -> tuple[float, float] | None:
    """Central share of a prior; None where it is improper."""
    least, most = (1 - _PRIOR_SHARE) / 2, (1 + _PRIOR_SHARE) / 2
    if of == "tau":
        if fit.tau_prior.tail <= 0.0:
            return None
        return 0.0, float(fit.tau_prior.quantile(np.array([_PRIOR_SHARE]))[0])
    if fit.mu_prior is None:
        return None
    law = NormalDist(fit.mu_prior.mean, fit.mu_prior.sd)
    return law.inv_cdf(least), law.inv_cdf(most)


def _prior(fit: Posterior, of: Quantity, x: Array) -> Array | None:
    """Density of a prior; None where it is improper."""
    if of == "tau":
        proper = fit.tau_prior.tail > 0.0
        return np.exp(np.asarray(fit.tau_prior.log_density(x), dtype=float)) if proper else None
    if fit.mu_prior is None:
        return None
    z = (x - fit.mu_prior.mean) / fit.mu_prior.sd
    return np.asarray(np.exp(-0.5 * z * z) / (fit.mu_prior.sd * math.sqrt(2 * math.pi)))


def _top(found: Densities) -> float:
    """Upper end of the density axis: the posterior at its mode, and the prior as far as it is not much higher."""
    highest = found.peak
    if found.prior is not None:
        highest = max(highest, min(float(found.prior.max()), _HIGHER * highest))
    return 1.06 * highest


def _axis(found: Densities, of: Quantity, scale: Scale, who: tuple[str, str]) -> Axis:
    """Axis of the quantity."""
    low, high = float(found.x[0]), float(found.x[-1])
    if of == "mu":
        pad = 0.02 * (high - low)
        name = "Mean effect" if scale.title == "Effect" else f"Mean effect: {_lower(scale.title)}"
        return Axis(name, scale, low - pad, high + pad, sides=who)
    unit = f" of the log {_lower(scale.title)}" if scale.ratio else ""
    name = f"\N{GREEK SMALL LETTER TAU}, standard deviation{unit} between studies"
    return Axis(name, scale_of("effect"), 0.0, high)


def _lower(title: str) -> str:
    """Name of a measure within a phrase."""
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def _density_name(of: Quantity, scale: Scale) -> str:
    return f"Density of the log {_lower(scale.title)}" if of == "mu" and scale.ratio else "Density"


def _draw(ax: Axes, scale: Scale, found: Densities, palette: Palette, top: float) -> None:
    """Curves, the area of the credible interval and the median."""
    shown = scale.shown(found.x)
    heights = np.minimum(found.posterior, 2 * top)
    ax.fill_between(shown, heights, color=palette.study, alpha=0.18, linewidth=0, zorder=2, label="_area")
    kept = (found.x >= found.low) & (found.x <= found.high)
    ax.fill_between(
        shown[kept],
        heights[kept],
        color=palette.study,
        alpha=0.32,
        linewidth=0,
        zorder=2.1,
        label="_interval",
    )
    at = np.interp([found.low, found.median, found.high], found.x, heights)
    places = scale.shown([found.low, found.median, found.high])
    for place, height in zip(places[::2], at[::2], strict=True):
        ax.plot([place] * 2, [0, height], color=palette.study, linewidth=0.8, zorder=2.5, label="_bound")
    ax.plot([places[1]] * 2, [0, at[1]], zorder=2.6, label="_median", **_median_look(palette))
    if found.prior is not None:
        ax.plot(shown, np.minimum(found.prior, 2 * top), zorder=3, label="_prior", **_prior_look(palette))
    ax.plot(shown, heights, zorder=3.1, label="_posterior", **_posterior_look(palette))


def _posterior_look(palette: Palette) -> dict[str, Any]:
    return {"color": palette.pooled, "linewidth": 1.4}


def _prior_look(palette: Palette) -> dict[str, Any]:
    return {"color": palette.muted, "linewidth": 1.2, "linestyle": (0, (4, 2))}


def _median_look(palette: Palette) -> dict[str, Any]:
    return {"color": palette.accent, "linewidth": 1.4}


def _numbers(fit: Posterior, found: Densities, of: Quantity) -> tuple[str, str, str]:
    """Median and bounds as shown."""
    if of == "tau":
        return small(found.median), small(found.low), small(found.high)
    scale = scale_of(fit.measure)
    return scale.text(found.median), scale.text(found.low), scale.text(found.high)


def _legend(fit: Posterior, found: Densities, of: Quantity) -> tuple[str, ...]:
    median, low, high = _numbers(fit, found, of)
    texts = ["Posterior"]
    if found.prior is not None:
        texts.append(f"Prior: {fit.mu_prior if of == 'mu' else fit.tau_prior}")
    texts += [f"Median {median}", f"{level_text(fit.level)} credible interval {low} to {high}"]
    return (*texts, "No difference") if of == "mu" else tuple(texts)


def _handles(found: Densities, of: Quantity, palette: Palette) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Line2D([], [], **_posterior_look(palette))]
    if found.prior is not None:
        handles.append(Line2D([], [], **_prior_look(palette)))
    handles.append(Line2D([], [], **_median_look(palette)))
    handles.append(Patch(facecolor=(palette.study, 0.45), edgecolor=palette.study, linewidth=0.8))
    return [*handles, Line2D([], [], **null_look(palette))] if of == "mu" else handles


def _foot(fit: Posterior, found: Densities, of: Quantity) -> tuple[str, ...]:
    notes = []
    if found.prior is None:
        notes.append(f"{_IMPROPER[of]}, and has no density to draw.")
    if found.beyond > 2.5 * _TAIL:
        notes.append(f"{100 * found.beyond:.1f}% of the posterior lies beyond the ends of the axis.")
    return (*notes, *method_lines(fit))


def _words(fit: Posterior, found: Densities, of: Quantity, who: tuple[str, str]) -> str:
    scale = scale_of(fit.measure)
    median, low, high = _numbers(fit, found, of)
    name = f"mean {_lower(scale.short)}" if of == "mu" else "standard deviation between studies (tau)"
    parts = [f"Prior and posterior density of the {name} from {plural(fit.k, 'study', 'studies')}"]
    if of == "mu":
        parts.append(axis_words(scale, *who))
    before = f"{fit.mu_prior if of == 'mu' else fit.tau_prior}"
    parts.append(f"Prior {before}" if found.prior is not None else _IMPROPER[of])
    parts.append(f"Posterior median {median}, {level_text(fit.level)} credible interval {low} to {high}")
    if of == "mu":
        parts.append(f"Posterior probability under {scale.null:g}: {probability(fit.mu)}")
    return sentences(parts)
