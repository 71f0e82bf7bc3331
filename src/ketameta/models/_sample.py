"""A batch of samples made ready for computing.

Each fit of the batch is sorted by sampling variance, centred and scaled by a power of two, so that results
do not depend on the order of the studies, on the units or on a common shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ketameta._typing import Array, BoolArray

__all__ = ["NARROW", "RANGE", "Sample", "prepare"]

NARROW = 64
"""Up to so many studies, arrays are laid out study by study, above it fit by fit."""

RANGE = 1e150
_RANK_TOLERANCE = 1e-10
_CONSTANT_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A batch of n samples of up to k studies; the first axis runs over studies.

    The first p studies of a fit are its *pivots*: precise studies whose rows of the design are linearly
    independent (for a common mean, the most precise study). What the pivots predict for every study is
    taken off the effects, so that a pivot's own effect is exactly zero. The coefficients that are left are
    those of ``design``, in which pivot j has a one in column j.

    Attributes
    ----------
    y : Array, shape (k, n)
        Scaled effects less what the pivots predict; 0 for studies that do not count.
    v : Array, shape (k, n)
        Scaled sampling variances, infinite for studies that do not count. The smallest of each fit lies in
        [1, 4).
    effects : Array, shape (k, n)
        Scaled effects less that of the most precise study; the same array as ``y`` for a common mean.
    design : Array or None, shape (p, k, n)
        Design in terms of the pivots; None stands for a common mean, where it is one everywhere.
    inverse : Array or None, shape (n, p, p)
        Turns coefficients of ``design`` into those of the design that was given.
    q_weights : Array or None, shape (k, n)
        Weights of the generalised Q statistic, 0 for studies that do not count.
    used : BoolArray or None, shape (k, n)
        Studies that count; None where all do.
    k : Array, shape (n,)
        Number of studies that count.
    p : int
        Number of coefficients.
    base : Array, shape (n, p)
        Coefficients that were taken off the effects, in the units of the data.
    exponent : NDArray[int], shape (n,)
        Effects were divided by ``2 ** exponent``, variances by ``4 ** exponent``.
    index : NDArray[int], shape (k, n)
        Where each study stood in the flat array of n rows of k studies.
    sound : BoolArray, shape (n,)
        False where there are fewer studies than coefficients, the design is not of full rank, or the
        numbers lie too far apart for double precision.
    """

    y: Array
    v: Array
    effects: Array
    design: Array | None
    inverse: Array | None
    q_weights: Array | None
    used: BoolArray | None
    k: Array
    p: int
    base: Array
    exponent: Any
    index: Any
    sound: BoolArray

    def take(self, rows: Any) -> Sample:
        """Sub-batch of the fits ``rows`` (positions, repeats allowed)."""
        y = self.columns(self.y, rows)
        return Sample(
            y,
            self.columns(self.v, rows),
            y if self.effects is self.y else self.columns(self.effects, rows),
            None if self.design is None else np.stack([self.columns(plane, rows) for plane in self.design]),
            None if self.inverse is None else self.inverse[rows],
            None if self.q_weights is None else self.columns(self.q_weights, rows),
            None if self.used is None else self.columns(self.used, rows),
            self.k[rows],
            self.p,
            self.base[rows],
            self.exponent[rows],
            self.columns(self.index, rows),
            self.sound[rows],
        )

    def columns(self, array: Any, rows: Any) -> Any:
        """The fits ``rows`` of an array (k, n), laid out as this batch is."""
        return array.take(rows, axis=1) if self.narrow else array.T.take(rows, axis=0).T

    def total(self, array: Array) -> Array:
        """Sum over studies of an array laid out as this batch is.

        The order of the additions follows from the number of studies alone, so that a fit comes out the
        same, bit for bit, in any company: one after the other for few studies, pairwise for many.
        """
        if array.shape[1] == 1 and self.narrow and array.shape[0]:
            alone: Array = np.add.accumulate(array, axis=0)[-1]
            return alone
        result: Array = np.add.reduce(array, axis=0)
        return result

    @property
    def narrow(self) -> bool:
        """Whether arrays are laid out study by study."""
        return bool(self.y.shape[0] <= NARROW)

    @property
    def size(self) -> int:
        """Number of fits."""
        return int(self.y.shape[1])

    @property
    def v_min(self) -> Array:
        """Smallest sampling variance of each fit, shape (n,)."""
        smallest: Array = self.v[0] if self.design is None else self.v.min(axis=0)
        return smallest

    @property
    def v_max(self) -> Array:
        """Largest sampling variance of each fit, shape (n,)."""
        largest: Array = self.finite_v().max(axis=0)
        return largest

    @property
    def df(self) -> Array:
        """Studies minus coefficients, shape (n,)."""
        return self.k - self.p

    def finite_v(self) -> Array:
        """Sampling variances, 0 instead of infinity for studies that do not count."""
        return self.v if self.used is None else np.where(self.used, self.v, 0.0)

    def ones(self) -> Array:
        """Equal weights: one for each study that counts."""
        result = np.ones_like(self.v)
        if self.used is not None:
            result[~self.used] = 0.0
        return result


