"""Contrasts against the two arms of the same row, and arms against each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.evidence.contrasts import contrast_interval, critical, half_of_contrast, unpaired
from ketameta.evidence.rounding import half_unit
from ketameta.evidence.sheet import WARNING, Finding, Sheet

__all__ = ["difference_findings"]

CLEAR = 0.5
"""An adjusted contrast and the plain difference, both further from 0 than so many SEs, have one sign."""
_EXACT = ("MD",)
_SIGNED = ("MD", "LSMD", "SMD", "SMD_d")
_MEANS = ("baseline", "endpoint", "change", "contrast")


def difference_findings(data: Sheet) -> Iterator[Finding]:
    """Contrasts that do not follow from the arms, and arms with the same numbers."""
    yield from _means(data)
    yield from _events(data)
    yield from _twins(data)


def _found(rows: BoolArray, column: str, rule: str, hint: str) -> Iterator[Finding]:
    if rows.any():
        yield Finding(np.flatnonzero(rows), column, rule, WARNING, hint)


def _means(data: Sheet) -> Iterator[Finding]:
    value, mean_t, mean_c = data.number("contrast_value"), data.number("mean_t"), data.number("mean_c")
    scores = data.is_one_of("score_type", _MEANS)
    difference = mean_t - mean_c
    rounding = 2 * half_unit(mean_t, mean_c) + half_of_contrast(data)
    plain = scores & data.is_one_of("contrast_measure", _EXACT) & ~data.true("adjusted")
    signed = scores & data.is_one_of("contrast_measure", _SIGNED)
    opposite = signed & (value * difference < 0)
    se = _standard_error(data)
    clear = (np.abs(value) > CLEAR * se) & (np.abs(difference) > CLEAR * se)
    clear |= (
        plain
        & (np.abs(value) > half_of_contrast(data))
        & (np.abs(difference) > 2 * half_unit(mean_t, mean_c))
    )
    turned = opposite & clear
    hint = "the contrast and mean_t - mean_c have opposite signs: a contrast is ketamine minus comparator"
    yield from _found(turned, "contrast_value", "contrast-sign", hint)
    unequal = plain & ~turned & (np.abs(value - difference) > rounding * (1 + 1e-9) + 1e-9)
    hint = (
        "the contrast is not mean_t - mean_c; if it comes from a model with covariates, set adjusted to true"
    )
    yield from _found(unequal, "contrast_value", "contrast-means", hint)


def _standard_error(data: Sheet) -> Array:
    """SE of a difference of means in points: printed, from the interval, or from the arms; NaN otherwise."""
    points = data.is_one_of("contrast_measure", ("MD", "LSMD"))
    interval = contrast_interval(data)
    by_interval = interval.half_width / critical(interval.level, np.full(len(data), np.inf)).low
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = sum(data.number(f"sd_{s}") ** 2 / data.number(f"n_{s}") for s in "tc")
        by_arms = np.sqrt(np.asarray(variance, dtype=np.float64))
    se = np.where(points, data.number("contrast_se"), np.nan)
    for other in (np.where(points, by_interval, np.nan), by_arms):
        se = np.where(np.isnan(se), other, se)
    return se


def _events(data: Sheet) -> Iterator[Finding]:
    """Risk differences and ratios of counts in the same row."""
    events_t, events_c = data.number("events_t"), data.number("events_c")
    total_t, total_c = data.number("total_t"), data.number("total_c")
    value = data.number("contrast_value")
    with np.errstate(divide="ignore", invalid="ignore"):
        risk_t, risk_c = events_t / total_t, events_c / total_c
        odds = (events_t * (total_c - events_c)) / (events_c * (total_t - events_t))
        points = 100 * (risk_t - risk_c)
        ratios = {"OR": odds, "RR": risk_t / risk_c}
        measured = data.is_one_of("contrast_measure", ["RD"]) & unpaired(data)
        off = np.abs(value - points) > half_unit(value) + 1e-9
        hint = "the risk difference, in percentage points, does not follow from events and totals"
        yield from _found(measured & off & ~data.true("adjusted"), "contrast_value", "contrast-events", hint)
        for measure, ratio in ratios.items():
            opposite = data.is_one_of("contrast_measure", [measure]) & ((value - 1) * (ratio - 1) < 0)
            far = (np.abs(np.log(value)) > 0.1) & (np.abs(np.log(ratio)) > 0.1)
            hint = f"the {measure} and the counts point in opposite directions: which arm stood first?"
            yield from _found(opposite & far, "contrast_value", "contrast-sign", hint)


def _twins(data: Sheet) -> Iterator[Finding]:
    """Mean and SD (or SE) of one arm standing in the other as well."""
    same = data.number("mean_t") == data.number("mean_c")
    for part in ("sd", "se"):
        spread = data.number(f"{part}_t")
        twins = same & (spread == data.number(f"{part}_c")) & (spread > 0)
        hint = "both arms have the same mean and spread: was one arm copied to the other?"
        yield from _found(twins, "mean_c", "same-arms", hint)
