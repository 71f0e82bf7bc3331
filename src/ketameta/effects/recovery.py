"""Standard deviations recovered from other reported statistics."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.special import ndtri, stdtrit

from ketameta._typing import Array, ArrayLike
from ketameta.effects._checks import arrays, choice, fraction, more_than, positive_finite
from ketameta.effects._ordering import increasing

__all__ = ["critical_value", "sd_from_ci", "sd_from_f", "sd_from_p", "sd_from_se", "sd_from_t"]


def critical_value(level: ArrayLike, df: ArrayLike | None = None) -> Array:
    """Two-sided critical value of the normal (``df=None``) or the t distribution.

    Examples
    --------
    >>> from ketameta.effects.recovery import critical_value
    >>> round(float(critical_value(0.95)), 4), round(float(critical_value(0.95, 24)), 4)
    (1.96, 2.0639)
    """
    (confidence,) = arrays(level=level)
    fraction(level=confidence)
    upper = (1 + confidence) / 2
    if df is None:
        return np.asarray(ndtri(upper), dtype=np.float64)
    (freedom,) = arrays(df=df)
    more_than(0, "a number of degrees of freedom", df=freedom)
    return np.asarray(stdtrit(freedom, upper), dtype=np.float64)


def sd_from_se(se: ArrayLike, n: ArrayLike) -> Array:
    """Standard deviation of a group from the standard error of its mean.

    Parameters
    ----------
    se, n : array_like
        Standard error and group size.

    Returns
    -------
    Array
        ``se sqrt(n)`` (Cochrane Handbook 6.5.2.2). Not for the SE of a difference, nor of an
        adjusted mean.

    Raises
    ------
    EffectError
        If ``se`` is not positive or ``n`` is not above 1.

    Examples
    --------
    >>> from ketameta.effects import sd_from_se
    >>> float(sd_from_se(0.5, 16))
    2.0
    """
    error, size = arrays(se=se, n=n)
    more_than(0, "a standard error", se=error)
    more_than(1, "a group size", n=size)
    with np.errstate(all="ignore"):
        return positive_finite(error * np.sqrt(size), "sd")


def sd_from_ci(
    low: ArrayLike,
    high: ArrayLike,
    n: ArrayLike,
    level: ArrayLike = 0.95,
    distribution: Literal["t", "z"] = "t",
) -> Array:
    """Standard deviation of a group from the confidence interval of its mean.

    Parameters
    ----------
    low, high, n : array_like
        Bounds and group size.
    level : array_like
        Confidence level, 0.95 for a 95% interval.
    distribution : {"t", "z"}
        The interval was made with t on ``n - 1`` degrees of freedom, or with the normal.

    Returns
    -------
    Array
        ``sqrt(n) (high - low) / (2 critical value)`` (Cochrane Handbook 6.5.2.2).

    Raises
    ------
    EffectError
        If a value is not finite, ``low`` is not below ``high``, or ``n`` is not above 1.

    Examples
    --------
    >>> from ketameta.effects import sd_from_ci
    >>> round(float(sd_from_ci(10.0, 14.0, 25)), 4)
    4.8452
    """
    choice("distribution", distribution, ("t", "z"))
    lower, upper, size, confidence = arrays(low=low, high=high, n=n, level=level)
    increasing(low=lower, high=upper)
    more_than(1, "a group size", n=size)
    critical = critical_value(confidence, size - 1 if distribution == "t" else None)
    with np.errstate(all="ignore"):
        return positive_finite(np.sqrt(size) * (upper - lower) / (2 * critical), "sd")


def sd_from_t(difference: ArrayLike, t: ArrayLike, n1: ArrayLike, n2: ArrayLike | None = None) -> Array:
    """Standard deviation from a t statistic.

    Parameters
    ----------
    difference : array_like
        Difference of two group means; or, without ``n2``, mean change of one group.
    t : array_like
        The t statistic of that difference; its sign does not matter.
    n1, n2 : array_like
        Sizes of the two groups (independent test); ``n1`` alone is the number of pairs (paired).

    Returns
    -------
    Array
        Independent: the pooled SD within the groups, ``|difference / t| / sqrt(1/n1 + 1/n2)``
        (Cochrane Handbook 6.5.2.3). Paired: the SD of the changes,
        ``|difference / t| sqrt(n1)``.

    Raises
    ------
    EffectError
        If a value is not finite, or the difference or t is zero.

    Examples
    --------
    Change of 16.5 points with paired t = 10.31 in 47 people (Murrough 2013):

    >>> from ketameta.effects import sd_from_t
    >>> round(float(sd_from_t(16.5, 10.31, 47)), 2)
    10.97
    """
    if n2 is None:
        change, statistic, pairs = arrays(difference=difference, t=t, n1=n1)
        scale = 1 / pairs
    else:
        change, statistic, pairs, second = arrays(difference=difference, t=t, n1=n1, n2=n2)
        more_than(1, "a group size", n2=second)
        scale = 1 / pairs + 1 / second
    more_than(1, "a group size", n1=pairs)
    for name, values in (("difference", change), ("t", statistic)):
        more_than(0, "the absolute value", **{name: np.abs(values)})
    with np.errstate(all="ignore"):
        return positive_finite(np.abs(change / statistic) / np.sqrt(scale), "sd")


def sd_from_f(difference: ArrayLike, f: ArrayLike, n1: ArrayLike, n2: ArrayLike | None = None) -> Array:
    """Standard deviation from an F statistic with one numerator degree of freedom.

    Parameters
    ----------
    difference, n1, n2 : array_like
        As :func:`sd_from_t`.
    f : array_like
        F statistic of the comparison of two means, F(1, df).

    Returns
    -------
    Array
        :func:`sd_from_t` at ``t = sqrt(f)``, which F(1, df) is the square of. Not for the F of
        more than two groups, nor for one adjusted for covariates: its error variance is not that
        of the scores.

    Raises
    ------
    EffectError
        As :func:`sd_from_t`, and if ``f`` is not positive.

    Examples
    --------
    >>> from ketameta.effects import sd_from_f, sd_from_t
    >>> float(sd_from_f(16.5, 9.0, 47)) == float(sd_from_t(16.5, 3.0, 47))
    True
    """
    (ratio,) = arrays(f=f)
    more_than(0, "an F statistic", f=ratio)
    return sd_from_t(difference, np.sqrt(ratio), n1, n2)


def sd_from_p(difference: ArrayLike, p: ArrayLike, n1: ArrayLike, n2: ArrayLike | None = None) -> Array:
    """Standard deviation from the exact two-sided P value of a t test.

    Parameters
    ----------
    difference, n1, n2 : array_like
        As :func:`sd_from_t`.
    p : array_like
        Exact two-sided P value; an inequality such as "<0.05" cannot be used.

    Returns
    -------
    Array
        :func:`sd_from_t` at the t value of ``p`` on ``n1 + n2 - 2`` (independent) or ``n1 - 1``
        (paired) degrees of freedom (Cochrane Handbook 6.5.2.3).

    Raises
    ------
    EffectError
        As :func:`sd_from_t`, and if ``p`` is not between 0 and 1.

    Examples
    --------
    The worked example of the Cochrane Handbook (5.1, section 7.7.3.3; 6, section 6.5.2.3):
    a difference of 3.8 with P = 0.008 in groups of 25 and 22 has a standard error of 1.37.

    >>> from ketameta.effects import sd_from_p
    >>> sd = float(sd_from_p(3.8, 0.008, 25, 22))
    >>> round(sd, 2), round(sd * (1 / 25 + 1 / 22) ** 0.5, 2)
    (4.68, 1.37)
    """
    if n2 is None:
        change, probability, first = arrays(difference=difference, p=p, n1=n1)
        second, freedom = None, first - 1
    else:
        change, probability, first, second = arrays(difference=difference, p=p, n1=n1, n2=n2)
        more_than(1, "a group size", n2=second)
        freedom = first + second - 2
    more_than(1, "a group size", n1=first)
    fraction(p=probability)
    return sd_from_t(change, -stdtrit(freedom, probability / 2), first, second)
