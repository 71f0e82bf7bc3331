"""Coefficients drawn from the uncertainty of a curve, for percentiles of whatever is read off it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array, Rng
from ketameta.curves.bootstrap import Bootstrap
from ketameta.curves.model import CurveFit
from ketameta.errors import ModelError

__all__ = ["COUNT", "SEED", "Draws", "percentiles", "refitted", "simulate"]

SEED = 1
COUNT = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Coefficients of B curves.

    Attributes
    ----------
    beta : numpy.ndarray, shape (B, p)
        The coefficients.
    method : str
        Where they come from, in words.
    """

    beta: Array
    method: str


def simulate(fit: CurveFit, rng: Rng = SEED) -> Draws:
    """Coefficients from the multivariate normal of the estimate, or t when its intervals are t intervals.

    Parameters
    ----------
    fit : CurveFit
        Fitted curve.
    rng : Generator, int or None
        Source of random numbers.

    Returns
    -------
    Draws
        2000 curves.

    Raises
    ------
    ModelError
        If ``rng`` is none of these.
    """
    try:
        generator = np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise ModelError(f"rng={rng!r} must be a seed, a Generator or None.") from None
    noise = generator.standard_normal((COUNT, fit.beta.size))
    if math.isfinite(fit.df):
        noise /= np.sqrt(generator.chisquare(fit.df, size=(COUNT, 1)) / fit.df)
    law = "normal" if math.isinf(fit.df) else f"t({fit.df:g})"
    return Draws(
        np.asarray(fit.beta + noise @ _root(fit.vcov).T, dtype=np.float64),
        f"percentiles of {COUNT} curves simulated from the multivariate {law} distribution of the estimate",
    )


def refitted(found: Bootstrap) -> Draws:
    """Coefficients of the parametric bootstrap.

    Raises
    ------
    ModelError
        If fewer than half of its draws could be fitted, so that percentiles would speak for the others.
    """
    if 2 * found.failed > found.draws:
        raise ModelError(f"{found.note()}: too many for an interval; use interval='simulation'.")
    note = f"; {found.note()}" if found.failed else ""
    return Draws(
        found.beta, f"percentiles of {len(found.beta)} curves refitted to simulated effects (bootstrap){note}"
    )


def _root(vcov: Array) -> Array:
    """Cholesky root of the covariance; coefficients without variance, which count as known, do not move."""
    root, moving = np.zeros(vcov.shape), np.flatnonzero(np.diag(vcov) > 0)
    root[np.ix_(moving, moving)] = np.linalg.cholesky(vcov[np.ix_(moving, moving)])
    return root


def percentiles(values: Array, level: float) -> tuple[float, float]:
    """Equal-tailed percentiles that are members of the sample, so that infinite times may be among them.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.draws import percentiles
    >>> percentiles(np.array([1.0, 2.0, 3.0, np.inf]), 0.5)
    (1.0, inf)
    """
    tail = (1 - level) / 2
    low = float(np.quantile(values, tail, method="lower"))
    return low, float(np.quantile(values, 1 - tail, method="higher"))
