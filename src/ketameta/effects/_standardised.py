"""Covariance of standardised differences, each in units of an SD made of the variances of its own arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketameta._typing import AnyArray, Array
from ketameta.effects._hedges import hedges_correction
from ketameta.effects._standardisers import STANDARDISERS
from ketameta.effects.correlation import both, outer

__all__ = ["OWN_ARMS", "Unit", "covariance_in_units", "kinds_of_unit", "unit_of"]

OWN_ARMS = ("pooled", "control", "average")
"""SDs that come from the arms and the time of the effect itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """What the SD of each effect is made of.

    Attributes
    ----------
    sd_t, sd_c : numpy.ndarray, shape (..., m)
        SD of each arm over the SD that standardises.
    share_t, share_c : numpy.ndarray, shape (..., m)
        Part of the squared standardiser that is each arm's variance; they sum to 1.
    n_t, n_c : numpy.ndarray, shape (..., m)
        Sizes as the variance of the effect has them.
    factor : numpy.ndarray, shape (..., m)
        Small-sample correction of the whole standard error.
    """

    sd_t: Array
    sd_c: Array
    share_t: Array
    share_c: Array
    n_t: Array
    n_c: Array
    factor: Array


def unit_of(
    kind: AnyArray, n_t: Array, n_c: Array, sd_t: Array, sd_c: Array, base_t: Array, base_c: Array
) -> Unit:
    """Unit of each effect, by kind: "pooled", "control", "average" or "baseline"; arrays of one shape.

    SDs of the arms are used by "average" and "baseline" alone, those at baseline by "baseline" alone.
    """
    one, people = np.ones_like(n_t), n_t + n_c
    average, control, baseline = (kind == name for name in ("average", "control", "baseline"))
    df = np.maximum(people - 2, 2.0)
    j = hedges_correction(df)
    middle = np.sqrt((sd_t**2 + sd_c**2) / 2)
    first = np.sqrt(((n_t - 1) * base_t**2 + (n_c - 1) * base_c**2) / df)
    apart = [average, baseline]
    share_t = np.select([control, average], [0 * one, sd_t**2 / (2 * middle**2)], n_t / people)
    return Unit(
        sd_t=np.select(apart, [sd_t / middle, j * sd_t / first], one),
        sd_c=np.select(apart, [sd_c / middle, j * sd_c / first], one),
        share_t=share_t,
        share_c=1 - share_t,
        n_t=n_t - average,
        n_c=n_c - average,
        factor=np.where(average, j, one),
    )


def covariance_in_units(
    d: Array, unit: Unit, rho_t: Array, rho_c: Array, same_t: Array, same_c: Array
) -> Array:
    """Covariance of standardised differences by the delta method.

    Parameters
    ----------
    d : numpy.ndarray, shape (..., m)
        Effects.
    unit : Unit
        Their units.
    rho_t, rho_c : numpy.ndarray, shape (..., m, m)
        Correlation of a person's outcomes, for the differences.
    same_t, same_c : numpy.ndarray, shape (..., m, m)
        Correlation of a person's scores in the two samples that give the SDs: the same as ``rho`` where SD and
        difference are of one time, 1 where both effects have one SD at baseline.

    Returns
    -------
    numpy.ndarray, shape (..., m, m)
        Covariance matrix.

    Notes
    -----
    ``d = D / S`` with ``S^2`` the sum of ``w_a s_a^2`` over arms. ``D`` is independent of ``S`` in normal
    samples, so ``cov(d_i, d_j) = cov(D_i, D_j) / (s_i s_j) + d_i d_j cov(S_i^2, S_j^2) / (4 s_i^2 s_j^2)``. Variances
    of the ``n_ij`` people of arm ``a`` have covariance ``2 rho^2 sigma_ai^2 sigma_aj^2 n_ij / (n_ai n_aj)``. With
    ``f_a = w_a sigma_a^2 / s^2`` and ``n_ij = min(n_i, n_j)`` the second term is the sum over arms of
    ``rho_a^2 d_i d_j f_ai f_aj / (2 max(n_ai, n_aj))``.
    """
    total = np.zeros_like(rho_t + rho_c)
    for sd, share, n, rho, same in (
        (unit.sd_t, unit.share_t, unit.n_t, rho_t, same_t),
        (unit.sd_c, unit.share_c, unit.n_c, rho_c, same_c),
    ):
        total = total + (rho * outer(sd) + same**2 * outer(d * share) / 2) / np.maximum(*both(n))
    return np.asarray(total * outer(unit.factor), dtype=np.float64)


def kinds_of_unit(standardisers: AnyArray) -> AnyArray:
    """Kind of each row's unit: one of ``STANDARDISERS``, "stated" or "unknown"; "pooled" where none is named.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.effects._standardised import kinds_of_unit
    >>> names = ["comparator SD of change scores", "", "as printed, not stated", "stated SD"]
    >>> kinds_of_unit(np.array(names, dtype=object)).tolist()
    ['control', 'pooled', 'unknown', 'stated']
    """
    texts, inverse = np.unique(standardisers.astype(str), return_inverse=True)
    kinds = []
    for text in texts:
        found = {_kind(part) for part in text.split(" + ")}
        kinds.append(found.pop() if len(found) == 1 else "unknown")
    return np.array(kinds, dtype=object)[inverse]


def _kind(text: str) -> str:
    if text in ("", "SD from the SE of the difference"):
        return "pooled"
    if text == "stated SD":
        return "stated"
    fitting = [kind for kind, name in STANDARDISERS.items() if text.startswith(name)]
    return max(fitting, key=lambda kind: len(STANDARDISERS[kind])) if fitting else "unknown"
