"""A second road at run time: every pool of the report once more, by another package."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ketameta._typing import Array
from ketameta.models import Pooled

__all__ = ["CrossCheck", "cross_check"]


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """How far two implementations of the same pools lie apart.

    Attributes
    ----------
    n_pools : int
        Pools of two or more trials that were computed twice.
    largest : float
        Largest difference of estimate and standard error, as parts of the standard error, and of Q, as a part
        of Q; 0 when there is no pool.
    """

    n_pools: int
    largest: float

    def sentence(self) -> str:
        """Say what was compared and how far it lies apart."""
        if self.n_pools == 0:
            return "There was no pool of two trials to compute a second time."
        return (
            f"Estimate and Hartung-Knapp standard error of each of the {self.n_pools} pools, given its tau2, and its Q "
            f"were computed a second time by statsmodels: they agree to {self.largest:.0e}."
        )


def cross_check(fits: Iterable[Pooled]) -> CrossCheck:
    """Compute the weighted means, Hartung-Knapp standard errors and Q of pools again with statsmodels.

    Given tau2, a random-effects pool is the weighted mean of effects whose variances are ``vi + tau2``.

    Parameters
    ----------
    fits : iterable of Pooled
        Hartung-Knapp pools; those of one trial are passed over.

    Returns
    -------
    CrossCheck

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.reporting.crosscheck import cross_check
    >>> fit = km.pool(yi=[-0.6, -0.3, -0.9], vi=[0.05, 0.04, 0.10])
    >>> cross_check([fit]).largest < 1e-10
    True
    """
    differences = [0.0]
    count = 0
    for fit in fits:
        if fit.k < 2:
            continue
        plain, widened = _by_statsmodels(fit.yi, fit.vi), _by_statsmodels(fit.yi, fit.vi + fit.tau2)
        differences += [
            abs(fit.estimate - widened.mean_effect_fe) / fit.se,
            abs(fit.se - widened.sd_eff_w_fe_hksj) / fit.se,
            abs(fit.q - plain.q) / max(fit.q, 1.0),
        ]
        count += 1
    return CrossCheck(count, float(max(differences)))


def _by_statsmodels(yi: Array, vi: Array) -> Any:
    from statsmodels.stats.meta_analysis import combine_effects

    with warnings.catch_warnings():
        # Its random-effects part, which is not used here, takes roots of an untruncated tau2.
        warnings.simplefilter("ignore", RuntimeWarning)
        return combine_effects(yi, vi, method_re="dl")
