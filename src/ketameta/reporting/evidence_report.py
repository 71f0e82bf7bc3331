"""The main job: from the table of trials to the report, the figures, the tables and ``results.json``."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ketameta._render import Card, Shown
from ketameta.errors import DataError, KetametaError
from ketameta.evidence import check_trials, load_missing, load_published, load_trials, read_trials
from ketameta.provenance import ATTRS_KEY, Provenance, package_versions, trace
from ketameta.reporting.analysis import COMPARATORS, CurveResult, WindowResult, run_curves, run_windows
from ketameta.reporting.comparison import Comparison, compare
from ketameta.reporting.crosscheck import CrossCheck, cross_check
from ketameta.reporting.page import Contents, render_page
from ketameta.reporting.questions import ANALYSES, CURVES, WINDOWS
from ketameta.reporting.writing import results_record, write_figures, write_json, write_tables

__all__ = ["Report", "report"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Report(Shown):
    """What the report holds and where it was written.

    Attributes
    ----------
    folder : Path
        Holds ``report.html``, ``results.json``, ``figures/`` and ``tables/``.
    windows : tuple of WindowResult
        One for each analysis, dosing and window, also where nothing could be computed.
    curves : tuple of CurveResult
        One for each durability question.
    comparisons : tuple of Comparison
        Published pooled results beside ours.
    """

    folder: Path
    windows: tuple[WindowResult, ...]
    curves: tuple[CurveResult, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def page(self) -> Path:
        """The HTML file."""
        return self.folder / "report.html"

    def sentence(self) -> str:
        """Say in one sentence what was written, and where."""
        pools = sum(window.is_pool for window in self.windows)
        curves = sum(bool(curve.curves) for curve in self.curves)
        return f"Evidence report with {pools} pools and {curves} durability questions answered: {self.page}."

    def _card(self) -> Card:
        return Card(
            title="Evidence report",
            columns=("", "asked", "answered"),
            rows=(
                (
                    "analyses at one time",
                    str(len(self.windows)),
                    str(sum(w.fit is not None for w in self.windows)),
                ),
                (
                    "durability questions",
                    str(len(self.curves)),
                    str(sum(bool(c.curves) for c in self.curves)),
                ),
                ("published results compared", str(len(self.comparisons)), ""),
            ),
            footer=(f"The page: {self.page}",),
        )


class _Progress:
    """Counts steps on standard error."""

    def __init__(self, total: int, shown: bool) -> None:
        self.total, self.shown, self.done, self.start = total, shown, 0, time.perf_counter()

    def __call__(self, what: str) -> None:
        self.done += 1
        if self.shown:
            seconds = time.perf_counter() - self.start
            print(f"[{self.done:>3}/{self.total}] {seconds:5.1f} s  {what}", file=sys.stderr, flush=True)

    def more(self, steps: int) -> None:
        self.total += steps


def _read(trials: pd.DataFrame | str | Path | None) -> pd.DataFrame:
    if trials is None:
        return load_trials()
    table = trials if isinstance(trials, pd.DataFrame) else read_trials(trials)
    if table.empty:
        raise DataError("The table of trials has no rows: there is nothing to report.")
    checked = check_trials(table)
    if not checked.ok:
        raise DataError(
            f"{checked}\nThe report is not made from a table with errors: mend these cells first."
        )
    return table


def report(
    trials: pd.DataFrame | str | Path | None = None,
    *,
    out: str | Path = "out",
    progress: bool = True,
) -> Report:
    """Make the evidence report: HTML, figures, tables and ``results.json``.

    Parameters
    ----------
    trials : DataFrame, path or None
        A table in the form of ``data/trials.csv``, or the path of one; the packaged data set when None.
    out : path
        Folder to write into; made when it does not exist. Files of an earlier run are overwritten.
    progress : bool
        Whether to print each step to standard error.

    Returns
    -------
    Report
        The results, and the folder.

    Raises
    ------
    DataError
        When the table breaks a rule of the data dictionary; the text names every cell.

    Examples
    --------
    >>> import ketameta as km
    >>> made = km.report(out="out", progress=False)             # doctest: +SKIP
    >>> made.page                                               # doctest: +SKIP
    PosixPath('out/report.html')
    """
    steps = _Progress(len(ANALYSES) + len(CURVES) + 4, progress)
    steps("reading and checking the table of trials")
    table = _read(trials)
    own = trials is not None
    missing, published = load_missing(), load_published()
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KetametaError(
            f"out={str(folder)!r} cannot be made: {error.strerror}. Name another folder."
        ) from None

    windows = tuple(run_windows(table, steps))
    curves = tuple(run_curves(table, steps))
    steps("published meta-analyses")
    comparisons = compare(table, published)
    steps("the pools a second time, by statsmodels")
    second = cross_check(item.fit for item in windows if item.fit is not None)

    figures = _figures(folder, windows, curves, steps)
    steps("tables, results.json and the page")
    write_tables(folder / "tables", table, missing, windows, curves, comparisons)
    provenance = trace(table)
    origin = table.attrs.get(ATTRS_KEY, {})
    write_json(
        folder / "results.json",
        results_record(windows, curves, comparisons, _header(provenance, origin, own, second)),
    )
    contents = Contents(
        trials=table,
        missing=missing,
        windows=windows,
        curves=curves,
        comparisons=comparisons,
        figures=figures,
        dataset=provenance.dataset,
        dataset_sha256=provenance.dataset_sha256 or provenance.rows_sha256,
        versions=package_versions(),
        cross_check=second,
    )
    made = Report(folder, windows, curves, comparisons)
    made.page.write_text(render_page(contents), encoding="utf-8")
    return made


def _figures(
    folder: Path,
    windows: tuple[WindowResult, ...],
    curves: tuple[CurveResult, ...],
    steps: _Progress,
) -> dict[str, tuple[Path, str]]:
    steps.more(sum(len(item.curves) for item in curves))
    steps.more(sum(1 for item in windows if item.is_pool and item.analysis.measure != "OR"))
    return write_figures(folder / "figures", windows, curves, steps)


def _header(
    provenance: Provenance, origin: dict[str, str], own: bool, second: CrossCheck
) -> dict[str, object]:
    return {
        "format": "ketameta-results/1",
        "dataset": {
            "name": origin.get("dataset", "user data"),
            "version": origin.get("version", ""),
            "sha256": provenance.dataset_sha256,
            "rows_sha256": provenance.rows_sha256,
            "rows": provenance.n_rows,
            "packaged": not own,
        },
        "software": package_versions(),
        "second_road": {"by": "statsmodels", "pools": second.n_pools, "largest_difference": second.largest},
        "settings": {
            "tau2": "REML",
            "ci": "HKSJ",
            "prediction": "t(k-1)",
            "level": 0.95,
            "shared_comparators": "combine",
            "comparators": list(COMPARATORS),
            "windows": [{"name": w.name, "low": w.low, "high": w.high, "at": w.at} for w in WINDOWS],
        },
    }
