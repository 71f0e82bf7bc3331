"""Mixtures of normals with common weights, several at a time: densities, quantiles, modes, shortest intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from ketameta._typing import Array, BoolArray

__all__ = ["Mixtures"]

_EDGE = 1e-9
_SCAN = 25
_STEPS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Mixtures:
    """Mixtures of normals, one a row.

    Attributes
    ----------
    weights : Array, shape (n,)
        Weights of the components, sum 1.
    means, sds : Array, shape (r, n)
        Components of each of the r mixtures.
    """

    weights: Array
    means: Array
    sds: Array

    def _z(self, x: Array) -> Array:
        return np.asarray((x[:, :, None] - self.means[:, None, :]) / self.sds[:, None, :])

    def pdf(self, x: Array) -> Array:
        """Density at ``x``, shape (r, m)."""
        with np.errstate(under="ignore"):
            height = np.exp(-0.5 * np.square(self._z(x))) / self.sds[:, None, :]
            return np.asarray(height @ self.weights / math.sqrt(2.0 * math.pi))

    def cdf(self, x: Array) -> Array:
        """Probability below ``x``, shape (r, m)."""
        return np.asarray(special.ndtr(self._z(x)) @ self.weights)

    def sf(self, x: Array) -> Array:
        """Probability above ``x``, shape (r, m)."""
        return np.asarray(special.ndtr(-self._z(x)) @ self.weights)

    def _slopes(self, x: Array) -> tuple[Array, Array, Array]:
        """Density and its first two derivatives at ``x``."""
        z, narrow = self._z(x), 1.0 / self.sds[:, None, :]
        with np.errstate(under="ignore"):
            height = np.exp(-0.5 * z * z) * (self.weights / math.sqrt(2.0 * math.pi) * narrow)
            first = height * z * narrow
            second = (first * z - height * narrow) * narrow
        return height.sum(axis=2), -first.sum(axis=2), second.sum(axis=2)

    def mean(self) -> Array:
        """Means, shape (r,)."""
        return np.asarray(self.means @ self.weights)

    def sd(self) -> Array:
        """Standard deviations, shape (r,)."""
        off = self.means - self.mean()[:, None]
        return np.asarray(np.sqrt((np.square(off) + np.square(self.sds)) @ self.weights))

    def quantile(self, p: Array) -> Array:
        """Values with probability ``p`` below, shape (r, m); ``p`` of shape (m,) or (r, m)."""
        p = np.broadcast_to(p, (self.means.shape[0], np.shape(p)[-1]))
        centre = self.mean()[:, None]
        unit = self._unit()
        z = special.ndtri(p)
        low, high = self._reach(z)
        x = np.clip(centre + unit * z, low, high)
        side = np.where(p > 0.5, -1.0, 1.0)
        tail = np.minimum(p, 1.0 - p)
        for _ in range(_STEPS):
            gap = side * (special.ndtr(side[:, :, None] * self._z(x)) @ self.weights - tail)
            low, high = np.where(gap < 0.0, x, low), np.where(gap < 0.0, high, x)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                step = x - gap / self.pdf(x)
            new = np.where((step >= low) & (step <= high), step, _between(low, high, centre, unit))
            moved = np.abs(new - x) > 1e-13 * (unit + np.abs(x - centre))
            x = new
            if not moved.any():
                break
        return x

    def _unit(self) -> Array:
        """Geometric means of the standard deviations, shape (r, 1): a width that heavy tails leave alone."""
        return np.asarray(np.exp(np.log(self.sds) @ self.weights)[:, None])

    def _reach(self, z: Array) -> tuple[Array, Array]:
        """Bounds of quantiles: those of the outermost components."""
        low, high = np.full(z.shape, math.inf), np.full(z.shape, -math.inf)
        for j in range(z.shape[1]):
            ends = self.means + self.sds * z[:, j, None]
            low[:, j], high[:, j] = ends.min(axis=1), ends.max(axis=1)
        return low, high

    def peaks(self) -> tuple[Array, BoolArray]:
        """Modes, shape (r,), and where the density has more than one maximum.

        The maxima of a mixture of normals lie between the smallest and the largest of its means.
        """
        ordered = np.sort(self.means, axis=1)
        grid = ordered[:, np.linspace(0, ordered.shape[1] - 1, _SCAN).astype(int)]
        slope = self._slopes(grid)
        up = slope[1] > 0.0
        several = (up[:, :-1] & ~up[:, 1:] & (np.diff(grid, axis=1) > 0.0)).sum(axis=1) > 1
        best = np.argmax(slope[0], axis=1)
        row = np.arange(grid.shape[0])
        low = grid[row, np.maximum(best - 1, 0)][:, None]
        high = grid[row, np.minimum(best + 1, _SCAN - 1)][:, None]
        x = grid[row, best][:, None]
        unit = self._unit()
        for _ in range(_STEPS):
            _, first, second = self._slopes(x)
            low, high = np.where(first > 0.0, x, low), np.where(first > 0.0, high, x)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                step = x - first / second
            new = np.where((step >= low) & (step <= high), step, 0.5 * (low + high))
            moved = np.abs(new - x) > 1e-13 * unit
            x = new
            if not moved.any():
                break
        return x[:, 0], several

    def summary(self, level: float) -> tuple[Array, Array, Array]:
        """Lower tail, median and upper tail, shape (r, 3); modes, shape (r,); shortest intervals, shape (r, 2)."""
        q = self.quantile(np.array([0.5 * (1.0 - level), 0.5, 0.5 * (1.0 + level)]))
        mode, several = self.peaks()
        found = self._between_equal_heights(level, q[:, [0, 2]], mode)
        for i in np.flatnonzero(several):
            found[i] = Mixtures(self.weights, self.means[i : i + 1], self.sds[i : i + 1])._searched(level)
        return q, mode, found

    def shortest(self, level: float) -> Array:
        """Shortest intervals with this probability, shape (r, 2)."""
        return self.summary(level)[2]

    def _between_equal_heights(self, level: float, start: Array, mode: Array) -> Array:
        """Shortest intervals of densities with one maximum, which is in them and has equal heights at their ends."""
        spare = 1.0 - level
        middle = mode[:, None]
        edge = special.ndtri(_EDGE * spare) * np.ones((mode.size, 1))
        low, high, far = self._reach(edge)[0], middle, self._reach(-edge)[1]
        a, b = np.minimum(start[:, :1], high), np.maximum(start[:, 1:], middle)
        for _ in range(_STEPS):
            b = self._right_end(a, b, middle, far, level)
            left, right = self._slopes(a), self._slopes(b)
            rise = right[0] - left[0]
            low, high = np.where(rise > 0.0, a, low), np.where(rise > 0.0, high, a)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                step = a - rise / (right[1] * left[0] / right[0] - left[1])
            new = np.where((step >= low) & (step <= high), step, _between(low, high, middle, b - a))
            moved = np.abs(new - a) > 1e-12 * (b - a)
            a = new
            if not moved.any():
                break
        return np.concatenate([a, self._right_end(a, b, middle, far, level)], axis=1)

    def _right_end(self, a: Array, b: Array, low: Array, high: Array, level: float) -> Array:
        """End of the interval that starts at ``a``, right of the mode."""
        target = self.cdf(a) + level
        origin, unit = low, b - a
        for _ in range(_STEPS):
            gap = self.cdf(b) - target
            low, high = np.where(gap < 0.0, b, low), np.where(gap < 0.0, high, b)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                step = b - gap / self.pdf(b)
            new = np.where((step >= low) & (step <= high), step, _between(low, high, origin, unit))
            moved = np.abs(new - b) > 1e-13 * np.abs(new - a)
            b = new
            if not moved.any():
                break
        return b

    def _searched(self, level: float) -> Array:
        """Shortest interval of one mixture that may have several maxima, by a scan of its left tail."""
        p = (1.0 - level) * np.concatenate(
            [np.geomspace(_EDGE, 1e-2, 16), np.linspace(0.02, 1.0 - _EDGE, 150)]
        )
        ends = self.quantile(np.concatenate([p, p + level]))[0]
        best = int(np.argmin(ends[p.size :] - ends[: p.size]))

        def rise(left: float) -> float:
            low, high = self.pdf(self.quantile(np.array([left, left + level])))[0]
            return float(high - low)

        low, high = p[max(best - 1, 0)], p[min(best + 1, p.size - 1)]
        place = optimize.brentq(rise, low, high, xtol=1e-15) if rise(low) > 0.0 > rise(high) else p[best]
        return np.asarray(self.quantile(np.array([place, place + level]))[0], dtype=np.float64)


def _between(low: Array, high: Array, centre: Array, unit: Array) -> Array:
    """Middle of a bracket, on a scale that is linear near the centre and logarithmic far from it."""
    unit = np.maximum(unit, np.spacing(np.abs(centre)))
    inner = 0.5 * (np.arcsinh((low - centre) / unit) + np.arcsinh((high - centre) / unit))
    return np.asarray(np.clip(centre + unit * np.sinh(inner), low, high))
