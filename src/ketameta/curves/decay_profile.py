"""What the likelihood says of half-lives of shapes that rise and fall: profiles, which may leave an end open."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from ketameta._typing import Array, BoolArray
from ketameta.curves.blocks import Blocks
from ketameta.curves.fit import fit_many
from ketameta.curves.mean import MUTE, Mean
from ketameta.curves.nonlinear import climb_means
from ketameta.curves.search import MeanFit

__all__ = ["METHOD", "DecayProfile", "HalfLife", "wald_half_life"]

METHOD = "profile likelihood (chi-squared, 1 df)"
_EDGE = 1e-6
_TIMES = 24
_OTHERS = 19
_NARROWINGS = 4
_WITHIN = 7
_BISECTIONS = 40
_PROFILE_ROUNDS = 40
_FINER = 12
_ROUNDS = 3
_ROUGH = 1e-4
_LOWEST = -1e3
_HUGE = 700.0


@dataclass(frozen=True, slots=True)
class HalfLife:
    """Half-life of the decay with its interval.

    Attributes
    ----------
    value : float
        Hours.
    low, high : float
        Bounds in hours; 0 and infinite where the likelihood does not bound it.
    no_decay : bool
        The best half-life is the longest that was tried: no decay can be told from the data.
    instant : bool
        The best half-life is the shortest that was tried.
    method : str
        How the interval was made.
    """

    value: float
    low: float
    high: float
    no_decay: bool
    instant: bool
    method: str


@dataclass(frozen=True, slots=True, eq=False)
class DecayProfile:
    """A curve fitted by maximum likelihood, ready to be profiled; nothing is computed before it is asked for.

    Attributes
    ----------
    blocks : Blocks
        Rotated sampling covariance.
    yi : numpy.ndarray, shape (n,)
        Effects, not rotated.
    mean : Mean
        The curve.
    free : tuple of bool
        Which of ``(tau2, omega2)`` are estimated.
    fit : MeanFit
        The fit.
    level : float
        Level of the intervals.
    """

    blocks: Blocks
    yi: Array
    mean: Mean
    free: tuple[bool, bool]
    fit: MeanFit
    level: float
    _memo: dict[str, HalfLife] = field(default_factory=dict, init=False, repr=False)

    @property
    def value(self) -> float:
        """Half-life of decay in hours; infinite where no decay can be told from the data."""
        return math.inf if self.fit.at_edge[1][0] else math.exp(float(self.fit.peak.psi[0, 0]))

    @property
    def half_life(self) -> HalfLife:
        """Half-life of decay with its interval, computed once."""
        if "decay" not in self._memo:
            self._memo["decay"] = self._of_decay()
        return self._memo["decay"]

    @property
    def _allowed(self) -> float:
        """What an interval allows the log-likelihood to drop."""
        return float(ndtri((1 + self.level) / 2)) ** 2 / 2

    def half_of_peak(self, first: float, last: float, value: float | None) -> tuple[float, float] | None:
        """Every time to half of the peak whose profile log-likelihood lies within what the level allows.

        At each time the likelihood is maximised over the second parameter of the shape, amplitude and variances; the
        half-life of decay follows from the time and the second parameter. Parameters on their bounds are free to
        leave them.

        Parameters
        ----------
        first, last : float
            Observed range in hours.
        value : float or None
            Time in hours of the fit; None where half of the peak is not reached.

        Returns
        -------
        tuple of float or None
            Ends in hours; the upper one is infinite where a time after the last measured one is within it, the
            lower one is the first measured time where nothing bounds it. None for a shape with moderators of decay
            or with one parameter.
        """
        if self.mean.inner != 2:
            return None
        window = (math.log(first), math.log(last))
        best = float(self.fit.peak.loglik[0])

        def above(logs: Array) -> Array:
            return self._at_half(logs, window) - best + self._allowed

        # The first time itself can be no half of a peak.
        grid = np.linspace(*window, _TIMES + 1)[1:]
        inside = above(grid) > 0
        held = grid[inside]
        if value is not None:
            held = np.append(held, math.log(value))
        if held.size == 0:
            return last, math.inf
        lower, upper = float(held.min()), float(held.max())
        before = np.append(grid[grid < lower], window[0] + 1e-9 * (window[1] - window[0])).max()
        low = _crossed(above, lower, float(before))
        if inside[-1] or value is None:
            return math.exp(low), math.inf
        return math.exp(low), math.exp(_crossed(above, upper, float(grid[grid > upper].min())))

    def _at_half(self, logs: Array, window: tuple[float, float]) -> Array:
        """Highest log-likelihoods of curves whose peak is halved at given log times."""
        low, high = float(self.fit.low[1]), float(self.fit.high[1])
        others = np.repeat(np.linspace(low, high, _OTHERS)[None], logs.size, axis=0)
        reach, best = (high - low) / (_OTHERS - 1), np.full(logs.size, -np.inf)
        at = np.full(logs.size, float(self.fit.peak.psi[0, 1]))
        others = np.column_stack([others, at])
        for _ in range(_NARROWINGS):
            found = self._heights(np.repeat(logs, others.shape[1]), others.ravel(), window).reshape(
                others.shape
            )
            top = found.argmax(axis=1)
            better = found.max(axis=1) > best
            at = np.where(better, others[np.arange(logs.size), top], at)
            best = np.maximum(best, found.max(axis=1))
            others = np.clip(at[:, None] + reach * np.linspace(-1, 1, _WITHIN), low, high)
            reach /= (_WITHIN - 1) / 2
        return best

    def _heights(self, logs: Array, others: Array, window: tuple[float, float]) -> Array:
        """Log-likelihoods at given log times of half the peak and second parameters; minus infinity where none is."""
        low, high = (np.full(logs.size, float(end[0])) for end in (self.fit.low, self.fit.high))
        if self.mean.shape.exchangeable:
            low = np.maximum(low, others)
        possible = ~self._later(low, others, logs, window) & self._later(high, others, logs, window)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            later = self._later(middle, others, logs, window)
            low, high = np.where(later, low, middle), np.where(later, middle, high)
        psi = np.stack([high, others], axis=1)[possible]
        relative = self.mean.relative(psi)[0]
        told = np.abs(relative).max(axis=1, initial=0.0) > MUTE
        rows = np.flatnonzero(possible)[told]
        height = np.full(logs.size, -np.inf)
        if rows.size:
            x = self.blocks.turn_many(self.mean.level * relative[told][..., None])
            y = self.blocks.turn(self.yi)[None]
            height[rows] = fit_many(self.blocks, y, x, reml=False, free=self.free).loglik
        return height

    def _later(self, lives: Array, others: Array, logs: Array, window: tuple[float, float]) -> BoolArray:
        """Whether more than half of the peak inside the observed times is left at given log times."""
        psi = np.stack([lives, others], axis=1)
        top = np.clip(self.mean.shape.top(psi), math.exp(window[0]), math.exp(window[1]))
        left, peak = (self.mean.shape.relative(psi, hours)[0] for hours in (np.exp(logs), top))
        return np.asarray((np.exp(logs) <= top) | (2 * left > peak), dtype=np.bool_)

    def _of_decay(self) -> HalfLife:
        """Every half-life of decay whose profile log-likelihood lies within what the level allows."""
        fit, best = self.fit, float(self.fit.peak.psi[0, 0])

        def above(logs: Array) -> Array:
            return self._held(logs) - float(fit.peak.loglik[0]) + self._allowed

        grid = np.linspace(fit.low[0], fit.high[0], _TIMES)
        values = above(grid)
        ends = []
        for side in (-1, 1):
            inside = np.append(best, grid[(values > 0) & (side * (grid - best) > 0)])
            edge = side * float((side * inside).max())
            outside = grid[side * (grid - edge) > 0]
            if outside.size == 0 or side * (grid[-1 if side > 0 else 0] - edge) <= _EDGE:
                ends.append(side * math.inf)
                continue
            near = float(outside[np.abs(outside - edge).argmin()])
            ends.append(_crossing(above, edge, near))
        lower, upper = fit.at_edge
        return HalfLife(
            value=math.exp(best),
            low=math.exp(ends[0]),
            high=math.exp(ends[1]) if math.isfinite(ends[1]) else math.inf,
            no_decay=bool(upper[0]),
            instant=bool(lower[0]),
            method=METHOD,
        )

    def _held(self, logs: Array) -> Array:
        """Highest log-likelihoods at given log half-lives of decay, each from two starts."""
        fit, mean, peak, points = self.fit, self.mean, self.fit.peak, self.fit.lattice
        nearest = np.abs(points.axes[0][None] - logs[:, None]).argmin(axis=1)
        by_life = fit.profile.reshape(points.axes[0].size, -1)
        of_lattice = points.points.reshape(points.axes[0].size, -1, mean.inner)[
            nearest, by_life[nearest].argmax(axis=1)
        ]
        starts = np.concatenate([np.repeat(peak.psi, logs.size, axis=0), of_lattice])
        starts[:, 0] = np.concatenate([logs, logs])
        low, high = (np.repeat(part[None], len(starts), axis=0) for part in (fit.low, fit.high))
        if mean.shape.exchangeable:
            high[:, 1] = np.maximum(np.minimum(high[:, 1], starts[:, 0]), low[:, 1])
        peaks = climb_means(
            self.blocks,
            np.repeat(self.yi[None], len(starts), axis=0),
            mean,
            starts,
            np.repeat(peak.theta, len(starts), axis=0),
            free=np.array(self.free),
            low=low,
            high=high,
            held=np.arange(mean.inner) == 0,
            short=_ROUGH,
            rounds=_PROFILE_ROUNDS,
        )
        return np.asarray(peaks.loglik.reshape(2, -1).max(axis=0), dtype=np.float64)


def wald_half_life(log_hours: float, se: float, quantile: float) -> HalfLife:
    """Half-life from the estimate of its logarithm and its standard error.

    Examples
    --------
    >>> from ketameta.curves.decay_profile import wald_half_life
    >>> round(wald_half_life(5.0, 0.0, 1.96).high, 3)
    148.413
    """
    return HalfLife(
        value=math.exp(log_hours),
        low=math.exp(log_hours - quantile * se),
        high=math.exp(min(log_hours + quantile * se, _HUGE)),
        no_decay=False,
        instant=False,
        method="delta method on the log scale",
    )


def _crossing(above: Callable[[Array], Array], inside: float, outside: float) -> float:
    """Where the profile crosses, by ever finer grids and a line between the last two points."""
    low, high = inside, outside
    values = np.zeros(2)
    for _ in range(_ROUNDS):
        points = np.linspace(low, high, _FINER)
        heights_there = above(points)
        heights_there[0] = max(heights_there[0], 0.0)
        first = int(np.argmax(heights_there <= 0)) if (heights_there <= 0).any() else _FINER - 1
        first = max(first, 1)
        low, high = float(points[first - 1]), float(points[first])
        values = heights_there[first - 1 : first + 1]
    drop = float(values[0] - values[1])
    return low + (high - low) * (float(values[0]) / drop if drop > 0 else 0.0)


def _crossed(above: Callable[[Array], Array], inside: float, outside: float) -> float:
    """Where a profile that is cheap at one point falls through zero; the outer point where it does not."""

    def at(log: float) -> float:
        return max(float(above(np.array([log]))[0]), _LOWEST)

    if at(outside) > 0:
        return outside
    if at(inside) <= 0:
        return inside
    return float(brentq(at, inside, outside, xtol=1e-4))
