"""Kendall's rank correlation of two arrays with its P value."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from ketameta._typing import Array

__all__ = ["EXACT_AT_MOST", "Rank", "kendall"]

EXACT_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Rank:
    """Kendall's tau-b, its normal statistic, its two-sided P value, and whether this is exact; NaN where all values tie."""

    tau: float
    z: float
    p: float
    exact: bool


def kendall(x: Array, y: Array) -> Rank:
    """Rank correlation of two arrays of shape (k,), k of 3 or more.

    Notes
    -----
    Without ties and up to 200 values P is exact, from the number of orders with at least so many inversions;
    else from the normal distribution without continuity correction, its variance corrected for ties (Kendall
    and Gibbons 1990, Rank Correlation Methods, 5th ed).

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.robustness._small_study_rank import kendall
    >>> found = kendall(np.arange(4.0), np.array([1.0, 2.0, 4.0, 3.0]))
    >>> round(found.tau, 4), round(found.p, 4), found.exact
    (0.6667, 0.3333, True)
    """
    n = x.size
    score = _score(x, y)
    ties = [np.unique(values, return_counts=True)[1].astype(np.float64) for values in (x, y)]
    pairs = n * (n - 1) / 2
    untied = [pairs - float((t * (t - 1)).sum()) / 2 for t in ties]
    if min(untied) == 0:
        return Rank(math.nan, math.nan, math.nan, False)
    tau = score / math.sqrt(untied[0] * untied[1])
    z = score / math.sqrt(_variance(n, *ties))
    exact = untied == [pairs, pairs] and n <= EXACT_AT_MOST
    p = _exact_p(n, score) if exact else 2.0 * float(special.ndtr(-abs(z)))
    return Rank(tau, z, p, exact)


def _score(x: Array, y: Array) -> int:
    """Pairs in the same order less those in the opposite order."""
    return sum(
        int((np.sign(x[i + 1 :] - x[i]) * np.sign(y[i + 1 :] - y[i])).sum()) for i in range(x.size - 1)
    )


def _variance(n: int, t: Array, u: Array) -> float:
    """Variance of the score with ties of sizes ``t`` and ``u``."""

    def whole(size: Array | float) -> float:
        return float(np.sum(np.asarray(size) * (np.asarray(size) - 1) * (2 * np.asarray(size) + 5)))

    pairs = float((t * (t - 1)).sum() * (u * (u - 1)).sum())
    triples = float((t * (t - 1) * (t - 2)).sum() * (u * (u - 1) * (u - 2)).sum())
    return (
        (whole(n) - whole(t) - whole(u)) / 18
        + pairs / (2 * n * (n - 1))
        + triples / (9 * n * (n - 1) * (n - 2))
    )


def _exact_p(n: int, score: int) -> float:
    """Share of the n! orders whose score is as far from 0, by the distribution of the number of inversions."""
    inversions = (n * (n - 1) // 2 - abs(score)) // 2
    chances = np.ones(1)
    for size in range(2, n + 1):
        chances = np.convolve(chances, np.full(size, 1.0 / size))[: inversions + 1]
    return min(1.0, 2.0 * float(chances.sum()))
