"""Tests of a contrast as printed: the statistic, the exact P value, and whether covariates were in it."""

from __future__ import annotations

import re

import numpy as np
from scipy.special import ndtri, stdtrit

from ketameta._typing import Array, BoolArray
from ketameta.effects._sheet import Sheet
from ketameta.evidence.printed import printed_p, printed_statistics

__all__ = [
    "STATISTIC",
    "P",
    "adjusted_rows",
    "critical",
    "exact_p",
    "note_rounded_p",
    "printed_df",
    "statistic",
    "unadjusted",
]

STATISTIC, P = "contrast_stat", "contrast_p"
_EXACT = re.compile(r"(?:p\s*)?=?\s*(\d*\.?\d+(?:e-?\d+)?)", re.IGNORECASE)
_BARE = re.compile(r"[tzF]\W")
_LONGEST = 40
_ROUGH = 1.1
_NO = ("false", "0", "no", "unadjusted")
_YES = ("true", "1", "yes", "adjusted")


def statistic(sheet: Sheet) -> Array:
    """Absolute t, z or root of F(1, df) of each row; not-a-number where none can be read.

    A statistic after other words (of an interaction, of another test) is not taken for that of the contrast.
    """
    return _printed(sheet)[0]


def printed_df(sheet: Sheet) -> Array:
    """Degrees of freedom printed with the statistic of each row; not-a-number where there are none."""
    return _printed(sheet)[1]


def t_statistic(sheet: Sheet) -> Array:
    """The same without z, which is no test of two means by their SDs."""
    t = statistic(sheet)
    for row in np.flatnonzero(~np.isnan(t)):
        if sheet.text(STATISTIC)[row].startswith("z"):
            t[row] = np.nan
    return t


def _printed(sheet: Sheet) -> tuple[Array, Array]:
    t, df = np.full((2, len(sheet)), np.nan)
    texts = sheet.text(STATISTIC)
    bare = [row for row in np.flatnonzero(sheet.given(STATISTIC)) if _BARE.match(texts[row])]
    if bare:
        found = printed_statistics(texts[bare])
        t[bare], df[bare] = found.value, found.df
    return np.where(t > 0, t, np.nan), np.where(np.isfinite(df), df, np.nan)


def exact_p(sheet: Sheet) -> Array:
    """P value of each row between 0 and 1; not-a-number for inequalities and whatever is not a number."""
    p = np.full(len(sheet), np.nan)
    for row in np.flatnonzero(sheet.given(P)):
        text = sheet.text(P)[row]
        match = _EXACT.fullmatch(text) if len(text) <= _LONGEST else None
        p[row] = float(match[1]) if match else np.nan
    return np.asarray(np.where((p > 0) & (p < 1), p, np.nan), dtype=np.float64)


def critical(upper: Array, df: Array) -> Array:
    """Quantiles of t, or of the normal where the degrees of freedom are not known."""
    normal = np.isnan(df)
    return np.asarray(np.where(normal, ndtri(upper), stdtrit(np.where(normal, 1.0, df), upper)))


def note_rounded_p(sheet: Sheet, rows: BoolArray, df: Array) -> None:
    """Say of rows whose P value has few digits how far the standard error may be off."""
    index = np.flatnonzero(rows)
    if not index.size:
        return
    bounds = printed_p(sheet.text(P)[index])
    middle, low, high = (
        -critical(p / 2, df[index]) for p in (exact_p(sheet)[index], bounds.low, bounds.high)
    )
    for position, row in enumerate(index.tolist()):
        smallest, largest = middle[position] / low[position], middle[position] / high[position]
        if largest / smallest > _ROUGH:
            one = np.zeros(len(sheet), dtype=np.bool_)
            one[row] = True
            sheet.note(
                one,
                f"{sheet.show(P, row)} is rounded: the standard error is {smallest:.2f} to {largest:.2f} of what it gives",
            )


def unadjusted(sheet: Sheet) -> BoolArray:
    """Rows whose contrast is stated to come without covariates."""
    stated = np.asarray([text.casefold() in _NO for text in sheet.text("adjusted")], dtype=np.bool_)
    least_squares = np.asarray(sheet.text("contrast_measure") == "LSMD", dtype=np.bool_)
    return np.asarray(stated & ~least_squares, dtype=np.bool_)


def adjusted_rows(sheet: Sheet) -> BoolArray:
    """Rows whose contrast is stated to come from a model with covariates, or is one of least-squares means."""
    stated = np.asarray([text.casefold() in _YES for text in sheet.text("adjusted")], dtype=np.bool_)
    return np.asarray(stated | (sheet.text("contrast_measure") == "LSMD"), dtype=np.bool_)
