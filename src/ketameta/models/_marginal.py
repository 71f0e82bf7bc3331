"""Log-likelihoods of the binomial-normal models, with first and second derivatives.

The predictors of a study are linear in the parameters: its log odds ratio is ``theta + tau z1``, its level (the
mean of the two log odds) a parameter of its own, or ``alpha + sigma z2``. Derivatives of the marginal likelihood
are means over the posterior of ``z`` of those of the complete one (Louis 1982, J R Stat Soc B 44:226-233).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Protocol

import numpy as np

from ketameta._typing import Array
from ketameta.models.quadrature import Rule, concave_modes, hermite_rule

__all__ = ["Density", "Likelihood", "Point", "Surface"]

THETA, TAU = 0, 1


class Density(Protocol):
    """Log density of the counts of each study, given its linear predictors."""

    def evaluate(self, predictors: Array) -> tuple[Array, Array, Array]:
        """Values (k, m), gradients (k, m, c) and second derivatives (k, m, c, c)."""
        ...

    def constant(self) -> float:
        """What the log-likelihood holds besides."""
        ...

    def peaks(self) -> tuple[Array, Array, Array]:
        """Largest value of each study, the log odds ratio there, and the information on it."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """Parameters: those of all studies, ``[theta, tau]`` or ``[theta, tau, alpha, sigma]``, and each study's own.

    ``own`` has shape (k,), or (0,) where studies have no parameter of their own.
    """

    shared: Array
    own: Array

    def moved(self, shared: Array, own: Array, part: float = 1.0) -> Point:
        """The point a part of a step further."""
        return Point(self.shared + part * shared, self.own + part * own)


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The log-likelihood at a point: value, gradients, and the blocks of its second derivatives."""

    value: float
    slope: Array
    own_slope: Array
    bend: Array
    cross: Array
    own_bend: Array

    def reduced(self) -> tuple[Array, Array]:
        """Gradient and second derivatives over the shared parameters, the studies' own at their best."""
        if not self.own_slope.size:
            return self.slope, self.bend
        ratio = self.cross / self.own_bend[:, None]
        return self.slope - ratio.T @ self.own_slope, self.bend - self.cross.T @ ratio

    def own_step(self, step: Array) -> Array:
        """Newton step of the studies' own parameters that goes with a step of the shared ones."""
        result: Array = -(self.own_slope + self.cross @ step) / self.own_bend
        return result


class Likelihood:
    """Marginal likelihood of all studies by adaptive Gauss-Hermite quadrature.

    Parameters
    ----------
    density : Density
        Of the counts given the predictors.
    model : {"UM.FS", "UM.RS", "CM.EL"}
        Unconditional with fixed or with random levels of the studies; conditional.
    nodes : int
        Quadrature nodes along each axis.
    """

    def __init__(self, density: Density, model: str, nodes: int) -> None:
        self.density, self.model, self.nodes = density, model, nodes
        self.dimensions = 2 if model == "UM.RS" else 1
        self.component = {"CM.EL": [0, 0], "UM.FS": [0, 0, 1], "UM.RS": [0, 0, 1, 1]}[model]
        self._modes: Array | None = None

    def finer(self, nodes: int) -> Likelihood:
        """The same with another number of nodes."""
        return Likelihood(self.density, self.model, nodes)

    def predictors(self, point: Point, z: Array) -> Array:
        """Linear predictors at standardised random effects ``z`` (k, m, d)."""
        effect: Array = point.shared[THETA] + point.shared[TAU] * z[..., 0]
        if self.model == "CM.EL":
            return effect[..., None]
        if self.model == "UM.FS":
            level = np.broadcast_to(point.own[:, None], effect.shape)
        else:
            level = point.shared[2] + point.shared[3] * z[..., 1]
        return np.stack([effect, level], axis=-1)

    def _nodes_at(self, point: Point, k: int) -> tuple[Array, Array]:
        scale = np.array(
            [point.shared[TAU], point.shared[3]] if self.model == "UM.RS" else [point.shared[TAU]]
        )
        d = self.dimensions

        def complete(z: Array) -> tuple[Array, Array, Array]:
            value, slope, bend = self.density.evaluate(self.predictors(point, z[:, None, :]))
            slope, bend = slope[:, 0, :d] * scale, bend[:, 0, :d, :d] * scale * scale[:, None]
            return value[:, 0] - np.sum(z * z, axis=-1) / 2.0, slope - z, bend - np.eye(d)

        start = np.zeros((k, d)) if self._modes is None else self._modes
        modes, curvature = concave_modes(complete, start)
        self._modes = modes
        rule: Rule = hermite_rule(self.nodes, d)
        return rule.place(modes, curvature)

    def at(self, point: Point, k: int) -> Surface:
        """The log-likelihood and its derivatives at a point, for ``k`` studies."""
        z, log_weights = self._nodes_at(point, k)
        value, slope, bend = self.density.evaluate(self.predictors(point, z))
        logs = value + log_weights - np.sum(z * z, axis=-1) / 2.0
        top = logs.max(axis=1, keepdims=True)
        weights = np.exp(logs - top)
        total = weights.sum(axis=1, keepdims=True)
        weights /= total
        factors = np.ones((*z.shape[:2], len(self.component)))
        factors[..., TAU] = z[..., 0]
        if self.model == "UM.RS":
            factors[..., 3] = z[..., 1]
        score = slope[..., self.component] * factors
        mean = np.einsum("km,kmp->kp", weights, score)
        away = score - mean[:, None, :]
        second = np.swapaxes(away * weights[..., None], 1, 2) @ away
        for p, q in combinations_with_replacement(range(len(self.component)), 2):
            curve = bend[..., self.component[p], self.component[q]]
            part = np.sum(weights * curve * factors[..., p] * factors[..., q], axis=1)
            second[:, p, q] += part
            if p != q:
                second[:, q, p] += part
        n = 2 if self.model == "UM.FS" else len(self.component)
        own = slice(n, None)
        return Surface(
            float(np.sum(top + np.log(total))),
            mean[:, :n].sum(axis=0),
            mean[:, own].ravel(),
            second[:, :n, :n].sum(axis=0),
            second[:, own, :n].reshape(-1, n),
            second[:, own, own].ravel(),
        )
