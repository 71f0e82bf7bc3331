from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ketameta.evidence.dictionary import fields

ROW: dict[str, Any] = {
    "record_id": "KM0001",
    "study_id": "alpha2020",
    "report": "alpha2020",
    "year": 2020,
    "cohort_id": "alpha2020",
    "comparator_arm_id": "alpha2020:saline",
    "indication": "MDD",
    "population": "TRD",
    "setting": "treatment",
    "design": "parallel",
    "blinding": "double-blind",
    "n_randomised": 60,
    "drug": "ketamine",
    "dose": "0.5",
    "dose_unit": "mg/kg",
    "route": "IV",
    "n_doses": 1,
    "dosing": "single",
    "comparator": "saline",
    "comparator_class": "inactive",
    "outcome": "depression",
    "instrument": "MADRS",
    "higher_is_worse": True,
    "time_hours": 24.0,
    "hours_since_last_dose": 24.0,
    "score_type": "endpoint",
    "n_t": 30,
    "mean_t": 15.0,
    "sd_t": 9.0,
    "n_c": 30,
    "mean_c": 22.0,
    "sd_c": 10.0,
    "source_kind": "registry",
    "source_url": "https://example.org/alpha2020",
    "source_locator": "Table 2",
    "confidence": "high",
    "status": "include",
}
NUMBERS = ("n_t", "mean_t", "sd_t", "n_c", "mean_c", "sd_c")


@pytest.fixture
def table() -> Callable[..., pd.DataFrame]:
    """Build a table: one sound row for each dict, changed as it says; other columns are missing."""

    def build(*changes: dict[str, Any]) -> pd.DataFrame:
        rows = []
        for i, change in enumerate(changes, start=1):
            row = {**ROW, "record_id": f"KM{i:04d}", **change}
            if row["score_type"] in ("counts", "contrast", "survival"):
                row = {name: value for name, value in row.items() if name not in NUMBERS or name in change}
            rows.append(row)
        return pd.DataFrame(rows, columns=[field.name for field in fields("trials")])

    return build


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as CSV with Python's own writer: a header and the cells as text."""

    def build(*changes: dict[str, str], header: list[str] | None = None, end: str = "\n") -> Path:
        names = header or [field.name for field in fields("trials")]
        path = tmp_path / "mine.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator=end)
            writer.writerow(names)
            for i, change in enumerate(changes, start=1):
                row = {**ROW, "higher_is_worse": "true", "record_id": f"KM{i:04d}", **change}
                writer.writerow([row.get(name, "") for name in names])
        return path

    return build
