"""The maximum of a likelihood between bounds, and the bounds of its profile."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq

from ketameta._typing import Array, BoolArray
from ketameta.robustness._selection_likelihood import Likelihood

__all__ = ["Maximum", "climb", "highest"]

_STEPS = 100
_HALVINGS = 45
_DONE = 1e-20
_GOOD = 1e-9
_ROUNDING = 1e-13
_LONGEST = 4.0
_RESUMED = 5
_HIGHER = 1e-6
_FLAT = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """A point that cannot be improved upon in ``free`` directions between ``low`` and ``high``.

    Attributes
    ----------
    likelihood : Likelihood
        What was maximised.
    x, low, high : Array, shape (n,)
        The point, and the bounds.
    free : BoolArray, shape (n,)
        Which coordinates were searched; the others are given.
    value : float
        Log-likelihood.
    hessian : Array, shape (n, n)
        Its second derivatives.
    converged : bool
        Whether the search ended at a maximum.
    starts : tuple of Array
        Points that it was searched from.
    """

    likelihood: Likelihood
    x: Array
    low: Array
    high: Array
    free: BoolArray
    value: float
    hessian: Array
    converged: bool
    starts: tuple[Array, ...] = ()

    @property
    def inside(self) -> BoolArray:
        """Free coordinates that are not at a bound."""
        return self.free & (self.x > self.low) & (self.x < self.high)

    def se(self) -> Array:
        """Standard errors by the observed information of the coordinates inside; NaN for others."""
        result, at = np.full(self.x.size, np.nan), np.flatnonzero(self.inside)
        information = -self.hessian[np.ix_(at, at)]
        scale = np.sqrt(np.maximum(np.diag(information), np.finfo(np.float64).tiny))
        try:
            root = np.linalg.cholesky(information / np.outer(scale, scale))
            inverse = np.linalg.solve(root, np.eye(at.size))
        except np.linalg.LinAlgError:
            return result
        result[at] = np.sqrt(np.square(inverse).sum(axis=0)) / scale
        return result

    def profile(self, j: int, value: float, starts: Iterable[Array] | None = None) -> Maximum:
        """The highest of the maxima with coordinate ``j`` held at ``value`` that are reached from ``starts``.

        By default these are the maximum, the same with a larger tau2, and the points that it was searched from.
        """
        free = self.free.copy()
        free[j] = False
        wider = self.x + (np.arange(self.x.size) == 1) * self.free
        begin = np.array([self.x, wider, *self.starts] if starts is None else list(starts))
        begin[:, j] = value
        return highest(self.likelihood, begin, self.low, self.high, free)

    def bound(self, j: int, side: int, drop: float) -> float:
        """Where the profile of coordinate ``j`` has fallen by ``drop``; the edge where it never does.

        ``side`` is 1 above the maximum, -1 below it. The profile is followed outwards, and where it ends it is
        looked for anew from every start; where that is higher, the search goes on from there.
        """
        edge = float((self.high if side > 0 else self.low)[j])
        se, goal = float(self.se()[j]), math.sqrt(2.0 * drop)
        first = goal * se if math.isfinite(se) and se > 0 else 0.5
        held = self

        def excess(value: float) -> float:
            nonlocal held
            held = self.profile(j, value, (held.x, self.x))
            return math.sqrt(max(2.0 * (self.value - held.value), 0.0)) - goal

        inner, below = float(self.x[j]), -goal
        for _ in range(_RESUMED):
            step, outer = first, inner
            while outer != edge:
                outer = min(inner + step, edge) if side > 0 else max(inner - step, edge)
                above = excess(outer)
                if above > (_HIGHER if outer == edge else 0.0):
                    break
                inner, below, step = outer, above, 1.6 * step
            if inner == edge:
                return edge
            known = {inner: below, outer: above}
            inner = _root(excess, known)
            again = self.profile(j, inner)
            if again.value <= held.value + _HIGHER:
                break
            held, below = again, math.sqrt(max(2.0 * (self.value - again.value), 0.0)) - goal
            if below >= 0:
                break
        return inner


def highest(
    likelihood: Likelihood, starts: Iterable[Array], low: Array, high: Array, free: BoolArray
) -> Maximum:
    """The highest of the maxima that are reached from several starts."""
    begun = tuple(starts)
    found = [climb(likelihood, start, low, high, free) for start in begun]
    return replace(max(found, key=lambda maximum: maximum.value), starts=begun)


def climb(likelihood: Likelihood, start: Array, low: Array, high: Array, free: BoolArray) -> Maximum:
    """Go uphill by Newton's steps, turned uphill where the surface is not concave and kept between the bounds."""
    x = np.clip(start, low, high)
    value, gradient, hessian = likelihood.at(x)
    converged = False
    for _ in range(_STEPS if math.isfinite(value) else 0):
        step = _step(x, gradient, hessian, low, high, free)
        gain = float(gradient @ step)
        if gain <= _DONE:
            converged = True
            break
        longest = max(_LONGEST, float(np.abs(x[2:]).max(initial=0.0)))
        step *= min(1.0, longest / max(float(np.abs(step[2:]).max(initial=0.0)), longest))
        accepted = False
        for _ in range(_HALVINGS):
            trial = np.clip(x + step, low, high)
            after = likelihood.at(trial)
            if after[0] >= value - (_ROUNDING * (1.0 + abs(value)) if gain < _GOOD else 0.0):
                accepted = bool((trial != x).any())
                break
            step = 0.5 * step
        if not accepted:
            converged = gain < _GOOD
            break
        x, (value, gradient, hessian) = trial, after
    else:
        converged = math.isfinite(value) and gain < _GOOD
    return Maximum(likelihood, x, low, high, free, value, hessian, converged)


def _step(x: Array, gradient: Array, hessian: Array, low: Array, high: Array, free: BoolArray) -> Array:
    """Newton's step in the coordinates that can move."""
    step = np.zeros_like(x)
    move = free & ~((x <= low) & (gradient <= 0)) & ~((x >= high) & (gradient >= 0))
    while move.any():
        at = np.flatnonzero(move)
        step[:] = 0.0
        step[at] = _newton(gradient[at], hessian[np.ix_(at, at)])
        blocked = move & (((x <= low) & (step < 0)) | ((x >= high) & (step > 0)))
        if not blocked.any():
            return step
        move &= ~blocked
    return np.zeros_like(x)


def _newton(gradient: Array, hessian: Array) -> Array:
    scale = np.sqrt(np.maximum(np.abs(np.diag(hessian)), _FLAT))
    values, vectors = np.linalg.eigh(-hessian / np.outer(scale, scale))
    size = np.maximum(np.abs(values), max(1e-10 * float(np.abs(values).max()), _FLAT))
    result: Array = vectors @ ((vectors.T @ (gradient / scale)) / size) / scale
    return result


def _root(function: Callable[[float], float], known: dict[float, float]) -> float:
    """Where a function is 0 between two points at which it is known."""
    low, high = known
    return float(brentq(lambda x: known.get(x) or function(x), low, high, xtol=1e-15, rtol=1e-10))
