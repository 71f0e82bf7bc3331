"""Records as JSON: plain values, the digest that seals them, and reading those that anyone may have written."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ketameta.errors import DataError

__all__ = ["SEAL", "as_json", "digest", "plain", "read_record", "sealed"]

SEAL = "record_sha256"
_LARGEST = 64 * 2**20
_DEEPEST = 40
_LONE = re.compile("[\ud800-\udfff]")


def plain(value: Any) -> Any:
    """Turn a value into what JSON can hold: NaN to None, infinities to text, NumPy scalars to Python's."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, pd.DataFrame):
        return plain(value.to_dict("records"))
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist") and not isinstance(value, str):
        return plain(value.tolist())
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def digest(record: Mapping[str, Any]) -> str:
    """SHA-256 of everything in a record but its seal: JSON with sorted keys, no spaces, ASCII only.

    Whoever changes a record can compute it anew: it finds damage and careless hands, not forgers. These are
    found by computing the numbers again.

    Raises
    ------
    DataError
        When the record holds what JSON cannot.

    Examples
    --------
    >>> from ketameta.reporting.records import digest
    >>> digest({"k": 5, "estimate": -0.5}) == digest({"estimate": -0.5, "k": 5, "record_sha256": ""})
    True
    """
    rest = {key: value for key, value in record.items() if key != SEAL}
    text = _dumped(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as plain values, with the digest of its contents as its last entry."""
    values = plain(record)
    return {**values, SEAL: digest(values)}


def as_json(record: Mapping[str, Any]) -> str:
    """A record as JSON text that any file can hold, keys in the order given, no NaN."""
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return _LONE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def read_record(source: str | os.PathLike[str] | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Read a record, which may come from anyone; its name, and its contents as JSON gives them.

    Raises
    ------
    DataError
        When the file cannot be read, is not UTF-8 JSON, holds a key twice, a number that is none, or anything
        but an object, or is larger than any record.
    """
    if isinstance(source, Mapping):
        return "The record", _parsed(_dumped(dict(source)), "The record")
    if not isinstance(source, str | os.PathLike):
        raise DataError(f"a path, a receipt or a record is wanted, not {type(source).__name__}.")
    file = Path(source)
    try:
        size = file.stat().st_size
        data = file.read_bytes() if size <= _LARGEST else b""
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{_short(source)!r} cannot be read: {reason}.") from None
    if size > _LARGEST:
        raise DataError(f"{file.name} has {size:,} bytes; no record is larger than {_LARGEST:,}.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file.name}, byte {error.start}: not UTF-8. Give the file as it was written."
        ) from None
    return file.name, _parsed(text, file.name)


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{where}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}."
        ) from None
    except RecursionError:
        raise DataError(f"{where} is nested deeper than any record.") from None
    except ValueError as error:
        raise DataError(f"{where}: {_short(error)}") from None
    if _depth(record) > _DEEPEST:
        raise DataError(f"{where} is nested deeper than any record.")
    if not isinstance(record, dict):
        raise DataError(
            f"{where} holds a {type(record).__name__}, not a record; give results.json or a receipt."
        )
    return record


def _depth(record: Any) -> int:
    depth, level = 0, [record]
    while level:
        depth += 1
        level = [
            item
            for each in level
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
    return depth


def _dumped(record: Mapping[str, Any], **form: Any) -> str:
    try:
        return json.dumps(record, allow_nan=False, **form)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"the record is not plain JSON ({_short(error)}): read it from its file, unchanged."
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for i, key in enumerate(keys) if key in keys[:i])
        raise ValueError(f"the key {_short(twice)!r} stands twice in one object; no record has that.")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON; a record writes null for a missing number.")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {_short(text)} is beyond double precision.")
    return value


def _short(what: object) -> str:
    text = str(what)
    return text if len(text) <= 120 else f"{text[:120]}…"
