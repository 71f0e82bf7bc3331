"""The numerical engine: random-effects and common-effect fits on arrays with leading batch axes.

A single fit is a batch of one. Leave-one-out, cumulative, subset, bootstrap and simulation runs are the
same call with other masks or other effects. The engine knows arrays only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ketameta._typing import Array, ArrayLike, BoolArray
from ketameta.errors import ModelError
from ketameta.models import _tau2
from ketameta.models._sample import Sample, gls, prepare

__all__ = ["METHODS", "Fits", "fit", "solve_tau2"]

METHODS = ("EE", "DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM")

_CHUNK_ELEMENTS = 2**18


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
        1 / (v + tau2), summing to one in each fit.
    """

    k: Array
    df: Array
    beta: Array
    cov: Array
    hksj: Array
    tau2: Array
    boundary: BoolArray
    modes: Array
    q: Array
    typical_v: Array
    i2: Array
    h2: Array
    loglik: Array
    weights: Array


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Inputs as flat arrays: n fits of k studies, without copies where they are shared."""

    shape: tuple[int, ...]
    y: Array
    v: Array
    x: Array | None
    used: BoolArray

    def chunks(self) -> list[slice]:
        n, k = self.y.shape
        cut = max(1, _CHUNK_ELEMENTS // (max(k, 1) ** (1 if self.x is None else 2)))
        return [slice(start, min(start + cut, n)) for start in range(0, n, cut)]

    def sample(self, part: slice) -> Sample:
        x = None if self.x is None else self.x[part]
        return prepare(self.y[part], self.v[part], x, self.used[part])


def fit(
    y: ArrayLike,
    v: ArrayLike,
    x: ArrayLike | None = None,
    *,
    mask: ArrayLike | None = None,
    tau2: str = "REML",
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
        EE (tau2 = 0), DL, HE, HS, SJ, ML, REML, EB or PM.

    Returns
    -------
    Fits
        Arrays with the batch axes. A fit with fewer studies than coefficients, or with a design that is
        not of full rank, is NaN throughout. With k = p its coefficients rest on the sampling variances
        alone and tau2, Q, I2 and H2 are NaN.

    Raises
    ------
    ModelError
        For an unknown estimator, shapes that do not fit, or values that are not finite, or variances
        that are not positive, where the mask is true.

    Notes
    -----
    Estimators as in Viechtbauer (2005), Journal of Educational and Behavioral Statistics 30:261-293; PM
    after Paule & Mandel (1982), which EB equals; SJ with the starting value of Sidik & Jonkman (2005),
    the mean squared deviation of the effects. REML and ML take the global maximum of the likelihood.
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
        raise ModelError(f"tau2={tau2!r} is not an estimator; choose one of {', '.join(METHODS)}")
    batch = _batch(y, v, x, mask)
    n, k = batch.y.shape
    p = 1 if batch.x is None else batch.x.shape[-1]
    out = {name: np.full(n, np.nan) for name in ("hksj", "tau2", "q", "typical_v", "i2", "h2", "loglik")}
    out |= {"k": np.zeros(n), "modes": np.zeros(n)}
    beta, cov, weights = np.full((n, p), np.nan), np.full((n, p, p), np.nan), np.full((n, k), np.nan)
    for part in batch.chunks():
        sample = batch.sample(part)
        out["k"][part] = sample.k
        for rows, result in _fit_sample(sample, tau2):
            at = np.arange(part.start, part.stop)[rows]
            beta[at], cov[at], weights[at] = result.pop("beta"), result.pop("cov"), result.pop("weights")
            for name, value in result.items():
                out[name][at] = value
    shaped = {name: value.reshape(batch.shape) for name, value in out.items()}
    return Fits(
        **shaped,
        df=shaped["k"] - p,
        boundary=(shaped["tau2"] == 0) & (tau2 != "EE"),
        beta=beta.reshape(*batch.shape, p),
        cov=cov.reshape(*batch.shape, p, p),
        weights=weights.reshape(*batch.shape, k),
    )


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
    target : array_like, broadcast to the batch axes
        Value of Q; a chi-square quantile for a Q-profile bound.

    Returns
    -------
    Array, shape (...)
        0 where Q lies below the target even at tau2 = 0; NaN where there are not more studies than
        coefficients.

    Examples
    --------
    >>> from ketameta.models.kernel import solve_tau2
    >>> float(solve_tau2([-1.0, 1.0], [0.5, 0.5], target=1.0))
    1.5
    """
    batch = _batch(y, v, x, mask)
    goal = np.broadcast_to(np.asarray(target, dtype=np.float64), batch.shape).reshape(-1)
    result = np.full(batch.y.shape[0], np.nan)
    for part in batch.chunks():
        sample = batch.sample(part)
        rows = np.flatnonzero(sample.sound & (sample.df > 0))
        some = sample.take(rows)
        result[part.start + rows] = np.ldexp(_tau2.solve_q(some, goal[part][rows]), 2 * some.exponent)
    return result.reshape(batch.shape)


