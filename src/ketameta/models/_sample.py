"""A batch of samples made ready for computing, and weighted least squares on it.

Each fit of the batch is sorted by sampling variance, centred on a reference and scaled by a power of
two, so that results do not depend on the order of the studies, on the units or on a common shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ketameta._typing import Array, BoolArray

__all__ = ["Gls", "Sample", "gls", "prepare"]

_RANGE = 1e150
_RANK_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A batch of n samples of up to k studies, sorted by sampling variance.

    Attributes
    ----------
    y, v : Array, shape (n, ..., k)
        Centred and scaled effects, scaled sampling variances (0 and 1 where ``used`` is false). The
        smallest variance of each fit lies in [1, 4).
    x : Array or None, shape (n, ..., k, p)
        Design matrix, zero where ``used`` is false; None stands for the intercept alone.
    used : BoolArray, shape (n, ..., k)
        Studies that count; they come first.
    k : Array, shape (n,)
        Number of studies that count.
    p : int
        Number of coefficients.
    centre : Array, shape (n, p)
        What was taken off the effects, as coefficients.
    exponent : NDArray[int], shape (n,)
        Effects were divided by ``2 ** exponent``, variances by ``4 ** exponent``.
    order : NDArray[int], shape (n, k)
        Position that each sorted study had.
    sound : BoolArray, shape (n,)
        False where there are fewer studies than coefficients, the design is not of full rank, or the
        numbers lie too far apart for double precision.
    """

    y: Array
    v: Array
    x: Array | None
    used: BoolArray
    k: Array
    p: int
    centre: Array
    exponent: Any
    order: Any
    sound: BoolArray

    def take(self, rows: Any) -> Sample:
        """Sub-batch of the fits ``rows`` (positions or boolean, repeats allowed)."""
        return Sample(
            self.y[rows],
            self.v[rows],
            None if self.x is None else self.x[rows],
            self.used[rows],
            self.k[rows],
            self.p,
            self.centre[rows],
            self.exponent[rows],
            self.order[rows],
            self.sound[rows],
        )

    def spread(self) -> Sample:
        """The same batch with an axis of length one put in after the first, for a grid of tau2."""
        x = None if self.x is None else self.x[:, None]
        return Sample(
            self.y[:, None],
            self.v[:, None],
            x,
            self.used[:, None],
            self.k,
            self.p,
            self.centre,
            self.exponent,
            self.order,
            self.sound,
        )

    @property
    def v_min(self) -> Array:
        """Smallest sampling variance of each fit, shape (n, ...)."""
        smallest: Array = self.v[..., 0]
        return smallest

    @property
    def v_max(self) -> Array:
        """Largest sampling variance of each fit, shape (n, ...)."""
        largest: Array = np.where(self.used, self.v, 0.0).max(axis=-1)
        return largest

    @property
    def df(self) -> Array:
        """Studies minus coefficients, shape (n,)."""
        return self.k - self.p


@dataclass(frozen=True, slots=True, eq=False)
class Gls:
    """Weighted least squares with weights ``w = 1 / (v + tau2)``; P is the usual projection.

    Attributes
    ----------
    w : Array, shape (..., k)
        Weights, zero for studies that do not count.
    beta : Array, shape (..., p)
        Coefficients on the scale of the sample.
    cov : Array, shape (..., p, p)
        Inverse of X'WX.
    q : Array, shape (...)
        Weighted residual sum of squares, y'Py.
    ypp : Array, shape (...)
        y'PPy.
    trace : Array, shape (...)
        tr P.
    logdet : Array, shape (...)
        log det X'WX.
    """

    w: Array
    beta: Array
    cov: Array
    q: Array
    ypp: Array
    trace: Array
    logdet: Array


