"""Tables that PRISMA asks for: studies and their characteristics, results of each, rows left out, judgements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ketameta.reporting.methods_effects import rows_of

__all__ = ["characteristics", "individual_results", "left_out_rows"]

_STUDY = (
    *("study_id", "label", "report", "year", "population", "design", "drug", "dose", "dose_unit", "route"),
    *("n_doses", "comparator", "instrument", "n_randomised"),
)
_GROUPS = (
    *("n_t", "mean_t", "sd_t", "events_t", "total_t"),
    *("n_c", "mean_c", "sd_c", "events_c", "total_c"),
)
_NAMES = ("record_id", "study_id", "label", "time_hours")
_LOGS = frozenset({"ROM", "OR", "RR", "PETO", "HR"})


def characteristics(results: Sequence[Any]) -> pd.DataFrame:
    """One row a study and comparison: what the rows say of it; no columns where they say nothing."""
    found = [rows[_present(rows, _STUDY)] for _, rows in _rows(results)]
    return _stacked(found).drop_duplicates(ignore_index=True)


def individual_results(results: Sequence[Any]) -> pd.DataFrame:
    """One row an effect: number of the analysis, numbers of each arm, effect and 95% interval by the normal distribution.

    Effects of ratios are on the scale of ratios.
    """
    return _stacked([_individual(i, rows) for i, rows in _rows(results)])


def left_out_rows(results: Sequence[Any]) -> pd.DataFrame:
    """Rows that are in no synthesis, each with its reason."""
    found = []
    for i, result in enumerate(results, 1):
        parts = (getattr(result, "overall", None), getattr(result, "pooled", None))
        for holder in (result, *parts, *getattr(result, "curves", ())[:1]):
            rows = getattr(holder, "left_out", None)
            if isinstance(rows, pd.DataFrame) and len(rows):
                table = rows[_present(rows, (*_NAMES, "reason"))].copy()
                table.insert(0, "analysis", i)
                found.append(table)
    return _stacked(found)


def _individual(i: int, rows: pd.DataFrame) -> pd.DataFrame:
    table = rows[_present(rows, (*_NAMES, *_GROUPS))].copy()
    table.insert(0, "analysis", i)
    if {"yi", "vi"} <= set(rows.columns):
        y, half = rows["yi"].to_numpy(float), float(ndtri(0.975)) * np.sqrt(rows["vi"].to_numpy(float))
        measure = (
            rows["measure"].astype(str) if "measure" in rows.columns else pd.Series("", index=rows.index)
        )
        ratio = measure.isin(_LOGS).to_numpy()
        table["measure"] = measure
        with np.errstate(over="ignore"):
            for name, value in (("effect", y), ("ci_low", y - half), ("ci_high", y + half)):
                table[name] = np.where(ratio, np.exp(np.where(ratio, value, 0.0)), value)
    return table


def _rows(results: Sequence[Any]) -> list[tuple[int, pd.DataFrame]]:
    found = ((i, rows_of(result)) for i, result in enumerate(results, 1))
    return [(i, rows) for i, rows in found if rows is not None]


def _present(rows: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Columns that the table has and that are not empty."""
    return [name for name in names if name in rows.columns and rows[name].notna().any()]


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    plain = [table.astype(object).reset_index(drop=True) for table in tables]
    for table in plain:
        table.attrs = {}
    return pd.concat(plain, ignore_index=True) if plain else pd.DataFrame()
