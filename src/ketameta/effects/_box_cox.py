"""Box-Cox power that makes reported quantiles symmetric, and the moments of a power-normal value."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array

__all__ = ["power_normal_moments", "symmetric_power", "transform"]

_LARGEST_POWER = 3.0
_GRID = 60
_BISECTIONS = 60
_STEPS = np.arange(-256, 257) * 0.0125


def transform(log_ratio: Array, power: Array) -> Array:
    """Box-Cox transform of ``exp(log_ratio)``: ``(x^power - 1) / power``, or ``log x`` at power 0."""
    safe = np.where(power > 0, power, 1.0)
    return np.asarray(np.where(power > 0, np.expm1(safe * log_ratio) / safe, log_ratio), dtype=np.float64)


def symmetric_power(pairs: list[tuple[Array, Array]]) -> Array:
    """Power in [0, 3] under which each pair lies most symmetrically around the median.

    Parameters
    ----------
    pairs : list of (Array, Array)
        Logarithms of ``lower / median`` (negative) and ``upper / median`` (positive).

    Returns
    -------
    Array
        Minimum of the sum over pairs of ``(upper distance / lower distance - 1)^2`` on the
        transformed scale: the best of 61 equally spaced powers, refined by bisection of the
        derivative between its neighbours.
    """
    shape = pairs[0][0].shape
    grid = np.linspace(0.0, _LARGEST_POWER, _GRID + 1)
    with np.errstate(all="ignore"):
        best = np.argmin(np.stack([_asymmetry(pairs, np.full(shape, power)) for power in grid]), axis=0)
        low, high = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, _GRID)]
        high = np.where((best == 0) & (_slope(pairs, low) >= 0), low, high)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            falling = _slope(pairs, middle) < 0
            low, high = np.where(falling, middle, low), np.where(falling, high, middle)
    return np.asarray((low + high) / 2, dtype=np.float64)


def _ratio(lower: Array, upper: Array, power: Array) -> Array:
    return np.asarray(transform(upper, power) / -transform(lower, power), dtype=np.float64)


def _asymmetry(pairs: list[tuple[Array, Array]], power: Array) -> Array:
    total = np.zeros(power.shape)
    for lower, upper in pairs:
        total += (_ratio(lower, upper, power) - 1) ** 2
    return total


def _slope(pairs: list[tuple[Array, Array]], power: Array) -> Array:
    """Half the derivative of the asymmetry; d log ratio = a f(a p) + b (1 - f(b p))."""
    total = np.zeros(power.shape)
    for lower, upper in pairs:
        ratio = _ratio(lower, upper, power)
        growth = upper * _increment(upper * power) - lower * (1 - _increment(-lower * power))
        total += (ratio - 1) * ratio * growth
    return total


def _increment(x: Array) -> Array:
    """``1 / (1 - exp(-x)) - 1 / x``, which is 1/2 at 0."""
    safe = np.where(x > 0.05, x, 1.0)
    series = 0.5 + x / 12 * (1 - x**2 / 60 * (1 - x**2 / 42))
    return np.asarray(np.where(x > 0.05, -1 / np.expm1(-safe) - 1 / safe, series), dtype=np.float64)


def power_normal_moments(location: Array, scale: Array, power: Array) -> tuple[Array, Array]:
    """Mean and SD of the inverse Box-Cox transform of a normal variable.

    Parameters
    ----------
    location, scale : Array
        Mean and SD of the normal variable, one shape.
    power : Array
        Power of the transform, at least 0.

    Returns
    -------
    tuple of Array
        The normal variable is cut at ``-1/power``, where the value is 0, and at the mirror image
        of that point, as McGrath et al. 2020 do; at power 0 it is log-normal.

    Notes
    -----
    In ``z = (x - location) / scale`` the value is ``exp(log1p(k z) / power)`` times its value at
    z = 0, with ``k = scale power / (1 + location power)``. The integrals run over ``|z| < 1/k``, at
    most 9 SDs beyond the peak of the second moment, by the double exponential rule, which the
    root-like zero at the cut does not disturb.
    """
    place, spread, exponent = location[..., np.newaxis], scale[..., np.newaxis], power[..., np.newaxis]
    curved = exponent > 0
    safe = np.where(curved, exponent, 1.0)
    with np.errstate(all="ignore"):
        relative = spread / (1 + exponent * place)
        k = relative * exponent
        reach = np.minimum(9 + 2 * relative, np.where(curved, 1 / k, np.inf))
        u = np.pi / 2 * np.sinh(_STEPS)
        above = 2 / (1 + np.exp(-2 * u))
        z = reach * np.tanh(u)
        weight = np.cosh(_STEPS) / np.cosh(u) ** 2 * np.exp(-(z**2) / 2)
        weight /= weight.sum(axis=-1, keepdims=True)
        near_cut = np.log((1 - k * reach).clip(0) + k * reach * above)
        lifted = np.where(k * z < -0.5, near_cut, np.log1p(k * z))
        value = np.exp(np.where(curved, lifted / safe, relative * z))
        mean = (weight * value).sum(axis=-1)
        sd = np.sqrt((weight * (value - mean[..., np.newaxis]) ** 2).sum(axis=-1))
        middle = np.exp(np.where(curved, np.log1p(exponent * place) / safe, place))[..., 0]
    return np.asarray(middle * mean, dtype=np.float64), np.asarray(middle * sd, dtype=np.float64)
