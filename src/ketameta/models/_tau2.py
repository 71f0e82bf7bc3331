"""Estimators of the between-study variance tau2, batched.

Moment estimators are closed forms. PM and EB solve the generalised Q statistic, REML and ML their
score equation; the search ranges follow from the data, so that the solution is always inside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ketameta._typing import Array
from ketameta.models._sample import Sample, gls

__all__ = ["estimate", "loglik", "solve_q"]

_EPS = float(np.finfo(np.float64).eps)
_STEP = 0.2
_GRID_ELEMENTS = 2**20
_MAX_ITERATIONS = 500


def estimate(sample: Sample, method: str) -> tuple[Array, Array]:
    """tau2 of each fit, and the number of local maxima of its likelihood.

    Parameters
    ----------
    sample : Sample
        Prepared batch; every fit sound, with more studies than coefficients.
    method : str
        One of EE, DL, HE, HS, SJ, ML, REML, EB, PM.

    Returns
    -------
    tau2 : Array, shape (n,)
        On the scale of the sample, never negative.
    modes : Array, shape (n,)
        Local maxima of the (restricted) likelihood for REML and ML; 0 for the other methods.
    """
    n = sample.k.size
    none = np.zeros(n)
    if method in ("REML", "ML"):
        return _maximum_likelihood(sample, restricted=method == "REML")
    if method in ("PM", "EB"):
        return solve_q(sample, sample.df), none
    moment = {"EE": _zero, "DL": _dl, "HE": _he, "HS": _hs, "SJ": _sj}[method]
    return np.maximum(moment(sample), 0.0), none


def _zero(sample: Sample) -> Array:
    return np.zeros(sample.k.size)


def _dl(sample: Sample) -> Array:
    """DerSimonian & Laird (1986): first moment of Q."""
    fit = gls(sample, _zero(sample))
    return (fit.q - sample.df) / fit.trace


def _hs(sample: Sample) -> Array:
    """Hunter & Schmidt, as given by Viechtbauer (2005)."""
    fit = gls(sample, _zero(sample))
    result: Array = (fit.q - sample.k) / fit.w.sum(axis=-1)
    return result


def _he(sample: Sample) -> Array:
    """Hedges (1985): unweighted residual variance minus its sampling part."""
    rss, sampling = _unweighted(sample)
    return (rss - sampling) / sample.df


def _sj(sample: Sample) -> Array:
    """Sidik & Jonkman (2005), started from the mean squared deviation of the effects."""
    effects = sample.y
    if sample.x is not None:
        fitted = (sample.x * sample.centre[:, None, :]).sum(axis=-1)
        effects = effects + np.ldexp(fitted, -sample.exponent[:, None])
    mean = effects.sum(axis=-1) / sample.k
    deviation = np.where(sample.used, effects - mean[..., None], 0.0)
    start: Array = (deviation * deviation).sum(axis=-1) / sample.k
    result: Array = start * gls(sample, start).q / sample.df
    return result


def _unweighted(sample: Sample) -> tuple[Array, Array]:
    """Residual sum of squares of ordinary least squares, and the part of it owed to sampling error."""
    v = np.where(sample.used, sample.v, 0.0)
    if sample.x is None:
        mean = sample.y.sum(axis=-1) / sample.k
        residual = np.where(sample.used, sample.y - mean[..., None], 0.0)
        return (residual * residual).sum(axis=-1), v.sum(axis=-1) * (1.0 - 1.0 / sample.k)
    basis = np.linalg.qr(sample.x, mode="complete")[0][..., sample.p :]
    target = (sample.y[..., None] * basis).sum(axis=-2)
    free = (basis * basis).sum(axis=-1)
    return (target * target).sum(axis=-1), (v * free).sum(axis=-1)


def solve_q(sample: Sample, target: Array) -> Array:
    """The tau2 >= 0 at which the generalised Q statistic equals ``target``, 0 where Q(0) is below it.

    Q(tau2) = y'Py falls from Q(0) to 0, and 1 / Q is concave in tau2 (a weighted harmonic mean of the
    marginal variances of the error contrasts). Newton's method on 1 / Q from a point left of the root
    therefore climbs to it without passing it. Such a point is RSS / target - max(v), where RSS is the
    unweighted residual sum of squares (Viechtbauer 2007; Paule & Mandel 1982).

    Parameters
    ----------
    sample : Sample
        Prepared batch; every fit sound, with more studies than coefficients.
    target : Array, shape (n,)
        k - p for the Paule-Mandel estimate, a chi-square quantile for a Q-profile bound.
    """
    above = gls(sample, _zero(sample)).q > target
    tau2 = np.where(above, np.maximum(_unweighted(sample)[0] / target - sample.v_max, 0.0), 0.0)
    active = np.flatnonzero(above)
    for _ in range(_MAX_ITERATIONS):
        if active.size == 0:
            break
        part = sample.take(active)
        fit = gls(part, tau2[active])
        step = fit.q * (fit.q / target[active] - 1.0) / fit.ypp
        tau2[active] += np.maximum(step, 0.0)
        active = active[step > 16.0 * _EPS * (part.v_min + tau2[active])]
    return tau2


def loglik(sample: Sample, tau2: Array, *, restricted: bool) -> Array:
    """Log-likelihood of each fit at tau2 on the scale of the sample, without the term in X'X."""
    fit = gls(sample, tau2)
    logs: Array = np.where(sample.used, np.log(sample.v + tau2[..., None]), 0.0).sum(axis=-1)
    free, extra = (sample.df, fit.logdet) if restricted else (sample.k, 0.0)
    result: Array = -0.5 * (free * np.log(2.0 * np.pi) + logs + extra + fit.q)
    return result


