"""Data of a bubble plot: effects against one moderator, and the fitted line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, interval, number
from ketameta._spelling import did_you_mean
from ketameta._typing import AnyArray, Array
from ketameta.errors import ModelError
from ketameta.models.design import Design

__all__ = ["Bubble", "along", "positions"]

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
        ``x, estimate, se, ci_low, ci_high, pi_low, pi_high`` over the range of the moderator, or at each level.
    levels : tuple of str
        Levels of a categorical moderator, whose ``x`` is their position from 0; empty for a number.
    """

    term: str
    points: pd.DataFrame
    line: pd.DataFrame
    levels: tuple[str, ...] = ()

    def sentence(self) -> str:
        """Say in one sentence what the plot shows."""
        where = f"at {', '.join(self.levels)}"
        if not self.levels:
            where = f"from {self.points['x'].min():g} to {self.points['x'].max():g}"
        return f"{len(self.points)} effects against {self.term}, {where}."

    def _card(self) -> Card:
        ends = self.line if self.levels else self.line.iloc[[0, len(self.line) // 2, -1]]
        names = self.levels or tuple(f"{x:g}" for x in ends["x"])
        return Card(
            title=self.sentence(),
            columns=(self.term, "fitted effect", "interval"),
            rows=tuple(
                (name, number(estimate), interval(low, high))
                for name, estimate, low, high in zip(
                    names, *(ends[column] for column in ("estimate", "ci_low", "ci_high")), strict=True
                )
            ),
            footer=("The data of a bubble plot: .points and .line",),
        )


def positions(design: Design, term: str) -> Array:
    """Values of a moderator in the studies, of a categorical one the positions of the levels, shape (k,)."""
    values = design.data[term]
    if term in design.levels:
        values = values.map({level: i for i, level in enumerate(design.levels[term])})
    return values.to_numpy(dtype=np.float64)


def along(design: Design, term: str) -> tuple[Array, Array]:
    """Values of a moderator over its range, or its levels, and the mean design row of all studies at each.

    Returns
    -------
    grid : Array, shape (101,), or a value for each level
        From the smallest to the largest value, or the positions of the levels.
    rows : Array, shape (grid.size, p)
        Mean over the studies of their design rows with the moderator set to the value.

    Raises
    ------
    ModelError
        When ``term`` is no moderator.
    """
    if term not in design.columns:
        hint = did_you_mean(term, design.columns, f"; there are {', '.join(design.columns) or 'none'}")
        raise ModelError(f"{term!r} is no moderator of this model{hint}")
    x = positions(design, term)
    grid = np.linspace(x.min(), x.max(), _LINE_POINTS)
    values: AnyArray = grid
    if term in design.levels:
        values = np.array(design.levels[term], dtype=object)
        grid = np.arange(values.size, dtype=np.float64)
    if len(design.columns) == 1:
        return grid, design.evaluated(pd.DataFrame({term: values}))
    rows = np.empty((grid.size, design.x.shape[1]))
    together = max(1, _ROWS // x.size)
    for start in range(0, grid.size, together):
        part = values[start : start + together]
        repeated = pd.concat([design.data] * part.size, ignore_index=True)
        repeated[term] = np.repeat(part, x.size)
        made = design.evaluated(repeated)
        rows[start : start + together] = made.reshape(part.size, x.size, -1).mean(axis=1)
    return grid, rows
