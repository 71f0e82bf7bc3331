"""Working copy of a table of reported statistics: columns as arrays, and one verdict a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.errors import EffectError

__all__ = ["Sheet", "blank", "parsed"]

_RULES: dict[str, tuple[Callable[[Array], BoolArray], str]] = {
    "any": (lambda x: np.ones(x.shape, dtype=np.bool_), ""),
    "n": (lambda x: x > 1, "at least 2 people are needed"),
    "whole": (lambda x: x % 1 == 0, "not a whole number of people"),
    "sd": (lambda x: x > 0, "a standard deviation must be positive"),
    "se": (lambda x: x > 0, "a standard error must be positive"),
    "ratio": (lambda x: x > 0, "a ratio must be positive"),
    "total": (lambda x: x > 0, "a group cannot be empty"),
    "count": (lambda x: x >= 0, "a count cannot be negative"),
}


def blank(count: int) -> AnyArray:
    """Array of ``count`` empty strings."""
    return np.full(count, "", dtype=object)


@dataclass(slots=True)
class Sheet:
    """Rows on their way from reported statistics to effects.

    Attributes
    ----------
    frame : DataFrame
        The input rows, index reset.
    kind : array of str
        Statistic that a row's effect comes from: ``"arms"``, ``"paired"``, ``"contrast"`` or ``"counts"``.
    reason, imputed, notes, shared, standardiser : array of str
        Why a row has no effect; what was recovered; what a reader must know; what was done about
        a shared comparator arm; in units of which SD a standardised difference is.
    stat : dict of str to array
        Usable numbers by name; not-a-number where a row has none.
    merged : dict of int to list of int
        First row of each merged set, with all rows of the set.
    """

    frame: pd.DataFrame
    kind: AnyArray = field(init=False)
    reason: AnyArray = field(init=False)
    imputed: AnyArray = field(init=False)
    notes: AnyArray = field(init=False)
    shared: AnyArray = field(init=False)
    standardiser: AnyArray = field(init=False)
    stat: dict[str, Array] = field(default_factory=dict)
    merged: dict[int, list[int]] = field(default_factory=dict)
    _numbers: dict[str, Array] = field(default_factory=dict)
    _texts: dict[str, AnyArray] = field(default_factory=dict)
    _filled: dict[str, BoolArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("kind", "reason", "imputed", "notes", "shared", "standardiser"):
            setattr(self, name, blank(len(self.frame)))

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def alive(self) -> BoolArray:
        """Rows that still may give an effect."""
        return np.asarray(self.reason == "", dtype=np.bool_)

    def text(self, name: str) -> AnyArray:
        """Column as stripped strings, empty where missing or where there is no such column."""
        if name not in self._texts:
            cells = blank(len(self))
            if name in self.frame.columns:
                column = self.frame[name]
                filled = np.flatnonzero(column.notna().to_numpy(dtype=np.bool_))
                short = column.dtype in (np.float16, np.float32)
                values = column.to_numpy()[filled] if short else column.iloc[filled]
                cells[filled] = [_printed(value) for value in values]
            self._texts[name] = cells
        return self._texts[name]

    def number(self, name: str) -> Array:
        """Column as floats, not-a-number where it is missing or does not read as a number."""
        if name not in self._numbers:
            if name not in self.frame.columns:
                values = np.full(len(self), np.nan)
            elif self._is_numeric(name):
                values = self.frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
            else:
                values = np.array([parsed(cell) for cell in self.text(name)], dtype=np.float64)
            self._numbers[name] = values
        return self._numbers[name]

    def given(self, *names: str) -> BoolArray:
        """Rows in which every one of the columns is filled in."""
        filled = np.ones(len(self), dtype=np.bool_)
        for name in names:
            if name not in self._filled:
                self._filled[name] = self._has_cells(name)
            filled &= self._filled[name]
        return filled

    def _has_cells(self, name: str) -> BoolArray:
        if name not in self.frame.columns:
            return np.zeros(len(self), dtype=np.bool_)
        if self._is_numeric(name):
            return self.frame[name].notna().to_numpy(dtype=np.bool_)
        return np.asarray(self.text(name) != "", dtype=np.bool_)

    def _is_numeric(self, name: str) -> bool:
        if name not in self.frame.columns:
            return False
        dtype = self.frame[name].dtype
        return pd.api.types.is_numeric_dtype(dtype) and not (
            pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_complex_dtype(dtype)
        )

    def refuse_each(self, rows: Iterable[int], why: str) -> None:
        """Give a reason to the rows at these positions that have none yet."""
        for row in rows:
            if not self.reason[row]:
                self.reason[row] = why

    def note_each(self, rows: Iterable[int], what: str) -> None:
        """Add to ``notes`` of the rows at these positions."""
        for row in rows:
            self.notes[row] = f"{self.notes[row]}; {what}" if self.notes[row] else what

    def refuse(self, rows: BoolArray, why: str | Callable[[int], str]) -> None:
        """Give a reason to the rows that have none yet."""
        for row in np.flatnonzero(rows & self.alive):
            self.reason[row] = why if isinstance(why, str) else why(int(row))

    def flag(self, rows: BoolArray, what: str | Callable[[int], str]) -> None:
        """Add to ``imputed`` of some rows."""
        _append(self.imputed, rows, what)

    def note(self, rows: BoolArray, what: str | Callable[[int], str]) -> None:
        """Add to ``notes`` of some rows."""
        _append(self.notes, rows, what)

    def show(self, name: str, row: int | np.integer[Any]) -> str:
        """``name = value`` as the table has it."""
        return f"{name} = {self.text(name)[row]}"

    def require_text(self, rows: BoolArray, name: str) -> None:
        """Refuse rows in which a column is missing."""
        absent = "" if name in self.frame.columns else " (no such column)"
        self.refuse(rows & ~self.given(name), f"{name} is missing{absent}")

    def require(self, rows: BoolArray, names: Iterable[str], rule: str = "any") -> None:
        """Refuse rows in which a column is missing, unreadable, infinite, or breaks a rule."""
        if not rows.any():
            return
        keeps, words = _RULES[rule]
        for name in names:
            self.require_text(rows, name)
            values = self.number(name)
            self.refuse(
                rows & np.isnan(values),
                self._saying(name, "not a number; leave the cell empty where the source prints none"),
            )
            self.refuse(rows & np.isinf(values), self._saying(name, "not finite"))
            self.refuse(rows & ~keeps(values), self._saying(name, words))

    def usable(self, name: str) -> Array:
        """Usable numbers of that name; all not-a-number where none was kept."""
        return self.stat.get(name, np.full(len(self), np.nan))

    def keep(self, name: str, rows: BoolArray, values: Array) -> None:
        """Store usable numbers for some rows."""
        if name not in self.stat:
            self.stat[name] = np.full(len(self), np.nan)
        self.stat[name][rows] = values[rows]

    def name(self, row: int) -> str:
        """What a reader knows a row by: record id, study id, or its number."""
        record, study = self.text("record_id")[row], self.text("study_id")[row]
        return str(record or study or f"row {row + 1}")

    def attempt(
        self,
        rows: BoolArray,
        call: Callable[[Any], Mapping[str, Array]],
        say: Callable[[str, int], str] = lambda why, _: why,
    ) -> None:
        """Store what ``call`` gives for rows; where it fails, refuse the rows that make it fail.

        ``call`` takes positions (an array, or one whole number) and returns usable numbers by name; the
        rows that fail are found by halving. ``say`` turns the error of one row into its reason.
        """
        waiting = [np.flatnonzero(rows & self.alive)]
        while waiting:
            index = waiting.pop()
            if not index.size:
                continue
            one = index.size == 1
            try:
                self._store(index, call(int(index[0]) if one else index))
            except EffectError as error:
                if one:
                    row = int(index[0])
                    self.reason[row] = say(str(error), row)
                else:
                    waiting += np.array_split(index, 2)

    def _store(self, index: Any, found: Mapping[str, Any]) -> None:
        for name, values in found.items():
            if name not in self.stat:
                self.stat[name] = np.full(len(self), np.nan)
            self.stat[name][index] = values

    def _saying(self, name: str, words: str) -> Callable[[int], str]:
        return lambda row: f"{self.show(name, row)}: {words}"


def _append(target: AnyArray, rows: BoolArray, what: str | Callable[[int], str]) -> None:
    for row in np.flatnonzero(rows):
        said = what if isinstance(what, str) else what(int(row))
        target[row] = f"{target[row]}; {said}" if target[row] else said


def _printed(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, np.floating) and not isinstance(value, float):
        return np.format_float_positional(value, trim="-")
    if isinstance(value, float):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    return str(value).strip()


def parsed(cell: str) -> float:
    """Number that a cell of text holds; not-a-number where it holds none."""
    try:
        return float(cell.replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        return float("nan")
