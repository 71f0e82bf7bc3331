"""Missing trials that belong to the question of a pool, each once, with its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import plural
from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models import Pooled
from ketameta.models._studies import text_column
from ketameta.models._study_set import blank
from ketameta.robustness._same_trials import NAMING, grouped, keys_of

__all__ = ["MissingTrials", "as_table", "columns_of", "read_missing", "refuse_twins"]

_QUESTION = ("indication", "outcome", "drug")


@dataclass(frozen=True, slots=True, eq=False)
class MissingTrials:
    """Trials without a usable result.

    Attributes
    ----------
    names : tuple of str
        What they are called.
    sizes : Array, shape (m,)
        Participants randomised; NaN where unknown.
    asked : dict or list
        What was asked for, as plain values that read_missing() takes too.
    notes : tuple of str
        What was left out, and why.
    """

    names: tuple[str, ...]
    sizes: Array
    asked: dict[str, list[Any]] | list[float | None]
    notes: tuple[str, ...] = ()


def as_table(missing: Any) -> Any:
    """A table from a mapping of its columns; anything else as it is.

    Examples
    --------
    >>> from ketameta.robustness._missing_rows import as_table
    >>> as_table({"study_id": ["a2020"], "n_randomised": [None]}).shape
    (1, 2)
    """
    if not isinstance(missing, Mapping):
        return missing
    columns = list(missing.values())
    if any(isinstance(column, str) or not isinstance(column, Sequence) for column in columns) or (
        len({len(column) for column in columns}) != 1
    ):
        raise ModelError(
            "a mapping of missing trials holds columns, lists of one length, such as "
            '{"study_id": ["a2020", "b2021"], "n_randomised": [60, None]}'
        )
    return pd.DataFrame({str(name): list(column) for name, column in missing.items()})


def refuse_twins(table: pd.DataFrame) -> None:
    """Refuse a table with two columns of one name."""
    twins = table.columns[table.columns.duplicated()].astype(str).tolist()
    if twins:
        raise ModelError(f"the table has more than one column {', '.join(dict.fromkeys(twins))}")


def columns_of(table: pd.DataFrame, names: Sequence[str]) -> dict[str, list[Any]]:
    """Those of these columns that a table has, as lists with None for an empty cell, for a record."""
    return {
        name: [None if blank(value) else value for value in table[name].tolist()]
        for name in names
        if name in table.columns
    }


def read_missing(missing: Any, fit: Pooled) -> MissingTrials:
    """Missing trials from a table such as ``load_missing()``, or from their sizes.

    Parameters
    ----------
    missing : DataFrame or mapping of its columns, or sequence of float or None
        Rows with ``study_id`` and ``n_randomised``; those of another ``indication``, ``outcome`` or ``drug`` than the
        pool's rows are left out, and those of trials that stand in the pool. Or the number of participants of each
        trial, None where unknown.
    fit : Pooled
        The pool.

    Raises
    ------
    ModelError
        For anything else, a size that is not at least 2, or when no trial is left.
    """
    missing = as_table(missing)
    if isinstance(missing, pd.DataFrame):
        found = _from_table(missing, fit)
    elif isinstance(missing, list | tuple) or (isinstance(missing, np.ndarray) and missing.ndim == 1):
        sizes = np.array([_size(value) for value in missing], dtype=np.float64)
        asked = [None if np.isnan(size) else size for size in sizes.tolist()]
        found = MissingTrials(tuple(f"Missing trial {i + 1}" for i in range(sizes.size)), sizes, asked)
    else:
        raise ModelError(
            f"missing must be a table such as load_missing() or a sequence of sizes, not {type(missing).__name__}"
        )
    if not found.sizes.size:
        raise ModelError(
            "no missing trial belongs to the question of this pool; give sizes, such as [60, 30, None]"
        )
    return found


def _size(value: Any) -> float:
    if blank(value):
        return np.nan
    try:
        size = float(value)
    except (TypeError, ValueError):
        size = 0.0
    if not 2 <= size < np.inf:
        raise ModelError(
            f"{value!r} is no size of a missing trial; give 2 participants or more, or None if unknown"
        )
    return size


def _from_table(table: pd.DataFrame, fit: Pooled) -> MissingTrials:
    absent = [name for name in ("study_id", "n_randomised") if name not in table.columns]
    if absent:
        raise ModelError(f"the table of missing trials has no column {', '.join(absent)}; see load_missing()")
    refuse_twins(table)
    rows = table.reset_index(drop=True)
    for name in _QUESTION:
        wanted = set(text_column(fit.rows, name)) - {""} if name in fit.rows.columns else set()
        if wanted and name in rows.columns:
            rows = rows[rows[name].astype(str).isin(wanted)].reset_index(drop=True)
    keys = keys_of(rows)
    pooled = frozenset[str]().union(*keys_of(fit.rows)) if fit.k else frozenset()
    called = text_column(rows, "study_id")
    inside = sorted({called[i] for i, names in enumerate(keys) if names & pooled})
    kept = [group for group in grouped(keys) if not any(keys[i] & pooled for i in group)]
    sizes = [np.array([_size(rows["n_randomised"][i]) for i in group]) for group in kept]
    largest = [np.nan if np.isnan(part).all() else np.nanmax(part) for part in sizes]
    notes = []
    if inside:
        notes.append(
            f"not counted as missing, since their trials stand in the pool with other arms or times: {', '.join(inside)}"
        )
    repeated = sum(len(group) - 1 for group in kept)
    if repeated:
        notes.append(f"{plural(repeated, 'row')} of the list name a trial again and count once")
    notes.append(
        "the list names trials without a usable number in the sources read, whatever their time, dosing and "
        "comparator: a trial may never have rated this time, and some are published; pass a filtered table to narrow it"
    )
    names = tuple(called[group[0]] or f"Missing trial {i + 1}" for i, group in enumerate(kept))
    asked = columns_of(rows, (*NAMING, *_QUESTION, "n_randomised"))
    return MissingTrials(names, np.array(largest, dtype=np.float64), asked, tuple(notes))
