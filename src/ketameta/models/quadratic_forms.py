"""The generalised Q statistic: its exact distribution, the interval of tau2 and draws of tau2 from it."""

from __future__ import annotations

import numpy as np
from scipy import interpolate, special

from ketameta._typing import Array, ArrayLike
from ketameta.errors import ModelError
from ketameta.models._batch import Batch
from ketameta.models._residual_form import ResidualForm
from ketameta.models._roots import bracketed_root

__all__ = ["draw_tau2", "generalised_q", "generalised_q_cdf"]

_TAIL = 1e-9
_GRID = 513


def generalised_q_cdf(
    q: ArrayLike,
    v: ArrayLike,
    q_weights: ArrayLike,
    tau2: ArrayLike,
    x: ArrayLike | None = None,
    *,
    mask: ArrayLike | None = None,
) -> Array:
    """Probability that the generalised Q statistic is at most ``q``, given tau2.

    Parameters
    ----------
    q, tau2 : array_like, shape (...)
        Value of the statistic, 0 or more, and between-study variance.
    v, q_weights : array_like, shape (..., k)
        Sampling variances, and the weights a of Q = sum a (y - fit)^2, the fit by least squares with weights a.
    x : array_like, shape (..., k, p), optional
        Design matrix; the intercept alone when left out.
    mask : array_like of bool, shape (..., k), optional
        Which studies count.

    Returns
    -------
    Array, shape (...)
        To 1e-12 or better up to 1,000 studies, 1e-11 up to 100,000; NaN where there are not more studies than
        coefficients.

    Raises
    ------
    ModelError
        For shapes that do not fit, a ``q`` or ``tau2`` that is not finite, a negative ``tau2``, and variances or
        weights that are not positive, or a design that is not finite, where the mask is true.

    Notes
    -----
    Jackson (2013), Research Synthesis Methods 4:220-229; with moderators Jackson et al. (2014), BMC Medical
    Research Methodology 14:103. The moment generating function is inverted along a parabola through the left
    half-plane that bends around the pole and the branch cut, by the midpoint rule in u, Im s proportional to
    sinh u, whose error falls exponentially with the step. Where the bound of Laurent and Massart (2000, Annals
    of Statistics 28:1302-1338, lemma 1) leaves less than 1e-16 above ``q``, the answer is 1.

    Examples
    --------
    With a = 1 / v and tau2 = 0 the distribution is chi-square:

    >>> from scipy import stats
    >>> from ketameta.models.quadratic_forms import generalised_q_cdf
    >>> v = [0.1, 0.2, 0.4]
    >>> found = generalised_q_cdf(3.0, v, [10.0, 5.0, 2.5], 0.0)
    >>> round(float(found - stats.chi2.cdf(3.0, 2)), 12)
    0.0
    """
    batch = Batch.read(np.zeros(np.shape(v)), v, x, mask, q_weights)
    *shape, _ = np.broadcast_shapes((*np.shape(q), 1), (*np.shape(tau2), 1), (*batch.shape, 1))
    q, tau2 = (np.broadcast_to(np.asarray(part, dtype=np.float64), shape) for part in (q, tau2))
    if not (np.isfinite(q).all() and np.isfinite(tau2).all() and (tau2 >= 0).all()):
        raise ModelError("q and tau2 must be finite, and tau2 not negative")
    form = _form(batch)
    positions = np.broadcast_to(np.arange(batch.n).reshape(batch.shape), shape).reshape(-1)
    q, tau2 = q.reshape(-1) / form.scale[positions], tau2.reshape(-1) / form.unit[positions]
    result = np.full(q.size, np.nan)
    rows = np.flatnonzero(form.sound[positions])
    for start in range(0, rows.size, form.chunk):
        part = rows[start : start + form.chunk]
        result[part] = form.take(positions[part]).cdf(q[part], tau2[part])
    return result.reshape(shape)


def _form(batch: Batch, power: float = -0.5) -> ResidualForm:
    """Q of each fit of a batch, with weights v ** power where none are given."""
    if batch.k == 0:
        raise ModelError("a generalised Q statistic needs a study and a coefficient")
    y, v, x, used, weights = batch.rows(slice(0, batch.n))
    if weights is None:
        weights = (v if used is None else np.where(used, v, 1.0)) ** power
    return ResidualForm.read(y, v, weights, x, used)


def _bounds(form: ResidualForm, probability: float) -> Array:
    """The tau2 at which Q has this probability, chunk by chunk, in the units of the data; NaN if not sound."""
    result = np.full(form.q.size, np.nan)
    rows = np.flatnonzero(form.sound)
    for start in range(0, rows.size, form.chunk):
        part = rows[start : start + form.chunk]
        result[part] = _solve(form.take(part), probability) * form.unit[part]
    return result


def _solve(form: ResidualForm, probability: float) -> Array:
    """The tau2 at which a Q as small as that observed has this probability; 0 where none is as large."""
    goal = _log_odds(np.array(probability))

    def excess(x: Array) -> Array:
        return _log_odds(form.cdf(form.q, np.expm1(x))) - goal

    low, high = np.zeros(form.q.size), np.ones(form.q.size)
    f_low, f_high = excess(low), excess(high)
    positive = (f_low > 0) & (form.q > 0)
    while (beyond := positive & (f_high > 0)).any():
        low, f_low = np.where(beyond, high, low), np.where(beyond, f_high, f_low)
        high = np.where(beyond, 2.0 * high, high)
        f_high = np.where(beyond, excess(high), f_high)
    found: Array = np.expm1(bracketed_root(excess, low, high, f_low, f_high))
    return np.where(positive, found, 0.0)


