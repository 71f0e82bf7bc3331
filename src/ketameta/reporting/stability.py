"""How a pool stands when each of its trials is left out in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from ketameta._typing import Array
from ketameta.models import Pooled
from ketameta.models.leave_one_out import all_and_without_each

__all__ = ["Stability", "stability"]


@dataclass(frozen=True, slots=True, eq=False)
class Stability:
    """Pools without each trial, on the scale of the analysis (logs for ratios).

    Attributes
    ----------
    labels : tuple of str
        The trial left out.
    estimate, ci_low, ci_high, tau2 : Array, shape (k,)
        Pooled effect, its Hartung-Knapp interval and between-study variance without that trial.
    """

    labels: tuple[str, ...]
    estimate: Array
    ci_low: Array
    ci_high: Array
    tau2: Array

    def excludes_null(self) -> Array:
        """Whether each interval leaves out no difference, shape (k,)."""
        return np.asarray((self.ci_low > 0) | (self.ci_high < 0))


def stability(fit: Pooled) -> Stability | None:
    """Leave each trial of a Hartung-Knapp pool out in turn; None with fewer than three trials.

    Parameters
    ----------
    fit : Pooled
        A pool with ``ci_method`` HKSJ.

    Returns
    -------
    Stability or None

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.reporting.stability import stability
    >>> left = stability(km.pool(yi=[-1.0, -0.4, -0.1, -0.5], vi=[0.04, 0.09, 0.05, 0.06]))
    >>> left.estimate.round(2).tolist()
    [-0.31, -0.54, -0.67, -0.51]
    """
    if fit.k < 3:
        return None
    fits = all_and_without_each(fit.yi, fit.vi, tau2=fit.tau2_method)
    estimate, df = fits.beta[1:, 0], fits.df[1:]
    reach = stats.t.ppf((1 + fit.level) / 2, df) * np.sqrt(fits.cov[1:, 0, 0] * fits.hksj[1:])
    return Stability(
        labels=tuple(str(label) for label in fit.rows["label"]),
        estimate=estimate,
        ci_low=estimate - reach,
        ci_high=estimate + reach,
        tau2=fits.tau2[1:],
    )