def prepare(
    y: Array, v: Array, x: Array | None, used: BoolArray | None, q_weights: Array | None = None
) -> Sample:
    """Sort, centre and scale a batch.

    Parameters
    ----------
    y, v : Array, shape (n, k)
        Effects and sampling variances; positive and finite wherever ``used`` is true.
    x : Array or None, shape (n, k, p)
        Design; None for a common mean.
    used : BoolArray or None, shape (n, k)
        Studies that count; None for all.
    q_weights : Array or None, shape (n, k)
        Weights of the generalised Q statistic.
    """
    n, k = y.shape
    if used is not None:
        y, v = np.where(used, y, 0.0), np.where(used, v, np.inf)
    else:
        y, v = np.ascontiguousarray(y), np.ascontiguousarray(v)
    order = _order(y, v)
    count = np.full(n, float(k)) if used is None else used.sum(axis=-1).astype(np.float64)
    p = 1 if x is None else x.shape[-1]
    sound = count >= p
    if x is not None:
        x = x if used is None else np.where(used[..., None], x, 0.0)
        x = np.take_along_axis(x, order[..., None], axis=1)
        largest = np.abs(x).max(axis=1, initial=0.0)
        near = ((largest > 1.0 / RANGE) & (largest < RANGE)).all(axis=-1)
        x = x if near.all() else np.where(near[:, None, None], x, 0.0)
        sound = sound & near & _full_rank(x, sound)
        order, x = _pivots_first(x, np.take_along_axis(v, order, axis=1), order, sound)
    index = _laid_out(order + (np.arange(n) * k)[:, None])
    y, v = _picked(y, index), _picked(v, index)
    mask = None if used is None else _picked(used, index)
    weights = None if q_weights is None else _picked(q_weights, index)
    if weights is not None:
        weights, near = _to_one(weights, mask)
        sound = sound & near
    smallest = v[0] if x is None else v.min(axis=0)
    exponent = (np.frexp(np.where(np.isfinite(smallest), smallest, 1.0))[1] - 1) // 2
    unit = np.ldexp(1.0, -exponent)
    with np.errstate(over="ignore", under="ignore"):
        v *= unit
        v *= unit
        effects = y - (y[0] if x is None else np.take_along_axis(y, v.argmin(axis=0)[None], axis=0)[0])
        if mask is not None:
            effects[~mask] = 0.0
        if x is None:
            base, centred, design, inverse = y[:1].T.copy(), effects, None, None
        else:
            base, centred, design, inverse = _eliminate(x, y, effects, sound)
            centred *= unit
        effects *= unit
    sound = sound & (np.maximum(effects.max(axis=0), -effects.min(axis=0)) < np.sqrt(RANGE))
    largest = v if mask is None else np.where(mask, v, 1.0)
    sound = sound & (largest.max(axis=0) < RANGE)
    return Sample(centred, v, effects, design, inverse, weights, mask, count, p, base, exponent, index, sound)


def _to_one(weights: Array, mask: BoolArray | None) -> tuple[Array, BoolArray]:
    """Weights (k, n) times a power of two, so that the largest of a fit is near 1, and which are near enough."""
    counted = weights if mask is None else np.where(mask, weights, 0.0)
    largest = counted.max(axis=0, initial=0.0)
    smallest = (counted if mask is None else np.where(mask, weights, np.inf)).min(axis=0, initial=np.inf)
    return np.ldexp(counted, -np.frexp(largest)[1]), smallest > largest / RANGE


