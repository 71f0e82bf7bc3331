"""Effects of two independent groups from means and standard deviations.

Group 1 is ketamine, group 2 the comparator: each effect is group 1 minus group 2 (or over it).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.effects._checks import arrays, choice, first_index, more_than, not_less_than
from ketameta.effects._hedges import hedges_correction
from ketameta.effects._result import EffectSize, make_effect
from ketameta.errors import EffectError

__all__ = ["glass", "md", "rom", "smd", "smd_stated", "smdh"]

_RANGE = "the values are too large or too small for floating-point arithmetic"


def _groups(
    m1: ArrayLike, sd1: ArrayLike, n1: ArrayLike, m2: ArrayLike, sd2: ArrayLike, n2: ArrayLike
) -> tuple[Array, ...]:
    groups = arrays(m1=m1, sd1=sd1, n1=n1, m2=m2, sd2=sd2, n2=n2)
    more_than(0, "a standard deviation", sd1=groups[1], sd2=groups[4])
    more_than(1, "a group size", n1=groups[2], n2=groups[5])
    return groups


def md(
    m1: ArrayLike, sd1: ArrayLike, n1: ArrayLike, m2: ArrayLike, sd2: ArrayLike, n2: ArrayLike
) -> EffectSize:
    """Mean difference, in the unit of the scale.

    Parameters
    ----------
    m1, sd1, n1, m2, sd2, n2 : array_like
        Mean, standard deviation and size of groups 1 and 2; shapes broadcast.

    Returns
    -------
    EffectSize
        ``yi = m1 - m2``, ``vi = sd1^2/n1 + sd2^2/n2``; the variances may differ.

    Raises
    ------
    EffectError
        If a value is not finite, an SD is not positive, or a size is not above 1.

    Examples
    --------
    >>> from ketameta.effects import md
    >>> effect = md(10.0, 4.0, 20, 14.0, 5.0, 20)
    >>> float(effect.yi), round(float(effect.vi), 4)
    (-4.0, 2.05)
    """
    a, s, n, b, t, m = _groups(m1, sd1, n1, m2, sd2, n2)
    with np.errstate(all="ignore"):
        return make_effect(a - b, s**2 / n + t**2 / m, _RANGE)


def smd(
    m1: ArrayLike,
    sd1: ArrayLike,
    n1: ArrayLike,
    m2: ArrayLike,
    sd2: ArrayLike,
    n2: ArrayLike,
    variance: Literal["LS", "UB"] = "LS",
) -> EffectSize:
    """Standardised mean difference, Hedges' g with the exact correction.

    Parameters
    ----------
    m1, sd1, n1, m2, sd2, n2 : array_like
        Mean, standard deviation and size of groups 1 and 2; shapes broadcast.
    variance : {"LS", "UB"}
        ``"LS"``, the large-sample variance ``1/n1 + 1/n2 + g^2 / (2 (n1 + n2))``; ``"UB"``, the
        unbiased one, ``1/n1 + 1/n2 + (1 - (m-2) / (m J^2)) g^2`` with ``m = n1 + n2 - 2``.

    Returns
    -------
    EffectSize
        ``yi = J(m) (m1 - m2) / sd_pooled`` in units of the pooled standard deviation.

    Raises
    ------
    EffectError
        If a value is not finite, an SD is not positive, a size is not above 1, the sizes sum to
        less than 4, or ``variance`` is unknown.

    Notes
    -----
    Hedges 1981; Hedges & Olkin 1985, chapter 5.

    Examples
    --------
    >>> from ketameta.effects import smd
    >>> effect = smd(10.0, 4.0, 20, 14.0, 5.0, 20)
    >>> round(float(effect.yi), 4), round(float(effect.vi), 4)
    (-0.8659, 0.1094)
    """
    choice("variance", variance, ("LS", "UB"))
    a, s, n, b, t, k = _groups(m1, sd1, n1, m2, sd2, n2)
    m = n + k - 2
    not_less_than(2, "n1 + n2 - 2", **{"n1 + n2 - 2": m})
    with np.errstate(all="ignore"):
        pooled = np.sqrt(((n - 1) * s**2 + (k - 1) * t**2) / m)
        j = hedges_correction(m)
        g = j * (a - b) / pooled
        extra = g**2 / (2 * (n + k)) if variance == "LS" else (1 - (m - 2) / (m * j**2)) * g**2
        return make_effect(g, 1 / n + 1 / k + extra, _RANGE)


def smdh(
    m1: ArrayLike, sd1: ArrayLike, n1: ArrayLike, m2: ArrayLike, sd2: ArrayLike, n2: ArrayLike
) -> EffectSize:
    """Standardised mean difference that does not assume equal variances.

    Parameters
    ----------
    m1, sd1, n1, m2, sd2, n2 : array_like
        Mean, standard deviation and size of groups 1 and 2; shapes broadcast.

    Returns
    -------
    EffectSize
        The difference over ``sqrt((sd1^2 + sd2^2) / 2)`` times ``J(n1 + n2 - 2)``, with the
        large-sample variance of Bonett 2008, 2009, taken at the corrected effect, times ``J^2``.

    Raises
    ------
    EffectError
        As :func:`smd`.

    Examples
    --------
    >>> from ketameta.effects import smdh
    >>> effect = smdh(10.0, 4.0, 20, 14.0, 5.0, 30)
    >>> round(float(effect.yi), 4), round(float(effect.vi), 4)
    (-0.8696, 0.0882)
    """
    a, s, n, b, t, k = _groups(m1, sd1, n1, m2, sd2, n2)
    m = n + k - 2
    not_less_than(2, "n1 + n2 - 2", **{"n1 + n2 - 2": m})
    with np.errstate(all="ignore"):
        first, second = s**2, t**2
        total = first + second
        j = hedges_correction(m)
        g = j * (a - b) / np.sqrt(total / 2)
        spread = g**2 * (first**2 / (n - 1) + second**2 / (k - 1)) / (2 * total**2)
        means = 2 * (first / (n - 1) + second / (k - 1)) / total
        return make_effect(g, j**2 * (spread + means), _RANGE)


def glass(
    m1: ArrayLike, sd1: ArrayLike, n1: ArrayLike, m2: ArrayLike, sd2: ArrayLike, n2: ArrayLike
) -> EffectSize:
    """Glass's delta: the difference in units of the comparator's standard deviation.

    Parameters
    ----------
    m1, sd1, n1, m2, sd2, n2 : array_like
        Mean, standard deviation and size of groups 1 and 2; shapes broadcast. ``sd1`` is checked
        and otherwise unused, so that every two-group function takes the same arguments.

    Returns
    -------
    EffectSize
        ``yi = J(n2 - 1) (m1 - m2) / sd2`` and ``vi = 1/n1 + 1/n2 + yi^2 / (2 n2)`` (Hedges 1981). The
        variance takes the population SDs of the groups as equal; where group 1 varies more it is too small.

    Raises
    ------
    EffectError
        As :func:`smd`, and if ``n2`` is less than 3.

    Examples
    --------
    >>> from ketameta.effects import glass
    >>> effect = glass(10.0, 4.0, 20, 14.0, 5.0, 20)
    >>> round(float(effect.yi), 4), round(float(effect.vi), 4)
    (-0.7679, 0.1147)
    """
    a, _, n, b, t, k = _groups(m1, sd1, n1, m2, sd2, n2)
    not_less_than(3, "the size of the group that standardises", n2=k)
    with np.errstate(all="ignore"):
        g = hedges_correction(k - 1) * (a - b) / t
        return make_effect(g, 1 / n + 1 / k + g**2 / (2 * k), _RANGE)


def smd_stated(
    m1: ArrayLike,
    sd1: ArrayLike,
    n1: ArrayLike,
    m2: ArrayLike,
    sd2: ArrayLike,
    n2: ArrayLike,
    sd: ArrayLike,
    df: ArrayLike | None = None,
) -> EffectSize:
    """Difference in units of a standard deviation that is stated apart from the means.

    Parameters
    ----------
    m1, sd1, n1, m2, sd2, n2 : array_like
        Mean, standard deviation and size of groups 1 and 2; shapes broadcast.
    sd : array_like
        Standard deviation that standardises: that of both groups at baseline, or of a reference
        population.
    df : array_like, optional
        Degrees of freedom on which ``sd`` was estimated, ``n1 + n2 - 2`` for the pooled SD at
        baseline; without it ``sd`` is taken as known.

    Returns
    -------
    EffectSize
        ``yi = J(df) (m1 - m2) / sd`` and ``vi = J^2 (sd1^2/n1 + sd2^2/n2) / sd^2 + yi^2 / (2 (df + 2))``;
        with a known SD, J is 1 and the last term is absent. Means and baseline SDs are independent in
        normal samples, so the two sources of error add (delta method; compare Becker 1988).

    Raises
    ------
    EffectError
        As :func:`md`, and if ``df`` is less than 2.

    Examples
    --------
    >>> from ketameta.effects import smd_stated
    >>> effect = smd_stated(10.0, 4.0, 20, 14.0, 5.0, 20, sd=8.0, df=38)
    >>> round(float(effect.yi), 4), round(float(effect.vi), 4)
    (-0.4901, 0.0338)
    """
    a, s, n, b, t, k = _groups(m1, sd1, n1, m2, sd2, n2)
    given = {"m1": a, "sd": sd} if df is None else {"m1": a, "sd": sd, "df": df}
    _, unit, *freedoms = arrays(**given)
    more_than(0, "a standard deviation", sd=unit)
    if df is None:
        j: Array | float = 1.0
        uncertain: Array | float = 0.0
    else:
        (freedom,) = freedoms
        not_less_than(2, "a number of degrees of freedom", df=freedom)
        j, uncertain = hedges_correction(freedom), 1 / (2 * (freedom + 2))
    with np.errstate(all="ignore"):
        g = j * (a - b) / unit
        return make_effect(g, (j / unit) ** 2 * (s**2 / n + t**2 / k) + g**2 * uncertain, _RANGE)


def rom(
    m1: ArrayLike, sd1: ArrayLike, n1: ArrayLike, m2: ArrayLike, sd2: ArrayLike, n2: ArrayLike
) -> EffectSize:
    """Log ratio of means.

    Parameters
    ----------
    m1, sd1, n1, m2, sd2, n2 : array_like
        Mean, standard deviation and size of groups 1 and 2; shapes broadcast.

    Returns
    -------
    EffectSize
        ``yi = log(m1 / m2)`` and ``vi = sd1^2 / (n1 m1^2) + sd2^2 / (n2 m2^2)``
        (Hedges, Gurevitch & Curtis 1999).

    Raises
    ------
    EffectError
        As :func:`md`, and if the two means differ in sign or one of them is zero.

    Examples
    --------
    >>> from ketameta.effects import rom
    >>> effect = rom(10.0, 4.0, 20, 14.0, 5.0, 20)
    >>> round(float(effect.yi), 4), round(float(effect.vi), 4)
    (-0.3365, 0.0144)
    """
    a, s, n, b, t, k = _groups(m1, sd1, n1, m2, sd2, n2)
    if not (a * b > 0).all():
        place, flat = first_index(~(a * b > 0))
        raise EffectError(
            f"the means{place} {a.ravel()[flat]:g} and {b.ravel()[flat]:g}: a ratio of means "
            "needs two means of one sign, neither zero; use md or smd for change scores"
        )
    with np.errstate(all="ignore"):
        vi = s**2 / (n * a**2) + t**2 / (k * b**2)
        return make_effect(np.log(a / b), vi, _RANGE)
