"""The number of significant trials: their powers, its distribution, and the effect that explains it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special
from scipy.optimize import brentq

from ketameta._typing import Array, BoolArray

__all__ = ["LIMIT_ALPHA", "at_least", "excess_test", "limit_effect", "power_of", "significant_trials"]

LIMIT_ALPHA = 0.10
_FARTHEST = 1e3


def significant_trials(score: Array, z: float, side: str) -> BoolArray:
    """Whether each score, an effect over its standard error, lies beyond z, shape (k,)."""
    if side == "two-sided":
        score = np.abs(score)
    found: BoolArray = (-score if side == "below" else score) >= z
    return found


def power_of(mean: float, tau2: float, se: Array, z: float, side: str) -> Array:
    """Chance of each trial to be significant, shape (k,)."""
    spread = np.sqrt(np.square(se) + tau2)
    below, above = (special.ndtr((sign * mean - z * se) / spread) for sign in (-1.0, 1.0))
    power: Array = {"below": below, "above": above, "two-sided": below + above}[side]
    return power


def excess_test(observed: int, power: Array, test: str) -> tuple[float, float]:
    """Signed root of chi-square where that is the test, and the one-sided P value."""
    k, mean = power.size, float(power.mean())
    if test == "binomial":
        return math.nan, at_least(observed, np.full(k, mean))
    if test == "exact":
        return math.nan, at_least(observed, power)
    spread = math.sqrt(k * mean * (1.0 - mean))
    excess = observed - k * mean
    if spread == 0:
        return math.nan, 1.0 if excess <= 0 else 0.0
    return excess / spread, float(special.ndtr(-excess / spread))


def at_least(count: int, chances: Array) -> float:
    """Chance of ``count`` or more successes in independent trials of different chances."""
    tally = np.zeros(chances.size + 1)
    tally[0] = 1.0
    for chance in chances:
        tally[1:] = tally[1:] * (1.0 - chance) + tally[:-1] * chance
        tally[0] *= 1.0 - chance
    return min(1.0, float(tally[count:].sum()))


def limit_effect(p_at: Callable[[float], float], unit: float) -> float:
    """The size of effect at which P reaches 0.10; NaN where it does so without an effect, or nowhere."""
    if p_at(0.0) >= LIMIT_ALPHA:
        return math.nan
    far = unit
    while p_at(far) < LIMIT_ALPHA:
        far *= 2.0
        if far > _FARTHEST * unit:
            return math.nan
    return float(brentq(lambda t: p_at(t) - LIMIT_ALPHA, 0.0, far, xtol=1e-12 * unit))
