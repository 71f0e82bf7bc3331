"""Why a record and what was computed again differ: damage, data, rows, settings, software, or a changed number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ketameta.errors import DataError
from ketameta.evidence.location import data_file
from ketameta.reporting.agreement import Leaf
from ketameta.reporting.records import SEAL, digest

__all__ = ["diagnose", "versions_between", "worded"]

_LISTED = 3
_WIDEST = 60
_DIGEST = re.compile(r"[0-9a-f]{64}")
_HEADING = re.compile(r"^## (\d+(?:\.\d+)*)\b.*$", re.M)


def diagnose(
    stored: Mapping[str, Any], recomputed: Mapping[str, Any], leaves: Iterable[Leaf], trouble: str
) -> tuple[str, ...]:
    """What changed, in sentences, the most telling first; empty when nothing did."""
    off: dict[str, list[Leaf]] = {}
    for leaf in leaves:
        if not leaf.agrees:
            off.setdefault(leaf.part, []).append(leaf)
    found = [*_damage(stored), *_data(stored["dataset"], recomputed["dataset"], off.get("data", []))]
    if "rows" in off and "data" not in off:
        found.append(
            f"Rows: {_listed(off['rows'])}. The table was changed by hand, or the record was, or the software makes "
            "other rows of the same data. A table that was changed before the first step can be given as trials; what "
            "was done to it between the steps stands in no record."
        )
    if "settings" in off:
        found.append(f"Settings: {_listed(off['settings'])}.")
    if "software" in off:
        found.append(f"Software: {_listed(off['software'])}.")
    if trouble:
        return (*found, f"The steps of the record cannot be done again: {trouble}")
    values = [*off.get("numbers", []), *off.get("texts", [])]
    if values and not off.keys() & {"data", "rows", "settings"}:
        found.append(_changed(values, others="software" in off))
    return tuple(found)


def worded(leaf: Leaf) -> str:
    """A leaf that differs, in words.

    Examples
    --------
    >>> from ketameta.reporting.agreement import compare
    >>> from ketameta.reporting.causes import worded
    >>> print(worded(compare({"estimate": -0.51}, {"estimate": -0.50})[0]))
    estimate: -0.51 in the record, -0.5 computed again (1.7 digits)
    """
    there = "nothing" if leaf.verdict == "not in the record" else _short(leaf.stored)
    here = "nothing" if leaf.verdict == "only in the record" else _short(leaf.recomputed)
    digits = f" ({leaf.digits:.1f} digits)" if leaf.digits == leaf.digits else ""
    return f"{_middle(leaf.what)}: {there} in the record, {here} computed again{digits}"


def versions_between(old: str, new: str) -> list[str]:
    """Headings and first paragraphs of the data set's change log after one version, up to another."""
    low, high = _order(old), _order(new)
    if low is None or high is None:
        return []
    try:
        text = data_file("CHANGELOG.md").read_text(encoding="utf-8")
    except (DataError, OSError):
        return []
    found = []
    for heading in _HEADING.finditer(text):
        version = _order(heading[1])
        if version is not None and low < version <= high:
            paragraph = text[heading.end() :].lstrip("\n").split("\n\n", 1)[0]
            found.append(f"{heading[0].removeprefix('## ')}: {' '.join(paragraph.split())}")
    return found


def _damage(stored: Mapping[str, Any]) -> list[str]:
    contents = digest(stored)
    if contents == stored[SEAL]:
        return []
    return [
        f"The record was changed after it was written: its contents have SHA-256 {contents[:12]}, and it says "
        f"{_cut(str(stored[SEAL]), 12)}."
    ]


def _data(there: Mapping[str, Any], here: Mapping[str, Any], off: Sequence[Leaf]) -> list[str]:
    if not off:
        return []
    names = [f"{_cut(str(each['name']))} {_cut(str(each['version']))}".strip() for each in (there, here)]
    if there["sha256"] == here["sha256"]:
        if names[0] != names[1]:
            return [
                f"Data: the record says {names[0]}, but the SHA-256 in it is that of {names[1]}: name or version in "
                "the record is wrong."
            ]
        return [f"Data: {_listed(off)}."]
    if names[0] == names[1]:
        files = f"SHA-256 {_cut(str(there['sha256']), 12)} there, {str(here['sha256'])[:12]} here"
        return [
            f"Data: {names[0]} there and here, but the files differ ({files}): one was changed without a new version."
        ]
    log = versions_between(str(there["version"]), str(here["version"]))
    since = f" Changed since, by data/CHANGELOG.md: {' '.join(log)}" if log else ""
    return [
        f"Data: the record was made from {names[0]}; here is {names[1]}.{since} To compute it again from the data that "
        "it was made from, give that file as trials."
    ]


def _changed(values: Sequence[Leaf], *, others: bool) -> str:
    count = f"{len(values)} value{'s are' if len(values) > 1 else ' is'}"
    if others:
        return (
            f"Data and rows are the same, and {count} not. Whether that is the other software, or a change of values "
            "or settings by hand, shows when the versions of the record are installed."
        )
    return (
        f"Data, rows and software are the same, and {count} not what they give with the settings of the record: "
        "values or settings were changed by hand, or random numbers were drawn without a seed."
    )


def _listed(leaves: Sequence[Leaf]) -> str:
    more = len(leaves) - _LISTED
    return "; ".join(map(worded, leaves[:_LISTED])) + (f"; and {more} more" if more > 0 else "")


def _order(version: str) -> tuple[int, ...] | None:
    parts = version.split(".")
    return tuple(map(int, parts)) if all(p.isascii() and p.isdigit() and len(p) < 10 for p in parts) else None


def _short(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    if not isinstance(value, str):
        return _cut(str(value))
    return f"{value[:12]}…" if _DIGEST.fullmatch(value) else _cut(repr(value))


def _middle(text: str) -> str:
    """A path with its middle left out: its ends tell most."""
    return text if len(text) <= 2 * _WIDEST else f"{text[:_WIDEST]}…{text[-_WIDEST:]}"


def _cut(text: str, widest: int = _WIDEST) -> str:
    return text if len(text) <= widest else f"{text[:widest]}…"
