"""The generalised Q statistic: its exact distribution, the interval of tau2 and draws of tau2 from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import interpolate, special

from ketameta._typing import Array, ArrayLike
from ketameta.errors import ModelError
from ketameta.models._batch import Batch
from ketameta.models._roots import bracketed_root

__all__ = ["draw_tau2", "generalised_q", "generalised_q_cdf"]

_STEP = 0.08
_REACH = 7.5
_MOST = 60.0
_ELEMENTS = 2**19
# exp(-_CERTAIN) is beyond double precision.
_CERTAIN = 38.0
_TAIL = 1e-9
_GRID = 513


def generalised_q_cdf(
    q: ArrayLike, v: ArrayLike, q_weights: ArrayLike, tau2: ArrayLike, *, mask: ArrayLike | None = None
) -> Array:
    """Probability that the generalised Q statistic is at most ``q``, given tau2.

    Parameters
    ----------
    q, tau2 : array_like, shape (...)
        Value of the statistic, 0 or more, and between-study variance.
    v, q_weights : array_like, shape (..., k)
        Sampling variances, and the weights a of Q = sum a (y - mean)^2, the mean weighted by a.
    mask : array_like of bool, shape (..., k), optional
        Which studies count.

    Returns
    -------
    Array, shape (...)
        To 1e-12 or better up to 1,000 studies, 1e-11 up to 100,000; NaN where fewer than two studies count.

    Notes
    -----
    Q is a sum of chi-squares with one degree of freedom each, weighted by the eigenvalues of
    S^(1/2) A S^(1/2), S the diagonal matrix of v + tau2 and A = diag(a) - a a' / sum a (Jackson 2013,
    Research Synthesis Methods 4:220-229). Its moment generating function needs no eigenvalues: with
    g = a (v + tau2), the determinant of I - 2 s S A is prod(1 - 2 s g) times the mean of 1 / (1 - 2 s g)
    weighted by a. The function is inverted along a parabola through the left half-plane that bends around
    the pole and the branch cut, by the midpoint rule in u, Im s proportional to sinh u, whose error falls
    exponentially with the step. Where the bound of Laurent and Massart (2000, Annals of Statistics
    28:1302-1338, lemma 1) leaves less than 1e-16 above ``q``, the answer is 1.

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
    v, weights = np.asarray(v, dtype=np.float64), np.asarray(q_weights, dtype=np.float64)
    used = np.asarray(True if mask is None else mask, dtype=np.bool_)
    *shape, k = np.broadcast_shapes(v.shape, weights.shape, used.shape)
    shape = list(np.broadcast_shapes(tuple(shape), np.shape(q), np.shape(tau2)))
    q, tau2 = (np.broadcast_to(np.asarray(x, dtype=np.float64), shape).reshape(-1) for x in (q, tau2))
    v, weights, used = (np.broadcast_to(x, (*shape, k)).reshape(-1, k) for x in (v, weights, used))
    result = np.full(q.size, np.nan)
    rows = np.flatnonzero(used.sum(axis=-1) >= 2)
    size = max(1, _ELEMENTS // (k * 64))
    for start in range(0, rows.size, size):
        part = rows[start : start + size]
        result[part] = _cdf(
            q[part], np.where(used[part], v[part], 1.0), np.where(used[part], weights[part], 0.0), tau2[part]
        )
    return result.reshape(shape)


def _cdf(q: Array, v: Array, weights: Array, tau2: Array) -> Array:
    """The same for rows of at least two studies; weights are 0 for studies that do not count."""
    share = weights / weights.sum(axis=-1, keepdims=True)
    g = weights * (v + tau2[:, None])
    unit = g.max(axis=-1)
    g, q = g / unit[:, None], q / unit
    rest, part = _others(share), share * g
    mean = (g * rest).sum(axis=-1)
    variance = 2.0 * (np.square(g * rest).sum(axis=-1) + (part * _others(part)).sum(axis=-1))
    largest = np.minimum(np.sqrt(0.5 * variance), 1.0)
    above = np.maximum(q - mean, 0.0)
    certain = above > np.sqrt(2.0 * _CERTAIN * variance) + 2.0 * _CERTAIN * largest
    start = -1.0 / np.maximum(np.sqrt(variance), above / 3.0)
    bend = variance / (3.0 * mean) * np.minimum(1.0, q / mean) * np.maximum(1.0, 0.3 * above / mean)
    with np.errstate(divide="ignore"):
        reach = np.minimum(np.arcsinh(_REACH / (-start * np.sqrt(bend * q))), _MOST)
    turns = np.where(certain, 0.0, np.minimum(above / np.sqrt(variance), 10.0)).max()
    n = int(np.ceil(reach.max() / _STEP * (1.0 + 0.1 * turns)))
    total = np.zeros(q.size)
    size = max(1, _ELEMENTS // g.size)
    for begin in range(0, n, size):
        u = reach[:, None] * ((np.arange(begin, min(begin + size, n)) + 0.5) / n)
        y = -start[:, None] * np.sinh(u)
        s = start[:, None] + bend[:, None] * y * y + 1j * y
        slope = (2.0 * bend[:, None] * y + 1j) * (-start[:, None] * np.cosh(u))
        factor = 1.0 - 2.0 * s[..., None] * g[:, None, :]
        log_mgf = -0.5 * (np.log(factor).sum(axis=-1) + np.log((share[:, None, :] / factor).sum(axis=-1)))
        total += (np.exp(log_mgf - s * q[:, None]) / s * slope).imag.sum(axis=-1)
    found = np.clip(-total * reach / (n * np.pi), 0.0, 1.0)
    result: Array = np.where(q > 0, np.where(certain, 1.0, found), 0.0)
    return result


def _others(x: Array) -> Array:
    """For each of some positive numbers the sum of the others, exact also beside one that outweighs them."""
    heaviest = np.arange(x.shape[-1]) == x.argmax(axis=-1)[..., None]
    light = np.where(heaviest, 0.0, x).sum(axis=-1, keepdims=True)
    result: Array = np.where(heaviest, light, x.sum(axis=-1, keepdims=True) - x)
    return result


@dataclass(frozen=True, slots=True, eq=False)
class _Statistic:
    """Q of n fits and its distribution, as functions of a scaled tau2; axes (fit, study)."""

    q: Array
    v: Array
    weights: Array
    unit: Array
    enough: Array

    @staticmethod
    def read(y: ArrayLike, v: ArrayLike, q_weights: ArrayLike | None, mask: ArrayLike | None) -> _Statistic:
        batch = Batch.read(y, v, None, mask, q_weights)
        effects, variances, _, used, weights = batch.rows(slice(0, batch.n))
        used = np.ones(effects.shape, dtype=np.bool_) if used is None else used
        variances = np.where(used, variances, np.inf)
        smallest = np.where(used.any(axis=-1), variances.min(axis=-1, initial=np.inf), 1.0)
        unit = np.ldexp(1.0, 2 * ((np.frexp(smallest)[1] - 1) // 2))
        variances = np.where(used, variances, smallest[:, None]) / unit[:, None]
        base = np.take_along_axis(effects, np.argmin(variances, axis=-1)[:, None], axis=-1)
        effects = np.where(used, effects - base, 0.0) / np.sqrt(unit)[:, None]
        weights = variances**-0.5 if weights is None else weights
        weights = np.where(used, weights, 0.0)
        weights = weights / np.where(used.any(axis=-1), weights.max(axis=-1, initial=0.0), 1.0)[:, None]
        total = np.where(used.any(axis=-1), weights.sum(axis=-1), 1.0)[:, None]
        centred = effects - (weights * effects).sum(axis=-1, keepdims=True) / total
        q = (weights * centred * centred).sum(axis=-1)
        return _Statistic(q, variances, weights, unit, used.sum(axis=-1) >= 2)

    def cdf(self, tau2: Array) -> Array:
        """Probability of a Q as small as that observed, tau2 one for each fit."""
        return _cdf(self.q, self.v, self.weights, tau2)

    def take(self, rows: Any) -> _Statistic:
        """The fits at these positions, repeats allowed."""
        return _Statistic(self.q[rows], self.v[rows], self.weights[rows], self.unit[rows], self.enough[rows])

    def solve_all(self, probability: float) -> Array:
        """Solve chunk by chunk, in the units of the data; NaN where fewer than two studies count."""
        result = np.full(self.q.size, np.nan)
        rows = np.flatnonzero(self.enough)
        size = max(1, _ELEMENTS // (64 * max(self.v.shape[1], 1)))
        for start in range(0, rows.size, size):
            part = rows[start : start + size]
            result[part] = self.take(part).solve(np.full(part.size, probability)) * self.unit[part]
        return result

    def solve(self, probability: Array) -> Array:
        """The tau2 at which a Q as small as that observed has this probability; 0 where none is as large."""
        goal = _log_odds(probability)

        def excess(x: Array) -> Array:
            return _log_odds(self.cdf(np.expm1(x))) - goal

        low, high = np.zeros(self.q.size), np.full(self.q.size, 1.0)
        f_low, f_high = excess(low), excess(high)
        positive = (f_low > 0) & (self.q > 0)
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
    q_weights : array_like, shape (..., k), optional
        Weights of the statistic; 1 / sqrt(v) by default. With 1 / v it is Cochran's Q.
    mask : array_like of bool, shape (..., k), optional
        Which studies count.
    level : float
        Between 0 and 1.

    Returns
    -------
    low, high : Array, shape (...)
        Both 0 where Q is too small even for tau2 = 0; NaN where fewer than two studies count.

    Raises
    ------
    ModelError
        For shapes that do not fit, effects that are not finite, and variances or weights that are not
        positive, where the mask is true.

    Notes
    -----
    The bounds are the tau2 at which a Q as large as that observed has the probabilities (1 - level) / 2 and
    (1 + level) / 2 (Jackson 2013, Research Synthesis Methods 4:220-229, who recommends weights 1 / sqrt(v)
    where tau2 may be moderate; with 1 / v Biggerstaff and Jackson 2008, Statistics in Medicine 27:6093-6110).

    Examples
    --------
    >>> from ketameta.models.quadratic_forms import generalised_q
    >>> low, high = generalised_q([-1.2, -0.4, -0.1, -0.9], [0.04, 0.09, 0.05, 0.06])
    >>> round(float(low), 4), round(float(high), 4)
    (0.0263, 3.6306)
    """
    shape = Batch.read(y, v, None, mask, q_weights).shape
    statistic = _Statistic.read(y, v, q_weights, mask)
    tail = (1.0 - level) / 2.0
    low, high = (statistic.solve_all(p).reshape(shape) for p in (1.0 - tail, tail))
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
    statistic = _Statistic.read(y, v, 1.0 / np.asarray(v, dtype=np.float64), None)
    u = np.clip(np.asarray(probability, dtype=np.float64), _TAIL, 1.0 - _TAIL)
    if not statistic.enough.all():
        raise ModelError("a confidence distribution of tau2 needs two studies")
    if statistic.q[0] == 0:
        return np.zeros(u.shape)
    at_zero = float(1.0 - statistic.cdf(np.zeros(1))[0])
    low, high = (float(statistic.solve(np.array([p]))[0]) for p in (1.0 - _TAIL, _TAIL))
    if high == 0:
        return np.zeros(u.shape)
    x = np.linspace(np.log1p(low), np.log1p(high), _GRID)
    grid = np.repeat(np.zeros(1, dtype=np.intp), _GRID)
    odds = -_log_odds(statistic.take(grid).cdf(np.expm1(x)))
    spline = interpolate.CubicSpline(odds, x)
    found = np.expm1(spline(np.clip(special.logit(u), odds[0], odds[-1])))
    result: Array = np.where(u <= at_zero, 0.0, np.maximum(found, 0.0)) * statistic.unit[0]
    return result
