"""Covariance matrices of the trials of a table, many trials at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.effects._arms import Indices
from ketameta.effects._batches import Batch
from ketameta.effects._naming import describe
from ketameta.effects._samples import Samples
from ketameta.effects._shared_part import limit_of_root
from ketameta.effects._standardised import covariance_in_units, unit_of
from ketameta.effects.correlation import both, outer, time_correlation
from ketameta.effects.dependence import COUNT_MEASURES, counts_covariance, md_covariance
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
    limited : numpy.ndarray of bool, shape (b,)
        Whether a covariance of effects with one arm in common was lowered to the smaller variance.
    """

    batch: Batch
    v: Array
    smallest: Array
    capped: BoolArray
    own: BoolArray
    limited: BoolArray


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
    none = np.zeros(b, dtype=np.bool_)
    if m == 1:
        return Matrices(batch, vi[:, :, None], np.ones(b), none, none[:, None], none)
    person = _person(samples, batch, assumed)
    rho_t, rho_c = person * batch.same_t, person * batch.same_c
    capped, limited = none, none
    with np.errstate(all="ignore"):
        if batch.formula in COUNT_MEASURES:
            rho_t, high_t = _attainable(samples, batch, "t", rho_t)
            rho_c, high_c = _attainable(samples, batch, "c", rho_c)
            capped = high_t | high_c
        if batch.formula in ("sizes", "plain"):
            covariance, limited = _from_sizes(samples, batch, rho_t, rho_c)
        else:
            covariance = _formula(samples, batch, rho_t, rho_c, assumed)
        variance = np.diagonal(covariance, axis1=1, axis2=2)
        r = covariance / outer(np.sqrt(variance))
        root = np.sqrt(vi)
        v = r * outer(root)
        v[:, np.arange(m), np.arange(m)] = vi
        own = none[:, None] & np.ones((b, m), dtype=np.bool_)
        if batch.formula not in ("sizes", "plain", "SMD stated"):
            own = ~(np.abs(variance / vi - 1) <= _OWN)
    _finite(samples, batch, r, v)
    return Matrices(batch, v, _positive_definite(samples, batch, r), capped, own, limited)


def _finite(samples: Samples, batch: Batch, r: Array, v: Array) -> None:
    good = (np.isfinite(r) & np.isfinite(v)).all(axis=(1, 2))
    if not good.all():
        worst = int(np.argmin(good))
        raise EffectError(
            f"effects, variances or sizes of trial {samples.trials[batch.trials[worst]]!r} are too large or too small "
            f"for a covariance: {describe(samples.frame, batch.rows[worst])}"
        )


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
    odds_i, odds_j = both(samples.number[f"odds_{arm}"][batch.rows])
    largest = np.sqrt(np.minimum(odds_i, odds_j) / np.maximum(odds_i, odds_j))
    different = ~(batch.same_time & batch.same_outcome)
    high = different & (rho > largest)
    return np.where(high, largest, rho), np.asarray(high.any(axis=(1, 2)), dtype=np.bool_)


def _formula(samples: Samples, batch: Batch, rho_t: Array, rho_c: Array, assumed: Assumed) -> Array:
    x = {name: values[batch.rows] for name, values in samples.number.items()}
    means_t = rho_t * batch.common
    if batch.formula in ("MD", "SMD stated"):
        return md_covariance(x["sd_t"], x["n_t"], x["sd_c"], x["n_c"], means_t, rho_c)
    if batch.formula in COUNT_MEASURES:
        treated, control = (x["events_t"], x["total_t"]), (x["events_c"], x["total_c"])
        return counts_covariance(*treated, *control, means_t, rho_c, measure=batch.formula)
    arms = (x["n_t"], x["n_c"], x["sd_t"], x["sd_c"], x["baseline_sd_t"], x["baseline_sd_c"])
    unit = unit_of(samples.unit[batch.rows], *arms)
    sds_t, sds_c = rho_t, rho_c
    if batch.formula == "SMD baseline":
        scores = np.where(batch.same_outcome, 1.0, assumed.between)
        sds_t, sds_c = np.where(batch.same_t, scores, 0.0), np.where(batch.same_c, scores, 0.0)
    return covariance_in_units(x["yi"], unit, means_t, rho_c, sds_t * np.sqrt(batch.common), sds_c)


def _from_sizes(samples: Samples, batch: Batch, rho_t: Array, rho_c: Array) -> tuple[Array, BoolArray]:
    """Correlation of mean differences of one SD, and where it had to be lowered.

    The part ``c_i`` of the variance ``v_i`` that comes from an arm shared at one time is one number for all
    effects with that arm, so their covariance ``sqrt(c_i c_j)`` cannot exceed ``v_i`` or ``v_j``. Where
    sizes and variances disagree about that, the larger ``c_i`` are lowered (:func:`limit_of_root`).
    """
    n_t, n_c = (samples.number[name][batch.rows] for name in ("n_t", "n_c"))
    if batch.formula == "plain":
        n_t, n_c = np.ones_like(n_t), np.ones_like(n_c)
    v = samples.number["vi"][batch.rows]
    total = 1 / n_t + 1 / n_c
    parts = []
    limited = np.zeros(len(v), dtype=np.bool_)
    once = batch.same_time & batch.same_outcome
    for n, rho, mine, other in (
        (n_t, rho_t * batch.common, batch.same_t, batch.same_c),
        (n_c, rho_c, batch.same_c, batch.same_t),
    ):
        part = v / n / total
        alike = mine & once
        partnered = (alike & ~other).any(axis=2)
        kept = np.where(partnered, np.minimum(1.0, limit_of_root(part, v, alike) / np.sqrt(part)), 1.0)
        limited |= (kept < 1 - _OWN).any(axis=1)
        lowered = rho / np.maximum(*both(n)) * outer(kept)
        at = np.arange(v.shape[1])
        lowered[:, at, at] = 1 / n
        parts.append(lowered)
    return parts[0] + parts[1], limited


def _positive_definite(samples: Samples, batch: Batch, r: Array) -> Array:
    values, vectors = np.linalg.eigh(r)
    smallest = np.asarray(values[:, 0], dtype=np.float64)
    worst = int(np.argmin(smallest))
    if smallest[worst] < _SINGULAR:
        at: Indices = batch.rows[worst][np.abs(vectors[worst][:, 0]) > _COMPONENT]
        raise EffectError(
            f"the sampling covariance of trial {samples.trials[batch.trials[worst]]!r} is not positive definite: "
            "these rows count as fewer effects than they are, because their times lie close together, the assumed "
            "correlations are close to one, one row is made of the others, or rows without a time count as rho from "
            "every other: "
            f"{describe(samples.frame, at)}. Drop one of them, or lower rho or between"
        )
    return smallest
