"""Standard deviations and effects recovered from other reported statistics."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.special import ndtri, stdtrit

from ketameta._typing import Array, ArrayLike
from ketameta.effects._checks import arrays, choice, first_index, fraction, more_than
from ketameta.effects._result import EffectSize, make_effect
from ketameta.errors import EffectError

__all__ = [
    "critical_value",
    "from_ci",
    "sd_from_ci",
    "sd_from_iqr",
    "sd_from_p",
    "sd_from_range",
    "sd_from_se",
    "sd_from_t",
]

_RANGE = "the values are too large or too small for floating-point arithmetic"


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


def from_ci(
    value: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    level: ArrayLike = 0.95,
    log: bool = False,
    df: ArrayLike | None = None,
) -> EffectSize:
    """Effect and variance from a reported estimate with its confidence interval.

    Parameters
    ----------
    value, low, high : array_like
        Estimate and bounds; shapes broadcast.
    level : array_like
        Confidence level, 0.95 for a 95% interval.
    log : bool
        The values are ratios (odds, risk, hazard): their logarithms are taken.
    df : array_like, optional
        Degrees of freedom of the t distribution that the interval used; normal without it.

    Returns
    -------
    EffectSize
        ``yi`` is the estimate (its log); ``vi`` the square of
        ``(high - low) / (2 critical value)`` (Cochrane Handbook 6.3.1, 6.3.2).

    Raises
    ------
    EffectError
        If a value is not finite, a bound is out of order, the estimate lies outside its
        interval, a ratio is not positive, or ``level`` is not between 0 and 1.

    Examples
    --------
    >>> from ketameta.effects import from_ci
    >>> effect = from_ci(2.0, 1.0, 4.0, log=True)
    >>> round(float(effect.yi), 4), round(float(effect.sei), 4)
    (0.6931, 0.3537)
    """
    freedom: Array | None = None
    if df is None:
        estimate, lower, upper, confidence = arrays(value=value, low=low, high=high, level=level)
    else:
        estimate, lower, upper, confidence, freedom = arrays(
            value=value, low=low, high=high, level=level, df=df
        )
    _ordered("low", lower, "high", upper)
    outside = (estimate < lower) | (estimate > upper)
    if outside.any():
        place, flat = first_index(outside)
        raise EffectError(
            f"value{place} = {estimate.ravel()[flat]:g} lies outside its interval "
            f"[{lower.ravel()[flat]:g}, {upper.ravel()[flat]:g}]; check the signs and the source"
        )
    if log:
        more_than(0, "a ratio", low=lower)
    critical = critical_value(confidence, freedom)
    with np.errstate(all="ignore"):
        if log:
            estimate, lower, upper = np.log(estimate), np.log(lower), np.log(upper)
        return make_effect(estimate.copy(), ((upper - lower) / (2 * critical)) ** 2, _RANGE)


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
    return np.asarray(error * np.sqrt(size), dtype=np.float64)


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
    _ordered("low", lower, "high", upper)
    more_than(1, "a group size", n=size)
    critical = critical_value(confidence, size - 1 if distribution == "t" else None)
    return np.asarray(np.sqrt(size) * (upper - lower) / (2 * critical), dtype=np.float64)


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
    more_than(0, "the absolute value", **{"|difference|": np.abs(change), "|t|": np.abs(statistic)})
    return np.asarray(np.abs(change / statistic) / np.sqrt(scale), dtype=np.float64)


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


def sd_from_iqr(q1: ArrayLike, q3: ArrayLike, n: ArrayLike) -> Array:
    """Standard deviation of a group from its quartiles.

    Parameters
    ----------
    q1, q3, n : array_like
        First and third quartile and group size.

    Returns
    -------
    Array
        ``(q3 - q1) / (2 z)`` with z the normal quantile of ``(0.75 n - 0.125) / (n + 0.25)``
        (Wan et al. 2014, scenario C3). The values must be nearly normal.

    Raises
    ------
    EffectError
        If a value is not finite, ``q1`` is not below ``q3``, or ``n`` is not above 1.

    Examples
    --------
    >>> from ketameta.effects import sd_from_iqr
    >>> round(float(sd_from_iqr(10.0, 20.0, 40)), 3)
    7.689
    """
    lower, upper, size = arrays(q1=q1, q3=q3, n=n)
    _ordered("q1", lower, "q3", upper)
    more_than(1, "a group size", n=size)
    return np.asarray((upper - lower) / (2 * ndtri((0.75 * size - 0.125) / (size + 0.25))), dtype=np.float64)


def sd_from_range(low: ArrayLike, high: ArrayLike, n: ArrayLike) -> Array:
    """Standard deviation of a group from its smallest and largest value.

    Parameters
    ----------
    low, high, n : array_like
        Minimum, maximum and group size.

    Returns
    -------
    Array
        ``(high - low) / (2 z)`` with z the normal quantile of ``(n - 0.375) / (n + 0.25)``
        (Wan et al. 2014, scenario C1). The values must be nearly normal.

    Raises
    ------
    EffectError
        If a value is not finite, ``low`` is not below ``high``, or ``n`` is not above 1.

    Examples
    --------
    >>> from ketameta.effects import sd_from_range
    >>> round(float(sd_from_range(5.0, 45.0, 40)), 3)
    9.275
    """
    lower, upper, size = arrays(low=low, high=high, n=n)
    _ordered("low", lower, "high", upper)
    more_than(1, "a group size", n=size)
    return np.asarray((upper - lower) / (2 * ndtri((size - 0.375) / (size + 0.25))), dtype=np.float64)


def _ordered(low_name: str, low: Array, high_name: str, high: Array) -> None:
    if (low < high).all():
        return
    place, flat = first_index(~(low < high))
    raise EffectError(
        f"{low_name}{place} = {low.ravel()[flat]:g} is not below {high_name} = {high.ravel()[flat]:g}"
    )
