"""Posterior of tau in the normal-normal model, by Gauss-Legendre panels on log tau.

Given tau, mu is normal, so that the likelihood of tau is known in closed form (Roever 2020, J Stat Softw 93(6),
sections 2.4 to 2.6). The posterior is integrated over panels of log tau that are halved until their Legendre
series end. Below the first panel the likelihood is constant and the prior's own distribution takes over.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from scipy import optimize

from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models._mu_given_tau import Model
from ketameta.models._panels import NEGLIGIBLE, TOO_FAR, Panels, invert, panels
from ketameta.models.priors import TauPrior

__all__ = ["TauPosterior", "log_evidence", "posterior_of_tau"]

_DEEP = 9.0
_TOP = 335.0
_SIZES = (1e-60, 1e60)
_DIGITS = 1e-8
_TIE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class TauPosterior:
    """Posterior of tau, normalised.

    Attributes
    ----------
    model, prior : Model, TauPrior
    log_evidence : float
        Log of the integral of likelihood times prior.
    atom, floor : float
        Mass below ``floor``, the first edge of the panels in tau.
    panels : Panels
    """

    model: Model
    prior: TauPrior
    log_evidence: float
    atom: float
    floor: float
    panels: Panels

    def nodes(self) -> tuple[Array, Array]:
        """Values of tau and their posterior weights, for sums over the posterior."""
        tau, weight = np.exp(self.panels.nodes).ravel(), self.panels.weights.ravel() * self._scale
        if self.atom > 0.0:
            low = self.prior.quantile(0.5 * self.prior.below(np.array([self.floor])))
            tau, weight = np.concatenate([low, tau]), np.concatenate([[self.atom], weight])
        return tau, weight / weight.sum()

    @property
    def _scale(self) -> float:
        return math.exp(self.panels.log_scale - self.log_evidence)

    def pdf(self, tau: Array) -> Array:
        """Density; 0 below 0."""
        inside = (tau >= 0.0) & (tau <= self.prior.upper)
        at = np.where(inside, tau, 0.0)
        log = self.model.given(at)[0] + self.prior.log_density(at) - self.log_evidence
        with np.errstate(over="ignore"):
            return np.asarray(np.where(inside, np.exp(log), 0.0))

    def cdf(self, tau: Array) -> Array:
        """Probability below."""
        return self._tails(tau)[0]

    def sf(self, tau: Array) -> Array:
        """Probability above."""
        return self._tails(tau)[1]

    def quantile(self, p: Array) -> Array:
        """Value with probability ``p`` below, for p between 0 and 1."""
        edges, series, mass = self._series()
        reach = self.atom + np.concatenate([[0.0], np.cumsum(mass)])
        i = np.clip(np.searchsorted(reach, p, side="right") - 1, 0, mass.size - 1)
        t = invert(series[:, i], np.maximum(p - reach[i], 0.0))
        tau = np.exp(0.5 * (edges[i] + edges[i + 1]) + 0.5 * (edges[i + 1] - edges[i]) * t)
        if self.atom > 0.0:
            share = np.clip(p / self.atom, 0.0, 1.0)
            tau = np.where(
                p < self.atom, self.prior.quantile(share * self.prior.below(np.array(self.floor))), tau
            )
        return np.asarray(np.where(p <= 0.0, 0.0, np.where(p >= 1.0, self.prior.upper, tau)))

    def mode(self) -> float:
        """Highest point of the density, the lowest of equals; where it is not bounded at 0, the highest inside, or 0."""
        tau = np.exp(self.panels.nodes.ravel())
        density = self.pdf(tau)
        ends = [0.0, self.prior.upper] if math.isfinite(self.prior.upper) else [0.0]
        heights = self.pdf(np.array(ends))
        places = [(float(h), x) for h, x in zip(heights, ends, strict=True) if math.isfinite(h)]
        peaks = np.flatnonzero((density[1:-1] > density[:-2]) & (density[1:-1] >= density[2:])) + 1
        if peaks.size:
            best = int(peaks[np.argmax(density[peaks])])
            x = np.log(tau[best - 1 : best + 2])
            found = optimize.minimize_scalar(
                lambda at: -self.pdf(np.exp([at]))[0],
                bounds=(x[0], x[2]),
                method="bounded",
                options={"xatol": 1e-11},
            )
            places.append((-float(found.fun), math.exp(found.x)))
        top = max((height for height, _ in places), default=0.0)
        return next((place for height, place in places if height >= top * (1.0 - _TIE)), 0.0)

    def shortest(self, level: float) -> tuple[float, float]:
        """Shortest interval with this probability."""
        spare = 1.0 - level
        p = spare * np.concatenate(
            [[0.0], np.geomspace(1e-6, 1.0 / 80.0, 9), np.linspace(1.0 / 64.0, 1.0, 64)]
        )
        ends = self._rough(np.concatenate([p, p + level]))
        best = int(np.argmin(ends[p.size :] - ends[: p.size]))

        def slope(left: float) -> float:
            low, high = self.pdf(self.quantile(np.array([left, left + level])))
            return float(high - low)

        last = p.size - (1 if math.isfinite(self.prior.upper) else 2)
        i = j = min(best, last)
        while i > 0 and slope(p[i]) <= 0.0:
            i -= 1
        while j < last and slope(p[j]) >= 0.0:
            j += 1
        if slope(p[i]) <= 0.0:
            place = 0.0
        elif slope(p[j]) >= 0.0:
            place = p[last]
        else:
            place = optimize.brentq(slope, p[i], p[j], xtol=1e-15, rtol=1e-13)
        left, right = self.quantile(np.array([place, place + level]))
        return float(left), float(right)

    def _rough(self, p: Array) -> Array:
        """Quantiles to a few digits."""
        _, _, mass = self._series()
        left = self.atom + np.concatenate([[0.0], np.cumsum(mass)[:-1]])
        reached = (left[:, None] + self.panels.integrals() * self._scale).ravel()
        tau = np.exp(np.append(self.panels.nodes.ravel(), self.panels.edges[-1]))
        return np.asarray(np.interp(p, np.concatenate([[0.0], reached, [1.0]]), np.concatenate([[0.0], tau])))

    def _series(self) -> tuple[Array, Array, Array]:
        """Edges, Legendre series of the mass from the left of each panel, shape (n + 1, p), and their masses."""
        masses = self.panels.weights.sum(axis=1)
        return self.panels.edges, self.panels.series * self._scale, masses * self._scale

    def _tails(self, tau: Array) -> tuple[Array, Array]:
        edges, series, mass = self._series()
        with np.errstate(divide="ignore"):
            x = np.clip(np.log(np.maximum(tau, 0.0)), edges[0], edges[-1])
        i = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, mass.size - 1)
        t = (2.0 * x - edges[i] - edges[i + 1]) / (edges[i + 1] - edges[i])
        part = legendre.legval(t, series[:, i], tensor=False)
        left = np.concatenate([[0.0], np.cumsum(mass)])[i] + part
        right = np.append(np.cumsum(mass[::-1])[::-1], 0.0)[i + 1] + mass[i] - part
        low = self.atom * np.ones_like(x)
        if self.atom > 0.0:
            floor = np.array(self.floor)
            low = self.atom * self.prior.below(np.clip(tau, 0.0, floor)) / self.prior.below(floor)
        return np.clip(left + low, 0.0, 1.0), np.clip(right + self.atom - low, 0.0, 1.0)


def posterior_of_tau(model: Model, prior: TauPrior, *, order: int) -> TauPosterior:
    """Posterior of tau; ``order`` is the highest moment of tau that exists, at most 2.

    Refused where sizes or the far tail do not fit into floats, and where rounding of the log density would show.
    """
    low, top = _range(model, prior)

    def log_f(x: Array) -> Array:
        tau = np.exp(x)
        return np.asarray(model.given(tau)[0] + prior.log_density(tau) + x)

    found = panels(log_f, low, _end(log_f, low, top, prior, order), order)
    if abs(found.log_scale) * np.finfo(np.float64).eps > _DIGITS:
        raise ModelError(
            "the effects and the priors contradict each other by more than floating-point numbers can weigh up; check "
            "the units of yi, vi and the priors, or take a wider prior"
        )
    if found.edges[-1] == _TOP and found.values[-1].max() > _DIGITS * found.weights.sum():
        raise ModelError(
            f"{prior} reaches farther than floating-point numbers do; take a prior with a lighter tail"
        )
    total, atom = math.log(found.weights.sum()) + found.log_scale, -math.inf
    if found.edges[0] == low:
        floor = np.array([math.exp(low)])
        with np.errstate(divide="ignore"):
            atom = float(model.given(np.zeros(1))[0][0] + np.log(prior.below(floor))[0])
    evidence = float(np.logaddexp(total, atom))
    return TauPosterior(model, prior, evidence, math.exp(atom - evidence), math.exp(found.edges[0]), found)


def log_evidence(model: Model, prior: TauPrior, mu: float) -> float:
    """Log of the probability of the effects when mu is known and tau has this prior."""
    low, top = _range(model, prior)

    def log_f(x: Array) -> Array:
        tau = np.exp(x)
        return np.asarray(model.at(mu, tau) + prior.log_density(tau) + x)

    found = panels(log_f, low, _end(log_f, low, top, prior, 0), 0)
    total = math.log(found.weights.sum()) + found.log_scale
    if found.edges[0] > low:
        return total
    with np.errstate(divide="ignore"):
        atom = model.at(mu, np.zeros(1)) + np.log(prior.below(np.array([math.exp(low)])))
    return float(np.logaddexp(total, atom[0]))


def _range(model: Model, prior: TauPrior) -> tuple[float, float]:
    """Log tau where the likelihood has become constant on its way to 0, and a place beyond all scales."""
    sizes = [math.sqrt(model.v.min()), math.sqrt(model.v.max()), float(np.ptp(model.y))]
    if prior.tail > 0.0:
        with np.errstate(over="ignore"):
            sizes.append(float(prior.quantile(np.array(0.5))))
    others = [] if model.prior is None else [model.prior.sd, abs(model.prior.mean)]
    if any(size > 0.0 and not _SIZES[0] <= size <= _SIZES[1] for size in sizes + others):
        raise ModelError(TOO_FAR)
    scales = [math.log(size) for size in sizes if size > 0.0]
    low, top = min(scales), max(scales)
    if math.isfinite(prior.upper):
        low = min(low, math.log(prior.upper))
    return max(low - _DEEP, -_TOP), min(top, _TOP)


def _end(log_f: Callable[[Array], Array], low: float, top: float, prior: TauPrior, order: int) -> float:
    """Log tau beyond which nothing is left of the integral and of the moments that exist."""
    last = min(math.log(prior.upper) if math.isfinite(prior.upper) else _TOP, _TOP)
    span = 20.0
    while top + span < last:
        x = np.linspace(low, top + span, 200)
        g = log_f(x)
        tilted = g + order * x
        if g[-1] < g.max() - NEGLIGIBLE and tilted[-1] < tilted.max() - NEGLIGIBLE:
            return top + span
        span *= 2.0
    return last
