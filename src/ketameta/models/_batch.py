"""Inputs of the engine: checked, and handed out in chunks that fit a processor's cache."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketameta._typing import Array, ArrayLike, BoolArray
from ketameta.errors import ModelError
from ketameta.models._sample import Sample, prepare

__all__ = ["Batch"]

_CHUNK_ELEMENTS = 2**16


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """n fits of k studies, without copies where inputs are shared between fits.

    Attributes
    ----------
    shape : tuple of int
        Batch axes; n is their product.
    k : int
        Studies, whether they count or not.
    p : int or None
        Coefficients; None for an intercept alone.
    y, v, x, used, q_weights
        As given, as arrays; each broadcasts to the batch.
    """

    shape: tuple[int, ...]
    n: int
    k: int
    p: int | None
    y: Array
    v: Array
    x: Array | None
    used: BoolArray | None
    q_weights: Array | None

    @staticmethod
    def read(
        y: ArrayLike,
        v: ArrayLike,
        x: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        q_weights: ArrayLike | None = None,
    ) -> Batch:
        """Check the shapes; values are checked chunk by chunk."""
        y, v = _floats("y", y), _floats("v", v)
        used = None if mask is None else _array("mask", mask, "b", "true or false")
        design = None if x is None else _floats("x", x)
        weights = None if q_weights is None else _floats("q_weights", q_weights)
        if y.ndim == 0 or v.ndim == 0 or (design is not None and design.ndim < 2):
            raise ModelError(
                "y and v need an axis of studies, and x an axis of studies and one of coefficients"
            )
        parts = [array.shape for array in (y, v, used, weights) if array is not None]
        parts += [] if design is None else [design.shape[:-1]]
        try:
            *shape, k = np.broadcast_shapes(*parts)
        except ValueError:
            raise ModelError(f"shapes of y, v, mask and x do not fit: {', '.join(map(str, parts))}") from None
        p = None if design is None else design.shape[-1]
        if p == 0:
            raise ModelError("x has no columns; a fit needs a study and a coefficient")
        return Batch(tuple(shape), math.prod(shape), k, p, y, v, design, used, weights)

    @property
    def size(self) -> int:
        """How many fits are computed together."""
        return max(1, _CHUNK_ELEMENTS // max(self.k * (self.p or 1), 1))

    def chunks(self) -> list[slice]:
        """Consecutive fits that are computed together."""
        return [slice(start, min(start + self.size, self.n)) for start in range(0, self.n, self.size)]

    def split(self, rows: Any) -> list[Any]:
        """Positions of fits, in parts of the size of a chunk."""
        return [rows[start : start + self.size] for start in range(0, rows.size, self.size)]

    def sample(self, part: Any) -> Sample:
        """The fits ``part``, a slice or positions, made ready."""
        y, v, x, used, weights = self.rows(part)
        return prepare(y, v, x, used, weights)

    def rows(self, part: Any) -> tuple[Array, Array, Array | None, BoolArray | None, Array | None]:
        """Effects, variances, design, mask and weights of some fits, checked; axes (fit, study, ...)."""
        y, v = self._rows(self.y, part), self._rows(self.v, part)
        x = None if self.x is None else self._rows(self.x, part, 1)
        used = None if self.used is None else self._rows(self.used, part)
        weights = None if self.q_weights is None else self._rows(self.q_weights, part)
        self._check(part, y, v, x, used, weights)
        return y, v, x, used, weights

    def _count(self, part: Any) -> int:
        return len(self._positions(part))

    def _rows(self, array: Any, part: Any, tail: int = 0) -> Any:
        count = self._count(part)
        lead = max(array.ndim - 1 - tail, 0)
        own = (self.k, *array.shape[array.ndim - tail :])
        if lead == 0 and count == 1 and array.shape == own:
            return array[None]
        if lead == 0:
            return np.broadcast_to(array, (count, *own))
        if array.shape[:lead] == self.shape and (lead == 1 or array.flags.c_contiguous):
            return np.broadcast_to(array.reshape(self.n, *array.shape[lead:])[part], (count, *own))
        whole = np.broadcast_to(array, (*self.shape, *own))
        return whole[np.unravel_index(np.asarray(self._positions(part)), self.shape)]

    def _positions(self, part: Any) -> Any:
        return range(part.start, part.stop) if isinstance(part, slice) else part

    def _check(self, part: Any, y: Array, v: Array, x: Any, used: Any, weights: Any) -> None:
        bad = ~(np.isfinite(y) & (v > 0) & (v < np.inf))
        if x is not None:
            bad |= ~np.isfinite(x).all(axis=-1)
        if weights is not None:
            bad |= ~((weights > 0) & (weights < np.inf))
        if used is not None:
            bad &= used
        if bad.any():
            row, study = (int(i) for i in np.argwhere(bad)[0])
            where = (*(int(i) for i in np.unravel_index(self._positions(part)[row], self.shape)), study)
            raise ModelError(
                f"position {where}: effects and design must be finite and variances and weights positive"
            )


def _floats(name: str, values: ArrayLike) -> Array:
    result: Array = _array(name, values, "iuf", "numbers").astype(np.float64, copy=False)
    return result


def _array(name: str, values: ArrayLike, kinds: str, what: str) -> Any:
    """An array whose type is one of ``kinds``."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise ModelError(f"{name} is ragged; it must be an array of {what}") from None
    if array.dtype.kind not in kinds:
        raise ModelError(f"{name} must be an array of {what}, not of type {array.dtype}")
    return array
