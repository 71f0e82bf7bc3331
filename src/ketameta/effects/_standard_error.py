"""Standard error of a reported contrast: printed, or from its interval or exact P value."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.effects._reading import paired_rows, within_interval
from ketameta.effects._sheet import Sheet, blank

__all__ = ["HIGH", "LOW", "VALUE", "StandardErrors", "levels", "standard_errors", "upper_quantile"]

VALUE, LOW, HIGH = "contrast_value", "contrast_ci_low", "contrast_ci_high"
_SE, _LEVEL, _P = "contrast_se", "contrast_ci_level", "contrast_p"
_EXACT_P = re.compile(r"(?:p\s*)?=?\s*(\d*\.?\d+(?:e-?\d+)?)", re.IGNORECASE)
_OFF_CENTRE = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class StandardErrors:
    """One element a row: the standard error, how it was recovered, and why there is none."""

    se: Array
    how: AnyArray
    why: AnyArray


def standard_errors(sheet: Sheet, rows: BoolArray, *, normal: bool = False) -> StandardErrors:
    """Standard errors of difference contrasts.

    A printed SE comes first, then a two-sided interval, then an exact two-sided P value.
    Intervals and P values are read with t on ``n_t + n_c - 2`` degrees of freedom (``n_t - 1``
    within persons) where the sizes are known, with the normal otherwise or if ``normal``.
    Statistics that contradict each other refuse the row.
    """
    result = StandardErrors(np.full(len(sheet), np.nan), blank(len(sheet)), blank(len(sheet)))
    df = np.full(len(sheet), np.nan) if normal else _degrees_of_freedom(sheet)
    printed = rows & sheet.given(_SE)
    sheet.require(printed, [_SE], "se")
    ok = printed & sheet.alive
    result.se[ok] = sheet.number(_SE)[ok]
    _from_interval(sheet, rows & ~printed & sheet.alive, df, result)
    _from_p(sheet, rows & ~printed & sheet.alive & np.isnan(result.se), df, result)
    nothing = rows & np.isnan(result.se) & (result.why == "")
    result.why[nothing] = "the contrast has no standard error, interval or exact P value"
    return result


def levels(sheet: Sheet) -> Array:
    """Confidence levels as proportions; not-a-number where none is stated."""
    level = sheet.number(_LEVEL)
    level = np.where(level > 1, level / 100, level)
    return np.asarray(np.where((level > 0) & (level < 1), level, np.nan), dtype=np.float64)


def upper_quantile(level: float) -> str:
    """Probability below the upper bound of a two-sided interval, as text."""
    return f"{(1 + level) / 2:.4g}"


def _degrees_of_freedom(sheet: Sheet) -> Array:
    n_t, n_c = sheet.number("n_t"), sheet.number("n_c")
    df = np.where(paired_rows(sheet), n_t - 1, n_t + n_c - 2)
    return np.asarray(np.where(df > 0, df, np.nan), dtype=np.float64)


def _critical(upper: Array, df: Array) -> Array:
    normal = ndtri(upper)
    return np.asarray(np.where(np.isnan(df), normal, stdtrit(np.where(np.isnan(df), 1.0, df), upper)))


def _distribution(df: float, probability: str) -> str:
    return f"z({probability})" if np.isnan(df) else f"t({probability}, {df:g})"


def _from_interval(sheet: Sheet, rows: BoolArray, df: Array, result: StandardErrors) -> None:
    low, high = sheet.given(LOW), sheet.given(HIGH)
    for bound, one_sided in ((HIGH, rows & low & ~high), (LOW, rows & high & ~low)):
        result.why[one_sided] = f"{bound} is missing: a one-sided bound gives no standard error"
    both = rows & low & high
    sheet.require(both, [LOW, HIGH])
    within_interval(sheet, both, VALUE, LOW, HIGH)
    level = levels(sheet)
    unstated = both & np.isnan(level)
    for row in np.flatnonzero(unstated):
        said = sheet.text(_LEVEL)[row]
        result.why[row] = (
            f"{sheet.show(_LEVEL, row)}: not a two-sided level" if said else f"{_LEVEL} is missing"
        )
    usable = both & ~unstated & sheet.alive
    half = (sheet.number(HIGH) - sheet.number(LOW)) / 2
    se = half / _critical((1 + level) / 2, df)
    result.se[usable] = se[usable]
    for row in np.flatnonzero(usable):
        quantile = _distribution(df[row], upper_quantile(level[row]))
        result.how[row] = f"se = ({HIGH} - {LOW}) / (2 * {quantile})"
    centre = (sheet.number(HIGH) + sheet.number(LOW)) / 2
    off = np.abs(centre - sheet.number(VALUE)) > _OFF_CENTRE * half
    sheet.note(usable & off, "the contrast is not at the middle of its interval")


def _from_p(sheet: Sheet, rows: BoolArray, df: Array, result: StandardErrors) -> None:
    given = rows & sheet.given(_P)
    p = np.full(len(sheet), np.nan)
    for row in np.flatnonzero(given):
        match = _EXACT_P.fullmatch(sheet.text(_P)[row])
        p[row] = float(match[1]) if match else np.nan
    value = sheet.number(VALUE)
    usable = given & (p > 0) & (p < 1) & (value != 0)
    for row in np.flatnonzero(given & ~usable & (result.why == "")):
        zero = value[row] == 0
        result.why[row] = (
            f"{VALUE} = 0: its P value gives no standard error"
            if zero
            else f"{sheet.show(_P, row)} is not an exact P value: it gives no standard error"
        )
    se = np.abs(value) / -_critical(p / 2, df)
    result.se[usable] = se[usable]
    for row in np.flatnonzero(usable):
        result.how[row] = f"se = |{VALUE}| / {_distribution(df[row], f'P = {p[row]:g}')}"
