"""The effect at chosen times: estimate, intervals, and the share of new trials beyond a value."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtr

from ketameta._typing import Array, ArrayLike
from ketameta.curves.bootstrap import Bootstrap
from ketameta.curves.model import CurveFit
from ketameta.curves.shapes import Shape
from ketameta.curves.support import supported
from ketameta.effects.correlation import DAY
from ketameta.errors import ModelError

__all__ = [
    "distribution",
    "effects_at",
    "finite",
    "new_trials",
    "read_times",
    "require_inside",
    "shares_of_draws",
]

_SLACK = 1e-9


def read_times(hours: ArrayLike | None, days: ArrayLike | None) -> Array:
    """Times in hours from either of two arguments.

    Raises
    ------
    ModelError
        If not exactly one is given, or a time is not a finite number above zero.

    Examples
    --------
    >>> from ketameta.curves.pointwise import read_times
    >>> read_times(None, [1, 7]).tolist()
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


def require_inside(
    times: Array, time_range: tuple[float, float], *, extrapolate: bool, what: str = "the measured times"
) -> None:
    """Refuse times outside the measured ones (or ``what`` else the range is) unless they are asked for.

    Raises
    ------
    ModelError
        Naming the times.
    """
    first, last = time_range
    outside = (times < first * (1 - _SLACK)) | (times > last * (1 + _SLACK))
    if outside.any() and not extrapolate:
        raise ModelError(
            f"{', '.join(f'{time:g}' for time in times[outside])} h lies outside {what}, "
            f"{first:g} to {last:g} h. Pass extrapolate=True to go beyond."
        )


def finite(name: str, value: object, example: str) -> float:
    """A finite number.

    Raises
    ------
    ModelError
        If it is none.
    """
    real = isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.complexfloating))
    if not real or not math.isfinite(float(value)):  # type: ignore[arg-type]
        raise ModelError(f"{name}={value!r} must be a finite number, such as {example}.")
    return float(value)  # type: ignore[arg-type]


def distribution(value: Array, df: float) -> Array:
    """Distribution function of Student's t, or of the normal where df is infinite."""
    return np.asarray(ndtr(value) if math.isinf(df) else stdtr(df, value), dtype=np.float64)


def effects_at(fit: CurveFit, hours: Array, observed: Array) -> pd.DataFrame:
    """Estimate, confidence and prediction interval at m times.

    Parameters
    ----------
    fit : CurveFit
        Fitted curve.
    hours : numpy.ndarray, shape (m,)
        Times.
    observed : numpy.ndarray, shape (n,)
        Measured times.

    Returns
    -------
    pandas.DataFrame
        See :meth:`ketameta.curves.DurabilityCurve.at`.
    """
    estimate, se = fit.value(hours), fit.se(hours)
    half = fit.quantile * se
    reach = fit.quantile * np.sqrt(se**2 + fit.between_variance(hours))
    stat = np.divide(estimate, se, out=np.full(se.size, np.nan), where=se > 0)
    return pd.DataFrame(
        {
            "time_hours": hours,
            "estimate": estimate,
            "se": se,
            "ci_low": estimate - half,
            "ci_high": estimate + half,
            "pi_low": estimate - reach,
            "pi_high": estimate + reach,
            "p": 2 * distribution(-np.abs(stat), fit.df),
            "supported": supported(hours, observed),
        }
    )


def new_trials(fit: CurveFit, hours: Array, observed: Array, threshold: float, sign: float) -> pd.DataFrame:
    """Probability that a new trial has a true effect beyond a threshold, at m times.

    Parameters
    ----------
    fit, hours, observed
        See :func:`effects_at`.
    threshold : float
        On the scale of the effect.
    sign : float
        1 for effects above the threshold, -1 for those below.

    Returns
    -------
    pandas.DataFrame
        See :meth:`ketameta.curves.DurabilityCurve.share_beyond`.
    """
    away = sign * (fit.value(hours) - threshold)
    se = fit.se(hours)
    spread = np.sqrt(se**2 + fit.between_variance(hours))
    stats = (np.divide(away, by, out=np.full(by.size, np.nan), where=by > 0) for by in (spread, se))
    share, mean = (distribution(stat, fit.df) for stat in stats)
    return pd.DataFrame(
        {
            "time_hours": hours,
            "threshold": threshold,
            "side": "above" if sign > 0 else "below",
            "share": share,
            "mean": mean,
            "supported": supported(hours, observed),
        }
    )


def shares_of_draws(shape: Shape, found: Bootstrap, hours: Array, threshold: float, sign: float) -> Array:
    """Share of trials whose true effect lies beyond a threshold, in each refitted curve: shape (B, m).

    Raises
    ------
    ModelError
        If decay differs between trials.
    """
    if found.spread.shape[1] > 1:
        raise ModelError("the interval of a share is given for curves whose level alone is random.")
    away = sign * (shape.value(found.beta, hours) - threshold)
    spread = np.sqrt(found.tau2 + found.omega2)[:, None]
    certain = np.where(away > 0, 1.0, np.where(away < 0, 0.0, 0.5))
    return np.where(spread > 0, ndtr(away / np.where(spread > 0, spread, 1.0)), certain)
