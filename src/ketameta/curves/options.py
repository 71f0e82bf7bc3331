"""Choices of a curve over time that few analyses need."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

from ketameta.effects.correlation import CORRELATIONS
from ketameta.errors import ModelError

__all__ = ["METHODS", "CurveOptions"]

METHODS = ("REML", "ML")
_HIGHEST_DEGREE = 6


@dataclass(frozen=True, slots=True)
class CurveOptions:
    """Choices of a curve over time that few analyses need.

    Attributes
    ----------
    correlation : {"log-time", "days", "constant"}
        How the correlation ``rho`` of a participant's outcomes fades with distance in time; see
        :func:`ketameta.effects.time_correlation`.
    method : {"REML", "ML"}
        Likelihood for the heterogeneity variances.
    degree : int
        Degree of ``curve="polynomial"``, 1 to 6.
    windows : sequence of float, optional
        Boundaries in hours of the windows of ``curve="steps"``, such as ``(0, 36, 120, float("inf"))``: a
        window holds its lower boundary and not its upper one.

    Raises
    ------
    ModelError
        For a choice that does not exist.

    Examples
    --------
    >>> from ketameta.curves import CurveOptions
    >>> CurveOptions(windows=[0, 36, 240]).windows
    (0.0, 36.0, 240.0)
    """

    correlation: str = "log-time"
    method: str = "REML"
    degree: int = 2
    windows: Sequence[float] | None = None

    def __post_init__(self) -> None:
        for name, choices in (("correlation", CORRELATIONS), ("method", METHODS)):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in choices:
                raise ModelError(f"{name}={value!r} is unknown; choose one of {', '.join(choices)}.")
        whole = isinstance(self.degree, Integral) and not isinstance(self.degree, bool)
        if not whole or not 1 <= self.degree <= _HIGHEST_DEGREE:
            raise ModelError(f"degree={self.degree!r} must be a whole number from 1 to {_HIGHEST_DEGREE}.")
        if self.windows is not None:
            object.__setattr__(self, "windows", _boundaries(self.windows))


def _boundaries(windows: Sequence[float]) -> tuple[float, ...]:
    """Boundaries of windows, checked."""
    try:
        values = tuple(float(value) for value in windows)
    except (TypeError, ValueError) as error:
        raise ModelError(f"windows={windows!r} must be boundaries in hours, such as (0, 36, 240).") from error
    if len(values) < 2 or not all(value >= 0 for value in values) or math.isinf(values[0]):
        raise ModelError(f"windows={windows!r} must be at least two boundaries in hours, none below zero.")
    if any(b <= a for a, b in itertools.pairwise(values)):
        raise ModelError(f"windows={windows!r} must increase.")
    return values
