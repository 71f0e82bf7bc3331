"""From reported contrasts (ketamine minus comparator, or over it) to yi and vi."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from ketameta._typing import BoolArray
from ketameta.effects._hedges import hedges_correction
from ketameta.effects._reading import arm_sds, has_spread, paired_rows, within_interval
from ketameta.effects._sheet import Sheet
from ketameta.effects._standard_error import (
    HIGH,
    LOW,
    VALUE,
    StandardErrors,
    levels,
    standard_errors,
    upper_quantile,
)

__all__ = [
    "read_difference_contrasts",
    "read_ratio_contrasts",
    "read_risk_contrasts",
    "read_standardised_contrasts",
]

_DIFFERENCES = ("MD", "LSMD")


def read_difference_contrasts(sheet: Sheet, rows: BoolArray) -> None:
    """Mean differences: ``yi`` is the contrast, ``vi`` its squared standard error."""
    _require_measure(sheet, rows, _DIFFERENCES, "a mean difference")
    sheet.require(rows, [VALUE])
    found = standard_errors(sheet, rows & sheet.alive)
    sheet.refuse(rows & np.isnan(found.se), lambda i: str(found.why[i]))
    good = rows & sheet.alive
    sheet.keep("yi", good, sheet.number(VALUE))
    sheet.keep("vi", good, found.se**2)
    sheet.flag(good & (found.how != ""), lambda i: str(found.how[i]))
    _finish(sheet, good)


def read_standardised_contrasts(sheet: Sheet, rows: BoolArray, adjusted: str) -> None:
    """Mean differences over the pooled SD of the arms, with Hedges' correction.

    ``vi`` is ``J^2 (se / sd)^2 + g^2 / (2 N)`` where the contrast has a standard error, and
    ``1/n_t + 1/n_c + g^2 / (2 N)`` otherwise; N counts the people (once, if measured twice).
    A printed standardised difference is taken as it is.
    """
    _require_measure(sheet, rows, (*_DIFFERENCES, "SMD"), "a mean difference")
    sheet.require(rows, [VALUE])
    printed = rows & (sheet.text("contrast_measure") == "SMD")
    _read_printed(sheet, printed & sheet.alive)
    rows = rows & ~printed
    found = standard_errors(sheet, rows & sheet.alive)
    with_sd = rows & has_spread(sheet)
    _refuse_without_sd(sheet, rows & ~with_sd, adjusted, found)
    sheet.require(rows, ["n_t", "n_c"], "n")
    arm_sds(sheet, with_sd & sheet.alive)
    paired = paired_rows(sheet)
    n_t, n_c = sheet.number("n_t"), sheet.number("n_c")
    df = np.where(paired, n_t - 1, n_t + n_c - 2)
    sheet.refuse(rows & ~(df >= 2), "fewer than 3 people measured twice: no small-sample correction")
    good = rows & sheet.alive
    root = np.sqrt(1 / n_t + 1 / n_c)
    sd = found.se / root
    if with_sd.any():
        squares = (n_t - 1) * sheet.usable("sd_t") ** 2 + (n_c - 1) * sheet.usable("sd_c") ** 2
        sd = np.where(with_sd, np.sqrt(squares / (n_t + n_c - 2)), sd)
    j = hedges_correction(np.where(good, df, 2.0))
    g = j * sheet.number(VALUE) / sd
    from_se = with_sd & ~np.isnan(found.se)
    people = np.where(paired, n_t, n_t + n_c)
    sheet.keep("yi", good, g)
    sheet.keep("vi", good, np.where(from_se, j * found.se / sd, root) ** 2 + g**2 / (2 * people))
    _say_standardised(sheet, good, with_sd, from_se, found)
    _finish(sheet, good)


def _read_printed(sheet: Sheet, rows: BoolArray) -> None:
    sheet.refuse(
        rows & paired_rows(sheet),
        "standardised difference of a crossover: its standardiser is not stated, so it is not a Hedges' g",
    )
    with_error = rows & (sheet.given("contrast_se") | sheet.given(LOW) | sheet.given(HIGH))
    found = standard_errors(sheet, with_error & sheet.alive, normal=True)
    sheet.refuse(with_error & np.isnan(found.se), lambda i: str(found.why[i]))
    sheet.require(rows & ~with_error, ["n_t", "n_c"], "n")
    good = rows & sheet.alive
    n_t, n_c, d = (sheet.number(name) for name in ("n_t", "n_c", VALUE))
    from_sizes = 1 / n_t + 1 / n_c + d**2 / (2 * (n_t + n_c))
    sheet.keep("yi", good, d)
    sheet.keep("vi", good, np.where(with_error, found.se**2, from_sizes))
    sheet.flag(good & (found.how != ""), lambda i: str(found.how[i]))
    sheet.flag(good & ~with_error, "vi = 1/n_t + 1/n_c + yi^2 / (2 (n_t + n_c))")
    sheet.note(good, "standardised difference as printed: its small-sample correction is not known")
    _finish(sheet, good)


def read_ratio_contrasts(sheet: Sheet, rows: BoolArray, measure: str) -> None:
    """Odds, risk and hazard ratios with their confidence interval, on the log scale."""
    _require_measure(sheet, rows, (measure,), f"the {measure}")
    sheet.require(rows, [VALUE], "ratio")
    sheet.require(rows, [LOW, HIGH], "ratio")
    within_interval(sheet, rows, VALUE, LOW, HIGH)
    level = levels(sheet)
    unstated = rows & np.isnan(level)
    sheet.require_text(unstated, "contrast_ci_level")
    sheet.refuse(unstated, lambda i: f"{sheet.show('contrast_ci_level', i)}: not a two-sided level")
    good = rows & sheet.alive
    value, low, high = (np.log(np.where(good, sheet.number(name), 1.0)) for name in (VALUE, LOW, HIGH))
    sheet.keep("yi", good, value)
    sheet.keep("vi", good, ((high - low) / (2 * ndtri((1 + level) / 2))) ** 2)
    sheet.flag(
        good,
        lambda i: f"yi = log({VALUE}); se = (log {HIGH} - log {LOW}) / (2 * z({upper_quantile(level[i])}))",
    )
    _finish(sheet, good)


def read_risk_contrasts(sheet: Sheet, rows: BoolArray) -> None:
    """Risk differences in percentage points, as proportions."""
    _require_measure(sheet, rows, ("RD",), "a risk difference")
    sheet.require(rows, [VALUE])
    found = standard_errors(sheet, rows & sheet.alive, normal=True)
    sheet.refuse(rows & np.isnan(found.se), lambda i: str(found.why[i]))
    good = rows & sheet.alive
    sheet.keep("yi", good, sheet.number(VALUE) / 100)
    sheet.keep("vi", good, (found.se / 100) ** 2)
    sheet.flag(good, "percentage points / 100")
    sheet.flag(good & (found.how != ""), lambda i: str(found.how[i]))
    _finish(sheet, good)


def _require_measure(sheet: Sheet, rows: BoolArray, allowed: tuple[str, ...], what: str) -> None:
    sheet.require_text(rows, "contrast_measure")
    measure = sheet.text("contrast_measure").astype(str)
    sheet.refuse(
        rows & (measure == "SMD_d"),
        "contrast_measure = SMD_d: its standardiser is not stated, so it is not a Hedges' g",
    )
    sheet.refuse(
        rows & ~np.isin(measure, allowed), lambda i: f"contrast_measure = {measure[i]} is not {what}"
    )


def _is_adjusted(sheet: Sheet) -> BoolArray:
    unadjusted = np.isin(sheet.text("adjusted").astype(str), ("false", "False", "FALSE", "0", "no"))
    least_squares = np.asarray(sheet.text("contrast_measure") == "LSMD", dtype=np.bool_)
    return np.asarray(least_squares | ~unadjusted, dtype=np.bool_)


def _refuse_without_sd(sheet: Sheet, rows: BoolArray, adjusted: str, found: StandardErrors) -> None:
    sheet.refuse(
        rows & paired_rows(sheet),
        "within-person contrast without arm SDs: its SE holds the correlation, not the SD",
    )
    if adjusted == "exclude":
        is_adjusted = _is_adjusted(sheet)
        stated = sheet.given("adjusted") | (sheet.text("contrast_measure") == "LSMD")
        sheet.refuse(rows & is_adjusted & stated, "adjusted contrast without arm SDs")
        sheet.refuse(rows & is_adjusted, "contrast without arm SDs, not stated to be unadjusted")
    sheet.refuse(rows & np.isnan(found.se), lambda i: f"no arm SDs, and {found.why[i]}")


def _say_standardised(
    sheet: Sheet, good: BoolArray, with_sd: BoolArray, from_se: BoolArray, found: StandardErrors
) -> None:
    sheet.flag(good & (found.how != ""), lambda i: str(found.how[i]))
    sheet.flag(good & from_se, f"yi = J * {VALUE} / sd; vi = J^2 * (se / sd)^2 + yi^2 / (2 N)")
    sheet.flag(good & ~from_se & with_sd, f"yi = J * {VALUE} / sd; vi = 1/n_t + 1/n_c + yi^2 / (2 N)")
    sheet.flag(good & ~with_sd, "sd = se / sqrt(1/n_t + 1/n_c)")
    sheet.note(
        good & ~with_sd & _is_adjusted(sheet),
        "the SD comes from the SE of an adjusted difference: it is too small and the SMD too large",
    )


def _finish(sheet: Sheet, good: BoolArray) -> None:
    for name in ("n_t", "n_c"):
        size = sheet.number(name)
        sheet.keep(name, good & (size > 0) & np.isfinite(size), size)
    adjusted = np.isin(sheet.text("adjusted").astype(str), ("true", "True", "TRUE", "1", "yes"))
    sheet.note(good & (adjusted | (sheet.text("contrast_measure") == "LSMD")), "adjusted contrast")
