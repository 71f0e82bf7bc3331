"""Integrals of positive functions of one variable on panels that are halved until their Legendre series end."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre

from ketameta._typing import Array
from ketameta.errors import ModelError

__all__ = ["NEGLIGIBLE", "TOO_FAR", "Panels", "invert", "panels"]

NEGLIGIBLE = 42.0
"""Log of a ratio beyond the digits of a float."""

TOO_FAR = "the numbers lie too far apart for a posterior; check the units of yi, vi and the priors"
"""What is said of sizes that floats cannot hold side by side."""

_N = 20
_T, _W = legendre.leggauss(_N)
_SERIES = (legendre.legvander(_T, _N - 1) * _W[:, None]).T * (np.arange(_N) + 0.5)[:, None]
_AT_NODES = legendre.legvander(_T, _N)
_LENGTH = 1.5
_RESOLVED = 1e-11
_NOISE = 1e-3
_SHORT = 1e-12
_MOST = 4000


@dataclass(frozen=True, slots=True, eq=False)
class Panels:
    """A positive function of x on neighbouring panels, divided by ``exp(log_scale)``.

    Attributes
    ----------
    edges : Array, shape (p + 1,)
    values : Array, shape (p, n)
        At the Gauss-Legendre nodes.
    log_scale : float
    series : Array, shape (n + 1, p)
        Legendre series of the integral from the left end of each panel.
    """

    edges: Array
    values: Array
    log_scale: float
    series: Array

    @property
    def nodes(self) -> Array:
        """Nodes, shape (p, n)."""
        return _nodes(self.edges[:-1], self.edges[1:])

    @property
    def weights(self) -> Array:
        """Integral of the function around each node, shape (p, n)."""
        return np.asarray(self.values * _W * 0.5 * np.diff(self.edges)[:, None])

    def integrals(self) -> Array:
        """Integral from the left end of each panel to its nodes, shape (p, n)."""
        return np.asarray((_AT_NODES @ self.series).T)


def _nodes(low: Array, high: Array) -> Array:
    return np.asarray(0.5 * (low + high)[:, None] + 0.5 * (high - low)[:, None] * _T)


def panels(log_f: Callable[[Array], Array], low: float, high: float, order: int) -> Panels:
    """Resolve ``exp(log_f(x))`` and ``exp(log_f(x) + order * x)`` between ``low`` and ``high``.

    A panel counts for as much as its highest point, its ends included: next to a bound the function may rise by more
    than a float holds between the last node and the end. Halving stops at the rounding of ``log_f``, where it
    does not shorten the end of a series any more, and at that of x; where the function is all rounding it is refused.
    """
    grid = np.linspace(low, high, max(2, math.ceil(2.0 * (high - low))) + 1)
    found = log_f(grid)
    if not np.isfinite(found.max()):
        raise ModelError(TOO_FAR)
    tilted = found + order * grid
    kept = np.flatnonzero((found >= found.max() - NEGLIGIBLE) | (tilted >= tilted.max() - NEGLIGIBLE))
    first, last = max(kept[0] - 1, 0), min(kept[-1] + 1, grid.size - 1)
    edges = np.linspace(grid[first], grid[last], math.ceil((grid[last] - grid[first]) / _LENGTH) + 1)
    a, b = edges[:-1], edges[1:]
    before = np.full(a.size, np.inf)
    top, tilted_top = -np.inf, -np.inf
    done: list[tuple[Array, Array, Array]] = []
    while a.size:
        if a.size > _MOST:
            raise ModelError(TOO_FAR)
        x = np.column_stack([_nodes(a, b), a, b])
        both = log_f(x.ravel()).reshape(x.shape)
        g, peak, tilted_peak = both[:, :_N], both.max(axis=1), (both + order * x).max(axis=1)
        top, tilted_top = max(top, peak.max()), max(tilted_top, tilted_peak.max())
        weight = np.exp(np.maximum(peak - top, tilted_peak - tilted_top))
        inside = g.max(axis=1)
        shape = np.exp(g - np.where(np.isfinite(inside), inside, 0.0)[:, None])
        rest = np.abs(shape @ _SERIES[-3:].T).max(axis=1)
        rounding = (rest < _NOISE) & (rest > 0.5 * before) | (b - a < _SHORT)
        good = (rest * weight <= _RESOLVED) | rounding
        done.append((a[good], b[good], g[good]))
        middle = 0.5 * (a + b)[~good]
        a, b = np.concatenate([a[~good], middle]), np.concatenate([middle, b[~good]])
        before = np.tile(rest[~good], 2)
    low_edges, high_edges, log_values = (np.concatenate(part) for part in zip(*done, strict=True))
    order_of = np.argsort(low_edges)
    top = log_values.max()
    values = np.exp(log_values[order_of] - top)
    half = 0.5 * (high_edges - low_edges)[order_of, None]
    series = legendre.legint(_SERIES @ (values * half).T, lbnd=-1.0)
    return Panels(np.append(low_edges[order_of], high_edges.max()), values, float(top), np.asarray(series))


def invert(series: Array, target: Array) -> Array:
    """Place in [-1, 1] where increasing Legendre series, one a column, reach their targets."""
    low, high = -np.ones_like(target), np.ones_like(target)
    slope = legendre.legder(series)
    t = np.zeros_like(target)
    for _ in range(80):
        terms = legendre.legvander(t, _N).T
        gap = (terms * series).sum(axis=0) - target
        low, high = np.where(gap < 0.0, t, low), np.where(gap < 0.0, high, t)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.clip(t - gap / (terms[:-1] * slope).sum(axis=0), -1.0, 1.0)
        new = np.where((step >= low) & (step <= high), step, 0.5 * (low + high))
        moved = np.abs(new - t).max(initial=0.0)
        t = new
        if moved < 1e-13:
            break
    return t
