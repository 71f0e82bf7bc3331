"""The likelihood of a linear model by dense algebra."""

from __future__ import annotations

import math

import numpy as np

from ketameta._typing import Array


def loglik(y: Array, x: Array, covariance: Array, *, reml: bool) -> float:
    """Highest (restricted) log-likelihood over the coefficients of ``x``, for one covariance of ``y``."""
    w = np.linalg.inv(covariance)
    info = x.T @ w @ x
    r = y - x @ np.linalg.solve(info, x.T @ w @ y)
    value = -0.5 * (len(y) * math.log(2 * math.pi) + np.linalg.slogdet(covariance)[1] + r @ w @ r)
    if reml:
        value += 0.5 * (x.shape[1] * math.log(2 * math.pi) + np.linalg.slogdet(x.T @ x)[1])
        value -= 0.5 * np.linalg.slogdet(info)[1]
    return float(value)
