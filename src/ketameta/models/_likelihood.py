"""Global maximum of the (restricted) likelihood over tau2 >= 0, and a proof of how many maxima there are.

Let A = y'PPy and B = tr P (ML: B = tr W), both functions of tau2; the score has the sign of A - B. In terms
of error contrasts with independent variances l_j + tau2 (l_j between the smallest and the largest sampling
variance) A is the sum of z_j^2 / (l_j + tau2)^2 and B of 1 / (l_j + tau2), so 1 / sqrt(A) and 1 / B are
power means of linear functions: both are concave and rise with tau2. A concave function lies below its
tangents and above its chords. That bounds A and B between points at which they are known, and decides
whether the score can change sign there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.models._cells import MARGIN, Cells, Curve, falls_through_zero
from ketameta.models._sample import Sample
from ketameta.models._weighing import Room, Weighed, log_det, marginal, unweighted, weigh

__all__ = ["CLOSE", "EPS", "MAX_ITERATIONS", "MODEL_ITERATIONS", "Found", "loglik", "maximise", "score_bound"]

CLOSE = 1e-9
EPS = float(np.finfo(np.float64).eps)
MAX_ITERATIONS = 400
MODEL_ITERATIONS = 12


def loglik(
    sample: Sample, tau2: Array, found: Weighed, flat: Array, room: Room, *, restricted: bool
) -> Array:
    """Log-likelihood of each fit on the scale of the sample.

    Parameters
    ----------
    flat : Array, shape (n,)
        log det X'X in terms of the pivots.
    found : Weighed
        The batch at ``tau2``.
    restricted : bool
        Restricted, with the determinant of X'X, so that it does not depend on the scaling of X.
    """
    logs = room.part(sample.size)[1]
    np.add(sample.v, tau2, out=logs)
    if sample.used is not None:
        logs[~sample.used] = 1.0
    half = sample.total(np.log(logs, out=logs)) + found.q
    free = sample.k
    if restricted:
        free = sample.df
        half += log_det(found.m) - flat
    result: Array = -0.5 * (free * np.log(2.0 * np.pi) + half)
    return result


def score_bound(sample: Sample, rss: Array, *, restricted: bool) -> Array:
    """A tau2 beyond which the score is negative; not positive where it is negative throughout.

    With s2 = RSS / (k - p) (ML: RSS / k), A <= RSS / (min v + tau2)^2 and B >= (k - p) / (max v + tau2), so
    the score is negative beyond the larger root of (min v + tau2)^2 = s2 (max v + tau2).
    """
    s2 = rss / (sample.df if restricted else sample.k)
    low = sample.v_min
    result: Array = 0.5 * s2 - low + np.sqrt(s2) * np.sqrt(0.25 * s2 + (sample.v_max - low))
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Estimates of tau2 in n fits.

    Attributes
    ----------
    tau2 : Array, shape (n,)
        On the scale of the sample, never negative.
    modes : Array, shape (n,)
        Local maxima of the (restricted) likelihood for REML and ML; 0 for the other methods.
    converged : BoolArray, shape (n,)
        Whether an iterative method met its equation; true for closed forms.
    proved : BoolArray, shape (n,)
        Whether no more work is needed; elsewhere one maximum is given, and there may be others.
    weighed : Weighed or None
        The batch at ``tau2``, where that is at hand.
    """

    tau2: Array
    modes: Array
    converged: BoolArray
    proved: BoolArray
    weighed: Weighed | None = None


def maximise(
    sample: Sample, common: Weighed, rss: Array, room: Room, *, restricted: bool, thorough: bool
) -> Found:
    """Global maximum of the likelihood of each fit.

    Newton's method with brackets finds one maximum of each fit. Where the bounds at that point prove that
    there is no other, that is all; elsewhere the range is cut into cells until every cell is settled.

    Parameters
    ----------
    sample : Sample
        Prepared batch; every fit sound, with more studies than coefficients.
    common : Weighed
        The batch at tau2 = 0 with second moments.
    rss : Array, shape (n,)
        Unweighted residual sum of squares.
    room : Room
        Working arrays.
    thorough : bool
        Whether to go through the cells. These are few in most batches, so that it saves time to collect
        the fits that need it.
    """
    zero = Curve.of(common, restricted=restricted)
    high = np.maximum(score_bound(sample, rss, restricted=restricted), 0.0)
    tau2, modes = np.zeros(sample.size), np.ones(sample.size)
    converged = np.ones(sample.size, dtype=np.bool_)
    inner = np.flatnonzero((zero.a > zero.b) & (high > 0))
    last, found = zero, None
    if inner.size:
        start = zero.at(inner)
        part = sample if inner.size == sample.size else sample.take(inner)
        top = high[inner]
        first = np.minimum(_model_step(start), top)
        tau2[inner], converged[inner] = _climb(
            part, np.zeros(inner.size), top, first, room, restricted=restricted
        )
        found = weigh(sample, marginal(sample, tau2, room), room, second=True)
        last = Curve.of(found, restricted=restricted)
    proved = _alone(zero, last, tau2, rss) | (high <= 0)
    open_ = np.flatnonzero(~proved)
    if thorough and open_.size:
        found = None
        proved[:] = True
        part = sample.take(open_)
        tau2[open_], modes[open_], sure = _all_maxima(
            part, zero.at(open_), last.at(open_), tau2[open_], high[open_], room, restricted=restricted
        )
        converged[open_] &= sure
    return Found(tau2, modes, converged, proved, found)


