"""Effects sorted into blocks that share nothing with one another, stacked by size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from ketameta._typing import AnyArray, Array

__all__ = ["Stack", "connected", "stacked"]


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """All blocks with the same number of effects.

    Attributes
    ----------
    rows : numpy.ndarray of int, shape (B, m)
        Rows of the effects of each of B blocks.
    v : Array, shape (B, m, m)
        Their sampling covariance.
    y : Array, shape (B, m)
        Effects.
    x : Array, shape (B, m, p)
        Design.
    codes : tuple of numpy.ndarray of int, each shape (B, m, m)
        For each term of the model, the code of the covariance of each pair; the number of codes where the term
        gives none.
    """

    rows: AnyArray
    v: Array
    y: Array
    x: Array
    codes: tuple[AnyArray, ...]


def connected(n: int, groups: Sequence[AnyArray], pairs: AnyArray) -> AnyArray:
    """Number of the block of each of n rows.

    Parameters
    ----------
    n : int
        Number of rows.
    groups : sequence of numpy.ndarray of int, each shape (n,)
        Groupings; rows of one group belong together.
    pairs : numpy.ndarray of int, shape (m, 2)
        Rows that belong together besides.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models._ml_blocks import connected
    >>> connected(4, [np.array([0, 1, 0, 2])], np.array([[1, 3]])).tolist()
    [0, 1, 0, 1]
    """
    edges = [pairs]
    for group in groups:
        first = np.full(int(group.max()) + 1, -1)
        first[group[::-1]] = np.arange(n)[::-1]
        edges.append(np.column_stack([np.arange(n), first[group]]))
    i, j = np.concatenate(edges).T
    graph = sparse.coo_matrix((np.ones(i.size), (i, j)), shape=(n, n))
    return np.asarray(csgraph.connected_components(graph, directed=False)[1])


def stacked(block: AnyArray) -> list[AnyArray]:
    """Rows of the blocks, one array (B, m) for each size m, blocks and rows in order of appearance.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models._ml_blocks import stacked
    >>> [rows.tolist() for rows in stacked(np.array([0, 1, 0, 2]))]
    [[[1], [3]], [[0, 2]]]
    """
    order = np.argsort(block, kind="stable")
    sizes = np.bincount(block)
    starts = np.cumsum(sizes) - sizes
    return [order[starts[sizes == m][:, None] + np.arange(m)] for m in np.unique(sizes).tolist()]
