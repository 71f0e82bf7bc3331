"""Everything that the report computes, without writing any of it: to be written, or to be verified."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ketameta.errors import DataError
from ketameta.evidence import check_trials, load_missing, load_published, load_trials, read_trials
from ketameta.evidence.dictionary import fields
from ketameta.evidence.typed import typed_column
from ketameta.provenance import ATTRS_KEY, software_versions, trace
from ketameta.reporting.analysis import COMPARATORS, CurveResult, WindowResult, run_curves, run_windows
from ketameta.reporting.available import available
from ketameta.reporting.comparison import Comparison, compare, comparison_table
from ketameta.reporting.contents import is_own
from ketameta.reporting.crosscheck import CrossCheck, cross_check
from ketameta.reporting.questions import ANALYSES, CURVES, HARMS, QUESTIONS, WINDOWS, Window, windows_of
from ketameta.reporting.standing import Standing, Universes, run_standings, run_universes
from ketameta.robustness import RobMe

__all__ = ["FORMAT", "STEPS", "Findings", "find", "known_missing", "trials_table"]

FORMAT = "ketameta-results/3"
STEPS = len(ANALYSES) + len(HARMS) + len(CURVES) + 2 * len(QUESTIONS) + 2
"""How many steps the computation tells."""


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What the report holds, and what it was computed from.

    Attributes
    ----------
    trials : DataFrame
        The table.
    packaged : bool
        Whether it is the packaged data set.
    published_sha256 : str
        SHA-256 of the file of published results.
    windows, curves, comparisons, standings, universes, available, second
        See :class:`ketameta.reporting.Report`; ``second`` is the computation by another package.
    """

    trials: pd.DataFrame
    packaged: bool
    published_sha256: str
    windows: tuple[WindowResult, ...]
    curves: tuple[CurveResult, ...]
    comparisons: tuple[Comparison, ...]
    standings: tuple[Standing, ...]
    universes: tuple[Universes, ...]
    available: Mapping[str, RobMe]
    second: CrossCheck

    def record(self) -> dict[str, Any]:
        """Everything that was computed, with what it was computed from, each result with its steps."""
        return {
            "format": FORMAT,
            **self._header(),
            "windows": [_window(result) for result in self.windows],
            "curves": [_curve(result) for result in self.curves],
            "standing": [_standing(result) for result in self.standings],
            "multiverses": [_universes(result) for result in self.universes],
            "available": [
                {"key": key, "counts": found.counts(), "notes": list(found.notes)}
                for key, found in self.available.items()
            ],
            "published": comparison_table(self.comparisons),
        }

    def _header(self) -> dict[str, Any]:
        provenance, origin = trace(self.trials), self.trials.attrs.get(ATTRS_KEY, {})
        return {
            "dataset": {
                "name": origin.get("dataset", "user data"),
                "version": origin.get("version", ""),
                "sha256": provenance.dataset_sha256,
                "rows_sha256": provenance.rows_sha256,
                "rows": provenance.n_rows,
                "packaged": self.packaged,
                "published_sha256": self.published_sha256,
            },
            "software": software_versions(),
            "second_road": {
                "by": "statsmodels",
                "pools": self.second.n_pools,
                "largest_difference": self.second.largest,
            },
            "settings": {
                "tau2": "REML",
                "ci": "HKSJ",
                "prediction": "t(k-1)",
                "level": 0.95,
                "shared_comparators": "combine",
                "comparators": list(COMPARATORS),
                "windows": [_described(window) for window in WINDOWS],
                "harms_windows": [_described(window) for window in windows_of(HARMS[0])],
            },
        }


def _described(window: Window) -> dict[str, Any]:
    return {"name": window.name, "low": window.low, "high": window.high, "at": window.at}


def trials_table(trials: pd.DataFrame | str | Path | None) -> pd.DataFrame:
    """The table to report on, checked; the packaged one when None.

    Raises
    ------
    DataError
        When it has no rows, or breaks a rule of the data dictionary.
    """
    if trials is None:
        return load_trials()
    table = _whole(trials) if isinstance(trials, pd.DataFrame) else read_trials(trials)
    if table.empty:
        raise DataError("The table of trials has no rows: there is nothing to report.")
    checked = check_trials(table)
    if not checked.ok:
        raise DataError(
            f"{checked}\nThe report is not made from a table with errors: mend these cells first."
        )
    return table


def _whole(trials: pd.DataFrame) -> pd.DataFrame:
    """A table with every column of the dictionary, empty where it had none; itself where it has them all."""
    absent = [field for field in fields("trials") if field.name not in trials.columns]
    if not absent:
        return trials
    empty = {field.name: typed_column(field, [""] * len(trials))[0].to_numpy() for field in absent}
    table = trials.assign(**empty)
    table.attrs = dict(trials.attrs)
    return table


def find(table: pd.DataFrame, step: Callable[[str], None], *, packaged: bool) -> Findings:
    """Compute every window, curve and comparison of a checked table; ``step`` hears of each."""
    windows = tuple(run_windows(table, step))
    curves = tuple(run_curves(table, step))
    step("published meta-analyses")
    published = load_published()
    comparisons = compare(table, published)
    missing = known_missing(table)
    standings = tuple(run_standings(windows, missing, step))
    universes = tuple(run_universes(table, windows, step))
    step("the pools a second time, by statsmodels")
    second = cross_check(item.fit for item in windows if item.fit is not None)
    digest = published.attrs[ATTRS_KEY]["sha256"]
    return Findings(
        trials=table,
        packaged=packaged,
        published_sha256=digest,
        windows=windows,
        curves=curves,
        comparisons=comparisons,
        standings=standings,
        universes=universes,
        available=available(table, missing),
        second=second,
    )


def known_missing(table: pd.DataFrame) -> pd.DataFrame:
    """Trials known to be missing: those of the packaged list, none for a table of one's own."""
    listed = load_missing()
    return listed.iloc[:0] if is_own(table) else listed


def _window(result: WindowResult) -> dict[str, Any]:
    return {
        "key": result.key,
        "question": result.analysis.question,
        "outcome": result.analysis.outcome,
        "measure": result.analysis.measure,
        "instrument": result.analysis.instrument,
        "dosing": result.dosing,
        "window_hours": [result.window.low, result.window.high],
        "pooled": result.is_pool,
        "participants": result.n_participants,
        "reason": result.reason,
        "notes": list(result.notes),
        "result": None if result.fit is None else _with_steps(result.fit),
        "by_comparator": None if result.by_comparator is None else _with_steps(result.by_comparator),
    }


def _curve(result: CurveResult) -> dict[str, Any]:
    return {
        "key": result.key,
        "dosing": result.question.dosing,
        "reason": result.reason,
        "notes": list(result.notes),
        "results": [_with_steps(curve) for curve in result.curves],
        "sensitivity": result.sensitivity,
    }


def _standing(result: Standing) -> dict[str, Any]:
    parts = ("left_out", "influence", "bias", "gosh", "unblinding", "missing")
    found = {name: getattr(result, name) for name in parts}
    return {
        "key": result.key,
        "reasons": list(result.reasons),
        **{name: None if part is None else _with_steps(part) for name, part in found.items()},
    }


def _universes(result: Universes) -> dict[str, Any]:
    return {
        "key": result.key,
        "reason": result.reason,
        "result": None if result.found is None else _with_steps(result.found),
    }


def _with_steps(result: Any) -> dict[str, Any]:
    return {**result.to_dict(), "steps": result.provenance.steps}
