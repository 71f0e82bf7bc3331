"""A trials table as arrays of known type, whatever pandas made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ketameta._typing import Array, BoolArray
from ketameta.errors import DataError
from ketameta.evidence.dictionary import Field, fields
from ketameta.evidence.reading import LINE, check_names
from ketameta.evidence.typed import BadCell, typed_column

__all__ = ["ERROR", "NUMBERS", "WARNING", "Finding", "Sheet", "sheet"]

ERROR = "error"
WARNING = "warning"
NUMBERS = "error unless apart"
"""A contradiction in the numbers: an error in a row for pools, a warning in a row kept apart as printed."""


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """Rows that break one rule.

    Attributes
    ----------
    rows : ndarray of int
        Positions of the rows, from 0.
    column : str
        Where the value stands that is at fault.
    rule : str
        Slug of the rule.
    severity : str
        ``ERROR``, ``WARNING`` or ``NUMBERS``.
    hint : str
        What is wrong and what to do.
    """

    rows: NDArray[np.intp]
    column: str
    rule: str
    severity: str
    hint: str


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Columns of the dictionary as arrays of one length.

    Attributes
    ----------
    frame : pandas.DataFrame
        Typed columns, index 0, 1, ...
    lines : ndarray of int
        Line of the file on which each row stands; position + 2 where the table was not read from a file.
    extra : tuple of str
        Columns that the dictionary does not know.
    bad : tuple of (str, BadCell)
        Cells that are not of their column's type, by column.
    """

    frame: pd.DataFrame
    lines: NDArray[np.int64]
    extra: tuple[str, ...]
    bad: tuple[tuple[str, BadCell], ...]

    def __len__(self) -> int:
        return len(self.frame)

    def text(self, name: str) -> NDArray[np.object_]:
        """Text column, ``""`` where missing."""
        return self.frame[name].to_numpy(dtype=object)

    def number(self, name: str) -> Array:
        """Numeric column, NaN where missing."""
        return self.frame[name].to_numpy(dtype=np.float64)

    def true(self, name: str) -> BoolArray:
        """Where a boolean column is true."""
        return np.array([value is True or value is np.True_ for value in self.frame[name]], dtype=bool)

    def false(self, name: str) -> BoolArray:
        """Where a boolean column is false (and not missing)."""
        return np.array([value is False or value is np.False_ for value in self.frame[name]], dtype=bool)

    def is_one_of(self, name: str, values: Iterable[str]) -> BoolArray:
        """Where a text column holds one of the values."""
        wanted = set(values)
        return np.array([value in wanted for value in self.frame[name]], dtype=bool)

    def misread(self, name: str) -> BoolArray:
        """Where a cell of a column is filled with something that is not of its type."""
        rows = np.zeros(len(self), dtype=bool)
        rows[[cell.row for column, cell in self.bad if column == name]] = True
        return rows

    def filled(self, *names: str) -> BoolArray:
        """Where all of these columns, of the dictionary or added to it, are there and hold something readable."""
        rows = np.full(len(self), set(names) <= set(self.frame))
        for column in (self.frame[name] for name in names if rows.any()):
            rows &= (column.notna() & (column.astype(str).str.strip() != "")).to_numpy(dtype=bool)
        return rows

    def included(self) -> BoolArray:
        """Rows that may enter a pool."""
        return self.is_one_of("status", ["include"])


def sheet(
    table: pd.DataFrame, columns: Sequence[str] | None = None, required: Sequence[str] | None = None
) -> Sheet:
    """Bring any DataFrame with the columns of the dictionary into known types; it is not changed.

    Parameters
    ----------
    table : pandas.DataFrame
        Trials.
    columns : sequence of str, optional
        Columns of the dictionary that are wanted; all, and those that it does not know, by default.
    required : sequence of str, optional
        Columns that must be there; those that the dictionary requires by default. Others come as empty.

    Raises
    ------
    DataError
        When the argument is not a DataFrame, or required columns are missing, doubled or misspelt.
    """
    if not isinstance(table, pd.DataFrame):
        raise DataError(
            f"a DataFrame of trials is wanted, not {type(table).__name__}; read a file with read_trials"
        )
    header = [str(name) for name in table.columns]
    check_names(header, "the table", required)
    wanted = [field for field in fields("trials") if columns is None or field.name in columns]
    extra = tuple(name for name in header if name not in _names()) if columns is None else ()
    place = {name: i for i, name in enumerate(header)}
    typed: dict[str, pd.Series[Any]] = {}
    bad: list[tuple[str, BadCell]] = []
    for field in [*wanted, *(_free_text(name) for name in extra)]:
        cells = (
            table.iloc[:, place[field.name]]
            if field.name in place
            else pd.Series([None] * len(table), dtype=object)
        )
        typed[field.name], wrong = typed_column(field, cells)
        bad += [(field.name, cell) for cell in wrong]
    if table.index.name == LINE and pd.api.types.is_integer_dtype(table.index):
        lines = table.index.to_numpy(dtype=np.int64)
    else:
        lines = np.arange(2, len(table) + 2, dtype=np.int64)
    return Sheet(pd.DataFrame(typed), lines, extra, tuple(bad))


@cache
def _names() -> frozenset[str]:
    return frozenset(field.name for field in fields("trials"))


def _free_text(name: str) -> Field:
    return Field(name, "string", name, "", "", False, False, None, None, (), "", (), ())
