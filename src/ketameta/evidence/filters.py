"""What a selection asks for: values to keep in text columns, and a window of time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ketameta._spelling import nearest
from ketameta._typing import BoolArray
from ketameta.errors import SelectionError
from ketameta.evidence.sheet import Sheet

__all__ = ["COLUMNS", "Filter", "Wanted", "time_asked", "wanted_values", "window"]

Wanted: TypeAlias = str | Iterable[str] | None
"""A value, several values, or None for any."""

COLUMNS = {
    "setting": ("setting",),
    "indication": ("indication",),
    "outcome": ("outcome",),
    "drug": ("drug",),
    "route": ("route",),
    "dosing": ("dosing",),
    "comparator": ("comparator_class", "comparator"),
    "population": ("population",),
    "design": ("design",),
    "instrument": ("instrument",),
    "definition": ("definition",),
}
"""Filters in the order in which they are applied, and the columns in which each looks."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter with the values that it keeps."""

    name: str
    values: tuple[str, ...]

    @property
    def words(self) -> str:
        """``indication MDD or BD``."""
        return f"{self.name} {' or '.join(self.values)}"

    def keeps(self, data: Sheet) -> BoolArray:
        """Rows that hold one of the values in one of the filter's columns."""
        kept = np.zeros(len(data), dtype=bool)
        for column in COLUMNS[self.name]:
            kept |= data.is_one_of(column, self.values)
        return kept


def wanted_values(name: str, wanted: Wanted, data: Sheet, header: Iterable[str]) -> Filter | None:
    """Filter for what a caller asked, or None for any.

    Raises
    ------
    SelectionError
        When the value is not text, or no row of the table has it.
    """
    if wanted is None:
        return None
    try:
        values = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    except TypeError:
        values = ()
    if not values or not all(isinstance(value, str) for value in values):
        raise SelectionError(f"{name}={wanted!r}: a text or a list of texts is wanted, or None for any")
    columns = [column for column in COLUMNS[name] if column in set(header)]
    if not columns:
        raise SelectionError(f"{name}={wanted!r}: the table has no column {COLUMNS[name][0]!r}")
    known = _known(data, columns)
    for value in values:
        if value not in known:
            raise SelectionError(
                f"no row of the table has {name}={value!r}.{_advice(name, value, known, data)}"
            )
    return Filter(name, values)


def _known(data: Sheet, columns: Iterable[str]) -> list[str]:
    return sorted({value for column in columns for value in data.text(column)} - {""})


def _advice(name: str, value: str, known: list[str], data: Sheet) -> str:
    elsewhere = [
        other
        for other, columns in COLUMNS.items()
        if other != name and any(value in data.text(column) for column in columns)
    ]
    if elsewhere:
        return f" There is {elsewhere[0]}={value!r}. Known values of {name}: {', '.join(known)}."
    near = nearest(value, known, closeness=0.5)
    meant = f" Did you mean {near!r}?" if near else ""
    return f"{meant} Known values: {', '.join(known)}."


def window(hours: tuple[float, float] | None) -> tuple[float, float] | None:
    """Window of time in hours, checked.

    Raises
    ------
    SelectionError
        When it is not two numbers, the lower first, none below 0.
    """
    if hours is None:
        return None
    hint = "hours since the first dose as (low, high), such as (20, 36)"
    try:
        low, high = hours
        low, high = float(low), float(high)
    except (TypeError, ValueError):
        raise SelectionError(f"hours={hours!r}: {hint}") from None
    if not 0 <= low <= high or math.isinf(low):
        raise SelectionError(f"hours={hours!r}: {hint}, the lower first and none below 0")
    return low, high


def time_asked(at: float | None, hours: tuple[float, float] | None) -> float | None:
    """Time that a row is best near to: the one asked for, or the middle of the window.

    Raises
    ------
    SelectionError
        When it is not a number inside the window, or there is no window.
    """
    if hours is None:
        if at is not None:
            raise SelectionError(f"at={at!r} says which time of a window is best: give hours=(low, high) too")
        return None
    low, high = hours
    if at is None:
        return low if math.isinf(high) else (low + high) / 2
    try:
        time = float(at)
    except (TypeError, ValueError):
        raise SelectionError(f"at={at!r}: a number of hours is wanted") from None
    if not low <= time <= high:
        raise SelectionError(f"at={at!r} lies outside hours=({low:g}, {high:g})")
    return time
