"""Read one CSV table by the dictionary, faithfully or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ketameta._spelling import nearest
from ketameta.errors import DataError
from ketameta.evidence.csvtext import Record, decode, records
from ketameta.evidence.dictionary import Field, fields, identity
from ketameta.evidence.location import data_folder
from ketameta.evidence.typed import typed_column
from ketameta.provenance import stamp

__all__ = ["LINE", "check_names", "read_table"]

LINE = "line"
_SHOWN = 10
_SHOWN_CHARACTERS = 60
_SEPARATORS = (
    (";", "semicolons", 'sep=";", decimal=","'),
    ("\t", "tabs", r'sep="\t"'),
    ("|", "vertical bars", 'sep="|"'),
)
"""Marks that stand in for commas, and how pandas reads them."""


def read_table(path: str | os.PathLike[str], resource: str) -> pd.DataFrame:
    """Read a CSV file as one of the tables of the dictionary.

    Parameters
    ----------
    path : str or path
        A CSV file in UTF-8.
    resource : str
        Name of the table in the dictionary; see :func:`ketameta.evidence.dictionary.fields`.

    Returns
    -------
    pandas.DataFrame
        Columns in the order of the dictionary, then those that the dictionary does not know, as text. The
        index, named ``line``, holds the line of the file on which each row starts. ``attrs`` carry the
        name and SHA-256 of the file, and the version of the data set where it is the packaged file.

    Raises
    ------
    DataError
        When the file cannot be read, or a cell holds something else than the dictionary asks for.
    """
    file, data = _bytes(path)
    where = file.name
    found = records(decode(data, where), where)
    if not found:
        raise DataError(f"{where} holds blank lines only; a table needs at least its header line")
    header, body = found[0], found[1:]
    known = fields(resource)
    _check_header(header.cells, resource, where)
    _check_lengths(header, body, where)
    frame = _frame(header.cells, body, known, where)
    packaged = _is_packaged(file, resource)
    name, version = identity() if packaged else (where, "")
    stamp(frame, name=name, version=version, sha256=hashlib.sha256(data).hexdigest())
    return frame


def check_names(
    header: Sequence[str], where: str, required: Sequence[str] | None = None, resource: str = "trials"
) -> None:
    """Refuse a header with doubled, misspelt or missing columns.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    where : str
        What the message begins with.
    required : sequence of str, optional
        Columns that must be there; those that the dictionary requires by default.
    resource : str
        Table of the dictionary.

    Raises
    ------
    DataError
        With the columns at fault.
    """
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        places = ", ".join(
            f"{name!r} as {' and '.join(str(i + 1) for i, other in enumerate(header) if other == name)}"
            for name in twice
        )
        raise DataError(f"{where}: columns stand twice: {places}. Keep one of each.")
    known = [field.name for field in fields(resource)]
    free = [name for name in known if name not in header]
    for name in header:
        if name in known:
            continue
        folded = name.strip().casefold().replace(" ", "_").replace("-", "_")
        near = nearest(folded, free, closeness=0.9)
        if near:
            raise DataError(f"{where}: unknown column {name!r}; did you mean {near!r}?")
    if required is None:
        required = [field.name for field in fields(resource) if field.required]
    absent = [name for name in required if name not in header]
    if absent:
        empty = 'km.load_trials().head(0).to_csv("my.csv", index=False)'
        raise DataError(
            f"{where}: required columns are missing: {', '.join(absent)}. "
            "Add them; datapackage.json describes each."
            + (f" An empty table with all columns: {empty}" if resource == "trials" else "")
        )


def _bytes(path: str | os.PathLike[str]) -> tuple[Path, bytes]:
    if not isinstance(path, str | os.PathLike):
        raise DataError(
            f"a path is wanted, not {type(path).__name__}; for a DataFrame use check_trials or select"
        )
    file = Path(path)
    try:
        return file, file.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{str(path)!r} cannot be read: {reason}") from error


def _is_packaged(file: Path, resource: str) -> bool:
    return file.resolve() == (data_folder() / f"{resource}.csv").resolve()


def _check_header(header: list[str], resource: str, where: str) -> None:
    names = [field.name for field in fields(resource)]
    for mark, word, how in _SEPARATORS:
        if len(header) == 1 and len(set(header[0].split(mark)) & set(names)) > 1:
            raise DataError(
                f'{where}, line 1: cells are separated by {word}; save as "CSV UTF-8" with commas, or read with '
                f"pandas.read_csv(path, {how}) and write it again with .to_csv(path, index=False)"
            )
    nameless = [str(place) for place, name in enumerate(header, start=1) if not name.strip()]
    if 2 * len(nameless) > len(header):
        raise DataError(
            f"{where}, line 1: {len(nameless)} of {len(header)} columns have no name; the header must be the "
            "first line, so remove titles above it"
        )
    if nameless:
        raise DataError(
            f"{where}, line 1: column {', '.join(nameless)} has no name; name it, or remove the comma that made it"
        )
    check_names(header, f"{where}, line 1", resource=resource)


def _check_lengths(header: Record, body: list[Record], where: str) -> None:
    width = len(header.cells)
    ragged = [record for record in body if len(record.cells) != width]
    if not ragged:
        return
    shown = "; ".join(
        f"line {record.line} ({_shown(record.cells[0])}) has {len(record.cells)}"
        for record in ragged[:_SHOWN]
    )
    more = f"; and {len(ragged) - _SHOWN} more lines" if len(ragged) > _SHOWN else ""
    raise DataError(
        f"{where}: the header has {width} cells, but {shown}{more}. "
        "A comma inside a cell needs quotes around the cell; an empty cell still needs its comma."
    )


def _frame(header: list[str], body: list[Record], known: tuple[Field, ...], where: str) -> pd.DataFrame:
    place = {name: i for i, name in enumerate(header)}
    index = pd.Index([record.line for record in body], dtype="int64", name=LINE)
    columns: dict[str, pd.Series[Any]] = {}
    problems: list[tuple[int, int, str]] = []
    for field in known:
        i = place.get(field.name)
        cells = ["" if i is None else record.cells[i] for record in body]
        column, bad = typed_column(field, cells)
        columns[field.name] = column.set_axis(index)
        problems += [
            (
                body[cell.row].line,
                -1 if i is None else i,
                f"line {body[cell.row].line}, column {field.name!r}: {_shown(cell.value)}: {cell.hint}",
            )
            for cell in bad
        ]
    if problems:
        problems.sort()
        shown = "\n  ".join(text for _, _, text in problems[:_SHOWN])
        more = f"\n  and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        count = "1 cell is" if len(problems) == 1 else f"{len(problems)} cells are"
        raise DataError(f"{where}: {count} not what the dictionary asks for:\n  {shown}{more}")
    for name in header:
        if name not in columns:
            cells = [record.cells[place[name]] for record in body]
            columns[name] = pd.Series(cells, dtype=object, index=index)
    return pd.DataFrame(columns, index=index)


def _shown(value: str) -> str:
    short = value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "…"
    return repr(short)
