"""Likelihood of effects with known and estimated covariance, block by block.

The model is ``y ~ N(X beta, M)``, ``M = V + sum of terms``, block diagonal. Blocks of one size are one array;
the work grows with the number of blocks, and no matrix larger than a block is formed. With ``M = L L'`` and
``X, y`` whitened by the inverse of ``L``, least squares is one QR decomposition.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array
from ketameta.models._ml_blocks import Stack
from ketameta.models._ml_structures import Structure

__all__ = ["Model", "Point", "Slopes", "evaluate", "slopes"]

_ROW_BY_ROW = 24
_SINGULAR = 1e-14


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What a likelihood is made of.

    Attributes
    ----------
    stacks : sequence of Stack
        Effects, design, sampling covariance and codes, by size of block.
    structures : sequence of Structure
        One a term.
    n, p : int
        Numbers of effects and of coefficients.
    reml : bool
        Restricted likelihood, or full.
    logdet_x : float
        Logarithm of the determinant of X'X.
    """

    stacks: Sequence[Stack]
    structures: Sequence[Structure]
    n: int
    p: int
    reml: bool
    logdet_x: float

    def split(self, theta: Array) -> list[Array]:
        """Parameters of each term."""
        ends = np.cumsum([part.lower.size for part in self.structures])
        return np.split(theta, ends[:-1]) if len(ends) else []

    @property
    def lower(self) -> Array:
        """Lower bounds of all parameters."""
        return np.concatenate([np.zeros(0), *(part.lower for part in self.structures)])

    @property
    def upper(self) -> Array:
        """Upper bounds of all parameters."""
        return np.concatenate([np.zeros(0), *(part.upper for part in self.structures)])


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """Least squares at given parameters.

    Attributes
    ----------
    theta : Array, shape (K,)
        Parameters.
    loglik : float
        (Restricted) log-likelihood, all constants included.
    beta, vcov : Array, shapes (p,) and (p, p)
        Coefficients and their covariance.
    inverse_root : list of Array, each shape (B, m, m)
        Inverse of the Cholesky factor of each block.
    residual : list of Array, each shape (B, m)
        Whitened residuals.
    basis : list of Array, each shape (B, m, p)
        Orthonormal basis of the whitened design.
    """

    theta: Array
    loglik: float
    beta: Array
    vcov: Array
    inverse_root: list[Array]
    residual: list[Array]
    basis: list[Array]


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Derivatives of the log-likelihood.

    Attributes
    ----------
    score : Array, shape (K,)
        First derivatives.
    observed, expected : Array, shape (K, K)
        Observed and expected information.
    by_code : list of Array, each shape (C,)
        Derivative by the covariance of each code, one array a term.
    """

    score: Array
    observed: Array
    expected: Array
    by_code: list[Array]


def evaluate(model: Model, theta: Array) -> Point | None:
    """Least squares and log-likelihood; None where the covariance is not positive definite.

    The restricted log-likelihood includes log |X'X| / 2 (Harville 1974, Biometrika 61:383-385).
    """
    values = [
        np.append(part.covariances(at)[0], 0.0)
        for part, at in zip(model.structures, model.split(theta), strict=True)
    ]
    roots, whitened, logdet = [], [], 0.0
    for stack in model.stacks:
        m = stack.v.copy()
        for c, codes in zip(values, stack.codes, strict=True):
            m += c[codes]
        try:
            factor: Array = np.asarray(np.linalg.cholesky(m), dtype=np.float64)
        except np.linalg.LinAlgError:
            return None
        diagonal = np.diagonal(factor, axis1=1, axis2=2)
        if not (diagonal**2 > _SINGULAR * np.diagonal(m, axis1=1, axis2=2)).all():
            return None
        logdet += 2.0 * float(np.log(diagonal).sum())
        root = _inverse(factor)
        roots.append(root)
        whitened.append(root @ np.concatenate([stack.x, stack.y[:, :, None]], axis=2))
    n, p = model.n, model.p
    flat = np.concatenate([part.reshape(-1, p + 1) for part in whitened])
    q, r = np.linalg.qr(flat[:, :p])
    length = np.abs(np.diag(r))
    if not np.isfinite(flat).all() or not (length > 0).all():
        return None
    projected = q.T @ flat[:, p]
    residual = flat[:, p] - q @ projected
    residual -= q @ (q.T @ residual)
    inverse = np.linalg.inv(r)
    loglik = -0.5 * (n * math.log(2 * math.pi) + logdet + float(residual @ residual))
    if model.reml:
        loglik += 0.5 * (p * math.log(2 * math.pi) + model.logdet_x) - float(np.log(length).sum())
    ends = np.cumsum([part.shape[0] * part.shape[1] for part in whitened])[:-1]
    shapes = [part.shape[:2] for part in whitened]
    return Point(
        theta=theta,
        loglik=loglik,
        beta=inverse @ projected,
        vcov=inverse @ inverse.T,
        inverse_root=roots,
        residual=[part.reshape(shape) for part, shape in zip(np.split(residual, ends), shapes, strict=True)],
        basis=[part.reshape(*shape, p) for part, shape in zip(np.split(q, ends), shapes, strict=True)],
    )


def _inverse(factor: Array) -> Array:
    """Inverse of lower triangular matrices (B, m, m); small ones row by row, all blocks at once."""
    m = factor.shape[1]
    if m > _ROW_BY_ROW:
        return np.asarray(np.linalg.inv(factor), dtype=np.float64)
    result = np.zeros_like(factor)
    reciprocal = 1.0 / np.diagonal(factor, axis1=1, axis2=2)
    for i in range(m):
        result[:, i, i] = reciprocal[:, i]
        if i:
            row = (factor[:, i : i + 1, :i] @ result[:, :i, :i])[:, 0]
            result[:, i, :i] = -reciprocal[:, i : i + 1] * row
    return result


def slopes(model: Model, point: Point) -> Slopes:
    """Score and information.

    With whitened derivative ``N = inv(L) dM inv(L)'``, residual r and projection P off the design, the score
    is ``(r'N r - tr(P N)) / 2``, the expected information ``tr(P N P N) / 2``, the average information
    ``r'N P N r / 2`` (Gilmour, Thompson and Cullis 1995, Biometrics 51:1440-1450), and the observed one
    twice the average less the expected less the second derivatives of M against the score. Without REML P is
    the identity, but for the average information.
    """
    if not model.structures:
        return Slopes(np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0)), [])
    parts = list(zip(model.structures, model.split(point.theta), strict=True))
    derivatives = [part.covariances(at)[1] for part, at in parts]
    by_code = [np.zeros(d.shape[1] + 1) for d in derivatives]
    count, p = point.theta.size, model.p
    traces, bent = np.zeros((count, count)), np.zeros((count, count))
    inside, crossed = np.zeros((count, p, p)), np.zeros((count, p))
    score = np.zeros(count)
    average = np.zeros((count, count))
    for stack, root, r, q in zip(model.stacks, point.inverse_root, point.residual, point.basis, strict=True):
        back = root.swapaxes(1, 2)
        inner = r[:, :, None] * r[:, None, :] - np.eye(r.shape[1])
        if model.reml:
            inner = inner + q @ q.swapaxes(1, 2)
        weight = 0.5 * (back @ inner @ root)
        whitened = []
        for total, d, codes in zip(by_code, derivatives, stack.codes, strict=True):
            total += np.bincount(codes.ravel(), weight.ravel(), minlength=total.size)
            change = np.concatenate([d, np.zeros((len(d), 1))], axis=1)[:, codes]
            whitened.append(root @ change @ back)
        n = np.concatenate(whitened)
        flat = n.reshape(count, -1)
        traces += flat @ flat.T
        nr = (n @ r[:, :, None])[..., 0]
        score += 0.5 * ((nr * r).sum(axis=(1, 2)) - np.trace(n, axis1=2, axis2=3).sum(axis=1))
        average += nr.reshape(count, -1) @ nr.reshape(count, -1).T
        crossed += nr.reshape(count, -1) @ q.reshape(-1, p)
        if model.reml:
            nq = n @ q
            bent += nq.reshape(count, -1) @ nq.reshape(count, -1).T
            within = (q.swapaxes(1, 2) @ nq).sum(axis=1)
            inside += within
            score += 0.5 * np.trace(within, axis1=1, axis2=2)
    average = 0.5 * (average - crossed @ crossed.T)
    flat = inside.reshape(count, -1)
    expected = 0.5 * (traces - 2 * bent + flat @ flat.T)
    by_code = [total[:-1] for total in by_code]
    observed = 2 * average - expected
    start = 0
    for (part, at), w in zip(parts, by_code, strict=True):
        end = start + at.size
        observed[start:end, start:end] -= part.curvature(at, w)
        start = end
    return Slopes(score, observed, expected, by_code)
