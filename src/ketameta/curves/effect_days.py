"""Area under the effect curve over days since dosing."""

from __future__ import annotations

import math

import numpy as np

from ketameta._typing import Array
from ketameta.curves.draws import Draws, percentiles
from ketameta.curves.linear_shapes import Piecewise, Steps
from ketameta.curves.model import CurveFit
from ketameta.curves.readout import ReadOut
from ketameta.curves.shapes import Shape, Spline
from ketameta.curves.words import clock
from ketameta.effects.correlation import DAY

__all__ = ["BEFORE", "effect_days", "nodes"]

BEFORE = ("left out", "flat")
_NODES = 12
_WIDEST = 2.0


def effect_days(
    fit: CurveFit,
    start: float,
    end: float,
    level: float,
    *,
    how: Draws | None = None,
    before: str = "left out",
    remarks: tuple[str, ...] = (),
) -> ReadOut:
    """Integral of the effect over linear time.

    Parameters
    ----------
    fit : CurveFit
        Fitted curve.
    start, end : float
        Hours since dosing between which the curve is integrated.
    level : float
        Level of the interval.
    how : Draws, optional
        Curves whose areas bound the interval; the delta method when not given, which is exact for the area
        under a curve linear in its coefficients.
    before : {"left out", "flat"}
        What happens between dosing and ``start``: nothing is counted, or the effect at ``start`` holds all along.
    remarks : tuple of str
        What else to say in the note.

    Returns
    -------
    ReadOut
        Effect times days; ``effect`` is the mean effect over the time that is counted.
    """
    hours, weights = nodes(fit.shape, start, end)
    if before == "flat":
        hours, weights = np.append(hours, start), np.append(weights, start / DAY)
    length = float(weights.sum())
    area = float(weights @ fit.value(hours))
    if how is None:
        gradient = weights @ fit.shape.gradient(fit.beta, hours)
        reach = fit.quantile * math.sqrt(max(float(gradient @ fit.vcov @ gradient), 0.0))
        low, high, method = area - reach, area + reach, "delta method"
    else:
        low, high = percentiles(fit.shape.value(how.beta, hours) @ weights, level)
        method = how.method
    note = f"area under the curve from {clock(start)} to {clock(end)} since dosing, in effect times days"
    if before == "flat":
        note += f"; before {clock(start)} the effect at {clock(start)} is taken to hold from dosing on"
    else:
        note += f"; what came before {clock(start)} was not measured and is not counted"
    return ReadOut(
        name=f"effect-days to {clock(end)}",
        value=area,
        unit="effect-days",
        ci_low=low,
        ci_high=high,
        level=level,
        status="reached",
        method=method,
        note="; ".join((note, *remarks)),
        effect=area / length,
    )


def nodes(shape: Shape, start: float, end: float) -> tuple[Array, Array]:
    """Gauss-Legendre points in log time between the bends of a shape, with their weights in days of linear time.

    Parameters
    ----------
    shape : Shape
        Whose knots or windows part the range.
    start, end : float
        Hours.

    Returns
    -------
    hours, weights : numpy.ndarray, shape (m,)
        The weights add up to the days between both ends.

    Examples
    --------
    >>> from ketameta.curves.effect_days import nodes
    >>> from ketameta.curves.shapes import Spline
    >>> hours, weights = nodes(Spline((4.0, 168.0)), 4.0, 168.0)
    >>> round(float(weights.sum()) * 24, 9), round(float(weights @ hours) * 24, 6)
    (164.0, 14104.0)
    """
    bends: tuple[float, ...] = ()
    if isinstance(shape, Spline | Piecewise):
        bends = shape.knots_hours
    elif isinstance(shape, Steps):
        bends = shape.boundaries
    inner = [bend for bend in bends if start < bend < end]
    pieces = max(1, math.ceil(math.log(end / start) / math.log(_WIDEST)))
    edges = np.log(np.union1d(np.geomspace(start, end, pieces + 1)[1:-1], [start, *inner, end]))
    x, w = np.polynomial.legendre.leggauss(_NODES)
    half = np.diff(edges)[:, None] / 2
    hours = np.exp(edges[:-1, None] + half * (x + 1)).ravel()
    return hours, (half * w).ravel() * hours / DAY