def prepare(y: Array, v: Array, x: Array | None, used: BoolArray) -> Sample:
    """Sort, centre and scale a batch.

    Parameters
    ----------
    y, v : Array, shape (n, k)
        Effects and sampling variances; positive and finite wherever ``used`` is true.
    x : Array or None, shape (n, k, p)
        Design; None for the intercept alone.
    used : BoolArray, shape (n, k)
        Studies that count.
    """
    n = y.shape[0]
    order = np.lexsort((y, v, ~used), axis=-1)
    used = np.take_along_axis(used, order, axis=-1)
    y = np.where(used, np.take_along_axis(y, order, axis=-1), 0.0)
    v = np.where(used, np.take_along_axis(v, order, axis=-1), 1.0)
    k = used.sum(axis=-1).astype(np.float64)
    p = 1 if x is None else x.shape[-1]
    sound = k >= p
    if x is None:
        centre = y[:, :1]
        y = np.where(used, y - centre, 0.0)
    else:
        x = np.where(used[..., None], np.take_along_axis(x, order[..., None], axis=-2), 0.0)
        centre, full_rank = _least_squares(x, y, sound)
        sound = sound & full_rank
        y = np.where(used, y - (x * centre[:, None, :]).sum(axis=-1), 0.0)
    exponent = (np.frexp(v[:, 0])[1] - 1) // 2
    with np.errstate(over="ignore", under="ignore"):
        y = np.ldexp(y, -exponent[:, None])
        v = np.where(used, np.ldexp(v, -2 * exponent[:, None]), 1.0)
    sound = sound & (np.abs(y).max(axis=-1, initial=0.0) < np.sqrt(_RANGE))
    sound = sound & (v.max(axis=-1, initial=1.0) < _RANGE)
    return Sample(y, v, x, used, k, p, centre.reshape(n, p), exponent, order, sound)


def _least_squares(x: Array, y: Array, enough: BoolArray) -> tuple[Array, BoolArray]:
    """Unweighted coefficients (n, p), and whether each design is of full rank (n,)."""
    n, k, p = x.shape
    if k < p:
        return np.zeros((n, p)), np.zeros(n, dtype=np.bool_)
    q, r = np.linalg.qr(x)
    diagonal = np.abs(np.diagonal(r, axis1=-2, axis2=-1))
    length = np.sqrt((x * x).sum(axis=-2))
    full_rank = enough & (diagonal > _RANK_TOLERANCE * length).all(axis=-1)
    beta = np.zeros((n, p))
    right = (q[full_rank] * y[full_rank, :, None]).sum(axis=-2)
    beta[full_rank] = np.linalg.solve(r[full_rank], right[..., None])[..., 0]
    return beta, full_rank


def gls(sample: Sample, tau2: Array) -> Gls:
    """Weighted least squares at given tau2.

    Parameters
    ----------
    sample : Sample
        Prepared batch; every fit must be sound.
    tau2 : Array, shape (n, ...)
        Between-study variance on the scale of the sample.
    """
    w = np.where(sample.used, 1.0 / (sample.v + tau2[..., None]), 0.0)
    return _intercept(sample.y, w) if sample.x is None else _design(sample.x, sample.y, w)


def _intercept(y: Array, w: Array) -> Gls:
    """One common mean. The first study is the most precise one and has y = 0.

    Sums over the other studies stand apart from it, so that nothing cancels when it carries nearly all
    the weight.
    """
    rest = w[..., 1:]
    s1 = rest.sum(axis=-1)
    s2 = (rest * rest).sum(axis=-1)
    total = w[..., 0] + s1
    beta = (w * y).sum(axis=-1) / total
    residual = y - beta[..., None]
    weighted = w * residual
    return Gls(
        w=w,
        beta=beta[..., None],
        cov=(1.0 / total)[..., None, None],
        q=(weighted * residual).sum(axis=-1),
        ypp=(weighted * weighted).sum(axis=-1),
        trace=(2.0 * w[..., 0] * s1 + (s1 * s1 - s2)) / total,
        logdet=np.log(total),
    )


def _design(x: Array, y: Array, w: Array) -> Gls:
    """Any design, by a complete QR decomposition of the weighted design matrix."""
    p = x.shape[-1]
    root = np.sqrt(w)
    q, r = np.linalg.qr(root[..., None] * x, mode="complete")
    r = r[..., :p, :]
    target = ((root * y)[..., None] * q).sum(axis=-2)
    basis = q[..., p:]
    residual = (basis * target[..., None, p:]).sum(axis=-1)
    inverse = np.linalg.inv(r)
    return Gls(
        w=w,
        beta=(inverse * target[..., None, :p]).sum(axis=-1),
        cov=inverse @ np.swapaxes(inverse, -1, -2),
        q=(residual * residual).sum(axis=-1),
        ypp=(w * residual * residual).sum(axis=-1),
        trace=(w * (basis * basis).sum(axis=-1)).sum(axis=-1),
        logdet=2.0 * np.log(np.abs(np.diagonal(r, axis1=-2, axis2=-1))).sum(axis=-1),
    )
