"""Weighted least squares on a batch of samples, and the quadratic forms that estimators of tau2 need.

P = W - W X (X'WX)^-1 X'W for weights W. Sums over the other studies stand apart from the pivots of a
sample, so that nothing cancels when those carry nearly all the weight; memory is linear in k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array
from ketameta.models._sample import Sample

__all__ = ["Room", "Weighed", "log_det", "marginal", "noise", "unweighted", "weigh"]


class Room:
    """Working arrays for a batch, used again by every weighing of it or of a part of it."""

    __slots__ = ("_a", "_b", "_w")

    def __init__(self, sample: Sample) -> None:
        self._w, self._a, self._b = (np.empty_like(sample.y) for _ in range(3))

    def part(self, n: int) -> tuple[Array, Array, Array]:
        """Three arrays (k, n)."""
        return self._w[:, :n], self._a[:, :n], self._b[:, :n]


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """A batch of n fits at given weights.

    Attributes
    ----------
    w : Array, shape (k, n)
        Weights. They lie in a working array: the next weighing in the same room overwrites them.
    theta : Array, shape (n, p)
        Coefficients of the sample's ``design``.
    m, inverse_m : Array, shape (n, p, p)
        X'WX in terms of the pivots, and its inverse.
    q, ypp : Array, shape (n,)
        y'Py and y'PPy.
    trace, total : Array, shape (n,)
        tr P and tr W.
    yppp : Array or None, shape (n,)
        y'PPPy; None unless the second moments are asked for.
    trace_pp, total_ww : Array or None, shape (n,)
        tr PP and tr WW; None unless the second moments are asked for.
    """

    w: Array
    theta: Array
    m: Array
    inverse_m: Array
    q: Array
    ypp: Array
    trace: Array
    total: Array
    yppp: Array | None = None
    trace_pp: Array | None = None
    total_ww: Array | None = None


def marginal(sample: Sample, tau2: Array, room: Room) -> Array:
    """Weights 1 / (v + tau2), in a working array."""
    w = room.part(sample.size)[0]
    np.add(sample.v, tau2, out=w)
    return np.divide(1.0, w, out=w)


def weigh(sample: Sample, w: Array, room: Room, *, second: bool = False) -> Weighed:
    """Weighted least squares.

    Parameters
    ----------
    sample : Sample
        Prepared batch; every fit sound.
    w : Array, shape (k, n)
        Weights, 0 for studies that do not count.
    room : Room
        Working arrays; ``w`` may lie in it.
    second : bool
        Whether to compute ``yppp``, ``trace_pp`` and ``total_ww``.
    """
    solve = _common if sample.design is None else _regression
    return solve(sample, w, room, second)


def unweighted(sample: Sample, room: Room) -> tuple[Array, Array]:
    """Residual sum of squares of ordinary least squares, and log det X'X in terms of the pivots."""
    if sample.design is not None:
        found = weigh(sample, sample.ones(), room)
        return found.q, log_det(found.m)
    residual = room.part(sample.size)[1]
    np.subtract(sample.y, sample.total(sample.y) / sample.k, out=residual)
    if sample.used is not None:
        residual[~sample.used] = 0.0
    np.multiply(residual, residual, out=residual)
    return sample.total(residual), np.log(sample.k)


def log_det(m: Array) -> Array:
    """Logarithm of the determinant of positive definite matrices (n, p, p)."""
    result: Array = np.log(m[:, 0, 0]) if m.shape[-1] == 1 else np.linalg.slogdet(m)[1]
    return result


def _common(sample: Sample, w: Array, room: Room, second: bool) -> Weighed:
    """A common mean: the first study is the most precise one and has y = 0."""
    total, (_, a, b) = sample.total, room.part(sample.size)
    first, rest = w[0].copy(), w[1:]
    s1 = total(rest)
    tail = b[1:]
    np.multiply(rest, rest, out=tail)
    s2 = total(tail)
    weight = first + s1
    np.multiply(rest, sample.y[1:], out=tail)
    mean = total(tail) / weight
    np.subtract(sample.y, mean, out=a)
    np.multiply(w, a, out=b)
    np.multiply(a, b, out=a)
    q = total(a)
    np.multiply(b, b, out=a)
    ypp = total(a)
    trace = (2.0 * first * s1 + (s1 * s1 - s2)) / weight
    found = weight[:, None, None], (1.0 / weight)[:, None, None], q, ypp, trace, weight
    if not second:
        return Weighed(w, mean[:, None], *found)
    side = a[1:]
    tail -= b[0].copy()
    np.multiply(rest, tail, out=side)
    lean = total(side)
    np.multiply(side, tail, out=side)
    yppp = np.maximum(total(side) - lean * lean / weight, 0.0)
    np.multiply(rest, rest, out=side)
    np.multiply(side, rest, out=side)
    s3 = total(side)
    ratio, cross = first * s1 / weight, first / weight
    trace_pp = ratio * ratio + (2.0 * cross * cross * s2 + (s2 - 2.0 * s3 / weight) + (s2 / weight) ** 2)
    return Weighed(w, mean[:, None], *found, yppp, trace_pp, first * first + s2)


