"""Effects of two independent groups from numbers of events.

Group 1 is ketamine, group 2 the comparator; ``a`` of ``n1`` and ``c`` of ``n2`` had the event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ketameta._typing import Array, ArrayLike, BoolArray
from ketameta.effects._checks import arrays, choice, first_index, more_than, not_less_than
from ketameta.effects._result import EffectSize, make_effect
from ketameta.errors import EffectError

__all__ = ["CORRECTION_RULES", "To", "arcsine", "log_or", "log_rr", "peto", "rd"]

To = Literal["only0", "all", "if0all", "none"]

CORRECTION_RULES = ("only0", "all", "if0all", "none")
_ZERO = "a cell is zero; use a correction (correction=0.5, to='only0')"
_NO_VARIANCE = "without events, or without non-events, in both groups there is nothing to estimate"


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    a: Array
    b: Array
    c: Array
    d: Array

    @property
    def n1(self) -> Array:
        return self.a + self.b

    @property
    def n2(self) -> Array:
        return self.c + self.d


def _tables(a: ArrayLike, n1: ArrayLike, c: ArrayLike, n2: ArrayLike, correction: float, to: To) -> _Tables:
    choice("to", to, CORRECTION_RULES)
    events, first, others, second = arrays(a=a, n1=n1, c=c, n2=n2)
    more_than(0, "a group size", n1=first, n2=second)
    not_less_than(0, "a number of events", a=events, c=others)
    for name, count, size in (("a", events, first), ("c", others, second)):
        if (count > size).any():
            place, flat = first_index(count > size)
            raise EffectError(
                f"{name}{place} = {count.ravel()[flat]:g} events exceed the group size {size.ravel()[flat]:g}"
            )
    add = np.where(_corrected(events, first, others, second, to), _amount(correction), 0.0)
    return _Tables(events + add, first - events + add, others + add, second - others + add)


def _amount(correction: float) -> float:
    (amount,) = arrays(correction=correction)
    if amount.ndim:
        raise EffectError(f"correction has shape {amount.shape}; give one number, such as 0.5")
    not_less_than(0, "a correction", correction=amount)
    return float(amount)


def _corrected(a: Array, n1: Array, c: Array, n2: Array, to: To) -> BoolArray:
    zero: BoolArray = (a == 0) | (c == 0) | (a == n1) | (c == n2)
    if to == "only0":
        return zero
    everywhere = to == "all" or (to == "if0all" and bool(zero.any()))
    return np.full(zero.shape, everywhere)


def log_or(
    a: ArrayLike,
    n1: ArrayLike,
    c: ArrayLike,
    n2: ArrayLike,
    correction: float = 0.5,
    to: To = "only0",
) -> EffectSize:
    """Log odds ratio.

    Parameters
    ----------
    a, n1, c, n2 : array_like
        Events and sizes of groups 1 and 2; shapes broadcast.
    correction : float
        Number added to each of the four cells of a table.
    to : {"only0", "all", "if0all", "none"}
        Tables that are corrected: those with a zero cell, all, all if any table has a zero cell,
        none.

    Returns
    -------
    EffectSize
        ``yi = log(a d / (b c))``; ``vi = 1/a + 1/b + 1/c + 1/d`` (Woolf 1955).

    Raises
    ------
    EffectError
        If a value is not finite, events are negative or exceed the size, or a cell is left zero.

    Examples
    --------
    >>> from ketameta.effects import log_or
    >>> effect = log_or(4, 123, 11, 139)
    >>> round(float(effect.yi), 4), round(float(effect.vi), 4)
    (-0.9387, 0.3571)
    """
    t = _tables(a, n1, c, n2, correction, to)
    with np.errstate(all="ignore"):
        yi = np.log(t.a / t.b) - np.log(t.c / t.d)
        return make_effect(yi, 1 / t.a + 1 / t.b + 1 / t.c + 1 / t.d, _ZERO)


def log_rr(
    a: ArrayLike,
    n1: ArrayLike,
    c: ArrayLike,
    n2: ArrayLike,
    correction: float = 0.5,
    to: To = "only0",
) -> EffectSize:
    """Log risk ratio.

    Parameters
    ----------
    a, n1, c, n2, correction, to
        As :func:`log_or`. The correction is added to all four cells, so to a group size twice.

    Returns
    -------
    EffectSize
        ``yi = log((a / n1) / (c / n2))``; ``vi = 1/a - 1/n1 + 1/c - 1/n2`` (Katz et al. 1978).

    Raises
    ------
    EffectError
        As :func:`log_or`.

    Examples
    --------
    >>> from ketameta.effects import log_rr
    >>> effect = log_rr(4, 123, 11, 139)
    >>> round(float(effect.yi), 4), round(float(effect.vi), 4)
    (-0.8893, 0.3256)
    """
    t = _tables(a, n1, c, n2, correction, to)
    with np.errstate(all="ignore"):
        yi = np.log(t.a / t.n1) - np.log(t.c / t.n2)
        return make_effect(yi, t.b / (t.a * t.n1) + t.d / (t.c * t.n2), _ZERO)


def rd(
    a: ArrayLike,
    n1: ArrayLike,
    c: ArrayLike,
    n2: ArrayLike,
    correction: float = 0.5,
    to: To = "only0",
) -> EffectSize:
    """Risk difference, as a proportion (not in percentage points).

    Parameters
    ----------
    a, n1, c, n2, correction, to
        As :func:`log_or`.

    Returns
    -------
    EffectSize
        ``yi = a/n1 - c/n2``; ``vi = a b / n1^3 + c d / n2^3``.

    Raises
    ------
    EffectError
        As :func:`log_or`; a zero cell is harmless here unless it makes the variance zero.

    Examples
    --------
    >>> from ketameta.effects import rd
    >>> effect = rd(4, 123, 11, 139)
    >>> round(float(effect.yi), 4), round(float(effect.vi), 6)
    (-0.0466, 0.00078)
    """
    t = _tables(a, n1, c, n2, correction, to)
    with np.errstate(all="ignore"):
        vi = t.a * t.b / t.n1**3 + t.c * t.d / t.n2**3
        return make_effect(t.a / t.n1 - t.c / t.n2, vi, _ZERO)


def arcsine(
    a: ArrayLike,
    n1: ArrayLike,
    c: ArrayLike,
    n2: ArrayLike,
    correction: float = 0.0,
    to: To = "only0",
) -> EffectSize:
    """Arcsine difference, defined whatever cells are zero.

    Parameters
    ----------
    a, n1, c, n2, correction, to
        As :func:`log_or`; no correction unless asked for, because none is needed.

    Returns
    -------
    EffectSize
        ``yi = asin(sqrt(a/n1)) - asin(sqrt(c/n2))``; ``vi = 1/(4 n1) + 1/(4 n2)``
        (Rucker et al. 2009).

    Raises
    ------
    EffectError
        If a value is not finite, or events are negative or exceed the size.

    Examples
    --------
    >>> from ketameta.effects import arcsine
    >>> effect = arcsine(0, 10, 5, 10)
    >>> round(float(effect.yi), 4), round(float(effect.vi), 4)
    (-0.7854, 0.05)
    """
    t = _tables(a, n1, c, n2, correction, to)
    with np.errstate(all="ignore"):
        yi = np.arcsin(np.sqrt(t.a / t.n1)) - np.arcsin(np.sqrt(t.c / t.n2))
        return make_effect(yi, 1 / (4 * t.n1) + 1 / (4 * t.n2), _NO_VARIANCE)


def peto(
    a: ArrayLike,
    n1: ArrayLike,
    c: ArrayLike,
    n2: ArrayLike,
    correction: float = 0.0,
    to: To = "only0",
) -> EffectSize:
    """Log odds ratio by Peto's one-step method.

    Parameters
    ----------
    a, n1, c, n2, correction, to
        As :func:`log_or`; no correction unless asked for, because none is needed
        (Cochrane Handbook 10.4.2).

    Returns
    -------
    EffectSize
        ``yi = (a - E) / V`` and ``vi = 1 / V`` with the hypergeometric expectation ``E`` and
        variance ``V`` of ``a`` (Yusuf et al. 1985).

    Raises
    ------
    EffectError
        If a value is not finite, events are negative or exceed the size, or nobody or everybody
        had the event in both groups.

    Examples
    --------
    >>> from ketameta.effects import peto
    >>> effect = peto(0, 10, 5, 10)
    >>> round(float(effect.yi), 4), round(float(effect.vi), 4)
    (-2.5333, 1.0133)
    """
    t = _tables(a, n1, c, n2, correction, to)
    total = t.n1 + t.n2
    more_than(1, "n1 + n2", **{"n1 + n2": total})
    with np.errstate(all="ignore"):
        events = t.a + t.c
        share = t.n1 / total
        variance = events * (t.b + t.d) * share * (t.n2 / total) / (total - 1)
        return make_effect((t.a - events * share) / variance, 1 / variance, _NO_VARIANCE)
