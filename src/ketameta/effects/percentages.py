"""Numbers of people from printed percentages."""

from __future__ import annotations

import re

import numpy as np

from ketameta._typing import AnyArray, Array, ArrayLike, BoolArray
from ketameta.effects._checks import arrays, first_index, more_than
from ketameta.errors import EffectError
from ketameta.evidence.rounding import Whole, whole_numbers

__all__ = ["events_from_percent"]

_PERCENT = re.compile(r"(\d{1,3})(?:[.\N{MIDDLE DOT}](\d*))? ?%?")
_MOST_DECIMALS = 6
_LARGEST_GROUP = 10**9
_LISTED = 5
_LONGEST = 100


def events_from_percent(percent: ArrayLike, n: ArrayLike, decimals: int | None = None) -> Array:
    """Number of people with the event from its printed percentage, where only one number gives it.

    Parameters
    ----------
    percent : array_like of str, or of float with ``decimals``
        Percentages as printed, ``"9.0%"`` or ``"9.0"``: the text tells to how many decimals they
        were rounded. Numbers do not, since 9.0 and 9 are the same number.
    n : array_like
        Number of people in the group; shapes broadcast.
    decimals : int, optional
        Decimals to which the percentages were rounded, 0 to 6; for numbers only.

    Returns
    -------
    Array
        Whole numbers a such that ``100 a / n``, rounded half up or half to even, is the percentage.

    Raises
    ------
    EffectError
        If no whole number gives the percentage, or several do; or if a percentage is not between 0
        and 100, a number is given without ``decimals`` or has more decimals than that, text is given
        with ``decimals``, or n is not a whole number above 0.

    Notes
    -----
    All comparisons are made in whole numbers: with d decimals and ``p = 10^d percent``, a fits if
    ``(2p - 1) n <= 200 10^d a <= (2p + 1) n``, where the upper bound itself counts only for an even
    p, the one to which rounding half to even leads from there.

    Examples
    --------
    >>> from ketameta.effects import events_from_percent
    >>> events_from_percent(["64%", "28%"], [47, 25]).tolist()
    [30.0, 7.0]
    >>> events_from_percent("9.0%", 79)
    Traceback (most recent call last):
    ...
    ketameta.errors.EffectError: 9.0% of 79: 7/79 = 8.9%, 8/79 = 10.1%; no whole number gives it...
    """
    parts, places = _parts(percent, decimals)
    low, high, parts, places, size = _bounds(parts, places, n)
    for wrong, explain in ((low > high, _none), (low < high, _several)):
        if wrong.any():
            place, flat = first_index(wrong)
            p, d, total, first, last = (int(x.ravel()[flat]) for x in (parts, places, size, low, high))
            others = int(wrong.sum()) - 1
            more = f" (and {others} more)" if others else ""
            where = f"percent{place}: " if place else ""
            raise EffectError(where + explain(p, d, total, first, last) + more)
    return np.asarray(low, dtype=np.float64)


def _bounds(parts: Whole, places: Whole, n: ArrayLike) -> tuple[Whole, Whole, Whole, Whole, Whole]:
    p, d, floats = arrays(percent=parts, decimals=places, n=n)
    more_than(0, "a group size", n=floats)
    bad = (floats != np.floor(floats)) | (floats > _LARGEST_GROUP)
    if bad.any():
        place, flat = first_index(bad)
        raise EffectError(
            f"n{place} = {floats.ravel()[flat]:g}: a whole number of people is needed, at most {_LARGEST_GROUP}"
        )
    part, place_count, size = (x.astype(np.int64) for x in (p, d, floats))
    return *whole_numbers(part, place_count, size), part, place_count, size


def _parts(percent: ArrayLike, decimals: int | None) -> tuple[Whole, Whole]:
    """Percentages in units of their last decimal, and the numbers of decimals."""
    try:
        raw: AnyArray = np.asarray(percent, dtype=object)
    except ValueError:
        raise EffectError("percent is ragged; give arrays of one length") from None
    if raw.size == 0:
        raise EffectError("percent is empty; give at least one value")
    text: BoolArray = np.array([isinstance(value, str) for value in raw.ravel()]).reshape(raw.shape)
    if text.any():
        return _from_text(raw, text, decimals)
    return _from_numbers(percent, decimals)


