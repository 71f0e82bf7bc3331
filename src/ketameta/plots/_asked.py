"""What a caller asks of a figure, refused in words where it cannot be drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, TypeVar

import numpy as np

from ketameta._spelling import unknown
from ketameta.errors import FigureError

__all__ = ["ends", "flag", "number_in", "of_class", "one_of", "pair", "whole_in", "written"]

T = TypeVar("T")


def of_class(options: T | None, standard: T) -> T:
    """The options of a figure, the standard ones where none are given.

    Raises
    ------
    FigureError
        They are options of another figure, or none at all.

    Examples
    --------
    >>> from ketameta.plots._asked import of_class
    >>> of_class(None, 1.5)
    1.5
    """
    if options is None:
        return standard
    wanted = type(standard)
    if not isinstance(options, wanted):
        kind = "the class itself" if isinstance(options, type) else type(options).__name__
        raise FigureError(f"options: this figure takes {wanted.__name__}(...), not {kind}.")
    return options


def number_in(name: str, value: object, low: float, high: float, unit: str = "") -> None:
    """Refuse what is no number from `low` to `high`.

    Examples
    --------
    >>> from ketameta.plots._asked import number_in
    >>> number_in("width_mm", 85, 60, 1000, "mm")
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float | np.integer | np.floating)
        or not low <= value <= high
    ):
        raise FigureError(f"{name}={value!r}: give a number from {low:g} to {high:g} {unit}".rstrip() + ".")


def whole_in(name: str, value: object, low: int, high: int) -> None:
    """Refuse what is no whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise FigureError(f"{name}={value!r}: give a whole number from {low} to {high}.")


def one_of(name: str, value: object, known: Iterable[str]) -> None:
    """Refuse what is none of the words that are known."""
    words = tuple(known)
    if not (isinstance(value, str) and value in words):
        raise FigureError(unknown(name, value, words))


def flag(name: str, value: object) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(value, bool):
        raise FigureError(f"{name}={value!r}: give True or False.")


def written(name: str, value: object) -> str:
    """A text as it is; anything else is refused."""
    if not isinstance(value, str):
        raise FigureError(f"{name}={value!r}: give text.")
    return value


def ends(limits: Any) -> tuple[float, float]:
    """Ends of an axis, the lower one first.

    Examples
    --------
    >>> from ketameta.plots._asked import ends
    >>> ends([-1, 2])
    (-1.0, 2.0)
    """
    if isinstance(limits, Iterable) and not isinstance(limits, str):
        given = list(limits)
        if len(given) == 2 and all(isinstance(x, Real) and math.isfinite(x) for x in given):
            low, high = float(given[0]), float(given[1])
            if low < high:
                return low, high
    raise FigureError(f"limits={limits!r}: give two finite numbers, the lower end first.")


def pair(name: str, given: object) -> tuple[str, str]:
    """Two texts that are not empty.

    Examples
    --------
    >>> from ketameta.plots._asked import pair
    >>> pair("favours", ["ketamine", "placebo"])
    ('ketamine', 'placebo')
    """
    if isinstance(given, Sequence) and not isinstance(given, str) and len(given) == 2:
        one, two = given
        if isinstance(one, str) and isinstance(two, str) and one.strip() and two.strip():
            return one, two
    raise FigureError(f"{name}={given!r}: give two names, such as ('ketamine', 'placebo').")
