"""One work that is cited, and its BibTeX, CSL-JSON and plain text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ketameta.reporting._latex import from_latex, to_latex

__all__ = ["Reference", "references_of"]

_TYPES = {
    "article": "article-journal",
    "book": "book",
    "incollection": "chapter",
    "inproceedings": "paper-conference",
    "techreport": "report",
    "software": "software",
    "dataset": "dataset",
}
_GENRES = {"software": "Computer software", "dataset": "Data set"}
_SHOWN_AUTHORS = 6
_UNTITLED = "Title not printed in the source that was read"
_DATE = re.compile(r"(\d{4})(?:-(\d{2})-(\d{2}))?")
_LINK_UNSAFE = re.compile(r"[^!-~]|[{}\\]")


@dataclass(frozen=True, slots=True)
class Reference:
    """One work that is cited. Texts are plain, without LaTeX; ``""`` where nothing is known.

    Attributes
    ----------
    key : str
        Citation key.
    kind : str
        BibTeX type, or ``software``, ``dataset``.
    authors : tuple of (str, str)
        Family and given name; a body of people has its name first and an empty given name.
    others : bool
        Whether there are more authors than are named.
    title, container, volume, number, pages, publisher : str
        As BibTeX has them; ``container`` is the journal or book.
    date : str
        Year, or day as ``YYYY-MM-DD``.
    version, licence : str
        Of software and data.
    doi, pmid, url : str
        Where it is found.
    corporate : bool
        Whether the authors are bodies of people, whose names are not turned round.
    """

    key: str
    kind: str
    title: str
    authors: tuple[tuple[str, str], ...] = ()
    others: bool = False
    container: str = ""
    date: str = ""
    volume: str = ""
    number: str = ""
    pages: str = ""
    publisher: str = ""
    version: str = ""
    licence: str = ""
    doi: str = ""
    pmid: str = ""
    url: str = ""
    corporate: bool = False

    @property
    def year(self) -> str:
        """Year of publication, empty where it is not known."""
        found = _DATE.fullmatch(self.date)
        return found[1] if found else self.date

    @property
    def text(self) -> str:
        """The reference in words, much as the Vancouver style has it."""
        details = "; ".join(filter(None, (self.year, self._place())))
        about = ", ".join(
            filter(
                None, (_GENRES.get(self.kind, ""), self.version and f"version {self.version}", self.licence)
            )
        )
        found = (self.doi and f"doi:{self.doi}", self.pmid and f"PMID {self.pmid}")
        parts = (self._authors(), self._titled(), about, self.container, self.publisher, details, *found)
        link = "" if self.doi else self.url
        return " ".join(filter(None, (*(_sentence(part) for part in parts if part), link)))

    @property
    def bibtex(self) -> str:
        """The reference as an entry of a BibTeX file."""
        kind = "misc" if self.kind in _GENRES else self.kind
        where = "booktitle" if self.kind in ("incollection", "inproceedings") else "journal"
        note = ", ".join(filter(None, (self.version and f"Version {self.version}", self.licence)))
        fields = {
            "author": self._bibtex_authors(),
            "title": f"{{{to_latex(self.title)}}}",
            where: to_latex(self.container),
            "howpublished": _GENRES.get(self.kind, ""),
            "year": to_latex(self.year),
            "month": self.date[5:7],
            "volume": to_latex(self.volume),
            "number": to_latex(self.number),
            "pages": to_latex(self.pages).replace("-", "--"),
            "publisher": to_latex(self.publisher),
            "note": to_latex(note),
            "doi": _link(self.doi),
            "pmid": to_latex(self.pmid),
            "url": _link(self.url),
        }
        lines = [f"  {name} = {{{value}}},\n" for name, value in fields.items() if value]
        return f"@{kind}{{{self.key},\n{''.join(lines)}}}\n"

    @property
    def csl(self) -> dict[str, Any]:
        """The reference as an item of CSL-JSON, plain Python values.

        More authors than are named are the last author ``{"literal": "others"}``, which Pandoc writes for BibTeX's ``and
        others`` and prints as "et al."; CSL has no field for it.
        """
        item: dict[str, Any] = {
            "id": self.key,
            "type": _TYPES.get(self.kind, "document"),
            "title": self.title,
        }
        names = [self._csl_name(family, given) for family, given in self.authors]
        names += [{"literal": "others"}] if self.others else []
        item |= {"author": names} if names else {}
        parts = _DATE.fullmatch(self.date)
        item |= {"issued": {"date-parts": [[int(part) for part in parts.groups() if part]]}} if parts else {}
        fields = {
            "container-title": self.container,
            "volume": self.volume,
            "issue": self.number,
            "page": self.pages,
            "publisher": self.publisher,
            "version": self.version,
            "DOI": self.doi,
            "PMID": self.pmid,
            "URL": self.url,
            "note": self.licence and f"Licence: {self.licence}",
        }
        return item | {name: value for name, value in fields.items() if value}

    def _authors(self) -> str:
        if self.corporate:
            names = [family for family, _ in self.authors]
        else:
            names = [f"{family} {_initials(given)}".strip() for family, given in self.authors]
        more = self.others or len(names) > _SHOWN_AUTHORS
        return ", ".join([*names[:_SHOWN_AUTHORS], *(["et al"] if more else [])])

    def _titled(self) -> str:
        return f"{self.title} [{self.key}]" if self.title in ("", _UNTITLED) else self.title

    def _place(self) -> str:
        issue = f"({self.number})" if self.number else ""
        pages = f":{self.pages}" if self.pages and (self.volume or issue) else self.pages
        return f"{self.volume}{issue}{pages}"

    def _bibtex_authors(self) -> str:
        names = []
        for family, given in self.authors:
            name = f"{to_latex(family)}, {to_latex(given)}" if given else f"{{{to_latex(family)}}}"
            names.append(name)
        return " and ".join([*names, *(["others"] if self.others else [])])

    def _csl_name(self, family: str, given: str) -> dict[str, str]:
        if self.corporate:
            return {"literal": family}
        return {"family": family} | ({"given": given} if given else {})


def references_of(table: pd.DataFrame) -> dict[str, Reference]:
    """References of a table of BibTeX entries, by key.

    Parameters
    ----------
    table : DataFrame
        As :func:`ketameta.evidence.load_references` gives it.

    Examples
    --------
    >>> from ketameta.evidence.references import parse_bibtex
    >>> from ketameta.reporting.references import references_of
    >>> bib = parse_bibtex("@article{a, author = {Berman and others}, title = {T}, year = 2000}", "example")
    >>> print(references_of(bib)["a"].text)
    Berman, et al. T. 2000.
    """
    rows = [
        {str(name): from_latex(value) for name, value in row.items()}
        for row in table.to_dict(orient="records")
    ]
    return {row["key"]: _reference(row) for row in rows}


def _reference(row: dict[str, str]) -> Reference:
    named = [name.strip() for name in row["author"].split(" and ") if name.strip()]
    others = bool(named) and named[-1] == "others"
    return Reference(
        key=row["key"],
        kind=row["type"],
        title=row["title"],
        authors=tuple(_name(name) for name in (named[:-1] if others else named)),
        others=others,
        container=row["journal"] or row.get("booktitle", ""),
        date=row["year"],
        volume=row["volume"],
        number=row["number"],
        pages=row["pages"].replace("--", "-"),
        publisher=row.get("publisher", ""),
        doi=row["doi"],
        pmid=row["pmid"],
        url=row["url"],
    )


def _name(text: str) -> tuple[str, str]:
    """Family and given name; "Jr." stays with the family."""
    *family, given = (part.strip() for part in text.split(",")) if "," in text else (text, "")
    return " ".join(family).rstrip("."), given


def _initials(given: str) -> str:
    return "".join(part[0] for part in re.split(r"[\s.-]+", given) if part)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _link(address: str) -> str:
    """An address that stands verbatim in BibTeX: whatever would end the value is percent-encoded."""
    return _LINK_UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), address)
