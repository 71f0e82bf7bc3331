"""Tests of a contrast as printed: the statistic, the exact P value, and whether covariates were in it."""

from __future__ import annotations

import re

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.effects._sheet import Sheet
from ketameta.evidence.printed import printed_statistics

__all__ = ["STATISTIC", "P", "exact_p", "statistic", "unadjusted"]

STATISTIC, P = "contrast_stat", "contrast_p"
_EXACT = re.compile(r"(?:p\s*)?=?\s*(\d*\.?\d+(?:e-?\d+)?)", re.IGNORECASE)
_LONGEST = 40


def statistic(sheet: Sheet) -> Array:
    """Absolute t, z or root of F(1, df) of each row; not-a-number where none can be read."""
    t = np.full(len(sheet), np.nan)
    given = sheet.given(STATISTIC)
    t[given] = printed_statistics(sheet.text(STATISTIC)[given]).value
    return np.asarray(np.where(t > 0, t, np.nan), dtype=np.float64)


def exact_p(sheet: Sheet) -> Array:
    """P value of each row between 0 and 1; not-a-number for inequalities and whatever is not a number."""
    p = np.full(len(sheet), np.nan)
    for row in np.flatnonzero(sheet.given(P)):
        match = _EXACT.fullmatch(sheet.text(P)[row][:_LONGEST])
        p[row] = float(match[1]) if match else np.nan
    return np.asarray(np.where((p > 0) & (p < 1), p, np.nan), dtype=np.float64)


def unadjusted(sheet: Sheet) -> BoolArray:
    """Rows whose contrast is stated to come without covariates."""
    stated = np.isin(sheet.text("adjusted").astype(str), ("false", "False", "FALSE", "0", "no"))
    least_squares = np.asarray(sheet.text("contrast_measure") == "LSMD", dtype=np.bool_)
    return np.asarray(stated & ~least_squares, dtype=np.bool_)