def _from_text(raw: AnyArray, text: BoolArray, decimals: int | None) -> tuple[Whole, Whole]:
    if decimals is not None:
        raise EffectError("percent is text, which tells its own decimals; leave out decimals=")
    if not text.all():
        place, flat = first_index(~text)
        raise EffectError(
            f"percent{place} = {raw.ravel()[flat]!r} stands among texts; give every percentage as printed"
        )
    parts, places = np.empty(raw.shape, np.int64), np.empty(raw.shape, np.int64)
    for index, value in np.ndenumerate(raw):
        match = _PERCENT.fullmatch(value.strip()) if len(value) <= _LONGEST else None
        if match is None or len(match[2] or "") > _MOST_DECIMALS:
            place, _ = first_index(raw == value)
            raise EffectError(
                f"percent{place} = {value[:_LONGEST]!r} is not a printed percentage such as '9.0%' (at most "
                f"{_MOST_DECIMALS} decimals, decimal point)"
            )
        places[index] = len(match[2] or "")
        parts[index] = int(match[1] + (match[2] or ""))
    _within(parts, places)
    return parts, places


def _from_numbers(percent: ArrayLike, decimals: int | None) -> tuple[Whole, Whole]:
    (values,) = arrays(percent=percent)
    if decimals is None:
        raise EffectError(
            "percent holds numbers, which do not tell to how many decimals they were rounded (9 or 9.0): "
            "give them as printed, as text, or state decimals="
        )
    if isinstance(decimals, bool) or not isinstance(decimals, (int, np.integer)):
        raise EffectError(f"decimals = {decimals!r}: one whole number is needed")
    if not 0 <= decimals <= _MOST_DECIMALS:
        raise EffectError(f"decimals = {decimals}: a number from 0 to {_MOST_DECIMALS} is needed")
    outside = (values < 0) | (values > 100)
    parts = np.rint(np.where(outside, 0, values) * 10.0**decimals)
    finer = ~outside & (parts / 10.0**decimals != values)
    for bad, rule in ((outside, "is not between 0 and 100"), (finer, f"has more than {decimals} decimals")):
        if bad.any():
            place, flat = first_index(bad)
            raise EffectError(f"percent{place} = {values.ravel()[flat]:.10g} {rule}")
    return parts.astype(np.int64), np.full(values.shape, decimals, np.int64)


def _within(parts: Whole, places: Whole) -> None:
    outside = parts > 100 * 10**places
    if outside.any():
        place, flat = first_index(outside)
        shown = _shown(int(parts.ravel()[flat]), int(places.ravel()[flat]))
        raise EffectError(f"percent{place} = {shown} is not between 0 and 100")


def _shown(part: int, places: int) -> str:
    if not places:
        return f"{part}%"
    return f"{part // 10**places}.{part % 10**places:0{places}d}%"


def _share(count: int, size: int, places: int) -> str:
    """``7/79 = 8.9%``, rounded half up in whole numbers."""
    rounded = (200 * 10**places * count + size) // (2 * size)
    return f"{count}/{size} = {_shown(rounded, places)}"


def _none(part: int, places: int, size: int, low: int, high: int) -> str:
    near = [count for count in (high, low) if 0 <= count <= size]
    shares = ", ".join(_share(count, size, places) for count in near)
    return (
        f"{_shown(part, places)} of {size}: {shares}; no whole number gives it. Check the number of people "
        "that the percentage refers to"
    )


def _several(part: int, places: int, size: int, low: int, high: int) -> str:
    count = high - low + 1
    listed = [_share(a, size, places) for a in range(low, min(high, low + _LISTED - 1) + 1)]
    dots = ", ..." if count > len(listed) else ""
    return (
        f"{_shown(part, places)} of {size}: {', '.join(listed)}{dots}; {count} whole numbers give it. Take the "
        "count itself, or a percentage with more decimals"
    )
