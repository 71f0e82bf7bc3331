"""Confidence intervals as printed: their level, and whether their bounds can be true."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.effects._sheet import Sheet

__all__ = ["percent_level", "within_interval"]


def percent_level(level: Array) -> Array:
    """Confidence levels as proportions; not-a-number outside (0, 1)."""
    share = np.where(level > 1, level / 100, level)
    return np.asarray(np.where((share > 0) & (share < 1), share, np.nan), dtype=np.float64)


def within_interval(sheet: Sheet, rows: BoolArray, value: str, low: str, high: str) -> None:
    """Refuse rows whose bounds are out of order, or whose value lies outside them."""
    bottom, top, middle = sheet.number(low), sheet.number(high), sheet.number(value)
    sheet.refuse(rows & ~(bottom < top), lambda i: f"{sheet.show(low, i)} is not below {sheet.show(high, i)}")
    sheet.refuse(
        rows & ((middle < bottom) | (middle > top)),
        lambda i: f"{sheet.show(value, i)} lies outside [{sheet.text(low)[i]}, {sheet.text(high)[i]}]",
    )
