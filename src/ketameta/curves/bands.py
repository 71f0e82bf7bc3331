"""Bands around a curve: for each time alone, for the whole curve at once, and for new trials."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import chdtrc, fdtrc

from ketameta._typing import Array
from ketameta.curves.model import CurveFit
from ketameta.curves.support import supported

__all__ = ["KINDS", "band", "grid", "simultaneous_quantile"]

KINDS = ("pointwise", "simultaneous", "prediction")
_DIRECTIONS = 4000
_GRID = 201
_SEED = 1


def grid(time_range: tuple[float, float]) -> Array:
    """201 times from first to last, even in log time.

    Examples
    --------
    >>> from ketameta.curves.bands import grid
    >>> grid((4.0, 400.0))[[0, 100, 200]].round(6).tolist()
    [4.0, 40.0, 400.0]
    """
    times = np.geomspace(*time_range, _GRID)
    times[[0, -1]] = time_range
    return np.asarray(times, dtype=np.float64)


def band(fit: CurveFit, hours: Array, observed: Array, *, level: float, kind: str) -> pd.DataFrame:
    """A band at m times.

    Parameters
    ----------
    fit : CurveFit
        Fitted curve.
    hours : numpy.ndarray, shape (m,)
        Times.
    observed : numpy.ndarray, shape (n,)
        Measured times.
    level : float
        Level of the band.
    kind : {"pointwise", "simultaneous", "prediction"}
        See :meth:`ketameta.curves.DurabilityCurve.bands`.

    Returns
    -------
    pandas.DataFrame
        ``time_hours, estimate, low, high, quantile, kind, supported``.
    """
    variance = fit.se(hours) ** 2
    quantile = fit.quantile
    if kind == "prediction":
        variance = variance + fit.between_variance(hours)
    elif kind == "simultaneous":
        quantile = simultaneous_quantile(fit, observed, level)
    estimate, reach = fit.value(hours), quantile * np.sqrt(variance)
    return pd.DataFrame(
        {
            "time_hours": hours,
            "estimate": estimate,
            "low": estimate - reach,
            "high": estimate + reach,
            "quantile": quantile,
            "kind": kind,
            "supported": supported(hours, observed),
        }
    )


def simultaneous_quantile(fit: CurveFit, observed: Array, level: float) -> float:
    """How many standard errors a band must be wide to hold the whole curve.

    Parameters
    ----------
    fit : CurveFit
        Fitted curve.
    observed : numpy.ndarray, shape (n,)
        Measured times; the band is to hold the curve wherever they support it.
    level : float
        Probability with which it does.

    Returns
    -------
    float
        Between the quantile of a pointwise band and that of Scheffe, ``sqrt(p F(p, df))``.

    Notes
    -----
    The quantile of ``max_t |b(t)'(beta* - beta)| / se(t)`` for coefficients drawn from the distribution of the
    estimate (Ruppert, Wand and Carroll 2003, *Semiparametric Regression*, section 6.5). The length of a draw
    is independent of its direction, so only directions are drawn, 4000 from a fixed seed, and the length,
    chi-squared or F distributed, is integrated. Shapes that are not linear in their coefficients are linearised.
    """
    times = np.union1d(grid((float(observed.min()), float(observed.max()))), observed)
    gradient = fit.shape.gradient(fit.beta, times[supported(times, observed)])
    values, vectors = np.linalg.eigh(fit.vcov)
    unit = gradient @ (vectors * np.sqrt(np.maximum(values, 0.0)))
    size = np.sqrt((unit**2).sum(axis=1, keepdims=True))
    unit = unit[size[:, 0] > 0] / size[size[:, 0] > 0]
    if not unit.size:
        return fit.quantile
    p = unit.shape[1]
    direction = np.random.default_rng(_SEED).standard_normal((_DIRECTIONS, p))
    direction /= np.sqrt((direction**2).sum(axis=1, keepdims=True))
    farthest = np.abs(direction @ unit.T).max(axis=1)

    def excess(quantile: float) -> float:
        lengths = (quantile / farthest) ** 2
        beyond = chdtrc(p, lengths) if math.isinf(fit.df) else fdtrc(p, fit.df, lengths / p)
        return float(np.mean(beyond)) - (1 - level)

    high = max(fit.quantile, 1.0)
    while excess(high) > 0:
        high *= 2
    return max(fit.quantile, float(brentq(excess, 0.0, high, xtol=1e-12)))
