"""Sampling covariance, block by block of a trial, made diagonal once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array

__all__ = ["Blocks", "rotate"]


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Sampling covariance of all trials, each rotated by its own eigenvectors.

    Attributes
    ----------
    spectrum : numpy.ndarray, shape (n,)
        Eigenvalues of the blocks, one after another.
    ones : numpy.ndarray, shape (n,)
        The vector of ones, rotated.
    starts : numpy.ndarray of int, shape (k,)
        First row of each trial.
    trial : numpy.ndarray of int, shape (n,)
        Trial of each row, 0 to k - 1.
    vectors : tuple of numpy.ndarray
        Eigenvectors of each block, in columns.
    groups : tuple of (numpy.ndarray of int, numpy.ndarray)
        Trials with equally many effects: their rows, shape (g, m), and eigenvectors, shape (g, m, m).
    """

    spectrum: Array
    ones: Array
    starts: np.ndarray
    trial: np.ndarray
    vectors: tuple[Array, ...]
    groups: tuple[tuple[np.ndarray, Array], ...]

    def turn(self, values: Array) -> Array:
        """Rotate a vector (n,) or matrix (n, p), trial by trial."""
        ends = [*self.starts[1:], self.trial.size]
        parts = [q.T @ values[a:b] for q, a, b in zip(self.vectors, self.starts, ends, strict=True)]
        return np.concatenate(parts)

    def turn_many(self, values: Array) -> Array:
        """Rotate B matrices (B, n, p), trial by trial."""
        turned = np.empty(values.shape)
        for rows, vectors in self.groups:
            turned[:, rows] = np.swapaxes(vectors, 1, 2) @ values[:, rows]
        return turned

    def turn_back(self, values: Array) -> Array:
        """Undo the rotation of B vectors (B, n)."""
        back = np.empty(values.shape)
        for rows, vectors in self.groups:
            back[:, rows] = (vectors @ values[:, rows, None])[..., 0]
        return back

    def sums_of_many(self, values: Array) -> Array:
        """Sums by trial of B arrays, shape (B, n, ...) to (B, k, ...)."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=1), dtype=np.float64)


def rotate(covariances: Sequence[Array]) -> Blocks:
    """Diagonalise the sampling covariance of each trial.

    Parameters
    ----------
    covariances : sequence of numpy.ndarray
        One positive definite matrix a trial.

    Returns
    -------
    Blocks
        The rotated blocks.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.blocks import rotate
    >>> rotate([np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([[0.5]])]).spectrum.round(6).tolist()
    [1.0, 3.0, 0.5]
    """
    pairs = [np.linalg.eigh(v) for v in covariances]
    sizes = np.array([v.shape[0] for v in covariances])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    groups = [
        (starts[same][:, None] + np.arange(m), np.stack([pairs[i][1] for i in same]))
        for m in np.unique(sizes)
        for same in [np.flatnonzero(sizes == m)]
    ]
    return Blocks(
        spectrum=np.concatenate([pair[0] for pair in pairs]),
        ones=np.concatenate([pair[1].sum(axis=0) for pair in pairs]),
        starts=starts,
        trial=np.repeat(np.arange(sizes.size), sizes),
        vectors=tuple(pair[1] for pair in pairs),
        groups=tuple(groups),
    )
