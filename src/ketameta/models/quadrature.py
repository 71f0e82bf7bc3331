"""Adaptive Gauss-Hermite quadrature of many small integrals at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from ketameta._typing import Array

__all__ = ["Rule", "concave_modes", "hermite_rule"]

_LOG_2PI = float(np.log(2.0 * np.pi))
_MODE_ITERATIONS = 200
_HALVINGS = 60
_NEAR = 1e-6

Smooth = Callable[[Array], tuple[Array, Array, Array]]


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A Gauss-Hermite rule for the mean of a function of ``d`` independent standard normal variables.

    Attributes
    ----------
    points : Array, shape (m, d)
        Nodes, ``nodes ** d`` of them.
    log_weights : Array, shape (m,)
        Logs of the weights, each times the inverse of the normal density at its node.
    """

    points: Array
    log_weights: Array

    def place(self, modes: Array, curvature: Array) -> tuple[Array, Array]:
        """Nodes and log weights moved to each integrand's peak and scaled to its width.

        Parameters
        ----------
        modes : Array, shape (k, d)
            Where each log integrand is highest.
        curvature : Array, shape (k, d, d)
            Its negative second derivatives there, positive definite.

        Returns
        -------
        points : Array, shape (k, m, d)
        log_weights : Array, shape (k, m)
            ``log(sum(exp(log_weights + log f(points) - |points|^2 / 2)))`` is the log of the mean of ``f``.
        """
        root = np.linalg.cholesky(curvature)
        spread = np.swapaxes(np.linalg.inv(root), -1, -2)
        points = modes[:, None, :] + np.einsum("kij,mj->kmi", spread, self.points)
        log_volume = -np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(axis=-1)
        return points, self.log_weights + log_volume[:, None]


@lru_cache(maxsize=32)
def hermite_rule(nodes: int, dimensions: int) -> Rule:
    """Tensor Gauss-Hermite rule.

    Parameters
    ----------
    nodes : int
        Nodes along each axis.
    dimensions : int
        Number of variables.

    Returns
    -------
    Rule

    Notes
    -----
    With the nodes at the mode and scaled by the curvature, one node is the Laplace approximation (Pinheiro and
    Bates 1995, J Comput Graph Stat 4:12-35).

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models.quadrature import hermite_rule
    >>> rule = hermite_rule(5, 1)
    >>> points, log_weights = rule.place(np.zeros((1, 1)), np.ones((1, 1, 1)))
    >>> weights = np.exp(log_weights - points[..., 0] ** 2 / 2)
    >>> round(float(np.sum(weights * points[..., 0] ** 4)), 12)
    3.0
    """
    points, weights = special.roots_hermitenorm(nodes)
    logs = np.log(weights) + points**2 / 2.0 - _LOG_2PI / 2.0
    axes = np.meshgrid(*[points] * dimensions, indexing="ij")
    sums = np.meshgrid(*[logs] * dimensions, indexing="ij")
    return Rule(
        _frozen(np.stack([axis.ravel() for axis in axes], axis=-1)),
        _frozen(np.sum([part.ravel() for part in sums], axis=0)),
    )


def _frozen(array: Array) -> Array:
    result = np.array(array, dtype=np.float64)
    result.flags.writeable = False
    return result


def concave_modes(smooth: Smooth, start: Array) -> tuple[Array, Array]:
    """Peaks of many concave functions by Newton's method with step halving.

    A step that promises next to nothing is taken whole: there the slopes hold more digits than the values.

    Parameters
    ----------
    smooth : callable
        Takes points of shape (k, d); returns values (k,), gradients (k, d) and second derivatives (k, d, d).
    start : Array, shape (k, d)
        Where to start.

    Returns
    -------
    modes : Array, shape (k, d)
    curvature : Array, shape (k, d, d)
        Negative second derivatives there.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models.quadrature import concave_modes
    >>> def smooth(z):
    ...     return -np.cosh(z[:, 0] - 2), -np.sinh(z - 2), -np.cosh(z - 2)[..., None]
    >>> modes, curvature = concave_modes(smooth, np.zeros((1, 1)))
    >>> round(float(modes[0, 0]), 9), round(float(curvature[0, 0, 0]), 9)
    (2.0, 1.0)
    """
    place = np.array(start, dtype=np.float64)
    value, slope, bend = smooth(place)
    for _ in range(_MODE_ITERATIONS):
        step = -np.linalg.solve(bend, slope[..., None])[..., 0]
        gain = np.sum(step * slope, axis=-1)
        if not (gain > 1e-20 * (1.0 + np.abs(value))).any():
            break
        near = gain <= _NEAR
        part = np.ones(len(place))
        for _ in range(_HALVINGS):
            reached = smooth(place + part[:, None] * step)
            lower = ~((reached[0] >= value - 1e-13 * (1.0 + np.abs(value))) | near)
            if not lower.any():
                break
            part[lower] *= 0.5
        place = place + part[:, None] * step
        value, slope, bend = reached
    return place, -bend
