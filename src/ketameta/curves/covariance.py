"""Sampling covariance of the effects that one trial reports at several times."""

from __future__ import annotations

import math

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.errors import ModelError

__all__ = ["CORRELATIONS", "DAY", "WEEK", "sampling_covariance", "time_correlation"]

CORRELATIONS = ("log-time", "days", "constant")
DAY = 24.0
WEEK = 168.0
_SINGULAR = 1e-10


def time_correlation(hours: ArrayLike, *, rho: float, correlation: str = "log-time") -> Array:
    """Correlation over time of the outcome of one participant.

    Whatever the shape, ``rho`` is the correlation between 24 hours and 7 days after dosing, so that
    shapes can be compared at the same ``rho``:

    - ``"log-time"``: ``rho ** (|ln(t / s)| / ln 7)``, continuous-time autoregressive in log time;
    - ``"days"``: ``rho ** (|t - s| / 6 days)``, continuous-time autoregressive in time;
    - ``"constant"``: ``rho`` between any two times.

    Parameters
    ----------
    hours : array_like, shape (m,)
        Times after dosing in hours, positive.
    rho : float
        Correlation between 24 hours and 7 days, 0 <= rho < 1.
    correlation : {"log-time", "days", "constant"}
        How the correlation fades with distance in time.

    Returns
    -------
    numpy.ndarray, shape (m, m)
        Correlation matrix.

    Raises
    ------
    ModelError
        If ``rho`` is outside [0, 1), or ``correlation`` is not one of the three.

    Notes
    -----
    Models of within-trial correlation over time: Ishak et al. 2007; Musekiwa et al. 2016.

    Examples
    --------
    >>> from ketameta.curves.covariance import time_correlation
    >>> time_correlation([24, 168], rho=0.6).tolist()
    [[1.0, 0.6], [0.6, 1.0]]
    >>> float(round(time_correlation([4, 672], rho=0.6)[0, 1], 3))
    0.261
    """
    check_rho(rho)
    times = np.asarray(hours, dtype=np.float64)
    if correlation == "log-time":
        x = np.log(times) / math.log(WEEK / DAY)
    elif correlation == "days":
        x = times / (WEEK - DAY)
    elif correlation == "constant":
        return np.where(np.eye(times.size, dtype=bool), 1.0, float(rho))
    else:
        raise ModelError(f"correlation={correlation!r} is unknown; choose one of {', '.join(CORRELATIONS)}.")
    power: Array = np.power(float(rho), np.abs(x[:, None] - x[None, :]))
    return power


def sampling_covariance(
    vi: ArrayLike,
    hours: ArrayLike,
    *,
    rho: float,
    correlation: str = "log-time",
    smd: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
) -> Array:
    """Sampling covariance of the effects of one trial at m times.

    Off the diagonal stands ``r(s, t) sqrt(v_s v_t)``. For mean differences and log ratios ``r`` is the
    correlation over time of the participants' outcome. Standardised mean differences share the
    standardising deviation too: with arm sizes known, ``r`` is the correlation that follows from

    ``cov(g_s, g_t) = R (1/n_t + 1/n_c) + R^2 g_s g_t / (2 (n_t + n_c))``

    (Gleser & Olkin 2009), where a size that differs between the two times counts as the larger of both,
    which is exact for the first term under nested drop-out. Where ``vi`` is the large-sample variance of
    the same formula, the covariance is that formula's; where ``vi`` has another source (an adjusted
    analysis, for one), its correlation is kept. Either way the matrix is positive definite.

    Parameters
    ----------
    vi : array_like, shape (m,)
        Sampling variances.
    hours : array_like, shape (m,)
        Times in hours, distinct and positive.
    rho, correlation
        See :func:`time_correlation`.
    smd : tuple of three array_like of shape (m,), optional
        ``(g, n_t, n_c)`` when the effects are standardised mean differences with known arm sizes.

    Returns
    -------
    numpy.ndarray, shape (m, m)
        Covariance matrix.

    Raises
    ------
    ModelError
        If the matrix is not positive definite, as when two times are all but equal.

    Examples
    --------
    >>> from ketameta.curves.covariance import sampling_covariance
    >>> sampling_covariance([0.04, 0.09], [24, 168], rho=0.5).round(3).tolist()
    [[0.04, 0.03], [0.03, 0.09]]
    """
    v = np.asarray(vi, dtype=np.float64)
    r = time_correlation(hours, rho=rho, correlation=correlation)
    if smd is not None:
        r = _smd_correlation(r, *(np.asarray(part, dtype=np.float64) for part in smd))
    if v.size > 1 and float(np.linalg.eigvalsh(r)[0]) < _SINGULAR:
        raise ModelError(
            "the sampling covariance is not positive definite: two times lie so close together, or rho so "
            "close to one, that the trial's effects count as one. Drop a time, or lower rho."
        )
    root = np.sqrt(v)
    return r * root[:, None] * root[None, :]


def check_rho(rho: float) -> None:
    """Raise ModelError unless ``rho`` is a number with 0 <= rho < 1."""
    if not isinstance(rho, (int, float, np.floating)) or not 0.0 <= float(rho) < 1.0:
        raise ModelError(
            f"rho={rho!r} must be a number with 0 <= rho < 1: the correlation between 24 h and 7 d."
        )


def _smd_correlation(r: Array, g: Array, n_t: Array, n_c: Array) -> Array:
    larger_t = np.maximum(n_t[:, None], n_t[None, :])
    larger_c = np.maximum(n_c[:, None], n_c[None, :])
    cov = r * (1 / larger_t + 1 / larger_c) + r**2 * g[:, None] * g[None, :] / (2 * (larger_t + larger_c))
    root = np.sqrt(np.diag(cov))
    return np.asarray(cov / (root[:, None] * root[None, :]), dtype=np.float64)
