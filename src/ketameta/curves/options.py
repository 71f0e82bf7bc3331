"""Choices of a curve over time that few analyses need."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral

from ketameta._render import Options
from ketameta._spelling import unknown
from ketameta.effects.correlation import CORRELATIONS
from ketameta.errors import ModelError

__all__ = ["METHODS", "RANDOM", "CurveOptions", "check_options"]

METHODS = ("REML", "ML")
RANDOM = ("level", "level+decay")
_HIGHEST_DEGREE = 6


@dataclass(frozen=True, slots=True, repr=False)
class CurveOptions(Options):
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

    random : {"level", "level+decay"}
        What differs between trials beside the time of measurement: the level of the curve, or its level and how
        fast it changes: a slope in log time, correlated with the level; for shapes that rise and fall the log rate
        of decay, to first order. Where the data cannot tell, the level alone is random, and a note says so.
    decay_moderators : str, optional
        Formula of the moderators of change over time, like ``moderators`` of
        :func:`ketameta.curves.durability`.
    reference : mapping of str to str, optional
        Reference levels of categorical moderators.

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
    random: str = "level"
    decay_moderators: str | None = None
    reference: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        for name, choices in (("correlation", CORRELATIONS), ("method", METHODS), ("random", RANDOM)):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in choices:
                raise ModelError(unknown(name, value, choices))
        whole = isinstance(self.degree, Integral) and not isinstance(self.degree, bool)
        if not whole or not 1 <= self.degree <= _HIGHEST_DEGREE:
            raise ModelError(f"degree={self.degree!r} must be a whole number from 1 to {_HIGHEST_DEGREE}.")
        if self.reference is not None and not isinstance(self.reference, Mapping):
            raise ModelError(
                f"reference={self.reference!r} must name columns and levels, such as {{'route': 'iv'}}."
            )
        if self.windows is not None:
            object.__setattr__(self, "windows", _boundaries(self.windows))


def check_options(options: object) -> None:
    """Refuse what is not a :class:`CurveOptions`.

    Raises
    ------
    ModelError
        For anything else, such as a mapping.
    """
    if not isinstance(options, CurveOptions):
        raise ModelError(f"options={options!r} must be a CurveOptions, such as CurveOptions(method='ML').")


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
