"""Cells of one moderator as numbers or as levels."""

from __future__ import annotations

from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ketameta.errors import ModelError
from ketameta.models._studies import name_rows

__all__ = ["moderator", "reads_as_number", "text_of"]

_WRITTEN_MISSING = ("nan", "NaN", "<NA>", "NaT")
_FARTHEST = 1e100


def moderator(table: pd.DataFrame, name: str, *, as_levels: bool = False) -> tuple[Any, Any]:
    """One moderator as floats, or as text where it is categorical, and which rows lack it.

    Parameters
    ----------
    table : DataFrame
        Rows.
    name : str
        Column.
    as_levels : bool
        Whether numbers, too, stand for levels.

    Raises
    ------
    ModelError
        For dates and other things that are neither numbers nor text, numbers and text in one column, numbers
        written as text, a missing value written as text, and numbers that are infinite or beyond 1e100; names
        the rows.
    """
    column = table[name]
    if not isinstance(column, pd.Series):
        raise ModelError(f"the table has more than one column {name!r}")
    cells: list[Any] = [None if pd.api.types.is_scalar(cell) and pd.isna(cell) else cell for cell in column]
    cells = [None if isinstance(cell, str) and not cell.strip() else cell for cell in cells]
    missing = np.array([cell is None for cell in cells], dtype=np.bool_)
    categorical = isinstance(column.dtype, pd.CategoricalDtype)
    kinds: dict[str, list[int]] = {}
    for i, cell in enumerate(cells):
        if cell is not None:
            kinds.setdefault(_kind(cell), []).append(i)
    if "other" in kinds:
        i = kinds["other"][0]
        raise ModelError(
            f"{name!r} is {cells[i]!r} in {name_rows(table, [i])}; the column must hold numbers or text"
        )
    if len(kinds) > 1:
        some = ", ".join(f"{kind} in {name_rows(table, found[:1])}" for kind, found in kinds.items())
        raise ModelError(f"{name!r} mixes kinds of values: {some}; make it all numbers or all text")
    if "number" in kinds and not categorical and not as_levels:
        far = [i for i in kinds["number"] if not -_FARTHEST < cells[i] < _FARTHEST]
        if far:
            raise ModelError(
                f"{name!r} is infinite or beyond {_FARTHEST:g} in {name_rows(table, far)}; correct it or change the unit"
            )
        return np.array([np.nan if cell is None else float(cell) for cell in cells]), missing
    texts = [None if cell is None else text_of(cell) for cell in cells]
    written = [i for i, text in enumerate(texts) if text in _WRITTEN_MISSING]
    if written:
        raise ModelError(
            f"{name!r} is the text {texts[written[0]]!r} in {name_rows(table, written)}; leave the cell empty where "
            "the value is missing"
        )
    if "text" in kinds and not categorical and not as_levels and all(map(reads_as_number, texts)):
        raise ModelError(
            f"{name!r} holds numbers written as text, such as {texts[kinds['text'][0]]!r}; turn them into numbers "
            f"with pandas.to_numeric, or write C({name}) if they are levels"
        )
    return np.array(texts, dtype=object), missing


def _kind(cell: Any) -> str:
    if isinstance(cell, bool | np.bool_):
        return "truth value"
    if isinstance(cell, Real | Decimal):
        return "number"
    return "text" if isinstance(cell, str) else "other"


def text_of(cell: Any) -> str:
    """A level as text, a whole number without its decimal point.

    Examples
    --------
    >>> from ketameta.models._moderators import text_of
    >>> text_of(2010.0), text_of(" inactive "), text_of(True)
    ('2010', 'inactive', 'True')
    """
    if isinstance(cell, Real) and not isinstance(cell, bool | np.bool_) and float(cell).is_integer():
        return str(int(float(cell)))
    return str(cell).strip()


def reads_as_number(text: str | None) -> bool:
    """Whether text is a finite number; a missing cell passes."""
    try:
        return text is None or bool(np.isfinite(float(text)))
    except ValueError:
        return False
