"""From reported contrasts (ketamine minus comparator, or over it) to yi and vi."""

from __future__ import annotations

import numpy as np

from ketameta._spelling import did_you_mean
from ketameta._typing import Array, BoolArray
from ketameta.effects._crossovers import mentions, paired_rows, refuse_unequal_pairs
from ketameta.effects._hedges import hedges_correction
from ketameta.effects._sheet import Sheet, blank
from ketameta.effects._significance import adjusted_rows, unadjusted
from ketameta.effects._spread import ArmSpread
from ketameta.effects._standard_error import (
    HIGH,
    LOW,
    VALUE,
    StandardErrors,
    log_standard_errors,
    standard_errors,
)
from ketameta.effects._standardisers import STANDARDISERS, Standardiser, pooled_baseline
from ketameta.effects.options import EffectOptions

__all__ = [
    "read_difference_contrasts",
    "read_ratio_contrasts",
    "read_risk_contrasts",
    "read_standardised_contrasts",
    "reference_sds",
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


def read_standardised_contrasts(
    sheet: Sheet,
    rows: BoolArray,
    adjusted: str,
    standardiser: Standardiser,
    spread: ArmSpread,
    options: EffectOptions,
) -> None:
    """Mean differences in units of an SD, with Hedges' correction where that SD was estimated.

    The SD comes from the arms (or their baseline); else from ``reference_sd``; else, in a crossover,
    from the SE of the difference and a stated correlation; else from the SE of an unadjusted difference.
    ``vi`` is ``J^2 (se / sd)^2 + g^2 / (2 N)`` where the contrast has a standard error, and
    ``1/n_t + 1/n_c + g^2 / (2 N)`` otherwise; N counts the people (once, if measured twice) behind the
    SD, and the last term is absent for a reference SD. A printed standardised difference is taken as it is.
    """
    _require_measure(sheet, rows, (*_DIFFERENCES, "SMD"), "a mean difference")
    sheet.require(rows, [VALUE])
    printed = rows & (sheet.text("contrast_measure") == "SMD")
    _read_printed(sheet, printed & sheet.alive)
    rows = rows & ~printed
    found = standard_errors(sheet, rows & sheet.alive)
    baseline = np.isfinite(sheet.usable("baseline_sd_t") + sheet.usable("baseline_sd_c"))
    with_sd = rows & (baseline if standardiser == "baseline" else spread.known())
    stated = reference_sds(sheet, options)
    from_reference = rows & ~with_sd & np.isfinite(stated)
    paired = paired_rows(sheet)
    from_r = rows & ~with_sd & ~from_reference & paired & sheet.given("correlation")
    bare = rows & ~with_sd & ~from_reference & ~from_r
    _refuse_without_sd(sheet, bare, adjusted, found)
    refuse_unequal_pairs(sheet, rows & paired)
    sheet.refuse((from_r | from_reference) & np.isnan(found.se), lambda i: str(found.why[i]))
    sheet.require(rows & ~from_reference, ["n_t", "n_c"], "n")
    if standardiser != "baseline":
        spread.keep(with_sd & sheet.alive)
    unit, df, people = _unit(sheet, with_sd, standardiser)
    sheet.refuse(
        rows & ~from_reference & ~(df >= 2), "fewer than 3 people measured twice: no small-sample correction"
    )
    n_t, n_c = sheet.number("n_t"), sheet.number("n_c")
    root = np.sqrt(1 / n_t + 1 / n_c)
    unit = np.where(bare, found.se / root, unit)
    shrink = np.sqrt(2 * (1 - _own_correlation(sheet, from_r)))
    unit = np.where(from_r, found.se * np.sqrt(n_t) / shrink, unit)
    unit = np.where(from_reference, stated, unit)
    good = rows & sheet.alive
    j = np.where(from_reference, 1.0, hedges_correction(np.where(good & ~from_reference, df, 2.0)))
    g = j * sheet.number(VALUE) / unit
    from_se = (with_sd | from_reference) & ~np.isnan(found.se)
    relative = np.where(from_se, j * found.se / unit, np.where(from_r, shrink / np.sqrt(n_t), root))
    sheet.note(
        good & paired & ~from_se & ~from_r,
        "both periods of a crossover as if parallel groups: the variance is overstated",
    )
    sheet.keep("yi", good, g)
    sheet.keep("vi", good, relative**2 + np.where(from_reference, 0.0, g**2 / (2 * people)))
    _say_error(sheet, good, found, with_sd, from_se, from_reference)
    _say_unit(sheet, good, standardiser, with_sd, from_r, stated, bare)
    _finish(sheet, good)


def _unit(sheet: Sheet, with_sd: BoolArray, standardiser: Standardiser) -> tuple[Array, Array, Array]:
    """SD that standardises, its degrees of freedom, and the people behind it."""
    n_t, n_c = sheet.number("n_t"), sheet.number("n_c")
    paired = paired_rows(sheet)
    df = np.where(paired, n_t - 1, n_t + n_c - 2)
    people = np.where(paired, n_t, n_t + n_c)
    sd_t, sd_c = sheet.usable("sd_t"), sheet.usable("sd_c")
    if standardiser == "baseline":
        unit = pooled_baseline(sheet, n_t, n_c)
    elif standardiser == "control":
        unit, df, people = sd_c, np.where(with_sd, n_c - 1, df), np.where(with_sd, n_c, people)
    elif standardiser == "average":
        unit = np.sqrt((sd_t**2 + sd_c**2) / 2)
    else:
        unit = np.sqrt(((n_t - 1) * sd_t**2 + (n_c - 1) * sd_c**2) / (n_t + n_c - 2))
    return unit, df, people


def _own_correlation(sheet: Sheet, rows: BoolArray) -> Array:
    r = sheet.number("correlation")
    sheet.refuse(
        rows & ~(np.abs(r) < 1),
        lambda i: f"{sheet.show('correlation', i)}: a correlation must lie between -1 and 1",
    )
    return np.asarray(np.where(np.abs(r) < 1, r, np.nan), dtype=np.float64)


def reference_sds(sheet: Sheet, options: EffectOptions) -> Array:
    """Stated SD of each row's instrument; not-a-number where none is stated."""
    instruments = sheet.text("instrument")
    stated = {name.casefold(): sd for name, sd in options.reference_sd.items()}
    return np.array([stated.get(str(name).casefold(), np.nan) for name in instruments], dtype=np.float64)


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
    sheet.standardiser[good] = "as printed, not stated"
    sheet.flag(good & (found.how != ""), lambda i: str(found.how[i]))
    sheet.flag(good & ~with_error, "vi = 1/n_t + 1/n_c + yi^2 / (2 (n_t + n_c))")
    sheet.note(good, "standardised difference as printed: its small-sample correction is not known")
    _finish(sheet, good)


def read_ratio_contrasts(sheet: Sheet, rows: BoolArray, measure: str) -> None:
    """Odds, risk and hazard ratios with their confidence interval or exact P value, on the log scale."""
    _require_measure(sheet, rows, (measure,), f"the {measure}")
    sheet.require(rows, [VALUE], "ratio")
    found = log_standard_errors(sheet, rows & sheet.alive)
    sheet.refuse(rows & np.isnan(found.se), lambda i: str(found.why[i]))
    good = rows & sheet.alive
    sheet.keep("yi", good, np.log(np.where(good, sheet.number(VALUE), 1.0)))
    sheet.keep("vi", good, found.se**2)
    sheet.flag(good, lambda i: f"yi = log({VALUE}); {found.how[i]}")
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
    small = np.abs(sheet.number(VALUE)) < 1
    sheet.note(
        good & small, "taken as percentage points, as trials.csv has them: under one point, or a proportion?"
    )
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
        rows & ~np.isin(measure, allowed),
        lambda i: f"contrast_measure = {measure[i]} is not {what}" + did_you_mean(measure[i], allowed),
    )


