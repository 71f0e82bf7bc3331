"""Fitting a shape that rises and falls: where to start, and the best fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.curves.blocks import Blocks
from ketameta.curves.likelihood import Problems
from ketameta.curves.mean import Mean
from ketameta.curves.nonlinear import Peaks, climb_means
from ketameta.curves.starts import heights

__all__ = [
    "Lattice",
    "MeanFit",
    "at_bounds",
    "fit_mean",
    "lattice",
    "search_bounds",
]

_STEPS = {1: 80, 2: 18}
_MOST_STARTS = 6
_SHARES = np.array([0.0, 0.03, 0.3, 1.0])
_EDGE = 1e-6
_TOLD = 1e-10
_ROUGH = 1e-4
_FINE = 1e-9


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
        Where that design has full column rank, and exchangeable parameters stand in order; not where they are
        equal, since a climb from there never parts them.
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
        usable &= points[:, 0] > points[:, 1]
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
