"""Blocked ML and REML for effects nested in trials with known sampling covariance.

The model is ``y = X beta + u[trial] + w + e`` with ``u ~ N(0, tau2)`` for each trial,
``w ~ N(0, omega2)`` for each effect, and ``e ~ N(0, V)`` with ``V`` known and block diagonal by trial. Within
a trial the covariance is ``V_i + omega2 I + tau2 1 1'``. Rotated once by the eigenvectors of ``V_i`` it is
diagonal plus rank one, so the cost of a likelihood grows with the number of effects, and no matrix larger
than one trial's is ever formed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.curves.blocks import Blocks
from ketameta.curves.starts import grid_maxima
from ketameta.errors import ModelError

__all__ = ["VarianceFit", "fit_variances", "gls"]

_MAX_STEPS = 200
_TINY = 1e-12
_NOISE = 1e-14
_GAIN = 1e-22
_SETTLED = 1e-8
_FIRST = np.array([True, False])


@dataclass(frozen=True, slots=True, eq=False)
class VarianceFit:
    """Generalised least squares at the best between-trial and within-trial variances.

    Attributes
    ----------
    beta : numpy.ndarray, shape (p,)
        Coefficients.
    vcov : numpy.ndarray, shape (p, p)
        Their covariance, the variances taken as known.
    tau2, omega2 : float
        Variance between trials, and between the times of a trial beyond the curve and sampling error.
    loglik : float
        Log-likelihood (restricted under REML), all constants included.
    weighted_residual : numpy.ndarray, shape (n,)
        Inverse covariance times residual, in rotated rows.
    distinguishable : bool
        False where the data hardly tell ``tau2`` from ``omega2``.
    """

    beta: Array
    vcov: Array
    tau2: float
    omega2: float
    loglik: float
    weighted_residual: Array
    distinguishable: bool


def fit_variances(
    blocks: Blocks,
    y: Array,
    x: Array,
    *,
    reml: bool,
    free: tuple[bool, bool] = (True, True),
) -> VarianceFit:
    """Maximise the (restricted) likelihood over ``tau2 >= 0`` and ``omega2 >= 0``.

    Newton's method, or average-information scoring (Gilmour, Thompson & Cullis 1995) where the likelihood
    does not curve down, with step halving and an active set at zero, from every local maximum of a grid over
    both variances; the best result is kept.

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
    mask = np.array(free)
    residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    scale = float(np.mean(residual**2) + np.mean(blocks.spectrum))
    starts = grid_maxima(blocks, residual, x, reml, mask, scale)
    fits = [_climb(blocks, y, x, reml, mask, scale, theta) for theta in starts]
    return max(fits, key=lambda fit: fit.loglik)


def gls(blocks: Blocks, y: Array, x: Array, *, tau2: float, omega2: float) -> VarianceFit:
    """Generalised least squares at given variances; ``loglik`` is the full log-likelihood.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.blocks import rotate
    >>> from ketameta.curves.fit import gls
    >>> blocks = rotate([np.array([[0.1]]), np.array([[0.3]])])
    >>> round(float(gls(blocks, np.array([0.0, 1.0]), np.ones((2, 1)), tau2=0.0, omega2=0.0).beta[0]), 6)
    0.25
    """
    return _result(_evaluate(blocks, y, x, False, np.array([tau2, omega2])), True)


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    theta: Array
    loglik: float
    beta: Array
    vcov: Array
    sx: Array
    sr: Array
    weight: Array
    g: Array
    shrink: Array


def _solve(blocks: Blocks, weight: Array, g: Array, shrink: Array, b: Array) -> Array:
    """Inverse covariance times a matrix of rotated rows."""
    wb = weight[:, None] * b
    inner = shrink[:, None] * blocks.sums(blocks.ones[:, None] * wb)
    return np.asarray(wb - g[:, None] * inner[blocks.trial], dtype=np.float64)


def _evaluate(blocks: Blocks, y: Array, x: Array, reml: bool, theta: Array) -> _Point:
    tau2, omega2 = float(theta[0]), float(theta[1])
    diagonal = blocks.spectrum + omega2
    weight = 1.0 / diagonal
    g = weight * blocks.ones
    a = blocks.sums(g * blocks.ones)
    shrink = tau2 / (1.0 + tau2 * a)
    solved = _solve(blocks, weight, g, shrink, np.column_stack([x, y]))
    sx, sy = solved[:, :-1], solved[:, -1]
    information = x.T @ sx
    root = np.linalg.cholesky((information + information.T) / 2)
    inverse_root = np.linalg.inv(root)
    vcov = inverse_root.T @ inverse_root
    beta = vcov @ (x.T @ sy)
    sr = sy - sx @ beta
    logdet = float(np.log(diagonal).sum() + np.log1p(tau2 * a).sum())
    n, p = x.shape
    loglik = -0.5 * (n * math.log(2 * math.pi) + logdet + float((y - x @ beta) @ sr))
    if reml:
        logdet_x = float(np.linalg.slogdet(x.T @ x)[1])
        logdet_info = 2.0 * float(np.log(np.diag(root)).sum())
        loglik += 0.5 * (p * math.log(2 * math.pi) + logdet_x - logdet_info)
    return _Point(theta, loglik, beta, vcov, sx, sr, weight, g, shrink)


