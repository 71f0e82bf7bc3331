"""Unstructured covariance of random effects, by its Cholesky factor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.models._ml_structures import Structure, level_patterns

__all__ = ["Cholesky"]


@dataclass(frozen=True, slots=True, eq=False)
class Cholesky:
    """An unstructured matrix of three or more levels: G = L L'.

    The entries of L, row by row, are ``turn @ theta + shift``, so that a variance or a correlation can be held
    fixed: that of the first level by its only entry, that of the first two by the direction of the second row.

    Attributes
    ----------
    levels : int
        Number of levels.
    order : tuple of int
        Levels in the order of the factor.
    turn, shift : Array, shapes (m, K) and (m,)
        Linear map to the entries of the factor.
    """

    levels: int
    order: tuple[int, ...]
    turn: Array
    shift: Array

    @staticmethod
    def free(levels: int) -> Cholesky:
        """All entries free."""
        m = levels * (levels + 1) // 2
        return Cholesky(levels, tuple(range(levels)), np.eye(m), np.zeros(m))

    def held(self, index: int, value: float) -> tuple[Structure, int | None, float]:
        if index < self.levels:
            return self._with_variance(index, value), None, value
        i, j = (int(at[index - self.levels]) for at in np.triu_indices(self.levels, 1))
        return self._with_correlation(i, j, value), None, value

    def _with_variance(self, level: int, variance: float) -> Cholesky:
        """The variance of one level held fixed."""
        order = (level, *(i for i in range(self.levels) if i != level))
        shift = np.zeros(len(self.turn))
        shift[0] = np.sqrt(variance)
        return Cholesky(self.levels, order, np.eye(len(shift))[:, 1:], shift)

    def _with_correlation(self, i: int, j: int, correlation: float) -> Cholesky:
        """The correlation of two levels held fixed."""
        order = (i, j, *(k for k in range(self.levels) if k not in (i, j)))
        m = len(self.turn)
        turn = np.delete(np.eye(m), 2, axis=1)
        turn[2, 1] = np.sqrt(max(0.0, 1 - correlation**2))
        turn[1, 1] = correlation
        return Cholesky(self.levels, order, turn, np.zeros(m))

    @property
    def lower(self) -> Array:
        return np.full(self.turn.shape[1], -np.inf)

    @property
    def upper(self) -> Array:
        return np.full(self.turn.shape[1], np.inf)

    @property
    def correlations(self) -> tuple[float, ...]:
        return (0.0, 0.4, 0.7, 0.92)

    def start(self, variance: float, correlation: float) -> Array:
        r = np.full((self.levels, self.levels), correlation)
        np.fill_diagonal(r, 1.0)
        return self._nearest(np.linalg.cholesky(r) * math.sqrt(variance))

    def theta(self, matrix: Array) -> Array:
        """Parameters whose matrix comes nearest to a positive definite one."""
        return self._nearest(np.linalg.cholesky(matrix[np.ix_(self.order, self.order)]))

    def _nearest(self, factor: AnyArray) -> Array:
        entries = factor[np.tril_indices(self.levels)] - self.shift
        return np.asarray(np.linalg.lstsq(self.turn, entries, rcond=None)[0], dtype=np.float64)

    def matrix(self, theta: Array) -> Array:
        """The covariance matrix of the levels."""
        factor = self._factor(theta)
        result = np.empty((self.levels, self.levels))
        result[np.ix_(self.order, self.order)] = factor @ factor.T
        return result

    def _factor(self, theta: Array) -> Array:
        factor = np.zeros((self.levels, self.levels))
        factor[np.tril_indices(self.levels)] = self.turn @ theta + self.shift
        return factor

    def uneven(self, variance: float) -> list[Array]:
        flipped = [math.sqrt(variance) * np.where(chosen, -1.0, 1.0) for chosen in np.eye(self.levels)]
        found = []
        for root in (*(np.sqrt(spread) for spread in level_patterns(self.levels, variance)), *flipped):
            for r in (0.5, 0.9):
                found.append(self.theta(np.outer(root, root) * (r + (1.0 - r) * np.eye(self.levels))))
        return found

    def turned(self, theta: Array) -> list[Array]:
        """What a level has for itself given to its covariance with another one, with either sign."""
        found = []
        for i in range(1, self.levels):
            for j in range(i):
                for sign in (-1.0, 1.0):
                    factor = self._factor(theta)
                    factor[i, j] = sign * math.hypot(factor[i, j], factor[i, i])
                    factor[i, i] *= 0.1
                    found.append(self._nearest(factor))
        return found

    def covariances(self, theta: Array) -> tuple[Array, Array]:
        n, factor = self.levels, self._factor(theta)
        rows, columns = np.tril_indices(n)
        entry = np.zeros((rows.size, n, n))
        entry[np.arange(rows.size), rows, :] += factor[:, columns].T
        entry[np.arange(rows.size), :, rows] += factor[:, columns].T
        slopes = np.tensordot(self.turn, entry, axes=(0, 0))
        ranks = np.argsort(self.order)
        slopes = slopes[:, ranks[:, None], ranks]
        return self.matrix(theta).ravel(), slopes.reshape(len(slopes), -1)

    def curvature(self, theta: Array, weight: Array) -> Array:
        w = weight.reshape(self.levels, self.levels)[np.ix_(self.order, self.order)]
        rows, columns = np.tril_indices(self.levels)
        entries = 2 * w[np.ix_(rows, rows)] * (columns[:, None] == columns)
        return np.asarray(self.turn.T @ entries @ self.turn, dtype=np.float64)

    def natural(self, theta: Array) -> Array:
        g = self.matrix(theta)
        variance = np.diag(g)
        root = np.sqrt(variance)
        i, j = np.triu_indices(self.levels, 1)
        with np.errstate(all="ignore"):
            r = np.clip(g[i, j] / (root[i] * root[j]), -1.0, 1.0)
        return np.concatenate([variance, r])

    def escapes(self, theta: Array, weight: Array, size: float) -> list[Array]:
        """A matrix without full rank is a stationary point; it is a maximum if no added direction gains."""
        if self.turn.shape[1] != len(self.turn):
            return []
        w, g = weight.reshape(self.levels, self.levels), self.matrix(theta)
        values, vectors = np.linalg.eigh(g)
        null: BoolArray = values <= 1e-10 * max(values[-1], size**2)
        if not null.any():
            return []
        basis = vectors[:, null]
        gains, directions = np.linalg.eigh(basis.T @ w @ basis)
        if gains[-1] <= 0:
            return []
        v = basis @ directions[:, -1]
        small = 1e-9 * max(values[-1], size**2)
        return [self.theta(g + size**2 * np.outer(v, v) + small * np.eye(self.levels))]
