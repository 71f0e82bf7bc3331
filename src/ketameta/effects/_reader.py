"""Row by row: which of the reported statistics gives the effect, read into usable numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from ketameta._spelling import did_you_mean
from ketameta._typing import AnyArray, BoolArray
from ketameta.effects._contrasts import (
    read_difference_contrasts,
    read_ratio_contrasts,
    read_risk_contrasts,
    read_standardised_contrasts,
    reference_sds,
)
from ketameta.effects._crossovers import (
    Crossover,
    correlations,
    note_both_periods,
    paired_rows,
    refuse_second_periods,
    refuse_unequal_pairs,
    refuse_unknown_periods,
)
from ketameta.effects._intervals import levels
from ketameta.effects._reading import has_counts, read_arms, read_counts, read_differences_as_arms
from ketameta.effects._sheet import Sheet
from ketameta.effects._significance import adjusted_rows, exact_p, statistic
from ketameta.effects._spread import ArmSpread
from ketameta.effects._standard_error import standard_errors
from ketameta.effects._standardisers import Standardiser, read_baseline
from ketameta.effects.options import EffectOptions

__all__ = ["Adjusted", "Settings", "read"]

Adjusted: TypeAlias = Literal["exclude", "sd_from_se"]
_SCORE_TYPES = ("baseline", "endpoint", "change", "contrast", "counts", "survival")


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """What was asked for (see :func:`ketameta.effects.effect_sizes`)."""

    measure: str
    standardiser: Standardiser
    adjusted: Adjusted
    crossover: Crossover
    options: EffectOptions


def read(sheet: Sheet, settings: Settings) -> None:
    """Read every row; each is left with usable numbers or a reason."""
    everything = np.ones(len(sheet), dtype=np.bool_)
    score = sheet.text("score_type").astype(str)
    sheet.refuse(score == "baseline", "baseline row: not an effect")
    unknown = (score != "") & ~np.isin(score, _SCORE_TYPES)
    sheet.refuse(
        unknown,
        lambda i: (
            f"score_type = {score[i]} is not one of {', '.join(_SCORE_TYPES)}"
            + did_you_mean(str(score[i]), _SCORE_TYPES)
        ),
    )
    retracted = [text.casefold().startswith("retracted") for text in sheet.text("status_reason")]
    sheet.refuse(np.asarray(retracted, dtype=np.bool_), "retracted report: not to be used")
    apart = np.asarray(sheet.text("status") == "apart", dtype=np.bool_)
    sheet.note(apart, lambda i: f"row stands apart: {sheet.text('status_reason')[i] or 'no reason given'}")
    refuse_unknown_periods(sheet)
    if settings.crossover == "first":
        refuse_second_periods(sheet)
    if settings.measure == "HR":
        sheet.kind[:] = "contrast"
        read_ratio_contrasts(sheet, everything, settings.measure)
    elif settings.measure in ("SMD", "MD", "ROM"):
        _read_means(sheet, settings, score)
    else:
        _read_events(sheet, settings.measure)


def _read_means(sheet: Sheet, settings: Settings, score: AnyArray) -> None:
    measure = settings.measure
    other = np.isin(score, ("counts", "survival"))
    sheet.refuse(other, lambda i: f"score_type = {score[i]}: no means, so no {measure}")
    spread = ArmSpread(sheet, settings.options)
    means = sheet.given("n_t", "n_c") & spread.means()
    complete = means & spread.printed()
    if measure == "MD":
        error = _has_own_error(sheet)
        within = paired_rows(sheet) & (settings.crossover == "paired")
        complete = (complete & ~(within & error)) & (spread.direct() | ~error)
    arms, contrasts = _kinds(sheet, complete, "arms")
    read_arms(sheet, arms, spread)
    if settings.crossover == "paired" and measure in ("SMD", "MD"):
        lone = (
            contrasts & paired_rows(sheet) & spread.known() & _is_difference(sheet) & ~_has_own_error(sheet)
        )
        read_differences_as_arms(sheet, lone, spread)
        contrasts, arms = contrasts & ~lone, arms | lone
    if settings.standardiser == "baseline" and measure == "SMD":
        printed = np.asarray(sheet.text("contrast_measure") == "SMD", dtype=np.bool_)
        stated = np.isfinite(reference_sds(sheet, settings.options))
        read_baseline(sheet, (arms | (contrasts & ~printed & ~stated)) & sheet.alive)
    _read_pairs(sheet, arms & sheet.alive, settings)
    if measure == "ROM":
        sheet.note(arms & sheet.alive & (score == "change"), "a ratio of two mean changes")
    if measure == "SMD":
        read_standardised_contrasts(
            sheet, contrasts, settings.adjusted, settings.standardiser, spread, settings.options
        )
    elif measure == "MD":
        read_difference_contrasts(sheet, contrasts)
    else:
        sheet.refuse(contrasts, "contrast: the difference of two means gives no ratio of them")


def _is_difference(sheet: Sheet) -> BoolArray:
    difference = np.isin(sheet.text("contrast_measure").astype(str), ("MD", "LSMD"))
    return np.asarray(difference & sheet.given("contrast_value"), dtype=np.bool_)


def _has_own_error(sheet: Sheet) -> BoolArray:
    """Rows whose difference has a standard error, or something that gives one."""
    interval = sheet.given("contrast_ci_low", "contrast_ci_high") & ~np.isnan(
        levels(sheet, "contrast_ci_level")
    )
    tested = ~np.isnan(statistic(sheet)) | ~np.isnan(exact_p(sheet))
    return np.asarray(
        _is_difference(sheet) & (interval | tested | sheet.given("contrast_se")), dtype=np.bool_
    )


def _read_pairs(sheet: Sheet, arms: BoolArray, settings: Settings) -> None:
    measure, standardiser = settings.measure, settings.standardiser
    has_formula = measure == "MD" or (measure == "SMD" and standardiser != "baseline")
    pairs = arms & paired_rows(sheet) & (settings.crossover == "paired" and has_formula)
    refuse_unequal_pairs(sheet, pairs)
    own = _has_own_error(sheet) & ~adjusted_rows(sheet)
    found = standard_errors(sheet, pairs & own & sheet.alive)
    correlations(sheet, pairs & sheet.alive, found.se, settings.options)
    sheet.kind[pairs & sheet.alive] = "paired"
    note_both_periods(sheet, arms & ~pairs & sheet.alive)


def _read_events(sheet: Sheet, measure: str) -> None:
    counts, contrasts = _kinds(sheet, has_counts(sheet), "counts")
    read_counts(sheet, counts)
    if measure == "RD":
        read_risk_contrasts(sheet, contrasts)
    else:
        read_ratio_contrasts(sheet, contrasts, measure)


def _kinds(sheet: Sheet, complete: BoolArray, base: str) -> tuple[BoolArray, BoolArray]:
    contrast = sheet.text("score_type").astype(str) == "contrast"
    contrast |= ~complete & sheet.given("contrast_measure")
    sheet.kind[:] = np.where(contrast, "contrast", base)
    return ~contrast & sheet.alive, contrast & sheet.alive
