"""Test statistics and P values read from text as printed; what has another form is passed over."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketameta._typing import Array, BoolArray

__all__ = ["PrintedP", "PrintedStatistics", "printed_p", "printed_statistics"]

_LONGEST = 200
_COUNT = r"\d{1,6}(?:\.\d{1,4})?"
_VALUE = r"[+-]?(?:\d{1,6}(?:\.\d{1,8})?|\.\d{1,8})"
_GAP = r" {0,3}"
_STATISTIC = re.compile(
    rf"(?:[^0-9=]{{1,80}},{_GAP})?(?P<kind>[tzF]){_GAP}"
    rf"(?:[(\[]{_GAP}(?P<first>{_COUNT})(?:{_GAP},{_GAP}(?P<second>{_COUNT}))?{_GAP}[)\]])?"
    rf"{_GAP}={_GAP}(?P<value>{_VALUE})(?:{_GAP},{_GAP}df{_GAP}={_GAP}(?P<df>{_COUNT}))?",
    re.ASCII,
)
_P = re.compile(
    r"(?P<sign>[<>]?)=? ?(?P<value>(?:0|1|[01]?\.\d{1,15}))(?:[eE](?P<power>-?\d{1,3}))?", re.ASCII
)
_NOT_SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class PrintedStatistics:
    """Absolute values of t that printed statistics stand for; NaN where nothing could be read.

    Attributes
    ----------
    value : ndarray, shape (n,)
        As printed; the square root of F with one numerator degree of freedom.
    low, high : ndarray, shape (n,)
        Bounds that rounding leaves.
    df : ndarray, shape (n,)
        Degrees of freedom; infinite for z, NaN where not printed.
    """

    value: Array
    low: Array
    high: Array
    df: Array


@dataclass(frozen=True, slots=True, eq=False)
class PrintedP:
    """Bounds that a printed P value leaves for the exact one; NaN where nothing could be read.

    Attributes
    ----------
    low, high : ndarray, shape (n,)
        Bounds: 0.015 and 0.025 for ``0.02``; 0 and 0.003 for ``<0.003``; 0.05 and 1 for ``ns``.
    bound : ndarray of bool, shape (n,)
        True for an inequality and for ``ns``.
    """

    low: Array
    high: Array
    bound: BoolArray


def printed_statistics(texts: NDArray[np.object_]) -> PrintedStatistics:
    """Read ``t(45)=2.3``, ``t = 1.94``, ``t[32] = 2.02``, ``t=-2.4, df=127``, ``F(1,70)=9.62`` and ``z = 2.1``.

    Words without digits and a comma may stand before the statistic. F needs both degrees of freedom, the
    first of them 1. Anything else, and any text of more than 200 characters, is passed over.

    Examples
    --------
    >>> import numpy as np
    >>> found = printed_statistics(np.array(["t(45)=2.3", "chi2=4.6"], dtype=object))
    >>> found.df.tolist()
    [45.0, nan]
    """
    rows = [_statistic(str(text)) for text in texts]
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return PrintedStatistics(*table.T)


def _statistic(text: str) -> tuple[float, float, float, float]:
    nothing = (np.nan, np.nan, np.nan, np.nan)
    if len(text) > _LONGEST:
        return nothing
    match = _STATISTIC.fullmatch(text.strip().replace("\N{MINUS SIGN}", "-"))
    if match is None:
        return nothing
    part: dict[str, Any] = match.groupdict()
    value, half = abs(float(part["value"])), _half(part["value"])
    if part["kind"] == "F":
        if part["first"] != "1" or part["second"] is None or part["df"] is not None:
            return nothing
        return value**0.5, max(value - half, 0.0) ** 0.5, (value + half) ** 0.5, float(part["second"])
    if part["second"] is not None or (part["first"] is not None and part["df"] is not None):
        return nothing
    df = part["first"] or part["df"]
    if part["kind"] == "z":
        return nothing if df else (value, max(value - half, 0.0), value + half, np.inf)
    if df is not None and float(df) == 0:
        return nothing
    return value, max(value - half, 0.0), value + half, np.nan if df is None else float(df)


def printed_p(texts: NDArray[np.object_]) -> PrintedP:
    """Read P values in the form of the dictionary: ``.03``, ``<0.001``, ``>.999``, ``1e-4``, ``ns``.

    Examples
    --------
    >>> import numpy as np
    >>> found = printed_p(np.array([".020", "<0.003", "small"], dtype=object))
    >>> found.low.tolist(), found.high.tolist()
    ([0.0195, 0.0, nan], [0.0205, 0.003, nan])
    """
    rows = [_p(str(text)) for text in texts]
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return PrintedP(table[:, 0], table[:, 1], table[:, 2] == 1)


def _p(text: str) -> tuple[float, float, float]:
    text = text.strip() if len(text) <= _LONGEST else ""
    if text == "ns":
        return _NOT_SIGNIFICANT, 1.0, 1.0
    match = _P.fullmatch(text)
    if match is None:
        return np.nan, np.nan, 0.0
    power = f"e{match['power'] or 0}"
    value, half = float(match["value"] + power), float(f"5e-{1 + len(match['value'].partition('.')[2])}")
    half *= float("1" + power)
    if not 0 <= value <= 1:
        return np.nan, np.nan, 0.0
    if match["sign"] == "<":
        return 0.0, value, 1.0
    if match["sign"] == ">":
        return value, 1.0, 1.0
    return max(value - half, 0.0), min(value + half, 1.0), 0.0


def _half(number: str) -> float:
    """Half of the last printed decimal."""
    return float(0.5 * 10.0 ** -len(number.partition(".")[2]))