def _score(blocks: Blocks, point: _Point, reml: bool) -> tuple[Array, Array, Array]:
    """Derivatives of the log-likelihood by both variances; their average and expected information."""
    z, vcov, sx = blocks.ones, point.vcov, point.sx
    zr = blocks.sums(z * point.sr)
    zsz = blocks.sums(point.g * z)
    zsz = zsz - point.shrink * zsz**2
    gg = blocks.sums(point.g**2)
    sz = point.g * (1 - point.shrink * blocks.sums(point.g * z))[blocks.trial]
    trace = np.array([zsz.sum(), point.weight.sum() - (point.shrink * gg).sum()])
    wgg = blocks.sums(point.weight * point.g**2)
    both = (point.weight**2).sum() - 2 * (point.shrink * wgg).sum() + ((point.shrink * gg) ** 2).sum()
    cross = (sz**2).sum()
    expected = 0.5 * np.array([[(zsz**2).sum(), cross], [cross, both]])
    if reml:
        zu, szu = blocks.sums(z[:, None] * sx), blocks.sums(sz[:, None] * sx)
        inner = [vcov @ (zu.T @ zu), vcov @ (sx.T @ sx)]
        ssx = _solve(blocks, point.weight, point.g, point.shrink, sx)
        mixed = [(zsz[:, None] * zu).T @ zu, zu.T @ szu, sx.T @ ssx]
        trace = trace - np.array([np.trace(part) for part in inner])
        for (j, k), middle in zip(((0, 0), (0, 1), (1, 1)), mixed, strict=True):
            change = 0.5 * float(np.trace(inner[j] @ inner[k]) - 2 * np.trace(vcov @ middle))
            expected[j, k] += change
            if j != k:
                expected[k, j] += change
    score = 0.5 * (np.array([zr @ zr, point.sr @ point.sr]) - trace)
    q = np.column_stack([z * zr[blocks.trial], point.sr])
    xq = sx.T @ q
    average = 0.5 * (q.T @ _solve(blocks, point.weight, point.g, point.shrink, q) - xq.T @ vcov @ xq)
    return score, average, expected


def _climb(
    blocks: Blocks, y: Array, x: Array, reml: bool, free: BoolArray, scale: float, theta: Array
) -> VarianceFit:
    point, last = _evaluate(blocks, y, x, reml, theta), math.inf
    for _ in range(_MAX_STEPS):
        score, average, expected = _score(blocks, point, reml)
        active = free & ((point.theta > 0) | (score > 0))
        better = None
        for chosen in (active, active & _FIRST, active & ~_FIRST):
            step = _step(score, average, expected, chosen)
            better = _line_search(blocks, y, x, reml, point, step, score)
            if better is not None:
                break
        if better is None:
            break
        gain, length = better.loglik - point.loglik, float(np.abs(better.theta - point.theta).max())
        stalled = gain <= _NOISE * abs(point.loglik) and length > 0.5 * last
        point, last = better, length
        if stalled or length <= _TINY * scale:
            break
    score, average, expected = _score(blocks, point, reml)
    step = _step(score, average, expected, free & ((point.theta > 0) | (score > 0)))
    if float(step @ score) > _SETTLED * max(1.0, abs(point.loglik)):
        raise ModelError(
            "the likelihood of the heterogeneity variances did not settle; check yi and vi for values on "
            "very different scales."
        )
    both = bool(free.all()) and bool(np.all(point.theta > 0))
    return _result(point, not both or _determined(expected))


def _step(score: Array, average: Array, expected: Array, chosen: BoolArray) -> Array:
    """Newton step in the chosen variances where the likelihood curves down, else the average-information one.

    The observed information is twice the average less the expected one, the model being linear in both.
    """
    step = np.zeros(2)
    if not chosen.any():
        return step
    part = np.ix_(chosen, chosen)
    observed = (2 * average - expected)[part]
    usable = float(np.linalg.eigvalsh(observed)[0]) > 1e-6 * float(np.abs(observed).max())
    matrix = observed if usable else average[part]
    step[chosen] = np.linalg.lstsq(matrix, score[chosen], rcond=1e-12)[0]
    return step


def _result(point: _Point, distinguishable: bool) -> VarianceFit:
    return VarianceFit(
        beta=point.beta,
        vcov=point.vcov,
        tau2=float(point.theta[0]),
        omega2=float(point.theta[1]),
        loglik=point.loglik,
        weighted_residual=point.sr,
        distinguishable=distinguishable,
    )


def _line_search(
    blocks: Blocks, y: Array, x: Array, reml: bool, point: _Point, step: Array, score: Array
) -> _Point | None:
    """First point along the step, halved as often as needed, that is no worse but for rounding."""
    if not step.any() or float(step @ score) <= _GAIN:
        return None
    for halving in range(40):
        theta = np.maximum(point.theta + step * 0.5**halving, 0.0)
        candidate = _evaluate(blocks, y, x, reml, theta)
        if candidate.loglik >= point.loglik - _NOISE * abs(point.loglik):
            return candidate
    return None


def _determined(information: Array) -> bool:
    root = np.sqrt(np.diag(information))
    return bool(abs(information[0, 1]) < (1 - 1e-8) * root[0] * root[1])
