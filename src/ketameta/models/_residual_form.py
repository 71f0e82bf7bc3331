"""Distribution of a weighted residual sum of squares, without eigenvalues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.models._sample import RANGE, Sample, prepare
from ketameta.models._weighing import Room, weigh

__all__ = ["ELEMENTS", "ResidualForm"]

ELEMENTS = 2**19
"""About as many numbers are worked on at once."""

_STEP = 0.08
_REACH = 7.5
_MOST = 60.0
# exp(-_CERTAIN) is beyond double precision.
_CERTAIN = 38.0


@dataclass(frozen=True, slots=True, eq=False)
class ResidualForm:
    """Q = sum a (y - fitted y)^2 of n fits by least squares with weights a, and its distribution.

    Attributes
    ----------
    q : Array, shape (n,)
        Q of the effects, in units of ``scale``.
    v, weights : Array, shape (n, k)
        Sampling variances in units of ``unit``, and the weights a, 0 for studies that do not count. Studies
        stand in another order than they were given.
    basis : Array, shape (n, k, p)
        Spans the design times the root of the weights. Its first p rows belong to studies that outweigh the
        others and are those of the identity matrix, so that nothing cancels beside heavy studies.
    unit, scale : Array, shape (n,)
        What variances and Q were divided by; ``unit`` is a power of 4.
    sound : BoolArray, shape (n,)
        False where no degree of freedom is left, the design is not of full rank, or the numbers lie too far
        apart for double precision.

    Notes
    -----
    With S the diagonal matrix of v + tau2 and A = W - W X (X'WX)^-1 X'W, W that of a, Q is a sum of
    chi-squares with one degree of freedom each, weighted by the eigenvalues of S^(1/2) A S^(1/2) (Jackson et
    al. 2014, BMC Medical Research Methodology 14:103). Its moment generating function needs no eigenvalues:
    with g = a (v + tau2) and D the diagonal matrix of 1 - 2 s g, the determinant of I - 2 s S A is
    det D det(B'D^-1 B) / det(B'B), B the basis. B'D^-1 B is symmetric; its real or its imaginary part is
    positive definite, so that the pivots of its elimination stay off the branch cut of the logarithm.
    """

    q: Array
    v: Array
    weights: Array
    basis: Array
    unit: Array
    scale: Array
    sound: BoolArray

    @staticmethod
    def read(y: Array, v: Array, weights: Array, x: Array | None, used: BoolArray | None) -> ResidualForm:
        """From checked rows with axes (fit, study), and (fit, study, coefficient) for the design."""
        counts = np.ones(v.shape, dtype=np.bool_) if used is None else used
        heaviest = np.where(counts, weights, 0.0).max(axis=-1, initial=0.0)
        heaviest = np.where(heaviest > 0, heaviest, 1.0)
        smallest = np.where(counts, v, np.inf).min(axis=-1, initial=np.inf)
        smallest = np.where(np.isfinite(smallest), smallest, 1.0)
        unit = np.ldexp(1.0, 2 * ((np.frexp(smallest)[1] - 1) // 2))
        weights = np.where(counts, weights / heaviest[:, None], 1.0)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            v = np.where(counts, v, smallest[:, None]) / unit[:, None]
            sample = prepare(y / np.sqrt(unit)[:, None], 1.0 / weights, x, used)
        sound = sample.sound & (sample.df >= 1) & (v.max(axis=-1) < RANGE)
        q, basis, a = np.full(sound.size, np.nan), np.zeros((*v.shape, sample.p)), np.zeros_like(v)
        rows = np.flatnonzero(sound)
        if rows.size:
            some = sample.take(rows)
            found = 1.0 / some.v
            a[rows], basis[rows] = found.T, _basis(some, found)
            q[rows] = weigh(some, found, Room(some)).q
        v = np.ascontiguousarray(v).reshape(-1).take(sample.index).T
        return ResidualForm(q, v, a, basis, unit, unit * heaviest, sound)

    def take(self, rows: Any) -> ResidualForm:
        """The fits at these positions, repeats allowed."""
        return ResidualForm(
            self.q[rows],
            self.v[rows],
            self.weights[rows],
            self.basis[rows],
            self.unit[rows],
            self.scale[rows],
            self.sound[rows],
        )

    @property
    def chunk(self) -> int:
        """How many fits are computed together."""
        return max(1, ELEMENTS // (64 * max(int(self.v.shape[1]), 1)))

    def cdf(self, q: Array, tau2: Array) -> Array:
        """Probability of a Q of at most ``q``, for sound fits, in units of ``scale`` and ``unit``."""
        g = self.weights * (self.v + tau2[:, None])
        largest = g.max(axis=-1)
        g, q = g / largest[:, None], q / largest
        mean, variance = self._moments(g)
        top = np.minimum(np.sqrt(0.5 * variance), 1.0)
        above = np.maximum(q - mean, 0.0)
        certain = above > np.sqrt(2.0 * _CERTAIN * variance) + 2.0 * _CERTAIN * top
        start = -1.0 / np.maximum(np.sqrt(variance), above / 3.0)
        bend = variance / (3.0 * mean) * np.minimum(1.0, q / mean) * np.maximum(1.0, 0.3 * above / mean)
        with np.errstate(divide="ignore"):
            reach = np.minimum(np.arcsinh(_REACH / (-start * np.sqrt(bend * q))), _MOST)
        turns = np.where(certain, 0.0, np.minimum(above / np.sqrt(variance), 10.0)).max()
        n = int(np.ceil(reach.max() / _STEP * (1.0 + 0.1 * turns)))
        pairs = _pairs(self.basis)
        plain = _log_det(pairs.sum(axis=-2), self.basis.shape[-1])
        total = np.zeros(q.size)
        size = max(1, ELEMENTS // g.size)
        for begin in range(0, n, size):
            u = reach[:, None] * ((np.arange(begin, min(begin + size, n)) + 0.5) / n)
            y = -start[:, None] * np.sinh(u)
            s = start[:, None] + bend[:, None] * y * y + 1j * y
            slope = (2.0 * bend[:, None] * y + 1j) * (-start[:, None] * np.cosh(u))
            factor = 1.0 - 2.0 * s[..., None] * g[:, None, :]
            crossed = _log_det((1.0 / factor) @ pairs, self.basis.shape[-1]) - plain[:, None]
            log_mgf = -0.5 * (np.log(factor).sum(axis=-1) + crossed)
            total += (np.exp(log_mgf - s * q[:, None]) / s * slope).imag.sum(axis=-1)
        found = np.clip(-total * reach / (n * np.pi), 0.0, 1.0)
        result: Array = np.where(q > 0, np.where(certain, 1.0, found), 0.0)
        return result

    def _moments(self, g: Array) -> tuple[Array, Array]:
        """Mean and variance of Q, the traces of (I - H) G and twice its square, H projecting on the basis."""
        p = self.basis.shape[-1]
        light, lead, rest = self.basis[:, p:], g[:, :p], g[:, p:]
        crossed = _transposed(light) @ light
        inverse = np.linalg.inv(np.eye(p) + crossed)
        left = inverse @ crossed
        across = light @ inverse
        leverage = (across * light).sum(axis=-1)
        within = inverse @ (_transposed(light) @ (rest[..., None] * light))
        mean = (lead * np.diagonal(left, axis1=-2, axis2=-1)).sum(axis=-1)
        mean += (rest * (1.0 - leverage)).sum(axis=-1)
        square = (lead[:, :, None] * np.square(left) * lead[:, None, :]).sum(axis=(-1, -2))
        square += 2.0 * (rest[..., None] * np.square(across) * lead[:, None, :]).sum(axis=(-1, -2))
        square += (rest * rest * (1.0 - 2.0 * leverage)).sum(axis=-1)
        square += (within * _transposed(within)).sum(axis=(-1, -2))
        return mean, 2.0 * square


def _basis(sample: Sample, a: Array) -> Array:
    """The design in terms of the pivots, times the root of the weights beside that of each pivot."""
    design = np.ones((1, *a.shape)) if sample.design is None else sample.design
    columns = [np.sqrt(a / a[j]) * column for j, column in enumerate(design)]
    return np.stack(columns, axis=-1).swapaxes(0, 1)


def _transposed(matrix: Array) -> Array:
    return np.swapaxes(matrix, -1, -2)


def _pairs(basis: Array) -> Array:
    """Products of columns i and j <= i, one after the other; shape (n, k, p (p + 1) / 2)."""
    i, j = np.tril_indices(basis.shape[-1])
    return basis[..., i] * basis[..., j]


def _log_det(entries: Any, p: int) -> Any:
    """Logarithm of the determinant of symmetric matrices given by rows of their lower triangle."""
    places = [(i, j) for i in range(p) for j in range(i + 1)]
    at = {place: entries[..., n] for n, place in enumerate(places)}
    total = np.log(at[0, 0])
    for step in range(1, p):
        for i in range(step, p):
            share = at[i, step - 1] / at[step - 1, step - 1]
            for j in range(step, i + 1):
                at[i, j] = at[i, j] - share * at[j, step - 1]
        total = total + np.log(at[step, step])
    return total
