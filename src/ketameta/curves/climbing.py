"""Climbing many likelihoods of variances in step, each until it settles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.curves.between import Between
from ketameta.curves.likelihood import Derivatives, Estimates, Problems, derivatives, estimates

__all__ = ["Climbed", "climb", "newton_step", "step_up"]

_MAX_STEPS = 200
_HALVINGS = 40
_TINY = 1e-12
_NOISE = 1e-14
_GAIN = 1e-22
_SETTLED = 1e-8
_USABLE = 1e-6
_RANK = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Climbed:
    """Where B climbs ended.

    Attributes
    ----------
    theta : numpy.ndarray, shape (B, m)
        Parameters of the variances.
    estimates : Estimates
        Coefficients and log-likelihood there.
    derivatives : Derivatives
        Derivatives of the log-likelihood there.
    settled : numpy.ndarray of bool, shape (B,)
        False where a further step would still gain.
    """

    theta: Array
    estimates: Estimates
    derivatives: Derivatives
    settled: BoolArray


def climb(problems: Problems, between: Between, theta: Array, free: BoolArray, unit: Array) -> Climbed:
    """Climb B log-likelihoods from B starts by Newton's method.

    Where a likelihood does not curve down, average-information scoring (Gilmour, Thompson & Cullis 1995)
    takes the place of Newton's method. Steps are halved until they do not lose, and variances on their bound
    of zero stay there while the slope holds them.

    Parameters
    ----------
    problems : Problems
        B problems.
    between : Between
        Parameters of the variances.
    theta : numpy.ndarray, shape (B, m)
        Starts.
    free : numpy.ndarray of bool, shape (m,)
        Which parameters to vary.
    unit : numpy.ndarray, shape (B, m)
        Size of each parameter; a step far below it ends a climb.

    Returns
    -------
    Climbed
        The ends.
    """
    theta = theta.copy()
    height = _height(problems, between, theta).loglik
    noise = _NOISE * (np.abs(height) + problems.y.shape[1])
    alive, last = np.isfinite(height), np.full(len(theta), np.inf)
    for _ in range(_MAX_STEPS):
        rows = np.flatnonzero(alive)
        if rows.size == 0:
            break
        part = problems.take(rows)
        new, new_height = step_up(part, between, theta[rows], height[rows], noise[rows], free)
        gain, length = new_height - height[rows], np.abs(new - theta[rows])
        longest = length.max(axis=1)
        stalled = (gain <= noise[rows]) & (longest > 0.5 * last[rows])
        alive[rows] = ~(stalled | np.all(length <= _TINY * unit[rows], axis=1))
        theta[rows], height[rows], last[rows] = new, new_height, longest
    found, slopes = derivatives(problems, between.spread(theta), theta[:, -1])
    score, observed, average = between.chain(theta, slopes.score, slopes.average, slopes.expected)
    step = newton_step(score, observed, average, free & (~between.positive | (theta > 0) | (score > 0)))
    promise = (step * score).sum(axis=1)
    settled = (promise <= _SETTLED * np.maximum(1.0, np.abs(found.loglik))) & np.isfinite(found.loglik)
    return Climbed(theta, found, slopes, settled)


def _height(problems: Problems, between: Between, theta: Array) -> Estimates:
    return estimates(problems, between.spread(theta), theta[:, -1])


def step_up(
    problems: Problems, between: Between, theta: Array, height: Array, noise: Array, free: BoolArray
) -> tuple[Array, Array]:
    """One step for each problem in all parameters, else in those of T alone, else in omega2 alone."""
    slopes = derivatives(problems, between.spread(theta), theta[:, -1])[1]
    score, observed, average = between.chain(theta, slopes.score, slopes.average, slopes.expected)
    active = free & (~between.positive | (theta > 0) | (score > 0))
    of_spread = np.arange(theta.shape[1]) < theta.shape[1] - 1
    new, new_height = theta.copy(), height.copy()
    waiting = np.ones(len(theta), dtype=np.bool_)
    for chosen in (active, active & of_spread, active & ~of_spread):
        step = newton_step(score, observed, average, chosen)
        promise = (step * score).sum(axis=1)
        trying = waiting & (promise > _GAIN)
        for halving in range(_HALVINGS):
            trying &= (halving == 0) | (promise * 0.5**halving > noise)
            rows = np.flatnonzero(trying)
            if rows.size == 0:
                break
            candidate = theta[rows] + step[rows] * 0.5**halving
            candidate = np.where(between.positive, np.maximum(candidate, 0.0), candidate)
            reached = _height(problems.take(rows), between, candidate).loglik
            good = reached >= height[rows] - noise[rows]
            new[rows[good]], new_height[rows[good]] = candidate[good], reached[good]
            trying[rows[good]] = waiting[rows[good]] = False
        if not waiting.any():
            break
    return new, new_height


def newton_step(score: Array, observed: Array, average: Array, chosen: BoolArray) -> Array:
    """Newton step in the chosen parameters where the likelihood curves down, else the scoring one."""
    values, vectors = _spectrum(observed, chosen)
    largest = np.abs(values).max(axis=1)
    flat = np.flatnonzero(values[:, 0] <= _USABLE * largest)
    if flat.size:
        values[flat], vectors[flat] = _spectrum(average[flat], chosen[flat])
    cut = _RANK * np.abs(values).max(axis=1, keepdims=True)
    inverse = np.divide(1.0, values, out=np.zeros(values.shape), where=values > cut)
    along = np.swapaxes(vectors, 1, 2) @ np.where(chosen, score, 0.0)[..., None]
    return np.where(chosen, (vectors @ (inverse[..., None] * along))[..., 0], 0.0)


def _spectrum(matrix: Array, chosen: BoolArray) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors of the chosen part; the rest is a multiple of the identity."""
    part = np.where(chosen[:, :, None] & chosen[:, None, :], matrix, 0.0)
    size = np.abs(part).max(axis=(1, 2))[:, None] * ~chosen
    return np.linalg.eigh(part + size[:, :, None] * np.eye(matrix.shape[1]))
