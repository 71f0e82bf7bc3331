"""A DataFrame that answers a misspelt column with the nearest name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from ketameta._spelling import did_you_mean
from ketameta.errors import ColumnError

__all__ = ["Table"]


class Table(pd.DataFrame):
    """A DataFrame, and so is what is derived from it; it says which column there is none of, in one line.

    Examples
    --------
    >>> from ketameta._table import Table
    >>> Table({"year": [2000]}).head()["yeer"]
    Traceback (most recent call last):
    ketameta.errors.ColumnError: no column 'yeer'; did you mean 'year'?
    """

    def __getitem__(self, key: Any) -> Any:
        """Column or rows, as in pandas; a column that does not exist is answered with the nearest name."""
        try:
            return super().__getitem__(key)
        except KeyError:
            absent = [name for name in _names(key) if name not in self.columns]
            if not absent:
                raise
            raise self._no_column(absent[0], self.columns) from None

    def __getattr__(self, name: str) -> Any:  # type: ignore[misc]
        """Column, as in pandas; a misspelt column or method is answered with the nearest name."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("_"):
                raise
            raise self._no_column(name, [*self.columns, *dir(pd.DataFrame)]) from None

    def _no_column(self, name: str, known: Iterable[Any]) -> ColumnError:
        hint = did_you_mean(name, known, "; .columns lists those that there are")
        error = ColumnError(f"no column {name!r}{hint}")
        error.name, error.obj = name, None  # Python then adds no suggestion of its own
        return error

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return Table


def _names(key: Any) -> list[str]:
    """Texts by which columns are asked for."""
    asked = key if pd.api.types.is_list_like(key) else [key]
    return [name for name in asked if isinstance(name, str)]
