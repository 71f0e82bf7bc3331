"""Data of a bubble plot: effects against one moderator, and the fitted line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, interval, number
from ketameta._spelling import did_you_mean
from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models.design import Design

__all__ = ["Bubble", "along"]

_LINE_POINTS = 101
_ROWS = 50_000


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Bubble(Shown):
    """What a bubble plot needs.

    Attributes
    ----------
    term : str
        Moderator on the horizontal axis.
    points : DataFrame
        ``label, x, yi, vi, weight, size``, one row a study; ``weight`` sums to 1, and ``size`` is the
        diameter relative to the largest, so that areas are proportional to weights.
    line : DataFrame
        ``x, estimate, se, ci_low, ci_high, pi_low, pi_high`` over the range of the moderator.
    """

    term: str
    points: pd.DataFrame
    line: pd.DataFrame

    def sentence(self) -> str:
        """Say in one sentence what the plot shows."""
        low, high = self.points["x"].min(), self.points["x"].max()
        return f"{len(self.points)} effects against {self.term}, from {low:g} to {high:g}."

    def _card(self) -> Card:
        ends = self.line.iloc[[0, len(self.line) // 2, -1]]
        return Card(
            title=self.sentence(),
            columns=(self.term, "fitted effect", "interval"),
            rows=tuple(
                (f"{x:g}", number(estimate), interval(low, high))
                for x, estimate, low, high in zip(
                    *(ends[name] for name in ("x", "estimate", "ci_low", "ci_high")), strict=True
                )
            ),
            footer=("The data of a bubble plot: .points and .line",),
        )


def along(design: Design, term: str) -> tuple[Array, Array]:
    """Values of a numeric moderator over its range, and the mean design row of all studies at each.

    Returns
    -------
    grid : Array, shape (101,)
        From the smallest to the largest value.
    rows : Array, shape (101, p)
        Mean over the studies of their design rows with the moderator set to the value.

    Raises
    ------
    ModelError
        When ``term`` is no numeric moderator.
    """
    numeric = [name for name in design.columns if name not in design.levels]
    if term in design.levels:
        raise ModelError(f"{term!r} is categorical; a bubble plot needs a number. Use predict()")
    if term not in numeric:
        hint = did_you_mean(term, numeric, f"; there are {', '.join(numeric) or 'none'}")
        raise ModelError(f"{term!r} is no numeric moderator of this model{hint}")
    x = design.data[term].to_numpy(dtype=np.float64)
    grid = np.linspace(x.min(), x.max(), _LINE_POINTS)
    if len(design.columns) == 1:
        return grid, design.evaluated(pd.DataFrame({term: grid}))
    rows = np.empty((_LINE_POINTS, design.x.shape[1]))
    together = max(1, _ROWS // x.size)
    for start in range(0, _LINE_POINTS, together):
        part = grid[start : start + together]
        repeated = pd.concat([design.data] * part.size, ignore_index=True)
        repeated[term] = np.repeat(part, x.size)
        made = design.evaluated(repeated)
        rows[start : start + together] = made.reshape(part.size, x.size, -1).mean(axis=1)
    return grid, rows
