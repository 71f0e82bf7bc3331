"""Profile likelihood: intervals of the mean and of tau2, and the test of the mean that goes with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, special

from ketameta._typing import Array, ArrayLike
from ketameta.errors import ModelError
from ketameta.models._profile_likelihood import ProfileLikelihood
from ketameta.models.kernel import Fits, fit

__all__ = ["ProfileInference", "profile_mean", "profile_p", "profile_tau2"]

_ELEMENTS = 2**18


def _drop(level: float) -> float:
    """How far the log-likelihood may fall: half the quantile of chi-square with one degree of freedom."""
    z = float(special.ndtri((1.0 - level) / 2.0))
    return 0.5 * z * z


def _by_chunks(model: ProfileLikelihood, work: Callable[[ProfileLikelihood], Any], count: int) -> Array:
    """So many numbers of each fit, shape (count, n); NaN where fewer than two studies count."""
    result = np.full((count, model.k.size), np.nan)
    rows = np.flatnonzero(np.isfinite(model.tau2))
    size = max(1, _ELEMENTS // max(128 * model.y.shape[1], 1))
    for start in range(0, rows.size, size):
        part = rows[start : start + size]
        result[:, part] = work(model.take(part))
    return result


def profile_tau2(
    y: ArrayLike,
    v: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    method: str = "REML",
    level: float = 0.95,
) -> tuple[Array, Array]:
    """Confidence interval of tau2 by the profile likelihood.

    Parameters
    ----------
    y, v : array_like, shape (..., k)
        Effects and sampling variances.
    mask : array_like of bool, shape (..., k), optional
        Which studies count.
    method : str
        REML: the restricted likelihood; ML: the likelihood, at the best mean for each tau2.
    level : float
        Between 0 and 1.

    Returns
    -------
    low, high : Array, shape (...)
        ``low`` is 0 where tau2 = 0 is inside. NaN where fewer than two studies count.

    Raises
    ------
    ModelError
        For another method, or what :func:`ketameta.models.kernel.fit` refuses.

    Notes
    -----
    The values of tau2 whose log-likelihood is less than half a chi-square quantile (one degree of freedom)
    below the maximum (Hardy and Thompson 1996, Statistics in Medicine 15:619-629; Viechtbauer 2007,
    Statistics in Medicine 26:37-52). Where several maxima make them more than one stretch, from the first to
    the last of them.

    Examples
    --------
    >>> from ketameta.models.profile import profile_tau2
    >>> low, high = profile_tau2([-1.2, -0.4, -0.1, -0.9], [0.04, 0.09, 0.05, 0.06])
    >>> round(float(low), 4), round(float(high), 4)
    (0.0224, 2.1567)
    """
    if method not in ("ML", "REML"):
        raise ModelError(f"method={method!r}: a profile likelihood interval of tau2 needs ML or REML")
    fits = fit(y, v, mask=mask, tau2=method, weights=False)
    model = ProfileLikelihood.read(y, v, mask, fits.tau2, method == "REML")
    drop = _drop(level)

    def work(some: ProfileLikelihood) -> tuple[Array, Array]:
        low, high = some.range(drop)
        return low * some.unit * some.unit, high * some.unit * some.unit

    low, high = _by_chunks(model, work, 2).reshape((2, *fits.k.shape))
    return low, high


def profile_mean(
    y: ArrayLike, v: ArrayLike, *, mask: ArrayLike | None = None, level: float = 0.95
) -> tuple[Array, Array]:
    """Confidence interval of the mean by the profile likelihood.

    Parameters
    ----------
    y, v : array_like, shape (..., k)
        Effects and sampling variances.
    mask : array_like of bool, shape (..., k), optional
        Which studies count.
    level : float
        Between 0 and 1.

    Returns
    -------
    low, high : Array, shape (...)
        NaN where fewer than two studies count.

    Notes
    -----
    The means whose log-likelihood, at the best tau2 for each, is less than half a chi-square quantile (one
    degree of freedom) below the maximum (Hardy and Thompson 1996, Statistics in Medicine 15:619-629). For a
    given tau2 the log-likelihood is a parabola in the mean, so the upper bound is the largest value over
    tau2 of mean + sqrt(2 excess / information), found over all tau2 within reach. Where several maxima make
    more than one stretch, the interval goes from the first to the last.

    Examples
    --------
    >>> from ketameta.models.profile import profile_mean
    >>> low, high = profile_mean([-1.2, -0.4, -0.1, -0.9], [0.04, 0.09, 0.05, 0.06])
    >>> round(float(low), 4), round(float(high), 4)
    (-1.2177, -0.0951)
    """
    fits = fit(y, v, mask=mask, tau2="ML", weights=False)
    model = ProfileLikelihood.read(y, v, mask, fits.tau2, restricted=False)
    drop = _drop(level)
    low, high = _by_chunks(model, lambda some: some.mean_interval(drop), 2).reshape((2, *fits.k.shape))
    return low, high


def profile_p(y: ArrayLike, v: ArrayLike, *, mask: ArrayLike | None = None) -> Array:
    """Two-sided P value of the likelihood ratio test of the mean against no effect.

    Parameters
    ----------
    y, v : array_like, shape (..., k)
        Effects and sampling variances.
    mask : array_like of bool, shape (..., k), optional
        Which studies count.

    Returns
    -------
    Array, shape (...)
        NaN where fewer than two studies count.

    Examples
    --------
    >>> from ketameta.models.profile import profile_p
    >>> float(profile_p([-1.2, -0.4, -0.1, -0.9], [0.04, 0.09, 0.05, 0.06]).round(4))
    0.0309
    """
    fits = fit(y, v, mask=mask, tau2="ML", weights=False)
    model = ProfileLikelihood.read(y, v, mask, fits.tau2, restricted=False)

    def work(some: ProfileLikelihood) -> Array:
        estimate = some.base + some.unit * some.at(some.tau2[:, None])[1][:, 0]
        deviance = some.deviance(np.zeros(estimate.size), np.where(estimate < 0, 1.0, -1.0))
        return np.asarray(2.0 * special.ndtr(-np.sqrt(np.where(estimate == 0, 0.0, deviance))))

    return _by_chunks(model, work, 1).reshape(fits.k.shape)


@dataclass(frozen=True, slots=True, eq=False)
class ProfileInference:
    """Inference on the mean of one fit by its profile likelihood; does what ``Inference`` does.

    Attributes
    ----------
    estimate, se : float
        Maximum-likelihood estimate of the mean and its Wald standard error, which nothing else rests on.
    level : float
        Level of the intervals.
    likelihood : ProfileLikelihood
        The likelihood of this fit.

    Notes
    -----
    The test statistic is the signed root of the likelihood ratio, against the normal distribution. Where the
    profile has several maxima, the ratio at a value is the smallest of all values at or beyond it, so that
    the P value and the interval cannot disagree.

    Limits for a new study's effect add the distances of the mean's limit and of the normal quantile of the
    between-study distribution as squares (Zou and Donner 2008, Statistics in Medicine 27:1693-1702). With a
    parabola for a profile this is the usual interval, estimate -+ z sqrt(tau2 + se^2).
    """

    estimate: float
    se: float
    level: float
    likelihood: ProfileLikelihood

    @staticmethod
    def of(y: Array, v: Array, fits: Fits, level: float) -> ProfileInference:
        """Inference on the mean of one fit by maximum likelihood."""
        likelihood = ProfileLikelihood.read(y, v, None, fits.tau2, restricted=False)
        return ProfileInference(float(fits.beta[0]), float(np.sqrt(fits.cov[0, 0])), level, likelihood)

    @property
    def df(self) -> float:
        """Infinity: the normal distribution is the reference."""
        return np.inf

    @property
    def critical(self) -> float:
        """Quantile of the normal distribution."""
        return -float(special.ndtri((1.0 - self.level) / 2.0))

    @property
    def stat(self) -> float:
        """Signed root of the likelihood ratio against no effect."""
        return self._root(0.0)

    @property
    def p(self) -> float:
        """Two-sided P value of the likelihood ratio against no effect."""
        return 2.0 * float(special.ndtr(-abs(self.stat)))

    def interval(self) -> tuple[float, float]:
        """Profile likelihood interval of the mean."""
        low, high = self.likelihood.mean_interval(_drop(self.level))
        return min(float(low[0]), self.estimate), max(float(high[0]), self.estimate)

    def prediction(self, tau2: float) -> tuple[float, float]:
        """Interval for the true effect of a new study."""
        low, high = self.interval()
        between = self.critical**2 * tau2
        return (
            min(low, self.estimate - float(np.sqrt((self.estimate - low) ** 2 + between))),
            max(high, self.estimate + float(np.sqrt((high - self.estimate) ** 2 + between))),
        )

    def below(self, value: float, tau2: float = 0.0) -> float:
        """Probability that the limits give to effects below ``value``: the mean, or with tau2 a new study's."""
        away = value - self.estimate
        if tau2 == 0 or away == 0:
            return float(special.ndtr(-self._root(value)))

        def excess(part: float) -> float:
            return (part * away) ** 2 + tau2 * self._root(self.estimate + part * away) ** 2 - away**2

        part = optimize.brentq(excess, 0.0, 1.0, xtol=1e-15, rtol=1e-14)
        return float(special.ndtr(-self._root(self.estimate + part * away)))

    def _root(self, value: float) -> float:
        """Signed root of the likelihood ratio of a mean: positive below the estimate."""
        if value == self.estimate:
            return 0.0
        sign = 1.0 if value > self.estimate else -1.0
        deviance = self.likelihood.deviance(np.array([value]), np.array([sign]))
        return -sign * float(np.sqrt(deviance[0]))
