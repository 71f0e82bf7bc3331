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

__all__ = ["Contents"]


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
        """Whether the table is one that came with no origin: a user's own, of which the packaged lists say nothing."""
        return ATTRS_KEY not in self.trials.attrs or "dataset" not in self.trials.attrs[ATTRS_KEY]