def _regression(sample: Sample, w: Array, room: Room, second: bool) -> Weighed:
    """Any design, by elimination of the pivots.

    With W1 the weights of the pivots, W2 and G the weights and design of the others, S_j = G'W2^j G and
    M = W1 + S_1 (X'WX in terms of the pivots), the blocks of P are W1 M^-1 S_1, -W1 M^-1 G'W2 and
    W2 - W2 G M^-1 G'W2.
    """
    p, total, (_, a, b) = sample.p, sample.total, room.part(sample.size)
    design = sample.design
    if design is None:
        raise ValueError("a design is needed")
    first, rest, g = w[:p].T.copy(), w[p:], design[:, p:]
    power, side = b[p:], a[p:]

    def crossed(weights: Array) -> Array:
        result = np.empty((sample.size, p, p))
        for i in range(p):
            for j in range(i + 1):
                np.multiply(weights, g[i], out=side)
                np.multiply(side, g[j], out=side)
                result[:, i, j] = result[:, j, i] = total(side)
        return result

    def projected(values: Array) -> Array:
        return np.stack(
            [total(np.multiply(np.multiply(rest, g[j], out=side), values, out=side)) for j in range(p)], -1
        )

    s = crossed(rest)
    s1 = total(rest)
    np.multiply(rest, rest, out=power)
    s2, squares = crossed(power), total(power)
    root = np.sqrt(first)
    m = s.copy()
    m[:, range(p), range(p)] += first
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = root[:, :, None] * root[:, None, :]
        inverse = np.linalg.inv(np.eye(p) + s / scale) / scale
    theta = _times(inverse, projected(sample.y[p:]))
    trace = s1 - _traced(inverse, s2) + (first * (inverse * s).sum(axis=-1)).sum(axis=-1)
    weight = first.sum(axis=-1) + s1
    residual = _residual(sample.y, design, theta, a, b)
    np.multiply(w, residual, out=b)
    np.multiply(a, b, out=a)
    q = total(a)
    np.multiply(b, b, out=a)
    found = Weighed(w, theta, m, inverse, q, total(a), trace, weight)
    if not second:
        return found
    py = b.copy(order="K")
    lead = py[:p].T.copy()
    for j in range(p):
        np.multiply(design[j], lead[:, j], out=a)
        py -= a
    yppp_theta = _times(inverse, projected(py[p:]))
    residual = _residual(py, design, yppp_theta, a, b)
    np.multiply(residual, residual, out=a)
    np.multiply(a, w, out=a)
    yppp = total(a)
    np.multiply(rest, rest, out=power)
    np.multiply(power, rest, out=power)
    s3 = crossed(power)
    inverse_s2 = inverse @ s2
    leading = first[:, :, None] * (inverse @ s)
    middle = first[:, :, None] * (inverse_s2 @ inverse) * first[:, None, :]
    trace_pp = (
        (squares - 2.0 * _traced(inverse, s3) + _traced(inverse_s2, np.swapaxes(inverse_s2, -1, -2)))
        + 2.0 * middle[:, range(p), range(p)].sum(axis=-1)
        + (leading * leading).sum(axis=(-1, -2))
    )
    return Weighed(
        w,
        theta,
        m,
        inverse,
        q,
        found.ypp,
        trace,
        weight,
        yppp,
        trace_pp,
        (first * first).sum(axis=-1) + squares,
    )


def _residual(y: Array, design: Array, theta: Array, out: Array, work: Array) -> Array:
    np.copyto(out, y)
    for j, column in enumerate(design):
        np.multiply(column, theta[:, j], out=work)
        out -= work
    return out


def _times(matrix: Array, vector: Array) -> Array:
    result: Array = (matrix * vector[:, None, :]).sum(axis=-1)
    return result


def _traced(one: Array, two: Array) -> Array:
    """Trace of the product of two matrices, the second symmetric or given transposed."""
    result: Array = (one * two).sum(axis=(-1, -2))
    return result


def noise(sample: Sample, weighed: Weighed) -> Array:
    """Expected share of the sampling variances in y'Py, tr PV."""
    p, w, v = sample.p, weighed.w, sample.finite_v()
    if sample.design is None:
        rest = weighed.total - w[0]
        other = w[1:] * (1.0 - w[1:] / weighed.total) * v[1:]
        result: Array = w[0] * (rest / weighed.total) * v[0] + sample.total(other)
        return result
    g, s = sample.design[:, p:], weighed.m.copy()
    s[:, range(p), range(p)] -= w[:p].T
    lead = w[:p].T * (weighed.inverse_m * s).sum(axis=-1) * v[:p].T
    leverage = np.zeros_like(w[p:])
    for i in range(p):
        for j in range(p):
            leverage += g[i] * g[j] * weighed.inverse_m[:, i, j]
    found: Array = lead.sum(axis=-1) + sample.total(w[p:] * (1.0 - w[p:] * leverage) * v[p:])
    return found