def _model_step(now: Curve) -> Array:
    """Step to the root of A = B when 1 / sqrt(A) and 1 / B go on as straight lines; NaN without a root.

    (1 + fall_a x)^2 = (A / B) (1 + fall_b x). Exact for equal sampling variances.
    """
    ratio = now.a / now.b
    bend = now.fall_a * now.fall_a
    slope = now.fall_a + (now.fall_a - ratio * now.fall_b)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        root = np.sqrt(slope * slope + 4.0 * bend * (ratio - 1.0))
        step: Array = np.where(slope > 0, 2.0 * (ratio - 1.0) / (slope + root), (root - slope) / (2.0 * bend))
    return step


def _climb(
    sample: Sample, low: Array, high: Array, start: Array, room: Room, *, restricted: bool
) -> tuple[Array, BoolArray]:
    """A fall of the score through zero in each bracket, and whether it was reached."""
    result, active = start.copy(), np.arange(sample.size)
    low, high, part, spot = low.copy(), high.copy(), sample, start.copy()
    for iteration in range(MAX_ITERATIONS):
        now = Curve.of(weigh(part, marginal(part, spot, room), room, second=True), restricted=restricted)
        rising = now.a > now.b
        low, high = np.where(rising, spot, low), np.where(rising, high, spot)
        step = _model_step(now)
        to = spot + step
        with np.errstate(invalid="ignore"):
            inside = (to >= low) & (to <= high) & (iteration < MODEL_ITERATIONS or iteration % 2 == 0)
        floor = part.v_min + low
        to = np.where(inside, to, low + (high - low) / (1.0 + np.sqrt(1.0 + (high - low) / floor)))
        done = (inside & (np.abs(step) <= CLOSE * (part.v_min + spot))) | (high - low <= 4.0 * EPS * floor)
        result[active] = to
        go = np.flatnonzero(~done)
        if go.size == 0:
            return result, np.ones(sample.size, dtype=np.bool_)
        if go.size < active.size:
            active, low, high, to = active[go], low[go], high[go], to[go]
            part = part.take(go)
        spot = to
    converged = np.ones(sample.size, dtype=np.bool_)
    converged[active] = False
    return result, converged


def _alone(zero: Curve, at: Curve, tau2: Array, rss: Array) -> BoolArray:
    """Whether the maximum at ``tau2`` is proved to be the only one.

    Left of it: the tangent of 1 / sqrt(A) at tau2 stays below the square root of the chord of 1 / B from 0.
    Right of it: 1 / sqrt(A) rises at least as fast as its limit 1 / sqrt(RSS), and 1 / B at most as fast as
    its tangent.
    """
    ratio = np.where(tau2 > 0, 1.0, at.a / at.b)
    tangent = 1.0 - at.fall_a * tau2
    left = (tau2 == 0) | (tangent * tangent * zero.b <= at.b * (1.0 - MARGIN))
    share = np.divide(at.a, rss, out=np.zeros_like(rss), where=rss > 0)
    rise = 2.0 * np.sqrt(share) - ratio * at.fall_b
    right = (rise >= 0) | (rise * rise < 4.0 * (1.0 - MARGIN) * (1.0 - ratio) * share)
    result: BoolArray = left & right & (ratio <= 1.0)
    return result


def _all_maxima(
    sample: Sample,
    zero: Curve,
    at: Curve,
    tau2: Array,
    high: Array,
    room: Room,
    *,
    restricted: bool,
) -> tuple[Array, Array, BoolArray]:
    """Highest maximum, number of maxima and whether all were reached, where one at ``tau2`` is known."""
    n = sample.size
    at = Curve.where(tau2 > 0, Curve(at.b, at.fall_a, at.b, at.fall_b), zero)
    left, right = np.flatnonzero(tau2 > 0), np.flatnonzero(tau2 < high)
    ends = Curve.of(weigh(sample, marginal(sample, high, room), room, second=True), restricted=restricted)
    cells = Cells(
        np.concatenate([left, right]),
        np.concatenate([np.zeros(left.size), tau2[right]]),
        np.concatenate([tau2[left], high[right]]),
        Curve.join(zero.at(left), at.at(right)),
        Curve.join(at.at(left), ends.at(right)),
        np.arange(left.size + right.size) < left.size,
        np.arange(left.size + right.size) < left.size,
    )

    def curve(fit: Any, spot: Array) -> Curve:
        part = sample.take(fit)
        own = Room(part)
        return Curve.of(weigh(part, marginal(part, spot, own), own, second=True), restricted=restricted)

    falls = falls_through_zero(cells, sample.v_min, curve)
    if falls.fit.size == 0:
        return tau2, np.ones(n), np.ones(n, dtype=np.bool_)
    inner = sample.take(falls.fit)
    own = Room(inner)
    start = falls.low + (falls.high - falls.low) / 2.0
    root, reached = _climb(inner, falls.low, falls.high, start, own, restricted=restricted)
    owner = np.concatenate([np.arange(n), falls.fit])
    candidate = np.concatenate([tau2, root])
    whole = sample.take(owner)
    own = Room(whole)
    found = weigh(whole, marginal(whole, candidate, own), own)
    value = loglik(whole, candidate, found, unweighted(whole, own)[1], own, restricted=restricted)
    best = np.lexsort((candidate, -value, owner))
    first = best[np.unique(owner[best], return_index=True)[1]]
    sure = np.ones(n, dtype=np.bool_)
    sure[falls.fit[~reached]] = False
    return candidate[first], np.bincount(owner, minlength=n).astype(np.float64), sure
