"""From whatever a user hands in to a sheet of rows, or an error that says what is missing."""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd

from ketameta._spelling import nearest
from ketameta.effects._spread import QUANTILE_COLUMNS
from ketameta.errors import DataError, EffectError, KetametaWarning
from ketameta.evidence.dictionary import ADDED, fields

__all__ = ["OUTPUT", "input_part", "require_columns", "table_of", "warn_of_misspelt"]

OUTPUT = (
    "label",
    "measure",
    "yi",
    "vi",
    "sei",
    "standardiser",
    "imputed",
    "reason",
    "shared",
    "effect_notes",
)
"""Columns that effect_sizes writes."""

_KEPT = ("status_reason",)
_CLOSE = 0.8
_ARMS = ("n_t", "mean_t", "n_c", "mean_c")
_COUNTS = ("events_t", "total_t", "events_c", "total_c")
_CONTRASTS = ("contrast_measure", "contrast_value")


def table_of(rows: pd.DataFrame | Any) -> pd.DataFrame:
    """Return the table that was handed in, itself or as the ``rows`` of a selection.

    Raises
    ------
    EffectError
        If it is no table or has no rows.
    DataError
        If a column stands more than once.
    """
    table = rows if isinstance(rows, pd.DataFrame) else getattr(rows, "rows", None)
    if not isinstance(table, pd.DataFrame):
        raise EffectError(
            f"effect_sizes needs a DataFrame or a selection of trials, not {type(rows).__name__}; "
            "for bare numbers use the functions of ketameta.effects, such as smd(m1, sd1, n1, m2, sd2, n2)"
        )
    if table.empty:
        raise EffectError("the table has no rows: there is no effect to compute")
    twice = sorted({str(name) for name in table.columns[table.columns.duplicated()]})
    if twice:
        raise DataError(f"column {', '.join(twice)} stands more than once in the table")
    return table


def require_columns(table: pd.DataFrame, measure: str) -> None:
    """Check that the table has what the measure needs.

    Raises
    ------
    DataError
        With the columns that are missing, and what may be meant by others.
    """
    columns = set(table.columns)
    missing = _missing_means(columns) if measure in ("SMD", "MD", "ROM") else _missing_counts(columns)
    if measure == "HR":
        missing = [name for name in _CONTRASTS if name not in columns]
    if not missing or (measure not in ("ROM", "AS", "PETO") and columns.issuperset(_CONTRASTS)):
        return
    known = {*_ARMS, "sd_t", "sd_c", *_COUNTS, *_CONTRASTS}
    names = [str(name) for name in table.columns if name not in known]
    near = {name: nearest(name, names) for name in missing}
    hints = [f"{name} (did you mean {near[name]!r}?)" if near[name] else name for name in missing]
    if "total_t" in missing and "n_t" in columns:
        hints.append("the number of people that the events are counted in is total, not n")
    raise DataError(
        f"{measure} cannot be computed without {', '.join(hints)}; "
        f"rename your columns, or give contrasts ({', '.join(_CONTRASTS)})"
    )


def _missing_means(columns: set[Any]) -> list[str]:
    missing = []
    for name in _ARMS:
        from_median = name.startswith("mean") and f"median_{name[-1]}" in columns
        if name not in columns and not from_median:
            missing.append(name)
    for arm in "tc":
        spreads = {f"{name}_{arm}" for name in ("sd", "se", "ci_low", "baseline_sd", *QUANTILE_COLUMNS)}
        if not spreads & columns and not {"contrast_stat", "contrast_p"} & columns:
            missing.append(f"sd_{arm}")
    return missing


def _missing_counts(columns: set[Any]) -> list[str]:
    return [
        name
        for name in _COUNTS
        if name not in columns and not (name.startswith("events") and f"percent_{name[-1]}" in columns)
    ]


def warn_of_misspelt(table: pd.DataFrame) -> None:
    """Warn of columns that are not read and look like misspelt ones that would be."""
    read = [*(field.name for field in fields("trials")), *ADDED]
    absent = [name for name in read if name not in table.columns]
    unknown = [str(name) for name in table.columns if str(name) not in {*read, *OUTPUT, *_KEPT}]
    meant = {name: near for name in unknown if (near := nearest(name, absent, closeness=_CLOSE))}
    if meant:
        said = ", ".join(f"{name!r} (did you mean {near!r}?)" for name, near in meant.items())
        warnings.warn(f"columns that are not read: {said}", KetametaWarning, stacklevel=3)


def input_part(table: pd.DataFrame) -> pd.DataFrame:
    """Input columns without those that will be written; a source's own reason as ``status_reason``."""
    frame = pd.DataFrame(table).reset_index(drop=True)
    own_output = "effect_notes" in frame.columns or "status_reason" in frame.columns
    if not own_output:
        frame = frame.rename(columns={"reason": "status_reason"})
    return frame.drop(columns=[name for name in OUTPUT[1:] if name in frame.columns])
