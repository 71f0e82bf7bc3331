"""The main job: from the table of trials to the report, the figures, the tables and ``results.json``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ketameta._render import Card, Shown
from ketameta.errors import KetametaError
from ketameta.provenance import package_versions, trace
from ketameta.reporting.analysis import CurveResult, WindowResult
from ketameta.reporting.bias_figure import write_bias
from ketameta.reporting.comparison import Comparison
from ketameta.reporting.comparison_figure import write_comparisons
from ketameta.reporting.contents import is_packaged
from ketameta.reporting.findings import STEPS, find, known_missing, trials_table
from ketameta.reporting.map_figure import write_map
from ketameta.reporting.page import Contents, render_page
from ketameta.reporting.progress import Progress
from ketameta.reporting.records import as_json, sealed
from ketameta.reporting.standing import Standing, Universes
from ketameta.reporting.standing_figures import drawn, write_standings
from ketameta.reporting.writing import write_figures, write_tables

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
    standings : tuple of Standing
        For each pool of three trials or more, whether it would stand.
    universes : tuple of Universes
        For each question, its headline analysis under every combination of choices.
    """

    folder: Path
    windows: tuple[WindowResult, ...]
    curves: tuple[CurveResult, ...]
    comparisons: tuple[Comparison, ...]
    standings: tuple[Standing, ...]
    universes: tuple[Universes, ...]

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
                (
                    "pools asked whether they would stand",
                    str(sum(w.is_pool for w in self.windows)),
                    str(len(self.standings)),
                ),
            ),
            footer=(f"The page: {self.page}",),
        )


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
    steps = Progress(STEPS + 3, progress)
    steps("reading and checking the table of trials")
    table = trials_table(trials)
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KetametaError(
            f"out={str(folder)!r} cannot be made: {error.strerror}. Name another folder."
        ) from None

    found = find(table, steps, packaged=trials is None)
    windows, curves, comparisons = found.windows, found.curves, found.comparisons
    steps.more(sum(map(drawn, found.standings)))
    figures = _figures(folder, windows, curves, steps)
    steps("evidence map, risk of bias, published results")
    figures |= write_map(folder / "figures", table) | write_bias(folder / "figures", table)
    figures |= write_comparisons(folder / "figures", comparisons)
    figures |= write_standings(folder / "figures", found.standings, found.universes, steps)
    steps("tables, results.json and the page")
    missing = known_missing(table)
    write_tables(folder / "tables", table, missing, windows, curves, comparisons, found.available)
    (folder / "results.json").write_text(as_json(sealed(found.record())), encoding="utf-8")
    provenance = trace(table)
    contents = Contents(
        trials=table,
        packaged=is_packaged(table),
        missing=missing,
        windows=windows,
        curves=curves,
        comparisons=comparisons,
        standings=found.standings,
        universes=found.universes,
        available=found.available,
        figures=figures,
        dataset=provenance.dataset,
        dataset_sha256=provenance.dataset_sha256 or provenance.rows_sha256,
        versions=package_versions(),
        cross_check=found.second,
    )
    made = Report(folder, windows, curves, comparisons, found.standings, found.universes)
    made.page.write_text(render_page(contents), encoding="utf-8")
    return made


def _figures(
    folder: Path,
    windows: tuple[WindowResult, ...],
    curves: tuple[CurveResult, ...],
    steps: Progress,
) -> dict[str, tuple[Path, str]]:
    steps.more(sum(len(item.curves) for item in curves))
    steps.more(sum(1 for item in windows if item.is_pool and item.analysis.measure != "OR"))
    return write_figures(folder / "figures", windows, curves, steps)
