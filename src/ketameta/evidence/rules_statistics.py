"""Test statistics and P values, recomputed from the estimate, and from means, SDs and n."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.evidence.contrasts import Bounds, agree, arm_statistic, contrast_statistic, least_df
from ketameta.evidence.printed import PrintedP, printed_p, printed_statistics
from ketameta.evidence.rules_intervals import p_against_interval
from ketameta.evidence.sheet import WARNING, Finding, Sheet

__all__ = ["statistic_findings"]

SHARE = 0.05
"""Two values of t further apart than this share, beyond rounding, contradict each other."""
DISTANCE = 0.05
"""Values of t as close as this never do."""
UNSAID_SHARE = 0.25
"""The share where a test of the arms is not said to be free of covariates."""
UNSAID_DISTANCE = 0.25
"""The distance there."""
_OF_MEANS = ("", "MD", "SMD")


def statistic_findings(data: Sheet) -> Iterator[Finding]:
    """Statistics and P values that contradict the other numbers of their row; each cell is flagged once.

    The sign of a printed t is not looked at: it depends on which arm stood first, and contrasts are entered
    with their sign turned.
    """
    statistics = printed_statistics(data.text("contrast_stat"))
    p = printed_p(data.text("contrast_p"))
    df = least_df(data, statistics.df)
    printed = Bounds(statistics.low, statistics.high)
    by_contrast = contrast_statistic(data, df)
    against_contrast = ~agree(printed, by_contrast, SHARE, DISTANCE)
    yield from _each(
        against_contrast, "contrast_stat", "statistic", by_contrast, "contrast and its SE or interval"
    )
    share, distance, arms, arms_df, adjusted = _of_arms(data)
    against_arms = ~agree(printed, arms, share, distance) & ~against_contrast & ~adjusted
    yield from _each(against_arms, "contrast_stat", "statistic", arms, "means, SDs and n", adjustable=True)
    against_interval = p_against_interval(data)
    if against_interval.any():
        hint = "the interval and P disagree on whether the null is excluded at the interval's level"
        yield Finding(np.flatnonzero(against_interval), "contrast_p", "p-interval", WARNING, hint)
    yield from _p_values(data, p, df, printed, by_contrast, against_interval)
    clean = ~against_interval & ~adjusted
    claimed = _t_of(p, np.where(np.isfinite(arms_df), arms_df, df))
    off = clean & ~agree(claimed, arms, share, distance)
    for other in (by_contrast, printed):
        off &= agree(_t_of(p, df), other, SHARE, DISTANCE)
    yield from _each_p(off, arms, arms_df, "means, SDs and n", adjustable=True)


def _of_arms(data: Sheet) -> tuple[Array, Array, Bounds, Array, BoolArray]:
    """Tolerances by row, |t| of the arms and its df, and rows whose test has covariates or another subject."""
    bounds, df = arm_statistic(data)
    plain = data.false("adjusted")
    share = np.where(plain, SHARE, UNSAID_SHARE)
    distance = np.where(plain, DISTANCE, UNSAID_DISTANCE)
    other = data.true("adjusted") | ~data.is_one_of("contrast_measure", _OF_MEANS)
    return share, distance, bounds, df, other


def _p_values(
    data: Sheet, p: PrintedP, df: Array, printed: Bounds, by_contrast: Bounds, done: BoolArray
) -> Iterator[Finding]:
    claimed = _t_of(p, df)
    off = ~done & ~agree(claimed, by_contrast, SHARE, DISTANCE)
    one_sided = off & agree(
        _t_of(PrintedP(np.minimum(2 * p.low, 1.0), np.minimum(2 * p.high, 1.0), p.bound), df),
        by_contrast,
        SHARE,
        DISTANCE,
    )
    if one_sided.any():
        hint = "P is half of what the contrast and its SE or interval give: a one-sided test?"
        yield Finding(np.flatnonzero(one_sided), "contrast_p", "p-value", WARNING, hint)
    yield from _each_p(off & ~one_sided, by_contrast, df, "contrast and its SE or interval")
    against_statistic = ~done & ~off & ~agree(claimed, printed, SHARE, DISTANCE)
    yield from _each_p(against_statistic, printed, df, "printed test statistic")


def _t_of(p: PrintedP, df: Array) -> Bounds:
    """|t| that a two-sided P stands for, from the normal quantile to that of so many df."""
    from scipy.special import ndtri, stdtrit

    finite = np.isfinite(df)
    upper = 1 - np.minimum(p.low, 1.0) / 2
    with np.errstate(invalid="ignore"):
        high = np.where(finite, stdtrit(np.where(finite, df, 1.0), upper), ndtri(upper))
        high = np.where(p.low == 0, np.inf, high)
        low = np.maximum(ndtri(1 - p.high / 2), 0)
    return Bounds(low, high)


def _p_of(bounds: Bounds, df: Array, row: int) -> str:
    from scipy.special import ndtr, stdtr

    t = (bounds.low[row] + bounds.high[row]) / 2 if np.isfinite(bounds.high[row]) else bounds.low[row]
    one_tail = stdtr(df[row], -t) if np.isfinite(df[row]) else ndtr(-t)
    return f"{2 * one_tail:.2g}"


def _each(
    rows: BoolArray, column: str, rule: str, bounds: Bounds, source: str, *, adjustable: bool = False
) -> Iterator[Finding]:
    for row in np.flatnonzero(rows):
        hint = f"{source} give |t| between {bounds.low[row]:.2f} and {bounds.high[row]:.2f}{_if_model(adjustable)}"
        yield Finding(np.array([row]), column, rule, WARNING, hint)


def _each_p(
    rows: BoolArray, bounds: Bounds, df: Array, source: str, *, adjustable: bool = False
) -> Iterator[Finding]:
    for row in np.flatnonzero(rows):
        hint = f"{source} give P = {_p_of(bounds, df, int(row))} or so{_if_model(adjustable)}"
        yield Finding(np.array([row]), "contrast_p", "p-value", WARNING, hint)


def _if_model(adjustable: bool) -> str:
    return "; if the test comes from a model with covariates, set adjusted to true" if adjustable else ""