def _order(y: Array, v: Array) -> Any:
    """Positions that sort each row by variance, and by effect where variances are equal."""
    order = np.argsort(v, axis=-1)
    ranked = np.take_along_axis(v, order, axis=-1)
    ties = ((ranked[:, 1:] == ranked[:, :-1]) & np.isfinite(ranked[:, 1:])).any(axis=-1)
    if ties.any():
        order[ties] = np.lexsort((y[ties], v[ties]), axis=-1)
    return order


def _laid_out(rows: Any) -> Any:
    """An array (n, k) as (k, n), study by study in memory for few studies."""
    return np.ascontiguousarray(rows.T) if rows.shape[1] <= NARROW else rows.T


def _picked(rows: Any, index: Any) -> Any:
    """Elements of an array (n, k) in the places ``index``, laid out as that is."""
    flat = np.ascontiguousarray(rows).reshape(-1)
    return flat.take(index) if index.shape[0] <= NARROW else flat.take(index.T).T


def _full_rank(x: Array, enough: BoolArray) -> BoolArray:
    """Whether each design (n, k, p) is of full rank."""
    n, k, p = x.shape
    if k < p:
        return np.zeros(n, dtype=np.bool_)
    diagonal = np.abs(np.diagonal(np.linalg.qr(x, mode="r"), axis1=-2, axis2=-1))
    result: BoolArray = enough & (diagonal > _RANK_TOLERANCE * np.sqrt((x * x).sum(axis=-2))).all(axis=-1)
    return result


def _pivots_first(x: Array, v: Array, order: Any, sound: BoolArray) -> tuple[Any, Array]:
    """Move p precise, linearly independent studies of each fit to the front.

    The next pivot is the study whose row, weighted by its precision, is farthest from the span of the
    pivots before it; columns of the design count in units of their largest entry.
    """
    n, k, p = x.shape
    if k < p:
        return order, x
    largest = np.abs(x).max(axis=1, keepdims=True)
    with np.errstate(under="ignore"):
        rest = x / np.where(largest > 0, largest, 1.0) * np.sqrt(v[:, :1] / v)[..., None]
    rows = np.arange(n)
    position = np.tile(np.arange(k), (n, 1))
    for j in range(p):
        length = (rest * rest).sum(axis=-1)
        length[:, :j] = -1.0
        best = length.argmax(axis=-1)
        for array in (position, rest):
            array[rows, best], array[:, j] = array[:, j].copy(), array[rows, best].copy()
        direction = rest[:, j]
        norm = np.sqrt((direction * direction).sum(axis=-1, keepdims=True))
        direction = direction / np.where(norm > 0, norm, 1.0)
        rest = rest - (rest * direction[:, None]).sum(axis=-1, keepdims=True) * direction[:, None]
    return np.take_along_axis(order, position, axis=1), np.take_along_axis(x, position[..., None], axis=1)


def _eliminate(x: Array, y: Array, effects: Array, sound: BoolArray) -> tuple[Array, Array, Array, Array]:
    """Coefficients that the pivots give, effects less their prediction, the design in their terms.

    Where the design holds a constant, effects count from that of the most precise study, so that a shift
    of all effects does not blur the differences between them.
    """
    n, k, p = x.shape
    inverse = np.broadcast_to(np.eye(p), (n, p, p)).copy()
    if k < p:
        return np.zeros((n, p)), effects.copy(), np.zeros((p, k, n)), inverse
    inverse[sound] = np.linalg.inv(x[sound, :p])
    terms = (x[:, :, :, None] * inverse[:, None]).sum(axis=2)
    terms[:, :p] = np.eye(p)
    counts = np.any(x != 0, axis=-1)
    constant = (
        np.abs(terms.sum(axis=-1) - 1.0) <= _CONSTANT_TOLERANCE * np.abs(terms).sum(axis=-1)
    ) | ~counts
    start = np.where(constant.all(axis=-1), effects, y)
    centred = start - (terms * start[:p].T[:, None, :]).sum(axis=-1).T
    centred[:p] = 0.0
    centred[~counts.T] = 0.0
    base = (inverse * y[:p].T[:, None, :]).sum(axis=-1)
    design = np.stack([_laid_out(terms[..., j]) for j in range(p)])
    return base, _laid_out(centred.T), design, inverse
