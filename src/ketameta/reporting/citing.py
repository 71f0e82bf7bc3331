"""What to cite: the software and its data set, or the reports behind a result."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ketameta.__about__ import __version__
from ketameta._render import Card, Shown, plural
from ketameta.errors import DataError
from ketameta.evidence import load_references
from ketameta.evidence.location import DESCRIPTOR, data_file
from ketameta.reporting.references import Reference, references_of

__all__ = ["Citations", "cite", "rows_behind", "software_and_data"]

_TITLE = "ketameta: traceable meta-analysis of ketamine for depression, PTSD and suicidal ideation"
_DATA_TITLE = "ketameta trials data set"
_AUTHORS = (("The ketameta developers", ""),)
_RELEASED = "2026-11-22"
_LICENCE, _DATA_LICENCE = "MIT", "CC-BY-4.0"
_FIELDS = ("key", "kind", "title", "year", "container", "doi", "pmid", "url")
_NAMED = 8


@dataclass(frozen=True, slots=True, repr=False)
class Citations(Shown):
    """Works to cite, in every form that a paper needs.

    Attributes
    ----------
    references : tuple of Reference
        The works, each once, in order of appearance.
    unknown : tuple of str
        Keys of the rows that the bibliography does not have.
    n_rows : int
        Rows that were asked about; 0 for software and data.
    n_without : int
        Rows among them that name no report.
    """

    references: tuple[Reference, ...]
    unknown: tuple[str, ...] = ()
    n_rows: int = 0
    n_without: int = 0

    @property
    def text(self) -> str:
        """A numbered list of references."""
        return "\n".join(f"{i}. {work.text}" for i, work in enumerate(self.references, 1))

    @property
    def bibtex(self) -> str:
        """A BibTeX file, ASCII as far as its letters allow."""
        return "\n".join(work.bibtex for work in self.references)

    @property
    def csl_json(self) -> str:
        """A CSL-JSON file, as Zotero and Pandoc read it."""
        return json.dumps([work.csl for work in self.references], indent=2, ensure_ascii=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know."""
        found = []
        if self.unknown:
            more = len(self.unknown) - _NAMED
            listed = ", ".join(self.unknown[:_NAMED]) + (f" and {more} more" if more > 0 else "")
            found.append(f"not in the bibliography: {listed}")
        if self.n_without:
            found.append(f"{self.n_without} of {plural(self.n_rows, 'row')} without a report")
        return tuple(found)

    def to_frame(self) -> pd.DataFrame:
        """One row a work: ``key, kind, title, year, container, doi, pmid, url, text``."""
        rows = [[getattr(work, name) for name in _FIELDS] + [work.text] for work in self.references]
        return pd.DataFrame(rows, columns=[*_FIELDS, "text"], dtype=object)

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; the works as items of CSL-JSON."""
        return {
            "references": [work.csl for work in self.references],
            "unknown": list(self.unknown),
            "n_rows": self.n_rows,
            "n_without": self.n_without,
        }

    def sentence(self) -> str:
        """Say in one sentence what there is to cite, and what could not be found."""
        asked = f" behind {plural(self.n_rows, 'row')}" if self.n_rows else ""
        about = "".join(f"; {note}" for note in self.notes)
        return f"{plural(len(self.references), 'work')} to cite{asked}{about}."

    def _card(self) -> Card:
        rows = tuple((work.key, work.text) for work in self.references)
        footer = ("Copy from .text, .bibtex or .csl_json",)
        return Card(f"{plural(len(rows), 'work')} to cite", ("key", "reference"), rows, self.notes, footer)


def cite(what: Any = None) -> Citations:
    """What to cite: the software and the data set, or the reports behind rows or a result.

    Parameters
    ----------
    what : DataFrame, Selection or result, optional
        Rows with a column ``report``, or anything that holds such rows: a selection, a pool, a curve. Without it,
        ketameta and its data set with their versions.

    Returns
    -------
    Citations
        ``text``, ``bibtex`` and ``csl_json``; reports that the bibliography lacks and rows that name none are counted.

    Raises
    ------
    DataError
        When ``what`` holds no rows.

    Notes
    -----
    Of some reports the bibliography knows the first author only; the others stand as "et al." and, in BibTeX, as ``and
    others``.

    Examples
    --------
    >>> import ketameta as km
    >>> print(km.cite().sentence())
    2 works to cite.
    >>> day1 = km.select(km.load_trials(), indication="PTSD", outcome="ptsd", hours=(20, 36))
    >>> print(km.cite(day1).text)
    1. Feder A, Parides MK, Murrough JW, ... Efficacy of Intravenous Ketamine for Treatment of Chronic Posttraumatic Stress Disorder...
    """
    if what is None:
        return Citations(software_and_data())
    return _reports_of(rows_behind(what))


def software_and_data() -> tuple[Reference, Reference]:
    """The software and its data set, as CITATION.cff has them."""
    descriptor = json.loads(data_file(DESCRIPTOR).read_text(encoding="utf-8"))
    software = Reference(
        key="ketameta",
        kind="software",
        title=_TITLE,
        authors=_AUTHORS,
        corporate=True,
        date=_RELEASED,
        version=__version__,
        licence=_LICENCE,
    )
    data = replace(software, key="ketameta_data", kind="dataset", title=_DATA_TITLE, licence=_DATA_LICENCE)
    return software, replace(data, version=str(descriptor["version"]))


def rows_behind(what: Any) -> pd.DataFrame:
    """The rows that a result rests on.

    Raises
    ------
    DataError
        When it holds none.
    """
    if isinstance(what, pd.DataFrame):
        return what
    parts = (getattr(what, "overall", None), getattr(what, "pooled", None), *getattr(what, "curves", ())[:1])
    for holder in (what, *parts):
        rows = getattr(holder, "rows", None)
        if isinstance(rows, pd.DataFrame):
            return rows
    raise DataError(
        f"a {type(what).__name__} holds no rows to cite the reports of; give a DataFrame with a column 'report', "
        "a selection from select(), or a result such as that of pool()"
    )


def _reports_of(rows: pd.DataFrame) -> Citations:
    """The reports that rows name, each once, in order of appearance."""
    keys = _keys(rows["report"]) if "report" in rows.columns else [""] * len(rows)
    known = references_of(load_references())
    named = dict.fromkeys(filter(None, keys))
    return Citations(
        references=tuple(known[key] for key in named if key in known),
        unknown=tuple(key for key in named if key not in known),
        n_rows=len(rows),
        n_without=keys.count(""),
    )


def _keys(column: Any) -> list[str]:
    if not isinstance(column, pd.Series):
        raise DataError("the table has more than one column 'report'")
    return [
        "" if pd.api.types.is_scalar(value) and pd.isna(value) else " ".join(str(value).split())
        for value in column.astype(object).tolist()
    ]
