"""Intervals and tests: of a pooled effect, of a new study's effect, and of heterogeneity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

from ketameta._typing import Array, ArrayLike
from ketameta.models.kernel import solve_tau2

__all__ = [
    "Heterogeneity",
    "Inference",
    "chi2_sf",
    "heterogeneity_intervals",
    "kenward_roger",
    "q_profile",
]

_FEW = 1.0
_TAIL_ERROR = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Inference:
    """One object that feeds the interval, the test and the prediction interval of an estimate.

    Attributes
    ----------
    estimate, se : array_like, shape (...)
        Estimate and its standard error.
    df : array_like, shape (...)
        Degrees of freedom of Student's t; infinity stands for the normal distribution.
    level : float
        Level of the intervals, between 0 and 1.

    Examples
    --------
    >>> from ketameta.models.intervals import Inference
    >>> low, high = Inference(estimate=-0.5, se=0.2, df=float("inf"), level=0.95).interval()
    >>> round(float(low), 3), round(float(high), 3)
    (-0.892, -0.108)
    """

    estimate: Array | float
    se: Array | float
    df: Array | float
    level: float

    @property
    def critical(self) -> Array:
        """Quantile of the reference distribution; NaN where df is not positive."""
        tail = (1.0 - self.level) / 2.0
        return _quantile_of_one(tail, self.df) if isinstance(self.df, float) else _quantile(tail, self.df)

    @property
    def stat(self) -> Array:
        """Estimate divided by its standard error; NaN where the standard error is 0."""
        se = np.asarray(self.se)
        result: Array = self.estimate / np.where(se > 0, se, np.nan)
        return result

    @property
    def p(self) -> Array:
        """Two-sided P value against no effect."""
        return 2.0 * _distribution(-np.abs(self.stat), self.df)

    def below(self, value: ArrayLike, tau2: ArrayLike = 0.0) -> Array:
        """Probability that the limits give to effects below ``value``: the mean, or with tau2 a new study's.

        It is 2.5% at the lower and 97.5% at the upper limit of a 95% interval; NaN where there is no spread.
        """
        spread = np.sqrt(np.square(self.se) + np.asarray(tau2, dtype=np.float64))
        away, spread = np.broadcast_arrays(np.asarray(value, dtype=np.float64) - self.estimate, spread)
        away = np.divide(away, spread, out=np.full(away.shape, np.nan), where=spread > 0)
        return _distribution(away, self.df)

    def interval(self) -> tuple[Array, Array]:
        """Confidence interval, estimate -+ critical * se."""
        return self._around(np.asarray(self.se, dtype=np.float64))

    def prediction(self, tau2: ArrayLike) -> tuple[Array, Array]:
        """Interval for the true effect of a new study, estimate -+ critical * sqrt(tau2 + se^2)."""
        return self._around(np.sqrt(np.asarray(tau2, dtype=np.float64) + np.square(self.se)))

    def _around(self, spread: Array) -> tuple[Array, Array]:
        reach = self.critical * spread
        return self.estimate - reach, self.estimate + reach


def _quantile(tail: float, df: ArrayLike) -> Array:
    """Upper quantile of Student's t, or of the normal where df is infinite; infinite where it overflows."""
    df = np.asarray(df, dtype=np.float64)
    normal = np.isinf(df)
    freedom = np.where(normal | ~(df > 0), 1.0, df)
    t = -special.stdtrit(freedom, tail)
    if (freedom < _FEW).any():
        beyond = np.abs(special.stdtr(freedom, -t) - tail) > _TAIL_ERROR * tail
        t = np.where(beyond & (freedom < _FEW), np.inf, t)
    return _masked(np.where(normal, -special.ndtri(tail), t), df)


_quantile_of_one = lru_cache(maxsize=64)(_quantile)
"""The interval of a mean, that of a new study and remarks on their width ask for the same quantile."""


def _distribution(t: Array, df: ArrayLike) -> Array:
    """Distribution function of Student's t, or of the normal where df is infinite."""
    df = np.asarray(df, dtype=np.float64)
    normal = np.isinf(df)
    student = special.stdtr(np.where(normal | ~(df > 0), 1.0, df), t)
    return _masked(np.where(normal, special.ndtr(t), student), df)


def _masked(value: Array, df: Array) -> Array:
    result: Array = np.where(df > 0, value, np.nan)[()]
    return result


def chi2_sf(q: ArrayLike, df: ArrayLike) -> Array:
    """Probability that chi-square with ``df`` degrees of freedom exceeds ``q``; NaN where df is 0.

    Examples
    --------
    >>> from ketameta.models.intervals import chi2_sf
    >>> float(chi2_sf(3.841458820694124, 1).round(10))
    0.05
    """
    df = np.asarray(df, dtype=np.float64)
    return _masked(special.chdtrc(np.where(df > 0, df, 1.0), np.asarray(q, dtype=np.float64)), df)


