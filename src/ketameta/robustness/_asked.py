"""What a function of this room is asked to work on, refused in words where it cannot."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from ketameta._render import plural
from ketameta._spelling import unknown
from ketameta.errors import ModelError
from ketameta.models import Pooled

__all__ = ["choice", "flag", "number_between", "number_within", "pool_of", "whole"]


def pool_of(fit: Any, who: str, *, least: int = 2) -> Pooled:
    """A pooled result of enough studies.

    Raises
    ------
    ModelError
        For anything else; names the function that asked.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.robustness._asked import pool_of
    >>> pool_of(km.pool(yi=[-0.5, -0.2, -0.9], vi=[0.1, 0.2, 0.1]), "egger", least=3).k
    3
    """
    if not isinstance(fit, Pooled):
        raise ModelError(
            f"{who}() takes the result of pool(), not {type(fit).__name__}; pool the effects first"
        )
    if fit.k < least:
        raise ModelError(f"{who}() needs {plural(least, 'study', 'studies')} or more; this pool has {fit.k}")
    return fit


def choice(name: str, value: Any, options: tuple[str, ...]) -> str:
    """One of the words that are known."""
    if isinstance(value, str) and value in options:
        return value
    raise ModelError(unknown(name, value, options))


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise ModelError(f"{name}={value!r} must be True or False")
    return value


def number_between(name: str, value: Any, low: float, high: float) -> float:
    """A finite number strictly between two bounds."""
    if isinstance(value, bool) or not isinstance(value, Real) or not low < float(value) < high:
        raise ModelError(f"{name}={value!r} must be a number between {low:g} and {high:g}")
    return float(value)


def number_within(name: str, value: Any, low: float, high: float) -> float:
    """A number from one bound to another, both included."""
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= float(value) <= high:
        raise ModelError(f"{name}={value!r} must be a number from {low:g} to {high:g}")
    return float(value)


def whole(name: str, value: Any, low: int, high: int) -> int:
    """A whole number from one bound to another, both included."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise ModelError(f"{name}={value!r} must be a whole number from {low:,} to {high:,}")
    return int(value)
