"""Where to begin climbing a likelihood of two variances: every local maximum of a grid."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.curves.blocks import Blocks

__all__ = ["grid_maxima"]

_GRID = (0.0, 0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


def grid_maxima(
    blocks: Blocks, residual: Array, x: Array, reml: bool, free: BoolArray, scale: float
) -> list[Array]:
    """Points of a grid over both variances that no neighbour beats.

    Parameters
    ----------
    blocks : Blocks
        Rotated sampling covariance.
    residual : numpy.ndarray, shape (n,)
        Residual of ordinary least squares, rotated.
    x : numpy.ndarray, shape (n, p)
        Design, rotated.
    reml : bool
        Restricted likelihood, or full.
    free : numpy.ndarray of bool, shape (2,)
        Which of ``(tau2, omega2)`` to vary; the others are zero.
    scale : float
        Size of the variances, which spans the grid.

    Returns
    -------
    list of numpy.ndarray, shape (2,)
        The points.
    """
    axis = scale * np.array(_GRID)
    first, second = (axis if free[0] else axis[:1]), (axis if free[1] else axis[:1])
    tau2, omega2 = (part.ravel() for part in np.meshgrid(first, second, indexing="ij"))
    height = _heights(blocks, residual, x, reml, tau2, omega2).reshape(first.size, second.size)
    padded = np.pad(height, 1, constant_values=-np.inf)
    rows, columns = height.shape
    neighbours = [
        padded[1 + i : 1 + i + rows, 1 + j : 1 + j + columns]
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        if (i, j) != (0, 0)
    ]
    top = np.all([height >= other for other in neighbours], axis=0)
    return [np.array([first[i], second[j]]) for i, j in zip(*np.nonzero(top), strict=True)]


def _heights(blocks: Blocks, residual: Array, x: Array, reml: bool, tau2: Array, omega2: Array) -> Array:
    """Log-likelihoods, but for a constant, at m pairs of variances at once.

    The residual of ordinary least squares stands for the effects: it differs from them by what the
    coefficients take up.
    """
    z, p = blocks.ones, x.shape[1]
    b = np.column_stack([x, residual])
    diagonal = blocks.spectrum + omega2[:, None]
    a = np.add.reduceat(z**2 / diagonal, blocks.starts, axis=1)
    wb = b / diagonal[:, :, None]
    zb = np.add.reduceat(z[:, None] * wb, blocks.starts, axis=1)
    shrink = tau2[:, None] / (1 + tau2[:, None] * a)
    cross = np.swapaxes(wb, 1, 2) @ b - np.swapaxes(zb, 1, 2) @ (shrink[:, :, None] * zb)
    information, right = cross[:, :p, :p], cross[:, :p, p]
    solved = np.linalg.solve(information, right[:, :, None])[:, :, 0]
    quadratic = cross[:, p, p] - np.einsum("ij,ij->i", right, solved)
    height = np.log(diagonal).sum(axis=1) + np.log1p(tau2[:, None] * a).sum(axis=1) + quadratic
    if reml:
        height = height + np.linalg.slogdet(information)[1]
    return np.asarray(-0.5 * height, dtype=np.float64)
