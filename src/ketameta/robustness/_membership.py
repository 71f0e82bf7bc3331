"""Subsets of studies as bits: the first study is the lowest bit of the first byte."""

from __future__ import annotations

import math

import numpy as np

from ketameta._typing import AnyArray, BoolArray

__all__ = ["drawn", "numbered", "unpacked"]

_ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1)


def numbered(start: int, stop: int, k: int) -> AnyArray:
    """Subsets of the binary numbers from ``start`` to under ``stop`` that hold two of k studies or more.

    Parameters
    ----------
    start, stop : int
        Numbers from 0 to 2^k; study i is in where the digit 2^i is 1.
    k : int
        Number of studies, 64 at most.

    Returns
    -------
    ndarray of uint8, shape (n, ceil(k / 8))

    Examples
    --------
    >>> from ketameta.robustness._membership import numbered
    >>> numbered(0, 8, 3).ravel().tolist()
    [3, 5, 6, 7]
    """
    codes = np.arange(max(start, 1), stop, dtype="<u8")
    many = codes[(codes & (codes - np.uint64(1))) != 0]
    members: AnyArray = many.view(np.uint8).reshape(-1, 8)[:, : math.ceil(k / 8)].copy()
    return members


def drawn(n: int, k: int, generator: np.random.Generator) -> AnyArray:
    """Independent random subsets, each of those of two of k studies or more equally likely.

    Every study is in or out with probability 1/2; subsets of fewer than two are drawn again.

    Returns
    -------
    ndarray of uint8, shape (n, ceil(k / 8))

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.robustness._membership import drawn
    >>> sorted(set(drawn(100, 3, np.random.default_rng(1)).ravel().tolist()))
    [3, 5, 6, 7]
    """
    width, last = math.ceil(k / 8), 2 ** ((k - 1) % 8 + 1) - 1
    members = np.empty((n, width), dtype=np.uint8)
    rows = np.arange(n)
    while rows.size:
        members[rows] = generator.integers(0, 256, (rows.size, width), dtype=np.uint8)
        members[rows, -1] &= last
        rows = rows[_ONES[members[rows]].sum(axis=1) < 2]
    return members


def unpacked(members: AnyArray, k: int) -> BoolArray:
    """Which of k studies each subset holds, shape (n, k).

    Examples
    --------
    >>> from ketameta.robustness._membership import numbered, unpacked
    >>> unpacked(numbered(5, 6, 3), 3).tolist()
    [[True, False, True]]
    """
    found: BoolArray = np.unpackbits(members, axis=1, count=k, bitorder="little").view(np.bool_)
    return found
