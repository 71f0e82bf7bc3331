"""Correlation of a person's outcomes over time and from one baseline, and the shapes of its arguments."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.effects._checks import arrays, choice, more_than
from ketameta.errors import EffectError

__all__ = [
    "CORRELATIONS",
    "DAY",
    "WEEK",
    "along",
    "both",
    "change_correlation",
    "outer",
    "pairs",
    "sample",
    "time_correlation",
    "usable",
]

CORRELATIONS = ("log-time", "days", "constant")
DAY = 24.0
WEEK = 168.0
_ROUNDING = 1e-9


def time_correlation(hours: ArrayLike, *, rho: float, correlation: str = "log-time") -> Array:
    """Correlation over time of the outcome of one participant.

    Whatever the shape, ``rho`` is the correlation between 24 hours and 7 days after dosing, so that
    shapes can be compared at the same ``rho``:

    - ``"log-time"``: ``rho ** (|ln(t / s)| / ln 7)``, continuous-time autoregressive in log time;
    - ``"days"``: ``rho ** (|t - s| / 6 days)``, continuous-time autoregressive in time;
    - ``"constant"``: ``rho`` between any two different times.

    Parameters
    ----------
    hours : array_like, shape (..., m)
        Times after dosing in hours, positive for ``"log-time"``.
    rho : float
        Correlation between 24 hours and 7 days, 0 <= rho < 1.
    correlation : {"log-time", "days", "constant"}
        How the correlation fades with distance in time.

    Returns
    -------
    numpy.ndarray, shape (..., m, m)
        Correlation matrix; 1 between equal times.

    Raises
    ------
    EffectError
        If ``rho`` is outside [0, 1), a time is not finite (or not positive for ``"log-time"``), or
        ``correlation`` is not one of the three.

    Notes
    -----
    Models of within-trial correlation over time: Ishak et al. 2007; Musekiwa et al. 2016.

    Examples
    --------
    >>> from ketameta.effects import time_correlation
    >>> time_correlation([24, 168], rho=0.6).tolist()
    [[1.0, 0.6], [0.6, 1.0]]
    >>> float(round(time_correlation([4, 672], rho=0.6)[0, 1], 3))
    0.261
    """
    choice("correlation", correlation, CORRELATIONS)
    if isinstance(rho, bool) or not isinstance(rho, Real) or not 0.0 <= rho < 1.0:
        raise EffectError(
            f"rho={rho!r} must be a number with 0 <= rho < 1: the correlation between 24 h and 7 d."
        )
    (times,) = arrays(hours=hours)
    at_least_1d(times)
    if correlation == "log-time":
        more_than(0, "a time in hours", hours=times)
        times = np.log(times) / math.log(WEEK / DAY)
    else:
        times = times / (WEEK - DAY)
    apart = np.abs(times[..., :, None] - times[..., None, :])
    exponent = np.sign(apart) if correlation == "constant" else apart
    return np.asarray(np.power(float(rho), exponent), dtype=np.float64)


def change_correlation(sd_baseline: ArrayLike, sd: ArrayLike, r_baseline: ArrayLike, r: ArrayLike) -> Array:
    """Correlation between changes from one baseline, for use as ``rho`` with change scores.

    Parameters
    ----------
    sd_baseline : array_like, shape (...)
        SD of the baseline scores.
    sd : array_like, shape (..., m)
        SD of the scores at each of m times.
    r_baseline : array_like, shape (..., m)
        Correlation of the baseline with each time.
    r : array_like, shape (..., m, m)
        Correlation between the times.

    Returns
    -------
    numpy.ndarray, shape (..., m, m)
        ``(r_st s_s s_t - r_bs s_b s_s - r_bt s_b s_t + s_b^2) / (s_change,s s_change,t)`` with
        ``s_change,t^2 = s_t^2 + s_b^2 - 2 r_bt s_b s_t`` (covariance of differences; Becker 1988).

    Raises
    ------
    EffectError
        If a value is not finite, an SD is not positive, a correlation lies outside -1 to 1, or a change
        would have no variance.

    Examples
    --------
    >>> from ketameta.effects import change_correlation
    >>> change_correlation(5.0, [5.0, 5.0], [0.5, 0.5], 0.5).round(6).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    s, b = sample(sd=sd, r_baseline=r_baseline)
    (first,) = arrays(sd_baseline=sd_baseline)
    more_than(0, "a standard deviation", sd_baseline=first)
    first = along("sd_baseline", first, s)[..., None]
    if (np.abs(b) > 1).any():
        raise EffectError(f"r_baseline = {b.ravel()[np.argmax(np.abs(b))]:g}: a correlation lies in -1 to 1")
    with np.errstate(all="ignore"):
        with_first = first * b * s
        covariance = pairs("r", r, s) * outer(s) - with_first[..., :, None] - with_first[..., None, :]
        covariance = usable(covariance + first[..., None] ** 2)
    variance = np.diagonal(covariance, axis1=-2, axis2=-1)
    more_than(0, "the variance of a change", **{"s_t^2 + s_b^2 - 2 r s_b s_t": variance})
    return np.asarray(covariance / outer(np.sqrt(variance)), dtype=np.float64)


