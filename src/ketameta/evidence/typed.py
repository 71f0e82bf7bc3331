"""Cells to typed columns, by the dictionary; what cannot be read is reported, not guessed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ketameta.evidence.dictionary import Field

__all__ = ["BadCell", "typed_column"]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_FIRST_INEXACT_INTEGER = 2**53


class BadCell(NamedTuple):
    """A cell that does not hold what the dictionary asks for: position of the row, text, what to do."""

    row: int
    value: str
    hint: str


def typed_column(field: Field, cells: Iterable[Any]) -> tuple[pd.Series[Any], list[BadCell]]:
    """Values of one column in the type that the dictionary gives.

    Text stays as written, with ``""`` for a missing cell (dtype ``object``). Numbers become
    ``float64`` with NaN. Integers become ``int64`` where every cell is filled and ``float64`` with
    NaN otherwise. Booleans become ``bool`` where every cell is filled and ``object`` with None
    otherwise.

    Parameters
    ----------
    field : Field
        The column's entry in the dictionary.
    cells : iterable
        Text as read from a file, or values of a DataFrame.

    Returns
    -------
    series : pandas.Series
        One value for each cell; a bad cell counts as missing.
    bad : list of BadCell
        The cells that could not be read.
    """
    if isinstance(cells, pd.Series):
        numbers = _already_numbers(field, cells)
        if numbers is not None:
            return numbers, []
    if field.type == "string":
        return pd.Series([_text(cell) for cell in cells], dtype=object), []
    values: list[Any] = []
    bad: list[BadCell] = []
    for row, cell in enumerate(cells):
        value, hint = _value(field, cell)
        if hint:
            bad.append(BadCell(row, str(cell), hint))
        values.append(value)
    return _series(field.type, values), bad


def _already_numbers(field: Field, column: pd.Series[Any]) -> pd.Series[Any] | None:
    """The column itself where its NumPy dtype is right and no cell is infinite or a broken integer."""
    if field.type not in ("number", "integer") or column.dtype not in (
        np.dtype(np.float64),
        np.dtype(np.int64),
    ):
        return None
    values = column.to_numpy()
    if np.isinf(values).any():
        return None
    if field.type == "integer" and (np.mod(values[~np.isnan(values)], 1) != 0).any():
        return None
    return pd.Series(values if field.type == "integer" else values.astype(np.float64))


def _series(kind: str, values: list[Any]) -> pd.Series[Any]:
    complete = not any(value is None for value in values)
    if kind == "boolean":
        return pd.Series(values, dtype=bool if complete and values else object)
    numbers = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    if kind == "integer" and complete and values:
        return pd.Series(numbers.astype(np.int64))
    return pd.Series(numbers)


def _text(cell: Any) -> str:
    if type(cell) is str:
        return cell
    return "" if _is_missing(cell) else str(cell)


def _is_missing(cell: Any) -> bool:
    return cell is None or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell))


def _value(field: Field, cell: Any) -> tuple[Any, str]:
    """Value of a number or boolean (None when missing) and a hint when it cannot be read."""
    if _is_missing(cell) or (isinstance(cell, str) and cell.strip() == ""):
        return None, ""
    if field.type == "boolean":
        return _boolean(field, cell)
    number, hint = _number(cell)
    if hint or field.type == "number":
        return number, hint
    if number is not None and number != math.floor(number):
        return None, "write a whole number"
    if number is not None and abs(number) >= _FIRST_INEXACT_INTEGER:
        return None, "this whole number is too large to be one"
    return number, ""


def _boolean(field: Field, cell: Any) -> tuple[bool | None, str]:
    if isinstance(cell, bool | np.bool_):
        return bool(cell), ""
    word = str(cell).strip()
    if word in field.true_values:
        return True, ""
    if word in field.false_values:
        return False, ""
    return None, "write true, false, or leave the cell empty"


def _number(cell: Any) -> tuple[float | None, str]:
    if isinstance(cell, bool | np.bool_):
        return None, "write a number, not true or false"
    if isinstance(cell, int | float | np.integer | np.floating):
        return (float(cell), "") if math.isfinite(cell) else (None, "write a finite number")
    word = str(cell).strip()
    if _NUMBER.fullmatch(word):
        number = float(word)
        return (number, "") if math.isfinite(number) else (None, "this number is too large")
    if _DECIMAL_COMMA.fullmatch(word):
        if len(word.rpartition(",")[2]) == 3:
            point, plain = word.replace(",", "."), word.replace(",", "")
            return None, f"write {plain} if the comma groups thousands, {point} if it is a decimal comma"
        return None, f"decimal comma: write {word.replace(',', '.')}"
    if word.startswith("\N{MINUS SIGN}"):
        return None, "typographic minus sign: write a hyphen"
    if word.lower() in {"na", "n/a", "nan", "null", "none", "-", ".", "inf", "-inf"}:
        return None, "leave the cell empty for a missing number"
    return None, "write a number with a decimal point and no unit, or leave the cell empty"
