"""The arguments of a curve, checked."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ketameta._spelling import unknown
from ketameta.curves.options import CurveOptions, check_options
from ketameta.effects.correlation import DAY, WEEK, time_correlation
from ketameta.errors import EffectError, ModelError

__all__ = ["CURVES", "LINEAR", "CurveSpec", "check_spec"]

LINEAR = ("spline", "piecewise", "polynomial", "steps")
CURVES = (*LINEAR, "exponential", "bateman", "emax", "weibull")
_WITH_KNOTS = ("spline", "piecewise")
_DEFAULTS = CurveOptions()


@dataclass(frozen=True, slots=True)
class CurveSpec:
    """What to fit: the arguments of :func:`ketameta.curves.durability`.

    ``values`` are values of the moderators, by name, that the curve is wanted at; without them it is that of the
    average trial.
    """

    curve: str
    knots: tuple[float, ...] | None
    rho: float
    ci: str
    level: float
    options: CurveOptions
    moderators: str | None = None
    values: tuple[tuple[str, Any], ...] = ()

    @property
    def windows(self) -> tuple[float, ...] | None:
        """Boundaries of the windows of ``curve="steps"``."""
        return None if self.options.windows is None else tuple(self.options.windows)


def check_spec(
    curve: str,
    *,
    knots: Sequence[float] | None = None,
    moderators: str | None = None,
    rho: float = 0.6,
    ci: str = "t",
    level: float = 0.95,
    options: CurveOptions = _DEFAULTS,
) -> CurveSpec:
    """Check the arguments of a curve.

    Raises
    ------
    ModelError
        If one of them is not among what it may be.

    Examples
    --------
    >>> from ketameta.curves.spec import check_spec
    >>> check_spec("spline", knots=[24, 168]).knots
    (24.0, 168.0)
    """
    for name, value, choices in (("curve", curve, CURVES), ("ci", ci, ("t", "Wald"))):
        if not isinstance(value, str) or value not in choices:
            raise ModelError(unknown(name, value, choices))
    check_options(options)
    try:
        time_correlation([DAY, WEEK], rho=rho, correlation=options.correlation)
    except EffectError as error:
        raise ModelError(str(error)) from error
    if not isinstance(level, (int, float)) or not 0 < level < 1:
        raise ModelError(f"level={level!r} must lie between 0 and 1, such as 0.95.")
    if options.windows is not None and curve != "steps":
        raise ModelError(f"windows belong to curve='steps', not to curve={curve!r}.")
    return CurveSpec(curve, _check_knots(knots, curve), float(rho), ci, float(level), options, moderators)


def _check_knots(knots: Sequence[float] | None, curve: str) -> tuple[float, ...] | None:
    if knots is None:
        return None
    if curve not in _WITH_KNOTS:
        raise ModelError(f"knots belong to curve='spline' or 'piecewise', not to curve={curve!r}.")
    try:
        values = tuple(float(knot) for knot in knots)
    except (TypeError, ValueError) as error:
        raise ModelError(f"knots={knots!r} must be times in hours, such as (4, 24, 168).") from error
    if len(values) < 2 or not all(math.isfinite(value) and value > 0 for value in values):
        raise ModelError(f"knots={knots!r} must be at least two finite times in hours above zero.")
    if any(b <= a for a, b in itertools.pairwise(values)):
        raise ModelError(f"knots={knots!r} must increase.")
    return values