def _score(sample: Sample, tau2: Array, *, restricted: bool) -> Array:
    """Derivative of the log-likelihood in tau2, as a multiple of what is subtracted in it."""
    fit = gls(sample, tau2)
    expected = fit.trace if restricted else fit.w.sum(axis=-1)
    return fit.ypp / expected - 1.0


def _maximum_likelihood(sample: Sample, *, restricted: bool) -> tuple[Array, Array]:
    """Global maximum of the (restricted) likelihood over tau2 >= 0.

    With s2 = RSS / (k - p) (ML: RSS / k), y'PPy <= (min v + tau2)^-2 RSS and tr P >= (k - p) /
    (max v + tau2), so the score is negative beyond the larger root of (min v + tau2)^2 =
    s2 (max v + tau2). Below it the score is scanned in steps of at most 0.2 in log(min v + tau2), over
    which no term of it can change much; each fall through zero is a local maximum and is refined.
    """
    n = sample.k.size
    s2 = _unweighted(sample)[0] / (sample.df if restricted else sample.k)
    spread = sample.v_max - sample.v_min
    high = 0.5 * s2 - sample.v_min + np.sqrt(s2) * np.sqrt(0.25 * s2 + spread)
    tau2, modes = np.zeros(n), np.ones(n)
    rows = np.flatnonzero(high > 0)
    if rows.size == 0:
        return tau2, modes
    width = np.log1p(np.maximum(high, 0.0) / sample.v_min) + 0.1
    points = np.exp2(np.ceil(np.log2(np.maximum(width / _STEP, 4.0)))).astype(np.int64) + 1
    per_point = sample.y.shape[-1] ** (1 if sample.x is None else 2)
    for size in np.unique(points[rows]):
        group = rows[points[rows] == size]
        cut = max(1, _GRID_ELEMENTS // (int(size) * per_point))
        for start in range(0, group.size, cut):
            part = group[start : start + cut]
            found = _scan(sample.take(part), width[part], int(size), restricted=restricted)
            tau2[part], modes[part] = found
    return tau2, modes


def _scan(sample: Sample, width: Array, size: int, *, restricted: bool) -> tuple[Array, Array]:
    """Best local maximum of each fit, and how many there are, from a grid of ``size`` points."""
    n = width.size
    u = width[:, None] * (np.arange(size) / (size - 1))
    score = _score(sample.spread(), sample.v_min[:, None] * np.expm1(u), restricted=restricted)
    rising = score > 0
    rising[:, -1] = False
    fit, cell = np.nonzero(rising[:, :-1] & ~rising[:, 1:])
    inner = sample.take(fit)

    def slope(rows: Any, point: Array) -> Array:
        part = inner.take(rows)
        return _score(part, part.v_min * np.expm1(point), restricted=restricted)

    root = _bracketed_root(slope, u[fit, cell], u[fit, cell + 1], score[fit, cell], score[fit, cell + 1])
    edge = np.flatnonzero(~rising[:, 0])
    owner = np.concatenate([edge, fit])
    candidate = np.concatenate([np.zeros(edge.size), inner.v_min * np.expm1(root)])
    value = loglik(sample.take(owner), candidate, restricted=restricted)
    best = np.lexsort((candidate, -value, owner))
    first = best[np.unique(owner[best], return_index=True)[1]]
    return candidate[first], np.bincount(owner, minlength=n).astype(np.float64)


def _bracketed_root(
    function: Callable[[Any, Array], Array], low: Array, high: Array, f_low: Array, f_high: Array
) -> Array:
    """Roots of a batch of functions inside brackets, each to full relative precision.

    Inverse quadratic interpolation where it is safe, bisection elsewhere (Chandrupatla 1997,
    Advances in Engineering Software 28:145-149). Rows that are done leave the batch, so that each row
    sees the same operations whatever its company.
    """
    result = low.copy()
    rows = np.arange(low.size)
    x1, f1, x2, f2 = low, f_low, high, f_high
    t = np.full(low.size, 0.5)
    for _ in range(_MAX_ITERATIONS):
        if rows.size == 0:
            break
        x = x1 + t * (x2 - x1)
        f = function(rows, x)
        same = np.sign(f) == np.sign(f1)
        x3, f3 = np.where(same, x1, x2), np.where(same, f1, f2)
        x2, f2 = np.where(same, x2, x1), np.where(same, f2, f1)
        x1, f1 = x, f
        result[rows] = np.where(np.abs(f1) < np.abs(f2), x1, x2)
        gap = np.abs(x2 - x1)
        tolerance = 2.0 * _EPS * np.abs(result[rows]) + np.finfo(np.float64).tiny
        go = (gap > 2.0 * tolerance) & (f1 != 0)
        rows, x1, f1, x2, f2, x3, f3 = (a[go] for a in (rows, x1, f1, x2, f2, x3, f3))
        with np.errstate(divide="ignore", invalid="ignore"):
            xi, phi = (x1 - x2) / (x3 - x2), (f1 - f2) / (f3 - f2)
            quadratic = f1 / (f2 - f1) * f3 / (f2 - f3)
            quadratic = quadratic + (x3 - x1) / (x2 - x1) * f1 / (f3 - f1) * f2 / (f3 - f2)
        safe = (phi * phi < xi) & ((1.0 - phi) ** 2 < 1.0 - xi)
        margin = tolerance[go] / gap[go]
        t = np.clip(np.where(safe, quadratic, 0.5), margin, 1.0 - margin)
    return result
