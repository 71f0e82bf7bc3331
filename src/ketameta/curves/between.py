"""How the covariance of a trial's random effects is written, so that a climb stays inside what it may be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array, BoolArray

__all__ = ["BETWEEN", "Between", "Level", "LevelAndSlope"]

_FLOOR = 1e-6


class Between(ABC):
    """Parameters of ``T``, the covariance of a trial's random effects, with ``omega2`` behind them."""

    __slots__ = ()

    @property
    @abstractmethod
    def positive(self) -> BoolArray:
        """Which parameters are held at zero or above, shape (m,)."""

    @abstractmethod
    def spread(self, theta: Array) -> Array:
        """T of B parameter vectors, shape (B, q, q)."""

    @abstractmethod
    def chain(
        self, theta: Array, score: Array, average: Array, expected: Array
    ) -> tuple[Array, Array, Array]:
        """Score, observed information and what takes its place where that does not curve down.

        The log-likelihood has its curvature by the entries of ``T`` in twice the average less the expected
        information.
        """


@dataclass(frozen=True, slots=True)
class Level(Between):
    """One random effect of a trial, its level: parameters ``(tau2, omega2)``."""

    @property
    def positive(self) -> BoolArray:
        """Which parameters are held at zero or above."""
        return np.array([True, True])

    def spread(self, theta: Array) -> Array:
        """Covariance of the random effects."""
        return theta[:, :1, None]

    def chain(
        self, theta: Array, score: Array, average: Array, expected: Array
    ) -> tuple[Array, Array, Array]:
        """Score, observed and average information by the parameters."""
        return score, 2 * average - expected, average


@dataclass(frozen=True, slots=True)
class LevelAndSlope(Between):
    """Level and slope, correlated: ``T = L L'`` with ``L = [[a, 0], [b, d]]``, parameters ``(a, b, d, omega2)``.

    Any values give a covariance, singular ones included.
    """

    @property
    def positive(self) -> BoolArray:
        """Which parameters are held at zero or above."""
        return np.array([False, False, False, True])

    def spread(self, theta: Array) -> Array:
        """Covariance of the random effects."""
        a, b, d = theta[:, 0], theta[:, 1], theta[:, 2]
        return np.stack([np.stack([a * a, a * b], axis=1), np.stack([a * b, b * b + d * d], axis=1)], axis=1)

    def chain(
        self, theta: Array, score: Array, average: Array, expected: Array
    ) -> tuple[Array, Array, Array]:
        """Score, observed and average information by the parameters."""
        a, b, d = theta[:, 0], theta[:, 1], theta[:, 2]
        jacobian, bend = np.zeros((len(theta), 4, 4)), np.zeros((len(theta), 4, 4))
        jacobian[:, 0, 0] = 2 * a
        jacobian[:, 1, 0], jacobian[:, 1, 1] = b, a
        jacobian[:, 2, 1], jacobian[:, 2, 2] = 2 * b, 2 * d
        jacobian[:, 3, 3] = 1.0
        bend[:, 0, 0] = 2 * score[:, 0]
        bend[:, 0, 1] = bend[:, 1, 0] = score[:, 1]
        bend[:, 1, 1] = bend[:, 2, 2] = 2 * score[:, 2]
        turned = np.swapaxes(jacobian, 1, 2)
        average = turned @ average @ jacobian
        observed = 2 * average - turned @ expected @ jacobian - bend
        return (turned @ score[..., None])[..., 0], observed, _upright(observed, average)


def _upright(observed: Array, average: Array) -> Array:
    """The observed information with the signs of its eigenvalues dropped, which leads away from saddles.

    Dauphin et al. 2014; here after scaling, with the average information as a second measure of size.
    """
    diagonal = np.abs(np.diagonal(observed, axis1=1, axis2=2)) + np.diagonal(average, axis1=1, axis2=2)
    size = np.sqrt(np.maximum(diagonal, np.finfo(float).tiny))
    both = size[:, :, None] * size[:, None, :]
    values, vectors = np.linalg.eigh(observed / both)
    values = np.maximum(np.abs(values), _FLOOR)
    return np.asarray((vectors * values[:, None]) @ np.swapaxes(vectors, 1, 2) * both, dtype=np.float64)


BETWEEN: dict[int, Between] = {1: Level(), 2: LevelAndSlope()}
