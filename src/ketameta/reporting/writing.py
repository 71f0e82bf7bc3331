"""Files of the report: figures and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from ketameta.reporting.analysis import CurveResult, WindowResult
from ketameta.reporting.comparison import Comparison, comparison_table
from ketameta.reporting.evidence_tables import evidence_table, missing_table, results_table
from ketameta.reporting.figure_files import write_figure
from ketameta.reporting.questions import QUESTIONS
from ketameta.robustness import RobMe

__all__ = ["write_figures", "write_tables"]

_FIGURE_MEASURES = ("SMD", "MD", "RR")
_SHAPES = {"spline": "spline in log time", "exponential": "exponential decay"}


def write_tables(
    folder: Path,
    trials: pd.DataFrame,
    missing: pd.DataFrame,
    windows: Sequence[WindowResult],
    curves: Sequence[CurveResult],
    comparisons: Sequence[Comparison],
    available: Mapping[str, RobMe],
) -> None:
    """Write each table of the report as CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {"pooled_effects": results_table(windows), "published": comparison_table(tuple(comparisons))}
    for question in QUESTIONS:
        tables[f"evidence_{question.key}"] = evidence_table(trials, question)
        tables[f"missing_{question.key}"] = missing_table(missing, question)
    tables |= {f"available_{key}": found.to_frame() for key, found in available.items()}
    for result in curves:
        for curve in result.curves:
            tables[f"{result.key}_{curve.curve}"] = curve.to_frame()
        if result.sensitivity is not None:
            tables[f"{result.key}_{result.curves[0].curve}_sensitivity"] = result.sensitivity
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def write_figures(
    folder: Path,
    windows: Sequence[WindowResult],
    curves: Sequence[CurveResult],
    report: Callable[[str], None],
) -> dict[str, tuple[Path, str]]:
    """Draw forest plots of the pools and the time courses; PNG, SVG and PDF of each.

    Returns
    -------
    dict
        Key of the result to the SVG file and the description of the figure in words.
    """
    from ketameta.plots import forest, timecourse

    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, tuple[Path, str]] = {}
    for result in windows:
        if result.fit is None or not result.is_pool or result.analysis.measure not in _FIGURE_MEASURES:
            continue
        title = f"{result.analysis.title}, {result.window.name}, {result.dosing} dosing"
        report(f"forest plot: {title}")
        shown = result.by_comparator or result.fit
        written |= write_figure(folder, result.key, forest(shown, title=title))
    for item in curves:
        for curve in item.curves:
            key = f"{item.key}_{curve.curve}"
            title = f"{item.question.analysis.title}, {item.question.dosing} dosing"
            report(f"time course: {title}, {curve.curve}")
            axes = timecourse(curve, title=f"{title} ({_SHAPES[curve.curve]})")
            written |= write_figure(folder, key, axes)
    return written