def kenward_roger(v: ArrayLike, tau2: ArrayLike, *, mask: ArrayLike | None = None) -> tuple[Array, Array]:
    """Variance and degrees of freedom of a pooled effect after Kenward and Roger, for tau2 by REML.

    Parameters
    ----------
    v : array_like, shape (..., k)
        Sampling variances.
    tau2 : array_like, shape (...)
        The REML estimate.
    mask : array_like of bool, shape (..., k), optional
        Which studies count.

    Returns
    -------
    variance, df : Array, shape (...)
        NaN where fewer than two studies count.

    Notes
    -----
    With w = 1 / (v + tau2) and S_j the sum of the w^j, tau2 has the expected information
    I = S_2 / 2 - S_3 / S_1 + (S_2 / S_1)^2 / 2. The variance is (1 + 2 (S_3 / S_1 - (S_2 / S_1)^2) / I) / S_1,
    which allows for the estimation of the weights, and the degrees of freedom are 2 I / (variance * S_2)^2
    (Partlett and Riley 2017, Statistics in Medicine 36:301-317, after Kenward and Roger 1997, Biometrics
    53:983-997, who have the unadjusted variance 1 / S_1 in the last formula). With equal sampling variances
    they are 1 / S_1 and k - 1.

    Examples
    --------
    >>> from ketameta.models.intervals import kenward_roger
    >>> variance, df = kenward_roger([0.04, 0.09, 0.05, 0.06], 0.2)
    >>> round(float(variance), 5), round(float(df), 3)
    (0.06507, 2.937)
    """
    v = np.asarray(v, dtype=np.float64)
    total = np.where(True if mask is None else np.asarray(mask, dtype=np.bool_), v, np.inf)
    total = total + np.asarray(tau2, dtype=np.float64)[..., None]
    smallest = total.min(axis=-1, initial=np.inf)
    sound = (np.isfinite(total).sum(axis=-1) >= 2) & (smallest > 0)
    unit = np.where(sound, smallest, 1.0)
    w = unit[..., None] / np.where(sound[..., None], total, 1.0)
    s1, s2 = w.sum(axis=-1), np.square(w).sum(axis=-1)
    # What the other studies add, without the cancellation of a difference for the heaviest.
    heaviest = np.arange(w.shape[-1]) == w.argmax(axis=-1)[..., None]
    light = np.where(heaviest, 0.0, w)
    others = np.where(heaviest, light.sum(axis=-1)[..., None], s1[..., None] - w)
    squares = np.where(heaviest, np.square(light).sum(axis=-1)[..., None], s2[..., None] - w * w)
    share = w / s1[..., None]
    information = 0.5 * (np.square(share * others).sum(axis=-1) + (share * share * squares).sum(axis=-1))
    information = np.where(sound, information, 1.0)
    unequal = (share * np.square(w - (s2 / s1)[..., None])).sum(axis=-1)
    with np.errstate(divide="ignore"):
        variance = (1.0 + 2.0 * unequal / information) / s1
    df = 2.0 * information / np.square(variance * s2)
    return np.where(sound, variance * unit, np.nan), np.where(sound, df, np.nan)


def q_profile(
    y: ArrayLike,
    v: ArrayLike,
    x: ArrayLike | None = None,
    *,
    mask: ArrayLike | None = None,
    level: float = 0.95,
) -> tuple[Array, Array]:
    """Confidence interval of tau2 by the Q-profile method.

    Parameters
    ----------
    y, v : array_like, shape (..., k)
        Effects and sampling variances.
    x : array_like, shape (..., k, p), optional
        Design matrix; the intercept alone when left out.
    mask : array_like of bool, shape (..., k), optional
        Which studies count.
    level : float
        Between 0 and 1.

    Returns
    -------
    low, high : Array, shape (...)
        Both 0 where Q lies below the lower chi-square quantile even at tau2 = 0; NaN where there are not
        more studies than coefficients.

    Notes
    -----
    The bounds are the tau2 at which the generalised Q statistic equals the upper and lower quantiles of
    chi-square with k - p degrees of freedom (Viechtbauer 2007, Statistics in Medicine 26:37-52). They do
    not depend on the estimator of tau2, which may therefore lie outside them.

    Examples
    --------
    >>> from ketameta.models.intervals import q_profile
    >>> low, high = q_profile([-1.2, -0.4, -0.1, -0.9], [0.04, 0.09, 0.05, 0.06])
    >>> round(float(low), 4), round(float(high), 4)
    (0.0292, 3.3327)
    """
    design, used = (() if x is None else np.shape(x)[:-1]), (() if mask is None else np.shape(mask))
    shape = np.broadcast_shapes(np.shape(y), np.shape(v), used, design)
    if mask is None:
        k: Any = float(shape[-1])
    else:
        k = np.broadcast_to(np.asarray(mask, dtype=np.bool_), shape).sum(axis=-1)
    df = np.maximum(k - (1 if x is None else np.shape(x)[-1]), 1.0)
    tail = (1.0 - level) / 2.0
    target = np.empty((2, *shape[:-1]))
    target[0], target[1] = special.chdtri(df, tail), 2.0 * special.gammaincinv(df / 2.0, tail)
    low, high = solve_tau2(y, v, x, mask=mask, target=target)
    return low, high


@dataclass(frozen=True, slots=True, eq=False)
class Heterogeneity:
    """Intervals of tau2, I2 (percent) and H2, each a pair (low, high) of floats or arrays."""

    tau2: tuple[Array, Array]
    i2: tuple[Array, Array]
    h2: tuple[Array, Array]


def heterogeneity_intervals(tau2: tuple[Array, Array], typical_v: ArrayLike) -> Heterogeneity:
    """Carry an interval of tau2 over to I2 = 100 tau2 / (tau2 + v) and H2 = tau2 / v + 1.

    Parameters
    ----------
    tau2 : tuple of Array
        Low and high bound.
    typical_v : array_like
        Typical sampling variance, ``Fits.typical_v``.

    Examples
    --------
    >>> from ketameta.models.intervals import heterogeneity_intervals
    >>> import numpy as np
    >>> found = heterogeneity_intervals((np.array(0.0), np.array(0.3)), 0.1)
    >>> [round(float(value)) for value in (*found.i2, *found.h2)]
    [0, 75, 1, 4]
    """
    v = np.asarray(typical_v, dtype=np.float64)
    low, high = tau2
    return Heterogeneity(
        tau2=tau2,
        i2=(100.0 * low / (low + v), 100.0 * high / (high + v)),
        h2=(low / v + 1.0, high / v + 1.0),
    )
