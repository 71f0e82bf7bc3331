"""Sampling covariance of effects that come from the same people: the formulas.

Effect ``i`` compares a treatment arm with a comparator arm. Two effects of one trial are correlated as far as
people stand in both of them. Every function takes m effects and, for each arm, the correlation ``rho_t`` or
``rho_c`` of one person's outcome in effect i with the same person's outcome in effect j: 0 where the arm is not
the same, 1 where arm, time and outcome are. Leading dimensions are trials with the same number of effects.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.effects._checks import arrays, choice, more_than, not_less_than
from ketameta.effects._standardised import OWN_ARMS, covariance_in_units, unit_of
from ketameta.effects.correlation import along, both, outer, pairs, sample, usable
from ketameta.errors import EffectError

__all__ = [
    "COUNT_MEASURES",
    "counts_covariance",
    "md_covariance",
    "smd_common_sd_covariance",
    "smd_covariance",
]

COUNT_MEASURES = ("OR", "RR", "RD", "AS")


def md_covariance(
    sd_t: ArrayLike, n_t: ArrayLike, sd_c: ArrayLike, n_c: ArrayLike, rho_t: ArrayLike, rho_c: ArrayLike
) -> Array:
    """Sampling covariance of mean differences.

    Parameters
    ----------
    sd_t, n_t, sd_c, n_c : array_like, shape (..., m)
        Standard deviation and size of treatment and comparator arm of each effect.
    rho_t, rho_c : array_like, shape (..., m, m)
        Correlation of a person's outcomes between two effects, 0 where the arm is not the same. A
        scalar stands for the same correlation between any two effects.

    Returns
    -------
    numpy.ndarray, shape (..., m, m)
        Covariance matrix, in the squared unit of the scale.

    Raises
    ------
    EffectError
        If a value is not finite, an SD or a size is not positive, or a matrix of correlations is not
        symmetric with ones on its diagonal.

    Notes
    -----
    ``cov(y_i, y_j)`` is the sum over both arms of ``rho_ij sd_i sd_j n_ij / (n_i n_j)`` with ``n_ij`` people
    in both effects. Under nested drop-out ``n_ij = min(n_i, n_j)``, which leaves ``1 / max(n_i, n_j)``.
    Trikalinos & Olkin 2012; Gleser & Olkin 2009.

    Examples
    --------
    Two doses against one placebo arm of 25:

    >>> from ketameta.effects import md_covariance
    >>> md_covariance([5.0, 5.0], [20, 20], [5.0, 5.0], [25, 25], rho_t=0, rho_c=1).tolist()
    [[2.25, 1.0], [1.0, 2.25]]
    """
    s, n, t, k = sample(sd_t=sd_t, n_t=n_t, sd_c=sd_c, n_c=n_c)
    r, q = pairs("rho_t", rho_t, n), pairs("rho_c", rho_c, k)
    with np.errstate(all="ignore"):
        return usable(_numerators(s, n, r) + _numerators(t, k, q))


def smd_covariance(
    yi: ArrayLike,
    n_t: ArrayLike,
    n_c: ArrayLike,
    rho_t: ArrayLike,
    rho_c: ArrayLike,
    *,
    standardiser: Literal["pooled", "control", "average"] = "pooled",
    sd_t: ArrayLike | None = None,
    sd_c: ArrayLike | None = None,
) -> Array:
    """Sampling covariance of standardised mean differences, each on an SD of its own two arms.

    Parameters
    ----------
    yi : array_like, shape (..., m)
        Standardised mean differences.
    n_t, n_c : array_like, shape (..., m)
        Arm sizes.
    rho_t, rho_c : array_like, shape (..., m, m)
        As :func:`md_covariance`.
    standardiser : {"pooled", "control", "average"}
        SD in whose units the differences are: pooled over both arms (:func:`ketameta.effects.smd`), the
        comparator's (:func:`ketameta.effects.glass`), root mean square of both (:func:`ketameta.effects.smdh`).
    sd_t, sd_c : array_like, shape (..., m), optional
        Standard deviations of the arms; ``"average"`` needs them, the others take them as equal.

    Returns
    -------
    numpy.ndarray, shape (..., m, m)
        Covariance matrix; its diagonal is the variance of that function: ``1/n_t + 1/n_c + yi^2 / (2 (n_t + n_c))``
        for ``"pooled"``, ``1/n_t + 1/n_c + yi^2 / (2 n_c)`` for ``"control"``, Bonett's for ``"average"``.

    Raises
    ------
    EffectError
        As :func:`md_covariance`; if ``standardiser`` is unknown, or ``"average"`` without SDs or with an arm
        of fewer than 2.

    Notes
    -----
    Large-sample formula by the delta method, with normal outcomes. Write ``d = D / S`` with the mean difference
    ``D`` and ``S^2 = w_t s_t^2 + w_c s_c^2``. ``D`` and ``S^2`` are independent, also between times, so

    ``cov(d_i, d_j) = cov(D_i, D_j) / (s_i s_j) + d_i d_j cov(S_i^2, S_j^2) / (4 s_i^2 s_j^2)``.

    The first term is that of :func:`md_covariance`, ``sum_a rho_a u_ai u_aj / max(n_ai, n_aj)`` with the SD ``u`` of
    arm ``a`` in units of ``s``. Variances of an arm whose outcomes correlate by ``rho`` have covariance
    ``2 rho^2 sigma_i^2 sigma_j^2 n_ij / (n_i n_j)`` (``n`` for ``n - 1``), so that the second term is, with the part
    ``f_a = w_a sigma_a^2 / s^2`` of the squared standardiser,

    ``sum_a rho_a^2 d_i d_j f_ai f_aj / (2 max(n_ai, n_aj))``.

    - ``"pooled"``: one SD in both arms, so ``u = 1`` and ``f_a = n_a / N``; the second term is
      ``sum_a rho_a^2 d_i d_j min(n_ai, n_aj) / (2 N_i N_j)``. Both arms shared, equal sizes:
      ``rho (1/n_t + 1/n_c) + rho^2 d_i d_j / (2 N)`` (Gleser & Olkin 2009). A control arm alone at one time:
      ``1/n_c + d_i d_j n_c / (2 N_i N_j)``; where all effects share one SD pooled over all arms of the trial, see
      :func:`smd_common_sd_covariance`.
    - ``"control"``: one SD in both arms, so ``u = 1``; ``f_c = 1`` and ``f_t = 0``. A control arm alone at one time:
      ``1/n_c + d_i d_j / (2 n_c)``.
    - ``"average"``: ``u_a = sd_a / s`` and ``f_a = sd_a^2 / (2 s^2)`` with ``s^2 = (sd_t^2 + sd_c^2) / 2``; sizes are ``n - 1`` and
      the whole is multiplied by both small-sample corrections, as its variance is (Bonett 2008, 2009).

    Examples
    --------
    >>> from ketameta.effects import smd_covariance
    >>> smd_covariance([-0.8, -0.4], [20, 20], [20, 20], rho_t=0.5, rho_c=0.5).round(4).tolist()
    [[0.108, 0.051], [0.051, 0.102]]

    Two doses in units of the SD of their one control arm:

    >>> smd_covariance([-0.8, -0.4], 20, 20, rho_t=0, rho_c=1, standardiser="control").round(4).tolist()
    [[0.116, 0.058], [0.058, 0.104]]
    """
    choice("standardiser", standardiser, OWN_ARMS)
    if standardiser == "average" and (sd_t is None or sd_c is None):
        raise EffectError('standardiser="average" needs sd_t and sd_c')
    first, second = (1.0 if sd is None else sd for sd in (sd_t, sd_c))
    d, n, k, s, t = sample(yi=yi, n_t=n_t, n_c=n_c, sd_t=first, sd_c=second)
    if standardiser == "average":
        more_than(1, "a group size", n_t=n, n_c=k)
        not_less_than(2, "n_t + n_c - 2", **{"n_t + n_c - 2": n + k - 2})
    r, q = pairs("rho_t", rho_t, n), pairs("rho_c", rho_c, k)
    with np.errstate(all="ignore"):
        unit = unit_of(np.full(d.shape, standardiser, dtype=object), n, k, s, t, s, t)
        return usable(covariance_in_units(d, unit, r, q, r, q))


def smd_common_sd_covariance(
    yi: ArrayLike,
    sd_t: ArrayLike,
    n_t: ArrayLike,
    sd_c: ArrayLike,
    n_c: ArrayLike,
    rho_t: ArrayLike,
    rho_c: ArrayLike,
    *,
    sd: ArrayLike,
    n_sd: ArrayLike,
) -> Array:
    """Sampling covariance of mean differences divided by one SD for all of them.

    Parameters
    ----------
    yi : array_like, shape (..., m)
        Mean differences over ``sd``.
    sd_t, n_t, sd_c, n_c : array_like, shape (..., m)
        Standard deviation and size of the arms of each effect.
    rho_t, rho_c : array_like, shape (..., m, m)
        As :func:`md_covariance`.
    sd : array_like, shape (...)
        The common SD: that of baseline, or the one pooled over all arms of a trial.
    n_sd : array_like, shape (...)
        Number of people whose scores it comes from.

    Returns
    -------
    numpy.ndarray, shape (..., m, m)
        ``md_covariance(...) / sd^2 + d_i d_j / (2 n_sd)``: the SD is shared whole, whatever ``rho``, and is
        independent of the mean differences. Two treatments with one control and the SD pooled over all
        arms: ``1/n_c + d_i d_j / (2 N)`` (Gleser & Olkin 2009).

    Raises
    ------
    EffectError
        As :func:`md_covariance`.

    Examples
    --------
    >>> from ketameta.effects import smd_common_sd_covariance
    >>> sds, sizes = [1.0, 1.0], [25, 25]
    >>> smd_common_sd_covariance([2.0, 1.0], sds, sizes, sds, sizes, 0, 1, sd=1.0, n_sd=75).round(4).tolist()
    [[0.1067, 0.0533], [0.0533, 0.0867]]
    """
    d, s, n, t, k = sample(yi=yi, sd_t=sd_t, n_t=n_t, sd_c=sd_c, n_c=n_c)
    common, people = arrays(sd=sd, n_sd=n_sd)
    more_than(0, "a standard deviation", sd=common)
    more_than(1, "a number of people", n_sd=people)
    common, people = (
        along(name, part, d)[..., None, None] for name, part in (("sd", common), ("n_sd", people))
    )
    with np.errstate(all="ignore"):
        return usable(md_covariance(s, n, t, k, rho_t, rho_c) / common**2 + outer(d) / (2 * people))


def counts_covariance(
    events_t: ArrayLike,
    total_t: ArrayLike,
    events_c: ArrayLike,
    total_c: ArrayLike,
    rho_t: ArrayLike,
    rho_c: ArrayLike,
    *,
    measure: str = "OR",
) -> Array:
    """Sampling covariance of log odds ratios, log risk ratios, risk differences or arcsine differences.

    Parameters
    ----------
    events_t, total_t, events_c, total_c : array_like, shape (..., m)
        Events and sizes of both arms. A zero cell needs its correction first (0.5 added to each cell).
    rho_t, rho_c : array_like, shape (..., m, m)
        Phi coefficient of a person's two yes-or-no outcomes, 0 where the arm is not the same.
    measure : {"OR", "RR", "RD", "AS"}
        Log odds ratio, log risk ratio, risk difference, arcsine difference.

    Returns
    -------
    numpy.ndarray, shape (..., m, m)
        Covariance matrix.

    Raises
    ------
    EffectError
        If a value is not finite, a size is not positive, events are not between 0 and the size (both
        exclusive, unless ``measure`` is ``"AS"``), or the correlations are not usable.

    Notes
    -----
    Two proportions of the same n people have covariance ``phi sqrt(p_i q_i p_j q_j) / n``; the delta method
    divides by ``p q`` (log odds), ``p`` (log risk) or ``2 sqrt(p q)`` (arcsine). An arm that is shared at the
    same outcome gives ``1/c + 1/d``, ``1/c - 1/n``, ``p q / n`` and ``1/(4 n)``: Gleser & Olkin 2009.

    Examples
    --------
    >>> from ketameta.effects import counts_covariance
    >>> v = counts_covariance([100, 150], [4000, 4000], [40, 40], [1000, 1000], 0, 1, measure="OR")
    >>> float(round(v[0, 1], 6)), round(1 / 40 + 1 / 960, 6)
    (0.026042, 0.026042)
    """
    choice("measure", measure, COUNT_MEASURES)
    a, n, c, k = sample(events_t=events_t, total_t=total_t, events_c=events_c, total_c=total_c)
    covariance = np.zeros((*n.shape, n.shape[-1]))
    for name, events, size, rho in (("t", a, n, rho_t), ("c", c, k, rho_c)):
        inside = (events >= 0) & (events <= size) if measure == "AS" else (events > 0) & (events < size)
        if not inside.all():
            position = int(np.argmin(inside.ravel()))
            raise EffectError(
                f"events_{name} = {events.ravel()[position]:g} of {size.ravel()[position]:g} (position "
                f"{position}): the {measure} has no covariance there; add 0.5 to each cell of a table with a zero"
            )
        r = pairs(f"rho_{name}", rho, size)
        with np.errstate(all="ignore"):
            covariance = covariance + _numerators(_spread(events / size, measure), size, r)
    return usable(covariance)


def _numerators(sd: Array, n: Array, rho: Array) -> Array:
    """Covariance of the means of one arm under nested drop-out."""
    return np.asarray(rho * outer(sd) / np.maximum(*both(n)), dtype=np.float64)


def _spread(p: Array, measure: str) -> Array:
    """SD of one person's part in the transformed proportion."""
    if measure == "AS":
        return np.full_like(p, 0.5)
    root = np.sqrt(p * (1 - p))
    divisor = {"OR": p * (1 - p), "RR": p, "RD": np.ones_like(p)}[measure]
    return np.asarray(root / divisor, dtype=np.float64)
