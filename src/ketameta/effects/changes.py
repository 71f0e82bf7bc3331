"""Standard deviation of a change, and the correlation that two standard deviations imply."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.effects._checks import arrays, correlation, first_index, more_than
from ketameta.errors import EffectError

__all__ = ["correlation_from_sds", "sd_change"]

_ROUNDING = 1e-12


def sd_change(sd_baseline: ArrayLike, sd_endpoint: ArrayLike, r: ArrayLike) -> Array:
    """Standard deviation of the change from baseline, or of a difference within persons.

    Parameters
    ----------
    sd_baseline, sd_endpoint : array_like
        Standard deviations at the two times, or under the two treatments; shapes broadcast.
    r : array_like
        Correlation between the two measurements of a person.

    Returns
    -------
    Array
        ``sqrt(sd_baseline^2 + sd_endpoint^2 - 2 r sd_baseline sd_endpoint)`` (Cochrane Handbook
        6.5.2.8).

    Raises
    ------
    EffectError
        If a value is not finite, an SD is not positive, or r does not lie between -1 and 1.

    Examples
    --------
    >>> from ketameta.effects import sd_change
    >>> round(float(sd_change(2.38, 2.21, 0.68)), 3)
    1.843
    """
    first, second, r_ = arrays(sd_baseline=sd_baseline, sd_endpoint=sd_endpoint, r=r)
    more_than(0, "a standard deviation", sd_baseline=first, sd_endpoint=second)
    correlation(r=r_)
    apart = np.sqrt(2 * (1 - r_)) * np.sqrt(first) * np.sqrt(second)
    return np.asarray(np.hypot(first - second, apart), dtype=np.float64)


def correlation_from_sds(sd1: ArrayLike, sd2: ArrayLike, sd_difference: ArrayLike) -> Array:
    """Correlation within persons from the two standard deviations and that of the difference.

    Parameters
    ----------
    sd1, sd2 : array_like
        Standard deviations of the two measurements; shapes broadcast.
    sd_difference : array_like
        Standard deviation of the change or difference. From a paired t statistic, P value or the
        interval of a mean change it comes by :func:`sd_from_t`, :func:`sd_from_p` or
        :func:`sd_from_ci`.

    Returns
    -------
    Array
        ``(sd1^2 + sd2^2 - sd_difference^2) / (2 sd1 sd2)`` (Cochrane Handbook 6.5.2.8).

    Raises
    ------
    EffectError
        If a value is not finite, an SD is not positive, or no correlation gives these SDs.

    Examples
    --------
    >>> from ketameta.effects import correlation_from_sds
    >>> round(float(correlation_from_sds(2.38, 2.21, 2.0)), 3)
    0.623
    """
    first, second, change = arrays(sd1=sd1, sd2=sd2, sd_difference=sd_difference)
    more_than(0, "a standard deviation", sd1=first, sd2=second, sd_difference=change)
    gap = np.abs(first - second)
    r = 1 - (change - gap) / first * (change + gap) / (2 * second)
    impossible = ~(np.abs(r) <= 1 + _ROUNDING)
    if impossible.any():
        place, flat = first_index(impossible)
        s, t, d = (x.ravel()[flat] for x in (first, second, change))
        raise EffectError(
            f"no correlation gives the SDs{place}: ({s:g}^2 + {t:g}^2 - {d:g}^2) / (2 * {s:g} * {t:g}) = "
            f"{r.ravel()[flat]:.3f}; sd_difference must lie between {abs(s - t):g} and {s + t:g}. Check "
            "whether one of the values is a standard error or was rounded too far"
        )
    return np.asarray(np.clip(r, -1, 1), dtype=np.float64)
