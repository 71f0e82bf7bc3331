"""Leaf by leaf: how far a record and what was computed again agree."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["DIGITS", "PEAK_DIGITS", "ROUNDING", "Leaf", "compare", "significant"]

DIGITS = 8.0
"""Significant digits to which numbers must agree.

A double holds 15 to 16. Iterated likelihoods lose some of them to the order in which another processor or linear
algebra library adds: with and without the vector instructions of one processor the numbers of the report agree to 12
or more. Nobody reads more than four.
"""
PEAK_DIGITS = 6.0
"""The same for the time at which a curve is highest: a maximum is flat, its place is known to half as many digits."""
ROUNDING = 1e-10
"""Below this, how far two implementations lie apart is rounding, of which no digit need agree."""

_ABSENT = object()
_MADE_OF = ("settings", "steps")
_PROVENANCE = {"dataset": "data", "dataset_sha256": "data", "n_rows": "rows", "software": "texts"}


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One value of a record beside the value computed again.

    Attributes
    ----------
    what : str
        Where it stands, as ``windows[mdd_depression_smd_single_24h].result.estimate``.
    part : str
        ``data``, ``rows``, ``settings``, ``software``, ``numbers`` or ``texts``.
    stored, recomputed
        The values; None where there is none.
    digits : float
        Significant digits to which two numbers agree, infinite when they are the same; NaN for anything else.
    verdict : str
        ``same``, ``agrees`` (numbers, to :data:`DIGITS` or :data:`PEAK_DIGITS`), ``differs``, ``only in the record`` or
        ``not in the record``.
    """

    what: str
    part: str
    stored: Any
    recomputed: Any
    digits: float
    verdict: str

    @property
    def agrees(self) -> bool:
        """Whether the values are the same, or numbers that agree."""
        return self.verdict in ("same", "agrees")


def significant(a: float, b: float) -> float:
    """Significant digits to which two numbers agree: minus the decimal logarithm of their relative difference.

    Examples
    --------
    >>> from ketameta.reporting.agreement import significant
    >>> significant(1.0, 1.0), round(significant(0.5, 0.5000005), 1), significant(1.0, -1.0)
    (inf, 6.0, 0.0)
    """
    if a == b:
        return math.inf
    try:
        difference = abs(a / 2 - b / 2) / (max(abs(a), abs(b)) / 2)
    except (OverflowError, ZeroDivisionError):
        return 0.0
    return max(0.0, -math.log10(difference)) if 0 < difference < math.inf else 0.0


def compare(stored: Any, recomputed: Any) -> tuple[Leaf, ...]:
    """Every leaf of two trees of plain values, those of the record first where only it has them."""
    return tuple(_walk(stored, recomputed, ()))


def _walk(stored: Any, recomputed: Any, path: tuple[str, ...]) -> Iterator[Leaf]:
    if isinstance(stored, Mapping) and isinstance(recomputed, Mapping):
        for key in (*recomputed, *(key for key in stored if key not in recomputed)):
            yield from _walk(stored.get(key, _ABSENT), recomputed.get(key, _ABSENT), (*path, f".{key}"))
    elif isinstance(stored, list) and isinstance(recomputed, list):
        if len(stored) == len(recomputed):
            for i, (a, b) in enumerate(zip(stored, recomputed, strict=True)):
                yield from _walk(a, b, (*path, _name(i, b)))
        else:
            yield from _unequal(stored, recomputed, path)
    elif not (stored == recomputed == []) and not (stored == recomputed == {}):
        yield _leaf(stored, recomputed, path)


def _unequal(stored: list[Any], recomputed: list[Any], path: tuple[str, ...]) -> Iterator[Leaf]:
    """Lists of different length, item by item: by the keys that they have, by place where a key stands twice."""
    ours = {_name(i, item): item for i, item in enumerate(recomputed)}
    theirs = {_name(i, item): item for i, item in enumerate(stored)}
    if len(ours) < len(recomputed) or len(theirs) < len(stored):
        ours, theirs = ({f"[{i}]": item for i, item in enumerate(items)} for items in (recomputed, stored))
    for name in (*ours, *(name for name in theirs if name not in ours)):
        yield from _walk(theirs.get(name, _ABSENT), ours.get(name, _ABSENT), (*path, name))


def _name(place: int, item: Any) -> str:
    key = item.get("key") if isinstance(item, Mapping) else None
    return f"[{key}]" if isinstance(key, str) else f"[{place}]"


def _leaf(stored: Any, recomputed: Any, path: tuple[str, ...]) -> Leaf:
    what = "".join(path).removeprefix(".")
    if stored is _ABSENT:
        return Leaf(what, _part(path, recomputed), None, recomputed, math.nan, "not in the record")
    if recomputed is _ABSENT:
        return Leaf(what, _part(path, stored), stored, None, math.nan, "only in the record")
    part = _part(path, recomputed)
    if _number(stored) and _number(recomputed):
        digits = significant(stored, recomputed)
        close = _close(stored, recomputed, digits, path) and not isinstance(recomputed, int)
        verdict = "same" if math.isinf(digits) else "agrees" if close else "differs"
        return Leaf(what, part, stored, recomputed, digits, verdict)
    same = type(stored) is type(recomputed) and stored == recomputed
    return Leaf(what, part, stored, recomputed, math.nan, "same" if same else "differs")


def _close(stored: float, recomputed: float, digits: float, path: tuple[str, ...]) -> bool:
    if path[-1] == ".largest_difference":
        return 0 <= stored < ROUNDING and recomputed < ROUNDING
    return digits >= (PEAK_DIGITS if ".peak" in path else DIGITS)


def _part(path: tuple[str, ...], value: Any) -> str:
    names = [name.removeprefix(".") for name in path]
    if names[0] in ("software", "dataset", "rows"):
        return {"dataset": "data"}.get(names[0], names[0])
    if any(name in _MADE_OF for name in names):
        return "settings"
    if len(names) > 1 and names[-2] == "provenance":
        return _PROVENANCE.get(names[-1], "rows")
    return "numbers" if _number(value) else "texts"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