def sample(**named: ArrayLike) -> tuple[Array, ...]:
    """Arguments of shape (..., m), finite, with SDs and sizes above zero."""
    given = arrays(**named)
    at_least_1d(given[0])
    for name, values in zip(named, given, strict=True):
        if name.startswith(("n_", "total_")):
            more_than(0, "a group size", **{name: values})
        elif name.startswith("sd"):
            more_than(0, "a standard deviation", **{name: values})
    return given


def at_least_1d(values: Array) -> None:
    """Refuse a bare number."""
    if values.ndim == 0:
        raise EffectError("one number is not several effects; give one value for each effect of a trial")


def pairs(name: str, rho: ArrayLike, values: Array) -> Array:
    """Correlations between the effects of a trial, shape (..., m, m), ones on the diagonal."""
    (given,) = arrays(**{name: rho})
    m = values.shape[-1]
    if given.ndim == 0:
        given = np.where(np.eye(m, dtype=np.bool_), 1.0, given)
    if given.shape[-2:] != (m, m):
        raise EffectError(f"{name} has shape {given.shape}; {m} effects need {m} rows and {m} columns")
    try:
        np.broadcast_shapes(given.shape[:-2], values.shape[:-1])
    except ValueError:
        raise EffectError(
            f"{name} has shape {given.shape}, the effects have {values.shape}: the trials do not fit together"
        ) from None
    unit = np.abs(np.diagonal(given, axis1=-2, axis2=-1) - 1) <= _ROUNDING
    mirrored = np.abs(given - np.swapaxes(given, -1, -2)) <= _ROUNDING
    if not (unit.all() and mirrored.all() and (np.abs(given) <= 1 + _ROUNDING).all()):
        raise EffectError(
            f"{name} is not a matrix of correlations: it must be symmetric, within -1 to 1, with ones on its diagonal"
        )
    return given


def along(name: str, given: Array, values: Array) -> Array:
    """One number for each trial, shape (...), of effects of shape (..., m)."""
    trials = values.shape[:-1]
    try:
        return np.broadcast_to(given, trials)
    except ValueError:
        raise EffectError(
            f"{name} has shape {given.shape}; one number for each trial has shape {trials}"
        ) from None


def usable(covariance: Array) -> Array:
    """The matrix, refused where numbers are too large or too small to compute with."""
    if not np.isfinite(covariance).all():
        raise EffectError("the covariance is not finite: effects, SDs or sizes are too large or too small")
    return covariance


def both(values: Array) -> tuple[Array, Array]:
    """Values of the first and of the second effect of each pair."""
    return values[..., :, None], values[..., None, :]


def outer(values: Array) -> Array:
    """Products of the values of each pair."""
    return np.asarray(values[..., :, None] * values[..., None, :], dtype=np.float64)
