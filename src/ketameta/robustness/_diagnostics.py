"""Diagnostics of outliers and of influence, from a pool and the pools without each study."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from ketameta._typing import Array
from ketameta.models.kernel import Fits

__all__ = ["Limits", "diagnostics"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Values beyond which a diagnostic is remarkable.

    Attributes
    ----------
    rstudent : float
        Two-sided 5% point of the normal distribution, for the absolute value.
    dffits : float
        3 sqrt(1 / (k - 1)), for the absolute value.
    cook_d : float
        Median of chi-square with one degree of freedom.
    hat : float
        3 / k.
    dfbetas : float
        1, for the absolute value.
    """

    rstudent: float
    dffits: float
    cook_d: float
    hat: float
    dfbetas: float

    @staticmethod
    def of(k: int) -> Limits:
        """The limits for so many studies."""
        middle = 2.0 * float(special.gammaincinv(0.5, 0.5))
        return Limits(-float(special.ndtri(0.025)), 3.0 / math.sqrt(k - 1), middle, 3.0 / k, 1.0)


def diagnostics(fits: Fits, y: Array, v: Array, factor: Array) -> dict[str, Array]:
    """Diagnostics of each study by name, as in :class:`Influence`, each of shape (k,).

    Parameters
    ----------
    fits : Fits
        All studies, and all without each, as :func:`ketameta.models.leave_one_out.all_and_without_each` gives them.
    y, v : Array, shape (k,)
        Effects and sampling variances.
    factor : Array, shape (k + 1,)
        What multiplies the model-based variances of each fit.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models.leave_one_out import all_and_without_each
    >>> from ketameta.robustness._diagnostics import diagnostics
    >>> y, v = np.array([-1.0, -0.4, -0.1]), np.array([0.04, 0.09, 0.05])
    >>> diagnostics(all_and_without_each(y, v, tau2="EE"), y, v, np.ones(4))["rstudent"].round(2).tolist()
    [-2.95, 0.6, 2.57]
    """
    mean, deleted, tau2 = float(fits.beta[0, 0]), fits.beta[1:, 0], fits.tau2[1:]
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        variance = fits.cov[:, 0, 0] * factor
        hat = fits.cov[0, 0, 0] / (v + fits.tau2[0])
        shift, own = mean - deleted, v + tau2
        spread = factor[1:] / (1.0 / (v[None, :] + tau2[:, None])).sum(axis=1)
        return {
            "rstudent": _ratio(y - deleted, factor[1:] * own + variance[1:]),
            "dffits": _ratio(shift, factor[1:] * hat * own),
            "cook_d": np.square(_ratio(shift, variance[0])),
            "cov_ratio": variance[1:] / np.where(variance[0] > 0, variance[0], np.nan),
            "dfbetas": _ratio(shift, spread),
            "hat": hat,
        }


def _ratio(change: Array, variance: Any) -> Array:
    """A change in standard errors; NaN where there is no spread to measure it by."""
    return np.asarray(change / np.sqrt(np.where(np.asarray(variance) > 0, variance, np.nan)))