def _batch(y: ArrayLike, v: ArrayLike, x: ArrayLike | None, mask: ArrayLike | None) -> _Batch:
    """Check inputs and lay them out as (n, k)."""
    y, v = np.asarray(y, dtype=np.float64), np.asarray(v, dtype=np.float64)
    used = np.asarray(True if mask is None else mask, dtype=np.bool_)
    design = None if x is None else np.asarray(x, dtype=np.float64)
    if y.ndim == 0 or v.ndim == 0 or (design is not None and design.ndim < 2):
        raise ModelError("y and v need an axis of studies, and x an axis of studies and one of coefficients")
    parts = [y.shape, v.shape, used.shape] + ([] if design is None else [design.shape[:-1]])
    try:
        shape = np.broadcast_shapes(*parts)
    except ValueError:
        raise ModelError(f"shapes of y, v, mask and x do not fit: {', '.join(map(str, parts))}") from None
    bad = used & ~(np.isfinite(y) & np.isfinite(v) & (v > 0))
    if design is not None:
        bad = bad | (used & ~np.isfinite(design).all(axis=-1))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ModelError(f"position {where}: effects and design must be finite and variances positive")
    n, k = int(np.prod(shape[:-1])), shape[-1]

    def flat(array: Any, tail: tuple[int, ...] = ()) -> Any:
        if array.ndim <= 1 + len(tail):
            return np.broadcast_to(array, (n, k, *tail))
        return np.broadcast_to(array, (*shape, *tail)).reshape(n, k, *tail)

    return _Batch(
        shape=shape[:-1],
        y=flat(y),
        v=flat(v),
        x=None if design is None else flat(design, design.shape[-1:]),
        used=flat(used),
    )


def _fit_sample(sample: Sample, method: str) -> list[tuple[Any, dict[str, Array]]]:
    """Results of the fits that can be computed: those with k > p, and those with k = p."""
    free = np.flatnonzero(sample.sound & (sample.df > 0))
    saturated = np.flatnonzero(sample.sound & (sample.df == 0))
    results = []
    if free.size:
        results.append((free, _fit_free(sample.take(free), method)))
    if saturated.size:
        part = sample.take(saturated)
        results.append((saturated, _coefficients(part, np.zeros(saturated.size))[0]))
    return results


def _coefficients(sample: Sample, tau2: Array) -> tuple[dict[str, Array], Array]:
    """Coefficients, covariance and weights in the units of the data, and the weighted RSS."""
    found = gls(sample, tau2)
    unit = sample.exponent[:, None]
    weights = np.empty_like(found.w)
    np.put_along_axis(weights, sample.order, found.w / found.w.sum(axis=-1, keepdims=True), axis=-1)
    return {
        "beta": sample.centre + np.ldexp(found.beta, unit),
        "cov": np.ldexp(found.cov, 2 * unit[..., None]),
        "weights": weights,
    }, found.q


def _fit_free(sample: Sample, method: str) -> dict[str, Array]:
    """Everything about fits with more studies than coefficients."""
    tau2, modes = _tau2.estimate(sample, method)
    result, rss = _coefficients(sample, tau2)
    common = gls(sample, np.zeros_like(tau2))
    typical = sample.df / common.trace
    if method == "EE":
        excess = np.maximum(common.q - sample.df, 0.0)
        i2 = 100.0 * np.divide(excess, common.q, out=np.zeros_like(excess), where=excess > 0)
        h2 = common.q / sample.df
    else:
        i2, h2 = 100.0 * tau2 / (tau2 + typical), tau2 / typical + 1.0
    restricted = method == "REML"
    loglik = _tau2.loglik(sample, tau2, restricted=restricted)
    loglik = loglik - (sample.df if restricted else sample.k) * sample.exponent * np.log(2.0)
    if restricted:
        loglik = loglik + 0.5 * _log_det_design(sample)
    return result | {
        "hksj": rss / sample.df,
        "tau2": np.ldexp(tau2, 2 * sample.exponent),
        "modes": modes,
        "q": common.q,
        "typical_v": np.ldexp(typical, 2 * sample.exponent),
        "i2": i2,
        "h2": h2,
        "loglik": loglik,
    }


def _log_det_design(sample: Sample) -> Array:
    """Log det X'X, which makes the restricted likelihood free of the scaling of X."""
    if sample.x is None:
        return np.log(sample.k)
    r = np.linalg.qr(sample.x, mode="r")
    result: Array = 2.0 * np.log(np.abs(np.diagonal(r, axis1=-2, axis2=-1))).sum(axis=-1)
    return result
