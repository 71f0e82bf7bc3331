"""From a table or arrays to the studies that enter a pool, with every refusal named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ketameta._spelling import nearest
from ketameta._typing import Array, ArrayLike
from ketameta.errors import ModelError
from ketameta.models._study_set import Studies, blank, numbered, text_column
from ketameta.provenance import ATTRS_KEY

__all__ = ["Studies", "name_rows", "read_studies", "text_column"]

_NAMES_SHOWN = 5


def read_studies(
    es: pd.DataFrame | None,
    *,
    yi: ArrayLike | None = None,
    vi: ArrayLike | None = None,
    dependent: bool = False,
) -> Studies:
    """Take a table of effect sizes, or arrays, and check that they can be pooled.

    Parameters
    ----------
    es : DataFrame, optional
        Columns ``yi`` and ``vi``, and where present ``label``, ``measure``, ``reason``, ``cohort_id``,
        ``comparator_arm_id``, ``shared`` and ``dosing``.
    yi, vi : array_like, shape (k,), optional
        Effects and sampling variances, instead of a table.
    dependent : bool
        Whether several effects may come from the same participants.

    Raises
    ------
    ModelError
        When there is nothing to pool, or something that must not be pooled; names the rows.
    """
    if es is None and yi is not None and vi is not None:
        first, second = _vectors(yi, vi)
        if first.size and np.isfinite(first).all() and np.isfinite(second).all() and (second > 0).all():
            return Studies.of_arrays(first, second)
    table = _table(es, yi, vi)
    effects, variances = _numbers(table, "yi"), _numbers(table, "vi")
    missing = np.isnan(effects) | np.isnan(variances)
    reasons = text_column(table, "reason")
    silent = [i for i in np.flatnonzero(missing).tolist() if not reasons[i]]
    if silent:
        raise ModelError(
            f"yi or vi is missing without a reason in {name_rows(table, silent)}; fill the numbers in, drop "
            "the rows, or say in a 'reason' column why they have none"
        )
    used = np.flatnonzero(~missing)
    if not used.size:
        why = sorted({reason for reason in reasons if reason})
        raise ModelError("there is no effect size to pool" + (f": {'; '.join(why[:3])}" if why else ""))
    _check_values(table, effects, variances, used)
    studies = Studies.of_table(table, effects, variances, used, _measure(text_column(table, "measure", used)))
    for column in () if dependent else _ONCE:
        _check_once(studies, column)
    return studies


def _table(es: pd.DataFrame | None, yi: ArrayLike | None, vi: ArrayLike | None) -> pd.DataFrame:
    if es is not None:
        if yi is not None or vi is not None:
            raise ModelError("give either a table or the arrays yi and vi, not both")
        if not isinstance(es, pd.DataFrame):
            hint = (
                "call effect_sizes() on it first"
                if hasattr(es, "rows")
                else "arrays go in as pool(yi=..., vi=...)"
            )
            raise ModelError(
                f"es must be a DataFrame with columns yi and vi, not {type(es).__name__}; {hint}"
            )
        absent = [name for name in ("yi", "vi") if name not in es.columns]
        if absent:
            raise ModelError(
                f"the table has no column {' and '.join(absent)}; effect_sizes() makes them{_near(absent, es)}"
            )
        _check_identifiers(es)
        return _snapshot(es)
    if yi is None or vi is None:
        raise ModelError("give a table from effect_sizes(), or both yi and vi")
    return numbered(*_vectors(yi, vi))


def _vectors(yi: ArrayLike, vi: ArrayLike) -> tuple[Array, Array]:
    first, second = _vector(yi, "yi"), _vector(vi, "vi")
    if first.size != second.size:
        raise ModelError(f"yi has {first.size} values and vi has {second.size}; they must be as many")
    return first, second


def _snapshot(es: pd.DataFrame) -> pd.DataFrame:
    """A plain copy of a table, with its origin."""
    result = es.copy() if type(es) is pd.DataFrame else pd.DataFrame(es).copy()
    origin = es.attrs.get(ATTRS_KEY)
    result.attrs = {} if origin is None else {ATTRS_KEY: dict(origin)}
    return result


def _near(absent: Sequence[str], es: pd.DataFrame) -> str:
    found = [near for name in absent if (near := nearest(name, es.columns))]
    return f"; did you mean {', '.join(map(repr, found))}?" if found else ""


def _check_identifiers(es: pd.DataFrame) -> None:
    """Refuse a misspelt identifier: without it nobody sees that people are counted twice."""
    found = _misspelt(tuple(str(column) for column in es.columns))
    if found is not None:
        raise ModelError(
            f"the column {found[0]!r} looks like {found[1]!r}, which keeps participants from being counted "
            "twice; rename it, or drop it if it means something else"
        )


@lru_cache(maxsize=64)
def _misspelt(columns: tuple[str, ...]) -> tuple[str, str] | None:
    """A column whose name is nearly that of an absent identifier, and that identifier."""
    for name in _ONCE:
        near = "" if name in columns else nearest(name, columns, closeness=0.79)
        if near:
            return near, name
    return None


def _vector(values: ArrayLike, name: str) -> Array:
    if np.ma.is_masked(values):
        raise ModelError(f"{name} has masked values; drop them, or give a table with a 'reason' column")
    try:
        array = np.asarray(values)
    except ValueError:
        raise ModelError(f"{name} is ragged; it must be a one-dimensional array of numbers") from None
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise ModelError(
            f"{name} must be a one-dimensional array of numbers, not one of shape {array.shape} and type "
            f"{array.dtype}"
        )
    return array.astype(np.float64)


def _numbers(table: pd.DataFrame, name: str) -> Array:
    """A column as floats, NaN where missing; anything but numbers is refused."""
    column = table[name]
    if not isinstance(column, pd.Series):
        raise ModelError(f"the table has more than one column {name}")
    if column.dtype == np.float64:
        return column.to_numpy(dtype=np.float64, copy=True)
    result = np.full(len(column), np.nan)
    for i, value in enumerate(column):
        if isinstance(value, Real) and not isinstance(value, bool | np.bool_):
            result[i] = _as_float(value, name, table, i)
        elif not blank(value):
            raise ModelError(f"{name} is {value!r} in {name_rows(table, [i])}; it must be a number")
    return result


def _as_float(value: Real, name: str, table: pd.DataFrame, row: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ModelError(f"{name} is too large a number in {name_rows(table, [row])}") from None


def name_rows(table: pd.DataFrame, positions: Sequence[int]) -> str:
    """Name rows by record, label and position, so that a reader finds them."""
    records, labels = text_column(table, "record_id"), text_column(table, "label")
    studies = text_column(table, "study_id")
    names = []
    for i in list(positions)[:_NAMES_SHOWN]:
        known = [part for part in (records[i], labels[i] or studies[i]) if part]
        names.append(f"row {i + 1}" + (f" ({', '.join(known)})" if known else ""))
    rest = len(positions) - len(names)
    return ", ".join(names) + (f" and {rest} more" if rest else "")


def _check_values(table: pd.DataFrame, effects: Array, variances: Array, used: Any) -> None:
    bad = ~(np.isfinite(effects) & np.isfinite(variances) & (variances > 0))
    for i in used[bad[used]].tolist():
        if not np.isfinite(effects[i]) or not np.isfinite(variances[i]):
            raise ModelError(
                f"yi = {effects[i]}, vi = {variances[i]} in {name_rows(table, [i])}; both must be finite"
            )
        if variances[i] <= 0:
            raise ModelError(
                f"vi = {variances[i]} in {name_rows(table, [i])}; a sampling variance must be positive "
                "(vi is the squared standard error)"
            )


_ONCE = {
    "cohort_id": (
        "the same participants (cohort_id {value!r}) are counted more than once: {rows}; a cohort may be "
        "counted once in a pool: use select() to keep one row of each, or durability() for repeated "
        'measurements; arms of one trial go in by effect_sizes(..., shared="combine") or "split"'
    ),
    "comparator_arm_id": (
        "one control arm (comparator_arm_id {value!r}) is counted more than once: {rows}; use "
        "effect_sizes(..., shared=\"combine\"), or split the arm and say so in a column 'shared', as in 'split in 2'"
    ),
}


_SPLIT = re.compile(r"(?:control )?split in (\d+)")
_SAME_QUESTION = ("outcome", "instrument", "time_hours", "measure")


def _check_once(studies: Studies, column: str) -> None:
    """Refuse participants that are counted twice.

    Parts of one split control arm (``shared`` says ``"split in 3"``) may repeat its
    ``comparator_arm_id``, and the ``cohort_id`` of their trial, if they answer one question at one time, are
    different arms, told apart by ``study_id``, and are not more than the parts.
    """
    places: dict[str, list[int]] = {}
    for i, value in enumerate(studies.text(column)):
        if value:
            places.setdefault(value, []).append(i)
    for value, positions in places.items():
        if len(positions) > 1 and not _parts_of_one_control(studies.rows.iloc[positions], column):
            raise ModelError(_ONCE[column].format(value=value, rows=name_rows(studies.rows, positions)))


def _parts_of_one_control(rows: pd.DataFrame, column: str) -> bool:
    """Whether rows are different arms, each held against its own part of one comparator arm."""
    parts = [_SPLIT.fullmatch(text) for text in text_column(rows, "shared")]
    arms = [name for name in text_column(rows, "study_id") if name]
    named = len(arms) if column == "comparator_arm_id" else len(rows)
    if len(set(arms)) != named or any(part is None for part in parts):
        return False
    shares = sum(1 / max(int(part[1]), 1) for part in parts if part is not None)
    one_question = all(
        len(set(text_column(rows, name))) == 1 for name in (*_SAME_QUESTION, "comparator_arm_id")
    )
    return one_question and shares <= 1 + 1e-9


def _measure(names: Sequence[str]) -> str:
    found = sorted({value for value in names if value})
    if len(found) > 1:
        raise ModelError(f"effects of different measures cannot be pooled: {', '.join(found)}")
    return found[0] if found else ""
