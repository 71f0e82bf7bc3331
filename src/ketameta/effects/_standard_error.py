"""Standard error of a reported contrast: printed, or from its interval, test statistic or exact P value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.effects._crossovers import paired_rows
from ketameta.effects._intervals import levels, within_interval
from ketameta.effects._sheet import Sheet, blank
from ketameta.effects._significance import STATISTIC, P, critical, exact_p, note_rounded_p, statistic

__all__ = ["HIGH", "LOW", "VALUE", "StandardErrors", "log_standard_errors", "standard_errors"]

VALUE, LOW, HIGH = "contrast_value", "contrast_ci_low", "contrast_ci_high"
_SE, _LEVEL = "contrast_se", "contrast_ci_level"
_OFF_CENTRE = 0.15
_FAR, _APART = 2.0, 1.25


@dataclass(frozen=True, slots=True, eq=False)
class StandardErrors:
    """One element a row: the standard error, how it was recovered, and why there is none."""

    se: Array
    how: AnyArray
    why: AnyArray

    def keep(self, rows: BoolArray, se: Array, how: list[str]) -> None:
        """Store what was found for some rows."""
        self.se[rows] = se[rows]
        self.how[rows] = how


def standard_errors(sheet: Sheet, rows: BoolArray, *, normal: bool = False) -> StandardErrors:
    """Standard errors of difference contrasts.

    A printed SE comes first, then a two-sided interval, then a t, z or F(1, df) statistic, then an exact
    two-sided P value. Intervals and P values are read with t on ``n_t + n_c - 2`` degrees of freedom
    (``n_t - 1`` within persons) where the sizes are known, with the normal otherwise or if ``normal``.
    Statistics that contradict each other refuse the row.
    """
    result = StandardErrors(np.full(len(sheet), np.nan), blank(len(sheet)), blank(len(sheet)))
    df = np.full(len(sheet), np.nan) if normal else _degrees_of_freedom(sheet)
    printed = rows & sheet.given(_SE)
    sheet.require(printed, [_SE], "se")
    ok = printed & sheet.alive
    result.se[ok] = sheet.number(_SE)[ok]
    _check_interval(sheet, ok, df, result)
    wanting = rows & ~printed
    _from_interval(sheet, wanting & sheet.alive, df, result, log=False)
    _from_statistic(sheet, wanting & sheet.alive & np.isnan(result.se), result)
    _from_p(sheet, wanting & sheet.alive & np.isnan(result.se), df, result, log=False)
    _say_nothing(rows, "standard error, interval, test statistic or exact P value", result)
    return result


def _check_interval(sheet: Sheet, rows: BoolArray, df: Array, result: StandardErrors) -> None:
    """Refuse printed standard errors that are far from what the interval beside them gives; note the others."""
    both = rows & sheet.given(LOW, HIGH)
    within_interval(sheet, both, VALUE, LOW, HIGH)
    level = levels(sheet, _LEVEL)
    other = (sheet.number(HIGH) - sheet.number(LOW)) / (2 * critical((1 + level) / 2, df))
    ratio = other / result.se
    far = both & ((ratio > _FAR) | (ratio < 1 / _FAR))
    near = both & ~far & ((ratio > _APART) | (ratio < 1 / _APART))
    sheet.refuse(
        far, lambda i: f"{sheet.show(_SE, i)} contradicts the interval, which gives an SE of {other[i]:.3g}"
    )
    sheet.note(near, lambda i: f"{sheet.show(_SE, i)} is taken; the interval gives {other[i]:.3g}")


def log_standard_errors(sheet: Sheet, rows: BoolArray) -> StandardErrors:
    """Standard errors of the logarithms of ratios: from their interval, or else an exact P value."""
    result = StandardErrors(np.full(len(sheet), np.nan), blank(len(sheet)), blank(len(sheet)))
    df = np.full(len(sheet), np.nan)
    bounds = rows & (sheet.given(LOW) | sheet.given(HIGH))
    for name in (LOW, HIGH):
        sheet.require(bounds & sheet.given(name), [name], "ratio")
    _from_interval(sheet, rows & sheet.alive, df, result, log=True)
    _from_p(sheet, rows & sheet.alive & np.isnan(result.se), df, result, log=True)
    _say_nothing(rows, "interval or exact P value", result)
    return result


def _say_nothing(rows: BoolArray, what: str, result: StandardErrors) -> None:
    nothing = rows & np.isnan(result.se) & (result.why == "")
    result.why[nothing] = f"the contrast has no {what}"


def _degrees_of_freedom(sheet: Sheet) -> Array:
    n_t, n_c = sheet.number("n_t"), sheet.number("n_c")
    df = np.where(paired_rows(sheet), n_t - 1, n_t + n_c - 2)
    return np.asarray(np.where(df > 0, df, np.nan), dtype=np.float64)


def _distribution(df: float, probability: str) -> str:
    return f"z({probability})" if np.isnan(df) else f"t({probability}, {df:g})"


def _scaled(sheet: Sheet, name: str, log: bool) -> Array:
    values = sheet.number(name)
    return np.asarray(np.log(np.where(values > 0, values, np.nan)), dtype=np.float64) if log else values


def _from_interval(sheet: Sheet, rows: BoolArray, df: Array, result: StandardErrors, *, log: bool) -> None:
    low, high = sheet.given(LOW), sheet.given(HIGH)
    for bound, one_sided in ((HIGH, rows & low & ~high), (LOW, rows & high & ~low)):
        result.why[one_sided] = f"{bound} is missing: a one-sided bound gives no standard error"
    both = rows & low & high
    sheet.require(both, [LOW, HIGH])
    within_interval(sheet, both, VALUE, LOW, HIGH)
    level = levels(sheet, _LEVEL)
    unstated = both & np.isnan(level)
    for row in np.flatnonzero(unstated):
        said = sheet.text(_LEVEL)[row]
        result.why[row] = (
            f"{sheet.show(_LEVEL, row)}: not a two-sided level" if said else f"{_LEVEL} is missing"
        )
    usable = both & ~unstated & sheet.alive
    top, bottom, value = (_scaled(sheet, name, log) for name in (HIGH, LOW, VALUE))
    half = (top - bottom) / 2
    words = f"log {HIGH} - log {LOW}" if log else f"{HIGH} - {LOW}"
    how = [
        f"se = ({words}) / (2 * {_distribution(df[row], f'{(1 + level[row]) / 2:.4g}')})"
        for row in np.flatnonzero(usable)
    ]
    result.keep(usable, half / critical((1 + level) / 2, df), how)
    off = np.abs((top + bottom) / 2 - value) > _OFF_CENTRE * half
    where = " on the log scale" if log else ""
    sheet.note(usable & off, f"the contrast is not at the middle of its interval{where}")


def _from_statistic(sheet: Sheet, rows: BoolArray, result: StandardErrors) -> None:
    t = statistic(sheet)
    value = sheet.number(VALUE)
    usable = rows & (t > 0) & (value != 0)
    how = [f"se = |{VALUE}| / {t[row]:.4g}, from {STATISTIC}" for row in np.flatnonzero(usable)]
    result.keep(usable, np.abs(value) / t, how)


def _from_p(sheet: Sheet, rows: BoolArray, df: Array, result: StandardErrors, *, log: bool) -> None:
    given, p = rows & sheet.given(P), exact_p(sheet)
    value = _scaled(sheet, VALUE, log)
    usable = given & (p > 0) & (value != 0)
    nothing = "1" if log else "0"
    for row in np.flatnonzero(given & ~usable & (result.why == "")):
        result.why[row] = (
            f"{VALUE} = {nothing}: its P value gives no standard error"
            if value[row] == 0
            else f"{sheet.show(P, row)} is not an exact P value: it gives no standard error"
        )
    how = [
        f"se = |{'log ' if log else ''}{VALUE}| / {_distribution(df[row], f'P = {p[row]:g}')}"
        for row in np.flatnonzero(usable)
    ]
    result.keep(usable, np.abs(value) / -critical(p / 2, df), how)
    note_rounded_p(sheet, usable, df)
