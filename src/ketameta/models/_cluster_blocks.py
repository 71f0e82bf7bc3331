"""Block-diagonal matrices and cluster codes, read and regrouped so that clusters of one size lie in one stack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ketameta._typing import AnyArray, Array, ArrayLike
from ketameta.errors import ModelError

__all__ = ["Blocks", "Clusters", "cholesky", "read_array", "read_blocks"]

_LARGEST = 1e100
_SYMMETRIC = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """A block-diagonal matrix, its blocks of one size stacked.

    Attributes
    ----------
    rows : tuple of int array, each of shape (m, b)
        Rows that the m blocks of size b stand for.
    matrices : tuple of Array, each of shape (m, b, b)
        The blocks.
    """

    rows: tuple[NDArray[np.intp], ...]
    matrices: tuple[Array, ...]


def read_array(value: Any, what: str, shape: tuple[int | None, ...]) -> Array:
    """Finite numbers of a shape; None stands for any length.

    Raises
    ------
    ModelError
        Says which position is at fault, or what shape was found.
    """
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ModelError(f"{what} must be an array of numbers, not {type(value).__name__}") from None
    expected = tuple(array.shape[i] if n is None and i < array.ndim else n for i, n in enumerate(shape))
    if array.shape != expected:
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise ModelError(f"{what} has shape {array.shape}; it needs ({wanted})")
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ModelError(f"{what} is {array[where]} at position {where}; it must be finite")
    if array.size and np.abs(array).max() > _LARGEST:
        raise ModelError(
            f"{what} has values of up to {np.abs(array).max():.3g}, too far from 1 to compute with; change its unit"
        )
    return array


def read_blocks(value: ArrayLike | Sequence[ArrayLike], what: str, n: int) -> Blocks:
    """Read a block-diagonal matrix of n rows: its diagonal (n,), or its blocks in the order of the rows.

    Raises
    ------
    ModelError
        Says which block is not square, not finite, not symmetric or not positive definite, or that the blocks do
        not add up to n rows.
    """
    if isinstance(value, np.ndarray) and value.ndim in {1, 3}:
        stack = value[:, None, None] if value.ndim == 1 else value
        return _joined(
            [np.arange(stack.shape[0] * stack.shape[1]).reshape(stack.shape[:2])], [stack], what, n
        )
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | np.ndarray | pd.DataFrame):
        raise ModelError(f"{what} must be the {n} elements of a diagonal or a list of square blocks")
    entries = list(value)
    if all(np.ndim(entry) == 0 for entry in entries):
        return read_blocks(read_array(entries, what, (n,)), what, n)
    of_size: dict[int, tuple[list[int], list[Array]]] = {}
    start = 0
    for i, entry in enumerate(entries):
        block = read_array(entry, f"block {i} of {what}", (None, None))
        if block.shape[0] != block.shape[1]:
            raise ModelError(f"block {i} of {what} has shape {block.shape}; it must be square")
        starts, blocks = of_size.setdefault(len(block), ([], []))
        starts.append(start)
        blocks.append(block)
        start += len(block)
    sizes = [size for size in of_size if size]
    rows = [np.asarray(of_size[size][0])[:, None] + np.arange(size) for size in sizes]
    return _joined(rows, [np.stack(of_size[size][1]) for size in sizes], what, n)


def _joined(rows: list[NDArray[np.intp]], stacks: list[AnyArray], what: str, n: int) -> Blocks:
    total = sum(part.size for part in rows)
    if total != n:
        raise ModelError(
            f"{what} has {total} rows in all, and x has {n}; every row of x needs its place in a block"
        )
    matrices = []
    for part, raw in zip(rows, stacks, strict=True):
        stack = read_array(raw, what, (None, part.shape[1], part.shape[1]))
        flipped = np.swapaxes(stack, 1, 2)
        largest = np.abs(stack).max(axis=(1, 2))
        if largest.min() < 1.0 / _LARGEST:
            raise ModelError(
                f"{what} has values of at most {largest.min():.3g} in the block of {_span(part[np.argmin(largest)])}, too "
                "close to 0 to compute with; an effect without variance cannot be weighed"
            )
        skew = np.abs(stack - flipped).max(axis=(1, 2)) > _SYMMETRIC * largest
        if skew.any():
            raise ModelError(f"{what} is not symmetric in the block of {_span(part[np.argmax(skew)])}")
        cholesky(stack, part, what)
        matrices.append((stack + flipped) / 2.0)
    return Blocks(tuple(rows), tuple(matrices))


def cholesky(stack: Array, rows: NDArray[np.intp], what: str) -> Array:
    """Lower Cholesky factors (m, b, b).

    Raises
    ------
    ModelError
        Names the rows of the matrix that is furthest from having one.
    """
    try:
        lower = np.asarray(np.linalg.cholesky(stack), dtype=np.float64)
    except np.linalg.LinAlgError:
        lowest = np.linalg.eigvalsh(stack)[:, 0]
        where = int(np.argmin(lowest))
        raise ModelError(
            f"{what} is not positive definite in the block of {_span(rows[where])} (smallest eigenvalue {lowest[where]:.3g})"
        ) from None
    return lower


def _span(rows: NDArray[np.intp]) -> str:
    first, last = int(rows[0]), int(rows[-1])
    return f"row {first}" if first == last else f"rows {first} to {last}"


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Rows of each cluster, clusters of one size together.

    Attributes
    ----------
    labels : array, shape (m,)
        Cluster labels, in order of appearance.
    code : int array, shape (n,)
        Position of each row's label.
    rows : tuple of int array, each of shape (m_s, s)
        Rows of the m_s clusters of size s.
    """

    labels: AnyArray
    code: NDArray[np.intp]
    rows: tuple[NDArray[np.intp], ...]

    @staticmethod
    def read(clusters: ArrayLike, n: int) -> Clusters:
        """Group n rows by their label.

        Raises
        ------
        ModelError
            For a label that is missing, a number of labels other than n, or fewer than two clusters.
        """
        try:
            given = np.asarray(clusters)
        except ValueError:
            raise ModelError(f"clusters must hold one label for each of the {n} rows of x") from None
        if given.shape != (n,):
            raise ModelError(
                f"clusters has shape {given.shape}; it needs one label for each of the {n} rows of x"
            )
        missing = pd.isna(given)
        if missing.any():
            raise ModelError(
                f"clusters has no label at position {int(np.argmax(missing))}; every row needs one"
            )
        code, labels = pd.factorize(given)
        if len(labels) < 2:
            raise ModelError(
                f"all {n} rows are in one cluster; cluster-robust errors need two clusters or more"
            )
        order, count = np.argsort(code, kind="stable"), np.bincount(code)
        first = np.cumsum(count) - count
        sizes = [(int(size), first[count == size]) for size in np.unique(count)]
        rows = tuple(order[starts[:, None] + np.arange(size)] for size, starts in sizes)
        return Clusters(np.asarray(labels), code, rows)

    def stacks(self, blocks: Blocks, what: str) -> tuple[Array, ...]:
        """The matrix of each cluster, one stack (m_s, s, s) for each stack of ``rows``.

        Raises
        ------
        ModelError
            For a block that holds rows of two clusters.
        """
        n = self.code.size
        place, slot, stack = (np.empty(n, dtype=np.intp) for _ in range(3))
        for i, rows in enumerate(self.rows):
            place[rows], slot[rows], stack[rows] = np.arange(rows.shape[1]), np.arange(len(rows))[:, None], i
        out = tuple(np.zeros((*rows.shape, rows.shape[1])) for rows in self.rows)
        for rows, matrices in zip(blocks.rows, blocks.matrices, strict=True):
            code = self.code[rows]
            crossing = (code != code[:, :1]).any(axis=1)
            if crossing.any():
                at = int(np.argmax(crossing))
                one, other = (self.labels[i] for i in np.unique(code[at])[:2])
                raise ModelError(
                    f"the block of {what} of {_span(rows[at])} holds rows of the clusters {one!r} and {other!r}: a "
                    "cluster must contain whole blocks; cluster at a higher level"
                )
            for i in np.unique(stack[rows[:, 0]]):
                chosen = stack[rows[:, 0]] == i
                at, inside = slot[rows[chosen, 0]], place[rows[chosen]]
                out[i][at[:, None, None], inside[:, :, None], inside[:, None, :]] = matrices[chosen]
        return out
