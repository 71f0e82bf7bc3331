"""Fitting a shape that rises and falls: where to start, the best fit, and what its half-life could be."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from ketameta._typing import Array, BoolArray
from ketameta.curves.blocks import Blocks
from ketameta.curves.likelihood import Problems
from ketameta.curves.mean import Mean
from ketameta.curves.nonlinear import Peaks, climb_means
from ketameta.curves.starts import heights

__all__ = [
    "HalfLife",
    "Lattice",
    "MeanFit",
    "at_bounds",
    "fit_mean",
    "half_life_interval",
    "lattice",
    "search_bounds",
    "wald_half_life",
]

_STEPS = {1: 80, 2: 18}
_MOST_STARTS = 6
_SHARES = np.array([0.0, 0.03, 0.3, 1.0])
_EDGE = 1e-6
_TOLD = 1e-10
_PROFILE = 24
_PROFILE_ROUNDS = 40
_FINER = 12
_ROUNDS = 3
_HUGE = 700.0
_ROUGH = 1e-4
_FINE = 1e-9


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
class Lattice:
    """Points over the log parameters of a shape.

    Attributes
    ----------
    axes : tuple of numpy.ndarray
        Values along each parameter.
    points : numpy.ndarray, shape (G, inner)
        Every combination, with rate effects of zero.
    designs : numpy.ndarray, shape (G, n, r)
        Rotated design of the amplitude at each point.
    usable : numpy.ndarray of bool, shape (G,)
        Where that design has full column rank, and exchangeable parameters stand in order.
    """

    axes: tuple[Array, ...]
    points: Array
    designs: Array
    usable: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class MeanFit:
    """Maximum likelihood of a curve.

    Attributes
    ----------
    peak : Peaks
        The best end, a batch of one.
    low, high : numpy.ndarray, shape (inner,)
        Bounds of the inner parameters.
    profile : numpy.ndarray, shape (G,)
        Height of the likelihood at each point of the lattice, the variances over a coarse grid.
    lattice : Lattice
        The points.
    """

    peak: Peaks
    low: Array
    high: Array
    profile: Array
    lattice: Lattice

    @property
    def at_edge(self) -> tuple[BoolArray, BoolArray]:
        """Which inner parameters are at their lower and at their upper bound."""
        return at_bounds(self.peak.psi[0], self.low, self.high)


def at_bounds(psi: Array, low: Array, high: Array) -> tuple[BoolArray, BoolArray]:
    """Which inner parameters are at their lower and at their upper bound."""
    return psi <= low + _EDGE, psi >= high - _EDGE


def lattice(blocks: Blocks, mean: Mean) -> Lattice:
    """Points to start from, evenly spaced between the bounds of the shape."""
    bounds = mean.shape.bounds(np.unique(mean.hours))
    steps = _STEPS[len(bounds)]
    axes = tuple(np.linspace(low, high, steps) for low, high in bounds)
    grid = np.stack([part.ravel() for part in np.meshgrid(*axes, indexing="ij")], axis=1)
    points = np.concatenate([grid, np.zeros((len(grid), mean.rate.shape[1]))], axis=1)
    designs = blocks.turn_many(mean.level * mean.relative(points)[0][..., None])
    singular = np.linalg.svd(designs, compute_uv=False)
    whole = np.linalg.svd(mean.level, compute_uv=False)[-1]
    usable = singular[:, -1] > _TOLD * whole
    if mean.shape.exchangeable:
        usable &= points[:, 0] >= points[:, 1]
    return Lattice(axes, points, designs, usable)


def fit_mean(blocks: Blocks, yi: Array, mean: Mean, free: tuple[bool, bool]) -> MeanFit:
    """Maximum likelihood from every good point of a lattice.

    Parameters
    ----------
    blocks : Blocks
        Rotated sampling covariance.
    yi : numpy.ndarray, shape (n,)
        Effects, not rotated.
    mean : Mean
        The curve.
    free : tuple of bool
        Which of ``(tau2, omega2)`` to estimate; the others are zero.

    Returns
    -------
    MeanFit
        The fit.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.blocks import rotate
    >>> from ketameta.curves.decay_shapes import Weibull
    >>> from ketameta.curves.mean import Mean
    >>> from ketameta.curves.search import fit_mean
    >>> hours = np.array([4.0, 24.0, 72.0, 168.0, 336.0])
    >>> y = Weibull().value(np.array([-1.0, np.log(100.0), np.log(0.7)]), hours)
    >>> mean = Mean(Weibull(), hours, np.ones((5, 1)), np.empty((5, 0)))
    >>> fit = fit_mean(rotate([0.01 * np.eye(5)]), y, mean, (False, False))
    >>> np.exp(fit.peak.psi[0]).round(4).tolist()
    [100.0, 0.7]
    """
    points = lattice(blocks, mean)
    low, high = search_bounds(mean, points)
    y = blocks.turn(yi)
    mask = np.array(free)
    scale = float(np.var(yi) + blocks.spectrum.mean())
    tau2, omega2 = (
        part.ravel()
        for part in np.meshgrid(*(scale * (_SHARES if one else _SHARES[:1]) for one in free), indexing="ij")
    )
    profile = np.full(len(points.points), -np.inf)
    theta = np.zeros((len(points.points), 2))
    usable = np.flatnonzero(points.usable)
    problems = Problems(
        blocks,
        np.repeat(y[None], usable.size, axis=0),
        points.designs[usable],
        blocks.ones[None, :, None],
        False,
    )
    height = heights(problems, tau2, omega2)
    best = height.argmax(axis=1)
    profile[usable], theta[usable] = height.max(axis=1), np.stack([tau2[best], omega2[best]], axis=1)
    starts = _tops(profile, points)
    peaks = _climb(blocks, yi, mean, mask, points.points[starts], theta[starts], (low, high), _ROUGH)
    first = peaks.take(np.array([int(np.argmax(peaks.loglik))]))
    peak = _climb(blocks, yi, mean, mask, first.psi, first.theta, (low, high), _FINE)
    if mean.shape.exchangeable:
        peak.psi[:, :2] = -np.sort(-peak.psi[:, :2], axis=1)
    return MeanFit(peak, low, high, profile, points)


def _climb(
    blocks: Blocks,
    yi: Array,
    mean: Mean,
    free: BoolArray,
    psi: Array,
    theta: Array,
    bounds: tuple[Array, Array],
    short: float,
) -> Peaks:
    """Climbs of one data set from several starts."""
    low, high = (np.repeat(part[None], len(psi), axis=0) for part in bounds)
    y, held = np.repeat(yi[None], len(psi), axis=0), np.zeros(mean.inner, dtype=np.bool_)
    return climb_means(blocks, y, mean, psi, theta, free=free, low=low, high=high, held=held, short=short)


def half_life_interval(
    blocks: Blocks, yi: Array, mean: Mean, free: tuple[bool, bool], fit: MeanFit, level: float
) -> HalfLife:
    """Every half-life whose profile log-likelihood lies within half a chi-squared quantile (1 df) of the best.

    Parameters
    ----------
    blocks, yi, mean, free
        See :func:`fit_mean`.
    fit : MeanFit
        The fit.
    level : float
        Level of the interval.

    Returns
    -------
    HalfLife
        The half-life and its interval, which may be open.
    """
    allowed = float(ndtri((1 + level) / 2)) ** 2 / 2
    best = float(fit.peak.psi[0, 0])

    def above(logs: Array) -> Array:
        """Profile log-likelihood over what the interval allows."""
        return _profile(blocks, yi, mean, free, fit, logs) - float(fit.peak.loglik[0]) + allowed

    grid = np.linspace(fit.low[0], fit.high[0], _PROFILE)
    values = above(grid)
    ends = []
    for side in (-1, 1):
        inside = np.append(best, grid[(values > 0) & (side * (grid - best) > 0)])
        edge = side * float((side * inside).max())
        outer = side * (grid - edge)
        outside = grid[outer > 0]
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
        method="profile likelihood (chi-squared, 1 df)",
    )


def wald_half_life(log_hours: float, se: float, quantile: float) -> HalfLife:
    """Half-life from the estimate of its logarithm and its standard error.

    Examples
    --------
    >>> from ketameta.curves.search import wald_half_life
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