def _log_odds(p: Array) -> Array:
    """Log odds, finite also at 0 and 1."""
    tiny = 1e-300
    result: Array = np.log(np.maximum(p, tiny)) - np.log(np.maximum(1.0 - p, 1e-17))
    return result


def generalised_q(
    y: ArrayLike,
    v: ArrayLike,
    x: ArrayLike | None = None,
    *,
    q_weights: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    level: float = 0.95,
) -> tuple[Array, Array]:
    """Confidence interval of tau2 from the exact distribution of a generalised Q statistic.

    Parameters
    ----------
    y, v : array_like, shape (..., k)
        Effects and sampling variances.
    x : array_like, shape (..., k, p), optional
        Design matrix; the intercept alone when left out.
    q_weights : array_like, shape (..., k), optional
        Weights of the statistic; 1 / sqrt(v) by default. With 1 / v it is Cochran's Q.
    mask : array_like of bool, shape (..., k), optional
        Which studies count.
    level : float
        Between 0 and 1.

    Returns
    -------
    low, high : Array, shape (...)
        Both 0 where Q is too small even for tau2 = 0; NaN where there are not more studies than coefficients,
        or the design is not of full rank.

    Raises
    ------
    ModelError
        For shapes that do not fit, effects or a design that are not finite, and variances or weights that are
        not positive, where the mask is true.

    Notes
    -----
    The bounds are the tau2 at which a Q as large as that observed has the probabilities (1 - level) / 2 and
    (1 + level) / 2 (Jackson 2013, Research Synthesis Methods 4:220-229, who recommends weights 1 / sqrt(v)
    where tau2 may be moderate; with 1 / v Biggerstaff and Jackson 2008, Statistics in Medicine 27:6093-6110; with
    moderators Jackson et al. 2014, BMC Medical Research Methodology 14:103, tau2 being the residual variance).

    Examples
    --------
    >>> from ketameta.models.quadratic_forms import generalised_q
    >>> low, high = generalised_q([-1.2, -0.4, -0.1, -0.9], [0.04, 0.09, 0.05, 0.06])
    >>> round(float(low), 4), round(float(high), 4)
    (0.0263, 3.6306)
    """
    batch = Batch.read(y, v, x, mask, q_weights)
    form, tail = _form(batch), (1.0 - level) / 2.0
    low, high = (_bounds(form, p).reshape(batch.shape) for p in (1.0 - tail, tail))
    return low, high


def draw_tau2(y: ArrayLike, v: ArrayLike, probability: ArrayLike) -> Array:
    """Quantiles of the confidence distribution of tau2 that Cochran's Q gives.

    Parameters
    ----------
    y, v : array_like, shape (k,)
        Effects and sampling variances of at least two studies.
    probability : array_like, shape (...)
        Probabilities between 0 and 1; uniform random numbers give draws.

    Returns
    -------
    Array, shape (...)
        The tau2 at which a Cochran's Q as large as that observed has this probability, 0 where the
        probability is larger at tau2 = 0 already.

    Notes
    -----
    Nagashima, Noma and Furukawa (2019), Statistical Methods in Medical Research 28:1689-1702, section 3.
    The distribution function is computed at 513 values of tau2 and inverted by a cubic spline of
    log(tau2 + smallest v) on the log odds, which gives back each probability to a relative 1e-6.
    Probabilities within 1e-9 of 0 or 1 count as 1e-9 from them.

    Examples
    --------
    >>> from ketameta.models.quadratic_forms import draw_tau2
    >>> draw_tau2([-1.2, -0.4, -0.1, -0.9], [0.04, 0.09, 0.05, 0.06], [0.001, 0.5, 0.975]).round(3)
    array([0.   , 0.308, 4.006])
    """
    form = _form(Batch.read(y, v), power=-1.0)
    u = np.clip(np.asarray(probability, dtype=np.float64), _TAIL, 1.0 - _TAIL)
    if not form.sound.all():
        raise ModelError("a confidence distribution of tau2 needs two studies")
    if form.q[0] == 0:
        return np.zeros(u.shape)
    smallest = form.v.min()
    low, high = (float(np.log1p(_solve(form, p)[0] / smallest)) for p in (1.0 - _TAIL, _TAIL))
    if high == 0:
        return np.zeros(u.shape)
    x = np.linspace(low, high, _GRID)
    rows = np.zeros(_GRID, dtype=np.intp)
    odds = -_log_odds(form.take(rows).cdf(form.q[rows], smallest * np.expm1(x)))
    rising = np.append(True, odds[1:] > np.maximum.accumulate(odds)[:-1])
    odds, x = odds[rising], x[rising]
    spline = interpolate.CubicSpline(odds, x)
    found = smallest * np.expm1(spline(np.clip(special.logit(u), odds[0], odds[-1])))
    at_zero = 1.0 - form.cdf(form.q, np.zeros(1))
    result: Array = np.where(u <= at_zero, 0.0, np.maximum(found, 0.0)) * form.unit[0]
    return result
