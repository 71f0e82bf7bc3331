"""Likelihoods of many fits at once, each of effects nested in trials with known sampling covariance.

A fit is ``y = X beta + Z_i u_i + w + e``: ``u_i ~ N(0, T)`` for trial i, with as many columns as ``Z`` has,
``w ~ N(0, omega2)`` for each effect, and ``e ~ N(0, V)`` with ``V`` known and block diagonal by trial. Rotated
once by the eigenvectors of ``V_i``, the covariance of a trial is a diagonal and a part of low rank,
``D_i + Z_i T Z_i'``, so that the cost of a likelihood grows with the number of effects (Woodbury).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array
from ketameta.curves.blocks import Blocks

__all__ = ["Derivatives", "Estimates", "Problems", "Products", "derivatives", "estimates", "products"]


@dataclass(frozen=True, slots=True, eq=False)
class Problems:
    """B problems over the same trials.

    Attributes
    ----------
    blocks : Blocks
        Rotated sampling covariance of the n effects of k trials.
    y : numpy.ndarray, shape (B, n)
        Effects, rotated.
    x : numpy.ndarray, shape (B, n, p) or (1, n, p)
        Designs, rotated; one design may serve all problems.
    z : numpy.ndarray, shape (B, n, q) or (1, n, q)
        Designs of the random effects of a trial, rotated.
    reml : bool
        Restricted likelihood, or full.
    """

    blocks: Blocks
    y: Array
    x: Array
    z: Array
    reml: bool

    def take(self, rows: np.ndarray) -> Problems:
        """Some of the problems, in that order."""
        x, z = (part if part.shape[0] == 1 else part[rows] for part in (self.x, self.z))
        return Problems(self.blocks, self.y[rows], x, z, self.reml)


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Generalised least squares of B problems at given variances.

    Attributes
    ----------
    loglik : numpy.ndarray, shape (B,)
        Log-likelihood (restricted under REML), all constants included; minus infinity where the design has
        no full rank.
    beta, vcov : numpy.ndarray, shapes (B, p) and (B, p, p)
        Coefficients and their covariance.
    """

    loglik: Array
    beta: Array
    vcov: Array


@dataclass(frozen=True, slots=True, eq=False)
class Derivatives:
    """Derivatives of B log-likelihoods by ``(entries of T on and below the diagonal, omega2)``.

    Attributes
    ----------
    score : numpy.ndarray, shape (B, m)
        First derivatives.
    average, expected : numpy.ndarray, shape (B, m, m)
        Average and expected information.
    weighted_residual : numpy.ndarray, shape (B, n)
        Inverse covariance times residual, in rotated rows.
    """

    score: Array
    average: Array
    expected: Array
    weighted_residual: Array


@dataclass(frozen=True, slots=True, eq=False)
class _Weights:
    """What a covariance does to design and effects: ``weight`` is 1 / D, ``g`` is D^-1 Z, ``a`` is Z'D^-1 Z."""

    weight: Array
    g: Array
    a: Array
    shrink: Array
    logdet: Array
    both: Array
    zb: Array
    shrunk: Array


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """Designs and effects of B problems, weighted by their inverse covariances.

    Attributes
    ----------
    cross : numpy.ndarray, shape (B, p + 1, p + 1)
        Cross-products of design and effects, the effects last.
    logdet : numpy.ndarray, shape (B,)
        Log determinant of the covariance.
    weighted_effects : numpy.ndarray, shape (B, n)
        Inverse covariance times effects, in rotated rows.
    """

    cross: Array
    logdet: Array
    weighted_effects: Array


def products(problems: Problems, spread: Array, omega2: Array) -> Products:
    """Weighted cross-products at given variances.

    Parameters
    ----------
    problems, spread, omega2
        See :func:`estimates`.

    Returns
    -------
    Products
        Of the B problems.
    """
    w = _weigh(problems, spread, omega2)
    low_rank = _times(w.g, w.shrunk[:, problems.blocks.trial, :, -1:])[..., 0]
    return Products(_cross(w), w.logdet, w.weight * problems.y - low_rank)


def estimates(problems: Problems, spread: Array, omega2: Array) -> Estimates:
    """Generalised least squares and log-likelihood at given variances.

    Parameters
    ----------
    problems : Problems
        B problems.
    spread : numpy.ndarray, shape (B, q, q)
        Covariance of the random effects of a trial.
    omega2 : numpy.ndarray, shape (B,)
        Variance between the effects of a trial.

    Returns
    -------
    Estimates
        The B results.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.blocks import rotate
    >>> from ketameta.curves.likelihood import Problems, estimates
    >>> blocks = rotate([np.array([[0.1]]), np.array([[0.3]])])
    >>> ones = np.ones((1, 2, 1))
    >>> one = Problems(blocks, np.array([[0.0, 1.0]]), ones, ones, False)
    >>> estimates(one, np.zeros((1, 1, 1)), np.zeros(1)).beta.round(6).tolist()
    [[0.25]]
    """
    return _estimates(problems, _weigh(problems, spread, omega2))


