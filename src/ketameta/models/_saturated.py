"""Tests of equal odds ratios where the levels of studies are random (UM.RS)."""

from __future__ import annotations

import math

import numpy as np

from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models._climbing import Climber
from ketameta.models._densities import Unconditional
from ketameta.models._marginal import TAU, Likelihood, Point

__all__ = ["wald", "with_random_levels"]

_NODES = 60


class _Turned:
    """The same density with its predictors in the other order: the level is random, the log odds ratio is not."""

    def __init__(self, density: Unconditional) -> None:
        self.constant, self.peaks, self._evaluate = density.constant, density.peaks, density.evaluate

    def evaluate(self, predictors: Array) -> tuple[Array, Array, Array]:
        """Values (k, m), gradients (k, m, 2) and second derivatives (k, m, 2, 2)."""
        value, slope, bend = self._evaluate(predictors[..., ::-1])
        return value, slope[..., ::-1], bend[..., ::-1, ::-1]


def with_random_levels(a: Array, n1: Array, c: Array, n2: Array, nodes: int) -> tuple[float, float, int]:
    """Largest log-likelihood with a log odds ratio for each study and random levels, and the Wald test of equal ones.

    Parameters
    ----------
    a, n1, c, n2 : Array, shape (k,)
        Events and sizes of groups 1 and 2.
    nodes : int
        Quadrature nodes at least.

    Returns
    -------
    loglik, wald, wald_df : float, float, int
        ``loglik`` without :meth:`Unconditional.constant`; NaN where the variance of the levels has no finite estimate.

    Notes
    -----
    A table in which one group has nothing but events and the other none tends to probability 1 as its log odds ratio
    grows, whatever its level: it enters the log-likelihood so, and has no part in the Wald test.
    """
    apart = ((a == 0) & (c == n2)) | ((a == n1) & (c == 0))
    limit = float(Unconditional(a[apart], n1[apart], c[apart], n2[apart]).peaks()[0].sum())
    if apart.all():
        return limit, math.nan, 0
    a, n1, c, n2 = (x[~apart] for x in (a, n1, c, n2))
    one, two = (np.log(x + 0.5) - np.log(n - x + 0.5) for x, n in ((a, n1), (c, n2)))
    start = Point(np.array([float(np.mean(one + two)) / 2.0, 0.0]), one - two)
    climber = Climber(Likelihood(_Turned(Unconditional(a, n1, c, n2)), "UM.FS", max(nodes, _NODES)), len(a))
    try:
        top = climber.highest(start)
    except ModelError:
        return math.nan, math.nan, 0
    surface = top.surface
    free = [0, TAU] if top.point.shared[TAU] > 1e-6 else [0]
    cross = surface.cross[:, free]
    information = cross @ np.linalg.solve(surface.bend[np.ix_(free, free)], cross.T) - np.diag(
        surface.own_bend
    )
    return limit + surface.value, wald(top.point.own, information), len(a) - 1


def wald(effects: Array, information: Array) -> float:
    """Wald statistic of equal effects.

    Parameters
    ----------
    effects : Array, shape (k,)
    information : Array, shape (k, k)
        Inverse of their covariance matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models._saturated import wald
    >>> wald(np.array([0.0, 2.0]), np.diag([1.0, 1.0]))
    2.0
    """
    weights = information.sum(axis=1)
    away = effects - np.sum(weights * effects) / np.sum(weights)
    return float(away @ information @ away)
