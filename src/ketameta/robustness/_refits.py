"""Many samples pooled by the methods of one fit, as arrays: with changed effects, or with some of the studies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ketameta._typing import Array, ArrayLike
from ketameta.models import Pooled
from ketameta.models.intervals import Inference, kenward_roger
from ketameta.models.kernel import Fits
from ketameta.models.kernel import fit as fit_kernel
from ketameta.models.linear import variance_factor
from ketameta.models.profile import profile_mean, profile_p

__all__ = ["Refits", "mean_variance", "refits"]


@dataclass(frozen=True, slots=True, eq=False)
class Refits:
    """Pools of a batch of samples, on the scale of the analysis (logs for ratios).

    Attributes
    ----------
    k : Array, shape (...)
        Number of studies.
    estimate, se, ci_low, ci_high, p : Array, shape (...)
        Pooled effect, its standard error, interval and P value.
    pi_low, pi_high : Array, shape (...)
        Prediction interval.
    tau2, i2, q : Array, shape (...)
        Between-study variance, I2 in percent, Cochran's Q.
    """

    k: Array
    estimate: Array
    se: Array
    ci_low: Array
    ci_high: Array
    p: Array
    pi_low: Array
    pi_high: Array
    tau2: Array
    i2: Array
    q: Array

    def table(self, name: str, assumed: Array) -> pd.DataFrame:
        """One row for each assumed value, named ``name``: effect, interval and heterogeneity."""
        shown = ("estimate", "se", "ci_low", "ci_high", "tau2", "i2")
        return pd.DataFrame({name: assumed} | {part: getattr(self, part) for part in shown})


def refits(
    fit: Pooled,
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    ci: str | None = None,
    test: bool = True,
    moved: ArrayLike = 0.0,
    moved_sd: float = 0.0,
) -> Refits:
    """Pool samples by the tau2, interval and prediction methods of a fit.

    Parameters
    ----------
    fit : Pooled
        Its methods and level are taken, not its studies.
    yi, vi : array_like, shape (..., k)
        Effects and sampling variances.
    mask : array_like of bool, shape (..., k), optional
        Which studies count, one or more in each sample.
    ci : str, optional
        Method of the intervals; that of the fit by default.
    test : bool
        Whether to have P values, which take as long as the intervals beside the profile likelihood; NaN otherwise.
    moved, moved_sd : array_like of shape (k,), float
        A common error with this standard deviation that enters each study times ``moved``; it adds
        (moved_sd * sum of weight * moved)^2 to the squared standard errors. Not beside profile likelihood intervals.

    Returns
    -------
    Refits
        What :func:`ketameta.pool` gives of the same studies. A study alone has its own effect with a normal
        interval; tau2, I2, Q and the prediction interval are NaN then, and the latter also beside the bootstrap,
        which is not drawn anew.

    Examples
    --------
    >>> import numpy as np
    >>> import ketameta as km
    >>> from ketameta.robustness._refits import refits
    >>> fit = km.pool(yi=[-1.0, -0.4, -0.1], vi=[0.04, 0.09, 0.05], tau2="DL", ci="Wald")
    >>> refits(fit, fit.yi, fit.vi, mask=~np.eye(3, dtype=bool)).estimate.round(3).tolist()
    [-0.207, -0.556, -0.742]
    >>> (refits(fit, [fit.yi, fit.yi + 1], fit.vi).ci_high - fit.ci_high).round(10).tolist()
    [0.0, 1.0]
    """
    ci = ci or fit.ci_method
    fits = fit_kernel(yi, vi, mask=mask, tau2=fit.tau2_method, weights=moved_sd > 0)
    estimate = fits.beta[..., 0]
    wald, alone = fits.cov[..., 0, 0], fits.k == 1
    variance, df = mean_variance(fits, vi, ci=ci, mask=mask)
    share = (fits.weights * np.asarray(moved, dtype=np.float64)).sum(axis=-1) if moved_sd > 0 else 0.0
    se = np.sqrt(np.where(alone, wald, variance) + np.square(moved_sd * share))
    found = Inference(estimate, se, np.where(alone, np.inf, df), fit.level)
    low, high = found.interval()
    p = found.p if test else np.full_like(wald, np.nan)
    if ci == "profile":
        ends = profile_mean(yi, vi, mask=mask, level=fit.level)
        low = np.where(alone, low, np.minimum(ends[0], estimate))
        high = np.where(alone, high, np.maximum(ends[1], estimate))
        p = np.where(alone, p, profile_p(yi, vi, mask=mask)) if test else p
    pi_low, pi_high = _prediction(fit, fits, found, low, high)
    return Refits(fits.k, estimate, se, low, high, p, pi_low, pi_high, fits.tau2, fits.i2, fits.q)


def mean_variance(
    fits: Fits, vi: ArrayLike, *, ci: str, mask: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Variance of each pooled effect and its degrees of freedom, by the method of the interval.

    Beside a profile likelihood interval they are those of Wald.
    """
    wald = fits.cov[..., 0, 0]
    if ci == "KR":
        variance, df = kenward_roger(vi, np.where(fits.k == 1, 0.0, fits.tau2), mask=mask)
        return variance, df
    if ci in ("HKSJ", "HKSJ-adhoc"):
        return wald * variance_factor(fits, ci), np.asarray(fits.df, dtype=np.float64)
    return wald, np.full_like(wald, np.inf)


def _prediction(fit: Pooled, fits: Fits, found: Inference, low: Array, high: Array) -> tuple[Array, Array]:
    """Prediction intervals; beside a profile likelihood the limits of the mean are widened."""
    method, estimate = fit.prediction_method, found.estimate
    if method in ("none", "bootstrap"):
        none = np.full_like(fits.tau2, np.nan)
        return none, none.copy()
    if method == "profile":
        between = np.square(found.critical) * fits.tau2
        return (
            estimate - np.sqrt(np.square(estimate - low) + between),
            estimate + np.sqrt(np.square(high - estimate) + between),
        )
    if method == "t(k-2)":
        df = np.asarray(fits.k, dtype=np.float64) - 2.0
        found = Inference(estimate, np.sqrt(fits.cov[..., 0, 0]), df, fit.level)
    return found.prediction(fits.tau2)
