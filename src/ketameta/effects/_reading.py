"""From reported arm statistics to usable numbers: sizes, means, SDs, and counts."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.effects._sheet import Sheet
from ketameta.effects.recovery import critical_value

__all__ = [
    "arm_sds",
    "has_spread",
    "paired_rows",
    "read_arms",
    "read_counts",
    "refuse_uninformative_tables",
    "within_interval",
]

_ARMS = ("t", "c")


def has_spread(sheet: Sheet) -> BoolArray:
    """Rows in which both arms have an SD, an SE or a confidence interval."""
    spread = np.ones(len(sheet), dtype=np.bool_)
    for arm in _ARMS:
        interval = sheet.given(f"ci_low_{arm}", f"ci_high_{arm}")
        spread &= sheet.given(f"sd_{arm}") | sheet.given(f"se_{arm}") | interval
    return spread


def paired_rows(sheet: Sheet) -> BoolArray:
    """Rows of a crossover analysed within persons."""
    return _mentions(sheet, "crossover_period", "paired")


def within_interval(sheet: Sheet, rows: BoolArray, value: str, low: str, high: str) -> None:
    """Refuse rows whose bounds are out of order, or whose value lies outside them."""
    bottom, top, middle = sheet.number(low), sheet.number(high), sheet.number(value)
    sheet.refuse(rows & ~(bottom < top), lambda i: f"{sheet.show(low, i)} is not below {sheet.show(high, i)}")
    sheet.refuse(
        rows & ((middle < bottom) | (middle > top)),
        lambda i: f"{sheet.show(value, i)} lies outside [{sheet.text(low)[i]}, {sheet.text(high)[i]}]",
    )


def read_arms(sheet: Sheet, rows: BoolArray) -> None:
    """Read size, mean and SD of both arms; recover a missing SD from the SE or the CI."""
    for arm in _ARMS:
        sheet.require(rows, [f"n_{arm}"], "n")
        sheet.require(rows, [f"mean_{arm}"])
    arm_sds(sheet, rows & sheet.alive)
    good = rows & sheet.alive
    for arm in _ARMS:
        sheet.keep(f"n_{arm}", good, sheet.number(f"n_{arm}"))
        sheet.keep(f"mean_{arm}", good, sheet.number(f"mean_{arm}"))
    _say_crossover(sheet, good)


def arm_sds(sheet: Sheet, rows: BoolArray) -> None:
    """Keep the SDs of both arms, of rows whose sizes are known to be usable."""
    for arm in _ARMS:
        sd, se, low, high = f"sd_{arm}", f"se_{arm}", f"ci_low_{arm}", f"ci_high_{arm}"
        n = sheet.number(f"n_{arm}")
        printed = rows & sheet.given(sd)
        from_se = rows & ~printed & sheet.given(se)
        from_ci = rows & ~printed & ~from_se & sheet.given(low, high)
        sheet.refuse(rows & ~printed & ~from_se & ~from_ci, f"{sd} is missing, with no {se} or CI to give it")
        sheet.require(printed, [sd], "sd")
        sheet.require(from_se, [se], "se")
        sheet.require(from_ci, [low, high])
        within_interval(sheet, from_ci, f"mean_{arm}", low, high)
        printed, from_se, from_ci = (part & sheet.alive for part in (printed, from_se, from_ci))
        sheet.keep(sd, printed, sheet.number(sd))
        sheet.keep(sd, from_se, np.sqrt(n) * sheet.number(se))
        sheet.flag(from_se, f"{sd} = {se} * sqrt(n_{arm})")
        sheet.keep(sd, from_ci, _sd_from_interval(sheet.number(low), sheet.number(high), n, from_ci))
        sheet.flag(
            from_ci,
            f"{sd} = sqrt(n_{arm}) * ({high} - {low}) / (2 * t(0.975, n_{arm} - 1)), CI taken as 95%",
        )


def _sd_from_interval(low: Array, high: Array, n: Array, rows: BoolArray) -> Array:
    critical = critical_value(0.95, np.where(rows, n, 2.0) - 1)
    return np.asarray(np.sqrt(n) * (high - low) / (2 * critical), dtype=np.float64)


def read_counts(sheet: Sheet, rows: BoolArray) -> None:
    """Read events and totals of both arms."""
    for arm in _ARMS:
        events, total = f"events_{arm}", f"total_{arm}"
        sheet.require(rows, [events], "count")
        sheet.require(rows, [total], "total")
        for row in np.flatnonzero(rows & sheet.alive & (sheet.number(events) > sheet.number(total))):
            sheet.reason[row] = f"{sheet.show(events, row)} exceeds {sheet.show(total, row)}"
        for row in np.flatnonzero(rows & sheet.alive & (sheet.number(events) % 1 != 0)):
            sheet.reason[row] = f"{sheet.show(events, row)} is not a whole number of people"
    good = rows & sheet.alive
    for arm in _ARMS:
        sheet.keep(f"events_{arm}", good, sheet.number(f"events_{arm}"))
        sheet.keep(f"total_{arm}", good, sheet.number(f"total_{arm}"))
    _say_crossover(sheet, good)


def refuse_uninformative_tables(sheet: Sheet, rows: BoolArray, measure: str) -> None:
    """Refuse odds and risk ratios of tables in which nobody, or for odds everybody, had the event."""
    a, n1, c, n2 = (sheet.usable(name) for name in ("events_t", "total_t", "events_c", "total_c"))
    if measure in ("OR", "RR"):
        nobody = (a == 0) & (c == 0)
        sheet.refuse(rows & nobody, f"no events in either arm: the {measure} cannot be estimated")
    if measure == "OR":
        everybody = (a == n1) & (c == n2)
        sheet.refuse(rows & everybody, "everybody had the event in both arms: the OR cannot be estimated")


def _say_crossover(sheet: Sheet, rows: BoolArray) -> None:
    both = paired_rows(sheet) | _mentions(sheet, "crossover_period", "parallel")
    sheet.note(rows & both, "both periods of a crossover as if parallel groups: the variance is overstated")
    unsaid = _mentions(sheet, "design", "crossover") & ~sheet.given("crossover_period")
    sheet.note(rows & unsaid, "crossover, period not stated: taken as parallel groups")


def _mentions(sheet: Sheet, column: str, word: str) -> BoolArray:
    return np.asarray([word in text.casefold() for text in sheet.text(column)], dtype=np.bool_)
