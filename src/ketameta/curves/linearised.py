"""Intervals of times by the delta method: how far a peak or crossing moves with the coefficients."""

from __future__ import annotations

import math

import numpy as np

from ketameta._typing import Array
from ketameta.curves.model import CurveFit

__all__ = ["METHOD", "crossing_interval", "peak_interval"]

METHOD = "delta method in log time"
_STEP = 1e-4


def crossing_interval(fit: CurveFit, hours: float, gradient: Array) -> tuple[float, float]:
    """Interval of the time at which a contrast of the curve is zero.

    Parameters
    ----------
    fit : CurveFit
        Fitted curve.
    hours : float
        Where the contrast is zero.
    gradient : numpy.ndarray, shape (p,)
        Derivative of the contrast by the coefficients there.

    Returns
    -------
    tuple of float
        Bounds; 0 and infinite where the curve is level, so that the time moves without bound.

    Notes
    -----
    By the implicit function theorem ``d log t / d beta`` is the gradient over the slope in log time.
    """
    return _around(fit, hours, gradient, _slope(fit, hours))


def peak_interval(fit: CurveFit, hours: float) -> tuple[float, float]:
    """Interval of the time at which the slope of the curve is zero; see :func:`crossing_interval`."""
    around = hours * np.exp(np.array([-_STEP, _STEP]))
    gradient = np.diff(fit.shape.gradient(fit.beta, around), axis=0)[0] / (2 * _STEP)
    step = 100 * _STEP
    left, middle, right = fit.value(hours * np.exp(np.array([-step, 0.0, step])))
    return _around(fit, hours, gradient, float(left - 2 * middle + right) / step**2)


def _slope(fit: CurveFit, hours: float) -> float:
    left, right = fit.value(hours * np.exp(np.array([-_STEP, _STEP])))
    return float(right - left) / (2 * _STEP)


def _around(fit: CurveFit, hours: float, gradient: Array, slope: float) -> tuple[float, float]:
    reach = fit.quantile * math.sqrt(max(float(gradient @ fit.vcov @ gradient), 0.0))
    width = reach / abs(slope) if slope else math.inf
    if width > 700:
        return 0.0, math.inf
    return hours * math.exp(-width), hours * math.exp(width)
