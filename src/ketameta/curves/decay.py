"""Exponential decay by maximum likelihood: the rate, and its interval by profile likelihood."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import ndtri

from ketameta._typing import Array, BoolArray
from ketameta.curves.blocks import Blocks
from ketameta.curves.decay_profile import METHOD, HalfLife
from ketameta.curves.fit import VarianceFit, fit_many, fit_variances

__all__ = ["Decay", "fit_decay"]

_STEPS = 80


@dataclass(frozen=True, slots=True, eq=False)
class _Likelihood:
    """The likelihood of a decay rate, with amplitude and variances profiled out.

    ``y`` are the rotated effects, ``since`` the hours since the first measured time.
    """

    blocks: Blocks
    y: Array
    since: Array
    free: tuple[bool, bool]

    def at(self, rate: float) -> VarianceFit:
        """The best amplitude and variances at one rate."""
        x = self.blocks.turn(np.exp(-rate * self.since)[:, None])
        return fit_variances(self.blocks, self.y, x, reml=False, free=self.free)

    def height(self, rate: float) -> float:
        """The log-likelihood."""
        return self.at(rate).loglik

    def slope(self, rate: float) -> float:
        """Its derivative by the rate."""
        fit = self.at(rate)
        gradient = self.blocks.turn(-self.since * float(fit.beta[0]) * np.exp(-rate * self.since))
        return float(gradient @ fit.weighted_residual)

    def over(self, rates: Array) -> Array:
        """Log-likelihoods of many rates at once."""
        designs = self.blocks.turn_many(np.exp(-rates[:, None] * self.since)[..., None])
        effects = np.repeat(self.y[None], rates.size, axis=0)
        return fit_many(self.blocks, effects, designs, reml=False, free=self.free).loglik


@dataclass(frozen=True, slots=True, eq=False)
class Decay:
    """Maximum likelihood of ``A exp(-rate (t - origin))``; its interval is computed when it is asked for.

    Attributes
    ----------
    rate : float
        Decay rate per hour, at least zero.
    at_zero : bool
        The best rate is zero: no decay can be told from the data.
    at_limit : bool
        The best rate is the largest that was tried: all decay lies between the first two measured times.
    fit : VarianceFit
        Amplitude and variances by maximum likelihood at ``rate``.
    level : float
        Level of the interval.
    rates, profile : numpy.ndarray, shape (81,)
        The rates that were tried, and their log-likelihoods.
    """

    rate: float
    at_zero: bool
    at_limit: bool
    fit: VarianceFit
    level: float
    rates: Array
    profile: Array
    _likelihood: _Likelihood = field(repr=False)
    _memo: dict[str, HalfLife] = field(default_factory=dict, init=False, repr=False)

    @property
    def value(self) -> float:
        """Half-life in hours, ln 2 / rate; infinite without decay."""
        return _duration(self.rate)

    @property
    def half_life(self) -> HalfLife:
        """Half-life with its interval, computed once."""
        if "decay" not in self._memo:
            self._memo["decay"] = HalfLife(
                value=self.value,
                low=_duration(self.rate_high),
                high=_duration(self.rate_low),
                no_decay=self.at_zero,
                instant=self.at_limit,
                method=METHOD,
            )
        return self._memo["decay"]

    @property
    def rate_low(self) -> float:
        """Lower bound of the profile-likelihood interval; zero where zero itself is inside."""
        inside = self._inside
        if inside[0]:
            return 0.0
        held = np.append(self.rates[inside & (self.rates < self.rate)], self.rate).min()
        outer = self.rates[self.rates < held].max()
        return float(brentq(self._excess, outer, held, xtol=1e-14 * held, rtol=1e-12))

    @property
    def rate_high(self) -> float:
        """Upper bound of the profile-likelihood interval; infinite where the fastest rate tried is inside."""
        inside = self._inside
        if inside[-1]:
            return math.inf
        held = np.append(self.rates[inside & (self.rates > self.rate)], self.rate).max()
        outer = self.rates[self.rates > held].min()
        return float(brentq(self._excess, held, outer, xtol=1e-14 * outer, rtol=1e-12))

    @property
    def _allowed(self) -> float:
        return float(ndtri((1 + self.level) / 2)) ** 2

    @property
    def _inside(self) -> BoolArray:
        return np.asarray(2 * (self.fit.loglik - self.profile) < self._allowed)

    def _excess(self, rate: float) -> float:
        """By how much the deviance of a rate is above what the interval holds."""
        return 2 * (self.fit.loglik - self._likelihood.height(rate)) - self._allowed


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
    likelihood = _Likelihood(blocks, blocks.turn(yi), hours - hours.min(), free)
    rates = _rates(np.unique(hours))
    profile = likelihood.over(rates)
    best = int(np.argmax(profile))
    low, high = float(rates[max(best - 1, 0)]), float(rates[min(best + 1, rates.size - 1)])
    at_zero = best <= 1 and likelihood.slope(0.0) <= 0
    at_limit = best == rates.size - 1 and likelihood.slope(high) > 0
    rate = 0.0 if at_zero else high if at_limit else _root(likelihood, low, float(rates[best]), high)
    return Decay(
        rate=rate,
        at_zero=at_zero,
        at_limit=at_limit,
        fit=likelihood.at(rate),
        level=level,
        rates=rates,
        profile=profile,
        _likelihood=likelihood,
    )


def _duration(rate: float) -> float:
    """Hours until half is left."""
    return math.inf if rate == 0 else math.log(2) / rate


def _rates(times: Array) -> Array:
    slowest = math.log(2) / (1000 * (times[-1] - times[0]))
    fastest = math.log(2) / (np.diff(times).min() / 10)
    return np.concatenate([[0.0], np.geomspace(slowest, fastest, _STEPS)])


def _root(likelihood: _Likelihood, low: float, middle: float, high: float) -> float:
    """Where the slope falls through zero next to ``middle``, the best rate of the grid.

    A likelihood so flat that rounding decides the signs is searched for its height instead.
    """
    slope = likelihood.slope
    a, b = (middle, high) if slope(middle) > 0 else (low, middle)
    if slope(a) > 0 > slope(b):
        return float(brentq(slope, a, b, xtol=1e-14 * b, rtol=1e-13))
    found = minimize_scalar(
        lambda rate: -likelihood.height(rate),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-9 * high},
    )
    return float(found.x)
