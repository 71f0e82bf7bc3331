"""Difference, ratio and odds ratio of two shares whose logits are jointly normal."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ketameta._render import number
from ketameta._typing import Array
from ketameta.curves.words import level_text

__all__ = ["contrasts", "needed_to_treat", "nnt_text", "nnt_words"]


def contrasts(logits: Array, cov: Array, quantile: float) -> dict[str, Array]:
    """Contrasts of ketamine and comparator with intervals that respect what both share.

    Parameters
    ----------
    logits : numpy.ndarray, shape (m, 2)
        Logits, ketamine first.
    cov : numpy.ndarray, shape (m, 2, 2)
        Their covariance.
    quantile : float
        Half-width of an interval in standard errors.

    Returns
    -------
    dict of str to numpy.ndarray
        ``rd``, ``rr``, ``or`` and ``nnt``, each with ``_ci_low`` and ``_ci_high``. The odds ratio has the interval of
        the difference of logits. The risk difference and the log risk ratio combine the intervals of both shares
        (MOVER, Zou & Donner 2008, with the correlation of the logits), so that they stay within what shares allow.
        ``nnt`` is the reciprocal of the risk difference, and so are its bounds, in the order of benefit: where
        ``nnt_ci_high`` is negative, the interval runs over infinity to that number needed to harm (Altman 1998).

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.responding_contrasts import contrasts
    >>> found = contrasts(np.array([[0.0, 0.0]]), np.array([np.eye(2) * 0.04]), 1.96)
    >>> [round(float(found[name][0]), 3) for name in ("rd", "rd_ci_low", "or", "or_ci_high")]
    [0.0, -0.137, 1.0, 1.741]
    """
    se = np.sqrt(np.diagonal(cov, axis1=1, axis2=2))
    r = np.clip(cov[:, 0, 1] / (se[:, 0] * se[:, 1]), -1.0, 1.0)
    low, high = logits - quantile * se, logits + quantile * se
    difference = logits[:, 0] - logits[:, 1]
    half = quantile * np.sqrt(np.maximum(cov[:, 0, 0] + cov[:, 1, 1] - 2 * cov[:, 0, 1], 0.0))
    share, share_low, share_high = expit(logits), expit(low), expit(high)
    rd = share[:, 0] - share[:, 1]
    rd_low, rd_high = _mover(share, share_low, share_high, r)
    logs = [-np.logaddexp(0.0, -part) for part in (logits, low, high)]
    rr = logs[0][:, 0] - logs[0][:, 1]
    rr_low, rr_high = _mover(logs[0], logs[1], logs[2], r)
    nnt = needed_to_treat(rd, rd_low, rd_high)
    with np.errstate(over="ignore"):
        ratios = {
            f"{name}{end}": np.exp(part)
            for name, parts in (
                ("rr", (rr, rr_low, rr_high)),
                ("or", (difference, difference - half, difference + half)),
            )
            for end, part in zip(("", "_ci_low", "_ci_high"), parts, strict=True)
        }
    return {
        "rd": rd,
        "rd_ci_low": rd_low,
        "rd_ci_high": rd_high,
        **ratios,
        "nnt": nnt[0],
        "nnt_ci_low": nnt[1],
        "nnt_ci_high": nnt[2],
    }


def needed_to_treat(rd: Array, rd_low: Array, rd_high: Array) -> tuple[Array, Array, Array]:
    """Reciprocals of a risk difference and of its bounds, in the order of benefit.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.responding_contrasts import needed_to_treat
    >>> [part.tolist() for part in needed_to_treat(np.array([-0.25]), np.array([-0.5]), np.array([0.0]))]
    [[-4.0], [-inf], [-2.0]]
    """
    with np.errstate(divide="ignore"):
        nnt, low, high = 1 / rd, 1 / rd_high, 1 / rd_low
    return nnt, np.where((rd_high == 0) & (rd_low < 0), -np.inf, low), high


def nnt_text(nnt: float, low: float, high: float) -> str:
    """Number needed to treat with its interval, which may run over infinity to a number needed to harm.

    Examples
    --------
    >>> from ketameta.curves.responding_contrasts import nnt_text
    >>> nnt_text(4.0, 2.5, 10.0), nnt_text(8.0, 3.0, -12.0), nnt_text(-4.0, float("-inf"), -2.0)
    ('4.0 [2.5, 10.0]', '8.0 [3.0 to ∞ to harm 12.0]', 'harm 4.0 [harm 2.0, ∞]')
    """
    return f"{_needed(nnt)} [{', '.join(_nnt_bounds(low, high))}]"


def nnt_words(nnt: float, low: float, high: float, level: float) -> str:
    """The same for a sentence.

    Examples
    --------
    >>> from ketameta.curves.responding_contrasts import nnt_words
    >>> nnt_words(4.0, 2.5, 10.0, 0.95), nnt_words(8.0, 3.0, -12.0, 0.9)
    ('4.0 (95% CI 2.5 to 10.0)', '8.0 (90% CI 3.0 to ∞ to harm 12.0)')
    """
    return f"{_needed(nnt)} ({level_text(level)} CI {' to '.join(_nnt_bounds(low, high))})"


def _needed(nnt: float) -> str:
    return number(nnt, 1) if nnt > 0 else f"harm {number(-nnt, 1)}"


def _nnt_bounds(low: float, high: float) -> tuple[str, ...]:
    """Both bounds, or one text where the interval runs over infinity."""
    if low > 0 and high > 0:
        return number(low, 1), number(high, 1)
    if low < 0 and high < 0:
        return f"harm {number(-high, 1)}", number(-low, 1)
    return (f"{number(low, 1)} to ∞ to harm {number(-high, 1)}",)


def _mover(value: Array, low: Array, high: Array, r: Array) -> tuple[Array, Array]:
    """Interval of the difference of two columns from the interval of each and their correlation."""
    below, above = value - low, high - value
    difference = value[:, 0] - value[:, 1]
    down = below[:, 0] ** 2 + above[:, 1] ** 2 - 2 * r * below[:, 0] * above[:, 1]
    up = above[:, 0] ** 2 + below[:, 1] ** 2 - 2 * r * above[:, 0] * below[:, 1]
    return difference - np.sqrt(np.maximum(down, 0.0)), difference + np.sqrt(np.maximum(up, 0.0))
