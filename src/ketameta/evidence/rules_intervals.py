"""Intervals against their own estimate, standard error and P value."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.evidence.contrasts import (
    RATIOS,
    Bounds,
    Interval,
    contrast_interval,
    critical,
    half_of_contrast,
    least_df,
)
from ketameta.evidence.printed import printed_p, printed_statistics
from ketameta.evidence.rounding import half_unit
from ketameta.evidence.sheet import WARNING, Finding, Sheet

__all__ = ["LOPSIDED", "interval_findings", "p_against_interval"]

LOPSIDED = 0.1
"""An estimate further from the middle of its interval than this share of the half-width is flagged."""
LOPSIDED_WIDE = 0.2
"""The same for ratios, SMDs and risk differences, whose exact intervals are not quite symmetric."""
SE_SHARE = 0.05
"""Half-width over SE may miss the quantiles of the normal and of t by this share."""
ARM_SHARE = 0.25
"""The same for the mean of an arm, whose interval may come from a model with a pooled SD."""
_WIDE = (*RATIOS, "SMD", "SMD_d", "RD")
_ARMS = (("t", "ketamine"), ("c", "comparator"))


def interval_findings(data: Sheet) -> Iterator[Finding]:
    """Lopsided intervals, and intervals that do not fit their standard error."""
    interval = contrast_interval(data)
    yield from _lopsided_contrasts(data, interval)
    yield from _contrast_errors(data, interval)
    for s, name in _ARMS:
        yield from _arms(data, s, name)


def p_against_interval(data: Sheet) -> BoolArray:
    """Rows whose interval holds the null while P says otherwise, or the other way round."""
    interval = contrast_interval(data)
    p = printed_p(data.text("contrast_p"))
    alpha = 1 - interval.level / 100
    excludes = (interval.low > interval.slack_width) | (interval.high < -interval.slack_width)
    includes = (interval.low < -interval.slack_width) & (interval.high > interval.slack_width)
    return np.asarray((excludes & (p.low > alpha - 1e-9)) | (includes & (p.high < alpha + 1e-9)), dtype=bool)


def _lopsided_contrasts(data: Sheet, interval: Interval) -> Iterator[Finding]:
    share = np.where(data.is_one_of("contrast_measure", _WIDE), LOPSIDED_WIDE, LOPSIDED)
    lopsided = _off_centre(interval, share)
    value, low, high = (data.number(f"contrast_{part}") for part in ("value", "ci_low", "ci_high"))
    ratio = data.is_one_of("contrast_measure", RATIOS)
    slack = half_of_contrast(data) + half_unit(low, high)
    raw = np.abs(value - (low + high) / 2) <= slack + LOPSIDED * (high - low) / 4
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.stack([value, low, high]))
        in_logs = np.abs(logs[0] - (logs[1] + logs[2]) / 2) <= LOPSIDED * (logs[2] - logs[1]) / 4
    in_logs &= low > 0
    groups = (
        (
            ratio & raw,
            "is lopsided on the log scale but symmetric as printed: is it a ratio, and are the bounds?",
        ),
        (ratio & ~raw, "is lopsided on the log scale: look at the digits of estimate and bounds"),
        (~ratio & in_logs, "is lopsided, but symmetric on the log scale: is it a ratio?"),
        (~ratio & ~in_logs, "is lopsided: look at the digits of estimate and bounds"),
    )
    for rows, what in groups:
        found = lopsided & rows
        if found.any():
            hint = f"the interval of the contrast {what}"
            yield Finding(np.flatnonzero(found), "contrast_value", "lopsided", WARNING, hint)


def _off_centre(interval: Interval, share: Array) -> BoolArray:
    off = np.abs(interval.value - (interval.low + interval.high) / 2)
    return np.asarray(off - interval.slack > share * interval.half_width, dtype=bool)


def _contrast_errors(data: Sheet, interval: Interval) -> Iterator[Finding]:
    se = data.number("contrast_se")
    half = half_unit(se)
    with np.errstate(divide="ignore", invalid="ignore"):
        low = (interval.half_width - interval.slack_width) / (se + half)
        high = (interval.half_width + interval.slack_width) / np.maximum(se - half, 0)
    df = least_df(data, printed_statistics(data.text("contrast_stat")).df)
    wanted = critical(interval.level, df)
    known = (se > 0) & ~data.is_one_of("contrast_measure", RATIOS)
    for row in np.flatnonzero(known & _outside(low, high, wanted, SE_SHARE)):
        hint = (
            f"the half-width of the interval is {interval.half_width[row] / se[row]:.2f} SEs, where "
            f"{wanted.low[row]:.2f} to {wanted.high[row]:.2f} belong to {interval.level[row]:g}%: another level, "
            "an interval adjusted for multiplicity, or a slip in SE or bounds"
        )
        yield Finding(np.array([row]), "contrast_se", "se-interval", WARNING, hint)


def _outside(low: Array, high: Array, wanted: Bounds, share: float) -> BoolArray:
    beyond = (low > wanted.high * (1 + share)) | (high < wanted.low * (1 - share))
    return np.asarray(beyond, dtype=bool)


def _arms(data: Sheet, s: str, name: str) -> Iterator[Finding]:
    mean, low, high = data.number(f"mean_{s}"), data.number(f"ci_low_{s}"), data.number(f"ci_high_{s}")
    n, sd, se = data.number(f"n_{s}"), data.number(f"sd_{s}"), data.number(f"se_{s}")
    usable = (low < high) & (low <= mean) & (mean <= high)
    half_bound = half_unit(low, high)
    width = (high - low) / 2
    off = np.abs(mean - (low + high) / 2) - half_unit(mean) - half_bound
    lopsided = usable & (off > LOPSIDED * width)
    if lopsided.any():
        hint = f"the mean of the {name} arm is off the middle of its interval: look at the digits"
        yield Finding(np.flatnonzero(lopsided), f"mean_{s}", "lopsided", WARNING, hint)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(sd > 0, sd / np.sqrt(n), se)
        least = (width - half_bound) / error
        most = (width + half_bound) / error
    wanted = critical(np.full(len(data), 95.0), np.where(n > 1, n - 1, np.nan))
    odd = usable & (error > 0) & ~lopsided & _outside(least, most, wanted, ARM_SHARE)
    for row in np.flatnonzero(odd):
        hint = (
            f"the half-width of the interval of the {name} arm is {width[row] / error[row]:.2f} standard errors, "
            f"where {wanted.low[row]:.2f} to {wanted.high[row]:.2f} belong to 95%: look at SD, n and bounds"
        )
        yield Finding(np.array([row]), f"ci_low_{s}", "sd-interval", WARNING, hint)