def _profile(
    blocks: Blocks, yi: Array, mean: Mean, free: tuple[bool, bool], fit: MeanFit, logs: Array
) -> Array:
    """Highest log-likelihoods at given log half-lives, each from two starts."""
    peak, points = fit.peak, fit.lattice
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
        blocks,
        np.repeat(yi[None], len(starts), axis=0),
        mean,
        starts,
        np.repeat(peak.theta, len(starts), axis=0),
        free=np.array(free),
        low=low,
        high=high,
        held=np.arange(mean.inner) == 0,
        short=_ROUGH,
        rounds=_PROFILE_ROUNDS,
    )
    return np.asarray(peaks.loglik.reshape(2, -1).max(axis=0), dtype=np.float64)


def search_bounds(mean: Mean, points: Lattice) -> tuple[Array, Array]:
    """Bounds of the inner parameters; a rate effect may multiply the rate by exp(10) at most."""
    effects = np.full(mean.rate.shape[1], 10.0)
    low, high = (np.array([axis[end] for axis in points.axes]) for end in (0, -1))
    return np.concatenate([low, -effects]), np.concatenate([high, effects])


def _tops(profile: Array, points: Lattice) -> np.ndarray:
    """Points that no neighbour beats, the highest few."""
    shape = tuple(axis.size for axis in points.axes)
    height = np.pad(profile.reshape(shape), 1, constant_values=-np.inf)
    top = np.isfinite(profile).reshape(shape)
    for shift in np.ndindex(*(3,) * len(shape)):
        window = tuple(slice(a, a + size) for a, size in zip(shift, shape, strict=True))
        top &= profile.reshape(shape) >= height[window]
    found = np.flatnonzero(top)
    return found[np.argsort(-profile[found], kind="stable")][:_MOST_STARTS]
