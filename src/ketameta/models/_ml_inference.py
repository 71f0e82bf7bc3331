"""Degrees of freedom of coefficients, and inference where they differ from one coefficient to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ketameta._typing import AnyArray, Array
from ketameta.models.intervals import Inference
from ketameta.models.linear import Joint, Linear

__all__ = ["LinearByCoefficient", "containment_df"]

_SAME = 1e-12


def containment_df(x: Array, groups: Sequence[AnyArray]) -> Array:
    """Degrees of freedom of each coefficient by containment.

    Parameters
    ----------
    x : Array, shape (n, p)
        Design.
    groups : sequence of numpy.ndarray of int, each shape (n,)
        Groupings of the random effects, numbered from 0.

    Returns
    -------
    Array, shape (p,)
        Smallest number of groups among the groupings within whose groups the column does not vary, less p;
        n - p where it varies within all; at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models._ml_inference import containment_df
    >>> x = np.column_stack([np.ones(6), [1, 2, 1, 2, 1, 2.0]])
    >>> containment_df(x, [np.array([0, 0, 1, 1, 2, 2])]).tolist()
    [1.0, 4.0]
    """
    n, p = x.shape
    fewest = np.full(p, n)
    for group in groups:
        count = int(group.max()) + 1
        high, low = np.full((count, p), -np.inf), np.full((count, p), np.inf)
        np.maximum.at(high, group, x)
        np.minimum.at(low, group, x)
        constant = (high - low <= _SAME * np.abs(x).max(axis=0)).all(axis=0)
        fewest = np.where(constant, np.minimum(fewest, count), fewest)
    return np.asarray(np.maximum(fewest - p, 0), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class LinearByCoefficient(Linear):
    """Coefficients with degrees of freedom of their own.

    A combination has the smallest of those of its coefficients, and so has a joint test.

    Attributes
    ----------
    dfs : Array, shape (p,)
        Degrees of freedom of each coefficient; infinite for the normal, NaN where there are none.
    """

    dfs: Array = field(default_factory=lambda: np.zeros(0))

    def combination(self, weights: Array, value: Array | float = 0.0) -> Inference:
        """Inference on ``weights @ beta - value``; weights (m, p), estimates (m,)."""
        found = Linear.combination(self, weights, value)
        return replace(found, df=np.where(weights != 0, self.dfs, np.inf).min(axis=1))

    def joint(self, weights: Array, value: Array | float = 0.0) -> Joint:
        """Test that ``weights @ beta`` equals ``value``; weights (m, p) of full row rank."""
        df = float(self.dfs[(weights != 0).any(axis=0)].min())
        found = Linear.joint(replace(self, df=math.inf), weights, value)
        return found if math.isinf(df) else Joint(found.stat / found.df1, found.df1, df)
