"""Maximum likelihood of curves with parameters inside a function of time, many fits in step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.curves.between import BETWEEN
from ketameta.curves.blocks import Blocks
from ketameta.curves.climbing import newton_step, step_up
from ketameta.curves.likelihood import Problems, estimates, products
from ketameta.curves.mean import Mean

__all__ = ["Peaks", "climb_means"]

_HALVINGS = 30
_NOISE = 1e-14
_NEGLIGIBLE = 1e-10
_LONGEST = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """Where B climbs ended.

    Attributes
    ----------
    alpha : numpy.ndarray, shape (B, r)
        Coefficients of the amplitude.
    psi : numpy.ndarray, shape (B, inner)
        Parameters inside the relative height.
    theta : numpy.ndarray, shape (B, 2)
        ``tau2`` and ``omega2``.
    loglik : numpy.ndarray, shape (B,)
        Full log-likelihood.
    settled : numpy.ndarray of bool, shape (B,)
        False where the iterations ran out.
    """

    alpha: Array
    psi: Array
    theta: Array
    loglik: Array
    settled: BoolArray

    def take(self, rows: np.ndarray) -> Peaks:
        """Some of the climbs."""
        return Peaks(
            self.alpha[rows], self.psi[rows], self.theta[rows], self.loglik[rows], self.settled[rows]
        )


def climb_means(
    blocks: Blocks,
    y: Array,
    mean: Mean,
    psi: Array,
    theta: Array,
    *,
    free: BoolArray,
    low: Array,
    high: Array,
    held: BoolArray,
    short: float = 1e-9,
    rounds: int = 150,
) -> Peaks:
    """Climb B full likelihoods over amplitude, inner parameters and variances.

    Each round takes a step in the mean (Newton's where the likelihood curves down, else Gauss-Newton), then one
    in the variances: the expected information has no terms between the two. Steps are halved until they do not
    lose, and inner parameters stay inside their bounds.

    Parameters
    ----------
    blocks : Blocks
        Rotated sampling covariance.
    y : numpy.ndarray, shape (B, n)
        Effects, not rotated.
    mean : Mean
        The curve.
    psi : numpy.ndarray, shape (B, inner)
        Starts.
    theta : numpy.ndarray, shape (B, 2)
        Starts of ``tau2`` and ``omega2``.
    free : numpy.ndarray of bool, shape (2,)
        Which of the variances to estimate.
    low, high : numpy.ndarray, shape (B, inner)
        Bounds of the inner parameters.
    held : numpy.ndarray of bool, shape (inner,)
        Inner parameters that stay where they start.
    short : float
        A round that moves inner parameters, and variances relative to their size, by no more is the last but one.
    rounds : int
        Most rounds.

    Returns
    -------
    Peaks
        The ends.
    """
    count, r = len(psi), mean.level.shape[1]
    psi, theta = np.clip(psi, low, high), theta.copy()
    unit = (y**2).mean(axis=1) + blocks.spectrum.mean()
    alpha = _amplitudes(blocks, y, mean, psi, theta)
    height = _heights(blocks, _residuals(blocks, y, mean, alpha, psi), theta)
    noise = _NOISE * (np.abs(height) + y.shape[1])
    alive, quiet = np.ones(count, dtype=np.bool_), np.zeros(count, dtype=np.int64)
    for _ in range(rounds):
        rows = np.flatnonzero(alive)
        if rows.size == 0:
            break
        before, start = height[rows].copy(), (psi[rows].copy(), theta[rows].copy())
        step, promise = _mean_step(
            blocks, y[rows], mean, alpha[rows], psi[rows], theta[rows], low[rows], high[rows], held
        )
        trying, scale = rows[promise > noise[rows]], 1.0
        for _ in range(_HALVINGS):
            if trying.size == 0:
                break
            part = step[np.searchsorted(rows, trying)] * scale
            new_alpha = alpha[trying] + part[:, :r]
            new_psi = np.clip(psi[trying] + part[:, r:], low[trying], high[trying])
            residual = _residuals(blocks, y[trying], mean, new_alpha, new_psi)
            reached = _heights(blocks, residual, theta[trying])
            good = reached >= height[trying] - noise[trying]
            done = trying[good]
            alpha[done], psi[done], height[done] = new_alpha[good], new_psi[good], reached[good]
            trying, scale = trying[~good], scale / 2
        residual = _residuals(blocks, y[rows], mean, alpha[rows], psi[rows])
        theta[rows], height[rows] = step_up(
            _bare(blocks, residual), BETWEEN[1], theta[rows], height[rows], noise[rows], free
        )
        moved = np.abs(psi[rows] - start[0]).max(axis=1, initial=0.0)
        moved = np.maximum(moved, np.abs(theta[rows] - start[1]).max(axis=1) / unit[rows])
        still = (moved <= short) | (height[rows] - before <= noise[rows])
        quiet[rows] = np.where(still, quiet[rows] + 1, 0)
        alive[rows] = quiet[rows] < 2
    settled = ~alive | (quiet > 0)
    return Peaks(alpha, psi, theta, height, settled)


def _residuals(blocks: Blocks, y: Array, mean: Mean, alpha: Array, psi: Array) -> Array:
    """Rotated residuals, shape (B, n)."""
    fitted = (alpha @ mean.level.T) * mean.relative(psi)[0]
    return blocks.turn_many((y - fitted)[..., None])[..., 0]


def _bare(blocks: Blocks, residual: Array) -> Problems:
    """Problems of variances alone."""
    return Problems(blocks, residual, np.empty((1, residual.shape[1], 0)), blocks.ones[None, :, None], False)


def _heights(blocks: Blocks, residual: Array, theta: Array) -> Array:
    return estimates(_bare(blocks, residual), theta[:, :1, None], theta[:, 1]).loglik


def _amplitudes(blocks: Blocks, y: Array, mean: Mean, psi: Array, theta: Array) -> Array:
    """Best amplitudes at given inner parameters and variances."""
    x = blocks.turn_many(mean.level * mean.relative(psi)[0][..., None])
    problems = Problems(blocks, blocks.turn_many(y[..., None])[..., 0], x, blocks.ones[None, :, None], False)
    beta = estimates(problems, theta[:, :1, None], theta[:, 1]).beta
    return np.where(np.isfinite(beta), beta, 0.0)


def _mean_step(
    blocks: Blocks,
    y: Array,
    mean: Mean,
    alpha: Array,
    psi: Array,
    theta: Array,
    low: Array,
    high: Array,
    held: BoolArray,
) -> tuple[Array, Array]:
    """Step in amplitude and inner parameters at given variances, (B, r + inner), and the gain it promises."""
    r = alpha.shape[1]
    height, slopes = mean.relative(psi)
    amplitude = alpha @ mean.level.T
    design = np.concatenate([mean.level * height[..., None], amplitude[..., None] * slopes], axis=2)
    turned = blocks.turn_many(np.concatenate([design, (y - amplitude * height)[..., None]], axis=2))
    problems = Problems(blocks, turned[..., -1], turned[..., :-1], blocks.ones[None, :, None], False)
    found = products(problems, theta[:, :1, None], theta[:, 1])
    average, score = found.cross[:, :-1, :-1], found.cross[:, :-1, -1]
    pull = blocks.turn_back(found.weighted_effects)
    observed = average.copy()
    crossed = np.einsum("bn,nr,bnq->brq", pull, mean.level, slopes)
    observed[:, :r, r:] -= crossed
    observed[:, r:, :r] -= np.swapaxes(crossed, 1, 2)
    observed[:, r:, r:] -= np.einsum("bn,bnij->bij", pull * amplitude, mean.bend(psi))
    size = np.sqrt(np.maximum(np.diagonal(average, axis1=1, axis2=2), np.finfo(float).tiny))
    both = size[:, :, None] * size[:, None, :]
    stuck = held | ((psi <= low) & (score[:, r:] <= 0)) | ((psi >= high) & (score[:, r:] >= 0))
    chosen = np.concatenate([np.ones(alpha.shape, dtype=np.bool_), ~stuck], axis=1)
    chosen &= size > _NEGLIGIBLE * size.max(axis=1, keepdims=True)
    step = newton_step(score / size, observed / both, average / both, chosen) / size
    longest = np.abs(step[:, r:]).max(axis=1, initial=0.0)
    shorter = np.minimum(1.0, _LONGEST / np.maximum(longest, math.ulp(1.0)))
    step = np.asarray(step * shorter[:, None], dtype=np.float64)
    return step, (step * np.where(chosen, score, 0.0)).sum(axis=1)
