"""Each study left out in turn: one batch of fits, and what the studies contribute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.models.kernel import Fits, fit

__all__ = ["Contributions", "all_and_without_each", "contributions"]


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """What each study contributes to heterogeneity and to the pooled effect; no units.

    Attributes
    ----------
    heterogeneity : Array, shape (k,)
        Squared Pearson residual; under a common effect the values add up to Cochran's Q.
    influence : Array, shape (k,)
        Squared change of the pooled effect when the study is left out, divided by the variance that the
        pooled effect has then.
    """

    heterogeneity: Array
    influence: Array

    @staticmethod
    def of(fits: Fits, y: Array, v: Array) -> Contributions:
        """Contributions to the first of the fits that :func:`all_and_without_each` gives."""
        mean, without = fits.beta[0, 0], fits.beta[1:, 0]
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            return Contributions(
                heterogeneity=np.square(y - mean) / (v + fits.tau2[0]),
                influence=np.square(mean - without) / fits.cov[1:, 0, 0],
            )


def all_and_without_each(yi: ArrayLike, vi: ArrayLike, *, tau2: str) -> Fits:
    """Fit all k studies, and k times all but one.

    Parameters
    ----------
    yi, vi : array_like, shape (k,)
        Effects and sampling variances.
    tau2 : str
        Estimator of the between-study variance, as for :func:`ketameta.models.kernel.fit`.

    Returns
    -------
    Fits
        k + 1 fits: first that of all studies, then those without the first, the second study, and so on.

    Examples
    --------
    >>> from ketameta.models.leave_one_out import all_and_without_each
    >>> fits = all_and_without_each([-1.0, -0.4, -0.1], [0.04, 0.09, 0.05], tau2="REML")
    >>> fits.beta[:, 0].round(3).tolist()
    [-0.513, -0.207, -0.556, -0.742]
    """
    k = np.size(yi)
    mask = np.vstack((np.ones((1, k), dtype=np.bool_), ~np.eye(k, dtype=np.bool_)))
    return fit(yi, vi, mask=mask, tau2=tau2, weights=False)


def contributions(yi: ArrayLike, vi: ArrayLike, *, tau2: str) -> Contributions:
    """What each of k >= 2 studies contributes to heterogeneity and to the pooled effect.

    Parameters
    ----------
    yi, vi : array_like, shape (k,)
        Effects and sampling variances.
    tau2 : str
        Estimator of the between-study variance, as for :func:`ketameta.models.kernel.fit`.

    Returns
    -------
    Contributions
        NaN or infinite where the numbers lie too far apart for double precision.

    Notes
    -----
    With mu and tau2 from all studies and mu_i from all but study i, they are (y_i - mu)^2 / (v_i + tau2) and
    (mu - mu_i)^2 / var(mu_i). The variance is that of the model, 1 / sum of the weights, with tau2 estimated
    without the study; of a single study that is left it is the sampling variance.

    References
    ----------
    Baujat B, Mahe C, Pignon JP, Hill C (2002). A graphical method for exploring heterogeneity in
    meta-analyses: application to a meta-analysis of 65 trials. Stat Med 21:2641-2652. doi:10.1002/sim.1221

    Viechtbauer W (2021). Model checking in meta-analysis. In: Schmid CH, Stijnen T, White IR (eds). Handbook
    of Meta-Analysis, 219-254.

    Examples
    --------
    >>> from ketameta.models.leave_one_out import contributions
    >>> contributions([-1.0, -0.4, -0.1], [0.04, 0.09, 0.05], tau2="EE").heterogeneity.round(2).tolist()
    [4.83, 0.29, 4.24]
    """
    y, v = np.asarray(yi, dtype=np.float64), np.asarray(vi, dtype=np.float64)
    return Contributions.of(all_and_without_each(y, v, tau2=tau2), y, v)
