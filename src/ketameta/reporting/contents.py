"""What the evidence report shows, computed before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ketameta._render import plain
from ketameta.evidence import load_trials
from ketameta.provenance import ATTRS_KEY, rows_sha256
from ketameta.reporting.analysis import CurveResult, WindowResult
from ketameta.reporting.comparison import Comparison
from ketameta.reporting.crosscheck import CrossCheck
from ketameta.reporting.standing import Standing, Universes
from ketameta.robustness import RobMe

__all__ = ["Contents", "is_own", "is_packaged"]


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """Everything that the page shows, computed before it is written.

    ``packaged`` is whether the table is the packaged one, whole: see :func:`is_packaged`.
    """

    trials: pd.DataFrame
    packaged: bool
    missing: pd.DataFrame
    windows: tuple[WindowResult, ...]
    curves: tuple[CurveResult, ...]
    comparisons: tuple[Comparison, ...]
    standings: tuple[Standing, ...]
    universes: tuple[Universes, ...]
    available: Mapping[str, RobMe]
    figures: Mapping[str, tuple[Path, str]]
    dataset: str
    dataset_sha256: str
    versions: Mapping[str, str]
    cross_check: CrossCheck

    @property
    def is_own(self) -> bool:
        """Whether the table is its user's own."""
        return is_own(self.trials)

    @property
    def title(self) -> str:
        """Title of the page, which names the file of a table of its user's own."""
        if self.packaged:
            return "Ketamine for depression, PTSD and suicidal ideation: the state of the evidence"
        file = self.trials.attrs.get(ATTRS_KEY, {}).get("dataset") if self.is_own else None
        return f"Evidence report on {plain(file) if file else 'your table'}"


def is_own(trials: pd.DataFrame) -> bool:
    """Whether a table is its user's own, of which the packaged lists say nothing: no version of a data set is known."""
    return not trials.attrs.get(ATTRS_KEY, {}).get("version")


def is_packaged(trials: pd.DataFrame) -> bool:
    """Whether a table holds the packaged data set, whole and unchanged."""
    return not is_own(trials) and rows_sha256(trials) == rows_sha256(load_trials())
