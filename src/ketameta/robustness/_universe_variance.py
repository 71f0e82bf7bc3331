"""How much of the spread of the universes each choice makes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from ketameta._typing import AnyArray, Array

__all__ = ["choice_shares"]

_NOTHING = 1e-12
"""Shares below this, or short of the whole by less, are rounding, which differs between machines."""


def choice_shares(values: Array, codes: AnyArray, sizes: Sequence[int]) -> tuple[Array, Array, float]:
    """Shares of a sum of squares that go with each of several choices.

    Parameters
    ----------
    values : Array, shape (n,)
        An estimate for each universe.
    codes : AnyArray, shape (n, choices)
        The option that each universe has of each choice.
    sizes : sequence of int
        Number of options of each choice.

    Returns
    -------
    alone : Array, shape (choices,)
        Sum of squares between the options of a choice, as a share of the total: the correlation ratio eta
        squared, or first-order Sobol index.
    given_others : Array, shape (choices,)
        What a choice adds to the additive model of all the others (type II), as a share of the total. In a full
        design the two are equal.
    together : float
        Share of the additive model of all choices; the rest is interactions.
        All are NaN where the values do not differ.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.robustness._universe_variance import choice_shares
    >>> codes = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> alone, given_others, together = choice_shares(np.array([0.0, 1.0, 3.0, 4.0]), codes, (2, 2))
    >>> alone.round(3).tolist(), round(together, 3)
    ([0.9, 0.1], 1.0)
    """
    n_choices, codes = len(sizes), codes.astype(np.int64)
    away = values - values.mean() if values.size else values
    total = float(away @ away)
    scale = float(np.abs(values).max(initial=0.0))
    if not total > (1e-14 * scale) ** 2 * values.size:
        return np.full(n_choices, np.nan), np.full(n_choices, np.nan), float("nan")
    sums = [
        np.bincount(codes[:, j], weights=away, minlength=size).astype(float) for j, size in enumerate(sizes)
    ]
    counts = [np.bincount(codes[:, j], minlength=size).astype(float) for j, size in enumerate(sizes)]
    alone = np.array(
        [float((s * s / np.maximum(n, 1)).sum()) / total for s, n in zip(sums, counts, strict=True)]
    )
    alone = np.where(alone < _NOTHING, 0.0, alone)
    gram = _gram(codes, sizes, counts)
    ends = np.cumsum([0, *sizes])
    every = np.concatenate(sums)

    def explained(kept: AnyArray) -> float:
        if not kept.size:
            return 0.0
        solution = np.linalg.lstsq(gram[np.ix_(kept, kept)], every[kept], rcond=1e-10)[0]
        share = float(np.clip(solution @ every[kept] / total, 0.0, 1.0))
        return 1.0 if 1.0 - share < _NOTHING else share

    columns = np.arange(ends[-1])
    together = explained(columns)
    without = [
        explained(columns[(columns < ends[j]) | (columns >= ends[j + 1])]) if sizes[j] > 1 else together
        for j in range(n_choices)
    ]
    others = together - np.array(without)
    return alone, np.where(others < _NOTHING, 0.0, others), together


def _gram(codes: AnyArray, sizes: Sequence[int], counts: Sequence[Array]) -> Array:
    """Cross-products of the indicators of all options: how often two of them meet."""
    ends = np.cumsum([0, *sizes])
    result = np.zeros((int(ends[-1]), int(ends[-1])))
    for j, n in enumerate(counts):
        result[ends[j] : ends[j + 1], ends[j] : ends[j + 1]] = np.diag(n)
    for i, j in itertools.combinations(range(len(sizes)), 2):
        met = np.bincount(codes[:, i] * sizes[j] + codes[:, j], minlength=sizes[i] * sizes[j])
        block = met.reshape(sizes[i], sizes[j]).astype(float)
        result[ends[i] : ends[i + 1], ends[j] : ends[j + 1]] = block
        result[ends[j] : ends[j + 1], ends[i] : ends[i + 1]] = block.T
    return result
