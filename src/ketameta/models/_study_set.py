"""The studies of a pool: effects, variances, and the rows that they come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.provenance import ATTRS_KEY, Asked

__all__ = ["Studies", "blank", "numbered", "text_column"]


class Studies:
    """Studies that enter a pool.

    Attributes
    ----------
    yi, vi : Array, shape (k,)
        Effects and sampling variances.
    rows : DataFrame
        Their rows, in order, with a ``label`` column.
    left_out : DataFrame
        Rows that have no effect size, with their ``reason``.
    measure : str
        Effect measure, empty when the table does not name one.
    alerts : tuple of str
        What a reader must know about this choice of rows.
    asked : tuple or None
        The public function that pools them, and its arguments.
    """

    __slots__ = ("_chosen", "_left_out", "_rows", "_table", "alerts", "asked", "measure", "vi", "yi")

    def __init__(
        self,
        yi: Array,
        vi: Array,
        rows: pd.DataFrame,
        left_out: pd.DataFrame,
        measure: str,
        alerts: tuple[str, ...],
    ) -> None:
        self.yi, self.vi, self.measure, self.alerts = yi, vi, measure, alerts
        self.asked: Asked | None = None
        self._rows: pd.DataFrame | None = rows
        self._left_out: pd.DataFrame | None = left_out
        self._table: pd.DataFrame | None = rows
        self._chosen: Any = np.arange(len(rows))

    @classmethod
    def of_table(cls, table: pd.DataFrame, yi: Array, vi: Array, chosen: Any, measure: str) -> Studies:
        """The rows ``chosen`` of a table that nobody else changes; frames are made when asked for."""
        result = cls(yi[chosen], vi[chosen], table, table, measure, _mixed_dosing(table, chosen))
        result._rows = result._left_out = None
        result._chosen = chosen
        return result

    @classmethod
    def of_arrays(cls, yi: Array, vi: Array) -> Studies:
        """Effects without a table, which is made when asked for."""
        result = cls.__new__(cls)
        result.yi, result.vi, result.measure, result.alerts, result.asked = yi, vi, "", (), None
        result._rows = result._left_out = result._table = None
        result._chosen = np.arange(yi.size)
        return result

    @property
    def table(self) -> pd.DataFrame:
        """The table that the studies come from."""
        if self._table is None:
            self._table = numbered(self.yi, self.vi)
        return self._table

    @property
    def rows(self) -> pd.DataFrame:
        """The rows used, in order, with a ``label`` column."""
        if self._rows is None:
            self._rows = _labelled(self.table.iloc[self._chosen])
        return self._rows

    @property
    def left_out(self) -> pd.DataFrame:
        """The rows without an effect size, with a ``label`` column."""
        if self._left_out is None:
            rest = np.setdiff1d(np.arange(len(self.table)), self._chosen)
            self._left_out = _labelled(self.table.iloc[rest])
        return self._left_out

    @property
    def n_left_out(self) -> int:
        """How many rows have no effect size."""
        if self._left_out is not None:
            return len(self._left_out)
        return 0 if self._table is None else len(self._table) - self._chosen.size

    def text(self, name: str) -> list[str]:
        """A column of the rows used as stripped text."""
        if self._rows is not None:
            return text_column(self._rows, name)
        if self._table is None:
            return [""] * self.yi.size
        return text_column(self._table, name, self._chosen)

    def take(self, positions: Sequence[int]) -> Studies:
        """The studies at these positions, without the rows left out."""
        chosen = list(positions)
        rows = self.rows.iloc[chosen].copy()
        return Studies(
            self.yi[chosen],
            self.vi[chosen],
            rows,
            self.left_out.iloc[:0],
            self.measure,
            _mixed_dosing(rows),
        )


def numbered(yi: Array, vi: Array) -> pd.DataFrame:
    """A table of effects without names."""
    return pd.DataFrame({"label": [f"Study {i}" for i in range(1, yi.size + 1)], "yi": yi, "vi": vi})


def text_column(table: pd.DataFrame, name: str, positions: Any = None) -> list[str]:
    """A column as stripped text, empty where the cell is missing or the column does not exist."""
    if name not in table.columns:
        return [""] * len(table if positions is None else positions)
    column = table[name]
    if not isinstance(column, pd.Series):
        raise ModelError(f"the table has more than one column {name}")
    values = column.tolist()
    if positions is not None:
        values = [values[i] for i in positions]
    return ["" if blank(value) else str(value).strip() for value in values]


def blank(value: Any) -> bool:
    if type(value) is str:
        return False
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _labelled(rows: pd.DataFrame) -> pd.DataFrame:
    """A plain copy with a ``label`` column: the study's where there is none, else its position."""
    result = pd.DataFrame(rows).copy()
    origin = rows.attrs.get(ATTRS_KEY)
    result.attrs = {} if origin is None else {ATTRS_KEY: dict(origin)}
    if "label" not in result.columns:
        studies = text_column(result, "study_id")
        result["label"] = [name or f"Study {i}" for i, name in enumerate(studies, start=1)]
    return result


def _mixed_dosing(rows: pd.DataFrame, positions: Any = None) -> tuple[str, ...]:
    found = sorted({value for value in text_column(rows, "dosing", positions) if value})
    if len(found) < 2:
        return ()
    return (f"the pool mixes dosing: {' and '.join(found)}; the effect it estimates is a blend of them",)
