"""Contrasts of a sheet: their standard error, degrees of freedom, and the t that the two arms give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.evidence.rounding import half_unit
from ketameta.evidence.sheet import Sheet

__all__ = [
    "DIFFERENCES",
    "RATIOS",
    "Bounds",
    "Interval",
    "agree",
    "arm_statistic",
    "contrast_interval",
    "contrast_statistic",
    "critical",
    "half_of_contrast",
    "least_df",
    "unpaired",
]

DIFFERENCES = ("MD", "LSMD", "SMD", "SMD_d", "RD", "beta")
"""Measures whose interval is symmetric as printed (a Hodges-Lehmann interval of medians need not be)."""
RATIOS = ("OR", "RR", "HR")
"""Measures whose interval is symmetric on the log scale."""
_UNKNOWN_DF = 10.0
_DF_SHARE = 0.5
_LEVELS = (50.0, 99.99)
_LEAST = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """Lowest and highest value, each of shape (n,), that rounding and unknown degrees of freedom leave."""

    low: Array
    high: Array


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """Interval of a contrast on the scale of its test: as printed for differences, logs for ratios.

    Attributes
    ----------
    value, low, high : ndarray, shape (n,)
        Estimate and bounds; NaN where incomplete, upside down, or the estimate is outside.
    slack : ndarray, shape (n,)
        How far rounding can move the estimate from the middle.
    slack_width : ndarray, shape (n,)
        How far rounding can change the half-width.
    level : ndarray, shape (n,)
        Confidence level in percent; NaN where missing or outside 50 to 99.99.
    """

    value: Array
    low: Array
    high: Array
    slack: Array
    slack_width: Array
    level: Array

    @property
    def half_width(self) -> Array:
        """Half of the distance between the bounds."""
        return (self.high - self.low) / 2


def half_of_contrast(data: Sheet) -> Array:
    """Half of the last decimal of the contrast: printed as the means, or with one decimal less than bounds."""
    half = half_unit(data.number("contrast_value"), data.number("mean_t"), data.number("mean_c"))
    bounds = half_unit(data.number("contrast_ci_low"), data.number("contrast_ci_high"))
    return np.minimum(half, 10 * bounds)


def contrast_interval(data: Sheet) -> Interval:
    """Intervals of the contrasts, on the scale on which they should be symmetric."""
    value, low, high = (data.number(f"contrast_{part}") for part in ("value", "ci_low", "ci_high"))
    half_value, half_bound = half_of_contrast(data), half_unit(low, high)
    ratio = data.is_one_of("contrast_measure", RATIOS)
    usable = (data.is_one_of("contrast_measure", DIFFERENCES) | (ratio & (low > 0))) & (low < high)
    usable &= (low <= value) & (value <= high)
    with np.errstate(divide="ignore", invalid="ignore"):
        least = np.maximum(low - half_bound, _LEAST)
        move_value = np.where(ratio, np.log1p(half_value / value), half_value)
        move_low = np.where(ratio, np.log(low / least), half_bound)
        move_high = np.where(ratio, np.log1p(half_bound / high), half_bound)
        parts = [np.where(ratio, np.log(part), part) for part in (value, low, high)]
    for part in parts:
        part[~usable] = np.nan
    width = (move_low + move_high) / 2
    level = data.number("contrast_ci_level")
    level = np.where((level >= _LEVELS[0]) & (level <= _LEVELS[1]), level, np.nan)
    return Interval(parts[0], parts[1], parts[2], move_value + width, width, level)


def unpaired(data: Sheet) -> BoolArray:
    """Rows that compare two groups of different people."""
    crossover = data.is_one_of("design", ["crossover"])
    period = data.is_one_of("crossover_period", ["both paired", "both as parallel"])
    return ~period & ~(crossover & ~data.is_one_of("crossover_period", ["first"]))


def least_df(data: Sheet, printed: Array) -> Array:
    """Fewest degrees of freedom that a test in the row may have had.

    The printed ones; else half of those of the two arms, since a model spends some and mixed models have
    fewer than n - 2; 10 where n is not known either.
    """
    n_t, n_c = data.number("n_t"), data.number("n_c")
    own = np.where(unpaired(data), n_t + n_c - 2, np.fmin(n_t, n_c) - 1)
    own = np.where(np.isnan(own), 2 * _UNKNOWN_DF, own)
    return np.where(np.isnan(printed), np.maximum(own * _DF_SHARE, 1.0), printed)


def critical(level: Array, df: Array) -> Bounds:
    """Quantiles by which an SE is multiplied to give a half-width: normal, and t with so many df."""
    from scipy.special import ndtri, stdtrit

    tail = 0.5 + level / 200
    finite = np.isfinite(df)
    t = np.where(finite, stdtrit(np.where(finite, df, 1.0), tail), ndtri(tail))
    return Bounds(ndtri(tail), t)


def contrast_statistic(data: Sheet, df: Array) -> Bounds:
    """Estimate over its standard error, taken from ``contrast_se`` or else from the interval; absolute."""
    value, se = data.number("contrast_value"), data.number("contrast_se")
    difference = data.is_one_of("contrast_measure", DIFFERENCES)
    half_value, half_se = half_of_contrast(data), half_unit(se)
    interval = contrast_interval(data)
    quantile = critical(interval.level, df)
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.maximum(np.abs(value) - half_value, 0) / (se + half_se)
        high = (np.abs(value) + half_value) / np.maximum(se - half_se, 0)
        distance = np.abs(interval.value)
        from_low = np.maximum(distance - interval.slack, 0) * quantile.low
        from_low = from_low / (interval.half_width + interval.slack_width)
        from_high = (distance + interval.slack) * quantile.high
        from_high = from_high / np.maximum(interval.half_width - interval.slack_width, 0)
    direct = difference & (se > 0)
    return Bounds(np.where(direct, low, from_low), np.where(direct, high, from_high))


def arm_statistic(data: Sheet) -> tuple[Bounds, Array]:
    """|t| of two independent arms from means, SDs and n, pooled and after Welch; Welch's df beside it.

    Welch (1947), Biometrika 34:28-35, with Satterthwaite's degrees of freedom.
    """
    n_t, n_c = data.number("n_t"), data.number("n_c")
    mean_t, mean_c = data.number("mean_t"), data.number("mean_c")
    sd_t, sd_c = data.number("sd_t"), data.number("sd_c")
    usable = unpaired(data) & (n_t > 1) & (n_c > 1) & (sd_t > 0) & (sd_c > 0)
    move = half_unit(mean_t, mean_c)
    half = half_unit(sd_t, sd_c)
    difference = np.abs(mean_t - mean_c)
    with np.errstate(divide="ignore", invalid="ignore"):
        most = _standard_errors(n_t, n_c, sd_t + half, sd_c + half)
        fewest = _standard_errors(n_t, n_c, np.maximum(sd_t - half, 0), np.maximum(sd_c - half, 0))
        low = np.maximum(difference - 2 * move, 0) / np.maximum(*most)
        high = (difference + 2 * move) / np.minimum(*fewest)
        part_t, part_c = sd_t**2 / n_t, sd_c**2 / n_c
        df = (part_t + part_c) ** 2 / (part_t**2 / (n_t - 1) + part_c**2 / (n_c - 1))
    return Bounds(np.where(usable, low, np.nan), np.where(usable, high, np.nan)), df


def _standard_errors(n_t: Array, n_c: Array, sd_t: Array, sd_c: Array) -> tuple[Array, Array]:
    pooled = ((n_t - 1) * sd_t**2 + (n_c - 1) * sd_c**2) / (n_t + n_c - 2)
    return np.sqrt(pooled * (1 / n_t + 1 / n_c)), np.sqrt(sd_t**2 / n_t + sd_c**2 / n_c)


def agree(one: Bounds, other: Bounds, share: float | Array, distance: float | Array) -> BoolArray:
    """Whether two ranges of |t| meet, or come within a share or a distance of each other; True where NaN."""
    apart = (one.low > other.high * (1 + share) + distance) | (other.low > one.high * (1 + share) + distance)
    return np.asarray(~apart, dtype=bool)
