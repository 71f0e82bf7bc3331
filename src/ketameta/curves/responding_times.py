"""Times that a reader asks a curve for, checked."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.effects.correlation import DAY
from ketameta.errors import ModelError

__all__ = ["asked_hours", "require_inside"]

_SLACK = 1e-9


def asked_hours(hours: ArrayLike | None, days: ArrayLike | None) -> Array:
    """Times in hours, from one of both arguments.

    Raises
    ------
    ModelError
        If not exactly one is given, or a time is not a finite number above zero.

    Examples
    --------
    >>> from ketameta.curves.responding_times import asked_hours
    >>> asked_hours(None, [1, 7]).tolist()
    [24.0, 168.0]
    """
    if (hours is None) == (days is None):
        raise ModelError("give the times either as hours=[...] or as days=[...].")
    try:
        given = np.atleast_1d(np.asarray(hours if days is None else days, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise ModelError(f"times must be numbers: {error}") from error
    if given.ndim != 1 or given.size == 0 or not np.all(np.isfinite(given) & (given > 0)):
        raise ModelError(f"times must be finite numbers above zero, not {given.tolist()}.")
    return given if days is None else given * DAY


def require_inside(hours: Array, first: float, last: float, what: str) -> None:
    """Refuse times outside a range.

    Raises
    ------
    ModelError
        Names the times and the range; ``what`` says what the range is.
    """
    outside = (hours < first * (1 - _SLACK)) | (hours > last * (1 + _SLACK))
    if outside.any():
        raise ModelError(
            f"{', '.join(f'{time:g}' for time in hours[outside])} h lies outside {what}, {first:g} to {last:g} h. "
            "Pass extrapolate=True to go beyond."
        )
