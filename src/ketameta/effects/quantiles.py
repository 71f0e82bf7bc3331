"""Means and standard deviations from medians, quartiles and ranges."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.special import ndtri

from ketameta._typing import Array, ArrayLike, BoolArray
from ketameta.effects._box_cox import power_normal_moments, symmetric_power, transform
from ketameta.effects._checks import arrays, choice, first_index, more_than, not_less_than, positive_finite
from ketameta.effects._mean_sd import MeanSd
from ketameta.effects._ordering import increasing
from ketameta.errors import EffectError

__all__ = ["mean_sd_from_quantiles", "sd_from_iqr", "sd_from_range"]

_LEAST = 5


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
    increasing(q1=lower, q3=upper)
    more_than(1, "a group size", n=size)
    with np.errstate(all="ignore"):
        return positive_finite(_wan_iqr(lower, upper, size), "sd")


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
    increasing(low=lower, high=upper)
    more_than(1, "a group size", n=size)
    with np.errstate(all="ignore"):
        return positive_finite(_wan_range(lower, upper, size), "sd")


def mean_sd_from_quantiles(
    n: ArrayLike,
    *,
    low: ArrayLike | None = None,
    q1: ArrayLike | None = None,
    median: ArrayLike | None = None,
    q3: ArrayLike | None = None,
    high: ArrayLike | None = None,
    method: Literal["Luo", "Box-Cox"] = "Luo",
    check: bool = True,
) -> MeanSd:
    """Mean and standard deviation of a group from its median with quartiles, range or both.

    Parameters
    ----------
    n : array_like
        Group size, at least 5; shapes broadcast.
    low, q1, median, q3, high : array_like
        Minimum, first quartile, median, third quartile, maximum. The median is needed, with the
        quartiles, the extremes, or all four.
    method : {"Luo", "Box-Cox"}
        ``"Luo"``: for nearly normal values. Mean by the optimal weights of Luo et al. 2018
        (equations 7, 11, 15); SD by Wan et al. 2014 (equations 9, 16) or, from all five quantiles,
        Shi et al. 2020 (equation 10).
        ``"Box-Cox"``: for skewed positive values (McGrath et al. 2020). A power from 0 to 3 makes
        the quantiles symmetric about the median, the estimators of Luo and Wan are applied on that
        scale, and mean and SD are carried back by numerical integration.
    check : bool
        Under ``"Luo"``, refuse groups whose quantiles are significantly skewed (Shi et al. 2023).

    Returns
    -------
    MeanSd
        Estimates with the skewness statistic and its 5% critical value.

    Raises
    ------
    EffectError
        If a value is not finite, ``n`` is less than 5, the quantiles are incomplete or out of
        order, a group is skewed (with ``check``), the estimates cannot be those of the values, or,
        for ``"Box-Cox"``, a quantile is not positive or coincides with the median.

    Notes
    -----
    With ``a, q1, m, q3, b`` the quantiles, the skewness statistic is ``|a + b - 2m| / (b - a)``
    against ``1 / ln(n + 9) + 2.5 / (n + 1)``; ``|q1 + q3 - 2m| / (q3 - q1)`` against
    ``2.65 / sqrt(n) - 6 / n^2``; or the larger of ``2.65 ln(0.6 n) / sqrt(n)`` times the first and
    the second against ``3 / sqrt(n) - 40 / n^3``. It is an approximate 5% test of normal values and
    has little power in small groups: not being refused does not make a sample normal.

    Under ``"Box-Cox"`` a power that would be negative is 0, and the sample is taken as log-normal,
    as the software of the method's authors does: below 0 the mean need not exist.

    The estimates are less precise than printed means and SDs, and variances of effects computed
    from them do not know it.

    Examples
    --------
    The three cases of the manual of R's metafor, 20 people each:

    >>> from ketameta.effects import mean_sd_from_quantiles
    >>> found = mean_sd_from_quantiles(20, q1=4, median=6, q3=10)
    >>> round(float(found.mean), 4), round(float(found.sd), 4)
    (6.7195, 4.7871)
    >>> round(float(found.statistic), 3), round(float(found.critical), 3), bool(found.skewed)
    (0.333, 0.578, False)

    A skewed sample is carried back from the scale on which it is symmetric:

    >>> skewed = mean_sd_from_quantiles(100, q1=2, median=4, q3=9, method="Box-Cox")
    >>> round(float(skewed.mean), 3), round(float(skewed.sd), 3), bool(skewed.skewed)
    (7.907, 12.742, True)
    """
    choice("method", method, ("Luo", "Box-Cox"))
    sizes, quantiles = _quantiles(n, low=low, q1=q1, median=median, q3=q3, high=high)
    with np.errstate(all="ignore"):
        statistic, critical = _skewness(sizes, quantiles)
        skewed = statistic >= critical
        if method == "Box-Cox":
            mean, sd, power = _by_box_cox(sizes, quantiles)
        else:
            if check:
                _refuse_skewed(statistic, critical, skewed)
            mean, sd, power = _luo_mean(sizes, quantiles), _shi_sd(sizes, quantiles), np.ones(sizes.shape)
    _refuse_impossible(mean, sd, quantiles)
    given = ", ".join(quantiles)
    return MeanSd(mean, sd, statistic, critical, skewed, power, method, given)


def _quantiles(n: ArrayLike, **named: ArrayLike | None) -> tuple[Array, dict[str, Array]]:
    known = {name: values for name, values in named.items() if values is not None}
    sets = ({"low", "median", "high"}, {"q1", "median", "q3"}, set(named))
    if set(known) not in sets:
        raise EffectError(
            f"given: {', '.join(known) or 'no quantile'}; give the median with q1 and q3, with low and "
            "high, or with all four (sd_from_iqr and sd_from_range need no median)"
        )
    sizes, *values = arrays(n=n, **known)
    not_less_than(_LEAST, "a group size", n=sizes)
    quantiles = dict(zip(known, values, strict=True))
    increasing(ties=True, **quantiles)
    for lower, upper in (("low", "high"), ("q1", "q3")):
        if lower in quantiles:
            increasing(ties=False, **{lower: quantiles[lower], upper: quantiles[upper]})
    return sizes, quantiles


def _skewness(n: Array, q: dict[str, Array]) -> tuple[Array, Array]:
    median = q["median"]

    def asymmetry(lower: str, upper: str) -> Array:
        distance = (q[upper] - median) - (median - q[lower])
        return np.asarray(np.abs(distance / (q[upper] - q[lower])), dtype=np.float64)

    if "q1" not in q:
        return asymmetry("low", "high"), 1 / np.log(n + 9) + 2.5 / (n + 1)
    if "low" not in q:
        return asymmetry("q1", "q3"), 2.65 / np.sqrt(n) - 6 / n**2
    extremes = 2.65 * np.log(0.6 * n) / np.sqrt(n) * asymmetry("low", "high")
    return np.maximum(extremes, asymmetry("q1", "q3")), 3 / np.sqrt(n) - 40 / n**3


def _refuse_skewed(statistic: Array, critical: Array, skewed: BoolArray) -> None:
    if not skewed.any():
        return
    place, flat = first_index(skewed)
    others = int(skewed.sum()) - 1
    more = f" (and {others} more)" if others else ""
    raise EffectError(
        f"the quantiles{place} are skewed{more}: statistic {statistic.ravel()[flat]:.3f}, 5% critical value "
        f"{critical.ravel()[flat]:.3f} (Shi et al. 2023). Use method='Box-Cox' for positive values, or "
        "check=False to treat them as normal all the same"
    )


def _luo_mean(n: Array, q: dict[str, Array]) -> Array:
    median = q["median"]
    mean = median
    if "q1" not in q:
        mean = mean + 4 / (4 + n**0.75) * ((q["low"] + q["high"]) / 2 - median)
    elif "low" not in q:
        mean = mean + (0.7 + 0.39 / n) * ((q["q1"] + q["q3"]) / 2 - median)
    else:
        mean = mean + 2.2 / (2.2 + n**0.75) * ((q["low"] + q["high"]) / 2 - median)
        mean = mean + (0.7 - 0.72 / n**0.55) * ((q["q1"] + q["q3"]) / 2 - median)
    return mean


def _wan_iqr(q1: Array, q3: Array, n: Array) -> Array:
    return np.asarray((q3 - q1) / (2 * ndtri((0.75 * n - 0.125) / (n + 0.25))), dtype=np.float64)


def _wan_range(low: Array, high: Array, n: Array) -> Array:
    return np.asarray((high - low) / (2 * ndtri((n - 0.375) / (n + 0.25))), dtype=np.float64)


def _shi_sd(n: Array, q: dict[str, Array], weight: Array | None = None) -> Array:
    """SD from range and quartiles; both together by ``weight`` of the range, by Shi's without it."""
    if "q1" not in q:
        return _wan_range(q["low"], q["high"], n)
    from_iqr = _wan_iqr(q["q1"], q["q3"], n)
    if "low" not in q:
        return from_iqr
    share = 1 / (1 + 0.07 * n**0.6) if weight is None else weight
    return share * _wan_range(q["low"], q["high"], n) + (1 - share) * from_iqr


