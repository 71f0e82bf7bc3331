"""How a row that stands for several is written, and how rows are labelled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import AnyArray
from ketameta.effects._labels import common_label, tidy_label
from ketameta.effects._sheet import Sheet

__all__ = ["merged_frame", "row_labels"]

_SINGLE_ARM = (
    "se_t",
    "ci_low_t",
    "ci_high_t",
    "contrast_value",
    "contrast_se",
    "contrast_ci_low",
    "contrast_ci_high",
    "contrast_stat",
    "contrast_p",
)
_COMBINED = {
    "arms": ("n_t", "mean_t", "sd_t"),
    "counts": ("events_t", "total_t"),
    "contrast": ("n_t",),
}


def row_labels(sheet: Sheet) -> AnyArray:
    """Label of each row: its own, or else made from the study id, record id or position."""
    given, study, record = (sheet.text(name) for name in ("label", "study_id", "record_id"))
    dose, unit, trial = (sheet.text(name) for name in ("dose", "dose_unit", "trial_name"))
    labels = np.array(
        [
            given[i]
            or (tidy_label(study[i], dose[i], unit[i], trial[i]) if study[i] else record[i])
            or f"Row {i + 1}"
            for i in range(len(sheet))
        ],
        dtype=object,
    )
    for first, rows in sheet.merged.items():
        labels[first] = common_label(
            [str(study[i]) for i in rows], [str(labels[i]) for i in rows], trial[first]
        )
    return labels


def merged_frame(sheet: Sheet) -> pd.DataFrame:
    """Input columns, with the first row of each merged set written for the whole set."""
    if not sheet.merged:
        return sheet.frame
    frame = sheet.frame.copy()
    for name in _wanted(sheet):
        if name not in frame.columns:
            frame[name] = np.nan
    for name in frame.columns:
        column = frame[name]
        cells = column.astype(object).to_numpy()
        numeric = pd.api.types.is_numeric_dtype(column.dtype)
        changed = {}
        for first, rows in sheet.merged.items():
            cell = _merged_cell(sheet, str(name), first, [cells[row] for row in rows], numeric)
            if not _same(cell, cells[first]):
                changed[first] = cell
        if changed:
            frame[name] = _replaced(column, changed)
    return frame


def _wanted(sheet: Sheet) -> list[str]:
    """Columns that the combined statistics are written to, in case the input has them in another form."""
    kinds = dict.fromkeys(str(sheet.kind[first]) for first in sheet.merged)
    return list(dict.fromkeys(name for kind in kinds for name in _COMBINED[kind]))


def _merged_cell(sheet: Sheet, name: str, first: int, cells: list[Any], numeric: bool) -> Any:
    kind = str(sheet.kind[first])
    if name in _COMBINED[kind] or (name == "baseline_sd_t" and name in sheet.stat):
        return float(sheet.stat[name][first])
    if name in _SINGLE_ARM or (kind == "contrast" and name in ("mean_t", "sd_t")):
        return None
    if all(_same(cell, cells[0]) for cell in cells):
        return cells[0]
    texts = [cell for cell in cells if isinstance(cell, str) and cell]
    others = [cell for cell in cells if not isinstance(cell, str) and not _empty(cell)]
    if numeric or others:
        return None
    return ("+" if name == "record_id" else " + ").join(dict.fromkeys(texts))


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if not (pd.api.types.is_scalar(one) and pd.api.types.is_scalar(other)):
        return False
    if pd.isna(one) or pd.isna(other):
        return bool(pd.isna(one) and pd.isna(other))
    return bool(one == other)


def _empty(cell: Any) -> bool:
    return bool(pd.api.types.is_scalar(cell) and pd.isna(cell))


def _replaced(column: pd.Series[Any], cells: dict[int, Any]) -> pd.Series[Any]:
    values = column.astype(object)
    for row, cell in cells.items():
        values.iloc[row] = cell
    kinds = pd.api.types
    if kinds.is_bool_dtype(column.dtype) or kinds.is_complex_dtype(column.dtype):
        return values
    if kinds.is_numeric_dtype(column.dtype):
        return values.astype("Float64").astype("float64")
    return values.astype(column.dtype) if isinstance(column.dtype, pd.StringDtype) else values
