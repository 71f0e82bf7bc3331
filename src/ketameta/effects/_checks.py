"""Checks on the arguments of the array functions."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from ketameta._spelling import unknown
from ketameta._typing import Array, ArrayLike, BoolArray
from ketameta.errors import EffectError

__all__ = [
    "arrays",
    "choice",
    "correlation",
    "first_index",
    "fraction",
    "more_than",
    "not_less_than",
]


def first_index(bad: BoolArray) -> tuple[str, int]:
    """Place of the first true element, as ``"[2]"`` (empty for a scalar), and its flat position."""
    flat = int(np.argmax(bad.ravel()))
    if bad.ndim == 0:
        return "", flat
    place = np.unravel_index(flat, bad.shape)
    return "[" + ", ".join(str(int(i)) for i in place) + "]", flat


def arrays(**named: ArrayLike) -> tuple[Array, ...]:
    """Arguments as float arrays of one shape, every value finite.

    Raises
    ------
    EffectError
        If an argument is not numeric, is empty, has a missing or infinite value, or if the
        shapes do not broadcast.
    """
    given = {name: _floats(name, values) for name, values in named.items()}
    try:
        broadcast = np.broadcast_arrays(*given.values())
    except ValueError:
        shapes = ", ".join(f"{name} {values.shape}" for name, values in given.items())
        raise EffectError(f"the shapes do not fit together: {shapes}; give arrays of one length") from None
    for name, values in given.items():
        _require(name, values, np.isfinite(values), "a finite number is needed")
    return tuple(broadcast)


def _floats(name: str, values: ArrayLike) -> Array:
    if np.ma.is_masked(values):
        raise EffectError(f"{name} has masked values; a finite number is needed in every place")
    try:
        raw: np.ndarray[Any, Any] = np.asarray(values)
    except ValueError:
        raise EffectError(f"{name} is ragged; give arrays of one length") from None
    if raw.size == 0:
        raise EffectError(f"{name} is empty; give at least one value")
    if raw.dtype.kind == "O":
        for position, value in enumerate(raw.ravel()):
            if not isinstance(value, numbers.Real) or isinstance(value, bool):
                place = f"[{position}]" if raw.ndim else ""
                raise EffectError(f"{name}{place} = {value!r}: a number is needed")
    elif raw.dtype.kind not in "iuf":
        raise EffectError(f"{name} holds {raw.dtype} values such as {raw.ravel()[0]!r}; numbers are needed")
    try:
        return np.asarray(raw, dtype=np.float64)
    except OverflowError:
        raise EffectError(f"{name} holds a number that is too large") from None


def _require(name: str, values: Array, good: BoolArray, rule: str) -> None:
    if good.all():
        return
    place, flat = first_index(~good)
    others = int((~good).sum()) - 1
    more = f" (and {others} more)" if others else ""
    raise EffectError(f"{name}{place} = {values.ravel()[flat]:g}: {rule}{more}")


def more_than(bound: float, what: str, **named: Array) -> None:
    """Each value exceeds ``bound``; ``what`` names the quantity in the error."""
    for name, values in named.items():
        _require(name, values, values > bound, f"{what} must be greater than {bound:g}")


def not_less_than(bound: float, what: str, **named: Array) -> None:
    """Each value is at least ``bound``; ``what`` names the quantity in the error."""
    for name, values in named.items():
        _require(name, values, values >= bound, f"{what} must be at least {bound:g}")


def correlation(**named: Array) -> None:
    """Each value lies strictly between -1 and 1."""
    for name, values in named.items():
        _require(name, values, np.abs(values) < 1, "a correlation must lie between -1 and 1")


def fraction(**named: Array) -> None:
    """Each value lies strictly between 0 and 1."""
    for name, values in named.items():
        _require(name, values, (values > 0) & (values < 1), "a number between 0 and 1 is needed")


def positive_finite(values: Array, what: str) -> Array:
    """The computed values, each finite and positive.

    Raises
    ------
    EffectError
        If one is not: the arguments are too large, too small or too far apart for the arithmetic.
    """
    usable = np.isfinite(values) & (values > 0)
    if not usable.all():
        place, flat = first_index(~usable)
        raise EffectError(
            f"{what}{place} comes out as {values.ravel()[flat]:g}; the arguments are too large or too small for "
            "floating-point arithmetic"
        )
    return np.asarray(values, dtype=np.float64)


def choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """``value`` is one of ``allowed``; otherwise the nearest one is suggested.

    Raises
    ------
    EffectError
        If it is not.
    """
    if not (isinstance(value, str) and value in allowed):
        raise EffectError(unknown(name, value, allowed))
