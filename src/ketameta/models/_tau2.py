"""Estimators of the between-study variance tau2, batched.

Moment estimators are closed forms. PM and EB solve the generalised Q statistic; REML and ML are in
``_likelihood``. The search ranges follow from the data, so that the solution is always inside.
"""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.models._likelihood import Found, maximise
from ketameta.models._sample import Sample
from ketameta.models._weighing import Room, Weighed, marginal, noise, weigh

__all__ = ["CLOSE_Q", "MAX_STEPS_Q", "METHODS", "estimate", "solve_q"]

METHODS = ("EE", "DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM", "HSk", "DL2", "HE2", "GENQ")

CLOSE_Q = 1e-9
MAX_STEPS_Q = 500


def estimate(
    sample: Sample, method: str, common: Weighed, rss: Array, room: Room, *, thorough: bool = True
) -> Found:
    """tau2 of each fit.

    Parameters
    ----------
    sample : Sample
        Prepared batch; every fit sound, with more studies than coefficients.
    method : str
        One of ``METHODS``.
    common : Weighed
        The batch at tau2 = 0, with second moments for REML and ML. Its weights are not looked at.
    rss : Array, shape (n,)
        Unweighted residual sum of squares.
    room : Room
        Working arrays.
    thorough : bool
        Whether likelihoods that may have several maxima are gone through, or left for later.
    """
    none, sure = np.zeros(sample.size), np.ones(sample.size, dtype=np.bool_)
    if method in ("REML", "ML"):
        return maximise(sample, common, rss, room, restricted=method == "REML", thorough=thorough)
    if method in ("PM", "EB"):
        tau2, converged = solve_q(sample, sample.df, common, rss, room)
        return Found(tau2, none, converged, sure)
    if method == "EE":
        return Found(none, none, sure, sure)
    if method == "DL":
        tau2 = (common.q - sample.df) / common.trace
    elif method == "HS":
        tau2 = (common.q - sample.k) / common.total
    elif method == "HSk":
        tau2 = (common.q * sample.k / sample.df - sample.k) / common.total
    elif method == "SJ":
        tau2 = _sj(sample, room)
    elif method == "GENQ":
        weights = np.sqrt(1.0 / sample.v) if sample.q_weights is None else sample.q_weights
        tau2 = _moment(sample, weights, room)
    elif method == "DL2":
        first = np.maximum((common.q - sample.df) / common.trace, 0.0)
        tau2 = _moment(sample, marginal(sample, first, room), room)
    else:
        tau2 = _moment(sample, sample.ones(), room)
        if method == "HE2":
            tau2 = _moment(sample, marginal(sample, np.maximum(tau2, 0.0), room), room)
    return Found(np.maximum(tau2, 0.0), none, sure, sure)


def _moment(sample: Sample, weights: Array, room: Room) -> Array:
    """Method of moments for any weights: y'Py less its sampling part, divided by tr P.

    DerSimonian & Kacker (2007), Contemporary Clinical Trials 28:105-114, equation 6.
    """
    found = weigh(sample, weights, room)
    result: Array = (found.q - noise(sample, found)) / found.trace
    return result


def _sj(sample: Sample, room: Room) -> Array:
    """Sidik & Jonkman (2005), started from the mean squared deviation of the effects."""
    mean = sample.total(sample.effects) / sample.k
    deviation = sample.effects - mean
    if sample.used is not None:
        deviation[~sample.used] = 0.0
    deviation *= deviation
    start = sample.total(deviation) / sample.k
    result: Array = start * weigh(sample, marginal(sample, start, room), room).q / sample.df
    return result


def solve_q(
    sample: Sample, target: Array, common: Weighed, rss: Array, room: Room
) -> tuple[Array, BoolArray]:
    """The tau2 >= 0 at which the generalised Q statistic equals ``target``, 0 where Q(0) is below it.

    Q(tau2) = y'Py falls from Q(0) to 0, and 1 / Q is concave in tau2 (a weighted harmonic mean of the
    marginal variances of the error contrasts). Newton's method on 1 / Q from a point left of the root
    therefore climbs to it without passing it. Such a point is RSS / target - max(v), where RSS is the
    unweighted residual sum of squares (Viechtbauer 2007; Paule & Mandel 1982).

    Parameters
    ----------
    sample, common, rss, room
        As for :func:`estimate`.
    target : Array, shape (n,)
        k - p for the Paule-Mandel estimate, a chi-square quantile for a Q-profile bound.

    Returns
    -------
    tau2 : Array, shape (n,)
        On the scale of the sample.
    converged : BoolArray, shape (n,)
        Whether the last step was small.
    """
    above = common.q > target
    low = rss / target - sample.v_max
    first = common.q * (common.q / target - 1.0) / np.where(above, common.ypp, 1.0)
    tau2 = np.where(above, np.maximum(np.maximum(low, first), 0.0), 0.0)
    active = np.flatnonzero(above)
    part = sample if active.size == sample.size else sample.take(active)
    for _ in range(MAX_STEPS_Q):
        if active.size == 0:
            break
        found = weigh(part, marginal(part, tau2[active], room), room)
        step = found.q * (found.q / target[active] - 1.0) / found.ypp
        tau2[active] = np.maximum(tau2[active] + step, 0.0)
        go = np.flatnonzero(np.abs(step) > CLOSE_Q * (part.v_min + tau2[active]))
        if go.size < active.size:
            active, part = active[go], part.take(go)
    converged = np.ones(sample.size, dtype=np.bool_)
    converged[active] = False
    return tau2, converged
