"""From arrays or a table of trials to two-by-two tables that can be pooled, with every refusal named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._spelling import nearest
from ketameta._typing import Array, ArrayLike
from ketameta.effects import effect_sizes
from ketameta.effects._checks import arrays
from ketameta.errors import EffectError, ModelError
from ketameta.models._studies import name_rows, read_studies, text_column

__all__ = ["COLUMNS", "Tables", "as_model_error", "read_tables"]

COLUMNS = ("events_t", "total_t", "events_c", "total_c")
_OF_EFFECTS = ("measure", "yi", "vi", "sei", "standardiser", "imputed", "reason")
_LARGEST = 2.0**53


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Two-by-two tables of independent studies.

    Attributes
    ----------
    a, n1, c, n2 : Array, shape (k,)
        Events and sizes of groups 1 (ketamine) and 2 (comparator).
    rows : DataFrame
        Their rows, in order, with a ``label`` column.
    left_out : DataFrame
        Rows left out, each with its ``reason``.
    alerts : tuple of str
        What deserves a warning.
    notes : tuple of str
        What a reader must know besides.
    """

    a: Array
    n1: Array
    c: Array
    n2: Array
    rows: pd.DataFrame
    left_out: pd.DataFrame
    alerts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@contextmanager
def as_model_error() -> Iterator[None]:
    """Errors of the shared argument checks, as errors of a model."""
    try:
        yield
    except EffectError as error:
        raise ModelError(str(error)) from None


def read_tables(
    a: ArrayLike | pd.DataFrame | Any, n1: ArrayLike | None, c: ArrayLike | None, n2: ArrayLike | None
) -> Tables:
    """Read four arrays, or a table of trials in which arms that share a comparator are first made one.

    Raises
    ------
    ModelError
        If there is nothing to pool, a count is not a whole number or exceeds its group, a cohort or a comparator
        arm is counted twice.
    """
    table = a if isinstance(a, pd.DataFrame) else getattr(a, "rows", None)
    if isinstance(table, pd.DataFrame):
        if not (n1 is None and c is None and n2 is None):
            raise ModelError("give either a table or the arrays a, n1, c and n2, not both")
        return _from_table(table)
    absent = [name for name, given in (("a", a), ("n1", n1), ("c", c), ("n2", n2)) if given is None]
    if absent or n1 is None or c is None or n2 is None:
        raise ModelError(f"{', '.join(absent)} is missing; give a table, or a, n1, c and n2")
    with as_model_error():
        columns = arrays(a=a, n1=n1, c=c, n2=n2)
    if columns[0].ndim > 1:
        raise ModelError(f"the counts have shape {columns[0].shape}; give one-dimensional arrays")
    flat = [np.atleast_1d(column).astype(np.float64) for column in columns]
    rows = pd.DataFrame(dict(zip(COLUMNS, flat, strict=True)))
    rows.insert(0, "label", [f"Study {i}" for i in range(1, len(rows) + 1)])
    return _checked(rows, rows.iloc[:0].assign(reason=""))


def _from_table(table: pd.DataFrame) -> Tables:
    absent = [name for name in COLUMNS if name not in table.columns]
    if absent:
        others = [str(name) for name in table.columns if name not in COLUMNS]
        near = {name: nearest(name, others) for name in absent}
        hints = [name + (f" (did you mean {near[name]!r}?)" if near[name] else "") for name in absent]
        raise ModelError(f"the table has no column {', '.join(hints)}; counts need {', '.join(COLUMNS)}")
    effects = effect_sizes(table, measure="AS")
    effects.attrs = dict(table.attrs)
    counted = effects[list(COLUMNS)].apply(pd.to_numeric, errors="coerce").notna().all(axis=1).to_numpy()
    without = ~counted & (effects["reason"] == "").to_numpy()
    effects.loc[without, ["yi", "vi"]] = np.nan
    effects.loc[without, "reason"] = "the events are not given as a count"
    if not effects["yi"].notna().any():
        raise ModelError(f"no row has usable counts: {'; '.join(dict.fromkeys(effects['reason']))}")
    studies = read_studies(effects)
    notes = [
        f"{label}: {note}"
        for label, note in zip(
            text_column(studies.rows, "label"), text_column(studies.rows, "effect_notes"), strict=True
        )
        if note
    ]
    drop = [name for name in _OF_EFFECTS if name in studies.rows.columns]
    return _checked(studies.rows.drop(columns=drop), studies.left_out, studies.alerts, tuple(notes))


def _checked(
    rows: pd.DataFrame,
    left_out: pd.DataFrame,
    alerts: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Tables:
    a, n1, c, n2 = (rows[name].to_numpy(dtype=np.float64) for name in COLUMNS)
    for name, values in zip(COLUMNS, (a, n1, c, n2), strict=True):
        least = 1.0 if name.startswith("total") else 0.0
        _refuse(rows, name, values, values != np.floor(values), "must be a whole number")
        _refuse(rows, name, values, values < least, f"must be at least {least:g}")
        _refuse(rows, name, values, values > _LARGEST, "is too large to be a count")
    for name, total, values, size in (("events_t", "total_t", a, n1), ("events_c", "total_c", c, n2)):
        _refuse(rows, name, values, values > size, f"exceeds {total}")
    return Tables(a, n1, c, n2, rows, left_out, alerts, notes)


def _refuse(rows: pd.DataFrame, name: str, values: Array, bad: Any, rule: str) -> None:
    if bad.any():
        place = int(np.argmax(bad))
        raise ModelError(f"{name} = {values[place]:.10g} in {name_rows(rows, [place])} {rule}")
