"""One BibTeX file for a paper: software, data, trials and methods behind its results."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ketameta.errors import DataError
from ketameta.reporting.citing import cite, rows_behind, software_and_data
from ketameta.reporting.method_references import REFERENCES, references_for

__all__ = ["references_bib"]


def references_bib(*results: Any) -> str:
    """BibTeX of everything that results rest on: software, data, methods, and the reports of their rows.

    Parameters
    ----------
    *results : DataFrame, Selection or result
        What a paper shows: pools, regressions, curves, effect sizes. Without any, the software and the data.

    Returns
    -------
    str
        Entries, each once: the software and the data set, then the papers of the methods, then the reports in order of
        appearance. Rows whose report is not known are named in comments at the end.

    Raises
    ------
    DataError
        When something is no result of ketameta.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.reporting import references_bib
    >>> fit = km.pool(yi=[-1.10, -0.35, -0.62, -0.18], vi=[0.09, 0.05, 0.04, 0.07])
    >>> "@article{hartung2001," in references_bib(fit)
    True
    """
    works = {work.key: work for work in software_and_data()}
    missing: dict[str, None] = {}
    reports = []
    for result in results:
        works |= {key: REFERENCES[key] for key in _methods(result)}
        if (found := _reports(result)) is not None:
            reports += found.references
            missing |= dict.fromkeys(found.notes)
    works |= {work.key: work for work in reports}
    comments = "".join(f"\n% {note.replace('@', '(at)')}\n" for note in missing)
    return "\n".join(work.bibtex for work in works.values()) + comments


def _methods(result: Any) -> tuple[str, ...]:
    """Papers of the methods; none for rows that were only selected."""
    try:
        return references_for(result)
    except DataError:
        rows_behind(result)
        return ()


def _reports(result: Any) -> Any:
    """Reports behind a result; None for one that keeps no rows, as tests do."""
    try:
        return cite(result)
    except DataError:
        if isinstance(result, pd.DataFrame):
            raise
        references_for(result)
        return None
