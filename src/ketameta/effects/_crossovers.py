"""Rows of crossovers: which periods they hold, how the periods correlate, and what may carry over."""

from __future__ import annotations

import warnings
from typing import Literal, TypeAlias

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.effects._sheet import Sheet
from ketameta.effects.crossover import carry_over
from ketameta.effects.options import EffectOptions
from ketameta.errors import KetametaWarning

__all__ = [
    "Crossover",
    "both_periods",
    "correlations",
    "guard_carry_over",
    "mentions",
    "note_both_periods",
    "paired_rows",
    "refuse_second_periods",
    "refuse_unequal_pairs",
    "refuse_unknown_periods",
]

Crossover: TypeAlias = Literal["paired", "parallel", "first"]

_PERIODS = ("first", "both paired", "both as parallel")
_SHORT_WASHOUT = 7.0
_MUCH_LEFT = 0.1
_AGREES = 0.02


def mentions(sheet: Sheet, column: str, word: str) -> BoolArray:
    """Rows whose text in a column holds a word."""
    found = np.zeros(len(sheet), dtype=np.bool_)
    given = np.flatnonzero(sheet.given(column))
    found[given] = [word in text.casefold() for text in sheet.text(column)[given]]
    return found


def paired_rows(sheet: Sheet) -> BoolArray:
    """Rows of a crossover analysed within persons."""
    return mentions(sheet, "crossover_period", "paired")


def both_periods(sheet: Sheet) -> BoolArray:
    """Rows that hold both periods of a crossover, however they were analysed."""
    return paired_rows(sheet) | mentions(sheet, "crossover_period", "parallel")


def refuse_unknown_periods(sheet: Sheet) -> None:
    """Refuse rows whose period is none that is known."""
    period = sheet.text("crossover_period")
    known = np.asarray([text.casefold() in _PERIODS for text in period], dtype=np.bool_)
    sheet.refuse(
        sheet.given("crossover_period") & ~known,
        lambda i: f"crossover_period = {period[i]} is not one of {', '.join(_PERIODS)}",
    )


def refuse_second_periods(sheet: Sheet) -> None:
    """Refuse rows that hold both periods, when only first periods are wanted."""
    sheet.refuse(
        both_periods(sheet), 'both periods of a crossover; crossover="first" takes first periods only'
    )


def note_both_periods(sheet: Sheet, rows: BoolArray) -> None:
    """Say of rows taken as parallel groups that they are not."""
    sheet.note(
        rows & both_periods(sheet),
        "both periods of a crossover as if parallel groups: the variance is overstated",
    )
    unsaid = mentions(sheet, "design", "crossover") & ~sheet.given("crossover_period")
    sheet.note(rows & unsaid, "crossover, period not stated: taken as parallel groups")


def refuse_unequal_pairs(sheet: Sheet, rows: BoolArray) -> None:
    """Refuse pairs whose two conditions have different numbers of people."""
    unequal = rows & (sheet.number("n_t") != sheet.number("n_c"))
    sheet.refuse(
        unequal,
        lambda i: (
            f"{sheet.show('n_t', i)} and {sheet.show('n_c', i)} differ: a paired analysis needs the same people "
            'under both conditions; crossover="parallel" takes them as groups'
        ),
    )


def correlations(sheet: Sheet, rows: BoolArray, se: Array, options: EffectOptions) -> None:
    """Keep the correlation of the two periods: printed, recovered, or assumed.

    Recovered: with both SDs and the standard error of the difference,
    ``r = (sd_t^2 + sd_c^2 - n se^2) / (2 sd_t sd_c)`` (Cochrane Handbook 23.2.7).
    """
    sheet.require(rows & sheet.given("correlation"), ["correlation"])
    own = sheet.number("correlation")
    beyond = rows & ~(np.abs(own) < 1) & sheet.given("correlation")
    sheet.refuse(beyond, lambda i: f"{sheet.show('correlation', i)}: a correlation must lie between -1 and 1")
    sd_t, sd_c, n = sheet.usable("sd_t"), sheet.usable("sd_c"), sheet.usable("n_t")
    difference = sheet.usable("mean_t") - sheet.usable("mean_c")
    same = np.abs(sheet.number("contrast_value") - difference) <= _AGREES * np.maximum(sd_t, sd_c)
    recovered = (sd_t**2 + sd_c**2 - n * se**2) / (2 * sd_t * sd_c)
    from_se = rows & ~sheet.given("correlation") & np.isfinite(recovered) & same
    sheet.refuse(
        from_se & ~(np.abs(recovered) < 1),
        lambda i: (
            f"sd_t, sd_c and the SE of the difference contradict each other: "
            f"r = ({sd_t[i]:g}^2 + {sd_c[i]:g}^2 - {n[i]:g} * {se[i]:.4g}^2) / "
            f"(2 * {sd_t[i]:g} * {sd_c[i]:g}) = {recovered[i]:.3g}"
        ),
    )
    r = np.where(sheet.given("correlation"), own, np.where(from_se, recovered, options.r_crossover))
    good = rows & sheet.alive
    sheet.keep("r", good, r)
    sheet.flag(good & sheet.given("correlation"), lambda i: f"r = {r[i]:g} of the row")
    sheet.flag(
        good & from_se,
        lambda i: f"r = (sd_t^2 + sd_c^2 - n se^2) / (2 sd_t sd_c) = {r[i]:.3g}",
    )
    sheet.keep("assumed_r", good & ~sheet.given("correlation") & ~from_se, np.ones(len(sheet)))


def guard_carry_over(sheet: Sheet, options: EffectOptions) -> None:
    """Note, and warn of, washouts after which much of the first effect may be left."""
    washout = sheet.number("washout_days")
    both = both_periods(sheet) & sheet.alive
    rows = both & (washout >= 0) & np.isfinite(washout)
    sheet.note(
        both & ~rows & sheet.given("washout_days"),
        lambda i: f"{sheet.show('washout_days', i)}: not a number of days, so carry-over is unchecked",
    )
    short = rows & (washout < _SHORT_WASHOUT)
    sheet.note(
        short, lambda i: f"washout of {washout[i]:g} days, under {_SHORT_WASHOUT:g}: carry-over is likely"
    )
    left = np.zeros(len(sheet))
    if options.half_life_days is not None:
        half_life = options.half_life_days
        left[rows] = carry_over(washout[rows], half_life) if rows.any() else 0.0
        sheet.note(
            rows,
            lambda i: (
                f"washout of {washout[i]:g} days is {washout[i] / half_life:.2g} half-lives: "
                f"{100 * left[i]:.0f}% of the first effect may be left"
            ),
        )
    doubtful = np.flatnonzero(short | (left > _MUCH_LEFT))
    if doubtful.size:
        named = ", ".join(sheet.name(int(i)) for i in doubtful[:8]) + (", ..." if doubtful.size > 8 else "")
        warnings.warn(
            f"carry-over in crossovers over both periods: {named}: see effect_notes; "
            'crossover="first" takes first periods only',
            KetametaWarning,
            stacklevel=3,
        )
