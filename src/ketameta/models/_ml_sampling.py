"""Known sampling covariance of effects, from whatever it was given as, as triplets of row, row and value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import AnyArray, Array
from ketameta.effects.covariance import SamplingCovariance
from ketameta.errors import ModelError
from ketameta.models._ml_blocks import stacked
from ketameta.models._studies import name_rows

__all__ = ["Triplets", "as_arrays", "check_variances", "diagonal", "read_sampling", "within_clusters"]

_SYMMETRIC = 1e-8
_SAME = 1e-4
_WIDEST = 1000
_HOW = (
    "V must be a square matrix, a list of square blocks in the order of the rows, the result of covariance(), or "
    "one correlation within clusters; left out, the errors are independent with variances vi"
)


@dataclass(frozen=True, slots=True, eq=False)
class Triplets:
    """Entries of a symmetric matrix that are not 0: row, column, value; both halves and the diagonal.

    Attributes
    ----------
    i, j : numpy.ndarray of int, shape (m,)
        Row and column.
    value : Array, shape (m,)
        Entry.
    """

    i: AnyArray
    j: AnyArray
    value: Array

    def take(self, kept: AnyArray, n: int) -> Triplets:
        """Entries of the rows ``kept`` of n, renumbered."""
        number = np.full(n, -1)
        number[kept] = np.arange(len(kept))
        i, j = number[self.i], number[self.j]
        use = (i >= 0) & (j >= 0)
        return Triplets(i[use], j[use], self.value[use])

    def diagonal(self, n: int) -> Array:
        """Diagonal of the n rows."""
        result = np.zeros(n)
        own = self.i == self.j
        result[self.i[own]] = self.value[own]
        return result


def diagonal(vi: Array) -> Triplets:
    """Independent sampling errors."""
    at = np.arange(vi.size)
    return Triplets(at, at, vi)


def within_clusters(vi: Array, cluster: AnyArray, rho: float) -> Triplets:
    """Constant correlation ``rho`` of the sampling errors of one cluster (n,), numbered from 0.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models._ml_sampling import within_clusters
    >>> within_clusters(np.array([1.0, 4.0]), np.array([0, 0]), 0.5).value.tolist()
    [1.0, 1.0, 1.0, 4.0]
    """
    parts = []
    for rows in stacked(cluster):
        m = rows.shape[1]
        root = np.sqrt(vi[rows])
        block = rho * root[:, :, None] * root[:, None, :]
        block[:, np.arange(m), np.arange(m)] = vi[rows]
        shape = (*rows.shape, m)
        i, j = np.broadcast_to(rows[:, :, None], shape), np.broadcast_to(rows[:, None, :], shape)
        parts.append((i.ravel(), j.ravel(), block.ravel()))
    i, j, value = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Triplets(i, j, value)


def read_sampling(V: Any, table: pd.DataFrame, effect: AnyArray) -> Triplets:
    """Check a matrix, blocks, or an account of the sampling covariance.

    Parameters
    ----------
    V : array_like, list of array_like, or SamplingCovariance
        Sampling covariance of all rows of the table, or of those that have an effect.
    table : DataFrame
        Rows as given.
    effect : numpy.ndarray of bool, shape (n,)
        Which of its rows have an effect.

    Returns
    -------
    Triplets
        In numbers of the rows of ``table``.
    """
    places = np.flatnonzero(effect)
    if isinstance(V, SamplingCovariance):
        return _of_account(V, table, places)
    if isinstance(V, pd.DataFrame):
        V = _unlabelled(V, table, places)
    if isinstance(V, np.ndarray) and V.ndim == 3:
        V = list(V)
    found = _of_matrix(V) if isinstance(V, np.ndarray) and V.ndim == 2 else _of_blocks(V)
    n = 1 + int(found.i.max())
    if n == len(table):
        return found
    if n != len(places):
        raise ModelError(
            f"V is about {n} effects and the table has {len(table)} rows ({len(places)} with an effect); it must be "
            "about as many, in the same order"
        )
    return Triplets(places[found.i], places[found.j], found.value)


def as_arrays(V: Any) -> Any:
    """V without labels, as a record holds it: blocks where each trial's rows follow each other, else the matrix.

    A matrix of more effects than :data:`_WIDEST` would make a record that nobody can keep.
    """
    if isinstance(V, pd.DataFrame):
        return V.to_numpy()
    if not isinstance(V, SamplingCovariance):
        return V
    in_order = np.array_equal(np.concatenate(V.positions), np.arange(len(V.rows)))
    if in_order:
        return list(V.blocks)
    return V.matrix if len(V.rows) <= _WIDEST else V


def _unlabelled(V: pd.DataFrame, table: pd.DataFrame, places: AnyArray) -> AnyArray:
    """The numbers of V, whose labels must not speak of another order than that of the table."""
    labels = V.index
    if not labels.equals(V.columns) and set(labels) == set(V.columns):
        raise ModelError("V has its rows and its columns in different orders; they must be in one order")
    for rows in (table.index, table.index[places]):
        if (
            rows.is_unique
            and not labels.equals(rows)
            and len(labels) == len(rows)
            and labels.isin(rows).all()
        ):
            raise ModelError(
                "V is labelled with the rows of the table in another order; put it in theirs: V.loc[es.index, es.index]"
            )
    return V.to_numpy()


def _of_account(V: SamplingCovariance, table: pd.DataFrame, places: AnyArray) -> Triplets:
    rows = table.iloc[places]
    alike = len(V.rows) == len(rows) and V.rows.index.equals(rows.index)
    if not alike or not all(
        np.array_equal(V.rows[name].to_numpy(dtype=np.float64), rows[name].to_numpy(dtype=np.float64))
        for name in ("yi", "vi")
    ):
        raise ModelError(
            f"V was made from other rows than these (it is about {len(V.rows)} effects, the table has {len(rows)}); "
            "call covariance() on the table that goes into the model"
        )
    parts = []
    for at, block in zip(V.positions, V.blocks, strict=True):
        i, j = np.meshgrid(places[at], places[at], indexing="ij")
        parts.append((i.ravel(), j.ravel(), block.ravel()))
    i, j, value = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Triplets(i, j, value)


def _of_matrix(matrix: AnyArray) -> Triplets:
    checked = _square(matrix[None], ["V"])[0]
    rows, columns = np.nonzero((checked != 0) | np.eye(len(checked), dtype=np.bool_))
    return Triplets(rows, columns, checked[rows, columns])


def _of_blocks(V: Any) -> Triplets:
    if not isinstance(V, Sequence) or isinstance(V, str) or len(V) == 0:
        raise ModelError(f"V is {type(V).__name__}; {_HOW}")
    if all(isinstance(part, Sequence) and all(isinstance(cell, Real) for cell in part) for part in V):
        return _of_matrix(_array(V, "V"))
    blocks = [np.atleast_2d(_array(part, f"block {number} of V")) for number, part in enumerate(V, start=1)]
    starts = np.cumsum([0, *(len(block) for block in blocks)])
    by_shape: dict[Any, list[int]] = {}
    for number, block in enumerate(blocks):
        by_shape.setdefault((block.shape, block.dtype.kind), []).append(number)
    parts = []
    for same in by_shape.values():
        stack = _square(
            np.stack([blocks[number] for number in same]), [f"block {number + 1} of V" for number in same]
        )
        at = starts[same][:, None] + np.arange(stack.shape[1])
        shape = stack.shape
        rows, columns = np.broadcast_to(at[:, :, None], shape), np.broadcast_to(at[:, None, :], shape)
        parts.append((rows.ravel(), columns.ravel(), stack.ravel()))
    rows, columns, value = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Triplets(rows, columns, value)


def _array(values: Any, name: str) -> AnyArray:
    try:
        return np.asarray(values)
    except ValueError:
        raise ModelError(f"{name} is ragged; {_HOW}") from None


def _square(stack: AnyArray, names: Sequence[str]) -> Array:
    """Square symmetric matrices (B, m, m), checked; ``names`` has a name for each."""
    if stack.ndim != 3 or stack.shape[1] != stack.shape[2] or stack.size == 0:
        raise ModelError(f"{names[0]} has shape {stack.shape[1:]}; {_HOW}")
    if stack.dtype.kind not in "iuf":
        raise ModelError(f"{names[0]} must hold numbers, and its type is {stack.dtype}; turn it into floats")
    result = stack.astype(np.float64)
    bad = np.argwhere(~np.isfinite(result))
    if bad.size:
        b, i, j = bad[0].tolist()
        raise ModelError(f"{names[b]} is {result[b, i, j]} in row {i + 1}, column {j + 1}; it must be finite")
    turned = result.swapaxes(1, 2)
    root = np.sqrt(np.abs(np.diagonal(result, axis1=1, axis2=2)))
    bad = np.argwhere(
        np.abs(result - turned) > _SYMMETRIC * (root[:, :, None] * root[:, None, :] + np.abs(result))
    )
    if bad.size:
        b, i, j = bad[0].tolist()
        raise ModelError(
            f"{names[b]} is not symmetric: {result[b, i, j]:g} in row {i + 1}, column {j + 1}, and {result[b, j, i]:g} "
            "the other way"
        )
    return (result + turned) / 2


def check_variances(found: Triplets, vi: Array, table: pd.DataFrame) -> None:
    """Refuse a matrix whose diagonal is not the column vi: its rows are probably in another order."""
    own = found.diagonal(vi.size)
    bad = np.flatnonzero(np.abs(own - vi) > _SAME * np.maximum(own, vi)).tolist()
    if bad:
        raise ModelError(
            f"the diagonal of V is {own[bad[0]]:g} and vi is {vi[bad[0]]:g} in {name_rows(table, bad)}; V must be in the "
            "order of the rows and in the same units. If V is right, drop the column vi"
        )
