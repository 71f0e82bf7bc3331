"""Refitting a family to many simulated data sets of the same trials at once."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.curves.blocks import Blocks
from ketameta.curves.decay_shapes import DecayShape, ExponentialDecay
from ketameta.curves.fit import VarianceFits, fit_many
from ketameta.curves.inputs import TrialTimes
from ketameta.curves.likelihood import Problems, estimates
from ketameta.curves.linear_fit import linear_design
from ketameta.curves.mean import Mean, told_apart
from ketameta.curves.model import CurveFit
from ketameta.curves.nonlinear import Peaks, climb_means
from ketameta.curves.search import at_bounds, lattice, search_bounds
from ketameta.curves.shapes import Exponential, LinearShape
from ketameta.curves.spec import CurveSpec
from ketameta.curves.starts import solved_designs
from ketameta.errors import ModelError

__all__ = ["Refit", "Refitted", "refitting"]

Refitted = tuple[Array, Array, Array, BoolArray]
_SHORT = 1e-7


class Refit(Protocol):
    """A family ready to be fitted to other effects of the same trials.

    ``centre`` is the fitted mean, shape (n,), and ``random`` the design of the random effects, shape (n, q), both
    rotated. ``fitted`` takes rotated effects (B, n) and gives the coefficients of the shape (B, p), the covariance
    of the random effects (B, q, q), ``omega2`` (B,), and which fits settled.
    """

    centre: Array
    random: Array

    def fitted(self, y: Array) -> Refitted:
        """Fit to B data sets."""


def refitting(data: TrialTimes, spec: CurveSpec, fit: CurveFit, blocks: Blocks) -> Refit:
    """What refits the family of a curve.

    Raises
    ------
    ModelError
        If the shape rises and falls and has a random decay.
    """
    if isinstance(fit.shape, LinearShape):
        return _Linear(data, spec, fit, fit.shape, blocks)
    if len(fit.spread) > 1:
        raise ModelError(
            "a shape that rises and falls with a random decay is not refitted to simulated effects; use "
            "options=CurveOptions(random='level') or a shape that is linear in its coefficients."
        )
    return _Decaying(data, spec, fit, blocks)


class _Linear:
    def __init__(
        self, data: TrialTimes, spec: CurveSpec, fit: CurveFit, shape: LinearShape, blocks: Blocks
    ) -> None:
        found = fit.coefficients
        design = linear_design(shape, data.hours, (found.level, found.decay), fit.centre_hours)
        self._blocks, self._x, self._free = blocks, blocks.turn(design)[None], fit.free
        self._reml = spec.options.method == "REML"
        self._turn = found.turn(dict(spec.values))
        slope = blocks.turn(np.log2(data.hours / fit.centre_hours))
        self._slope = slope[None] if len(fit.spread) == 2 else None
        self.centre = self._x[0] @ found.values
        self.random = np.stack([blocks.ones, slope], axis=1)[:, : len(fit.spread)]

    def fitted(self, y: Array) -> Refitted:
        fits = fit_many(self._blocks, y, self._x, reml=self._reml, free=self._free, slope=self._slope)
        if self._slope is not None:
            return fits.beta @ self._turn.T, fits.spread, fits.omega2, fits.settled
        beta, spread, omega2 = _without_omega(self._blocks, y, self._x, fits, self._reml)
        return beta @ self._turn.T, spread, omega2, fits.settled


class _Decaying:
    def __init__(self, data: TrialTimes, spec: CurveSpec, fit: CurveFit, blocks: Blocks) -> None:
        found = fit.coefficients
        plain = isinstance(fit.shape, Exponential)
        shape = ExponentialDecay(fit.shape.origin_hours) if isinstance(fit.shape, Exponential) else fit.shape
        if not isinstance(shape, DecayShape):
            raise ModelError(f"{fit.shape.describe()} cannot be refitted to simulated effects.")
        level = np.concatenate([np.ones((data.yi.size, 1)), found.level.x], axis=1)
        self._blocks, self._mean = blocks, Mean(shape, data.hours, level, found.decay.x)
        self._reml, self._free, self._plain = spec.options.method == "REML", fit.free, plain
        self._turn = found.turn(dict(spec.values))
        self._points = lattice(blocks, self._mean)
        self._bounds = search_bounds(self._mean, self._points)
        p, r = len(shape.names()), level.shape[1]
        self._order = np.array(
            [0, *range(r, r + p - 1), *range(1, r), *range(r + p - 1, r + self._mean.inner)]
        )
        values = found.values.copy()
        if plain:
            values[1] = math.log(math.log(2) / values[1]) if values[1] > 0 else self._bounds[1][0]
        straight = np.empty(values.size)
        straight[self._order] = values
        self._psi, alpha = straight[r:], straight[:r]
        self._theta = np.array([fit.tau2, fit.omega2])
        self.centre = blocks.turn((level @ alpha) * self._mean.relative(self._psi[None])[0][0])
        self.random = blocks.ones[:, None]
        usable = self._points.usable
        weight = 1.0 / (blocks.spectrum + fit.omega2)[None]
        g = blocks.ones * weight
        shrink = fit.tau2 / (1 + fit.tau2 * blocks.sums_of_many(blocks.ones * g))
        solved, information = solved_designs(blocks, self._points.designs[usable], weight, g, shrink)
        self._solved, self._inverse = solved[:, 0], np.linalg.inv(information[:, 0])
        self._starts = self._points.points[usable]

    def fitted(self, y: Array) -> Refitted:
        blocks, mean, r = self._blocks, self._mean, self._mean.level.shape[1]
        peaks = self._peaks(y)
        alpha, psi = peaks.alpha, peaks.psi
        spread, omega2 = peaks.theta[:, :1, None], peaks.theta[:, 1]
        settled = peaks.settled & np.isfinite(peaks.loglik)
        if self._reml:
            alpha, spread, omega2 = alpha.copy(), spread.copy(), omega2.copy()
            tangent = mean.tangent(alpha, psi)
            size = np.sqrt((tangent**2).sum(axis=1))
            loose = ~np.logical_or(*at_bounds(psi, *self._bounds))
            candidates = np.concatenate([np.ones(alpha.shape, dtype=np.bool_), loose], axis=1)
            kept = np.stack(
                [told_apart(one, allowed) for one, allowed in zip(tangent, candidates, strict=True)]
            )
            patterns, member = np.unique(kept, axis=0, return_inverse=True)
            for j, pattern in enumerate(patterns):
                rows = np.flatnonzero(member.ravel() == j)
                turned = blocks.turn_many((tangent / np.where(kept, size, 1.0)[:, None])[rows][:, :, pattern])
                fits = fit_many(blocks, y[rows], turned, reml=True, free=self._free)
                _, spread[rows], omega2[rows] = _without_omega(blocks, y[rows], turned, fits, True)
                settled[rows] &= fits.settled
            problems = Problems(
                blocks, y, blocks.turn_many(tangent[..., :r]), blocks.ones[None, :, None], False
            )
            alpha = estimates(problems, spread, omega2).beta
        values = np.concatenate([alpha, psi], axis=1)[:, self._order]
        if self._plain:
            flat = at_bounds(psi, *self._bounds)[1][:, 0]
            values[:, 1] = np.where(flat, 0.0, math.log(2) * np.exp(-values[:, 1]))
        return values @ self._turn.T, spread, omega2, settled

    def _peaks(self, y: Array) -> Peaks:
        """The best of two climbs for each data set: from the fit, and from its best point of the lattice."""
        right = np.tensordot(y, self._solved, axes=([1], [1]))
        height = np.einsum("bgr,grs,bgs->bg", right, self._inverse, right)
        psi = np.concatenate(
            [np.repeat(self._psi[None], len(y), axis=0), self._starts[height.argmax(axis=1)]]
        )
        count = len(psi)
        low, high = (np.repeat(part[None], count, axis=0) for part in self._bounds)
        effects = np.concatenate([self._blocks.turn_back(y)] * 2)
        peaks = climb_means(
            self._blocks,
            effects,
            self._mean,
            psi,
            np.repeat(self._theta[None], count, axis=0),
            free=np.array(self._free),
            low=low,
            high=high,
            held=np.zeros(self._mean.inner, dtype=np.bool_),
            short=_SHORT,
        )
        better = peaks.loglik.reshape(2, -1).argmax(axis=0)
        best = peaks.take(np.arange(len(y)) + len(y) * better)
        if self._mean.shape.exchangeable:
            best.psi[:, :2] = -np.sort(-best.psi[:, :2], axis=1)
        return best


def _without_omega(
    blocks: Blocks, y: Array, x: Array, fits: VarianceFits, reml: bool
) -> tuple[Array, Array, Array]:
    """Coefficients and variances, ``omega2`` zero where the likelihood cannot tell both variances apart."""
    rows = np.flatnonzero(~fits.distinguishable)
    beta, spread, omega2 = fits.beta.copy(), fits.spread.copy(), fits.omega2.copy()
    if rows.size:
        simpler = fit_many(blocks, y[rows], x if len(x) == 1 else x[rows], reml=reml, free=(True, False))
        beta[rows], spread[rows], omega2[rows] = simpler.beta, simpler.spread, simpler.omega2
    return beta, spread, omega2