def _refuse_without_sd(sheet: Sheet, rows: BoolArray, adjusted: str, found: StandardErrors) -> None:
    sheet.refuse(
        rows & paired_rows(sheet),
        "within-person contrast without arm SDs: its SE holds the correlation, not the SD; a column "
        "correlation gives it",
    )
    unsaid = mentions(sheet, "design", "crossover") & ~sheet.given("crossover_period")
    sheet.refuse(
        rows & unsaid, "crossover of unstated period: its SE may be that of a difference within persons"
    )
    if adjusted == "exclude":
        is_adjusted = ~unadjusted(sheet)
        stated = sheet.given("adjusted") | (sheet.text("contrast_measure") == "LSMD")
        sheet.refuse(rows & is_adjusted & stated, "adjusted contrast without arm SDs")
        sheet.refuse(rows & is_adjusted, "contrast without arm SDs, not stated to be unadjusted")
    sheet.refuse(rows & np.isnan(found.se), lambda i: f"no arm SDs, and {found.why[i]}")


def _say_error(
    sheet: Sheet,
    good: BoolArray,
    found: StandardErrors,
    with_sd: BoolArray,
    from_se: BoolArray,
    from_reference: BoolArray,
) -> None:
    sheet.flag(good & (found.how != ""), lambda i: str(found.how[i]))
    estimated = good & with_sd
    sheet.flag(estimated & from_se, f"yi = J * {VALUE} / sd; vi = J^2 * (se / sd)^2 + yi^2 / (2 N)")
    sheet.flag(estimated & ~from_se, f"yi = J * {VALUE} / sd; vi = 1/n_t + 1/n_c + yi^2 / (2 N)")
    sheet.flag(good & from_reference, f"yi = {VALUE} / sd; vi = (se / sd)^2")


def _say_unit(
    sheet: Sheet,
    good: BoolArray,
    standardiser: Standardiser,
    with_sd: BoolArray,
    from_r: BoolArray,
    stated: Array,
    bare: BoolArray,
) -> None:
    from_reference = ~with_sd & np.isfinite(stated)
    of = "" if standardiser == "baseline" else " of the arms of the contrast"
    names = blank(len(sheet))
    names[with_sd] = STANDARDISERS[standardiser] + of
    names[from_reference] = "stated SD"
    names[from_r] = "SD over persons, from the SE of the difference and r"
    names[bare] = "SD from the SE of the difference"
    sheet.standardiser[good] = names[good]
    instruments, r = sheet.text("instrument"), sheet.number("correlation")
    sheet.flag(
        good & from_reference, lambda i: f"sd = {stated[i]:g}, stated for {instruments[i]} (reference_sd)"
    )
    sheet.flag(good & from_r, lambda i: f"sd = se * sqrt(n) / sqrt(2 (1 - r)), r = {r[i]:g} of the row")
    sheet.flag(good & bare, "sd = se / sqrt(1/n_t + 1/n_c)")
    sheet.note(
        good & bare & ~unadjusted(sheet),
        "the SD comes from the SE of an adjusted difference: it is too small and the SMD too large",
    )


def _finish(sheet: Sheet, good: BoolArray) -> None:
    for name in ("n_t", "n_c"):
        size = sheet.number(name)
        sheet.keep(name, good & (size > 0) & np.isfinite(size), size)
    sheet.note(good & adjusted_rows(sheet), "adjusted contrast")
