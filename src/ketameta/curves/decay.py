"""Exponential decay by maximum likelihood: the rate, and its interval by profile likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import ndtri

from ketameta._typing import Array, BoolArray
from ketameta.curves.blocks import Blocks
from ketameta.curves.fit import VarianceFit, fit_many, fit_variances

__all__ = ["Decay", "fit_decay"]

_STEPS = 80


@dataclass(frozen=True, slots=True, eq=False)
class Decay:
    """Maximum likelihood of ``A exp(-rate (t - origin))``.

    Attributes
    ----------
    rate : float
        Decay rate per hour, at least zero.
    rate_low, rate_high : float
        Profile-likelihood interval; ``rate_high`` is infinite where the likelihood does not bound it.
    at_zero : bool
        The best rate is zero: no decay can be told from the data.
    at_limit : bool
        The best rate is the largest that was tried: all decay lies between the first two measured times.
    fit : VarianceFit
        Amplitude and variances by maximum likelihood at ``rate``.
    """

    rate: float
    rate_low: float
    rate_high: float
    at_zero: bool
    at_limit: bool
    fit: VarianceFit


def fit_decay(
    blocks: Blocks, yi: Array, hours: Array, *, free: tuple[bool, bool], level: float = 0.95
) -> Decay:
    """Fit an exponential decay from the first measured time on.

    For a given rate the model is linear, so the amplitude and both variances are profiled out. The rate is
    searched from zero, and from a half-life of a thousand times the observed range down to a tenth of the
    shortest step between measured times. The interval holds every rate whose profile log-likelihood lies
    within half a chi-squared quantile (1 df) of the maximum.

    Parameters
    ----------
    blocks : Blocks
        Rotated sampling covariance.
    yi, hours : numpy.ndarray, shape (n,)
        Effects and times, in the order of the blocks, not rotated; at least two distinct times.
    free : tuple of bool
        Which of ``(tau2, omega2)`` to estimate.
    level : float
        Level of the interval.

    Returns
    -------
    Decay
        The fit.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.decay import fit_decay
    >>> from ketameta.curves.blocks import rotate
    >>> blocks = rotate([np.diag([0.01, 0.01, 0.01])])
    >>> decay = fit_decay(blocks, np.array([-1.0, -0.5, -0.25]), np.array([24.0, 48.0, 72.0]),
    ...                   free=(False, False))
    >>> round(float(np.log(2) / decay.rate), 6)
    24.0
    """
    origin = float(hours.min())
    since = hours - origin
    y = blocks.turn(yi)

    def at(rate: float) -> VarianceFit:
        x = blocks.turn(np.exp(-rate * since)[:, None])
        return fit_variances(blocks, y, x, reml=False, free=free)

    def height(rate: float) -> float:
        return at(rate).loglik

    def slope(rate: float) -> float:
        fit = at(rate)
        gradient = blocks.turn(-since * float(fit.beta[0]) * np.exp(-rate * since))
        return float(gradient @ fit.weighted_residual)

    rates = _rates(np.unique(hours))
    designs = blocks.turn_many(np.exp(-rates[:, None] * since)[..., None])
    profile = fit_many(blocks, np.repeat(y[None], rates.size, axis=0), designs, reml=False, free=free).loglik
    best = int(np.argmax(profile))
    low, high = float(rates[max(best - 1, 0)]), float(rates[min(best + 1, rates.size - 1)])
    at_zero = best <= 1 and slope(0.0) <= 0
    at_limit = best == rates.size - 1 and slope(high) > 0
    rate = 0.0 if at_zero else high if at_limit else _root(slope, height, low, float(rates[best]), high)
    fit = at(rate)
    allowed = float(ndtri((1 + level) / 2)) ** 2

    def drop(other: float) -> float:
        return 2 * (fit.loglik - height(other)) - allowed

    inside = 2 * (fit.loglik - profile) < allowed
    return Decay(
        rate=rate,
        rate_low=_lower(drop, rates, inside, rate),
        rate_high=_upper(drop, rates, inside, rate),
        at_zero=at_zero,
        at_limit=at_limit,
        fit=fit,
    )


def _rates(times: Array) -> Array:
    slowest = math.log(2) / (1000 * (times[-1] - times[0]))
    fastest = math.log(2) / (np.diff(times).min() / 10)
    return np.concatenate([[0.0], np.geomspace(slowest, fastest, _STEPS)])


def _root(
    slope: Callable[[float], float],
    height: Callable[[float], float],
    low: float,
    middle: float,
    high: float,
) -> float:
    """Where the slope falls through zero next to ``middle``, the best rate of the grid.

    A likelihood so flat that rounding decides the signs is searched for its height instead.
    """
    a, b = (middle, high) if slope(middle) > 0 else (low, middle)
    if slope(a) > 0 > slope(b):
        return float(brentq(slope, a, b, xtol=1e-14 * b, rtol=1e-13))
    found = minimize_scalar(
        lambda rate: -height(rate), bounds=(low, high), method="bounded", options={"xatol": 1e-9 * high}
    )
    return float(found.x)


def _lower(drop: Callable[[float], float], rates: Array, inside: BoolArray, rate: float) -> float:
    """Smallest rate within the drop; zero when zero itself is."""
    if inside[0]:
        return 0.0
    held = np.append(rates[inside & (rates < rate)], rate).min()
    outer = rates[rates < held].max()
    return float(brentq(drop, outer, held, xtol=1e-14 * held, rtol=1e-12))


def _upper(drop: Callable[[float], float], rates: Array, inside: BoolArray, rate: float) -> float:
    """Largest rate within the drop; infinite when the fastest tried is."""
    if inside[-1]:
        return math.inf
    held = np.append(rates[inside & (rates > rate)], rate).max()
    outer = rates[rates > held].min()
    return float(brentq(drop, held, outer, xtol=1e-14 * outer, rtol=1e-12))
