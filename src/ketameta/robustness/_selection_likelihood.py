"""Log-likelihood of a random-effects model under selection by P value, with its first and second derivatives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from ketameta._typing import Array
from ketameta.robustness._selection_weights import Scheme, p_values

__all__ = ["Likelihood"]

_FAR = 40.0
_ROOT = 1.0 / math.sqrt(2.0 * math.pi)
_LOG_2PI = math.log(2.0 * math.pi)


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    r"""k effects, P falling as they rise, and a weight function; a point is x = (mu, log(1 + tau2), theta).

    Attributes
    ----------
    y, v, sd, p : Array, shape (k,)
        Effects, sampling variances, their roots, and P values.
    scheme : Scheme
        The weight function.
    own : Array, shape (k, m)
        f(p) of the studies.

    Notes
    -----
    With s = v + tau2 the density of an effect that is seen is w(p) phi(y; mu, s) / A, where A = E w(p(Y)) with
    Y normal (mu, s). A is a sum of exp(theta . f) over ranges, in which each term is a difference of normal
    distribution functions, and over nodes, in which it is a density; both are known with all derivatives in
    mu by Hermite polynomials. Those in s follow as dA/ds = A'' / 2, the heat equation.
    """

    y: Array
    v: Array
    sd: Array
    p: Array
    scheme: Scheme
    own: Array

    @staticmethod
    def of(y: Array, v: Array, scheme: Scheme) -> Likelihood:
        """Of effects and variances."""
        sd = np.sqrt(v)
        p = p_values(y / sd, two_sided=scheme.two_sided)
        return Likelihood(y, v, sd, p, scheme, scheme.of_p(p))

    def at(self, x: Array) -> tuple[float, Array, Array]:
        """Value, gradient (2 + m,) and Hessian (2 + m, 2 + m); the value is -inf where it cannot be computed."""
        with np.errstate(all="ignore"):
            value, gradient, hessian = self._at(x)
        if not (math.isfinite(value) and np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            return -math.inf, gradient, hessian
        return value, gradient, hessian

    def _at(self, x: Array) -> tuple[float, Array, Array]:
        mu, s, theta = x[0], self.v + math.expm1(x[1]), x[2:]
        f = self.scheme.features
        log_weight = f @ theta
        highest = log_weight.max()
        weight = np.exp(log_weight - highest)
        g = self._moments(mu, s)
        d = g @ weight / (g[0] @ weight)
        by_theta = g[:3] @ (weight[:, None] * f) / (g[0] @ weight)[:, None]
        r = self.y - mu
        value = (self.own @ theta - highest - np.log(g[0] @ weight)).sum()
        value -= 0.5 * (np.log(s) + r * r / s + _LOG_2PI).sum()
        m = theta.size
        first = np.column_stack([d[1], 0.5 * d[2], by_theta[0]])
        own = np.column_stack([r / s, (r * r / s - 1.0) / (2.0 * s), self.own])
        hessian = first.T @ first
        hessian[0, 0] -= (d[2] + 1.0 / s).sum()
        hessian[0, 1] -= (0.5 * d[3] + r / (s * s)).sum()
        hessian[1, 1] -= (0.25 * d[4] - (0.5 - r * r / s) / (s * s)).sum()
        hessian[0, 2:] -= by_theta[1].sum(axis=0)
        hessian[1, 2:] -= 0.5 * by_theta[2].sum(axis=0)
        share = (g[0] / (g[0] @ weight)[:, None]).sum(axis=0) * weight
        hessian[2:, 2:] -= (f * share[:, None]).T @ f
        hessian[1, 0], hessian[2:, :2] = hessian[0, 1], hessian[:2, 2:].T
        gradient = (own - first).sum(axis=0).reshape(2 + m)
        slope = math.exp(x[1])
        gradient[1] *= slope
        hessian[1] *= slope
        hessian[:, 1] *= slope
        hessian[1, 1] += gradient[1]
        return float(value), gradient, hessian

    def _moments(self, mu: float, s: Array) -> Array:
        """Terms of A and their derivatives in mu up to the fourth, shape (5, k, c + q)."""
        eta = np.sqrt(s)[:, None]
        scheme, sd = self.scheme, self.sd[:, None]
        low, high = (np.clip((sd * z - mu) / eta, -_FAR, _FAR) for z in (scheme.low, scheme.high))
        at = np.clip((sd * scheme.nodes - mu) / eta, -_FAR, _FAR)
        upper = low > 0
        area = ndtr(np.where(upper, -low, high)) - ndtr(np.where(upper, -high, low))
        powers = eta ** -np.arange(6.0)[:, None, None]
        ranges = (_hermite(low, 4) - _hermite(high, 4)) * powers[1:5]
        nodes = _hermite(at, 5) * powers[1:] * (sd * scheme.node_weights)
        return np.concatenate([np.concatenate([area[None], ranges]), nodes], axis=-1)


def _hermite(c: Array, count: int) -> Array:
    """Normal density times the Hermite polynomials of orders 0, 1, ..., ``count`` - 1."""
    found = [_ROOT * np.exp(-0.5 * c * c)]
    found.append(c * found[0])
    for n in range(1, count - 1):
        found.append(c * found[n] - n * found[n - 1])
    return np.stack(found)
