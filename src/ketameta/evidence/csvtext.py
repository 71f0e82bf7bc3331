"""From the bytes of a CSV file to its cells, with the line on which each record starts.

The form is RFC 4180: commas, double quotes, doubled quotes inside quotes. Whatever departs from
it is an error with its line, never a guess; nothing is stripped, converted or taken for missing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ketameta.errors import DataError

__all__ = ["Record", "decode", "records"]

_BARE = re.compile(r"[^,\r\n]*")
_NEWLINE = re.compile(r"\r\n|\r|\n")
_NOT_TEXT = {
    b"\xff\xfe": "it is UTF-16 text",
    b"\xfe\xff": "it is UTF-16 text",
    b"PK\x03\x04": "it looks like a spreadsheet (xlsx, ods) or a zip archive",
    b"\xd0\xcf\x11\xe0": "it looks like an old spreadsheet (xls)",
    b"\x1f\x8b": "it is compressed (gzip)",
    b"%PDF": "it is a PDF",
}


class Record(NamedTuple):
    """One record: the line of the file on which it starts (from 1), and its cells as written."""

    line: int
    cells: list[str]


def decode(data: bytes, where: str) -> str:
    """Text of a UTF-8 file, with or without byte order mark.

    Raises
    ------
    DataError
        When the file is empty, binary, or in another encoding.
    """
    if not data:
        raise DataError(f"{where} is empty (0 bytes); a table needs at least its header line")
    for magic, what in _NOT_TEXT.items():
        if data.startswith(magic):
            raise DataError(f"{where} is not a CSV file in UTF-8: {what}. Save it as 'CSV UTF-8'.")
    if b"\x00" in data:
        place = data.index(b"\x00")
        raise DataError(
            f"{where}, line {_line(data, place)}: byte {place} is NUL, so the file is binary or damaged. "
            "Save the table as 'CSV UTF-8'."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}, line {_line(data, error.start)}: byte 0x{data[error.start]:02X} is not UTF-8; "
            "the file looks like Latin-1 or Windows-1252. Save it as 'CSV UTF-8'."
        ) from error


def _line(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1


def records(text: str, where: str) -> list[Record]:
    r"""Split text into records; blank lines are passed over.

    Raises
    ------
    DataError
        When a quote is never closed, or text follows a closing quote.

    Examples
    --------
    >>> from ketameta.evidence.csvtext import records
    >>> records('a,b\n1,"x, y"\n', "example")
    [Record(line=1, cells=['a', 'b']), Record(line=2, cells=['1', 'x, y'])]
    """
    found: list[Record] = []
    cells: list[str] = []
    place, line, start, end = 0, 1, 1, len(text)
    while True:
        if text.startswith('"', place):
            close = _closing_quote(text, place, f"{where}, line {line}, cell {len(cells) + 1}")
            raw = text[place + 1 : close]
            cells.append(raw.replace('""', '"'))
            line += len(_NEWLINE.findall(raw))
            place = close + 1
        else:
            stop = _bare_end(text, place)
            cells.append(text[place:stop])
            place = stop
        if text.startswith(",", place):
            place += 1
            continue
        if cells != [""]:
            found.append(Record(start, cells))
        cells = []
        place += 2 if text.startswith("\r\n", place) else 1
        line += 1
        start = line
        if place >= end:
            return found


def _bare_end(text: str, place: int) -> int:
    match = _BARE.match(text, place)
    return match.end() if match else place


def _closing_quote(text: str, place: int, where: str) -> int:
    close = text.find('"', place + 1)
    while close >= 0 and text.startswith('""', close):
        close = text.find('"', close + 2)
    if close < 0:
        raise DataError(
            f"{where}: the quote that opens the cell is never closed. "
            "Close it, or write a quote inside a cell twice."
        )
    if close + 1 < len(text) and text[close + 1] not in ",\r\n":
        rest = text[close + 1 : close + 21]
        raise DataError(
            f"{where}: {rest!r} follows the closing quote. Write a quote inside a quoted cell twice."
        )
    return close
