"""What the evidence report shows, computed before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ketameta.provenance import ATTRS_KEY
from ketameta.reporting.analysis import CurveResult, WindowResult
from ketameta.reporting.comparison import Comparison
from ketameta.reporting.crosscheck import CrossCheck

__all__ = ["Contents", "is_own"]


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """Everything that the page shows, computed before it is written."""

    trials: pd.DataFrame
    missing: pd.DataFrame
    windows: tuple[WindowResult, ...]
    curves: tuple[CurveResult, ...]
    comparisons: tuple[Comparison, ...]
    figures: Mapping[str, tuple[Path, str]]
    dataset: str
    dataset_sha256: str
    versions: Mapping[str, str]
    cross_check: CrossCheck

    @property
    def is_own(self) -> bool:
        """Whether the table is its user's own."""
        return is_own(self.trials)


def is_own(trials: pd.DataFrame) -> bool:
    """Whether a table is its user's own, of which the packaged lists say nothing: no version of a data set is known."""
    return not trials.attrs.get(ATTRS_KEY, {}).get("version")