def derivatives(problems: Problems, spread: Array, omega2: Array) -> tuple[Estimates, Derivatives]:
    """Estimates and the derivatives of the log-likelihood by the variances.

    Parameters
    ----------
    problems, spread, omega2
        See :func:`estimates`.

    Returns
    -------
    Estimates, Derivatives
        The B results. Formulas: Gilmour, Thompson & Cullis 1995 for the average information; the traces of
        Harville 1977 written with the low-rank part.
    """
    blocks, w = problems.blocks, _weigh(problems, spread, omega2)
    found = _estimates(problems, w)
    beta, vcov, p = found.beta, found.vcov, found.beta.shape[1]
    sums = blocks.sums_of_many
    trial = blocks.trial
    zsb = w.zb - w.a @ w.shrunk
    sb = w.weight[..., None] * w.both - _times(w.g, w.shrunk[:, trial])
    sx, u = sb[..., :p], zsb[..., :p]
    sr = sb[..., p] - (sx @ beta[..., None])[..., 0]
    zr = zsb[..., p] - (u @ beta[:, None, :, None])[..., 0]
    inner = w.shrink @ w.a
    c = w.a - w.a @ inner
    sz = w.g - _times(w.g, inner[:, trial])
    gg = w.shrink @ sums(_outer(w.g, w.g))
    gwg = w.shrink @ sums(w.weight[..., None, None] * _outer(w.g, w.g))
    trace_s = w.weight.sum(axis=1) - _trace(gg).sum(axis=1)
    trace_s2 = (w.weight**2).sum(axis=1) + (_trace(gg @ gg) - 2 * _trace(gwg)).sum(axis=1)

    basis = _basis(w.g.shape[2])
    zr_j = np.einsum("jab,nkb->njka", basis, zr)
    u_j = np.einsum("jab,nkbc->njkac", basis, u)
    c_j = np.einsum("jab,nkbc->njkac", basis, c)
    quadratic = np.einsum("nka,njka->nj", zr, zr_j)
    trace_z = np.einsum("njkaa->nj", c_j)
    gap = _stack(quadratic - trace_z, (sr**2).sum(axis=1) - trace_s)
    cross = np.einsum("jab,nkba->nj", basis, sums(_outer(sz, sz)))
    expected = _border(np.einsum("njkab,nlkba->njl", c_j, c_j), cross, trace_s2)
    if problems.reml:
        inside = np.concatenate(
            [np.einsum("nkac,njkad->njcd", u, u_j), (np.swapaxes(sx, 1, 2) @ sx)[:, None]], axis=1
        )
        inside = vcov[:, None] @ inside
        gap = gap + np.einsum("njcc->nj", inside)
        turned = u_j @ vcov[:, None, None]
        mixed_zz = np.einsum("njkac,nlkac->njl", turned, c[:, None] @ u_j)
        mixed_zw = np.einsum("njkac,nkac->nj", turned, sums(_outer(sz, sx)))
        mixed_ww = np.einsum("ncd,ndc->n", _quadratic(blocks, w, sx), vcov)
        expected = expected - 2 * _border(mixed_zz, mixed_zw, mixed_ww)
        expected = expected + np.einsum("njcd,nldc->njl", inside, inside)
    q_zz = np.einsum("njka,nlka->njl", zr_j, (c[:, None] @ zr_j[..., None])[..., 0])
    q_zw = np.einsum("njka,nka->nj", zr_j, sums(sz * sr[..., None]))
    q_ww = _quadratic(blocks, w, sr[..., None])[:, 0, 0]
    xq = np.concatenate([np.einsum("nkac,njka->njc", u, zr_j), (sr[:, None] @ sx)], axis=1)
    average = _border(q_zz, q_zw, q_ww) - xq @ vcov @ np.swapaxes(xq, 1, 2)
    return found, Derivatives(0.5 * gap, 0.5 * average, 0.5 * expected, sr)


