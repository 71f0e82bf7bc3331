"""Covariance structures of random effects: distinct covariances as functions of few parameters.

A term of the model gives two effects of one group a covariance that depends only on their inner levels. Every
such pair has a *code*; a structure says what covariance ``c`` each code has at parameters ``theta``, with first
and second derivatives. Parameters are such that each has simple bounds: variances, or standard deviations
where each level has its own, correlations, and for an unstructured matrix the entries of its Cholesky factor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ketameta._typing import Array

__all__ = ["PerLevel", "PerLevelVariance", "SharedVariance", "Structure", "level_patterns"]

_TRIED = 7


class Structure(Protocol):
    """Covariances ``c`` of the codes of a term as a function of its parameters."""

    @property
    def lower(self) -> Array:
        """Lower bounds of the parameters, shape (K,)."""

    @property
    def upper(self) -> Array:
        """Upper bounds of the parameters, shape (K,)."""

    @property
    def correlations(self) -> tuple[float, ...]:
        """Correlations to begin from."""

    def start(self, variance: float, correlation: float) -> Array:
        """Parameters at which every level has this variance and every pair about this correlation."""

    def uneven(self, variance: float) -> list[Array]:
        """Parameters with one level unlike the others, in variance or in the sign of correlations."""

    def turned(self, theta: Array) -> list[Array]:
        """Parameters on the other side of a ridge, where another maximum may lie."""

    def covariances(self, theta: Array) -> tuple[Array, Array]:
        """``c`` (C,) and its derivatives (K, C)."""

    def curvature(self, theta: Array, weight: Array) -> Array:
        """Second derivatives of ``weight @ c``, shape (K, K)."""

    def natural(self, theta: Array) -> Array:
        """Variances, then correlations, as they are reported."""

    def held(self, index: int, value: float) -> tuple[Structure, int | None, float]:
        """A component held fixed: the structure, the parameter to hold, and its value.

        There is no such parameter where the structure itself holds the component.
        """

    def escapes(self, theta: Array, weight: Array, size: float) -> list[Array]:
        """Parameters nearby that may be better where the likelihood is flat to first order only."""


def _powers(rho: float, exponent: Array) -> tuple[Array, Array, Array]:
    """``rho ** exponent`` with first and second derivatives; exponents 0, or 1 and more."""
    one = exponent >= 1
    two = exponent >= 2 if rho == 0 else exponent > 1
    first, second = np.zeros_like(exponent), np.zeros_like(exponent)
    first[one] = exponent[one] * rho ** (exponent[one] - 1)
    second[two] = exponent[two] * (exponent[two] - 1) * rho ** (exponent[two] - 2)
    return np.asarray(rho**exponent, dtype=np.float64), first, second


def level_patterns(levels: int, variance: float) -> list[Array]:
    """Variances of which one differs from the others."""
    some = np.eye(levels)[: _TRIED + 1]
    return [variance * np.where(chosen, a, b) for chosen in some for a, b in ((1.0, 0.03), (0.03, 1.0))]


@dataclass(frozen=True, slots=True, eq=False)
class SharedVariance:
    """One variance, and correlations ``rho ** exponent``: ID, CS, AR, CAR.

    Attributes
    ----------
    exponents : Array, shape (C,)
        0, or 1 and more, one a code; all 0 where there is no correlation to estimate.
    low : float
        Least admissible correlation.
    unit : float
        Distance that exponent 1 stands for; the correlation reported is that at distance 1.
    """

    exponents: Array
    low: float = 0.0
    unit: float = 1.0

    @property
    def _correlated(self) -> bool:
        return bool(self.exponents.any())

    @property
    def lower(self) -> Array:
        return np.array([0.0, self.low][: 1 + self._correlated])

    @property
    def upper(self) -> Array:
        return np.array([np.inf, 1.0][: 1 + self._correlated])

    @property
    def correlations(self) -> tuple[float, ...]:
        if not self._correlated:
            return (0.0,)
        longest = float(self.exponents.max())
        if longest > 1 and self.low >= 0:
            ranges = np.geomspace(0.4, 8.0 * longest, 5)
            return tuple(np.exp(-1.0 / ranges).tolist())
        return (0.7 * self.low, 0.1, 0.5, 0.9)

    def start(self, variance: float, correlation: float) -> Array:
        return np.array([variance, correlation][: 1 + self._correlated])

    def uneven(self, variance: float) -> list[Array]:
        return []

    def turned(self, theta: Array) -> list[Array]:
        return []

    def covariances(self, theta: Array) -> tuple[Array, Array]:
        if not self._correlated:
            return np.full(self.exponents.shape, theta[0]), np.ones((1, self.exponents.size))
        r, first, _ = _powers(float(theta[1]), self.exponents)
        return theta[0] * r, np.stack([r, theta[0] * first])

    def curvature(self, theta: Array, weight: Array) -> Array:
        if not self._correlated:
            return np.zeros((1, 1))
        _, first, second = _powers(float(theta[1]), self.exponents)
        mixed = float(weight @ first)
        return np.array([[0.0, mixed], [mixed, theta[0] * float(weight @ second)]])

    def natural(self, theta: Array) -> Array:
        result = theta.copy()
        result[1:] = theta[1:] ** (1.0 / self.unit) if self.unit != 1 else theta[1:]
        return result

    def held(self, index: int, value: float) -> tuple[Structure, int | None, float]:
        return self, index, value**self.unit if index == 1 and self.unit != 1 else value

    def escapes(self, theta: Array, weight: Array, size: float) -> list[Array]:
        """Without variance every correlation is as good, and with one of them a variance may gain."""
        if not self._correlated or theta[0] > 0:
            return []
        return [np.array([size**2, rho]) for rho in np.linspace(self.low, 1.0, _TRIED)]


@dataclass(frozen=True, slots=True, eq=False)
class PerLevelVariance:
    """A variance for each level, no correlations: DIAG."""

    levels: int

    @property
    def lower(self) -> Array:
        return np.zeros(self.levels)

    @property
    def upper(self) -> Array:
        return np.full(self.levels, np.inf)

    @property
    def correlations(self) -> tuple[float, ...]:
        return (0.0,)

    def start(self, variance: float, correlation: float) -> Array:
        return np.full(self.levels, variance)

    def uneven(self, variance: float) -> list[Array]:
        return []

    def turned(self, theta: Array) -> list[Array]:
        return []

    def covariances(self, theta: Array) -> tuple[Array, Array]:
        return theta, np.eye(self.levels)

    def curvature(self, theta: Array, weight: Array) -> Array:
        return np.zeros((self.levels, self.levels))

    def natural(self, theta: Array) -> Array:
        return theta.copy()

    def held(self, index: int, value: float) -> tuple[Structure, int | None, float]:
        return self, index, value

    def escapes(self, theta: Array, weight: Array, size: float) -> list[Array]:
        return []


@dataclass(frozen=True, slots=True, eq=False)
class PerLevel:
    """A standard deviation for each level, and correlations ``rho ** exponent``: HCS, HAR, UN of two levels.

    The code of levels i and j is ``i L + j``.

    Attributes
    ----------
    exponents : Array, shape (L, L)
        0 on the diagonal, else 1 or more.
    low : float
        Least admissible correlation.
    """

    exponents: Array
    low: float

    @property
    def levels(self) -> int:
        return len(self.exponents)

    @property
    def lower(self) -> Array:
        return np.append(np.zeros(self.levels), self.low)

    @property
    def upper(self) -> Array:
        return np.append(np.full(self.levels, np.inf), 1.0)

    @property
    def correlations(self) -> tuple[float, ...]:
        return (0.7 * self.low, 0.1, 0.5, 0.9)

    def start(self, variance: float, correlation: float) -> Array:
        return np.append(np.full(self.levels, np.sqrt(variance)), correlation)

    def uneven(self, variance: float) -> list[Array]:
        return [
            np.append(np.sqrt(spread), rho)
            for spread in level_patterns(self.levels, variance)
            for rho in (0.7 * self.low, 0.5, 0.95)
        ]

    def turned(self, theta: Array) -> list[Array]:
        return []

    def covariances(self, theta: Array) -> tuple[Array, Array]:
        s = theta[:-1]
        r, first, _ = _powers(float(theta[-1]), self.exponents)
        both = np.outer(s, s)
        slopes = np.zeros((self.levels + 1, self.levels, self.levels))
        for i in range(self.levels):
            slopes[i, i, :] += r[i] * s
            slopes[i, :, i] += r[i] * s
        slopes[-1] = both * first
        return (both * r).ravel(), slopes.reshape(self.levels + 1, -1)

    def curvature(self, theta: Array, weight: Array) -> Array:
        s, w = theta[:-1], weight.reshape(self.levels, self.levels)
        r, first, second = _powers(float(theta[-1]), self.exponents)
        result = np.empty((self.levels + 1, self.levels + 1))
        result[:-1, :-1] = 2 * w * r
        result[:-1, -1] = result[-1, :-1] = 2 * (w * first) @ s
        result[-1, -1] = float(s @ (w * second) @ s)
        return result

    def natural(self, theta: Array) -> Array:
        return np.append(theta[:-1] ** 2, theta[-1])

    def held(self, index: int, value: float) -> tuple[Structure, int | None, float]:
        return self, index, value if index == self.levels else float(np.sqrt(value))

    def escapes(self, theta: Array, weight: Array, size: float) -> list[Array]:
        """A standard deviation of 0 may have slope 0, and with one level left every correlation is as good."""
        none = np.flatnonzero(theta[:-1] <= 0)
        if not none.size:
            return []
        alone = self.levels - none.size <= 1
        found = []
        for rho in np.linspace(self.low, 1.0, _TRIED) if alone else theta[-1:]:
            for chosen in (none, *none[:, None]):
                moved = np.append(theta[:-1], rho)
                moved[chosen] = size
                found.append(moved)
        return found
