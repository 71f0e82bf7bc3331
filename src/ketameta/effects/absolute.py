"""Effects in the units of a patient: a response probability behind an SMD, numbers needed to treat, sample sizes."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from ketameta._typing import Array, ArrayLike
from ketameta.effects._checks import arrays, fraction

__all__ = [
    "information_size_means",
    "information_size_risks",
    "log_or_from_smd",
    "nnt",
    "response_from_smd",
    "risk_from_log_hr",
    "whole_nnt",
]

_ROUNDING = 1e-9
_LARGEST = 700.0


def log_or_from_smd(smd: ArrayLike, *, lower_is_better: bool) -> Array:
    """Log odds ratio of a response that a standardised mean difference stands for.

    Parameters
    ----------
    smd : array_like
        Standardised mean difference, ketamine less comparator.
    lower_is_better : bool
        Whether low scores are good ones: a negative SMD then raises the odds of a response.

    Returns
    -------
    Array
        pi / sqrt(3) times the size of the benefit.

    Raises
    ------
    EffectError
        If a value is not a finite number.

    Notes
    -----
    Chinn (2000), Stat Med 19:3127-3131; Cochrane Handbook 15.5.3. Scores are taken as logistic with one SD in both
    arms, so that the odds ratio is the same wherever the line between response and none is drawn.

    Examples
    --------
    >>> from ketameta.effects.absolute import log_or_from_smd
    >>> log_or_from_smd([-1.0, 0.0], lower_is_better=True).round(2).tolist()
    [1.81, 0.0]
    """
    (d,) = arrays(smd=smd)
    return np.asarray(_benefit(d, lower_is_better) * (math.pi / math.sqrt(3.0)))


def response_from_smd(smd: ArrayLike, risk: ArrayLike, *, lower_is_better: bool) -> Array:
    """Probability of a response with ketamine that an SMD implies where that with the comparator is known.

    Parameters
    ----------
    smd : array_like
        Standardised mean difference, ketamine less comparator.
    risk : array_like
        Probability of a response with the comparator, between 0 and 1. Broadcast against `smd`.
    lower_is_better : bool
        Whether low scores are good ones: a negative SMD then raises the probability.

    Returns
    -------
    Array
        Phi(Phi^-1(risk) - smd) where lower is better, Phi(Phi^-1(risk) + smd) where higher is.

    Raises
    ------
    EffectError
        If a value is not finite, or a probability is not between 0 and 1.

    Notes
    -----
    Furukawa and Leucht (2011), PLoS One 6:e19070. Scores are taken as normal with one SD in both arms; people respond
    whose score lies beyond a line that leaves `risk` of the comparator arm on its good side.

    Examples
    --------
    >>> from ketameta.effects.absolute import response_from_smd
    >>> response_from_smd([-0.5, 0.0, 0.5], 0.2, lower_is_better=True).round(3).tolist()
    [0.366, 0.2, 0.09]
    """
    d, p = arrays(smd=smd, risk=risk)
    fraction(risk=p)
    return np.asarray(special.ndtr(special.ndtri(p) + _benefit(d, lower_is_better)))


def risk_from_log_hr(log_hr: ArrayLike, risk: ArrayLike) -> Array:
    """Risk with ketamine that a hazard ratio implies by the time at which that with the comparator is known.

    Parameters
    ----------
    log_hr : array_like
        Log hazard ratio of the event, ketamine against comparator.
    risk : array_like
        Risk with the comparator by some time, between 0 and 1. Broadcast against `log_hr`.

    Returns
    -------
    Array
        1 - (1 - risk)^HR.

    Raises
    ------
    EffectError
        If a value is not finite, or a risk is not between 0 and 1.

    Notes
    -----
    Skoetz et al. (2020), J Clin Epidemiol 118:124-131 (GRADE guidelines 27). Hazards are taken as proportional.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.effects.absolute import risk_from_log_hr
    >>> risk_from_log_hr(np.log([0.5, 1.0, 2.0]), 0.36).round(3).tolist()
    [0.2, 0.36, 0.59]
    """
    theta, p = arrays(log_hr=log_hr, risk=risk)
    fraction(risk=p)
    return np.asarray(-np.expm1(np.exp(np.minimum(theta, _LARGEST)) * np.log1p(-p)))


def nnt(difference: ArrayLike) -> Array:
    """Number needed to treat for one more person with the event, or one fewer.

    Parameters
    ----------
    difference : array_like
        Difference of two risks, -1 to 1.

    Returns
    -------
    Array
        1 / abs(difference), infinite where there is no difference.

    Raises
    ------
    EffectError
        If a value is not finite.

    Notes
    -----
    Cochrane Handbook 15.4.4.1. Limits of a confidence interval are the numbers of the limits of the difference; where
    these differ in sign the interval holds infinity (Altman 1998, BMJ 317:1309-1312).

    Examples
    --------
    >>> from ketameta.effects.absolute import nnt
    >>> nnt([-0.12, 0.25, 0.0]).round(2).tolist()
    [8.33, 4.0, inf]
    """
    (d,) = arrays(difference=difference)
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(1.0 / np.abs(d))


def whole_nnt(difference: ArrayLike) -> Array:
    """Number needed to treat as it is printed, rounded up to a whole number (Cochrane Handbook 15.4.4).

    Examples
    --------
    >>> from ketameta.effects.absolute import whole_nnt
    >>> whole_nnt([-0.12, -0.22, 0.05]).tolist()
    [9.0, 5.0, 20.0]
    """
    return np.asarray(np.ceil(nnt(difference) * (1.0 - _ROUNDING)))


def information_size_means(smd: ArrayLike, *, alpha: float = 0.05, power: float = 0.8) -> Array:
    """People that one trial of two equal arms needs to find a difference of means.

    Parameters
    ----------
    smd : array_like
        Difference to be found, in SDs.
    alpha, power : float
        Two-sided level and power of the test.

    Returns
    -------
    Array
        People in both arms together, each arm rounded up; infinite where there is no difference to find.

    Raises
    ------
    EffectError
        If a value is not finite, or level or power is not between 0 and 1.

    Notes
    -----
    2 (z[1 - alpha/2] + z[power])^2 / smd^2 an arm, the optimal information size of GRADE for a continuous outcome
    (Guyatt et al. 2011, J Clin Epidemiol 64:1283-1293).

    Examples
    --------
    >>> from ketameta.effects.absolute import information_size_means
    >>> information_size_means([0.5, 0.2]).tolist()
    [126.0, 786.0]
    """
    (d,) = arrays(smd=smd)
    z = sum(_quantiles(alpha, power))
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(2.0 * np.ceil(2.0 * (z / d) ** 2))


def information_size_risks(
    risk: ArrayLike, other: ArrayLike, *, alpha: float = 0.05, power: float = 0.8
) -> Array:
    """People that one trial of two equal arms needs to find a difference of risks.

    Parameters
    ----------
    risk, other : array_like
        Risks in the two arms, between 0 and 1. Broadcast against each other.
    alpha, power : float
        Two-sided level and power of the test.

    Returns
    -------
    Array
        People in both arms together, each arm rounded up; infinite where there is no difference to find.

    Raises
    ------
    EffectError
        If a value is not finite, or one of them is not between 0 and 1.

    Notes
    -----
    (z[1 - alpha/2] sqrt(2 m (1 - m)) + z[power] sqrt(p(1 - p) + q(1 - q)))^2 / (p - q)^2 an arm, m the mean of the
    two risks p and q: Fleiss, Statistical Methods for Rates and Proportions, 2nd ed. 1981, ch. 3, without correction
    for continuity.

    Examples
    --------
    >>> from ketameta.effects.absolute import information_size_risks
    >>> information_size_risks([0.2, 0.3], 0.15).tolist()
    [1812.0, 242.0]
    """
    p, q = arrays(risk=risk, other=other)
    fraction(risk=p, other=q)
    middle = (p + q) / 2.0
    at_level, at_power = _quantiles(alpha, power)
    root = at_level * np.sqrt(2.0 * middle * (1.0 - middle)) + at_power * np.sqrt(
        p * (1.0 - p) + q * (1.0 - q)
    )
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(2.0 * np.ceil((root / (p - q)) ** 2))


def _benefit(smd: Array, lower_is_better: bool) -> Array:
    return np.asarray(0.0 - smd) if lower_is_better else smd


def _quantiles(alpha: float, power: float) -> tuple[float, float]:
    level, wanted = arrays(alpha=alpha, power=power)
    fraction(alpha=level, power=wanted)
    return float(special.ndtri(1.0 - level / 2.0)), float(special.ndtri(wanted))
