"""The numerical engine: random-effects and common-effect fits on arrays with leading batch axes.

A single fit is a batch of one. Leave-one-out, cumulative, subset, bootstrap and simulation runs are the
same call with other masks or other effects. The engine knows arrays only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketameta._spelling import unknown
from ketameta._typing import Array, ArrayLike, BoolArray
from ketameta.errors import ModelError
from ketameta.models import _plain
from ketameta.models._batch import Batch
from ketameta.models._engine import ENGINES, chosen, few
from ketameta.models._likelihood import loglik
from ketameta.models._sample import Sample
from ketameta.models._tau2 import METHODS, estimate, solve_q
from ketameta.models._weighing import Room, Weighed, marginal, unweighted, weigh

__all__ = ["ENGINES", "METHODS", "Fits", "fit", "solve_tau2"]

_SCALARS = ("hksj", "tau2", "q", "typical_v", "i2", "h2", "loglik")


@dataclass(frozen=True, slots=True, eq=False)
class Fits:
    """A batch of fits; ``...`` are the batch axes, p is the number of coefficients.

    Attributes
    ----------
    k : Array, shape (...)
        Number of studies.
    df : Array, shape (...)
        k - p.
    beta : Array, shape (..., p)
        Coefficients; for the intercept alone the pooled effect.
    cov : Array, shape (..., p, p)
        Their model-based (Wald) covariance, the inverse of X'WX.
    hksj : Array, shape (...)
        Factor that turns ``cov`` into the Hartung-Knapp-Sidik-Jonkman covariance: the weighted residual
        sum of squares divided by k - p.
    tau2 : Array, shape (...)
        Between-study variance; NaN where k = p.
    boundary : BoolArray, shape (...)
        True where an estimator of tau2 ended at 0, the edge of its range.
    converged : BoolArray, shape (...)
        True where tau2 was found: always, unless there are too few studies for it, the design is not of
        full rank or the numbers lie too far apart for double precision.
    modes : Array, shape (...)
        Local maxima of the likelihood over tau2 >= 0 for ML and REML, else 0.
    q, typical_v : Array, shape (...)
        Cochran's Q (residual Q with moderators); typical sampling variance (k - p) / tr P at tau2 = 0.
    i2, h2 : Array, shape (...)
        100 tau2 / (tau2 + typical_v), in percent, and tau2 / typical_v + 1. For EE they come from Q:
        100 max(0, (Q - df) / Q) and Q / df.
    loglik : Array, shape (...)
        Restricted log-likelihood for REML, else the log-likelihood, at the estimates.
    weights : Array, shape (..., k)
        1 / (v + tau2), summing to one in each fit; shape (..., 0) where they were not asked for.
    """

    k: Array
    df: Array
    beta: Array
    cov: Array
    hksj: Array
    tau2: Array
    boundary: BoolArray
    converged: BoolArray
    modes: Array
    q: Array
    typical_v: Array
    i2: Array
    h2: Array
    loglik: Array
    weights: Array


def fit(
    y: ArrayLike,
    v: ArrayLike,
    x: ArrayLike | None = None,
    *,
    mask: ArrayLike | None = None,
    tau2: str = "REML",
    q_weights: ArrayLike | None = None,
    weights: bool = True,
    engine: str = "auto",
) -> Fits:
    """Fit random-effects or common-effect models to a batch of samples.

    Parameters
    ----------
    y, v : array_like, shape (..., k)
        Effects and sampling variances; broadcast against each other and the mask.
    x : array_like, shape (..., k, p), optional
        Design matrix; the intercept alone when left out.
    mask : array_like of bool, shape (..., k), optional
        Which studies count; all by default. Values where it is false are not looked at.
    tau2 : str
        EE (tau2 = 0), DL, HE, HS, SJ, ML, REML, EB, PM, HSk (HS with the small-sample correction
        k / (k - p)), DL2 and HE2 (two steps: the moment estimator with weights 1 / (v + tau2), tau2 by DL
        or HE) or GENQ (the moment estimator with any weights).
    q_weights : array_like, shape (..., k), optional
        Weights of the generalised Q statistic, for GENQ only; 1 / sqrt(v) by default. With 1 / v it is
        DL, with equal weights HE.
    weights : bool
        Whether to keep the weight of every study in every fit. Without them, memory beyond the input is
        that of a chunk of fits and of some fifteen numbers a fit.
    engine : str
        ``"numpy"``: a fit comes out the same, bit for bit, alone or in any batch (a few small fits are
        computed in plain numbers, which are faster then, with the same bits). ``"numba"``: compiled code
        for ML and REML of an intercept alone and up to 64 studies, which needs the extra
        ``ketameta[fast]``; other fits are computed by NumPy. ``"auto"``: compiled code for 100,000 fits and
        more where numba is installed. The two agree to 1e-12.

    Returns
    -------
    Fits
        Arrays with the batch axes. A fit with fewer studies than coefficients, or with a design that is
        not of full rank, is NaN throughout. With k = p its coefficients rest on the sampling variances
        alone and tau2, Q, I2 and H2 are NaN.

    Raises
    ------
    ModelError
        For an unknown estimator or engine, types or shapes that do not fit, or values that are not finite, or
        variances or weights that are not positive, where the mask is true.

    Notes
    -----
    Estimators as in Viechtbauer (2005), Journal of Educational and Behavioral Statistics 30:261-293; PM
    after Paule & Mandel (1982), which EB equals; SJ with the starting value of Sidik & Jonkman (2005),
    the mean squared deviation of the effects; HSk after Brannick et al. (2019), Organizational Research
    Methods 22:490-514; DL2, HE2 and GENQ after DerSimonian & Kacker (2007), Contemporary Clinical Trials
    28:105-114 (HE2 is their CA2). More steps tend to PM (van Aert & Jackson 2018, Statistics in Medicine
    37:2616-2629), so there is no two-step PM. The default weights of GENQ are those that Jackson (2013),
    Research Synthesis Methods 4:220-229, recommends where tau2 may be moderate.

    REML and ML take the global maximum of the likelihood. That there is no other maximum, or how many
    there are, is proved from concavity (see ``_likelihood``), not read off a grid.

    I2 and H2 after Higgins & Thompson (2002), Statistics in Medicine 21:1539-1558.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models.kernel import fit
    >>> y, v = np.array([-1.0, -0.4, -0.1]), np.array([0.04, 0.09, 0.05])
    >>> keep = ~np.eye(3, dtype=bool)
    >>> fit(y, v, mask=keep).beta[:, 0].round(3)
    array([-0.207, -0.556, -0.742])
    """
    if tau2 not in METHODS:
        raise ModelError(unknown("tau2", tau2, METHODS))
    if q_weights is not None and tau2 != "GENQ":
        raise ModelError(f'q_weights are for tau2="GENQ", not {tau2}')
    batch = Batch.read(y, v, x, mask, q_weights)
    n, k, p = batch.n, batch.k, batch.p or 1
    out: dict[str, Any] = dict(zip(_SCALARS, np.full((len(_SCALARS), n), np.nan), strict=True))
    out |= {"k": np.zeros(n), "modes": np.zeros(n), "converged": np.zeros(n, dtype=np.bool_)}
    out |= {"beta": np.full((n, p), np.nan), "cov": np.full((n, p, p), np.nan)}
    out["weights"] = np.full((n, k if weights else 0), np.nan)
    compiled = chosen(engine, batch, tau2)
    if compiled is not None:
        rest = compiled(batch, out, tau2)
    else:
        rest = np.arange(n) if few(batch, n, tau2) else _fill_chunks(batch, tau2, out)
    _fill_rest(batch, tau2, out, rest)
    shaped = {name: values.reshape((*batch.shape, *values.shape[1:])) for name, values in out.items()}
    return Fits(**shaped, df=shaped["k"] - p, boundary=(shaped["tau2"] == 0) & (tau2 != "EE"))


def solve_tau2(
    y: ArrayLike,
    v: ArrayLike,
    x: ArrayLike | None = None,
    *,
    target: ArrayLike,
    mask: ArrayLike | None = None,
) -> Array:
    """The tau2 at which the generalised Q statistic of each fit equals ``target``.

    Parameters
    ----------
    y, v, x, mask
        As for :func:`fit`.
    target : array_like, shape (..., )
        Value of Q, a chi-square quantile for a Q-profile bound; broadcast to the batch axes. Axes in front of
        those stand for several values for each fit.

    Returns
    -------
    Array, shape (...)
        One for each target. 0 where Q lies below it even at tau2 = 0; NaN where there are not more studies
        than coefficients.

    Raises
    ------
    ModelError
        As for :func:`fit`, and for a target that is not positive.

    Examples
    --------
    >>> from ketameta.models.kernel import solve_tau2
    >>> solve_tau2([-1.0, 1.0], [0.5, 0.5], target=[1.0, 2.0])
    array([1.5, 0.5])
    """
    batch = Batch.read(y, v, x, mask)
    goals = np.asarray(target, dtype=np.float64)
    if (goals <= 0).any():
        raise ModelError("target must be positive: Q reaches 0 at no tau2")
    shape = (*goals.shape[: max(goals.ndim - len(batch.shape), 0)], *batch.shape)
    goals = np.broadcast_to(goals, shape).reshape(math.prod(shape) // max(batch.n, 1), batch.n)
    if few(batch, batch.n, "PM") and (goals > 0).all():
        return np.asarray(_plain.solve(batch, goals)).reshape(shape)
    result = np.full(goals.shape, np.nan)
    for part in batch.chunks():
        sample = batch.sample(part)
        rows = np.flatnonzero(sample.sound & (sample.df > 0))
        if rows.size == 0:
            continue
        some = sample if rows.size == sample.size else sample.take(rows)
        room = Room(some)
        rss = unweighted(some, room)[0]
        common = weigh(some, marginal(some, np.zeros(rows.size), room), room)
        for goal, solved in zip(goals, result, strict=True):
            found = solve_q(some, goal[part][rows], common, rss, room)[0]
            solved[part.start + rows] = np.ldexp(found, 2 * some.exponent)
    return result.reshape(shape)


def _fill_chunks(batch: Batch, method: str, out: dict[str, Any]) -> Any:
    """Compute fits chunk by chunk; returns the positions of those that need more work."""
    chunks = batch.chunks()
    alone = len(chunks) == 1
    rows = [
        part.start
        + _fill(
            batch.sample(part), method, {name: values[part] for name, values in out.items()}, thorough=alone
        )
        for part in chunks
    ]
    return np.concatenate(rows) if rows else np.zeros(0, dtype=np.intp)


def _fill_rest(batch: Batch, method: str, out: dict[str, Any], rest: Any) -> None:
    """Compute the fits ``rest`` with everything that they need."""
    if few(batch, rest.size, method):
        rest = _plain.fill(batch, rest, out, method)
    for part in batch.split(rest):
        found = {name: values[part] for name, values in out.items()}
        _fill(batch.sample(part), method, found, thorough=True)
        for name, values in found.items():
            out[name][part] = values


def _fill(sample: Sample, method: str, out: dict[str, Any], *, thorough: bool) -> Any:
    """Compute what can be computed of a chunk: fits with k > p, and coefficients of those with k = p.

    Positions of fits that need to be gone through thoroughly are returned.
    """
    left = np.zeros(0, dtype=np.intp)
    out["k"][:] = sample.k
    free = np.flatnonzero(sample.sound & (sample.df > 0))
    if free.size:
        part, rows = (sample, slice(None)) if free.size == sample.size else (sample.take(free), free)
        result, proved = _fit_free(part, method, out["weights"], thorough=thorough)
        for name, values in result.items():
            out[name][rows] = values
        left = free[~proved]
    saturated = np.flatnonzero(sample.sound & (sample.df == 0))
    if saturated.size:
        part = sample.take(saturated)
        room = Room(part)
        found = weigh(part, marginal(part, np.zeros(saturated.size), room), room)
        for name, values in _coefficients(part, found, out["weights"]).items():
            out[name][saturated] = values
    return left


def _coefficients(sample: Sample, found: Weighed, weights: Array) -> dict[str, Any]:
    """Coefficients and covariance in the units of the data; the weights are written where they belong."""
    unit = sample.exponent[:, None]
    theta, cov = found.theta, found.inverse_m
    if sample.inverse is not None:
        theta = (sample.inverse * theta[:, None, :]).sum(axis=-1)
        cov = sample.inverse @ cov @ np.swapaxes(sample.inverse, -1, -2)
    if weights.size:
        weights.reshape(-1)[sample.index] = found.w / found.total
    return {"beta": sample.base + np.ldexp(theta, unit), "cov": np.ldexp(cov, 2 * unit[..., None])}


def _fit_free(
    sample: Sample, method: str, weights: Array, *, thorough: bool
) -> tuple[dict[str, Any], BoolArray]:
    """Everything about fits with more studies than coefficients, and whether it is final."""
    room = Room(sample)
    rss, flat = unweighted(sample, room)
    likelihood, restricted = method in ("REML", "ML"), method == "REML"
    zero = np.zeros(sample.size)
    common = weigh(sample, marginal(sample, zero, room), room, second=likelihood)
    estimated = estimate(sample, method, common, rss, room, thorough=thorough)
    tau2, typical = estimated.tau2, sample.df / common.trace
    if method == "EE":
        excess = np.maximum(common.q - sample.df, 0.0)
        i2 = 100.0 * np.divide(excess, common.q, out=np.zeros_like(excess), where=excess > 0)
        h2 = common.q / sample.df
    else:
        i2, h2 = 100.0 * tau2 / (tau2 + typical), tau2 / typical + 1.0
    found = estimated.weighed or weigh(sample, marginal(sample, tau2, room), room)
    result = _coefficients(sample, found, weights)
    log_unit = (sample.df if restricted else sample.k) * sample.exponent * np.log(2.0)
    result |= {
        "hksj": found.q / sample.df,
        "tau2": np.ldexp(tau2, 2 * sample.exponent),
        "modes": estimated.modes,
        "converged": estimated.converged,
        "q": common.q,
        "typical_v": np.ldexp(typical, 2 * sample.exponent),
        "i2": i2,
        "h2": h2,
        "loglik": loglik(sample, tau2, found, flat, room, restricted=restricted) - log_unit,
    }
    return result, estimated.proved