def _weigh(problems: Problems, spread: Array, omega2: Array) -> _Weights:
    blocks, z = problems.blocks, problems.z
    diagonal = blocks.spectrum + omega2[:, None]
    weight = 1.0 / diagonal
    g = weight[..., None] * z
    a = blocks.sums_of_many(_outer(g, np.broadcast_to(z, g.shape)))
    base = np.eye(z.shape[2]) + spread[:, None] @ a
    if z.shape[2] == 1:
        shrink = np.asarray(spread[:, None] / base, dtype=np.float64)
        logdet = np.log(base[..., 0, 0]).sum(axis=1)
    else:
        inside = np.broadcast_to(spread[:, None], base.shape)
        shrink = np.asarray(np.linalg.solve(base, inside), dtype=np.float64)
        logdet = np.log(np.maximum(np.linalg.det(base), np.finfo(float).tiny)).sum(axis=1)
    shape = (problems.y.shape[0], *problems.x.shape[1:])
    both = np.concatenate([np.broadcast_to(problems.x, shape), problems.y[..., None]], axis=2)
    zb = blocks.sums_of_many(_outer(g, both))
    logdet = logdet + np.log(diagonal).sum(axis=1)
    return _Weights(weight, g, a, shrink, logdet, both, zb, shrink @ zb)


def _estimates(problems: Problems, w: _Weights) -> Estimates:
    n, p = w.both.shape[1], w.both.shape[2] - 1
    cross = _cross(w)
    information, right = cross[:, :p, :p], cross[:, :p, p]
    size = np.sqrt(np.maximum(np.diagonal(information, axis1=1, axis2=2), 0.0))
    good = np.all(np.isfinite(size) & (size > 0), axis=1)
    size = np.where(good[:, None], size, 1.0)
    scaled = np.where(good[:, None, None], information / _outer(size, size), np.eye(p))
    sign, logdet_scaled = np.linalg.slogdet(scaled)
    good &= sign > 0
    inverse = np.linalg.inv(np.where(good[:, None, None], scaled, np.eye(p)))
    vcov = inverse / _outer(size, size)
    vcov = np.asarray((vcov + np.swapaxes(vcov, 1, 2)) / 2, dtype=np.float64)
    beta = (vcov @ right[..., None])[..., 0]
    quadratic = cross[:, p, p] - (right * beta).sum(axis=1)
    loglik = -0.5 * (n * math.log(2 * math.pi) + w.logdet + quadratic)
    if problems.reml:
        logdet_x = np.linalg.slogdet(np.swapaxes(problems.x, 1, 2) @ problems.x)[1]
        logdet_information = logdet_scaled + 2 * np.log(size).sum(axis=1)
        loglik = loglik + 0.5 * (p * math.log(2 * math.pi) + logdet_x - logdet_information)
    return Estimates(np.where(good, loglik, -np.inf), beta, vcov)


def _cross(w: _Weights) -> Array:
    """Cross-products of design and effects with the inverse covariance between."""
    count, columns = w.both.shape[0], w.both.shape[2]
    first, second = (part.reshape(count, -1, columns) for part in (w.zb, w.shrunk))
    full = np.swapaxes(w.both, 1, 2) @ (w.weight[..., None] * w.both)
    return np.asarray(full - np.swapaxes(first, 1, 2) @ second, dtype=np.float64)


def _quadratic(blocks: Blocks, w: _Weights, b: Array) -> Array:
    """Cross-products of b, shape (B, n, c), with the inverse covariance between."""
    count, columns = b.shape[0], b.shape[2]
    gb = blocks.sums_of_many(_outer(w.g, b))
    low_rank = np.swapaxes(gb.reshape(count, -1, columns), 1, 2) @ (w.shrink @ gb).reshape(count, -1, columns)
    return np.asarray(np.swapaxes(b, 1, 2) @ (w.weight[..., None] * b) - low_rank, dtype=np.float64)


def _outer(a: Array, b: Array) -> Array:
    """Products of the last axes, one matrix each."""
    return np.asarray(a[..., :, None] * b[..., None, :], dtype=np.float64)


def _times(rows: Array, matrices: Array) -> Array:
    """Each row vector (B, n, q) times its matrix (B, n, q, c)."""
    if rows.shape[2] == 1:
        return np.asarray(rows * matrices[:, :, 0], dtype=np.float64)
    return np.asarray((rows[:, :, None] @ matrices)[:, :, 0], dtype=np.float64)


def _trace(matrices: Array) -> Array:
    return np.asarray(np.trace(matrices, axis1=-2, axis2=-1), dtype=np.float64)


def _basis(q: int) -> Array:
    """Derivatives of a symmetric matrix by its entries on and below the diagonal, row by row."""
    basis = []
    for row in range(q):
        for column in range(row + 1):
            matrix = np.zeros((q, q))
            matrix[row, column] = matrix[column, row] = 1.0
            basis.append(matrix)
    return np.array(basis)


def _stack(first: Array, last: Array) -> Array:
    return np.concatenate([first, last[:, None]], axis=1)


def _border(matrix: Array, edge: Array, corner: Array) -> Array:
    """A matrix with one more row and column."""
    upper = np.concatenate([matrix, edge[:, :, None]], axis=2)
    lower = np.concatenate([edge, corner[:, None]], axis=1)[:, None]
    return np.concatenate([upper, lower], axis=1)
