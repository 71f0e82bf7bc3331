"""Covariance matrices of the trials of a table, many trials at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.effects._samples import Batch, Indices, Samples, describe
from ketameta.effects.correlation import both, outer, time_correlation
from ketameta.effects.dependence import COUNT_MEASURES, counts_covariance, md_covariance, smd_covariance
from ketameta.errors import EffectError

__all__ = ["Assumed", "Matrices", "matrices"]

_SINGULAR = 1e-10
_COMPONENT = 0.1
_OWN = 1e-6


@dataclass(frozen=True, slots=True)
class Assumed:
    """Correlation of a person's outcomes between 24 h and 7 d, its shape, and between outcomes."""

    rho: float
    correlation: str
    between: float


@dataclass(frozen=True, slots=True, eq=False)
class Matrices:
    """Covariances of the trials of one batch, and what had to be taken for granted.

    Attributes
    ----------
    batch : Batch
        The trials.
    v : numpy.ndarray, shape (b, m, m)
        Covariance matrices.
    smallest : numpy.ndarray, shape (b,)
        Smallest eigenvalue of each correlation matrix.
    capped : numpy.ndarray of bool, shape (b,)
        Whether the assumed correlation exceeds what two proportions of the trial allow.
    own : numpy.ndarray of bool, shape (b, m)
        Whether ``vi`` is another than the variance of the formula.
    """

    batch: Batch
    v: Array
    smallest: Array
    capped: BoolArray
    own: BoolArray


def matrices(samples: Samples, assumed: Assumed) -> tuple[Matrices, ...]:
    """Covariance matrices, batch by batch.

    Off the diagonal stands ``r_ij sqrt(v_i v_j)``, with ``r`` the correlation of the formula.

    Raises
    ------
    EffectError
        If a matrix is not positive definite, or a time is not above zero though correlations fade in log time.
    """
    return tuple(_matrices(samples, batch, assumed) for batch in samples.batches)


def _matrices(samples: Samples, batch: Batch, assumed: Assumed) -> Matrices:
    b, m = batch.rows.shape
    vi = samples.number["vi"][batch.rows]
    if m == 1:
        return Matrices(
            batch, vi[:, :, None], np.ones(b), np.zeros(b, dtype=np.bool_), np.zeros((b, 1), np.bool_)
        )
    person = _person(samples, batch, assumed)
    rho_t, rho_c = person * batch.same_t, person * batch.same_c
    capped = np.zeros(b, dtype=np.bool_)
    if batch.formula in COUNT_MEASURES:
        rho_t, high_t = _attainable(samples, batch, "t", rho_t)
        rho_c, high_c = _attainable(samples, batch, "c", rho_c)
        capped = high_t | high_c
    covariance = _formula(samples, batch, rho_t, rho_c)
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    r = covariance / np.sqrt(outer(variance))
    own = np.zeros((b, m), dtype=np.bool_)
    if batch.formula not in ("sizes", "plain"):
        own = np.abs(variance / vi - 1) > _OWN
    smallest = _positive_definite(samples, batch, r)
    v = r * outer(np.sqrt(vi))
    v[:, np.arange(m), np.arange(m)] = vi
    return Matrices(batch, v, smallest, capped, own)


def _person(samples: Samples, batch: Batch, assumed: Assumed) -> Array:
    """Correlation of one person's outcomes between the rows of a trial."""
    hours = samples.number["hours"][batch.rows]
    untimed = np.isnan(hours)
    early = ~untimed & (hours <= 0)
    if assumed.correlation == "log-time" and early.any():
        at = batch.rows[early]
        raise EffectError(
            f"time_hours must be above zero for correlations that fade in log time: {describe(samples.frame, at)}. "
            "Leave the rows out, or choose correlation='days' or 'constant'"
        )
    times = np.where(untimed, 1.0, hours)
    over_time = time_correlation(times, rho=assumed.rho, correlation=assumed.correlation)
    over_time = np.where(untimed[:, :, None] | untimed[:, None, :], assumed.rho, over_time)
    over_time = np.where(batch.same_time, 1.0, over_time)
    return np.asarray(np.where(batch.same_outcome, over_time, assumed.between * over_time), dtype=np.float64)


def _attainable(samples: Samples, batch: Batch, arm: str, rho: Array) -> tuple[Array, BoolArray]:
    """Correlations no larger than two yes-or-no outcomes with these proportions can have."""
    p = samples.number[f"events_{arm}"][batch.rows] / samples.number[f"total_{arm}"][batch.rows]
    odds_i, odds_j = both(p / (1 - p))
    largest = np.sqrt(np.minimum(odds_i, odds_j) / np.maximum(odds_i, odds_j))
    different = ~(batch.same_time & batch.same_outcome)
    high = different & (rho > largest)
    return np.where(high, largest, rho), np.asarray(high.any(axis=(1, 2)), dtype=np.bool_)


def _formula(samples: Samples, batch: Batch, rho_t: Array, rho_c: Array) -> Array:
    x = {name: values[batch.rows] for name, values in samples.number.items()}
    one = np.ones(batch.rows.shape)
    if batch.formula == "SMD":
        return smd_covariance(x["yi"], x["n_t"], x["n_c"], rho_t, rho_c)
    if batch.formula == "MD":
        return md_covariance(x["sd_t"], x["n_t"], x["sd_c"], x["n_c"], rho_t, rho_c)
    if batch.formula == "sizes":
        return md_covariance(one, x["n_t"], one, x["n_c"], rho_t, rho_c)
    if batch.formula == "plain":
        return md_covariance(one, one, one, one, rho_t, rho_c)
    treated, control = (x["events_t"], x["total_t"]), (x["events_c"], x["total_c"])
    return counts_covariance(*treated, *control, rho_t, rho_c, measure=batch.formula)


def _positive_definite(samples: Samples, batch: Batch, r: Array) -> Array:
    values, vectors = np.linalg.eigh(r)
    smallest = np.asarray(values[:, 0], dtype=np.float64)
    worst = int(np.argmin(smallest))
    if smallest[worst] < _SINGULAR:
        at: Indices = batch.rows[worst][np.abs(vectors[worst][:, 0]) > _COMPONENT]
        raise EffectError(
            f"the sampling covariance of trial {samples.trials[batch.trials[worst]]!r} is not positive definite: "
            "these rows count as fewer effects than they are, because their times lie close together, the assumed "
            "correlations are close to one, or one row is made of the others: "
            f"{describe(samples.frame, at)}. Drop one of them, or lower rho or between"
        )
    return smallest
