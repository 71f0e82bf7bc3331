"""Log-likelihoods of the random-effects model as functions of tau2, many fits at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.models._batch import Batch
from ketameta.models._roots import bracketed_root

__all__ = ["ProfileLikelihood"]

_SPACING = 0.15
_FINE = 65
_ROUNDS = 7
_PEAKS = 2
_ELEMENTS = 2**18


@dataclass(frozen=True, slots=True, eq=False)
class ProfileLikelihood:
    """Log-likelihoods of n fits, effects counted from that of the most precise study, and scaled."""

    y: Array
    v: Array
    k: Array
    tau2: Array
    restricted: bool
    base: Array
    unit: Array

    @staticmethod
    def read(
        y: ArrayLike, v: ArrayLike, mask: ArrayLike | None, tau2: Array, restricted: bool
    ) -> ProfileLikelihood:
        batch = Batch.read(y, v, None, mask)
        effects, variances, _, used, _ = batch.rows(slice(0, batch.n))
        used = np.ones(effects.shape, dtype=np.bool_) if used is None else used
        variances = np.where(used, variances, np.inf)
        pivot = np.argmin(variances, axis=-1)[:, None]
        smallest = np.take_along_axis(variances, pivot, axis=-1)[:, 0]
        exponent = (np.frexp(np.where(np.isfinite(smallest), smallest, 1.0))[1] - 1) // 2
        base, unit = np.take_along_axis(effects, pivot, axis=-1)[:, 0], np.ldexp(1.0, exponent)
        effects = np.where(used, effects - base[:, None], 0.0) / unit[:, None]
        tau2 = tau2.reshape(-1) / (unit * unit)
        return ProfileLikelihood(
            effects, variances / (unit * unit)[:, None], used.sum(axis=-1), tau2, restricted, base, unit
        )

    def take(self, rows: Any) -> ProfileLikelihood:
        """The fits at these positions."""
        return ProfileLikelihood(
            self.y[rows],
            self.v[rows],
            self.k[rows],
            self.tau2[rows],
            self.restricted,
            self.base[rows],
            self.unit[rows],
        )

    def at(self, tau2: Array) -> tuple[Array, Array, Array]:
        """Log-likelihood at its best mean, that mean and its information; tau2 has shape (n, m)."""
        parts = [np.empty(tau2.shape) for _ in range(3)]
        size = max(1, _ELEMENTS // max(self.y.size, 1))
        for start in range(0, tau2.shape[1], size):
            cut = slice(start, start + size)
            total = self.v[:, None, :] + tau2[:, cut, None]
            w = 1.0 / total
            information = w.sum(axis=-1)
            mean = (w * self.y[:, None, :]).sum(axis=-1) / information
            rss = (w * np.square(self.y[:, None, :] - mean[..., None])).sum(axis=-1)
            log_det = np.log(np.where(np.isfinite(total), total, 1.0)).sum(axis=-1)
            log_det += np.log(information) if self.restricted else 0.0
            for part, value in zip(parts, (-0.5 * (log_det + rss), mean, information), strict=True):
                part[:, cut] = value
        return parts[0], parts[1], parts[2]

    def range(self, drop: float) -> tuple[Array, Array]:
        """First and last tau2 whose log-likelihood is within ``drop`` of the maximum."""
        least = self.at(self.tau2[:, None])[0][:, 0] - drop
        grid = self._grid(least)
        height = self.at(grid)[0] - least[:, None]
        inside = height >= 0
        rows = np.arange(len(grid))
        first = inside.argmax(axis=-1)
        last = grid.shape[1] - 1 - inside[:, ::-1].argmax(axis=-1)
        none = ~inside.any(axis=-1)
        first_in = np.where(none, self.tau2, grid[rows, first])
        last_in = np.where(none, self.tau2, grid[rows, last])
        before = np.where(none, (grid < self.tau2[:, None]).sum(axis=-1), first) - 1
        after = np.where(none, before + 1, last) + 1
        after = np.minimum(np.where(none, before + 1, after), grid.shape[1] - 1)

        def excess(tau2: Array) -> Array:
            return self.at(tau2[:, None])[0][:, 0] - least

        start, end = grid[rows, np.maximum(before, 0)], grid[rows, after]
        low = bracketed_root(excess, start, first_in, excess(start), excess(first_in))
        high = bracketed_root(excess, last_in, end, excess(last_in), excess(end))
        return np.where(before < 0, 0.0, low), high

    def _grid(self, least: Array) -> Array:
        """Values of tau2 from 0 to where the log-likelihood has fallen below ``least`` for sure."""
        n = self.k - 1.0 if self.restricted else self.k.astype(np.float64)
        top = np.exp((-2.0 * least - (np.log(self.k) if self.restricted else 0.0)) / n)
        smallest = self.v.min(axis=-1)
        reach = np.log1p(np.maximum(top, self.tau2) / smallest) + _SPACING
        points = int(np.ceil(reach.max() / _SPACING)) + 1
        result: Array = smallest[:, None] * np.expm1(reach[:, None] * np.linspace(0.0, 1.0, points))
        return result

    def maximise(self, function: Callable[[Array], Array], grid: Array) -> Array:
        """Largest value of ``function`` near the highest points of a grid of tau2."""
        value = function(grid)
        padded = np.pad(value, ((0, 0), (1, 1)), constant_values=-np.inf)
        peak = (value >= padded[:, :-2]) & (value >= padded[:, 2:])
        ranked = np.argsort(np.where(peak, value, -np.inf), axis=-1)
        best: Array = value.max(axis=-1)
        rows = np.arange(len(grid))
        for centre in ranked[:, -_PEAKS:].T:
            points, at = grid, centre
            for _ in range(_ROUNDS):
                left = points[rows, np.maximum(at - 1, 0)]
                right = points[rows, np.minimum(at + 1, points.shape[1] - 1)]
                points = left[:, None] + (right - left)[:, None] * np.linspace(0.0, 1.0, _FINE)
                value = function(points)
                at = value.argmax(axis=-1)
                best = np.maximum(best, value[rows, at])
        return best

    def mean_interval(self, drop: float) -> tuple[Array, Array]:
        """Bounds of the mean: the farthest points at which a tau2 keeps the likelihood within ``drop``."""
        least = self.at(self.tau2[:, None])[0][:, 0] - drop
        first, last = self.range(drop)
        smallest = self.v.min(axis=-1)[:, None]
        ends = np.log1p(np.stack([first, last], axis=-1) / smallest)
        part = 0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, _FINE))
        grid = smallest * np.expm1(ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * part)

        def bound(sign: float) -> Array:
            def farthest(tau2: Array) -> Array:
                height, mean, information = self.at(tau2)
                height = height - least[:, None]
                found = sign * mean + np.sqrt(2.0 * np.maximum(height, 0.0) / information)
                result: Array = np.where(height >= -1e-9, found, -np.inf)
                return result

            return self.base + self.unit * sign * self.maximise(farthest, grid)

        return bound(-1.0), bound(1.0)

    def deviance(self, mean: Array, side: Array) -> Array:
        """Twice the log-likelihood ratio of the maximum to the means at or beyond ``mean``.

        ``side`` is 1 for means upwards of it, -1 for means downwards.
        """
        at = (mean - self.base) / self.unit
        highest = self.at(self.tau2[:, None])[0][:, 0]

        def best(tau2: Array) -> Array:
            height, centre, information = self.at(tau2)
            short = np.maximum(side[:, None] * (at[:, None] - centre), 0.0)
            return height - 0.5 * information * short * short

        far = np.sqrt(self.v.max(axis=-1, where=np.isfinite(self.v), initial=0.0)) + np.abs(at)
        top = far * far + np.square(self.y).max(axis=-1) + self.tau2
        smallest = self.v.min(axis=-1)
        reach = np.log1p(top * 4.0 / smallest)
        points = int(np.ceil(reach.max() / _SPACING)) + 1
        grid = smallest[:, None] * np.expm1(reach[:, None] * np.linspace(0.0, 1.0, points))
        grid = np.sort(np.concatenate([grid, self.tau2[:, None]], axis=-1), axis=-1)
        return np.maximum(2.0 * (highest - self.maximise(best, grid)), 0.0)