def _by_box_cox(n: Array, q: dict[str, Array]) -> tuple[Array, Array, Array]:
    median = q["median"]
    more_than(0, "method='Box-Cox': a quantile", **q)
    logs = {name: np.log(values / median) for name, values in q.items()}
    pairs = []
    for lower, upper in (("low", "high"), ("q1", "q3")):
        if lower in q:
            _apart_from_median(q, lower, upper)
            pairs.append((logs[lower], logs[upper]))
    power = symmetric_power(pairs)
    moved = {name: transform(values, power) for name, values in logs.items()}
    half = np.full(n.shape, 0.5)
    mean, sd = power_normal_moments(_luo_mean(n, moved), _shi_sd(n, moved, half), power)
    return median * mean, median * sd, power


def _refuse_impossible(mean: Array, sd: Array, q: dict[str, Array]) -> None:
    impossible = ~(np.isfinite(mean) & np.isfinite(sd) & (sd > 0))
    if "high" in q:
        impossible |= (mean < q["low"]) | (mean > q["high"])
    if impossible.any():
        place, flat = first_index(impossible)
        values = ", ".join(f"{name} = {x.ravel()[flat]:g}" for name, x in q.items())
        raise EffectError(
            f"quantiles{place}: {values}: the estimated mean {mean.ravel()[flat]:g} (SD {sd.ravel()[flat]:g}) "
            "cannot be that of these values, which are too skewed or too far apart; check the source"
        )


def _apart_from_median(q: dict[str, Array], lower: str, upper: str) -> None:
    tied = (q[lower] == q["median"]) | (q[upper] == q["median"])
    if tied.any():
        place, flat = first_index(tied)
        values = ", ".join(f"{name} = {q[name].ravel()[flat]:g}" for name in (lower, "median", upper))
        raise EffectError(
            f"quantiles{place}: {values}: method='Box-Cox' needs quantiles that differ from the median, "
            "because no power makes these symmetric; use method='Luo' if the values are nearly normal"
        )
