"""Where to begin climbing likelihoods of two variances: every local maximum of a grid."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.curves.blocks import Blocks
from ketameta.curves.likelihood import Problems

__all__ = ["grid_maxima", "heights", "solved_designs"]

_ELEMENTS = 400_000
_GRID = np.array([0.0, 0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0])


def grid_maxima(problems: Problems, free: BoolArray, scale: Array) -> tuple[np.ndarray, Array]:
    """Points of a grid over both variances that no neighbour beats.

    The grid spans the typical size of the variances, the same for all problems.

    Parameters
    ----------
    problems : Problems
        B problems whose effects are residuals of ordinary least squares.
    free : numpy.ndarray of bool, shape (2,)
        Which of ``(tau2, omega2)`` to vary; the others are zero.
    scale : numpy.ndarray, shape (B,)
        Size of the variances of each problem.

    Returns
    -------
    owner : numpy.ndarray of int, shape (S,)
        Problem of each start, in order.
    theta : numpy.ndarray, shape (S, 2)
        The starts.
    """
    axis = float(np.exp(np.log(scale).mean())) * _GRID
    first, second = (axis if one else axis[:1] for one in free)
    tau2, omega2 = (part.ravel() for part in np.meshgrid(first, second, indexing="ij"))
    height = heights(problems, tau2, omega2).reshape(-1, first.size, second.size)
    padded = np.pad(height, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    rows, columns = first.size, second.size
    top = np.ones(height.shape, dtype=np.bool_)
    for down in (0, 1, 2):
        for right in (0, 1, 2):
            top &= height >= padded[:, down : down + rows, right : right + columns]
    top &= np.isfinite(height)
    top[:, 0, 0] |= ~top.any(axis=(1, 2))
    owner, row, column = np.nonzero(top)
    return owner, np.stack([first[row], second[column]], axis=1)


def heights(problems: Problems, tau2: Array, omega2: Array) -> Array:
    """Log-likelihoods, but for a constant, of B problems at m pairs of variances: shape (B, m).

    The random effect of a trial is its level alone. They are minus infinity where a design has no full rank.
    """
    blocks, (count, n) = problems.blocks, problems.y.shape
    size = max(1, _ELEMENTS // (tau2.size * n))
    z, weight = blocks.ones, 1.0 / (blocks.spectrum + omega2[:, None])
    g = z * weight
    a = blocks.sums_of_many(z * g)
    shrink = tau2[:, None] / (1 + tau2[:, None] * a)
    logdet = np.log1p(tau2[:, None] * a).sum(axis=1) - np.log(weight).sum(axis=1)
    found = []
    shared = solved_designs(blocks, problems.x, weight, g, shrink) if len(problems.x) == 1 else None
    for start in range(0, count, size):
        rows = slice(start, start + size)
        y = problems.y[rows]
        solved, information = shared or solved_designs(blocks, problems.x[rows], weight, g, shrink)
        right = np.einsum("bn,bmnp->bmp", y, solved) if shared is None else _all(y, solved[0])
        zy = np.add.reduceat(g * y[:, None], blocks.starts, axis=2)
        quadratic = (y**2) @ weight.T - (shrink * zy**2).sum(axis=2)
        sign, logdet_information = np.linalg.slogdet(information)
        whole = sign > 0
        safe = np.where(whole[..., None, None], information, np.eye(information.shape[-1]))
        beta = np.linalg.solve(safe, right[..., None])[..., 0]
        drop = logdet + quadratic - (right * beta).sum(axis=2)
        if problems.reml:
            drop = drop + logdet_information
        found.append(np.where(whole, -0.5 * drop, -np.inf))
    return np.concatenate(found)


def solved_designs(blocks: Blocks, x: Array, weight: Array, g: Array, shrink: Array) -> tuple[Array, Array]:
    """Inverse covariances times designs, shape (B, m, n, p), and the informations, shape (B, m, p, p)."""
    zx = np.add.reduceat(g[..., None] * x[:, None], blocks.starts, axis=2)
    inner = (shrink[..., None] * zx)[:, :, blocks.trial]
    solved = weight[..., None] * x[:, None] - g[..., None] * inner
    return solved, np.swapaxes(x, 1, 2)[:, None] @ solved


def _all(y: Array, solved: Array) -> Array:
    """Products of all effects (B, n) with all designs (m, n, p): shape (B, m, p)."""
    return np.asarray(np.tensordot(y, solved, axes=([1], [1])), dtype=np.float64)
