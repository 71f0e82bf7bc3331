"""Half-life of decay, for shapes that have one: a duration, which may be longer than what was observed."""

from __future__ import annotations

import math

import numpy as np

from ketameta.curves.decay_profile import HalfLife
from ketameta.curves.draws import Draws, percentiles
from ketameta.curves.model import CurveFit
from ketameta.curves.readout import ReadOut
from ketameta.curves.words import clock

__all__ = ["decay_half_life"]

_LN2 = math.log(2)
_HUGE = 700.0


def decay_half_life(fit: CurveFit, span: float, level: float, how: str | Draws | None) -> ReadOut | None:
    """Half-life of decay; None for shapes without one.

    Parameters
    ----------
    fit : CurveFit
        Fitted curve.
    span : float
        Length of the observed range in hours.
    level : float
        Level of the interval.
    how : "delta", "profile" or Draws, optional
        Where the interval comes from; that of the fit when not given, which is by profile likelihood but for
        decay that differs between trials.

    Returns
    -------
    ReadOut or None
        A duration.
    """
    own = fit.half_life
    if own is None:
        return None
    rate = fit.decay is not None
    note = "ln 2 divided by the decay rate" if rate else "half-life of decay, once the onset is over"
    if own.no_decay:
        note += "; no decay can be told from the data"
    elif own.instant:
        note += "; all decay lies between the first two measured times, which bound it from above only"
    elif own.value > span:
        note += f"; longer than the {clock(span)} that were observed, so an extrapolation"
    low, high, method = _interval(fit, own, level, how)
    return ReadOut(
        name="half-life",
        value=None if own.no_decay else own.value,
        unit="hours",
        ci_low=low,
        ci_high=high,
        level=level,
        status="not reached" if own.no_decay else "reached",
        method=method,
        note=note,
    )


def _interval(
    fit: CurveFit, own: HalfLife, level: float, how: str | Draws | None
) -> tuple[float | None, float | None, str]:
    rate = fit.decay is not None
    if isinstance(how, Draws):
        drawn = how.beta[:, 1]
        if rate:
            drawn = np.maximum(drawn, 0.0)
            times = np.divide(_LN2, drawn, out=np.full(drawn.size, math.inf), where=drawn > 0)
        else:
            times = np.exp(np.minimum(drawn, _HUGE))
        return *percentiles(times, level), how.method
    if how != "delta":
        return own.low, own.high, own.method
    if own.no_decay:
        return None, None, ""
    width = fit.quantile * math.sqrt(float(fit.vcov[1, 1])) / (_LN2 / own.value if rate else 1.0)
    if width > _HUGE:
        return 0.0, math.inf, "delta method on the log scale"
    return own.value * math.exp(-width), own.value * math.exp(width), "delta method on the log scale"
