"""Maximising a marginal likelihood: a safeguarded Newton method, and a search over tau that misses no mode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models._marginal import TAU, Likelihood, Point, Surface

__all__ = ["Climber", "Top"]

IntArray = NDArray[np.int64]

_ITERATIONS = 200
_HALVINGS = 25
_MOST_NODES = {1: 240, 2: 60}
_MORE_NODES = (2.5, 5.0, 10.0, 20.0)
_STALLED = 3
_FLAT, _GRID_TO_HALF = 1e-9, 7
_AS_GOOD_AS_NODES_ALLOW = 1e-3
_OUT_OF_REACH = "the likelihood of these counts has no finite maximum within reach; use method='MH' or 'Peto'"
_GRID = (0.0, 0.02, 0.05, 0.1, 0.18, 0.3, 0.45, 0.65, 0.9, 1.2, 1.6, 2.2, 3.0, 4.2, 6.0, 9.0, 14.0, 22.0)


@dataclass(frozen=True, slots=True, eq=False)
class Top:
    """A maximum: the point, the log-likelihood there, and how many maxima were met on the way."""

    point: Point
    surface: Surface
    modes: int = 1


class Climber:
    """Maximises one likelihood over the parameters that are free.

    Parameters
    ----------
    likelihood : Likelihood
    k : int
        Number of studies.
    """

    def __init__(self, likelihood: Likelihood, k: int) -> None:
        self.likelihood, self.k = likelihood, k
        self._likelihoods = {likelihood.nodes: likelihood}

    def at(self, point: Point) -> Surface:
        """The log-likelihood at a point."""
        return self.likelihood.at(point, self.k)

    def climb(self, start: Point, fixed: tuple[int, ...] = ()) -> Top:
        """Nearest maximum uphill from ``start``, with the shared parameters ``fixed`` held.

        Where too few nodes would make value and slope disagree, as at a large tau, more are taken.

        Raises
        ------
        ModelError
            If there is none within reach.
        """
        free = _free(start, fixed)
        likelihood = self._fine_enough(float(start.shared[TAU]))
        while True:
            top = self._ascend(likelihood, start, free)
            if top is not None:
                return top
            if 2 * likelihood.nodes > _MOST_NODES[likelihood.dimensions]:
                raise ModelError(_OUT_OF_REACH)
            likelihood = self._with(2 * likelihood.nodes)

    def polish(self, start: Point, fixed: tuple[int, ...] = ()) -> Top:
        """The maximum next to ``start``, with the likelihood's own number of nodes.

        Raises
        ------
        ModelError
            If there is none within reach.
        """
        top = self._ascend(self.likelihood, start, _free(start, fixed))
        if top is None:
            raise ModelError(_OUT_OF_REACH)
        return top

    def _fine_enough(self, tau: float) -> Likelihood:
        """More nodes for a larger tau, whose integrands are less like a normal density."""
        return self._with(self.likelihood.nodes * 2 ** int(np.searchsorted(_MORE_NODES, tau)))

    def _with(self, nodes: int) -> Likelihood:
        own = self.likelihood.nodes
        nodes = min(nodes, max(own, _MOST_NODES[self.likelihood.dimensions]))
        if nodes not in self._likelihoods:
            self._likelihoods[nodes] = self.likelihood.finer(nodes)
        return self._likelihoods[nodes]

    def _ascend(self, likelihood: Likelihood, start: Point, free: IntArray) -> Top | None:
        point, surface = start, likelihood.at(start, self.k)
        last, stalled = np.inf, 0
        for _ in range(_ITERATIONS):
            step, gain = _newton(surface, free)
            own = surface.own_step(step) if surface.own_slope.size else surface.own_slope
            gain -= float(surface.own_slope @ (surface.own_slope / surface.own_bend))
            size = max(np.abs(step).max(initial=0.0), np.abs(own).max(initial=0.0))
            slack = gain if gain <= _AS_GOOD_AS_NODES_ALLOW else 0.0
            stalled += slack >= last / 2.0
            last = gain
            if gain <= 1e-22 * (1.0 + abs(surface.value)) or size <= 1e-12 or stalled == _STALLED:
                return Top(point, surface)
            part = min(1.0, 4.0 / size)
            close = gain <= 1e-7 * (1.0 + abs(surface.value))
            for _ in range(_HALVINGS):
                reached = point.moved(step, own, part)
                next_surface = likelihood.at(reached, self.k)
                if close or next_surface.value >= surface.value - slack:
                    break
                part /= 2.0
            else:
                return Top(point, surface) if gain <= _AS_GOOD_AS_NODES_ALLOW else None
            point, surface = reached, next_surface
            if part == 1.0 and size <= 1e-9:
                return Top(point, surface)
        return None

    def ridge(self, tau: float, start: Point, fixed: tuple[int, ...] = ()) -> Top:
        """The maximum over all else at a given tau."""
        shared = start.shared.copy()
        shared[TAU] = tau
        return self.climb(Point(shared, start.own), (*fixed, TAU))

    def highest(self, start: Point) -> Top:
        """The global maximum over tau >= 0 and all else.

        For a given tau the likelihood is log-concave in the effect and the levels (it is a marginal of a
        log-concave function; Prekopa 1973, Acta Sci Math 34:335-343), so that only tau can have several modes. Its
        profile is followed over a grid, and every change of sign of its slope is closed in on.

        Raises
        ------
        ModelError
            If the likelihood rises as far as tau is followed, or is flat.
        """
        tops = [self.ridge(_GRID[0], start)]
        slopes = [_slope_at_zero(tops[0])]
        for tau in _GRID[1:]:
            try:
                top = self.ridge(tau, tops[-1].point)
            except ModelError:
                break
            tops.append(top)
            slopes.append(float(top.surface.slope[TAU]))
        if np.abs(slopes[:_GRID_TO_HALF]).max() < _FLAT:
            raise ModelError(
                "these counts say nothing of tau2: whatever it is, they are as likely, as when each table has one event; "
                "use a common effect (tau2='EE')"
            )
        if slopes[-1] > 0:
            raise ModelError(
                f"tau2 has no maximum-likelihood estimate below {tops[-1].point.shared[TAU]:g}^2: most tables lie at the "
                "edge of what their margins allow, in opposite directions; use method='MH' or 'Peto', or a common "
                "effect (tau2='EE')"
            )
        peaks = [tops[0]] if slopes[0] <= 0 else []
        peaks += [
            self._close_in(tops[i], tops[i + 1])
            for i in range(len(tops) - 1)
            if slopes[i] > 0 >= slopes[i + 1]
        ]
        best = max(peaks, key=lambda top: top.surface.value)
        return Top(best.point, best.surface, len(peaks))

    def _close_in(self, left: Top, right: Top) -> Top:
        low, high = float(left.point.shared[TAU]), float(right.point.shared[TAU])
        middle = Point(
            (left.point.shared + right.point.shared) / 2.0, (left.point.own + right.point.own) / 2.0
        )
        top = self.climb(middle)
        if low <= abs(top.point.shared[TAU]) <= high and abs(top.point.shared[TAU]) > 0:
            return _upright(top)
        last = left

        def slope(tau: float) -> float:
            nonlocal last
            last = self.ridge(tau, last.point)
            return _slope_at_zero(last) if tau == 0 else float(last.surface.slope[TAU])

        low = low if low > 0 else min(high, 1e-4)
        if slope(low) <= 0:
            return left
        found = float(optimize.brentq(slope, low, high, xtol=1e-12))
        return self.ridge(found, last.point)


def _free(start: Point, fixed: tuple[int, ...]) -> IntArray:
    return np.array([i for i in range(len(start.shared)) if i not in fixed], dtype=np.int64)


def _upright(top: Top) -> Top:
    """Standard deviations as positive numbers: the likelihood does not know their signs."""
    shared = top.point.shared.copy()
    shared[TAU::2] = np.abs(shared[TAU::2])
    signs = np.where(top.point.shared < 0, -1.0, 1.0)
    signs[0::2] = 1.0
    s = top.surface
    surface = Surface(
        s.value, s.slope * signs, s.own_slope, s.bend * signs * signs[:, None], s.cross * signs, s.own_bend
    )
    return Top(Point(shared, top.point.own), surface, top.modes)


def _slope_at_zero(top: Top) -> float:
    """At tau = 0 the slope is 0 by symmetry; which way the likelihood turns says the second derivative."""
    return float(top.surface.reduced()[1][TAU, TAU])


def _newton(surface: Surface, free: IntArray) -> tuple[Array, float]:
    """Newton step over the free shared parameters, turned uphill where the surface is not concave."""
    slope, bend = surface.reduced()
    step = np.zeros(len(slope))
    if not free.size:
        return step, 0.0
    part = -bend[np.ix_(free, free)]
    scale = np.sqrt(np.maximum(np.abs(np.diag(part)), 1e-300))
    values, vectors = np.linalg.eigh(part / scale / scale[:, None])
    values = np.maximum(np.abs(values), 1e-8)
    along = vectors.T @ (slope[free] / scale)
    step[free] = (vectors @ (along / values)) / scale
    return step, float(np.sum(along * along / values))
