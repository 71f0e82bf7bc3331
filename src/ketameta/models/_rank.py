"""Whether studies are enough for a design, and its moderators can be told apart."""

from __future__ import annotations

import numpy as np

from ketameta.errors import ModelError
from ketameta.models.design import Design

__all__ = ["check_rank"]

_RANK_TOLERANCE = 1e-10
_SMALLEST = 1e-100
_NAMES_SHOWN = 8


def check_rank(design: Design) -> None:
    """Refuse fewer studies than a fit needs, and moderators that cannot be told apart.

    Raises
    ------
    ModelError
        Says how many studies and coefficients there are, or which terms are confounded.
    """
    x, names = design.x, design.names
    k, p = x.shape
    if k <= p:
        most = f"at most {k - 1} of them" if k > 1 else "none of them"
        some = ", ".join(names[:_NAMES_SHOWN]) + (f" and {p - _NAMES_SHOWN} more" if p > _NAMES_SHOWN else "")
        raise ModelError(
            f"{k} {'study' if k == 1 else 'studies'} cannot carry {p} coefficients ({some}): "
            f"heterogeneity needs a study more than there are coefficients, so {most} can be estimated; leave "
            "moderators out or merge levels"
        )
    largest = np.abs(x).max(axis=0)
    for j in range(p):
        if largest[j] == 0:
            raise ModelError(f"{names[j]!r} is 0 in every study; there is nothing to estimate it from")
        if not _SMALLEST < largest[j] < 1.0 / _SMALLEST:
            raise ModelError(
                f"{names[j]!r} has values of up to {largest[j]:.3g}, too far from 1 to compute with; change its unit"
            )
    length = np.sqrt((x * x).sum(axis=0))
    centred = x - np.append(0.0, x[:, 1:].mean(axis=0)) if design.intercept else x
    spread = np.sqrt((centred * centred).sum(axis=0))
    kept: list[int] = []
    for j in range(p):
        if np.ptp(x[:, j]) == 0 and design.intercept and j:
            raise ModelError(
                f"{names[j]!r} is the same in every one of the {k} studies used ({x[0, j]:g}); it cannot explain "
                "differences between them"
            )
        if spread[j] <= _RANK_TOLERANCE * length[j]:
            raise ModelError(
                f"{names[j]!r} differs between the {k} studies used by {np.ptp(x[:, j]):.3g} only, beside a size of "
                f"{largest[j]:.3g}; take a round number off it, so that the differences are not lost in rounding"
            )
        others, unit = centred[:, kept] / spread[kept], centred[:, j] / spread[j]
        found = np.linalg.lstsq(others, unit, rcond=None)[0] if kept else np.zeros(0)
        residual = unit - others @ found
        if np.sqrt(residual @ residual) > _RANK_TOLERANCE:
            kept.append(j)
            continue
        partners = [names[i] for i, weight in zip(kept, found, strict=True) if abs(weight) > 1e-7]
        raise ModelError(
            f"{names[j]!r} cannot be told apart from {', '.join(map(repr, partners))} in these {k} studies: one "
            "follows from the others; leave one of these terms out"
        )
