"""Effects of one group measured under two conditions (both periods of a crossover)."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.effects._checks import arrays, correlation, more_than, not_less_than
from ketameta.effects._hedges import hedges_correction
from ketameta.effects._result import EffectSize, make_effect

__all__ = ["paired_md", "paired_smd", "smcc", "smcr", "smcrp", "smcrph"]

_RANGE = "the values are too large or too small for floating-point arithmetic"


def _pairs(
    m1: ArrayLike, sd1: ArrayLike, m2: ArrayLike, sd2: ArrayLike, n: ArrayLike, r: ArrayLike
) -> tuple[Array, ...]:
    pairs = arrays(m1=m1, sd1=sd1, m2=m2, sd2=sd2, n=n, r=r)
    more_than(0, "a standard deviation", sd1=pairs[1], sd2=pairs[3])
    more_than(1, "the number of pairs", n=pairs[4])
    correlation(r=pairs[5])
    return pairs


def _difference_variance(sd1: Array, sd2: Array, r: Array) -> Array:
    return np.asarray((sd1 - sd2) ** 2 + 2 * (1 - r) * sd1 * sd2, dtype=np.float64)


def paired_md(
    m1: ArrayLike, sd1: ArrayLike, m2: ArrayLike, sd2: ArrayLike, n: ArrayLike, r: ArrayLike
) -> EffectSize:
    """Mean difference within persons.

    Parameters
    ----------
    m1, sd1, m2, sd2 : array_like
        Means and standard deviations under conditions 1 and 2.
    n : array_like
        Number of persons measured under both.
    r : array_like
        Correlation of the two measurements over persons.

    Returns
    -------
    EffectSize
        ``yi = m1 - m2``; ``vi = (sd1^2 + sd2^2 - 2 r sd1 sd2) / n`` (Cochrane Handbook 23.2.7;
        Elbourne et al. 2002).

    Raises
    ------
    EffectError
        If a value is not finite, an SD is not positive, ``n`` is not above 1, or ``r`` is not
        between -1 and 1.

    Examples
    --------
    The worked example of the Cochrane Handbook (5.1, section 16.4.6.4; 6, section 23.2.7):

    >>> from ketameta.effects import paired_md
    >>> effect = paired_md(7.0, 2.38, 6.5, 2.21, 10, 0.68)
    >>> float(effect.yi), round(float(effect.sei), 3)
    (0.5, 0.583)
    """
    a, s, b, t, k, rho = _pairs(m1, sd1, m2, sd2, n, r)
    with np.errstate(all="ignore"):
        return make_effect(a - b, _difference_variance(s, t, rho) / k, _RANGE)


def paired_smd(
    m1: ArrayLike, sd1: ArrayLike, m2: ArrayLike, sd2: ArrayLike, n: ArrayLike, r: ArrayLike
) -> EffectSize:
    """Standardised mean difference within persons, in units of the between-person SD.

    Parameters
    ----------
    m1, sd1, m2, sd2, n, r : array_like
        As :func:`paired_md`.

    Returns
    -------
    EffectSize
        ``yi = (m1 - m2) / sqrt((sd1^2 + sd2^2) / 2)``;
        ``vi = (1/n + yi^2 / (2 n)) 2 (1 - r)`` (Cochrane Handbook 23.2.7). No small-sample
        correction is applied, as there; the unit is that of a parallel-group SMD.

    Raises
    ------
    EffectError
        As :func:`paired_md`.

    Notes
    -----
    The term in ``yi^2`` vanishes as r approaches 1, although the SD stays uncertain: for large effects the
    variance is too large at low and too small at high correlations. :func:`smcrph` is right at both, and
    is what :func:`ketameta.effect_sizes` uses.

    Examples
    --------
    The worked example of the Cochrane Handbook (5.1, section 16.4.6.4; 6, section 23.2.7):

    >>> from ketameta.effects import paired_smd
    >>> effect = paired_smd(7.0, 2.38, 6.5, 2.21, 10, 0.68)
    >>> round(float(effect.yi), 3), round(float(effect.sei), 3)
    (0.218, 0.256)
    """
    a, s, b, t, k, rho = _pairs(m1, sd1, m2, sd2, n, r)
    with np.errstate(all="ignore"):
        d = (a - b) / np.sqrt((s**2 + t**2) / 2)
        return make_effect(d, (1 / k + d**2 / (2 * k)) * 2 * (1 - rho), _RANGE)


def smcc(
    m1: ArrayLike, sd1: ArrayLike, m2: ArrayLike, sd2: ArrayLike, n: ArrayLike, r: ArrayLike
) -> EffectSize:
    """Standardised mean change in units of the SD of the differences.

    Parameters
    ----------
    m1, sd1, m2, sd2, n, r : array_like
        As :func:`paired_md`; ``n`` is at least 3.

    Returns
    -------
    EffectSize
        ``yi = J(n - 1) (m1 - m2) / sd_difference``; ``vi = 1/n + yi^2 / (2 n)``
        (Gibbons et al. 1993; Morris & DeShon 2002). Not exchangeable with a parallel-group SMD,
        whose unit is the SD over persons.

    Raises
    ------
    EffectError
        As :func:`paired_md`.

    Examples
    --------
    >>> from ketameta.effects import smcc
    >>> effect = smcc(7.0, 2.38, 6.5, 2.21, 10, 0.68)
    >>> round(float(effect.yi), 4), round(float(effect.vi), 4)
    (0.248, 0.1031)
    """
    a, s, b, t, k, rho = _pairs(m1, sd1, m2, sd2, n, r)
    not_less_than(3, "the number of pairs", n=k)
    with np.errstate(all="ignore"):
        d = hedges_correction(k - 1) * (a - b) / np.sqrt(_difference_variance(s, t, rho))
        return make_effect(d, 1 / k + d**2 / (2 * k), _RANGE)


def smcr(
    m1: ArrayLike, sd1: ArrayLike, m2: ArrayLike, sd2: ArrayLike, n: ArrayLike, r: ArrayLike
) -> EffectSize:
    """Standardised mean change in units of the raw SD of condition 1.

    Parameters
    ----------
    m1, sd1, m2, sd2, n, r : array_like
        As :func:`paired_md`; ``n`` is at least 3. ``sd2`` is checked and otherwise unused.

    Returns
    -------
    EffectSize
        ``yi = J(n - 1) (m1 - m2) / sd1``; ``vi = 2 (1 - r) / n + yi^2 / (2 n)`` (Becker 1988).

    Raises
    ------
    EffectError
        As :func:`paired_md`.

    Examples
    --------
    >>> from ketameta.effects import smcr
    >>> effect = smcr(7.0, 2.38, 6.5, 2.21, 10, 0.68)
    >>> round(float(effect.yi), 4), round(float(effect.vi), 4)
    (0.192, 0.0658)
    """
    a, s, b, _, k, rho = _pairs(m1, sd1, m2, sd2, n, r)
    not_less_than(3, "the number of pairs", n=k)
    with np.errstate(all="ignore"):
        d = hedges_correction(k - 1) * (a - b) / s
        return make_effect(d, 2 * (1 - rho) / k + d**2 / (2 * k), _RANGE)


def smcrp(
    m1: ArrayLike, sd1: ArrayLike, m2: ArrayLike, sd2: ArrayLike, n: ArrayLike, r: ArrayLike
) -> EffectSize:
    """Standardised mean difference within persons on the scale of parallel groups.

    Parameters
    ----------
    m1, sd1, m2, sd2, n, r : array_like
        As :func:`paired_md`; ``n`` is at least 3.

    Returns
    -------
    EffectSize
        ``yi = J(m) (m1 - m2) / sqrt((sd1^2 + sd2^2) / 2)`` with ``m = 2 (n - 1) / (1 + r^2)``, the
        degrees of freedom of two correlated variances (Cousineau 2020);
        ``vi = 2 (1 - r) / n + yi^2 (1 + r^2) / (4 n)``, the delta method for two correlated variances.
        The unit is the SD over persons, as that of :func:`smd` (Morris & DeShon 2002 call it the
        raw-score metric), so that a crossover can stand beside parallel-group trials.

    Raises
    ------
    EffectError
        As :func:`paired_md`, and if ``n`` is less than 3.

    Examples
    --------
    >>> from ketameta.effects import smcrp
    >>> effect = smcrp(7.0, 2.38, 6.5, 2.21, 10, 0.68)
    >>> round(float(effect.yi), 4), round(float(effect.vi), 4)
    (0.2041, 0.0655)
    """
    a, s, b, t, k, rho = _pairs(m1, sd1, m2, sd2, n, r)
    not_less_than(3, "the number of pairs", n=k)
    with np.errstate(all="ignore"):
        d = hedges_correction(2 * (k - 1) / (1 + rho**2)) * (a - b) / np.sqrt((s**2 + t**2) / 2)
        return make_effect(d, 2 * (1 - rho) / k + d**2 * (1 + rho**2) / (4 * k), _RANGE)


def smcrph(
    m1: ArrayLike, sd1: ArrayLike, m2: ArrayLike, sd2: ArrayLike, n: ArrayLike, r: ArrayLike
) -> EffectSize:
    """Standardised mean difference within persons on the scale of parallel groups, SDs not taken as equal.

    Parameters
    ----------
    m1, sd1, m2, sd2, n, r : array_like
        As :func:`paired_md`; ``n`` is at least 3.

    Returns
    -------
    EffectSize
        ``yi`` as :func:`smcrp`; with ``s^2 = (sd1^2 + sd2^2) / 2`` and the variance ``s_d^2`` of the
        differences, ``vi = s_d^2 / (n s^2) + yi^2 (sd1^4 + sd2^4 + 2 r^2 sd1^2 sd2^2) / (8 n s^4)``
        (Bonett 2008, with n for n - 1). With equal SDs it is :func:`smcrp`.

    Raises
    ------
    EffectError
        As :func:`smcrp`.

    Examples
    --------
    >>> from ketameta.effects import smcrph
    >>> effect = smcrph(7.0, 2.38, 6.5, 2.21, 10, 0.68)
    >>> round(float(effect.yi), 4), round(float(effect.vi), 4)
    (0.2041, 0.0659)
    """
    a, s, b, t, k, rho = _pairs(m1, sd1, m2, sd2, n, r)
    not_less_than(3, "the number of pairs", n=k)
    with np.errstate(all="ignore"):
        # Ratios to the common SD first: fourth powers of large or tiny SDs would overflow.
        unit = np.sqrt(s**2 / 2 + t**2 / 2)
        p, q = (s / unit) ** 2, (t / unit) ** 2
        d = hedges_correction(2 * (k - 1) / (1 + rho**2)) * (a - b) / unit
        difference = _difference_variance(s / unit, t / unit, rho)
        return make_effect(d, difference / k + d**2 * (p**2 + q**2 + 2 * rho**2 * p * q) / (8 * k), _RANGE)
