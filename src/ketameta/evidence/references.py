"""The reports that rows cite: ``references.bib`` as a table."""

from __future__ import annotations

import re

import pandas as pd

from ketameta.errors import DataError
from ketameta.evidence.location import data_file

__all__ = ["load_references", "parse_bibtex"]

_COLUMNS = (
    "key",
    "type",
    "author",
    "title",
    "journal",
    "year",
    "volume",
    "number",
    "pages",
    "doi",
    "pmid",
    "url",
)
_ENTRY = re.compile(r"@(\w+)\s*\{\s*([^\s,{}]+)\s*,")
_NAME = re.compile(r"[\s,]*([A-Za-z][\w-]*)\s*=\s*")
_SKIPPED = frozenset({"comment", "preamble", "string"})


def load_references() -> pd.DataFrame:
    """Load every report that a row of the trials cites.

    Returns
    -------
    pandas.DataFrame
        One row an entry, text columns: ``key``, ``type``, ``author`` (``Last, First and ...``), ``title``,
        ``journal``, ``year``, ``volume``, ``number``, ``pages``, ``doi``, ``pmid``, ``url``, then any other
        field of the file; ``""`` where an entry has none.

    Raises
    ------
    DataError
        When the file is not found, or is not BibTeX.

    Examples
    --------
    >>> from ketameta.evidence import load_references
    >>> bool(load_references()["key"].is_unique)
    True
    """
    path = data_file("references.bib")
    return parse_bibtex(path.read_text(encoding="utf-8"), path.name)


def parse_bibtex(text: str, where: str) -> pd.DataFrame:
    """Entries of BibTeX text as a table; see :func:`load_references`.

    Raises
    ------
    DataError
        When an entry or value is not closed, or a key stands twice.

    Examples
    --------
    >>> from ketameta.evidence.references import parse_bibtex
    >>> entries = parse_bibtex("@article{a1, title = {A {B} c}, year = 2020}", "example")
    >>> entries.loc[0, ["key", "title", "year"]].tolist()
    ['a1', 'A B c', '2020']
    """
    entries: list[dict[str, str]] = []
    place = 0
    while (match := _ENTRY.search(text, place)) is not None:
        kind, key = match.group(1).lower(), match.group(2)
        if kind in _SKIPPED:
            place = match.end()
            continue
        entry, place = _entry(text, match.end(), f"{where}, entry {key!r}")
        entries.append({"key": key, "type": kind, **entry})
    keys = [entry["key"] for entry in entries]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise DataError(f"{where}: keys stand twice: {', '.join(twice)}")
    others = sorted({name for entry in entries for name in entry} - set(_COLUMNS))
    columns = [*_COLUMNS, *others]
    table = [[entry.get(name, "") for name in columns] for entry in entries]
    return pd.DataFrame(table, columns=columns, dtype=object)


def _entry(text: str, place: int, where: str) -> tuple[dict[str, str], int]:
    entry: dict[str, str] = {}
    while (match := _NAME.match(text, place)) is not None:
        value, place = _value(text, match.end(), where)
        entry[match.group(1).lower()] = re.sub(r"\s+", " ", value.replace("{", "").replace("}", "")).strip()
    close = re.compile(r"[\s,]*\}").match(text, place)
    if close is None:
        raise DataError(
            f"{where}: the entry is not closed, or {text[place : place + 30]!r} is not 'name = value'"
        )
    return entry, close.end()


def _value(text: str, place: int, where: str) -> tuple[str, int]:
    opening = text[place : place + 1]
    if opening not in ("{", '"'):
        bare = re.compile(r"[^,}\s]*").match(text, place)
        end = bare.end() if bare else place
        return text[place:end], end
    depth = 0
    for i in range(place + 1, len(text)):
        if text[i - 1] == "\\":
            continue
        if depth == 0 and text[i] == ("}" if opening == "{" else '"'):
            return text[place + 1 : i], i + 1
        depth += (text[i] == "{") - (text[i] == "}")
    raise DataError(f"{where}: a value opened with {opening} is not closed")
