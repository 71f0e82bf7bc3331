"""Made-up clusters of dependent effects."""

from __future__ import annotations

from typing import Any

import numpy as np

from ketameta._typing import Array


def same(column: Any) -> Any:
    return column[:, None] == column[None, :]


def example(
    seed: int, *, sizes: tuple[int, ...] = (1, 4, 2, 3, 3, 5), p: int = 2
) -> tuple[Array, Array, list[Array], Any]:
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    blocks = []
    for size in sizes:
        root = rng.normal(size=(size, size))
        blocks.append(root @ root.T / size + np.diag(rng.uniform(0.2, 2.0, size)))
    return x, rng.normal(size=n), blocks, np.repeat(np.arange(len(sizes)), sizes)
