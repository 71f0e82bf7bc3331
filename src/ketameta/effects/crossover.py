"""What a crossover needs before it meets parallel groups: one scale, and a look at carry-over."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.effects._checks import arrays, correlation, more_than, not_less_than
from ketameta.effects._result import EffectSize, make_effect

__all__ = ["carry_over", "to_between_persons"]


def to_between_persons(yi: ArrayLike, vi: ArrayLike, r: ArrayLike) -> EffectSize:
    """Bring a standardised change (units of the SD of differences) to units of the SD over persons.

    Parameters
    ----------
    yi, vi : array_like
        Standardised mean changes such as :func:`smcc` gives, or ``t / sqrt(n)`` of a paired t, and
        their variances.
    r : array_like
        Correlation of the two measurements over persons.

    Returns
    -------
    EffectSize
        ``yi sqrt(2 (1 - r))`` and ``vi 2 (1 - r)`` (Morris & DeShon 2002, for equal SDs
        under both conditions). Here the estimate itself rests on ``r``: where the SDs of both
        conditions are known, :func:`smcrph` does not need it for the estimate.

    Raises
    ------
    EffectError
        If a value is not finite, a variance is not positive, or ``r`` is not between -1 and 1.

    Examples
    --------
    >>> from ketameta.effects import smcc, to_between_persons
    >>> change = smcc(7.0, 2.3, 6.5, 2.3, 10, 0.68)
    >>> round(float(to_between_persons(change.yi, change.vi, 0.68).yi), 4)
    0.1987
    """
    effect, variance, rho = arrays(yi=yi, vi=vi, r=r)
    more_than(0, "a variance", vi=variance)
    correlation(r=rho)
    squared = 2 * (1 - rho)
    with np.errstate(all="ignore"):
        return make_effect(effect * np.sqrt(squared), variance * squared, "the values are too large")


def carry_over(washout_days: ArrayLike, half_life_days: ArrayLike) -> Array:
    """Share of an effect that is left after a washout, if it fades exponentially.

    Parameters
    ----------
    washout_days : array_like
        Days between the dose of one period and that of the next, at least 0.
    half_life_days : array_like
        Half-life of the effect (not of the drug) in days, such as ``durability(...).half_life`` gives.

    Returns
    -------
    Array
        ``0.5 ** (washout / half_life)``, between 0 and 1.

    Raises
    ------
    EffectError
        If a value is not finite, the washout is negative, or the half-life is not positive.

    Examples
    --------
    >>> from ketameta.effects import carry_over
    >>> carry_over([4, 14], 7.0).round(3).tolist()
    [0.673, 0.25]
    """
    washout, half_life = arrays(washout_days=washout_days, half_life_days=half_life_days)
    not_less_than(0, "a washout", washout_days=washout)
    more_than(0, "a half-life", half_life_days=half_life)
    with np.errstate(over="ignore"):
        return np.asarray(0.5 ** (washout / half_life), dtype=np.float64)
