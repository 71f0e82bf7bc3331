"""Mantel-Haenszel and Peto pooling of two-by-two tables, with tests of heterogeneity.

Group 1 is ketamine, group 2 the comparator; ``a`` of ``n1`` and ``c`` of ``n2`` had the event. Tables lie
along the last axis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array
from ketameta.errors import ModelError

__all__ = ["Weighted", "breslow_day", "dersimonian_laird", "mantel_haenszel", "peto_pool"]

_NOTHING = {
    "OR": "the Mantel-Haenszel odds ratio is 0 or infinite: in every table a d = 0, or in every table b c = 0",
    "RR": "the Mantel-Haenszel risk ratio is 0 or infinite: no event in any treatment group, or in any "
    "comparator group",
}


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """Pooled estimates and their standard errors, shape (...), with weights (..., k) that sum to 1."""

    estimate: Array
    se: Array
    weights: Array


def mantel_haenszel(a: Array, n1: Array, c: Array, n2: Array, *, measure: str) -> Weighted:
    """Mantel-Haenszel estimate of a common effect, without any correction of zero cells.

    Parameters
    ----------
    a, n1, c, n2 : Array, shape (..., k)
        Events and sizes of groups 1 and 2.
    measure : {"OR", "RR", "RD"}
        Odds ratio and risk ratio as natural logs; risk difference as a proportion.

    Returns
    -------
    Weighted

    Raises
    ------
    ModelError
        If a ratio is 0 or infinite.

    Notes
    -----
    Mantel and Haenszel (1959), J Natl Cancer Inst 22:719-748. Variances: log OR by Robins, Breslow and Greenland
    (1986), Biometrics 42:311-323; log RR by Greenland and Robins (1985), Biometrics 41:55-68; RD by Sato,
    Greenland and Robins (1989), Biometrics 45:1323-1324.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models.mantel_haenszel import mantel_haenszel
    >>> a, n1, c, n2 = (np.array(x, float) for x in ([4, 6, 3], [123, 306, 231], [11, 29, 11], [139, 303, 220]))
    >>> found = mantel_haenszel(a, n1, c, n2, measure="OR")
    >>> round(float(found.estimate), 4), round(float(found.se), 4)
    (-1.4135, 0.3155)
    """
    b, d, n = n1 - a, n2 - c, n1 + n2
    if measure == "OR":
        up, down, shares = a * d / n, b * c / n, b * c / n
        p, q = (a + d) / n, (b + c) / n
        r, s = _sums("OR", up, down)
        variance = (
            (p * up).sum(-1) / (2 * r * r)
            + (p * down + q * up).sum(-1) / (2 * r * s)
            + (q * down).sum(-1) / (2 * s * s)
        )
        estimate = np.log(r) - np.log(s)
    elif measure == "RR":
        up, down, shares = a * n2 / n, c * n1 / n, c * n1 / n
        r, s = _sums("RR", up, down)
        variance = ((n1 * n2 * (a + c) / n - a * c) / n).sum(-1) / (r * s)
        estimate = np.log(r) - np.log(s)
    else:
        shares = n1 * n2 / n
        total = shares.sum(-1)
        estimate = ((a * n2 - c * n1) / n).sum(-1) / total
        p = (c * (n1 / n) ** 2 - a * (n2 / n) ** 2 + n1 * n2 / n * (n2 - n1) / n / 2).sum(-1)
        q = ((a * d + b * c) / n).sum(-1) / 2
        variance = (estimate * p + q) / total**2
    if not (variance > 0).all():
        raise ModelError(
            f"the variance of the Mantel-Haenszel {measure} is 0: nobody, or everybody, had the event in every group"
        )
    return Weighted(estimate, np.sqrt(variance), shares / shares.sum(-1)[..., None])


def _sums(measure: str, up: Array, down: Array) -> tuple[Array, Array]:
    r, s = up.sum(-1), down.sum(-1)
    if not ((r > 0) & (s > 0)).all():
        raise ModelError(f"{_NOTHING[measure]}; measure='RD' is defined")
    return r, s


def peto_pool(a: Array, n1: Array, c: Array, n2: Array) -> Weighted:
    """Peto's one-step estimate of a common log odds ratio.

    Parameters
    ----------
    a, n1, c, n2 : Array, shape (..., k)
        Events and sizes of groups 1 and 2.

    Returns
    -------
    Weighted

    Raises
    ------
    ModelError
        If nobody, or everybody, had the event in every table.

    Notes
    -----
    Sum of observed minus expected events over the sum of their hypergeometric variances (Yusuf et al. 1985, Prog
    Cardiovasc Dis 27:335-371). Biased when groups are very unequal or effects large (Greenland and Salvan 1990,
    Stat Med 9:247-252).

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models.mantel_haenszel import peto_pool
    >>> a, n1, c, n2 = (np.array(x, float) for x in ([4, 6, 3], [123, 306, 231], [11, 29, 11], [139, 303, 220]))
    >>> found = peto_pool(a, n1, c, n2)
    >>> round(float(found.estimate), 4), round(float(found.se), 4)
    (-1.2373, 0.2566)
    """
    n, events = n1 + n2, a + c
    variance = events * (n - events) * (n1 / n) * (n2 / n) / (n - 1)
    total = variance.sum(-1)
    if not (total > 0).all():
        raise ModelError(
            "nobody, or everybody, had the event in every table; there is no odds ratio to estimate"
        )
    estimate = ((a * n2 - c * n1) / n).sum(-1) / total
    return Weighted(estimate, 1.0 / np.sqrt(total), variance / total[..., None])


def breslow_day(a: Array, n1: Array, c: Array, n2: Array, log_or: Array) -> tuple[Array, Array, Array]:
    """Breslow-Day test of equal odds ratios, and Tarone's correction of it.

    Parameters
    ----------
    a, n1, c, n2 : Array, shape (..., k)
        Events and sizes of groups 1 and 2; tables in which nobody or everybody had the event do not count.
    log_or : Array, shape (...)
        Common log odds ratio, the Mantel-Haenszel estimate.

    Returns
    -------
    breslow_day, tarone, df : Array, shape (...)
        Chi-square statistics and their degrees of freedom.

    Notes
    -----
    Breslow and Day (1980), Statistical Methods in Cancer Research I, 142; Tarone (1985), Biometrika 72:91-95. The
    expected count is the root of a quadratic, in the form that loses no digits.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models.mantel_haenszel import breslow_day
    >>> a, n1, c, n2 = (np.array(x, float) for x in ([4, 6, 3], [123, 306, 231], [11, 29, 11], [139, 303, 220]))
    >>> [round(float(x), 4) for x in breslow_day(a, n1, c, n2, np.array(-1.41351318))]
    [0.9522, 0.9519, 2.0]
    """
    events = a + c
    counted = (events > 0) & (events < n1 + n2)
    odds = np.exp(np.minimum(np.asarray(log_or), 0.0))[..., None]
    other = np.exp(np.minimum(-np.asarray(log_or), 0.0))[..., None]
    lead = odds - other
    middle = odds * (n1 + events) + other * (n2 - events)
    last = odds * n1 * events
    root = np.sqrt(np.maximum(middle * middle - 4 * lead * last, 0.0))
    with np.errstate(all="ignore"):
        expected = np.where(middle > 0, 2 * last / (middle + root), (middle - root) / (2 * lead))
        precision = (
            1 / expected + 1 / (n1 - expected) + 1 / (events - expected) + 1 / (n2 - events + expected)
        )
        variance = np.where(counted, 1 / precision, 0.0)
        excess = np.where(counted, a - expected, 0.0)
        plain = np.where(counted, excess**2 / variance, 0.0).sum(-1)
        shift = excess.sum(-1) ** 2 / variance.sum(-1)
    return plain, plain - shift, np.asarray(counted.sum(-1) - 1.0)


def dersimonian_laird(yi: Array, vi: Array, centre: Array | None = None) -> tuple[Array, Array]:
    """Cochran's Q about a given pooled effect, and the moment estimate of tau2 from it.

    Parameters
    ----------
    yi, vi : Array, shape (..., k)
        Effects and sampling variances.
    centre : Array, shape (...), optional
        Pooled effect that the deviations are taken from; the inverse-variance mean when left out.

    Returns
    -------
    q, tau2 : Array, shape (...)

    Notes
    -----
    DerSimonian and Laird (1986), Control Clin Trials 7:177-188. With the Mantel-Haenszel estimate as centre this is
    the random-effects method that Review Manager names Mantel-Haenszel (Deeks and Higgins 2010, Statistical
    algorithms in Review Manager 5): Q is larger than about the inverse-variance mean.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models.mantel_haenszel import dersimonian_laird
    >>> q, tau2 = dersimonian_laird(np.array([0.0, 1.0, 2.0]), np.array([0.1, 0.1, 0.1]))
    >>> round(float(q), 9), round(float(tau2), 9)
    (20.0, 0.9)
    """
    w = 1.0 / vi
    total = w.sum(-1)
    mean = (w * yi).sum(-1) / total if centre is None else np.asarray(centre)
    q = (w * (yi - mean[..., None]) ** 2).sum(-1)
    spare = total - (w * w).sum(-1) / total
    df = yi.shape[-1] - 1
    tau2 = np.maximum(0.0, np.divide(q - df, spare, out=np.zeros_like(q), where=spare > 0))
    return q, tau2
