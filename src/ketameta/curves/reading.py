"""Reading one number off a curve with an interval of the kind that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ketameta._spelling import unknown
from ketameta._typing import Rng
from ketameta.curves.draws import Draws, simulate
from ketameta.curves.effect_days import BEFORE, effect_days
from ketameta.curves.half_lives import decay_half_life
from ketameta.curves.model import CurveFit
from ketameta.curves.pointwise import finite, require_inside
from ketameta.curves.readout import ReadOut
from ketameta.curves.readouts import half_life, half_of_peak, peak, retention
from ketameta.curves.support import gaps, supported
from ketameta.curves.words import clock
from ketameta.effects.correlation import DAY, WEEK
from ketameta.errors import ModelError

if TYPE_CHECKING:
    from ketameta.curves.readings import Readings

__all__ = ["INTERVALS", "READ_OUTS", "area", "interval_source", "read", "retained"]

INTERVALS = ("delta", "profile", "simulation", "bootstrap")
READ_OUTS = ("peak", "half-life", "half of peak", "half-life of decay", "retention")


def interval_source(
    fit: CurveFit, interval: str | None, rng: Rng, refitted: Callable[[Rng], Draws]
) -> str | Draws | None:
    """What the functions of :mod:`ketameta.curves.readouts` take for an interval of a kind.

    Parameters
    ----------
    fit : CurveFit
        Fitted curve.
    interval : str or None
        The kind.
    rng : Generator, int or None
        Source of random numbers.
    refitted : callable
        Gives refitted curves.

    Returns
    -------
    str, Draws or None
        The kind, or draws.

    Raises
    ------
    ModelError
        If there is no such kind.
    """
    if interval is None or interval in ("delta", "profile"):
        return interval
    if interval == "simulation":
        return simulate(fit, rng)
    if interval == "bootstrap":
        return refitted(rng)
    raise ModelError(unknown("interval", interval, INTERVALS))


def read(curve: Readings, name: str, how: str | Draws | None) -> ReadOut:
    """A read-out by name; see :meth:`ketameta.curves.DurabilityCurve.read_out`.

    Raises
    ------
    ModelError
        If there is no such read-out, or no such interval for it.
    """
    first, last = curve.time_range
    if name == "retention":
        return retained(curve, how)
    if name == "half-life of decay":
        found = decay_half_life(curve.fit, last - first, curve.level, how)
        if found is None:
            raise ModelError(f"{curve.fit.shape.describe()}: this shape has no half-life of decay.")
        return found
    functions = {"peak": peak, "half-life": half_life, "half of peak": half_of_peak}
    if name not in functions:
        raise ModelError(unknown("read-out", name, READ_OUTS))
    return functions[name](curve.fit, first, last, curve.level, how)


def retained(curve: Readings, how: str | Draws | None = None) -> ReadOut:
    """Effect at 7 days over that at 24 hours; undefined unless both are supported."""
    if supported([DAY, WEEK], curve.coverage["time_hours"]).all():
        return retention(curve.fit, curve.level, how)
    return ReadOut(
        name="retention",
        value=None,
        unit="ratio",
        ci_low=None,
        ci_high=None,
        level=curve.level,
        status="undefined",
        method="",
        note="no trial measured near 24 h, or none near 7 d",
    )


def area(
    curve: Readings, until: float, how: str | Draws | None, *, before: str, extrapolate: bool
) -> ReadOut:
    """Effect-days; see :meth:`ketameta.curves.DurabilityCurve.effect_days`.

    Raises
    ------
    ModelError
        If the end is not a time after the first measured one, or the data do not reach it.
    """
    end = finite("until", until, "7") * DAY
    if before not in BEFORE:
        raise ModelError(unknown("before", before, BEFORE))
    if how == "profile":
        raise ModelError("interval='profile' is the delta method for an area; use interval='delta'.")
    first, last = curve.time_range
    if end <= first:
        raise ModelError(f"until={until!r} days is not after the first measured time, {clock(first)}.")
    require_inside(np.array([end]), curve.time_range, extrapolate=extrapolate)
    remarks = [
        f"no trial measured near {clock(low)} to {clock(high)}, which the curve only bridges"
        for low, high in gaps(curve.coverage["time_hours"])
        if low < end
    ]
    if end > last * (1 + 1e-9):
        remarks.append(f"beyond {clock(last)}, the last measured time, the curve is extrapolated")
    return effect_days(
        curve.fit,
        first,
        end,
        curve.level,
        how=how if isinstance(how, Draws) else None,
        before=before,
        remarks=tuple(remarks),
    )
