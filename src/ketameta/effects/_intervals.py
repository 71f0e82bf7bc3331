"""Confidence intervals as printed: their level, and whether their bounds can be true."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.effects._sheet import Sheet, parsed

__all__ = ["levels", "within_interval"]

_LOWEST = 0.5


def levels(sheet: Sheet, name: str) -> Array:
    """Confidence levels of a column as proportions, from ``95``, ``0.95`` or ``95%``; else not-a-number."""
    level = sheet.number(name).copy()
    for row in np.flatnonzero(np.isnan(level) & sheet.given(name)):
        text = sheet.text(name)[row]
        if text.endswith("%"):
            level[row] = parsed(text[:-1])
    share = np.where(level > 1, level / 100, level)
    return np.asarray(np.where((share >= _LOWEST) & (share < 1), share, np.nan), dtype=np.float64)


def within_interval(sheet: Sheet, rows: BoolArray, value: str, low: str, high: str) -> None:
    """Refuse rows whose bounds are out of order, or whose value lies outside them."""
    bottom, top, middle = sheet.number(low), sheet.number(high), sheet.number(value)
    sheet.refuse(rows & ~(bottom < top), lambda i: f"{sheet.show(low, i)} is not below {sheet.show(high, i)}")
    sheet.refuse(
        rows & ((middle < bottom) | (middle > top)),
        lambda i: f"{sheet.show(value, i)} lies outside [{sheet.text(low)[i]}, {sheet.text(high)[i]}]",
    )
