"""Effects and standard errors from the interval, t, F or P value of a reported comparison."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri, stdtrit

from ketameta._typing import Array, ArrayLike
from ketameta.effects._checks import arrays, first_index, fraction, more_than, not_less_than, positive_finite
from ketameta.effects._hedges import hedges_correction
from ketameta.effects._ordering import increasing
from ketameta.effects._result import EffectSize, make_effect
from ketameta.effects.recovery import critical_value
from ketameta.errors import EffectError

__all__ = ["from_ci", "se_from_ci", "se_from_p", "se_from_t", "smd_from_f", "smd_from_p", "smd_from_t"]

_RANGE = "the values are too large or too small for floating-point arithmetic"


def se_from_ci(
    low: ArrayLike, high: ArrayLike, level: ArrayLike = 0.95, df: ArrayLike | None = None
) -> Array:
    """Standard error of an estimate from its confidence interval.

    Parameters
    ----------
    low, high : array_like
        Bounds; shapes broadcast. The interval of a ratio is given as logarithms.
    level : array_like
        Confidence level, 0.95 for a 95% interval.
    df : array_like, optional
        Degrees of freedom of the t distribution that the interval used; normal without it.

    Returns
    -------
    Array
        ``(high - low) / (2 critical value)`` (Cochrane Handbook 6.3.1, 6.5.2.3).

    Raises
    ------
    EffectError
        If a value is not finite, ``low`` is not below ``high``, ``level`` is not between 0 and 1,
        or ``df`` is not positive.

    Examples
    --------
    >>> from ketameta.effects import se_from_ci
    >>> round(float(se_from_ci(1.04, 6.56, df=45)), 2)
    1.37
    """
    given = {"low": low, "high": high, "level": level} | ({} if df is None else {"df": df})
    lower, upper, confidence, *freedom = arrays(**given)
    increasing(low=lower, high=upper)
    critical = critical_value(confidence, *freedom)
    with np.errstate(all="ignore"):
        return positive_finite((upper - lower) / (2 * critical), "se")


def se_from_t(value: ArrayLike, t: ArrayLike) -> Array:
    """Standard error of an estimate from its t (or z) statistic.

    Parameters
    ----------
    value, t : array_like
        Estimate and statistic; shapes broadcast. Their signs do not matter.

    Returns
    -------
    Array
        ``|value / t|`` (Cochrane Handbook 6.3.2, 6.5.2.3).

    Raises
    ------
    EffectError
        If a value is not finite, or the estimate or t is zero.

    Examples
    --------
    >>> from ketameta.effects import se_from_t
    >>> round(float(se_from_t(3.8, 2.78)), 2)
    1.37
    """
    estimate, statistic = arrays(value=value, t=t)
    more_than(0, "the absolute value", **{"|value|": np.abs(estimate), "|t|": np.abs(statistic)})
    with np.errstate(all="ignore"):
        return positive_finite(np.abs(estimate / statistic), "se")


def se_from_p(value: ArrayLike, p: ArrayLike, df: ArrayLike | None = None) -> Array:
    """Standard error of an estimate from its exact two-sided P value.

    Parameters
    ----------
    value : array_like
        Estimate (a ratio as its logarithm); its sign does not matter.
    p : array_like
        Exact two-sided P value; an inequality such as "<0.05" cannot be used.
    df : array_like, optional
        Degrees of freedom of the t test; normal without it.

    Returns
    -------
    Array
        ``|value|`` over the critical value of ``1 - p`` (Cochrane Handbook 6.3.2, 6.5.2.3).

    Raises
    ------
    EffectError
        If a value is not finite, the estimate is zero, ``p`` is not between 0 and 1, or ``df`` is
        not positive.

    Examples
    --------
    The worked example of the Cochrane Handbook (6.5.2.3; 7.7.3.3 in version 5.1):

    >>> from ketameta.effects import se_from_p
    >>> round(float(se_from_p(3.8, 0.008, df=45)), 2)
    1.37
    """
    given = {"value": value, "p": p} | ({} if df is None else {"df": df})
    estimate, probability, *freedom = arrays(**given)
    more_than(0, "the absolute value", value=np.abs(estimate))
    fraction(p=probability)
    with np.errstate(all="ignore"):
        return positive_finite(np.abs(estimate) / _two_sided(probability, *freedom), "se")


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
    increasing(low=lower, high=upper)
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


def smd_from_t(t: ArrayLike, n1: ArrayLike, n2: ArrayLike) -> EffectSize:
    """Standardised mean difference of two independent groups from their t statistic.

    Parameters
    ----------
    t : array_like
        Statistic of Student's t test with a pooled variance, with the sign of the difference.
    n1, n2 : array_like
        Group sizes; shapes broadcast.

    Returns
    -------
    EffectSize
        ``yi = J(n1 + n2 - 2) t sqrt(1/n1 + 1/n2)`` and ``vi = 1/n1 + 1/n2 + yi^2 / (2 (n1 + n2))``:
        what :func:`smd` gives from the means and SDs behind the test. Not for Welch's test, a
        paired test, or one adjusted for covariates.

    Raises
    ------
    EffectError
        If a value is not finite, a size is not above 1, or the sizes sum to less than 4.

    Notes
    -----
    Hedges 1981; Hedges & Olkin 1985, chapter 5.

    Examples
    --------
    >>> from ketameta.effects import smd, smd_from_t
    >>> round(float(smd_from_t(-2.7938, 20, 20).yi), 3), round(float(smd(10, 4, 20, 14, 5, 20).yi), 3)
    (-0.866, -0.866)
    """
    statistic, first, second = arrays(t=t, n1=n1, n2=n2)
    more_than(1, "a group size", n1=first, n2=second)
    m = first + second - 2
    not_less_than(2, "n1 + n2 - 2", **{"n1 + n2 - 2": m})
    with np.errstate(all="ignore"):
        inverse = 1 / first + 1 / second
        g = hedges_correction(m) * statistic * np.sqrt(inverse)
        return make_effect(g, inverse + g**2 / (2 * (first + second)), _RANGE)


def smd_from_f(f: ArrayLike, n1: ArrayLike, n2: ArrayLike, sign: ArrayLike) -> EffectSize:
    """Standardised mean difference of two independent groups from F(1, n1 + n2 - 2).

    Parameters
    ----------
    f : array_like
        F statistic of a one-way analysis of variance of the two groups.
    n1, n2 : array_like
        Group sizes; shapes broadcast.
    sign : array_like
        -1 or 1, the sign of group 1 minus group 2, which F does not tell.

    Returns
    -------
    EffectSize
        :func:`smd_from_t` at ``t = sign sqrt(f)``. Not for an analysis of covariance or repeated
        measures: the SD of the scores is not in its F.

    Raises
    ------
    EffectError
        As :func:`smd_from_t`, and if ``f`` is negative or ``sign`` is neither -1 nor 1.

    Examples
    --------
    >>> from ketameta.effects import smd_from_f, smd_from_t
    >>> float(smd_from_f(4.0, 20, 25, sign=-1).yi) == float(smd_from_t(-2.0, 20, 25).yi)
    True
    """
    ratio, first, second, direction = arrays(f=f, n1=n1, n2=n2, sign=sign)
    not_less_than(0, "an F statistic", f=ratio)
    return smd_from_t(_direction(direction) * np.sqrt(ratio), first, second)


def smd_from_p(p: ArrayLike, n1: ArrayLike, n2: ArrayLike, sign: ArrayLike) -> EffectSize:
    """Standardised mean difference of two independent groups from the P value of their t test.

    Parameters
    ----------
    p : array_like
        Exact two-sided P value; an inequality such as "<0.05" cannot be used.
    n1, n2 : array_like
        Group sizes; shapes broadcast.
    sign : array_like
        -1 or 1, the sign of group 1 minus group 2, which P does not tell.

    Returns
    -------
    EffectSize
        :func:`smd_from_t` at the t value of ``p`` on ``n1 + n2 - 2`` degrees of freedom.

    Raises
    ------
    EffectError
        As :func:`smd_from_t`, and if ``p`` is not between 0 and 1 or ``sign`` is neither -1 nor 1.

    Examples
    --------
    >>> from ketameta.effects import smd_from_p
    >>> round(float(smd_from_p(0.008, 25, 22, sign=-1).yi), 3)
    -0.798
    """
    probability, first, second, direction = arrays(p=p, n1=n1, n2=n2, sign=sign)
    more_than(1, "a group size", n1=first, n2=second)
    fraction(p=probability)
    return smd_from_t(_direction(direction) * _two_sided(probability, first + second - 2), first, second)


def _two_sided(p: Array, df: ArrayLike | None = None) -> Array:
    """Critical value of a two-sided P value, from the lower tail, where no digits are lost."""
    if df is None:
        return np.asarray(-ndtri(p / 2), dtype=np.float64)
    (freedom,) = arrays(df=df)
    more_than(0, "a number of degrees of freedom", df=freedom)
    return np.asarray(-stdtrit(freedom, p / 2), dtype=np.float64)


def _direction(sign: Array) -> Array:
    wrong = np.abs(sign) != 1
    if wrong.any():
        place, flat = first_index(wrong)
        raise EffectError(
            f"sign{place} = {sign.ravel()[flat]:g}: -1 or 1 is needed, the sign of group 1 minus group 2"
        )
    return sign
