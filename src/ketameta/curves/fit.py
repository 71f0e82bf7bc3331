"""Blocked ML and REML for effects nested in trials with known sampling covariance, one fit or many at once.

The model is ``y = X beta + u[trial] + w + e`` with ``u ~ N(0, tau2)`` for each trial, or a random level and
a random slope; ``w ~ N(0, omega2)`` for each effect; and ``e ~ N(0, V)`` with ``V`` known and block diagonal
by trial. See :mod:`ketameta.curves.likelihood`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.curves.between import BETWEEN
from ketameta.curves.blocks import Blocks
from ketameta.curves.climbing import Climbed, climb
from ketameta.curves.likelihood import Problems, derivatives
from ketameta.curves.starts import grid_maxima
from ketameta.errors import ModelError

__all__ = ["VarianceFit", "VarianceFits", "fit_many", "fit_variances", "gls"]

_TOLD = 1e-8
_SLOPE_STARTS = ((0.03, 0.0), (0.3, 0.0), (0.3, 0.6), (0.3, -0.6))


@dataclass(frozen=True, slots=True, eq=False)
class VarianceFit:
    """Generalised least squares at the best between-trial and within-trial variances.

    Attributes
    ----------
    beta : numpy.ndarray, shape (p,)
        Coefficients.
    vcov : numpy.ndarray, shape (p, p)
        Their covariance, the variances taken as known.
    spread : numpy.ndarray, shape (q, q)
        Covariance of the random effects of a trial: the variance of its level, or of level and slope.
    omega2 : float
        Variance between the times of a trial beyond the curve and sampling error.
    loglik : float
        Log-likelihood (restricted under REML), all constants included.
    weighted_residual : numpy.ndarray, shape (n,)
        Inverse covariance times residual, in rotated rows.
    distinguishable : bool
        False where the data hardly tell the variances from one another.
    """

    beta: Array
    vcov: Array
    spread: Array
    omega2: float
    loglik: float
    weighted_residual: Array
    distinguishable: bool

    @property
    def tau2(self) -> float:
        """Variance of the level between trials."""
        return float(self.spread[0, 0])


@dataclass(frozen=True, slots=True, eq=False)
class VarianceFits:
    """B fits at once; the fields of :class:`VarianceFit` with a leading axis.

    Attributes
    ----------
    beta, vcov, spread, omega2, loglik, weighted_residual, distinguishable
        Shapes (B, p), (B, p, p), (B, q, q), (B,), (B,), (B, n), (B,).
    settled : numpy.ndarray of bool, shape (B,)
        False where the iterations did not settle.
    """

    beta: Array
    vcov: Array
    spread: Array
    omega2: Array
    loglik: Array
    weighted_residual: Array
    distinguishable: BoolArray
    settled: BoolArray

    def one(self, row: int) -> VarianceFit:
        """One of the fits."""
        return VarianceFit(
            beta=self.beta[row],
            vcov=self.vcov[row],
            spread=self.spread[row],
            omega2=float(self.omega2[row]),
            loglik=float(self.loglik[row]),
            weighted_residual=self.weighted_residual[row],
            distinguishable=bool(self.distinguishable[row]),
        )


def fit_variances(
    blocks: Blocks,
    y: Array,
    x: Array,
    *,
    reml: bool,
    free: tuple[bool, bool] = (True, True),
    slope: Array | None = None,
) -> VarianceFit:
    """Maximise the (restricted) likelihood over ``tau2 >= 0`` and ``omega2 >= 0``.

    Parameters
    ----------
    blocks : Blocks
        Rotated sampling covariance.
    y : numpy.ndarray, shape (n,)
        Effects, rotated by ``blocks.turn``.
    x : numpy.ndarray, shape (n, p)
        Design of full column rank, rotated likewise.
    reml : bool
        Restricted likelihood, or full.
    free : tuple of bool
        Which of ``(tau2, omega2)`` to estimate; the others are zero.
    slope : numpy.ndarray, shape (n,), optional
        What the random slope of a trial multiplies, rotated likewise; the covariance of level and slope is
        then estimated in place of ``tau2``.

    Returns
    -------
    VarianceFit
        The fit.

    Raises
    ------
    ModelError
        If the iterations do not settle.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.blocks import rotate
    >>> from ketameta.curves.fit import fit_variances
    >>> blocks = rotate([np.array([[v]]) for v in (0.1, 0.2, 0.1, 0.3)])
    >>> fit = fit_variances(blocks, np.array([0.1, 0.9, 0.4, 1.8]), np.ones((4, 1)), reml=True,
    ...                     free=(True, False))
    >>> round(fit.tau2, 4), round(float(fit.beta[0]), 4)
    (0.29, 0.696)
    """
    slopes = None if slope is None else slope[None]
    fits = fit_many(blocks, y[None], x[None], reml=reml, free=free, slope=slopes)
    if not fits.settled[0]:
        raise ModelError(
            "the likelihood of the heterogeneity variances did not settle; check yi and vi for values on "
            "very different scales."
        )
    return fits.one(0)


def fit_many(
    blocks: Blocks,
    y: Array,
    x: Array,
    *,
    reml: bool,
    free: tuple[bool, bool] = (True, True),
    slope: Array | None = None,
) -> VarianceFits:
    """Maximise B (restricted) likelihoods over the variances at once.

    Each is climbed (:func:`ketameta.curves.climbing.climb`) from every local maximum of a grid over both
    variances, and with a random slope from several slopes beside the best fit without; the best result is
    kept.

    Parameters
    ----------
    blocks, reml, free
        See :func:`fit_variances`.
    y : numpy.ndarray, shape (B, n)
        Effects, rotated.
    x : numpy.ndarray, shape (B, n, p) or (1, n, p)
        Designs, rotated.
    slope : numpy.ndarray, shape (B, n) or (1, n), optional
        What the random slope of a trial multiplies, rotated.

    Returns
    -------
    VarianceFits
        The fits.
    """
    count = max(y.shape[0], x.shape[0])
    first = np.linalg.pinv(x) @ np.broadcast_to(y, (count, y.shape[1]))[..., None]
    residual = np.broadcast_to(y, (count, y.shape[1])) - (x @ first)[..., 0]
    ones = blocks.ones[None, :, None]
    problems = Problems(blocks, residual, x, ones, reml)
    scale = (residual**2).mean(axis=1) + blocks.spectrum.mean()
    mask = np.array(free)
    owner, theta = grid_maxima(problems, mask, scale)
    ends = climb(problems.take(owner), BETWEEN[1], theta, mask, np.repeat(scale[owner, None], 2, axis=1))
    best = _best(owner, ends.estimates.loglik, count)
    if slope is None:
        return _fits(problems, ends, best, first[..., 0], free)
    z = np.concatenate([np.broadcast_to(ones, (*slope.shape, 1)), slope[..., None]], axis=2)
    wider = Problems(blocks, residual, x, z, reml)
    length = np.broadcast_to(np.sqrt((slope**2).mean(axis=1)), count)
    owner = np.repeat(np.arange(count), len(_SLOPE_STARTS))
    theta = _slope_starts(ends.theta[best], scale, length)
    unit = np.stack([np.sqrt(scale), np.sqrt(scale) / length, np.sqrt(scale) / length, scale], axis=1)
    mask = np.array([free[0], free[0], True, free[1]])
    ends = climb(wider.take(owner), BETWEEN[2], theta, mask, unit[owner])
    return _fits(wider, ends, _best(owner, ends.estimates.loglik, count), first[..., 0], free)


def gls(
    blocks: Blocks, y: Array, x: Array, *, spread: Array, omega2: float, slope: Array | None = None
) -> VarianceFit:
    """Generalised least squares at given variances; ``loglik`` is the full log-likelihood.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.blocks import rotate
    >>> from ketameta.curves.fit import gls
    >>> blocks = rotate([np.array([[0.1]]), np.array([[0.3]])])
    >>> fit = gls(blocks, np.array([0.0, 1.0]), np.ones((2, 1)), spread=np.zeros((1, 1)), omega2=0.0)
    >>> round(float(fit.beta[0]), 6)
    0.25
    """
    z = blocks.ones[:, None] if slope is None else np.column_stack([blocks.ones, slope])
    problem = Problems(blocks, y[None], x[None], z[None], False)
    found, slopes = derivatives(problem, spread[None], np.array([omega2]))
    return VarianceFit(
        beta=found.beta[0],
        vcov=found.vcov[0],
        spread=spread,
        omega2=omega2,
        loglik=float(found.loglik[0]),
        weighted_residual=slopes.weighted_residual[0],
        distinguishable=True,
    )


def _best(owner: np.ndarray, height: Array, count: int) -> np.ndarray:
    """For each problem the row of its highest end, the first of equals."""
    order = np.lexsort((np.arange(owner.size), -height, owner))
    return np.asarray(order[np.searchsorted(owner[order], np.arange(count))])


def _fits(
    problems: Problems, ends: Climbed, best: np.ndarray, first: Array, free: tuple[bool, bool]
) -> VarianceFits:
    theta, found, slopes = ends.theta[best], ends.estimates, ends.derivatives
    between = BETWEEN[problems.z.shape[2]]
    spread = between.spread(theta)
    inside = (spread[:, 0, 0] > 0) & (theta[:, -1] > 0) & all(free)
    return VarianceFits(
        beta=first + found.beta[best],
        vcov=found.vcov[best],
        spread=spread,
        omega2=theta[:, -1],
        loglik=found.loglik[best],
        weighted_residual=slopes.weighted_residual[best],
        distinguishable=~inside | _told(slopes.expected[best]),
        settled=ends.settled[best],
    )


def _told(expected: Array) -> BoolArray:
    """Whether an expected information is far enough from singular."""
    root = np.sqrt(np.maximum(np.diagonal(expected, axis1=1, axis2=2), 0.0))
    usable = np.all(root > 0, axis=1)
    root = np.where(usable[:, None], root, 1.0)
    lowest = np.linalg.eigvalsh(expected / (root[:, :, None] * root[:, None, :]))[:, 0]
    return np.asarray(usable & (lowest > _TOLD), dtype=np.bool_)


def _slope_starts(theta: Array, scale: Array, length: Array) -> Array:
    """Starts with a random slope, several for each fit without: shape (B * starts, 4)."""
    starts = []
    for share, correlation in _SLOPE_STARTS:
        level = np.sqrt(np.maximum(theta[:, 0], 0.01 * scale))
        slope = np.sqrt(share * np.maximum(theta.sum(axis=1), 0.1 * scale)) / length
        starts.append(
            np.stack([level, correlation * slope, np.sqrt(1 - correlation**2) * slope, theta[:, 1]], axis=1)
        )
    return np.stack(starts, axis=1).reshape(-1, 4)
