"""Fits of many replications of a literature in step, for curve_recovery.py.

By the functions that ``ketameta.curves.durability`` fits one at a time with; tests hold both against each other.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from ketameta._typing import Array, BoolArray
from ketameta.curves.blocks import Blocks, rotate
from ketameta.curves.decay_shapes import Bateman, DecayShape, ExponentialDecay
from ketameta.curves.fit import VarianceFits, fit_many
from ketameta.curves.inputs import TrialTimes
from ketameta.curves.likelihood import Problems, estimates
from ketameta.curves.linear_fit import linear_shape
from ketameta.curves.mean import Mean
from ketameta.curves.model import fit_curve
from ketameta.curves.nonlinear import Peaks, climb_means
from ketameta.curves.readouts import half_life
from ketameta.curves.search import at_bounds
from ketameta.curves.shapes import Shape
from ketameta.curves.spec import CurveSpec
from ketameta.curves.starts import heights

LEVEL = 0.95
READ = {"24h": 24.0, "7d": 168.0}
ALLOWED = float(ndtri((1 + LEVEL) / 2)) ** 2 / 2
MUTE, DISTINCT, FINE, ROUGH = 1e-10, 1e-5, 1e-9, 1e-4


@dataclass(frozen=True, slots=True)
class Truth:
    """A known curve; ``half_life`` is that of its decay in hours, NaN where decay has none."""

    shape: Shape
    beta: tuple[float, ...]
    half_life: float

    def value(self, hours: Array) -> Array:
        """True effect."""
        return self.shape.value(np.array(self.beta), hours)

    def half_time(self, first: float, last: float) -> float:
        """Time since dosing at which the curve has fallen to half of its peak between first and last."""
        grid = np.geomspace(first, 1e4, 200_001)
        height = -self.value(grid)
        top = int(np.argmax(np.where(grid <= last, height, -np.inf)))
        below = height[top:] < height[top] / 2
        return float(grid[top + int(np.argmax(below))]) if below.any() else math.inf


def variances(blocks: Blocks, y: Array, x: Array) -> VarianceFits:
    """REML of many fits; omega2 is zero where it cannot be told from tau2."""
    fits = fit_many(blocks, y, x, reml=True)
    told = fits.distinguishable
    if told.all():
        return fits
    rows = np.flatnonzero(~told)
    other = fit_many(blocks, y[rows], x if len(x) == 1 else x[rows], reml=True, free=(True, False))
    merged = {}
    for field in dataclasses.fields(VarianceFits):
        values = getattr(fits, field.name).copy()
        values[rows] = getattr(other, field.name)
        merged[field.name] = values
    return VarianceFits(**merged)


@dataclass(frozen=True, slots=True)
class Found:
    """What n fits say: effects at the times of ``READ`` with standard errors, and the half-life.

    ``half`` is the half-life over the true one where that is finite.
    """

    estimate: Array
    se: Array
    half: Array
    covered: BoolArray
    open_low: BoolArray
    open_high: BoolArray
    failed: BoolArray
    df: int


def fit_splines(data: TrialTimes, spec: CurveSpec, y: Array, truth: Truth) -> Found:
    """Natural splines with the default knots; half-lives read off one by one."""
    blocks = rotate(data.covariances(rho=spec.rho, correlation="log-time"))
    shape = linear_shape(data, spec)
    fits = variances(
        blocks, blocks.turn_many(y[..., None])[..., 0], blocks.turn(shape.basis(data.hours))[None]
    )
    at = shape.basis(np.array(list(READ.values())))
    first, last = float(data.hours.min()), float(data.hours.max())
    one = fit_curve(dataclasses.replace(data, yi=y[0]), spec)
    read = [
        half_life(dataclasses.replace(one, beta=beta, vcov=vcov), first, last, LEVEL)
        for beta, vcov in zip(fits.beta, fits.vcov, strict=True)
    ]
    low, high = (np.array([getattr(out, end) for out in read]) for end in ("ci_low", "ci_high"))
    true = truth.half_time(first, last)
    half = np.array([math.inf if out.value is None else out.value for out in read])
    return Found(
        estimate=fits.beta @ at.T,
        se=np.sqrt(np.einsum("mi,bij,mj->bm", at, fits.vcov, at)),
        half=half / true if math.isfinite(true) else half,
        covered=(low <= true) & (true <= high),
        open_low=low <= first,
        open_high=np.isinf(high),
        failed=~fits.settled,
        df=max(len(data.trials) - len(shape.names()), 1),
    )


def starts(blocks: Blocks, y: Array, mean: Mean, low: Array, high: Array) -> tuple[Array, Array]:
    """Log parameters and variances to climb from, for each of n data sets: shapes (s, n, inner) and (s, n, 2).

    Of each onset the half-life of decay with the highest likelihood, and the best three of these.
    """
    lives = np.log([4.0, 12.0, 36.0, 80.0, 160.0, 320.0, 800.0, 5000.0])
    onsets = np.log([0.5, 2.0, 6.0, 20.0, 72.0]) if len(low) > 1 else np.zeros(1)
    scale = float(y.var() + blocks.spectrum.mean())
    shares = scale * np.array([0.0, 0.03, 0.3, 1.0])
    tau2, omega2 = (part.ravel() for part in np.meshgrid(shares, shares))
    turned, ones = blocks.turn_many(y[..., None])[..., 0], blocks.ones[None, :, None]
    height = np.full((onsets.size, lives.size, len(y)), -np.inf)
    best = np.zeros(height.shape, dtype=np.int64)
    grid = np.empty((onsets.size, lives.size, len(low)))
    for i, j in np.ndindex(onsets.size, lives.size):
        grid[i, j] = np.clip([lives[j], onsets[i]][: len(low)], low, high)
        if i and onsets[i] > lives[j]:
            continue
        x = blocks.turn_many(mean.relative(grid[i, j][None])[0][..., None])
        reached = heights(Problems(blocks, turned, x, ones, False), tau2, omega2)
        best[i, j], height[i, j] = reached.argmax(axis=1), reached.max(axis=1)
    life = height.argmax(axis=1)
    row, column = np.arange(onsets.size)[:, None], np.arange(len(y))
    top = np.argsort(-height[row, life, column], axis=0, kind="stable")[:3]
    chosen = life[top, column]
    at = best[top, chosen, column]
    return grid[top, chosen], np.stack([tau2[at], omega2[at]], axis=2)


def climbed(
    blocks: Blocks,
    y: Array,
    mean: Mean,
    points: Array,
    theta: Array,
    held: BoolArray,
    low: Array,
    high: Array,
) -> Peaks:
    """The best of several climbs for each of n data sets; ``points`` (s, n, inner), ``theta`` (s, n, 2)."""
    count, n = points.shape[:2]
    every = np.tile(np.arange(n), count)
    peaks = climb_means(
        blocks,
        y[every],
        mean,
        points.reshape(count * n, -1),
        theta.reshape(count * n, -1),
        free=np.ones(2, dtype=np.bool_),
        low=np.repeat(low[None], count * n, axis=0),
        high=np.repeat(high[None], count * n, axis=0),
        held=held,
        short=FINE if count == 1 else ROUGH,
    )
    best = peaks.loglik.reshape(count, n).argmax(axis=0) * n + np.arange(n)
    return peaks.take(best)


def fit_decays(data: TrialTimes, spec: CurveSpec, y: Array, truth: Truth) -> Found:
    """Exponential or Bateman curves by ML, then REML of the linearised model; profile likelihood of half-life."""
    blocks = rotate(data.covariances(rho=spec.rho, correlation="log-time"))
    shape: DecayShape = Bateman() if spec.curve == "bateman" else ExponentialDecay(float(data.hours.min()))
    mean = Mean(shape, data.hours, np.ones((data.hours.size, 1)), np.empty((data.hours.size, 0)))
    n, inner = len(y), mean.inner
    low, high = shape.bounds(np.unique(data.hours)).T
    none = np.zeros(inner, dtype=np.bool_)
    rough = climbed(blocks, y, mean, *starts(blocks, y, mean, low, high), none, low, high)
    peak = climbed(blocks, y, mean, rough.psi[None], rough.theta[None], none, low, high)

    def profile(log_hours: float) -> Array:
        """Highest log-likelihoods at one half-life."""
        at = peak.psi.copy()
        at[:, 0] = log_hours
        ceiling = high.copy()
        if inner > 1:
            ceiling[1] = max(min(high[1], log_hours), low[1])
        several = np.repeat(at[None], inner, axis=0)
        several[1:, :, -1] = math.log(6.0)
        several, theta = np.clip(several, low, ceiling), np.repeat(peak.theta[None], inner, axis=0)
        return climbed(blocks, y, mean, several, theta, np.arange(inner) == 0, low, ceiling).loglik

    psi = peak.psi.copy()
    if inner > 1:
        psi = -np.sort(-psi, axis=1)
    true = truth.half_life
    log_true = math.log(true) if math.isfinite(true) else float(high[0])
    ends = {"true": log_true, "low": float(low[0]), "high": float(high[0])}
    drop = {name: peak.loglik - profile(at) for name, at in ends.items()}
    at_low, at_high = at_bounds(psi, low, high)
    candidates = np.ones((n, 1 + inner), dtype=np.bool_)
    if inner > 1:
        candidates[:, 1:] = ~(at_low | at_high)
    estimate, se, settled = linearised(blocks, y, mean, psi, candidates)
    half = np.where(at_high[:, 0], math.inf, np.exp(psi[:, 0]))
    return Found(
        estimate=estimate,
        se=se,
        half=half / true if math.isfinite(true) else half,
        covered=drop["true"] <= ALLOWED,
        open_low=drop["low"] <= ALLOWED,
        open_high=drop["high"] <= ALLOWED,
        failed=~(settled & peak.settled),
        df=max(len(data.trials) - 1 - inner, 1),
    )


def told_apart(design: Array, candidates: BoolArray) -> BoolArray:
    """Columns of each design that do not follow from those before them, among the candidates."""
    length = np.sqrt((design**2).sum(axis=1))
    kept = candidates & (length > MUTE * length.max(axis=1, keepdims=True))
    base: list[Array] = []
    for j in range(design.shape[2]):
        rest = design[..., j] / np.where(kept[:, j], length[:, j], 1.0)[:, None]
        for _ in range(2):
            for one in base:
                rest = rest - one * (one * rest).sum(axis=1, keepdims=True)
        left = np.sqrt((rest**2).sum(axis=1))
        kept[:, j] &= left > DISTINCT
        base.append(np.where(kept[:, j, None], rest / np.where(left > 0, left, 1.0)[:, None], 0.0))
    return kept


def linearised(
    blocks: Blocks, y: Array, mean: Mean, psi: Array, candidates: BoolArray
) -> tuple[Array, Array, BoolArray]:
    """Effects at the times of ``READ``, their standard errors by the delta method, and whether fits settled.

    REML of the model linearised at ``psi``; an amplitude multiplies tangent and gradient and cancels.
    """
    height, slopes = mean.relative(psi)
    tangent = np.concatenate([height[..., None], slopes], axis=2)
    kept = told_apart(tangent, candidates)
    times = np.array(list(READ.values()))
    at_height, at_slopes = mean.shape.relative(psi[:, None], times)
    gradient = np.concatenate([at_height[..., None], at_slopes], axis=2)
    estimate, se = np.empty(at_height.shape), np.empty(at_height.shape)
    settled = np.zeros(len(y), dtype=np.bool_)
    turned = blocks.turn_many(y[..., None])[..., 0]
    for pattern in np.unique(kept, axis=0):
        rows = np.flatnonzero((kept == pattern).all(axis=1))
        columns = tangent[rows][:, :, pattern]
        size = np.sqrt((columns**2).sum(axis=1))
        x = blocks.turn_many(columns / size[:, None])
        fits = variances(blocks, turned[rows], x)
        ones = blocks.ones[None, :, None]
        alone = estimates(Problems(blocks, turned[rows], x[:, :, :1], ones, False), fits.spread, fits.omega2)
        estimate[rows] = alone.beta / size[:, :1] * at_height[rows]
        slope = gradient[rows][:, :, pattern] / size[:, None]
        se[rows] = np.sqrt(np.einsum("bmi,bij,bmj->bm", slope, fits.vcov, slope))
        settled[rows] = fits.settled
    return estimate, se, settled
