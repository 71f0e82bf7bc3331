"""Limit meta-analysis on arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models.intervals import Inference
from ketameta.models.kernel import Fits
from ketameta.models.kernel import fit as fit_kernel
from ketameta.models.linear import Linear

__all__ = ["Limit", "limit"]


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """Numbers of a limit meta-analysis.

    Attributes
    ----------
    beta : float
        Intercept of the model.
    alpha, beta0, betalim, mulim : Inference
        Small-study effect, and the three variants of the adjusted effect; arrays of one number, shape (1,).
    limit_y : Array, shape (k,)
        Effects in the limit.
    q_resid : float
        Residual Q beside a slope on the standard errors.
    g2 : float
        G2 in percent; NaN where the radial plot of ``limit_y`` has no variance.
    """

    beta: float
    alpha: Inference
    beta0: Inference
    betalim: Inference
    mulim: Inference
    limit_y: Array
    q_resid: float
    g2: float


def limit(y: Array, v: Array, *, tau2: float, level: float) -> Limit:
    """Limit meta-analysis of k >= 3 studies with a known tau2.

    Parameters
    ----------
    y, v : Array, shape (k,)
        Effects and sampling variances.
    tau2 : float
        Between-study variance.
    level : float
        Level of the intervals.

    Raises
    ------
    ModelError
        The standard errors are too much alike for a slope on them, or lie too far apart.

    Notes
    -----
    Formulas and sources in :func:`ketameta.robustness.limit_meta_analysis`. The effects are regressed on
    sqrt(v + tau2) - tau, so that the intercept is the effect at v = 0.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.robustness._limiting import limit
    >>> se = np.array([0.1, 0.2, 0.4])
    >>> found = limit(-0.5 - 2 * se, se**2, tau2=0.0, level=0.95)
    >>> found.beta0.estimate.round(6).tolist(), found.alpha.estimate.round(6).tolist()
    ([-0.5], [-2.0])
    """
    tau, spread = math.sqrt(tau2), np.sqrt(v + tau2)
    beta0, alpha = _coefficients(_line(y, v + tau2, v / (spread + tau)), level)
    beta = float(beta0.estimate[0] - tau * alpha.estimate[0])  # type: ignore[index]
    limit_y = beta + tau / spread * (y - beta)
    line = _line(limit_y, v, np.sqrt(v))
    (mulim,) = _coefficients(fit_kernel(limit_y, v, tau2="EE"), level)
    return Limit(
        beta=beta,
        alpha=alpha,
        beta0=beta0,
        betalim=_coefficients(line, level)[0],
        mulim=mulim,
        limit_y=limit_y,
        q_resid=float(_line(y, v, np.sqrt(v)).q),
        g2=_g2(limit_y, v, float(line.q)) if tau2 > 0 else 0.0,
    )


def _line(y: Array, v: Array, x: Array) -> Fits:
    """Intercept and slope with weights 1 / v and residual variance v."""
    found = fit_kernel(y, v, np.column_stack((np.ones(y.size), x)), tau2="EE")
    if not (np.isfinite(found.beta).all() and np.isfinite(found.cov).all()):
        raise ModelError(
            "limit_meta_analysis(): the standard errors are too much alike for a slope of the effects on them, "
            "or lie too far apart for double precision; check vi"
        )
    return found


def _coefficients(fits: Fits, level: float) -> list[Inference]:
    """Each coefficient with its Wald standard error."""
    all_of_them = Linear.of(fits, "Wald", level)
    return [all_of_them.combination(row[None, :]) for row in np.eye(fits.beta.size)]


def _g2(limit_y: Array, v: Array, residual: float) -> float:
    """Share of the variance of the radial plot that a line with an intercept leaves, in percent."""
    z = limit_y / np.sqrt(v)
    total = float(np.square(z - z.mean()).sum())
    return min(100.0 * residual / total, 100.0) if total > 0 else math.nan
